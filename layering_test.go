package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/firstbyte-dev/firstbyte"

// A room is a package, what else of the project it may import, and why no more.
type room struct {
	name string
	may  []string
	why  string
}

// leaves may be imported by every room, and import none.
var leaves = []string{"clock", "outfile"}

// rooms are the arrows of docs/architecture.md. A row may stand here before its
// package does; a package that has no row fails the test.
var rooms = []room{
	{"clock", nil, "a leaf: everyone reads the clock, so it may depend on no one"},
	{"outfile", nil, "a leaf: everyone writes files, so it may depend on no one"},

	{"datasets", nil, "corpora are data: how a scenario is read belongs to whoever plays it"},

	{"datasets/trace", []string{"datasets"}, "recorded traffic becomes rows and items: when they are sent is the schedule's"},

	{"bench/schedule", nil, "intended send times are pure and seeded: they may not know what is sent"},
	{"bench/dialect", []string{"datasets"}, "a measure may not share a parser with what it measures"},
	{"bench/load", []string{"bench/schedule", "bench/dialect", "bench/sample", "datasets"}, "load sends and records; it neither sums up nor judges"},
	{"bench/sample", nil, "the run file is the contract with guard: it may depend on no one"},
	{"bench/offset", []string{"bench/sample"}, "a clock is compared by asking: it sends no load"},
	{"bench/merge", []string{"bench/sample", "bench/calibrate"}, "shards become the run that one machine would have written, by the rules of its validity"},
	{"bench/delay", nil, "a delay is a pass-through: it knows no API and no arm"},
	{"bench/budget", []string{"bench/load"}, "limits are of what a run asks for and uses: it sends nothing"},
	{"bench/record", []string{"bench/dialect", "datasets"}, "what passes becomes items and times: it sends no load and judges nothing"},
	{"bench/convert", []string{"bench/sample"}, "other tools' logs become run files: what they mean is for whoever judges them"},
	{"bench/tokens", []string{"bench/dialect", "bench/sample"}, "tokens are counted of an answer that is over, whoever asked for it"},
	{"bench/quality", []string{"datasets", "bench/sample"}, "an answer is checked against its item and other answers to it, whoever gave them"},
	{"bench/search", []string{"bench/sample"}, "where to probe next follows from what probes showed: it sends nothing"},
	{"bench/summary", []string{"bench/sample"}, "a summary is a function of samples, whoever recorded them"},
	{"bench/chart", nil, "a chart is drawn from numbers, so that every report can use it"},
	{"bench/compat", []string{"bench/sample", "bench/summary"}, "what other tools call things is arithmetic over samples"},
	{"bench/export", []string{"bench/sample", "bench/summary", "bench/chart"}, "a rendering is a function of run files: it measures and judges nothing"},
	{"bench/calibrate", []string{"bench/load", "bench/schedule", "bench/dialect", "bench/sample", "bench/summary", "datasets"}, "the measurer is measured with its own load against a known truth"},

	{"guard/policy", nil, "a policy is read and explained before there is any evidence"},
	{"guard/evidence", []string{"bench/sample", "bench/summary"}, "evidence is folded from run files, and knows no policy"},
	{"guard/stats", nil, "mathematics, nothing else"},
	{"guard/prometheus", []string{"guard/evidence", "bench/sample", "bench/summary"}, "metrics become evidence where they are asked for: it knows no policy and reaches no verdict"},
	{"guard/judge", []string{"guard/policy", "guard/evidence", "guard/stats", "bench/sample", "bench/summary"}, "the judge is pure: policy and evidence in, verdict out"},
	{
		"guard/gate",
		[]string{
			"bench/load", "bench/calibrate", "bench/summary", "bench/sample", "bench/quality", "datasets",
			"guard/judge", "guard/report", "guard/policy", "guard/evidence",
		},
		"the gate tells the story; whose processes the arms are is the root's to say",
	},
	{
		"guard/assert",
		[]string{"guard/judge", "guard/policy", "guard/evidence", "guard/stats", "bench/sample", "bench/chart"},
		"an assertion is a limit on what a run shows; where arms are compared pair by pair the judge does it",
	},
	{"guard/watch", []string{"guard/policy", "guard/evidence", "guard/judge", "bench/sample"}, "a watch asks for evidence and for verdicts, and makes neither"},
	{"guard/rollout", []string{"guard/judge", "guard/policy", "guard/evidence", "guard/watch", "guard/report", "bench/sample"}, "a rollout has live evidence judged, keeps the verdicts and applies them over HTTP: it knows no proxy and decides nothing itself"},
	{"guard/history", []string{"guard/stats", "bench/sample", "bench/summary", "bench/chart"}, "a history keeps the summaries of runs and reaches no verdict"},
	{"guard/proof", []string{"guard/judge", "guard/stats", "guard/policy", "guard/evidence", "bench/sample"}, "a proof simulates what a run file holds: it may send no load"},
	{"guard/report", []string{"guard/judge", "bench/sample", "bench/summary", "bench/chart"}, "every report is a rendering of the verdict file"},

	{"refproxy/chat", nil, "the canonical conversation knows no dialect"},
	{"refproxy/sse", nil, "framing only"},
	{"refproxy/anthropic", []string{"refproxy/chat", "refproxy/sse"}, "codecs never import each other: n dialects around one model, not n x n pairs"},
	{"refproxy/openai", []string{"refproxy/chat", "refproxy/sse"}, "codecs never import each other: n dialects around one model, not n x n pairs"},
	{"refproxy/gemini", []string{"refproxy/chat", "refproxy/sse", "refproxy/schema"}, "codecs never import each other: n dialects around one model, not n x n pairs; what the upstream takes of a schema is its codec's to ask"},
	{"refproxy/schema", nil, "JSON Schema in, JSON Schema out; encoding/json reads in order and makes U+FFFD of a lone surrogate, so it needs no other"},
	{"refproxy/upstream", nil, "a pool carries bytes, whatever they mean"},
	{"refproxy/codeassist", nil, "one account's tokens and project: what is asked with them is not its business"},
	{"refproxy/vertex", nil, "tokens of Google's own library: what is asked with them is not its business"},
	{"refproxy/media", []string{"refproxy/chat"}, "files that a conversation points to are fetched whatever its dialect"},
	{"refproxy/retry", []string{"refproxy/chat"}, "a decision about waiting is pure; what it decides about is the canonical failure, and a copy of that would be a second list of classes"},
	{"refproxy/credential", nil, "credentials are chosen in memory, without knowing what they are used for or where they are kept"},
	{"refproxy/feature", nil, "a flag knows neither what it switches nor where its settings are kept"},
	{"refproxy/store", nil, "storage serves interfaces that its users declare"},
	{"refproxy/store/storetest", []string{"refproxy/store"}, "one suite for both databases: that of PostgreSQL runs where a real one can be started"},
	{"refproxy/relay", []string{"refproxy/chat"}, "one request's life, over interfaces that the relay declares; whether an upstream is asked again is for who stands behind them"},
	{"refproxy/admin", []string{"refproxy/admin/live"}, "the panel works over interfaces that it declares; what it shows of traffic is kept apart"},
	{"refproxy/admin/live", nil, "what is watched does not depend on who watches"},
	{"refproxy/telemetry", nil, "what is observed does not depend on how"},
	{"refproxy/telemetry/otlp", nil, "what is exported does not depend on how, and a collector's protocol is not a scraper's"},
	{"refproxy/fakegemini", []string{"refproxy/fakeaccount", "refproxy/fakelimit"}, "a stand-in that shares a parser with the codec it tests hides shared faults"},
	{"refproxy/fakeaccount", nil, "an account knows no model and no conversation, and shares nothing with the clients it tests"},
	{"refproxy/fakelimit", nil, "limits know no wire format, so that they can be tried on a bubble's clock"},
	{"refproxy/control", []string{"refproxy/..."}, "adapters between the panel, the flags, the credentials and the store, which know nothing of each other"},
	{"refproxy/server", []string{"refproxy/..."}, "composition: of all of refproxy, and of nothing else"},
}

