package gate

import (
	"fmt"
	"slices"
	"time"
)

// A Play is how a gate is played on one scenario, where nothing else is asked for:
// how much is asked of it, by which clock, and what the run is to show. It is
// written down before there is a result.
type Play struct {
	Scenario string
	// Flag is the feature flag that the scenario is made for; "": all of them.
	Flag  string
	Model string
	// Clock is how many times as fast as the machine's the clock of the proxies and of
	// the simulated upstream runs. Every time here is by that clock.
	Clock float64
	// Workers ask in a closed loop; 0: requests start PerSecond times a second.
	Workers                  int
	PerSecond                float64
	Blocks, Requests, Warmup int // Requests of each arm in all blocks, Warmup before each turn
	FirstToken, Total        time.Duration
	// Seeks names the metrics whose change the run is to show.
	Seeks []string
	// Parameters of the scenario, by their keys, and of the retry policy are halved and doubled to see how
	// much of a result hangs on each.
	Parameters []string
}

// Headline is the scenario that all flags were first claimed on, and Unlimited the
// same without limits.
const (
	Headline  = "headline"
	Unlimited = "headline-unlimited"
)

// plays are those of the built-in scenarios that are made for a flag or for all.
func plays() []Play {
	waits := Play{Clock: 10, Blocks: 10, Warmup: 16, FirstToken: 2 * time.Minute, Total: 3 * time.Minute, Seeks: []string{"first_token.p95", "throughput.mean"}}
	work := Play{Clock: 1, Model: "gemini-2.5-flash", Blocks: 10, Warmup: 8, FirstToken: 2 * time.Second, Total: 5 * time.Second}
	retry, scheduler, headline, pool, converter := waits, waits, waits, work, work

	retry.Scenario, retry.Flag, retry.Model = "retry", "ff_retry_policy_v2", "gemini-2.5-pro"
	retry.Workers, retry.Requests = 8, 1000

	scheduler.Scenario, scheduler.Flag, scheduler.Model = "scheduler", "ff_preview_credential_scheduler_v2", "gemini-3-pro-preview"
	scheduler.Workers, scheduler.Requests = 8, 1000

	pool.Scenario, pool.Flag = "pool", "ff_http2_pool_tuning"
	pool.PerSecond, pool.Requests = 60, 1200
	pool.Seeks = []string{"first_token.p50", "cpu_per_request.mean"}

	converter.Scenario, converter.Flag = "converter", "ff_converter_fast_path"
	converter.PerSecond, converter.Requests = 15, 400
	converter.Seeks = []string{"cpu_per_event.mean", "added_event.p50"}

	headline.Scenario, headline.Model = Headline, "gemini-3-pro-preview-high"
	headline.Clock, headline.Workers, headline.Requests, headline.Blocks, headline.Warmup = 20, 16, 1440, 12, 32
	unlimited := headline
	unlimited.Scenario = Unlimited
	headline.Parameters = []string{
		"first_chunk.median", "first_chunk.sigma", "gap.median",
		"capacity.models.gemini-3-pro-preview.slots+capacity.models.gemini-3-pro-preview.waves.low",
		"capacity.models.gemini-3-pro-preview.refuse_after",
		"capacity.models.gemini-3-pro-preview.waves.period",
		"capacity.models.gemini-3-pro-preview.waves.low",
		"capacity.models.gemini-3-pro-preview.waves.share",
		"capacity.keys.good-*", "capacity.keys.used-*",
		RetryPrefix + "interval", RetryPrefix + "retries", RetryPrefix + "total", RetryPrefix + "share", RetryPrefix + "burst",
	}
	return []Play{retry, pool, converter, scheduler, headline, unlimited}
}

// PlayOn returns the play on a scenario; ok is false where the scenario has none.
func PlayOn(scenario string) (play Play, ok bool) {
	return find(func(p Play) bool { return p.Scenario == scenario })
}

// PlayFor returns the play that is made for a flag.
func PlayFor(flag string) (Play, error) {
	play, ok := find(func(p Play) bool { return p.Flag == flag && flag != "" })
	if !ok {
		return Play{}, fmt.Errorf("no scenario is made for the flag %q", flag)
	}
	return play, nil
}

func find(which func(Play) bool) (Play, bool) {
	all := plays()
	i := slices.IndexFunc(all, which)
	if i < 0 {
		return Play{}, false
	}
	return all[i], true
}
