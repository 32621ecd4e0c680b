package gate

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// Workers is the parameter of the load beside those of a scenario.
const Workers = "workers"

// RetryPrefix begins the names of the retry policy's parameters, which are the
// proxies': retry.interval, retry.total, retry.retries, retry.burst, retry.share.
const RetryPrefix = "retry."

// A Variation multiplies one parameter.
type Variation struct {
	Parameter string
	Factor    float64
}

// String is what ParseVariation reads.
func (v Variation) String() string { return fmt.Sprintf("%s=%g", v.Parameter, v.Factor) }

// ParseVariation reads PARAMETER=FACTOR.
func ParseVariation(text string) (parameter string, factor float64, err error) {
	parameter, number, ok := strings.Cut(text, "=")
	factor, err = strconv.ParseFloat(number, 64)
	if !ok || err != nil || parameter == "" || !(factor > 0) || math.IsInf(factor, 0) {
		return "", 0, fmt.Errorf("%q: write PARAMETER=FACTOR, such as first_chunk.median=2, with a factor above 0", text)
	}
	return parameter, factor, nil
}

// Variations are the play's parameters, and its workers, each halved and doubled.
func (p Play) Variations() (all []Variation) {
	for _, parameter := range append(slices.Clone(p.Parameters), Workers) {
		all = append(all, Variation{parameter, .5}, Variation{parameter, 2})
	}
	return all
}

// A Trial is what one variation came to; Err where it could not be run.
type Trial struct {
	Variation
	Verdict judge.Verdict
	Err     error
}

// A Sign says what a variation did to an effect.
type Sign string

// The signs of an effect under a variation.
const (
	Kept     Sign = "kept"     // the same way, beyond doubt
	Open     Sign = "open"     // no effect found, in one of the two runs or in both
	Flipped  Sign = "FLIPPED"  // the other way, beyond doubt
	Appeared Sign = "appeared" // an effect where there had been none
	Untold   Sign = "not told" // nothing can be said
)

// SignOf compares an effect with that of the run as it is.
func SignOf(base, varied judge.Verdict, key string) Sign {
	before, errBefore := way(base, key)
	after, errAfter := way(varied, key)
	switch {
	case errBefore != nil || errAfter != nil:
		return Untold
	case before == after && before != 0:
		return Kept
	case after == 0: // that there is none in either run is no evidence of a sign
		return Open
	case before == 0:
		return Appeared
	}
	return Flipped
}

var errNoBounds = errors.New("no bounds")

// way is which way a metric changed beyond doubt: 1 up, -1 down, 0 neither. A run
// that supports no claim has no way.
func way(v judge.Verdict, key string) (int, error) {
	least := policy.Flags()
	if v.Validity.Grade == sample.Invalid || v.Blocks < least.MinBlocks || v.Pairs < least.MinPairs || !v.SameWork.Same {
		return 0, errNoBounds
	}
	i := slices.IndexFunc(v.Metrics, func(m judge.Metric) bool { return m.Key == key })
	if i < 0 {
		return 0, errNoBounds
	}
	m, equal := &v.Metrics[i], 1.0
	if m.Scale == "difference" {
		equal = 0
	}
	lower, upper := float64(m.Lower), float64(m.Upper)
	switch {
	case math.IsNaN(lower) || math.IsNaN(upper) || m.Standing == judge.Missing:
		return 0, errNoBounds
	case lower > equal:
		return 1, nil
	case upper < equal:
		return -1, nil
	}
	return 0, nil
}

// Sensitivity is a table in Markdown of what each variation came to, and the worst
// that became of a sign.
func Sensitivity(base judge.Verdict, trials []Trial) (table string, worst Sign) {
	seeks := base.Run.Seeks
	var b strings.Builder
	fmt.Fprintf(&b, "| parameter | times | first token P95, %s | %s | first token, tail's ratio | throughput | answered | signs |\n|---|--:|--:|--:|--:|--:|---|---|\n",
		base.Baseline, base.Candidate)
	fmt.Fprintln(&b, tableRow("as it is", "", &base, ""))
	worst = Kept
	for i := range trials {
		t := &trials[i]
		if t.Err != nil {
			fmt.Fprintf(&b, "| %s | %g | cannot be: %s | | | | | |\n", t.Parameter, t.Factor, strings.ReplaceAll(t.Err.Error(), "|", "/"))
			continue
		}
		var signs []string
		for _, key := range seeks {
			sign := SignOf(base, t.Verdict, key)
			signs = append(signs, key+" "+string(sign))
			worst = worseSign(worst, sign)
		}
		fmt.Fprintln(&b, tableRow(t.Parameter, fmt.Sprintf("%g", t.Factor), &t.Verdict, strings.Join(signs, ", ")))
	}
	return b.String(), worst
}

// worseSign ranks what may become of a sign.
func worseSign(a, b Sign) Sign {
	order := []Sign{Kept, Open, Appeared, Untold, Flipped}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// tableRow is one run as a row, at the machine's clock.
func tableRow(parameter, factor string, v *judge.Verdict, signs string) string {
	cells := []string{parameter, factor, tail(v, 0), tail(v, 1), change(v, "first_token.p95"), change(v, "throughput.mean")}
	return "| " + strings.Join(append(cells, answered(v, 0)+", "+answered(v, 1), signs), " | ") + " |"
}

func arm(v *judge.Verdict, i int) summary.Arm {
	if i >= len(v.Arms) {
		return summary.Arm{}
	}
	return v.Arms[i]
}

// scaleOf is how many times as fast the run's clock was.
func scaleOf(v *judge.Verdict) float64 { return max(1, v.Run.ClockScale) }

// tail is an arm's P95 to the first token, scaled back.
func tail(v *judge.Verdict, i int) string {
	p95, ok := firstTokenP95(v, i)
	if !ok {
		return "∞"
	}
	return fmt.Sprintf("%.1f s", p95.Seconds())
}

// firstTokenP95 is scaled back; ok is false where the rank falls among failures.
func firstTokenP95(v *judge.Verdict, i int) (time.Duration, bool) {
	d := arm(v, i).Measures[sample.FirstToken]
	took, finite := d.P95.Duration()
	return time.Duration(float64(took) * scaleOf(v)), finite && d.N > 0
}

// change is a metric's change with its bounds.
func change(v *judge.Verdict, key string) string {
	i := slices.IndexFunc(v.Metrics, func(m judge.Metric) bool { return m.Key == key })
	if i < 0 {
		return "–"
	}
	m := &v.Metrics[i]
	percent := func(f judge.Float) string {
		switch x := float64(f); {
		case math.IsNaN(x):
			return "–"
		case math.IsInf(x, 0):
			return "∞"
		default:
			return fmt.Sprintf("%+.0f %%", 100*(x-1))
		}
	}
	return fmt.Sprintf("%s [%s, %s]", percent(m.Effect), percent(m.Lower), percent(m.Upper))
}

func answered(v *judge.Verdict, i int) string {
	a := arm(v, i)
	return fmt.Sprintf("%d of %d", a.OK, a.Requests)
}
