// Package sample is the contract between measuring and judging: one record per
// *intended* request, and the run file that carries them.
//
// # Run file
//
// NAME.run.jsonl, gzip by the suffix .gz: JSON Lines of schema
// firstbyte.run/1.
//
//	{"schema":"firstbyte.run/1", …}   one Header
//	{"seq":0,"arm":"baseline", …}     one Sample per intended request, in intended order
//	{"trailer":true, …}               one Trailer: counts, slots, validity, digest
//
// A file without its trailer, or whose digest or counts differ, is truncated or
// damaged; the Reader says so and nobody judges it. Instants are nanoseconds
// since the run's epoch (Header.EpochNS on the machine's monotonic clock, see
// package clock), durations are nanoseconds; both are int64 with _ns in their
// JSON names. An instant of 0 was not reached.
//
// # Logs
//
// Header.Source names what else than bench recorded a run file. There a sample
// is a request of somebody's own, its intended start is its arrival at the
// recorder, and it has no Item. The proxy's log has its lines in the order in
// which requests ended. A log of another machine has an epoch of 0 on the
// monotonic clock and its true one in Header.StartedAt.
//
// A log that is still being written (CreateLive) is read by a Follower.
package sample

import "fmt"

// Schema names the format and its version.
const Schema = "firstbyte.run/1"

// A Design says how the arms were compared, and so what may be claimed.
type Design string

// The four designs; docs/architecture.md tells them apart.
const (
	Interleaved Design = "interleaved"
	Split       Design = "split"
	Switchback  Design = "switchback"
	Single      Design = "single"
)

// Unassigned is the Arm of a request of a split that ended before its answer named
// the arm that served it. It is no arm of the header.
const Unassigned = "unassigned"

// A Header opens a run file.
type Header struct {
	Schema     string   `json:"schema"`
	Tool       string   `json:"tool"` // "firstbyte VERSION"
	StartedAt  string   `json:"started_at"`
	EpochNS    int64    `json:"epoch_ns"` // the run's zero on the machine's monotonic clock
	Seed       uint64   `json:"seed"`
	Dataset    Dataset  `json:"dataset"`
	Schedule   Schedule `json:"schedule"`
	Design     Design   `json:"design"`
	Blocks     int      `json:"blocks"`
	Arms       []Arm    `json:"arms"` // the baseline first
	Dialect    string   `json:"dialect"`
	Model      string   `json:"model"`
	Scenario   string   `json:"scenario,omitempty"` // simulated upstream, if any
	Machine    Machine  `json:"machine"`
	ClockScale float64  `json:"clock_scale"` // 1: real time

	// Source says who recorded the requests where it was not bench's own load:
	// proxy (the reference proxy's request log), envoy, otlp, litellm, vegeta, k6,
	// vllm.
	Source string `json:"source,omitzero"`
	// Lacks names measures that such a source cannot tell: their absence says
	// nothing of the arms.
	Lacks []Measure `json:"lacks,omitempty"`

	// NoControls says why a run has no controls of its own, where whoever made it
	// says so.
	NoControls string `json:"no_controls,omitzero"`

	// Seeks names the metrics whose change the run was made to show, by the keys of
	// a policy (first_token.p95), written down before there was anything to see.
	Seeks []string `json:"seeks,omitempty"`

	// Draw says how items were drawn where some were likelier than others; nil:
	// none was.
	Draw *Draw `json:"draw,omitempty"`

	// Shard says which part of the plan this file has; nil: all of it. A part is
	// not judged alone: [Read] refuses it.
	Shard *Shard `json:"shard,omitempty"`
	// Shards are the parts that were merged into this file, by index; nil: it is
	// one run as it was made.
	Shards []Shard `json:"shards,omitempty"`
}

// A Shard is one of several processes that share a plan, each of which sends
// every Of-th request of a turn, and of its warm-up, from the Index-th on. All of
// them begin at StartAt by their own clocks, and their files have the same epoch,
// so that instants of all of them can be laid side by side as far as the clocks
// agree.
type Shard struct {
	Index   int    `json:"index"` // from 0
	Of      int    `json:"of"`
	StartAt string `json:"start_at"` // RFC 3339
	// Machine is the shard's own, in a merged file.
	Machine *Machine `json:"machine,omitempty"`
	Clock   Offset   `json:"clock"`
	// StepNS is how far the wall clock moved against the monotonic one from the
	// start to the end of the load: a step or a slew of the shard's clock.
	StepNS int64 `json:"step_ns,omitzero"`
}

