package fakegemini

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/firstbyte-dev/firstbyte/refproxy/fakeaccount"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakelimit"
)

// A Scenario says how the upstream behaves; the package documentation explains
// each key. It is immutable once parsed and safe for concurrent use.
type Scenario struct {
	Name       string     `yaml:"name"`
	Models     []string   `yaml:"models"`
	FirstChunk FirstChunk `yaml:"first_chunk"`
	Gap        Gap        `yaml:"gap"`
	Output     Output     `yaml:"output"`
	Fallback   Fallback   `yaml:"fallback"`
	Faults     Faults     `yaml:"faults"`
	Scripts    []Script   `yaml:"scripts"`

	Capacity fakelimit.Config   `yaml:"capacity"`
	Account  fakeaccount.Config `yaml:"account"` // behind Vertex AI and Code Assist
}

// FirstChunk is the lognormal distribution of the time to first chunk.
type FirstChunk struct {
	Median       time.Duration `yaml:"median"`
	Sigma        float64       `yaml:"sigma"`         // of the logarithm
	BetweenItems float64       `yaml:"between_items"` // share of the log variance that is the item's, 0..1
}

// Gap is the lognormal distribution of the time between chunks.
type Gap struct {
	Median time.Duration `yaml:"median"`
	Sigma  float64       `yaml:"sigma"` // of the logarithm, marginal
	AR1    float64       `yaml:"ar1"`   // correlation of successive log gaps of one answer
}

// Output is how an answer is cut and framed.
type Output struct {
	Unit      string  `yaml:"unit"` // words or chars
	PerChunk  int     `yaml:"per_chunk"`
	Spread    float64 `yaml:"spread"`     // share by which a chunk's size varies, 0..1
	MinChunks int     `yaml:"min_chunks"` // 0 means 1
	MaxChunks int     `yaml:"max_chunks"` // 0 means no limit
	CRLF      bool    `yaml:"crlf"`
	UsageLast bool    `yaml:"usage_last"`
	Numbered  bool    `yaml:"numbered"` // every chunk begins with its number
}

// Fallback is the answer to items that nobody knows.
type Fallback struct {
	Text   string `yaml:"text"`
	Length Length `yaml:"length"`
}

// Length is the lognormal distribution of an answer's length in characters.
type Length struct {
	Median float64 `yaml:"median"`
	Sigma  float64 `yaml:"sigma"`
}

// Faults holds the probability of each fault and how it looks.
type Faults struct {
	Capacity429          float64       `yaml:"capacity_429"`
	Capacity429RetryInfo float64       `yaml:"capacity_429_retry_info"`
	RetryDelay           time.Duration `yaml:"retry_delay"`
	Error500             float64       `yaml:"error_500"`
	Error503             float64       `yaml:"error_503"`
	Stall                float64       `yaml:"stall"`
	StallAfter           int           `yaml:"stall_after"`
	Cut                  float64       `yaml:"cut"`
	CutAfter             int           `yaml:"cut_after"`
	CutHow               string        `yaml:"cut_how"` // reset or end; empty means reset
	AsArray              bool          `yaml:"as_array"`

	Daily429      float64       `yaml:"daily_429"`
	DailyReset    time.Duration `yaml:"daily_reset"` // until the day's quota is back
	Expired401    float64       `yaml:"expired_401"`
	ErrorArray    float64       `yaml:"error_array"`
	ResetBefore   float64       `yaml:"reset_before"`
	ResetMid      float64       `yaml:"reset_mid"`
	Malformed     float64       `yaml:"malformed"`
	ErrorEvent    float64       `yaml:"error_event"`
	Empty         float64       `yaml:"empty"`
	NoFinish      float64       `yaml:"no_finish"`
	DoubleUsage   float64       `yaml:"double_usage"`
	Goaway        float64       `yaml:"goaway"`
	GoawayDrop    float64       `yaml:"goaway_drop"`
	Kill          float64       `yaml:"kill"`
	SlowHandshake SlowHandshake `yaml:"slow_handshake"`
}

// SlowHandshake keeps new connections waiting in the TLS handshake.
type SlowHandshake struct {
	Share float64       `yaml:"share"` // of the connections
	Delay time.Duration `yaml:"delay"`
}

