package retry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/retry"
)

var begun = time.Date(2026, 11, 26, 14, 0, 0, 0, time.UTC)

// half is the middle of every jitter.
func half() float64 { return 0.5 }

// policy is the default one, whose quotas per day are reset at midnight in UTC,
// ten hours after begun.
func policy() retry.Policy {
	p := retry.Default()
	p.ResetZone = time.UTC
	return p
}

// said is a decision in words, without its class.
func said(d retry.Decision) string {
	var words []string
	add := func(yes bool, format string, args ...any) {
		if yes {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(d.Disable != "", "disable %v", d.Scope)
	add(d.Cool != 0, "cool %v %v", d.Scope, d.Cool)
	add(d.Refresh, "refresh")
	add(d.Repair, "repair")
	add(d.Rotate, "rotate")
	add(d.Sleeps > 1, "%d times", d.Sleeps)
	add(d.Sleeps > 0, "wait %v", d.Wait)
	add(d.Again, "again")
	if e := d.Final; e != nil {
		add(true, "tell %v", e.Kind)
		add(e.RetryAfter > 0, "after %v", e.RetryAfter)
		add(e.Terminal, "terminal")
	}
	return strings.Join(words, ", ")
}

// attempts asks for a decision after each of so many failures with e, as long as
// there is another attempt. With rotate the pool always has another credential;
// otherwise it never has.
func attempts(d retry.Decider, e *chat.Error, rotate bool) []string {
	var all []string
	for range 9 {
		next := d.Next(e, begun)
		all = append(all, said(next))
		if next.Rotate && !rotate {
			next = d.Without(retry.Shortage{}, begun)
			all = append(all, "alone: "+said(next))
		}
		if !next.Again {
			break
		}
	}
	return all
}

// rows are the rows of section 5.2 of the wire reference: what V2 decides after
// each attempt, if other credentials are there and if none is.
var rows = []struct {
	row    int
	e      chat.Error
	others []string
	alone  []string
}{
	{
		row: 1, e: chat.Error{Kind: chat.KindNetwork, Class: chat.ClassNetwork},
		others: []string{"wait 500ms, again", "wait 1s, again", "tell network"},
	},
	{
		row: 2, e: chat.Error{Kind: chat.KindInvalid, Class: chat.ClassSignature, Status: 400},
		others: []string{"repair, again", "tell invalid"},
	},
	{
		row: 3, e: chat.Error{Kind: chat.KindPermission, Class: chat.ClassAuth, Status: 400},
		others: []string{"disable credential, rotate, again", "disable credential, rotate, again"},
		alone:  []string{"disable credential, rotate, again", "alone: tell permission"},
	},
	{row: 4, e: chat.Error{Kind: chat.KindInvalid, Class: chat.ClassContext, Status: 400}, others: []string{"tell invalid"}},
	{
		row: 5, e: chat.Error{Kind: chat.KindPermission, Class: chat.ClassRegion, Status: 400},
		others: []string{"rotate, again", "rotate, again"},
		alone:  []string{"rotate, again", "alone: tell permission"},
	},
	{row: 6, e: chat.Error{Kind: chat.KindTooLarge, Class: chat.ClassInvalid, Status: 413}, others: []string{"tell too_large"}},
	{
		row: 7, e: chat.Error{Kind: chat.KindPermission, Class: chat.ClassAuth, Status: 401},
		others: []string{"refresh, again", "disable credential, rotate, again", "refresh, again", "disable credential, rotate, again"},
		alone:  []string{"refresh, again", "disable credential, rotate, again", "alone: tell permission"},
	},
	{
		row: 7, e: chat.Error{Kind: chat.KindPermission, Class: chat.ClassAuth, Status: 401, Terminal: true}, // not to be renewed
		others: []string{"disable credential, rotate, again", "disable credential, rotate, again"},
		alone:  []string{"disable credential, rotate, again", "alone: tell permission, terminal"},
	},
	{
		row: 8, e: chat.Error{Kind: chat.KindPermission, Class: chat.ClassVerification, Status: 403, Terminal: true},
		others: []string{"disable credential, rotate, again", "disable credential, rotate, again"},
		alone:  []string{"disable credential, rotate, again", "alone: tell permission, terminal"},
	},
	{
		row: 9, e: chat.Error{Kind: chat.KindPermission, Class: chat.ClassBanned, Status: 403},
		others: []string{"disable credential, rotate, again", "disable credential, rotate, again"},
		alone:  []string{"disable credential, rotate, again", "alone: tell permission"},
	},
	{
		row: 10, e: chat.Error{Kind: chat.KindPermission, Class: chat.ClassPermission, Status: 403},
		others: []string{"cool credential_model 10m0s, rotate, again", "cool credential_model 10m0s, rotate, again"},
		alone:  []string{"cool credential_model 10m0s, rotate, again", "alone: tell permission"},
	},
	{
		row: 11, e: chat.Error{Kind: chat.KindNotFound, Class: chat.ClassNotFound, Status: 404},
		others: []string{"cool credential_model 10m0s, tell not_found"},
	},
	{
		row: 12, e: chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassNoQuota, Status: 429, Terminal: true, RetryAfter: 7 * time.Second},
		others: []string{"cool credential_model 1h0m0s, rotate, again", "cool credential_model 1h0m0s, rotate, again"},
		alone:  []string{"cool credential_model 1h0m0s, rotate, again", "alone: tell rate_limit, after 1h0m0s, terminal"},
	},
	{
		row: 13, e: chat.Error{Kind: chat.KindBilling, Class: chat.ClassBilling, Status: 429},
		others: []string{"cool credential 1h0m0s, rotate, again", "cool credential 1h0m0s, rotate, again"},
		alone:  []string{"cool credential 1h0m0s, rotate, again", "alone: tell billing"},
	},
	{
		row: 14, e: chat.Error{Kind: chat.KindOverloaded, Class: chat.ClassCapacity, Status: 429},
		others: []string{"rotate, again", "wait 500ms, again", "wait 1s, again", "wait 2s, again", "wait 4s, again", "wait 6s, again", "tell overloaded, after 12s"},
		alone:  []string{"rotate, again", "alone: wait 500ms, again", "wait 1s, again", "wait 2s, again", "wait 4s, again", "wait 6s, again", "tell overloaded, after 12s"},
	},
	{
		row: 14, e: chat.Error{Kind: chat.KindOverloaded, Class: chat.ClassCapacity, Status: 503, RetryAfter: 7 * time.Second},
		others: []string{
			"cool model 7s, wait 7.5s, again", "cool model 7s, wait 7.5s, again", "cool model 7s, wait 7.5s, again",
			"cool model 7s, wait 7.5s, again", "cool model 7s, wait 7.5s, again", "cool model 7s, tell overloaded, after 12s",
		},
	},
	{
		row: 15, e: chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassDaily, Status: 429, Terminal: true, Window: 24 * time.Hour},
		others: []string{"cool project_model 10h0m0s, rotate, again", "cool project_model 10h0m0s, rotate, again"},
		alone:  []string{"cool project_model 10h0m0s, rotate, again", "alone: tell rate_limit, after 10h0m0s, terminal"},
	},
	{ // by an instant, and over a day
		row: 15, e: chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassDaily, Status: 429, Terminal: true, ResetAt: begun.Add(90 * time.Hour)},
		alone: []string{"cool project_model 24h0m0s, rotate, again", "alone: tell rate_limit, after 24h0m0s, terminal"},
	},
	{
		row: 16, e: chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassRate, Status: 429, Reason: "RATE_LIMIT_EXCEEDED"},
		others: []string{"cool credential_model 10s, rotate, again", "cool credential_model 10s, rotate, again"},
		alone: []string{
			"cool credential_model 10s, rotate, again", "alone: wait 10.5s, again", "cool credential_model 10s, rotate, again",
			"alone: wait 10.5s, again", "cool credential_model 10s, rotate, again", "alone: wait 10.5s, again",
			"cool credential_model 10s, rotate, again", "alone: wait 10.5s, again", "cool credential_model 10s, rotate, again",
			"alone: wait 10.5s, again", "cool credential_model 10s, rotate, again", "alone: tell rate_limit, after 12s",
		},
	},
	{ // the hint is longer than the request has time
		row: 16, e: chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassRate, Status: 429, RetryAfter: 46 * time.Second},
		others: []string{"cool credential_model 46s, rotate, again", "cool credential_model 46s, rotate, again"},
		alone:  []string{"cool credential_model 46s, rotate, again", "alone: tell rate_limit, after 46s"},
	},
	{
		row: 17, e: chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassRate, Status: 429, Window: time.Minute},
		alone: []string{"cool credential_model 1m0s, rotate, again", "alone: tell rate_limit, after 1m0s"},
	},
	{
		row: 18, e: chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassRate, Status: 429},
		others: []string{"rotate, again", "rotate, again"},
		alone: []string{
			"rotate, again", "alone: wait 500ms, again", "rotate, again", "alone: wait 1s, again", "rotate, again", "alone: wait 2s, again",
			"rotate, again", "alone: wait 4s, again", "rotate, again", "alone: wait 6s, again", "rotate, again", "alone: tell rate_limit, after 12s",
		},
	},
	{
		row: 19, e: chat.Error{Kind: chat.KindUpstream, Class: chat.ClassUpstream, Status: 500},
		others: []string{"wait 500ms, again", "wait 1s, again", "tell upstream"},
	},
	{
		row: 19, e: chat.Error{Kind: chat.KindUpstream, Class: chat.ClassUpstream, Status: 503, RetryAfter: 20 * time.Second},
		others: []string{"wait 20.5s, again", "wait 20.5s, again", "tell upstream, after 20s"},
	},
	{
		row: 20, e: chat.Error{Kind: chat.KindEmpty}, // its kind says it
		others: []string{"wait 500ms, again", "wait 1s, again", "tell empty"},
	},
	{row: 21, e: chat.Error{Kind: chat.KindInvalid, Status: 409}, others: []string{"tell invalid"}},
	{row: 21, e: chat.Error{Kind: chat.KindInternal}, others: []string{"tell internal"}},
}

