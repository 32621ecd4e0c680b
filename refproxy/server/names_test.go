package server_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
)

func TestSuffixes(t *testing.T) {
	registered := func(name string) bool { return name == "m" || name == "m-high" }
	for name, want := range map[string]struct {
		model   string
		effort  chat.Effort
		dynamic bool
		search  bool
	}{
		"m":               {"m", 0, false, false},
		"m-max":           {"m", chat.EffortMax, false, false},
		"m-medium":        {"m", chat.EffortMedium, false, false},
		"m-low":           {"m", chat.EffortLow, false, false},
		"m-minimal":       {"m", chat.EffortMinimal, false, false},
		"m-maxthinking":   {"m", chat.EffortMax, false, false},
		"m-nothinking":    {"m", chat.EffortNone, false, false},
		"m-think":         {"m", 0, true, false},
		"m-search":        {"m", 0, false, true},
		"m-low-search":    {"m", chat.EffortLow, false, true},
		"m-search-low":    {"m", chat.EffortLow, false, true},
		"m-high":          {"m-high", 0, false, false}, // a model of its own
		"m-high-search":   {"m-high", 0, false, true},
		"m-high-low":      {"m-high", chat.EffortLow, false, false},
		"x-high":          {"x", chat.EffortHigh, false, false},
		"x-low-high":      {"x-low", chat.EffortHigh, false, false}, // one of a kind
		"x-think-low":     {"x-think", chat.EffortLow, false, false},
		"x-low-think":     {"x-low", 0, true, false},
		"x-search-1":      {"x-search-1", 0, false, false},
		"m-search-search": {"m-search", 0, false, true},
		"-high":           {"-high", 0, false, false},
		"-search":         {"-search", 0, false, false},
		"":                {"", 0, false, false},
		"m-16x9":          {"m-16x9", 0, false, false},
	} {
		got := server.ParseName(name, registered)
		if w := fmt.Sprintf("%s effort=%d dynamic=%t search=%t", want.model, want.effort, want.dynamic, want.search); got != w {
			t.Errorf("%q: %s, want %s", name, got, w)
		}
	}
}

// A lister is an upstream with a list of models. It answers every model, and says
// in the answer which one was asked for.
type lister struct {
	models []string
	lists  atomic.Int64
	down   atomic.Bool // the list, not the models
}

func (l *lister) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		l.lists.Add(1)
		if l.down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var all []string
		for _, m := range l.models {
			all = append(all, `{"name":"models/`+m+`","supportedGenerationMethods":["generateContent"]}`)
		}
		fmt.Fprintf(w, `{"models":[%s]}`, strings.Join(all, ","))
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	fmt.Fprintf(w, `{"candidates":[{"content":{"parts":[{"text":"at %s"}]},"finishReason":"STOP"}]}`, r.URL.Path)
}

// TestNames: aliases first, then the names in the upstream's list, then suffixes;
// a name that is in no list is refused only where there is one.
func TestNames(t *testing.T) {
	for name, tt := range map[string]struct {
		model, want string // want is the upstream's name; "" is a 404
		listed      bool   // the list was asked for by a caller before
		down        bool
		lists       int64 // how often the proxy asks for it by itself
	}{
		"a plain name costs no list":            {"m", "m", false, false, 0},
		"an unknown one is passed on":           {"x", "x", false, false, 0},
		"an unknown one with a list is refused": {"x", "", true, false, 0},
		"an alias":                              {"claude", "m", true, false, 0},
		"an alias with a suffix in what it is":  {"claude-high", "m", false, false, 1},
		"an alias of itself is registered":      {"x-low", "x-low", false, false, 0},
		"a beginning":                           {"claude-x-1", "m", true, false, 0},
		"the longest beginning":                 {"claude-x-haiku-1", "m-high", true, false, 0},
		"a suffix":                              {"m-max", "m", false, false, 1},
		"a registered name keeps its suffix":    {"m-high", "m-high", false, false, 1},
		"what is left is unknown":               {"x-max", "", false, false, 1},
		"what is left is unknown, nobody knows": {"x-max", "x", false, true, 1},
		"no keyword is guessed":                 {"claude-m", "", true, false, 0},
		"a path":                                {"../m", "", false, false, 0},
		"a path with a suffix":                  {"a/../m-high", "", false, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			up := &lister{models: []string{"m", "m-high"}}
			up.down.Store(tt.down)
			cfg := config(t, serve(t, up))
			cfg.Aliases = map[string]string{"claude": "m", "claude-high": "m-low", "x-low": "x-low", "claude-x-*": "m", "claude-x-haiku*": "m-high", "claude-*z": "m"}
			p := start(t, cfg)
			if tt.listed {
				call(t, "GET", p.url+"/v1/models", "")
				up.lists.Store(0)
			}
			resp, got := call(t, "POST", p.url+"/v1/messages", strings.Replace(body("hi", ""), model, tt.model, 1))
			switch {
			case tt.want == "":
				failed(t, resp, got, 404, "not_found_error")
			case resp.StatusCode != 200 || !strings.Contains(got, "/models/"+tt.want+":generateContent") || !strings.Contains(got, `"model":"`+tt.model+`"`):
				t.Errorf("%d %s", resp.StatusCode, got)
			}
			if n := up.lists.Load(); n != tt.lists {
				t.Errorf("the list was asked for %d times, want %d", n, tt.lists)
			}
		})
	}
}

// TestSuffixesReachTheUpstream: what a name asks for goes before what the body
// asks for, in a translated request.
func TestSuffixesReachTheUpstream(t *testing.T) {
	up := &scripted{kind: "application/json", body: event2, models: `{"models":[{"name":"models/gemini-2.5-flash"}]}`}
	cfg := config(t, serve(t, up))
	cfg.Aliases = map[string]string{"claude-x": "gemini-2.5-flash-low"}
	p := start(t, cfg)
	const said = `,"thinking":{"type":"enabled","budget_tokens":7777}`
	for name, tt := range map[string]struct{ extra, want, not string }{
		"gemini-2.5-flash":        {said, `"thinkingBudget":7777`, "googleSearch"},
		"gemini-2.5-flash-high":   {said, `"thinkingBudget":16000`, "7777"},
		"gemini-2.5-flash-search": {"", `{"googleSearch":{}}`, "thinkingBudget"},
		"claude-x":                {said, `"thinkingBudget":1024`, "7777"},
	} {
		resp, got := call(t, "POST", p.url+"/v1/messages", strings.Replace(body("hi", tt.extra), model, name, 1))
		asked := up.last(t)
		if resp.StatusCode != 200 || asked.path != "POST /v1beta/models/gemini-2.5-flash:generateContent" || !strings.Contains(asked.body, tt.want) || strings.Contains(asked.body, tt.not) {
			t.Errorf("%s: %d %s, asked %+v", name, resp.StatusCode, got, asked)
		}
	}
}
