package watch_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/watch"
)

// ask asks the server and returns the status and the decision in the body.
func ask(t *testing.T, s *watch.Server, method, target, body string) (status int, decision judge.Decision) {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body)))
	var v judge.Verdict
	_ = json.Unmarshal(w.Body.Bytes(), &v) // errors have no verdict
	return w.Code, v.Decision
}

const hook = `{"name":"gateway","namespace":"prod","phase":"Progressing","checksum":"85d557f47b","metadata":{}}`

// serving runs test against a server whose canary is ratio times slower.
func serving(t *testing.T, source *arriving, test func(s *watch.Server)) {
	synctest.Test(t, func(t *testing.T) {
		s, err := watch.NewServer(watch.ServerConfig{
			Source: func(watch.Canary, time.Time) (watch.Source, error) { return source, nil },
			Policy: anytime(t), Every: 2 * time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		test(s)
	})
}

func TestServerRollsBack(t *testing.T) {
	serving(t, &arriving{t: t, ratio: 1.4}, func(s *watch.Server) {
		const url = "/v1/verdict?name=gateway&revision=1"
		if status, d := ask(t, s, "GET", url, ""); status != 200 || d != judge.NoData {
			t.Errorf("at first %d, %q", status, d)
		}
		time.Sleep(41 * time.Minute)
		if status, d := ask(t, s, "GET", url, ""); status != 200 || d != judge.Rollback {
			t.Errorf("later %d, %q", status, d)
		}
		time.Sleep(10 * time.Hour) // a rollback stands, and is not too old
		if status, d := ask(t, s, "GET", url, ""); status != 200 || d != judge.Rollback {
			t.Errorf("hours later %d, %q", status, d)
		}
		if status, d := ask(t, s, "GET", "/v1/verdict?name=gateway&revision=2", ""); status != 200 || d != judge.NoData {
			t.Errorf("the next revision: %d, %q", status, d)
		}
	})
}

// TestFlaggerGoesOnWithAPromotionAlone asks the three hooks as evidence comes.
func TestFlaggerGoesOnWithAPromotionAlone(t *testing.T) {
	for name, c := range map[string]struct {
		ratio, swing      float64
		after             time.Duration
		confirm, rollback int
	}{
		"before any look": {1, 0, 0, 409, 409},
		"a few looks":     {1, 0, 7 * time.Minute, 409, 409},
		"equal":           {1, 0, 41 * time.Minute, 200, 409},
		"between":         {1.075, .06, 21 * time.Minute, 409, 409},
		"slower":          {1.4, 0, 41 * time.Minute, 409, 200},
	} {
		t.Run(name, func(t *testing.T) {
			serving(t, &arriving{t: t, ratio: c.ratio, swing: c.swing}, func(s *watch.Server) {
				ask(t, s, "POST", "/v1/flagger/confirm", hook)
				time.Sleep(c.after)
				if status, d := ask(t, s, "POST", "/v1/flagger/confirm", hook); status != c.confirm {
					t.Errorf("confirm: %d (%s), want %d", status, d, c.confirm)
				}
				if status, d := ask(t, s, "POST", "/v1/flagger/rollback", hook); status != c.rollback {
					t.Errorf("rollback: %d (%s), want %d", status, d, c.rollback)
				}
			})
		})
	}
}

// TestServerNeverPassesOnAnError: evidence that was promoted once does not speak
// for a canary whose source is gone.
func TestServerNeverPassesOnAnError(t *testing.T) {
	source := &arriving{t: t, ratio: 1}
	source.fails = func(look int) error {
		if look > 20 {
			return errors.New("connection refused")
		}
		return nil
	}
	serving(t, source, func(s *watch.Server) {
		ask(t, s, "POST", "/v1/flagger/confirm", hook)
		time.Sleep(41 * time.Minute)
		if status, _ := ask(t, s, "POST", "/v1/flagger/confirm", hook); status != 200 {
			t.Fatalf("%d before the source was gone", status)
		}
		time.Sleep(9 * time.Minute)
		for _, path := range []string{"/v1/flagger/confirm", "/v1/flagger/rollback"} {
			if status, d := ask(t, s, "POST", path, hook); status != http.StatusServiceUnavailable || d != "" {
				t.Errorf("%s: %d, %q", path, status, d)
			}
		}
	})
}

// TestServerForgetsAnOldVerdict: a promotion speaks for three intervals, not for a
// canary at which nobody looks any more.
func TestServerForgetsAnOldVerdict(t *testing.T) {
	source := &arriving{t: t, ratio: 1}
	source.fails = func(look int) error {
		if look > 20 {
			time.Sleep(time.Hour) // a source that does not answer
		}
		return nil
	}
	serving(t, source, func(s *watch.Server) {
		ask(t, s, "POST", "/v1/flagger/confirm", hook)
		time.Sleep(41 * time.Minute)
		if status, _ := ask(t, s, "POST", "/v1/flagger/confirm", hook); status != 200 {
			t.Fatalf("%d while it is fresh", status)
		}
		time.Sleep(7 * time.Minute)
		if status, d := ask(t, s, "POST", "/v1/flagger/confirm", hook); status != http.StatusServiceUnavailable || d != "" {
			t.Errorf("%d, %q", status, d)
		}
	})
}

func TestServerRefuses(t *testing.T) {
	s, err := watch.NewServer(watch.ServerConfig{
		Source: func(watch.Canary, time.Time) (watch.Source, error) { return nil, errors.New("no such log") },
		Policy: anytime(t), Every: time.Second, Token: "s3cret",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct {
		name, method, target, body, token string
		want                              int
	}{
		{"no token", "GET", "/v1/verdict?name=a&revision=1", "", "", 401},
		{"another token", "GET", "/v1/verdict?name=a&revision=1", "", "secret", 401},
		{"health needs none", "GET", "/healthz", "", "", 200},
		{"no revision", "GET", "/v1/verdict?name=a", "", "s3cret", 400},
		{"no checksum", "POST", "/v1/flagger/confirm", `{"name":"a"}`, "s3cret", 400},
		{"no JSON", "POST", "/v1/flagger/confirm", `name=a`, "s3cret", 400},
		{"a hook by GET", "GET", "/v1/flagger/confirm", "", "s3cret", 405},
		{"no source", "GET", "/v1/verdict?name=a&revision=1", "", "s3cret", 503},
		{"a long name", "GET", "/v1/verdict?revision=1&name=" + strings.Repeat("a", 600), "", "s3cret", 400},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.target, strings.NewReader(c.body))
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.want || strings.Contains(w.Body.String(), "s3cret") {
			t.Errorf("%s: %d %q, want %d", c.name, w.Code, w.Body, c.want)
		}
	}
}

// TestServerMakesRoom: more canaries than it may watch end the one that was not
// asked about for longest, whose evidence then begins anew.
func TestServerMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := map[watch.Canary]int{}
		s, err := watch.NewServer(watch.ServerConfig{
			Source: func(c watch.Canary, _ time.Time) (watch.Source, error) {
				begun[c]++
				return &arriving{t: t, ratio: 1}, nil
			},
			Policy: anytime(t), Every: time.Hour, Most: 2,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, revision := range []string{"1", "2", "1", "3", "1", "2"} {
			ask(t, s, "GET", "/v1/verdict?name=a&revision="+revision, "")
			time.Sleep(time.Second)
		}
		for revision, want := range map[string]int{"1": 1, "2": 2, "3": 1} {
			if got := begun[watch.Canary{Name: "a", Revision: revision}]; got != want {
				t.Errorf("revision %s began %d times, want %d", revision, got, want)
			}
		}
	})
}
