package credential_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
)

const model = "gemini-3-pro"

// pool returns a pool of fixed seed with n general credentials, c0 and so on, and
// more behind them.
func pool(n int, more ...credential.Credential) *credential.Pool {
	p := credential.New(credential.Config{Seed: 1})
	p.Set(append(some(n), more...))
	return p
}

func some(n int) []credential.Credential {
	list := make([]credential.Credential, n)
	for i := range list {
		list[i] = credential.Credential{ID: fmt.Sprintf("c%d", i), Weight: 1}
	}
	return list
}

func inPreview(id string) credential.Credential {
	return credential.Credential{ID: id, Weight: 1, Preview: true}
}

// v2 asks the scheduler for the model.
var v2 = credential.Ask{Model: model, V2: true}

func acquire(t *testing.T, p *credential.Pool, a credential.Ask) *credential.Lease {
	t.Helper()
	l, err := p.Acquire(a)
	if err != nil {
		t.Fatalf("acquire %+v: %v", a, err)
	}
	return l
}

// id acquires, is done at once without evidence, and says who it was.
func id(t *testing.T, p *credential.Pool, a credential.Ask) string {
	t.Helper()
	l := acquire(t, p, a)
	l.Done(credential.Result{})
	return l.Credential().ID
}

func unavailable(t *testing.T, p *credential.Pool, a credential.Ask) *credential.Unavailable {
	t.Helper()
	l, err := p.Acquire(a)
	u, ok := errors.AsType[*credential.Unavailable](err)
	if !ok {
		t.Fatalf("acquire %+v: %v, %v; want nobody to be available", a, l, err)
	}
	return u
}

func status(t *testing.T, p *credential.Pool, id string) credential.Status {
	t.Helper()
	for _, s := range p.Status() {
		if s.ID == id {
			return s
		}
	}
	t.Fatalf("%s is not in the pool", id)
	return credential.Status{}
}

func inFlight(p *credential.Pool) int {
	n := 0
	for _, s := range p.Status() {
		n += s.InFlight
	}
	return n
}

// in is an instant from now on the machine's clock.
func in(d time.Duration) time.Time { return time.Now().Add(d) }

var (
	good    = credential.Result{OK: true}
	limited = credential.Result{RateLimited: true}
	bad     = credential.Result{Failed: true}
)
