package load

import (
	"context"
	"errors"
	"fmt"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

// A Demand is what requests ask of their targets, in tokens.
type Demand struct {
	Requests int
	// Input is an estimate: a token for [BytesPerToken] bytes of a request's body,
	// and in a session those of the turns before, their answers as long as allowed.
	Input int
	// Output is a bound: the most tokens that each answer may have.
	Output int
}

// BytesPerToken is how many bytes of a request make a token in a [Demand]: English
// has four and more, scripts of three bytes to a letter about three, and what is
// too much here costs nothing.
const BytesPerToken = 3

// add takes in one more request.
func (d *Demand) add(input, output int) {
	d.Requests++
	d.Input += input
	d.Output += output
}

// An Ended request is told to [Config.Ended].
type Ended struct {
	Usage dialect.Usage // as the API told it
	// Asked is what the request asked for, where that may have been used and was
	// not told; zero where the target refused it or was not reached.
	Asked Demand
}

// Demand returns what a run of the Config asks for, warm-up included, without
// anything being sent; of a shard, its part.
func (c Config) Demand() (Demand, error) {
	if err := c.Validate(); err != nil {
		return Demand{}, err
	}
	m := measurer{cfg: &c, bytes: map[*datasets.Item]int{}}
	var all Demand
	for _, b := range newPlan(&c).blocks {
		for arm := range c.Arms {
			if c.Split != nil && arm > 0 {
				break // both arms share the requests of the first
			}
			blk := b.first(c.perSlot(arm))
			for _, picks := range [][]pick{blk.warm, blk.picks} {
				if err := m.turn(&all, picks); err != nil {
					return Demand{}, err
				}
			}
		}
	}
	return all, nil
}

// A measurer knows how long the requests of items are.
type measurer struct {
	cfg   *Config
	bytes map[*datasets.Item]int
}

// turn adds the requests of a turn, or of its warm-up, that the shard sends.
func (m *measurer) turn(all *Demand, picks []pick) error {
	talked := map[string]int{} // tokens of a session's turns so far
	for i, p := range picks {
		if of := m.cfg.Shard.Of; of > 1 && i%of != m.cfg.Shard.Index {
			continue
		}
		input, err := m.input(p.item)
		if err != nil {
			return err
		}
		before := 0
		if p.turn > 0 {
			before = talked[p.session]
			talked[p.session] += input + p.item.MaxTokens
		}
		all.add(before+input, p.item.MaxTokens)
	}
	return nil
}

// input estimates the tokens of an item's own request.
func (m *measurer) input(item *datasets.Item) (int, error) {
	if n, known := m.bytes[item]; known {
		return n, nil
	}
	whole := item
	if m.cfg.Fill != nil {
		filled := m.cfg.Fill(*item)
		whole = &filled
	}
	wire, err := m.cfg.Dialect.Request(whole, m.cfg.Model, dialect.Tag{Item: item.ID, Nonce: nonce(0, 0)})
	if err != nil {
		return 0, fmt.Errorf("load: %w", err)
	}
	n := tokens(len(wire.Body) + len(m.cfg.prefix()))
	m.bytes[item] = n
	return n, nil
}

func tokens(bytes int) int { return (bytes + BytesPerToken - 1) / BytesPerToken }

// ended is what Config.Ended is told of r; size is that of its body.
func (r *request) ended(size int) Ended {
	e := Ended{Usage: r.answer.Usage}
	at := r.trace.copy()
	refused := r.status != 0 && r.status != 200
	if !e.Usage.Reported && !refused && at.conns > 0 {
		e.Asked.add(tokens(size), r.item.MaxTokens)
	}
	return e
}

// A limit is why a run was ended by [Config.Ended]: the cause of its context.
type limit struct{ error }

// stopped says why a run ended in block b, from 0.
func (r *runner) stopped(ctx context.Context, b int) string {
	if l, ok := errors.AsType[limit](context.Cause(ctx)); ok {
		return fmt.Sprintf("%v in block %d of %d", l.error, b+1, len(r.plan.blocks))
	}
	return fmt.Sprintf("interrupted in block %d of %d", b+1, len(r.plan.blocks))
}

// tellEnded returns what a tripper calls with each request that ended; nil where
// nobody wants to know.
func (r *runner) tellEnded() func(*request, int) {
	if r.cfg.Ended == nil {
		return nil
	}
	return func(req *request, size int) {
		req.decode() // at once: who counts tokens cannot wait for the turn's end
		if err := r.cfg.Ended(req.ended(size)); err != nil {
			r.end(limit{err})
		}
	}
}
