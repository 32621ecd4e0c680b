package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A State is what is known of one credential, or of one model on it.
type State struct {
	Credential string
	Model      string // empty: of the whole credential
	// Until is the end of its cooldown, or zero, as of Stamp.
	Until  time.Time
	Length time.Duration
	Reason string
	Stamp  time.Time
	// Disabled is why it is not to be used, or empty, as of DisabledAt; a zero
	// DisabledAt says nothing.
	Disabled, DisabledURL string
	DisabledAt            time.Time
	// Counters: what is to be added (SaveStates), or the sum (States).
	Requests, RateLimited, Failed, Input, Output int64
}

// States returns all of them.
func (s *Store) States(ctx context.Context) ([]State, error) {
	all, err := query(ctx, s, func(row func(...any) error) (st State, err error) {
		var until, stamp, at int64
		err = row(&st.Credential, &st.Model, &until, &st.Length, &st.Reason, &stamp, &st.Disabled, &st.DisabledURL, &at,
			&st.Requests, &st.RateLimited, &st.Failed, &st.Input, &st.Output)
		st.Until, st.Stamp, st.DisabledAt = instant(until), instant(stamp), instant(at)
		return st, err
	}, `SELECT `+stateColumns+` FROM credential_states ORDER BY credential, model`)
	if err != nil {
		return nil, fmt.Errorf("read states of credentials: %w", err)
	}
	return all, nil
}

const (
	stateColumns = `credential, model, until, length, reason, stamp, disabled, disabled_url, disabled_at, requests, rate_limited, failed, input, output`
	stateWidth   = 14
	// batch bounds the parameters of one statement.
	batch = 200
)

// SaveStates keeps states, all or none. Counters are added up. Of cooldowns the
// one with the later Stamp counts, of Disabled the later DisabledAt, so that the
// order in which replicas arrive does not matter.
func (s *Store) SaveStates(ctx context.Context, states []State) error {
	if len(states) == 0 {
		return nil
	}
	err := s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for part := range slices.Chunk(merged(states), batch) {
			if _, err := tx.ExecContext(ctx, saveStates(len(part)), stateArgs(part)...); err != nil {
				return err
			}
		}
		return nil
	}, States)
	if err != nil {
		return fmt.Errorf("save states of credentials: %w", err)
	}
	return nil
}

// merged makes one of states of the same row: one statement cannot change a row
// twice.
func merged(states []State) []State {
	states = slices.Clone(states)
	slices.SortStableFunc(states, func(a, b State) int {
		return cmp.Or(cmp.Compare(a.Credential, b.Credential), cmp.Compare(a.Model, b.Model))
	})
	one := states[:1]
	for _, st := range states[1:] {
		if last := &one[len(one)-1]; last.Credential == st.Credential && last.Model == st.Model {
			last.add(st)
		} else {
			one = append(one, st)
		}
	}
	return one
}

// add does to st what saving o after it does to its row.
func (st *State) add(o State) {
	if o.Stamp.After(st.Stamp) {
		st.Until, st.Length, st.Reason, st.Stamp = o.Until, o.Length, o.Reason, o.Stamp
	}
	if o.DisabledAt.After(st.DisabledAt) {
		st.Disabled, st.DisabledURL, st.DisabledAt = o.Disabled, o.DisabledURL, o.DisabledAt
	}
	st.Requests += o.Requests
	st.RateLimited += o.RateLimited
	st.Failed += o.Failed
	st.Input += o.Input
	st.Output += o.Output
}

// saveStates returns the statement that saves n rows.
func saveStates(n int) string {
	var b strings.Builder
	b.WriteString(`INSERT INTO credential_states (` + stateColumns + `) VALUES `)
	for i := range n * stateWidth {
		switch {
		case i%stateWidth > 0:
			b.WriteString(", ")
		case i > 0:
			b.WriteString("), (")
		default:
			b.WriteString("(")
		}
		fmt.Fprintf(&b, "$%d", i+1)
	}
	b.WriteString(`) ON CONFLICT (credential, model) DO UPDATE SET `)
	for _, column := range []string{"until", "length", "reason"} {
		later(&b, column, "stamp")
	}
	for _, column := range []string{"disabled", "disabled_url"} {
		later(&b, column, "disabled_at")
	}
	for _, column := range []string{"requests", "rate_limited", "failed", "input", "output"} {
		fmt.Fprintf(&b, "%[1]s = credential_states.%[1]s + excluded.%[1]s, ", column)
	}
	later(&b, "stamp", "stamp")
	later(&b, "disabled_at", "disabled_at")
	return strings.TrimSuffix(b.String(), ", ")
}

// later sets the column where the new row is later than the old one by the time.
func later(b *strings.Builder, column, by string) {
	fmt.Fprintf(b, "%[1]s = CASE WHEN excluded.%[2]s > credential_states.%[2]s THEN excluded.%[1]s ELSE credential_states.%[1]s END, ", column, by)
}

func stateArgs(states []State) []any {
	var args []any
	for _, st := range states {
		args = append(args, st.Credential, st.Model, nanos(st.Until), int64(st.Length), st.Reason, nanos(st.Stamp),
			st.Disabled, st.DisabledURL, nanos(st.DisabledAt), st.Requests, st.RateLimited, st.Failed, st.Input, st.Output)
	}
	return args
}
