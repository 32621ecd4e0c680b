package load_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/clock"
)

func TestAGoodRequestIsRecordedWhole(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 4)
	cfg.Warmup, cfg.NoControls = 2, "no time"
	cfg.Score = func(a load.Answered) func() load.Grade {
		if !a.Baseline || a.Answer.Text != "one two three" || a.Answer.Finish != "end_turn" || !strings.HasPrefix(a.Item.ID, "item-") {
			t.Errorf("%+v", a)
		}
		return func() load.Grade { return load.Grade{Quality: new(.5)} }
	}
	r := run(t, t.Context(), cfg)
	if len(r.Samples) != 6 || r.Stopped != "" || len(r.Warnings) != 0 {
		t.Fatalf("%d samples, stopped %q, warnings %q", len(r.Samples), r.Stopped, r.Warnings)
	}
	if h := r.Health; h.InFlight < 1 || h.InFlight > 4 || h.Memory <= h.MemoryHad/2 || h.MemoryHad == 0 {
		t.Errorf("%d in flight, %d bytes held, %d before", h.InFlight, h.Memory, h.MemoryHad)
	}
	if r.Header.NoControls != "no time" {
		t.Errorf("header %+v", r.Header)
	}
	for i, s := range r.Samples {
		if s.Seq != i || s.Warmup != (i < 2) || s.Outcome != sample.OK {
			t.Errorf("sample %d: %+v", i, s)
		}
		order := []int64{s.IntendedNS, s.SentNS, s.WrittenNS, s.FirstByteNS, s.HeadersNS, s.EventNS, s.TokenNS, s.LastNS, s.CloseNS}
		for k := 2; k < len(order); k++ {
			// The server may answer before WroteRequest is told.
			if order[k] <= 0 || k != 3 && order[k] < order[k-1] {
				t.Errorf("sample %d: instants out of order: %v", i, order)
			}
		}
		if s.SentNS < s.IntendedNS || s.TextNS != s.TokenNS {
			t.Errorf("sample %d: intended %d, sent %d, token %d, text %d", i, s.IntendedNS, s.SentNS, s.TokenNS, s.TextNS)
		}
		if s.Events != 3 || len(s.GapsNS) != 2 || s.Finish != "end_turn" || s.Status != 200 || s.Conn.Attempts != 1 || s.Conn.Protocol != "HTTP/1.1" {
			t.Errorf("sample %d: %+v", i, s)
		}
		if want := (sample.Usage{Input: 15, Output: 7, Cached: 3, Source: "usage"}); s.Usage != want {
			t.Errorf("sample %d: usage %+v, want %+v", i, s.Usage, want)
		}
		// printf 'one two three' | sha256sum
		if s.AnswerHash != "6899ee404683a14e" {
			t.Errorf("sample %d: answer hash %s", i, s.AnswerHash)
		}
		if (s.Quality != nil) == s.Warmup {
			t.Errorf("sample %d: quality %v, warm-up %v", i, s.Quality, s.Warmup)
		}
	}
	// A request may get the connection that another one's dial has made.
	if !slices.ContainsFunc(r.Samples, func(s sample.Sample) bool { return !s.Conn.Reused && s.Conn.ConnectNS > 0 }) {
		t.Errorf("nobody connected: %+v", r.Samples)
	}
}

func TestWhatGoesOut(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL+"/prefix/", 10)
	cfg.Arms = []load.Arm{load.Standing{ArmName: "baseline", At: load.Target{URL: s.URL + "/prefix/", Key: "sk-secret"}}}
	r := run(t, t.Context(), cfg)
	nonces := map[string]bool{}
	for _, sm := range r.Samples {
		nonces[sm.Nonce] = true
		if len(sm.Nonce) != 16 {
			t.Errorf("nonce %q", sm.Nonce)
		}
	}
	if len(nonces) != 10 {
		t.Errorf("%d nonces for 10 requests", len(nonces))
	}
	got := s.received()
	if len(got) != 10 {
		t.Fatalf("%d requests arrived", len(got))
	}
	for _, req := range got {
		for name := range req.header {
			if strings.Contains(strings.ToLower(name), "vegeta") {
				t.Errorf("header %s went out", name)
			}
		}
		if req.header.Get("X-Api-Key") != "sk-secret" || req.header.Get("Anthropic-Version") == "" || req.header.Get("Accept-Encoding") != "" {
			t.Errorf("headers %v", req.header)
		}
		found := false
		for nonce := range nonces {
			if strings.Contains(req.body, " nonce="+nonce+"] ") {
				delete(nonces, nonce)
				found = true
			}
		}
		if !found {
			t.Errorf("a nonce that is not recorded, or twice the same: %s", req.body)
		}
	}
}

