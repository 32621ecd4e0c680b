package assert_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/assert"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
)

var update = flag.Bool("update", false, "write the golden files")

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name, demand string
		spoil        func(*sample.Run)
		want         assert.Verdict
		why          string
	}{
		{"well within", "full.p95 <= 200ms", nil, assert.Pass, ""},
		{"well beyond", "full.p95 <= 90ms", nil, assert.Fail, ""},
		{"at the value", "full.p95 <= 113.5ms", nil, assert.Hold, "more would decide"},
		{"59 requests bound a P95", "full.p95 <= 9s", func(r *sample.Run) { keep(r, 59) }, assert.Pass, ""},
		{"58 do not", "full.p95 <= 9s", func(r *sample.Run) { keep(r, 58) }, assert.Hold, "about 1 more would decide"},
		{"299 bound 99 %", "success >= 99%", func(r *sample.Run) { keep(r, 299) }, assert.Pass, ""},
		{"298 do not", "success >= 99%", func(r *sample.Run) { keep(r, 298) }, assert.Hold, "more would decide"},
		{"no number shows 100 %", "success >= 100%", nil, assert.Hold, "anyone waits for"},
		{"failures are infinitely slow", "full.p95 <= 1h", func(r *sample.Run) { failEvery(r, 15) }, assert.Fail, ""},
		{"a few stay beyond the P95", "full.p95 <= 200ms", func(r *sample.Run) { failEvery(r, 50) }, assert.Pass, ""},
		{"one failure makes a mean infinite", "full.mean <= 1h", func(r *sample.Run) { failEvery(r, 1000) }, assert.Fail, "assert a quantile"},
		{"29 requests bound no mean", "full.mean <= 1h", func(r *sample.Run) { keep(r, 29) }, assert.Hold, "too few"},
		{"a maximum is a fact", "full.max <= 1h", func(r *sample.Run) { keep(r, 3) }, assert.Pass, ""},
		{"degraded bounds are wider", "full.p95 <= 120ms", func(r *sample.Run) {
			r.Trailer.Validity = sample.Validity{Grade: sample.Degraded, Error: map[sample.Measure]sample.ErrorNS{sample.Full: {P99: 20e6}}}
		}, assert.Hold, ""},

		{"from the send", "full_service.p95 <= 200ms", sent(5e6), assert.Pass, ""},
		{"from the send it is shorter", "full_service.p95 <= 110ms", sent(20e6), assert.Pass, ""},
		{"by the user's clock it is not", "full.p95 <= 110ms", sent(20e6), assert.Fail, ""},
		{"nobody tells the send", "full_service.p95 <= 1h", sent(0), assert.NoData, ""},
		{"one record in twenty does not tell the send", "full_service.p95 <= 1h", func(r *sample.Run) {
			sent(5e6)(r)
			candidates(r, func(i int, s *sample.Sample) {
				if i%20 == 0 {
					s.SentNS = 0
				}
			})
		}, assert.NoData, "that should tell it do not"},

		{"no requests", "full.p95 <= 1h", func(r *sample.Run) { keep(r, 0) }, assert.NoData, "no measured request"},
		{"nothing but warm-up", "full.p95 <= 1h", func(r *sample.Run) {
			candidates(r, func(_ int, s *sample.Sample) { s.Warmup = true })
		}, assert.NoData, "no measured request"},
		{"nothing succeeded", "full.p95 <= 1h", func(r *sample.Run) { failEvery(r, 1) }, assert.NoData, "no request that succeeded"},
		{"nothing was scored", "full.p95 <= 1h", func(r *sample.Run) {
			candidates(r, func(_ int, s *sample.Sample) { s.CloseNS = 0 })
		}, assert.NoData, ""},
		{"one record in twenty does not tell it", "full.p95 <= 1h", func(r *sample.Run) {
			candidates(r, func(i int, s *sample.Sample) {
				if i%20 == 0 {
					s.CloseNS = 0
				}
			})
		}, assert.NoData, "that should tell it do not"},
		{"what failed is no success", "success >= 99%", func(r *sample.Run) { failEvery(r, 20) }, assert.Fail, ""},
		{"the source does not tell", "full.p95 <= 1h", func(r *sample.Run) { r.Header.Lacks = []sample.Measure{sample.Full} }, assert.NoData, "does not tell"},

		{"invalid", "full.p95 <= 200ms", func(r *sample.Run) { r.Trailer.Validity.Grade = sample.Invalid }, assert.Hold, "not valid"},
		{"says nothing of its validity", "full.p95 <= 200ms", func(r *sample.Run) { r.Trailer.Validity.Grade = "" }, assert.Hold, "not valid"},
		{"an invalid signal", "full.p95 <= 200ms", func(r *sample.Run) {
			r.Trailer.Validity.Signals = []sample.Signal{{Name: "lateness", Grade: sample.Invalid}}
		}, assert.Hold, "lateness"},
		{"a limit that an invalid run breaks stays broken", "full.p95 <= 90ms", func(r *sample.Run) { r.Trailer.Validity.Grade = sample.Invalid }, assert.Fail, ""},
		{"degraded by nobody knows how much", "full.p95 <= 200ms", func(r *sample.Run) { r.Trailer.Validity.Grade = sample.Degraded }, assert.Hold, "calibrate"},
		{"stopped early", "full.p95 <= 200ms", func(r *sample.Run) { r.Trailer.Stopped = "interrupted" }, assert.Hold, "interrupted"},
		{"simulated records", "full.p95 <= 200ms", func(r *sample.Run) { r.Header.Tool = "firstbyte simulation" }, assert.Hold, "nothing was measured"},
		{"simulated upstream", "full.p95 <= 200ms", func(r *sample.Run) { r.Header.Scenario = "gate" }, assert.Hold, "--allow simulated"},
		{"another clock", "full.p95 <= 200ms", func(r *sample.Run) { r.Header.ClockScale = .1 }, assert.Hold, "0.1 of real time"},
		{"never sent", "full.p95 <= 200ms", func(r *sample.Run) {
			candidates(r, func(i int, s *sample.Sample) {
				if i%50 == 0 {
					s.Outcome = sample.DroppedStart
				}
			})
		}, assert.Hold, "24 of 1200 requests were never sent"},
	} {
		run := recorded(world())
		if c.spoil != nil {
			c.spoil(run)
		}
		got := last(t, request(t, run, c.demand))
		if got.Verdict != c.want || !strings.Contains(got.Why, c.why) {
			t.Errorf("%s: %s is %s (%v in [%v, %v]) %q, want %s %q", c.name, c.demand, got.Verdict, got.Observed, got.Lower, got.Upper, got.Why, c.want, c.why)
		}
	}
}

