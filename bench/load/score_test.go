package load_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/quality"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

// similarItems is a set of which every item asks for likeness alone.
func similarItems(t testing.TB) *datasets.Set {
	t.Helper()
	const line = `{"id":"item-N","kind":"short","messages":[{"role":"user","content":"N?"}],"max_tokens":64,"expect":{"similar":true}}` + "\n"
	var lines strings.Builder
	for _, n := range []string{"0", "1", "2", "3", "4"} {
		lines.WriteString(strings.ReplaceAll(line, "N", n))
	}
	set, err := datasets.Read("similar", strings.NewReader(lines.String()))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// byLikeness lets cfg score answers as a gate does.
func byLikeness(t testing.TB, cfg *load.Config) {
	t.Helper()
	cfg.Set = similarItems(t)
	scorer, err := quality.NewScorer(cfg.Set)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Score = func(a load.Answered) func() load.Grade {
		grade := scorer.Take(quality.Use{Item: a.Item.ID, Occurrence: a.Occurrence, Baseline: a.Baseline}, quality.Answer{Text: a.Answer.Text})
		return func() load.Grade {
			if g := grade(); g.Scored {
				return load.Grade{Quality: &g.Score.Value}
			}
			return load.Grade{Early: true}
		}
	}
}

// TestAGarbledShareLowersTheScoresByLikeness: where a fifth of one arm's answers
// is garbled, in whichever order the arms of a block run, its mean falls by that.
// Scores of a block stand when Stop is asked, and no first use of an item has one.
func TestAGarbledShareLowersTheScoresByLikeness(t *testing.T) {
	var n atomic.Int64
	sound := serve(t, answer)
	spoiling := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%5 != 0 {
			answer(w, r)
			return
		}
		open(w)
		say(w, "bar gjb guerr")
		finish(w)
	})
	cfg := config(t, sound.URL, 10)
	cfg.Arms = append(cfg.Arms, load.Standing{ArmName: "candidate", At: load.Target{URL: spoiling.URL}})
	cfg.Blocks = 6
	byLikeness(t, &cfg)
	cfg.Stop = func(blocks int, soFar *load.Result) load.Ending {
		for _, s := range soFar.Samples {
			if (s.Quality == nil) != (s.Occurrence == 1) || s.Early != (s.Occurrence == 1) {
				t.Errorf("after %d blocks: %s, use %d of %s: quality %v, early %v", blocks, s.Arm, s.Occurrence, s.Item, s.Quality, s.Early)
			}
		}
		return load.Ending{}
	}
	r := run(t, t.Context(), cfg)
	sum, count, garbled, early := map[string]float64{}, map[string]int{}, 0, 0
	for _, s := range r.Samples {
		switch {
		case s.Quality != nil:
			sum[s.Arm] += *s.Quality
			count[s.Arm]++
		case s.Arm == "candidate" && s.AnswerHash != "6899ee404683a14e": // of "one two three"
			early++
		}
		if s.Arm == "candidate" && s.AnswerHash != "6899ee404683a14e" {
			garbled++
		}
	}
	if count["baseline"] != 55 || count["candidate"] != 55 || garbled != 12 {
		t.Fatalf("scored %v, %d garbled", count, garbled)
	}
	if sum["baseline"] != 55 || sum["candidate"] != float64(55-garbled+early) {
		t.Errorf("scores add up to %v; %d garbled, of which %d were not to be scored", sum, garbled, early)
	}
}

// TestNoLikenessToADeadBaseline: where the baseline never answers there is
// nothing to be like, and nobody has a score.
func TestNoLikenessToADeadBaseline(t *testing.T) {
	dead := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	sound := serve(t, answer)
	cfg := config(t, dead.URL, 10)
	cfg.Arms = append(cfg.Arms, load.Standing{ArmName: "candidate", At: load.Target{URL: sound.URL}})
	cfg.Blocks = 2
	byLikeness(t, &cfg)
	for _, s := range run(t, t.Context(), cfg).Samples {
		if s.Quality != nil || s.Early != (s.Outcome == sample.OK) {
			t.Errorf("%s, %s: quality %v, early %v", s.Arm, s.Outcome, s.Quality, s.Early)
		}
	}
}