func TestTwoArmsGetTheSameWork(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 7)
	cfg.Arms = []load.Arm{
		load.Standing{ArmName: "a", At: load.Target{URL: s.URL}},
		load.Standing{ArmName: "b", At: load.Target{URL: s.URL}},
	}
	cfg.Blocks, cfg.Warmup = 5, 2
	cfg.Schedule.Kind = schedule.Poisson
	r := run(t, t.Context(), cfg)
	type work struct {
		block, occurrence int
		item              string
		offset            int64
		warm              bool
	}
	per, nonces := map[string][]work{}, map[string]bool{}
	start := map[string]int64{}
	for i := range r.Samples {
		sm := &r.Samples[i]
		slot := fmt.Sprint(sm.Arm, sm.Block, sm.Warmup)
		if _, ok := start[slot]; !ok {
			start[slot] = sm.IntendedNS
		}
		per[sm.Arm] = append(per[sm.Arm], work{sm.Block, sm.Occurrence, sm.Item, sm.IntendedNS - start[slot], sm.Warmup})
		nonces[sm.Nonce] = true
	}
	if diff := cmp.Diff(per["a"], per["b"], cmp.AllowUnexported(work{})); diff != "" {
		t.Errorf("-a +b:\n%s", diff)
	}
	if len(nonces) != len(r.Samples) {
		t.Errorf("%d nonces for %d requests", len(nonces), len(r.Samples))
	}
	pairs := map[string]bool{}
	for _, w := range per["a"] {
		if key := fmt.Sprint(w.item, " ", w.occurrence); pairs[key] {
			t.Errorf("pair %s twice", key)
		} else {
			pairs[key] = true
		}
	}
	if r.Header.Design != sample.Interleaved || len(r.Slots) != 10 {
		t.Errorf("design %s, %d slots", r.Header.Design, len(r.Slots))
	}
}

func TestSlowAnswersDelayNoOtherStart(t *testing.T) {
	release := make(chan struct{})
	var waiting atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		open(w)
		if waiting.Add(1) == 40 {
			close(release) // only when all have arrived does anyone get an answer
		}
		<-release
		say(w, "x")
		finish(w)
	})
	cfg := config(t, s.URL, 40)
	r := run(t, t.Context(), cfg)
	if n := outcomes(r.Samples); n[sample.OK] != 40 {
		t.Errorf("outcomes %v: a start waited for an answer", n)
	}
}

func TestSlowProgressDelaysNothing(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 300)
	block := make(chan struct{})
	var once sync.Once
	cfg.Progress = func(p load.Progress) {
		if p.Stage == load.Loading && p.Done > 0 {
			once.Do(func() { <-block }) // hangs in the middle of the load
		}
	}
	ended := make(chan struct{})
	go func() {
		for len(s.received()) < 300 {
			time.Sleep(time.Millisecond)
		}
		close(block)
		close(ended)
	}()
	r := run(t, t.Context(), cfg)
	<-ended
	if n := outcomes(r.Samples); n[sample.OK] != 300 {
		t.Error(n)
	}
}

