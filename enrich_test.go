package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/datasets"
	"github.com/firstbyte-dev/firstbyte/guard/gate"
)

// pilot is the run of a gate in which every item was asked five times of each
// arm: the later it stands in the dataset, the longer its answer.
func pilot(t *testing.T) *sample.Run {
	t.Helper()
	set, err := datasets.Default()
	if err != nil {
		t.Fatal(err)
	}
	run := &sample.Run{Header: sample.Header{
		Schema: sample.Schema, Dataset: sample.Dataset{Name: set.Name, Hash: set.Hash, Items: len(set.Items)},
		Design: sample.Interleaved, Blocks: 5, Dialect: "anthropic", Scenario: "gate",
		Arms: []sample.Arm{{Name: "baseline"}, {Name: "candidate"}},
	}}
	run.Trailer = sample.Trailer{Trailer: true, Measured: map[string]int{}, Validity: sample.Validity{Grade: sample.Valid}}
	for block := range 5 {
		for _, arm := range run.Header.Arms {
			for i := range set.Items {
				full := int64(1e6) * int64(100+i+(i*7+block*13+len(arm.Name)*5)%17)
				run.Samples = append(run.Samples, sample.Sample{
					Seq: len(run.Samples), Arm: arm.Name, Block: block, Item: set.Items[i].ID, Occurrence: block + 1,
					IntendedNS: 1, SentNS: 1, TokenNS: 2, CloseNS: 1 + full, Outcome: sample.OK,
				})
				run.Trailer.Measured[arm.Name]++
			}
		}
	}
	run.Trailer.Samples = len(run.Samples)
	return run
}

func written(t *testing.T, run *sample.Run) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pilot.run.jsonl.gz")
	if err := sample.Write(path, run); err != nil {
		t.Fatal(err)
	}
	return path
}

func enrichedConfig(t *testing.T, path string, args ...string) (*load.Draw, error) {
	t.Helper()
	f := parsed(t, args...)
	f.scenario, f.enrich = "gate", path
	cfg, err := gateConfig(&f)
	return cfg.Load.Draw, err
}

// The shares are those of stats.Enrich: the tail has most of the draws, nothing
// has less than a fifth of its natural share, and weights make up for it.
func TestAPilotSaysHowToDraw(t *testing.T) {
	path := written(t, pilot(t))
	draw, err := enrichedConfig(t, path)
	if err != nil {
		t.Fatal(err)
	}
	read, err := sample.Read(path)
	if err != nil || draw.Pilot != read.Trailer.Digest || draw.Pilot == "" {
		t.Errorf("pilot %q, %v", draw.Pilot, err)
	}
	if len(draw.Share) != 20 || len(draw.Stratum) != 222 || draw.Stratum[0] != 0 || draw.Stratum[221] != 19 {
		t.Fatalf("%+v", draw)
	}
	sum, mean := 0.0, 0.0
	for s, share := range draw.Share {
		sum, mean = sum+share, mean+share*draw.Weight[s]
		if share < .2/20-1e-12 || s < 15 && share > .2/20+1e-12 {
			t.Errorf("stratum %d has a share of %v", s, share)
		}
	}
	if math.Abs(sum-1) > 1e-9 || math.Abs(mean-1) > 1e-9 || draw.Share[19]+draw.Share[18] < .4 {
		t.Errorf("shares %v, of mean weight %v", draw.Share, mean)
	}
	if draw, err := enrichedConfig(t, ""); draw != nil || err != nil {
		t.Errorf("without a pilot: %+v, %v", draw, err)
	}
}

func TestPilotsThatAreRefused(t *testing.T) {
	for want, spoil := range map[string]func(*sample.Run){
		"another dataset":         func(r *sample.Run) { r.Header.Dataset.Hash = "x" },
		`dialect "openai"`:        func(r *sample.Run) { r.Header.Dialect = "openai" },
		`scenario "slow"`:         func(r *sample.Run) { r.Header.Scenario = "slow" },
		`"invalid"`:               func(r *sample.Run) { r.Trailer.Validity.Grade = sample.Invalid },
		`is ""`:                   func(r *sample.Run) { r.Trailer.Validity.Grade = "" },
		"before its plan did":     func(r *sample.Run) { r.Trailer.Stopped = "interrupted" },
		"enriched itself":         func(r *sample.Run) { r.Header.Draw = &sample.Draw{} },
		`design is "split"`:       func(r *sample.Run) { r.Header.Design = sample.Split },
		"it has 3 answers":        func(r *sample.Run) { r.Samples[0].Outcome, r.Samples[444].Outcome = sample.HTTP5xx, sample.HTTP5xx },
		"equal to the last digit": func(r *sample.Run) { equal(r) },
	} {
		run := pilot(t)
		spoil(run)
		draw, err := enrichedConfig(t, written(t, run))
		if err == nil || draw != nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want one line with %q", err, want)
		}
	}
}

// equal gives both arms the same latencies.
func equal(r *sample.Run) {
	for i := range r.Samples {
		r.Samples[i].CloseNS = 1e8
	}
}

func TestATruncatedPilotIsRefused(t *testing.T) {
	path := written(t, pilot(t))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if draw, err := enrichedConfig(t, path); err == nil || draw != nil {
		t.Errorf("%+v, %v", draw, err)
	}
	if _, err := enrichedConfig(t, filepath.Join(t.TempDir(), "absent.run.jsonl")); err == nil {
		t.Error("a pilot that is not there")
	}
}

func TestRunsThatCannotBeEnriched(t *testing.T) {
	path := filepath.Join(t.TempDir(), gate.RunFile)
	if err := sample.Write(path, pilot(t)); err != nil {
		t.Fatal(err)
	}
	f := parsed(t)
	f.scenario, f.enrich, f.out = "gate", path, filepath.Dir(path)
	if _, err := gateConfig(&f); err == nil || !strings.Contains(err.Error(), "write over its pilot") {
		t.Errorf("into the pilot's folder: %v", err)
	}
	if _, err := enrichedConfig(t, path, "--mode=threshold"); err == nil || !strings.Contains(err.Error(), "knows no weights") {
		t.Errorf("threshold: %v", err)
	}
	f.out = t.TempDir()
	f.scenario, f.enrich, f.blocks = "gate", path, 9
	if _, err := gateConfig(&f); err == nil || !strings.Contains(err.Error(), "give at least 10") {
		t.Errorf("nine blocks: %v", err)
	}
}
