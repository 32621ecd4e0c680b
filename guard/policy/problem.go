package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A problem is what is wrong with a policy, and where: a path of YAML keys such
// as metrics[2].tau, or "" where no key is to blame.
type problem struct{ path, text string }

func (p problem) Error() string { return p.text }

// at is a problem of the key at path.
func at(path, format string, args ...any) error {
	return problem{path, fmt.Sprintf(format, args...)}
}

// under is err with a path and a text before its own.
func under(path, text string, err error) error {
	if p, ok := errors.AsType[problem](err); ok && p.path != "" {
		path += "." + p.path
	}
	return problem{path, text + err.Error()}
}

// locate puts line and column before each of the problems that Validate joined.
func locate(data []byte, err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	file, _ := parser.ParseBytes(data, 0) // it was read before
	var out []error
	for _, e := range joined.Unwrap() {
		if p, ok := errors.AsType[problem](e); ok && p.path != "" {
			e = placed(find(file, p.path), p.text)
		}
		out = append(out, e)
	}
	return errors.Join(out...)
}

// find returns the token at path, or at the nearest path above it that is there:
// a key that was left out has no place of its own.
func find(file *ast.File, path string) *token.Token {
	for path != "" {
		if tk := lookUp(file, "$."+path); tk != nil {
			return tk
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return nil
		}
		path = path[:cut]
	}
	return nil
}

func lookUp(file *ast.File, path string) (tk *token.Token) {
	defer func() { _ = recover() }() // the library panics on some paths into odd nodes
	p, err := yaml.PathString(path)
	if err != nil || file == nil {
		return nil
	}
	node, err := p.FilterFile(file)
	if err != nil || node == nil {
		return nil
	}
	return node.GetToken()
}
