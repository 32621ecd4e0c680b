package load_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
)

// planned is what of a sample the plan decides, all of a run's machines alike.
type planned struct {
	Seq, Block, Occurrence int
	Arm, Item, Nonce       string
	Warmup                 bool
	IntendedNS             int64
}

func plannedOf(samples []sample.Sample) map[int]planned {
	all := map[int]planned{}
	for _, s := range samples {
		all[s.Seq] = planned{s.Seq, s.Block, s.Occurrence, s.Arm, s.Item, s.Nonce, s.Warmup, s.IntendedNS}
	}
	return all
}

// TestShardsSendThePlanOfOneMachine runs two blocks of two arms whole and in three
// shards: together the shards send just what the one machine does, each request
// with its item, its nonce and its instant.
func TestShardsSendThePlanOfOneMachine(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 8)
	cfg.Arms = append(cfg.Arms, load.Standing{ArmName: "candidate", At: load.Target{URL: s.URL}})
	cfg.Blocks, cfg.Warmup = 2, 4
	cfg.Schedule = schedule.Spec{Kind: schedule.Poisson, PerSecond: 400, N: 8}
	cfg.Shard = load.Shard{Start: time.Now().Add(300 * time.Millisecond), Gap: 30 * time.Millisecond}
	whole := run(t, t.Context(), cfg)
	if len(whole.Samples) != 48 || whole.Header.Shard != nil || len(whole.Header.Shards) != 1 || whole.Header.Shards[0].Clock.Unknown == "" {
		t.Fatalf("%d samples, header %+v", len(whole.Samples), whole.Header)
	}
	// The same start again is the past; another makes other nonces and nothing else.
	cfg.Shard.Start = time.Now().Add(300 * time.Millisecond)
	type done struct {
		r   *load.Result
		err error
	}
	results := make(chan done)
	for i := range 3 {
		part := cfg
		part.Shard.Index, part.Shard.Of = i, 3
		go func() {
			r, err := load.Run(t.Context(), part)
			results <- done{r, err}
		}()
	}
	got := map[int]planned{}
	for range 3 {
		d := <-results
		if d.err != nil {
			t.Fatal(d.err)
		}
		h := d.r.Header
		if h.Shard == nil || h.Shard.Of != 3 || !cmp.Equal(h.Schedule, whole.Header.Schedule) || h.Shard.StartAt == "" || len(d.r.Slots) != 4 {
			t.Errorf("header %+v, %d slots", h, len(d.r.Slots))
		}
		for seq, p := range plannedOf(d.r.Samples) {
			if _, twice := got[seq]; twice {
				t.Errorf("request %d was sent twice", seq)
			}
			got[seq] = p
		}
		for _, s := range d.r.Samples {
			if s.Outcome != sample.OK || s.SentNS < s.IntendedNS {
				t.Errorf("sample %+v", s)
			}
		}
	}
	want := plannedOf(whole.Samples)
	nonces := map[string]bool{}
	for seq, p := range got {
		if nonces[p.Nonce] || p.Nonce == want[seq].Nonce {
			t.Errorf("nonce %s of request %d is not its own", p.Nonce, seq)
		}
		nonces[p.Nonce] = true
		p.Nonce = want[seq].Nonce
		got[seq] = p
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("whole and shards differ:\n%s", diff)
	}
}

func TestAShardThatCannotBeIsRefused(t *testing.T) {
	soon := time.Now().Add(time.Hour)
	for name, test := range map[string]struct {
		shard load.Shard
		want  string
	}{
		"no such shard":  {load.Shard{Index: 3, Of: 3, Start: soon}, "count from 0 to 2"},
		"no start":       {load.Shard{Index: 0, Of: 3}, "common start"},
		"too many":       {load.Shard{Index: 0, Of: 9, Start: soon}, "at least one"},
		"negative pause": {load.Shard{Start: soon, Gap: -1}, "negative"},
	} {
		cfg := config(t, "http://127.0.0.1:1", 8)
		cfg.Shard = test.shard
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	closed := config(t, "http://127.0.0.1:1", 8)
	closed.Schedule = schedule.Spec{Kind: schedule.Closed, Workers: 2, N: 8}
	closed.Shard = load.Shard{Of: 2, Start: soon}
	if err := closed.Validate(); err == nil || !strings.Contains(err.Error(), "closed loop") {
		t.Errorf("closed loop: %v", err)
	}
	late := config(t, "http://127.0.0.1:1", 8)
	late.Shard = load.Shard{Of: 2, Start: time.Now().Add(-time.Second)}
	if _, err := load.Run(t.Context(), late); !errors.Is(err, load.ErrStartPassed) {
		t.Errorf("a start that has passed: %v", err)
	}
}

// TestAShardThatIsStoppedWaitingSendsNothing holds that the wait for the start can
// be interrupted, and that the requests still leave records.
func TestAShardThatIsStoppedWaitingSendsNothing(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 8)
	cfg.Shard = load.Shard{Of: 2, Start: time.Now().Add(time.Hour)}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r := run(t, ctx, cfg)
	if len(s.received()) != 0 || r.Stopped == "" || outcomes(r.Samples)[sample.Aborted] != 4 {
		t.Errorf("%d requests, stopped %q, %v", len(s.received()), r.Stopped, outcomes(r.Samples))
	}
}
