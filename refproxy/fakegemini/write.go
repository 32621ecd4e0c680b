package fakegemini

import (
	"encoding/hex"
	"encoding/json"
	"hash"
	"net/http"
	"strings"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// An output is an answer as bytes, ready before the first of them is due.
type output struct {
	framing framing
	frames  [][]byte
	texts   [][]byte // what each frame says, without thoughts
	due     []int64  // when each frame is to be written
}

// output renders an answer. Frames behind the last that has an instant come with it.
func (f framing) output(list []response, due []int64) output {
	o := output{framing: f, frames: f.render(list), due: due}
	for len(o.due) < len(o.frames) {
		o.due = append(o.due, o.due[len(o.due)-1])
	}
	for _, r := range list {
		o.texts = append(o.texts, []byte(r.text()))
	}
	return o
}

// text returns what a response says, without thoughts.
func (r response) text() string {
	var text strings.Builder
	for _, c := range r.Candidates {
		for _, p := range c.Content.Parts {
			if p.Text != nil && !p.Thought {
				text.WriteString(*p.Text)
			}
		}
	}
	return text.String()
}

// head sets the header fields of an answer.
func (o output) head(h http.Header) {
	h.Set("Content-Type", o.framing.contentType)
	if o.framing.trace != "" {
		h.Set("X-Cloudaicompanion-Trace-Id", o.framing.trace)
	}
}

// A pacedWriter writes an exchange's frames at their instants.
type pacedWriter struct {
	output
	x       *exchange
	timer   *clock.Timer
	flusher *http.ResponseController
	text    hash.Hash // of the texts written
}

// wait returns at the instant, or gives the exchange up when the client left or
// the server stops.
func (p *pacedWriter) wait(due int64) int64 {
	now, err := p.x.arm.server.pacer.wait(p.x.r.Context(), p.timer, due)
	if err != nil {
		p.giveUp()
	}
	return now
}

// giveUp ends the handler without finishing the response.
func (p *pacedWriter) giveUp() {
	p.x.record.Outcome = outcomeGone
	p.keep()
	panic(http.ErrAbortHandler)
}

// keep hands the record over. Nothing may change it afterwards.
func (p *pacedWriter) keep() {
	p.x.record.LastChunk = len(p.x.record.Writes)
	if p.x.record.LastChunk > 0 {
		p.x.record.TextHash = hex.EncodeToString(p.text.Sum(nil))
	}
	p.x.arm.server.truth.add(p.x.record)
}

// write sends the first frames. The record of a whole answer is kept before its
// last write, so that who has the last byte finds the record.
func (p *pacedWriter) write(frames int) {
	for i, frame := range p.frames[:frames] {
		now := p.wait(p.due[i])
		p.x.record.Status = http.StatusOK
		p.x.record.Writes = append(p.x.record.Writes, now)
		p.text.Write(p.texts[i])
		last := p.x.plan.fault.whole() && i == len(p.frames)-1
		if last {
			p.struck()
			p.keep()
		}
		if err := p.put(frame); err != nil && !last {
			p.giveUp()
		}
	}
}

func (p *pacedWriter) put(text []byte) error {
	_, err := p.x.w.Write(text)
	if err == nil {
		err = p.flusher.Flush()
	}
	return err
}

// struck counts the fault.
func (p *pacedWriter) struck() {
	if p.x.plan.fault != NoFault {
		p.x.arm.counts.fault(p.x.plan.fault.String())
	}
}

// fail answers with an error.
func (p *pacedWriter) fail(st status, due int64) {
	p.wait(due)
	if p.x.record.Outcome == p.x.plan.fault.String() {
		p.struck()
	}
	p.x.record.Status = st.Code
	p.keep()
	body := st.body()
	if p.x.arm.server.config.Scenario.Faults.AsArray || p.x.plan.fault == FaultErrorArray {
		body = st.arrayBody()
	}
	st.writeBody(p.x.w, body)
}

// breakOff ends an answer that has no end: by silence until the client leaves, or
// when the next chunk is due by what the fault is.
func (p *pacedWriter) breakOff() {
	fault, at := p.x.plan.fault, p.x.plan.faultAfter
	if fault == FaultStall {
		p.struck()
		p.keep()
		<-p.x.r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	p.wait(p.due[at])
	p.struck()
	if end, ok := p.brokenEnd(fault, at); ok {
		p.x.record.Status = http.StatusOK
		p.keep()
		_ = p.put(end) // who left needs no end
		return
	}
	p.keep()
	switch fault {
	case FaultGoawayDrop:
		p.x.dropConnection(goawayFrame)
	case FaultKill:
		p.x.dropConnection(nil)
	}
	panic(http.ErrAbortHandler)
}

// brokenEnd returns what stands in the place of the next chunk and of all behind
// it. ok is false if the stream is reset there.
func (p *pacedWriter) brokenEnd(fault Fault, at int) (end []byte, ok bool) {
	f := p.framing
	switch fault {
	case FaultMalformed:
		half := p.frames[at][:len(p.frames[at])/2]
		return append(half[:len(half):len(half)], f.after...), true
	case FaultErrorEvent:
		return []byte(f.lead(at) + f.before + unavailable().line() + f.after + f.close), true
	case FaultEmpty:
		return nil, true
	case FaultCut:
		return nil, !p.x.plan.cutByReset
	}
	return nil, false
}

// line renders the envelope in one line.
func (st status) line() string {
	text, err := json.Marshal(st.envelope())
	if err != nil {
		panic("fakegemini: JSON: " + err.Error()) // strings and numbers alone
	}
	return string(text)
}
