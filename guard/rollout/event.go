package rollout

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// A Kind says what happened.
type Kind string

// The kinds of events.
const (
	Looked  Kind = "look"    // a verdict was reached
	Moved   Kind = "stage"   // another stage is in force
	Turned  Kind = "turn"    // another turn of the same stage has begun
	Trouble Kind = "trouble" // something failed, and will be tried again
	Ended   Kind = "end"
)

// An Event is one thing that happened, for people and for scripts.
type Event struct {
	Kind     Kind           `json:"kind"`
	At       time.Time      `json:"at"`
	Flag     string         `json:"flag"`
	Stage    int            `json:"stage"`   // percent
	Percent  float64        `json:"percent"` // in force: the stage, or 0 in the baseline's turn
	Look     int            `json:"look,omitzero"`
	Decision judge.Decision `json:"decision,omitempty"`
	Requests int            `json:"requests,omitzero"` // in the arm with fewer of them
	Turns    int            `json:"turns,omitzero"`    // pairs that were judged
	// More is about how many further requests per arm a hold needs; 0: not known.
	More     int    `json:"more_requests,omitzero"`
	Evidence string `json:"evidence,omitempty"` // the hash of the verdict files
	Why      string `json:"why"`
}

// String is the event as a line.
func (e Event) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s at %d %%: ", e.At.Format(time.TimeOnly), e.Flag, e.Stage)
	if e.Decision != "" {
		fmt.Fprintf(&b, "%s. ", e.Decision)
	}
	if e.Requests > 0 {
		fmt.Fprintf(&b, "%d requests per arm", e.Requests)
		if e.Turns > 0 {
			fmt.Fprintf(&b, " in %d pairs of turns", e.Turns)
		}
		b.WriteString(". ")
	}
	b.WriteString(e.Why)
	if e.More > 0 {
		fmt.Fprintf(&b, ". About %d more requests per arm are needed", e.More)
	}
	return b.String()
}

// tellLook tells of the look that was just taken.
func (r *runner) tellLook(early bool) {
	v := r.last.verdict
	e := Event{
		Kind: Looked, Look: r.looks, Decision: r.last.decision, Requests: fewest(v), Turns: r.judged,
		More: v.More, Evidence: r.last.hash, Why: string(v.Reason),
	}
	if len(v.Summary) > 0 {
		e.Why = v.Summary[0]
	}
	if early {
		e.Why = fmt.Sprintf("%s; the stage lasts %v at least", e.Why, r.StageMin)
	}
	r.tell(e)
}

// fewest is how many requests the smaller arm was judged by.
func fewest(v judge.Verdict) int {
	if len(v.Arms) < 2 {
		return 0
	}
	return min(v.Arms[0].Requests, v.Arms[1].Requests)
}

// Said is a verdict as the server's panel shows it. The effect is that of the first
// metric that decides, as a relative change (-0.12: 12 % less) or in points, with its
// bounds; nil where it is not known.
type Said struct {
	Flag     string         `json:"flag"`
	Decision judge.Decision `json:"decision"`
	Percent  float64        `json:"percent"`
	Metric   string         `json:"metric,omitempty"`
	Effect   *float64       `json:"effect,omitempty"`
	Low      *float64       `json:"low,omitempty"`
	High     *float64       `json:"high,omitempty"`
	Reason   string         `json:"reason"`
	Evidence string         `json:"evidence"`
	At       time.Time      `json:"at"`
}

// said is the last verdict for the server's panel.
func (r *runner) said() Said {
	s := Said{
		Flag: r.Flag, Decision: r.last.decision, Percent: float64(r.at.Stage), Reason: string(r.last.verdict.Reason),
		Evidence: r.last.hash, At: time.Now().UTC(),
	}
	for _, m := range r.last.verdict.Metrics {
		if effect := shown(m, m.Effect); m.Gating && effect != nil {
			s.Metric, s.Effect = m.Key, effect
			if s.Low, s.High = shown(m, m.Lower), shown(m, m.Upper); s.Low == nil || s.High == nil {
				s.Low, s.High = nil, nil
			}
			return s
		}
	}
	return s
}

// shown is a bound of m as a change; nil where it is none.
func shown(m judge.Metric, f judge.Float) *float64 {
	x := float64(f)
	if m.Scale == "ratio" {
		x--
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}
