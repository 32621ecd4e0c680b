package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakegemini"
)

// The names of a gate's arms, in reports and for the simulated upstream.
const (
	baseline  = "baseline"
	candidate = "candidate"
)

// A field is what a gate plays on: a simulated upstream that lives as long as
// the gate, and a reference proxy per arm that is started anew for every slot.
type field struct {
	upstream *child
	caFile   string
	arms     []*proxyArm
}

// startField starts the simulated upstream; injury, if any, lies in the
// candidate's path alone.
func startField(ctx context.Context, f gateFlags) (*field, error) {
	ca, err := os.CreateTemp("", "firstbyte-ca-*.pem")
	if err != nil {
		return nil, err
	}
	if err := ca.Close(); err != nil {
		return nil, err
	}
	args := []string{
		"fakegemini", "--scenario", f.scenario, "--seed", strconv.FormatUint(f.seed, 10),
		"--arm", baseline, "--arm", candidate, "--ca-file", ca.Name(),
		"--dataset", f.dataset,
	}
	if f.inject != "" {
		args = append(args, "--inject", candidate+":"+f.inject)
	}
	upstream, err := startChild(ctx, nil, args...)
	if err != nil {
		_ = os.Remove(ca.Name())
		return nil, err
	}
	fl := &field{upstream: upstream, caFile: ca.Name()}
	key := rand.Text()
	for _, arm := range []struct{ name, flags string }{{baseline, f.baselineFlags}, {candidate, f.candidateFlags}} {
		fl.arms = append(fl.arms, &proxyArm{
			name: arm.name, flags: arm.flags, upstream: upstream.URLs[arm.name], caFile: ca.Name(), key: key,
		})
	}
	return fl, nil
}

// stop ends the upstream and whatever proxy still runs.
func (f *field) stop() {
	for _, arm := range f.arms {
		_ = arm.Stop(context.Background()) // never fails
	}
	f.upstream.stop()
	_ = os.Remove(f.caFile) // the upstream may have removed it
}

var _ load.Truthful = (*field)(nil)

// UpstreamWrites asks the simulated upstream when it wrote.
func (f *field) UpstreamWrites(ctx context.Context) (map[string][]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.upstream.Control+"/truth?drain=1", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the upstream for its write times: %w", err)
	}
	defer resp.Body.Close()
	writes := map[string][]int64{}
	lines := json.NewDecoder(bufio.NewReader(resp.Body))
	for lines.More() {
		var r fakegemini.Record
		if err := lines.Decode(&r); err != nil {
			return nil, fmt.Errorf("read the upstream's write times: %w", err)
		}
		writes[r.Nonce] = r.Writes
	}
	return writes, nil
}

// A proxyArm is one side of the gate: this binary's reference proxy.
type proxyArm struct {
	name, flags, upstream, caFile, key string
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
	env := []string{"FIRSTBYTE_PROXY_KEYS=" + a.key, "GEMINI_API_KEY=" + a.key}
	c, err := startChild(ctx, env, "proxy", "--listen", "127.0.0.1:0",
		"--upstream", a.upstream, "--upstream-ca-file", a.caFile, "--flags", a.flags)
	if err != nil {
		return load.Target{}, err
	}
	a.child = c
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
