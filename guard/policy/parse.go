package policy

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/token"
)

//go:embed default.yaml
var defaultYAML []byte

// Default returns the policy that the tool carries: its text is default.yaml.
func Default() Policy {
	p, err := Parse(defaultYAML)
	if err != nil {
		panic("policy: the embedded policy: " + err.Error()) // a test parses it
	}
	return p
}

//go:embed flags.yaml
var flagsYAML []byte

// Flags returns the policy of a run for one feature flag: its text is flags.yaml.
func Flags() Policy {
	p, err := Parse(flagsYAML)
	if err != nil {
		panic("policy: the embedded policy of flags: " + err.Error()) // a test parses it
	}
	return p
}

// FlagsName is how commands name the policy that [Flags] returns, in place of a
// file.
const FlagsName = "flags"

// DefaultYAML returns the text of the default policy, for people to copy.
func DefaultYAML() []byte { return slices.Clone(defaultYAML) }

// Parse reads a policy and validates it. What it does not know it refuses, with
// line and column. Alpha, the minima and the same-work bounds may be left out
// and are then those of the default policy.
func Parse(data []byte) (Policy, error) {
	p := Policy{
		Name: "unnamed", Alpha: .05, MinBlocks: leastBlocks, MinPairs: leastPairs,
		SameWork: SameWork{Tokens: .02, Finish: .01, Cached: .02, Quality: .02},
	}
	if err := decode(data, &p); err != nil {
		return Policy{}, err
	}
	if err := p.Validate(); err != nil {
		return Policy{}, locate(data, err)
	}
	sum := sha256.Sum256(data)
	p.Hash = hex.EncodeToString(sum[:])
	return p, nil
}

// decode reads one strict document into p, and allows no second one: it would be
// passed over in silence. The library panics on some malformed files, such as a
// list that is a tag alone.
func decode(data []byte, p *Policy) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("not readable as YAML: tags are not allowed")
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
	switch err := decoder.Decode(p); {
	case errors.Is(err, io.EOF):
		return errors.New("the policy is empty: name its metrics (the default is a start: firstbyte guard explain --yaml)")
	case err != nil:
		return oneLine(err)
	}
	if err := decoder.Decode(new(Policy)); !errors.Is(err, io.EOF) {
		return errors.New("more than one YAML document: write one policy to a file")
	}
	return nil
}

// oneLine turns the decoder's picture of the source into one line with its
// place.
func oneLine(err error) error {
	if unknown, ok := errors.AsType[*yaml.UnknownFieldError](err); ok {
		return placed(unknown.Token, fmt.Sprintf("unknown key %q%s", unknown.Token.Value, nearest(unknown.Token.Value, keysOf(reflect.TypeFor[Policy]()))))
	}
	if known, ok := errors.AsType[yaml.Error](err); ok {
		return placed(known.GetToken(), known.GetMessage())
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(first)
}

func placed(tk *token.Token, message string) error {
	message, _, _ = strings.Cut(message, "\n")
	if tk == nil || tk.Position == nil {
		return errors.New(message)
	}
	return fmt.Errorf("%d:%d: %s", tk.Position.Line, tk.Position.Column, message)
}

// nearest proposes what is known and fewest edits away from word.
func nearest[S ~string](word S, among []S) string {
	best, distance := S(""), 1+len(word)/2
	for _, known := range among {
		if d := edits(string(word), string(known)); d < distance {
			best, distance = known, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// keysOf lists the YAML keys of t and of the structs in it.
func keysOf(t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return keysOf(t.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	var keys []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		keys = append(append(keys, name), keysOf(f.Type)...)
	}
	return keys
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
