package stats_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

var update = flag.Bool("update", false, "write the worked example into docs/judge.md")

// worked are the parts of the example in docs/judge.md: every number there is
// computed here, by the functions that judge.
var worked = map[string]func(w io.Writer, t *testing.T){
	"pairs": workedPairs, "score": workedScore, "test": workedTest, "interval": workedInterval,
	"holm": workedHolm, "looks": workedLooks, "watched": workedWatched, "split": workedSplit, "rate": workedRate,
}

const judgeDoc = "../../docs/judge.md"

// block is a part of the page: a comment with its name, then a fence.
var block = regexp.MustCompile("(?s)<!-- worked: ([a-z]+) -->\n```\n(.*?)```\n")

// TestWorkedExample holds the page to what the functions print.
func TestWorkedExample(t *testing.T) {
	page, err := os.ReadFile(judgeDoc)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	want := block.ReplaceAllFunc(page, func(part []byte) []byte {
		name := string(block.FindSubmatch(part)[1])
		seen = append(seen, name)
		part, err := render(name, t)
		if err != nil {
			t.Fatal(err)
		}
		return part
	})
	slices.Sort(seen)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(worked)), seen); diff != "" {
		t.Errorf("the page shows other parts than there are (-are +shows):\n%s", diff)
	}
	if diff := cmp.Diff(string(want), string(page)); diff != "" {
		if *update {
			if err := os.WriteFile(judgeDoc, want, 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		t.Errorf("docs/judge.md differs from what is computed; run with -update and read it:\n%s", diff)
	}
}

func render(name string, t *testing.T) ([]byte, error) {
	print, known := worked[name]
	if !known {
		return nil, fmt.Errorf("docs/judge.md has a part %q that nothing computes", name)
	}
	var text bytes.Buffer
	print(&text, t)
	return fmt.Appendf(nil, "<!-- worked: %s -->\n```\n%s```\n", name, text.Bytes()), nil
}

// example is the sample that the page follows: 24 pairs in 6 blocks.
func example() (s stats.Sample, baseline, candidate []float64) {
	s = dataV1()
	for i := range s.Baseline {
		baseline = append(baseline, math.Round(math.Exp(s.Baseline[i])))
		candidate = append(candidate, math.Round(math.Exp(s.Candidate[i])))
	}
	return s, baseline, candidate
}

func workedPairs(w io.Writer, _ *testing.T) {
	s, baseline, candidate := example()
	fmt.Fprintln(w, "block   baseline, ms          candidate, ms")
	for k := range s.Blocks {
		fmt.Fprintf(w, "%5d  %s    %s\n", k+1, row(baseline[4*k:4*k+4]), row(candidate[4*k:4*k+4]))
	}
}

func row(values []float64) string {
	var out strings.Builder
	for _, v := range values {
		fmt.Fprintf(&out, "%4.0f ", v)
	}
	return out.String()
}

// workedScore scores the first block by hand, by the definition and not by the
// code under test, and then shows what the code has for every block.
func workedScore(w io.Writer, t *testing.T) {
	s, baseline, candidate := example()
	pooled := slices.Concat(baseline, candidate)
	fmt.Fprintln(w, "block 1   baseline  rank  score   candidate  rank  score   difference")
	sum := 0.0
	for i := range 4 {
		ra, ga := scored(pooled, baseline[i])
		rb, gb := scored(pooled, candidate[i])
		sum += gb - ga
		fmt.Fprintf(w, "          %5.0f ms  %.3f  %.3f    %5.0f ms  %.3f  %.3f    %+.3f\n", baseline[i], ra, ga, candidate[i], rb, gb, gb-ga)
	}
	fmt.Fprintf(w, "          sum of the block: %.4f\n\n", sum)
	sums := bandTest(t, s, .5, .9).Sums(0)
	near(t, "the first block's sum", sums[0], sum)
	fmt.Fprint(w, "sums of the six blocks:")
	for _, x := range sums {
		fmt.Fprintf(w, " %.4f", x)
	}
	fmt.Fprintln(w)
}

// scored is where v stands among pooled, and what the band P50 to P90 makes of
// it.
func scored(pooled []float64, v float64) (rank, score float64) {
	below, upTo := 0.0, 0.0
	for _, x := range pooled {
		if x < v {
			below++
		}
		if x <= v {
			upTo++
		}
	}
	rank = (below + upTo) / 2 / float64(len(pooled))
	return rank, math.Min(1, math.Max(0, (rank-.5)/(.9-.5)))
}

func workedTest(w io.Writer, t *testing.T) {
	s, _, _ := example()
	test := bandTest(t, s, .5, .9)
	at := test.At(0)
	m := stats.MeanT(slices.Clone(test.Sums(0)))
	fmt.Fprintf(w, "mean of the six sums %.4f, standard error %.4f, t = %.2f with %.0f degrees of freedom\n", m.Value, m.SE, at.T, at.DF)
	fmt.Fprintf(w, "p = %.5f; of the 64 ways to flip the six signs %.0f has a sum as large: p = %.5f\n", at.P(), 64*test.SignFlip(0), test.SignFlip(0))
	tolerant := test.At(math.Log(1.05))
	fmt.Fprintf(w, "with tau = 5 %% the candidate's times are divided by 1.05 first: t = %.2f, p = %.3f\n", tolerant.T, tolerant.P())
}

func workedInterval(w io.Writer, t *testing.T) {
	s, _, _ := example()
	test := bandTest(t, s, .5, .9)
	estimate := test.Estimate()
	lower, upper := test.Interval(estimate, .05)
	fmt.Fprintf(w, "the sums cancel when the candidate is divided by %.4f: it is %.1f %% slower\n", math.Exp(estimate), 100*math.Expm1(estimate))
	fmt.Fprintf(w, "|t| stays within its 5 %% bound of %.3f from a ratio of %.4f to one of %.4f\n", stats.QuantileT(.05, 5), math.Exp(lower), math.Exp(upper))
	se := test.StandardError(lower, upper, .05)
	fmt.Fprintf(w, "smallest worsening that such a run finds four times in five: %.1f %%\n", 100*math.Expm1(test.Detectable(se, .05)))
}

func workedHolm(w io.Writer, _ *testing.T) {
	p := []float64{.01, .04, .03, .005}
	fmt.Fprintln(w, "p of four metrics     ", row3(p))
	fmt.Fprintln(w, "adjusted by Holm      ", row3(stats.Holm(p)))
}

func row3(values []float64) string {
	var out strings.Builder
	for _, v := range values {
		fmt.Fprintf(&out, "%7.3f", v)
	}
	return out.String()
}

func workedLooks(w io.Writer, _ *testing.T) {
	z := stats.OBrienFleming(.05, 5)
	fmt.Fprintln(w, "look                      1       2       3       4       5")
	fmt.Fprint(w, "z to pass, alpha 5 %   ")
	for _, x := range z {
		fmt.Fprintf(w, "%7.4f ", x)
	}
	fmt.Fprint(w, "\nthe same as a p-value  ")
	for _, x := range z {
		fmt.Fprintf(w, "%7.5f ", stats.TailNormal(x))
	}
	fmt.Fprintf(w, "\nchance that equal arms ever pass: %.4f\n", stats.Crossing(stats.EqualLooks(5), z))
}

func workedWatched(w io.Writer, t *testing.T) {
	for _, ratio := range []float64{1.2, 1} {
		watched, err := stats.Watched(dataD(1000, 20, ratio), stats.Band{From: .90, To: .99}, .95)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(w, "candidate %2.0f %% slower: evidence after block", 100*(ratio-1))
		for _, k := range []int{1, 3, 5, 10, 20} {
			fmt.Fprintf(w, "  %d: %.3g", k, math.Exp(watched[k-1].Average))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, "rejected at 1/alpha = 20")
}

func workedSplit(w io.Writer, _ *testing.T) {
	for _, c := range []struct {
		share                float64
		candidate, slowTotal int
	}{{.5, 40, 60}, {.5, 25, 60}, {.1, 30, 150}} {
		up := stats.NewLabel(stats.Above)
		for i := range c.slowTotal {
			if i < c.candidate {
				up.Candidate(c.share)
			} else {
				up.Baseline(c.share)
			}
		}
		fmt.Fprintf(w, "share %2.0f %%: of %3d slow requests %2d are the candidate's, %2.0f expected: evidence %.3g\n",
			100*c.share, c.slowTotal, c.candidate, c.share*float64(c.slowTotal), math.Exp(up.Log()))
	}
}

func workedRate(w io.Writer, _ *testing.T) {
	a, b := stats.Count{OK: 990, N: 1000}, stats.Count{OK: 975, N: 1000}
	lower, upper := stats.Newcombe(a, b, stats.QuantileNormal(.025))
	fmt.Fprintf(w, "990 of 1000 against 975 of 1000: %.1f points, 95 %% interval %.2f to %.2f points\n",
		100*(b.Rate()-a.Rate()), 100*lower, 100*upper)
}
