package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// A wish is what the suffixes of a model's name ask for.
type wish struct {
	effort  chat.Effort
	dynamic bool // reasoning, as much as the model likes
	search  bool
}

// A suffix is the end of a name, and what it asks for.
type suffix struct {
	text string
	wish wish
}

// in reports whether name ends in s and is more than that.
func (s suffix) in(name string) bool {
	return strings.HasSuffix(name, s.text) && len(name) > len(s.text)
}

// thinking are the suffixes for reasoning, the older ones last. Of these,
// "-think" says that there should be some and not how much.
var thinking = []suffix{
	{"-max", wish{effort: chat.EffortMax}},
	{"-high", wish{effort: chat.EffortHigh}},
	{"-medium", wish{effort: chat.EffortMedium}},
	{"-low", wish{effort: chat.EffortLow}},
	{"-minimal", wish{effort: chat.EffortMinimal}},
	{"-maxthinking", wish{effort: chat.EffortMax}},
	{"-nothinking", wish{effort: chat.EffortNone}},
	{"-think", wish{dynamic: true}},
}

const searchSuffix = "-search"

// parseName takes the suffixes off a model's name, from the right, each kind
// once, as long as what is left is not itself registered.
func parseName(name string, registered func(string) bool) (string, wish) {
	var w wish
	for !registered(name) {
		if rest, ok := strings.CutSuffix(name, searchSuffix); ok && rest != "" && !w.search {
			name, w.search = rest, true
			continue
		}
		i := slices.IndexFunc(thinking, func(s suffix) bool { return s.in(name) })
		if i < 0 || w.effort != chat.EffortUnset || w.dynamic {
			break
		}
		w.effort, w.dynamic = thinking[i].wish.effort, thinking[i].wish.dynamic
		name = strings.TrimSuffix(name, thinking[i].text)
	}
	return name, w
}

// apply makes a request say what its model's name asked for, over what it says
// itself.
func (w wish) apply(req *chat.Request) {
	switch {
	case w.dynamic:
		req.Reasoning = chat.Reasoning{Mode: chat.ReasoningDynamic, Show: req.Reasoning.Show}
	case w.effort != chat.EffortUnset:
		req.Reasoning = chat.Reasoning{Effort: w.effort, Show: req.Reasoning.Show}
	}
	isSearch := func(t chat.Tool) bool { return t.Kind == chat.ToolSearch }
	if w.search && !slices.ContainsFunc(req.Tools, isSearch) {
		req.Tools = append(req.Tools, chat.Tool{Kind: chat.ToolSearch, Name: "web_search"})
	}
}

const (
	// listAge is how old the upstream's list may be for an unknown name to be
	// believed unknown.
	listAge = time.Minute
	// listTime bounds the asking for the list on the way of a request.
	listTime = 3 * time.Second
)

// names is what is known of models' names. It is safe for concurrent use.
type names struct {
	aliases map[string]string
	preview []string // models that only some credentials have, and list
	// list asks the upstream for its models.
	list func(context.Context) ([]chat.Model, error)

	mu    sync.Mutex
	known map[string]bool // nil until the list is
	asked time.Time
	one   sync.Mutex // held while the list is asked for
}

// learn takes over the upstream's list.
func (n *names) learn(models []chat.Model) {
	known := make(map[string]bool, len(models))
	for _, m := range models {
		known[m.ID] = true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known, n.asked = known, time.Now()
}

// registered returns what tells whether a name is a model's as it stands: it is
// in the upstream's list, or an alias of itself, or in preview: whoever is asked
// for the list may have none of those.
func (n *names) registered() func(string) bool {
	n.mu.Lock()
	known := n.known
	n.mu.Unlock()
	return func(name string) bool {
		to, ok := n.aliases[name]
		return known[name] || ok && to == name || slices.Contains(n.preview, name)
	}
}

// refresh asks for the list, unless that was done a moment ago. Where it fails,
// what was known stays.
func (n *names) refresh(ctx context.Context) {
	n.one.Lock()
	defer n.one.Unlock()
	n.mu.Lock()
	fresh := time.Since(n.asked) < listAge
	n.mu.Unlock()
	if fresh {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	if models, err := n.list(ctx); err == nil {
		n.learn(models)
		return
	}
	if ctx.Err() == nil || context.Cause(ctx) == context.DeadlineExceeded {
		n.mu.Lock()
		n.asked = time.Now()
		n.mu.Unlock()
	}
}

// alias returns what the operator calls a name: that of the name itself, else that
// of the longest beginning, which is written with a star.
func (n *names) alias(name string) (string, bool) {
	if to, ok := n.aliases[name]; ok {
		return to, true
	}
	best := ""
	for from := range n.aliases {
		if begin, ok := strings.CutSuffix(from, "*"); ok && strings.HasPrefix(name, begin) && len(from) > len(best) {
			best = from
		}
	}
	return n.aliases[best], best != ""
}

// resolve returns the upstream's name for a caller's, and what that asks for. It
// asks for the upstream's list where a suffix is in doubt, and where a name is
// not in a list that is old. A name that is in no list is passed on where there
// is none.
func (n *names) resolve(ctx context.Context, name string) (string, wish, error) {
	if to, ok := n.alias(name); ok {
		name = to
	}
	registered := n.registered()
	model, w := parseName(name, registered)
	if registered(model) && model == name {
		return model, w, nil
	}
	if model != name || n.hasList() {
		n.refresh(ctx)
		registered = n.registered()
		model, w = parseName(name, registered)
	}
	if !modelName(model) || n.hasList() && !registered(model) {
		return "", w, &chat.Error{Kind: chat.KindNotFound, Path: "model", Message: fmt.Sprintf("model: there is no model %.200q", name)}
	}
	return model, w, nil
}

func (n *names) hasList() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.known != nil
}
