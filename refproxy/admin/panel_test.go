package admin_test

import (
	"bytes"
	"flag"
	"html"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
)

var update = flag.Bool("update", false, "rewrite the golden files with what the code does now")

// TestPages holds what a person reads on each page and what can be done there,
// as an outline in testdata.
func TestPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at a fixed instant
		w := newWorld(t).withPassword(t)
		fill(t, w)
		login := w.do(t, "POST", "/admin/panel/login", url.Values{"password": {password}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		cookie := admin.CookieName + "=" + login.Cookies()[0].Value
		for name, path := range map[string]string{
			"login": "login", "overview": "", "flags": "flags", "credentials": "credentials", "delete": "credentials/cr-1a2b/delete",
			"requests": "requests", "failed": "requests?outcome=failed", "request": "requests/req_2", "log": "log", "warnings": "log?level=warn",
			"audit": "audit", "fault": "requests/none", "password": "password",
		} {
			got := w.do(t, "GET", "/admin/panel/"+path, "", "Cookie", cookie)
			frame, content, _ := strings.Cut(got.body, "<main ")
			golden(t, name, outline("<main "+content))
			if name == "overview" {
				golden(t, "frame", outline(frame))
			}
		}
	})
}

// fill gives the world something of everything.
func fill(t *testing.T, w *world) {
	t.Helper()
	now := time.Now()
	w.credentials.all = demoCredentials(now)
	tellVerdicts(t, w)
	log := slog.New(w.log.Handler())
	log.Info("listening", "address", "127.0.0.1:8080")
	log.Warn("request failed", "request", "req_2", "class", "overloaded")
	w.traffic.Began() // still in flight
	for i, r := range []live.Request{
		{
			ID: "req_1", Outcome: live.OK, Status: 200, FirstByte: 300 * time.Millisecond, FirstToken: 320 * time.Millisecond, Duration: 2 * time.Second,
			Attempts: []live.Attempt{{At: 2 * time.Millisecond, Credential: "cr-1a2b"}}, Credential: "cr-1a2b", Input: 10, Output: 20,
		},
		{
			ID: "req_2", Outcome: "overloaded", Status: 529, Message: "The model has no capacity.", Duration: 1500 * time.Millisecond,
			Attempts: []live.Attempt{
				{At: 2 * time.Millisecond, Credential: "cr-1a2b", Class: "capacity", Status: 429, Planned: time.Second, Slept: time.Second, Retried: true},
				{At: 1100 * time.Millisecond, Credential: "cr-3c4d", Class: "capacity", Status: 429},
			},
			Observed: map[string]string{"x-firstbyte-obs-retry-count": "1"},
		},
		{ID: "req_3", Outcome: live.Left, Duration: 80 * time.Millisecond},
	} {
		r.Begun, r.Path, r.Model, r.Stream = now, "/v1/messages", "gemini-2.5-flash", true
		r.Assigned = map[string]live.Assignment{
			retryFlag:              {On: i == 1, Unit: "request", Share: .05},
			"ff_http2_pool_tuning": {On: i == 0, Unit: "session", Share: .2},
		}
		w.traffic.Began()
		w.traffic.Ended(r)
	}
	time.Sleep(10 * time.Second)
}

