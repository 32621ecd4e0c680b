package assert

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// A Request is what to hold against what.
type Request struct {
	Topic      Topic
	Run        *sample.Run
	Name       string // of the run, for people
	Arm        string // "": the candidate, or the only arm
	Assertions []Assertion

	// Baseline is the run that improvements are over; nil: another arm of Run.
	Baseline     *sample.Run
	BaselineName string
	// BaselineArm "" means the arm of the same name in another run, else the
	// first of a comparison.
	BaselineArm string

	Allow []string // differences that hold nothing, see Allowable
	Alpha float64  // of each bound
	Floor float64  // the least success rate
	// Point takes values as they are, without bounds.
	Point bool
	// RunSpread is the standard deviation of the log factor between runs of
	// the same build; 0: not known, so that no improvement over another run
	// passes.
	RunSpread float64

	PlannedWait        time.Duration // the longest single wait of the gateway; 0: not known
	PreviewCredentials []string
	PreviewModel       bool
	Credentials        int // in the pool; 0: those that served something
}

// A Verdict is what became of an assertion, or of all.
type Verdict string

// The verdicts.
const (
	Pass   Verdict = "pass"
	Fail   Verdict = "FAIL"
	Hold   Verdict = "HOLD"
	NoData Verdict = "NO DATA"
)

// ExitCode is that of the command. What is no verdict is an internal error.
func (v Verdict) ExitCode() int {
	switch v {
	case Pass:
		return 0
	case Fail:
		return judge.Rollback.ExitCode()
	case Hold:
		return judge.Hold.ExitCode()
	case NoData:
		return judge.NoData.ExitCode()
	}
	return 1
}

// Schema names the format of a Report and its version.
const Schema = "firstbyte.assert/1"

// A Report says what became of every assertion.
type Report struct {
	Schema   string  `json:"schema"`
	Topic    Topic   `json:"topic"`
	Verdict  Verdict `json:"verdict"` // the worst: FAIL, then NO DATA, then HOLD
	ExitCode int     `json:"exit_code"`

	Run      Source  `json:"run"`
	Baseline *Source `json:"baseline,omitempty"`
	Alpha    float64 `json:"alpha"`
	Point    bool    `json:"point"`

	Differences []Difference `json:"differences,omitempty"`
	Results     []Result     `json:"assertions"`
	// Notes are what a reader must know before believing any of it.
	Notes []string `json:"notes,omitempty"`
}

// A Source is an arm of a run file.
type Source struct {
	Name     string `json:"name"`
	Arm      string `json:"arm"`
	Digest   string `json:"digest"`
	Attempts int    `json:"attempts"`
	OK       int    `json:"ok"`
}

// A Result is one assertion and what was seen of it. Observed and its bounds are
// in nanoseconds for durations, in parts of one for shares; of an improvement
// they are the change: candidate / baseline - 1, or candidate - baseline for
// shares.
type Result struct {
	Assertion string      `json:"assertion"`
	Verdict   Verdict     `json:"verdict"`
	Observed  judge.Float `json:"observed"`
	Lower     judge.Float `json:"lower"`
	Upper     judge.Float `json:"upper"`
	Exact     bool        `json:"exact,omitzero"` // a fact of the run, without bounds
	N         int         `json:"n"`
	More      int         `json:"more_requests,omitzero"` // about how many more would decide a hold
	Why       string      `json:"why,omitzero"`

	assertion Assertion
}

// Check decides every assertion. It is pure. The error says what is wrong with
// the request; poor evidence is a verdict.
func Check(r Request) (Report, error) {
	c, err := open(r)
	if err != nil {
		return Report{}, err
	}
	report := Report{
		Schema: Schema, Topic: r.Topic, Alpha: r.Alpha, Point: r.Point,
		Run: c.run.source(), Differences: c.differs,
	}
	if c.baseline != nil {
		source := c.baseline.source()
		report.Baseline = &source
	}
	for _, a := range c.assertions() {
		report.Results = append(report.Results, c.decide(a))
	}
	report.Verdict = worst(report.Results)
	report.ExitCode = report.Verdict.ExitCode()
	report.Notes = c.notes()
	return report, nil
}

// worst is FAIL before NO DATA before HOLD; nothing at all is no data.
func worst(results []Result) Verdict {
	if len(results) == 0 {
		return NoData
	}
	for _, v := range []Verdict{Fail, NoData, Hold} {
		if slices.ContainsFunc(results, func(r Result) bool { return r.Verdict == v }) {
			return v
		}
	}
	return Pass
}

// A check is a request made ready.
type check struct {
	Request
	run      *side
	baseline *side // nil: nothing improves over anything
	differs  []Difference
	doubts   []string // why nothing of the run may pass
}

