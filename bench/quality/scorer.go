package quality

import "github.com/firstbyte-dev/firstbyte/datasets"

// A Scorer scores the answers of one run. Where an item asks for likeness, the
// item's reference is the first answer of the baseline to it, and an answer of
// any arm to a later use of the item counts by its likeness to that.
//
// Nobody is scored by the answer to the same use. The reference has no likeness
// to itself, nor has another arm's answer beside it one to it: the reference
// would be 1 by definition, an equal arm's answer less by the chance of sampling,
// and two equal arms would differ. Answers to later uses are drawn alike by equal
// arms, whatever the reference, so their scores are alike in the mean.
//
// It keeps 16 KiB at most of each item that asks for likeness and of each answer
// to one that is not scored yet. It is not safe for concurrent use.
type Scorer struct {
	checker    *Checker
	references map[string]reference // by item
}

// A reference is what later answers to an item are to be like.
type reference struct {
	occurrence int
	text       profile
}

// NewScorer returns a Scorer of answers to the items of the set. It fails as
// [NewChecker] does.
func NewScorer(set *datasets.Set) (*Scorer, error) {
	checker, err := NewChecker(set)
	if err != nil {
		return nil, err
	}
	return &Scorer{checker: checker, references: map[string]reference{}}, nil
}

// A Use is what was answered: an item's how-manieth use, by which arm.
type Use struct {
	Item       string
	Occurrence int
	Baseline   bool // the arm is the baseline
}

// A Grade is how an answer was scored.
type Grade struct {
	Score  Score
	Scored bool // without it there is nothing to score by, and Score says nothing
	// Early: the answer would be scored, but has nothing yet to be like. It says
	// nothing against the answer.
	Early bool
}

// Take keeps what is needed of an answer that finished, and returns what grades
// it. That must be called when all answers of the baseline to this use and to
// earlier ones were taken, which they must be in the order of the uses.
func (s *Scorer) Take(use Use, a Answer) func() Grade {
	t := s.checker.check(use.Item, a)
	if !s.checker.rules[use.Item].expect.Similar {
		g := t.grade()
		return func() Grade { return g }
	}
	text := profileOf(a.Text)
	if _, known := s.references[use.Item]; use.Baseline && !known {
		s.references[use.Item] = reference{use.Occurrence, text}
	}
	return func() Grade {
		t := t
		to, known := s.references[use.Item]
		if known && use.Occurrence > to.occurrence {
			t.like(likeness(text, to.text))
		}
		g := t.grade()
		g.Early = !g.Scored
		return g
	}
}

func (t tally) grade() Grade {
	score, ok := t.score()
	return Grade{Score: score, Scored: ok}
}
