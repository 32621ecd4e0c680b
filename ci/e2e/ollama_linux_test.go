package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/ci/e2e/gguf"
)

const (
	ollamaVersion   = "v0.6.8"
	ollamaBuildTime = 15 * time.Minute // it takes some six minutes of one processor
	ollamaAsked     = 40               // requests that are measured
	ollamaTokens    = 24               // of each answer
)

// ollamaItems are prompts that the tiny model takes as well as any.
const ollamaItems = `{"id":"bridge","kind":"short","messages":[{"role":"user","content":"Why do long bridges have joints?"}],"max_tokens":24}
{"id":"bread","kind":"short","system":"Answer in a sentence.","messages":[{"role":"user","content":"What makes bread rise?"}],"max_tokens":24}
{"id":"tide","kind":"short","messages":[{"role":"user","content":"When is the tide high?"},{"role":"assistant","content":"Twice a day."},{"role":"user","content":"Why twice? (¿Por qué?)"}],"max_tokens":24}
`

// TestOllama benches a token server that nobody here wrote: Ollama, over a model
// that answers any prompt with the tokens it may use. Every request must end well,
// with the usage that Ollama counts, and with events that come one by one.
func TestOllama(t *testing.T) {
	bin := ollamaBinary(t)
	url := startOllama(t, bin)
	createTiny(t, url)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "items.jsonl"), ollamaItems)
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(dir, "ollama.run.jsonl")
	out, code := execute(t, nil, program, "bench", "--dialect", "openai-chat", "--legacy-max-tokens", "--tokens", "usage",
		"--target", "ollama="+url, "--model", "tiny", "--dataset", filepath.Join(dir, "items.jsonl"),
		"--requests", fmt.Sprint(ollamaAsked), "--warmup", "3", "--closed", "2", "--calibrate", "0", "--quiet", "--out", run)
	t.Log(out)
	if code != 0 && code != 3 { // 3: the machine was too busy for a measurement, as on any where others build
		t.Fatalf("bench ended with %d", code)
	}
	samples := readSamples(t, run)
	if len(samples) != ollamaAsked {
		t.Errorf("%d samples, want %d", len(samples), ollamaAsked)
	}
	for _, s := range samples {
		if wrong := s.wrong(); wrong != "" {
			t.Errorf("request %d, item %s: %s: %+v", s.Seq, s.Item, wrong, s)
		}
	}
}

// An ollamaSample is what is read of a measured request.
type ollamaSample struct {
	Seq        int
	Item       string
	Warmup     bool
	Status     int
	Outcome    string
	Sent       int64 `json:"sent_ns"`
	FirstToken int64 `json:"first_token_ns"`
	Last       int64 `json:"last_content_ns"`
	Close      int64 `json:"close_ns"`
	Events     int
	Finish     string
	Usage      struct {
		Input, Output int
		Source        string
	}
}

// wrong says what is wrong with a sample.
func (s ollamaSample) wrong() string {
	switch {
	case s.Outcome != "ok" || s.Status != http.StatusOK:
		return "failed"
	case s.Usage.Source != "usage" || s.Usage.Input < 5 || s.Usage.Output < 2 || s.Usage.Output > ollamaTokens:
		return "its tokens were not counted by Ollama"
	case s.Events < 2 || s.Events > s.Usage.Output:
		return "not two events, or more than tokens"
	case s.Sent >= s.FirstToken || s.FirstToken > s.Last || s.Last > s.Close:
		return "its instants are out of order"
	case s.Finish != "length" && s.Finish != "stop":
		return "it did not say why it ended"
	}
	return ""
}

// TestOllamaSamplesAreHeld: each thing that can be wrong with a sample is seen.
func TestOllamaSamplesAreHeld(t *testing.T) {
	const line = `{"seq":0,"status":200,"outcome":"ok","sent_ns":1,"first_token_ns":2,"last_content_ns":3,"close_ns":4,"events":24,"finish":"length","usage":{"input":9,"output":24,"source":"usage"}}`
	for _, c := range []struct{ old, with, want string }{
		{"", "", ""},
		{`"ok"`, `"missing_terminator"`, "failed"},
		{`"source":"usage"`, `"source":"events"`, "its tokens were not counted by Ollama"},
		{`"output":24`, `"output":25`, "its tokens were not counted by Ollama"},
		{`"events":24`, `"events":1`, "not two events, or more than tokens"},
		{`"first_token_ns":2`, `"first_token_ns":5`, "its instants are out of order"},
		{`"length"`, `""`, "it did not say why it ended"},
	} {
		var s ollamaSample
		if err := json.Unmarshal([]byte(strings.Replace(line, c.old, c.with, 1)), &s); err != nil {
			t.Fatal(err)
		}
		if got := s.wrong(); got != c.want {
			t.Errorf("%s for %s: %q, want %q", c.with, c.old, got, c.want)
		}
	}
}

