package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/refproxy/server"
)

// run runs a proxy until its context ends: what it needs is opened first, so that
// it says that it is ready when it is.
func (f *proxyFlags) run(cmd *cobra.Command) (err error) {
	ctx := cmd.Context()
	cfg, err := f.config(cmd)
	if err = cmp.Or(err, errors.Join(cfg.Validate(), cfg.CheckAddress(f.listen))); err != nil {
		return err
	}
	office, err := f.office.open(ctx, &cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, office.close()) }()
	office.uploads = f.to.uploads(cfg)
	if err := openFeatures(ctx, &cfg, f.flags, office.flags()); err != nil {
		return err
	}
	office.keepUp(ctx, cfg.Features.Run)
	l, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }() // Run has closed it, if it came to that
	said := map[string]any{"ready": true, "pid": os.Getpid(), "url": "http://" + l.Addr().String()}
	sayFlags(said, cfg.Features.Current().Settings())
	metrics, stop, err := observe(ctx, f.metrics, f.otlp, &cfg, said)
	if err != nil {
		return err
	}
	defer stop()
	log, err := logWith(&cfg, f.log, f.logArm)
	if err != nil {
		return err
	}
	s, err := server.New(cfg)
	if err != nil {
		return errors.Join(err, log.close(0))
	}
	defer s.Close()
	defer func() { err = errors.Join(err, log.close(s.Active())) }()
	metrics.watch(s, cfg.Clock)
	closePanel, err := office.operate(ctx, f.office, s, cfg, said, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer closePanel()
	s.Prepare(ctx)
	defer f.abortLate(cmd, s)()
	if err := json.NewEncoder(cmd.OutOrStdout()).Encode(said); err != nil {
		return fmt.Errorf("say that it is ready: %w", err)
	}
	return s.Run(ctx, l)
}

// operate has s use what the store holds, and serves the panel where one is wanted.
// The store is followed until ctx ends.
func (o *office) operate(ctx context.Context, f operateFlags, s *server.Server, cfg server.Config, said map[string]any, out io.Writer) (stop func(), err error) {
	credentials, err := o.follow(ctx, s, cfg)
	if err != nil || f.admin == "" {
		return func() {}, err
	}
	said["admin"], stop, err = o.serve(ctx, f, cfg, credentials, out)
	return stop, err
}
