package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// proxyFlags are the command's flags as given.
type proxyFlags struct {
	listen, upstream, caFile, keyFile, keysFile string
	flags, logLevel, metrics                    string
	aliases                                     []string
	hold, drain                                 time.Duration
	h2c, noAuth, withParent                     bool
}

func newProxyCmd() *cobra.Command {
	var f proxyFlags
	cmd := &cobra.Command{
		Use:   "proxy",
		Short: "Run the reference proxy: Anthropic in, Gemini out",
		Long: `Proxy answers the Anthropic Messages API out of the Gemini API.

GEMINI_API_KEY holds the upstream's key, FIRSTBYTE_PROXY_KEYS the callers' keys,
separated by commas. When it listens it prints one line of JSON with its URL.
An interrupt lets running answers finish; a second one cuts them.`,
		Example: "  GEMINI_API_KEY=... FIRSTBYTE_PROXY_KEYS=... firstbyte proxy --model-alias claude-sonnet-4-5=gemini-2.5-pro",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.listen, "listen", "127.0.0.1:8787", "address to listen on; port 0 takes a free one")
	fs.StringVar(&f.upstream, "upstream", upstream.DefaultBaseURL, "base URL of the Gemini API")
	fs.StringVar(&f.caFile, "upstream-ca-file", "", "certificates to trust for the upstream besides the system's, PEM")
	fs.StringVar(&f.keyFile, "upstream-key-file", "", "file with the upstream's key (default: GEMINI_API_KEY)")
	fs.BoolVar(&f.h2c, "upstream-h2c", false, "speak HTTP/2 without TLS to an http:// upstream")
	fs.StringVar(&f.flags, "flags", "all-off", "feature flags: all-off, all-on, or names out of "+strings.Join(feature.Names(), ", ")+"; FF_... in the environment wins")
	fs.StringArrayVar(&f.aliases, "model-alias", nil, "NAME=UPSTREAM-MODEL, repeatable")
	fs.DurationVar(&f.hold, "hold", 10*time.Second, "how long a streamed answer is held back for a real status")
	fs.DurationVar(&f.drain, "drain", 10*time.Second, "how long running answers may go on after a stop")
	fs.StringVar(&f.keysFile, "keys-file", "", "file with the callers' keys, one a line (default: FIRSTBYTE_PROXY_KEYS)")
	fs.BoolVar(&f.noAuth, "no-auth", false, "serve this machine without keys")
	fs.BoolVar(&f.withParent, "with-parent", false, "stop at once when standard input ends")
	fs.StringVar(&f.metrics, "metrics", "", "loopback address to serve /metrics on, for Prometheus; port 0 takes a free one")
	fs.StringVar(&f.logLevel, "log-level", "warn", "debug, info, warn or error; the log goes to standard error, as JSON")
	return cmd
}

func (f *proxyFlags) run(cmd *cobra.Command) error {
	cfg, err := f.config(cmd)
	if err != nil {
		return err
	}
	if err := cfg.CheckAddress(f.listen); err != nil {
		return err
	}
	said := map[string]any{"ready": true, "pid": os.Getpid(), "flags": cfg.Flags.Map()}
	stop, err := observe(cmd.Context(), f.metrics, &cfg, said)
	if err != nil {
		return err
	}
	defer stop()
	s, err := server.New(cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	l, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", f.listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s (choose another --listen, or port 0 for a free one): %w", f.listen, errors.Unwrap(err))
	}
	s.Prepare(cmd.Context())
	defer f.abortLate(cmd, s)()
	said["url"] = "http://" + l.Addr().String()
	if err := json.NewEncoder(cmd.OutOrStdout()).Encode(said); err != nil {
		return errors.Join(fmt.Errorf("say that it is ready: %w", err), l.Close())
	}
	return s.Run(cmd.Context(), l)
}

// abortLate cuts the drain short at a second signal, and at the end of standard
// input with --with-parent. It returns what ends the watch.
func (f *proxyFlags) abortLate(cmd *cobra.Command, s *server.Server) (stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for n := 1; n < 3; n++ {
			if _, more := <-signals; !more {
				return
			}
		}
		s.Abort()
	}()
	if f.withParent {
		context.AfterFunc(untilEOF(cmd.Context(), cmd.InOrStdin()), func() {
			if cmd.Context().Err() == nil {
				s.Abort()
			}
		})
	}
	return func() { signal.Stop(signals); close(signals) }
}

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
