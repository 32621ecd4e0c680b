package gate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/datasets"
	"github.com/firstbyte-dev/firstbyte/guard/gate"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// What a play promises must be there: its scenario, what the run is to show, and
// enough blocks and pairs for a claim.
func TestPlays(t *testing.T) {
	var keys []string
	flags := policy.Flags()
	for _, m := range flags.Metrics {
		keys = append(keys, m.Key())
	}
	for _, name := range datasets.ScenarioNames() {
		play, ok := gate.PlayOn(name)
		if !ok {
			continue
		}
		text, err := datasets.Scenario(play.Scenario)
		if err != nil || play.Scenario != name || len(play.Seeks) == 0 {
			t.Errorf("%s: %+v, %v", name, play, err)
		}
		for _, key := range play.Seeks {
			if !slices.Contains(keys, key) {
				t.Errorf("%s is to show %s, which the policy of flags does not have", name, key)
			}
		}
		for _, parameter := range play.Parameters {
			if strings.HasPrefix(parameter, gate.RetryPrefix) {
				continue // the proxies'
			}
			for _, factor := range []float64{.5, 2} {
				if _, err := datasets.Vary(text, parameter, factor); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		turn, err := gate.Size{Blocks: play.Blocks, Requests: play.Requests, PerSecond: play.PerSecond, Workers: play.Workers, Controls: gate.Off}.Turn(flags)
		if err != nil || play.Blocks < flags.MinBlocks || turn.Side*play.Blocks < flags.MinPairs {
			t.Errorf("%s: %+v, %v", name, turn, err)
		}
	}
	for _, flag := range []string{"ff_retry_policy_v2", "ff_http2_pool_tuning", "ff_converter_fast_path", "ff_preview_credential_scheduler_v2"} {
		if play, err := gate.PlayFor(flag); err != nil || play.Flag != flag {
			t.Errorf("%s: %+v, %v", flag, play, err)
		}
	}
	for _, flag := range []string{"", "ff_frobnicate"} {
		if play, err := gate.PlayFor(flag); err == nil {
			t.Errorf("%q: %+v", flag, play)
		}
	}
	if _, ok := gate.PlayOn("gate"); ok {
		t.Error("the gate's own scenario is played as the command line says")
	}
}
