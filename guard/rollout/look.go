package rollout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/report"
	"github.com/firstbyte-dev/firstbyte/guard/watch"
	"github.com/firstbyte-dev/firstbyte/outfile"
)

// A finding is what the verdicts of one look come to.
type finding struct {
	decision judge.Decision
	verdict  judge.Verdict // the one that decides
	hash     string        // of the verdict files
}

// look reads the server, has the evidence judged and does what the verdict says. An
// outcome without a decision: the rollout goes on.
func (r *runner) look(ctx context.Context) (Outcome, error) {
	r.looks++
	out, err := r.decide(ctx)
	switch {
	case err == nil:
		r.failed = 0
	case final(err) || r.failed >= r.Patience:
		return out, err
	case ctx.Err() != nil:
		return out, ErrInterrupted
	default:
		r.failed++
		r.tell(Event{Kind: Trouble, Look: r.looks, Why: err.Error()})
	}
	return out, nil
}

func (r *runner) decide(ctx context.Context) (Outcome, error) {
	if err := r.settle(ctx); err != nil {
		return Outcome{}, err
	}
	if err := r.judge(ctx); err != nil {
		return Outcome{}, err
	}
	d, now := r.last.decision, time.Now()
	early := d == judge.Promote && now.Sub(r.at.Since) < r.StageMin
	r.tellLook(early)
	switch {
	case d == judge.Rollback:
		return r.rollBack(ctx)
	case d == judge.Promote && !early:
		return r.promote(ctx)
	case r.StageMax > 0 && now.Sub(r.at.Watching) >= r.StageMax:
		return r.hold(ctx)
	}
	return Outcome{}, nil
}

// judge brings r.last up to date.
func (r *runner) judge(ctx context.Context) error {
	turns := r.settled()
	if r.Design == sample.Switchback && r.last.decision != "" && len(turns) == r.judged {
		return nil // no turn has ended since: the same evidence has the same verdict
	}
	traffic, err := r.Source.Traffic(ctx, r.at.Since)
	if err != nil {
		return err
	}
	found, err := r.evaluate(traffic, turns)
	if err != nil {
		return err
	}
	r.last, r.judged = found, len(turns)
	if r.Report == nil {
		return nil
	}
	if err := r.Report(ctx, r.said()); err != nil {
		r.tell(Event{Kind: Trouble, Look: r.looks, Why: "the verdict was not taken by the server: " + err.Error()})
	}
	return nil
}

// evaluate judges each part of the evidence. Where there are two, each may roll back
// at half of alpha, and both must promote.
func (r *runner) evaluate(traffic watch.Traffic, turns []watch.Turns) (finding, error) {
	parts := r.parts()
	p := r.Policy
	p.Alpha /= policy.Share(len(parts))
	var verdicts []judge.Verdict
	var hashes []string
	for _, part := range parts {
		set, err := r.gather(traffic, turns, part)
		if err != nil {
			return finding{}, err
		}
		v := judge.Judge(p, set)
		hash, err := r.keep(part, v)
		if err != nil {
			return finding{}, err
		}
		verdicts, hashes = append(verdicts, v), append(hashes, hash)
	}
	v := deciding(verdicts)
	return finding{v.Decision, v, strings.Join(hashes, " ")}, nil
}

// parts are what is judged of a stage; "" is a split. Where the flag is given to
// sessions the same ones have it in every turn, and are no random part of all; and
// at 100 % there is no other part.
func (r *runner) parts() []watch.Part {
	switch {
	case r.Design == sample.Split:
		return []watch.Part{""}
	case r.Unit == unitSession || r.at.Stage == 100:
		return []watch.Part{watch.Whole}
	}
	return []watch.Part{watch.Direct, watch.Whole}
}

func (r *runner) gather(traffic watch.Traffic, turns []watch.Turns, part watch.Part) (evidence.Set, error) {
	share := float64(r.at.Stage) / 100
	if part == "" {
		return traffic.Split(share, r.at.Since)
	}
	return traffic.Switchback(share, turns, part)
}

// deciding is the verdict that decides: one that rolls back, else one without data,
// else one that holds; all promote else.
func deciding(verdicts []judge.Verdict) judge.Verdict {
	for _, d := range [...]judge.Decision{judge.Rollback, judge.NoData, judge.Hold} {
		for _, v := range verdicts {
			if v.Decision == d {
				return v
			}
		}
	}
	return verdicts[0]
}

// keep writes the verdict's file and returns its hash.
func (r *runner) keep(part watch.Part, v judge.Verdict) (string, error) {
	sum := sha256.New()
	write := func(w io.Writer) error { return report.JSON(io.MultiWriter(sum, w), v) }
	name := "verdict.json"
	if part == watch.Whole && r.at.Stage != 100 && r.Unit != unitSession {
		name = "verdict-whole.json"
	}
	err := error(nil)
	if r.Folder == "" {
		err = write(io.Discard)
	} else {
		err = outfile.Write(filepath.Join(r.Folder, fmt.Sprintf("%03d", r.at.Stage), name), write)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), err
}

// rollBack leads to the floor.
func (r *runner) rollBack(ctx context.Context) (Outcome, error) {
	why := r.because()
	if err := r.insist(ctx, func() error { return r.step(ctx, r.Plan[0], 0, why) }); err != nil {
		return Outcome{}, err
	}
	out, _, err := r.end(End{judge.Rollback, why})
	return out, err
}

// insist tries until it is done: nothing is as urgent as a rollback, so no patience
// ends it.
func (r *runner) insist(ctx context.Context, do func() error) error {
	for {
		err := do()
		if err == nil || final(err) {
			return err
		}
		r.tell(Event{Kind: Trouble, Look: r.looks, Decision: judge.Rollback, Why: err.Error()})
		if err := sleepUntil(ctx, time.Now().Add(min(r.Every, urgent))); err != nil {
			return err
		}
	}
}

// urgent is the longest wait between two attempts at a rollback.
const urgent = 2 * time.Second

// promote leads one stage up. At the top of a switchback it leaves the turns.
func (r *runner) promote(ctx context.Context) (Outcome, error) {
	why := r.because()
	if r.at.Stage < 100 {
		return Outcome{}, r.climb(ctx, why)
	}
	if err := r.set(ctx, 100, why); err != nil {
		return Outcome{}, err
	}
	out, _, err := r.end(End{judge.Promote, why})
	return out, err
}

// hold ends an undecided rollout. The stage stays in force.
func (r *runner) hold(ctx context.Context) (Outcome, error) {
	why := fmt.Sprintf("undecided after %v at %d %%, which stays in force: %s", r.StageMax, r.at.Stage, r.because())
	if err := r.set(ctx, r.at.Stage, "the rollout ends undecided"); err != nil {
		return Outcome{}, err
	}
	if err := r.note(Record{Hold: why}); err != nil {
		return Outcome{}, err
	}
	r.tell(Event{Kind: Ended, Decision: r.last.decision, Why: why})
	return Outcome{r.last.decision, r.at.Stage, why}, nil
}

// because is what an audit log keeps of a decision: what, why, and the hash of the
// verdict's file.
func (r *runner) because() string {
	return fmt.Sprintf("%s, %s; verdict %s", r.last.decision, r.last.verdict.Reason, r.last.hash)
}
