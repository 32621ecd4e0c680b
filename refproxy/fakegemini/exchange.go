package fakegemini

import (
	"fmt"
	"net/http"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
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
	f := framing{contentType: jsonType, after: "\n", trace: x.traceOf()}
	frames := f.render([]response{x.whole()})
	x.plan.faultAfter = 0 // one piece is written or is not
	x.serve(f, frames, []int64{x.at(x.plan.first + x.plan.total())})
}

// answerStream answers chunk by chunk.
func (x *exchange) answerStream(f framing) {
	f.trace = x.traceOf()
	list := x.responses()
	due := x.due()
	if x.arm.server.config.Scenario.Output.UsageLast {
		list = withUsageLast(list)
		due = append(due, due[len(due)-1])
	}
	x.serve(f, f.render(list), due)
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
	due := make([]int64, 1, len(x.plan.gaps)+2) // one to spare for a chunk of usage
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
func (x *exchange) serve(f framing, frames [][]byte, due []int64) {
	timer, err := x.arm.server.pacer.timer()
	if err != nil {
		internalError().write(x.w) // out of file descriptors: say so rather than answer out of time
		return
	}
	defer x.arm.server.pacer.release(timer)
	x.record.Due = due
	x.record.Writes = make([]int64, 0, len(due))
	paced := pacedWriter{x: x, timer: timer, flusher: http.NewResponseController(x.w)}
	if x.refused != nil {
		paced.fail(limited(x.refused), x.at(x.refused.After))
		return
	}
	if x.failed != nil {
		paced.fail(*x.failed, x.at(x.plan.first))
		return
	}
	if st, ok := errorOf(x.plan.fault, x.model, x.arm.server.config.Scenario.Faults.RetryDelay); ok {
		paced.fail(st, x.at(x.plan.first))
		return
	}
	x.w.Header().Set("Content-Type", f.contentType)
	if f.trace != "" {
		x.w.Header().Set("X-Cloudaicompanion-Trace-Id", f.trace)
		x.w.Header().Set("Server-Timing", fmt.Sprintf("gfet4t7;dur=%d", x.plan.first.Milliseconds()))
	}
	if x.plan.fault == NoFault {
		paced.write(frames, due)
		return
	}
	paced.write(frames[:x.plan.faultAfter], due)
	paced.breakOff(due[x.plan.faultAfter])
}

// A pacedWriter writes an exchange's frames at their instants.
type pacedWriter struct {
	x       *exchange
	timer   *clock.Timer
	flusher *http.ResponseController
}

// wait returns at the instant, or gives the exchange up when the client left or
// the server stops.
func (p pacedWriter) wait(due int64) int64 {
	now, err := p.x.arm.server.pacer.wait(p.x.r.Context(), p.timer, due)
	if err != nil {
		p.giveUp()
	}
	return now
}

// giveUp ends the handler without finishing the response.
func (p pacedWriter) giveUp() {
	p.x.record.Outcome = outcomeGone
	p.keep()
	panic(http.ErrAbortHandler)
}

// keep hands the record over. Nothing may change it afterwards.
func (p pacedWriter) keep() { p.x.arm.server.truth.add(p.x.record) }

// write sends the frames. The record of a whole answer is kept before its last
// write, so that who has the last byte finds the record.
func (p pacedWriter) write(frames [][]byte, due []int64) {
	for i, frame := range frames {
		now := p.wait(due[i])
		p.x.record.Status = http.StatusOK
		p.x.record.Writes = append(p.x.record.Writes, now)
		last := p.x.plan.fault == NoFault && i == len(frames)-1
		if last {
			p.keep()
		}
		_, err := p.x.w.Write(frame)
		if err == nil {
			err = p.flusher.Flush()
		}
		if err != nil && !last {
			p.giveUp()
		}
	}
}

// fail answers with an error.
func (p pacedWriter) fail(st status, due int64) {
	p.wait(due)
	p.x.record.Status = st.Code
	p.keep()
	body := st.body()
	if p.x.arm.server.config.Scenario.Faults.AsArray {
		body = st.arrayBody()
	}
	st.writeBody(p.x.w, body)
}

// breakOff ends an answer that has no end: by silence until the client leaves,
// or by a cut when the next chunk is due.
func (p pacedWriter) breakOff(due int64) {
	if p.x.plan.fault == FaultStall {
		p.keep()
		<-p.x.r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	p.wait(due)
	if !p.x.plan.cutByReset {
		p.x.record.Status = http.StatusOK
		p.keep()
		return
	}
	p.keep()
	panic(http.ErrAbortHandler)
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
