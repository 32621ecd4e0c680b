package codeassist_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/codeassist"
)

func TestTokenThatIsGoodIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &google{}
		a, _ := open(t, file(t, 301*time.Second, ""), g, codeassist.Config{})
		if got, err := a.Token(t.Context()); got != "a0" || err != nil || len(g.requests("")) != 0 {
			t.Errorf("%q, %v after %d requests", got, err, len(g.requests("")))
		}
	})
}

// TestTokenIsReplacedAheadOfTime: with less than 300 s left the old token is
// still given at once, and one refresh runs behind it.
func TestTokenIsReplacedAheadOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := tokenAnswers()
		answers[0].wait = 3 * time.Second
		g := &google{answers: map[string][]answer{tokenPath: answers}}
		a, _ := open(t, file(t, 299*time.Second, ""), g, codeassist.Config{})
		begun := time.Now()
		for range 5 {
			if got, err := a.Token(t.Context()); got != "a0" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("waited %v", waited)
		}
		time.Sleep(4 * time.Second)
		if got, err := a.Token(t.Context()); got != "a1" || err != nil || len(g.requests(tokenPath)) != 1 {
			t.Errorf("%q, %v after %d refreshes", got, err, len(g.requests(tokenPath)))
		}
	})
}

// TestTokenOnAFastClock: a minute before its end in the clock's time is three
// seconds in the machine's.
func TestTokenOnAFastClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fast, err := clock.NewScaled(20, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		g := &google{answers: map[string][]answer{tokenPath: tokenAnswers()}}
		a, _ := open(t, file(t, 360*time.Second, ""), g, codeassist.Config{Clock: fast})
		for _, want := range []int{0, 1} { // refreshes
			if _, err := a.Token(t.Context()); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if n := len(g.requests(tokenPath)); n != want {
				t.Errorf("%d refreshes, want %d", n, want)
			}
			time.Sleep(3*time.Second + time.Millisecond)
		}
	})
}

