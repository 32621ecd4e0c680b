package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/firstbyte-dev/firstbyte/guard/rollout"
)

// adminKeyEnv is where the admin key is looked for.
const adminKeyEnv = "FIRSTBYTE_ADMIN_KEY"

func (f *rolloutFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.admin, "admin", "", "URL of the proxy's admin API (needed)")
	fs.StringVar(&f.keyFile, "admin-key-file", "", "file with the admin key (default: the environment's "+adminKeyEnv+")")
	fs.StringVar(&f.cfg.Flag, "flag", "", "the flag to roll out (needed)")
	fs.StringArrayVar(&f.logs, "log", nil, "request log of the proxy, or a pattern of names; repeatable (needed)")
	fs.StringVar(&f.policy, "policy", "", "policy file of the mode anytime (default: the built-in policy)")
	fs.IntSliceVar(&f.plan, "plan", rollout.Default(), "stages in percent of traffic")
	fs.StringVar(&f.design, "design", "auto", "auto, split or switchback")
	fs.StringVar(&f.cfg.Unit, "unit", "request", "what is given to an arm as a whole: request or session")
	fs.Uint64Var(&f.cfg.Seed, "seed", 0, "seed of the order of turns (default: drawn, and kept in the journal)")
	fs.DurationVar(&f.cfg.Every, "evaluate", 30*time.Second, "time between two evaluations")
	fs.DurationVar(&f.cfg.StageMin, "stage-min", 10*time.Minute, "how long a stage lasts at least before it may be promoted")
	fs.DurationVar(&f.cfg.StageMax, "stage-max", 24*time.Hour, "when an undecided stage ends the rollout; 0: never")
	fs.DurationVar(&f.cfg.Block, "block", 2*time.Minute, "length of a turn of a switchback, after its wash-out")
	fs.DurationVar(&f.cfg.Washout, "washout", 30*time.Second, "time after each change of turns that does not count")
	fs.IntVar(&f.cfg.Patience, "patience", 4, "how many evaluations in a row may fail")
	fs.StringVar(&f.out, "out", "out", "folder for verdicts and journal: in rollout/")
	fs.BoolVar(&f.json, "json", false, "a line of JSON for each event on standard output")
	fs.BoolVar(&f.quiet, "quiet", false, "no lines on standard error")
}

// config checks what can be checked before anything is asked.
func (f *rolloutFlags) config() (rollout.Config, error) {
	cfg := f.cfg
	switch {
	case f.admin == "":
		return cfg, errors.New("say where the proxy's admin API is: --admin http://127.0.0.1:PORT")
	case cfg.Flag == "":
		return cfg, errors.New("say which flag to roll out: --flag ff_converter_fast_path")
	case len(f.logs) == 0:
		return cfg, errors.New("say where the proxy logs its requests: --log, the file of its own --log")
	}
	var err error
	if cfg.Design, err = rollout.DesignOf(cfg.Flag, f.design); err != nil {
		return cfg, err
	}
	cfg.Plan = f.plan
	if cfg.Policy, err = anytimePolicy(f.policy); err != nil {
		return cfg, err
	}
	return cfg, cfg.Validate()
}

// client reads the key, which stands on no command line.
func (f *rolloutFlags) client() (*rollout.Client, error) {
	key := os.Getenv(adminKeyEnv)
	if f.keyFile != "" {
		data, err := os.ReadFile(f.keyFile)
		if err != nil {
			return nil, fmt.Errorf("--admin-key-file: %w", err)
		}
		key = string(data)
	}
	if key = strings.TrimSpace(key); key == "" {
		return nil, fmt.Errorf("the admin API needs a key: set %s, or give --admin-key-file", adminKeyEnv)
	}
	return rollout.NewClient(f.admin, f.cfg.Flag, key)
}
