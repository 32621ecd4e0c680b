package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakegemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

const logScenario = `
name: quick
models: [m]
first_chunk: {median: 3ms}
gap: {median: 2ms}
output: {unit: words, per_chunk: 3, spread: 0.5, min_chunks: 4, max_chunks: 12}
fallback: {text: "Some text", length: {median: 200, sigma: 0.4}}
`

// loggingProxy runs a proxy with a request log in front of a simulated upstream.
// stop drains it and ends the log.
func loggingProxy(t *testing.T, path string) (url string, stop func() error) {
	t.Helper()
	scenario, err := fakegemini.ParseScenario([]byte(logScenario))
	if err != nil {
		t.Fatal(err)
	}
	fake, err := fakegemini.New(fakegemini.Config{Scenario: scenario, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	up := httptest.NewUnstartedServer(fake.Handler("upstream"))
	up.Config.Protocols = new(http.Protocols)
	up.Config.Protocols.SetUnencryptedHTTP2(true)
	up.Start()
	t.Cleanup(up.Close)
	cfg := server.Config{
		Upstream: upstream.Config{BaseURL: up.URL, H2C: true, Key: "up-key"},
		Keys:     server.NewKeys("caller-key"), Flags: feature.Flags{ConverterFastPath: true}, Log: slog.New(slog.DiscardHandler),
	}
	log, err := logWith(&cfg, path, "stable")
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, l) }()
	return "http://" + l.Addr().String(), func() error {
		cancel()
		return errors.Join(<-done, log.close(s.Active()))
	}
}