// TestExpiredTokenIsReplacedOnce: everybody waits for one refresh.
func TestExpiredTokenIsReplacedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := tokenAnswers(`,"refresh_token":"REFRESH-2"`)
		answers[0].wait = 2 * time.Second
		g := &google{answers: map[string][]answer{tokenPath: answers}}
		path := file(t, -time.Second, "")
		a, log := open(t, path, g, codeassist.Config{})
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got, err := a.Token(t.Context()); got != "a1" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.Token(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a caller that leaves gets %v", err)
		}
		wg.Wait()
		asked := g.requests(tokenPath)
		if len(asked) != 1 || asked[0].agent != "firstbyte-refproxy/test" {
			t.Fatalf("asked %+v", asked)
		}
		form, err := url.ParseQuery(asked[0].body)
		want := url.Values{"client_id": {"id-1"}, "client_secret": {"SECRET-1"}, "refresh_token": {"REFRESH-1"}, "grant_type": {"refresh_token"}}
		if diff := cmp.Diff(want, form); diff != "" || err != nil {
			t.Errorf("form: %v\n%s", err, diff)
		}
		secretless(t, log.String())

		file := saved(t, path)
		if file["refresh_token"] != "REFRESH-2" || file["token"] != "a1" || file["client_secret"] != "SECRET-1" {
			t.Errorf("the file holds %v", file)
		}
		if diff := cmp.Diff(map[string]any{"as": []any{"it", "is"}}, file["kept"]); diff != "" {
			t.Errorf("unknown fields of the file: %s", diff)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		if list, _ := os.ReadDir(filepath.Dir(path)); len(list) != 1 {
			t.Errorf("left beside the file: %v", list)
		}
		// The next refresh uses what was rotated in.
		time.Sleep(time.Hour)
		if got, err := a.Token(t.Context()); got != "a2" || err != nil || !strings.Contains(g.requests(tokenPath)[1].body, "REFRESH-2") {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestTokenEndpoint: what each answer of the token endpoint comes to, and when it
// is asked again.
func TestTokenEndpoint(t *testing.T) {
	for name, tt := range map[string]struct {
		answer answer
		class  codeassist.Class
		says   string
		again  time.Duration // until it is asked again; 0: never
	}{
		"revoked":                     {answer{status: 400, body: `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`}, codeassist.Credential, "Token has been expired or revoked.", 0},
		"expired":                     {answer{status: 400, body: `{"error":"refresh_token_expired"}`}, codeassist.Credential, "refresh_token_expired", 0},
		"invalid refresh token":       {answer{status: 401, body: `{"error":"invalid_refresh_token"}`}, codeassist.Credential, "invalid_refresh_token", 0},
		"of another client":           {answer{status: 401, body: `{"error":"unauthorized_client"}`}, codeassist.Credential, "unauthorized_client", 0},
		"denied":                      {answer{status: 403, body: `{"error":"access_denied"}`}, codeassist.Credential, "access_denied", 0},
		"400 of a known code, quoted": {answer{status: 400, body: `{"error":"invalid_grant","error_description":"bad REFRESH-1 of SECRET-1"}`}, codeassist.Credential, "bad hidden of hidden", 0},
		"400 of another code":         {answer{status: 400, body: `{"error":"invalid_request"}`}, codeassist.Passing, "invalid_request", 5 * time.Minute},
		"401 without a code":          {answer{status: 401, body: "<html>proxy</html>"}, codeassist.Passing, "answered 401", 5 * time.Minute},
		"403 of Google's own shape":   {answer{status: 403, body: `{"error":{"code":403,"message":"blocked","status":"PERMISSION_DENIED"}}`}, codeassist.Passing, "PERMISSION_DENIED blocked", 5 * time.Minute},
		"a known code at 500":         {answer{status: 500, body: `{"error":"invalid_grant"}`}, codeassist.Passing, "answered 500", time.Second},
		"429":                         {answer{status: 429}, codeassist.Passing, "answered 429", time.Second},
		"429 with a wait":             {answer{status: 429, header: "Retry-After: 40"}, codeassist.Passing, "answered 429", 40 * time.Second},
		"503":                         {answer{status: 503}, codeassist.Passing, "answered 503", time.Second},
		"a redirect":                  {answer{status: 302, header: "Location: https://evil.test/"}, codeassist.Passing, "answered 302", time.Second},
		"no network":                  {answer{}, codeassist.Passing, "not reached", time.Second},
		"hangs":                       {answer{status: 200, wait: time.Hour}, codeassist.Passing, "not reached", time.Second},
		"200 that is no JSON":         {answer{status: 200, body: "ok"}, codeassist.Passing, "no access token", time.Second},
		"200 without a token":         {answer{status: 200, body: `{"expires_in":3600}`}, codeassist.Passing, "no access token", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &google{answers: map[string][]answer{tokenPath: append([]answer{tt.answer}, tokenAnswers()...)}}
				path := file(t, -time.Second, "")
				before := saved(t, path)
				var dead []*codeassist.Error
				a, log := open(t, path, g, codeassist.Config{})
				a.OnDead(func(e *codeassist.Error) {
					dead = append(dead, e)
					_, _ = a.Token(t.Context()) // it holds no lock
				})
				_, err := a.Token(t.Context())
				e, ok := errors.AsType[*codeassist.Error](err)
				if !ok || e.Class != tt.class || !strings.Contains(e.Message, tt.says) {
					t.Fatalf("error %v, want class %d and %q", err, tt.class, tt.says)
				}
				secretless(t, err.Error(), log.String())
				if diff := cmp.Diff(before, saved(t, path)); diff != "" {
					t.Errorf("a failure changed the file: %s", diff)
				}
				_, err = a.Token(t.Context())
				if err == nil || len(g.requests(tokenPath)) != 1 {
					t.Errorf("asked again at once: %v, %d requests", err, len(g.requests(tokenPath)))
				}
				if told := len(dead) == 1; told != (tt.class == codeassist.Credential) || told && dead[0].Message != e.Message {
					t.Errorf("told that the credential is dead: %v", dead)
				}
				late := false // who asks later is told at once
				if a.OnDead(func(*codeassist.Error) { late = true }); late != (tt.class == codeassist.Credential) {
					t.Errorf("told late that the credential is dead: %v", late)
				}
				if tt.again == 0 {
					time.Sleep(24 * time.Hour)
					if _, err := a.Token(t.Context()); err == nil || len(g.requests(tokenPath)) != 1 {
						t.Errorf("asked again: %v, %d requests", err, len(g.requests(tokenPath)))
					}
					return
				}
				if e, _ := errors.AsType[*codeassist.Error](err); e.RetryAfter != tt.again {
					t.Errorf("retry after %v, want %v", e.RetryAfter, tt.again)
				}
				time.Sleep(tt.again)
				if got, err := a.Token(t.Context()); got != "a1" || err != nil {
					t.Errorf("after the wait: %q, %v", got, err)
				}
			})
		})
	}
}

