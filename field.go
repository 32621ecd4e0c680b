package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
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
	twin      = "twin"
	plant     = "plant"
)

// A field is what a gate plays on: a simulated upstream that lives as long as
// the gate, and a reference proxy per arm that is started anew for every slot.
type field struct {
	upstream *child
	caFile   string
	arms     []*proxyArm
}

// startField starts the simulated upstream with a path for each arm. Injuries lie
// in the candidate's path, where one is asked for, and in the plant's.
func startField(ctx context.Context, f gateFlags, about []sample.Arm) (*field, error) {
	stage, err := f.play.stage(f.scenario)
	if err != nil {
		return nil, err
	}
	defer stage.clear() // the simulator has read it
	ca, err := os.CreateTemp("", "firstbyte-ca-*.pem")
	if err != nil {
		return nil, err
	}
	if err := ca.Close(); err != nil {
		return nil, err
	}
	args := append([]string{
		"fakegemini", "--seed", strconv.FormatUint(f.seed, 10),
		"--ca-file", ca.Name(), "--dataset", f.dataset,
	}, stage.simulator...)
	for i := range about {
		args = append(args, "--arm", about[i].Name)
		args = append(args, injuries(&about[i], f.inject)...)
	}
	upstream, err := startChild(ctx, nil, args...)
	if err != nil {
		_ = os.Remove(ca.Name())
		return nil, err
	}
	fl := &field{upstream: upstream, caFile: ca.Name()}
	key := rand.Text()
	for i := range about {
		flags := f.baselineFlags
		if about[i].Name == candidate {
			flags = f.candidateFlags
		}
		fl.arms = append(fl.arms, &proxyArm{
			name: about[i].Name, flags: flags, want: about[i].Flags,
			upstream: upstream.URLs[about[i].Name], caFile: ca.Name(), key: key,
			credentials: cmp.Or(stage.credentials, key), args: stage.proxy,
		})
	}
	return fl, nil
}

// upstreamShare is the part of the time to first token, as a client measures it,
// that lies in the simulated upstream: .64 in the median and .84 in the tail on two
// cores. The rest is queue, proxy and client, which no delay of the upstream
// touches, so a plant's first chunk is delayed by that much more: what is measured
// of it is to be slower by what is planted. Gaps lie in the upstream alone.
const upstreamShare = .65

// injuries are the upstream's arguments for the path of an arm.
func injuries(arm *sample.Arm, inject string) (args []string) {
	switch {
	case arm.Name == candidate && inject != "":
		return []string{"--inject", candidate + ":" + inject}
	case arm.Role == sample.Plant:
		first := math.Round(1000*arm.Planted/upstreamShare) / 10
		for _, delay := range []fakegemini.Injury{
			{Kind: fakegemini.InjureTTFT, Percent: first}, {Kind: fakegemini.InjureGap, Percent: 100 * arm.Planted},
		} {
			args = append(args, "--inject", arm.Name+":"+delay.String())
		}
	}
	return args
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