// TestDecisionList: after each attempt, what V2 decides about every row. Where
// credentials are never short, a request rotates on and on, of which the first
// few are shown.
func TestDecisionList(t *testing.T) {
	seen := map[int]bool{}
	for _, r := range rows {
		seen[r.row] = true
		for rotate, want := range map[bool][]string{true: r.others, false: r.alone} {
			if want == nil {
				continue
			}
			got := attempts(retry.V2(policy(), nil, half, retry.Request{Begun: begun}), &r.e, rotate)
			if len(got) > len(want) && strings.HasSuffix(want[len(want)-1], "again") {
				got = got[:len(want)]
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("row %d, %v, others %t:\n got %q\nwant %q", r.row, r.e.Class, rotate, got, want)
			}
		}
	}
	for row := 1; row <= 21; row++ {
		if !seen[row] {
			t.Errorf("row %d has no decision", row)
		}
	}
}

// TestPreview: a model that is not there for one preview credential may be there
// for one other.
func TestPreview(t *testing.T) {
	d := retry.V2(policy(), nil, half, retry.Request{Begun: begun, Preview: true})
	got := attempts(d, &chat.Error{Kind: chat.KindNotFound, Class: chat.ClassNotFound, Status: 404}, true)
	want := []string{"cool credential_model 10m0s, rotate, again", "cool credential_model 10m0s, tell not_found"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestHopelessSignature: a request that goes as it came is not asked again with the
// signatures that were refused (regression case 4: one call upstream).
func TestHopelessSignature(t *testing.T) {
	d := retry.V2(policy(), nil, half, retry.Request{Begun: begun})
	if got := said(d.Next(&chat.Error{Kind: chat.KindInvalid, Class: chat.ClassSignature, Status: 400, Terminal: true}, begun)); got != "tell invalid, terminal" {
		t.Errorf("%s", got)
	}
}

// TestNoMarchInStep: at the cap the wait is drawn from all of it (wire.md, 5.3: the
// original had no jitter left there, and its clients marched in step).
func TestNoMarchInStep(t *testing.T) {
	busy := &chat.Error{Kind: chat.KindOverloaded, Class: chat.ClassCapacity, Status: 429}
	for draw, want := range map[float64]time.Duration{0: 0, 0.25: 3 * time.Second, 0.75: 9 * time.Second} {
		p := policy()
		p.Total = time.Hour
		d := retry.V2(p, nil, func() float64 { return draw }, retry.Request{Begun: begun})
		var last retry.Decision
		for range 6 { // one goes to another credential, five wait
			last = d.Next(busy, begun)
		}
		if !last.Again || last.Wait != want || last.Sleeps != 1 {
			t.Errorf("drawn %v: %s, want %v", draw, said(last), want)
		}
	}
}

// TestWhatPassesIsTold: where one credential has met a limit that passes, another
// one's own trouble is not what the caller is told, which would not come again.
func TestWhatPassesIsTold(t *testing.T) {
	busy := &chat.Error{Kind: chat.KindOverloaded, Class: chat.ClassCapacity, Status: 429}
	rate := &chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassRate, Status: 429, RetryAfter: 46 * time.Second}
	missing := &chat.Error{Kind: chat.KindNotFound, Class: chat.ClassNotFound, Status: 404}
	auth := &chat.Error{Kind: chat.KindPermission, Class: chat.ClassAuth, Status: 400}
	daily := &chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassDaily, Status: 429, RetryAfter: time.Hour, Terminal: true}
	for _, c := range []struct {
		name    string
		first   *chat.Error
		then    *chat.Error
		preview bool
		want    string
	}{
		{"a busy model is there", busy, missing, false, "tell overloaded, after 1s"},
		{"in preview, too", busy, missing, true, "tell overloaded, after 1s"},
		{"a dead key", busy, auth, false, "tell overloaded, after 1s"},
		{"a key whose day is used up", busy, daily, false, "tell overloaded, after 1s"},
		{"a limit with a hint", rate, auth, false, "tell rate_limit, after 46s"},
		{"a limit comes last", auth, rate, false, "tell rate_limit, after 46s"},
		{"two dead keys", auth, auth, false, "tell permission"},
	} {
		d := retry.V2(policy(), nil, half, retry.Request{Begun: begun, Preview: c.preview})
		d.Next(c.first, begun)
		next := d.Next(c.then, begun)
		if next.Rotate {
			next = d.Without(retry.Shortage{}, begun)
		}
		next.Cool, next.Disable = 0, ""
		if got := said(next); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestBaseline: 429 and 503 are repeated after two flat sleeps, by whatever
// credential the dice give; all else is told.
func TestBaseline(t *testing.T) {
	for _, c := range []struct {
		name string
		e    chat.Error
		want []string
	}{
		{
			"a model without capacity cools nobody",
			chat.Error{Kind: chat.KindOverloaded, Class: chat.ClassCapacity, Status: 429},
			[]string{
				"rotate, 2 times, wait 1s, again", "rotate, 2 times, wait 1s, again", "rotate, 2 times, wait 1s, again",
				"rotate, 2 times, wait 1s, again", "rotate, 2 times, wait 1s, again", "tell overloaded",
			},
		},
		{
			"a day used up is remembered, and heeded by whoever chooses",
			chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassDaily, Status: 429, ResetAt: begun.Add(time.Hour)},
			[]string{
				"cool project_model 1h0m0s, rotate, 2 times, wait 1s, again", "cool project_model 1h0m0s, rotate, 2 times, wait 1s, again",
				"cool project_model 1h0m0s, rotate, 2 times, wait 1s, again", "cool project_model 1h0m0s, rotate, 2 times, wait 1s, again",
				"cool project_model 1h0m0s, rotate, 2 times, wait 1s, again", "cool project_model 1h0m0s, tell rate_limit",
			},
		},
		{"503", chat.Error{Kind: chat.KindUpstream, Class: chat.ClassUpstream, Status: 503}, []string{
			"rotate, 2 times, wait 1s, again", "rotate, 2 times, wait 1s, again", "rotate, 2 times, wait 1s, again",
			"rotate, 2 times, wait 1s, again", "rotate, 2 times, wait 1s, again", "tell upstream",
		}},
		{"404 marks the model for the credential", chat.Error{Kind: chat.KindNotFound, Class: chat.ClassNotFound, Status: 404}, []string{"cool credential_model 10m0s, tell not_found"}},
		{"500", chat.Error{Kind: chat.KindUpstream, Class: chat.ClassUpstream, Status: 500}, []string{"tell upstream"}},
		{"401", chat.Error{Kind: chat.KindPermission, Class: chat.ClassAuth, Status: 401}, []string{"disable credential, tell permission"}},
		{"network", chat.Error{Kind: chat.KindNetwork, Class: chat.ClassNetwork}, []string{"tell network"}},
	} {
		if got := attempts(retry.Baseline(policy()), &c.e, true); strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
	busy := &chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassRate, Status: 429}
	d := retry.Baseline(policy())
	d.Next(busy, begun)
	if got := said(d.Without(retry.Shortage{}, begun)); got != "again" {
		t.Errorf("with one credential alone: %s", got)
	}
	if got := said(retry.Baseline(policy()).Without(retry.Shortage{Soonest: begun.Add(3 * time.Second)}, begun)); got != "tell rate_limit, after 3s" {
		t.Errorf("with no credential: %s", got)
	}
}

// TestShortage: what a pool that has nothing to give means to a request that
// needs it. Regression cases 28 and 35 of the wire reference stand here.
func TestShortage(t *testing.T) {
	in := func(d time.Duration) retry.Shortage { return retry.Shortage{Soonest: begun.Add(d)} }
	rate := &chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassRate, Status: 429, RetryAfter: 5 * time.Second}
	minute := &chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassRate, Status: 429, Window: time.Minute}
	hour := &chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassDaily, Status: 429, RetryAfter: time.Hour, Terminal: true}
	auth := &chat.Error{Kind: chat.KindPermission, Class: chat.ClassAuth, Status: 400}
	for _, c := range []struct {
		name string
		e    *chat.Error // nil: the request has just come
		s    retry.Shortage
		want string
	}{
		{"a new request waits for the first that is free", nil, in(3 * time.Second), "rotate, wait 3.5s, again"},
		{"and is refused where that is long", nil, in(40 * time.Second), "tell rate_limit, after 40s"},
		{"for good, if there is no hope today", nil, in(2 * time.Hour), "tell rate_limit, after 2h0m0s, terminal"},
		{"as capacity, if that is why", nil, retry.Shortage{Soonest: begun.Add(40 * time.Second), Capacity: true}, "tell overloaded, after 40s"},
		{"never as a 500", nil, retry.Shortage{}, "tell overloaded"},
		{"what is free already costs the jitter alone", nil, in(-time.Second), "rotate, wait 500ms, again"},
		{"its own credential is free first", rate, in(9 * time.Second), "wait 5.5s, again"},
		{"another is free first", rate, in(2 * time.Second), "rotate, wait 2.5s, again"},
		{"neither in time: the sooner of both", minute, in(35 * time.Second), "tell rate_limit, after 35s"},
		{"another, because its own is used up", hour, in(2 * time.Second), "rotate, wait 2.5s, again"},
		{"none in time: the soonest, which is no matter of a day", hour, in(40 * time.Second), "tell rate_limit, after 40s"},
		{"none today: answered now", hour, in(time.Hour), "tell rate_limit, after 1h0m0s, terminal"},
		{"a bad key is no reason while others only rest", auth, in(40 * time.Second), "tell rate_limit, after 40s"},
		{"but it is when there are none", auth, retry.Shortage{}, "tell permission"},
	} {
		d := retry.V2(policy(), nil, half, retry.Request{Begun: begun})
		if c.e != nil {
			if next := d.Next(c.e, begun); !next.Rotate {
				t.Fatalf("%s: %s", c.name, said(next))
			}
		}
		if got := said(d.Without(c.s, begun)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestOneSleepForThePool: a pool that has nothing after the wait for it is not
// waited for again before an attempt; the credential that failed is asked if it
// has rested long enough.
func TestOneSleepForThePool(t *testing.T) {
	for _, c := range []struct {
		e    *chat.Error
		want []string
	}{
		{nil, []string{"rotate, wait 1.5s, again", "tell rate_limit, after 1s"}},
		{
			&chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassRate, Status: 429, RetryAfter: 4 * time.Second},
			[]string{"rotate, wait 1.5s, again", "tell rate_limit, after 1s"},
		},
		{
			&chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassRate, Status: 429, RetryAfter: 1200 * time.Millisecond},
			[]string{"rotate, wait 1.5s, again", "again"},
		},
		{ // the day has ended meanwhile
			&chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassDaily, Status: 429, RetryAfter: 1200 * time.Millisecond},
			[]string{"rotate, wait 1.5s, again", "again"},
		},
		{
			&chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassDaily, Status: 429, RetryAfter: 4 * time.Second},
			[]string{"rotate, wait 1.5s, again", "tell rate_limit, after 1s"},
		},
		{ // nothing mends it
			&chat.Error{Kind: chat.KindPermission, Class: chat.ClassRegion, Status: 400},
			[]string{"rotate, wait 1.5s, again", "tell rate_limit, after 1s"},
		},
	} {
		d := retry.V2(policy(), nil, half, retry.Request{Begun: begun})
		if c.e != nil {
			d.Next(c.e, begun)
		}
		s := retry.Shortage{Soonest: begun.Add(time.Second)}
		if got := []string{said(d.Without(s, begun)), said(d.Without(s, begun))}; strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("after %v: %q, want %q", c.e, got, c.want)
		}
	}
}

