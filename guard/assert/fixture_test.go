package assert_test

import (
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/assert"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
)

// world is a comparison of two arms: 20 blocks of 60 requests each.
func world() proof.World {
	return proof.World{Seed: proof.Seed("assert"), Blocks: 20, PerBlock: 60, Items: 100, Sigma: .5, Between: .97}
}

// recorded simulates a run and gives it what a measured one has.
func recorded(w proof.World) *sample.Run {
	run := w.Run()
	run.Header.Tool, run.Header.Model, run.Header.Dialect, run.Header.ClockScale = "firstbyte dev", "m", "anthropic", 1
	run.Header.Dataset = sample.Dataset{Name: "default", Hash: "8515e31d02d4acf840015dfd", Items: 100}
	run.Header.Schedule = sample.Schedule{Kind: "poisson", PerSecond: 100}
	run.Header.Machine = sample.Machine{OS: "linux", Arch: "amd64", CPU: "a processor", Cores: 2, GOMAXPROCS: 2, Kernel: "6.1", Go: "go1.26"}
	run.Trailer.Digest = "0123456789ab"
	return &run
}

// candidates calls change with every request of the candidate.
func candidates(run *sample.Run, change func(i int, s *sample.Sample)) {
	n := 0
	for i := range run.Samples {
		if run.Samples[i].Arm == "candidate" {
			change(n, &run.Samples[i])
			n++
		}
	}
}

// keep drops all but the first n requests of the candidate, and all others.
func keep(run *sample.Run, n int) {
	var kept []sample.Sample
	candidates(run, func(i int, s *sample.Sample) {
		if i < n {
			kept = append(kept, *s)
		}
	})
	run.Samples = kept
}

func demand(t *testing.T, texts ...string) []assert.Assertion {
	t.Helper()
	var all []assert.Assertion
	for _, text := range texts {
		a, err := assert.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	return all
}

// request asserts on a run with the defaults of the command line.
func request(t *testing.T, run *sample.Run, texts ...string) assert.Request {
	t.Helper()
	return assert.Request{
		Topic: assert.Latency, Run: run, Name: "a.run.jsonl.gz", Assertions: demand(t, texts...), Alpha: .05, Floor: .95,
	}
}

// last checks and returns the result of the last assertion.
func last(t *testing.T, r assert.Request) assert.Result {
	t.Helper()
	report, err := assert.Check(r)
	if err != nil {
		t.Fatal(err)
	}
	return report.Results[len(report.Results)-1]
}
