package chart_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
)

var update = flag.Bool("update", false, "write the golden files")

var inf, nan = math.Inf(1), math.NaN()

// curve is a smooth made-up curve of one arm with a tail that grows by stretch;
// from the share failsFrom on every request failed.
func curve(name string, role chart.Role, median, stretch, failsFrom float64) chart.Curve {
	at := func(q float64) float64 {
		if q >= failsFrom {
			return inf
		}
		return median * math.Exp(stretch*(-math.Log10(1-q)-.3))
	}
	c := chart.Curve{Name: name, Role: role, P50: at(.5), P95: at(.95), P99: at(.99)}
	for i := range 61 {
		q := 1 - math.Pow(10, -float64(i)/20)
		c.Points = append(c.Points, chart.Point{Q: q, NS: at(q)})
	}
	return c
}

// pictures are every kind of picture with its ordinary and its odd data.
func pictures() map[string]string {
	return map[string]string{
		"percentiles-linear": chart.Percentiles("Time to first token", []chart.Curve{
			curve("baseline", chart.Baseline, 40e6, .6, 2), curve("candidate", chart.Candidate, 42e6, .62, 2),
		}),
		"percentiles-log": chart.Percentiles("Full latency", []chart.Curve{
			curve("baseline", chart.Baseline, 0.9e6, 1.9, 2), curve("candidate", chart.Candidate, 1.4e6, 2.1, 2),
		}),
		"percentiles-failures": chart.Percentiles("Time to first byte", []chart.Curve{
			curve("baseline", chart.Baseline, 40e6, .6, 2), curve("candidate", chart.Candidate, 42e6, .6, .93),
		}),
		"percentiles-all-failed": chart.Percentiles("Time to first byte", []chart.Curve{
			curve("baseline", chart.Baseline, 40e6, .6, 2), curve("candidate", chart.Candidate, 42e6, .6, 0),
		}),
		"percentiles-empty": chart.Percentiles("Inter-token gap", []chart.Curve{
			{Name: "baseline", Role: chart.Baseline, P50: nan, P95: nan, P99: nan},
		}),
		"percentiles-hostile-names": chart.Percentiles(`<script>alert("x")</script> & co`, []chart.Curve{
			curve(`"><img src=x onerror=alert(1)>`, chart.Candidate, 40e6, .6, 2),
		}),
		"forest": chart.Forest("Effects on latency", chart.Ratio, []chart.Effect{
			{Name: "first token, median band", Estimate: 1.004, Lower: .99, Upper: 1.017, Tolerated: .05, Promote: .1, Tone: chart.Fine},
			{Name: "first token, P90-P99 tail", Estimate: 1.21, Lower: 1.13, Upper: 1.3, Tolerated: .05, Promote: .1, Tone: chart.Worse},
			{Name: "gap, mean", Estimate: 1.06, Lower: .98, Upper: 1.15, Tolerated: .05, Promote: .1, Tone: chart.Open},
			{Name: "throughput", Note: "shown only", Estimate: .999, Lower: .998, Upper: 1.001, Tolerated: .05, HigherIsBetter: true, Tone: chart.Plain},
			{Name: "full latency, P90-P99 tail", Estimate: inf, Lower: 1.2, Upper: inf, Tolerated: .05, Promote: .1, Tone: chart.Worse},
			{Name: "full latency, mean", Estimate: nan, Lower: nan, Upper: nan, Tone: chart.Open},
		}),
		"forest-difference": chart.Forest("Effect on success", chart.Difference, []chart.Effect{
			{Name: "success rate", Estimate: -.049, Lower: -.061, Upper: -.037, Tolerated: .01, Promote: .02, HigherIsBetter: true, Tone: chart.Worse},
		}),
		"blocks": chart.Blocks("Effect within each block", chart.Ratio, []chart.BlockEffects{
			{Name: "first token, P90-P99 tail", Estimate: 1.2, Tone: chart.Worse, Effects: []float64{1.2, 1.1, 1.3, 1.25, .97, 1.15, 1.3, 1.22, 1.2, nan, 1.18, 1.28}},
			{Name: "gap, mean", Estimate: 1.001, Tone: chart.Fine, Effects: []float64{1, 1.01, .99, 1.02, .98, 1, 1, 1.01, inf, .97, 1.02, 1}},
		}),
		"percentiles-four": chart.Percentiles("First token of two runs", []chart.Curve{
			curve("before:a", chart.RoleOf(0), 40e6, .6, 2), curve("before:b", chart.RoleOf(1), 42e6, .62, 2),
			curve("after:a", chart.RoleOf(2), 30e6, .6, 2), curve("after:b", chart.RoleOf(3), 32e6, .62, .97),
		}),
		"timeline-five": chart.Timeline("Full latency of five arms", five()),
		"heatmap":       chart.Heatmap("First token over the run", chart.Track{Name: "candidate", Moments: spread()}),
		"heatmap-beside": chart.Heatmap("On the axes of another", chart.Track{Name: "short & <small>", Moments: []chart.Moment{{1, 3e7}}},
			chart.Track{Moments: []chart.Moment{{40, 9e7}}}),
		"heatmap-empty":  chart.Heatmap("Nothing measured", chart.Track{Name: "candidate"}),
		"heatmap-failed": chart.Heatmap("Nothing succeeded", chart.Track{Name: "candidate", Moments: []chart.Moment{{1, inf}, {2, inf}, {nan, 1}, {3, nan}}}),
		"timeline": chart.Timeline("Full latency over the run", []chart.Track{
			{Name: "baseline", Role: chart.Baseline, Moments: []chart.Moment{{0, 3e8}, {1, 5e8}, {2.5, 4e8}, {7, 6e8}}},
			{Name: "candidate", Role: chart.Candidate, Moments: []chart.Moment{{.5, 3.2e8}, {1.5, inf}, {3, 9e8}, {6.5, 4e8}}},
		}),
	}
}

