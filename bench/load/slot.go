package load

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/clock"
)

// stopWithin bounds an arm's Stop and the question for the upstream's truth.
const stopWithin = 15 * time.Second

// maxPrepared is how many bytes of request bodies are built before an attack;
// the rest is built as it is sent.
const maxPrepared = 128 << 20

// slot gives one arm its turn in block b: every request of it leaves a sample.
func (r *runner) slot(ctx context.Context, b, armIndex int) {
	arm, blk := r.cfg.Arms[armIndex], r.plan.blocks[b].first(r.cfg.perSlot(armIndex))
	s := sample.Slot{Block: b, Arm: arm.Name(), Restart: r.restart(armIndex)}
	warm := r.requests(&s, blk.warm, sample.Sample{Warmup: true})
	load := r.requests(&s, blk.picks, sample.Sample{})
	warmAt, loadAt := r.appoint(&blk) // before the shard takes its part: all shards come to the same
	warm, blk.warmOffsets = r.cfg.Shard.part(warm, blk.warmOffsets)
	load, blk.offsets = r.cfg.Shard.part(load, blk.offsets)
	s.Requests = len(load)
	r.stage(arm.Name(), b, Starting)
	target, err := arm.Start(ctx)
	if err == nil {
		r.loadArm(ctx, arm, target, turn{warm, blk.warmOffsets, warmAt}, turn{load, blk.offsets, loadAt}, &s)
	} else {
		r.lost(ctx, warm, err)
		r.lost(ctx, load, err)
	}
	r.stage(arm.Name(), b, Stopping)
	r.stopArm(ctx, arm)
	inOrder(load)
	r.assign(warm)
	r.assign(load)
	r.count(warm, load)
	r.keep(&s, warm, load)
	r.score(len(r.result.Samples)-len(load), load)
}

// restart counts how often the arm had been started before; an arm that stands
// anyway was not.
func (r *runner) restart(armIndex int) int {
	if !r.result.Header.Arms[armIndex].Restarted {
		return 0
	}
	n := r.starts[armIndex]
	r.starts[armIndex]++
	return n
}

func (r *runner) stopArm(ctx context.Context, arm Arm) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if err := arm.Stop(ctx); err != nil {
		r.warn(fmt.Errorf("arm %s: stop: %w", arm.Name(), err))
	}
}

// requests lays out the records of picks.
func (r *runner) requests(s *sample.Slot, picks []pick, like sample.Sample) []*request {
	list := make([]*request, len(picks))
	for i, p := range picks {
		req := &request{sample: like, item: p.item}
		req.sample.Seq, req.sample.Nonce = r.seq, nonce(r.salt, uint64(r.seq))
		req.sample.Arm, req.sample.Block, req.sample.Restart = s.Arm, s.Block, s.Restart
		req.sample.Item, req.sample.Occurrence = p.item.ID, p.occurrence
		req.sample.Weight, req.sample.Stratum, req.sample.Session = p.weight, p.stratum, p.session
		req.sample.Turn, req.think = p.turn, p.think
		list[i] = req
		r.seq++
	}
	return list
}

// lost records the requests of an arm that did not start: they met nobody.
func (r *runner) lost(ctx context.Context, list []*request, err error) {
	now, outcome := clock.Now(), sample.Refused
	if known, ok := byErrno(err); ok { // our own limits among them, which are not the arm's fault
		outcome = known
	}
	for _, req := range list {
		req.intended = now
		if ctx.Err() != nil {
			req.miss(r.epoch, sample.Aborted, sample.PhaseSchedule, errAborted.message)
			continue
		}
		req.miss(r.epoch, outcome, sample.PhaseConnect, clean("the arm did not start: "+err.Error(), ""))
	}
}

