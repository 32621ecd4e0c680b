package export

import (
	"encoding/json"
	"io"
)

// JSON writes the summary as one indented document of the schema
// firstbyte.summary/1.
func JSON(w io.Writer, s Summary) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(s)
}