// A border says which rooms alone may import a module from outside.
type border struct {
	module string
	rooms  []string
	why    string
}

var borders = []border{
	{"github.com/spf13/cobra", []string{"."}, "flags and commands belong to the root"},
	{
		"github.com/go-json-experiment/json",
		[]string{"refproxy/anthropic", "refproxy/openai", "refproxy/gemini"},
		"only the codecs need raw and duplicate keys; all others do with encoding/json",
	},
	{
		"cloud.google.com/go/auth",
		[]string{"refproxy/vertex"},
		"one room makes tokens with Google's library; all others see an interface",
	},
	{
		"github.com/tiktoken-go/tokenizer",
		[]string{"bench/tokens"},
		"an estimate of tokens is made in one place, which names it",
	},
	{
		"modernc.org/sqlite",
		[]string{"refproxy/store"},
		"one room speaks SQL; all others see what it keeps",
	},
	{
		"github.com/jackc/pgx",
		[]string{"refproxy/store"},
		"one room speaks SQL; all others see what it keeps",
	},
	{
		"github.com/prometheus",
		[]string{"refproxy/telemetry", "guard/prometheus"},
		"one room tells Prometheus, one asks it; all others know counts",
	},
	{
		"go.opentelemetry.io",
		[]string{"refproxy/telemetry/otlp"},
		"one room tells a collector; its library has globals and a protocol that no other should meet",
	},
}

