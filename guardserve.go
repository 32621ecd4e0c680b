package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/guard/watch"
)

// serveFlags are the command line of "firstbyte guard serve".
type serveFlags struct {
	policy, listen string
	every          time.Duration
	most           int
	live           liveFlags
}

const serveHelp = `Answers rollout controllers with the verdict on a canary's evidence so far:

  GET  /v1/verdict?name=NAME&revision=REV  the verdict (Argo Rollouts' web metric)
  POST /v1/flagger/confirm                 200 on PROMOTE alone (Flagger's hooks
                                           confirm-traffic-increase, confirm-promotion)
  POST /v1/flagger/rollback                200 on ROLLBACK alone (hook rollback)

The first question about a revision begins its watch. With --prometheus, {revision}
in --candidate stands for the revision asked about. HOLD and NO DATA are never
200 to Flagger; evidence that could not be had, or is old, is 503 to everyone.
Manifests for both controllers are in ci/canary/.

FIRSTBYTE_SERVE_TOKEN, if set, is the bearer token that questions must carry.`

const serveExample = `  firstbyte guard serve --prometheus http://prometheus:9090 --policy canary.yaml \
    --arm-label role --baseline stable --candidate canary
  firstbyte guard serve --baseline-log stable.run.jsonl --candidate-log canary.run.jsonl`

func newServeCmd() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "Answer Argo Rollouts and Flagger with verdicts",
		Long:    serveHelp,
		Example: serveExample,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runServe(cmd, f) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.policy, "policy", "", "policy file (default: the built-in policy)")
	fs.StringVar(&f.listen, "listen", "127.0.0.1:8420", "address to listen on")
	fs.DurationVar(&f.every, "every", 30*time.Second, "time between two looks")
	fs.IntVar(&f.most, "most", 16, "how many revisions are watched at once")
	f.live.add(fs)
	return cmd
}

func runServe(cmd *cobra.Command, f serveFlags) error {
	pol, err := anytimePolicy(f.policy)
	if err != nil {
		return err
	}
	open, err := f.live.opener()
	if err != nil {
		return err
	}
	first, err := open("", time.Now()) // a log that is not there is known now, not when a controller asks
	if err != nil {
		return err
	}
	closeSource(first)
	server, err := watch.NewServer(watch.ServerConfig{
		Source: func(c watch.Canary, since time.Time) (watch.Source, error) { return open(c.Revision, since) },
		Policy: pol, Every: f.every, Most: f.most, Token: os.Getenv("FIRSTBYTE_SERVE_TOKEN"),
		Log: slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil)),
	})
	if err != nil {
		return err
	}
	defer server.Close()
	listener, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", f.listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s (choose another --listen, or port 0 for a free one): %w", f.listen, errors.Unwrap(err))
	}
	if warning := openDoor(listener.Addr().String(), os.Getenv("FIRSTBYTE_SERVE_TOKEN")); warning != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), warning)
	}
	if err := json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{
		"ready": true, "url": "http://" + listener.Addr().String(), "pid": os.Getpid(),
	}); err != nil {
		return errors.Join(fmt.Errorf("say that it is ready: %w", err), listener.Close())
	}
	return serveUntil(cmd.Context(), listener, server)
}

// openDoor warns of an address that others reach and no token guards.
func openDoor(address, token string) string {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); token != "" || err == nil && ip != nil && ip.IsLoopback() {
		return ""
	}
	return "warning: whoever reaches " + address + " may read verdicts and start watches: set FIRSTBYTE_SERVE_TOKEN"
}

// serveUntil answers until ctx ends, and lets answers that are under way finish.
func serveUntil(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	stopped := make(chan error, 1)
	defer context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		stopped <- s.Shutdown(grace)
	})()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
