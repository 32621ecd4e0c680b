package load

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// toldPrefix begins the names under which the reference proxy tells of a request:
// headers of a whole answer, trailers of a stream.
const toldPrefix = "X-Firstbyte-Obs-"

// Bounds of what a gateway may say. What lies beyond them is dropped: a server
// that is not ours must not fill the run file.
const (
	maxToldTries = 1000
	maxToldWait  = 24 * time.Hour
)

// A hearing is what a gateway said of one request.
type hearing struct {
	header, trailer http.Header
	key             Secret
}

// listen notes what the gateway said. It is called once the answer is over: only
// then is there a trailer, and no stamp that this could delay.
func (b *body) listen() {
	r, h := b.request, hearing{header: b.response.Header, trailer: b.response.Trailer, key: b.tripper.target.Key}
	if b.tripper.split != nil {
		r.assigned = clean(h.get(b.tripper.split.Header), h.key)
	}
	r.told = h.told()
}

// get returns what a header or trailer says; the trailer, which was written
// later, knows better.
func (h hearing) get(name string) string {
	if v := h.trailer.Get(name); v != "" {
		return v
	}
	return h.header.Get(name)
}

// told returns all that is of use, nil for nothing.
func (h hearing) told() *sample.ProxySaid {
	s := sample.ProxySaid{Arm: h.text(toldPrefix + "Arm"), Credential: h.text(toldPrefix + "Credential")}
	s.Flags = flags(s.Arm)
	for _, name := range []string{"Request-Id", "X-Request-Id", toldPrefix + "Request-Id"} {
		if s.RequestID = h.text(name); s.RequestID != "" {
			break
		}
	}
	s.Attempts = h.count(toldPrefix + "Attempts")
	if retries := h.get(toldPrefix + "Retry-Count"); s.Attempts == 0 && retries != "" {
		if n, ok := tries(retries); ok {
			s.Attempts = n + 1
		}
	}
	s.WaitNS = h.wait(toldPrefix + "Retry-Sleep-Ms")
	if s.RequestID == "" && s.Arm == "" && s.Credential == "" && s.Attempts == 0 && s.WaitNS == 0 {
		return nil
	}
	return &s
}

// text returns a label without the key, on one line and of bounded length.
func (h hearing) text(name string) string { return clean(h.get(name), h.key) }

func (h hearing) count(name string) int {
	n, _ := tries(h.get(name))
	return n
}

// tries reads a number of tries.
func tries(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n > maxToldTries {
		return 0, false
	}
	return int(n), true
}

// wait reads milliseconds, whole or not.
func (h hearing) wait(name string) int64 {
	ms, err := strconv.ParseFloat(h.get(name), 64)
	if err != nil || !(ms >= 0 && ms <= float64(maxToldWait/time.Millisecond)) { // nor NaN
		return 0
	}
	return int64(math.Round(ms * 1e6))
}

// flagName is a flag as the reference proxy calls them.
var flagName = regexp.MustCompile(`^ff_[a-z0-9_]{1,60}$`)

// flags are those that an arm's name says are on: "ff_a+ff_b". An arm of another
// name says nothing of flags.
func flags(arm string) map[string]bool {
	var on map[string]bool
	for name := range strings.SplitSeq(arm, "+") {
		if !flagName.MatchString(name) {
			return nil
		}
		if on == nil {
			on = map[string]bool{}
		}
		on[name] = true
	}
	return on
}