// An area is a first path element; its row says whom its tests may not use
// either. What needs both sides of such a line is a test of the root.
var strangers = map[string][]string{
	"datasets": {"bench", "guard", "refproxy"},
	"bench":    {"guard", "refproxy"},
	"guard":    {"refproxy"},
	"refproxy": {"bench", "guard", "datasets"},
}

// A pkg is what `go list` says of one package.
type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// local returns the name of a package of the project ("." for the root), or
// false for any other.
func local(path string) (string, bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

func inModule(path, mod string) bool {
	return path == mod || strings.HasPrefix(path, mod+"/")
}

// allows reports whether the row lets its package import name.
func (r room) allows(name string) bool {
	return slices.ContainsFunc(r.may, func(m string) bool {
		under, all := strings.CutSuffix(m, "/...")
		return m == name || all && inModule(name, under)
	})
}

// violations returns a line for every arrow of pkgs that the plan has not, each
// with the reason.
func violations(pkgs []pkg) []string {
	var found []string
	for _, p := range pkgs {
		name, ok := local(p.ImportPath)
		if !ok {
			found = append(found, p.ImportPath+" is no package of this module")
			continue
		}
		found = append(found, roomViolations(name, p.Imports)...)
		found = append(found, borderViolations(name, p.Imports)...)
		found = append(found, strangerViolations(name, slices.Concat(p.TestImports, p.XTestImports))...)
	}
	return found
}

func roomViolations(name string, imports []string) []string {
	if name == "." {
		return nil // the root wires everything
	}
	i := slices.IndexFunc(rooms, func(r room) bool { return r.name == name })
	if i < 0 {
		return []string{name + " has no row in the plan: add it here and to docs/architecture.md"}
	}
	var found []string
	for _, path := range imports {
		if to, ok := local(path); ok {
			if slices.Contains(leaves, name) || !slices.Contains(leaves, to) && !rooms[i].allows(to) {
				found = append(found, fmt.Sprintf("%s may not import %s: %s", name, to, rooms[i].why))
			}
		} else if slices.Contains(leaves, name) && outside(path) && !inModule(path, "golang.org/x/sys") {
			found = append(found, fmt.Sprintf("%s may not import %s: %s", name, path, rooms[i].why))
		}
	}
	return found
}

// outside reports whether path is of another module than this one and std.
func outside(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".") && !inModule(path, module)
}

func borderViolations(name string, imports []string) []string {
	var found []string
	for _, b := range borders {
		for _, path := range imports {
			if inModule(path, b.module) && !slices.Contains(b.rooms, name) {
				found = append(found, fmt.Sprintf("%s may not import %s: %s", name, path, b.why))
			}
		}
	}
	return found
}

func strangerViolations(name string, imports []string) []string {
	var found []string
	area, _, _ := strings.Cut(name, "/")
	for _, path := range imports {
		to, _ := local(path)
		toArea, _, _ := strings.Cut(to, "/")
		if slices.Contains(strangers[area], toArea) {
			found = append(found, fmt.Sprintf("a test of %s may not import %s: a test of two areas belongs to the root", name, to))
		}
	}
	return found
}

func TestLayering(t *testing.T) {
	pkgs := goList(t)
	if len(pkgs) < 5 {
		t.Fatalf("go list found only %d packages", len(pkgs))
	}
	for _, v := range violations(pkgs) {
		t.Error(v)
	}
}

