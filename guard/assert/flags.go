package assert

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// FromArgs takes the demands out of a command line: every flag whose name is that
// of a quantity, with or without "-improve", and with its value behind "=" or as
// the next argument. rest is everything else, in its order.
func FromArgs(args []string) (demands []Assertion, rest []string, err error) {
	for i := 0; i < len(args); i++ {
		name, dashed := strings.CutPrefix(args[i], "--")
		if args[i] == "--" {
			return demands, append(rest, args[i:]...), nil
		}
		name, value, has := strings.Cut(name, "=")
		if !dashed || !isDemand(name) {
			rest = append(rest, args[i])
			continue
		}
		if !has {
			if i++; i == len(args) {
				return nil, nil, fmt.Errorf("--%s needs a value, such as --%s '<=2.5s'", name, name)
			}
			value = args[i]
		}
		a, err := FromFlag(name, value)
		if err != nil {
			return nil, nil, fmt.Errorf("--%s: %w", name, err)
		}
		demands = append(demands, a)
	}
	return demands, rest, nil
}

func isDemand(name string) bool {
	_, err := FromFlag(name, "")
	return !errors.Is(err, ErrNoFlag)
}

// Share reads a share: 5% or 0.05.
func Share(text string) (float64, error) { return parseShare(text, 0, 1) }

// About says in a few words what the topic is.
func (t Topic) About() string {
	return map[Topic]string{
		Latency:      "how long requests took",
		Throughput:   "how many requests were answered",
		Quality:      "how good the answers were",
		Transport:    "what became of connections",
		Retry:        "attempts and waits, and that no wait happened twice",
		ConverterCPU: "processor time of the gateway",
		PreviewPool:  "that preview credentials keep to preview models, and take turns",
	}[t]
}

// Catalogue lists the quantities of the topic, a line each.
func (t Topic) Catalogue() string {
	var b strings.Builder
	for _, m := range measures() {
		if !slices.Contains(m.topics, t) {
			continue
		}
		name := m.name
		if m.kind == perRequest {
			name += ".pNN|mean|max"
		}
		fmt.Fprintf(&b, "  %-32s %s\n", name, m.what)
	}
	return strings.TrimRight(b.String(), "\n")
}
