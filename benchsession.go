package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/datasets/trace"
)

// sessionFlags make conversations of the requests.
type sessionFlags struct {
	sessions, turns int
	think           string
	prefix          int
}

func (f *sessionFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.IntVar(&f.sessions, "sessions", 0, "conversations per target instead of --requests; --rate is how many begin per second")
	fs.IntVar(&f.turns, "turns", 0, "turns of each conversation, each behind the answers before it")
	fs.StringVar(&f.think, "think", "0s", "time from an answer to the next turn: 2s, or exp:2s for exponential times of this mean")
	fs.IntVar(&f.prefix, "shared-prefix", 0, "about so many tokens that all conversations of a turn of a target begin with")
	for _, other := range []string{"requests", "stages", "trace", "schedule-in"} {
		cmd.MarkFlagsMutuallyExclusive("sessions", other)
	}
	for _, other := range []string{"trace", "schedule-in"} {
		cmd.MarkFlagsMutuallyExclusive("turns", other)
	}
}

// apply makes sessions of the starts that cfg has.
func (f *sessionFlags) apply(cfg *load.Config, talks bool) error {
	think, err := parseThink(f.think)
	switch {
	case err != nil:
		return err
	case f.turns == 0 && (f.sessions != 0 || think != load.Think{}):
		return errors.New("--sessions and --think belong to conversations: give --turns as well")
	case f.prefix < 0:
		return fmt.Errorf("--shared-prefix %d: it must not be negative", f.prefix)
	case f.turns == 0 && !talks && f.prefix > 0:
		return errors.New("--shared-prefix is what conversations share: give --turns, --trace-sessions or a schedule with turns as well")
	case f.turns == 0 && f.prefix == 0:
		return nil
	}
	cfg.Sessions = &load.Sessions{Turns: f.turns, Think: think}
	if f.prefix > 0 {
		cfg.Sessions.Prefix, err = json.Marshal(trace.Words(cfg.Seed, f.prefix))
	}
	return err
}

// starts is how many conversations there are to begin in all blocks; false where
// the stages say it.
func (f *sessionFlags) starts(staged bool) (n int, ok bool, err error) {
	switch {
	case f.turns == 0 || staged:
		return 0, false, nil
	case f.sessions < 1:
		return 0, false, errors.New("--turns: say how many conversations with --sessions, at least 1, or with --stages")
	}
	return f.sessions, true, nil
}

func parseThink(text string) (load.Think, error) {
	mean, exponential := strings.CutPrefix(text, "exp:")
	d, err := time.ParseDuration(mean)
	if err != nil || d < 0 {
		return load.Think{}, fmt.Errorf("--think %q: write a time as 2s, or exp:2s", text)
	}
	return load.Think{Mean: d, Exponential: exponential}, nil
}

// talks tells whether listed requests have turns that wait for answers.
func talks(entries []schedule.Entry) bool {
	return slices.ContainsFunc(entries, func(e schedule.Entry) bool { return e.Turn > 0 })
}
