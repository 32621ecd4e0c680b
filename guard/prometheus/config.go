package prometheus

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A Config says where the evidence is. Zero durations and counts take the
// defaults named; URL, ArmLabel, Baseline, Candidate and Requests are required.
type Config struct {
	// URL is that of the Prometheus server, without user or password.
	URL string
	// Token is a bearer token; it is told to the server alone.
	Token string
	// ArmLabel is the label that tells the arms apart, Baseline and Candidate are
	// its values.
	ArmLabel, Baseline, Candidate string
	// InstanceLabel tells the instances of an arm apart. Default "instance".
	InstanceLabel string
	// Matchers narrow every series, as PromQL has them: {"job": "gateway"}.
	Matchers map[string]string
	// Requests counts requests, and Success are the labels of those that
	// succeeded: nothing else tells failures, and they are infinitely slow.
	Requests Selector
	Success  map[string]string
	// Tokens counts output tokens of successes. Without it nobody knows whether
	// the arms did the same work.
	Tokens Selector
	// Histograms are the measures that there are, of successes only.
	Histograms []Histogram

	// Interval is that of the scrapes. Default 15 s.
	Interval time.Duration
	// Block is how long a block is, a multiple of Interval. Default 4 Intervals.
	Block time.Duration
	// Warmup is left out at the beginning.
	Warmup time.Duration
	// MinPerBlock is how many requests both arms need in a block; one with fewer
	// is left out. Default 20.
	MinPerBlock int
}

// A Selector chooses series by name and labels.
type Selector struct {
	Metric   string
	Matchers map[string]string
}

// A Histogram is the metric of one measure; Unit is what a value of 1 stands for,
// by default a second.
type Histogram struct {
	Measure sample.Measure
	Selector
	Unit time.Duration
}

func (c Config) withDefaults() Config {
	c.InstanceLabel = cmp.Or(c.InstanceLabel, "instance")
	c.Interval = cmp.Or(c.Interval, 15*time.Second)
	c.Block = cmp.Or(c.Block, 4*c.Interval)
	c.MinPerBlock = cmp.Or(c.MinPerBlock, 20)
	return c
}

// mostSteps is how many points Prometheus returns of a series at most.
const mostSteps = 11_000

// Validate reports every problem of c.
func (c Config) Validate() error {
	c = c.withDefaults()
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	switch u, err := url.Parse(c.URL); {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		add("the URL of Prometheus must be http://HOST:PORT or https://HOST")
	case u.User != nil:
		add("the URL of Prometheus must hold no password: give a token by file or environment")
	}
	if !labelName.MatchString(c.ArmLabel) || !labelName.MatchString(c.InstanceLabel) {
		add("arm label %q and instance label %q must be names of labels", c.ArmLabel, c.InstanceLabel)
	}
	if c.Baseline == "" || c.Candidate == "" || c.Baseline == c.Candidate {
		add("baseline %q and candidate %q must be two values of the arm label", c.Baseline, c.Candidate)
	}
	if c.Requests.Metric == "" || len(c.Success) == 0 {
		add("name the counter of requests and the labels of those that succeeded")
	}
	if len(c.Histograms) == 0 {
		add("name the histogram of at least one measure")
	}
	for _, s := range c.selectors() {
		problems = append(problems, s.validate())
	}
	for _, h := range c.Histograms {
		if h.Unit < 0 {
			add("the unit of %s is %v", h.Metric, h.Unit)
		}
	}
	if c.Interval < time.Second || c.Block < c.Interval || c.Block%c.Interval != 0 {
		add("blocks of %v are no multiple of the scrape interval of %v", c.Block, c.Interval)
	}
	if c.Warmup < 0 || c.MinPerBlock < 0 {
		add("warm-up (%v) and requests per block (%d) must not be negative", c.Warmup, c.MinPerBlock)
	}
	return errors.Join(problems...)
}

func (c Config) selectors() []Selector {
	all := []Selector{{"up", c.Matchers}, c.Requests, {c.Requests.Metric, c.Success}}
	if c.Tokens.Metric != "" {
		all = append(all, c.Tokens)
	}
	for _, h := range c.Histograms {
		all = append(all, h.Selector)
	}
	return all
}

var (
	labelName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
)

func (s Selector) validate() error {
	if !metricName.MatchString(s.Metric) {
		return fmt.Errorf("%q is no name of a metric", s.Metric)
	}
	for name := range s.Matchers {
		if !labelName.MatchString(name) {
			return fmt.Errorf("%q is no name of a label (of %s)", name, s.Metric)
		}
	}
	return nil
}

// query is the expression for the series of both arms, so that one evaluation
// sees both at the same instants.
func (c Config) query(s Selector) string {
	matchers := []string{fmt.Sprintf("%s=~%s", c.ArmLabel, strconv.Quote(regexp.QuoteMeta(c.Baseline)+"|"+regexp.QuoteMeta(c.Candidate)))}
	for _, m := range [...]map[string]string{c.Matchers, s.Matchers} {
		for _, name := range sorted(m) {
			matchers = append(matchers, name+"="+strconv.Quote(m[name]))
		}
	}
	return s.Metric + "{" + strings.Join(matchers, ",") + "}"
}

// ParseSelector reads NAME or NAME{label="value",…}: equality only.
func ParseSelector(text string) (Selector, error) {
	name, rest, labelled := strings.Cut(strings.TrimSpace(text), "{")
	s := Selector{Metric: strings.TrimSpace(name)}
	if labelled {
		inner, ok := strings.CutSuffix(rest, "}")
		if !ok {
			return Selector{}, fmt.Errorf("%q: the brace is not closed", text)
		}
		var err error
		if s.Matchers, err = ParseMatchers(inner); err != nil {
			return Selector{}, err
		}
	}
	if err := s.validate(); err != nil {
		return Selector{}, err
	}
	return s, nil
}

// ParseMatchers reads label="value" pairs with commas between; a value without
// a comma needs no quotes.
func ParseMatchers(text string) (map[string]string, error) {
	m := map[string]string{}
	for rest := strings.TrimSpace(text); rest != ""; {
		name, after, ok := strings.Cut(rest, "=")
		name, after = strings.TrimSpace(name), strings.TrimSpace(after)
		if !ok || !labelName.MatchString(name) {
			return nil, fmt.Errorf("%q: want label=\"value\", with commas between", text)
		}
		var value string
		if quoted, err := strconv.QuotedPrefix(after); err == nil {
			value, _ = strconv.Unquote(quoted) // QuotedPrefix has seen that it can
			rest = strings.TrimSpace(after[len(quoted):])
			if rest != "" && !strings.HasPrefix(rest, ",") {
				return nil, fmt.Errorf("%q: want a comma after %s", text, quoted)
			}
			rest = strings.TrimPrefix(rest, ",")
		} else {
			value, rest, _ = strings.Cut(after, ",")
		}
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("%q: the label %s stands twice", text, name)
		}
		m[name], rest = strings.TrimSpace(value), strings.TrimSpace(rest)
	}
	return m, nil
}