func open(r Request) (*check, error) {
	if err := r.validate(); err != nil {
		return nil, err
	}
	other := r.BaselineArm
	if r.Baseline != nil {
		other = "" // it names an arm of another run
	}
	for name, run := range map[string]*sample.Run{r.Name: r.Run, r.BaselineName: r.Baseline} {
		if run != nil && run.Header.Draw != nil {
			return nil, fmt.Errorf("run file %s was enriched with likely slow items: nothing is asserted of such a load, \"firstbyte guard\" judges it", name)
		}
	}
	arm, err := chooseArm(r.Run, r.Arm, other)
	if err != nil {
		return nil, fmt.Errorf("run file %s: %w", r.Name, err)
	}
	c := &check{Request: r, run: newSide(r.Run, arm, r.Name)}
	if err := c.openBaseline(); err != nil {
		return nil, err
	}
	c.doubts = c.run.doubts(r.Allow)
	return c, nil
}

func (r *Request) validate() error {
	if len(r.Assertions) == 0 && len(standing(r.Topic)) == 0 {
		return fmt.Errorf("nothing to assert: give a demand such as %s", r.Topic.Example())
	}
	for _, a := range r.Assertions {
		if !slices.Contains(a.Quantity.measure.topics, r.Topic) {
			return fmt.Errorf("%s is asserted by \"firstbyte assert %s\"", a.Quantity, a.Quantity.measure.topics[0])
		}
	}
	for _, word := range r.Allow {
		if !slices.Contains(Allowable(), word) {
			return fmt.Errorf("--allow %.20q: known are %s", word, strings.Join(Allowable(), ", "))
		}
	}
	switch {
	case !(r.Alpha > 0 && r.Alpha <= .5):
		return fmt.Errorf("alpha is %g: it lies above 0 and is at most 50%%", r.Alpha)
	case !(r.Floor >= 0 && r.Floor <= 1):
		return fmt.Errorf("the least success rate is %g: it lies between 0 and 100%%", r.Floor)
	case !(r.RunSpread >= 0 && r.RunSpread < 1):
		return fmt.Errorf("the spread of runs is %g: it is a share under 100%%", r.RunSpread)
	}
	return nil
}

// openBaseline finds the side that improvements are over.
func (c *check) openBaseline() error {
	wanted := slices.ContainsFunc(c.Assertions, func(a Assertion) bool { return a.operator == improves })
	named := c.Request.Baseline != nil || c.BaselineArm != ""
	switch {
	case !wanted && named:
		return errors.New("a baseline is given, but nothing is to improve over it: say --full-p95-improve 20%")
	case !wanted:
		return nil
	}
	run, name, other := c.Run, c.Name, c.run.arm
	if c.Request.Baseline != nil {
		run, name, other = c.Request.Baseline, c.BaselineName, ""
	}
	arm, err := c.chooseBaseline(run, other)
	if err != nil {
		return fmt.Errorf("run file %s: %w", name, err)
	}
	c.baseline = newSide(run, arm, name)
	if arm == c.run.arm && run.Trailer.Digest == c.Run.Trailer.Digest {
		return fmt.Errorf("arm %q of %s is to improve over itself", arm, name)
	}
	if c.Request.Baseline != nil {
		c.differs = differences(c.run, c.baseline, c.Allow)
	}
	return nil
}

// chooseBaseline finds the arm that is named, else in another run that of the
// same name, else the first side of a comparison.
func (c *check) chooseBaseline(run *sample.Run, otherThan string) (string, error) {
	if c.BaselineArm != "" {
		return chooseArm(run, c.BaselineArm, "")
	}
	first := ""
	for _, a := range run.Header.Arms {
		switch {
		case a.Role != "" || a.Name == otherThan:
		case a.Name == c.run.arm:
			return a.Name, nil
		case first == "":
			first = a.Name
		}
	}
	if first == "" {
		return "", errors.New("there is nothing to improve over: give --baseline RUN or --baseline-arm NAME")
	}
	return first, nil
}

// doubts are why nothing of a side may pass.
func (s *side) doubts(allow []string) []string {
	var all []string
	v := s.run.Trailer.Validity
	if text := simulated(&s.run.Header); text != "" && !slices.Contains(allow, "simulated") {
		all = append(all, text+": --allow simulated takes it as it is")
	}
	switch g := grade(v); {
	case g == sample.Degraded && len(v.Error) == 0:
		all = append(all, "the measurement is degraded and its error is not known: calibrate first")
	case s.ungraded(): // a note says so
	case g != sample.Valid && g != sample.Degraded:
		all = append(all, "the measurement is not valid"+broken(v))
	}
	if s.run.Trailer.Stopped != "" {
		all = append(all, "the run ended before its plan did: "+s.run.Trailer.Stopped)
	}
	if total := s.unsent + len(s.attempts); float64(s.unsent) > lostShare*float64(total) {
		all = append(all, fmt.Sprintf("%d of %d requests were never sent or were cancelled", s.unsent, total))
	}
	return all
}

