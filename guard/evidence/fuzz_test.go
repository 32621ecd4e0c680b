package evidence_test

import (
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
)

// FuzzNew builds evidence of damaged lists of samples, four bytes for each: it
// never panics, never has more pairs than an arm has requests, and never counts a
// request twice.
func FuzzNew(f *testing.F) {
	f.Add([]byte("0000100020003000"), uint8(0), uint8(1))
	f.Add([]byte{0, 1, 2, 3, 1, 1, 2, 3, 0, 1, 2, 255, 2, 0, 0, 0, 3, 0, 0, 0}, uint8(1), uint8(0))
	designs := []sample.Design{sample.Interleaved, sample.Split, sample.Switchback, sample.Single, "", "nonsense"}
	outcomes := []sample.Outcome{sample.OK, sample.OK, sample.HTTP5xx, sample.Aborted, sample.DroppedStart, "?"}
	names := []string{"old", "new", "twin", "plant", "stranger", ""}
	f.Fuzz(func(t *testing.T, data []byte, design, perSlot uint8) {
		run := sample.Run{Header: sample.Header{
			Design: designs[int(design)%len(designs)], Blocks: int(design) - 5,
			Arms: []sample.Arm{{Name: "old"}, {Name: "new"}, {Name: "twin", Role: sample.Twin, PerSlot: int(perSlot) - 2}, {Name: "plant", Role: sample.Plant}},
		}}
		for ; len(data) >= 4; data = data[4:] {
			a, b, c, d := int(data[0]), int(data[1]), int(data[2]), int(data[3])
			s := sample.Sample{
				Arm: names[a%len(names)], Warmup: a > 240, Block: b%7 - 2, Restart: b % 3, Item: names[b/7%len(names)], Occurrence: c%4 - 1,
				Session: names[c/4%len(names)], Share: float64(c)/100 - 1, Outcome: outcomes[d%len(outcomes)],
				IntendedNS: int64(d) - 9, TokenNS: int64(c) - 9, CloseNS: int64(b) - 9, LastNS: int64(a) - 9, Events: d % 5, Weight: float64(a%5) - 1,
				GapsNS: make([]int64, d%3), UpstreamNS: make([]int64, a%3), Usage: sample.Usage{Output: b - 5, Input: c - 5, Cached: d - 5},
			}
			if d%2 == 0 {
				s.Quality = new(float64(c) - 3)
			}
			run.Samples = append(run.Samples, s)
			run.Trailer.Slots = append(run.Trailer.Slots, sample.Slot{Block: s.Block, Arm: s.Arm})
		}
		none := []summary.Arm{} // histograms are another matter, and slow
		set, err := evidence.New(evidence.Source{Run: run, Arms: none})
		if err != nil {
			t.Fatal(err) // the arms are sound
		}
		sound(t, set)
		sound(t, *set.Controls.Twin)
		sound(t, *set.Controls.Plant)
		if both, err := evidence.Two(evidence.Source{Run: run, Arms: none, Baseline: "old"}, evidence.Source{Run: run, Arms: none, Candidate: "new"}); err != nil {
			t.Fatal(err)
		} else {
			sound(t, both)
		}
	})
}

func sound(t *testing.T, set evidence.Set) {
	t.Helper()
	var made [2]int
	for _, r := range set.Requests {
		made[0] += len(r.Baseline)
		made[1] += len(r.Candidate)
	}
	most := min(made[0], made[1])
	if set.Pairs != len(set.Paired) || set.Pairs > most || set.Pairs+set.LostCandidate > made[0] || set.Pairs+set.LostBaseline > made[1] {
		t.Fatalf("%d pairs, lost %d and %d, of %v requests", set.Pairs, set.LostBaseline, set.LostCandidate, made)
	}
	for m, p := range set.Latencies {
		n := p.N()
		if n > set.Pairs || len(p.Candidate) != n || len(p.Block) != n || len(p.Item) != n || p.Weight != nil && len(p.Weight) != n {
			t.Fatalf("%s: %d of %d pairs, columns of %d, %d, %d", m, n, set.Pairs, len(p.Candidate), len(p.Block), len(p.Item))
		}
		for i, k := range p.Block {
			if k < 0 || k >= set.Blocks || i > 0 && k < p.Block[i-1] || !(p.Baseline[i] > 0) || !(p.Candidate[i] > 0) {
				t.Fatalf("%s: pair %d of block %d: %v, %v", m, i, k, p.Baseline[i], p.Candidate[i])
			}
		}
	}
	seen := map[*sample.Sample]bool{}
	for _, p := range set.Paired {
		if seen[p.Baseline] || seen[p.Candidate] || p.Baseline.Item != p.Candidate.Item || p.Baseline.Block != p.Candidate.Block {
			t.Fatalf("pair %+v", p)
		}
		seen[p.Baseline], seen[p.Candidate] = true, true
	}
	units := set.Mixed
	for _, u := range set.Units {
		units += len(u.Requests)
	}
	if units > made[0]+made[1] {
		t.Fatalf("%d units of %v requests", units, made)
	}
}
