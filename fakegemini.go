package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/datasets"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakegemini"
)

// fakegeminiFlags are the command's flags as given.
type fakegeminiFlags struct {
	scenario   string
	dataset    string
	inject     []string
	server     fakegemini.Config // what needs no reading
	clock      string
	withParent bool
}

func newFakegeminiCmd() *cobra.Command {
	var f fakegeminiFlags
	cmd := &cobra.Command{
		Use:   "fakegemini",
		Short: "Run the simulated Gemini upstream",
		Long: `Fakegemini serves Gemini's v1beta API, and the same models as Vertex AI and Code
Assist do, with the latency, the faults and the scripts of a scenario, the same for
every arm, and keeps ground truth of each write.

When it listens it prints one line of JSON: the URL of each arm, the URL of the
control listener (GET /truth, /stats and, with --keep-requests, /requests;
?drain=1 also forgets what is read; POST /reset?arm=NAME has an arm forget what its
limits counted) and the CA file.`,
		Example: "  firstbyte fakegemini --scenario gate --seed 1 --arm baseline --arm candidate \\\n" +
			"    --inject candidate:ttft=+30% --ca-file ca.pem",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.scenario, "scenario", "gate", "built-in scenario ("+strings.Join(datasets.ScenarioNames(), ", ")+") or a file ending in .yaml")
	flags.StringVar(&f.dataset, "dataset", "", "dataset whose answers it gives, JSON Lines (default: the built-in one)")
	flags.Uint64Var(&f.server.Seed, "seed", 1, "chooses what every item gets")
	flags.StringArrayVar(&f.server.Arms, "arm", nil, "name of a listener; repeat for several (default one, upstream)")
	flags.StringArrayVar(&f.inject, "inject", nil, "ARM:INJURY, with ttft=+N%, gap=+N%, tail=+N%, errors=N%, quality=N% or stall; repeat for several")
	flags.StringVar((*string)(&f.server.Protocol), "protocol", "h2", "h2 (TLS), h2c or h1")
	flags.StringVar(&f.server.Listen, "listen", "", "loopback address of the first arm, others take the next ports (default free ports)")
	flags.StringVar(&f.server.Control, "control", "", "loopback address of the control listener (default a free port)")
	flags.StringVar(&f.server.CAFile, "ca-file", "", "where to write the CA certificate for clients; needed for h2")
	flags.IntVar(&f.server.KeepRequests, "keep-requests", 0, "newest requests to keep for GET /requests on the control listener (default none)")
	flags.StringVar(&f.clock, "clock", "1", "factor by which every delay and limit runs faster, such as 20, or 20@UNIX-SECONDS to share it with a proxy")
	flags.BoolVar(&f.withParent, "with-parent", false, "stop when standard input ends")
	return cmd
}

func (f *fakegeminiFlags) run(cmd *cobra.Command) error {
	config, err := f.config()
	if err != nil {
		return err
	}
	server, err := fakegemini.New(config)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	if f.withParent {
		ctx = untilEOF(ctx, cmd.InOrStdin())
	}
	ready, err := server.Listen(ctx)
	if err != nil {
		return err
	}
	if f.withParent { // a parent that is gone must not kill us before we have tidied up
		signal.Ignore(syscall.SIGPIPE)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	said := json.NewEncoder(cmd.OutOrStdout()).Encode(ready)
	if said != nil {
		stop()
	}
	return errors.Join(said, server.Serve(ctx))
}

func (f *fakegeminiFlags) config() (fakegemini.Config, error) {
	if f.server.CAFile == "" && f.server.Protocol == fakegemini.H2 {
		return fakegemini.Config{}, errors.New("--protocol h2 needs --ca-file FILE, which clients must trust; h2c and h1 need none")
	}
	text, err := scenarioText(f.scenario)
	if err != nil {
		return fakegemini.Config{}, err
	}
	scenario, err := fakegemini.ParseScenario(text)
	if err != nil {
		return fakegemini.Config{}, fmt.Errorf("%s: %w", f.scenario, err)
	}
	injuries, err := parseInjuries(f.inject)
	if err != nil {
		return fakegemini.Config{}, err
	}
	set, err := loadDataset(f.dataset)
	if err != nil {
		return fakegemini.Config{}, err
	}
	scaled, err := clock.ParseScaled(f.clock)
	if err != nil {
		return fakegemini.Config{}, fmt.Errorf("--clock: %w", err)
	}
	config := f.server
	config.Clock = scaled
	config.Scenario, config.Injuries, config.Answer = scenario, injuries, set.Answer
	return config, nil
}

// scenarioText takes a name ending in .yaml for a file of the user's.
func scenarioText(name string) ([]byte, error) {
	if strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		return os.ReadFile(name)
	}
	return datasets.Scenario(name)
}

func parseInjuries(texts []string) (map[string][]fakegemini.Injury, error) {
	injuries := map[string][]fakegemini.Injury{}
	for _, text := range texts {
		arm, injury, ok := strings.Cut(text, ":")
		if !ok {
			return nil, fmt.Errorf("--inject %s: use ARM:INJURY, such as candidate:ttft=+30%%", text)
		}
		parsed, err := fakegemini.ParseInjury(injury)
		if err != nil {
			return nil, err
		}
		injuries[arm] = append(injuries[arm], parsed)
	}
	return injuries, nil
}

// untilEOF returns a context that also ends when r does: a child holds the
// read end of a pipe whose other end dies with its parent.
func untilEOF(ctx context.Context, r io.Reader) context.Context {
	ctx, stop := context.WithCancel(ctx)
	go func() {
		defer stop()
		_, _ = io.Copy(io.Discard, r) // an error is an end as well
	}()
	return ctx
}
