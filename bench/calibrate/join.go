package calibrate

import (
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// compare joins samples with the truth by their nonce and returns the table of
// errors. Instants of samples count from epoch, the run's zero, those of the
// truth from the clock's. Writes closer than apart may reach the client together
// through no fault of its own.
func compare(samples []sample.Sample, truths []answer, epoch int64, apart time.Duration) Calibration {
	var c Calibration
	var events []int64
	errors := make(map[sample.Measure][]int64)
	index := byNonce(truths)
	var all, wide bunches
	for i := range samples {
		s := &samples[i]
		if s.Warmup {
			continue
		}
		truth := index[s.Nonce]
		if s.Outcome != sample.OK || truth == nil || s.Events != len(truth.Tokens) || len(s.GapsNS) != s.Events-1 {
			c.Failed++
			continue
		}
		c.Requests++
		c.Events += s.Events
		all.events += s.Events
		all.together += s.Coalesced
		wide.add(s.GapsNS, truth.Tokens, int64(apart))
		events = appendEvents(events, s, truth, epoch)
		for m, off := range deviations(s, truth, epoch) {
			errors[m] = append(errors[m], off)
		}
	}
	c.Coalesced, c.CoalescedApart = all.share(), wide.share()
	c.Error = make(map[sample.Measure]sample.ErrorNS, len(errors))
	for m, all := range errors {
		c.Error[m] = table(all)
	}
	if len(events) > 0 {
		c.Event = table(events)
	}
	return c
}

// bunches counts events and those of them that came together with the one
// before.
type bunches struct{ events, together int }

// add counts the events that the server wrote at least apart after the one
// before; a gap of 0 says that the client read both at once.
func (b *bunches) add(gaps, written []int64, apart int64) {
	for k, gap := range gaps {
		if written[k+1]-written[k] < apart {
			continue
		}
		b.events++
		if gap == 0 {
			b.together++
		}
	}
}

func (b bunches) share() float64 {
	if b.events == 0 {
		return 0
	}
	return float64(b.together) / float64(b.events)
}

// hexes finds what may be a nonce: sixteen hexadecimal digits.
var hexes = regexp.MustCompile(`[0-9a-f]{16}`)

// byNonce indexes the answers by the nonces their requests carried.
func byNonce(truths []answer) map[string]*answer {
	index := make(map[string]*answer, len(truths))
	for i := range truths {
		for _, nonce := range truths[i].Nonces {
			index[nonce] = &truths[i]
		}
	}
	return index
}

// deviations returns |client - truth| of one answer. Both sides of a latency
// begin at the client's intended start, so the start cancels; the gap is the
// mean gap on both sides.
func deviations(s *sample.Sample, truth *answer, epoch int64) map[sample.Measure]int64 {
	n := len(truth.Tokens)
	off := map[sample.Measure]int64{
		sample.TTFB:       s.FirstByteNS + epoch - truth.FirstByte,
		sample.FirstToken: s.TokenNS + epoch - truth.Tokens[0],
		sample.Full:       s.CloseNS + epoch - truth.End,
	}
	if n > 1 {
		client := s.LastNS - s.TokenNS
		server := truth.Tokens[n-1] - truth.Tokens[0]
		off[sample.Gap] = (client - server) / int64(n-1)
	}
	for m, ns := range off {
		off[m] = max(ns, -ns)
	}
	return off
}

// appendEvents appends |client - truth| of every content event of one answer.
func appendEvents(to []int64, s *sample.Sample, truth *answer, epoch int64) []int64 {
	at := s.TokenNS + epoch
	for k, written := range truth.Tokens {
		if k > 0 {
			at += s.GapsNS[k-1]
		}
		to = append(to, max(at-written, written-at))
	}
	return to
}

// table describes the errors, by nearest rank; it sorts them.
func table(all []int64) sample.ErrorNS {
	slices.Sort(all)
	at := func(p float64) int64 { return all[int(math.Ceil(p*float64(len(all))))-1] }
	return sample.ErrorNS{P50: at(.50), P99: at(.99), Max: all[len(all)-1], N: len(all)}
}
