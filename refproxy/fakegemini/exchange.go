package fakegemini

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/fakelimit"
)

// An exchange is an accepted request and all that was decided about its answer.
type exchange struct {
	call
	answer answer
	script *scripted // if one gives the answer
	failed *status   // if one says so
	plan   plan
	base   response
	record Record

	refused *fakelimit.Refusal // if a limit does
	release func()             // gives the place back
}

func newExchange(c call, req request, k key) *exchange {
	s := c.arm.server
	scenario := &s.config.Scenario
	a := answerOf(scenario, s.config.Seed, k, s.textOf(k.item), req.limits)
	script, failed := c.staged(req, k)
	chunks := len(a.chunks)
	if script != nil {
		chunks = len(script.stream)
	}
	x := &exchange{
		call:   c,
		answer: a,
		script: script,
		failed: failed,
		plan:   planOf(scenario, s.config.Seed, k, chunks, c.arm.injuries...),
		base: response{
			UsageMetadata: usage{Prompt: req.promptTokens},
			ModelVersion:  c.model,
			ResponseID:    responseID(s.config.Seed, k),
		},
		record: Record{
			Item: k.item, Occ: k.occ, Attempt: k.attempt, Nonce: req.tag.nonce,
			Arm: c.arm.name, Arrival: c.arrival, Outcome: outcomeOK,
		},
	}
	if x.plan.garbled {
		x.answer = garble(x.answer)
		if script != nil {
			script.garble()
		}
	}
	if x.plan.fault != NoFault {
		x.record.Outcome = x.plan.fault.String()
	}
	if failed != nil {
		x.record.Outcome = outcomeScripted
	}
	return x
}

// answerWhole answers in one piece when the last chunk is due.
func (x *exchange) answerWhole() {
	x.plan.faultAfter = 0 // one piece is written or is not
	f := framing{contentType: jsonType, after: "\n", trace: x.traceOf()}
	x.serve(f.output(x.spoil([]response{x.whole()}), []int64{x.at(x.plan.first + x.plan.total())}))
}

// answerStream answers chunk by chunk.
func (x *exchange) answerStream(f framing) {
	f.trace = x.traceOf()
	list := x.responses()
	if x.arm.server.config.Scenario.Output.UsageLast {
		list = withUsageLast(list)
	}
	x.serve(f.output(x.spoil(list), x.due()))
}

// spoil does what a fault does to an answer that is written to its end.
func (x *exchange) spoil(list []response) []response {
	switch x.plan.fault {
	case FaultNoFinish:
		for i := range list {
			for j := range list[i].Candidates {
				list[i].Candidates[j].FinishReason = ""
			}
		}
	case FaultDoubleUsage:
		if len(list) > 1 { // a stream
			list = withUsageLast(withUsageLast(list))
		}
	case FaultGoaway: // HTTP/2: GOAWAY, and the streams in flight are finished
		x.w.Header().Set("Connection", "close")
	}
	return list
}

// whole returns the answer as one value.
func (x *exchange) whole() response {
	if x.script != nil {
		return x.script.wholeResponse(x.base)
	}
	return whole(x.answer, x.base)
}

// responses returns the answer chunk by chunk.
func (x *exchange) responses() []response {
	if x.script != nil {
		return x.script.responses(x.base)
	}
	return responses(x.answer, x.base)
}

// at returns the machine's instant that is so long after the arrival.
func (x *exchange) at(d time.Duration) int64 {
	return x.arrival + int64(x.arm.server.config.Clock.Machine(d))
}

// due returns the absolute instant of every chunk.
func (x *exchange) due() []int64 {
	after := x.plan.first
	due := make([]int64, 1, len(x.plan.gaps)+4) // some to spare for chunks of usage
	due[0] = x.at(after)
	for _, gap := range x.plan.gaps {
		after += gap
		due = append(due, x.at(after))
	}
	return due
}

// occupy takes the place that the answer needs while it lasts.
func (x *exchange) occupy() {
	x.release, x.refused = x.arm.limits.Begin(x.credential(), x.model)
	if x.refused == nil {
		return
	}
	x.release = func() {}
	x.record.Outcome = x.refused.Kind
	x.arm.counts.limit(x.refused.Kind)
}

// serve writes each frame at its instant, or what the fault leaves of them.
func (x *exchange) serve(o output) {
	timer, err := x.arm.server.pacer.timer()
	if err != nil {
		internalError().write(x.w) // out of file descriptors: say so rather than answer out of time
		return
	}
	defer x.arm.server.pacer.release(timer)
	x.record.Due = o.due
	x.record.Writes = make([]int64, 0, len(o.due))
	paced := &pacedWriter{x: x, output: o, timer: timer, flusher: http.NewResponseController(x.w), text: sha256.New()}
	if st, at, failed := x.failure(); failed {
		x.timing(at)
		paced.fail(st, at)
		return
	}
	o.head(x.w.Header())
	x.timing(o.due[0])
	if x.plan.fault.whole() {
		paced.write(len(o.frames))
		return
	}
	paced.write(x.plan.faultAfter)
	paced.breakOff()
}

// timing says, as Google's front end does, how many milliseconds of the machine's
// clock it takes to the head, which is to go out at the instant at.
func (x *exchange) timing(at int64) {
	x.w.Header().Set("Server-Timing", fmt.Sprintf("gfet4t7; dur=%d", time.Duration(at-x.arrival).Milliseconds()))
}

// failure returns the error that the request is answered with, and when.
func (x *exchange) failure() (st status, at int64, failed bool) {
	switch {
	case x.refused != nil:
		return limited(x.refused), x.at(x.refused.After), true
	case x.failed != nil:
		return *x.failed, x.at(x.plan.first), true
	case x.plan.fault == FaultDaily:
		reset := x.arm.server.config.Scenario.Faults.DailyReset
		st, failed = limited(fakelimit.DailyQuota(x.model, x.arm.server.config.Clock.Now(), reset)), true
	default:
		st, failed = errorOf(x.plan.fault, x.model, x.arm.server.config.Scenario.Faults.RetryDelay)
	}
	if x.plan.fault == FaultExpired {
		x.arm.server.account.Expire(x.r.Header)
	}
	return st, x.at(x.plan.first), failed
}

// textOf returns the answer that the item has.
func (s *Server) textOf(item string) string {
	if s.config.Answer != nil {
		if text, ok := s.config.Answer(item); ok {
			return text
		}
	}
	return fallbackText(s.config.Scenario.Fallback, s.config.Seed, item)
}

// modelSet is the offered models' names.
func modelSet(names []string) map[string]struct{} {
	set := make(map[string]struct{}, len(names))
	for _, name := range names {
		set[name] = struct{}{}
	}
	return set
}
