package main

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/load"
)

// benchConfig turns the command line into a run.
func benchConfig(f *benchFlags) (load.Config, error) {
	seeded := f.seed != 0
	if !seeded {
		f.seed = uint64(rand.Uint32())
	}
	if f.dataset == "default" {
		f.dataset = ""
	}
	key, errKey := readKey(f.keyEnv, f.keyFile)
	arms, about, errArms := benchArms(f.targets, key)
	set, errSet := f.trace.set(f.dataset)
	how, errHow := f.transport.transport()
	_, errOutput := f.options()
	errOutput = errors.Join(errOutput, f.fits(len(arms)))
	cfg := load.Config{
		Arms: arms, About: about, Set: set, Seed: f.seed, Warmup: f.warmup, Timeouts: f.timeouts, Transport: how,
		Tool: "firstbyte " + version, NoControls: "the targets stand already: no twin and no plant of them was started",
	}
	if err := errors.Join(errArms, f.dialect.apply(&cfg, f.model), errKey, errSet, errHow, errOutput); err != nil {
		return load.Config{}, err
	}
	if err := f.dialect.score(&cfg); err != nil {
		return load.Config{}, err
	}
	if err := f.arrivals.apply(&cfg, &f.session); err != nil {
		return load.Config{}, err
	}
	if err := f.trace.apply(&cfg, &f.arrivals); err != nil {
		return load.Config{}, err
	}
	if err := f.session.apply(&cfg, talks(cfg.Listed)); err != nil {
		return load.Config{}, err
	}
	if err := f.design.apply(&cfg); err != nil {
		return load.Config{}, err
	}
	if err := f.shard.apply(&cfg, seeded, time.Now()); err != nil {
		return load.Config{}, err
	}
	f.limit.search = f.search.find != ""
	if err := f.limit.apply(&cfg); err != nil {
		return load.Config{}, err
	}
	return cfg, cfg.Validate()
}