// TestOldTokenOutlivesAFailedRefresh: while it is good it is used, and the pauses
// between refreshes grow.
func TestOldTokenOutlivesAFailedRefresh(t *testing.T) {
	for name, failure := range map[string]answer{"passing": {status: 503}, "revoked": {status: 400, body: `{"error":"invalid_grant"}`}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &google{answers: map[string][]answer{tokenPath: {failure}}}
				a, _ := open(t, file(t, 290*time.Second, ""), g, codeassist.Config{})
				for range 289 {
					if got, err := a.Token(t.Context()); got != "a0" || err != nil {
						t.Fatalf("%q, %v", got, err)
					}
					time.Sleep(time.Second)
				}
				most := map[string]int{"passing": 12, "revoked": 1}[name]
				if n := len(g.requests(tokenPath)); n < 1 || n > most {
					t.Errorf("%d refreshes in 289 s", n)
				}
				time.Sleep(2 * time.Second)
				if _, err := a.Token(t.Context()); err == nil {
					t.Error("an expired token was given")
				}
			})
		})
	}
}

// TestIdleAccount: a token is replaced ahead of its end though nobody asks, or its
// death is told; after Close nothing is asked any more.
func TestIdleAccount(t *testing.T) {
	for name, tt := range map[string]struct {
		answer answer
		closed bool
		asked  int // in a day
		dead   bool
	}{
		"alive":   {answer: answer{status: 200, body: `{"access_token":"a1","expires_in":43200}`}, asked: 2},
		"revoked": {answer: answer{status: 400, body: revoked}, asked: 1, dead: true},
		"closed":  {answer: answer{status: 400, body: revoked}, closed: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &google{answers: map[string][]answer{tokenPath: {tt.answer}}}
				a, _ := open(t, file(t, time.Hour, ""), g, codeassist.Config{})
				told := time.Time{}
				a.OnDead(func(*codeassist.Error) { told = time.Now() })
				begun := time.Now()
				if tt.closed {
					a.Close()
				}
				time.Sleep(24 * time.Hour)
				a.Close() // nobody tells any more
				if n := len(g.requests(tokenPath)); n != tt.asked {
					t.Errorf("asked %d times in a day", n)
				}
				if told.IsZero() == tt.dead || tt.dead && told.Sub(begun) >= time.Hour {
					t.Errorf("told at %v, begun at %v", told, begun)
				}
			})
		})
	}
}

func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := tokenAnswers()
		answers[0].wait = time.Second
		g := &google{answers: map[string][]answer{tokenPath: answers}}
		a, _ := open(t, file(t, time.Hour, ""), g, codeassist.Config{})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := a.Renew(t.Context(), "a0"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got, _ := a.Token(t.Context()); got != "a1" || len(g.requests(tokenPath)) != 1 {
			t.Errorf("%q after %d refreshes", got, len(g.requests(tokenPath)))
		}
		if err := a.Renew(t.Context(), "a0"); err != nil || len(g.requests(tokenPath)) != 1 {
			t.Errorf("a token that is gone was renewed: %v", err)
		}
		err := a.Renew(t.Context(), "a1")
		if e, ok := errors.AsType[*codeassist.Error](err); !ok || e.Class != codeassist.Credential || len(g.requests(tokenPath)) != 1 {
			t.Errorf("a fresh token that is refused: %v", err)
		}
		time.Sleep(11 * time.Second)
		if err := a.Renew(t.Context(), "a1"); err != nil || len(g.requests(tokenPath)) != 2 {
			t.Errorf("%v after %d refreshes", err, len(g.requests(tokenPath)))
		}
	})
}

// TestTokenThatCannotBeSaved is used all the same, and the operator is told.
func TestTokenThatCannotBeSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &google{answers: map[string][]answer{tokenPath: tokenAnswers()}}
		path := file(t, -time.Second, "")
		a, log := open(t, path, g, codeassist.Config{})
		if err := os.RemoveAll(filepath.Dir(path)); err != nil {
			t.Fatal(err)
		}
		if got, err := a.Token(t.Context()); got != "a1" || err != nil || !strings.Contains(log.String(), "could not be saved") {
			t.Errorf("%q, %v, log %s", got, err, log)
		}
	})
}

