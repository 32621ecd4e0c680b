package live

import "time"

// Figures are what the last minutes looked like. Rates and latencies are of the
// last Window; History is of all that is kept.
type Figures struct {
	At       time.Time
	InFlight int
	// Window is the time that All, Flags and Errors cover.
	Window  time.Duration
	All     Arm
	Flags   []Flag // by name
	Errors  []Count
	History []Point // the oldest first; the last is still filling
}

// An Arm is the requests that ended in one arm.
type Arm struct {
	Requests  int
	Failed    int
	Left      int // their callers went away
	PerSecond float64
	// FirstByte and FirstToken leave out callers that went away.
	FirstByte, FirstToken Latency
}

// A Flag is the two arms of one flag, and how the traffic was split between them
// a moment ago.
type Flag struct {
	Name    string
	Off, On Arm
	// Split is of the last seconds only, so that a change is seen soon.
	Split Split
}

// A Split counts requests by arm.
type Split struct{ Off, On int }

// N returns how many requests were split.
func (s Split) N() int { return s.Off + s.On }

// Share returns the share of requests with the flag on; ok is false if there
// were none.
func (s Split) Share() (share float64, ok bool) {
	if s.N() == 0 {
		return 0, false
	}
	return float64(s.On) / float64(s.N()), true
}

// A Count is how many requests had an outcome.
type Count struct {
	Outcome string
	N       int
}

// A Point is one slot of the history.
type Point struct {
	At                    time.Time // its begin
	Span                  time.Duration
	Requests, Failed      int
	FirstByte, FirstToken Latency
	Splits                map[string]Split // by flag
}
