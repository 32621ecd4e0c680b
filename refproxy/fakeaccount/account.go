package fakeaccount

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// An Account is one account and its tokens. It is safe for concurrent use.
type Account struct {
	config Config
	seed   uint64
	models []string

	mu      sync.Mutex
	clock   *clock.Scaled
	tokens  map[string]access   // access tokens
	voided  map[string]struct{} // refresh tokens that have served
	owners  map[string]string   // whose a rotated refresh token is
	grants  int                 // asked for
	tier    string              // "" until onboarded
	project string              // of the account
	op      *operation          // the onboarding
	stats   Stats
}

// An access is what an access token stands for.
type access struct {
	owner string // the service account or the refresh token it was given for
	until time.Time
}

// Stats is what the account was asked.
type Stats struct {
	Assertions   int `json:"assertions"` // tokens given for a service account's
	Refreshes    int `json:"refreshes"`  // tokens given for a refresh token
	Refused      int `json:"refused"`    // grants
	Unauthorised int `json:"unauthorised"`
	Loads        int `json:"loads"`
	Onboardings  int `json:"onboardings"` // onboardUser
	Polls        int `json:"polls"`
	Quotas       int `json:"quotas"`
}

// New returns an account. The seed chooses its tokens; the models have a quota;
// the clock, nil for the machine's, ends tokens.
func New(config Config, seed uint64, models []string, c *clock.Scaled) *Account {
	config = config.withDefaults()
	a := &Account{
		config: config, seed: seed, models: models, clock: c,
		tokens: map[string]access{}, voided: map[string]struct{}{}, owners: map[string]string{},
		project: config.CodeAssist.Project,
	}
	if !config.CodeAssist.Onboarding {
		a.tier = config.CodeAssist.Tier
	}
	return a
}

// Stats returns the counts so far.
func (a *Account) Stats() Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stats
}

// ServeHTTP answers the routes of the package documentation, and 404 to others.
func (a *Account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.URL.Path == "/token" {
		a.serveToken(w, r)
		return
	}
	if refusal := a.Authorise(r.Header); refusal != nil {
		refusal.Write(w)
		return
	}
	method, poll := strings.CutPrefix(r.URL.Path, "/v1internal/")
	if r.Method == http.MethodGet && poll {
		reply(w, func() (any, *Refusal) { return a.poll(method) })
		return
	}
	method, _ = strings.CutPrefix(r.URL.Path, "/v1internal:")
	methods := map[string]func([]byte) (any, *Refusal){
		"loadCodeAssist": a.load, "onboardUser": a.onboard, "retrieveUserQuota": a.quota,
	}
	answer, ok := methods[method]
	if !ok || r.Method != http.MethodPost {
		(&Refusal{http.StatusNotFound, "NOT_FOUND", "", "Method not found: " + r.Method + " " + r.URL.Path + "."}).Write(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		invalid("the body cannot be read").Write(w)
		return
	}
	reply(w, func() (any, *Refusal) { return answer(body) })
}

// maxBody is far above what such a question is, in bytes.
const maxBody = 1 << 20

func reply(w http.ResponseWriter, ask func() (any, *Refusal)) {
	value, refusal := ask()
	if refusal != nil {
		refusal.Write(w)
		return
	}
	writeJSON(w, http.StatusOK, value)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic("fakeaccount: JSON: " + err.Error()) // maps of strings, numbers and booleans
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // a client that left needs no answer
}

// A Refusal is an answer of Google's that is no success.
type Refusal struct {
	Code    int    // HTTP
	Status  string // Google's word for it
	Reason  string // of ErrorInfo; may be empty
	Message string
}

// Write answers with it.
func (f *Refusal) Write(w http.ResponseWriter) {
	said := map[string]any{"code": f.Code, "message": f.Message, "status": f.Status}
	if f.Reason != "" {
		said["details"] = []any{map[string]any{
			"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": f.Reason, "domain": "googleapis.com",
		}}
	}
	writeJSON(w, f.Code, map[string]any{"error": said})
}

func invalid(message string) *Refusal {
	return &Refusal{http.StatusBadRequest, "INVALID_ARGUMENT", "", "Invalid JSON payload received: " + message + "."}
}

func forbidden(reason, message string) *Refusal {
	return &Refusal{http.StatusForbidden, "PERMISSION_DENIED", reason, message}
}

func precondition(message string) *Refusal {
	return &Refusal{http.StatusBadRequest, "FAILED_PRECONDITION", "", message}
}