// Patterns of outline, applied in this order: what is not read goes, what can be
// done is put in brackets, what is left is text.
var outlinePatterns = []struct{ pattern, with string }{
	{`(?s)<head>.*</head>|<svg.*?</svg>|<!doctype html>`, ""},
	{`<(h[123])[^>]*>`, "\n\n<$1> "},
	{`<a [^>]*href="([^"]*)"[^>]*>`, "\n[link $1] "},
	{`<form [^>]*action="([^"]*)"[^>]*>`, "\n[form $1] "},
	{`<input type="hidden" name="form"[^>]*>`, "\n[session's token]"},
	{`<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"[^>]*>`, "\n[input $1=$2]"},
	{`<input[^>]*type="range"[^>]*aria-label="([^"]*)"[^>]*>`, "\n[slider $1]"},
	{`<input[^>]*name="([^"]*)"[^>]*>`, "\n[input $1]"},
	{`<(select|textarea)[^>]*name="([^"]*)"[^>]*>`, "\n[$1 $2] "},
	{`<fieldset disabled>`, "\n[disabled]"},
	{`<button[^>]*formaction="([^"]*)"[^>]*>`, "\n[button $1] "},
	{`<button[^>]*>`, "\n[button] "},
	{`<label[^>]*>`, "\n[label] "},
	{`<p[^>]* role="(alert|status)">`, "\n[$1] "},
	{`<(p|li|tr|dl|legend|figcaption|section)(>| [^>]*>)|</(tr|form|dl)>`, "\n"},
	{`</(td|th|dt|dd|div|span|option)>`, " "},
	{`<h1>`, "#"},
	{`<h2>`, "##"},
	{`<h3>`, "###"},
	{`<[^>]*>`, ""},
	{`[ \t]+`, " "},
	{` ?\n ?`, "\n"},
	{`\n{2,}`, "\n"},
	{`\n#`, "\n\n#"},
}

// outline makes a page readable.
func outline(page string) string {
	for _, p := range outlinePatterns {
		page = regexp.MustCompile(p.pattern).ReplaceAllString(page, p.with)
	}
	return strings.TrimSpace(html.UnescapeString(page)) + "\n"
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s, -want +got (-update rewrites it)\n%s", path, diff)
	}
}

// TestFlagForms holds what the forms of a flag do, and what they say.
func TestFlagForms(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		form       url.Values
		percent    float64
		says       string
	}{
		{"set", retryFlag, url.Values{"percent": {"12.5"}, "unit": {"session"}, "expected": {"7"}}, 12.5, "ff_retry_policy_v2 is now on for 12.5\u00a0% of sessions."},
		{"stale", retryFlag, url.Values{"percent": {"12"}, "unit": {"session"}, "expected": {"6"}}, 0, "Not done: somebody has changed the flags meanwhile: read them again."},
		{"too much", retryFlag, url.Values{"percent": {"120"}, "unit": {"session"}, "expected": {"7"}}, 0, "Not done: a percentage lies between 0 and 100."},
		{"no number", retryFlag, url.Values{"percent": {"NaN"}, "unit": {"session"}, "expected": {"7"}}, 0, "Not done: a percentage lies between 0 and 100."},
		{"nothing", retryFlag, nil, 0, "Not done: a percentage is a number from 0 to 100."},
		{"locked", "ff_preview_credential_scheduler_v2", url.Values{"percent": {"1"}, "unit": {"request"}, "expected": {"7"}}, 100, "Not done: the environment sets this flag: unset its variable and restart the proxy."},
		{"rollback", "ff_http2_pool_tuning/rollback", nil, 0, "ff_http2_pool_tuning is rolled back: on for 0\u00a0% of sessions."},
		{"rollback of a locked one", "ff_preview_credential_scheduler_v2/rollback", nil, 100, "Not done: the environment sets this flag: unset its variable and restart the proxy."},
		{"unknown", "ff_none/rollback", nil, -1, "Not done: there is none of this name."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			b := w.loggedIn(t)
			got := b.submit(t, "/admin/panel/flags/"+tt.path, tt.form)
			name, _, _ := strings.Cut(tt.path, "/")
			if p := w.flags.percent(name); p != tt.percent || got.Request.URL.Path != "/admin/panel/flags" {
				t.Errorf("then %v %%, want %v %%; leads to %s", p, tt.percent, got.Request.URL)
			}
			if !strings.Contains(got.body, tt.says) {
				t.Errorf("it does not say %q but\n%s", tt.says, outline(got.body))
			}
			if again := b.get(t, "/admin/panel/flags"); strings.Contains(again.body, tt.says) {
				t.Error("it says so twice")
			}
		})
	}
}

