package admin_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
)

var serve = flag.Bool("serve", false, "serve a panel over invented traffic until standard input ends")

// TestServe serves a panel for a browser, over flags and credentials in memory
// and traffic that is made up, but follows the flags. It prints where it listens,
// the password and the admin key as a line of JSON.
func TestServe(t *testing.T) {
	if !*serve {
		t.Skip("not tested, and no test: it serves the panel for a look, by -serve")
	}
	log := live.NewLog(1000, slog.LevelInfo)
	w := newWorld(t, func(c *admin.Config) { c.Log = log })
	w.credentials.all = demoCredentials(time.Now())
	w.credentials.made = len(w.credentials.all)
	tellVerdicts(t, w)
	password, err := admin.Bootstrap(t.Context(), w.accounts)
	if err != nil || password == "" {
		t.Fatalf("password %q, %v", password, err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	made := make(chan struct{})
	go func() {
		defer close(made)
		invent(ctx, w, slog.New(log.Handler()))
	}()
	server := w.admin.Server()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	ready, _ := json.Marshal(map[string]string{"url": "http://" + listener.Addr().String(), "password": password, "key": adminKey})
	fmt.Printf("%s\n", ready)
	_, _ = io.Copy(io.Discard, os.Stdin)
	cancel()
	<-made
	if err := server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != http.ErrServerClosed {
		t.Error(err)
	}
}

// tellVerdicts does what a rollout would have done so far.
func tellVerdicts(t *testing.T, w *world) {
	t.Helper()
	for _, body := range []string{
		`{"percent":5,"expected":7,"who":"rollout","evidence":"sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}`,
		`{"percent":0,"expected":8,"who":"rollout","evidence":"error rate above its limit"}`,
	} {
		if got := w.api(t, "PUT", "/admin/flags/ff_retry_policy_v2", body); got.StatusCode != http.StatusOK {
			t.Fatal(got.body)
		}
	}
	for _, body := range []string{
		`{"flag":"ff_http2_pool_tuning","decision":"promote","reason":"first token P95 is better beyond doubt, all else is within its margin",
			"metric":"first_token_p95","effect":-0.183,"low":-0.221,"high":-0.142,"percent":5,"evidence":"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}`,
		`{"flag":"ff_converter_fast_path","decision":"hold","reason":"too few requests: some 2,400 more per arm are needed","metric":"first_token_p95","effect":0.01,"low":-0.06,"high":0.09,"percent":5}`,
		`{"flag":"ff_retry_policy_v2","decision":"rollback","reason":"error rate above its limit","metric":"error_rate","effect":0.42,"low":0.19,"high":0.71,"percent":5}`,
	} {
		if got := w.api(t, "POST", "/admin/verdicts", body); got.StatusCode != http.StatusOK {
			t.Fatal(got.body)
		}
	}
}

func demoCredentials(now time.Time) []admin.Credential {
	return []admin.Credential{
		{
			ID: "cr-1a2b", Label: "team account", Kind: "oauth", Weight: 1, InFlight: 3, Score: 3.42, Requests: 12_408, Failures: 31, Tokens: 8_120_455,
			Models: []admin.CredentialModel{
				{Model: "gemini-2.5-flash", RateLimited: .004, Failed: .001, FirstToken: 412 * time.Millisecond},
				{Model: "gemini-2.5-pro", RateLimited: .02, FirstToken: 1900 * time.Millisecond},
			},
			Errors: []admin.CredentialError{{At: now.Add(-4 * time.Minute), Model: "gemini-2.5-pro", Class: "rate", Message: "429 Resource has been exhausted; retry in 10 s"}},
		},
		{
			ID: "cr-3c4d", Label: "preview pool 1", Kind: "oauth", Preview: true, Weight: 2, InFlight: 1, Score: 5.1, Requests: 2210, Failures: 204, Tokens: 941_002,
			Models:    []admin.CredentialModel{{Model: "gemini-3-pro-preview", RateLimited: .31, Failed: .02, FirstToken: 18 * time.Second}},
			Cooldowns: []admin.Cooldown{{Model: "gemini-3-pro-preview", Until: now.Add(37 * time.Minute), Reason: "no capacity available"}},
			Errors: []admin.CredentialError{
				{At: now.Add(-20 * time.Second), Model: "gemini-3-pro-preview", Class: "capacity", Message: "No capacity available for model gemini-3-pro-preview on the server"},
				{At: now.Add(-50 * time.Second), Model: "gemini-3-pro-preview", Class: "rate", Message: "Please retry in 46.1s."},
			},
		},
		{
			ID: "cr-5e6f", Label: "preview pool 2", Kind: "oauth", Preview: true, Weight: 1, Score: 9.73, Requests: 118, Failures: 118,
			Disabled:  "the account must be verified",
			VerifyURL: "https://accounts.google.com/signin/continue?sarp=1&scc=1&continue=https%3A%2F%2Fdevelopers.google.com%2Fgemini-code-assist%2Fauth%2Fauth_success_gemini&plt=AKgnsbtQ9Vw3mT0aXz7rL5yK2hJ4dF6gS8pO1iU3eW5qN7bM9cV0xZ2lK4jH6gF8dS1aP3oI5uY7tR9eW&flowName=GlifWebSignIn&authuser",
		},
		{ID: "cr-7a8b", Label: "key of the batch jobs", Kind: "key", Weight: 1, Score: .2, Cooldowns: []admin.Cooldown{{Until: now.Add(14 * time.Hour), Reason: "daily quota used up"}}, Requests: 50_000, Failures: 12, Tokens: 22_000_000},
	}
}

// invent makes requests up until ctx ends: some forty a second, each assigned
// by the flags in force.
func invent(ctx context.Context, w *world, log *slog.Logger) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := 0; ctx.Err() == nil; i++ {
		state, _ := w.flags.Flags(ctx)
		r := inventOne(random, i, state)
		w.traffic.Began()
		w.traffic.Ended(r)
		if r.Outcome != live.OK {
			log.Warn("request failed", "request", r.ID, "class", r.Outcome, "status", r.Status, "model", r.Model)
		}
		if i%50 == 0 {
			log.Info("pool_select", "model", r.Model, "available", 3, "cooling", 1, "selected", "cr-1a2b", "score", 3.42)
		}
		if i%4 == 0 {
			time.Sleep(100 * time.Millisecond)
		}
	}
}

func inventOne(random *rand.Rand, i int, state admin.FlagState) live.Request {
	first := time.Duration(300+200*random.ExpFloat64()) * time.Millisecond
	r := live.Request{
		ID: fmt.Sprintf("req_%06x", i), Begun: time.Now().Add(-2 * first), Path: "/v1/messages", Model: "gemini-2.5-flash", Stream: true,
		Outcome: live.OK, Status: 200, Credential: "cr-1a2b", Assigned: map[string]live.Assignment{}, Input: 1200, Cached: 800, Output: 240,
		Asked: 2 * time.Millisecond,
	}
	for _, f := range state.Flags {
		on := random.Float64()*100 < f.Percent
		r.Assigned[f.Name] = live.Assignment{On: on, Unit: f.Unit, Share: f.Percent / 100}
		if on && f.Name == "ff_http2_pool_tuning" {
			first = first * 8 / 10
		}
	}
	r.Attempts = []live.Attempt{{At: r.Asked, Credential: "cr-1a2b"}}
	if random.Float64() < .05 {
		wait := time.Duration(200+random.IntN(900)) * time.Millisecond
		r.Attempts = []live.Attempt{
			{At: r.Asked, Credential: "cr-3c4d", Class: "capacity", Status: 429, Planned: wait, Slept: wait, Retried: true},
			{At: r.Asked + 80*time.Millisecond + wait, Credential: "cr-1a2b"},
		}
		first += wait + 80*time.Millisecond
	}
	r.FirstByte, r.FirstToken, r.Duration = first, first+40*time.Millisecond, first+2*time.Second
	if random.Float64() < .01 {
		r.Outcome, r.Status, r.Message = "overloaded", 529, "The model has no capacity; retry in 12 s."
		last := &r.Attempts[len(r.Attempts)-1]
		last.Class, last.Status = "capacity", 429
		r.FirstToken, r.Output = 0, 0
	}
	return r
}
