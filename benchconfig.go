package main

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
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
	set, errSet := loadDataset(f.dataset)
	how, errHow := f.transport.transport()
	_, errOutput := f.options()
	var errModel error
	if f.model == "" {
		errModel = errors.New("--model: name the model to ask for")
	}
	if err := errors.Join(errArms, errModel, errKey, errSet, errHow, errOutput); err != nil {
		return load.Config{}, err
	}
	score, err := scoring(set)
	if err != nil {
		return load.Config{}, err
	}
	cfg := load.Config{
		Arms: arms, About: about, Set: set, Dialect: dialect.Anthropic{}, Model: f.model,
		Seed: f.seed, Warmup: f.warmup, Timeouts: f.timeouts, Transport: how, Score: score,
		Tool: "firstbyte " + version, NoControls: "the targets stand already: no twin and no plant of them was started",
	}
	if err := f.arrivals.apply(&cfg); err != nil {
		return load.Config{}, err
	}
	if err := f.shard.apply(&cfg, seeded, time.Now()); err != nil {
		return load.Config{}, err
	}
	return cfg, cfg.Validate()
}
