package main

import (
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
)

// sample makes a record of the run file. A request's intended start is its
// arrival, it was sent when the upstream was asked, and an event had reached the
// caller when it had been written. UpstreamNS are the arrivals from the upstream,
// so that what the proxy added can be told.
func (l *requestLog) sample(o *relay.Outcome) sample.Sample {
	at := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return int64(t.Sub(l.epoch))
	}
	t := &o.Times
	s := sample.Sample{
		Arm: l.arm, IntendedNS: at(t.Begun), SentNS: at(t.Asked), FirstByteNS: at(t.Head), HeadersNS: at(t.Head),
		EventNS: at(t.Event), TokenNS: at(t.Token), TextNS: at(t.Text), LastNS: at(t.Last), CloseNS: at(t.Ended),
		Status: o.Status, Usage: logUsage(o.Usage), Finish: logFinish(o.Finish.Stop),
		Proxy: l.said(o),
	}
	if trace := o.Trace; trace != nil {
		s.Session = trace.User
		logEvents(&s, trace, at(trace.Since))
	}
	s.Outcome, s.Phase, s.Code = logOutcome(o)
	return s
}

// said is what the proxy tells of itself: the flags and shares of this request,
// which may have changed since the file was begun, and each attempt.
func (l *requestLog) said(o *relay.Outcome) *sample.ProxySaid {
	s := &sample.ProxySaid{RequestID: o.RequestID, Flags: l.flags, Attempts: len(o.Attempts)}
	if o.Flags != nil {
		s.Flags, s.Shares = o.Flags, o.Shares
	}
	for _, a := range o.Attempts {
		s.Pool = poolOf(o.Preview)
		s.WaitNS += l.own(a.Slept)
		s.Credential = a.Credential // of the last
		s.Tries = append(s.Tries, sample.Try{
			AtNS: int64(a.At), EndNS: int64(a.Failed), Credential: a.Credential, Pool: poolOf(a.Preview), Class: a.Class, Status: a.Status,
			PlannedNS: l.own(a.Planned), SleptNS: l.own(a.Slept),
		})
	}
	return s
}

// own is a wait by the proxy's own clock, of which policies speak.
func (l *requestLog) own(wait time.Duration) int64 { return int64(float64(wait) * l.pace) }

func poolOf(preview bool) string {
	if preview {
		return sample.PoolPreview
	}
	return sample.PoolGeneral
}

// logEvents adds what is known of each event; since is the trace's beginning.
func logEvents(s *sample.Sample, t *relay.Trace, since int64) {
	s.Events = len(t.Written)
	for i, written := range t.Written {
		s.UpstreamNS = append(s.UpstreamNS, since+int64(t.Arrived[i]))
		if i == 0 {
			continue
		}
		s.GapsNS = append(s.GapsNS, int64(written-t.Written[i-1]))
		if t.Arrived[i] == t.Arrived[i-1] {
			s.Coalesced++
		}
	}
}

// logUsage counts the cached tokens into the input, as all run files do.
func logUsage(u chat.Usage) sample.Usage {
	if u == (chat.Usage{}) {
		return sample.Usage{}
	}
	return sample.Usage{Input: u.Input + u.Cached, Output: u.Output, Cached: u.Cached, Source: "usage"}
}

// logFinish uses the words that the proxy's callers get.
func logFinish(stop chat.StopReason) string {
	switch stop {
	case chat.StopEndTurn:
		return "end_turn"
	case chat.StopMaxTokens:
		return "max_tokens"
	case chat.StopRefusal:
		return "refusal"
	}
	return ""
}

// logOutcome classes a request. A caller who left counts as a failure: to leave
// the request out would hide the slowness that may have driven the caller away.
func logOutcome(o *relay.Outcome) (sample.Outcome, sample.Phase, string) {
	begun, answered := !o.Times.Head.IsZero(), !o.Times.Token.IsZero()
	if o.Err == nil {
		switch {
		case o.Status != 200: // it was cut by a panic
			return sample.ResetStream, sample.PhaseStream, chat.KindInternal.String()
		case !answered:
			return sample.Empty, sample.PhaseStream, ""
		}
		return sample.OK, "", ""
	}
	code := o.Err.Kind.String()
	switch {
	case o.Err.Kind == chat.KindCanceled && begun:
		return sample.ResetStream, sample.PhaseStream, "caller_left"
	case o.Err.Kind == chat.KindCanceled:
		return sample.ResetBefore, sample.PhaseHeaders, "caller_left"
	case o.Status != 0 && o.Status != 200:
		return sample.ByStatus(o.Status), sample.PhaseHeaders, code
	case o.Status == 0:
		return sample.ResetStream, sample.PhaseStream, code
	case o.Err.Kind == chat.KindTimeout && !answered:
		return sample.SlowToken, sample.PhaseFirstToken, code
	case o.Err.Kind == chat.KindTimeout:
		return sample.SlowGap, sample.PhaseStream, code
	}
	return sample.ErrorEvent, sample.PhaseStream, code
}
