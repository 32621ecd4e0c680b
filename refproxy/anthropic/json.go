package anthropic

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// decodeAt reads raw, which stands at path, into v.
func decodeAt(path string, raw []byte, v any) error {
	// Lone surrogates become U+FFFD rather than an error.
	if err := json.Unmarshal(raw, v, jsontext.AllowInvalidUTF8(true)); err != nil {
		return within(path, chat.AsError(bodyError(err)))
	}
	return nil
}

// within returns err, whose path begins at path, with its whole path.
func within(path string, err *chat.Error) *chat.Error {
	if path == "" {
		return err
	}
	out, sep := *err, ": "
	out.Path = path
	if err.Path != "" {
		out.Path, sep = path+"."+err.Path, "."
	}
	out.Message = path + sep + err.Message
	return &out
}

// isSet reports a value other than null.
func isSet(v jsontext.Value) bool { return len(v) > 0 && v.Kind() != 'n' }

// isFilled reports a value that says something: not null, false, or empty.
func isFilled(v jsontext.Value) bool {
	switch string(bytes.Join(bytes.Fields(v), nil)) {
	case "", "null", "false", `""`, "[]", "{}":
		return false
	}
	return true
}

// refuse refuses the member name of the object at path if it says something.
func refuse(path, name string, value jsontext.Value) error {
	if !isFilled(value) {
		return nil
	}
	if path != "" {
		name = path + "." + name
	}
	return chat.Invalid(name, "not supported")
}

// refuseUnknown refuses the first member of an object that says something and
// that we do not know: below the top level nothing is passed over.
func refuseUnknown(path string, object jsontext.Value) error {
	fields, err := fieldsOf(object)
	if err != nil {
		return err
	}
	for _, f := range fields {
		if err := refuse(path, f.Name, f.Raw); err != nil {
			return err
		}
	}
	return nil
}

// fieldsOf lists the members of an object, in order.
func fieldsOf(object jsontext.Value) ([]chat.Field, error) {
	if len(object) == 0 {
		return nil, nil
	}
	var fields []chat.Field
	dec := jsontext.NewDecoder(bytes.NewReader(object), jsontext.AllowInvalidUTF8(true))
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != '}' {
		var name jsontext.Token
		if name, err = dec.ReadToken(); err != nil {
			break
		}
		field := chat.Field{Name: name.String()}
		var raw jsontext.Value
		if raw, err = dec.ReadValue(); err == nil {
			field.Raw = bytes.Clone(raw)
			fields = append(fields, field)
		}
	}
	if err != nil {
		return nil, bodyError(err)
	}
	return fields, nil
}

// compact returns v without white space between its tokens and with U+FFFD for
// what is not UTF-8; numbers and the order of members stay. v must be valid.
func compact(v jsontext.Value) ([]byte, error) {
	v = v.Clone()
	if err := v.Format(jsontext.AllowInvalidUTF8(true)); err != nil {
		return nil, bodyError(err)
	}
	return v, nil
}

// object returns the object v, which stands at path, in compact form.
func object(path string, v jsontext.Value) ([]byte, error) {
	if len(v) == 0 {
		return nil, chat.Invalid(path, "required")
	}
	if k := v.Kind(); k != '{' {
		return nil, chat.Invalid(path, "%s where an object is expected", jsonWord(k))
	}
	return compact(v)
}

// dotted turns a JSON pointer into the path form of the API's own messages.
func dotted(p jsontext.Pointer) string {
	var parts []string
	for token := range p.Tokens() {
		parts = append(parts, token)
	}
	return strings.Join(parts, ".")
}