// failEvery makes every n-th request of the candidate fail fast.
func failEvery(run *sample.Run, n int) {
	candidates(run, func(i int, s *sample.Sample) {
		if i%n == 0 {
			s.Outcome, s.CloseNS = sample.HTTP5xx, s.IntendedNS+1
		}
	})
}

// sent sends every request so late after its intended start; 0: nobody tells.
func sent(late int64) func(*sample.Run) {
	return func(r *sample.Run) {
		candidates(r, func(_ int, s *sample.Sample) {
			s.SentNS = 0
			if late > 0 {
				s.SentNS = s.IntendedNS + late
			}
		})
	}
}

func TestAllowSimulated(t *testing.T) {
	run := recorded(world())
	run.Header.Scenario = "gate"
	r := request(t, run, "full.p95 <= 200ms")
	r.Allow = []string{"simulated"}
	report, err := assert.Check(r)
	if err != nil || report.Verdict != assert.Pass || !strings.Contains(strings.Join(report.Notes, " "), `scenario "gate"`) {
		t.Errorf("%s, %v; the notes say %q", report.Verdict, err, report.Notes)
	}
}

// TestFloor: a run that fails too often fails or holds, whatever is asserted.
func TestFloor(t *testing.T) {
	for _, c := range []struct {
		every int
		want  assert.Verdict
	}{{1000, assert.Pass}, {19, assert.Hold}, {10, assert.Fail}} {
		run := recorded(world())
		failEvery(run, c.every)
		report, err := assert.Check(request(t, run, "full.p50 <= 1h"))
		if err != nil || report.Verdict != c.want {
			t.Errorf("one in %d fails: %s, %v, want %s", c.every, report.Verdict, err, c.want)
		}
	}
	run := recorded(world())
	failEvery(run, 10)
	if report, err := assert.Check(request(t, run, "full.p50 <= 1h", "success >= 80%")); err != nil || report.Verdict != assert.Pass {
		t.Errorf("a demand of its own takes the floor's place: %s, %v", report.Verdict, err)
	}
}

// TestPoint takes the values as they are, and says so.
func TestPoint(t *testing.T) {
	run := recorded(world())
	keep(run, 10)
	r := request(t, run, "full.p95 <= 200ms")
	r.Point = true
	report, err := assert.Check(r)
	if err != nil || report.Verdict != assert.Pass || !strings.Contains(report.Notes[0], "wrong half of the time") {
		t.Errorf("%s, %v, %q", report.Verdict, err, report.Notes)
	}
}