// readSamples reads the measured requests of a run file.
func readSamples(t *testing.T, path string) (all []ollamaSample) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for lines.Scan() {
		if !bytes.HasPrefix(lines.Bytes(), []byte(`{"seq":`)) {
			continue // header or trailer
		}
		var s ollamaSample
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		if !s.Warmup {
			all = append(all, s)
		}
	}
	return all
}

// ollamaBinary builds Ollama from its module once, and keeps it with the caches
// of the user. Of llama.cpp that is some minutes of a C++ compiler.
func ollamaBinary(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "firstbyte-e2e", "ollama-"+ollamaVersion)
	bin := filepath.Join(dir, "ollama")
	if _, err := os.Stat(bin); err == nil {
		return bin
	}
	needCompiler(t)
	ctx, cancel := context.WithTimeout(t.Context(), ollamaBuildTime)
	defer cancel()
	begun := time.Now()
	fresh := filepath.Join(dir, "fresh") // what was cut off there is never taken for the program
	cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", "-ldflags", "-s -w", "github.com/ollama/ollama@"+ollamaVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+fresh, "CGO_ENABLED=1", "CGO_CFLAGS=-O1 -g0", "CGO_CXXFLAGS=-O1 -g0")
	if out, err := cmd.CombinedOutput(); err != nil {
		notTestedHere(t, "a real token server", "Ollama %s does not build: %v\n%s", ollamaVersion, err, out)
	}
	if err := os.Rename(filepath.Join(fresh, "ollama"), bin); err != nil {
		t.Fatal(err)
	}
	state := cmd.ProcessState
	t.Logf("built Ollama %s in %v, %v of processors", ollamaVersion, time.Since(begun).Round(time.Second), (state.UserTime() + state.SystemTime()).Round(time.Second))
	return bin
}

// needCompiler finds or installs g++.
func needCompiler(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("g++"); err == nil {
		return
	}
	if os.Geteuid() != 0 {
		notTestedHere(t, "a real token server", "Ollama needs a C++ compiler: apt-get install g++")
	}
	for _, args := range [][]string{{"update", "-qq"}, {"install", "-qqy", "--no-install-recommends", "g++", "libc6-dev"}} {
		ctx, cancel := context.WithTimeout(t.Context(), aptTime)
		out, err := exec.CommandContext(ctx, "apt-get", args...).CombinedOutput()
		cancel()
		if err != nil {
			notTestedHere(t, "a real token server", "Ollama needs a C++ compiler, and apt-get %s failed: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// startOllama serves from empty folders of the test, on loopback, and returns the
// server's URL. With the test it ends, and so do the processes that run its models.
func startOllama(t *testing.T, bin string) string {
	t.Helper()
	home, address := t.TempDir(), freeAddress(t)
	cmd := exec.Command(bin, "serve")
	cmd.Env = append(os.Environ(), "HOME="+home, "OLLAMA_MODELS="+filepath.Join(home, "models"), "OLLAMA_HOST="+address,
		"OLLAMA_NUM_PARALLEL=2", "OLLAMA_CONTEXT_LENGTH=1024")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = stopTime // what it started may hold its output open
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(2*stopTime, func() { _ = cmd.Process.Kill() })
		if err := <-ended; !kill.Stop() {
			t.Errorf("Ollama did not stop by itself: %v", err)
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what runs its models has ended with it, or ends now
		if t.Failed() {
			t.Logf("Ollama said:\n%s", &said)
		}
	})
	url := "http://" + address
	for deadline := time.Now().Add(readyTime); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if _, err := askOllama(t, http.MethodGet, url+"/api/version", nil); err == nil {
			return url
		}
	}
	t.Fatalf("Ollama is not ready after %v", readyTime)
	return ""
}

// createTiny has Ollama take the tiny model up under its name, and load it.
func createTiny(t *testing.T, url string) {
	t.Helper()
	var model bytes.Buffer
	if err := gguf.WriteTiny(&model, 1); err != nil {
		t.Fatal(err)
	}
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(model.Bytes()))
	about, err := json.Marshal(map[string]any{
		"model": "tiny", "stream": false, "files": map[string]string{"tiny.gguf": digest},
		"parameters": map[string]any{"num_thread": 1}, // more wait for each other in a loop, and long where others want the processors
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		path string
		body []byte
	}{
		{"/api/blobs/" + digest, model.Bytes()},
		{"/api/create", about},
		{"/api/generate", []byte(`{"model":"tiny","prompt":"once","stream":false,"options":{"num_predict":2}}`)},
	} {
		if _, err := askOllama(t, http.MethodPost, url+step.path, step.body); err != nil {
			t.Fatalf("%s: %v", step.path, err)
		}
	}
}

// askOllama returns the answer to a request, and anything but 200 or 201 as an
// error.
func askOllama(t *testing.T, method, url string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		err = errors.New(resp.Status)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %.300s", err, answer)
	}
	return answer, nil
}
