// Package load runs a schedule against arms and keeps one record per intended
// request.
//
// A run is a number of blocks. In every block each arm gets one slot: it is
// started, warmed up, given the block's requests, drained and stopped; the
// order of the arms is drawn per block and balanced over blocks. All slots of a
// block carry the same (item, occurrence) pairs at the same intended offsets,
// so that every request has its twin in the other arm. An arm that is a control
// may get the first of them alone.
//
// vegeta keeps the pace over a precomputed schedule (see pacer.go); what it
// cannot see, the life of a stream, is measured in a RoundTripper of ours
// (trip.go) that stamps every Read and decodes after the slot has ended.
package load

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

// An Arm is one side of a comparison. Start and Stop stand around every slot;
// an arm that is there anyway does nothing in them (see [Standing]). Start
// returns when the arm takes requests. The context of Stop is not cancelled by
// the end of the run, it only bounds the time.
type Arm interface {
	Name() string
	Start(ctx context.Context) (Target, error)
	Stop(ctx context.Context) error
}

// Metered is what an Arm may also be: one that knows the processor time used by
// its process since that began.
type Metered interface {
	CPU() (time.Duration, error)
}

// Truthful is an upstream that tells when it wrote: nonce to the instants, on
// the scale of clock.Now, at which it wrote the content chunks of that
// request's answer. It is asked after each slot and may forget what it told.
type Truthful interface {
	UpstreamWrites(ctx context.Context) (map[string][]int64, error)
}

// A Target is where an arm takes requests.
type Target struct {
	URL string // base: scheme, host and port, perhaps a path prefix
	Key Secret // API key; "" sends none
}

// A Secret never shows itself in print, logs or JSON.
type Secret string

const redacted = "[redacted]"

// String hides the secret.
func (Secret) String() string { return redacted }