// An Offset is how far a reference's clock is ahead of the shard's own: between
// OffsetNS - ErrorNS and OffsetNS + ErrorNS. Of two shards with one reference the
// clocks differ by the difference of the offsets, give or take both errors.
type Offset struct {
	Against  string `json:"against,omitzero"` // whose clock was asked: scheme and host
	OffsetNS int64  `json:"offset_ns"`
	ErrorNS  int64  `json:"error_ns"`
	Asked    int    `json:"asked,omitzero"` // answers that the bounds come from
	// Unknown says why the offset is not known; "": it is.
	Unknown string `json:"unknown,omitzero"`
}

// A Draw says how an enriched run drew its items. Statistics over its requests
// are of the enriched load unless they use [Sample.Weight].
type Draw struct {
	Pilot string `json:"pilot"` // the digest of the run file that the shares come from
	// NaturalEvery: of so many blocks one has all items equally likely, and
	// weights of 1.
	NaturalEvery int       `json:"natural_every"`
	Share        []float64 `json:"share"`  // of the draws of the other blocks, by stratum
	Weight       []float64 `json:"weight"` // of a request in them, by stratum
}

// Dataset names the prompts.
type Dataset struct {
	Name  string `json:"name"`
	Hash  string `json:"hash"`
	Items int    `json:"items"`
}

// Schedule says when requests were meant to start.
type Schedule struct {
	Kind      string  `json:"kind"` // constant, poisson, gamma, onoff, closed, listed, trace; observed: none of ours
	PerSecond float64 `json:"per_second,omitempty"`
	Workers   int     `json:"workers,omitempty"` // closed loop
	PerSlot   int     `json:"per_slot"`          // measured requests of one arm in one block
	Warmup    int     `json:"warmup"`            // requests before them, not measured
	Hash      string  `json:"hash"`              // SHA-256 of all intended offsets and items

	// Sweep has the rates of the blocks, which take them in turn; else empty.
	Sweep []float64 `json:"sweep,omitempty"`
	// Profile says in words what kind and rate do not: the stages of the rate, the
	// shape of a law, the trace.
	Profile string `json:"profile,omitzero"`
}

// Pace names kind, rate and profile. The hash of the intended instants, which
// differs with the seed, is not in it.
func (s Schedule) Pace() string {
	pace := fmt.Sprintf("%s, %g/s", s.Kind, s.PerSecond)
	switch {
	case s.Workers > 0:
		pace = fmt.Sprintf("%s, %d workers", s.Kind, s.Workers)
	case len(s.Sweep) > 0:
		pace = fmt.Sprintf("%s, %v/s in turn", s.Kind, s.Sweep)
	case s.PerSecond == 0:
		pace = s.Kind
	}
	if s.Profile != "" {
		pace += ", " + s.Profile
	}
	return pace
}

// An Arm is one side of a comparison.
type Arm struct {
	Name      string          `json:"name"`
	Target    string          `json:"target"` // URL without secrets; "" when it changes at restarts
	Flags     map[string]bool `json:"flags,omitempty"`
	Restarted bool            `json:"restarted"` // a fresh process at every block

	Role Role `json:"role,omitzero"`
	// PerSlot is how many of a block's requests the arm gets, the first ones; 0:
	// all of them (Schedule.PerSlot).
	PerSlot int `json:"per_slot,omitzero"`
	// Planted is by how much the path of a Plant is slowed, as a share.
	Planted float64 `json:"planted,omitzero"`
}

// A Role is what an arm is in a run for. The zero value is a side of the
// comparison; the others are the run's own controls.
type Role string

// The roles of controls.
const (
	Twin  Role = "twin"  // the baseline once more: nothing may be seen in it
	Plant Role = "plant" // the baseline with a known delay in its path: it must be seen
)