func TestClosedLoopKeepsItsWorkers(t *testing.T) {
	var now, peak atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
		}
		open(w)
		time.Sleep(2 * time.Millisecond)
		say(w, "x")
		now.Add(-1)
		finish(w)
	})
	cfg := config(t, s.URL, 30)
	cfg.Warmup = 5
	cfg.Schedule = schedule.Spec{Kind: schedule.Closed, Workers: 3, N: 30}
	r := run(t, t.Context(), cfg)
	if n := outcomes(r.Samples); n[sample.OK] != 35 {
		t.Error(n)
	}
	if peak.Load() != 3 {
		t.Errorf("%d requests at once, want 3", peak.Load())
	}
	for _, sm := range r.Samples {
		if sm.IntendedNS != sm.SentNS {
			t.Errorf("a closed loop intends what it sends: %d, %d", sm.IntendedNS, sm.SentNS)
		}
	}
	if !r.Health.ClosedLoop || r.Health.Lateness.N != 0 {
		t.Errorf("health %+v", r.Health)
	}
}

// A fakeArm counts its starts and fails as told.
type fakeArm struct {
	name     string
	url      string
	startErr error
	stopErr  error
	running  *atomic.Int32 // arms running now, shared
	starts   int
	stops    int
	log      *[]string
}

func (a *fakeArm) Name() string { return a.name }

func (a *fakeArm) Start(context.Context) (load.Target, error) {
	a.starts++
	*a.log = append(*a.log, a.name)
	if a.startErr != nil {
		return load.Target{}, a.startErr
	}
	if a.running.Add(1) != 1 {
		return load.Target{}, errors.New("two arms at once")
	}
	return load.Target{URL: a.url}, nil
}

func (a *fakeArm) Stop(context.Context) error {
	a.stops++
	if a.startErr == nil {
		a.running.Add(-1)
	}
	return a.stopErr
}

// CPU says 10 ms more each time it is asked.
func (a *fakeArm) CPU() (time.Duration, error) {
	return time.Duration(a.starts+a.stops) * 10 * time.Millisecond, nil
}

func pair(t testing.TB, cfg *load.Config, url string) (a, b *fakeArm) {
	t.Helper()
	running, log := new(atomic.Int32), new([]string)
	a = &fakeArm{name: "a", url: url, running: running, log: log}
	b = &fakeArm{name: "b", url: url, running: running, log: log}
	cfg.Arms = []load.Arm{a, b}
	cfg.About = []sample.Arm{{Restarted: true, Flags: map[string]bool{"f": true}}, {Restarted: true}}
	return a, b
}

func TestArmsRunOneAtATimeAndAreRestarted(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 3)
	cfg.Blocks = 6
	a, b := pair(t, &cfg, s.URL)
	r := run(t, t.Context(), cfg)
	if n := outcomes(r.Samples); n[sample.OK] != 36 {
		t.Error(n)
	}
	if a.starts != 6 || a.stops != 6 || b.starts != 6 || b.stops != 6 {
		t.Errorf("starts and stops: %d %d, %d %d", a.starts, a.stops, b.starts, b.stops)
	}
	for _, s := range r.Slots {
		if s.Restart != s.Block || s.Requests != 3 || s.Events != 9 || s.EndNS <= s.StartNS {
			t.Errorf("slot %+v", s)
		}
	}
	if first := strings.Count(strings.Join(*a.log, ""), "ab"); first == 0 {
		t.Errorf("order %v", *a.log)
	}
	if got := r.Header.Arms[0]; got.Name != "a" || !got.Restarted || !got.Flags["f"] {
		t.Errorf("header %+v", got)
	}
}

func TestADeadArmIsRecordedAndTheRunGoesOn(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 4)
	cfg.Blocks, cfg.Warmup = 2, 1
	_, b := pair(t, &cfg, s.URL)
	b.startErr = errors.New("exited with code 3\nat once")
	r := run(t, t.Context(), cfg)
	if len(r.Samples) != 20 || len(r.Slots) != 4 || r.Stopped != "" {
		t.Fatalf("%d samples, %d slots, stopped %q", len(r.Samples), len(r.Slots), r.Stopped)
	}
	for _, sm := range r.Samples {
		if sm.Arm == "a" && sm.Outcome != sample.OK {
			t.Errorf("the living arm: %+v", sm)
		}
		if sm.Arm == "b" && (sm.Outcome != sample.Refused || sm.Phase != sample.PhaseConnect || sm.SentNS != 0 || sm.IntendedNS == 0 ||
			sm.Message != "the arm did not start: exited with code 3 at once") {
			t.Errorf("the dead arm: %+v", sm)
		}
	}
	if b.stops != 2 {
		t.Errorf("a half-started arm was stopped %d times, want 2", b.stops)
	}
}

