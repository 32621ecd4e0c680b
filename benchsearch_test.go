package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/bench/search"
)

// hunted is a hunt in a simulated target that answers in 10 ms up to 100/s and fails half
// of its requests above. What it was asked for is kept.
func hunted(t *testing.T, find string, grade sample.Grade) (*hunt, *strings.Builder, *[]load.Config) {
	t.Helper()
	goals, err := search.ParseGoals(find)
	if err != nil {
		t.Fatal(err)
	}
	table, asked := new(strings.Builder), new([]load.Config)
	h := &hunt{flags: &searchFlags{find: find, settle: time.Second, per: 10 * time.Second, most: 800, precision: .1}, goals: goals, table: table}
	h.cfg = huntedConfig(t)
	h.probe = func(_ context.Context, cfg load.Config, settle int) (*sample.Run, error) {
		*asked = append(*asked, cfg)
		run := &sample.Run{Trailer: sample.Trailer{Validity: sample.Validity{Grade: grade}}}
		run.Header.Schedule.PerSlot = cfg.Schedule.N - settle
		for i := range cfg.Schedule.N {
			at := int64(float64(i)/cfg.Schedule.PerSecond*1e9) + 1
			s := sample.Sample{IntendedNS: at, SentNS: at, TokenNS: at + 10e6, CloseNS: at + 20e6, Outcome: sample.OK, Warmup: i < settle}
			if cfg.Schedule.PerSecond > 100 && i%2 == 0 {
				s.Outcome = sample.HTTP5xx
			}
			run.Samples = append(run.Samples, s)
		}
		return run, nil
	}
	return h, table, asked
}

func huntedConfig(t *testing.T) load.Config {
	t.Helper()
	set, err := loadDataset("")
	if err != nil {
		t.Fatal(err)
	}
	return load.Config{
		Arms: []load.Arm{load.Standing{ArmName: "a"}}, Set: set, Dialect: dialect.Anthropic{}, Model: "m", Seed: 1, Blocks: 1,
		Schedule: schedule.Spec{Kind: schedule.Poisson, PerSecond: 20, N: 1},
	}
}

func TestAHuntProbesAndConcludes(t *testing.T) {
	h, table, asked := hunted(t, "first_token_p95<=50ms", sample.Valid)
	run, err := h.run(t.Context())
	if err != nil || run == nil || h.met < 95 || h.met > 96 {
		t.Fatalf("%v, best %v/s", err, h.met)
	}
	want := `rate/s  verdict  measured  figures
20      met      200       first_token_p95 10ms
40      met      400       first_token_p95 10ms
80      met      800       first_token_p95 10ms
160     not met  1600      first_token_p95 ∞
113.1   not met  1132      first_token_p95 ∞
95.14   met      952       first_token_p95 10ms
103.7   not met  1038      first_token_p95 ∞
highest rate that met first_token_p95<=50ms: 95.14/s; 103.7/s did not (not met: first_token_p95 ∞)
`
	if table.String() != want {
		t.Errorf("printed\n%swant\n%s", table, want)
	}
	seeds := map[uint64]bool{}
	for _, cfg := range *asked {
		seeds[cfg.Seed] = true
	}
	if len(seeds) != len(*asked) {
		t.Error("two probes have the same starts")
	}
}

func TestAHuntThatFindsNothing(t *testing.T) {
	for name, row := range map[string]struct {
		find  string
		grade sample.Grade
		says  string
	}{
		"broken":  {"first_token_p95<=5ms", sample.Valid, "no rate met first_token_p95<=5ms: the lowest tried was 0.01953/s"},
		"invalid": {"first_token_p95<=50ms", sample.Invalid, "the measurement is invalid"},
	} {
		h, _, _ := hunted(t, row.find, row.grade)
		run, err := h.run(t.Context())
		exit, ok := errors.AsType[*exitError](err)
		if run == nil || !ok || exit.code != 4 || !strings.Contains(exit.msg, row.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAHuntThatReachesTheTop(t *testing.T) {
	h, table, _ := hunted(t, "first_token_p95<=50ms", sample.Valid)
	h.flags.most = 90
	if _, err := h.run(t.Context()); err != nil || !strings.Contains(table.String(), "90/s, the highest that was asked for, met") || h.met != 90 {
		t.Errorf("%v, met %v: %s", err, h.met, table)
	}
}

func TestAHuntThatIsStopped(t *testing.T) {
	h, _, _ := hunted(t, "first_token_p95<=50ms", sample.Valid)
	probe := h.probe
	h.probe = func(ctx context.Context, cfg load.Config, settle int) (*sample.Run, error) {
		run, err := probe(ctx, cfg, settle)
		if cfg.Schedule.PerSecond == 40 {
			run.Trailer.Stopped = "interrupted in block 1 of 1"
		}
		return run, err
	}
	run, err := h.run(t.Context())
	if run == nil || err == nil || !strings.Contains(err.Error(), "after 1 probes: interrupted") || h.met != 20 {
		t.Errorf("%v, met %v", err, h.met)
	}
}
