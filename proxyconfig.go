package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/clock"
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
	scaled, errClock := scaledClock(f.clock)
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
		Clock: scaled, Keys: server.NewKeys(keys), NoAuth: f.noAuth, Aliases: aliases, Hold: f.hold, Drain: f.drain,
		Media: media.Config{Policy: policy, Allow: f.mediaHosts}, ShowReasoning: f.reasoning,
		Log: slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level})),
	}
	ctx := context.WithoutCancel(cmd.Context()) // a signal is for the proxy that runs
	return cfg, errors.Join(
		errLevel, errClock, errAlias, errKeys, errMedia, f.again.into(&cfg), f.to.into(ctx, &cfg, f.office.keeps()),
	)
}

// scaledClock reads --clock; nil is the machine's.
func scaledClock(text string) (*clock.Scaled, error) {
	if text == "" || text == "1" {
		return nil, nil
	}
	c, err := clock.ParseScaled(text)
	if err != nil {
		return nil, fmt.Errorf("--clock: %w", err)
	}
	return c, nil
}
