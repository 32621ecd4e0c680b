package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// secrets are all that a run of TestNothingLeaks must keep to itself, by what they
// are. None is a part of another.
var secrets = map[string]string{
	"a caller's key":            "sk-caller-3f9a1c",
	"a wrong key":               "sk-mallory-77d2e0",
	"the upstream's key":        "AIza-upstream-b81c40",
	"a collector's header":      "otlp-header-5e02aa",
	"a collector's path":        "otlp-path-9c1d7f",
	"a client's secret":         "GOCSPX-client-40aa9b",
	"a refresh token":           "1//refresh-d0c3e8",
	"an access token":           "ya29.access-61f7b2",
	"the admin's key":           "adm-0123456789-c7e2",
	"the store's key":           "c3RvcmUta2V5LTAxMjM0NTY3ODktYWJjZGVmLTg4ODg=",
	"a password in a URL":       "hunter2-8ce1f4",
	"a prompt":                  "prompt-words-e2b95d",
	"an answer":                 "answer-words-07ab3c",
	"a caller's own name":       "user-ann-f4d8c6",
	"a header nobody asked for": "cookie-2d6b19",
}

// A world is what surrounds a proxy: an upstream that repeats what it is sent, and
// a collector that keeps it.
type world struct {
	up, collector *httptest.Server

	mu       sync.Mutex
	exported bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{}
	w.up = httptest.NewServer(http.HandlerFunc(w.answer))
	w.collector = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			if z, zerr := gzip.NewReader(bytes.NewReader(body)); zerr == nil {
				body, err = io.ReadAll(z)
			}
		}
		w.mu.Lock()
		w.exported.Write(body)
		w.mu.Unlock()
		if err != nil || strings.HasSuffix(r.URL.Path, "/v1/metrics") {
			http.Error(rw, "no metrics for "+r.URL.Path+" with "+r.Header.Get("Authorization"), http.StatusForbidden)
		}
	}))
	t.Cleanup(w.up.Close)
	t.Cleanup(w.collector.Close)
	return w
}

// answer streams for the model "good", breaks a stream off for "cut", and repeats
// in an error all that it got for any other.
func (w *world) answer(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	switch {
	case strings.Contains(r.URL.Path, "token"):
		http.Error(rw, fmt.Sprintf(`{"error":"invalid_grant","error_description":%q}`, body), http.StatusBadRequest)
		return
	case !strings.Contains(r.URL.Path, "good") && !strings.Contains(r.URL.Path, "cut"):
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusBadRequest)
		text, _ := json.Marshal(fmt.Sprintf("bad request %s with %v: %s", r.URL, r.Header, body))
		fmt.Fprintf(rw, `{"error":{"code":400,"status":"INVALID_ARGUMENT","message":%s}}`, text)
		return
	}
	const chunk = `{"candidates":[{"content":{"role":"model","parts":[{"text":"%s "}]}%s}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":%d}}`
	if !strings.Contains(r.URL.Path, "stream") {
		rw.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(rw, chunk, secrets["an answer"], `,"finishReason":"STOP"`, 3)
		return
	}
	rw.Header().Set("Content-Type", "text/event-stream")
	for n := 1; n <= 3; n++ {
		finish := ""
		if n == 3 {
			if strings.Contains(r.URL.Path, "cut") {
				panic(http.ErrAbortHandler)
			}
			finish = `,"finishReason":"STOP"`
		}
		fmt.Fprintf(rw, "data: "+chunk+"\r\n\r\n", secrets["an answer"], finish, n)
		_ = http.NewResponseController(rw).Flush()
	}
}

// A tested is a proxy of its own process.
type tested struct {
	cmd          *exec.Cmd
	url, metrics string
	admin        string
	stdout       bytes.Buffer
	stderr       bytes.Buffer
}

// command returns a run of this program as firstbyte.
func command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "firstbyte") // by which testscript.Main knows it
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(slices.Clone(os.Environ()), env...)
	return cmd
}

