package fakeaccount_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/codeassist"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakeaccount"
)

// direct carries requests to the account without a socket, which a bubble
// cannot wait for.
type direct struct{ account *fakeaccount.Account }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r.Host = r.URL.Host
	if r.Body == nil {
		r.Body = http.NoBody
	}
	d.account.ServeHTTP(w, r)
	return w.Result(), nil
}

// client opens the proxy's own client for the account.
func client(t *testing.T, config fakeaccount.Config, refreshToken, project string) (*codeassist.Account, *fakeaccount.Account) {
	t.Helper()
	fake := fakeaccount.New(config, 1, []string{"m-1", "m-2"}, nil)
	file := filepath.Join(t.TempDir(), "credential.json")
	text := fmt.Sprintf(`{"client_id":"i","client_secret":"s","refresh_token":%q,"project_id":%q,"token_uri":"https://fake.test/token"}`, refreshToken, project)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := codeassist.Open(codeassist.Config{File: file, BaseURL: "https://fake.test", HTTP: direct{fake}, UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a, fake
}

// TestTheClientFindsItsProject drives the client of the proxy against every
// account that it has to cope with.
func TestTheClientFindsItsProject(t *testing.T) {
	closed := []fakeaccount.Ineligible{{Tier: "free-tier", Reason: "VALIDATION_REQUIRED", Message: "Verify first.", URL: "https://a.test/verify?long=1"}}
	standard := []fakeaccount.Tier{{ID: "standard-tier", Default: true, UserProject: true}}
	for name, tt := range map[string]struct {
		config        fakeaccount.CodeAssist
		project, want string
		says          string
		took          time.Duration
	}{
		"set up":                           {config: fakeaccount.CodeAssist{}, want: "simulated-project"},
		"another project":                  {config: fakeaccount.CodeAssist{Project: "p-1"}, want: "p-1"},
		"path":                             {config: fakeaccount.CodeAssist{ProjectShape: "path"}, want: "simulated-project"},
		"location":                         {config: fakeaccount.CodeAssist{ProjectShape: "location"}, want: "simulated-project"},
		"list":                             {config: fakeaccount.CodeAssist{ProjectShape: "list"}, want: "simulated-project"},
		"projectId":                        {config: fakeaccount.CodeAssist{ProjectShape: "projectId"}, want: "simulated-project"},
		"project_id":                       {config: fakeaccount.CodeAssist{ProjectShape: "project_id"}, want: "simulated-project"},
		"id of an object":                  {config: fakeaccount.CodeAssist{ProjectShape: "name"}, want: "simulated-project"},
		"project of an object":             {config: fakeaccount.CodeAssist{ProjectShape: "project"}, want: "simulated-project"},
		"none":                             {config: fakeaccount.CodeAssist{ProjectShape: "none"}, says: "set project_id"},
		"none, but the user's own":         {config: fakeaccount.CodeAssist{ProjectShape: "none"}, project: "mine", want: "mine"},
		"blank, but the user's own":        {config: fakeaccount.CodeAssist{ProjectShape: "blank"}, project: "mine", want: "mine"},
		"onboarded at once":                {config: fakeaccount.CodeAssist{Onboarding: true}, project: "mine", want: "simulated-project"},
		"onboarded after three polls":      {config: fakeaccount.CodeAssist{Onboarding: true, Polls: 3, ProjectShape: "id"}, want: "simulated-project", took: 6 * time.Second},
		"onboarded by asking again":        {config: fakeaccount.CodeAssist{Onboarding: true, Polls: 2, Nameless: true}, want: "simulated-project", took: 4 * time.Second},
		"onboarded with the user's":        {config: fakeaccount.CodeAssist{Onboarding: true, Tiers: standard}, project: "mine", want: "mine"},
		"a tier that needs a project":      {config: fakeaccount.CodeAssist{Onboarding: true, Tiers: standard}, says: "set project_id"},
		"never onboarded":                  {config: fakeaccount.CodeAssist{Onboarding: true, Polls: 99}, says: "within 30s", took: 30 * time.Second},
		"onboarding that fails":            {config: fakeaccount.CodeAssist{Onboarding: true, OnboardingError: "No luck."}, says: "No luck."},
		"a tier that is closed":            {config: fakeaccount.CodeAssist{Onboarding: true, Ineligible: closed}, says: "VALIDATION_REQUIRED Verify first. https://a.test/verify?long=1"},
		"legacy tier if there is no other": {config: fakeaccount.CodeAssist{Onboarding: true, Tiers: []fakeaccount.Tier{}}, want: "simulated-project"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, fake := client(t, fakeaccount.Config{CodeAssist: tt.config}, "r", tt.project)
				begun := time.Now()
				got, err := a.Project(t.Context())
				if got != tt.want || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("%q, %v, want %q %q", got, err, tt.want, tt.says)
				}
				if took := time.Since(begun); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				refusal := fake.CheckProject(got)
				if (refusal == nil) != (tt.want != "") {
					t.Errorf("charged to %q: %+v", got, refusal)
				}
				if tt.want == "" {
					return
				}
				if models, err := a.Models(t.Context()); err != nil || fmt.Sprint(models) != "[m-1 m-2]" {
					t.Errorf("models %v, %v", models, err)
				}
			})
		})
	}
}

