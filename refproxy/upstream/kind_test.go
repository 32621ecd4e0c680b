package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// tokens makes "t0"; every renewal of the current one makes the next.
type tokens struct {
	mu      sync.Mutex
	n       int
	renewed []string
	fail    error // of Renew
	none    error // of Token
}

func (k *tokens) Token(context.Context) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return fmt.Sprintf("t%d", k.n), k.none
}

func (k *tokens) Renew(_ context.Context, refused string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.renewed = append(k.renewed, refused)
	if k.fail == nil && refused == fmt.Sprintf("t%d", k.n) {
		k.n++
	}
	return k.fail
}

// TestKindsOnTheWire: where each kind of upstream is asked, and with what.
func TestKindsOnTheWire(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s%s", r.Method, r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("X-Goog-Api-Key"))
	}, nil)
	for name, tt := range map[string]struct {
		cfg                     upstream.Config
		generate, stream, count string
	}{
		"gemini": {
			upstream.Config{Key: "k"},
			"POST /v1beta/models/m:generateContent k", "POST /v1beta/models/m:streamGenerateContent?alt=sse k", "POST /v1beta/models/m:countTokens k",
		},
		"vertex": {
			upstream.Config{Kind: upstream.Vertex, Tokens: &tokens{}, Project: "p-1", Location: "europe-west1"},
			"POST /v1/projects/p-1/locations/europe-west1/publishers/google/models/m:generateContent Bearer t0",
			"POST /v1/projects/p-1/locations/europe-west1/publishers/google/models/m:streamGenerateContent?alt=sse Bearer t0",
			"POST /v1/projects/p-1/locations/europe-west1/publishers/google/models/m:countTokens Bearer t0",
		},
		"vertex, global": {
			upstream.Config{Kind: upstream.Vertex, Tokens: &tokens{}, Project: "p-1"},
			"POST /v1/projects/p-1/locations/global/publishers/google/models/m:generateContent Bearer t0",
			"POST /v1/projects/p-1/locations/global/publishers/google/models/m:streamGenerateContent?alt=sse Bearer t0",
			"POST /v1/projects/p-1/locations/global/publishers/google/models/m:countTokens Bearer t0",
		},
		"code assist": {
			upstream.Config{Kind: upstream.CodeAssist, Tokens: &tokens{}},
			"POST /v1internal:generateContent Bearer t0", "POST /v1internal:streamGenerateContent?alt=sse Bearer t0", "POST /v1internal:countTokens Bearer t0",
		},
		"code assist, another version": {
			upstream.Config{Kind: upstream.CodeAssist, Tokens: &tokens{}, APIVersion: "v2internal"},
			"POST /v2internal:generateContent Bearer t0", "POST /v2internal:streamGenerateContent?alt=sse Bearer t0", "POST /v2internal:countTokens Bearer t0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, s, tt.cfg)
			var got []string
			for _, do := range []func(context.Context, string, []byte) (*http.Response, error){c.Generate, c.Stream, c.CountTokens} {
				resp, err := do(t.Context(), "m", []byte("{}"))
				got = append(got, text(t, resp, err))
			}
			if diff := cmp.Diff([]string{tt.generate, tt.stream, tt.count}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			_, err := c.Models(t.Context(), "")
			if (err != nil) != (tt.cfg.Kind != upstream.Gemini) || err != nil && !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("models: %v", err)
			}
		})
	}
}

