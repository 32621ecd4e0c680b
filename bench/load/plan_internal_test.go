package load

import (
	"errors"
	"fmt"
	"math"
	"runtime/metrics"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

func planConfig(seed uint64, arms, blocks, perSlot, items int) *Config {
	cfg := &Config{
		Set: &datasets.Set{}, Seed: seed, Blocks: blocks, Warmup: 3,
		Schedule: schedule.Spec{Kind: schedule.Poisson, PerSecond: 50, N: perSlot},
	}
	for i := range items {
		cfg.Set.Items = append(cfg.Set.Items, datasets.Item{ID: fmt.Sprintf("i%d", i)})
	}
	for i := range arms {
		cfg.Arms = append(cfg.Arms, Standing{ArmName: fmt.Sprint(i)})
	}
	return cfg
}

func TestPlanIsAFunctionOfItsSeed(t *testing.T) {
	flat := func(p *plan) string {
		var b strings.Builder
		for _, blk := range p.blocks {
			fmt.Fprintln(&b, blk.order, blk.offsets, blk.warmOffsets)
			for _, list := range [][]pick{blk.warm, blk.picks} {
				for _, pk := range list {
					fmt.Fprint(&b, pk.item.ID, "/", pk.occurrence, " ")
				}
			}
		}
		return b.String()
	}
	a, b, c := newPlan(planConfig(1, 2, 4, 10, 30)), newPlan(planConfig(1, 2, 4, 10, 30)), newPlan(planConfig(2, 2, 4, 10, 30))
	if flat(a) != flat(b) || a.hash != b.hash {
		t.Error("two plans from one seed")
	}
	if flat(a) == flat(c) || a.hash == c.hash {
		t.Error("one plan from two seeds")
	}
	if cmp.Equal(a.blocks[0].offsets, a.blocks[1].offsets) {
		t.Error("two blocks with the same offsets")
	}
}

func TestItemsAreDealtEvenlyAndPairsAreUnique(t *testing.T) {
	p := newPlan(planConfig(3, 2, 7, 25, 40))
	uses, pairs := map[string]int{}, map[string]bool{}
	for i, blk := range p.blocks {
		for _, pk := range blk.picks {
			uses[pk.item.ID]++
			if pk.occurrence != uses[pk.item.ID] {
				t.Errorf("block %d: use %d of %s is called occurrence %d", i, uses[pk.item.ID], pk.item.ID, pk.occurrence)
			}
		}
		for _, list := range [][]pick{blk.warm, blk.picks} {
			for _, pk := range list {
				key := fmt.Sprint(pk.item.ID, " ", pk.occurrence)
				if pairs[key] {
					t.Errorf("block %d: pair %s twice", i, key)
				}
				pairs[key] = true
			}
		}
		for _, pk := range blk.warm {
			if pk.occurrence < WarmupOccurrence {
				t.Errorf("warm-up takes occurrence %d", pk.occurrence)
			}
		}
	}
	for id, n := range uses { // 175 uses of 40 items
		if n != 4 && n != 5 {
			t.Errorf("%s used %d times", id, n)
		}
	}
}

// Wherever a run is cut after a whole group, every arm has stood equally often
// at every place; and which comes first is not always the same.
func TestOrderIsBalancedAndDrawn(t *testing.T) {
	for _, arms := range []int{1, 2, 3, 4} {
		firsts := map[int]int{}
		for seed := range uint64(40) {
			orders := drawOrders(arms, 4*arms, source(seed, drawOrder))
			places := map[[2]int]int{}
			for _, order := range orders {
				for place, arm := range order {
					places[[2]int{place, arm}]++
				}
			}
			for key, n := range places {
				if n != 4 || len(places) != arms*arms {
					t.Fatalf("%d arms, seed %d: place and arm %v %d times in %v", arms, seed, key, n, orders)
				}
			}
			firsts[orders[0][0]]++
		}
		for arm := range arms {
			if firsts[arm] < 40/arms/4 {
				t.Errorf("%d arms: arm %d begins %d of 40 runs", arms, arm, firsts[arm])
			}
		}
	}
}

// What an arm runs after may tell on it, and so may how far into the block it
// runs: of two arms neither may have the better of the other.
func TestNoArmAlwaysFollowsTheSameOne(t *testing.T) {
	for _, arms := range []int{2, 3, 4, 5} {
		group := arms * (1 + arms%2)
		for seed := range uint64(20) {
			before, next := map[[2]int]int{}, map[[2]int]int{}
			for _, order := range drawOrders(arms, 2*group, source(seed, drawOrder)) {
				for i, a := range order {
					for _, b := range order[i+1:] {
						before[[2]int{a, b}]++
					}
					if i > 0 {
						next[[2]int{order[i-1], a}]++
					}
				}
			}
			for a := range arms {
				for b := range arms {
					both := [2]int{a, b}
					if a != b && (before[both] != group || next[both] != 2*group/arms) {
						t.Fatalf("%d arms, seed %d: of %d blocks %d come with %v in this order, %d side by side",
							arms, seed, 2*group, before[both], both, next[both])
					}
				}
			}
		}
	}
}

func TestNoncesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for _, salt := range []uint64{0, 1, math.MaxUint64} {
		for seq := range uint64(50_000) {
			n := nonce(salt, seq)
			if len(n) != 16 || strings.Trim(n, "0123456789abcdef") != "" {
				t.Fatalf("nonce %q", n)
			}
			if seen[n] {
				t.Fatalf("nonce %s twice (salt %d, request %d)", n, salt, seq)
			}
			seen[n] = true
		}
	}
}