// TestTokensEnd: a token serves for its life, the client renews it ahead of its
// end, and a rotated refresh token replaces the old one.
func TestTokensEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, fake := client(t, fakeaccount.Config{Tokens: fakeaccount.Tokens{Life: 10 * time.Minute, Rotate: true}}, "r", "")
		first := token(t, a)
		header := http.Header{"Authorization": {"Bearer " + first}}
		if f := fake.Authorise(header); f != nil {
			t.Fatalf("refused: %+v", f)
		}
		time.Sleep(6 * time.Minute)
		token(t, a) // renews in the background
		synctest.Wait()
		if second := token(t, a); second == first || fake.Authorise(http.Header{"Authorization": {"Bearer " + second}}) != nil {
			t.Errorf("renewed %q to %q", first, second)
		}
		time.Sleep(4 * time.Minute)
		if f := fake.Authorise(header); f == nil || f.Reason != "ACCESS_TOKEN_EXPIRED" || f.Code != http.StatusUnauthorized {
			t.Errorf("an old token: %+v", f)
		}
		time.Sleep(10 * time.Minute)
		token(t, a)
		if got := fake.Stats(); got.Refreshes < 3 || got.Refused != 0 || got.Unauthorised != 1 {
			t.Errorf("counted %+v", got)
		}
	})
}

// TestARotatedTokenServesOnce: the old one is an invalid_grant from then on.
func TestARotatedTokenServesOnce(t *testing.T) {
	fake := fakeaccount.New(fakeaccount.Config{Tokens: fakeaccount.Tokens{Rotate: true}}, 1, nil, nil)
	form := refreshForm()
	var answer struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := json.Unmarshal(grant(fake, form).Body.Bytes(), &answer); err != nil || answer.RefreshToken == "" {
		t.Fatalf("no new token: %v", err)
	}
	if w := grant(fake, form); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "invalid_grant") {
		t.Errorf("the old token: %d %s", w.Code, w.Body)
	}
	form.Set("refresh_token", answer.RefreshToken)
	if w := grant(fake, form); w.Code != http.StatusOK {
		t.Errorf("the new token: %d %s", w.Code, w.Body)
	}
}

// TestTheProjectIsUntoldWithoutATier: what is told beside no tier must not be
// taken for the account's, so it is not told.
func TestTheProjectIsUntoldWithoutATier(t *testing.T) {
	for _, onboarding := range []bool{false, true} {
		fake := fakeaccount.New(fakeaccount.Config{CodeAssist: fakeaccount.CodeAssist{Onboarding: onboarding}}, 1, nil, nil)
		var given struct {
			AccessToken string `json:"access_token"`
		}
		if err := json.Unmarshal(grant(fake, refreshForm()).Body.Bytes(), &given); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "https://fake.test/v1internal:loadCodeAssist",
			strings.NewReader(`{"metadata":{"ideType":"IDE_UNSPECIFIED","platform":"PLATFORM_UNSPECIFIED","pluginType":"GEMINI"}}`))
		r.Header.Set("Authorization", "Bearer "+given.AccessToken)
		w := httptest.NewRecorder()
		fake.ServeHTTP(w, r)
		if told := strings.Contains(w.Body.String(), "cloudaicompanionProject"+`":`); told == onboarding {
			t.Errorf("onboarding %v: %s", onboarding, w.Body)
		}
	}
}

