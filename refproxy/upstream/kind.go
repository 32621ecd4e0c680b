package upstream

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// A Kind is one of the ways to reach Gemini models: where the methods are, and
// what proves who asks.
type Kind uint8

// The kinds of upstream.
const (
	// Gemini is generativelanguage v1beta, with an API key.
	Gemini Kind = iota
	// Vertex is Vertex AI, with bearer tokens.
	Vertex
	// CodeAssist is Code Assist v1internal, with bearer tokens. Its bodies are
	// the others' in an envelope, which names the model; that is not this
	// package's business.
	CodeAssist
)

// DefaultBaseURL is the public Gemini API.
const DefaultBaseURL = "https://generativelanguage.googleapis.com"

const (
	codeAssistURL     = "https://cloudcode-pa.googleapis.com"
	codeAssistVersion = "v1internal"
	vertexHost        = "aiplatform.googleapis.com"
	vertexGlobal      = "global" // the location that no host name holds
)

// kinds are the kinds' names: for flags, and for people.
var kinds = [...]struct{ flag, name string }{
	Gemini:     {"gemini", "the Gemini API"},
	Vertex:     {"vertex", "Vertex AI"},
	CodeAssist: {"code-assist", "Code Assist"},
}

// Kinds lists the names that ParseKind takes.
func Kinds() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.flag)
	}
	return names
}

// ParseKind reads a kind by its name.
func ParseKind(s string) (Kind, error) {
	for k, names := range kinds {
		if names.flag == s {
			return Kind(k), nil
		}
	}
	return 0, fmt.Errorf("kind of upstream %q: want one of %s", s, strings.Join(Kinds(), ", "))
}

// String returns the name of k for people.
func (k Kind) String() string {
	if int(k) >= len(kinds) {
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
	return kinds[k].name
}

// defaultURL returns where Google serves c's kind.
func (c Config) defaultURL() string {
	switch c.Kind {
	case Vertex:
		if location := cmp.Or(c.Location, vertexGlobal); location != vertexGlobal {
			return "https://" + location + "-" + vertexHost
		}
		return "https://" + vertexHost
	case CodeAssist:
		return codeAssistURL
	}
	return DefaultBaseURL
}

// path returns where a method on a model is.
func (c Config) path(model, verb string) string {
	switch c.Kind {
	case Vertex:
		return "/v1/projects/" + url.PathEscape(c.Project) + "/locations/" + url.PathEscape(c.Location) +
			"/publishers/google/models/" + url.PathEscape(model) + ":" + verb
	case CodeAssist:
		return "/" + c.APIVersion + ":" + verb
	}
	return "/v1beta/models/" + url.PathEscape(model) + ":" + verb
}

// validateKind reports what c lacks for its kind.
func (c Config) validateKind() error {
	var problems []error
	if int(c.Kind) >= len(kinds) {
		return fmt.Errorf("unknown kind of upstream %d", c.Kind)
	}
	if c.Kind == Gemini {
		if c.Tokens != nil {
			return errors.New("the Gemini API is asked with a key, not with tokens")
		}
		return nil
	}
	if c.Key != "" {
		problems = append(problems, fmt.Errorf("%v takes no API key: give credentials instead", c.Kind))
	}
	if c.Tokens == nil && !c.Anonymous {
		problems = append(problems, fmt.Errorf("%v needs credentials", c.Kind))
	}
	if c.Kind == Vertex && !c.Anonymous && !segment(c.Project) {
		problems = append(problems, fmt.Errorf("no project id for Vertex AI: %q", c.Project))
	}
	if c.Kind == Vertex && !segment(c.Location) {
		problems = append(problems, fmt.Errorf("location %q: want one such as global or europe-west1", c.Location))
	}
	if c.Kind == CodeAssist && !segment(c.APIVersion) {
		problems = append(problems, fmt.Errorf("version of Code Assist %q: want one such as %s", c.APIVersion, codeAssistVersion))
	}
	return errors.Join(problems...)
}

// segment reports whether s can be part of a path or of a host name as it is. A
// project id may stand in a domain: "example.com:project".
func segment(s string) bool {
	return s != "" && !strings.HasPrefix(s, ".") && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("-.:", r)
	})
}