// ParseScenario reads a scenario file. A misspelt key, a wrong type or a value
// out of range is one error of one line, with line and column where the file
// itself is at fault.
func ParseScenario(text []byte) (Scenario, error) {
	s, err := decodeScenario(text)
	if err != nil {
		return Scenario{}, oneLine(err.Error())
	}
	if err := s.Validate(); err != nil {
		return Scenario{}, oneLine("scenario " + s.Name + ": " + strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return s, nil
}

// oneLine is a complaint as one line, whatever names it repeats.
func oneLine(complaint string) error {
	return errors.New(strings.Join(strings.Fields(complaint), " "))
}

// decodeScenario reads one strict document. The library panics on some
// malformed files, such as a list that is a tag alone.
func decodeScenario(text []byte) (s Scenario, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("scenario: not readable as YAML")
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := decoder.Decode(&s); errors.Is(err, io.EOF) {
		return s, errors.New("scenario is empty: models, first_chunk, gap, output and fallback are needed")
	} else if err != nil {
		return s, scenarioError(err)
	}
	if err := decoder.Decode(new(Scenario)); !errors.Is(err, io.EOF) {
		return s, errors.New("scenario: more than one YAML document")
	}
	return s, nil
}

// scenarioError brings the library's several lines of source excerpt down to
// one line that names the place.
func scenarioError(err error) error {
	located, ok := errors.AsType[yaml.Error](err)
	if !ok || located.GetToken() == nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return fmt.Errorf("scenario: %s", first)
	}
	at := located.GetToken().Position
	return fmt.Errorf("scenario: line %d, column %d: %s", at.Line, at.Column, located.GetMessage())
}

// Validate reports every value out of range, one per line.
func (s Scenario) Validate() error {
	return errors.Join(
		s.validateModels(),
		check(s.FirstChunk.Median > 0, "first_chunk.median must be above 0"),
		checkRange("first_chunk.sigma", s.FirstChunk.Sigma, 0, 3),
		checkRange("first_chunk.between_items", s.FirstChunk.BetweenItems, 0, 1),
		check(s.Gap.Median > 0, "gap.median must be above 0"),
		checkRange("gap.sigma", s.Gap.Sigma, 0, 3),
		checkRange("gap.ar1", s.Gap.AR1, -0.99, 0.99),
		s.Output.validate(),
		s.Fallback.validate(),
		s.Faults.validate(),
		s.validateScripts(),
		s.Capacity.Validate(s.Models),
		s.Account.Validate(),
	)
}

func (s Scenario) validateModels() error {
	if len(s.Models) == 0 {
		return errors.New("models must name at least one model")
	}
	for i, name := range s.Models {
		if name == "" || strings.ContainsAny(name, "/:? ") {
			return fmt.Errorf("models[%d]: %q is not a model name", i, name)
		}
	}
	return nil
}

func (o Output) validate() error {
	return errors.Join(
		check(o.Unit == "words" || o.Unit == "chars", "output.unit must be words or chars"),
		check(o.PerChunk >= 1, "output.per_chunk must be at least 1"),
		checkRange("output.spread", o.Spread, 0, 1),
		check(o.MinChunks >= 0, "output.min_chunks must not be negative"),
		check(o.MaxChunks == 0 || o.MaxChunks >= max(o.MinChunks, 1),
			"output.max_chunks must be 0 (no limit) or at least min_chunks"),
	)
}

func (f Fallback) validate() error {
	return errors.Join(
		check(strings.TrimSpace(f.Text) != "", "fallback.text must not be empty"),
		checkRange("fallback.length.median", f.Length.Median, 1, 1e6),
		checkRange("fallback.length.sigma", f.Length.Sigma, 0, 3),
	)
}

func (f Faults) validate() error {
	var problems []error
	total := 0.0
	for _, share := range f.shares() {
		problems = append(problems, checkRange("faults."+share.fault.String(), share.p, 0, 1))
		total += share.p
	}
	return errors.Join(append(problems,
		check(total <= 1+1e-9, "faults: the probabilities add up to more than 1"),
		check(f.Capacity429RetryInfo == 0 || f.RetryDelay > 0,
			"faults.retry_delay must be above 0 when capacity_429_retry_info is"),
		check(f.Daily429 == 0 || f.DailyReset > 0, "faults.daily_reset must be above 0 when daily_429 is"),
		checkRange("faults.slow_handshake.share", f.SlowHandshake.Share, 0, 1),
		check(f.SlowHandshake.Delay >= 0, "faults.slow_handshake.delay must not be negative"),
		check(f.RetryDelay >= 0, "faults.retry_delay must not be negative"),
		check(f.StallAfter >= 0, "faults.stall_after must not be negative"),
		check(f.CutAfter >= 0, "faults.cut_after must not be negative"),
		check(f.CutHow == "" || f.CutHow == "reset" || f.CutHow == "end", "faults.cut_how must be reset or end"),
	)...)
}

// check returns the problem unless the condition holds.
func check(ok bool, problem string) error {
	if ok {
		return nil
	}
	return errors.New(problem)
}

func checkRange(name string, value, low, high float64) error {
	if math.IsNaN(value) || value < low || value > high {
		return fmt.Errorf("%s is %v, must be %v to %v", name, value, low, high)
	}
	return nil
}
