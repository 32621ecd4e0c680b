package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

func TestVectorDMcNemar(t *testing.T) {
	tuning := stats.Tuning{Samples: 100, Alpha: .05}
	a, b := stats.NewBetaMixture(.5, stats.Above, tuning).Prior()
	near(t, "a", a, 7.4003174535)
	near(t, "b", b, 7.4003174535)
	coin := stats.NewMcNemar(tuning)
	near(t, "before any pair", coin.Log(), 0)
	coin.Add(25, 50)
	coin.Add(35, 40)
	near(t, "60 of 90", coin.Log(), 4.0959888927)
	coin = stats.NewMcNemar(tuning)
	coin.Add(70, 90)
	near(t, "70 of 90", coin.Log(), 12.2569988556)
}

func TestVectorEShare(t *testing.T) {
	tuning := stats.Tuning{Samples: 5000, Alpha: .05}
	a, b := stats.NewBetaMixture(.5, stats.TwoSided, tuning).Prior()
	near(t, "a", a, 314.5140244815)
	near(t, "b", b, 314.5140244815)
	share := stats.NewEventShare(stats.EventShare(1, 300, 300), tuning)
	share.Add(4700, 9700)
	near(t, "log E", share.Log(), 2.9580465503)
}

func TestVectorDRate(t *testing.T) {
	for _, v := range []struct {
		count        stats.Count
		samples      float64
		lower, upper float64
		tolerance    float64
	}{
		{stats.Count{OK: 475, N: 500}, 1000, 0.9144767864, 0.9748726960, 1e-9},
		{stats.Count{OK: 900, N: 1000}, 1000, 0.8690273987, 0.9266014670, 1e-9},
		{stats.Count{OK: 700, N: 1000}, 100, 0.651629, 0.745949, 1e-6}, // confseq
	} {
		lower, upper := stats.AnytimeRate(v.count, stats.Tuning{Samples: v.samples, Alpha: .05})
		within(t, "lower", lower, v.lower, v.tolerance)
		within(t, "upper", upper, v.upper, v.tolerance)
	}
}

func TestAnytimeRateAtItsEnds(t *testing.T) {
	if lower, upper := stats.AnytimeRate(stats.Count{}, reference); lower != 0 || upper != 1 {
		t.Errorf("without attempts: %v, %v", lower, upper)
	}
	all, top := stats.AnytimeRate(stats.Count{OK: 300, N: 300}, reference)
	bottom, none := stats.AnytimeRate(stats.Count{OK: 0, N: 300}, reference)
	if top != 1 || bottom != 0 || !(all > .95 && all < 1) {
		t.Errorf("300 of 300: %v, %v; none: %v, %v", all, top, bottom, none)
	}
	near(t, "successes and failures swapped", 1-none, all)
}

func TestLogRateDropAgainstGrid(t *testing.T) {
	tuning := stats.Tuning{Samples: 500, Alpha: .05}
	for _, v := range [][2]stats.Count{
		{{OK: 990, N: 1000}, {OK: 950, N: 1000}},
		{{OK: 500, N: 1000}, {OK: 40, N: 100}},
		{{OK: 300, N: 300}, {OK: 290, N: 300}},
		{{OK: 100, N: 100}, {OK: 0, N: 100}},
	} {
		least := math.Inf(1)
		for i := 1; i < 20_000; i++ {
			p := float64(i) / 20_000
			least = math.Min(least, stats.NewBetaMixture(p, stats.Above, tuning).Log(v[0].OK, v[0].N)+
				stats.NewBetaMixture(p, stats.Below, tuning).Log(v[1].OK, v[1].N))
		}
		got := stats.LogRateDrop(v[0], v[1], tuning)
		if got > least+1e-9 || got < least-1e-3*(1+math.Abs(least)) {
			t.Errorf("%+v: log E %v, on the grid %v", v, got, least)
		}
	}
	better := stats.LogRateDrop(stats.Count{OK: 900, N: 1000}, stats.Count{OK: 990, N: 1000}, tuning)
	none := stats.LogRateDrop(stats.Count{}, stats.Count{}, tuning)
	if better > 0 || none > 1e-12 {
		t.Errorf("log E %v of a better candidate, %v without attempts", better, none)
	}
}

// Two arms that share a rate are seldom told apart however often one looks, even
// if the rate drifts, as long as the coin knows the share.
func TestEventShareErrorRate(t *testing.T) {
	const runs, events = 400, 2000
	r := rand.New(rand.NewPCG(seed("event share"), 0))
	wrong, found := 0, 0
	reject := func(chance float64) bool {
		coin := stats.NewEventShare(.25, stats.Tuning{Samples: events, Alpha: .05})
		for range events {
			hit := 0
			if r.Float64() < chance {
				hit = 1
			}
			if coin.Add(hit, 1); coin.Log() >= math.Log(20) {
				return true
			}
		}
		return false
	}
	for range runs {
		if reject(.25) {
			wrong++
		}
		if reject(stats.EventShare(1.25, 3, 1)) {
			found++
		}
	}
	between(t, "rejected of equal rates", wrong, runs, .005, .05)
	between(t, "rejected of a rate 25 % higher", found, runs, .8, 1)
}