// five are tracks of as many arms.
func five() []chart.Track {
	var tracks []chart.Track
	for i, name := range []string{"a", "b", "c", "d", "e"} {
		tracks = append(tracks, chart.Track{Name: name, Role: chart.RoleOf(i), Moments: []chart.Moment{{float64(i), 3e8}, {5, 1e8 * float64(i+1)}}})
	}
	return tracks
}

// spread are two bands of requests, one of which rises, and some failures.
func spread() []chart.Moment {
	var all []chart.Moment
	for i := range 400 {
		at := float64(i) / 10
		all = append(all, chart.Moment{At: at, NS: 20e6 + float64(i%5)*1e6}, chart.Moment{At: at, NS: 60e6 + at*1e6})
		if i%97 == 0 {
			all = append(all, chart.Moment{At: at, NS: inf})
		}
	}
	return all
}

// TestHeatmapCountsEveryRequest: what stands in the cells is all that was given.
func TestHeatmapCountsEveryRequest(t *testing.T) {
	svg := chart.Heatmap("x", chart.Track{Moments: spread()})
	counted := 0
	for _, m := range regexp.MustCompile(`: (\d+) requests</title>`).FindAllStringSubmatch(svg, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		counted += n
	}
	if want := len(spread()); counted != want {
		t.Errorf("%d requests in the cells, want %d", counted, want)
	}
	if !strings.Contains(svg, "805 requests over 39.9 s, 5 of them failed.") {
		t.Error("the description does not count them")
	}
}

func TestGoldens(t *testing.T) {
	for name, got := range pictures() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".svg")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s differs, look at it and run with -update:\n%s", path, diff)
			}
		})
	}
}

// TestEveryPictureIsWholeAndHarmless: well-formed XML with a title and a
// description, nothing that runs, nothing that loads, no number that is none.
func TestEveryPictureIsWholeAndHarmless(t *testing.T) {
	for name, svg := range pictures() {
		t.Run(name, func(t *testing.T) {
			elements := map[string]int{}
			decoder := xml.NewDecoder(strings.NewReader(svg))
			for {
				token, err := decoder.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if start, ok := token.(xml.StartElement); ok {
					elements[start.Name.Local]++
					checkAttributes(t, start)
				}
			}
			if elements["title"] == 0 || elements["desc"] != 1 || elements["svg"] != 1 {
				t.Errorf("elements %v", elements)
			}
			for _, forbidden := range []string{"script", "image", "foreignObject", "use", "a"} {
				if elements[forbidden] > 0 {
					t.Errorf("contains <%s>", forbidden)
				}
			}
		})
	}
}

