// Package tokens counts the output tokens of answers that are over, and names
// who counted them: the provider, a tokenizer, or nobody.
//
// The tokenizer is that of GPT-4o (o200k_base). Of models with another
// vocabulary, and of reasoning that an API does not show, it gives an estimate
// and no more, and it is slow: it must never run while answers are timed.
package tokens

import (
	"fmt"
	"strings"
	"sync"

	"github.com/tiktoken-go/tokenizer/codec"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// The sources, as [sample.Usage] names them.
const (
	Usage     = "usage"
	Tokenizer = "tokenizer"
	Events    = "events"
)

// Auto takes the best source that an answer has: usage, tokenizer, events.
const Auto = "auto"

// Choices lists what a Counter may go by, the default first.
func Choices() []string { return []string{Auto, Usage, Tokenizer, Events} }

// A Counter counts by one choice. It is safe for concurrent use.
type Counter struct {
	sources []string // the first that knows is taken
}

// NewCounter returns a Counter for one of Choices. Where the provider is asked
// and reports nothing, and no estimate is wanted, events are counted.
func NewCounter(choice string) (*Counter, error) {
	sources, known := map[string][]string{
		Auto:      {Usage, Tokenizer, Events},
		Usage:     {Usage, Events},
		Tokenizer: {Tokenizer, Events},
		Events:    {Events},
	}[choice]
	if !known {
		return nil, fmt.Errorf("tokens by %q: choose one of %s", choice, strings.Join(Choices(), ", "))
	}
	return &Counter{sources}, nil
}

// Count returns what is known of the answer's tokens. Of the input only the
// provider can tell, whoever counted the output.
func (c *Counter) Count(a *dialect.Answer) sample.Usage {
	u := sample.Usage{Input: a.Usage.Input, Cached: a.Usage.Cached}
	for _, source := range c.sources {
		if n := count(source, a); n > 0 {
			u.Output, u.Source = n, source
			break
		}
	}
	if u.Source == Usage {
		u.Reasoning = a.Usage.Reasoning
	}
	return u
}

// count returns 0 where the source does not know.
func count(source string, a *dialect.Answer) int {
	switch source {
	case Usage:
		return a.Usage.Output
	case Tokenizer:
		return Estimate(a)
	case Events:
		return a.Events
	}
	return 0
}

// vocabulary takes a tenth of a second and megabytes to build: only who estimates
// pays.
var vocabulary = sync.OnceValue(codec.NewO200kBase)

// Estimate counts the tokens of all that an answer shows: its text, its
// reasoning, and the calls with their arguments.
func Estimate(a *dialect.Answer) (n int) {
	for _, text := range shown(a) {
		if text == "" {
			continue
		}
		some, err := vocabulary().Count(text)
		if err != nil {
			return 0 // what it cannot split it does not know
		}
		n += some
	}
	return n
}

func shown(a *dialect.Answer) []string {
	texts := []string{a.Thought, a.Text}
	for _, call := range a.Calls {
		texts = append(texts, call.Tool, call.Arguments)
	}
	return texts
}