func broken(v sample.Validity) string {
	for _, s := range v.Signals {
		if s.Grade == sample.Invalid {
			return fmt.Sprintf(": %s is %.4g %s, allowed is %.4g", s.Name, s.Value, s.Unit, s.Degraded)
		}
	}
	return ""
}

// standing are the demands that a topic makes unasked.
func standing(t Topic) []Assertion {
	texts := map[Topic]string{Retry: "double_waits == 0", PreviewPool: "wrong_credential == 0"}
	a, err := Parse(texts[t])
	if err != nil {
		return nil
	}
	return []Assertion{a}
}

// assertions are those of the request, before them what the topic demands
// unasked and the floor, where the request says nothing of the same.
func (c *check) assertions() []Assertion {
	var all []Assertion
	floor := Assertion{Quantity: Quantity{measure: successMeasure()}, operator: atLeast, value: c.Floor, floor: true}
	for _, a := range append([]Assertion{floor}, standing(c.Topic)...) {
		if !slices.ContainsFunc(c.Assertions, func(b Assertion) bool {
			return b.operator != improves && a.Quantity.String() == b.Quantity.String()
		}) {
			all = append(all, a)
		}
	}
	return append(all, c.Assertions...)
}

func successMeasure() measure {
	list := measures()
	return list[slices.IndexFunc(list, func(m measure) bool { return m.name == "success" })]
}

func (c *check) decide(a Assertion) Result {
	if a.operator == improves {
		return c.improvement(a)
	}
	e := c.run.estimate(a.Quantity, c.Alpha, c.knowledge())
	r := e.result(a)
	r.Verdict = c.limit(a, e)
	if r.Verdict == Hold {
		r.More = e.more(func(lower, upper float64) bool { return decided(a, lower, upper) != Hold })
		r.Why = orElse(r.Why, undecided(r.More))
	}
	c.doubt(&r)
	return r
}

// limit holds e against a's limit.
func (c *check) limit(a Assertion, e estimate) Verdict {
	switch {
	case e.missing != "":
		return NoData
	case a.floor && a.meets(e.value):
		return Pass // a floor is a safeguard and claims nothing
	case e.exact, c.Point:
		return decided(a, e.value, e.value)
	}
	return decided(a, e.lower, e.upper)
}

// decided tells what bounds say of a limit.
func decided(a Assertion, lower, upper float64) Verdict {
	better, worse := lower, upper
	if a.upward() {
		better, worse = upper, lower
	}
	switch {
	case math.IsNaN(better) || math.IsNaN(worse):
		return NoData
	case a.meets(worse) && a.meets(better):
		return Pass
	case !a.meets(better) && !a.meets(worse):
		return Fail
	}
	return Hold
}

// doubt holds what would have passed where the run gives reason to.
func (c *check) doubt(r *Result) {
	if r.Verdict == Pass && len(c.doubts) > 0 {
		r.Verdict, r.Why = Hold, strings.Join(c.doubts, "; ")
	}
}

func (c *check) knowledge() knowledge {
	return knowledge{planned: c.PlannedWait, preview: c.PreviewCredentials, previewModel: c.PreviewModel, credentials: c.Credentials}
}

func (e *estimate) result(a Assertion) Result {
	return Result{
		Assertion: a.String(), assertion: a, N: e.n, Exact: e.exact,
		Observed: judge.Float(e.value), Lower: judge.Float(e.lower), Upper: judge.Float(e.upper),
		Why: orElse(e.missing, orElse(e.doubt, e.note)),
	}
}

func undecided(more int) string {
	if more > 0 {
		return fmt.Sprintf("the limit lies within the bounds: about %d more would decide", more)
	}
	return "the limit lies within the bounds, too near to the value for any number of requests that anyone waits for"
}

// mostMore is how many times the run may have to grow before nobody waits for it.
const mostMore = 100

// more returns about how many further requests, or turns, bring bounds that
// satisfy; 0 if it is not known, or too many.
func (e *estimate) more(satisfied func(lower, upper float64) bool) int {
	if e.boundsAt == nil || e.n == 0 {
		return 0
	}
	enough := func(n int) bool { return satisfied(e.boundsAt(n)) }
	low, high := e.n, 2*e.n
	for !enough(high) {
		if low, high = high, 2*high; high > mostMore*e.n {
			return 0
		}
	}
	for high-low > max(1, low/50) { // two digits are enough
		if mid := (low + high) / 2; enough(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high - e.n
}

func (s *side) source() Source {
	o := s.outcomes()
	return Source{Name: s.name, Arm: s.arm, Digest: s.run.Trailer.Digest, Attempts: o.N, OK: o.OK}
}
