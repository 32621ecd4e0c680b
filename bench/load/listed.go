package load

import (
	"errors"
	"fmt"

	"github.com/firstbyte-dev/firstbyte/bench/schedule"
)

// Plan returns the measured requests that a run of cfg will make, as every arm
// gets them: what Run does with the same Config, without anything being sent. The
// error says what is wrong with the Config; a closed loop has no intended starts.
func Plan(cfg Config) ([]schedule.Entry, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Schedule.Kind == schedule.Closed {
		return nil, errors.New("load: a closed loop has no intended starts to write down")
	}
	if cfg.Listed != nil {
		return cfg.Listed, nil
	}
	var entries []schedule.Entry
	for b, blk := range newPlan(&cfg).blocks {
		for i, p := range blk.picks {
			entries = append(entries, schedule.Entry{
				Block: b, Arm: schedule.AllArms, IntendedNS: blk.offsets[i], Item: p.item.ID, Occurrence: p.occurrence,
				Session: p.session, Turn: p.turn, ThinkNS: p.think, OutputTokens: p.item.MaxTokens,
			})
		}
	}
	return entries, nil
}

func (c *Config) validateSweep() error {
	if len(c.Sweep) == 0 {
		return nil
	}
	var errs []error
	if c.Schedule.PerSecond != 0 || len(c.Schedule.Stages) > 0 || c.Schedule.Kind == schedule.Closed || c.Listed != nil {
		errs = append(errs, errors.New("load: a sweep says the rate of every block: it takes no other rate, stages, workers or listed starts"))
	}
	for b := range c.Sweep {
		if err := c.specOf(b).Validate(); err != nil && b > 0 { // that of the first block is reported anyway
			errs = append(errs, err)
		}
	}
	if c.Blocks%len(c.Sweep) != 0 {
		errs = append(errs, fmt.Errorf("load: %d blocks for a sweep of %d rates: give every rate as many", c.Blocks, len(c.Sweep)))
	}
	return errors.Join(errs...)
}

func (c *Config) validateListed() error {
	given := c.Schedule.Kind == schedule.Listed || c.Schedule.Kind == schedule.Trace
	switch {
	case c.Listed == nil && !given:
		return nil
	case c.Listed == nil || !given:
		return fmt.Errorf("load: %s starts and a list of %d requests: listed and trace starts have one, no others do", c.Schedule.Kind, len(c.Listed))
	case c.Draw != nil || c.Sessions != nil && c.Sessions.Turns > 0:
		return errors.New("load: listed requests are not drawn: they take no Draw, and say themselves which are turns of a session")
	}
	if err := schedule.ValidateEntries(c.Listed); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if blocks := c.Listed[len(c.Listed)-1].Block + 1; blocks != c.Blocks {
		return fmt.Errorf("load: the listed requests make %d blocks, not %d", blocks, c.Blocks)
	}
	return c.validateListedItems()
}

func (c *Config) validateListedItems() error {
	if c.Set == nil {
		return nil // reported
	}
	known, inBlock := c.itemsByID(), map[int]int{}
	most := 0
	for i, e := range c.Listed {
		if _, ok := known[e.Item]; !ok {
			return fmt.Errorf("load: entry %d asks for item %q, which the dataset %s does not have", i+1, e.Item, c.Set.Name)
		}
		inBlock[e.Block]++
		most = max(most, inBlock[e.Block])
	}
	for b, n := range inBlock {
		if n < c.Shard.Of {
			return fmt.Errorf("load: block %d has %d listed requests for %d shards: each needs at least one", b, n, c.Shard.Of)
		}
	}
	if most != c.Schedule.N {
		return fmt.Errorf("load: the largest listed block has %d requests, not %d", most, c.Schedule.N)
	}
	return nil
}

func (c *Config) itemsByID() map[string]int {
	known := make(map[string]int, len(c.Set.Items))
	for i := range c.Set.Items {
		known[c.Set.Items[i].ID] = i
	}
	return known
}

// A list is the listed requests by block; nil has none.
type list struct {
	cfg     *Config
	known   map[string]int
	byBlock [][]schedule.Entry
}

func newList(cfg *Config) *list {
	if cfg.Listed == nil {
		return nil
	}
	l := &list{cfg: cfg, known: cfg.itemsByID(), byBlock: make([][]schedule.Entry, cfg.Blocks)}
	for _, e := range cfg.Listed {
		l.byBlock[e.Block] = append(l.byBlock[e.Block], e)
	}
	return l
}

// block returns the picks of a block and when they start.
func (l *list) block(b int) ([]pick, []int64) {
	var picks []pick
	var offsets []int64
	for _, e := range l.byBlock[b] {
		picks = append(picks, pick{item: &l.cfg.Set.Items[l.known[e.Item]], occurrence: e.Occurrence, session: e.Session, turn: e.Turn, think: e.ThinkNS})
		offsets = append(offsets, e.IntendedNS)
	}
	return picks, offsets
}

// warmRate is the rate of warm-up before requests that all start at once.
const warmRate = 10

// perSecond is the mean rate of the first block, for what goes before it.
func (l *list) perSecond() float64 {
	if l == nil {
		return 0
	}
	first := l.byBlock[0]
	if rate := perSecond(len(first), first[0].IntendedNS, first[len(first)-1].IntendedNS); rate > 0 {
		return min(rate, 1e6)
	}
	return warmRate
}