// TestRollbackFollowsTheGeneration holds that a rollback does not fail because
// others change flags at the same time, and that it gives up in the end.
func TestRollbackFollowsTheGeneration(t *testing.T) {
	for _, tt := range []struct {
		others  int
		percent float64
	}{{3, 0}, {100, 20}} {
		w := newWorld(t)
		b := w.loggedIn(t)
		others := 0
		w.flags.before = func() {
			if others++; others <= tt.others {
				w.flags.mu.Lock()
				w.flags.state.Generation++
				w.flags.mu.Unlock()
			}
		}
		b.submit(t, "/admin/panel/flags/ff_http2_pool_tuning/rollback", nil)
		if p := w.flags.percent("ff_http2_pool_tuning"); p != tt.percent {
			t.Errorf("with %d changes of others: %v %%, want %v %%", tt.others, p, tt.percent)
		}
	}
}

func TestUpload(t *testing.T) {
	for _, tt := range []struct {
		name, text, file string
		want             string // the secret that is kept
		says             string
	}{
		{"text", " AIza-secret\n", "", "AIza-secret", "new one is in use as c1."},
		{"file", "", "{\"refresh_token\": \"s\"}\n", `{"refresh_token": "s"}`, "new one is in use as c1."},
		{"both", "AIza-secret", "file", "", "Not done: give the credential as a file or as text, not both."},
		{"neither", "", "", "", "Not done: the credential itself is missing."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			b := w.loggedIn(t)
			var body bytes.Buffer
			form := multipart.NewWriter(&body)
			for name, value := range map[string]string{
				"form": admin.FormToken(b.token(t)), "label": "new one", "kind": "oauth", "weight": "2", "preview": "on", "secret": tt.text,
			} {
				if err := form.WriteField(name, value); err != nil {
					t.Fatal(err)
				}
			}
			file, err := form.CreateFormFile("file", "account.json")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = file.Write([]byte(tt.file))
			_ = form.Close()
			got := b.send(t, "POST", "/admin/panel/credentials", &body, "Content-Type", form.FormDataContentType())
			if w.credentials.secrets["c1"] != tt.want || !strings.Contains(got.body, tt.says) {
				t.Errorf("kept %q, want %q; it says\n%s", w.credentials.secrets["c1"], tt.want, outline(got.body))
			}
			if tt.want != "" && (!w.credentials.all[0].Preview || w.credentials.all[0].Weight != 2) {
				t.Errorf("kept as %+v", w.credentials.all[0])
			}
			if strings.Contains(got.body, "secret\n") || strings.Contains(got.body, "refresh_token") {
				t.Error("the page shows the secret")
			}
		})
	}
}

func TestCredentialForms(t *testing.T) {
	w := newWorld(t)
	w.credentials.all = demoCredentials(time.Now())
	b := w.loggedIn(t)
	for _, action := range []string{"test", "disable", "enable", "clear", "recheck"} {
		got := b.submit(t, "/admin/panel/credentials/cr-5e6f/"+action, nil)
		if got.StatusCode != 200 || got.Request.URL.Path != "/admin/panel/credentials" || !strings.Contains(got.body, `role="status">cr-5e6f: `) {
			t.Errorf("%s: %d at %s", action, got.StatusCode, got.Request.URL)
		}
	}
	if got := b.submit(t, "/admin/panel/credentials/cr-5e6f/explode", nil); got.StatusCode != 404 {
		t.Errorf("an action that is none: %d", got.StatusCode)
	}
	if got := b.get(t, "/admin/panel/credentials/cr-5e6f/delete"); got.StatusCode != 200 || len(w.credentials.all) != 4 {
		t.Errorf("asking before a deletion: %d, %d left", got.StatusCode, len(w.credentials.all))
	}
	b.submit(t, "/admin/panel/credentials/cr-5e6f/delete", nil)
	if len(w.credentials.all) != 3 {
		t.Errorf("%d left after the deletion", len(w.credentials.all))
	}
	if got := b.get(t, "/admin/panel/credentials/cr-5e6f/delete"); got.StatusCode != 404 {
		t.Errorf("deleting what is gone: %d", got.StatusCode)
	}
}

func TestEntrance(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/", "/admin/"} {
		if got := w.do(t, "GET", path, ""); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/admin/panel/" {
			t.Errorf("%s: %d to %s", path, got.StatusCode, got.Header.Get("Location"))
		}
	}
}
