package quality

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// unreachable keeps a schema from having others read from files or the network.
type unreachable struct{}

// Load implements [jsonschema.URLLoader].
func (unreachable) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is another document: write it into the schema", url)
}

func compileSchema(text json.RawMessage) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		return nil, err
	}
	const name = "item.json"
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(unreachable{})
	if err := compiler.AddResource(name, document); err != nil {
		return nil, oneLine(err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		return nil, oneLine(err)
	}
	return schema, nil
}

// validate says why text is no JSON by the schema, as a whole or fenced; "" if
// it is.
func validate(schema *jsonschema.Schema, text string) (problem string) {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		inside, found := fenced(text)
		if !found {
			return "not JSON"
		}
		if value, err = jsonschema.UnmarshalJSON(strings.NewReader(inside)); err != nil {
			return "not JSON"
		}
	}
	if err := schema.Validate(value); err != nil {
		return oneLine(err).Error()
	}
	return ""
}

// oneLine drops where the schema was found and puts the causes one after the
// other.
func oneLine(err error) error {
	_, causes, many := strings.Cut(err.Error(), "\n")
	if !many {
		causes = err.Error()
	}
	return errors.New(strings.Join(strings.Fields(causes), " "))
}