// loadArm warms up and loads an arm that runs.
func (r *runner) loadArm(ctx context.Context, arm Arm, target Target, warm, load turn, s *sample.Slot) {
	pool := r.cfg.Transport.open(r.cfg.Timeouts)
	defer pool.close()
	a := attack{runner: r, target: target, pool: pool}
	if r.cfg.SharePrefix || sessions(load.list) != nil {
		a.share = nonce(r.salt, uint64(len(r.result.Slots))|1<<63) // no request's, and the same for all shards
	}
	if len(warm.list) > 0 {
		r.stage(s.Arm, s.Block, Warming)
		a.run(ctx, warm)
	}
	r.stage(s.Arm, s.Block, Loading)
	before, metered := r.cpu(arm)
	a.measured = true
	a.run(ctx, load)
	r.meter.crowd = max(r.meter.crowd, pool.lanes.crowd())
	if after, ok := r.cpu(arm); ok && metered {
		s.CPUNS = int64(after - before)
	}
	r.askTruth(ctx, warm.list, load.list)
}

func (r *runner) cpu(arm Arm) (time.Duration, bool) {
	m, ok := arm.(Metered)
	if !ok {
		return 0, false
	}
	used, err := m.CPU()
	if err != nil {
		r.warn(fmt.Errorf("arm %s: processor time: %w", arm.Name(), err))
		return 0, false
	}
	return used, true
}

// An attack sends requests to one target over one pool of connections.
type attack struct {
	runner   *runner
	target   Target
	pool     *pool
	share    string // as the tripper's
	measured bool   // progress counts the requests, and the meter watches
}

// A turn is a list of requests and when they start: offsets from begin, or from
// now where that is 0. A closed loop has no offsets.
type turn struct {
	list    []*request
	offsets []int64
	begin   int64
}

// run sends the requests of a turn, waits for every answer and settles the
// records. When ctx ends no further request starts, and those in flight are cut
// after the time to drain.
func (a *attack) run(ctx context.Context, turn turn) {
	r, list := a.runner, turn.list
	flight, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(r.cfg.Drain, func() { cut(errAborted) })
	})()
	t := &tripper{
		requests: list, target: a.target, dialect: r.cfg.Dialect, model: r.cfg.Model,
		fill: r.cfg.Fill, split: r.cfg.Split, prefix: r.cfg.prefix(), share: a.share,
		limits: r.cfg.Timeouts, closed: turn.offsets == nil, flight: flight, pool: a.pool, ended: r.tellEnded(), live: a.tally(),
	}
	a.prepare(t)
	err := a.watched(list, func() error { return a.attack(ctx, t, turn) })
	for _, req := range list {
		switch {
		case req.sent != 0:
			req.settle(r.epoch, a.target.Key)
		case req.skipped != "":
			req.miss(r.epoch, sample.Cancelled, sample.PhaseSchedule, clean(req.skipped, a.target.Key))
		case ctx.Err() != nil:
			req.miss(r.epoch, sample.Aborted, sample.PhaseSchedule, errAborted.message)
		default:
			req.miss(r.epoch, sample.DroppedStart, sample.PhaseSchedule, clean(fmt.Sprintf("never started: %v", err), ""))
		}
	}
}

// watched does the part in which requests are in flight, under the meter where
// they are measured: what is prepared before and decoded after would dilute it.
func (a *attack) watched(list []*request, do func() error) error {
	if !a.measured {
		return do()
	}
	window := a.runner.meter.open()
	defer a.runner.meter.close(window, list[0].sample.Arm)
	return do()
}

// prepare builds the bodies before the clock runs, as far as memory allows; a
// body that cannot be built fails its request when that is sent.
func (a *attack) prepare(t *tripper) {
	held := 0
	for _, req := range t.requests {
		if req.sample.Turn > 1 {
			continue // waits for the answers before it
		}
		if held > maxPrepared || t.prepare(req) != nil {
			return
		}
		held += len(req.wire.Body)
	}
}