// Machine is the fingerprint of the measuring machine.
type Machine struct {
	OS         string `json:"os"`
	Arch       string `json:"arch"`
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	GOMAXPROCS int    `json:"gomaxprocs"`
	Kernel     string `json:"kernel,omitempty"`
	Go         string `json:"go"`
}

// An Outcome is "ok" or the class of a failure.
type Outcome string

// The classes, grouped by who is to blame (measuring.md 1.5).
const (
	OK Outcome = "ok"

	DroppedStart Outcome = "dropped_start"
	NoDescriptor Outcome = "fd_exhausted"
	NoPort       Outcome = "ports_exhausted"

	DNS          Outcome = "dns"
	Refused      Outcome = "refused"
	Unreachable  Outcome = "unreachable"
	TLS          Outcome = "tls"
	ResetBefore  Outcome = "reset_before_headers"
	ResetStream  Outcome = "reset_midstream"
	GoAway       Outcome = "h2_goaway"
	StreamReset  Outcome = "h2_rst"
	SlowConnect  Outcome = "timeout_connect"
	SlowToken    Outcome = "timeout_ttft"
	SlowGap      Outcome = "timeout_gap"
	SlowTotal    Outcome = "timeout_total"
	RateLimited  Outcome = "rate_limited"
	Overloaded   Outcome = "overloaded"
	HTTP4xx      Outcome = "http_4xx"
	HTTP5xx      Outcome = "http_5xx"
	HTTPOther    Outcome = "http_other" // neither 200 nor an error status: a redirect, say
	ContentType  Outcome = "wrong_content_type"
	ErrorEvent   Outcome = "error_event"
	NoTerminator Outcome = "missing_terminator"
	BadFrame     Outcome = "bad_frame"
	BadJSON      Outcome = "bad_json"
	Empty        Outcome = "empty_output"

	Cancelled Outcome = "cancelled" // on purpose
	Aborted   Outcome = "aborted"   // the run was stopped
)

// ByStatus returns the class of an HTTP status: OK for 200 alone.
func ByStatus(status int) Outcome {
	switch {
	case status == 200:
		return OK
	case status == 429:
		return RateLimited
	case status == 503 || status == 529:
		return Overloaded
	case status >= 500:
		return HTTP5xx
	case status >= 400:
		return HTTP4xx
	}
	return HTTPOther
}

// A Phase is where in a request's life something happened.
type Phase string

// Phases in the order of a request's life.
const (
	PhaseSchedule   Phase = "schedule"
	PhaseDNS        Phase = "dns"
	PhaseConnect    Phase = "connect"
	PhaseTLS        Phase = "tls"
	PhaseWrite      Phase = "write"
	PhaseHeaders    Phase = "headers"
	PhaseFirstToken Phase = "first_token"
	PhaseStream     Phase = "stream"
	PhaseClose      Phase = "close"
)

