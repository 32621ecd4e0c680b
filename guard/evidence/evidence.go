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
	// Concurrent tells that both arms served all the time, as two deployments
	// side by side do: a block is a span of time, no arm went first in it, and
	// Restarts counts the instances of the smaller arm.
	Concurrent bool
	Stopped    string // why the run ended early; "": it did not
	// Simulated tells that a run file was opened whose requests nobody sent.
	Simulated bool
	Validity  sample.Validity
	Arms      []summary.Arm // baseline first

	// Pairs counts the pairs of which both halves were sent; LostBaseline and
	// LostCandidate those of which that arm's half was not. Where requests were
	// counted and not listed, Pairs is the number of them in the smaller arm.
	Pairs, LostBaseline, LostCandidate int
	// Latencies holds the pairs of each measure that any request has; a measure
	// that the source cannot tell is absent.
	Latencies map[sample.Measure]Pairs
	// Alone holds all latencies of the candidate, with a partner or without,
	// ascending in nanoseconds, a failure +Inf: for absolute limits. It has the
	// measures that any request of the candidate has. Of a run with weights it has
	// the blocks at natural weight alone.
	Alone map[sample.Measure][]float64
	// Requests are the measured requests of both arms, by block, with a partner
	// or without. In a switchback a block is one randomised pair of time blocks,
	// one of each arm.
	Requests []BlockRequests
	// Outcomes holds attempts and successes by block.
	Outcomes Outcomes
	// Slots are the turns of both arms, by block.
	Slots []SlotPair
	// Work is what the pairs that succeeded in both arms did.
	Work Work
	// Paired are the halves of every pair of which both were sent, ordered by
	// block; the two columns of Latencies are made of them.
	Paired []Pair
	// Units are the randomised units of a split in the order in which their
	// outcomes arrived; nil in other designs. Mixed counts the units that had
	// requests of both arms, so that their assignment was not kept: they are left
	// out.
	Units []Unit
	Mixed int
	// Unassigned counts the requests of a split that failed before their answer told
	// which arm it was: they may be of either, and are in none.
	Unassigned int
	// Binned holds distributions by block for sources that count requests
	// instead of listing them (Prometheus, run summaries); Latencies then lacks
	// these measures.
	Binned map[sample.Measure]Binned
	// Planned is how many blocks the run was to have, and Look the planned look
	// at which a judge ended it (0: none did).
	Planned, Look int
	// Controls are the comparisons of the baseline with the run's own controls;
	// nil where it has none.
	Controls *Controls
	// Natural tells of each block whether all of its requests weigh 1; nil where all
	// requests of the run do. In the others some items were likelier than others.
	Natural []bool
	// BaselineFirst is how many of the blocks with both arms began with the
	// baseline.
	BaselineFirst int
	// Other is the header of the baseline's own run file, and OtherDigest its
	// digest, where each side was run by itself; nil where one run has both.
	Other       *sample.Header
	OtherDigest string
}

// BlockRequests are the measured requests of one block.
type BlockRequests struct{ Baseline, Candidate []*sample.Sample }

// Pairs are the latencies of one measure, one element per pair, ordered by
// block. A failed request is +Inf nanoseconds. Measures may share columns:
// nobody changes them.
type Pairs struct {
	Baseline  []float64
	Candidate []float64
	Block     []int
	Item      []int // a number for each distinct item
	// Weight is the inverse of how likely each pair was to be drawn; nil when all
	// weigh 1.
	Weight []float64
	// LostBaseline and LostCandidate count pairs of which that arm's half was
	// never sent or has no value. Failures are values: they are infinitely slow.
	LostBaseline, LostCandidate int
	// Zero counts, among those lost, the pairs with a half that took no time at
	// all by its source's clock: nothing can be worse by a share of that.
	Zero int
}

// N returns the number of pairs.
func (p Pairs) N() int { return len(p.Baseline) }

// Outcomes counts what became of the attempts, by block.
type Outcomes struct {
	Baseline, Candidate []Tally
	// OnlyBaseline and OnlyCandidate count pairs in which only that arm
	// succeeded.
	OnlyBaseline, OnlyCandidate int
}

// Sum adds the tallies of all blocks.
func Sum(tallies []Tally) Tally {
	var all Tally
	for _, t := range tallies {
		all.Attempts += t.Attempts
		all.OK += t.OK
	}
	return all
}

// A Tally is attempts and successes.
type Tally struct{ Attempts, OK int }

// A Pair is the two requests of one item in one block.
type Pair struct {
	Block, Item         int
	Baseline, Candidate *sample.Sample
}

// A Unit is what a split assigned at random: what Sample.Unit names, else a
// session, else a request. Its outcome arrived when its last request ended.
type Unit struct {
	Candidate bool
	Share     float64          // of the candidate, in force when the unit was assigned
	Requests  []*sample.Sample // as they were sent
}

// Binned is one measure's distribution in each block of both arms.
type Binned struct{ Baseline, Candidate []Histogram }

// A Histogram counts values by bucket: Counts[i] is how many lie above
// Edges[i] and not above Edges[i+1], in nanoseconds; Over is how many lie above the
// last edge, or failed. Counts may be fractions where a source extrapolates.
type Histogram struct {
	Edges  []float64
	Counts []float64
	Over   float64
}

// Controls are the run's own controls, each compared with the same baseline.
type Controls struct {
	Twin, Plant *Set
	Planted     float64 // by how much the plant's path is slowed, as a share
}

// Counted tells that requests were counted by bucket and not listed, so that
// nothing is known of any two of them together.
func (s *Set) Counted() bool { return len(s.Binned) > 0 && len(s.Latencies) == 0 }

// A SlotPair is the two turns of one block; nil where the run has none.
type SlotPair struct{ Baseline, Candidate *sample.Slot }

// Work compares what the arms did, over pairs that succeeded in both; where
// nothing is paired, over all requests that succeeded, of which Pairs is then the
// smaller number.
type Work struct {
	Pairs           int
	BaselineTokens  int
	CandidateTokens int
	FinishDiffers   int
	AnswersDiffer   int
	BaselineCached  float64 // share of input tokens; 0 when none were counted
	CandidateCached float64
	// Scored counts pairs of which either answer was scored, and the means are
	// over them; an answer without a score beside one with it scores 0.
	Scored           int
	BaselineQuality  float64
	CandidateQuality float64
	// Blocks has the same by block; nil where only totals are known.
	Blocks []BlockWork
}

// BlockWork is what the arms did in one block.
type BlockWork struct {
	Baseline, Candidate ArmWork
	// LogTokens sums log(candidate / baseline) of output tokens over the Counted
	// pairs that tell them in both arms.
	LogTokens float64
	Counted   int
	// Scored counts the pairs of which either answer was scored, and Quality sums
	// candidate's less baseline's score.
	Scored  int
	Quality float64
}

// ArmWork is what one arm did in one block, over its requests that succeeded.
type ArmWork struct {
	OK, Output, Input, Cached int
	Finish                    map[string]int // how many ended for each reason
}