// virtual is a clock that only waiting moves.
type virtual struct {
	now   int64
	waits []int64
	fail  error
}

func (v *virtual) until(at int64) error {
	if v.fail != nil {
		return v.fail
	}
	v.waits = append(v.waits, at)
	v.now = max(v.now, at)
	return nil
}

func TestPacerWaitsForEachPlannedInstant(t *testing.T) {
	v := &virtual{now: 90}
	p := &pacer{starts: 4, at: []int64{100, 100, 250, 1000}, until: v.until}
	var fired []int64
	for hits := uint64(0); ; hits++ {
		wait, stop := p.Pace(12345, hits)
		if wait != 0 {
			t.Errorf("vegeta is told to sleep %v", wait)
		}
		if stop {
			break
		}
		fired = append(fired, v.now)
		v.now += 120 // vegeta is slow: the next may be late, but none is skipped
	}
	if want := []int64{100, 220, 340, 1000}; !cmp.Equal(fired, want) {
		t.Errorf("fired at %v, want %v", fired, want)
	}
	if !cmp.Equal(v.waits, p.at) {
		t.Errorf("waited for %v", v.waits)
	}
}

func TestPacerStops(t *testing.T) {
	v := &virtual{fail: errors.New("over")}
	p := &pacer{starts: 2, at: []int64{1, 2}, until: v.until}
	if _, stop := p.Pace(0, 0); !stop || !errors.Is(p.err, v.fail) {
		t.Errorf("stop %v, error %v", stop, p.err)
	}
	closed := &pacer{starts: 2, until: (&virtual{}).until}
	for hits, want := range []bool{false, false, true} {
		if _, stop := closed.Pace(0, uint64(hits)); stop != want {
			t.Errorf("closed loop, hit %d: stop %v", hits, stop)
		}
	}
}

