package main

import (
	"context"
	"fmt"
	"os"

	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
)

// openFeatures puts the flags into cfg: what the environment says, else what was
// stored, else what the command line gives.
func openFeatures(ctx context.Context, cfg *server.Config, list string, stored feature.Backend) error {
	given, err := feature.ParseSettings(list)
	if err != nil {
		return fmt.Errorf("--flags: %w", err)
	}
	cfg.Features, err = feature.Open(ctx, feature.Config{
		Given: given, Environment: os.LookupEnv, Backend: stored, Clock: cfg.Clock, Log: cfg.Log,
	})
	if err != nil {
		return err
	}
	cfg.Flags = cfg.Features.Current().Whole()
	return nil
}

// sayFlags tells whoever reads the line of readiness which flags are on for every
// request, and which for a share of them.
func sayFlags(said map[string]any, settings map[string]feature.Setting) {
	whole, shares := map[string]bool{}, map[string]string{}
	for name, s := range settings {
		whole[name] = s.Percent == 100
		if s.Percent > 0 && s.Percent < 100 {
			shares[name] = s.String()
		}
	}
	said["flags"] = whole
	if len(shares) > 0 {
		said["shares"] = shares
	}
}