func TestAnArmThatDoesNotStopIsAWarning(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 2)
	cfg.Blocks = 3
	a, _ := pair(t, &cfg, s.URL)
	a.stopErr = errors.New("still there")
	r := run(t, t.Context(), cfg)
	if want := []string{"arm a: stop: still there"}; !cmp.Equal(r.Warnings, want) {
		t.Errorf("warnings %q", r.Warnings)
	}
}

func TestInterruptKeepsWhatThereIs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		open(w)
		say(w, "x")
		cancel()
		<-r.Context().Done()
	})
	cfg := config(t, s.URL, 50)
	cfg.Blocks = 4
	cfg.Schedule.PerSecond = 2 // the rest would take 25 s
	a, b := pair(t, &cfg, s.URL)
	r := run(t, ctx, cfg)
	if len(r.Samples) != 50 || !strings.HasPrefix(r.Stopped, "interrupted in block 1 of 4") {
		t.Fatalf("%d samples, stopped %q", len(r.Samples), r.Stopped)
	}
	if n := outcomes(r.Samples); n[sample.Aborted] != 50 {
		t.Error(n)
	}
	first, last := r.Samples[0], r.Samples[49]
	if first.TokenNS == 0 || first.Phase != sample.PhaseStream || first.Message != "the run was stopped" {
		t.Errorf("in flight: %+v", first)
	}
	if last.SentNS != 0 || last.Phase != sample.PhaseSchedule || last.IntendedNS < first.IntendedNS+int64(20*time.Second) {
		t.Errorf("never sent: %+v", last)
	}
	if a.starts+b.starts != 1 || a.stops+b.stops != 1 {
		t.Errorf("starts %d, stops %d", a.starts+b.starts, a.stops+b.stops)
	}
}

func TestInterruptLetsAnswersFinish(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		open(w)
		cancel()
		time.Sleep(20 * time.Millisecond)
		say(w, "x")
		finish(w)
	})
	cfg := config(t, s.URL, 1)
	cfg.Drain = 10 * time.Second
	r := run(t, ctx, cfg)
	if n := outcomes(r.Samples); n[sample.OK] != 1 || r.Stopped == "" {
		t.Errorf("%v, stopped %q", n, r.Stopped)
	}
}

func TestStopEndsTheRunAfterAWholeBlock(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 2)
	cfg.Blocks = 9
	pair(t, &cfg, s.URL)
	var seen []int
	cfg.Stop = func(blocks int, soFar *load.Result) load.Ending {
		seen = append(seen, len(soFar.Samples))
		if blocks != len(seen) || soFar.Health.Sent != len(soFar.Samples) {
			t.Errorf("after %d blocks: %d blocks, health of %d, samples %d", len(seen), blocks, soFar.Health.Sent, len(soFar.Samples))
		}
		if len(seen) == 3 {
			return load.Ending{Why: "no use"}
		}
		return load.Ending{}
	}
	r := run(t, t.Context(), cfg)
	if !cmp.Equal(seen, []int{4, 8, 12}) || len(r.Samples) != 12 || r.Stopped != "no use" || r.Look != 0 {
		t.Errorf("seen %v, %d samples, stopped %q, look %d", seen, len(r.Samples), r.Stopped, r.Look)
	}
}

// A run that was decided at a planned look has ended by its plan.
func TestALookEndsTheRunByItsPlan(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 2)
	cfg.Blocks = 4
	asked := 0
	cfg.Stop = func(blocks int, _ *load.Result) load.Ending {
		if asked++; blocks == 2 {
			return load.Ending{Look: 1}
		}
		return load.Ending{}
	}
	r := run(t, t.Context(), cfg)
	tr := r.Trailer(sample.Validity{})
	if len(r.Slots) != 2 || tr.Look != 1 || tr.Stopped != "" {
		t.Errorf("%d slots, trailer %+v", len(r.Slots), tr)
	}
	asked, cfg.Stop = 0, func(int, *load.Result) load.Ending { asked++; return load.Ending{} }
	if r = run(t, t.Context(), cfg); asked != 3 || len(r.Slots) != 4 || r.Look != 0 {
		t.Errorf("asked %d times in 4 blocks, %d slots, look %d: the last block is no look", asked, len(r.Slots), r.Look)
	}
}