func TestDistributionRanks(t *testing.T) {
	values := make([]int64, 200)
	for i := range values {
		values[i] = int64(200 - i)
	}
	if got, want := distribution(values), (Dist{P50: 100, P99: 198, Max: 200, N: 200}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := distribution([]int64{7}), (Dist{P50: 7, P99: 7, Max: 7, N: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := distribution(nil); got != (Dist{}) {
		t.Errorf("got %+v", got)
	}
}

func TestPausesSince(t *testing.T) {
	buckets := []float64{math.Inf(-1), 0, 1e-3, 2e-3, math.Inf(1)}
	before := &metrics.Float64Histogram{Counts: []uint64{0, 5, 1, 0}, Buckets: buckets}
	after := &metrics.Float64Histogram{Counts: []uint64{0, 7, 2, 0}, Buckets: buckets}
	want := pauseFacts{longest: 2 * time.Millisecond, total: 2500 * time.Microsecond, n: 3}
	if got := pausesSince(before, after); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	after.Counts[3] = 1 // longer than the last bound: the bound is all that is known
	want = pauseFacts{longest: 2 * time.Millisecond, total: 4500 * time.Microsecond, n: 4}
	if got := pausesSince(before, after); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestClean(t *testing.T) {
	long := strings.Repeat("ü", 150)
	for _, row := range [][2]string{
		{"plain", "plain"},
		{" two\n\tlines\r\n", "two lines"},
		{"key sk-1 and sk-1", "key [redacted] and [redacted]"},
		{"bad \xff byte", "bad \uFFFD byte"},
		{long, long[:196] + "…"},
	} {
		got := clean(row[0], "sk-1")
		if got != row[1] || len(got) > maxMessage {
			t.Errorf("%q: %q (%d bytes), want %q", row[0], got, len(got), row[1])
		}
	}
}

// Errors that a test cannot provoke without breaking its machine.
func TestClassifySystemErrors(t *testing.T) {
	for errno, want := range map[syscall.Errno]sample.Outcome{
		syscall.EMFILE:        sample.NoDescriptor,
		syscall.ENFILE:        sample.NoDescriptor,
		syscall.EADDRNOTAVAIL: sample.NoPort,
		syscall.EHOSTUNREACH:  sample.Unreachable,
		syscall.ENETUNREACH:   sample.Unreachable,
		syscall.ECONNREFUSED:  sample.Refused,
		syscall.EPERM:         sample.Unreachable, // whatever else ends a dial
	} {
		err := fmt.Errorf("dial tcp: %w", errno)
		if got := classifyError(err, nil, sample.PhaseConnect); got != want {
			t.Errorf("%v: %s, want %s", errno, got, want)
		}
		if got := classifyError(err, errAborted, sample.PhaseConnect); got != sample.Aborted {
			t.Errorf("%v after we ended the request: %s", errno, got)
		}
	}
}

func TestFaultsAreOutcomes(t *testing.T) {
	for fault, outcome := range map[dialect.Fault]sample.Outcome{
		dialect.ErrorEvent: sample.ErrorEvent, dialect.BadFrame: sample.BadFrame, dialect.BadJSON: sample.BadJSON,
		dialect.NoTerminator: sample.NoTerminator, dialect.Empty: sample.Empty,
	} {
		if string(fault) != string(outcome) {
			t.Errorf("fault %q is outcome %q", fault, outcome)
		}
	}
}

func TestDue(t *testing.T) {
	limits := Timeouts{FirstToken: 50, Gap: 10, Total: 100}
	for _, row := range []struct {
		last  int64
		ended bool
		at    int64
		why   halt
	}{
		{0, false, 1050, errSlowToken},
		{1040, false, 1050, errSlowGap},
		{1089, false, 1099, errSlowGap},
		{1090, false, 1100, errSlowTotal},
		{1099, false, 1100, errSlowTotal},
		{1040, true, 1100, errSlowTotal},
	} {
		w := &watchdog{limits: limits, sent: 1000}
		w.last.Store(row.last)
		w.ended.Store(row.ended)
		if at, why := w.due(); at != row.at || why != row.why {
			t.Errorf("last %d, ended %v: due %d (%v), want %d (%v)", row.last, row.ended, at, why, row.at, row.why)
		}
	}
}

// One stall of the machine falls into one slot of one arm: it is the run's
// lateness, but no difference between the arms. A fourth of the slots is one.
func TestSlotLatenessLeavesOutOneStall(t *testing.T) {
	for _, row := range []struct {
		stalls int
		want   int64
	}{{0, 50}, {1, 50}, {5, 50}, {6, 80_000}} {
		r := &Result{Header: sample.Header{Arms: []sample.Arm{{Name: "a"}}}}
		for block := range 20 {
			for range 100 {
				s := sample.Sample{Arm: "a", Block: block, IntendedNS: 1000, SentNS: 1050, Outcome: sample.OK}
				if block < row.stalls {
					s.SentNS = 81_000
				}
				r.Samples = append(r.Samples, s)
			}
		}
		arm := newMeter().health(r, false).Arms["a"]
		if got := arm.SlotLateness; got != (Dist{P50: row.want, P99: row.want, Max: row.want, N: 20}) {
			t.Errorf("%d stalls: %+v, want %d", row.stalls, got, row.want)
		}
		if row.stalls == 1 && arm.Lateness.P99 != 80_000 {
			t.Errorf("the stall is not in the arm's own P99: %+v", arm.Lateness)
		}
	}
}

func TestHealthLeavesOutWarmUp(t *testing.T) {
	r := &Result{
		Header: sample.Header{Arms: []sample.Arm{{Name: "a"}, {Name: "b"}}},
		Samples: []sample.Sample{
			{Arm: "a", Warmup: true, SentNS: 900, Events: 50, Outcome: sample.OK},
			{Arm: "a", IntendedNS: 10, SentNS: 15, Events: 4, Coalesced: 1, Outcome: sample.OK},
			{Arm: "b", IntendedNS: 10, SentNS: 17, Events: 2, Outcome: sample.ErrorEvent},
			{Arm: "b", IntendedNS: 10, Outcome: sample.DroppedStart},
		},
		Slots: []sample.Slot{{Requests: 1, IntendedHz: 10, AchievedHz: 9}, {Requests: 3, IntendedHz: 10, AchievedHz: 5}, {Requests: 9, IntendedHz: 10}},
	}
	h := newMeter().health(r, false)
	if h.Intended != 3 || h.Sent != 2 || h.Dropped != 1 || h.Events != 6 || h.Coalesced != 1 || h.IntendedHz != 10 || h.AchievedHz != 6 {
		t.Errorf("%+v", h)
	}
	if h.Lateness != (Dist{P50: 5, P99: 7, Max: 7, N: 2}) || h.Arms["b"].Lateness.Max != 7 || h.Arms["b"].Dropped != 1 {
		t.Errorf("%+v", h)
	}
	if h.CPUShare != Unknown || h.MachineBusy != Unknown || h.Pressure != Unknown {
		t.Errorf("what was not read is told: %+v", h)
	}
}
