package gate

import (
	"bytes"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/report"
)

// recorded is a run of n requests of each arm in each block; slower is the
// candidate's latency in parts of the baseline's.
func recorded(blocks, n int, slower float64) *load.Result {
	r := &load.Result{Header: sample.Header{
		Schema: sample.Schema, Design: sample.Interleaved, Blocks: 20,
		Arms: []sample.Arm{
			{Name: "baseline", Restarted: true},
			{Name: "candidate", Restarted: true},
			{Name: "twin", Restarted: true, Role: sample.Twin, PerSlot: n},
			{Name: "plant", Restarted: true, Role: sample.Plant, PerSlot: n, Planted: .1},
		},
	}}
	factor := map[string]float64{"baseline": 1, "candidate": slower, "twin": 1, "plant": 1.1}
	at := int64(1)
	for b := range blocks {
		for i := range r.Header.Arms {
			arm := r.Header.Arms[(i+b)%4].Name
			for k := range n {
				ms := int64(factor[arm] * float64(10_000_000+100_000*((k*7+b*3+i)%50)))
				r.Samples = append(r.Samples, sample.Sample{
					Seq: len(r.Samples), Arm: arm, Block: b, Restart: b, Item: string(rune('a' + k)), Occurrence: b,
					IntendedNS: at, SentNS: at + 1000, WrittenNS: at + 2000, FirstByteNS: at + ms, HeadersNS: at + ms,
					EventNS: at + ms, TokenNS: at + ms, TextNS: at + ms, LastNS: at + 2*ms, CloseNS: at + 2*ms,
					Events: 2, GapsNS: []int64{ms}, Status: 200, Outcome: sample.OK, Finish: "end_turn",
					Usage: sample.Usage{Input: 5, Output: 2, Source: "usage"}, Quality: new(1.0),
				})
				at += 1_000_000
			}
			r.Slots = append(r.Slots, sample.Slot{Block: b, Arm: arm, Restart: b, Requests: n, Events: 2 * n})
		}
	}
	r.Health.Sent, r.Health.Arms = len(r.Samples), map[string]load.ArmHealth{}
	return r
}

// sequential is a lookout of 20 blocks whose judge says d.
func sequential(d judge.Decision) (l *lookout, asked *int) {
	asked = new(int)
	p := policy.Default()
	p.Mode = policy.GroupSequential
	l = newLookout(Config{Policy: p, Load: load.Config{Blocks: 20}}, calibrate.Calibration{})
	l.judge = func(policy.Policy, evidence.Set) judge.Verdict {
		*asked++
		return judge.Verdict{Decision: d}
	}
	return l, asked
}

func TestLooksAreTakenWhereTheyArePlanned(t *testing.T) {
	for _, test := range []struct {
		mode          policy.Mode
		blocks, looks int
		want          []int // after which blocks
	}{
		{policy.GroupSequential, 20, 0, []int{4, 8, 12, 16}}, // the fifth is the end
		{policy.GroupSequential, 20, 5, []int{4, 8, 12, 16}},
		{policy.GroupSequential, 8, 3, []int{3, 6}},
		{policy.Fixed, 20, 5, nil},
		{"", 20, 5, nil},
		{policy.Threshold, 20, 5, nil},
		{policy.Anytime, 20, 5, nil},
	} {
		l, asked := sequential(judge.Hold)
		l.blocks, l.policy.Mode, l.policy.Looks = test.blocks, test.mode, test.looks
		var got []int
		for b := 1; b < test.blocks; b++ {
			if before := *asked; l.stop(b, recorded(1, 2, 1)) != (load.Ending{}) {
				t.Errorf("%s: a HOLD ended the run", test.mode)
			} else if *asked > before {
				got = append(got, b)
			}
		}
		if !cmp.Equal(got, test.want) {
			t.Errorf("%s, %d looks at %d blocks: after %v, want %v", test.mode, test.looks, test.blocks, got, test.want)
		}
	}
}

// What can still change goes on; what is decided does not, and says where.
func TestOnlyADecisionEndsTheRun(t *testing.T) {
	for decision, want := range map[judge.Decision]load.Ending{
		judge.Promote:  {Look: 2},
		judge.Rollback: {Look: 2},
		judge.Hold:     {},
		judge.NoData:   {},
	} {
		l, _ := sequential(decision)
		if got := l.stop(8, recorded(8, 2, 1)); got != want {
			t.Errorf("%s: %+v, want %+v", decision, got, want)
		}
	}
	l, asked := sequential(judge.Rollback)
	dead := recorded(4, 2, 1)
	for i := range dead.Samples {
		if dead.Samples[i].Arm == "plant" {
			dead.Samples[i].Outcome = sample.Refused
		}
	}
	if got := l.stop(4, dead); got.Why != "plant answered nothing in 4 blocks" || got.Look != 0 || *asked != 0 {
		t.Errorf("with a dead arm: %+v, asked %d times", got, *asked)
	}
}