func token(t *testing.T, a *codeassist.Account) string {
	t.Helper()
	s, err := a.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGrantsAreRefusedAsPlanned(t *testing.T) {
	for name, tt := range map[string]struct {
		refuse  fakeaccount.Refuse
		refresh string
		class   codeassist.Class
		code    string
	}{
		"a revoked token":  {refresh: "revoked-1", class: codeassist.Credential, code: "invalid_grant"},
		"as configured":    {refuse: fakeaccount.Refuse{Code: "invalid_grant"}, refresh: "r", class: codeassist.Credential, code: "invalid_grant"},
		"a busy endpoint":  {refuse: fakeaccount.Refuse{Code: "busy", Status: 503, Times: 1}, refresh: "r", class: codeassist.Passing, code: "busy"},
		"another's client": {refuse: fakeaccount.Refuse{Code: "unauthorized_client", Status: 401}, refresh: "r", class: codeassist.Credential, code: "unauthorized_client"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, fake := client(t, fakeaccount.Config{Tokens: fakeaccount.Tokens{Refuse: tt.refuse}}, tt.refresh, "")
				_, err := a.Token(t.Context())
				e, ok := errors.AsType[*codeassist.Error](err)
				if !ok || e.Class != tt.class || e.Code != tt.code {
					t.Errorf("got %v", err)
				}
				if fake.Stats().Refused != 1 {
					t.Errorf("counted %+v", fake.Stats())
				}
				time.Sleep(time.Hour)
				if _, err := a.Token(t.Context()); (err == nil) != (tt.refuse.Times == 1) {
					t.Errorf("later: %v", err)
				}
			})
		})
	}
}

func TestRefusalsBeginAfterSoManyGrants(t *testing.T) {
	fake := fakeaccount.New(fakeaccount.Config{Tokens: fakeaccount.Tokens{Refuse: fakeaccount.Refuse{Code: "x", After: 1, Times: 2}}}, 1, nil, nil)
	var got []int
	for range 5 {
		got = append(got, grant(fake, refreshForm()).Code)
	}
	if fmt.Sprint(got) != "[200 400 400 200 200]" {
		t.Errorf("got %v", got)
	}
}

func refreshForm() url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "client_id": {"i"}, "client_secret": {"s"}, "refresh_token": {"r"}}
}

func grant(fake *fakeaccount.Account, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "https://fake.test/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	fake.ServeHTTP(w, r)
	return w
}

// assertion makes a JWT whose signature nobody looks at.
func assertion(header, claims string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(header)) + "." + part([]byte(claims)) + "." + part([]byte("signature"))
}

func TestAssertionsAreChecked(t *testing.T) {
	const header = `{"alg":"RS256","typ":"JWT","kid":"k"}`
	now := time.Now().Unix()
	claims := func(iss, aud, scope string, iat, exp int64) string {
		text, err := json.Marshal(map[string]any{"iss": iss, "aud": aud, "scope": scope, "iat": iat, "exp": exp})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	const here = "https://fake.test/token"
	for name, tt := range map[string]struct{ token, says string }{
		"right":             {assertion(header, claims("a@b", here, "s", now, now+3600)), ""},
		"no JWT":            {"a.b", "three parts"},
		"no signature":      {"a.b.", "three parts"},
		"no base64":         {"?.?.?", "JSON in base64url"},
		"signature of junk": {assertion(header, claims("a@b", here, "s", now, now+3600)) + "?", "signature must be base64url"},
		"another algorithm": {assertion(`{"alg":"none","typ":"JWT"}`, claims("a@b", here, "s", now, now+3600)), "RS256"},
		"nobody":            {assertion(header, claims("", here, "s", now, now+3600)), "iss is missing"},
		"for nothing":       {assertion(header, claims("a@b", here, "", now, now+3600)), "scope is missing"},
		"for another":       {assertion(header, claims("a@b", "https://other.test/token", "s", now, now+3600)), "aud must be this endpoint"},
		"over":              {assertion(header, claims("a@b", here, "s", now-7200, now-3600)), "short-lived"},
		"of the future":     {assertion(header, claims("a@b", here, "s", now+3600, now+7200)), "short-lived"},
		"for a day":         {assertion(header, claims("a@b", here, "s", now, now+86400)), "short-lived"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := fakeaccount.New(fakeaccount.Config{}, 1, nil, nil)
			w := grant(fake, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {tt.token}})
			if tt.says == "" {
				if w.Code != http.StatusOK || fake.Stats().Assertions != 1 {
					t.Errorf("got %d %s", w.Code, w.Body)
				}
				return
			}
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), tt.says) || !strings.Contains(w.Body.String(), `"invalid_grant"`) {
				t.Errorf("want %q, got %d %s", tt.says, w.Code, w.Body)
			}
		})
	}
}

