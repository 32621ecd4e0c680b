package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
)

// proxyFlags are the command's flags as given.
type proxyFlags struct {
	to                                    upstreamFlags
	office                                operateFlags
	again                                 retryFlags
	listen, keysFile, media               string
	flags, logLevel, metrics, log, logArm string
	otlp, clock                           string
	aliases, mediaHosts                   []string
	hold, drain                           time.Duration
	noAuth, withParent, reasoning         bool
}

func newProxyCmd() *cobra.Command {
	var f proxyFlags
	cmd := &cobra.Command{
		Use:   "proxy",
		Short: "Run the reference proxy: Anthropic, OpenAI and Gemini in, Gemini out",
		Long: `Proxy answers the APIs of Anthropic (Messages), OpenAI (Chat Completions,
Responses) and Gemini out of Gemini models, which it reaches in one of three ways
(--upstream-kind): the Gemini API with a key (GEMINI_API_KEY), Vertex AI with a
service account's file or this machine's credentials, Code Assist with a
credential file that holds an OAuth client of your own.

FIRSTBYTE_PROXY_KEYS holds the callers' keys, separated by commas. When it
listens it prints one line of JSON with its URL. An interrupt lets running
answers finish; a second one cuts them.

The end of a model's name can ask for more: -max, -high, -medium, -low, -minimal
or -nothinking for the amount of reasoning, -search for Google Search.

With --log it writes a run file with a record of every request that ended: when
what happened, tokens and outcome, no key and no word of the conversation. The
file grows while the proxy runs and is whole once it has stopped in order.`,
		Example: "  GEMINI_API_KEY=... FIRSTBYTE_PROXY_KEYS=... firstbyte proxy --model-alias 'claude-*=gemini-2.5-pro'",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.listen, "listen", "127.0.0.1:8787", "address to listen on; port 0 takes a free one")
	f.to.register(fs)
	f.office.register(fs)
	f.again.register(fs)
	fs.StringVar(&f.flags, "flags", "all-off", "feature flags: all-off, all-on, or names out of "+strings.Join(feature.Names(), ", ")+", each also for a share: NAME=20% of requests or NAME=20%/session; FF_... in the environment wins")
	fs.StringVar(&f.clock, "clock", "1", "how many times as fast waits, cooldowns and time limits pass, for simulations: FACTOR or FACTOR@UNIX-SECONDS, as the simulated upstream's")
	fs.StringArrayVar(&f.aliases, "model-alias", nil, "NAME=UPSTREAM-MODEL, repeatable; NAME may end in *; NAME=NAME takes a name as it is, suffix and all")
	fs.StringVar(&f.media, "media-urls", "fetch", "files that a request names by URL: fetch them, pass the URL on, or reject the request")
	fs.StringArrayVar(&f.mediaHosts, "media-allow-host", nil, "HOST or HOST:PORT to fetch files from whatever its address, also without TLS; repeatable")
	fs.BoolVar(&f.reasoning, "reasoning-content", false, "show reasoning to callers of Chat Completions, as reasoning_content")
	fs.DurationVar(&f.hold, "hold", 10*time.Second, "how long a streamed answer is held back for a real status")
	fs.DurationVar(&f.drain, "drain", 10*time.Second, "how long running answers may go on after a stop")
	fs.StringVar(&f.keysFile, "keys-file", "", "file with the callers' keys, one a line (default: FIRSTBYTE_PROXY_KEYS)")
	fs.BoolVar(&f.noAuth, "no-auth", false, "serve this machine without keys")
	fs.BoolVar(&f.withParent, "with-parent", false, "stop at once when standard input ends")
	fs.StringVar(&f.metrics, "metrics", "", "loopback address to serve /metrics on, for Prometheus; port 0 takes a free one")
	fs.StringVar(&f.otlp, "otlp-endpoint", "", "URL of an OpenTelemetry collector that takes OTLP over HTTP, such as http://127.0.0.1:4318 (default: OTEL_EXPORTER_OTLP_ENDPOINT)")
	fs.StringVar(&f.logLevel, "log-level", "warn", "debug, info, warn or error; the log goes to standard error, as JSON")
	fs.StringVar(&f.log, "log", "", "run file to write every request to; {start} in its name is the time")
	fs.StringVar(&f.logArm, "log-arm", "proxy", "name of this proxy in that file")
	cmd.AddCommand(newResetPasswordCmd())
	return cmd
}

func (f *proxyFlags) open(ctx context.Context) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s (choose another --listen, or port 0 for a free one): %w", f.listen, errors.Unwrap(err))
	}
	return l, nil
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
