package load

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// settle turns what was noted of a request that was sent into its sample.
// Instants become times since epoch.
func (r *request) settle(epoch int64, key Secret) {
	r.decode()
	since := func(at int64) int64 {
		if at == 0 {
			return 0
		}
		return at - epoch
	}
	at, a, s := r.trace.copy(), &r.answer, &r.sample
	s.IntendedNS, s.SentNS = since(r.intended), since(r.sent)
	s.Conn = at.conn(r.protocol)
	s.WrittenNS, s.FirstByteNS, s.HeadersNS = since(at.written), since(at.firstByte), since(r.headers)
	s.EventNS, s.TokenNS, s.TextNS = since(a.FirstEvent), since(a.FirstToken), since(a.FirstText)
	s.LastNS, s.CloseNS = since(a.Last), since(r.closed)
	s.GapsNS, s.Events, s.Coalesced = a.Gaps, a.Events, a.Coalesced
	s.Status, s.Finish = r.status, a.Finish
	if u := &a.Usage; u.Reported {
		s.Usage = sample.Usage{Input: u.Input, Output: u.Output, Cached: u.Cached, Reasoning: u.Reasoning, Source: "usage"}
	}
	if a.Text != "" {
		sum := sha256.Sum256([]byte(a.Text))
		s.AnswerHash = hex.EncodeToString(sum[:8])
	}
	s.Proxy = r.told
	r.judge(key)
}

// judge decides the outcome. An error that the stream itself reported explains
// a connection that broke after it; any other fault of the stream is only the
// consequence of what the transport met.
func (r *request) judge(key Secret) {
	a, s := &r.answer, &r.sample
	fromStream := a.Fault == dialect.ErrorEvent && r.failed != sample.Aborted
	switch {
	case r.failed != "" && !fromStream:
		s.Outcome, s.Phase, s.Code, s.Message = r.failed, r.phase, r.code, r.message
	case a.Fault != "":
		s.Outcome, s.Phase, s.Code, s.Message = sample.Outcome(a.Fault), faultPhase(a), a.Code, a.Message
	default:
		s.Outcome = sample.OK
	}
	s.Code, s.Message = clean(s.Code, key), clean(s.Message, key)
}

func faultPhase(a *dialect.Answer) sample.Phase {
	switch {
	case a.End != 0:
		return sample.PhaseClose
	case a.FirstToken != 0:
		return sample.PhaseStream
	}
	return sample.PhaseFirstToken
}

// miss records a request that was never sent.
func (r *request) miss(epoch int64, outcome sample.Outcome, phase sample.Phase, message string) {
	r.sample.IntendedNS = r.intended - epoch
	r.sample.Outcome, r.sample.Phase, r.sample.Message = outcome, phase, message
}
