package server

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// observation begins the names of the fields that tell the caller how its request
// went (docs/wire.md): header fields of a whole answer, trailers of a stream.
const observation = "X-Firstbyte-Obs-"

// announce puts into a head what is known when it goes out: of a stream the time
// that its first content took, of a whole answer everything.
func (x *exchange) announce(h http.Header, status int) {
	if x.plan == nil {
		return
	}
	now := time.Now()
	if timing := x.serverTiming(now); timing != "" {
		h.Set("Server-Timing", timing)
	}
	if strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") {
		return
	}
	t := times{first: now, done: now}
	if status == http.StatusOK {
		t.token = now
	}
	x.observe(t, func(name, value string) { h.Set(observation+name, value) })
}

// trail puts the same into the trailers of a stream that has ended.
func (x *exchange) trail() {
	h := x.w.Header()
	if x.plan == nil || !x.w.wrote || !strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") {
		return
	}
	at := x.out.Times
	x.observe(times{at.Head, at.Token, time.Now()}, func(name, value string) { h.Set(http.TrailerPrefix+observation+name, value) })
}

// told returns what the caller was told.
func (x *exchange) told() map[string]string {
	all := map[string]string{}
	at := x.out.Times
	x.observe(times{at.Head, at.Token, at.Ended}, func(name, value string) { all[name] = value })
	return all
}

// times are the instants of an answer; zero where it did not come so far.
type times struct{ first, token, done time.Time }

// observe tells what is known of the request, field by field.
func (x *exchange) observe(t times, tell func(name, value string)) {
	instant := func(name string, at time.Time) {
		if !at.IsZero() {
			tell(name, fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000))
		}
	}
	tell("Request-Id", x.id)
	instant("T-Req-In", x.plan.begun)
	tell("Arm", arm(x.plan.assignment().Flags.Map()))
	if asked := x.plan.tries; asked != nil {
		instant("T-Upstream-Send", asked.firstAsked)
		attempts, slept := asked.told()
		tell("Attempts", strconv.Itoa(len(attempts)))
		tell("Retry-Count", strconv.Itoa(max(0, len(attempts)-1)))
		tell("Retry-Sleep-Ms", milliseconds(slept))
		if n := len(attempts); n > 0 && attempts[n-1].Credential != "" {
			tell("Credential", attempts[n-1].Credential)
		}
		if said, ok := asked.serverTime(); ok {
			tell("Upstream-Server-Ms", milliseconds(said))
		}
	}
	if spent := x.plan.work.Total(); spent > 0 {
		tell("Converter-Cpu-Ms", milliseconds(spent))
	}
	instant("T-First-Byte", t.first)
	instant("T-First-Token", t.token)
	instant("T-Done", t.done)
}

// serverTiming says where the time to the answer went: waiting for the upstream,
// waiting between attempts, and the rest, which is the proxy's own.
func (x *exchange) serverTiming(now time.Time) string {
	asked := x.plan.tries
	if asked == nil {
		return ""
	}
	slept, inside := asked.spent()
	own := max(0, now.Sub(x.plan.begun)-slept-inside)
	return fmt.Sprintf("upstream;dur=%s, wait;dur=%s, proxy;dur=%s", milliseconds(inside), milliseconds(slept), milliseconds(own))
}

func milliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', -1, 64)
}

// arm names the flags that are on.
func arm(flags map[string]bool) string {
	var on []string
	for name, is := range flags {
		if is {
			on = append(on, name)
		}
	}
	if on == nil {
		return "all-off"
	}
	slices.Sort(on)
	return strings.Join(on, "+")
}