func TestTokenLife(t *testing.T) {
	for in, want := range map[string]time.Duration{`3600`: time.Hour, `"1800"`: 30 * time.Minute, `0`: time.Hour, `-5`: time.Hour, `1e12`: 24 * time.Hour, `599.5`: 599500 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			g := &google{answers: map[string][]answer{tokenPath: {{status: 200, body: `{"access_token":"a1","expires_in":` + in + `}`}, {status: 200, body: `{"access_token":"a2"}`}}}}
			a, _ := open(t, file(t, -time.Second, ""), g, codeassist.Config{})
			if _, err := a.Token(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(want - 301*time.Second)
			if got, _ := a.Token(t.Context()); got != "a1" || len(g.requests(tokenPath)) != 1 {
				t.Errorf("expires_in %s: replaced too early", in)
			}
			time.Sleep(time.Second + time.Millisecond)
			if _, err := a.Token(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n := len(g.requests(tokenPath)); n != 2 {
				t.Errorf("expires_in %s: not replaced ahead of its end", in)
			}
		})
	}
}

// TestOpen: a file that cannot work is refused with what to do, and without a
// word of it.
func TestOpen(t *testing.T) {
	for name, tt := range map[string]struct{ content, says string }{
		"no JSON":             {`SECRET-1`, "JSON object"},
		"wrong type":          {`{"client_id":7,"client_secret":"SECRET-1"}`, "JSON object"},
		"no client id":        {`{"client_secret":"SECRET-1","refresh_token":"REFRESH-1"}`, "OAuth client of your own"},
		"no client secret":    {`{"client_id":"x","refresh_token":"REFRESH-1"}`, "none is built in"},
		"no refresh token":    {`{"client_id":"x","client_secret":"SECRET-1","token":"a"}`, "refresh_token is missing"},
		"token_uri in clear":  {`{"client_id":"x","client_secret":"SECRET-1","refresh_token":"REFRESH-1","token_uri":"http://accounts.test/"}`, "want https"},
		"token_uri is no URL": {`{"client_id":"x","client_secret":"SECRET-1","refresh_token":"REFRESH-1","token_uri":"accounts"}`, "no URL"},
	} {
		path := filepath.Join(t.TempDir(), "c.json")
		if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := codeassist.Open(codeassist.Config{File: path})
		if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
			continue
		}
		secretless(t, err.Error())
		if _, inMemory := codeassist.Open(codeassist.Config{JSON: []byte(tt.content)}); inMemory == nil || !strings.HasSuffix(err.Error(), inMemory.Error()) {
			t.Errorf("%s: %v, not as the file's: %v", name, inMemory, err)
		}
	}
	if _, err := codeassist.Open(codeassist.Config{File: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("no file was accepted")
	}
	if _, err := codeassist.Open(codeassist.Config{File: file(t, 0, ""), JSON: []byte("{}")}); err == nil || !strings.Contains(err.Error(), "not both") {
		t.Errorf("a file and its content: %v", err)
	}
}

// A vault keeps a credential for several accounts.
type vault struct {
	mu    sync.Mutex
	text  string
	saves int
	fault error
}

func (v *vault) load() ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return []byte(v.text), v.fault
}

func (v *vault) save(data []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fault == nil {
		v.text = string(data)
		v.saves++
	}
	return v.fault
}

// open opens an account as one of several processes that share the credential.
func (v *vault) open(t *testing.T, g *google) (*codeassist.Account, *safeBuffer) {
	t.Helper()
	return open(t, "", g, codeassist.Config{JSON: []byte(v.text), Load: v.load, Save: v.save})
}

func newVault(left time.Duration) *vault {
	return &vault{text: `{"client_id":"id-1","client_secret":"SECRET-1","refresh_token":"REFRESH-1","token":"a0","expiry":"` +
		time.Now().Add(left).UTC().Format(time.RFC3339) + `","token_uri":"https://accounts.test/token","kept":1}`}
}

const revoked = `{"error":"invalid_grant"}`

