package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
)

const retryFlag = "ff_retry_policy_v2"

// sameJSON compares two texts as JSON.
func sameJSON(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestPutFlag(t *testing.T) {
	for _, tt := range []struct {
		name, flag, body string
		head             []string
		status           int
		code             string  // of the error
		percent          float64 // of the flag after it
	}{
		{"set", retryFlag, `{"percent":20.5,"unit":"session","expected":7}`, nil, 200, "", 20.5},
		{"by If-Match", retryFlag, `{"percent":20}`, []string{"If-Match", `"7"`}, 200, "", 20},
		{"keeps the unit", "ff_http2_pool_tuning", `{"percent":30,"expected":7}`, nil, 200, "", 30},
		{"to zero", "ff_http2_pool_tuning", `{"percent":0,"expected":7}`, nil, 200, "", 0},
		{"stale", retryFlag, `{"percent":20,"expected":6}`, nil, 409, "stale", 0},
		{"locked", "ff_preview_credential_scheduler_v2", `{"percent":20,"expected":7}`, nil, 423, "locked", 100},
		{"unknown flag", "ff_none", `{"percent":20,"expected":7}`, nil, 404, "not_found", -1},
		{"based on nothing", retryFlag, `{"percent":20}`, nil, 428, "expected_missing", 0},
		{"two bases", retryFlag, `{"percent":20,"expected":7}`, []string{"If-Match", `"8"`}, 400, "invalid", 0},
		{"base that is no number", retryFlag, `{"percent":20}`, []string{"If-Match", `*`}, 400, "invalid", 0},
		{"no percentage", retryFlag, `{"unit":"session","expected":7}`, nil, 400, "invalid", 0},
		{"over 100", retryFlag, `{"percent":101,"expected":7}`, nil, 400, "invalid", 0},
		{"below 0", retryFlag, `{"percent":-1,"expected":7}`, nil, 400, "invalid", 0},
		{"too fine", retryFlag, `{"percent":0.001,"expected":7}`, nil, 400, "invalid", 0},
		{"unknown unit", retryFlag, `{"percent":20,"unit":"day","expected":7}`, nil, 400, "invalid", 0},
		{"unknown field", retryFlag, `{"percent":20,"expected":7,"force":true}`, nil, 400, "invalid", 0},
		{"wrong type", retryFlag, `{"percent":"20","expected":7}`, nil, 400, "invalid", 0},
		{"two values", retryFlag, `{"percent":20,"expected":7}{}`, nil, 400, "invalid", 0},
		{"no JSON", retryFlag, `percent=20`, nil, 400, "invalid", 0},
		{"nothing", retryFlag, ``, nil, 400, "invalid", 0},
		{"too much", retryFlag, `{"evidence":"` + strings.Repeat("x", 70<<10) + `"}`, nil, 413, "too_large", 0},
		{"half a step", retryFlag, `{"percent":0.005,"expected":7}`, nil, 400, "invalid", 0},
		{"no number JSON has", retryFlag, `{"percent":NaN,"expected":7}`, nil, 400, "invalid", 0},
		{"beyond all numbers", retryFlag, `{"percent":1e999,"expected":7}`, nil, 400, "invalid", 0},
		{"evidence that no text column takes", retryFlag, `{"percent":20,"expected":7,"evidence":"a\u0000b"}`, nil, 400, "invalid", 0},
		{"evidence of two lines", retryFlag, `{"percent":20,"expected":7,"evidence":"a\nb"}`, nil, 400, "invalid", 0},
		{"a name that rings", retryFlag, `{"percent":20,"expected":7,"who":"\u0007"}`, nil, 400, "invalid", 0},
		{"long evidence", retryFlag, `{"percent":20,"expected":7,"evidence":"` + strings.Repeat("x", 600) + `"}`, nil, 400, "invalid", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			got := w.api(t, "PUT", "/admin/flags/"+tt.flag, tt.body, tt.head...)
			if got.StatusCode != tt.status || w.flags.percent(tt.flag) != tt.percent {
				t.Errorf("status %d, want %d, then %v %%, want %v %%: %s", got.StatusCode, tt.status, w.flags.percent(tt.flag), tt.percent, got.body)
			}
			var said struct {
				Error struct{ Code, Message string }
			}
			if err := json.Unmarshal([]byte(got.body), &said); err != nil || said.Error.Code != tt.code || (tt.code == "") != (said.Error.Message == "") {
				t.Errorf("it says %s", got.body)
			}
		})
	}
}

