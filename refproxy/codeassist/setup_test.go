package codeassist_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/codeassist"
)

// TestProjectShapes: every shape in which Code Assist has named a project, in the
// answer to loadCodeAssist and in that of an onboarding.
func TestProjectShapes(t *testing.T) {
	for name, tt := range map[string]struct{ project, want string }{
		"id":                          {`"p-1"`, "p-1"},
		"id with blanks":              {`" p-1 "`, "p-1"},
		"resource name":               {`"projects/p-1"`, "p-1"},
		"resource name with location": {`"projects/p-1/locations/global"`, "p-1"},
		"object with projectId":       {`{"projectId":"p-1","id":"x"}`, "p-1"},
		"object with project_id":      {`{"project_id":"p-1","id":"x"}`, "p-1"},
		"object with id":              {`{"id":"p-1","name":"x"}`, "p-1"},
		"object with name":            {`{"name":"projects/p-1"}`, "p-1"},
		"object with project":         {`{"project":"p-1"}`, "p-1"},
		"blank before filled":         {`{"projectId":" ","id":"p-1"}`, "p-1"},
		"object in an object":         {`{"project":{"id":"projects/p-1/x"}}`, "p-1"},
		"list":                        {`["p-1","p-2"]`, "p-1"},
		"list that begins with none":  {`["",{},{"id":"p-1"}]`, "p-1"},
		"blank":                       {`""`, ""},
		"projects/ and nothing":       {`"projects/"`, ""},
		"null":                        {`null`, ""},
		"number":                      {`123`, ""},
		"boolean":                     {`true`, ""},
		"empty object":                {`{}`, ""},
		"empty list":                  {`[]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, route := range []string{"load", "onboard"} {
				synctest.Test(t, func(t *testing.T) {
					answers := map[string][]answer{loadPath: {{status: 200, body: `{"currentTier":{"id":"standard-tier"},"cloudaicompanionProject":` + tt.project + `}`}}}
					if route == "onboard" {
						answers = map[string][]answer{
							loadPath:    {{status: 200, body: `{"allowedTiers":[{"id":"free-tier","isDefault":true}],"cloudaicompanionProject":"of-no-tier"}`}},
							onboardPath: {{status: 200, body: `{"done":true,"response":{"cloudaicompanionProject":` + tt.project + `}}`}},
						}
					}
					a, _ := open(t, file(t, time.Hour, ""), &google{answers: answers}, codeassist.Config{})
					got, err := a.Project(t.Context())
					if got != tt.want || (err == nil) != (tt.want != "") {
						t.Errorf("%s: %q, %v, want %q", route, got, err, tt.want)
					}
					if tt.want == "" && (err == nil || !strings.Contains(err.Error(), "set project_id")) {
						t.Errorf("%s: %v does not say what to do", route, err)
					}
					if a.Ready() != (tt.want != "") {
						t.Errorf("%s: ready %t", route, a.Ready())
					}
				})
			}
		})
	}
}

// TestProjectElsewhere: the answer as a whole is looked at, and the user's own
// project serves where no other is named.
func TestProjectElsewhere(t *testing.T) {
	for name, tt := range map[string]struct {
		load, extra, flag, want string
	}{
		"in the answer as a whole":             {`{"currentTier":{},"projectId":"p-1"}`, "", "", "p-1"},
		"of the file":                          {`{"currentTier":{"id":"standard-tier"}}`, `,"project_id":"mine"`, "", "mine"},
		"of the flag, before the file's":       {`{"currentTier":{"id":"standard-tier"}}`, `,"project_id":"mine"`, "flag", "flag"},
		"what Code Assist names goes before":   {`{"currentTier":{"id":"standard-tier"},"cloudaicompanionProject":"p-1"}`, `,"project_id":"mine"`, "", "p-1"},
		"none anywhere":                        {`{"currentTier":{"id":"standard-tier"}}`, "", "", ""},
		"none, but the scope to look for them": {`{"currentTier":{"id":"standard-tier"}}`, `,"scopes":["https://www.googleapis.com/auth/cloud-platform"]`, "", "found"},
		"scopes in one string":                 {`{"currentTier":{"id":"standard-tier"}}`, `,"scopes":"openid https://www.googleapis.com/auth/cloud-platform"`, "", "found"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &google{answers: map[string][]answer{
					loadPath:                  {{status: 200, body: tt.load}},
					"GET /v3/projects:search": {{status: 403, body: "no"}},
					"GET /v1/projects":        {{status: 200, body: `{"projects":[{"projectId":"gone","lifecycleState":"DELETE_REQUESTED","name":"default"},{"projectId":"found"}]}`}},
				}}
				a, _ := open(t, file(t, time.Hour, tt.extra), g, codeassist.Config{Project: tt.flag})
				got, err := a.Project(t.Context())
				if got != tt.want || (err == nil) != (tt.want != "") {
					t.Errorf("%q, %v, want %q", got, err, tt.want)
				}
				if asked := len(g.paths()) > 1; asked != (tt.want == "found") {
					t.Errorf("asked %v", g.paths())
				}
			})
		})
	}
}

// TestPickProject: which of a user's projects the last resort takes.
func TestPickProject(t *testing.T) {
	for name, tt := range map[string]struct{ projects, want, says string }{
		"the first":              {`[{"projectId":"a","state":"ACTIVE"},{"projectId":"b"}]`, "a", ""},
		"default by its id":      {`[{"projectId":"a"},{"projectId":"my-default-1"}]`, "my-default-1", ""},
		"default by its name":    {`[{"projectId":"a"},{"projectId":"b","displayName":"The Default"}]`, "b", ""},
		"never an inactive one":  {`[{"projectId":"default","state":"DELETE_REQUESTED"},{"projectId":"b","state":"ACTIVE"}]`, "b", ""},
		"none that is active":    {`[{"projectId":"a","state":"DELETE_REQUESTED"}]`, "", "2 attempts"},
		"none at all":            {`[]`, "", "no active project"},
		"an answer without list": {`7`, "", "2 attempts"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				list := []answer{{status: 200, body: `{"projects":` + tt.projects + `}`}}
				g := &google{answers: map[string][]answer{
					loadPath: {{status: 200, body: `{"currentTier":{}}`}}, "GET /v3/projects:search": list, "GET /v1/projects": list,
				}}
				a, _ := open(t, file(t, time.Hour, `,"scopes":["https://www.googleapis.com/auth/cloud-platform"]`), g, codeassist.Config{})
				got, err := a.Project(t.Context())
				if got != tt.want || tt.want == "" && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%q, %v, want %q", got, err, tt.want)
				}
			})
		})
	}
}

// TestOnboarding: what is asked of whom, how often, and how it ends.
func TestOnboarding(t *testing.T) {
	const free, standard, legacy = `{"allowedTiers":[{"id":"x"},{"id":"free-tier","isDefault":true}]}`, `{"allowedTiers":[{"id":"standard-tier","isDefault":true,"userDefinedCloudaicompanionProject":true}]}`, `{}`
	const op = "GET /v1internal/operations/o1"
	done := answer{status: 200, body: `{"name":"operations/o1","done":true,"response":{"cloudaicompanionProject":{"id":"p-1","name":"P"}}}`}
	doneWithout := answer{status: 200, body: `{"done":true,"response":{}}`}
	named, nameless := answer{status: 200, body: `{"name":"operations/o1"}`}, answer{status: 200, body: `{}`}
	forever := func(a answer) []answer { return []answer{a} }
	for name, tt := range map[string]struct {
		load, project  string
		onboard, polls []answer
		want, says     string
		took           time.Duration
		asked          map[string]int
		body           string // of the first onboardUser
	}{
		"done at once, no project for the free tier": {
			free, "mine", forever(done), nil, "p-1", "", 0,
			map[string]int{onboardPath: 1},
			`{"metadata":{"ideType":"IDE_UNSPECIFIED","platform":"PLATFORM_UNSPECIFIED","pluginType":"GEMINI"},"tierId":"free-tier"}`,
		},
		"another tier carries the project": {
			standard, "mine", forever(done), nil, "p-1", "", 0,
			map[string]int{onboardPath: 1},
			`{"cloudaicompanionProject":"mine","metadata":{"duetProject":"mine","ideType":"IDE_UNSPECIFIED","platform":"PLATFORM_UNSPECIFIED","pluginType":"GEMINI"},"tierId":"standard-tier"}`,
		},
		"a tier that needs a project": {standard, "", nil, nil, "", "set project_id", 0, nil, ""},
		"no default tier": {
			legacy, "", forever(done), nil, "p-1", "", 0,
			map[string]int{onboardPath: 1},
			`{"metadata":{"ideType":"IDE_UNSPECIFIED","platform":"PLATFORM_UNSPECIFIED","pluginType":"GEMINI"},"tierId":"legacy-tier"}`,
		},
		"polled by name until it is done":     {free, "", forever(named), []answer{named, named, done}, "p-1", "", 6 * time.Second, map[string]int{onboardPath: 1, op: 3}, ""},
		"asked again where it has no name":    {free, "", []answer{nameless, nameless, done}, nil, "p-1", "", 4 * time.Second, map[string]int{onboardPath: 3}, ""},
		"a name that leads elsewhere":         {free, "", []answer{{status: 200, body: `{"name":"operations/../../x"}`}, done}, nil, "p-1", "", 2 * time.Second, map[string]int{onboardPath: 2}, ""},
		"done in the last of 15 polls":        {free, "", forever(named), append(many(named, 14), done), "p-1", "", 30 * time.Second, map[string]int{op: 15}, ""},
		"never done":                          {free, "", forever(named), forever(named), "", "within 30s", 30 * time.Second, map[string]int{op: 15}, ""},
		"a poll that fails counts and passes": {free, "", forever(named), []answer{{}, done}, "p-1", "", 4 * time.Second, map[string]int{onboardPath: 1, op: 2}, ""},
		"done without an id, project known":   {standard, "mine", forever(doneWithout), nil, "mine", "", 0, nil, ""},
		"done without an id or project":       {free, "", forever(doneWithout), nil, "", "onboarding finished without a project id; set project_id", 0, nil, ""},
		"done with an error":                  {free, "", forever(answer{status: 200, body: `{"done":true,"error":{"code":9,"message":"Precondition Failed"}}`}), nil, "", "Precondition Failed", 0, nil, ""},
		"refused":                             {free, "", forever(answer{status: 412, body: `{}`}), nil, "", "onboardUser answered 412", 0, map[string]int{onboardPath: 1}, ""},
		"down, then done":                     {free, "", []answer{{status: 503}, done}, nil, "p-1", "", 2 * time.Second, map[string]int{onboardPath: 2}, ""},
		"an answer nobody can read":           {free, "", forever(answer{status: 200, body: `7`}), nil, "", "cannot be read", 30 * time.Second, map[string]int{onboardPath: 16}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &google{answers: map[string][]answer{loadPath: {{status: 200, body: tt.load}}, onboardPath: tt.onboard, op: tt.polls}}
				a, _ := open(t, file(t, time.Hour, ""), g, codeassist.Config{Project: tt.project})
				begun := time.Now()
				got, err := a.Project(t.Context())
				if got != tt.want || tt.want == "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
					t.Errorf("%q, %v, want %q %q", got, err, tt.want, tt.says)
				}
				if took := time.Since(begun); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				for path, n := range tt.asked {
					if got := len(g.requests(path)); got != n {
						t.Errorf("%s asked %d times, want %d", path, got, n)
					}
				}
				for _, r := range g.requests("") {
					if r.token != "a0" || r.agent != "firstbyte-refproxy/test" || strings.Contains(r.path, "/x") {
						t.Errorf("asked %+v", r)
					}
				}
				if tt.body != "" {
					if diff := cmp.Diff(tt.body, g.requests(onboardPath)[0].body); diff != "" {
						t.Errorf("onboardUser (-want +got):\n%s", diff)
					}
				}
			})
		})
	}
}

func many(a answer, n int) []answer {
	var out []answer
	for range n {
		out = append(out, a)
	}
	return out
}

// TestIneligible: reason, message and the whole URL reach whoever asks, and the
// log. That the account wants to be verified is told whether or not anyone asks.
func TestIneligible(t *testing.T) {
	long := "https://accounts.test/verify?" + strings.Repeat("token=0123456789&", 100) + "end"
	verify := `{"tierId":"free-tier","reasonCode":"VALIDATION_REQUIRED","reasonMessage":"Verify your account","validationUrl":"` + long + `"}`
	for name, tt := range map[string]struct{ load, code, url string }{
		"verification":                       {`{"ineligibleTiers":[` + verify + `]}`, "VALIDATION_REQUIRED", long},
		"verification, though a tier is not": {`{"allowedTiers":[{"id":"standard-tier","isDefault":true}],"ineligibleTiers":[{"reasonCode":"UNKNOWN_LOCATION"},` + verify + `]}`, "VALIDATION_REQUIRED", long},
		"country":                            {`{"ineligibleTiers":[{"reasonCode":"UNSUPPORTED_LOCATION","reasonMessage":"not there"}]}`, "UNSUPPORTED_LOCATION", ""},
		"no reason given":                    {`{"ineligibleTiers":[{}]}`, "", ""},
		"project needed, and why":            {`{"allowedTiers":[{"id":"standard-tier","isDefault":true,"userDefinedCloudaicompanionProject":true}],"ineligibleTiers":[{"reasonCode":"DASHER_USER"}]}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &google{answers: map[string][]answer{loadPath: {{status: 200, body: tt.load}}}}
				a, log := open(t, file(t, time.Hour, ""), g, codeassist.Config{})
				told := ""
				a.OnDead(func(e *codeassist.Error) { told = e.URL })
				_, err := a.Project(t.Context())
				if told != tt.url {
					t.Errorf("told of %q", told)
				}
				e, ok := errors.AsType[*codeassist.Error](err)
				if !ok || e.Class != codeassist.AccountState || e.Code != tt.code || e.URL != tt.url || !strings.Contains(e.Message, tt.code) || !strings.Contains(e.Message, tt.url) {
					t.Errorf("error %#v", err)
				}
				var line map[string]any
				if err := json.Unmarshal([]byte(strings.SplitN(log.String(), "\n", 2)[0]), &line); err != nil || !strings.Contains(line["msg"].(string), "not eligible") {
					t.Errorf("log %s", log)
				}
				if tt.url != "" && !strings.Contains(log.String(), `"validation`) && !strings.Contains(log.String(), "end") {
					t.Errorf("log %s without the whole URL", log)
				}
			})
		})
	}
}