func checkAttributes(t *testing.T, e xml.StartElement) {
	t.Helper()
	for _, a := range e.Attr {
		if strings.HasPrefix(strings.ToLower(a.Name.Local), "on") || a.Name.Local == "href" {
			t.Errorf("<%s %s=%q>", e.Name.Local, a.Name.Local, a.Value)
		}
		switch a.Name.Local {
		case "d", "points", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height":
			if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				t.Errorf("<%s %s=%q>", e.Name.Local, a.Name.Local, a.Value)
			}
		}
	}
}

func TestDuration(t *testing.T) {
	tests := []struct {
		ns   float64
		want string
	}{
		{0, "0 ms"},
		{950, "950 ns"},
		{999.6, "1.00 µs"},
		{812_345, "812 µs"},
		{999_700, "1.00 ms"},
		{12_444_000, "12.4 ms"},
		{99_960_000, "100 ms"},
		{1_236_000_000, "1.24 s"},
		{61e9, "61.0 s"},
		{3600e9, "3600 s"},
		{-2_500_000, "-2.50 ms"},
		{inf, "∞"},
		{nan, "–"},
	}
	for _, test := range tests {
		if got := chart.Duration(test.ns); got != test.want {
			t.Errorf("%v ns: %q, want %q", test.ns, got, test.want)
		}
	}
}

func TestChangeAndPoints(t *testing.T) {
	tests := []struct{ got, want string }{
		{chart.Change(1), "0 %"},
		{chart.Change(1.053), "+5.3 %"},
		{chart.Change(.9977), "-0.23 %"},
		{chart.Change(2.5), "+150 %"},
		{chart.Change(1.0000001), "0 %"},
		{chart.Change(11), "+1000 %"},
		{chart.Change(1.39e22), "> +1000 %"},
		{chart.Ratio.Interval(.5, 1.39e22), "[-50.0 %, > +1000 %]"},
		{chart.Change(inf), "∞"},
		{chart.Change(nan), "–"},
		{chart.Points(-.0154), "-1.5 points"},
		{chart.Points(0), "0 points"},
		{chart.Points(math.Inf(-1)), "-∞"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

// FuzzCharts: whatever the numbers and names, a picture is well-formed and
// holds no coordinate that is none.
func FuzzCharts(f *testing.F) {
	f.Add("name", 1.0, 2.0, 3.0)
	f.Add("<&\"", nan, inf, -1.0)
	f.Add("\xff\x00", 0.0, 1e300, 1e-300)
	f.Fuzz(func(t *testing.T, name string, a, b, c float64) {
		for _, svg := range []string{
			chart.Percentiles(name, []chart.Curve{{Name: name, Role: chart.Candidate, P50: a, P95: b, P99: c, Points: []chart.Point{{0, a}, {.5, b}, {.99, c}}}}),
			chart.Forest(name, chart.Ratio, []chart.Effect{{Name: name, Estimate: a, Lower: b, Upper: c, Tolerated: b, Promote: c, Tone: chart.Worse}}),
			chart.Forest(name, chart.Difference, []chart.Effect{{Name: name, Estimate: a, Lower: b, Upper: c, Tolerated: b, Promote: c, Tone: chart.Worse}}),
			chart.Blocks(name, chart.Ratio, []chart.BlockEffects{{Name: name, Effects: []float64{a, b, c}, Estimate: a, Tone: chart.Fine}}),
			chart.Timeline(name, []chart.Track{{Name: name, Role: chart.Baseline, Moments: []chart.Moment{{a, b}, {b, c}}}}),
			chart.Heatmap(name, chart.Track{Name: name, Moments: []chart.Moment{{a, b}, {b, c}, {c, a}}}, chart.Track{Moments: []chart.Moment{{b, a}}}),
		} {
			decoder := xml.NewDecoder(bytes.NewReader([]byte(svg)))
			for {
				token, err := decoder.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%v in\n%s", err, svg)
				}
				if start, ok := token.(xml.StartElement); ok {
					checkAttributes(t, start)
				}
			}
		}
	})
}
