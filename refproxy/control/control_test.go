package control_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
	"github.com/firstbyte-dev/firstbyte/refproxy/control"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/store"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

const (
	adminKey = "an-admin-key-of-a-test"
	sealKey  = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
)

// A replica is a proxy with its panel over a store.
type replica struct {
	*server.Server
	panel http.Handler
	reg   *feature.Registry
	store *store.Store
	stop  func()
}

// up is an upstream that says which key it was asked with.
func up(t testing.TB) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Header.Get("X-Goog-Api-Key") == "k-revoked" {
			w.WriteHeader(400)
			fmt.Fprint(w, `{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}`)
			return
		}
		fmt.Fprintf(w, `{"models":[],"candidates":[{"content":{"role":"model","parts":[{"text":"by %s"}]},"finishReason":"STOP"}]}`, r.Header.Get("X-Goog-Api-Key"))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// begin begins one of the Gemini API with keys that are given.
func begin(t testing.TB, path, upstreamURL string, keys ...string) *replica {
	t.Helper()
	cfg := server.Config{Upstream: upstream.Config{BaseURL: upstreamURL}, Sources: []server.Source{}}
	for _, k := range keys {
		cfg.Sources = append(cfg.Sources, server.Source{
			Credential: credential.Credential{ID: "id-" + k, Label: k, Weight: 1}, Proof: upstream.Proof{Key: upstream.Key(k)},
		})
	}
	return beginWith(t, path, cfg, control.Uploads{Kind: "gemini", Open: control.OpenKey})
}

