package assert_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/guard/assert"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, want, wrong string }{
		{text: "full.p95 <= 2.5s", want: "full.p95 <= 2.5s"},
		{text: " ttfb.p50<300ms ", want: "ttfb.p50 < 300ms"},
		{text: "first_token.p99.9 <= 800 ms", want: "first_token.p99.9 <= 800ms"},
		{text: "success >= .99", want: "success >= 99%"},
		{text: "full.p95 improves 20%", want: "full.p95 improves 20%"},
		{text: "full.p95 improves -5%", want: "full.p95 improves -5%"},
		{text: "throughput >= 50/s", want: "throughput >= 50"},
		{text: "throughput improves 250%", want: "throughput improves 250%"},
		{text: "attempts.max == 1", want: "attempts.max == 1"},
		{text: "new_connections <= 4", want: "new_connections <= 4"},
		{text: "", wrong: "is no assertion"},
		{text: "full.p95", wrong: "is no assertion"},
		{text: "full.p95 <=", wrong: "is no duration"},
		{text: "full.p95 = 2s", wrong: "is no assertion"},
		{text: "full.p95 <= 2.5", wrong: "write 800ms or 2.5s"},
		{text: "full.p95 <= -1s", wrong: "is no duration"},
		{text: "full <= 2.5s", wrong: "full.p95"},
		{text: "full.p100 <= 2.5s", wrong: "unknown statistic"},
		{text: "full.pnan <= 2.5s", wrong: "unknown statistic"},
		{text: "full.p0x1p5 <= 2.5s", wrong: "unknown statistic"},
		{text: "fulll.p95 <= 2.5s", wrong: `unknown measure "fulll"`},
		{text: "success.p95 >= 99%", wrong: "one number"},
		{text: "success >= 101%", wrong: "is no share"},
		{text: "success >= NaN", wrong: "is no share"},
		{text: "full.p95 improves 100%", wrong: "is no share"},
		{text: "full.p95 == 2s", wrong: "equals nothing"},
		{text: "throughput >= Inf", wrong: "is no number"},
	} {
		a, err := assert.Parse(c.text)
		if c.wrong == "" && (err != nil || a.String() != c.want) {
			t.Errorf("%q: %v, %v, want %q", c.text, a, err, c.want)
		}
		if c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%q: %v, %v, want an error with %q", c.text, a, err, c.wrong)
		}
	}
}

// TestFromArgs: demands are taken out of a command line wherever they stand.
func TestFromArgs(t *testing.T) {
	demands, rest, err := assert.FromArgs([]string{
		"--arm", "new", "--first-token-p95-improve", "20%", "a.run.jsonl", "--full-p95=<=2.5s", "--success", ">=99%",
		"--ttfb-p50", "<300ms", "--full-p99.9=<=9s", "--first-token-mean", "<= 1s", "--json", "x", "--", "--full-p50",
	})
	var got []string
	for _, a := range demands {
		got = append(got, a.String())
	}
	want := []string{
		"first_token.p95 improves 20%", "full.p95 <= 2.5s", "success >= 99%", "ttfb.p50 < 300ms", "full.p99.9 <= 9s", "first_token.mean <= 1s",
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if want := []string{"--arm", "new", "a.run.jsonl", "--json", "x", "--", "--full-p50"}; !slices.Equal(rest, want) {
		t.Errorf("left are %q, want %q", rest, want)
	}
	for _, c := range []struct{ args, wrong string }{
		{"--full-p95", "needs a value"},
		{"--full-p95=2.5s", "'<=2.5s' or '>=2.5s'"},
		{"--full-p95 --json", "say how to compare"},
		{"--success-p95=>=99%", "one number"},
		{"--full-p995x=<1s", "unknown statistic"},
	} {
		if _, _, err := assert.FromArgs(strings.Fields(c.args)); err == nil || !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v, want %q", c.args, err, c.wrong)
		}
	}
	if _, err := assert.FromFlag("baseline", "x"); !errors.Is(err, assert.ErrNoFlag) {
		t.Errorf("--baseline is taken for a demand: %v", err)
	}
}

// FuzzParse holds that what is understood is written so that it is understood the
// same, and that nothing can be demanded that no value could break.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"full.p95 <= 2.5s", "success >= 99%", "full.p95 improves 20%", "throughput>=1e3/s", "attempts.max==1", "ttfb.p99.99<1ns"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := assert.Parse(text)
		if err != nil {
			return
		}
		again, err := assert.Parse(a.String())
		if err != nil {
			t.Fatalf("%q was understood, its own form %q is not: %v", text, a, err)
		}
		if again.String() != a.String() {
			t.Errorf("%q became %q and then %q", text, a, again)
		}
	})
}
