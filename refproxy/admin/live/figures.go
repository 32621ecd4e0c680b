package live

import "time"

// Figures are what the last minutes looked like. Rates and latencies are of the
// last Window; History is of all that is kept.
type Figures struct {
	At       time.Time `json:"at"`
	InFlight int       `json:"in_flight"`
	// Window is the time that All, Flags and Errors cover.
	Window  time.Duration `json:"window_ns"`
	All     Arm           `json:"all"`
	Flags   []Flag        `json:"flags"` // by name
	Errors  []Count       `json:"errors"`
	History []Point       `json:"-"` // the oldest first; the last is still filling
}

// Flag returns the arms of a flag; zero ones if it has seen no request.
func (f Figures) Flag(name string) Flag {
	for _, flag := range f.Flags {
		if flag.Name == name {
			return flag
		}
	}
	return Flag{Name: name}
}

// An Arm is the requests that ended in one arm.
type Arm struct {
	Requests  int     `json:"requests"`
	Failed    int     `json:"failed"`
	Left      int     `json:"left"` // their callers went away
	PerSecond float64 `json:"per_second"`
	// FirstByte and FirstToken leave out callers that went away.
	FirstByte  Latency `json:"first_byte"`
	FirstToken Latency `json:"first_token"`
}

// A Flag is the two arms of one flag, and how the traffic was split between them
// a moment ago.
type Flag struct {
	Name string `json:"name"`
	Off  Arm    `json:"off"`
	On   Arm    `json:"on"`
	// Split is of the last seconds only, so that a change is seen soon.
	Split Split `json:"split"`
}

// A Split counts requests by arm.
type Split struct {
	Off int `json:"off"`
	On  int `json:"on"`
}

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
	Outcome string `json:"outcome"`
	N       int    `json:"n"`
}

// A Point is one slot of the history.
type Point struct {
	At                    time.Time // its begin
	Span                  time.Duration
	Requests, Failed      int
	FirstByte, FirstToken Latency
	Splits                map[string]Split // by flag
}
