package control

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/store"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// KindKey is the kind of credential that can be uploaded: a key of the Gemini API.
// Accounts of the other kinds rewrite their own files, and are given as files.
const KindKey = "gemini"

// Credentials are those that the proxy was started with and those that were
// uploaded, which the store keeps. It is safe for concurrent use.
type Credentials struct {
	Server *server.Server
	Store  *store.Store
	Given  []server.Source // at the start; they cannot be removed here
	Log    *slog.Logger

	mu sync.Mutex // held to bring the server up to date
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

// Reload makes the server use what was given and what is stored.
func (c *Credentials) Reload(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	stored, err := c.Store.Credentials(ctx)
	if err != nil {
		return err
	}
	list := slices.Clone(c.Given)
	for _, one := range stored {
		if !c.given(one.ID) {
			list = append(list, source(one))
		}
	}
	return c.Server.SetSources(list)
}

func (c *Credentials) given(id string) bool {
	return slices.ContainsFunc(c.Given, func(g server.Source) bool { return g.ID == id })
}

func source(one store.Credential) server.Source {
	return server.Source{
		Credential: credential.Credential{
			ID: one.ID, Label: one.Label, Kind: one.Kind, Preview: one.Preview, Weight: one.Weight,
			Disabled: one.Disabled, DisabledURL: one.DisabledURL,
		},
		Proof: upstream.Proof{Key: upstream.Key(one.Secret.Reveal())},
	}
}

// Credentials returns all of them, by label.
func (c *Credentials) Credentials(context.Context) ([]admin.Credential, error) {
	var list []admin.Credential
	for _, s := range c.Server.Pool().Status() {
		list = append(list, card(s))
	}
	slices.SortFunc(list, func(a, b admin.Credential) int { return strings.Compare(a.Label, b.Label) })
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

// Add seals a key, stores it, and takes it into use before it returns.
func (c *Credentials) Add(ctx context.Context, n admin.NewCredential) (string, error) {
	secret := strings.TrimSpace(n.Secret.Reveal())
	if n.Kind != KindKey {
		return "", admin.Invalid("this proxy takes uploads of keys of the Gemini API; accounts of other kinds are given as files, with --credentials-file")
	}
	if secret == "" || strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", admin.Invalid("a key is one word of printable characters")
	}
	id := server.SourceID(secret)
	for _, s := range c.Server.Pool().Status() {
		if s.ID == id {
			return "", admin.Invalid("this key is in use already, as " + s.Label)
		}
	}
	err := c.Store.SaveCredential(ctx, store.Credential{
		ID: id, Label: n.Label, Kind: n.Kind, Preview: n.Preview, Weight: n.Weight, Created: time.Now(), Secret: store.NewSecret(secret),
	})
	if err != nil {
		return "", err
	}
	return id, c.Reload(ctx)
}

// Remove forgets an uploaded credential for good.
func (c *Credentials) Remove(ctx context.Context, id string) error {
	if c.given(id) {
		return admin.Invalid("this credential was given when the proxy was started: disable it here, and remove it there")
	}
	if err := c.Store.DeleteCredential(ctx, id); err != nil {
		return fmt.Errorf("%w: %w", admin.ErrUnknown, err)
	}
	return c.Reload(ctx)
}

// Do acts on one.
func (c *Credentials) Do(ctx context.Context, id string, action admin.Action) (string, error) {
	pool := c.Server.Pool()
	if !slices.ContainsFunc(pool.Status(), func(s credential.Status) bool { return s.ID == id }) {
		return "", admin.ErrUnknown
	}
	switch action {
	case admin.Enable:
		pool.Enable(id)
		return "It is in use again.", nil
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
