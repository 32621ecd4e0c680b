package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
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
func startField(ctx context.Context, f gateFlags, about []sample.Arm) (*field, error) {
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
	for i, flags := range []string{f.baselineFlags, f.candidateFlags} {
		fl.arms = append(fl.arms, &proxyArm{
			name: about[i].Name, flags: flags, want: about[i].Flags,
			upstream: upstream.URLs[about[i].Name], caFile: ca.Name(), key: key,
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
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask the upstream for its write times: status %d", resp.StatusCode)
	}
	lines := json.NewDecoder(bufio.NewReader(resp.Body))
	for {
		var r fakegemini.Record
		switch err := lines.Decode(&r); {
		case errors.Is(err, io.EOF):
			return writes, nil
		case err != nil:
			return nil, fmt.Errorf("read the upstream's write times: %w", err)
		}
		writes[r.Nonce] = r.Writes
	}
}
