package merge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firstbyte-dev/firstbyte/bench/merge"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

const second = int64(1e9)

// whole is a run of two arms in two blocks of six requests with one of warm-up,
// each 10 ms after the other.
func whole() *sample.Run {
	run := &sample.Run{Header: sample.Header{
		Schema: sample.Schema, Tool: "firstbyte test", StartedAt: "2026-01-31T12:00:00Z", Seed: 7, Blocks: 2,
		Dataset: sample.Dataset{Name: "d", Hash: "h", Items: 3}, Design: sample.Interleaved,
		Schedule: sample.Schedule{Kind: "poisson", PerSecond: 100, PerSlot: 6, Warmup: 1, Hash: "plan"},
		Arms:     []sample.Arm{{Name: "a", Target: "http://a"}, {Name: "b", Target: "http://b"}},
	}}
	at := second
	for block := range 2 {
		for _, arm := range []string{"a", "b"} {
			slot := sample.Slot{Block: block, Arm: arm, Requests: 6, Events: 12, IntendedHz: 100, AchievedHz: 100, CPUNS: 5}
			for k := range 7 {
				s := sample.Sample{
					Seq: len(run.Samples), Arm: arm, Block: block, Warmup: k == 0, Item: fmt.Sprint(k % 3), Occurrence: k,
					Nonce: fmt.Sprint(len(run.Samples)), IntendedNS: at, SentNS: at + 20, CloseNS: at + 5_000_000, Events: 2, Outcome: sample.OK,
				}
				if k == 1 {
					slot.StartNS = at
				}
				slot.EndNS = s.CloseNS
				run.Samples = append(run.Samples, s)
				at += second / 100
			}
			run.Trailer.Slots = append(run.Trailer.Slots, slot)
			at += second
		}
	}
	run.Trailer.Validity.Grade = sample.Valid
	return run
}

// split makes of n shards the i-th.
func split(run *sample.Run, i, n int) *sample.Run {
	part := &sample.Run{Header: run.Header, Trailer: run.Trailer}
	part.Header.EpochNS = int64(1000 + i)
	part.Header.Machine = sample.Machine{CPU: fmt.Sprint("cpu ", i)}
	part.Header.Shard = &sample.Shard{Index: i, Of: n, StartAt: "2026-01-31T12:00:01Z", Clock: sample.Offset{Against: "http://a", OffsetNS: 1000 * int64(i), ErrorNS: 2_000_000}}
	part.Trailer.Slots = slices.Clone(run.Trailer.Slots)
	place := map[string]int{}
	for _, s := range run.Samples {
		key := fmt.Sprint(s.Block, s.Arm, s.Warmup)
		if place[key]%n == i {
			part.Samples = append(part.Samples, s)
		}
		place[key]++
	}
	for k := range part.Trailer.Slots {
		slot := &part.Trailer.Slots[k]
		slot.Requests, slot.Events, slot.StartNS, slot.EndNS, slot.AchievedHz, slot.IntendedHz = 0, 0, 0, 0, 3, 3
		for _, s := range part.Samples {
			if s.Warmup || s.Block != slot.Block || s.Arm != slot.Arm {
				continue
			}
			if slot.Requests == 0 {
				slot.StartNS = s.IntendedNS
			}
			slot.Requests++
			slot.Events += s.Events
			slot.EndNS = s.CloseNS
		}
	}
	return part
}

func shards(n int) (parts []merge.Part) {
	for i := range n {
		parts = append(parts, merge.Part{Name: fmt.Sprintf("%d.run.jsonl", i), Run: split(whole(), i, n)})
	}
	return parts
}

// TestTheMergedRunIsTheRunOfOneMachine is the promise of the room.
func TestTheMergedRunIsTheRunOfOneMachine(t *testing.T) {
	for n := 1; n <= 6; n++ {
		parts := shards(n)
		slices.Reverse(parts)
		got, err := merge.Merge(parts)
		if err != nil {
			t.Fatalf("%d shards: %v", n, err)
		}
		want := whole()
		if diff := cmp.Diff(want.Samples, got.Samples); diff != "" {
			t.Errorf("%d shards: samples differ:\n%s", n, diff)
		}
		if diff := cmp.Diff(want.Trailer.Slots, got.Trailer.Slots, cmpopts.EquateApprox(1e-9, 0)); diff != "" {
			t.Errorf("%d shards: slots differ:\n%s", n, diff)
		}
		if diff := cmp.Diff(want.Header, got.Header, cmpopts.IgnoreFields(sample.Header{}, "Shards", "Machine")); diff != "" {
			t.Errorf("%d shards: headers differ:\n%s", n, diff)
		}
		if len(got.Header.Shards) != n || got.Header.Shards[n-1].Index != n-1 || got.Header.Shards[n-1].Machine.CPU != fmt.Sprint("cpu ", n-1) {
			t.Errorf("%d shards: %+v", n, got.Header.Shards)
		}
		if got.Trailer.Validity.Grade != sample.Valid || got.Trailer.Stopped != "" {
			t.Errorf("%d shards: %+v", n, got.Trailer)
		}
	}
}

func TestWhatDoesNotBelongTogetherIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(p []merge.Part) []merge.Part
		want  string
	}{
		"nothing":        {func([]merge.Part) []merge.Part { return nil }, "no run file"},
		"missing":        {func(p []merge.Part) []merge.Part { return p[:2] }, "shard 2 of 3 is missing"},
		"two missing":    {func(p []merge.Part) []merge.Part { return p[1:2] }, "shard 0, 2 of 3 is missing"},
		"twice":          {func(p []merge.Part) []merge.Part { return append(p, p[1]) }, "1.run.jsonl and 1.run.jsonl are both shard 1"},
		"no shard":       {func(p []merge.Part) []merge.Part { p[1].Run.Header.Shard = nil; return p }, "1.run.jsonl is no shard"},
		"other seed":     {func(p []merge.Part) []merge.Part { p[2].Run.Header.Seed++; return p }, "2.run.jsonl is of another run than 0.run.jsonl: the seed differs"},
		"other dataset":  {func(p []merge.Part) []merge.Part { p[1].Run.Header.Dataset.Hash = "x"; return p }, "the dataset differs"},
		"other plan":     {func(p []merge.Part) []merge.Part { p[1].Run.Header.Schedule.Hash = "x"; return p }, "the schedule differs"},
		"other start":    {func(p []merge.Part) []merge.Part { p[1].Run.Header.Shard.StartAt = "x"; return p }, "the start differs"},
		"other number":   {func(p []merge.Part) []merge.Part { p[1].Run.Header.Shard.Of = 4; return p }, "the number of shards differs"},
		"other target":   {func(p []merge.Part) []merge.Part { p[1].Run.Header.Arms = p[1].Run.Header.Arms[:1]; return p }, "the arms differs"},
		"other model":    {func(p []merge.Part) []merge.Part { p[1].Run.Header.Model = "x"; return p }, "the model differs"},
		"other version":  {func(p []merge.Part) []merge.Part { p[1].Run.Header.Tool = "x"; return p }, "the version differs"},
		"other reason":   {func(p []merge.Part) []merge.Part { p[1].Run.Header.NoControls = "x"; return p }, "what their headers say of the run differs"},
		"request twice":  {func(p []merge.Part) []merge.Part { p[1].Run.Samples[0].Seq = 1; return p }, "request 1 of the plan stands in 0.run.jsonl and in 1.run.jsonl"},
		"request absent": {func(p []merge.Part) []merge.Part { p[1].Run.Samples = p[1].Run.Samples[:5]; return p }, "not those that a plan"},
		"stopped early": {func(p []merge.Part) []merge.Part {
			p[1].Run.Samples, p[1].Run.Trailer.Stopped = p[1].Run.Samples[:5], "interrupted"
			return p
		}, "1.run.jsonl ended before its plan did (interrupted)"},
	} {
		run, err := merge.Merge(test.spoil(shards(3)))
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") || run != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheWorstShardSpeaksForAll(t *testing.T) {
	parts := shards(3)
	late := func(value float64, grade sample.Grade) sample.Signal {
		return sample.Signal{Name: "start lateness P99", Value: value, Unit: "ms", Grade: grade, Valid: .5, Degraded: 5}
	}
	rate := func(value float64) sample.Signal {
		return sample.Signal{Name: "achieved rate", Value: value, Unit: "%", Grade: sample.Valid, Valid: 99, Degraded: 95}
	}
	canary := func(value float64) sample.Signal {
		return sample.Signal{Name: "canary P99", Value: value, Unit: "ms", Grade: sample.Valid, Valid: 1, Degraded: 5}
	}
	for i, v := range []sample.Validity{
		{Grade: sample.Valid, Signals: []sample.Signal{late(.1, sample.Valid), rate(99.5), canary(.2)}, Error: map[sample.Measure]sample.ErrorNS{sample.TTFB: {P50: 1, P99: 9, Max: 10, N: 4}, sample.Gap: {P99: 1}}},
		{Grade: sample.Degraded, Signals: []sample.Signal{late(2, sample.Degraded), rate(100), canary(.9)}, Error: map[sample.Measure]sample.ErrorNS{sample.TTFB: {P50: 2, P99: 3, Max: 30, N: 5}}, Warnings: []string{"w"}},
		{Grade: sample.Valid, Signals: []sample.Signal{late(.4, sample.Valid), rate(99.1), canary(.3)}, Error: map[sample.Measure]sample.ErrorNS{sample.TTFB: {P99: 1, N: 1}, sample.Gap: {P99: 1}}},
	} {
		parts[i].Run.Trailer.Validity = v
	}
	parts[2].Run.Trailer.Stopped = "interrupted in block 2 of 2"
	got, err := merge.Merge(parts)
	if err != nil {
		t.Fatal(err)
	}
	v := got.Trailer.Validity
	if v.Grade != sample.Degraded || got.Trailer.Stopped != "shard 2: interrupted in block 2 of 2" || !slices.Contains(v.Warnings, "shard 1: w") {
		t.Errorf("%+v", got.Trailer)
	}
	if diff := cmp.Diff([]sample.Signal{late(2, sample.Degraded), rate(99.1), canary(.9)}, v.Signals[:3]); diff != "" {
		t.Error(diff)
	}
	want := map[sample.Measure]sample.ErrorNS{sample.TTFB: {P50: 2, P99: 9, Max: 30, N: 10}}
	if diff := cmp.Diff(want, v.Error); diff != "" {
		t.Errorf("error of a measure that one shard does not know:\n%s", diff)
	}
}

