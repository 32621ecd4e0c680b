// Package proof shows what the judge's claims are worth: error rates and power
// by simulation, and a selftest on a user's own run.
package proof

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// Seed turns the name of a goal into a seed, so that nobody chooses one.
func Seed(goal string) uint64 {
	sum := sha256.Sum256([]byte(goal))
	return binary.BigEndian.Uint64(sum[:8])
}

// A World says how a simulated run comes about. Latencies are lognormal; the
// zero value of an effect means none.
type World struct {
	Seed     uint64
	Blocks   int
	PerBlock int // requests of each arm in each block
	Items    int // distinct items; 0: every pair has its own
	// Sigma is the standard deviation of log latency, of whose square Between
	// is the share that lies between items and so is common to both arms.
	Sigma, Between float64
	// Restart is the standard deviation of the log factor that each process
	// carries for its one block.
	Restart float64
	// FirstToken, Gap and Tail are factors on the candidate: on its time to
	// first token, on its gaps, and on the first token of the slowest tenth of
	// the items. 0 means 1.
	FirstToken, Gap, Tail float64
	// BaselineErrors and CandidateErrors are the shares of requests that fail.
	BaselineErrors, CandidateErrors float64
}

// Run simulates a run in the form in which a run file is read: two interleaved
// arms, both restarted at every block, without any doubt about the measurement.
func (w World) Run() sample.Run {
	r := rand.New(rand.NewPCG(w.Seed, 1))
	src := sample.Run{
		Header: sample.Header{
			Schema: sample.Schema, Tool: "firstbyte simulation", Seed: w.Seed, Design: sample.Interleaved, Blocks: w.Blocks,
			Arms: []sample.Arm{{Name: "baseline", Restarted: true}, {Name: "candidate", Restarted: true}},
		},
		Trailer: sample.Trailer{Trailer: true, Validity: sample.Validity{Grade: sample.Valid}},
	}
	for k := range w.Blocks {
		w.block(r, k, &src)
	}
	src.Trailer.Samples = len(src.Samples)
	return src
}

func (w World) block(r *rand.Rand, k int, src *sample.Run) {
	// Both arms see the same items; the parts of the service that items fix
	// are drawn once.
	shared := make([]service, w.PerBlock)
	for i := range shared {
		shared[i] = w.draw(r, k*w.PerBlock+i)
	}
	order := []int{0, 1}
	if r.IntN(2) == 1 {
		order = []int{1, 0}
	}
	start := int64(k+1) * 1e12
	for _, side := range order {
		offset := math.Exp(w.Restart * r.NormFloat64())
		slot := sample.Slot{Block: k, Arm: src.Header.Arms[side].Name, Restart: k, StartNS: start, Requests: w.PerBlock}
		for i, s := range shared {
			one := w.request(r, side, s, offset)
			one.Seq, one.Block, one.Restart = len(src.Samples), k, k
			one.Arm = src.Header.Arms[side].Name
			one.IntendedNS += start + int64(i)*1e7
			src.Samples = append(src.Samples, shift(one, one.IntendedNS))
			slot.Events += one.Events
		}
		slot.EndNS = start + int64(w.PerBlock)*1e7
		slot.CPUNS = int64(float64(slot.Events) * 2e4 * (1 + .02*r.NormFloat64()))
		src.Trailer.Slots = append(src.Trailer.Slots, slot)
		start = slot.EndNS + 1e9
	}
}

// A service is what an item gets in both arms.
type service struct {
	item       string
	occurrence int
	token, gap float64 // log factors
	slow       bool    // among the slowest tenth
}

func (w World) draw(r *rand.Rand, n int) service {
	item, occurrence := n, 0
	if w.Items > 0 {
		item, occurrence = n%w.Items, n/w.Items
		r = rand.New(rand.NewPCG(w.Seed, uint64(item)+2)) // the item's own, at every use
	}
	z := r.NormFloat64()
	common := w.Sigma * math.Sqrt(w.Between)
	return service{
		item: fmt.Sprintf("item-%d", item), occurrence: occurrence,
		token: common * z, gap: common * r.NormFloat64(), slow: z > 1.2815515655446004,
	}
}

// events is how many content events a simulated answer has.
const events = 21

// request simulates one request of one arm, its instants counted from 0.
func (w World) request(r *rand.Rand, side int, s service, offset float64) sample.Sample {
	own := w.Sigma * math.Sqrt(1-w.Between)
	token := 20e6 * offset * math.Exp(s.token+own*r.NormFloat64())
	gap := 2e6 * offset * math.Exp(s.gap+own*r.NormFloat64())
	errors := w.BaselineErrors
	if side == 1 {
		errors = w.CandidateErrors
		token *= orOne(w.FirstToken)
		gap *= orOne(w.Gap)
		if s.slow {
			token *= orOne(w.Tail)
		}
	}
	out := sample.Sample{Item: s.item, Occurrence: s.occurrence, Outcome: sample.OK}
	if r.Float64() < errors {
		out.Outcome, out.Phase, out.Status = sample.HTTP5xx, sample.PhaseHeaders, 500
		return out
	}
	out.FirstByteNS = int64(token / 2)
	out.TokenNS = int64(token)
	out.LastNS = int64(token + gap*(events-1))
	out.CloseNS = out.LastNS + 1e5
	out.Events, out.Status = events, 200
	out.Usage = sample.Usage{Input: 100, Output: events, Source: "usage"}
	out.Finish, out.AnswerHash = "end_turn", s.item
	return out
}

func orOne(x float64) float64 {
	if x == 0 {
		return 1
	}
	return x
}

// shift moves the instants that s reached by ns.
func shift(s sample.Sample, ns int64) sample.Sample {
	for _, at := range []*int64{&s.FirstByteNS, &s.TokenNS, &s.LastNS, &s.CloseNS} {
		if *at != 0 {
			*at += ns
		}
	}
	return s
}
