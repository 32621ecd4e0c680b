package rollout_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/rollout"
	"github.com/firstbyte-dev/firstbyte/guard/watch"
)

// A world is a proxy with live flags, its traffic and its request log, on the clock
// of a synctest bubble. What it kills is the rollout alone.
type world struct {
	mu sync.Mutex // held by what comes by itself (later) and by what the rollout asks
	server
	flag   string
	hz     float64
	slower float64 // by which factor the flag slows the first token of its requests
	fails  float64 // share of its requests that fails beside those that do anyhow
	usual  float64 // share that fails anyhow
	lean   bool    // requests tell their first token alone

	rng     *rand.Rand
	zero    time.Time
	next    time.Time // when the next request comes
	samples []sample.Sample
	states  []state // from when on the server routed by what
	journal memory
	events  []rollout.Event

	points int // at which the rollout may be killed, so far
	killAt int // it is, at this one; 0: never
}

type state struct {
	from    time.Time
	percent float64
}

func newWorld(seed uint64, flag string, hz float64) *world {
	now := time.Now()
	w := &world{flag: flag, hz: hz, slower: 1, usual: .005, rng: rand.New(rand.NewPCG(seed, 7)), zero: now, next: now}
	w.State = rollout.State{Unit: "request"}
	w.states = []state{{from: now}}
	return w
}

type killed struct{ at int }

// point is an instant at which the process may be killed.
func (w *world) point() {
	if w.points++; w.points == w.killAt {
		panic(killed{w.points})
	}
}

func (w *world) Read(ctx context.Context) (rollout.State, error) {
	w.point()
	defer w.point()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.server.Read(ctx)
}

// later has f happen by itself after d.
func (w *world) later(d time.Duration, f func()) {
	time.AfterFunc(d, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		f()
	})
}

func (w *world) Set(ctx context.Context, c rollout.Change) error {
	w.point()
	defer w.point()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.arrive()
	err := w.server.Set(ctx, c)
	w.states = append(w.states, state{time.Now(), w.Percent})
	return err
}

// arrive makes the requests that have come until now, by what was in force.
func (w *world) arrive() {
	for ; w.next.Before(time.Now()); w.next = w.next.Add(time.Duration(w.rng.ExpFloat64() / w.hz * 1e9)) {
		w.samples = append(w.samples, w.request())
	}
}

func (w *world) request() sample.Sample {
	share := w.Percent / 100
	on := w.rng.Float64() < share
	first := 300e6 * math.Exp(.4*w.rng.NormFloat64())
	failing := w.usual
	if on {
		first *= w.slower
		failing += w.fails
	}
	at := int64(w.next.Sub(w.zero))
	s := sample.Sample{
		Seq: len(w.samples), Arm: "proxy", IntendedNS: at, SentNS: at, Status: 200, Outcome: sample.OK, Finish: "end_turn",
		Usage: sample.Usage{Input: 100, Output: 50, Source: "provider"}, Session: fmt.Sprint(len(w.samples) / 4),
		Proxy: &sample.ProxySaid{RequestID: fmt.Sprint(len(w.samples)), Flags: map[string]bool{w.flag: on}, Shares: map[string]float64{w.flag: share}},
	}
	s.FirstByteNS, s.HeadersNS, s.EventNS, s.TokenNS, s.TextNS = at+int64(first), at+int64(first), at+int64(first), at+int64(first), at+int64(first)
	s.LastNS, s.CloseNS, s.Events = s.TokenNS+1e9, s.TokenNS+1e9, 2
	s.GapsNS = []int64{1e9}
	if w.lean {
		s.GapsNS, s.FirstByteNS, s.HeadersNS, s.EventNS, s.TextNS, s.LastNS = nil, 0, 0, 0, 0, 0
	}
	if w.rng.Float64() < failing {
		s.Outcome, s.Status, s.Phase = sample.Overloaded, 503, "first_byte"
	}
	return s
}

func (w *world) Traffic(_ context.Context, since time.Time) (watch.Traffic, error) {
	w.point()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.arrive()
	t := watch.Traffic{
		Flag: w.flag, Zero: w.zero, BySession: w.Unit == "session",
		Header:   sample.Header{Schema: sample.Schema, Source: "proxy"},
		Validity: sample.Validity{Grade: sample.Unknown},
	}
	now := int64(time.Since(w.zero))
	for _, s := range w.samples {
		if s.CloseNS <= now && s.IntendedNS >= int64(since.Sub(w.zero)) {
			t.Samples = append(t.Samples, s)
		}
	}
	return t, nil
}

// A memory is a journal that outlives the rollout as a disk does: a record is on it
// or not, whatever the process knew.
type memory struct{ lines [][]byte }

func (w *world) Load() (records []rollout.Record, err error) {
	for _, line := range w.journal.lines {
		var r rollout.Record
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

func (w *world) Append(r rollout.Record) error {
	w.point()
	line, err := json.Marshal(r)
	w.journal.lines = append(w.journal.lines, line)
	w.point()
	return err
}

// config is a rollout of the world's flag in which looks are cheap.
func (w *world) config(design sample.Design) rollout.Config {
	return rollout.Config{
		Server: w, Source: w, Journal: w, Policy: thePolicy(), Flag: w.flag, Plan: rollout.Default(), Design: design,
		Unit: "request", Seed: 5, Every: 8 * time.Minute, StageMin: time.Minute, StageMax: 12 * time.Hour,
		Block: 3 * time.Minute, Washout: 20 * time.Second, Patience: 3,
		Tell: func(e rollout.Event) { w.events = append(w.events, e) },
	}
}

// thePolicy judges outcomes and the first token.
func thePolicy() policy.Policy {
	return policy.Policy{
		Name: "test", Alpha: .05, Mode: policy.Anytime, MinBlocks: 8, MinPairs: 100,
		SameWork: policy.SameWork{Tokens: .02, Finish: .01, Cached: .02, Quality: .02},
		Metrics: []policy.Metric{
			{Measure: policy.Success, Statistic: policy.Rate, Direction: policy.HigherIsBetter, Gating: true, Required: true, Tau: .01, Margin: .03},
			{Measure: policy.FirstToken, Statistic: policy.P50, Gating: true, Required: true, Tau: .05, Margin: .2},
		},
	}
}

// run runs the rollout until it ends or is killed.
func (w *world) run(t *testing.T, cfg rollout.Config) (out rollout.Outcome, dead bool, err error) {
	defer func() {
		if k := recover(); k != nil {
			if _, ok := k.(killed); !ok {
				panic(k)
			}
			dead = true
		}
	}()
	out, err = rollout.Run(t.Context(), cfg)
	return out, false, err
}

// stages are the percentages that the server routed by, in order, without turns back
// to 0 and forth.
func (w *world) stages() []int {
	var list []int
	for _, p := range w.asked {
		if p > 0 && (len(list) == 0 || list[len(list)-1] != p) {
			list = append(list, p)
		}
	}
	return list
}

func (w *world) decisions() map[judge.Decision]int {
	n := map[judge.Decision]int{}
	for _, e := range w.events {
		if e.Kind == rollout.Looked {
			n[e.Decision]++
		}
	}
	return n
}