// TestSharedCredential: what one process has refreshed serves the others, also
// where the old refresh token is void by then; the login stays the same.
func TestSharedCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(-time.Second)
		g := &google{answers: map[string][]answer{tokenPath: {
			{status: 200, body: `{"access_token":"a1","expires_in":3600,"refresh_token":"REFRESH-2"}`},
			{status: 200, body: `{"access_token":"a2","expires_in":3600}`},
			{status: 400, body: revoked},
		}}}
		a, _ := v.open(t, g)
		b, log := v.open(t, g)
		if a.Identity() != b.Identity() || strings.Contains(a.Identity(), "REFRESH") {
			t.Errorf("identities %q and %q", a.Identity(), b.Identity())
		}
		for _, one := range []*codeassist.Account{a, b} {
			if got, err := one.Token(t.Context()); got != "a1" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
		if n := len(g.requests(tokenPath)); n != 1 || v.saves != 1 || !strings.Contains(v.text, `"REFRESH-2"`) || !strings.Contains(v.text, `"kept": 1`) {
			t.Errorf("%d refreshes, kept %d times: %s", n, v.saves, v.text)
		}
		time.Sleep(time.Minute)
		// A token of another process that is refused is replaced, and not held to be new.
		if err := b.Renew(t.Context(), "a1"); err != nil {
			t.Error(err)
		}
		if got, err := a.Token(t.Context()); got != "a1" || err != nil {
			t.Errorf("the other one, whose token is good: %q, %v", got, err)
		}
		if err := a.Renew(t.Context(), "a1"); err != nil || len(g.requests(tokenPath)) != 2 {
			t.Errorf("%v after %d refreshes", err, len(g.requests(tokenPath)))
		}
		if got, err := a.Token(t.Context()); got != "a2" || err != nil {
			t.Errorf("taken over: %q, %v", got, err)
		}
		secretless(t, log.String())
	})
}

// TestTwoRefreshAtOnce: who comes second with a refresh token that serves once is
// not dead, if the first keeps another within two seconds.
func TestTwoRefreshAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		keeps time.Duration // until the first has kept its own; 0: never
		dead  bool
	}{"kept at once": {time.Millisecond, false}, "kept a little later": {1900 * time.Millisecond, false}, "revoked": {0, true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newVault(-time.Second)
				g := &google{answers: map[string][]answer{tokenPath: {{status: 400, body: revoked}}}}
				a, _ := v.open(t, g)
				told := false
				a.OnDead(func(*codeassist.Error) { told = true })
				if tt.keeps > 0 {
					time.AfterFunc(tt.keeps, func() {
						other := strings.NewReplacer("REFRESH-1", "REFRESH-2", `"a0"`, `"b1"`).Replace(newVault(time.Hour).text)
						_ = v.save([]byte(other))
					})
				}
				got, err := a.Token(t.Context())
				if told != tt.dead || (err != nil) != tt.dead || !tt.dead && got != "b1" {
					t.Errorf("%q, %v, dead %v", got, err, told)
				}
				if n := len(g.requests(tokenPath)); n != 1 {
					t.Errorf("%d refreshes", n)
				}
			})
		})
	}
}

// TestVaultThatFails: an account goes on with what it knows.
func TestVaultThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(-time.Second)
		g := &google{answers: map[string][]answer{tokenPath: tokenAnswers()}}
		a, log := v.open(t, g)
		v.fault = errors.New("no disk")
		if got, err := a.Token(t.Context()); got != "a1" || err != nil || !strings.Contains(log.String(), "could not be saved") {
			t.Errorf("%q, %v, log %s", got, err, log)
		}
		secretless(t, log.String())
	})
}

// TestExpiryShapes: every way in which a time is written in such files.
func TestExpiryShapes(t *testing.T) {
	at := time.Date(2030, 5, 6, 7, 8, 9, 0, time.UTC)
	for in, good := range map[string]bool{
		"2030-05-06T07:08:09Z": true, "2030-05-06T09:08:09+02:00": true, "2030-05-06T07:08:09": true,
		"2030-05-06T07:08:09.000001": true, "2030-05-06 07:08:09": true, "2030-05-06 07:08:09+00:00": true,
		"": false, "soon": false, "1904108889": false,
	} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(at.Add(-400 * time.Second)))
			path := filepath.Join(t.TempDir(), "c.json")
			content := `{"client_id":"x","client_secret":"s","refresh_token":"r","access_token":"a0","token_uri":"https://accounts.test/token","expiry":"` + in + `"}`
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			g := &google{answers: map[string][]answer{tokenPath: tokenAnswers()}}
			a, _ := open(t, path, g, codeassist.Config{})
			got, err := a.Token(t.Context())
			if want := map[bool]string{true: "a0", false: "a1"}[good]; got != want || err != nil {
				t.Errorf("%q: %q, %v", in, got, err)
			}
			if !good && saved(t, path)["access_token"] != "a1" {
				t.Errorf("%q: access_token is not kept where it stood", in)
			}
		})
	}
}
