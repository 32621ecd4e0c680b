package rollout

import (
	"errors"
	"fmt"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/watch"
)

// A Record is one line of the journal; one of its parts is set.
type Record struct {
	At    time.Time  `json:"at"`
	Begin *Begin     `json:"begin,omitempty"`
	Ask   *Step      `json:"ask,omitempty"` // written before the server is asked
	Done  *Done      `json:"done,omitempty"`
	Drop  string     `json:"drop,omitempty"` // the step that was asked was not taken, and why
	Turns *TurnsDone `json:"turns,omitempty"`
	Hold  string     `json:"hold,omitempty"` // it ended undecided, and may go on
	End   *End       `json:"end,omitempty"`
}

// A Begin is the first record: what the rollout is, and what it found.
type Begin struct {
	ID      string        `json:"id"`
	Flag    string        `json:"flag"`
	Plan    Plan          `json:"plan"`
	Design  sample.Design `json:"design"`
	Unit    string        `json:"unit"`
	Seed    uint64        `json:"seed"`
	Block   time.Duration `json:"block_ns,omitzero"`
	Washout time.Duration `json:"washout_ns,omitzero"`
	Found   State         `json:"found"`
}

// A Step is a change of the flag that the rollout makes: to another stage, or to
// the other turn of the same one.
type Step struct {
	N        int    `json:"n"` // counted from 1
	Stage    int    `json:"stage"`
	Percent  int    `json:"percent"` // the stage, or 0 in the baseline's turn
	Evidence string `json:"evidence"`
}

// A Done says that the step that was asked was read back.
type Done struct {
	State State `json:"state"`
}

// A TurnsDone is one pair of turns that is over.
type TurnsDone struct {
	N     int         `json:"n"` // of this stage, counted from 0
	Turns watch.Turns `json:"spans"`
}

// An End is how the rollout came out.
type End struct {
	Decision judge.Decision `json:"decision"` // PROMOTE or ROLLBACK
	Why      string         `json:"why"`
}

// A Journal keeps records. What Append has acknowledged is never lost; a record of
// which it has not may be there or not.
type Journal interface {
	Load() ([]Record, error)
	Append(r Record) error
}

// A Position is where a rollout is: the fold of its journal.
type Position struct {
	Begin    Begin
	Stage    int
	Since    time.Time // when the stage began
	Watching time.Time // from when on its longest duration counts
	Known    State     // what the server routes by, as last read back
	Asked    *Step     // a step of which it is not known whether it was taken
	Steps    int
	Last     string        // evidence of the last step that was taken
	Turns    []watch.Turns // that are over, of this stage
	Held     bool          // it ended undecided, and nothing happened since
	End      *End
}

// Replay folds records. The error says that they are no journal.
func Replay(records []Record) (Position, error) {
	var p Position
	for i, r := range records {
		if (i == 0) != (r.Begin != nil) {
			return p, fmt.Errorf("record %d of the journal is not where it belongs", i+1)
		}
		if err := p.add(r); err != nil {
			return p, fmt.Errorf("record %d of the journal: %w", i+1, err)
		}
	}
	return p, nil
}

func (p *Position) add(r Record) error {
	p.Held = r.Hold != ""
	switch {
	case r.Begin != nil:
		*p = Position{Begin: *r.Begin, Known: r.Begin.Found, Stage: int(r.Begin.Found.Percent), Since: r.At, Watching: r.At}
	case r.Ask != nil:
		p.Asked, p.Steps = r.Ask, r.Ask.N
	case r.Done != nil && p.Asked == nil:
		return errors.New("a step was done that nobody asked for")
	case r.Done != nil:
		if p.Asked.Stage != p.Stage {
			p.Stage, p.Since, p.Watching, p.Turns = p.Asked.Stage, r.At, r.At, nil
		}
		p.Known, p.Last, p.Asked = r.Done.State, p.Asked.Evidence, nil
	case r.Drop != "":
		p.Asked = nil
	case r.Turns != nil && r.Turns.N != len(p.Turns):
		return fmt.Errorf("turns %d where turns %d belong", r.Turns.N, len(p.Turns))
	case r.Turns != nil:
		p.Turns = append(p.Turns, r.Turns.Turns)
	case r.Hold != "":
	case r.End != nil:
		p.End = r.End
	default:
		return errors.New("it says nothing")
	}
	return nil
}
