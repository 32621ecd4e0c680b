package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// config makes of the flags, the environment and the files they name what a proxy
// runs with.
func (f *proxyFlags) config(cmd *cobra.Command) (server.Config, error) {
	level, errLevel := slog.LevelWarn, error(nil)
	if level.UnmarshalText([]byte(f.logLevel)) != nil {
		errLevel = fmt.Errorf("--log-level %q: want debug, info, warn or error", f.logLevel)
	}
	given, errFlags := feature.Parse(f.flags)
	flags, errEnv := given.Override(os.LookupEnv)
	aliases, errAlias := server.ParseAliases(f.aliases)
	key, errKey := secret("GEMINI_API_KEY", "--upstream-key-file", f.keyFile)
	keys, errKeys := secret("FIRSTBYTE_PROXY_KEYS", "--keys-file", f.keysFile)
	roots, errCA := upstream.Roots(f.caFile)
	if err := errors.Join(errLevel, errFlags, errEnv, errAlias, errKey, errKeys, errCA); err != nil {
		return server.Config{}, err
	}
	if f.drain == 0 {
		f.drain = -1 // none; 0 would be the default
	}
	return server.Config{
		Upstream: upstream.Config{
			BaseURL: f.upstream, Key: upstream.Key(strings.TrimSpace(key)), UserAgent: "firstbyte-refproxy/" + version,
			RootCAs: roots, H2C: f.h2c,
		},
		Flags: flags, Keys: server.NewKeys(keys), NoAuth: f.noAuth, Aliases: aliases, Hold: f.hold, Drain: f.drain,
		Log: slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level})),
	}, nil
}
