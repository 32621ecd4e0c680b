package assert

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
)

// An operator is how a quantity is held against a value.
type operator string

const (
	atMost   operator = "<="
	below    operator = "<"
	atLeast  operator = ">="
	above    operator = ">"
	exactly  operator = "=="
	improves operator = "improves"
)

// An Assertion is one demand.
type Assertion struct {
	Quantity Quantity
	operator operator
	// value is in nanoseconds for durations, in parts of one for shares and
	// improvements.
	value float64
	// floor marks the demand that nobody wrote: see Request.Floor.
	floor bool
}

var sentence = regexp.MustCompile(`^\s*([a-z0-9_.]+)\s*(<=|>=|==|<|>|\bimproves\b)\s*(\S.*?)\s*$`)

// Parse reads an assertion: "first_token.p95 <= 800ms", "success >= 99%",
// "full.p95 improves 20%". An improvement of a share is in points, and a negative
// one allows as much worsening: "full.p95 improves -5%".
func Parse(text string) (Assertion, error) {
	parts := sentence.FindStringSubmatch(text)
	if parts == nil {
		return Assertion{}, fmt.Errorf("%.60q is no assertion: write \"full.p95 <= 2.5s\" or \"full.p95 improves 20%%\"", text)
	}
	q, err := parseQuantity(parts[1])
	if err != nil {
		return Assertion{}, err
	}
	a := Assertion{Quantity: q, operator: operator(parts[2])}
	switch {
	case a.operator != improves:
		a.value, err = parseValue(q.measure.unit, parts[3])
	case q.measure.higher: // by any factor, but nothing loses more than all
		a.value, err = parseShare(parts[3], -.99, 100)
	default:
		a.value, err = parseShare(parts[3], -10, .99)
	}
	if err != nil {
		return Assertion{}, fmt.Errorf("%s: %w", q, err)
	}
	return a, a.sensible()
}

// sensible refuses demands that could only be a slip.
func (a Assertion) sensible() error {
	if a.operator == exactly && a.Quantity.measure.kind != fact && a.Quantity.statistic.name != "max" {
		return fmt.Errorf("%s is an estimate, which equals nothing: write <= or >=", a.Quantity)
	}
	return nil
}

func parseValue(u unit, text string) (float64, error) {
	switch u {
	case duration:
		d, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
		if err != nil || d < 0 {
			return 0, fmt.Errorf("%.40q is no duration: write 800ms or 2.5s", text)
		}
		return float64(d), nil
	case share:
		return parseShare(text, 0, 1)
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(text, "/s")), 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
		return 0, fmt.Errorf("%.40q is no number", text)
	}
	return x, nil
}

func parseShare(text string, least, most float64) (float64, error) {
	digits, percent := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if percent {
		x /= 100
	}
	if err != nil || !(x >= least && x <= most) {
		return 0, fmt.Errorf("%.40q is no share from %g%% to %g%%: write 20%% or 0.2", text, 100*least, 100*most)
	}
	return x, nil
}

// operators are what the value of a flag may begin with, the longer first.
var operators = []operator{atMost, atLeast, exactly, below, above}

// ErrNoFlag says that a name is not that of an assertion.
var ErrNoFlag = errors.New("no assertion has this name")

// FromFlag reads an assertion in the form of a flag, given without its dashes:
// ("first-token-p95", "<=800ms"), ("success", ">=99%") or
// ("first-token-p95-improve", "20%").
func FromFlag(name, value string) (Assertion, error) {
	key, improve := strings.CutSuffix(name, "-improve")
	q, ok := quantityOfFlag(key)
	if !ok {
		return Assertion{}, ErrNoFlag
	}
	if improve {
		return Parse(q + " improves " + value)
	}
	text := strings.TrimSpace(value)
	if !slices.ContainsFunc(operators, func(o operator) bool { return strings.HasPrefix(text, string(o)) }) {
		return Assertion{}, fmt.Errorf("--%s %.40s: say how to compare, in quotes: '<=%.40s' or '>=%.40s'", name, value, value, value)
	}
	return Parse(q + " " + text)
}

// quantityOfFlag turns first-token-p95 into first_token.p95; ok is false if there
// is no such measure.
func quantityOfFlag(key string) (name string, ok bool) {
	plain := strings.ReplaceAll(key, "-", "_")
	list := measures()
	known := func(name string) bool {
		return slices.ContainsFunc(list, func(m measure) bool { return m.name == name })
	}
	if known(plain) {
		return plain, true
	}
	i := strings.LastIndex(plain, "_")
	if i < 0 || !known(plain[:i]) {
		return "", false
	}
	return plain[:i] + "." + plain[i+1:], true
}

// String writes the assertion as Parse reads it.
func (a Assertion) String() string {
	if a.operator == improves {
		return fmt.Sprintf("%s improves %s%%", a.Quantity, strconv.FormatFloat(100*a.value, 'g', 6, 64))
	}
	return fmt.Sprintf("%s %s %s", a.Quantity, a.operator, limitText(a.Quantity.measure.unit, a.value))
}

// limitText writes a limit so that it can be read back to six digits.
func limitText(u unit, x float64) string {
	switch u {
	case duration:
		return time.Duration(x).String()
	case share:
		return strconv.FormatFloat(100*x, 'g', 6, 64) + "%"
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}

// valueText writes a value that was observed.
func valueText(u unit, x float64) string {
	switch {
	case math.IsNaN(x):
		return chart.Unknown
	case math.IsInf(x, 1):
		return "∞"
	case math.IsInf(x, -1):
		return "-∞"
	case u == duration:
		return chart.Duration(x)
	case u == share:
		return strconv.FormatFloat(100*x, 'f', 2, 64) + " %"
	}
	return strconv.FormatFloat(x, 'g', 5, 64)
}

// meets tells whether x keeps the limit.
func (a Assertion) meets(x float64) bool {
	switch a.operator {
	case atMost:
		return x <= a.value
	case below:
		return x < a.value
	case atLeast:
		return x >= a.value
	case above:
		return x > a.value
	case exactly:
		return x == a.value
	}
	return false
}

// upward tells that larger values keep the limit.
func (a Assertion) upward() bool { return a.operator == atLeast || a.operator == above }
