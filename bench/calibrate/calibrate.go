package calibrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

// Options say how to calibrate. The zero value is the gate's calibration.
type Options struct {
	For       time.Duration // how long requests start; 0: 3 s
	PerSecond float64       // Poisson rate of starts; 0: 100
	Events    int           // content events of an answer; 0: 20
	Gap       time.Duration // between them; 0: 2 ms
	Transport load.Transport
	// Against is the URL of a [Server] in another process of this machine, whose
	// pace stands instead of Events and Gap; "": one in this process.
	Against string
	Seed    uint64
}

func (o Options) withDefaults() Options {
	if o.For == 0 {
		o.For = 3 * time.Second
	}
	if o.PerSecond == 0 {
		o.PerSecond = 100
	}
	if o.Events == 0 {
		o.Events = 20
	}
	if o.Gap == 0 {
		o.Gap = 2 * time.Millisecond
	}
	return o
}

// Validate joins every problem of the options.
func (o Options) Validate() error {
	var problems []error
	if o.For < 0 || o.For > 10*time.Minute {
		problems = append(problems, errors.New("calibrate: duration must lie between 0 and 10m"))
	}
	if o.PerSecond < 0 || o.PerSecond > 10_000 {
		problems = append(problems, errors.New("calibrate: rate must lie between 0 and 10000 requests/s"))
	}
	if o.Events < 0 || o.Events == 1 || o.Events > 10_000 {
		problems = append(problems, errors.New("calibrate: events must lie between 2 and 10000 an answer: a gap needs two"))
	}
	if o.Gap < 0 || o.Gap > time.Minute {
		problems = append(problems, errors.New("calibrate: gap must lie between 0 and 1m"))
	}
	if o.Against != "" && !clock.Shared {
		problems = append(problems, errors.New("calibrate: the clocks of two processes cannot be compared on this system: leave out --against"))
	}
	return errors.Join(problems...)
}

// A Calibration is how wrong this machine's measurer is, right now.
type Calibration struct {
	// Error is |client's value - server's truth| by measure. Latencies are
	// compared from one start, so that it is the error of the end stamp.
	Error map[sample.Measure]sample.ErrorNS `json:"error_ns"`
	// Event is the error of the stamps of all content events.
	Event sample.ErrorNS `json:"event_error_ns"`
	// Coalesced is the share of content events that shared a Read with the
	// one before. The server writes them one by one, but a late server writes
	// two in a row: CoalescedApart is the share of those written at least half
	// a gap apart that came together all the same, which is the client's part.
	Coalesced      float64 `json:"coalesced"`
	CoalescedApart float64 `json:"coalesced_apart"`
	Requests       int     `json:"requests"` // joined with the truth
	Failed         int     `json:"failed"`   // not joined
	Events         int     `json:"events"`
	// EventsPerSecond and PerSecond are the rates at which this was measured.
	EventsPerSecond float64 `json:"events_per_second"`
	PerSecond       float64 `json:"per_second"`
	Protocol        string  `json:"protocol"`
	StreamsPerConn  int     `json:"streams_per_connection"`
	Seed            uint64  `json:"seed"`
	// Validity grades the calibration itself, as a run of one arm.
	Validity sample.Validity `json:"validity"`
	// Machine is where; the table says nothing of another one.
	Machine sample.Machine `json:"machine"`
}

// Calibrate measures for about Options.For on this machine, now. It listens on
// the loopback while it runs. An error means that nothing could be measured;
// requests that failed are counted in the Calibration.
func Calibrate(ctx context.Context, o Options) (Calibration, error) {
	if err := o.Validate(); err != nil {
		return Calibration{}, err
	}
	o = o.withDefaults()
	url := o.Against
	if url == "" {
		server, err := Serve(ctx, "127.0.0.1:0", Pace{First: o.Gap, Gap: o.Gap, Events: o.Events}, o.Transport.Protocol)
		if err != nil {
			return Calibration{}, err
		}
		defer server.Close()
		url = server.URL()
		if server.roots != nil {
			o.Transport.Roots = server.roots
		}
	}
	cfg, err := o.config(url)
	if err != nil {
		return Calibration{}, err
	}
	run, err := load.Run(ctx, cfg)
	if err != nil {
		return Calibration{}, fmt.Errorf("calibrate: %w", err)
	}
	if run.Stopped != "" {
		return Calibration{}, fmt.Errorf("calibrate: stopped: %s", run.Stopped)
	}
	told, err := ask(ctx, url, o.Transport.Roots, len(run.Samples))
	if err != nil {
		return Calibration{}, err
	}
	c := compare(run.Samples, told.Answers, run.Header.EpochNS, told.Pace.Gap/2)
	if c.Requests == 0 {
		return Calibration{}, fmt.Errorf("calibrate: none of %d requests got the truth server's answer%s", len(run.Samples), firstFailure(run.Samples))
	}
	c.Seed, c.PerSecond, c.Machine = o.Seed, o.PerSecond, run.Header.Machine
	c.EventsPerSecond = float64(c.Events) / run.Health.Window.Seconds()
	c.Protocol, c.StreamsPerConn = string(cmp.Or(o.Transport.Protocol, load.HTTP1)), run.Health.StreamsPerConn
	c.Validity = GradeBy(ofCalibrations(), run.Health, c, sample.Single)
	return c, nil
}

// ofCalibrations are the rules without those of whole runs: a calibration has
// every answer's truth, and need not be in balance.
func ofCalibrations() []Rule {
	return slices.DeleteFunc(Rules(), func(r Rule) bool { return r.Whole })
}

// firstFailure says why requests failed, if they did.
func firstFailure(samples []sample.Sample) string {
	for i := range samples {
		if s := &samples[i]; s.Outcome != sample.OK {
			return fmt.Sprintf(": %s %s", s.Outcome, s.Message)
		}
	}
	return ""
}

// item is the one question of a calibration: what is asked does not matter.
const item = `{"id":"truth","kind":"short","messages":[{"role":"user","content":"What time is it?"}],"max_tokens":64,"expect":{"min_chars":1},"answer":"truth"}`

// warmup requests open the connections before anything is measured.
const warmup = 10

// config is the run that a calibration is: the gate's own client, one arm, one
// block, Poisson starts.
func (o Options) config(url string) (load.Config, error) {
	set, err := datasets.Read("calibration", strings.NewReader(item))
	if err != nil {
		return load.Config{}, fmt.Errorf("calibrate: %w", err)
	}
	starts := max(1, int(o.PerSecond*o.For.Seconds()))
	return load.Config{
		Arms:    []load.Arm{load.Standing{ArmName: "truth", At: load.Target{URL: url}}},
		Set:     set,
		Dialect: dialect.Anthropic{},
		Model:   "truth",
		Seed:    o.Seed, Blocks: 1, Warmup: warmup, Transport: o.Transport,
		Schedule: schedule.Spec{Kind: schedule.Poisson, PerSecond: o.PerSecond, N: starts},
		Tool:     "firstbyte calibrate",
	}, nil
}