// A Sample is one intended request and what became of it. A failed request
// keeps the instants it reached.
type Sample struct {
	Seq        int     `json:"seq"` // position in intended order over the whole run
	Arm        string  `json:"arm"`
	Block      int     `json:"block"`
	Restart    int     `json:"restart"` // how often this arm had been started before
	Warmup     bool    `json:"warmup,omitzero"`
	Unit       string  `json:"unit,omitzero"`
	Session    string  `json:"session,omitzero"`
	Turn       int     `json:"turn,omitzero"`
	Share      float64 `json:"share,omitzero"` // candidate share in force, split designs
	Item       string  `json:"item"`
	Occurrence int     `json:"occurrence"` // the how-manieth use of Item in the run; the pair is (Item, Occurrence)
	Nonce      string  `json:"nonce"`

	IntendedNS  int64 `json:"intended_ns"`
	SentNS      int64 `json:"sent_ns,omitzero"`
	Conn        Conn  `json:"conn,omitzero"`
	WrittenNS   int64 `json:"written_ns,omitzero"`
	FirstByteNS int64 `json:"first_byte_ns,omitzero"`
	HeadersNS   int64 `json:"headers_ns,omitzero"`
	EventNS     int64 `json:"first_event_ns,omitzero"` // any event
	TokenNS     int64 `json:"first_token_ns,omitzero"` // any channel
	TextNS      int64 `json:"first_text_ns,omitzero"`  // visible text
	LastNS      int64 `json:"last_content_ns,omitzero"`
	CloseNS     int64 `json:"close_ns,omitzero"`

	GapsNS    []int64 `json:"gaps_ns,omitempty"`  // between successive content events; 0 when one Read brought both
	Events    int     `json:"events,omitzero"`    // content events
	Coalesced int     `json:"coalesced,omitzero"` // content events that shared a Read with the one before

	Status  int     `json:"status,omitzero"`
	Outcome Outcome `json:"outcome"`
	Phase   Phase   `json:"phase,omitzero"` // where it failed
	Code    string  `json:"code,omitzero"`  // the provider's error type
	Message string  `json:"message,omitzero"`

	Usage      Usage    `json:"usage,omitzero"`
	Cost       float64  `json:"cost,omitzero"`    // US dollars, where the source tells them
	Weight     float64  `json:"weight,omitzero"`  // the inverse of how likely the item was to be drawn; 0 means 1
	Stratum    int      `json:"stratum,omitzero"` // of the item in Header.Draw, counted from 1; 0: the run has none
	Finish     string   `json:"finish,omitzero"`
	AnswerHash string   `json:"answer_hash,omitzero"` // SHA-256 of the visible text, first 16 hexadecimal digits
	Quality    *float64 `json:"quality,omitempty"`    // in [0,1]; nil when not scored
	Early      bool     `json:"early,omitzero"`       // not scored, as there was no earlier answer yet to compare it with: nothing against it

	Proxy      *ProxySaid `json:"proxy,omitempty"`
	UpstreamNS []int64    `json:"upstream_write_ns,omitempty"` // instants at which the upstream wrote its content chunks
}

// Conn is what the connection cost; durations of phases that took place.
type Conn struct {
	Reused    bool   `json:"reused,omitzero"`
	Protocol  string `json:"protocol,omitzero"`
	Attempts  int    `json:"attempts,omitzero"` // connections obtained; more than 1 is a silent retry
	DNSNS     int64  `json:"dns_ns,omitzero"`
	ConnectNS int64  `json:"connect_ns,omitzero"`
	TLSNS     int64  `json:"tls_ns,omitzero"`
}

// Usage counts tokens. Cached is a part of Input, Reasoning one of Output.
type Usage struct {
	Input     int `json:"input,omitzero"`
	Output    int `json:"output,omitzero"`
	Cached    int `json:"cached,omitzero"`
	Reasoning int `json:"reasoning,omitzero"`
	// Source says who counted Output: usage (the provider, who alone tells the
	// others), tokenizer (an estimate of ours), events (content events).
	Source string `json:"source,omitzero"`
}

// ProxySaid is what the gateway told of the request.
type ProxySaid struct {
	RequestID  string          `json:"request_id,omitzero"`
	Attempts   int             `json:"attempts,omitzero"`
	WaitNS     int64           `json:"wait_ns,omitzero"`
	Credential string          `json:"credential,omitzero"`
	Arm        string          `json:"arm,omitzero"` // what the gateway calls the side that served the request
	Flags      map[string]bool `json:"flags,omitempty"`
	// Shares are the candidate's shares in force at this request, in [0,1], by the
	// flag that they split.
	Shares map[string]float64 `json:"shares,omitempty"`
	// Pool is the pool that the model belongs to: PoolPreview or PoolGeneral; "":
	// not told.
	Pool string `json:"pool,omitzero"`
	// Tries are the attempts at the upstream in order, where the gateway tells of
	// each; Attempts is then their number and WaitNS the sum of what it slept between them.
	Tries []Try `json:"tries,omitempty"`
}

// The pools of credentials: models in preview are served by those of their own.
const (
	PoolPreview = "preview"
	PoolGeneral = "general"
)

