package convert

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// decodeOTLP reads spans as the OpenTelemetry Protocol writes them in JSON, by
// an exporter to files or out of a trace store. Spans of model calls are those
// with attributes of the GenAI conventions (gen_ai.*, of several versions) or of
// OpenInference (llm.*); all others are passed over.
func decodeOTLP(f fields, src *bufio.Reader, take func(record) error) error {
	return elements(src, []string{"resourceSpans", "resource_spans", "batches"}, false, func(line int, raw []byte) error {
		var group resourceSpans
		if raw == nil {
			return take(bad(line, "no OTLP in JSON: a line, or the document, has resourceSpans"))
		}
		if err := json.Unmarshal(raw, &group); err != nil {
			return take(bad(line, "no resourceSpans as OTLP has them"))
		}
		at := place{line: line, rest: raw}
		return group.each(func(s scope, one json.RawMessage) error {
			return take(f.call(at.of(one), one, s.Scope.Attributes, group.Resource.Attributes))
		})
	})
}

// A place finds the lines of the parts of a text, which come in order.
type place struct {
	line int
	rest []byte
}

func (p *place) of(part []byte) int {
	if i := bytes.Index(p.rest, part); i >= 0 {
		p.line += bytes.Count(p.rest[:i], []byte("\n"))
		p.rest = p.rest[i:]
	}
	return p.line
}

// resourceSpans are the spans of one process, under the names that versions gave
// the levels between.
type resourceSpans struct {
	Resource struct {
		Attributes attributes `json:"attributes"`
	} `json:"resource"`
	Scopes  []scope `json:"scopeSpans"`
	Snake   []scope `json:"scope_spans"`
	Library []scope `json:"instrumentationLibrarySpans"`
}

type scope struct {
	Scope struct {
		Attributes attributes `json:"attributes"`
	} `json:"scope"`
	Spans []json.RawMessage `json:"spans"`
}

func (g resourceSpans) each(do func(scope, json.RawMessage) error) error {
	for _, scopes := range [...][]scope{g.Scopes, g.Snake, g.Library} {
		for _, s := range scopes {
			for _, one := range s.Spans {
				if err := do(s, one); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// A span is what we read of one.
type span struct {
	Name       string     `json:"name"`
	SpanID     string     `json:"spanId"`
	Start      nanos      `json:"startTimeUnixNano"`
	End        nanos      `json:"endTimeUnixNano"`
	Attributes attributes `json:"attributes"`
	Events     []struct {
		Name string `json:"name"`
		Time nanos  `json:"timeUnixNano"`
	} `json:"events"`
	Status struct {
		Code json.RawMessage `json:"code"` // a number, or an enum's name
	} `json:"status"`
}

// nanos is an instant since 1970: protobuf's JSON has 64-bit numbers as strings,
// some writers as numbers.
type nanos int64

func (n *nanos) UnmarshalJSON(data []byte) error {
	x, err := strconv.ParseInt(strings.Trim(string(data), `"`), 10, 64)
	*n = nanos(x)
	return err
}

// attributes are keys with values of which one member is set.
type attributes []struct {
	Key   string                     `json:"key"`
	Value map[string]json.RawMessage `json:"value"`
}

// get returns an attribute as text, of a list the first element.
func (a attributes) get(key string) string {
	for _, one := range a {
		if one.Key != key {
			continue
		}
		for kind, raw := range one.Value {
			if kind != "arrayValue" {
				return plain(raw)
			}
			var list struct {
				Values []map[string]json.RawMessage `json:"values"`
			}
			if json.Unmarshal(raw, &list) == nil && len(list.Values) > 0 {
				for _, first := range list.Values[0] {
					return plain(first)
				}
			}
		}
	}
	return ""
}

// A call is a span with what surrounds it: the nearest attribute counts.
type call struct {
	span            span
	scope, resource attributes
}

func (c call) text(name string) string {
	for _, all := range [...]attributes{c.span.Attributes, c.scope, c.resource} {
		if text := all.get(name); text != "" {
			return text
		}
	}
	if name == "span.name" {
		return c.span.Name
	}
	return ""
}

// call reads one span.
func (f fields) call(line int, raw []byte, scope, resource attributes) record {
	c := call{scope: scope, resource: resource}
	if err := json.Unmarshal(raw, &c.span); err != nil {
		return bad(line, "no span as OTLP has it")
	}
	rec := record{line: line, row: c, passed: c.noCall()}
	if rec.passed != "" {
		return rec
	}
	rec.wrong = f.otlpTimes(&rec.sample, c)
	if rec.wrong == nil {
		rec.wrong = f.otlpOutcome(&rec.sample, c)
	}
	if rec.wrong == nil {
		rec.wrong = f.work(&rec)
	}
	if rec.sample.Proxy == nil && c.span.SpanID != "" {
		rec.sample.Proxy = &sample.ProxySaid{RequestID: word(c.span.SpanID)}
	}
	return rec
}

// noCall says why a span is no call of a model that answers with text; "": it
// is one.
func (c call) noCall() string {
	kind := c.span.Attributes.get("openinference.span.kind")
	switch operation := c.span.Attributes.get("gen_ai.operation.name"); operation {
	case "chat", "text_completion", "generate_content":
		return ""
	case "":
	default:
		return "operation " + word(operation)
	}
	if kind != "" && kind != "LLM" {
		return "span kind " + word(kind)
	}
	for _, a := range c.span.Attributes {
		if strings.HasPrefix(a.Key, "gen_ai.") || strings.HasPrefix(a.Key, "llm.") {
			return ""
		}
	}
	return "other span"
}

func (f fields) otlpTimes(s *sample.Sample, c call) error {
	if c.span.Start <= 0 || c.span.End <= 0 {
		return errors.New("a span without its start or its end")
	}
	s.IntendedNS, s.CloseNS = int64(c.span.Start), int64(c.span.End)
	for _, name := range f[RoleFirstToken].names {
		if text := c.span.Attributes.get(name); text != "" {
			ns, ok, err := fields{RoleFirstToken: {[]string{name}, f[RoleFirstToken].unit}}.span(c, RoleFirstToken)
			if ok {
				s.TokenNS = s.IntendedNS + ns
			}
			return err
		}
		for _, event := range c.span.Events {
			if event.Name == name {
				s.TokenNS = int64(event.Time)
				return nil
			}
		}
	}
	return nil
}

func (f fields) otlpOutcome(s *sample.Sample, c call) error {
	var err error
	if s.Status, err = f.count(c, RoleStatus); err != nil {
		return err
	}
	code := plain(c.span.Status.Code)
	class := f.text(c, RoleFailure)
	if code == "2" || code == "STATUS_CODE_ERROR" || class != "" || s.Status != 0 && s.Status != 200 {
		failed(s, class)
		return nil
	}
	s.Outcome = sample.OK
	return nil
}
