package prometheus_test

import (
	"testing"

	"github.com/prometheus/common/model"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// TestRulesAMissedScrape: what a counter did while nobody looked is not known,
// and belongs to no block.
func TestRulesAMissedScrape(t *testing.T) {
	s := &server{answers: answers()}
	s.answers["requests_total"][0] = counter("arm=stable,instance=a,outcome=ok", 100, -1, 120, 130, 140)
	set, err := collect(t, s, usual())
	if err != nil {
		t.Fatal(err)
	}
	if o := set.Outcomes.Baseline; len(o) != 1 || o[0].OK != 20 {
		t.Errorf("%+v, want the 20 of the second block alone", o)
	}
}

func TestRulesAnArmThatIsNotUp(t *testing.T) {
	s := &server{answers: answers()}
	s.answers["up"] = s.answers["up"][:1] // the other was scraped without fail
	set, err := collect(t, s, usual())
	if err != nil {
		t.Fatal(err)
	}
	if set.Validity.Grade != sample.Invalid || set.Restarts != 0 {
		t.Errorf("%+v with %d instances", set.Validity, set.Restarts)
	}
}

// TestRulesAHistogramThatStandsStill has no data, whatever failed.
func TestRulesAHistogramThatStandsStill(t *testing.T) {
	s := &server{answers: answers()}
	still := [][3]float64{{1, 2, 50}}
	s.answers["duration"] = model.Matrix{
		native("arm=stable,instance=a", 0, still, still, still, still, still), s.answers["duration"][1],
	}
	set, err := collect(t, s, usual())
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range set.Binned[sample.Full].Baseline {
		if h.Over != 0 || h.Counts[0] != 0 {
			t.Errorf("%+v", h)
		}
	}
}
