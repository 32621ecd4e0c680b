package assert

import (
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// late is by how much a wait may be longer than planned for want of a processor:
// tens of milliseconds on a loaded machine. A wait that is planned shorter could be
// doubled unseen, which would cost no more than this either.
const late = 20 * time.Millisecond

// retries counts what the gateway said of its attempts.
func (s *side) retries(m measure, planned time.Duration) estimate {
	told, silent, hits, retried, untold := 0, 0, 0, 0, 0
	for _, one := range s.attempts {
		said := one.Proxy
		switch _, state := proxyValue(one, m); {
		case state == without:
			continue
		case state == missing, len(said.Tries) > 0 && len(said.Tries) != said.Attempts: // it contradicts itself
			silent++
			continue
		}
		told++
		if said.Attempts > 1 {
			retried++
		}
		twice := waitedTwice(said, planned)
		if len(said.Tries) > 0 {
			twice = triesWaitedTwice(said, s.pace(), one.Code == callerLeft)
		} else if said.Attempts > 1 {
			untold++
		}
		if twice {
			hits++
		}
	}
	switch {
	case told == 0:
		return nothing("no record tells what the gateway said of its attempts")
	case float64(silent) > lostShare*float64(told+silent):
		return nothing("%d of %d requests do not tell of the gateway's attempts", silent, told+silent)
	case m.name == "retried":
		return counted(told, float64(retried)/float64(told))
	case retried == 0 && hits == 0:
		return nothing("no request was retried, so nothing could have waited twice")
	case untold > 0 && planned == 0:
		return nothing("say how long one wait may last at most: --planned-wait 1s")
	}
	return counted(told, float64(hits))
}

// waitedTwice tells a wait without a retry, or waits longer than one for each
// retry: the earlier behaviour of the gateway slept in the retry and once more in
// its caller.
func waitedTwice(said *sample.ProxySaid, planned time.Duration) bool {
	return said.WaitNS > int64(max(0, said.Attempts-1))*int64(planned)
}

// pace is how much faster than the machine's the gateway's clock runs.
func (s *side) pace() float64 { return max(1, s.run.Header.ClockScale) }

// callerLeft is the code of a request whose caller did not wait for its end.
const callerLeft = "caller_left"

// triesWaitedTwice is waitedTwice where each attempt is told of: a wait that was
// half as long again as planned, one after which no attempt came although the
// caller was there, or one that is in the sum and belongs to no attempt.
func triesWaitedTwice(said *sample.ProxySaid, pace float64, left bool) bool {
	slack, slept := int64(float64(late)*pace), int64(0)
	for i, try := range said.Tries {
		waited := try.SleptNS
		if i+1 < len(said.Tries) && try.EndNS > 0 { // what the instants show, whoever slept
			waited = max(waited, int64(float64(said.Tries[i+1].AtNS-try.EndNS)*pace))
		}
		planned := try.PlannedNS
		if i+1 == len(said.Tries) && !left {
			planned = 0
		}
		if waited > planned+max(slack, planned/2) {
			return true
		}
		slept += waited
	}
	return said.WaitNS > slept+slack
}
