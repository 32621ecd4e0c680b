package assert

import (
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// Knowledge is what the caller knows and no run file holds.
type knowledge struct {
	// planned is the longest that one wait of the gateway may last; 0: not
	// known.
	planned time.Duration
	// preview lists the credentials that only preview models may use, and that
	// alone may serve them; previewModel tells that the run's model is one. Of
	// none, the records tell.
	preview      []string
	previewModel bool
	// credentials is how many there are; 0: those that served something.
	credentials int
}

// fact counts what is so of this run, without any doubt of sampling.
func (s *side) fact(m measure, k knowledge) estimate {
	switch m.name {
	case "reuse", "http2", "new_connections", "tls_handshakes", "silent_retries":
		return s.connections(m)
	case "retried", "double_waits":
		return s.retries(m, k.planned)
	}
	return s.credentials(m, k, 0)
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