// The judge is asked about the file that would stand there: of the same samples,
// of the same validity, ended at the look.
func TestALookIsJudgedAsItsFileWouldBe(t *testing.T) {
	for _, slower := range []float64{1, 1.5} {
		l, _ := sequential("")
		l.judge = judge.Judge
		result := recorded(8, 25, slower)
		l.finish = func(r *load.Result) *sample.Run {
			return finish(Config{Warnings: []string{"a doubt"}}, r, calibrate.Calibration{Requests: 1})
		}
		got, err := l.verdict(2, *result)
		if err != nil {
			t.Fatal(err)
		}
		if result.Look != 0 {
			t.Errorf("the look changed the result")
		}
		result.Look = 2
		path := filepath.Join(t.TempDir(), "x.run.jsonl.gz")
		if err := sample.Write(path, l.finish(result)); err != nil {
			t.Fatal(err)
		}
		set, err := evidence.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		want := judge.Judge(l.policy, set)
		got.RunDigest = want.RunDigest // there was no file yet
		if diff := cmp.Diff(written(t, want), written(t, got)); diff != "" {
			t.Errorf("-file +look:\n%s", diff)
		}
		if set.Validity.Grade != sample.Invalid || len(set.Validity.Signals) == 0 {
			t.Errorf("validity %+v: an uncalibrated run without a canary is not valid", set.Validity)
		}
	}
}

func written(t *testing.T, v judge.Verdict) string {
	t.Helper()
	var b strings.Builder
	if err := report.JSON(&b, v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The garbage of a look is collected before the next turn begins.
func TestALookLeavesNothingToCollect(t *testing.T) {
	l, _ := sequential(judge.Hold)
	forced := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumForcedGC
	}
	soFar, before := recorded(4, 2, 1), forced()
	l.stop(3, soFar)
	if n := forced() - before; n != 0 {
		t.Errorf("collected %d times without a look", n)
	}
	if l.stop(4, soFar); forced()-before != 1 {
		t.Errorf("collected %d times after a look, want 1", forced()-before)
	}
}

func TestTheScreenSaysWhatALookFound(t *testing.T) {
	controls := func(plant, twin bool) judge.Controls {
		return judge.Controls{Plant: &judge.Control{OK: plant}, Twin: &judge.Control{OK: twin}}
	}
	metrics := []judge.Metric{
		{Gating: true, Standing: judge.NotWorse},
		{Gating: true, Standing: judge.Undecided},
		{Gating: true, DryRun: true, Standing: judge.Undecided},
		{Standing: judge.Shown},
		{Gating: true, Standing: judge.Missing},
	}
	for _, test := range []struct {
		v    judge.Verdict
		want string
	}{
		{
			judge.Verdict{Decision: judge.Hold, Reason: judge.ReasonUndecided, Metrics: metrics, Controls: controls(true, true)},
			"look 2 of 5: plant seen, twin quiet, 2 of 3 metrics not yet within\n",
		},
		{
			judge.Verdict{Decision: judge.Hold, Reason: judge.ReasonMachineBusy, Metrics: metrics, Controls: controls(false, false)},
			"look 2 of 5: plant not seen, twin not judged, 2 of 3 metrics not yet within; so far machine too busy\n",
		},
		{
			judge.Verdict{Decision: judge.Hold, Reason: judge.ReasonHallucinates, Metrics: metrics, Controls: judge.Controls{
				Plant: &judge.Control{OK: true},
				Twin:  &judge.Control{Metrics: []judge.Metric{{Standing: judge.NotWorse}, {Standing: judge.Worse}}},
			}},
			"look 2 of 5: plant seen, twin called worse, 2 of 3 metrics not yet within; so far this run sees what is not there\n",
		},
		{
			judge.Verdict{Decision: judge.Hold, Reason: judge.ReasonUndecided, Metrics: metrics},
			"look 2 of 5: 2 of 3 metrics not yet within\n",
		},
		{
			judge.Verdict{Decision: judge.Promote, Reason: judge.ReasonAllNotWorse, Metrics: metrics, Controls: controls(true, true)},
			"look 2 of 5: plant seen, twin quiet, PROMOTE: the run ends here\n",
		},
		{
			judge.Verdict{Decision: judge.Rollback, Reason: judge.ReasonWorse, Metrics: metrics},
			"look 2 of 5: ROLLBACK: the run ends here\n",
		},
	} {
		var said bytes.Buffer
		test.v.Look, test.v.Looks = 2, 5
		NewLines(&said).look(test.v)
		if said.String() != test.want {
			t.Errorf("%q, want %q", said.String(), test.want)
		}
	}
}

func TestTheScreenSaysWhetherThereAreControls(t *testing.T) {
	for want, cfg := range map[string]load.Config{
		"controls: off, not asked for\n": {NoControls: "not asked for"},
		"controls: on, a twin and a plant (+10 %) of 25 requests in each block of 101\n": func() load.Config {
			c := load.Config{About: []sample.Arm{{}, {}, {Role: sample.Twin, PerSlot: 25}, {Role: sample.Plant, PerSlot: 25, Planted: .1}}}
			c.Schedule.N = 101
			return c
		}(),
		"": {},
	} {
		var said bytes.Buffer
		NewLines(&said).controls(&cfg)
		if said.String() != want {
			t.Errorf("%q, want %q", said.String(), want)
		}
	}
}
