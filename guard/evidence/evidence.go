// Package evidence turns a run file into what can be judged: pairs of the same
// item in both arms of a block, counts by block, and the facts that decide
// which claims the run supports at all.
package evidence

import (
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// A Set is the evidence of one comparison. It is plain data: the judge reads it
// and changes nothing. Blocks are numbered 0 to Blocks-1 without holes, in the
// order of the run.
type Set struct {
	Header    sample.Header
	Digest    string // of the run file
	Baseline  string
	Candidate string
	Blocks    int
	// Restarts is how many processes the arm with fewer of them had.
	Restarts int
	Stopped  string // why the run ended early; "": it did not
	Validity sample.Validity
	Arms     []summary.Arm // baseline first

	// Latencies holds the pairs of each measure.
	Latencies map[sample.Measure]Pairs
	// Outcomes holds attempts and successes by block.
	Outcomes Outcomes
	// Slots are the turns of both arms, by block.
	Slots []SlotPair
	// Work is what the pairs that succeeded in both arms did.
	Work Work
	// Order is how many blocks began with the baseline.
	BaselineFirst int
	// TimedOut counts attempts of both arms that ran into a time-out, and
	// Attempts all of them.
	TimedOut, Attempts int
}

// Pairs are the latencies of one measure, one element per pair, ordered by
// block. A failed request is +Inf nanoseconds.
type Pairs struct {
	Baseline  []float64
	Candidate []float64
	Block     []int
	Item      []int // a number for each distinct item
	// LostBaseline and LostCandidate count requests whose partner was never
	// sent or has no value, failures apart.
	LostBaseline, LostCandidate int
}

// N returns the number of pairs.
func (p Pairs) N() int { return len(p.Baseline) }

// Outcomes counts what became of the attempts, by block.
type Outcomes struct {
	Baseline, Candidate []Tally
}

// A Tally is attempts and successes.
type Tally struct{ Attempts, OK int }

// A SlotPair is the two turns of one block; nil where the run has none.
type SlotPair struct{ Baseline, Candidate *sample.Slot }

// Work compares what the arms did, over pairs that succeeded in both.
type Work struct {
	Pairs           int
	BaselineTokens  int
	CandidateTokens int
	FinishDiffers   int
	AnswersDiffer   int
	BaselineCached  float64 // share of input tokens
	CandidateCached float64
}
