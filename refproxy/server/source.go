package server

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/firstbyte-dev/firstbyte/refproxy/codeassist"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// A Source is one credential that requests can be sent with.
type Source struct {
	credential.Credential
	// Proof is what shows the upstream that it is this one.
	Proof upstream.Proof
	// Account is Code Assist's. It is closed when the source goes. Once it is of no
	// use any more the source is disabled, whether or not a request meets it.
	Account Account
}

// onlySource is the id of the one credential that a configuration without a list
// of them has.
const onlySource = "default"

// source is what a request is sent with.
type source struct {
	Source
	client *upstream.Client // a view: it asks in this credential's name
}

// sources are all credentials that there are, by id; the pool chooses among
// them. They change while requests run, and a request keeps the one it has.
type sources struct {
	root *upstream.Client
	pool *credential.Pool

	mu  sync.RWMutex
	all map[string]source
}

// set makes list all there are, from now on, and closes the accounts of those that
// are gone. After an error nothing has changed.
func (s *sources) set(list []Source) error {
	next := make(map[string]source, len(list))
	infos := make([]credential.Credential, 0, len(list))
	var problems []error
	for _, one := range list {
		if _, twice := next[one.ID]; twice || one.ID == "" {
			problems = append(problems, fmt.Errorf("credential %q: every credential has an id of its own", one.ID))
		}
		view, err := s.root.With(one.Proof)
		if err != nil {
			problems = append(problems, fmt.Errorf("credential %q: %w", one.Label, err))
			continue
		}
		next[one.ID] = source{one, view}
		infos = append(infos, one.Credential)
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	s.mu.Lock()
	old := s.all
	s.all = next
	s.mu.Unlock()
	s.pool.Set(infos)
	for id, one := range next {
		if one.Account != nil && old[id].Account != one.Account {
			one.Account.OnDead(func(e *codeassist.Error) { s.pool.Disable(id, e.Message, e.URL) })
		}
	}
	for id, one := range old {
		if one.Account != nil && next[id].Account != one.Account {
			one.Account.Close()
		}
	}
	return nil
}

// get returns a credential by its id.
func (s *sources) get(id string) (source, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	one, ok := s.all[id]
	return one, ok
}

// project returns the credentials that share a project with one, itself among
// them: what a project has used up, none of them has.
func (s *sources) project(id string) []string {
	one, _ := s.get(id)
	ids := []string{id}
	if one.Proof.Project == "" {
		return ids
	}
	for _, other := range s.list() {
		if other.ID != id && other.Proof.Project == one.Proof.Project {
			ids = append(ids, other.ID)
		}
	}
	return ids
}

// list returns all credentials, by id.
func (s *sources) list() []source {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.SortedFunc(maps.Values(s.all), func(a, b source) int { return strings.Compare(a.ID, b.ID) })
}

// ready reports whether a request could be sent now: a credential is enabled, and
// its account has what it needs.
func (s *sources) ready() bool {
	var tried []string
	for {
		lease, err := s.pool.Acquire(credential.Ask{Tried: tried})
		if err != nil {
			return false
		}
		id := lease.Credential().ID
		lease.Unused()
		if one, ok := s.get(id); ok && (one.Account == nil || one.Account.Ready()) {
			return true
		}
		tried = append(tried, id)
	}
}

// close closes every account.
func (s *sources) close() {
	for _, one := range s.list() {
		if one.Account != nil {
			one.Account.Close()
		}
	}
}
