package policy

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"slices"
)

//go:embed policy.schema.json
var schemaJSON []byte

// Schema returns the JSON Schema of a policy, for editors: the file
// policy.schema.json with the measures filled in. What a schema cannot say (that
// a limit fits its measure, say) only [Parse] does.
func Schema() []byte {
	text := slices.Clone(schemaJSON)
	for place, known := range map[string][]Measure{`["LATENCIES"]`: latencies[:], `["MEASURES"]`: measures} {
		list, err := json.Marshal(known)
		if err != nil {
			panic("policy: " + err.Error()) // strings
		}
		text = bytes.ReplaceAll(text, []byte(place), list)
	}
	return text
}
