package fakeaccount

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// metadata says who asks.
type metadata struct {
	IDEType     string `json:"ideType"`
	Platform    string `json:"platform"`
	PluginType  string `json:"pluginType"`
	DuetProject string `json:"duetProject"`
}

// read decodes a body of known fields alone.
func read(body []byte, into any) *Refusal {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return invalid(err.Error())
	}
	if _, err := decoder.Token(); err != io.EOF {
		return invalid("something follows the object")
	}
	return nil
}

func (m metadata) check() *Refusal {
	if m.IDEType == "" || m.Platform == "" || m.PluginType != "GEMINI" {
		return invalid("metadata must have ideType, platform and the pluginType GEMINI")
	}
	return nil
}

// readAsked also wants to know who asks.
func readAsked(body []byte, into any, who *metadata) *Refusal {
	if f := read(body, into); f != nil {
		return f
	}
	return who.check()
}

// load answers loadCodeAssist. A project is told beside a tier alone.
func (a *Account) load(body []byte) (any, *Refusal) {
	var ask struct {
		Metadata metadata `json:"metadata"`
		Project  string   `json:"cloudaicompanionProject"`
	}
	if f := readAsked(body, &ask, &ask.Metadata); f != nil {
		return nil, f
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stats.Loads++
	answer := map[string]any{"allowedTiers": a.allowed()}
	if closed := a.closed(); len(closed) > 0 {
		answer["ineligibleTiers"] = closed
	}
	if a.tier != "" {
		answer["currentTier"] = map[string]any{"id": a.tier, "name": a.tier}
		a.tellProject(answer)
	}
	return answer, nil
}

func (a *Account) tellProject(answer map[string]any) {
	if project := shaped(a.config.CodeAssist.ProjectShape, a.project); project != nil {
		answer["cloudaicompanionProject"] = project
	}
}

// allowed lists the tiers that are not closed.
func (a *Account) allowed() []any {
	list := []any{}
	for _, t := range a.open() {
		list = append(list, map[string]any{
			"id": t.ID, "name": t.ID, "isDefault": t.Default, "userDefinedCloudaicompanionProject": t.UserProject,
		})
	}
	return list
}

func (a *Account) open() []Tier {
	return slices.DeleteFunc(slices.Clone(a.config.CodeAssist.Tiers), func(t Tier) bool {
		return slices.ContainsFunc(a.config.CodeAssist.Ineligible, func(i Ineligible) bool { return i.Tier == t.ID })
	})
}

func (a *Account) closed() []any {
	var list []any
	for _, i := range a.config.CodeAssist.Ineligible {
		one := map[string]any{"tierId": i.Tier, "reasonCode": i.Reason, "reasonMessage": i.Message}
		if i.URL != "" {
			one["validationUrl"] = i.URL
		}
		list = append(list, one)
	}
	return list
}

// An operation is an onboarding under way.
type operation struct {
	left    int // polls until it is done
	tier    string
	project string // the user's own, if the tier has one
}

// operationName is that of the one onboarding there is.
const operationName = "operations/onboarding"

// onboard answers onboardUser. Asked again it tells how far it is, and where
// the operation has no name that is a poll.
func (a *Account) onboard(body []byte) (any, *Refusal) {
	var ask struct {
		TierID   string   `json:"tierId"`
		Project  string   `json:"cloudaicompanionProject"`
		Metadata metadata `json:"metadata"`
	}
	if f := readAsked(body, &ask, &ask.Metadata); f != nil {
		return nil, f
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stats.Onboardings++
	if f := a.mayHave(ask.TierID, ask.Project); f != nil {
		return nil, f
	}
	if a.op == nil {
		a.op = &operation{left: a.config.CodeAssist.Polls, tier: ask.TierID, project: ask.Project}
	} else if a.config.CodeAssist.Nameless {
		a.op.left--
	}
	return a.progress(), nil
}

// mayHave returns why the account cannot have the tier. a.mu is held.
func (a *Account) mayHave(id, project string) *Refusal {
	tiers := a.open()
	at := slices.IndexFunc(tiers, func(t Tier) bool { return t.ID == id })
	hasDefault := slices.ContainsFunc(tiers, func(t Tier) bool { return t.Default })
	switch {
	case at < 0 && (id != legacyTier || hasDefault):
		return forbidden("", fmt.Sprintf("The account is not eligible for the tier %q.", id))
	case id == freeTier && project != "":
		return precondition("Precondition Failed: the free tier has a project of its own.")
	case at >= 0 && tiers[at].UserProject && project == "":
		return precondition("Precondition Failed: this tier needs cloudaicompanionProject.")
	}
	return nil
}

// poll answers how far an operation is.
func (a *Account) poll(name string) (any, *Refusal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stats.Polls++
	if name != operationName || a.op == nil || a.config.CodeAssist.Nameless {
		return nil, &Refusal{404, "NOT_FOUND", "", "Operation not found: " + name + "."}
	}
	a.op.left--
	return a.progress(), nil
}

// progress returns the operation, and sets the account up once it is done.
// a.mu is held.
func (a *Account) progress() any {
	answer := map[string]any{}
	if !a.config.CodeAssist.Nameless {
		answer["name"] = operationName
	}
	if a.op.left > 0 {
		return answer
	}
	answer["done"] = true
	if failure := a.config.CodeAssist.OnboardingError; failure != "" {
		answer["error"] = map[string]any{"code": 9, "message": failure}
		return answer
	}
	a.tier = a.op.tier
	if a.op.project != "" {
		a.project = a.op.project
	}
	response := map[string]any{}
	a.tellProject(response)
	answer["response"] = response
	return answer
}

// CheckProject returns why requests cannot be charged to the project: the
// account is not set up, or the project is another's. Where the account's own is
// told to nobody, any is taken.
func (a *Account) CheckProject(project string) *Refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.checkProject(project)
}

// checkProject is CheckProject with a.mu held.
func (a *Account) checkProject(project string) *Refusal {
	untold := a.config.CodeAssist.ProjectShape == "none" || a.config.CodeAssist.ProjectShape == "blank"
	switch {
	case a.tier == "":
		return forbidden("", "The account has no tier of Code Assist: it has to be onboarded.")
	case project == "":
		return invalid("project is required")
	case project != a.project && !untold:
		return forbidden("USER_PROJECT_DENIED", fmt.Sprintf("Permission denied on resource project %s.", project))
	}
	return nil
}

// quotaLeft is what every model has left of its day.
const quotaLeft = 1000

func (a *Account) quota(body []byte) (any, *Refusal) {
	var ask struct {
		Project string `json:"project"`
	}
	if f := read(body, &ask); f != nil {
		return nil, f
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stats.Quotas++
	if f := a.checkProject(ask.Project); f != nil {
		return nil, f
	}
	reset := a.clock.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour).Format(time.RFC3339)
	buckets := []any{}
	for _, model := range a.models {
		buckets = append(buckets, map[string]any{
			"remainingAmount": fmt.Sprint(quotaLeft), "remainingFraction": 1, "resetTime": reset,
			"tokenType": "REQUESTS", "modelId": model,
		})
	}
	return map[string]any{"buckets": buckets}, nil
}
