package main

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/load"
)

// A proxyArm is one side of the gate: this binary's reference proxy.
type proxyArm struct {
	name, flags, upstream, caFile, key string
	credentials                        string          // of the upstream, as GEMINI_API_KEY has them
	args                               []string        // more for the proxy
	want                               map[string]bool // what flags come to
	child                              *child
}

var (
	_ load.Arm     = (*proxyArm)(nil)
	_ load.Metered = (*proxyArm)(nil)
)

// Name returns baseline or candidate.
func (a *proxyArm) Name() string { return a.name }

// Start starts a fresh proxy.
func (a *proxyArm) Start(ctx context.Context) (load.Target, error) {
	// What tells somebody's collector is no part of what is measured.
	env := []string{"FIRSTBYTE_PROXY_KEYS=" + a.key, "GEMINI_API_KEY=" + a.credentials, "OTEL_SDK_DISABLED=true"}
	c, err := startChild(ctx, env, append([]string{
		"proxy", "--listen", "127.0.0.1:0",
		"--upstream", a.upstream, "--upstream-ca-file", a.caFile, "--flags", a.flags,
	}, a.args...)...)
	if err != nil {
		return load.Target{}, err
	}
	a.child = c
	if !maps.Equal(c.Flags, a.want) {
		return load.Target{}, fmt.Errorf("the proxy runs with %v instead of %v", c.Flags, a.want)
	}
	return load.Target{URL: c.URL, Key: load.Secret(a.key)}, nil
}

// Stop stops the proxy, if one runs.
func (a *proxyArm) Stop(context.Context) error {
	if a.child != nil {
		a.child.stop()
		a.child = nil
	}
	return nil
}

// CPU returns the processor time of the running proxy.
func (a *proxyArm) CPU() (time.Duration, error) {
	if a.child == nil {
		return 0, fmt.Errorf("%s is not running", a.name)
	}
	return a.child.cpu()
}

// open starts the field of a gate and puts its arms into cfg. stop is to be called
// even after an error.
func (f gateFlags) open(ctx context.Context, cfg *load.Config) (stop func(), err error) {
	field, err := startField(ctx, f, cfg.About)
	if err != nil {
		return func() {}, err
	}
	cfg.Truth = field
	for _, arm := range field.arms {
		cfg.Arms = append(cfg.Arms, arm)
	}
	return field.stop, nil
}
