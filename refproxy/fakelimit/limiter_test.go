package fakelimit_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakelimit"
)

const model = "m-1"

// limiter begins now, at the factor.
func limiter(t *testing.T, config fakelimit.Config, factor float64) *fakelimit.Limiter {
	t.Helper()
	if err := config.Validate([]string{model, "m-2"}); err != nil {
		t.Fatal(err)
	}
	c, err := clock.NewScaled(factor, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return fakelimit.New(config, 1, c, c.Now())
}

// begin wants the kind of refusal, "" for none.
func begin(t *testing.T, l *fakelimit.Limiter, name, want string) (release func(), refused *fakelimit.Refusal) {
	t.Helper()
	release, refused = l.Begin(name, model)
	kind := ""
	if refused != nil {
		kind = refused.Kind
	}
	if kind != want {
		t.Fatalf("%s is answered %q, want %q", name, kind, want)
	}
	return release, refused
}

func TestSlotsAreTheModels(t *testing.T) {
	l := limiter(t, fakelimit.Config{Models: map[string]fakelimit.Model{model: {Slots: 2, RefuseAfter: time.Second}}}, 1)
	first, _ := begin(t, l, "a", "")
	begin(t, l, "b", "")
	_, refused := begin(t, l, "c", fakelimit.KindCapacity)
	if refused.Code != 429 || refused.Reason != "MODEL_CAPACITY_EXHAUSTED" || refused.After != time.Second {
		t.Errorf("refused with %+v", refused)
	}
	if _, other := l.Begin("c", "m-2"); other != nil {
		t.Errorf("another model is refused: %+v", other)
	}
	first()
	first() // a place is given back once
	begin(t, l, "c", "")
	begin(t, l, "c", fakelimit.KindCapacity)
	if stats := l.Stats(); stats.Generating[model] != 2 || stats.Peak[model] != 2 {
		t.Errorf("counted %+v", stats)
	}
}

func TestABucketFillsByTheClock(t *testing.T) {
	for _, factor := range []float64{1, 20} {
		synctest.Test(t, func(t *testing.T) {
			l := limiter(t, fakelimit.Config{
				Each: fakelimit.Limits{RequestsPerMinute: 6, Burst: 2, RetryInfo: true},
				Keys: map[string]fakelimit.Key{"a": {}, "slow": {Limits: fakelimit.Limits{RequestsPerMinute: 1}}},
			}, factor)
			wait := func(d time.Duration) { time.Sleep(time.Duration(float64(d) / factor)) }
			begin(t, l, "a", "")
			begin(t, l, "a", "")
			_, refused := begin(t, l, "a", fakelimit.KindRate)
			if refused.RetryDelay != 10*time.Second || refused.Reason != "RATE_LIMIT_EXCEEDED" {
				t.Errorf("refused with %+v", refused)
			}
			if _, other := l.Begin("a", "m-2"); other != nil {
				t.Errorf("another model is refused: %+v", other)
			}
			wait(9 * time.Second)
			begin(t, l, "a", fakelimit.KindRate)
			wait(1100 * time.Millisecond)
			begin(t, l, "a", "") // what was refused used up nothing
			begin(t, l, "a", fakelimit.KindRate)
			wait(time.Hour) // a pause saves up a burst and no more
			begin(t, l, "a", "")
			begin(t, l, "a", "")
			begin(t, l, "a", fakelimit.KindRate)
			begin(t, l, "slow", "")
			begin(t, l, "slow", fakelimit.KindRate)
			l.Reset()
			begin(t, l, "a", "")
		})
	}
}

// TestWhoWaitsIsServed: a hint is never shorter than what there is to wait for.
func TestWhoWaitsIsServed(t *testing.T) {
	for _, rate := range []float64{1, 6, 7, 11, 59, 61, 997, 59999, 70001} {
		synctest.Test(t, func(t *testing.T) {
			l := limiter(t, fakelimit.Config{Each: fakelimit.Limits{RequestsPerMinute: rate, Burst: 1, RetryInfo: true}}, 1)
			begin(t, l, "a", "")
			for range 3 {
				_, refused := begin(t, l, "a", fakelimit.KindRate)
				time.Sleep(refused.RetryDelay)
				begin(t, l, "a", "")
			}
		})
	}
}

func TestADayEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, fakelimit.Config{Each: fakelimit.Limits{PerDay: 2}}, 1)
		time.Sleep(time.Hour)
		begin(t, l, "a", "")
		begin(t, l, "a", "")
		_, refused := begin(t, l, "a", fakelimit.KindDaily)
		end, err := time.Parse(time.RFC3339, refused.Metadata["quotaResetTimeStamp"])
		if err != nil || time.Until(end) != 23*time.Hour || refused.Metadata["quotaResetDelay"] != "23h0m0s" || refused.RetryDelay != 0 {
			t.Errorf("refused with %+v", refused)
		}
		begin(t, l, "b", "")
		time.Sleep(23 * time.Hour)
		begin(t, l, "a", "")
	})
}

func TestStreamsAtATime(t *testing.T) {
	l := limiter(t, fakelimit.Config{Each: fakelimit.Limits{Concurrent: 1}}, 1)
	release, _ := begin(t, l, "a", "")
	begin(t, l, "a", fakelimit.KindConcurrent)
	begin(t, l, "b", "")
	l.Reset() // what runs goes on
	begin(t, l, "a", fakelimit.KindConcurrent)
	release()
	begin(t, l, "a", "")
}