// TestProjectIsFoundOnce: everybody waits for one search; a failure stands for a
// minute, then it is tried again.
func TestProjectIsFoundOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := answer{status: 200, body: `{"currentTier":{"id":"standard-tier"},"cloudaicompanionProject":"p-1"}`, wait: 5 * time.Second}
		g := &google{answers: map[string][]answer{loadPath: {{status: 500}, good}}}
		a, _ := open(t, file(t, time.Hour, ""), g, codeassist.Config{})
		_, err := a.Project(t.Context())
		if s, ok := errors.AsType[*codeassist.StatusError](err); !ok || s.Status != 500 || s.Method != "loadCodeAssist" {
			t.Errorf("error %v", err)
		}
		time.Sleep(59 * time.Second)
		if _, err := a.Project(t.Context()); err == nil || len(g.paths()) != 1 {
			t.Errorf("tried again too early: %v", err)
		}
		time.Sleep(time.Second)
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.Project(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a caller that leaves gets %v", err)
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if got, err := a.Project(t.Context()); got != "p-1" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		wg.Wait()
		time.Sleep(time.Hour / 2)
		if got, err := a.Project(t.Context()); got != "p-1" || err != nil || len(g.paths()) != 2 {
			t.Errorf("%q, %v after %v", got, err, g.paths())
		}
	})
}

