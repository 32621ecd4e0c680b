package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/datasets"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/gate"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// A pilot predicts each item's latency from so many answers at least, and its
// items are divided into so many strata (pairing.md, "Enrichment").
const (
	pilotUses   = 4
	pilotStrata = 20
)

// pilotBand is the tail in which a pair of the pilot tells something.
var pilotBand = stats.Band{From: .90, To: .99}

// enrich makes the run of cfg, which goes to the folder out, draw items as the
// pilot at path says.
func enrich(cfg *load.Config, mode policy.Mode, out, path string) error {
	if mode == policy.Threshold || mode == policy.Anytime {
		return fmt.Errorf("--enrich: the mode %s knows no weights", mode)
	}
	if cfg.Blocks < 2*load.NaturalEvery {
		return fmt.Errorf("--enrich: %d blocks are too few, one in %d stays at natural weight and two are needed: give at least %d",
			cfg.Blocks, load.NaturalEvery, 2*load.NaturalEvery)
	}
	run, err := sample.Read(path)
	if err != nil {
		return fmt.Errorf("--enrich: %w", err)
	}
	if replaces(filepath.Join(out, gate.RunFile), path) {
		return fmt.Errorf("--enrich %s: this gate would write over its pilot: give it another --out", path)
	}
	if err := fitPilot(&run.Header, &run.Trailer, cfg); err != nil {
		return fmt.Errorf("--enrich %s: %w", path, err)
	}
	set, err := evidence.New(evidence.Source{Run: *run})
	if err == nil {
		cfg.Draw, err = drawOf(set, cfg.Set)
	}
	if err != nil {
		return fmt.Errorf("--enrich %s: %w", path, err)
	}
	return nil
}

// replaces tells whether both are the same file.
func replaces(written, read string) bool {
	a, errA := os.Stat(written)
	b, errB := os.Stat(read)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// fitPilot says why a run cannot tell how to draw the items of cfg.
func fitPilot(h *sample.Header, t *sample.Trailer, cfg *load.Config) error {
	switch grade := t.Validity.Grade; {
	case h.Dataset.Hash != cfg.Set.Hash:
		return fmt.Errorf("it is of another dataset (%.12s, this gate's is %.12s): make a pilot of this one", h.Dataset.Hash, cfg.Set.Hash)
	case h.Dialect != cfg.Dialect.Name():
		return fmt.Errorf("it speaks the dialect %q, this gate %q", h.Dialect, cfg.Dialect.Name())
	case h.Scenario != cfg.Scenario:
		return fmt.Errorf("it is of the scenario %q, this gate of %q", h.Scenario, cfg.Scenario)
	case grade != sample.Valid && grade != sample.Degraded:
		return fmt.Errorf("its measurement is %q: make a pilot on an idle machine", grade)
	case t.Stopped != "":
		return fmt.Errorf("it ended before its plan did (%s): make a pilot with --mode fixed", t.Stopped)
	case h.Draw != nil:
		return errors.New("it was enriched itself: a pilot has all items equally likely")
	case h.Design != sample.Interleaved:
		return fmt.Errorf("its design is %q: a pilot is the run file of a gate", h.Design)
	}
	return nil
}

// drawOf turns the pairs of a pilot into shares of strata of items, ordered by
// the mean full latency that the baseline showed.
func drawOf(pilot evidence.Set, items *datasets.Set) (*load.Draw, error) {
	if len(items.Items) < pilotStrata {
		return nil, fmt.Errorf("the dataset has %d items, %d strata need one each", len(items.Items), pilotStrata)
	}
	predicted, err := predict(pilot.Paired, items)
	if err != nil {
		return nil, err
	}
	draw := &load.Draw{Pilot: pilot.Digest, Stratum: stats.Strata(predicted, pilotStrata)}
	of, size := map[string]int{}, make([]float64, pilotStrata)
	for i, s := range draw.Stratum {
		of[items.Items[i].ID] = s
		size[s]++
	}
	pairs, stratum := stats.Sample{Blocks: 1}, []int(nil)
	for _, p := range pilot.Paired {
		pairs.Baseline, pairs.Candidate = append(pairs.Baseline, logFull(p.Baseline)), append(pairs.Candidate, logFull(p.Candidate))
		pairs.Block, stratum = append(pairs.Block, 0), append(stratum, of[p.Baseline.Item])
	}
	squares, err := stats.ScoreSquares(pairs, pilotBand, stratum, pilotStrata)
	if err != nil {
		return nil, err
	}
	e, err := stats.Enrich(squares)
	if err != nil {
		return nil, err
	}
	draw.Share = e.Share
	for s, share := range e.Share { // strata may differ by an item in size
		draw.Weight = append(draw.Weight, size[s]/float64(len(items.Items))/share)
	}
	return draw, nil
}

// predict returns the mean full latency of the baseline by item.
func predict(pairs []evidence.Pair, items *datasets.Set) ([]float64, error) {
	sum, n := map[string]float64{}, map[string]int{}
	for _, p := range pairs {
		if ns, ok, none := p.Baseline.Value(sample.Full); ok && !none && ns > 0 {
			sum[p.Baseline.Item] += float64(ns)
			n[p.Baseline.Item]++
		}
	}
	predicted := make([]float64, len(items.Items))
	for i := range items.Items {
		id := items.Items[i].ID
		if n[id] < pilotUses {
			return nil, fmt.Errorf("it has %d answers of the baseline to item %s, at least %d of each are needed: make a longer pilot (--mode fixed ends no gate early)", n[id], id, pilotUses)
		}
		predicted[i] = sum[id] / float64(n[id])
	}
	return predicted, nil
}

// logFull is the logarithm of a request's full latency, a failure infinite.
func logFull(s *sample.Sample) float64 {
	ns, ok, _ := s.Value(sample.Full)
	if !ok {
		return math.Inf(1)
	}
	return math.Log(float64(ns))
}
