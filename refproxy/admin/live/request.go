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
	ID    string    `json:"id"`
	Begun time.Time `json:"begun"`
	// Path is the route that was called, Model the upstream's name of the model,
	// or the caller's where none was found.
	Path   string `json:"path"`
	Model  string `json:"model"`
	Stream bool   `json:"stream"`
	// Outcome is OK, Left or a class of failure out of a fixed set, Status the
	// HTTP status sent, and Message what the caller was told of a failure.
	Outcome string `json:"outcome"`
	Status  int    `json:"status"`
	Message string `json:"message,omitempty"`
	// Asked is when the upstream was asked first, FirstByte and FirstToken are
	// when the answer's first byte and first content were sent, and Duration is
	// when nothing more would be.
	Asked      time.Duration `json:"asked_ns,omitzero"`
	FirstByte  time.Duration `json:"first_byte_ns,omitzero"`
	FirstToken time.Duration `json:"first_token_ns,omitzero"`
	Duration   time.Duration `json:"duration_ns"`
	// Credential is the opaque name of the one that answered.
	Credential string    `json:"credential,omitempty"`
	Attempts   []Attempt `json:"attempts"`
	// Assigned holds, for each flag, which arm the request was in.
	Assigned map[string]Assignment `json:"flags"`
	// Tokens as the upstream counts them; Input excludes Cached.
	Input  int `json:"input_tokens"`
	Cached int `json:"cached_tokens"`
	Output int `json:"output_tokens"`
	// Observed is the record that the caller got in headers or trailers, by their
	// names, since many clients drop trailers.
	Observed map[string]string `json:"observed,omitempty"`
}

// An Attempt is one call of the upstream.
type Attempt struct {
	At         time.Duration `json:"at_ns"` // since the request was begun
	Credential string        `json:"credential,omitempty"`
	// Class is the class of its failure, empty for a success, and Status the
	// upstream's.
	Class  string `json:"class,omitempty"`
	Status int    `json:"status,omitzero"`
	// Planned and Slept are the wait after it and before the next.
	Planned time.Duration `json:"planned_ns,omitzero"`
	Slept   time.Duration `json:"slept_ns,omitzero"`
	// Retried says whether another attempt followed.
	Retried bool `json:"retried"`
}

// An Assignment is the arm of one request in one flag's split.
type Assignment struct {
	On    bool    `json:"on"`
	Unit  string  `json:"unit"`  // what was assigned: "request" or "session"
	Share float64 `json:"share"` // of units for which it is on, in [0,1]
}
