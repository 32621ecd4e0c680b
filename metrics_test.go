package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/retry"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/telemetry"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// breaking answers the first request with a 503, and every later one with two
// events, usage and all, and a connection that breaks.
func breaking(t *testing.T) *httptest.Server {
	t.Helper()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"error":{"code":503,"status":"UNAVAILABLE","message":"not now"}}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 2 {
			fmt.Fprintf(w, "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"word \"}]}}],\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":%d}}\r\n\r\n", i+6)
			_ = http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(s.Close)
	return s
}

// TestABrokenStream: what an upstream had counted before it broke a stream off is
// in the run file and in the metrics, the stream is known as broken, and so are
// the attempt before it and the wait between the two.
func TestABrokenStream(t *testing.T) {
	path := filepath.Join(t.TempDir(), "proxy.run.jsonl")
	fast, err := clock.NewScaled(100, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	policy := retry.Default()
	cfg := server.Config{
		Upstream: upstream.Config{BaseURL: breaking(t).URL, Key: "up-key"}, Clock: fast, Retry: &policy,
		Keys: server.NewKeys("caller-key"), Flags: feature.Flags{RetryPolicyV2: true}, Log: slog.New(slog.DiscardHandler),
	}
	m := &metrics{telemetry.New()}
	cfg.Observers = append(cfg.Observers, observed{m.Metrics})
	log, err := logWith(&cfg, path, "stable")
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m.watch(s, cfg.Clock)
	front := httptest.NewServer(s)
	defer front.Close()
	ask(t, front.URL, "caller-key", "m", "ann")
	if err := log.close(s.Active()); err != nil {
		t.Fatal(err)
	}
	checkBroken(t, path)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`firstbyte_proxy_truncated_streams_total{arm="baseline"} 1`,
		`firstbyte_proxy_failed_tokens_total{arm="baseline",type="output"} 7`,
		`firstbyte_proxy_retries_total{arm="baseline",class="upstream"} 1`,
		`firstbyte_proxy_credentials{state="ready"} 1`,
		`firstbyte_proxy_credential_in_flight{credential="default"} 0`,
		`firstbyte_proxy_upstream_connections_opened_total `,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no line %s in\n%s", want, w.Body.String())
		}
	}
}

func checkBroken(t *testing.T, path string) {
	t.Helper()
	run, err := sample.Read(path)
	if err != nil || len(run.Samples) != 1 || run.Header.ClockScale != 100 {
		t.Fatalf("%v, %+v", err, run)
	}
	got := run.Samples[0]
	if got.Outcome == sample.OK || got.Phase != sample.PhaseStream || got.TokenNS == 0 || got.Usage.Output != 7 || got.Usage.Input != 10 {
		t.Errorf("%+v", got)
	}
	said := got.Proxy
	if said.Attempts != 2 || len(said.Tries) != 2 || said.Pool != sample.PoolGeneral || !said.Flags["ff_retry_policy_v2"] || said.Shares["ff_retry_policy_v2"] != 1 {
		t.Fatalf("%+v", said)
	}
	first, second := said.Tries[0], said.Tries[1]
	if first.Class != "upstream" || first.Status != 503 || first.EndNS < first.AtNS || second.AtNS < first.EndNS || second.Class == "" || first.Pool != sample.PoolGeneral {
		t.Errorf("%+v\n%+v", first, second)
	}
	if first.SleptNS < first.PlannedNS || said.WaitNS != first.SleptNS || second.SleptNS != 0 {
		t.Errorf("planned %d, slept %d, in all %d", first.PlannedNS, first.SleptNS, said.WaitNS)
	}
}

// TestDocumentedMetrics: docs/telemetry.md names the metrics that there are, and
// no others.
func TestDocumentedMetrics(t *testing.T) {
	text, err := os.ReadFile("docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		documented["firstbyte_proxy_"+row[1]] = true
	}
	m := telemetry.New()
	pool := credential.New(credential.Config{})
	defer func() { _ = pool.Close(t.Context()) }()
	pool.Set([]credential.Credential{{ID: "c", Weight: 1}})
	m.WatchCredentials(watchedPool{pool, nil})
	m.WatchUpstream(noConnections{})
	m.Began()
	m.Ended(telemetry.Request{
		Model: "m", Stream: true, Outcome: telemetry.OK, Events: []time.Duration{0, 1},
		Attempts: []telemetry.Attempt{{Class: "rate", Retried: true}, {}},
	})
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	found := map[string]bool{}
	for _, line := range regexp.MustCompile("(?m)^# TYPE (firstbyte_[a-z_]+) ").FindAllStringSubmatch(w.Body.String(), -1) {
		found[line[1]] = true
	}
	if diff := cmp.Diff(found, documented); diff != "" {
		t.Errorf("-there is +documented\n%s", diff)
	}
}

type noConnections struct{}

func (noConnections) Connections() telemetry.Connections { return telemetry.Connections{} }

// TestArmOf: a request is the candidate's by the flags that are on for a part of
// the traffic alone.
func TestArmOf(t *testing.T) {
	on, off := map[string]bool{"ff_a": true, "ff_b": true}, map[string]bool{"ff_a": true}
	for _, c := range []struct {
		flags  map[string]bool
		shares map[string]float64
		want   telemetry.Arm
	}{
		{nil, nil, ""},
		{off, nil, telemetry.Baseline},
		{on, map[string]float64{"ff_a": 1, "ff_b": 1}, telemetry.Baseline},
		{on, map[string]float64{"ff_a": 1, "ff_b": .05}, telemetry.Candidate},
		{off, map[string]float64{"ff_a": 1, "ff_b": .05}, telemetry.Baseline},
	} {
		if got := armOf(&relay.Outcome{Flags: c.flags, Shares: c.shares}); got != c.want {
			t.Errorf("%v of %v is %q, want %q", c.flags, c.shares, got, c.want)
		}
	}
}
