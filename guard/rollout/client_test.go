package rollout_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/guard/rollout"
)

// An exchange is what a client sent, and what it gets for it.
type exchange struct {
	method, path, sent string
	status             int
	answer             string
}

// talk serves the exchanges in order, and returns a client.
func talk(t *testing.T, exchanges ...exchange) *rollout.Client {
	t.Helper()
	next := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if next >= len(exchanges) {
			t.Errorf("%s %s was not expected", r.Method, r.URL)
			return
		}
		x := exchanges[next]
		next++
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "Bearer key-of-tests" {
			t.Errorf("authorization %q", r.Header.Get("Authorization"))
		}
		if diff := cmp.Diff([]string{x.method, x.path, x.sent}, []string{r.Method, r.URL.String(), string(body)}); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		if x.status == http.StatusFound {
			w.Header().Set("Location", "http://127.0.0.1:1/")
		}
		w.WriteHeader(x.status)
		_, _ = io.WriteString(w, x.answer)
	}))
	t.Cleanup(func() {
		s.Close()
		if next != len(exchanges) {
			t.Errorf("%d of %d exchanges", next, len(exchanges))
		}
	})
	c, err := rollout.NewClient(s.URL+"/admin/", "ff_a", "key-of-tests")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestClientReads a setting and who set it last, whatever was done to other flags.
func TestClientReads(t *testing.T) {
	c := talk(t,
		exchange{"GET", "/admin/flags/ff_a", "", 200, `{"name":"ff_a","summary":"","locked":false,"percent":20,"unit":"session","generation":9}`},
		exchange{"GET", "/admin/audit?limit=1000", "", 200, `{"entries":[
			{"flag":"ff_b","who":"ops","generation":9},
			{"flag":"ff_a","who":"me","evidence":"step 2","generation":8,"from":{"percent":5}},
			{"flag":"ff_a","who":"me","evidence":"step 1","generation":3}]}`})
	got, err := c.Read(t.Context())
	want := rollout.State{Percent: 20, Unit: "session", Generation: 9, Last: rollout.Mark{Generation: 8, Who: "me", Evidence: "step 2"}}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

// TestClientReadsTheWholeLog: of a log that is longer than what is told of it the
// end is known, too.
func TestClientReadsTheWholeLog(t *testing.T) {
	entries := make([]string, 1000)
	for i := range entries {
		entries[i] = fmt.Sprintf(`{"flag":"ff_b","who":"ops","generation":%d}`, 5000-i)
	}
	c := talk(t,
		exchange{"GET", "/admin/flags/ff_a", "", 200, `{"name":"ff_a","percent":20,"unit":"session","generation":5000}`},
		exchange{"GET", "/admin/audit?limit=1000", "", 200, `{"entries":[` + strings.Join(entries, ",") + `]}`})
	got, err := c.Read(t.Context())
	if want := (rollout.State{Percent: 20, Unit: "session", Generation: 5000, Back: 4000}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestClientSets(t *testing.T) {
	sent := `{"percent":20,"unit":"request","expected":9,"who":"me","evidence":"step 2"}`
	change := rollout.Change{Percent: 20, Unit: "request", Expected: 9, Who: "me", Evidence: "step 2"}
	for _, c := range []struct {
		status int
		answer string
		want   error
		text   string
	}{
		{200, `{}`, nil, ""},
		{409, `{"error":{"code":"stale","message":"changed\nmeanwhile"}}`, rollout.ErrStale, "changed meanwhile"},
		{423, `{"error":{"message":"unset its variable"}}`, rollout.ErrLocked, "unset its variable"},
		{401, `{}`, rollout.ErrRefused, "the key is not the server's"},
		{404, `{"error":{"message":"there is none of this name"}}`, rollout.ErrRefused, "none of this name"},
		{302, ``, rollout.ErrRefused, "302"},
		{503, `<html>`, errAny, "status 503"},
		{429, ``, errAny, "status 429"},
	} {
		err := talk(t, exchange{"PUT", "/admin/flags/ff_a", sent, c.status, c.answer}).Set(t.Context(), change)
		switch {
		case c.want == nil && err == nil:
		case err == nil, c.want != errAny && !errors.Is(err, c.want), c.want == errAny && errors.Is(err, rollout.ErrRefused), !strings.Contains(err.Error(), c.text):
			t.Errorf("status %d: %v", c.status, err)
		case strings.Contains(err.Error(), "\n"), strings.Contains(err.Error(), "key-of-tests"):
			t.Errorf("status %d is told as %q", c.status, err)
		}
	}
}

// errAny is an error that may pass.
var errAny = errors.New("any")

// TestClientTakesNothingForAnAnswer: what does not tell the percentage is no 0 %.
func TestClientTakesNothingForAnAnswer(t *testing.T) {
	for _, answer := range []string{``, `{}`, `[]`, `<html>`, `{"name":"ff_b","percent":5}`, `{"name":"ff_a","percent":null}`} {
		if got, err := talk(t, exchange{"GET", "/admin/flags/ff_a", "", 200, answer}).Read(t.Context()); err == nil {
			t.Errorf("%q is taken for %+v", answer, got)
		}
	}
}

func TestClientReports(t *testing.T) {
	x := -.25
	err := talk(t, exchange{
		"POST", "/admin/verdicts",
		`{"flag":"ff_a","decision":"HOLD","percent":5,"metric":"first_token.p95","effect":-0.25,"reason":"more samples needed","evidence":"sha256:00","at":"2026-01-02T03:04:05Z"}`, 200, `{}`,
	}).Report(t.Context(), rollout.Said{
		Flag: "ff_a", Decision: "HOLD", Percent: 5, Metric: "first_token.p95", Effect: &x, Reason: "more samples needed", Evidence: "sha256:00",
		At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	})
	if err != nil {
		t.Error(err)
	}
}

func TestNewClientRefuses(t *testing.T) {
	for _, base := range []string{"", "127.0.0.1:80", "ftp://host", "http://", ":"} {
		if _, err := rollout.NewClient(base, "ff_a", "key"); err == nil {
			t.Errorf("%q is taken", base)
		}
	}
	if _, err := rollout.NewClient("http://127.0.0.1:1", "ff_a", ""); err == nil {
		t.Error("no key is taken")
	}
}