// TestTimeIsUp: nothing is tried again after the request's time, and a wait that
// would end after it is not begun.
func TestTimeIsUp(t *testing.T) {
	busy := &chat.Error{Kind: chat.KindOverloaded, Class: chat.ClassCapacity, Status: 429, RetryAfter: 5 * time.Second}
	auth := &chat.Error{Kind: chat.KindPermission, Class: chat.ClassAuth, Status: 400}
	for _, c := range []struct {
		e    *chat.Error
		at   time.Duration
		want string
	}{
		{busy, 24 * time.Second, "cool model 5s, wait 5.5s, again"},
		{busy, 25 * time.Second, "cool model 5s, tell overloaded, after 5s"},
		{auth, 29 * time.Second, "disable credential, rotate, again"},
		{auth, 30 * time.Second, "disable credential, tell overloaded, after 1s"},
	} {
		if got := said(retry.V2(policy(), nil, half, retry.Request{Begun: begun}).Next(c.e, begun.Add(c.at))); got != c.want {
			t.Errorf("%v after %v: %s, want %s", c.e.Class, c.at, got, c.want)
		}
	}
}

// TestTheFailureItself: what is told where there is nothing to add is what came,
// and what is told with a wait leaves it as it was.
func TestTheFailureItself(t *testing.T) {
	invalid := &chat.Error{Kind: chat.KindInvalid, Class: chat.ClassInvalid, Status: 400, Message: "bad", Details: []byte("{}")}
	if d := retry.V2(policy(), nil, half, retry.Request{Begun: begun}).Next(invalid, begun); d.Final != invalid {
		t.Errorf("told %+v", d.Final)
	}
	busy := chat.Error{Kind: chat.KindOverloaded, Class: chat.ClassCapacity, Status: 503, Message: "busy", Reason: "R", RetryAfter: time.Minute}
	came := busy
	d := retry.V2(policy(), nil, half, retry.Request{Begun: begun}).Next(&came, begun)
	if came.RetryAfter != busy.RetryAfter || d.Final == &came || d.Final.Message != "busy" || d.Final.Reason != "R" || d.Final.Status != 503 {
		t.Errorf("came %+v, told %+v", came, d.Final)
	}
}

func TestPolicyIsChecked(t *testing.T) {
	if err := retry.Default().Validate(); err != nil {
		t.Error(err)
	}
	if err := (retry.Policy{}).Validate(); err != nil {
		t.Error(err)
	}
	bad := retry.Policy{Interval: -1, Total: -1, Retries: -1, Share: -0.1}
	if err := bad.Validate(); err == nil || len(strings.Split(err.Error(), "\n")) != 4 {
		t.Errorf("%v, want four lines", err)
	}
	if got := said(retry.V2(retry.Policy{}, nil, half, retry.Request{Begun: begun}).Next(&chat.Error{Kind: chat.KindNetwork}, begun)); got != "tell network" {
		t.Errorf("a zero policy: %s", got)
	}
}

func TestScopes(t *testing.T) {
	for s, want := range map[retry.Scope]string{retry.ScopeNone: "none", retry.ScopeProjectModel: "project_model", 9: "scope(9)"} {
		if s.String() != want {
			t.Errorf("%v, want %s", s, want)
		}
	}
}
