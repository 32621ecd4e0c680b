package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/report"
)

// TestWorkOfTraffic: of traffic without pairs the sentence on work speaks of
// requests, and leaves out what nobody told.
func TestWorkOfTraffic(t *testing.T) {
	v := promote()
	v.Pairs, v.SameWork.Quality = 0, judge.NaN()
	v.Metrics[1].Upper = 1.39e22
	var out bytes.Buffer
	if err := report.Terminal(&out, v); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"over 2000 requests of each arm: output tokens", "finish reasons not told", "answers not told", "> +1000 %]"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, out.String())
		}
	}
	for _, bad := range []string{"score of answers", "2000 pairs", "000000"} {
		if i := strings.Index(text, "work the arms"); strings.Contains(text[i:strings.Index(text, " valid valid")], bad) {
			t.Errorf("it has %q:\n%s", bad, out.String())
		}
	}
}