// TestPutFlagReadsBack holds that the answer is the state in force, and that the
// audit log tells of it.
func TestPutFlagReadsBack(t *testing.T) {
	w := newWorld(t)
	got := w.api(t, "PUT", "/admin/flags/"+retryFlag, `{"percent":20,"unit":"session","expected":7,"who":"rollout","evidence":"sha256:ab"}`)
	if tag := got.Header.Get("ETag"); tag != `"8"` {
		t.Errorf("ETag %s", tag)
	}
	const want = `{"name":"ff_retry_policy_v2","summary":"One decision about each retry, with a budget, instead of a flat interval.",
		"locked":false,"percent":20,"unit":"session","generation":8}`
	sameJSON(t, got.body, want)
	sameJSON(t, w.api(t, "GET", "/admin/flags/"+retryFlag, "").body, want)
	w.api(t, "PUT", "/admin/flags/"+retryFlag, `{"percent":0,"unit":"session","expected":8}`)

	var audit struct{ Entries []admin.AuditEntry }
	if err := json.Unmarshal([]byte(w.api(t, "GET", "/admin/audit", "").body), &audit); err != nil {
		t.Fatal(err)
	}
	for i := range audit.Entries {
		if time.Since(audit.Entries[i].At) > time.Minute {
			t.Errorf("entry of %v", audit.Entries[i].At)
		}
		audit.Entries[i].At = time.Time{}
	}
	if diff := cmp.Diff([]admin.AuditEntry{
		{Who: "admin key", Flag: retryFlag, From: admin.Setting{Percent: 20, Unit: "session"}, To: admin.Setting{Percent: 0, Unit: "session"}, Generation: 9},
		{Who: "rollout", Flag: retryFlag, From: admin.Setting{Percent: 0, Unit: "request"}, To: admin.Setting{Percent: 20, Unit: "session"}, Evidence: "sha256:ab", Generation: 8},
	}, audit.Entries); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := w.api(t, "GET", "/admin/audit?limit=1", ""); strings.Count(got.body, `"who"`) != 1 {
		t.Errorf("one entry was asked for: %s", got.body)
	}
	for _, limit := range []string{"0", "-1", "x", "1001"} {
		if got := w.api(t, "GET", "/admin/audit?limit="+limit, ""); got.StatusCode != 400 {
			t.Errorf("limit %s: %d", limit, got.StatusCode)
		}
	}
}