// TestWavesTakeTheirShare: over many periods the model is at its ebb for its share,
// once in each period, at the same places for every arm of one seed.
func TestWavesTakeTheirShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := fakelimit.Config{Models: map[string]fakelimit.Model{
			model: {Slots: 1, Waves: fakelimit.Waves{Period: time.Minute, Share: 0.25}},
		}}
		one, two := limiter(t, config, 1), limiter(t, config, 1)
		const minutes = 200
		ebb, changes, was := 0, 0, false
		for range minutes * 60 {
			release, refused := one.Begin("a", model)
			again, other := two.Begin("a", model)
			if (refused == nil) != (other == nil) {
				t.Fatal("two arms see different ebbs")
			}
			if refused == nil {
				release()
				again()
			} else {
				ebb++
			}
			if low := refused != nil; low != was {
				changes, was = changes+1, low
			}
			time.Sleep(time.Second)
		}
		if ebb < minutes*14 || ebb > minutes*16 {
			t.Errorf("%d seconds of %d at the ebb", ebb, minutes*60)
		}
		if changes < minutes || changes > 2*minutes {
			t.Errorf("%d changes in %d minutes", changes, minutes)
		}
	})
}

func TestCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, fakelimit.Config{PreviewModels: []string{model}, Keys: map[string]fakelimit.Key{
			"good": {}, "preview": {Preview: true}, "revoked": {State: fakelimit.Revoked}, "expired": {State: fakelimit.Expired},
			"banned": {State: fakelimit.Banned}, "verify": {State: fakelimit.Verification}, "off": {State: fakelimit.Disabled},
			"dies": {State: fakelimit.Revoked, DiesAfter: time.Minute},
		}}, 1)
		for name, want := range map[string]struct {
			code   int
			reason string
		}{
			"good": {}, "preview": {}, "dies": {},
			"unknown": {400, "API_KEY_INVALID"}, "revoked": {400, "API_KEY_INVALID"}, "expired": {400, "API_KEY_INVALID"},
			"banned": {403, ""}, "verify": {403, "VALIDATION_REQUIRED"}, "off": {403, "SERVICE_DISABLED"},
		} {
			refused := l.Admit(name, false)
			if refused == nil {
				refused = &fakelimit.Refusal{}
			}
			if refused.Code != want.code || refused.Reason != want.reason {
				t.Errorf("%s: %+v", name, refused)
			}
		}
		if url := l.Admit("verify", false).Metadata["validation_url"]; !strings.HasPrefix(url, "https://") {
			t.Errorf("verify at %q", url)
		}
		if refused := l.Admit("revoked", true); refused == nil || refused.Code != 401 {
			t.Errorf("a revoked bearer: %+v", refused)
		}
		if refused := l.Admit("somebody", true); refused != nil {
			t.Errorf("a bearer that is not listed: %+v", refused)
		}
		if !l.Offers("preview", model) || l.Offers("good", model) || !l.Offers("good", "m-2") {
			t.Error("preview models go to preview credentials alone")
		}
		time.Sleep(59 * time.Second)
		if l.Admit("dies", false) != nil {
			t.Error("dies early")
		}
		time.Sleep(time.Second)
		if l.Admit("dies", false) == nil {
			t.Error("does not die")
		}
		if !l.SetState("dies", "") || l.Admit("dies", false) != nil || !l.SetState("good", fakelimit.Banned) || l.Admit("good", false) == nil {
			t.Error("a state that is set is not in force")
		}
		if l.SetState("good", "tired") {
			t.Error("takes an unknown state")
		}
	})
}

func TestBadConfig(t *testing.T) {
	for want, config := range map[string]fakelimit.Config{
		`capacity.models: "m-3" is not among the scenario's models`:                                   {Models: map[string]fakelimit.Model{"m-3": {Slots: 1}}},
		`capacity.preview_models: "m-3" is not among the scenario's models`:                           {PreviewModels: []string{"m-3"}},
		"capacity.models.m-1.slots must be above 0 where there is refuse_after or waves":              {Models: map[string]fakelimit.Model{model: {RefuseAfter: 1}}},
		"capacity.models.m-1.waves.low must be 0 to slots":                                            {Models: map[string]fakelimit.Model{model: {Slots: 1, Waves: fakelimit.Waves{Period: 1, Low: 2}}}},
		"capacity.models.m-1.waves.period must be above 0":                                            {Models: map[string]fakelimit.Model{model: {Slots: 1, Waves: fakelimit.Waves{Low: 1}}}},
		"capacity.each.per_day must not be negative":                                                  {Each: fakelimit.Limits{PerDay: -1}},
		`capacity.keys.a.state: "x" is none of revoked, expired, banned, verification, disabled`:      {Keys: map[string]fakelimit.Key{"a": {State: "x"}}},
		"capacity.keys.a.state must say what it has after dies_after":                                 {Keys: map[string]fakelimit.Key{"a": {DiesAfter: 1}}},
		"capacity.keys.a.burst must not be negative\ncapacity.keys.b.concurrent must not be negative": {Keys: map[string]fakelimit.Key{"a": {Limits: fakelimit.Limits{Burst: -1}}, "b": {Limits: fakelimit.Limits{Concurrent: -1}}}},
	} {
		if err := config.Validate([]string{model}); err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}