// TestSetupRenewsARefusedToken: once, as requests do.
func TestSetupRenewsARefusedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &google{answers: map[string][]answer{
			tokenPath: tokenAnswers(),
			loadPath:  {{status: 401}, {status: 200, body: `{"currentTier":{},"cloudaicompanionProject":"p-1"}`}},
		}}
		a, _ := open(t, file(t, time.Hour, ""), g, codeassist.Config{})
		if got, err := a.Project(t.Context()); got != "p-1" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if loads := g.requests(loadPath); len(loads) != 2 || loads[0].token != "a0" || loads[1].token != "a1" {
			t.Errorf("asked %+v", loads)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		g := &google{answers: map[string][]answer{tokenPath: tokenAnswers(), loadPath: {{status: 401}}}}
		a, _ := open(t, file(t, time.Hour, ""), g, codeassist.Config{})
		_, err := a.Project(t.Context())
		if s, ok := errors.AsType[*codeassist.StatusError](err); !ok || s.Status != 401 || len(g.requests(loadPath)) != 2 || len(g.requests(tokenPath)) != 1 {
			t.Errorf("error %v after %v", err, g.paths())
		}
	})
}

func TestModels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &google{answers: map[string][]answer{
			loadPath: {{status: 200, body: `{"currentTier":{},"cloudaicompanionProject":"p-1"}`}},
			"POST /v1internal:retrieveUserQuota": {
				{status: 200, body: `{"buckets":[{"modelId":"m-2","tokenType":"REQUESTS"},{"modelId":"m-1"},{"modelId":"m-2"},{}]}`},
				{status: 200, body: `[]`},
				{status: 403},
			},
		}}
		a, _ := open(t, file(t, time.Hour, ""), g, codeassist.Config{})
		got, err := a.Models(t.Context())
		if diff := cmp.Diff([]string{"m-1", "m-2"}, got); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
		if body := g.requests("POST /v1internal:retrieveUserQuota")[0].body; body != `{"project":"p-1"}` {
			t.Errorf("asked %s", body)
		}
		for range 2 {
			if _, err := a.Models(t.Context()); err == nil {
				t.Error("no models, no error")
			}
		}
	})
}

// TestCloseEndsTheBackground: an onboarding under way does not outlive its account.
func TestCloseEndsTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &google{answers: map[string][]answer{loadPath: {{status: 200, body: `{}`}}, onboardPath: {{status: 200, body: `{}`}}}}
		a, _ := open(t, file(t, time.Hour, ""), g, codeassist.Config{})
		done := make(chan error)
		go func() { _, err := a.Project(t.Context()); done <- err }()
		time.Sleep(5 * time.Second)
		a.Close()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}
