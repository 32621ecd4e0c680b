package openai

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// Lone surrogates become U+FFFD rather than an error.
var lenient = jsontext.AllowInvalidUTF8(true)

// common are the fields that both APIs have.
type common struct {
	Model       string             `json:"model"`
	Stream      bool               `json:"stream"`
	Temperature *float64           `json:"temperature"`
	TopP        *float64           `json:"top_p"`
	User        string             `json:"user"`
	Parallel    *bool              `json:"parallel_tool_calls"`
	ToolChoice  either[toolChoice] `json:"tool_choice"`
	Logprobs    *int               `json:"top_logprobs"`
	Unknown     jsontext.Value     `json:",embed"`
}

// fate says what becomes of a field that is not part of a body's type.
type fate struct {
	// refused is why a value that says something is refused; empty for a field
	// that is passed over.
	refused string
}

var ignored = fate{}

// either is a string, a T, or absent.
type either[T any] struct {
	text  *string
	value *T
}

// UnmarshalJSONFrom reads either form with dec, so that an error within it
// knows its whole path.
func (e *either[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	want := jsontext.Kind('{')
	if reflect.TypeFor[T]().Kind() == reflect.Slice {
		want = '['
	}
	switch kind := dec.PeekKind(); kind {
	case '"':
		e.text = new(string)
		return json.UnmarshalDecode(dec, e.text)
	case want:
		e.value = new(T)
		return json.UnmarshalDecode(dec, e.value)
	case 'n':
		return dec.SkipValue()
	default:
		if err := dec.SkipValue(); err != nil {
			return err
		}
		return &json.SemanticError{JSONKind: kind, GoType: reflect.TypeFor[either[T]]()}
	}
}

// expected implements expecter.
func (either[T]) expected() string { return "a string or " + goWord(reflect.TypeFor[T]()) }

// parse reads body into one of the request types.
func parse(body []byte, into any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return chat.Invalid("", "the body is empty; send a JSON object")
	}
	if err := json.Unmarshal(body, into, lenient); err != nil {
		return bodyError(err)
	}
	return nil
}

// canonical converts what both APIs share. fates are those of its unknown
// fields.
func (c *common) canonical(fates map[string]fate) (chat.Request, error) {
	req := chat.Request{Model: c.Model, Stream: c.Stream, Temperature: c.Temperature, TopP: c.TopP}
	req.Metadata.UserID = c.User
	if c.Model == "" {
		return req, chat.Invalid("model", "required")
	}
	if c.Logprobs != nil && *c.Logprobs != 0 {
		return req, chat.Invalid("top_logprobs", noLogprobs)
	}
	if err := errors.Join(within("temperature", c.Temperature, 0, 2), within("top_p", c.TopP, 0, 1)); err != nil {
		return req, err
	}
	fields, err := fieldsOf(c.Unknown)
	if err != nil {
		return req, err
	}
	for _, f := range fields {
		switch fate, known := fates[f.Name]; {
		case !known:
			req.Unknown = append(req.Unknown, f)
		case fate.refused != "" && isFilled(f.Raw):
			return req, chat.Invalid(f.Name, "not supported: %s", fate.refused)
		}
	}
	return req, nil
}

// noLogprobs is why log probabilities are refused.
const noLogprobs = "not supported: the canonical answer has no log probabilities"

// within checks a number that may be absent.
func within(path string, value *float64, low, high float64) error {
	if value != nil && (*value < low || *value > high) {
		return chat.Invalid(path, "must be between %g and %g", low, high)
	}
	return nil
}

// positive checks a whole number that may be absent, and returns it or 0.
func positive(path string, value *int) (int, error) {
	if value == nil {
		return 0, nil
	}
	if *value < 1 {
		return 0, chat.Invalid(path, "must be at least 1")
	}
	return *value, nil
}

// isSet reports a value other than null.
func isSet(v jsontext.Value) bool { return len(v) > 0 && v.Kind() != 'n' }

// isFilled reports a value that says something: not null, false, zero or empty.
func isFilled(v jsontext.Value) bool {
	switch string(bytes.Join(bytes.Fields(v), nil)) {
	case "", "null", "false", "0", `""`, "[]", "{}":
		return false
	}
	return true
}

// refuseUnknown refuses the first member of an object that says something and
// that we neither know nor pass over.
func refuseUnknown(path string, object jsontext.Value, passed ...string) error {
	fields, err := fieldsOf(object)
	if err != nil {
		return err
	}
	for _, f := range fields {
		if isFilled(f.Raw) && !slices.Contains(passed, f.Name) {
			return chat.Invalid(path+"."+f.Name, "not supported")
		}
	}
	return nil
}

// fieldsOf lists the members of an object, in order.
func fieldsOf(object jsontext.Value) (fields []chat.Field, err error) {
	if len(object) == 0 {
		return nil, nil
	}
	dec := jsontext.NewDecoder(bytes.NewReader(object), lenient)
	if _, err = dec.ReadToken(); err != nil {
		return nil, bodyError(err)
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, bodyError(err)
		}
		field := chat.Field{Name: name.String()}
		raw, err := dec.ReadValue()
		if err != nil {
			return nil, bodyError(err)
		}
		field.Raw = bytes.Clone(raw)
		fields = append(fields, field)
	}
	return fields, nil
}

// bodyError puts an error of the JSON package into words, with its path.
func bodyError(err error) error {
	out := chat.Invalid("", "the body is not valid JSON")
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e
	} else if e, ok := errors.AsType[*json.SemanticError](err); ok {
		out = chat.Invalid(param(e.JSONPointer), "%s", wrongType(e))
	} else if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok && errors.Is(e, jsontext.ErrDuplicateName) {
		out = chat.Invalid(param(e.JSONPointer), "the field is given twice")
	} else if ok {
		out = chat.Invalid("", "the body is not valid JSON at byte %d", e.ByteOffset)
	}
	out.Cause = err
	return out
}

// param turns a JSON pointer into the form of the API's own messages.
func param(p jsontext.Pointer) string {
	var b strings.Builder
	for token := range p.Tokens() {
		if _, err := strconv.Atoi(token); err == nil {
			fmt.Fprintf(&b, "[%s]", token)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(token)
	}
	return b.String()
}

func wrongType(e *json.SemanticError) string {
	got, want := jsonWords[e.JSONKind], goWord(e.GoType)
	if got == want || e.JSONKind == '0' && want == "a whole number" {
		return string(e.JSONValue) + " is not " + want + " in range"
	}
	return got + " where " + want + " is expected"
}

var jsonWords = map[jsontext.Kind]string{
	0: "something", 'n': "null", 'f': "a boolean", 't': "a boolean",
	'"': "a string", '0': "a number", '{': "an object", '[': "an array",
}

// An expecter is a type that takes more than one kind of JSON.
type expecter interface{ expected() string }

func goWord(t reflect.Type) string {
	if t == nil {
		return "something else"
	}
	if e, ok := reflect.Zero(t).Interface().(expecter); ok {
		return e.expected()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return goWord(t.Elem())
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}

// marshal writes v; an error is our own fault.
func marshal(v any) ([]byte, error) {
	body, err := json.Marshal(v, lenient)
	if err != nil {
		return nil, &chat.Error{Message: "internal error", Cause: err}
	}
	return body, nil
}