// TestQuestionsAreReadStrictly asks what the proxy's own client never would.
func TestQuestionsAreReadStrictly(t *testing.T) {
	fake := fakeaccount.New(fakeaccount.Config{CodeAssist: fakeaccount.CodeAssist{Onboarding: true}}, 1, nil, nil)
	var given struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(grant(fake, refreshForm()).Body.Bytes(), &given); err != nil {
		t.Fatal(err)
	}
	const who = `"metadata":{"ideType":"IDE_UNSPECIFIED","platform":"PLATFORM_UNSPECIFIED","pluginType":"GEMINI"}`
	for _, tt := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "/v1internal:loadCodeAssist", `{}`, 400, "metadata must have"},
		{"POST", "/v1internal:loadCodeAssist", `{` + who + `,"project":"p"}`, 400, `unknown field`},
		{"POST", "/v1internal:loadCodeAssist", `{` + who + `} {}`, 400, `something follows`},
		{"POST", "/v1internal:onboardUser", `{"tierId":"free-tier","cloudaicompanionProject":"p",` + who + `}`, 400, "Precondition Failed"},
		{"POST", "/v1internal:onboardUser", `{"tierId":"big-tier",` + who + `}`, 403, "not eligible"},
		{"POST", "/v1internal:onboardUser", `{"tierId":"legacy-tier",` + who + `}`, 403, "not eligible"},
		{"POST", "/v1internal:retrieveUserQuota", `{"project":"simulated-project"}`, 403, "has to be onboarded"},
		{"POST", "/v1internal:listExperiments", `{}`, 404, "Method not found"},
		{"GET", "/v1internal/operations/onboarding", ``, 404, "Operation not found"},
		{"POST", "/v1internal:onboardUser", `{"tierId":"free-tier",` + who + `}`, 200, `"done":true`},
		{"GET", "/v1internal/operations/other", ``, 404, "Operation not found"},
		{"POST", "/v1internal:retrieveUserQuota", `{"project":"another"}`, 403, "Permission denied on resource project another"},
	} {
		r := httptest.NewRequest(tt.method, "https://fake.test"+tt.path, strings.NewReader(tt.body))
		r.Header.Set("Authorization", "Bearer "+given.AccessToken)
		w := httptest.NewRecorder()
		fake.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s %s %s: want %d %q, got %d %s", tt.method, tt.path, tt.body, tt.status, tt.says, w.Code, w.Body)
		}
	}
	for header, says := range map[string]string{"": "CREDENTIALS_MISSING", "Bearer invented": "ACCESS_TOKEN_TYPE_UNSUPPORTED", given.AccessToken: "CREDENTIALS_MISSING"} {
		if f := fake.Authorise(http.Header{"Authorization": {header}}); f == nil || f.Reason != says {
			t.Errorf("%q: want %s, got %+v", header, says, f)
		}
	}
}

func TestConfigErrorsNameTheKey(t *testing.T) {
	err := fakeaccount.Config{
		Tokens: fakeaccount.Tokens{Life: -1, Refuse: fakeaccount.Refuse{Status: 200, After: -1}},
		CodeAssist: fakeaccount.CodeAssist{
			ProjectShape: "cube", Polls: -1, Tiers: []fakeaccount.Tier{{}}, Ineligible: []fakeaccount.Ineligible{{}},
		},
	}.Validate()
	for _, says := range []string{
		"tokens.life", "tokens.refuse.status", "after and times", "tokens.refuse.code", `project_shape: "cube" is none of id`,
		"polls", "tiers[0].id", "ineligible[0].reason",
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q in %v", says, err)
		}
	}
	if err := (fakeaccount.Config{}).Validate(); err != nil {
		t.Errorf("the zero value: %v", err)
	}
}

// FuzzToken holds that whatever is asked gets one JSON object, that a grant
// gives a token that serves, and a refusal none.
func FuzzToken(f *testing.F) {
	f.Add("grant_type=refresh_token&client_id=i&client_secret=s&refresh_token=r")
	f.Add("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" +
		assertion(`{"alg":"RS256","typ":"JWT"}`, `{"iss":"a","scope":"s","aud":"https://fake.test/token","iat":1,"exp":99}`))
	f.Add("grant_type=x;%zz")
	f.Fuzz(func(t *testing.T, form string) {
		fake := fakeaccount.New(fakeaccount.Config{}, 1, nil, nil)
		r := httptest.NewRequest(http.MethodPost, "https://fake.test/token", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		fake.ServeHTTP(w, r)
		var answer struct {
			Token string `json:"access_token"`
			Error string `json:"error"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		serves := fake.Authorise(http.Header{"Authorization": {"Bearer " + answer.Token}}) == nil
		if given := w.Code == http.StatusOK; given != serves || given != (answer.Error == "") {
			t.Fatalf("%q: %d %s, the token serves: %v", form, w.Code, w.Body, serves)
		}
	})
}