// TestClocks has what is said of the clocks for offsets, errors and steps.
func TestClocks(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(a, b *sample.Shard)
		ms    float64
		grade sample.Grade
		warn  string
	}{
		// 0 ± 2 ms and 1 µs ± 2 ms
		"close":        {func(*sample.Shard, *sample.Shard) {}, 4.001, sample.Valid, ""},
		"apart":        {func(a, _ *sample.Shard) { a.Clock.OffsetNS = -100_000_000 }, 104.001, sample.Degraded, ""},
		"far apart":    {func(_, b *sample.Shard) { b.Clock.OffsetNS = 5 * second }, 5004, sample.Invalid, ""},
		"a step":       {func(a, _ *sample.Shard) { a.StepNS = -60_000_000 }, 124, sample.Degraded, ""},
		"unknown":      {func(_, b *sample.Shard) { b.Clock.Unknown = "no Date" }, 0, sample.Degraded, "shard 1: no Date"},
		"other target": {func(_, b *sample.Shard) { b.Clock.Against = "http://b" }, 0, sample.Degraded, "shard 1 asked http://b"},
	} {
		parts := shards(2)
		test.spoil(parts[0].Run.Header.Shard, parts[1].Run.Header.Shard)
		got, err := merge.Merge(parts)
		if err != nil {
			t.Fatal(err)
		}
		v := got.Trailer.Validity
		i := slices.IndexFunc(v.Signals, func(s sample.Signal) bool { return s.Name == "clocks of shards apart" })
		switch {
		case v.Grade != test.grade:
			t.Errorf("%s: %s", name, v.Grade)
		case test.warn != "" && (i >= 0 || len(v.Warnings) != 1 || !strings.Contains(v.Warnings[0], test.warn)):
			t.Errorf("%s: %+v", name, v)
		case test.warn == "" && (i < 0 || v.Signals[i].Value < test.ms-.001 || v.Signals[i].Value > test.ms+.001):
			t.Errorf("%s: %+v", name, v.Signals)
		}
	}
}

func TestTurnsThatReachIntoTheNextAreSeen(t *testing.T) {
	parts := shards(2)
	parts[1].Run.Trailer.Slots[0].EndNS = parts[0].Run.Trailer.Slots[1].StartNS + 1
	got, err := merge.Merge(parts)
	if err != nil {
		t.Fatal(err)
	}
	if v := got.Trailer.Validity; v.Grade != sample.Invalid {
		t.Errorf("one of three turns reaches into the next: %+v", v)
	}
}
