package load

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

func (c *Config) validateSessions() error {
	s := c.Sessions
	if s == nil {
		return nil
	}
	var errs []error
	if c.Listed == nil && s.Turns < 1 {
		errs = append(errs, fmt.Errorf("load: sessions of %d turns: at least 1 is needed", s.Turns))
	}
	if s.Think.Mean < 0 {
		errs = append(errs, fmt.Errorf("load: a think time of %v: it must not be negative", s.Think.Mean))
	}
	if c.Draw != nil {
		errs = append(errs, errors.New("load: the turns of sessions are not drawn by strata: they take no Draw"))
	}
	if c.Shard.Of > 1 {
		errs = append(errs, errors.New("load: the turns of a session follow from each other: they are not shared between machines"))
	}
	return errors.Join(errs...)
}

// inBlock is how many requests a block has.
func (c *Config) inBlock() int {
	if c.Sessions != nil && c.Listed == nil {
		return c.Schedule.N * c.Sessions.Turns
	}
	return c.Schedule.N
}

// prefix is what all prompts begin with; nil: nothing.
func (c *Config) prefix() json.RawMessage {
	if c.Sessions == nil {
		return nil
	}
	return c.Sessions.Prefix
}

// profile says in words what kind and rate of the schedule do not.
func (c *Config) profile() string {
	text := cmp.Or(c.Listing, c.Schedule.Profile())
	if c.Sessions == nil || c.Listed != nil {
		return text
	}
	law := "always"
	if c.Sessions.Think.Exponential {
		law = "exponential, in the mean"
	}
	talk := fmt.Sprintf("sessions of %d turns, %v (%s) after each answer", c.Sessions.Turns, c.Sessions.Think.Mean, law)
	if text == "" {
		return talk
	}
	return talk + "; " + text
}

// converse makes sessions of a block's picks: its offsets were those of sessions,
// and become those of all their turns.
func (b *block) converse(number int, s *Sessions, r *rand.Rand) {
	starts := b.offsets
	b.offsets = nil
	for i := range b.picks {
		p := &b.picks[i]
		p.session, p.turn = fmt.Sprintf("%d-%d", number, i/s.Turns), i%s.Turns+1
		if p.turn > 1 {
			p.think = s.Think.draw(r)
		}
		if starts != nil {
			b.offsets = append(b.offsets, starts[i/s.Turns])
		}
	}
}

func (t Think) draw(r *rand.Rand) int64 {
	if t.Exponential {
		return int64(r.ExpFloat64() * float64(t.Mean))
	}
	return int64(t.Mean)
}

// sessions divides a slot's requests into sessions, in which a request that is no
// turn of any stands alone; nil if there is none.
func sessions(list []*request) (all [][]*request) {
	if !slices.ContainsFunc(list, func(r *request) bool { return r.sample.Turn > 0 }) {
		return nil
	}
	for _, r := range list {
		if r.sample.Turn > 1 {
			all[len(all)-1] = append(all[len(all)-1], r)
		} else {
			all = append(all, []*request{r})
		}
	}
	return all
}

// inOrder sorts requests of sessions by their intended starts, which came about as
// they ran, and gives them their places in that order.
func inOrder(list []*request) {
	if sessions(list) == nil {
		return
	}
	first := list[0].sample.Seq
	slices.SortStableFunc(list, func(a, b *request) int { return cmp.Compare(a.sample.IntendedNS, b.sample.IntendedNS) })
	for i, r := range list {
		r.sample.Seq = first + i
	}
}

// converse begins the sessions at the pacer's instants, in a closed loop when a
// worker is free, and returns when all have ended. vegeta has no part in it: its
// hits know nothing of each other's answers.
func (a *attack) converse(ctx context.Context, t *tripper, p *pacer, all [][]*request) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	free := make(chan struct{}, len(all))
	if spec := a.runner.cfg.Schedule; spec.Kind == schedule.Closed {
		free = make(chan struct{}, spec.Workers)
	}
	p.starts = len(all)
	for k, turns := range all {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		if _, stop := p.Pace(0, uint64(k)); stop {
			return p.err
		}
		wg.Go(func() {
			defer func() { <-free }()
			a.session(ctx, t, turns)
		})
	}
	return nil
}

// session holds one session over the network.
func (a *attack) session(ctx context.Context, t *tripper, turns []*request) {
	d := dialogue{ask: func(r *request) { a.ask(t, r) }, until: func(at int64) error { return sleep(ctx, at) }}
	if len(turns) > 1 {
		if timer, err := clock.NewTimer(); err == nil {
			defer timer.Close()
			d.until = func(at int64) error { return timer.Until(ctx, at) }
		}
	}
	d.hold(turns)
}

// sleep waits where no precise timer could be had, for want of a descriptor: what
// that costs shows in the lateness.
func sleep(ctx context.Context, at int64) error {
	select {
	case <-time.After(time.Duration(at - clock.Now())):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask sends a turn, reads its answer to the end and decides what became of it.
func (a *attack) ask(t *tripper, r *request) {
	res, err := t.send(r, nil)
	if err == nil {
		_, _ = res.Body.(io.WriterTo).WriteTo(io.Discard) // its error is always nil
	}
	r.decode()
	r.judge(a.target.Key)
}

// A dialogue is how a session's turns follow from each other; what they do to the
// world is its caller's.
type dialogue struct {
	ask   func(*request)       // sends it and returns when its answer has ended, judged
	until func(at int64) error // returns at the instant; an error ends the session
}

// hold asks the turns one after the other.
func (d *dialogue) hold(turns []*request) {
	for i, r := range turns {
		d.ask(r)
		r.history = nil
		why := ending(r)
		rest := turns[i+1:]
		if len(rest) == 0 {
			return
		}
		after(r.closed, rest)
		if why != "" {
			for _, left := range rest {
				left.skipped = fmt.Sprintf("turn %d %s: the session ended before this turn", i+1, why)
			}
			return
		}
		next := rest[0]
		next.history, next.system = append(r.said, answered(r)), r.system
		r.said = nil
		if d.until(next.intended) != nil {
			return // the run ends
		}
	}
}

// after intends turns from the end of the answer before them on. Only the first of
// them is as good as certain: those behind it will move by what it takes.
func after(end int64, turns []*request) {
	for _, r := range turns {
		end += r.think
		r.intended = end
	}
}

// ending says why no turn can follow r; "" if one can.
func ending(r *request) string {
	switch {
	case r.sample.Outcome != sample.OK:
		return fmt.Sprintf("failed (%s)", r.sample.Outcome)
	case strings.TrimSpace(r.answer.Text) == "":
		return "was answered without a text"
	}
	return ""
}

// answered is the answer as the next turn tells it.
func answered(r *request) datasets.Message {
	text, err := json.Marshal(r.answer.Text)
	if err != nil {
		panic("load: " + err.Error()) // a string always marshals
	}
	return datasets.Message{Role: "assistant", Content: text}
}
