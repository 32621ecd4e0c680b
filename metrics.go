package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/telemetry"
)

// observed hands what the relay says of a request to the metrics.
type observed struct{ metrics *telemetry.Metrics }

func (o observed) Began() { o.metrics.Began() }

func (o observed) Ended(out relay.Outcome) {
	r := telemetry.Request{
		Model: out.UpstreamModel, Arm: armOf(&out), Stream: out.Stream, Outcome: telemetry.OK,
		Full: out.Times.Ended.Sub(out.Times.Begun), FirstByte: -1, FirstToken: -1, Added: -1,
		Input: out.Usage.Input, Cached: out.Usage.Cached, Output: out.Usage.Output,
		Thoughts: out.DroppedThoughts, Calls: out.DroppedCalls, Truncated: truncated(&out),
	}
	for _, a := range out.Attempts {
		r.Attempts = append(r.Attempts, telemetry.Attempt{Class: a.Class, Retried: a.Retried, Slept: a.Slept})
	}
	if out.Trace != nil {
		r.Events = out.Trace.Written
	}
	if out.Err != nil {
		r.Outcome = out.Err.Kind.String()
	}
	if d, ok := out.Times.First(); ok {
		r.FirstByte = d
	}
	if d, ok := out.Times.FirstToken(); ok {
		r.FirstToken = d
	}
	if d, ok := out.Times.Added(); ok {
		r.Added = d
	}
	o.metrics.Ended(r)
}

// armOf is the candidate if a flag was on that is on for a part of the traffic
// alone. Of a request that was refused before it had flags it is none.
func armOf(o *relay.Outcome) telemetry.Arm {
	if o.Flags == nil {
		return ""
	}
	for name, share := range o.Shares {
		if o.Flags[name] && share > 0 && share < 1 {
			return telemetry.Candidate
		}
	}
	return telemetry.Baseline
}

// truncated reports whether a stream broke off after its head, and not because
// its caller left.
func truncated(o *relay.Outcome) bool {
	return o.Stream && o.Err != nil && o.Err.Kind != chat.KindCanceled && !o.Times.Head.IsZero()
}

// observe adds metrics to cfg, serves them at address, if there is one, and notes
// where; and it tells a collector of requests, if endpoint or the environment name
// one. stop ends both. Without an address the metrics are nil.
func observe(ctx context.Context, address, endpoint string, cfg *server.Config, said map[string]any) (m *metrics, stop func(), err error) {
	stopExport, err := exportTo(ctx, endpoint, cfg)
	if err != nil || address == "" {
		return nil, stopExport, err
	}
	m = &metrics{telemetry.New()}
	url, stopServing, err := serveMetrics(ctx, address, m.Metrics)
	if err != nil {
		stopExport()
		return nil, nil, err
	}
	cfg.Observers, cfg.Traced = append(cfg.Observers, observed{m.Metrics}), true
	said["metrics"] = url
	return m, func() { stopServing(); stopExport() }, nil
}

// metrics are a proxy's.
type metrics struct{ *telemetry.Metrics }

// watch adds what is asked of s at each scrape; nil metrics are not scraped. now
// is the clock of s.
func (m *metrics) watch(s *server.Server, now *clock.Scaled) {
	if m == nil {
		return
	}
	m.WatchCredentials(watchedPool{s.Pool(), now})
	m.WatchUpstream(watchedUpstream{s})
}

// serveMetrics serves /metrics on a loopback address until stop is called, and
// returns its URL. Metrics ask for no key, so they are this machine's alone.
func serveMetrics(ctx context.Context, address string, m *telemetry.Metrics) (url string, stop func(), err error) {
	if err := onLoopback(address); err != nil {
		return "", nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return "", nil, fmt.Errorf("cannot listen on %s (choose another --metrics, or port 0 for a free one): %w", address, errors.Unwrap(err))
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // ends by stop
	}()
	return "http://" + l.Addr().String() + "/metrics", func() { _ = s.Close(); <-done }, nil
}

func onLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("--metrics %q: want HOST:PORT, such as 127.0.0.1:9464", address)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--metrics %q: metrics are served without a key, so only to this machine: listen on 127.0.0.1", address)
}
