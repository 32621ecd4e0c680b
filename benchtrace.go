package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/datasets"
	"github.com/firstbyte-dev/firstbyte/datasets/trace"
)

// traceFlags say which recorded traffic is replayed, and how.
type traceFlags struct {
	file    string
	labels  map[string]string
	options trace.Options
	talks   bool         // turns wait for answers
	lengths string       // what an input length of a later turn counts
	read    *trace.Trace // set by set
}

func (f *traceFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.file, "trace", "", "recorded traffic to replay (Azure, Mooncake, BurstGPT, vLLM timed trace, Weka) instead of --dataset and --rate")
	fs.StringToStringVar(&f.labels, "trace-labels", nil, "other names of a timed trace's fields: timestamp=ts,input_length=isl")
	fs.DurationVar(&f.options.From, "trace-from", 0, "where in the trace to begin, by its own time")
	fs.DurationVar(&f.options.For, "trace-for", 0, "how much of the trace to replay, by its own time (default: to its end)")
	fs.Float64Var(&f.options.Speed, "trace-speed", 0, "how fast to replay (default 1, as it was)")
	fs.Float64Var(&f.options.PerSecond, "trace-rate", 0, "mean starts per second to replay at, instead of --trace-speed")
	fs.IntVar(&f.options.MaxInput, "max-input", 0, "cut longer prompts of the trace to so many tokens")
	fs.IntVar(&f.options.MaxOutput, "max-output", 0, "ask for no more tokens than this")
	fs.BoolVar(&f.options.Exact, "trace-exact", false, "start together what shares an instant in the trace, instead of spreading it over the trace's tick")
	fs.BoolVar(&f.talks, "trace-sessions", false, "send the later turns of the trace's sessions behind the answers before them, when these have ended and the user has thought")
	fs.StringVar(&f.lengths, "trace-lengths", "", "with --trace-sessions, what input lengths count: cumulative (whole prompts, the default) or delta (what a turn adds)")
	for _, other := range []string{"dataset", "rate", "closed", "stages", "sweep", "arrivals", "requests"} {
		cmd.MarkFlagsMutuallyExclusive("trace", other)
	}
}

// set returns the items of the trace, or of the dataset if none is named.
func (f *traceFlags) set(dataset string) (*datasets.Set, error) {
	if f.file == "" {
		if f.labels != nil || f.options != (trace.Options{}) || f.talks {
			return nil, errors.New("--trace-..., --max-input and --max-output belong to a trace: name one with --trace")
		}
		return loadDataset(dataset)
	}
	t, err := trace.Open(f.file, f.labels)
	if err != nil {
		return nil, err
	}
	if err := t.Apply(f.options); err != nil {
		return nil, err
	}
	f.read = t
	return t.Set(), nil
}

// apply makes cfg a replay of the trace in so many consecutive parts; listed tells
// that the starts have been listed already, elsewhere.
func (f *traceFlags) apply(cfg *load.Config, arrivals *arrivalFlags) error {
	t := f.read
	if f.lengths != "" && !f.talks {
		return errors.New("--trace-lengths says what the turns of sessions count: give --trace-sessions as well")
	}
	if t == nil {
		return nil
	}
	cfg.Fill, cfg.SharePrefix = t.Fill(cfg.Seed), t.Block > 0
	if cfg.Listed != nil {
		if o := f.options; o.Speed != 0 || o.PerSecond != 0 || o.Exact || f.talks {
			return errors.New("--trace-speed, --trace-rate, --trace-exact and --trace-sessions: the schedule that is read says when requests start")
		}
		return nil
	}
	if err := arrivals.lawless("a trace"); err != nil {
		return err
	}
	blocks := arrivals.blocks
	turns := t.Alone()
	cfg.Listing = t.Describe()
	if f.talks {
		lengths := cmp.Or(f.lengths, "cumulative")
		if lengths != "cumulative" && lengths != "delta" {
			return fmt.Errorf("--trace-lengths %q: say cumulative or delta", lengths)
		}
		turns = t.Sessions(lengths == "cumulative")
		cfg.Listing += "; sessions wait for their answers, input lengths " + lengths
	}
	if blocks < 1 || blocks > len(turns) {
		return fmt.Errorf("--blocks %d: cut the trace's %d requests or sessions into 1 to as many parts", blocks, len(turns))
	}
	list(cfg, schedule.Trace, entries(t, turns, blocks))
	return nil
}

// entries are the turns as a schedule: blocks of as many sessions, or one more,
// each from its own first instant on; the first keeps its lead.
func entries(t *trace.Trace, sessions [][]trace.Turn, blocks int) []schedule.Entry {
	var all []schedule.Entry
	var begin int64
	last := 0
	for i, turns := range sessions {
		block := i * blocks / len(sessions)
		if block != last {
			begin, last = int64(turns[0].At), block
		}
		for _, turn := range turns {
			r := t.Rows[turn.Row]
			all = append(all, schedule.Entry{
				Block: block, Arm: schedule.AllArms, IntendedNS: int64(turn.At) - begin, Item: t.ItemID(turn.Row), Occurrence: 1,
				Session: turn.Session, Turn: turn.Turn, ThinkNS: int64(turn.Think), InputTokens: r.Input, OutputTokens: r.Output,
			})
		}
	}
	return all
}
