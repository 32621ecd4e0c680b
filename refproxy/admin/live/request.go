package live

import "time"

// OK is the outcome of a success.
const OK = "ok"

// Left is the outcome of a request whose caller went away. It says nothing of
// the proxy, so it is counted and neither fast nor slow.
const Left = "canceled"

// A Request is what is known of one request that has ended. Durations count from
// Begun; 0 was not reached.
type Request struct {
	ID    string
	Begun time.Time
	// Path is the route that was called, Model the upstream's name of the model,
	// or the caller's where none was found.
	Path, Model string
	Stream      bool
	// Outcome is OK, Left or a class of failure out of a fixed set, Status the
	// HTTP status sent, and Message what the caller was told of a failure.
	Outcome string
	Status  int
	Message string
	// Asked is when the upstream was asked first, FirstByte and FirstToken are
	// when the answer's first byte and first content were sent, and Duration is
	// when nothing more would be.
	Asked, FirstByte, FirstToken, Duration time.Duration
	// Credential is the opaque name of the one that answered.
	Credential string
	Attempts   []Attempt
	// Assigned holds, for each flag, which arm the request was in.
	Assigned map[string]Assignment
	// Tokens as the upstream counts them; Input excludes Cached.
	Input, Cached, Output int
}

// An Attempt is one call of the upstream.
type Attempt struct {
	At         time.Duration // since the request was begun
	Credential string
	// Class is the class of its failure, empty for a success, and Status the
	// upstream's.
	Class  string
	Status int
	// Planned and Slept are the wait after it and before the next.
	Planned, Slept time.Duration
	// Retried says whether another attempt followed.
	Retried bool
}

// An Assignment is the arm of one request in one flag's split.
type Assignment struct {
	On    bool
	Unit  string  // what was assigned: "request" or "session"
	Share float64 // the share of units for which it is on, in [0,1]
}
