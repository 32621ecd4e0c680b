package sample

// A Measure is a per-request quantity. A latency that begins at a start exists on
// two clocks (measuring.md 1.2): the user's runs from the intended start, the
// service's from the send. The plain name is the user clock; the other has the
// suffix _service (see [Measure.Service]).
type Measure string

// The measures. In brackets the formula over a Sample's fields.
const (
	TTFB       Measure = "ttfb"        // FirstByte - Intended
	FirstToken Measure = "first_token" // Token - Intended
	Gap        Measure = "gap"         // (Last - Token) / (Events - 1): the mean gap of one answer
	Full       Measure = "full"        // Close - Intended

	Queue       Measure = "queue"        // Sent - Intended
	DNSTime     Measure = "dns"          // Conn.DNS; none without a look-up
	Connect     Measure = "connect"      // Conn.Connect; none on a reused connection
	TLSTime     Measure = "tls"          // Conn.TLS; none on a reused connection
	FirstEvent  Measure = "first_event"  // Event - Intended
	FirstText   Measure = "first_text"   // Text - Intended; none in an answer without visible text
	LastContent Measure = "last_content" // Last - Intended
	TPOT        Measure = "tpot"         // (Last - Token) / (Usage.Output - 1)

	Waiting     Measure = "waiting" // FirstByte - Written; none where the answer began before the request was written
	HeadersTime Measure = "headers" // Headers - Intended
	NTPOT       Measure = "ntpot"   // (Last - Intended) / Usage.Output

	// What the gateway added, by the upstream's own write times on the same
	// clock: none where they are not known.
	AddedToken Measure = "added_first_token" // Token - UpstreamNS[0]
	AddedEvent Measure = "added_event"       // mean over content events of arrival - upstream's write
)

// Measures lists what a policy may name, in the order of a request's life; what
// the gateway added comes last. All latencies in it are on the user clock.
func Measures() []Measure {
	return []Measure{
		Queue, DNSTime, Connect, TLSTime, TTFB, FirstEvent, FirstToken, FirstText,
		Gap, TPOT, LastContent, Full, AddedToken, AddedEvent,
	}
}

// Value returns the measure of s in nanoseconds. A request that failed is
// infinitely slow in every measure: ok is false. none is true where the measure
// does not exist for a successful request (a gap needs two events). A value is
// negative only where an instant that its formula needs was not reached.
func (s *Sample) Value(m Measure) (ns int64, ok, none bool) {
	if s.Outcome != OK {
		return 0, false, false
	}
	switch m {
	case TTFB, HeadersTime, Full, Queue, FirstEvent, FirstToken, FirstText, LastContent, NTPOT:
		return s.since(s.IntendedNS, m)
	case Waiting:
		return s.FirstByteNS - s.WrittenNS, true, s.WrittenNS == 0 || s.FirstByteNS < s.WrittenNS
	case Gap:
		return s.per(s.Events - 1)
	case TPOT:
		return s.per(s.Usage.Output - 1)
	case AddedToken, AddedEvent:
		return s.added(m)
	case DNSTime, Connect, TLSTime:
		return s.Conn.value(m)
	}
	if user, service := m.user(); service && s.SentNS != 0 {
		return s.since(s.SentNS, user)
	}
	return 0, true, true // not known, as the service clock of a request whose send is not
}

// since is a latency that begins at start.
func (s *Sample) since(start int64, m Measure) (ns int64, ok, none bool) {
	switch m {
	case TTFB:
		return s.FirstByteNS - start, true, false
	case HeadersTime:
		return s.HeadersNS - start, true, s.HeadersNS == 0
	case FirstEvent:
		return s.EventNS - start, true, false
	case FirstToken:
		return s.TokenNS - start, true, false
	case FirstText:
		return s.TextNS - start, true, s.TextNS == 0
	case LastContent:
		return s.LastNS - start, true, false
	case NTPOT:
		if s.Usage.Output < 1 {
			return 0, true, true
		}
		return (s.LastNS - start) / int64(s.Usage.Output), true, false
	case Queue:
		return s.SentNS - start, true, false
	}
	return s.CloseNS - start, true, false
}

// per divides the time of the content by its steps.
func (s *Sample) per(steps int) (ns int64, ok, none bool) {
	if steps < 1 {
		return 0, true, true
	}
	return (s.LastNS - s.TokenNS) / int64(steps), true, false
}

// value is the time of a phase that took place.
func (c *Conn) value(m Measure) (ns int64, ok, none bool) {
	switch m {
	case DNSTime:
		ns = c.DNSNS
	case Connect:
		ns = c.ConnectNS
	case TLSTime:
		ns = c.TLSNS
	}
	return ns, true, ns == 0 || c.Reused
}

// added compares arrivals with the upstream's writes. Content event i arrives at
// the first token and all gaps before it; an event without its own write makes
// the mean unknown, because nobody can say which write was lost or joined.
func (s *Sample) added(m Measure) (ns int64, ok, none bool) {
	if len(s.UpstreamNS) == 0 {
		return 0, true, true
	}
	if m == AddedToken {
		return s.TokenNS - s.UpstreamNS[0], true, false
	}
	if s.Events != len(s.UpstreamNS) || s.Events != len(s.GapsNS)+1 {
		return 0, true, true
	}
	arrival, sum := s.TokenNS, int64(0)
	for i, written := range s.UpstreamNS {
		sum += arrival - written
		if i < len(s.GapsNS) {
			arrival += s.GapsNS[i]
		}
	}
	return sum / int64(s.Events), true, false
}
