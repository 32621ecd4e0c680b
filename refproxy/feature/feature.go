// Package feature holds the proxy's feature flags: which there are, for what
// share of the traffic each is on, and for which requests.
//
// A flag switches between the earlier behaviour (off, exactly as it was) and a
// changed one. A [Registry] holds the settings, which may change at any time, as
// an immutable [Snapshot]; a request takes one snapshot and has it assign its
// [Flags], so it never sees two states of a flag. Precedence of the sources of a
// setting: environment, then what was stored, then the given list, then off. What
// the environment sets is locked.
//
// The registry keeps changes in a [Backend], each with an entry of the audit log,
// and only if the generation is the one that the change was decided on: of two
// who decide on the same state one has to look again.
package feature

import (
	"errors"
	"fmt"
	"strings"
)

// Flags is a snapshot of every flag. The zero value is all off. It is a plain
// value: copy it freely, it is never changed in place.
type Flags struct {
	// RetryPolicyV2 decides about every retry in one place: as the upstream says,
	// with one wait each and within a budget. Off: a flat interval, waited twice.
	RetryPolicyV2 bool
	// HTTP2PoolTuning keeps several warm HTTP/2 connections per upstream.
	// Off: a new client and connection for every request.
	HTTP2PoolTuning bool
	// ConverterFastPath turns text-only streams into the caller's dialect
	// without the canonical event model in between. The bytes sent are the same.
	ConverterFastPath bool
	// PreviewCredentialSchedulerV2 chooses credentials by health, load and session,
	// with cooldowns. Off: any one at random.
	PreviewCredentialSchedulerV2 bool
}

// A flag ties a name to its field.
type flag struct {
	name  string
	field func(*Flags) *bool
}

// table lists the flags in the order in which they are shown.
func table() []flag {
	return []flag{
		{"ff_retry_policy_v2", func(f *Flags) *bool { return &f.RetryPolicyV2 }},
		{"ff_http2_pool_tuning", func(f *Flags) *bool { return &f.HTTP2PoolTuning }},
		{"ff_converter_fast_path", func(f *Flags) *bool { return &f.ConverterFastPath }},
		{"ff_preview_credential_scheduler_v2", func(f *Flags) *bool { return &f.PreviewCredentialSchedulerV2 }},
	}
}

// Names returns the names of all flags in the order in which they are shown.
func Names() []string {
	var names []string
	for _, f := range table() {
		names = append(names, f.name)
	}
	return names
}

// Parse reads a list of flags that are on or off as a whole, as [ParseSettings]
// does. A share between them is an error: one value of Flags cannot hold it.
func Parse(list string) (Flags, error) {
	settings, err := ParseSettings(list)
	problems := []error{err}
	var flags Flags
	for _, f := range table() {
		switch s := settings[f.name]; s.threshold() {
		case 0:
		case buckets:
			*f.field(&flags) = true
		default:
			problems = append(problems, fmt.Errorf("%s=%v: here a flag is on (100%%) or off (0%%), there is no traffic to split", f.name, s))
		}
	}
	return flags, errors.Join(problems...)
}

// Override returns f with what the environment says in its place. A flag stands
// there under its name in upper case: true, 1, yes and on switch it on, false,
// 0, no and off switch it off, an empty value counts as not set. lookup is
// os.LookupEnv in a program. The error names every variable it cannot read.
func (f Flags) Override(lookup func(string) (string, bool)) (Flags, error) {
	var problems []error
	for _, e := range table() {
		key := strings.ToUpper(e.name)
		value, ok := lookup(key)
		if !ok || value == "" {
			continue
		}
		on, err := truth(value)
		if err != nil {
			problems = append(problems, fmt.Errorf("environment variable %s: %w", key, err))
			continue
		}
		*e.field(&f) = on
	}
	return f, errors.Join(problems...)
}

func truth(value string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "true", "1", "yes", "on":
		return true, nil
	case "false", "0", "no", "off":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither on (true, 1, yes, on) nor off (false, 0, no, off)", value)
}

// Map returns the state of every flag by its name.
func (f Flags) Map() map[string]bool {
	m := make(map[string]bool)
	for _, e := range table() {
		m[e.name] = *e.field(&f)
	}
	return m
}
