package proof

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// A Run says how goals are simulated.
type Run struct {
	// Repetitions of each cell; a dear one gets fewer.
	Repetitions int
	// Workers is how many goroutines share the repetitions of a cell. Results do
	// not depend on it.
	Workers int
	// MostPairs leaves out cells of more pairs; 0 leaves out none.
	MostPairs int
	// Known tells whether the result of a cell is known from an earlier run, and
	// Done takes that of each cell that was simulated, in order. An error of
	// Done ends the run.
	Known func(goal, cell string, repetitions int) bool
	Done  func(Result) error
}

// A Result is the figure of one cell.
type Result struct {
	Goal, Cell string
	Figure
	// Tool is the version that simulated it.
	Tool string
}

// Simulate runs the cells of goals one after the other. It stops between two
// repetitions when ctx is done; what was finished has been handed to Done.
func (r Run) Simulate(ctx context.Context, goals []Goal) error {
	for _, g := range goals {
		for _, c := range g.Cells {
			n := c.repetitions(r.Repetitions)
			if r.MostPairs > 0 && c.World.Pairs > r.MostPairs || r.Known(g.Name, c.Name, n) {
				continue
			}
			workers := r.Workers
			if c.Alone {
				workers = 1
			}
			outcomes, err := c.repeat(ctx, Seed(g.Name+" "+c.Name), n, workers)
			if err != nil {
				return err
			}
			if err := r.Done(Result{Goal: g.Name, Cell: c.Name, Figure: c.Kind.figure(outcomes)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// repetitions is the cell's part of n.
func (c Cell) repetitions(n int) int {
	if c.Dear > 1 {
		return max(n/c.Dear, 1)
	}
	return n
}

// repeat returns the outcome of each repetition. Each has its own stream of
// random numbers, so neither their order nor the number of workers matters.
func (c Cell) repeat(ctx context.Context, seed uint64, n, workers int) ([]float64, error) {
	outcomes := make([]float64, n)
	var next atomic.Int64
	var group sync.WaitGroup
	for range max(workers, 1) {
		group.Go(func() {
			var s Scratch
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				outcomes[i] = c.Try(c.World, &s, rand.New(rand.NewPCG(seed, uint64(i))))
			}
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("proof: %w", context.Cause(ctx))
	}
	return outcomes, nil
}
