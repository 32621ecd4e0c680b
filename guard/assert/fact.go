package assert

import (
	"slices"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// Knowledge is what the caller knows and no run file holds.
type knowledge struct {
	// planned is the longest that one wait of the gateway may last; 0: not
	// known.
	planned time.Duration
	// preview lists the credentials that only preview models may use, and that
	// alone may serve them; previewModel tells that the run's model is one.
	preview      []string
	previewModel bool
}

// fact counts what is so of this run, without any doubt of sampling.
func (s *side) fact(m measure, k knowledge) estimate {
	switch m.name {
	case "reuse", "http2", "new_connections", "tls_handshakes", "silent_retries":
		return s.connections(m)
	case "retried", "double_waits":
		return s.retries(m, k.planned)
	}
	return s.credentials(m, k)
}

// connections counts requests by their connection. A request that got none is
// no reuse and no HTTP/2.
func (s *side) connections(m measure) estimate {
	told, hits := 0, 0
	for _, one := range s.attempts {
		if one.Conn.Attempts > 0 {
			told++
		}
		if connected(m.name, one) {
			hits++
		}
	}
	switch {
	case told == 0:
		return nothing("no record tells of connections")
	case m.unit == share:
		return counted(len(s.attempts), float64(hits)/float64(len(s.attempts)))
	}
	return counted(len(s.attempts), float64(hits))
}

func connected(name string, one *sample.Sample) bool {
	c := one.Conn
	switch name {
	case "reuse":
		return c.Reused
	case "http2":
		return c.Protocol == "HTTP/2.0"
	case "new_connections":
		return !c.Reused
	case "tls_handshakes":
		return !c.Reused && c.TLSNS > 0
	}
	return c.Attempts > 1
}

// retries counts what the gateway said of its attempts.
func (s *side) retries(m measure, planned time.Duration) estimate {
	told, silent, hits, retried := 0, 0, 0, 0
	for _, one := range s.attempts {
		if _, state := proxyValue(one, m); state != present {
			if state == missing {
				silent++
			}
			continue
		}
		told++
		if one.Proxy.Attempts > 1 {
			retried++
		}
		if waitedTwice(one.Proxy, planned) {
			hits++
		}
	}
	switch {
	case told == 0:
		return nothing("no record tells what the gateway said of its attempts")
	case float64(silent) > lostShare*float64(told+silent):
		return nothing("%d of %d requests do not tell of the gateway's attempts", silent, told+silent)
	case m.name == "retried":
		return counted(told, float64(retried)/float64(told))
	case retried == 0 && hits == 0:
		return nothing("no request was retried, so nothing could have waited twice")
	case retried > 0 && planned == 0:
		return nothing("say how long one wait may last at most: --planned-wait 1s")
	}
	return counted(told, float64(hits))
}

// waitedTwice tells a wait without a retry, or waits longer than one for each
// retry: the earlier behaviour of the gateway slept in the retry and once more in
// its caller.
func waitedTwice(said *sample.ProxySaid, planned time.Duration) bool {
	return said.WaitNS > int64(max(0, said.Attempts-1))*int64(planned)
}

// credentials counts the requests by the credential that served them.
func (s *side) credentials(m measure, k knowledge) estimate {
	by, told := map[string]int{}, 0
	for _, one := range s.attempts {
		if one.Proxy != nil && one.Proxy.Credential != "" {
			by[one.Proxy.Credential]++
			told++
		}
	}
	if answered := s.outcomes().OK; told == 0 || float64(told) < (1-lostShare)*float64(answered) {
		return nothing("%d of %d answered requests tell which credential served them", told, answered)
	}
	if m.name == "wrong_credential" {
		if len(k.preview) == 0 {
			return nothing("say which credentials are for preview models: --preview-label LABEL")
		}
		return counted(told, float64(wrongSide(by, k)))
	}
	for _, label := range k.preview { // one that served nothing counts, too
		if k.previewModel {
			by[label] += 0
		}
	}
	return counted(told, spread(m.name, by, told))
}

// wrongSide counts requests of a preview model that another credential served,
// or of another model that a preview credential did.
func wrongSide(by map[string]int, k knowledge) int {
	wrong := 0
	for label, n := range by {
		if slices.Contains(k.preview, label) != k.previewModel {
			wrong += n
		}
	}
	return wrong
}

// spread says how evenly the credentials were used: Jain's index, or the share of
// the busiest.
func spread(name string, by map[string]int, told int) float64 {
	squares, most := 0.0, 0
	for _, n := range by {
		squares += float64(n) * float64(n)
		most = max(most, n)
	}
	if name == "busiest" {
		return float64(most) / float64(told)
	}
	return float64(told) * float64(told) / (float64(len(by)) * squares)
}
