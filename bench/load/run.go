package load

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/clock"
)

// Run carries out the plan and returns one sample per intended request of every
// slot that began. A dead arm yields failed samples, never an error; an error
// means that nothing could be measured at all (a Config that is not valid).
// When ctx ends, requests in flight get Config.Drain to finish, those of the
// slot that did not start are recorded as aborted, and what there is comes back
// with Stopped set.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r, err := newRunner(cfg.withDefaults())
	if err != nil {
		return nil, err
	}
	if start := cfg.Shard.Start; !start.IsZero() && !time.Now().Before(start) {
		return nil, fmt.Errorf("load: %w: %s", ErrStartPassed, start.Format(time.RFC3339))
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	r.end = end
	r.await(ctx)
	r.run(ctx)
	r.tellUnassigned()
	r.noteStep()
	return r.result, nil
}

// Validate reports every problem of the Config, joined.
func (c *Config) Validate() error {
	var errs []error
	must := func(ok bool, problem string) {
		if !ok {
			errs = append(errs, errors.New("load: "+problem))
		}
	}
	must(len(c.Arms) > 0, "no arms: name at least one target")
	must(c.About == nil || len(c.About) == len(c.Arms), "About does not match Arms")
	for _, about := range c.About {
		must(about.PerSlot >= 0 && about.PerSlot <= c.inBlock(),
			fmt.Sprintf("%d requests in each turn of an arm: 0 to %d", about.PerSlot, c.inBlock()))
	}
	must(c.Set != nil && len(c.Set.Items) > 0, "no items: the dataset is empty")
	must(c.Dialect != nil, "no dialect")
	must(c.Model != "", "no model: name one")
	must(c.Blocks > 0, fmt.Sprintf("%d blocks: at least 1 is needed", c.Blocks))
	must(c.Warmup >= 0, fmt.Sprintf("%d warm-up requests: 0 or more", c.Warmup))
	must(c.Drain >= 0, "Drain is negative")
	must(min(c.Timeouts.Connect, c.Timeouts.FirstToken, c.Timeouts.Gap, c.Timeouts.Total) >= 0, "a timeout is negative")
	errs = append(errs, c.specOf(0).Validate(), c.validateSweep(), c.validateListed(), c.validateSessions(), c.validateDesign(), c.validateNames(), c.Transport.validate(), c.Shard.validate(c))
	if c.Draw != nil && c.Set != nil {
		errs = append(errs, c.Draw.validate(len(c.Set.Items)))
	}
	return errors.Join(errs...)
}

func (c *Config) validateNames() error {
	var names []string
	for _, arm := range c.Arms {
		name := arm.Name()
		if name == "" {
			return errors.New("load: an arm has no name")
		}
		if slices.Contains(names, name) {
			return fmt.Errorf("load: two arms are called %q: give each its own name", name)
		}
		names = append(names, name)
	}
	return nil
}

// perSlot is how many of a block's requests an arm gets.
func (c *Config) perSlot(arm int) int {
	if c.About != nil && c.About[arm].PerSlot > 0 {
		return c.About[arm].PerSlot
	}
	return c.inBlock()
}

// withDefaults returns c with the documented values for what is zero.
func (c Config) withDefaults() Config {
	fill := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	fill(&c.Timeouts.Connect, 5*time.Second)
	fill(&c.Timeouts.FirstToken, 30*time.Second)
	fill(&c.Timeouts.Gap, 15*time.Second)
	fill(&c.Timeouts.Total, 120*time.Second)
	fill(&c.Drain, 2*time.Second)
	return c
}

// A runner carries one run. Its fields belong to the goroutine of Run; done and
// now are also read by the one that tells progress.
type runner struct {
	cfg    Config
	plan   *plan
	result *Result
	meter  *meter
	epoch  int64
	salt   uint64 // of the nonces: runs with the same seed must not share prompts' caches
	seq    int
	starts []int // by arm

	planned    int // measured requests of all arms
	unassigned int // requests of a split whose arm is not known

	end context.CancelCauseFunc // ends the run

	appointed int64 // when the next turn begins; 0: when the one before has ended

	ungraded []ungraded // of the block that runs

	done   atomic.Int64 // measured requests of the slots that ended
	failed atomic.Int64

	mu      sync.Mutex // held while Config.Progress runs
	now     Progress
	watched *tally // of the measured turn that runs; nil between turns
}

func newRunner(cfg Config) (*runner, error) {
	var salt [8]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	r := &runner{
		cfg: cfg, plan: newPlan(&cfg), epoch: clock.Now() - 1, meter: newMeter(),
		salt: binary.LittleEndian.Uint64(salt[:]), starts: make([]int, len(cfg.Arms)),
	}
	if err := cfg.Shard.fits(r.plan); err != nil {
		return nil, err
	}
	r.cfg.Shard.Start = cfg.Shard.Start.Round(0) // a start is of the wall clock
	if !cfg.Shard.Start.IsZero() {
		r.salt = cfg.Shard.salt(cfg.Seed)
	}
	r.result, r.planned = &Result{Header: r.header()}, r.plan.size(&r.cfg)
	return r, nil
}