// TestLimitErrs counts how often a limit that lies just at the true quantile
// passes or fails: each in at most 5 % of runs, and not much less often.
func TestLimitErrs(t *testing.T) {
	const runs, n = 1000, 300
	random := rand.New(rand.NewPCG(proof.Seed("assert: a limit at the quantile"), 0))
	const z95 = 1.6448536269514722
	quantile := time.Duration(1e9 * math.Exp(.5*z95))
	truth := demand(t, "full.p95 <= "+quantile.String())
	count := map[assert.Verdict]int{}
	run := recorded(world())
	keep(run, n)
	r := request(t, run)
	r.Assertions = truth
	for range runs {
		candidates(run, func(_ int, s *sample.Sample) {
			s.CloseNS = s.IntendedNS + int64(1e9*math.Exp(.5*random.NormFloat64()))
		})
		count[last(t, r).Verdict]++
	}
	t.Logf("%v", count)
	for _, v := range []assert.Verdict{assert.Pass, assert.Fail} {
		if n := count[v]; n > 70 || n < 15 { // 50 expected at most, standard deviation 7
			t.Errorf("%s in %d of %d runs", v, n, runs)
		}
	}
}

func TestWorstVerdictWins(t *testing.T) {
	for _, c := range []struct {
		demands []string
		code    int
	}{
		{[]string{"full.p95 <= 200ms"}, 0},
		{[]string{"full.p95 <= 200ms", "full.p95 <= 113.5ms"}, 3},
		{[]string{"full.p95 <= 113.5ms", "added_event.p50 <= 1s"}, 4},
		{[]string{"full.p95 <= 113.5ms", "added_event.p50 <= 1s", "full.p95 <= 1ms"}, 2},
	} {
		report, err := assert.Check(request(t, recorded(world()), c.demands...))
		if err != nil || report.ExitCode != c.code {
			t.Errorf("%q: %d, %v, want %d", c.demands, report.ExitCode, err, c.code)
		}
	}
	if code := assert.Verdict("").ExitCode(); code != 1 {
		t.Errorf("what is no verdict has exit code %d", code)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		wrong string
		spoil func(*assert.Request)
	}{
		{"nothing to assert", func(r *assert.Request) { r.Assertions = nil }},
		{"firstbyte assert throughput", func(r *assert.Request) { r.Assertions = demand(t, "throughput >= 1/s") }},
		{`--allow "everything"`, func(r *assert.Request) { r.Allow = []string{"everything"} }},
		{"alpha is 0", func(r *assert.Request) { r.Alpha = 0 }},
		{"spread of runs", func(r *assert.Request) { r.RunSpread = math.NaN() }},
		{`no arm "nwe"`, func(r *assert.Request) { r.Arm = "nwe" }},
		{"was enriched", func(r *assert.Request) { r.Run.Header.Draw = &sample.Draw{} }},
		{"nothing is to improve", func(r *assert.Request) { r.BaselineArm = "baseline" }},
		{"nothing to improve over", func(r *assert.Request) {
			r.Assertions = demand(t, "full.p95 improves 1%")
			r.Run.Header.Arms = r.Run.Header.Arms[1:]
		}},
		{"improve over itself", func(r *assert.Request) {
			r.Assertions = demand(t, "full.p95 improves 1%")
			r.Baseline = r.Run
		}},
	} {
		r := request(t, recorded(world()), "full.p95 <= 1s")
		c.spoil(&r)
		if _, err := assert.Check(r); err == nil || !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%v, want %q", err, c.wrong)
		}
	}
}

// TestReport holds what is printed and written to golden files.
func TestReport(t *testing.T) {
	run := recorded(world())
	failEvery(run, 400)
	r := request(t, run, "full.p95 <= 200ms", "first_token.p95 <= 40ms", "success >= 99%", "first_token.p99.9 <= 400ms",
		"full.p50 improves -20%", "full.p95 improves 20%", "added_event.p50 <= 1ms")
	r.Baseline, r.BaselineName, r.BaselineArm = recorded(world()), "b.run.jsonl", "baseline"
	r.Baseline.Header.Machine.Cores, r.Allow, r.RunSpread = 4, []string{"machine"}, .05
	r.Name = "a\x1b[31m.run.jsonl.gz" // what would drive a terminal must not
	report, err := assert.Check(r)
	if err != nil {
		t.Fatal(err)
	}
	var text, written bytes.Buffer
	if err := report.Text(&text); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/report.txt", text.Bytes())
	if err := report.JSON(&written); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/report.json", written.Bytes())
	var back assert.Report
	if err := json.Unmarshal(written.Bytes(), &back); err != nil || back.ExitCode != 2 || len(back.Results) != 7 {
		t.Errorf("read back: %d assertions, exit code %d, %v", len(back.Results), back.ExitCode, err)
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (go test -update writes it anew):\n%s", path, diff)
	}
}

// TestCatalogue holds that every topic has quantities, each with its words.
func TestCatalogue(t *testing.T) {
	for _, topic := range assert.Topics() {
		lines := strings.Split(topic.Catalogue(), "\n")
		short := slices.ContainsFunc(lines, func(l string) bool { return len(strings.Fields(l)) < 3 })
		if len(lines) < 2 || short || topic.About() == "" {
			t.Errorf("%s: %q", topic, lines)
		}
	}
}