// A control costs a part of the time: it gets the first requests of a block, at
// the instants at which the others start them.
func TestAControlGetsTheFirstRequestsOfABlock(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 8)
	cfg.Blocks, cfg.Warmup = 4, 1
	cfg.Schedule.Kind = schedule.Poisson
	whole := run(t, t.Context(), cfg).Header.Schedule
	for _, name := range []string{"candidate", "twin"} {
		cfg.Arms = append(cfg.Arms, load.Standing{ArmName: name, At: load.Target{URL: s.URL}})
	}
	cfg.About = []sample.Arm{{}, {}, {Role: sample.Twin, PerSlot: 3}}
	planned := 0
	cfg.Progress = func(p load.Progress) { planned = p.Planned }
	r := run(t, t.Context(), cfg)
	if h := r.Header; !cmp.Equal(h.Schedule, whole) || !cmp.Equal(h.Arms[2], sample.Arm{Name: "twin", Role: sample.Twin, PerSlot: 3}) {
		t.Errorf("schedule %+v, want that of the whole plan %+v; arms %+v", h.Schedule, whole, h.Arms)
	}
	if want := 4 * (8 + 8 + 3); planned != want || r.Health.Intended != want || len(r.Samples) != want+3*4 {
		t.Errorf("planned %d, intended %d, %d samples, want %d requests", planned, r.Health.Intended, len(r.Samples), want)
	}
	if tr := r.Trailer(sample.Validity{}); tr.Measured["twin"] != 12 || tr.Measured["candidate"] != 32 {
		t.Errorf("measured %v", tr.Measured)
	}
	slots := map[string][][]string{}
	starts := map[string]int64{}
	for _, slot := range r.Slots {
		starts[fmt.Sprint(slot.Arm, slot.Block)] = slot.StartNS
		if want := map[string]int{"baseline": 8, "candidate": 8, "twin": 3}[slot.Arm]; slot.Requests != want {
			t.Errorf("slot %+v: want %d requests", slot, want)
		}
		slots[slot.Arm] = append(slots[slot.Arm], nil)
	}
	for _, sm := range r.Samples {
		if !sm.Warmup {
			of := &slots[sm.Arm][sm.Block]
			*of = append(*of, fmt.Sprint(sm.Item, sm.Occurrence, sm.IntendedNS-starts[fmt.Sprint(sm.Arm, sm.Block)]))
		}
	}
	for b, all := range slots["baseline"] {
		if !cmp.Equal(slots["twin"][b], all[:3]) || !cmp.Equal(slots["candidate"][b], all) {
			t.Errorf("block %d: twin %v, candidate %v of %v", b, slots["twin"][b], slots["candidate"][b], all)
		}
	}
}

func TestAClosedLoopHasControlsToo(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 8)
	cfg.Schedule = schedule.Spec{Kind: schedule.Closed, Workers: 2, N: 8}
	cfg.About = []sample.Arm{{PerSlot: 5}}
	if r := run(t, t.Context(), cfg); len(r.Samples) != 5 {
		t.Errorf("%d samples, want 5", len(r.Samples))
	}
}

// truth tells writes at fixed distances for the nonces it is given.
type truth struct {
	s   *server
	err error
}

func (tr truth) UpstreamWrites(context.Context) (map[string][]int64, error) {
	writes := map[string][]int64{"someone else's": {1}}
	for _, req := range tr.s.received() {
		_, after, _ := strings.Cut(req.body, " nonce=")
		writes[after[:16]] = []int64{clock.Now(), clock.Now()}
	}
	return writes, tr.err
}