// GoString hides the secret.
func (Secret) GoString() string { return redacted }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON hides the secret.
func (Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// A Dialect is the API that the arms speak.
type Dialect = dialect.Dialect

// Timeouts bound a request, counted from its send. A zero field takes the
// default in brackets.
type Timeouts struct {
	Connect    time.Duration // to a connection, TLS included [5 s]
	FirstToken time.Duration // to the first token [30 s]
	Gap        time.Duration // between two tokens [15 s]
	Total      time.Duration // to the end [120 s]
}

// Config is a run. Arms, Set, Dialect, Model, Blocks and Schedule have no
// default.
type Config struct {
	Arms []Arm // the baseline first; names differ
	// About is what the header says of each arm, in the order of Arms; nil: names
	// alone. Its PerSlot is obeyed.
	About   []sample.Arm
	Set     *datasets.Set
	Dialect Dialect
	Model   string

	Seed     uint64
	Blocks   int
	Schedule schedule.Spec // of one slot: N is the number of its measured requests, unless About says fewer
	// Sweep, if set, gives each block in turn a rate of its own, in place of
	// Schedule.PerSecond.
	Sweep []float64
	// Listed, if set, are the measured requests of all blocks, of a Schedule of
	// that kind or of a trace: nothing of them is drawn. Schedule.N is the number
	// in the largest block. Listing says in the header where they come from.
	Listed  []schedule.Entry
	Listing string
	// Sessions, if set, makes conversations of the requests: Schedule says when each
	// begins, and N how many begin in a slot.
	Sessions *Sessions
	// Design is switchback where the arms are two states of one process, between
	// which their Start switches; "" tells from their number.
	Design sample.Design
	// Split, if set, leaves it to the target which arm a request goes to.
	Split *Split
	// Fill, if set, makes the texts of an item when its request is built, for sets
	// that do not hold them. It is called from several goroutines.
	Fill func(datasets.Item) datasets.Item
	// SharePrefix lets the prompts of a slot begin alike where their items do, for
	// loads that a target's cache of prompts belongs to.
	SharePrefix bool

	Warmup   int // requests before them in every slot, recorded but not measured
	Timeouts Timeouts
	// Transport says how requests travel; the zero value is HTTP/1.1.
	Transport Transport
	Drain     time.Duration // how long requests in flight may go on after the run was cancelled [2 s]

	Tool     string // "firstbyte VERSION", for the header
	Scenario string // of a simulated upstream, for the header

	// ClockScale is how many times as fast as the machine's the arms' own clocks run,
	// for the header; 0: they are the machine's.
	ClockScale float64

	// NoControls says, in the header, why no arm is a control, and Seeks what the run
	// was made to show.
	NoControls string
	Seeks      []string

	// Shard is the part of the plan that this process sends.
	Shard Shard

	// Draw, if set, makes some items likelier than others.
	Draw *Draw

	// Truth, if set, is asked after each slot for the upstream's write times.
	Truth Truthful
	// Score, if set, takes each measured answer that finished, by slot and there
	// in intended order. What it returns is asked for the grade when the block has
	// ended, so that answers of the other arms may count.
	Score func(Answered) func() Grade
	// Tokens, if set, counts the tokens of each answer when its slot has ended and
	// its arm has stopped; otherwise only what the API reports is known.
	Tokens func(*dialect.Answer) sample.Usage
	// Ended, if set, is told of every request that has ended, as it ends, from
	// several goroutines. With an error no further request starts, and the error is
	// why the run was stopped. Answers are then decoded while others come.
	Ended func(Ended) error
	// Progress, if set, is told how far the run is, several times a second at
	// most; calls do not overlap and must not block.
	Progress func(Progress)
	// Stop, if set, is asked after each whole block but the last, of which blocks
	// have run; an Ending that is not zero ends the run there. Nothing is in flight
	// meanwhile, and it may take its time. It must not change the Result.
	Stop func(blocks int, soFar *Result) Ending
}

// An Answered is an answer that finished, and what it answers.
type Answered struct {
	Baseline   bool // it is the first arm's
	Item       *datasets.Item
	Occurrence int
	Answer     *dialect.Answer // not to be kept: it may be long
}

// Sessions are conversations of several turns. A turn asks its item behind all
// turns before it and the answers that came to them, some time after the last of
// these has ended; the first turn's system text holds for all. A session ends with
// its first turn that fails: those that it had left are recorded as cancelled.
type Sessions struct {
	Turns int // of each session
	Think Think
	// Prefix, if set, is a text that all prompts of a slot begin with, as a JSON
	// string literal: it goes before the system text.
	Prefix json.RawMessage
}

// Think is how long a session waits from the end of an answer to its next turn.
type Think struct {
	Mean        time.Duration
	Exponential bool // else it is always the mean
}

// A Grade is what [Config.Score] makes of an answer, as in [sample.Sample].
type Grade struct {
	Quality *float64
	Early   bool
}

// An Ending is how a run ends before its last block; the zero value: it does not.
type Ending struct {
	// Why says what keeps the run from its plan.
	Why string
	// Look is the planned look, counted from 1, at which the judge had decided:
	// such a run ends by its own plan.
	Look int
}

// A Stage is what a slot is doing.
type Stage string

// The stages of a slot.
const (
	Starting Stage = "starting"
	Warming  Stage = "warming up"
	Loading  Stage = "loading"
	Stopping Stage = "stopping"
)

// Progress says how far a run is.
type Progress struct {
	Arm           string
	Stage         Stage
	Block, Blocks int // Block counts from 1
	Done, Planned int // measured requests that ended, and of the whole plan
	Failed        int // of Done; known after their slot has ended
	Elapsed       time.Duration
	Live          Live
}

// A Result is what a run brought.
type Result struct {
	Header   sample.Header
	Samples  []sample.Sample // one per intended request, in intended order
	Slots    []sample.Slot   // in the order they ran
	Stopped  string          // why the run ended before its plan did; "" if it did not
	Look     int             // the planned look at which it ended; 0: at none
	Health   Health
	Warnings []string // what went wrong without costing a sample
}

// Trailer returns the trailer of the run's file.
func (r *Result) Trailer(v sample.Validity) sample.Trailer {
	t := sample.Trailer{
		Trailer: true, Samples: len(r.Samples), Measured: map[string]int{},
		Slots: r.Slots, Stopped: r.Stopped, Look: r.Look, Validity: v,
	}
	for _, arm := range r.Header.Arms {
		t.Measured[arm.Name] = 0
	}
	for i := range r.Samples {
		if !r.Samples[i].Warmup {
			t.Measured[r.Samples[i].Arm]++
		}
	}
	return t
}

// Standing is an arm that is there already: a URL.
type Standing struct {
	ArmName string
	At      Target
}

var _ Arm = Standing{}

// Name returns the arm's name.
func (s Standing) Name() string { return s.ArmName }

// Start returns the target.
func (s Standing) Start(context.Context) (Target, error) { return s.At, nil }

// Stop does nothing.
func (Standing) Stop(context.Context) error { return nil }