// TestSessionsHaveOneName holds that a person's change is not written down as a
// program's, whatever it says.
func TestSessionsHaveOneName(t *testing.T) {
	w := newWorld(t)
	b := w.loggedIn(t)
	body := strings.NewReader(`{"percent":20,"expected":7,"who":"firstbyte rollout r1"}`)
	if got := b.send(t, "PUT", "/admin/flags/"+retryFlag, body, "Content-Type", "application/json"); got.StatusCode != 200 {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	if who := w.flags.log[0].Who; who != "panel" {
		t.Errorf("the audit log has %q", who)
	}
}

func TestGetFlags(t *testing.T) {
	got := newWorld(t).api(t, "GET", "/admin/flags", "")
	var state admin.FlagState
	if err := json.Unmarshal([]byte(got.body), &state); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(newFlags().state, state); diff != "" || got.Header.Get("ETag") != `"7"` {
		t.Errorf("ETag %s, -want +got\n%s", got.Header.Get("ETag"), diff)
	}
}

func TestVerdicts(t *testing.T) {
	w := newWorld(t)
	const whole = `{"flag":"ff_retry_policy_v2","decision":"ROLLBACK","reason":"worse","metric":"first_token_p95",
		"effect":0.2,"low":0.1,"high":0.3,"percent":5,"evidence":"sha256:ab","at":"2026-01-02T03:04:05Z"}`
	want := strings.Replace(whole, "ROLLBACK", "rollback", 1)
	sameJSON(t, w.api(t, "POST", "/admin/verdicts", whole).body, want)
	var flag struct{ Verdict json.RawMessage }
	if err := json.Unmarshal([]byte(w.api(t, "GET", "/admin/flags/"+retryFlag, "").body), &flag); err != nil {
		t.Fatal(err)
	}
	sameJSON(t, string(flag.Verdict), want)

	for _, tt := range []struct {
		name, body string
		status     int
	}{
		{"the least", `{"flag":"ff_retry_policy_v2","decision":"no data"}`, 200},
		{"unknown flag", `{"flag":"ff_none","decision":"hold"}`, 404},
		{"no decision", `{"flag":"ff_retry_policy_v2"}`, 400},
		{"invented decision", `{"flag":"ff_retry_policy_v2","decision":"pass"}`, 400},
		{"one end", `{"flag":"ff_retry_policy_v2","decision":"hold","effect":0,"low":0}`, 400},
		{"no effect", `{"flag":"ff_retry_policy_v2","decision":"hold","low":0,"high":1}`, 400},
		{"outside", `{"flag":"ff_retry_policy_v2","decision":"hold","effect":2,"low":0,"high":1}`, 400},
		{"no relative change", `{"flag":"ff_retry_policy_v2","decision":"hold","effect":4100}`, 400},
		{"impossible share", `{"flag":"ff_retry_policy_v2","decision":"hold","percent":101}`, 400},
		{"long reason", `{"flag":"ff_retry_policy_v2","decision":"hold","reason":"` + strings.Repeat("x", 501) + `"}`, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := newWorld(t).api(t, "POST", "/admin/verdicts", tt.body); got.StatusCode != tt.status {
				t.Errorf("%d, want %d: %s", got.StatusCode, tt.status, got.body)
			}
		})
	}
}

func TestCredentialsByAPI(t *testing.T) {
	w := newWorld(t)
	got := w.api(t, "POST", "/admin/credentials", `{"label":"one","kind":"key","preview":true,"secret":"AIza-secret"}`)
	if got.StatusCode != http.StatusCreated || got.Header.Get("Location") != "/admin/credentials/c1" {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	if w.credentials.secrets["c1"] != "AIza-secret" || w.credentials.all[0].Weight != 1 {
		t.Errorf("kept %q, %+v", w.credentials.secrets["c1"], w.credentials.all[0])
	}
	for _, step := range []struct{ method, path, want string }{
		{"POST", "/test", `{"report":"it answers"}`},
		{"POST", "/disable", `{"report":"done"}`},
		{"GET", "", `{"id":"c1","label":"one","kind":"key","preview":true,"weight":1,"disabled":"by hand","in_flight":0,"score":0,
			"requests":0,"failures":0,"tokens":0,"models":null,"cooldowns":null,"errors":null}`},
		{"POST", "/enable", `{"report":"done"}`},
		{"POST", "/clear", `{"report":"done"}`},
		{"POST", "/recheck", `{"report":"done"}`},
	} {
		sameJSON(t, w.api(t, step.method, "/admin/credentials/c1"+step.path, "").body, step.want)
	}
	if want := []string{"c1 test", "c1 disable", "c1 enable", "c1 clear", "c1 recheck"}; !cmp.Equal(w.credentials.done, want) {
		t.Errorf("done %q, want %q", w.credentials.done, want)
	}
	for _, path := range []string{"/admin/credentials", "/admin/credentials/c1", "/admin/audit"} {
		if got := w.api(t, "GET", path, ""); strings.Contains(got.body, "AIza") {
			t.Errorf("%s shows the secret: %s", path, got.body)
		}
	}
	if text := fmt.Sprint(w.log.Tail(100, -10)); strings.Contains(text, "AIza") || !strings.Contains(text, "credential added") {
		t.Errorf("the log says %s", text)
	}
	if got := w.api(t, "DELETE", "/admin/credentials/c1", ""); got.StatusCode != http.StatusNoContent || len(w.credentials.all) != 0 {
		t.Errorf("%d, left %v", got.StatusCode, w.credentials.all)
	}
	for _, c := range []struct{ method, path string }{
		{"DELETE", "/admin/credentials/c1"},
		{"GET", "/admin/credentials/c1"},
		{"POST", "/admin/credentials/c1/test"},
		{"POST", "/admin/credentials/c1/explode"},
	} {
		if got := w.api(t, c.method, c.path, ""); got.StatusCode != 404 {
			t.Errorf("%s %s: %d", c.method, c.path, got.StatusCode)
		}
	}
}

func TestRefusedCredentials(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		status     int
	}{
		{"no label", `{"kind":"key","secret":"s3cret"}`, 400},
		{"unknown kind", `{"label":"x","kind":"password","secret":"s3cret"}`, 400},
		{"no secret", `{"label":"x","kind":"key"}`, 400},
		{"negative weight", `{"label":"x","kind":"key","weight":-1,"secret":"s3cret"}`, 400},
		{"a weight that no score is divided by", `{"label":"x","kind":"key","weight":1e-320,"secret":"s3cret"}`, 400},
		{"a label of two lines", `{"label":"x\ny","kind":"key","secret":"s3cret"}`, 400},
		{"the adapter's word", `{"label":"x","kind":"key","secret":"s3cret twice"}`, 400},
		{"a secret of another type", `{"label":"x","kind":"key","secret":{"private":"s3cret"}}`, 400},
		{"an unknown field", `{"label":"x","kind":"key","sekret":"s3cret"}`, 400},
		{"too large", `{"label":"x","kind":"key","secret":"` + strings.Repeat("s3cret", 50<<10) + `"}`, 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			got := w.api(t, "POST", "/admin/credentials", tt.body)
			if got.StatusCode != tt.status || len(w.credentials.all) != 0 {
				t.Errorf("%d, want %d, kept %v", got.StatusCode, tt.status, w.credentials.all)
			}
			if said := got.body + fmt.Sprint(w.log.Tail(100, -10)); strings.Contains(said, "s3cret") {
				t.Errorf("it says the secret: %s", said)
			}
		})
	}
}