func TestUpstreamTruthIsJoined(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 5)
	cfg.Truth = truth{s: s}
	r := run(t, t.Context(), cfg)
	for _, sm := range r.Samples {
		if len(sm.UpstreamNS) != 2 || sm.UpstreamNS[0] < sm.SentNS || sm.UpstreamNS[0] > sm.SentNS+int64(time.Minute) {
			t.Errorf("sent %d, upstream wrote %v", sm.SentNS, sm.UpstreamNS)
		}
	}
	cfg.Truth = truth{s: s, err: errors.New("gone")}
	r = run(t, t.Context(), cfg)
	if len(r.Warnings) != 1 || r.Samples[0].UpstreamNS != nil {
		t.Errorf("warnings %q", r.Warnings)
	}
}

func TestHealthCountsTheRun(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 50)
	cfg.Blocks, cfg.Warmup = 2, 5
	r := run(t, t.Context(), cfg)
	h := r.Health
	if h.Intended != 100 || h.Sent != 100 || h.Dropped != 0 || h.Events != 300 || h.Lateness.N != 100 {
		t.Errorf("health %+v", h)
	}
	if h.Lateness.P50 < 0 || h.Lateness.P50 > h.Lateness.P99 || h.Lateness.P99 > h.Lateness.Max {
		t.Errorf("lateness %+v", h.Lateness)
	}
	if h.Canary.N == 0 || h.Window <= 0 || h.Cores < 1 || h.IntendedHz < 999 || h.IntendedHz > 1001 || h.AchievedHz <= 0 {
		t.Errorf("health %+v", h)
	}
	if arm := h.Arms["baseline"]; arm.Events != 300 || arm.Lateness != h.Lateness || arm.Window != h.Window {
		t.Errorf("arm %+v", arm)
	}
	if tr := r.Trailer(sample.Validity{}); tr.Measured["baseline"] != 100 || tr.Samples != 110 {
		t.Errorf("trailer %+v", tr)
	}
}

func TestProgressCountsUp(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 5)
	cfg.Blocks = 3
	var last load.Progress
	cfg.Progress = func(p load.Progress) {
		if p.Done < last.Done || p.Elapsed < last.Elapsed || p.Block < last.Block {
			t.Errorf("went back from %+v to %+v", last, p)
		}
		last = p
	}
	run(t, t.Context(), cfg)
	if last.Blocks != 3 || last.Block != 3 || last.Planned != 15 || last.Done < 10 || last.Stage != load.Stopping {
		t.Errorf("last %+v", last)
	}
}

func TestConfigReportsEveryProblem(t *testing.T) {
	_, err := load.Run(t.Context(), load.Config{
		Blocks: -1, Warmup: -1, Timeouts: load.Timeouts{Gap: -1},
		Arms:  []load.Arm{load.Standing{ArmName: "x"}, load.Standing{ArmName: "x"}},
		About: []sample.Arm{{PerSlot: -1}, {PerSlot: 1}},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"no items", "no dialect", "no model", "-1 blocks", "-1 warm-up", "timeout is negative", "two arms", "at least 1", "-1 requests in each turn", "1 requests in each turn of an arm: 0 to 0"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

func TestSecretHides(t *testing.T) {
	key := load.Target{URL: "http://x", Key: "sk-very-secret"}
	json, err := key.Key.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %q", key, key, key, key.Key, key.Key), key.Key.LogValue().String(), string(json)} {
		if strings.Contains(text, "secret") {
			t.Errorf("shown: %s", text)
		}
	}
}

// BenchmarkRequest is what a request of three tokens costs client and server
// together, eight at a time.
func BenchmarkRequest(b *testing.B) {
	s := serve(b, answer)
	const n = 2000
	cfg := config(b, s.URL, n)
	cfg.Schedule = schedule.Spec{Kind: schedule.Closed, Workers: 8, N: n}
	b.ReportAllocs()
	requests := 0
	for b.Loop() {
		r := run(b, b.Context(), cfg)
		if got := outcomes(r.Samples)[sample.OK]; got != n {
			b.Fatalf("%d of %d answered", got, n)
		}
		requests += n
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(requests), "ns/request")
}
