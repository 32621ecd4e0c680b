package main

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/budget"
	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/load"
)

// limitFlags are what a run may use of an endpoint that somebody pays for.
type limitFlags struct {
	limits budget.Limits
	price  budget.Price
	prices string

	always bool // the estimate is printed without a limit, too
	search bool // how much is sent is not known before
	demand load.Demand
	meter  *budget.Meter // nil: nothing is limited
}

func (f *limitFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.IntVar(&f.limits.Requests, "max-requests", 0, "send no more requests than that, warm-up included; a run that might is refused")
	fs.IntVar(&f.limits.Tokens, "max-tokens", 0, "use no more tokens than that, in and out together; a run that might is refused, one that does is stopped")
	fs.Float64Var(&f.limits.Dollars, "max-spend", 0, "spend no more US dollars than that, by --price-input and --price-output or --prices")
	fs.Float64Var(&f.price.Input, "price-input", 0, "US dollars for a million tokens in")
	fs.Float64Var(&f.price.Output, "price-output", 0, "US dollars for a million tokens out")
	fs.StringVar(&f.prices, "prices", "", `file with prices by model: {"MODEL": {"input": 3, "output": 15}}`)
	cmd.MarkFlagsMutuallyExclusive("prices", "price-input")
	cmd.MarkFlagsMutuallyExclusive("prices", "price-output")
}

// asked tells whether a limit or a price was given.
func (f *limitFlags) asked() bool {
	return f.always || f.limits.Any() || f.price != budget.Price{} || f.prices != ""
}

// apply refuses a run that might go beyond its limits, and has the others watched.
func (f *limitFlags) apply(cfg *load.Config) error {
	if !f.asked() {
		return nil
	}
	if f.prices != "" {
		price, err := budget.ReadPrice(f.prices, cfg.Model)
		if err != nil {
			return fmt.Errorf("--prices: %w", err)
		}
		f.price = price
	}
	if err := f.limits.Validate(f.price); err != nil {
		return err
	}
	if _, plain := cfg.Dialect.(dialect.HTTP); plain && (f.limits.Tokens > 0 || f.limits.Dollars > 0) {
		return errors.New("--max-tokens and --max-spend: plain HTTP has no tokens; give --max-requests")
	}
	var err error
	if f.demand, err = cfg.Demand(); err != nil {
		return err
	}
	planned := f.demand.Requests
	if f.search {
		planned = math.MaxInt
	}
	if f.limits.Any() {
		f.meter = budget.NewMeter(f.limits, f.price, planned)
		cfg.Ended = f.meter.Ended
	}
	if f.search {
		return nil
	}
	return f.limits.Refuse(f.demand, f.price)
}

// say prints the estimate before anything is sent, where one was asked for.
func (f *limitFlags) say(w io.Writer) error {
	if !f.asked() {
		return nil
	}
	if f.search {
		_, err := fmt.Fprintln(w, "estimate: none, for a search sends what it needs; it ends before it would go beyond a limit")
		return err
	}
	_, err := fmt.Fprintln(w, "estimate: "+budget.Estimate(f.demand, f.price))
	return err
}

// next refuses a probe of a search that might go beyond a limit.
func (f *limitFlags) next(cfg load.Config) error {
	if !f.search || f.meter == nil {
		return nil
	}
	demand, err := cfg.Demand()
	if err != nil {
		return err
	}
	return f.meter.Next(demand)
}

// sayUsed prints what was used of what was limited.
func (f *limitFlags) sayUsed(w io.Writer) error {
	if f.meter == nil {
		return nil
	}
	_, err := fmt.Fprintln(w, f.meter.Used())
	return err
}