// goList returns every package of the root module.
func goList(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// TestLayeringCatches holds that each kind of forbidden arrow is seen.
func TestLayeringCatches(t *testing.T) {
	for _, tt := range []struct {
		name string
		pkg  pkg
		want string // what the only line must hold; empty: no line
	}{
		{"allowed", pkg{ImportPath: module + "/bench/load", Imports: []string{"time", module + "/bench/sample", module + "/clock"}}, ""},
		{"the root wires", pkg{ImportPath: module, Imports: []string{module + "/refproxy/server", module + "/guard/gate", "github.com/spf13/cobra"}}, ""},
		{"subtree", pkg{ImportPath: module + "/refproxy/server", Imports: []string{module + "/refproxy/gemini"}}, ""},
		{"x/sys in a leaf", pkg{ImportPath: module + "/clock", Imports: []string{"golang.org/x/sys/unix"}}, ""},
		{"bench to guard", pkg{ImportPath: module + "/bench/load", Imports: []string{module + "/guard/judge"}}, "neither sums up nor judges"},
		{"codec to codec", pkg{ImportPath: module + "/refproxy/anthropic", Imports: []string{module + "/refproxy/gemini"}}, "n x n"},
		{"refproxy to bench", pkg{ImportPath: module + "/refproxy/server", Imports: []string{module + "/bench/sample"}}, "of nothing else"},
		{"guard to refproxy", pkg{ImportPath: module + "/guard/gate", Imports: []string{module + "/refproxy/server"}}, "the root's to say"},
		{"anyone to the root", pkg{ImportPath: module + "/guard/report", Imports: []string{module}}, "may not import ."},
		{"leaf to leaf", pkg{ImportPath: module + "/clock", Imports: []string{module + "/outfile"}}, "depend on no one"},
		{"leaf to a module", pkg{ImportPath: module + "/outfile", Imports: []string{"golang.org/x/sync/errgroup"}}, "depend on no one"},
		{"cobra below the root", pkg{ImportPath: module + "/guard/report", Imports: []string{"github.com/spf13/cobra"}}, "belong to the root"},
		{"codec's JSON elsewhere", pkg{ImportPath: module + "/refproxy/chat", Imports: []string{"github.com/go-json-experiment/json/jsontext"}}, "encoding/json"},
		{"no row", pkg{ImportPath: module + "/guard/util"}, "has no row"},
		{"a test across areas", pkg{ImportPath: module + "/refproxy/sse", XTestImports: []string{module + "/bench/dialect"}}, "belongs to the root"},
		{"a test within an area", pkg{ImportPath: module + "/refproxy/sse", XTestImports: []string{module + "/refproxy/chat"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := violations([]pkg{tt.pkg})
			if tt.want == "" && len(got) == 0 {
				return
			}
			if tt.want == "" || len(got) != 1 || !strings.Contains(got[0], tt.want) {
				t.Errorf("violations = %q, want one line holding %q", got, tt.want)
			}
		})
	}
}

// TestPlanNamesEveryRoom holds the rows above and the table of the house plan to
// the same names.
func TestPlanNamesEveryRoom(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	planned := plannedRooms(string(text))
	for _, r := range rooms {
		if !slices.Contains(planned, r.name) {
			t.Errorf("docs/architecture.md has no row for %s", r.name)
		}
	}
	for _, name := range planned {
		if !slices.ContainsFunc(rooms, func(r room) bool { return r.name == name }) {
			t.Errorf("%s is in docs/architecture.md, but has no row here", name)
		}
	}
}

// plannedRooms returns the names in the first column of the plan's table of
// packages: "a/b, c" are a/b and a/c.
func plannedRooms(text string) []string {
	_, table, _ := strings.Cut(text, "| package | owns | may import |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var names []string
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || strings.HasPrefix(cells[1], "---") {
			continue
		}
		area := ""
		for name := range strings.SplitSeq(strings.TrimSpace(cells[1]), ", ") {
			if before, _, ok := strings.Cut(name, "/"); ok {
				area = before + "/"
			} else if area != "" {
				name = area + name
			}
			names = append(names, name)
		}
	}
	return names
}

// faultWords are what the measurer and the judge may not know of: the faults of
// `gate --inject` lie in the simulated upstream alone.
var faultWords = regexp.MustCompile(`(?i)inject|injur`)

func TestMeasurerAndJudgeKnowNoFaults(t *testing.T) {
	seen := 0
	for _, area := range []string{"bench", "guard"} {
		err := filepath.WalkDir(area, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			seen++
			text, err := os.ReadFile(path)
			if word := faultWords.Find(text); word != nil {
				t.Errorf("%s says %q: what is broken on purpose lies in refproxy/fakegemini and the root", path, word)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 5 {
		t.Errorf("read only %d files", seen)
	}
}