// attack lets vegeta drive t and returns when every request has ended.
func (a *attack) attack(ctx context.Context, t *tripper, turn turn) error {
	p := &pacer{starts: len(t.requests), now: clock.Now}
	if spec := a.runner.cfg.Schedule; spec.Kind == schedule.Closed && spec.PerSecond > 0 {
		p.gap = int64(1e9 / spec.PerSecond)
	}
	talks := sessions(t.requests)
	begin := cmp.Or(turn.begin, clock.Now()+int64(connectLead))
	for i, req := range t.requests {
		req.intended = begin
		if turn.offsets != nil {
			req.intended += turn.offsets[i]
		}
		if turn.offsets != nil && req.sample.Turn <= 1 {
			p.at = append(p.at, req.intended)
		}
	}
	timer, err := clock.NewTimer()
	if err != nil {
		return err
	}
	defer timer.Close()
	p.until = func(at int64) error { return timer.Sharply(ctx, at) }
	stop := a.watch(t)
	defer stop()
	if talks != nil {
		return a.converse(ctx, t, p, talks)
	}
	attacker := vegeta.NewAttacker(a.options(t)...)
	for range attacker.Attack(placeholder, p, 0, "") {
		// The record is in t.requests: the results only have to be taken, for
		// a result that waits holds its worker.
	}
	return p.err
}

// watch tells the progress of t until the returned func is called.
func (a *attack) watch(t *tripper) (stop func()) {
	if !a.measured {
		return func() {}
	}
	return a.runner.follow(func() int { return int(t.done.Load()) })
}

// options are the only ones that work with a transport of ours; an open loop
// must have no bound of workers, or the pace would silently follow the target.
func (a *attack) options(t *tripper) []func(*vegeta.Attacker) {
	workers := uint64(min(len(t.requests), 64))
	client := &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	options := []func(*vegeta.Attacker){vegeta.Client(client), vegeta.MaxBody(0)}
	if spec := a.runner.cfg.Schedule; spec.Kind == schedule.Closed {
		workers = uint64(spec.Workers)
		options = append(options, vegeta.MaxWorkers(workers))
	}
	return append(options, vegeta.Workers(workers))
}

// placeholder is vegeta's target: the tripper knows the real one by the number
// of the hit, which a Targeter is not told.
func placeholder(t *vegeta.Target) error {
	t.Method, t.URL = http.MethodPost, "http://firstbyte.invalid/"
	return nil
}

// askTruth joins the upstream's own write times.
func (r *runner) askTruth(ctx context.Context, lists ...[]*request) {
	if r.cfg.Truth == nil || !clock.Shared {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	writes, err := r.cfg.Truth.UpstreamWrites(ctx)
	if err != nil {
		r.warn(fmt.Errorf("upstream's write times: %w", err))
		return
	}
	for _, list := range lists {
		for _, req := range list {
			for _, at := range writes[req.sample.Nonce] {
				req.sample.UpstreamNS = append(req.sample.UpstreamNS, at-r.epoch)
			}
		}
	}
}

// count asks for the tokens of all answers, those that failed included: what
// came of them was sent, too.
func (r *runner) count(lists ...[]*request) {
	if r.cfg.Tokens == nil {
		return
	}
	for _, list := range lists {
		for _, req := range list {
			req.sample.Usage = r.cfg.Tokens(&req.answer)
		}
	}
}

// score hands over the finished answers of a slot, whose samples stand in the
// result from index from on.
func (r *runner) score(from int, list []*request) {
	if r.cfg.Score == nil {
		return
	}
	for i, req := range list {
		if req.sample.Outcome != sample.OK {
			continue
		}
		grade := r.cfg.Score(Answered{
			Baseline: req.sample.Arm == r.cfg.Arms[0].Name(), Item: req.item, Occurrence: req.sample.Occurrence, Answer: &req.answer,
		})
		r.ungraded = append(r.ungraded, ungraded{from + i, grade})
	}
}

// An ungraded answer waits for the end of its block.
type ungraded struct {
	at    int // index of its sample
	grade func() Grade
}

// grade writes down the scores of the block that has ended.
func (r *runner) grade() {
	for _, u := range r.ungraded {
		g := u.grade()
		s := &r.result.Samples[u.at]
		s.Quality, s.Early = g.Quality, g.Early
	}
	r.ungraded = nil // and with it what the answers left behind
}