func beginWith(t testing.TB, path string, cfg server.Config, uploads control.Uploads) *replica {
	t.Helper()
	key, err := store.ParseKey(sealKey)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), "sqlite:"+path, key)
	if err != nil {
		t.Fatal(err)
	}
	reg, err := feature.Open(t.Context(), feature.Config{Backend: control.FlagStore{Store: st}})
	if err != nil {
		t.Fatal(err)
	}
	traffic := live.NewTraffic(live.Config{})
	cfg.NoAuth, cfg.Features, cfg.Journal = true, reg, control.Journal{Store: st}
	cfg.Observers = []relay.Observer{control.Observer{Traffic: traffic}}
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := &control.Credentials{Server: s, Store: st, Given: cfg.Sources, Uploads: uploads, Log: slog.New(slog.DiscardHandler)}
	if err := c.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, err := admin.New(admin.Config{
		Flags: control.Flags{Registry: reg}, Credentials: c, Accounts: control.Accounts{Store: st},
		Traffic: traffic, Log: live.NewLog(10, slog.LevelInfo), Key: admin.NewSecret(adminKey), Kinds: []string{uploads.Kind},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	go func() { reg.Run(ctx); done <- struct{}{} }()
	go func() { _ = c.Follow(ctx); done <- struct{}{} }()
	r := &replica{Server: s, panel: a, reg: reg, store: st}
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		<-done
		<-done
		a.Close()
		s.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(r.stop)
	return r
}

// api asks the admin API.
func (r *replica) api(t testing.TB, method, path, body string) (int, string) {
	t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Host = "127.0.0.1"
	req.Header.Set("Authorization", "Bearer "+adminKey)
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	r.panel.ServeHTTP(w, req)
	return w.Code, w.Body.String()
}

// ask asks the proxy for a message, and returns its answer and the flags that it
// was served with.
func (r *replica) ask(t testing.TB) (status int, body, arm string) {
	t.Helper()
	req := httptest.NewRequest("POST", "/v1/messages", strings.NewReader(`{"model":"gemini-2.5-flash","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`))
	req.Host = "127.0.0.1"
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Code, w.Body.String(), w.Header().Get("X-Firstbyte-Obs-Arm")
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// A change of a flag is for the next request of the proxy that made it, reaches
// the other replica, stands in the audit log, and survives a restart.
func TestFlagsAreLiveAndShared(t *testing.T) {
	path, url := filepath.Join(t.TempDir(), "p.db"), up(t)
	a, b := begin(t, path, url, "k"), begin(t, path, url, "k")
	if _, _, arm := a.ask(t); arm != "all-off" {
		t.Fatalf("at first: %s", arm)
	}
	change := `{"percent":100,"unit":"request","expected":0,"who":"test","evidence":"sha256:1"}`
	if code, got := a.api(t, "PUT", "/admin/flags/ff_converter_fast_path", change); code != 200 || !strings.Contains(got, `"percent":100`) {
		t.Fatalf("%d %s", code, got)
	}
	if _, _, arm := a.ask(t); arm != "ff_converter_fast_path" {
		t.Errorf("the next request: %s", arm)
	}
	eventually(t, "the other replica follows", func() bool { _, _, arm := b.ask(t); return arm == "ff_converter_fast_path" })
	if code, got := b.api(t, "PUT", "/admin/flags/ff_converter_fast_path", change); code != 409 {
		t.Errorf("a stale change: %d %s", code, got)
	}
	if code, got := b.api(t, "GET", "/admin/audit", ""); code != 200 || !strings.Contains(got, `"sha256:1"`) || !strings.Contains(got, `"test"`) {
		t.Errorf("audit: %d %s", code, got)
	}
	a.stop()
	b.stop()
	if _, _, arm := begin(t, path, url, "k").ask(t); arm != "ff_converter_fast_path" {
		t.Errorf("after a restart: %s", arm)
	}
}

// A key that is uploaded is in use at once, on every replica, and is never shown;
// one that is deleted is gone (wire.md, section 10, cases 5, 12 and 20).
func TestCredentialsComeAndGo(t *testing.T) {
	path, url := filepath.Join(t.TempDir(), "p.db"), up(t)
	a, b := begin(t, path, url), begin(t, path, url)
	if code, got, _ := a.ask(t); code != 403 {
		t.Fatalf("without credentials: %d %s", code, got)
	}
	code, got := a.api(t, "POST", "/admin/credentials", `{"label":"spare","kind":"gemini","weight":1,"secret":"k-uploaded"}`)
	var added struct{ ID string }
	if err := json.Unmarshal([]byte(got), &added); err != nil || code/100 != 2 || added.ID == "" {
		t.Fatalf("%d %s", code, got)
	}
	if code, got, _ := a.ask(t); code != 200 || !strings.Contains(got, "by k-uploaded") {
		t.Errorf("the next request: %d %s", code, got)
	}
	eventually(t, "the other replica follows", func() bool { code, _, _ := b.ask(t); return code == 200 })
	if code, got := a.api(t, "POST", "/admin/credentials", `{"label":"again","kind":"gemini","weight":1,"secret":"k-uploaded"}`); code/100 != 4 {
		t.Errorf("the same key twice: %d %s", code, got)
	}
	if code, got := a.api(t, "POST", "/admin/credentials/"+added.ID+"/test", ""); code != 200 || !strings.Contains(got, "answers") {
		t.Errorf("test: %d %s", code, got)
	}
	for _, path := range []string{"/admin/credentials", "/admin/audit", "/admin/requests"} {
		if _, got := a.api(t, "GET", path, ""); strings.Contains(got, "k-uploaded") {
			t.Errorf("%s shows the key: %s", path, got)
		}
	}
	if code, got := a.api(t, "DELETE", "/admin/credentials/"+added.ID, ""); code/100 != 2 {
		t.Errorf("delete: %d %s", code, got)
	}
	if code, got, _ := a.ask(t); code != 403 {
		t.Errorf("after the deletion: %d %s", code, got)
	}
	eventually(t, "the other replica follows", func() bool { code, _, _ := b.ask(t); return code == 403 })
}

// A dead key is out of use with its reason, on every replica and after a restart,
// can be enabled again, and is never deleted by a failure.
func TestDeadCredential(t *testing.T) {
	path, url := filepath.Join(t.TempDir(), "p.db"), up(t)
	a, b := begin(t, path, url, "k-revoked"), begin(t, path, url, "k-revoked")
	if code, got, _ := a.ask(t); code != 403 {
		t.Fatalf("%d %s", code, got)
	}
	disabled := func(r *replica) bool {
		list := r.Pool().Status()
		return len(list) == 1 && strings.Contains(list[0].Disabled, "not valid")
	}
	if !disabled(a) {
		t.Errorf("%+v", a.Pool().Status())
	}
	eventually(t, "the other replica knows", func() bool { return disabled(b) })
	a.stop()
	b.stop()
	c := begin(t, path, url, "k-revoked")
	eventually(t, "it is known after a restart", func() bool { return disabled(c) })
	if code, got := c.api(t, "POST", "/admin/credentials/id-k-revoked/enable", ""); code != 200 || disabled(c) {
		t.Errorf("enable: %d %s", code, got)
	}
	if code, got := c.api(t, "DELETE", "/admin/credentials/id-k-revoked", ""); code/100 != 4 || !strings.Contains(got, "disable it here") {
		t.Errorf("delete: %d %s", code, got)
	}
}
