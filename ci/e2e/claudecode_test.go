package e2e_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// claudeCode is the client that the project began for, pinned.
const claudeCode = "@anthropic-ai/claude-code@2.1.197"

// claudeTime bounds one run of it.
const claudeTime = 2 * time.Minute

// claudeHome is where it was installed, for TestMain to remove; "" if it was not.
var claudeHome string

// installClaude installs it once for all tests: it is 240 MB.
var installClaude = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "firstbyte-claude-")
	if err != nil {
		return "", err
	}
	claudeHome = dir
	ctx, cancel := context.WithTimeout(context.Background(), npmTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", claudeCode)
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("npm install %s: %w\n%s", claudeCode, err, out)
	}
	return dir, nil
})

// A desk is where Claude Code works: a home and a folder of its own.
type desk struct {
	station
	wrapper, home, work string // the wrapper stands in where npm runs no scripts
}

// sit installs Claude Code and gives it a desk at a station.
func sit(t *testing.T, script string) desk {
	t.Helper()
	needNode(t, claudeCode)
	dir, err := installClaude()
	if err != nil {
		t.Fatal(err)
	}
	return desk{stand(t, script), filepath.Join(dir, "node_modules", "@anthropic-ai", "claude-code", "cli-wrapper.cjs"), t.TempDir(), t.TempDir()}
}

// A result is what Claude Code says at its end.
type result struct {
	IsError bool `json:"is_error"`
	Result  string
	Turns   int `json:"num_turns"`
}

// claude has Claude Code answer a prompt, and fails the test unless it succeeds.
func (d desk) claude(t *testing.T, args ...string) result {
	t.Helper()
	return d.claudeBy(t, []string{
		"ANTHROPIC_BASE_URL=" + d.url, "ANTHROPIC_API_KEY=" + callerKey,
		"DISABLE_TELEMETRY=1", "DISABLE_AUTOUPDATER=1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
	}, append(args, "--model", thinker)...)
}

// claudeBy is claude with the variables that a user exports.
func (d desk) claudeBy(t *testing.T, env []string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), claudeTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append(append([]string{d.wrapper}, args...), "--output-format", "json")...)
	cmd.Dir = d.work
	cmd.Env = append(loopback(d.home), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var r result
	if err != nil || json.Unmarshal(out, &r) != nil || r.IsError {
		for _, seen := range d.requests(t) {
			t.Logf("%s %s %.2000s", seen.Verb, seen.Model, seen.Body)
		}
		t.Fatalf("claude %q: %v\n%s\n%s", args, err, out, &stderr)
	}
	return r
}

// said is a result with a text.
func (d desk) said(t *testing.T, want string, args ...string) {
	t.Helper()
	if r := d.claude(t, args...); r.Result != want {
		t.Errorf("claude %q said %q, want %q", args, r.Result, want)
	}
}

// arrived counts the requests whose body at the upstream has all texts.
func (d desk) arrived(t *testing.T, texts ...string) int {
	t.Helper()
	n := 0
	for _, r := range d.requests(t) {
		found := true
		for _, text := range texts {
			found = found && bytes.Contains(r.Body, []byte(text))
		}
		if found {
			n++
		}
	}
	return n
}

func (d desk) must(t *testing.T, texts ...string) {
	t.Helper()
	if d.arrived(t, texts...) == 0 {
		t.Errorf("no request at the upstream has %q", texts)
		for _, r := range d.requests(t) {
			t.Logf("%s %.3000s", r.Verb, r.Body)
		}
	}
}

func TestClaudeCodeAnswersAndContinues(t *testing.T) {
	d := sit(t, `
scripts:
  - when: the first question
    steps: [{parts: [{thought: "Let me see."}, {text: "The first answer."}]}]
  - when: the second question
    steps: [{parts: [{text: "The second answer."}]}]
`)
	d.said(t, "The first answer.", "-p", "This is the first question.")
	d.said(t, "The second answer.", "-p", "This is the second question.", "--continue")
	d.must(t, "the first question", "The first answer.", "the second question")
}

