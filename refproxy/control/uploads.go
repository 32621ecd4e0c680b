package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/store"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// Uploads is what can be uploaded.
type Uploads struct {
	// Kind is that of the server's upstream, which has no use for others.
	Kind string
	// Open makes of a secret of that kind a credential that requests can be sent
	// with: its ID, which is the same for the same account, its Proof and its
	// Account. What is wrong with the secret is the error, in one line that quotes
	// nothing of it. An account that refreshes its secret uses keep.
	Open func(secret store.Secret, keep Keep) (server.Source, error)
}

// Keep is where an account's secret is kept, which every replica may refresh. The
// zero value keeps nothing.
type Keep struct {
	Load func() ([]byte, error)
	Save func([]byte) error
}

// OpenKey opens a key of the Gemini API.
func OpenKey(secret store.Secret, _ Keep) (server.Source, error) {
	key := secret.Reveal()
	if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return server.Source{}, errors.New("a key is one word of printable characters")
	}
	return server.Source{
		Credential: credential.Credential{ID: server.SourceID(key)}, Proof: upstream.Proof{Key: upstream.Key(key)},
	}, nil
}

// keepTime bounds one look at, or write of, a secret that was refreshed.
const keepTime = 10 * time.Second

// keep returns where the secret of a stored credential is.
func (c *Credentials) keep(id string) Keep {
	return Keep{
		Load: func() ([]byte, error) {
			ctx, cancel := context.WithTimeout(context.Background(), keepTime)
			defer cancel()
			secret, err := c.Store.Secret(ctx, id)
			return []byte(secret.Reveal()), err
		},
		// It is not cut short: what was refreshed may be the only thing that serves.
		Save: func(data []byte) error {
			ctx, cancel := context.WithTimeout(context.Background(), keepTime)
			defer cancel()
			return c.Store.SaveSecret(ctx, id, store.NewSecret(string(data)))
		},
	}
}

// An upload is a stored credential as it is in use, or why it cannot be.
type upload struct {
	stored store.Credential // without its secret
	source server.Source
	broken error
}

// Reload makes the server use what was given and what is stored. What is open stays
// open, whatever a refresh has made of its secret meanwhile: the account takes that
// over by itself. One that cannot be opened is left out, and shown.
func (c *Credentials) Reload(ctx context.Context) error {
	c.reloading.Lock()
	defer c.reloading.Unlock()
	stored, err := c.Store.Credentials(ctx)
	if err != nil {
		return err
	}
	list := slices.Clone(c.Given)
	next := map[string]upload{}
	var opened []server.Account
	for _, one := range stored {
		if c.given(one.ID) {
			continue
		}
		up, known := c.upload(one.ID)
		if !known || !up.stored.Created.Equal(one.Created) {
			up = c.open(one)
			if up.source.Account != nil {
				opened = append(opened, up.source.Account)
			}
		}
		up.stored, up.stored.Secret = one, store.Secret{}
		next[one.ID] = up
		if up.broken == nil {
			up.source.Credential = described(one)
			list = append(list, up.source)
		}
	}
	if err := c.Server.SetSources(list); err != nil {
		for _, account := range opened {
			account.Close()
		}
		return err
	}
	c.mu.Lock()
	c.uploads = next
	c.mu.Unlock()
	for _, account := range opened {
		prepare(account)
	}
	return nil
}

// prepare has an account get ready before a request needs it, which also shows
// whether its login is dead. It goes on behind who does not wait, and logs by
// itself.
func prepare(account server.Account) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _ = account.Project(ctx)
}

// open opens a stored credential.
func (c *Credentials) open(one store.Credential) upload {
	source, err := server.Source{}, error(nil)
	if one.Kind == c.Uploads.Kind {
		source, err = c.Uploads.Open(one.Secret, c.keep(one.ID))
	} else {
		err = fmt.Errorf("it is of the kind %s, and this proxy's upstream of the kind %s", one.Kind, c.Uploads.Kind)
	}
	if err == nil {
		err = c.Server.CheckSource(source)
	}
	if err == nil {
		return upload{source: source}
	}
	if source.Account != nil {
		source.Account.Close()
	}
	c.Log.Error("a stored credential cannot be used; the others are", "credential", one.ID, "label", one.Label, "cause", err)
	return upload{broken: err}
}

// described is what the pool knows of a stored one.
func described(one store.Credential) credential.Credential {
	return credential.Credential{
		ID: one.ID, Label: one.Label, Kind: one.Kind, Preview: one.Preview, Weight: one.Weight,
		Disabled: one.Disabled, DisabledURL: one.DisabledURL,
	}
}

// upload returns what became of a stored credential.
func (c *Credentials) upload(id string) (upload, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	up, ok := c.uploads[id]
	return up, ok
}

// broken returns those that cannot be used, as the panel shows them.
func (c *Credentials) broken() []admin.Credential {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []admin.Credential
	for _, up := range c.uploads {
		if one := up.stored; up.broken != nil {
			list = append(list, admin.Credential{
				ID: one.ID, Label: one.Label, Kind: one.Kind, Preview: one.Preview, Weight: one.Weight,
				Disabled: "it cannot be used: " + up.broken.Error(),
			})
		}
	}
	return list
}

// reopen opens the account of an upload that is of no use anew from what is stored,
// so that it forgets why.
func (c *Credentials) reopen(ctx context.Context, id string) error {
	up, ok := c.upload(id)
	if !ok || up.source.Account == nil || up.source.Account.Ready() {
		return nil
	}
	c.mu.Lock()
	delete(c.uploads, id)
	c.mu.Unlock()
	return c.Reload(ctx)
}

// Add seals a credential, stores it, and takes it into use before it returns.
func (c *Credentials) Add(ctx context.Context, n admin.NewCredential) (string, error) {
	if n.Kind != c.Uploads.Kind {
		return "", admin.Invalid("this proxy takes uploads of the kind " + c.Uploads.Kind + " alone, as its upstream does")
	}
	secret := store.NewSecret(strings.TrimSpace(n.Secret.Reveal()))
	source, err := c.Uploads.Open(secret, Keep{})
	if source.Account != nil {
		source.Account.Close() // another one is opened, which keeps what it refreshes
	}
	if err = cmp.Or(err, c.Server.CheckSource(source)); err != nil {
		return "", admin.Invalid(err.Error())
	}
	shown, err := c.Credentials(ctx)
	if err != nil {
		return "", err
	}
	if i := slices.IndexFunc(shown, func(s admin.Credential) bool { return s.ID == source.ID }); i >= 0 {
		return "", admin.Invalid("this credential is there already, as " + shown[i].Label)
	}
	err = c.Store.SaveCredential(ctx, store.Credential{
		ID: source.ID, Label: n.Label, Kind: n.Kind, Preview: n.Preview, Weight: n.Weight, Created: time.Now(), Secret: secret,
	})
	if err != nil {
		return "", err
	}
	return source.ID, c.Reload(ctx)
}

// Remove forgets an uploaded credential for good.
func (c *Credentials) Remove(ctx context.Context, id string) error {
	if c.given(id) {
		return admin.Invalid("this credential was given when the proxy was started: disable it here, and remove it there")
	}
	if err := c.Store.DeleteCredential(ctx, id); err != nil {
		return told(err)
	}
	return c.Reload(ctx)
}
