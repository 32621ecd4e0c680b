package admin

import (
	"cmp"
	"math"
	"strings"
	"sync"
	"time"
)

// A Verdict is the last word of whoever judges a flag, told over the API. It is
// shown and nothing follows from it. It lasts as long as the process: what was
// done on which evidence is in the audit log.
type Verdict struct {
	Flag     string `json:"flag"`
	Decision string `json:"decision"` // "promote", "rollback", "hold" or "no data"
	Reason   string `json:"reason,omitempty"`
	// Metric is what decided, Effect its relative change with the flag on (-0.12
	// is 12 % less), and Low to High the interval that holds it.
	Metric   string    `json:"metric,omitempty"`
	Effect   *float64  `json:"effect,omitempty"`
	Low      *float64  `json:"low,omitempty"`
	High     *float64  `json:"high,omitempty"`
	Percent  float64   `json:"percent"` // in force when it was reached
	Evidence string    `json:"evidence,omitempty"`
	At       time.Time `json:"at"` // now, if not told
}

// decisions are those a verdict may tell.
var decisions = []string{"promote", "rollback", "hold", "no data"}

// longest is how long a word of a caller may be that is kept.
const longest = 500

func (v *Verdict) check() error {
	v.Decision = strings.ToLower(v.Decision)
	known := false
	for _, d := range decisions {
		known = known || d == v.Decision
	}
	switch {
	case !known:
		return invalid("a decision is one of %s", strings.Join(decisions, ", "))
	case len(v.Reason) > longest || len(v.Metric) > longest || len(v.Evidence) > longest:
		return invalid("no text may be over %d bytes", longest)
	case v.Percent < 0 || v.Percent > 100:
		return invalid("a percentage lies between 0 and 100")
	case (v.Low == nil) != (v.High == nil) || v.Low != nil && v.Effect == nil:
		return invalid("an interval has two ends and an effect")
	case v.Low != nil && (*v.Low > *v.Effect || *v.Effect > *v.High):
		return invalid("the effect lies outside its interval")
	case v.Effect != nil && math.Abs(*v.Effect) > 1000:
		return invalid("an effect is a relative change: 0.1 is 10 %% more")
	}
	return nil
}

// verdicts hold the last one of each flag.
type verdicts struct {
	mu   sync.Mutex
	last map[string]Verdict
}

func (v *verdicts) put(verdict Verdict) Verdict {
	verdict.At = cmp.Or(verdict.At, time.Now()).UTC()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last == nil {
		v.last = map[string]Verdict{}
	}
	v.last[verdict.Flag] = verdict
	return verdict
}

// of returns the last verdict on a flag, nil if there is none.
func (v *verdicts) of(flag string) *Verdict {
	v.mu.Lock()
	defer v.mu.Unlock()
	if verdict, ok := v.last[flag]; ok {
		return &verdict
	}
	return nil
}
