package load

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
)

// paced runs n starts through p on a virtual clock, each of which finds its worker
// when free says, and returns when they were let go, in milliseconds.
func paced(p *pacer, n int, free func(hit int) time.Duration) []int64 {
	begin := time.Now()
	p.starts = n
	p.now = func() int64 { return int64(time.Since(begin)) }
	p.until = func(at int64) error { time.Sleep(time.Duration(at - p.now())); return nil }
	var went []int64
	for hit := range n {
		if _, stop := p.Pace(0, uint64(hit)); stop {
			break
		}
		if at := free(hit); at > time.Duration(p.now()) {
			time.Sleep(at - time.Duration(p.now())) // vegeta waits for a worker
		}
		went = append(went, p.now()/1e6)
	}
	return went
}

func TestPacingOnAVirtualClock(t *testing.T) {
	const ms = time.Millisecond
	for _, row := range []struct {
		name string
		p    pacer
		free []time.Duration // of a worker for each start; missing: at once
		want []int64
	}{
		{"planned starts are kept", pacer{at: []int64{0, 3e6, 3e6, 50e6}}, nil, []int64{0, 3, 3, 50}},
		{"a late start delays no other", pacer{at: []int64{0, 3e6, 4e6, 50e6}}, []time.Duration{0, 30 * ms}, []int64{0, 30, 30, 50}},
		{"a closed loop does not wait", pacer{}, []time.Duration{0, 1 * ms, 9 * ms}, []int64{0, 1, 9, 9}},
		{"a bound spaces the starts", pacer{gap: 10e6}, nil, []int64{0, 10, 20, 30}},
		{"busy workers space them more", pacer{gap: 10e6}, []time.Duration{0, 35 * ms, 36 * ms}, []int64{0, 35, 36, 45}},
		{"a little lateness is made up for", pacer{gap: 10e6}, []time.Duration{0, 14 * ms, 0}, []int64{0, 14, 20, 30}},
	} {
		synctest.Test(t, func(t *testing.T) {
			got := paced(&row.p, len(row.want), func(hit int) time.Duration {
				if hit < len(row.free) {
					return row.free[hit]
				}
				return 0
			})
			if !slices.Equal(got, row.want) {
				t.Errorf("%s: %v, want %v", row.name, got, row.want)
			}
		})
	}
}

func TestAPacerEndsWithItsRun(t *testing.T) {
	gone := errors.New("gone")
	p := pacer{starts: 3, now: func() int64 { return 0 }, until: func(int64) error { return gone }}
	if _, stop := p.Pace(0, 0); !stop || !errors.Is(p.err, gone) {
		t.Errorf("goes on after %v", p.err)
	}
}

// whole is a Config that Validate takes.
func whole(seed uint64, blocks, perSlot int) Config {
	cfg := *planConfig(seed, 2, blocks, perSlot, 9)
	cfg.Set.Name, cfg.Dialect, cfg.Model = "nine", dialect.Anthropic{}, "m"
	return cfg
}

// TestAListedPlanIsThePlan holds that what is written down and read again is sent
// as if it had been drawn.
func TestAListedPlanIsThePlan(t *testing.T) {
	cfg := whole(3, 2, 12)
	entries, err := Plan(cfg)
	if err != nil || len(entries) != 24 || entries[12].Block != 1 || entries[0].Arm != schedule.AllArms {
		t.Fatalf("%v, %d entries", err, len(entries))
	}
	again := whole(99, 2, 12)
	again.Listed, again.Schedule = entries, schedule.Spec{Kind: schedule.Listed, N: 12}
	if err := again.Validate(); err != nil {
		t.Fatal(err)
	}
	drawn, listed := newPlan(&cfg), newPlan(&again)
	if drawn.hash != listed.hash {
		t.Error("the listed plan has another hash than the drawn one")
	}
	for b := range drawn.blocks {
		if !slices.Equal(drawn.blocks[b].offsets, listed.blocks[b].offsets) {
			t.Errorf("block %d: other offsets", b)
		}
		for i, p := range drawn.blocks[b].picks {
			if q := listed.blocks[b].picks[i]; q.item.ID != p.item.ID || q.occurrence != p.occurrence {
				t.Errorf("block %d, request %d: other work", b, i)
			}
		}
	}
	if warm := listed.blocks[0].warmOffsets; len(warm) != 3 || warm[2] == 0 {
		t.Errorf("warm-up of listed starts at %v: want some mean rate", warm)
	}
	if back, err := Plan(again); err != nil || cmp.Diff(entries, back) != "" {
		t.Errorf("listed requests are not the plan: %v", err)
	}
}

func TestASweepGivesEachBlockItsRate(t *testing.T) {
	cfg := whole(1, 4, 10)
	cfg.Schedule = schedule.Spec{Kind: schedule.Constant, N: 10}
	cfg.Sweep = []float64{10, 100}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	for b, blk := range newPlan(&cfg).blocks {
		want := []int64{100e6, 10e6}[b%2]
		if blk.offsets[1] != want || blk.warmOffsets[1] != want {
			t.Errorf("block %d: the second start after %d ns, in warm-up after %d, want %d", b, blk.offsets[1], blk.warmOffsets[1], want)
		}
	}
}

// Every problem of a schedule in a Config is one line.
func TestBadArrivals(t *testing.T) {
	entry := schedule.Entry{Item: "i0", Occurrence: 1}
	listed := func(cfg *Config, n int, entries ...schedule.Entry) {
		cfg.Listed, cfg.Schedule, cfg.Blocks = entries, schedule.Spec{Kind: schedule.Listed, N: n}, 1
	}
	for _, row := range []struct {
		want   string
		change func(*Config)
	}{
		{"takes no other rate", func(c *Config) { c.Sweep = []float64{1} }},
		{"3 blocks for a sweep of 2 rates", func(c *Config) { c.Sweep, c.Schedule.PerSecond, c.Blocks = []float64{1, 2}, 0, 3 }},
		{"-2 starts per second", func(c *Config) { c.Sweep, c.Schedule.PerSecond = []float64{1, -2}, 0 }},
		{"poisson starts and a list of 1 requests", func(c *Config) { c.Listed = []schedule.Entry{entry} }},
		{"listed starts and a list of 0 requests", func(c *Config) { c.Schedule = schedule.Spec{Kind: schedule.Listed, N: 1} }},
		{`asks for item "gone"`, func(c *Config) { listed(c, 1, schedule.Entry{Item: "gone", Occurrence: 1}) }},
		{"largest listed block has 1 requests, not 2", func(c *Config) { listed(c, 2, entry) }},
		{"make 1 blocks, not 4", func(c *Config) { listed(c, 1, entry); c.Blocks = 4 }},
		{"stands twice", func(c *Config) { listed(c, 2, entry, entry) }},
		{"1 listed requests for 2 shards", func(c *Config) { listed(c, 1, entry); c.Shard.Of = 2 }},
		{"take no Draw", func(c *Config) { listed(c, 1, entry); c.Draw = enriched(1).Draw }},
	} {
		cfg := whole(1, 4, 10)
		row.change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%v, want %q", err, row.want)
		}
	}
	closed := whole(1, 1, 10)
	closed.Schedule = schedule.Spec{Kind: schedule.Closed, Workers: 2, N: 10}
	if _, err := Plan(closed); err == nil || !strings.Contains(err.Error(), "closed loop") {
		t.Errorf("a closed loop is written down: %v", err)
	}
}