func TestRequestsByAPI(t *testing.T) {
	w := newWorld(t)
	sameJSON(t, w.api(t, "GET", "/admin/requests", "").body, `{"requests":[]}`)
	begun := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w.traffic.Began()
	w.traffic.Ended(live.Request{
		ID: "req_1", Begun: begun, Path: "/v1/messages", Model: "m", Stream: true, Outcome: live.OK, Status: 200,
		FirstByte: 2, FirstToken: 3, Duration: 4, Credential: "c1",
		Attempts: []live.Attempt{{At: 1, Credential: "c0", Class: "rate", Status: 429, Planned: 5, Slept: 6, Retried: true}, {At: 7}},
		Assigned: map[string]live.Assignment{retryFlag: {On: true, Unit: "session", Share: .2}},
		Output:   9, Observed: map[string]string{"retry-count": "1"},
	})
	const want = `{"id":"req_1","begun":"2026-01-02T03:04:05Z","path":"/v1/messages","model":"m","stream":true,"outcome":"ok","status":200,
		"first_byte_ns":2,"first_token_ns":3,"duration_ns":4,"credential":"c1",
		"attempts":[{"at_ns":1,"credential":"c0","class":"rate","status":429,"planned_ns":5,"slept_ns":6,"retried":true},{"at_ns":7,"retried":false}],
		"flags":{"ff_retry_policy_v2":{"on":true,"unit":"session","share":0.2}},
		"input_tokens":0,"cached_tokens":0,"output_tokens":9,"observed":{"retry-count":"1"}}`
	sameJSON(t, w.api(t, "GET", "/admin/requests/req_1", "").body, want)
	sameJSON(t, w.api(t, "GET", "/admin/requests?limit=5", "").body, `{"requests":[`+want+`]}`)
	if got := w.api(t, "GET", "/admin/requests/req_2", ""); got.StatusCode != 404 {
		t.Errorf("a request that never was: %d", got.StatusCode)
	}
}

func TestNewTellsWhatIsWrong(t *testing.T) {
	_, err := admin.New(admin.Config{Key: admin.NewSecret("short")})
	if err == nil || !strings.Contains(err.Error(), "required") || !strings.Contains(err.Error(), "16 random characters") || strings.Contains(err.Error(), "short\"") {
		t.Error(err)
	}
}