func text(t *testing.T, resp *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestRefusedToken: a 401 renews the token once and repeats the request once.
func TestRefusedToken(t *testing.T) {
	for name, tt := range map[string]struct {
		good   string // the token that the upstream takes
		tokens *tokens
		asked  []string
		status int
		err    string
	}{
		"good at once":       {"t0", &tokens{}, []string{"t0"}, 200, ""},
		"good after renewal": {"t1", &tokens{}, []string{"t0", "t1"}, 200, ""},
		"never good":         {"", &tokens{}, []string{"t0", "t1"}, 401, ""},
		"renewal fails":      {"t1", &tokens{fail: errors.New("revoked")}, []string{"t0"}, 0, "revoked"},
		"no token":           {"t0", &tokens{none: errors.New("expired")}, nil, 0, "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var asked []string
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
				body, _ := io.ReadAll(r.Body)
				mu.Lock()
				asked = append(asked, token)
				mu.Unlock()
				if token != tt.good || string(body) != `{"a":1}` {
					w.WriteHeader(http.StatusUnauthorized)
				}
			}, nil)
			c := client(t, s, upstream.Config{Kind: upstream.CodeAssist, Tokens: tt.tokens})
			resp, err := c.Generate(t.Context(), "m", []byte(`{"a":1}`))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want one with %q", err, tt.err)
				}
			} else if text(t, resp, err); resp.StatusCode != tt.status {
				t.Errorf("status %d", resp.StatusCode)
			}
			if diff := cmp.Diff(tt.asked, asked); diff != "" {
				t.Errorf("tokens the upstream saw (-want +got):\n%s", diff)
			}
			if n := c.Stats().InFlight; n != 0 {
				t.Errorf("%d requests in flight", n)
			}
		})
	}
}

// TestKindsNeed: what each kind demands before anything is sent.
func TestKindsNeed(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  upstream.Config
		says string
	}{
		"gemini with tokens":      {upstream.Config{Tokens: &tokens{}}, "a key"},
		"vertex with a key":       {upstream.Config{Kind: upstream.Vertex, Key: "k", Tokens: &tokens{}, Project: "p"}, "no API key"},
		"vertex without tokens":   {upstream.Config{Kind: upstream.Vertex, Project: "p"}, "credentials"},
		"vertex without project":  {upstream.Config{Kind: upstream.Vertex, Tokens: &tokens{}}, "project"},
		"a project that is paths": {upstream.Config{Kind: upstream.Vertex, Tokens: &tokens{}, Project: "../x"}, "project"},
		"a location that is none": {upstream.Config{Kind: upstream.Vertex, Tokens: &tokens{}, Project: "p", Location: "evil.test/"}, "location"},
		"code assist, no tokens":  {upstream.Config{Kind: upstream.CodeAssist}, "credentials"},
		"a version that is paths": {upstream.Config{Kind: upstream.CodeAssist, Tokens: &tokens{}, APIVersion: "a/b"}, "version"},
		"no kind":                 {upstream.Config{Kind: 9}, "unknown kind"},
	} {
		if err := tt.cfg.Validate(); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
	}
	domain := upstream.Config{Kind: upstream.Vertex, Tokens: &tokens{}, Project: "example.com:p-1"}
	if err := domain.Validate(); err != nil {
		t.Error(err)
	}
}

// TestDefaultURLs: where Google serves each kind.
func TestDefaultURLs(t *testing.T) {
	for want, cfg := range map[string]upstream.Config{
		"https://generativelanguage.googleapis.com":      {},
		"https://aiplatform.googleapis.com":              {Kind: upstream.Vertex},
		"https://europe-west1-aiplatform.googleapis.com": {Kind: upstream.Vertex, Location: "europe-west1"},
		"https://cloudcode-pa.googleapis.com":            {Kind: upstream.CodeAssist},
		"https://own.test/path":                          {Kind: upstream.CodeAssist, BaseURL: "https://own.test/path/"},
	} {
		if got := upstream.BaseURL(cfg); got != want {
			t.Errorf("%+v: %s, want %s", cfg, got, want)
		}
	}
}

func TestParseKind(t *testing.T) {
	for _, name := range upstream.Kinds() {
		k, err := upstream.ParseKind(name)
		if err != nil || k.String() == "" {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
	if _, err := upstream.ParseKind("openai"); err == nil || !strings.Contains(err.Error(), "vertex") {
		t.Errorf("error %v", err)
	}
	if upstream.Kind(9).String() == "" {
		t.Error("an unknown kind has no name")
	}
}