func (r *runner) header() sample.Header {
	cfg := &r.cfg
	h := sample.Header{
		Schema: sample.Schema, Tool: cfg.Tool, StartedAt: time.Now().UTC().Format(time.RFC3339),
		EpochNS: r.epoch, Seed: cfg.Seed,
		Dataset: sample.Dataset{Name: cfg.Set.Name, Hash: cfg.Set.Hash, Items: len(cfg.Set.Items)},
		Schedule: sample.Schedule{
			Kind: string(cfg.Schedule.Kind), PerSecond: cfg.Schedule.PerSecond, Workers: cfg.Schedule.Workers,
			PerSlot: cfg.inBlock(), Warmup: cfg.Warmup, Hash: r.plan.hash,
			Sweep: cfg.Sweep, Profile: cfg.profile(),
		},
		Design: cfg.design(), Blocks: cfg.Blocks, Arms: r.arms(), Dialect: cfg.Dialect.Name(), Model: cfg.Model,
		Scenario: cfg.Scenario, Machine: thisMachine(), ClockScale: cmp.Or(cfg.ClockScale, 1), NoControls: cfg.NoControls,
		Seeks: cfg.Seeks, Draw: cfg.Draw.told(),
	}
	cfg.Shard.describeStart(&h)
	return h
}

func (r *runner) arms() []sample.Arm {
	arms := make([]sample.Arm, len(r.cfg.Arms))
	for i, arm := range r.cfg.Arms {
		if r.cfg.About != nil {
			arms[i] = r.cfg.About[i]
		}
		arms[i].Name = arm.Name()
	}
	return arms
}

func (r *runner) run(ctx context.Context) {
	for b := range r.plan.blocks {
		for _, arm := range r.turns(b) {
			r.slot(ctx, b, arm)
			if ctx.Err() != nil {
				r.result.Stopped = r.stopped(ctx, b)
				r.conclude()
				return
			}
		}
		r.conclude()
		if r.cfg.Stop == nil || b == len(r.plan.blocks)-1 {
			continue
		}
		if end := r.cfg.Stop(b+1, r.result); end != (Ending{}) {
			r.result.Stopped, r.result.Look = end.Why, end.Look
			return
		}
	}
}

// conclude ends a block: its answers are graded, and the run's own health is
// brought up to date.
func (r *runner) conclude() {
	r.grade()
	r.result.Health = r.meter.health(r.result, r.closed())
}

func (r *runner) closed() bool { return r.cfg.Schedule.Kind == schedule.Closed }

// keep takes the slot's samples into the result.
func (r *runner) keep(s *sample.Slot, warm, load []*request) {
	for _, req := range warm {
		r.result.Samples = append(r.result.Samples, req.sample)
	}
	from := len(r.result.Samples)
	failed := 0
	for _, req := range load {
		r.result.Samples = append(r.result.Samples, req.sample)
		if req.sample.Outcome != sample.OK {
			failed++
		}
	}
	r.result.Slots = append(r.result.Slots, r.perArm(*s, r.result.Samples[from:])...)
	r.done.Add(int64(len(load)))
	r.failed.Add(int64(failed))
}

// describe fills in what a slot's measured samples say of it.
func describe(s *sample.Slot, samples []sample.Sample, open bool) {
	var sent []int64
	for i := range samples {
		s.Events += samples[i].Events
		s.EndNS = max(s.EndNS, samples[i].CloseNS, samples[i].IntendedNS)
		if samples[i].SentNS != 0 {
			sent = append(sent, samples[i].SentNS)
		}
	}
	s.StartNS = samples[0].IntendedNS
	if open {
		s.IntendedHz = perSecond(len(samples), samples[0].IntendedNS, samples[len(samples)-1].IntendedNS)
	}
	if len(sent) > 0 {
		s.AchievedHz = perSecond(len(sent), slices.Min(sent), slices.Max(sent))
	}
}

// perSecond is the rate of n starts of which the first and last are given.
func perSecond(n int, first, last int64) float64 {
	if n < 2 || last <= first {
		return 0
	}
	return float64(n-1) / (float64(last-first) / 1e9)
}

func (r *runner) warn(err error) {
	if text := clean(err.Error(), ""); !slices.Contains(r.result.Warnings, text) {
		r.result.Warnings = append(r.result.Warnings, text)
	}
}

// stage tells that a slot has entered a stage.
func (r *runner) stage(arm string, b int, stage Stage) {
	r.mu.Lock()
	r.now.Arm, r.now.Block, r.now.Stage = arm, b+1, stage
	if stage != Stopping { // until then what it saw is in no total
		r.watched = nil
	}
	r.mu.Unlock()
	r.tell(0)
}

// tell reports progress; running is how many requests of the slot have ended.
func (r *runner) tell(running int) {
	if r.cfg.Progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now.Blocks = len(r.plan.blocks)
	r.now.Planned = r.planned
	r.now.Done = max(r.now.Done, int(r.done.Load())+running) // a turn that ended is not kept yet
	r.now.Failed = int(r.failed.Load())
	r.now.Elapsed = clock.Since(r.epoch)
	r.now.Live = r.watched.seen(clock.Now())
	r.cfg.Progress(r.now)
}

// follow tells progress regularly in a goroutine of its own, so that a slow
// terminal holds up no request, until the returned func is called.
func (r *runner) follow(running func() int) (stop func()) {
	if r.cfg.Progress == nil {
		return func() {}
	}
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-quit:
				return
			case <-ticker.C:
				r.tell(running())
			}
		}
	})
	return func() {
		close(quit)
		wg.Wait()
		r.tell(running()) // what the last tick did not see
	}
}
