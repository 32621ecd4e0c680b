package control

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/store"
)

// Credentials are those that the proxy was started with and those that were
// uploaded, which the store keeps. It is safe for concurrent use.
type Credentials struct {
	Server  *server.Server
	Store   *store.Store
	Given   []server.Source // at the start; they cannot be removed here
	Uploads Uploads
	Log     *slog.Logger

	reloading sync.Mutex // held to bring the server up to date

	mu      sync.Mutex
	uploads map[string]upload // by id
}

var _ admin.Credentials = (*Credentials)(nil)

// Follow takes over what the store holds, and what others change in it, until ctx
// ends.
func (c *Credentials) Follow(ctx context.Context) error {
	return c.Store.Watch(ctx, func(k store.Kind) {
		var err error
		switch k {
		case store.Credentials:
			err = c.Reload(ctx)
		case store.States:
			err = c.Server.Pool().Load(ctx)
		}
		if err != nil && ctx.Err() == nil {
			c.Log.Error("what the store holds is not in use", "kind", k, "cause", err)
		}
	})
}

func (c *Credentials) given(id string) bool {
	return slices.ContainsFunc(c.Given, func(g server.Source) bool { return g.ID == id })
}

// Credentials returns all of them, by label.
func (c *Credentials) Credentials(context.Context) ([]admin.Credential, error) {
	list := c.broken()
	for _, s := range c.Server.Pool().Status() {
		list = append(list, card(s))
	}
	slices.SortFunc(list, func(a, b admin.Credential) int {
		return cmp.Or(strings.Compare(a.Label, b.Label), strings.Compare(a.ID, b.ID))
	})
	return list, nil
}

// card is what the panel shows of one.
func card(s credential.Status) admin.Credential {
	card := admin.Credential{
		ID: s.ID, Label: s.Label, Kind: s.Kind, Preview: s.Preview, Weight: s.Weight,
		Disabled: s.Disabled, VerifyURL: s.DisabledURL, InFlight: s.InFlight, Score: s.Score,
		Requests: s.Counters.Requests, Failures: s.Counters.RateLimited + s.Counters.Failed,
		Tokens: s.Counters.Input + s.Counters.Output,
	}
	cools := func(model string, cool credential.Cooldown) {
		if !cool.Until.IsZero() {
			card.Cooldowns = append(card.Cooldowns, admin.Cooldown{Model: model, Until: cool.Until, Reason: cool.Reason})
		}
	}
	cools("", s.Cooldown)
	for _, m := range s.Models {
		card.Models = append(card.Models, admin.CredentialModel{
			Model: m.Model, RateLimited: m.Rate429, Failed: m.ErrorRate, FirstToken: m.Latency,
		})
		cools(m.Model, m.Cooldown)
	}
	for _, f := range slices.Backward(s.Failures) {
		class, message, _ := strings.Cut(f.Reason, ": ")
		card.Errors = append(card.Errors, admin.CredentialError{At: f.At, Model: f.Model, Class: class, Message: message})
	}
	return card
}

// Do acts on one.
func (c *Credentials) Do(ctx context.Context, id string, action admin.Action) (string, error) {
	pool := c.Server.Pool()
	if up, ok := c.upload(id); ok && up.broken != nil {
		return "", admin.Invalid("it cannot be used: " + up.broken.Error() + "; delete it, or start the proxy as it wants")
	}
	if !slices.ContainsFunc(pool.Status(), func(s credential.Status) bool { return s.ID == id }) {
		return "", admin.ErrUnknown
	}
	switch action {
	case admin.Enable:
		pool.Enable(id)
		return "It is in use again.", c.reopen(ctx, id)
	case admin.Disable:
		pool.Disable(id, "disabled in the control panel", "")
		return "It is out of use.", nil
	case admin.Clear:
		pool.Clear(id)
		return "Its cooldowns and errors are forgotten.", nil
	case admin.Test, admin.Recheck:
		return c.check(ctx, id, action)
	}
	return "", admin.Invalid("there is no such action")
}

// check asks the upstream something small. An account that has been verified is in
// use again.
func (c *Credentials) check(ctx context.Context, id string, action admin.Action) (string, error) {
	if action == admin.Recheck {
		if err := c.reopen(ctx, id); err != nil {
			return "", err
		}
	}
	if err := c.Server.Test(ctx, id); err != nil {
		return "The upstream says: " + err.Message, nil
	}
	if action == admin.Recheck {
		c.Server.Pool().Clear(id)
		c.Server.Pool().Enable(id)
		return "The upstream answers: it is in use again.", nil
	}
	return "The upstream answers.", nil
}
