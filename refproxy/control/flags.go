package control

import (
	"context"
	"errors"
	"fmt"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
)

// Flags shows the panel a registry of flags. It is safe for concurrent use.
type Flags struct{ Registry *feature.Registry }

var _ admin.Flags = Flags{}

// summaries say what each flag switches, for people.
var summaries = map[string]string{
	"ff_retry_policy_v2":                 "One decision about every retry: upstream's hints honoured, one wait each with full jitter, a budget. Off: a flat interval, waited twice.",
	"ff_http2_pool_tuning":               "Several warm HTTP/2 connections to the upstream, the least busy first. Off: a connection for every request.",
	"ff_converter_fast_path":             "Plain text passes from the upstream's events to the caller's without the model in between. Same bytes, less processor time.",
	"ff_preview_credential_scheduler_v2": "Credentials chosen by health, load and session, with cooldowns. Off: any one at random.",
}

// Flags returns the state in force.
func (f Flags) Flags(context.Context) (admin.FlagState, error) {
	now := f.Registry.Current()
	settings := now.Settings()
	state := admin.FlagState{Generation: now.Generation}
	for _, name := range feature.Names() {
		state.Flags = append(state.Flags, admin.Flag{
			Name: name, Summary: summaries[name], Locked: now.Locked(name), Setting: shown(settings[name]),
		})
	}
	return state, nil
}

func shown(s feature.Setting) admin.Setting {
	return admin.Setting{Percent: s.Percent, Unit: string(s.Unit)}
}

// SetFlag changes one flag.
func (f Flags) SetFlag(ctx context.Context, c admin.FlagChange) error {
	to := feature.Setting{Percent: c.Percent, Unit: feature.Unit(c.Unit)}
	if err := to.Validate(); err != nil {
		return admin.Invalid(err.Error())
	}
	_, err := f.Registry.Set(ctx, feature.Change{
		Flag: c.Name, Setting: to,
		Expected: c.Expected, Who: c.Who, Evidence: c.Evidence,
	})
	for ours, theirs := range map[error]error{
		feature.ErrUnknown: admin.ErrUnknown, feature.ErrStale: admin.ErrStale, feature.ErrLocked: admin.ErrLocked,
	} {
		if errors.Is(err, ours) {
			return fmt.Errorf("%w: %w", theirs, err)
		}
	}
	return told(err)
}

// Audit returns the newest changes first.
func (f Flags) Audit(ctx context.Context, limit int) ([]admin.AuditEntry, error) {
	log, err := f.Registry.Log(ctx, limit)
	entries := make([]admin.AuditEntry, len(log))
	for i, e := range log {
		entries[i] = admin.AuditEntry{
			At: e.At, Who: e.Who, Flag: e.Flag, From: shown(e.From), To: shown(e.To), Evidence: e.Evidence, Generation: e.Generation,
		}
	}
	return entries, told(err)
}