// A Try is one attempt of the gateway at the upstream, and the wait after it.
type Try struct {
	// AtNS is when a credential had been chosen for it, EndNS when it had failed,
	// both after the gateway had the request and by the machine's clock. Where
	// EndNS is told, the next AtNS bounds the wait in between.
	AtNS       int64  `json:"at_ns"`
	EndNS      int64  `json:"end_ns,omitzero"`
	Credential string `json:"credential,omitzero"`
	Pool       string `json:"pool,omitzero"`  // of the credential, as ProxySaid.Pool
	Class      string `json:"class,omitzero"` // of its failure; "": it was answered
	Status     int    `json:"status,omitzero"`
	// PlannedNS is how long the policy wanted to wait before the next attempt,
	// SleptNS how long the gateway slept before it, whoever in it did. Both are on the gateway's own
	// clock (Header.ClockScale).
	PlannedNS int64 `json:"planned_ns,omitzero"`
	SleptNS   int64 `json:"slept_ns,omitzero"`
}

// A Slot is one arm's turn in one block, with what is known of the whole turn
// and of no single request.
type Slot struct {
	Block      int     `json:"block"`
	Arm        string  `json:"arm"`
	Restart    int     `json:"restart"`
	StartNS    int64   `json:"start_ns"`        // the first measured intended start
	EndNS      int64   `json:"end_ns"`          // the last measured request's end
	CPUNS      int64   `json:"cpu_ns,omitzero"` // of the arm's process between the two; 0: not known
	Requests   int     `json:"requests"`        // measured, not warm-up
	Events     int     `json:"events"`          // content events received
	IntendedHz float64 `json:"intended_hz,omitzero"`
	AchievedHz float64 `json:"achieved_hz,omitzero"` // starts per second
}

// A Grade is the worth of a measurement.
type Grade string

// The grades, worst last.
const (
	Valid    Grade = "valid"
	Degraded Grade = "degraded"
	Invalid  Grade = "invalid"
	// Unknown is the grade of logs that others recorded in production: nobody
	// measured the measurer, so how wrong the numbers may be is not known. It is
	// no grade of a run that bench made.
	Unknown Grade = "unknown"
)

// A Signal is one rule of the validity block with what was measured.
type Signal struct {
	Name     string  `json:"name"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
	Grade    Grade   `json:"grade"`
	Valid    float64 `json:"valid_to"`      // the bound of Valid
	Degraded float64 `json:"degraded_to"`   // the bound of Degraded
	Busy     bool    `json:"busy,omitzero"` // speaks of the machine, not of the target: worth another try
}

// Validity says whether the numbers of a run can be trusted, and how wrong the
// measurer itself may be. Its rules live in bench/calibrate.
type Validity struct {
	Grade   Grade    `json:"grade"` // the worst of Signals
	Signals []Signal `json:"signals"`
	// Error is the measurer's own error against ground truth on this machine,
	// by measure: see the Measure names.
	Error    map[Measure]ErrorNS `json:"error_ns,omitempty"`
	Warnings []string            `json:"warnings,omitempty"`
	// Facts are measured too, but grade nothing.
	Facts []Fact `json:"facts,omitempty"`
}

// A Fact is something known of a measurement that no rule speaks of: a number
// with its unit, or a text.
type Fact struct {
	Name  string  `json:"name"`
	Value float64 `json:"value,omitzero"`
	Unit  string  `json:"unit,omitzero"`
	Text  string  `json:"text,omitzero"`
}

// ErrorNS is a distribution of absolute errors in nanoseconds.
type ErrorNS struct {
	P50 int64 `json:"p50"`
	P99 int64 `json:"p99"`
	Max int64 `json:"max"`
	N   int   `json:"n"`
}

// A Trailer closes a run file.
type Trailer struct {
	Trailer  bool           `json:"trailer"` // always true: tells it from a sample
	Samples  int            `json:"samples"`
	Measured map[string]int `json:"measured"` // by arm, without warm-up
	Slots    []Slot         `json:"slots"`
	Stopped  string         `json:"stopped,omitzero"` // why the run ended before its plan did
	// Look is the planned look, counted from 1, at which the judge had decided
	// and so ended the run; 0: it was not ended by one.
	Look     int      `json:"look,omitzero"`
	Validity Validity `json:"validity"`
	Digest   string   `json:"digest"` // SHA-256 of every byte before this line, hexadecimal
}