func startTested(t *testing.T, env []string, args ...string) *tested {
	t.Helper()
	p := &tested{cmd: command(t, env, append([]string{"proxy", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--log-level", "debug"}, args...)...)}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	line, err := bufio.NewReader(io.TeeReader(out, &p.stdout)).ReadBytes('\n')
	var said struct{ URL, Metrics, Admin string }
	if err != nil || json.Unmarshal(line, &said) != nil {
		_ = p.cmd.Wait() // then what it said is whole
		t.Fatalf("the proxy did not begin: %v\n%s\n%s", err, line, p.stderr.String())
	}
	p.url, p.metrics, p.admin = said.URL, said.Metrics, said.Admin
	return p
}

// stop ends the proxy in order and waits.
func (p *tested) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the proxy ended with %v\n%s", err, p.stderr.String())
	}
}

// post sends a body with what a caller might send, and returns the answer, fields
// and all.
func post(t *testing.T, url, key, body string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", key) // as the dialects want it, one each
	req.Header.Set("X-Goog-Api-Key", key)
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Cookie", secrets["a header nobody asked for"])
	req.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body) // it may be cut
	return fmt.Sprintf("%s %v %v\n%s", resp.Status, resp.Header, resp.Trailer, text)
}

// get asks for a page of the admin API.
func get(t *testing.T, url, key string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %v\n%s", resp.Status, resp.Header, text)
}

// holds fails for every secret that is found in a text, but those that belong
// there.
func holds(t *testing.T, where, text string, mayHold ...string) {
	t.Helper()
	for what, secret := range secrets {
		if strings.Contains(text, secret) && !slices.Contains(mayHold, what) {
			i := strings.Index(text, secret)
			t.Errorf("%s holds %s: ...%q", where, what, text[max(0, i-120):min(len(text), i+60)])
		}
	}
}

// TestNothingLeaks drives a proxy whose every input has a secret in it, against an
// upstream that repeats what it was sent, and looks for them wherever the proxy
// writes: its answers, its log, its metrics, its run file, what it exports, and
// the list of processes.
func TestNothingLeaks(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	file, db := filepath.Join(dir, "proxy.run.jsonl"), filepath.Join(dir, "proxy.db")
	p := startTested(t, []string{
		"FIRSTBYTE_PROXY_KEYS=" + secrets["a caller's key"], "GEMINI_API_KEY=" + secrets["the upstream's key"],
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + w.collector.URL + "/" + secrets["a collector's path"],
		"OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer " + secrets["a collector's header"],
		"FIRSTBYTE_ADMIN_KEY=" + secrets["the admin's key"], "FIRSTBYTE_STORE_KEY=" + secrets["the store's key"],
	}, "--upstream", w.up.URL, "--log", file, "--admin", "127.0.0.1:0", "--store", "sqlite:"+db)
	processes, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	holds(t, "the list of processes", string(processes))
	body := func(model string, stream bool) string {
		return fmt.Sprintf(`{"model":%q,"max_tokens":9,"stream":%t,"metadata":{"user_id":%q},"messages":[{"role":"user","content":%q}]}`,
			model, stream, secrets["a caller's own name"], secrets["a prompt"])
	}
	mine := []string{"an answer", "a prompt", "a caller's own name"} // the caller's own, and what it asked for
	for _, model := range []string{"good", "cut", "bad"} {
		for _, stream := range []bool{false, true} {
			holds(t, fmt.Sprintf("the answer of %s, stream %t", model, stream), post(t, p.url+"/v1/messages", secrets["a caller's key"], body(model, stream)), mine...)
		}
	}
	google := fmt.Sprintf(`{"contents":[{"role":"user","parts":[{"text":%q}]}]}`, secrets["a prompt"])
	openai := fmt.Sprintf(`{"model":"bad","messages":[{"role":"user","content":%q}]}`, secrets["a prompt"])
	for path, body := range map[string]string{
		"/v1beta/models/bad:generateContent": google, "/v1beta/models/bad:streamGenerateContent?alt=sse": google, "/v1/chat/completions": openai,
	} {
		holds(t, "the answer to "+path, post(t, p.url+path, secrets["a caller's key"], body), mine...)
	}
	for _, path := range []string{"/v1/messages", "/v1/chat/completions", "/v1beta/models/good:generateContent?key=" + secrets["a wrong key"]} {
		holds(t, "a refusal of "+path, post(t, p.url+path, secrets["a wrong key"], body("good", false)))
	}
	holds(t, "an answer to no JSON", post(t, p.url+"/v1/messages", secrets["a caller's key"], secrets["a prompt"]), "a prompt")
	w.up.CloseClientConnections()
	w.up.Close()
	holds(t, "an answer without an upstream", post(t, p.url+"/v1/messages", secrets["a caller's key"], body("good", true)), mine...)
	scraped, err := http.Get(p.metrics) //nolint:noctx // of a test
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := io.ReadAll(scraped.Body)
	_ = scraped.Body.Close()
	if err != nil || !bytes.Contains(metrics, []byte("firstbyte_proxy_requests_total")) {
		t.Fatalf("%v\n%s", err, metrics)
	}
	for _, path := range []string{"requests", "credentials", "flags", "audit"} {
		for _, key := range []string{"the admin's key", "a wrong key"} {
			said := get(t, strings.TrimSuffix(p.admin, "/")+"/"+path, secrets[key])
			holds(t, "/admin/"+path+" with "+key, said, "a prompt") // in the words of the upstream, which the operator sees
			if want := map[string]string{"the admin's key": "200", "a wrong key": "401"}[key]; !strings.HasPrefix(said, want) {
				t.Errorf("/admin/%s with %s: %s", path, key, said)
			}
		}
	}
	p.stop(t)
	for _, name := range []string{db, db + "-wal"} {
		if kept, err := os.ReadFile(name); err == nil {
			holds(t, filepath.Base(name), string(kept))
		}
	}
	run, err := os.ReadFile(file)
	if err != nil || bytes.Count(run, []byte("\n")) < 9 {
		t.Fatalf("%v\n%s", err, run)
	}
	if n := strings.Count(p.stderr.String(), `"msg":"request"`); n < 10 {
		t.Fatalf("the log tells of %d requests:\n%s", n, p.stderr.String())
	}
	if !strings.Contains(w.exported.String(), "gen_ai.request.model") || !strings.Contains(w.exported.String(), "gen_ai.server.request.duration") {
		t.Fatal("the collector was told nothing")
	}
	holds(t, "what the proxy said", p.stdout.String())
	holds(t, "the log", p.stderr.String())
	holds(t, "the metrics", string(metrics))
	holds(t, "the run file", string(run))
	holds(t, "the export", w.exported.String())
}

// TestNothingLeaksOfAccounts: a proxy in the name of an account, whose token
// endpoint and upstream repeat what they got.
func TestNothingLeaksOfAccounts(t *testing.T) {
	for kind, credential := range map[string]map[string]any{
		"code-assist": {
			"client_id": "me", "client_secret": secrets["a client's secret"], "refresh_token": secrets["a refresh token"],
			"token": secrets["an access token"], "expiry": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), "project_id": "p",
		},
		"vertex": {
			"type": "service_account", "project_id": "p", "private_key_id": "k", "client_email": "me@p.iam.gserviceaccount.com",
			"private_key": serviceKey(t),
		},
	} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t)
			credential["token_uri"] = w.up.URL + "/token"
			text, err := json.Marshal(credential)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "credential.json")
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			p := startTested(t, []string{"FIRSTBYTE_PROXY_KEYS=" + secrets["a caller's key"]},
				"--upstream-kind", kind, "--upstream", w.up.URL, "--credentials-file", file)
			ask := `{"model":"good","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}`
			answer := post(t, p.url+"/v1/messages", secrets["a caller's key"], ask)
			p.stop(t)
			for where, said := range map[string]string{"the answer": answer, "the log": p.stderr.String(), "the output": p.stdout.String()} {
				holds(t, where, said)
				if strings.Contains(said, "PRIVATE KEY") || strings.Contains(said, "eyJ") {
					t.Errorf("%s holds a private key, or what it signed: %s", where, said)
				}
			}
			if strings.HasPrefix(answer, "200") {
				t.Error("a proxy without a token was answered")
			}
		})
	}
}

