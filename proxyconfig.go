package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
	"github.com/firstbyte-dev/firstbyte/refproxy/media"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
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
	keys, errKeys := secret("FIRSTBYTE_PROXY_KEYS", "--keys-file", f.keysFile)
	policy, errMedia := media.ParsePolicy(f.media)
	if errMedia != nil {
		errMedia = fmt.Errorf("--media-urls: %w", errMedia)
	}
	if f.drain == 0 {
		f.drain = -1 // none; 0 would be the default
	}
	cfg := server.Config{
		Flags: flags, Keys: server.NewKeys(keys), NoAuth: f.noAuth, Aliases: aliases, Hold: f.hold, Drain: f.drain,
		Media: media.Config{Policy: policy, Allow: f.mediaHosts}, ShowReasoning: f.reasoning,
		Log: slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level})),
	}
	ctx := context.WithoutCancel(cmd.Context()) // a signal is for the proxy that runs
	return cfg, errors.Join(errLevel, errFlags, errEnv, errAlias, errKeys, errMedia, f.to.into(ctx, &cfg))
}
