package convert

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A Source is a form of log.
type Source string

// The forms that can be read.
const (
	Envoy   Source = "envoy"   // JSON access log, one object a line
	OTLP    Source = "otlp"    // spans as OTLP JSON: one document, or one a line
	LiteLLM Source = "litellm" // LiteLLM_SpendLogs: JSON, JSON Lines or CSV
	Vegeta  Source = "vegeta"  // results of vegeta attack: gob, JSON or CSV
	K6      Source = "k6"      // k6 run --out json=FILE
	VLLM    Source = "vllm"    // vllm bench serve --save-result --save-detailed
)

// Sources lists the forms.
func Sources() []Source { return []Source{Envoy, OTLP, LiteLLM, Vegeta, K6, VLLM} }

// generated tells the results of other load generators, whose form is fixed,
// from logs of what users sent.
func (s Source) generated() bool { return s == Vegeta || s == K6 || s == VLLM }

// Options say what a log cannot.
type Options struct {
	From Source
	// ArmField names the field whose value is the arm: a key of the log, or
	// "@file" for the name of the input. "" takes all requests for Candidate.
	ArmField string
	// Baseline and Candidate are the values of ArmField, and the names of the
	// arms in the run file. Without ArmField there is no Baseline.
	Baseline, Candidate string
	// Only are FIELD=VALUE conditions, all of which a request must meet; a
	// VALUE that ends in * is a beginning.
	Only []string
	// Map are ROLE=FIELD[:UNIT] pairs for logs whose fields have other names
	// than the usual ones; see Roles.
	Map []string
	// Design is how requests came to their arms; "" means single.
	Design sample.Design
	// Block is the length of the blocks; 0: the whole log is one.
	Block time.Duration
	// Share is the part of units that a split sent to the candidate.
	Share float64
	// UnitField names what a split assigned at random; "": each request.
	UnitField string
	// PodField names the process that served a request.
	PodField string
	// Salt hides units and sessions; a fresh random one for each run file.
	Salt []byte
	// Tool is Header.Tool.
	Tool string
}

// Validate reports every problem of o.
func (o Options) Validate() error {
	var problems []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	wrong(!slices.Contains(Sources(), o.From), "from %q: want one of %s", o.From, join(Sources()))
	wrong(o.From.generated() && len(o.Map) > 0, "map: the fields of %s have fixed names", o.From)
	wrong(o.Candidate == "", "name the candidate: the value that the arm field has for it")
	wrong(o.ArmField == "" && o.Baseline != "", "a baseline needs an arm field: name the field that tells the arms apart")
	wrong(o.ArmField != "" && o.Baseline == "", "an arm field needs a baseline: the value that it has for the old arm")
	wrong(o.Baseline == o.Candidate && o.Baseline != "", "baseline and candidate are both %q", o.Baseline)
	wrong(secretive(o.ArmField), "arm field %q: its values would be written down; choose one that holds no secret", o.ArmField)
	wrong(secretive(o.PodField), "pods field %q: choose one that holds no secret", o.PodField)
	wrong(len(o.Salt) == 0, "units and sessions need a salt")
	for _, condition := range o.Only {
		field, _, ok := strings.Cut(condition, "=")
		wrong(!ok || field == "", "only %q: want FIELD=VALUE", condition)
	}
	_, err := o.mapping()
	return errors.Join(append(problems, err, o.validateDesign())...)
}

// validateDesign holds what is stated to what it needs.
func (o Options) validateDesign() error {
	switch o.design() {
	case sample.Single:
	case sample.Interleaved:
		if o.Block <= 0 || o.ArmField == "" {
			return errors.New("design interleaved: two deployments side by side need an arm field and the length of a block, such as 10m")
		}
	case sample.Split:
		if !(o.Share > 0 && o.Share < 1) || o.ArmField == "" {
			return errors.New("design split: state the arm field, and with the share what part of the units was assigned to the candidate at random, such as 0.1")
		}
	case sample.Switchback:
		return errors.New("design switchback: a log does not tell when the process was switched at random; record it with firstbyte")
	default:
		return fmt.Errorf("design %q: want single, interleaved or split", o.Design)
	}
	if o.design() != sample.Split && (o.Share != 0 || o.UnitField != "") {
		return errors.New("share and unit field belong to the design split")
	}
	if o.Block < 0 {
		return fmt.Errorf("block %v: want a length of time, such as 10m", o.Block)
	}
	return nil
}

func (o Options) design() sample.Design {
	if o.Design == "" {
		return sample.Single
	}
	return o.Design
}

// secretive tells whether the name of a field says that it holds what must not
// be written down.
func secretive(field string) bool {
	name := strings.ToLower(field)
	for _, part := range []string{"authorization", "api_key", "api-key", "apikey", "secret", "password", "cookie", "user_id", "user-id", "user.id", "end_user"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	return last == "user" || last == "token"
}