// ask sends one streamed request, reads the answer and returns its status.
func ask(t *testing.T, url, key, model, user string) int {
	t.Helper()
	body := fmt.Sprintf(`{"model":%q,"max_tokens":100,"stream":true,"metadata":{"user_id":%q},"messages":[{"role":"user","content":"a secret plan"}]}`, model, user)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/messages", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// TestRequestLog: the file can be followed while the proxy runs, is a whole run
// file after it, and holds when what happened but nothing that is secret.
func TestRequestLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "proxy.run.jsonl")
	url, stop := loggingProxy(t, path)
	follower, err := sample.Follow(path)
	if err != nil {
		t.Fatal(err)
	}
	defer follower.Close()
	for range 5 {
		ask(t, url, "caller-key", "m", "ann")
	}
	ask(t, url, "caller-key", "m", "bob")
	ask(t, url, "caller-key", "no-such-model", "bob")
	if status := ask(t, url, "wrong-key", "m", "mallory"); status != http.StatusUnauthorized {
		t.Fatalf("a caller without a key got %d", status)
	}
	for end := time.Now().Add(10 * time.Second); follower.Samples() < 7; time.Sleep(20 * time.Millisecond) {
		if _, err := follower.Next(); err != nil || time.Now().After(end) {
			t.Fatalf("%d samples to follow, %v", follower.Samples(), err)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	run, err := sample.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if h := run.Header; h.Source != "proxy" || h.Design != sample.Single || h.Arms[0].Name != "stable" || !h.Arms[0].Flags["ff_converter_fast_path"] || h.EpochNS <= 0 || !slices.Contains(h.Lacks, sample.Connect) {
		t.Errorf("%+v", h)
	}
	if v := run.Trailer.Validity; v.Grade != sample.Unknown || run.Trailer.Stopped != "" || len(run.Samples) != 7 {
		t.Errorf("%d samples, %+v", len(run.Samples), run.Trailer)
	}
	for _, s := range run.Samples[:6] {
		checkLogged(t, &s)
	}
	if a, b := run.Samples[0].Session, run.Samples[5].Session; a == "" || a != run.Samples[4].Session || a == b {
		t.Errorf("sessions %q and %q", a, b)
	}
	if s := run.Samples[6]; s.Outcome != sample.HTTP4xx || s.Status != 404 || s.TokenNS != 0 {
		t.Errorf("%+v", s)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"caller-key", "up-key", "ann", "bob", "mallory", "secret plan", "no-such-model"} {
		if strings.Contains(string(text), `"`+secret) || strings.Contains(string(text), secret+`"`) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if _, err := openRequestLog(path, "stable", new(server.Config)); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second log of the same name: %v", err)
	}
}

// checkLogged holds one successful request to the order of its life.
func checkLogged(t *testing.T, s *sample.Sample) {
	t.Helper()
	at := s.IntendedNS
	for i, next := range []int64{s.SentNS, s.UpstreamNS[0], s.FirstByteNS, s.EventNS, s.TokenNS, s.LastNS, s.CloseNS} {
		if next < at {
			t.Errorf("instant %d is %d, after %d: %+v", i, next, at, s)
		}
		at = next
	}
	if s.Outcome != sample.OK || s.Events < 2 || len(s.GapsNS) != s.Events-1 || len(s.UpstreamNS) != s.Events || s.Usage.Output == 0 || s.Finish != "end_turn" {
		t.Errorf("%+v", s)
	}
	if p := s.Proxy; p == nil || p.Attempts != 1 || p.Credential != "default" || !p.Flags["ff_converter_fast_path"] || p.RequestID == "" {
		t.Errorf("%+v", p)
	}
	written := s.TokenNS
	for i, arrived := range s.UpstreamNS {
		if i > 0 {
			written += s.GapsNS[i-1]
		}
		if arrived > written {
			t.Errorf("event %d was written %d ns before it arrived", i, arrived-written)
		}
	}
}

// TestLogOutcomes: what a request came to, as the log says it.
func TestLogOutcomes(t *testing.T) {
	l := &requestLog{epoch: time.Unix(100, 0), pace: 1}
	head := relay.Times{Head: time.Unix(102, 0)}
	token := relay.Times{Head: time.Unix(102, 0), Token: time.Unix(103, 0)}
	for _, c := range []struct {
		status int
		kind   chat.ErrorKind // KindInternal: none
		times  relay.Times
		want   sample.Outcome
	}{
		{200, 0, token, sample.OK},
		{200, 0, head, sample.Empty},
		{0, 0, token, sample.ResetStream},
		{200, chat.KindCanceled, token, sample.ResetStream},
		{0, chat.KindCanceled, relay.Times{}, sample.ResetBefore},
		{429, chat.KindRateLimit, relay.Times{}, sample.RateLimited},
		{529, chat.KindOverloaded, relay.Times{}, sample.Overloaded},
		{502, chat.KindNetwork, relay.Times{}, sample.HTTP5xx},
		{400, chat.KindInvalid, relay.Times{}, sample.HTTP4xx},
		{200, chat.KindTimeout, head, sample.SlowToken},
		{200, chat.KindTimeout, token, sample.SlowGap},
		{200, chat.KindEmpty, token, sample.ErrorEvent},
		{0, chat.KindUpstream, relay.Times{}, sample.ResetStream},
	} {
		o := relay.Outcome{Status: c.status, Times: c.times}
		o.Times.Begun, o.Times.Ended = time.Unix(101, 0), time.Unix(104, 0)
		if c.kind != chat.KindInternal {
			o.Err = &chat.Error{Kind: c.kind}
		}
		s := l.sample(&o)
		if s.Outcome != c.want || s.IntendedNS != 1e9 || s.CloseNS != 4e9 {
			t.Errorf("status %d, %v: %s, want %s", c.status, c.kind, s.Outcome, c.want)
		}
	}
}

// TestALogWithHoles is no whole evidence: nothing may be promoted by it.
func TestALogWithHoles(t *testing.T) {
	whole, holes := logTrailer(0), logTrailer(3)
	if whole.Stopped != "" || whole.Validity.Grade != sample.Unknown {
		t.Errorf("%+v", whole)
	}
	if holes.Stopped != "3 requests are not in the log" || holes.Validity.Grade != sample.Invalid || len(holes.Validity.Warnings) != 2 {
		t.Errorf("%+v", holes)
	}
}
