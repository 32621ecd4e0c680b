package admin

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
)

func TestWords(t *testing.T) {
	low, none := -.1234, (*float64)(nil)
	for want, got := range map[string]string{
		"0 ms":                duration(0),
		"0.40 ms":             duration(400 * time.Microsecond),
		"9.99 ms":             duration(9990 * time.Microsecond),
		"10 ms":               duration(10 * time.Millisecond),
		"999 ms":              duration(999 * time.Millisecond),
		"1.00 s":              duration(999600 * time.Microsecond),
		"1 s":                 duration(time.Second),
		"10.0 s":              duration(9999 * time.Millisecond),
		"41.2 s":              duration(41200 * time.Millisecond),
		"1 min 40 s":          duration(100 * time.Second),
		"13 h 19 min":         duration(13*time.Hour + 19*time.Minute + 1209*time.Millisecond),
		"-2 s":                duration(-2 * time.Second),
		"never":               duration(live.Never),
		"fails":               latency(live.Never),
		"–":                   latency(0),
		"0\u00a0%":            percent(0),
		"0.4\u00a0%":          percent(.004),
		"100\u00a0%":          percent(1),
		"99.9\u00a0%":         percent(.999),
		"12.5":                setting(12.5),
		"20":                  setting(20),
		"−12.3\u00a0%":        change(&low),
		"0":                   rate(0),
		"1.25":                rate(1.25),
		"12.3":                rate(12.34),
		"1\u202f235":          rate(1234.9),
		"22\u202f000":         count(22000),
		"123":                 count(123),
		"-1\u202f000":         count(-1000),
		"1\u202f234.5":        number(1234.5),
		"33.3\u00a0%":         share(1, 3),
		"1\u202f000\u202f000": count(int64(1e6)),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if share(0, 0) != "–" || change(none) != "–" {
		t.Error("nothing is told as something")
	}
}

func TestChartLines(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []float64
		want   string
	}{
		{"none", nil, ""},
		{"one", []float64{1}, "M0.0 60.0h.1"},
		{"rising", []float64{0, 1, 2}, "M0.0 120.0h.1L300.0 60.0L600.0 0.0"},
		{"a gap", []float64{1, gap, 2}, "M0.0 60.0h.1M600.0 0.0h.1"},
		{"a failure", []float64{1, peak}, "M0.0 60.0h.1L600.0 0.0"},
	} {
		if got := line(tt.values, 2); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	for want, values := range map[float64][]float64{
		1: nil, 2: {1.5}, 5: {3, gap}, 10: {9, peak}, 500: {201}, .05: {.021},
	} {
		if got := top(values, []float64{gap}); math.Abs(got-want) > 1e-12 {
			t.Errorf("over %v comes %v, want %v", values, got, want)
		}
	}
	if area(nil, 1) != "" {
		t.Error("an area of nothing")
	}
}

func TestIntervalPlaces(t *testing.T) {
	effect, low, high := .1, 0., .2
	got := intervalOf(&Verdict{Effect: &effect, Low: &low, High: &high})
	if got.Zero != 100 || got.From != 100 || math.Abs(got.From+got.Wide-(100+100/1.15)) > 1e-9 || got.Effect <= got.From || got.Effect >= got.From+got.Wide {
		t.Errorf("%+v", got)
	}
	if intervalOf(nil) != nil || intervalOf(&Verdict{Effect: &effect}) != nil {
		t.Error("an interval that was not told is drawn")
	}
	equal := intervalOf(&Verdict{Effect: new(float64), Low: new(float64), High: new(float64)})
	if math.IsNaN(equal.From) || equal.Wide < 1 {
		t.Errorf("of no width: %+v", equal)
	}
}

// TestTimelineBars holds where the bars of a request with a wait lie.
func TestTimelineBars(t *testing.T) {
	got := timelineOf(live.Request{
		Outcome: live.OK, FirstByte: 800, FirstToken: 900, Duration: 1000,
		Attempts: []live.Attempt{{At: 100, Class: "rate", Status: 429, Slept: 300, Retried: true}, {At: 500}},
	})
	want := []bar{
		{Label: "Attempt 1: rate (429)", Failed: true, At: 10, Wide: 10, WaitAt: 20, WaitedWide: 30},
		{Label: "Attempt 2", At: 50, Wide: 50, WaitAt: 100},
	}
	if diff := cmp.Diff(want, got.Bars); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff([]mark{{"byte", 80}, {"token", 90}}, got.Marks); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, r := range []live.Request{{}, {Attempts: []live.Attempt{{At: 5, Slept: 9}, {At: 1}}}} { // records that cannot be
		for _, b := range timelineOf(r).Bars {
			if b.Wide < 0 || b.At < 0 || b.At+b.Wide > 100.001 || math.IsNaN(b.At) {
				t.Errorf("%+v draws %+v", r, b)
			}
		}
	}
}
