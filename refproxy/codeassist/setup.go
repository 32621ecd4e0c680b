package codeassist

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// polls and pollEvery are how often, and how far apart, the end of an
	// onboarding is asked for: 30 s in all. It takes longer than 10 s often enough.
	polls     = 15
	pollEvery = 2 * time.Second

	legacyTier = "legacy-tier"
	freeTier   = "free-tier"

	validationRequired = "VALIDATION_REQUIRED"
)

// Project returns the id of the project that requests are charged to. The first
// call finds it, which may take half a minute; others wait for that one. What was
// found stands for good, a failure for a minute.
func (a *Account) Project(ctx context.Context) (string, error) {
	a.mu.Lock()
	if a.project != "" {
		defer a.mu.Unlock()
		return a.project, nil
	}
	if a.setup == nil {
		if a.cfg.Clock.Now().Before(a.setupAt) {
			defer a.mu.Unlock()
			return "", a.trouble
		}
		a.setup = a.start(a.findProject)
	}
	f := a.setup
	a.mu.Unlock()
	if err := f.wait(ctx); err != nil {
		return "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.project, nil
}

// Ready reports whether requests can be sent: the project is known.
func (a *Account) Ready() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.project != "" && a.dead == nil
}

func (a *Account) findProject(ctx context.Context) error {
	id, err := a.enter(ctx)
	if e, ok := errors.AsType[*Error](err); ok && e.URL != "" {
		defer a.died(e) // once a.mu is free
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.setup = nil
	if err != nil {
		a.trouble, a.setupAt = err, a.cfg.Clock.Now().Add(setupPause)
		a.cfg.Log.Error("Code Assist cannot be used yet", "cause", err)
		return err
	}
	a.project = id
	return nil
}

// A tier is one that the account may have, or may not for a reason.
type tier struct {
	ID                                 string `json:"id"`
	IsDefault                          bool   `json:"isDefault"`
	UserDefinedCloudaicompanionProject bool   `json:"userDefinedCloudaicompanionProject"`
}

type ineligible struct {
	TierID        string `json:"tierId"`
	ReasonCode    string `json:"reasonCode"`
	ReasonMessage string `json:"reasonMessage"`
	ValidationURL string `json:"validationUrl"`
}

// state is what loadCodeAssist says of an account.
type state struct {
	CurrentTier     *tier        `json:"currentTier"`
	AllowedTiers    []tier       `json:"allowedTiers"`
	IneligibleTiers []ineligible `json:"ineligibleTiers"`
}

// enter does what has to be done before the first request: load, and onboard an
// account that has no tier yet.
func (a *Account) enter(ctx context.Context) (string, error) {
	answer, err := a.method(ctx, "loadCodeAssist", question(nil, a.cfg.Project))
	if err != nil {
		return "", err
	}
	var s state
	if err := json.Unmarshal(answer, &s); err != nil {
		return "", &Error{Message: "the answer to loadCodeAssist cannot be read", Cause: err}
	}
	for _, t := range s.IneligibleTiers {
		a.cfg.Log.Warn("the account is not eligible for a tier of Code Assist", "tier", t.TierID, "reason", t.ReasonCode, "message", t.ReasonMessage, "url", t.ValidationURL)
	}
	// A project counts only beside a tier.
	if s.CurrentTier != nil {
		return a.settled(ctx, projectOf(answer), "Code Assist names no project for this account", s)
	}
	if err := s.refusal(); err != nil {
		return "", err
	}
	answer, err = a.onboard(ctx, s.choose())
	if err != nil {
		return "", err
	}
	var op operation
	_ = json.Unmarshal(answer, &op) // onboard has read it once
	return a.settled(ctx, projectOf(op.Response), "onboarding finished without a project id", s)
}

// settled returns the project that was found, the user's own, or one that the
// Resource Manager knows; else an error that says what to do.
func (a *Account) settled(ctx context.Context, found, problem string, s state) (string, error) {
	if id := cmp.Or(found, a.cfg.Project); id != "" {
		return id, nil
	}
	id, err := a.searchProjects(ctx)
	if id != "" {
		return id, nil
	}
	return "", &Error{Class: AccountState, Message: problem + "; set project_id in the credential file or --project" + s.reasons(), Cause: err}
}

// choose returns the tier to onboard with.
func (s state) choose() tier {
	if i := slices.IndexFunc(s.AllowedTiers, func(t tier) bool { return t.IsDefault }); i >= 0 {
		return s.AllowedTiers[i]
	}
	return tier{ID: legacyTier}
}

// refusal returns why an account without a tier cannot get one, nil if it may.
func (s state) refusal() error {
	i := slices.IndexFunc(s.IneligibleTiers, func(t ineligible) bool { return t.ReasonCode == validationRequired })
	if i < 0 && (len(s.AllowedTiers) > 0 || len(s.IneligibleTiers) == 0) {
		return nil
	}
	t := s.IneligibleTiers[max(i, 0)]
	return &Error{Class: AccountState, Code: t.ReasonCode, URL: t.ValidationURL, Message: "the account is not eligible for Code Assist" + s.reasons()}
}

// reasons lists why tiers are closed to the account; URLs are never cut.
func (s state) reasons() string {
	var out []string
	for _, t := range s.IneligibleTiers {
		words := []string{cmp.Or(t.ReasonCode, "no reason given")}
		for _, w := range []string{clip(t.ReasonMessage), t.ValidationURL} {
			if w != "" {
				words = append(words, w)
			}
		}
		out = append(out, strings.Join(words, " "))
	}
	if out == nil {
		return ""
	}
	return ": " + strings.Join(out, "; ")
}

// An operation is work of the server's that takes a while.
type operation struct {
	Name     string          `json:"name"`
	Done     bool            `json:"done"`
	Response json.RawMessage `json:"response"`
	Error    *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// onboard asks for a tier and waits for the end of it. It returns the operation.
func (a *Account) onboard(ctx context.Context, t tier) ([]byte, error) {
	project := a.cfg.Project
	if t.ID == freeTier { // which refuses one
		project = ""
	} else if t.UserDefinedCloudaicompanionProject && project == "" {
		return nil, &Error{Class: AccountState, Message: fmt.Sprintf("the tier %q needs a project of yours; set project_id in the credential file or --project", t.ID)}
	}
	ask := question(&t, project)
	answer, err := a.method(ctx, "onboardUser", ask)
	name := "" // of the operation, which a poll that fails does not take away
	for n := 0; ; n++ {
		var op operation
		if err == nil {
			op, err = readOperation(answer)
			name = cmp.Or(op.Name, name)
		}
		if op.Done {
			return answer, op.failure()
		}
		if final(err) {
			return nil, err
		}
		if n == polls {
			return nil, &Error{Message: fmt.Sprintf("onboarding did not finish within %v", polls*pollEvery), Cause: err}
		}
		if err := a.cfg.Clock.Sleep(ctx, pollEvery); err != nil {
			return nil, err
		}
		answer, err = a.poll(ctx, name, ask)
	}
}

// poll asks how an onboarding is getting on: by its name if it has one, else by
// asking for it again.
func (a *Account) poll(ctx context.Context, name string, ask map[string]any) ([]byte, error) {
	if !strings.HasPrefix(name, "operations/") || strings.ContainsAny(name, "?#%\\") || strings.Contains(name, "..") {
		return a.method(ctx, "onboardUser", ask)
	}
	return a.call(ctx, http.MethodGet, a.cfg.BaseURL+"/"+a.cfg.APIVersion+"/"+name, "the operation", nil)
}

func readOperation(answer []byte) (operation, error) {
	var op operation
	if err := json.Unmarshal(answer, &op); err != nil {
		return operation{}, &Error{Message: "the answer to onboardUser cannot be read", Cause: err}
	}
	return op, nil
}

func (op operation) failure() error {
	if op.Error == nil {
		return nil
	}
	return &Error{Class: AccountState, Message: "onboarding failed: " + clip(op.Error.Message)}
}

// final reports whether a poll's failure is no use repeating: Code Assist says
// no, or there is no token.
func final(err error) bool {
	if s, ok := errors.AsType[*StatusError](err); ok {
		return s.Status < 500 && s.Status != http.StatusTooManyRequests && s.Status != http.StatusRequestTimeout
	}
	e, ok := errors.AsType[*Error](err)
	return err != nil && (!ok || e.Class != Passing)
}

// question says who asks, about which project and for which tier, if any.
func question(t *tier, project string) map[string]any {
	metadata := map[string]any{"ideType": "IDE_UNSPECIFIED", "platform": "PLATFORM_UNSPECIFIED", "pluginType": "GEMINI"}
	ask := map[string]any{"metadata": metadata}
	if project != "" {
		metadata["duetProject"] = project
		ask["cloudaicompanionProject"] = project
	}
	if t != nil {
		ask["tierId"] = t.ID
	}
	return ask
}

// Models lists the ids of the models that the account has a quota for.
func (a *Account) Models(ctx context.Context) ([]string, error) {
	project, err := a.Project(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := a.method(ctx, "retrieveUserQuota", map[string]any{"project": project})
	if err != nil {
		return nil, err
	}
	var quota struct {
		Buckets []struct{ ModelID string }
	}
	if err := json.Unmarshal(answer, &quota); err != nil {
		return nil, &Error{Message: "the answer to retrieveUserQuota cannot be read", Cause: err}
	}
	var ids []string
	for _, b := range quota.Buckets {
		if b.ModelID != "" {
			ids = append(ids, b.ModelID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// method posts to a method of Code Assist.
func (a *Account) method(ctx context.Context, name string, ask any) ([]byte, error) {
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, &Error{Message: "the question cannot be written", Cause: err}
	}
	return a.call(ctx, http.MethodPost, a.cfg.BaseURL+"/"+a.cfg.APIVersion+":"+name, name, body)
}

// call asks with a token, once more with another one if that is refused, and
// returns the body of a 200.
func (a *Account) call(ctx context.Context, verb, url, what string, body []byte) ([]byte, error) {
	token, err := a.Token(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := a.ask(ctx, verb, url, what, token, body)
	if s, ok := errors.AsType[*StatusError](err); !ok || s.Status != http.StatusUnauthorized {
		return answer, err
	}
	if err := a.Renew(ctx, token); err != nil {
		return nil, err
	}
	if token, err = a.Token(ctx); err != nil {
		return nil, err
	}
	return a.ask(ctx, verb, url, what, token, body)
}

func (a *Account) ask(ctx context.Context, verb, url, what, token string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, verb, url, bytes.NewReader(body))
	if err != nil {
		return nil, &Error{Message: what + " cannot be asked for", Cause: err}
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("User-Agent", a.cfg.UserAgent)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, &Error{Message: "Code Assist was not reached (" + what + ")", Cause: err}
	}
	defer func() { _ = resp.Body.Close() }() // what we want of it is read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return nil, &Error{Message: "the answer to " + what + " was cut", Cause: err}
	}
	if resp.StatusCode != http.StatusOK {
		return nil, &StatusError{Method: what, Status: resp.StatusCode, Header: resp.Header, Body: answer}
	}
	return answer, nil
}
