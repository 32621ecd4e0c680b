package dialect

import (
	"net/http"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

// bearer sets the header by which OpenAI's APIs know their callers.
func bearer(header http.Header, key string) { header.Set("Authorization", "Bearer "+key) }

// function is a tool in OpenAI's words.
func function(t datasets.Tool) *object {
	o := new(object).add("name", t.Name)
	if t.Description != "" {
		o.add("description", t.Description)
	}
	return o.add("parameters", t.Schema)
}

// isDone reports whether data is the mark that ends a stream of OpenAI's.
func isDone(data []byte) bool { return string(data) == "[DONE]" }
