package chart_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
)

// TestTrend: a dot for each run, an upright for each change with its size, and
// nothing of a label becomes markup.
func TestTrend(t *testing.T) {
	svg := chart.Trend{
		Title: "first_token.p95", Values: []float64{100e6, 101e6, 99e6, 110e6, 111e6, 109e6}, Labels: []string{"<b>&\x1b"},
		Steps: []chart.Step{{At: 3, Before: 100e6, After: 110e6, Worse: true}},
	}.SVG()
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(svg, "<circle"); n != 6 {
		t.Errorf("%d dots, want 6", n)
	}
	for _, want := range []string{"+10.0 %", `<line class="worse"`, "&lt;b&gt;&amp;", "6 runs, 1 changes"} {
		if !strings.Contains(svg, want) {
			t.Errorf("it lacks %q", want)
		}
	}
}