// serviceKey is a private key as service accounts have it.
func serviceKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// TestErrorsHideURLs: a URL with a password in it is refused, in words that do
// not repeat it.
func TestErrorsHideURLs(t *testing.T) {
	userinfo := "me:" + secrets["a password in a URL"] + "@"
	for _, args := range [][]string{
		{"--upstream", "http://" + userinfo + "127.0.0.1:1"},
		{"--upstream", "htp://" + userinfo + "127.0.0.1:1"},
		{"--upstream", "http://" + userinfo + "not a host"},
		{"--upstream", userinfo + "127.0.0.1:1"},
		{"--upstream", "http://127.0.0.1:1", "--otlp-endpoint", "http://" + userinfo + "127.0.0.1:1"},
		{"--upstream", "http://127.0.0.1:1", "--otlp-endpoint", "http://" + userinfo + "not a host"},
		{"--upstream", "http://127.0.0.1:1", "--store", "postgres://" + userinfo + "127.0.0.1:1/x?connect_timeout=1"},
	} {
		cmd := command(t, []string{"FIRSTBYTE_PROXY_KEYS=k"}, append([]string{"proxy", "--listen", "127.0.0.1:0"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err == nil {
			t.Errorf("%v is no error", args)
		}
		holds(t, strings.Join(args[len(args)-2:], " ")+" says", string(out))
	}
}