// TestClaudeCodeByOneVariable: who has logged in exports what the README shows; who
// has not, a token too, which may be any.
func TestClaudeCodeByOneVariable(t *testing.T) {
	d := sit(t, `
scripts: [{steps: [{parts: [{text: "At your service."}]}]}]
`)
	proxy := launch(t, []string{"GEMINI_API_KEY=up"}, "proxy", "--listen", "127.0.0.1:0", "--upstream", d.upstream,
		"--no-auth", "--model-alias", "claude-*="+gemini)
	base := "ANTHROPIC_BASE_URL=" + proxy.URL
	if r := d.claudeBy(t, []string{base, "ANTHROPIC_AUTH_TOKEN=none"}, "-p", "Hello."); r.Result != "At your service." {
		t.Errorf("with a token it said %q", r.Result)
	}
	credentials := `{"claudeAiOauth":{"accessToken":"sk-ant-oat01-e2e","refreshToken":"sk-ant-ort01-e2e","expiresAt":4102444800000,"scopes":["user:inference"]}}`
	if err := os.MkdirAll(filepath.Join(d.home, ".claude"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(d.home, ".claude", ".credentials.json"), credentials)
	if r := d.claudeBy(t, []string{base}, "-p", "Hello."); r.Result != "At your service." {
		t.Errorf("after a login it said %q", r.Result)
	}
}

func TestClaudeCodeLoopsOverTools(t *testing.T) {
	d := sit(t, `
scripts:
  - when: three steps
    steps:
      - parts:
          - text: "Two files first."
          - call: {name: Bash, args: {command: "echo one > a.txt && echo wrote-a", description: "Writes a file"}}
          - call: {name: Bash, args: {command: "echo two > b.txt && echo wrote-b", description: "Writes another"}}
      - parts:
          - call: {name: Bash, args: {command: "cat a.txt b.txt > c.txt && cat c.txt", description: "Joins them"}}
      - parts:
          - call: {name: Bash, args: {command: "exit 7", description: "Fails"}}
      - parts: [{text: "All three steps are done."}]
`)
	d.said(t, "All three steps are done.", "-p", "Do it in three steps.", "--allowedTools", "Bash")
	if text, err := os.ReadFile(filepath.Join(d.work, "c.txt")); string(text) != "one\ntwo\n" {
		t.Errorf("the tools left %q, error %v", text, err)
	}
	d.must(t, `{"output":"wrote-a"}`, `{"output":"wrote-b"}`, `"thoughtSignature"`)
	d.must(t, `{"output":"one\ntwo"}`)
	d.must(t, `"response":{"error":`)
}

func TestClaudeCodeCallsAHardTool(t *testing.T) {
	d := sit(t, `
scripts:
  - when: the hard tool
    steps:
      - parts: [{call: {name_like: hard, args: {properties: "a property", tree: {name: "http://a.example/", children: []}, mode: fast}}}]
      - parts: [{text: "It was called."}]
`)
	called := filepath.Join(t.TempDir(), "called")
	server, err := filepath.Abs(filepath.Join("js", "mcp.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{"mcpServers": map[string]any{"hard": map[string]any{"command": "node", "args": []string{server, called}}}})
	if err != nil {
		t.Fatal(err)
	}
	d.said(t, "It was called.", "-p", "Use the hard tool.", "--allowedTools", "mcp__hard", "--mcp-config", string(config), "--strict-mcp-config")
	if text, err := os.ReadFile(called); !strings.Contains(string(text), `"properties":"a property"`) {
		t.Errorf("the tool was called with %q, error %v", text, err)
	}
	d.must(t, "the hard tool was called")
}

func TestClaudeCodeReadsAnImageAndADocument(t *testing.T) {
	folder := t.TempDir()
	image, document := filepath.Join(folder, "dot.png"), filepath.Join(folder, "page.pdf")
	pixels, paper := dot(t), page("A page of its own")
	write(t, image, string(pixels))
	write(t, document, string(paper))
	d := sit(t, `
scripts:
  - when: both files
    steps:
      - parts:
          - call: {name: Read, args: {file_path: `+image+`}}
          - call: {name: Read, args: {file_path: `+document+`}}
      - parts: [{text: "A dot and a page."}]
`)
	d.said(t, "A dot and a page.", "-p", "Read both files.", "--allowedTools", "Read", "--add-dir", folder)
	d.must(t, `"mimeType":"image/png"`, `"mimeType":"application/pdf"`, base64.StdEncoding.EncodeToString(paper))
}

func TestClaudeCodeSurvivesAStorm(t *testing.T) {
	d := sit(t, `
scripts:
  - when: in the storm
    steps: [{parts: [{text: "Dry again."}], fault: {status: 429, retry_delay: 1s, times: 3}}]
`)
	d.said(t, "Dry again.", "-p", "Speak in the storm.")
	if n := d.arrived(t, "in the storm"); n != 4 {
		t.Errorf("%d requests came to the upstream, want 3 refused and 1 answered", n)
	}
}

// dot is a small image.
func dot(t *testing.T) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 8, 8))
	img.Set(3, 3, color.RGBA{255, 0, 0, 255})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// page is a PDF with one page and a line of text.
func page(text string) []byte {
	var b bytes.Buffer
	var offsets []int
	object := func(body string) {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(offsets), body)
	}
	b.WriteString("%PDF-1.4\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>")
	content := "BT /F1 12 Tf 20 50 Td (" + text + ") Tj ET"
	object(fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	at := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, at)
	return b.Bytes()
}
