package load

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

// WarmupOccurrence is where the occurrences of warm-up requests begin: counted
// apart, so that warming up takes no occurrence from the measured pairs.
const WarmupOccurrence = 1_000_000

// A pick is one use of an item; both arms of a block get the same picks.
type pick struct {
	item       *datasets.Item
	occurrence int
	weight     float64 // as in sample.Sample
	stratum    int     // as in sample.Sample
	session    string  // as in sample.Sample
	turn       int     // as in sample.Sample
	think      int64   // nanoseconds since the end of the answer before it
}

// A block is what every arm gets in its slot, and the order of the arms.
type block struct {
	order       []int // indices of arms
	warm        []pick
	warmOffsets []int64
	picks       []pick
	offsets     []int64 // nil in a closed loop
}

// first returns the block with its first n requests alone: the others of those
// who get them all start at the same instants.
func (b block) first(n int) block {
	n = min(n, len(b.picks))
	b.picks = b.picks[:n]
	if b.offsets != nil {
		b.offsets = b.offsets[:n]
	}
	return b
}

// A plan is all blocks of a run, a pure function of the Config.
type plan struct {
	blocks []block
	hash   string
}

// Streams of random numbers, one for each thing that is drawn, so that a change
// of one leaves the others as they were.
const (
	drawItems = iota + 1
	drawWarmItems
	drawOrder
	drawStarts
	drawWarmStarts
	drawStrata
	drawThink
)

func source(seed, draw uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, draw)) }

func newPlan(cfg *Config) *plan {
	items := newDrawer(cfg)
	warm := newDeck(cfg.Set.Items, source(cfg.Seed, drawWarmItems), WarmupOccurrence)
	starts, warmStarts := source(cfg.Seed, drawStarts), source(cfg.Seed, drawWarmStarts)
	orders := drawOrders(len(cfg.Arms), cfg.Blocks, source(cfg.Seed, drawOrder))
	listed, think := newList(cfg), source(cfg.Seed, drawThink)
	p := &plan{blocks: make([]block, cfg.Blocks)}
	for i := range p.blocks {
		spec := cfg.specOf(i)
		p.blocks[i] = block{
			order:       orders[i],
			warm:        warm.deal(cfg.Warmup),
			warmOffsets: spec.Before(cfg.Warmup, listed.perSecond()).Offsets(warmStarts.Uint64()),
		}
		if listed != nil {
			p.blocks[i].picks, p.blocks[i].offsets = listed.block(i)
			continue
		}
		p.blocks[i].picks = items.deal(i, cfg.inBlock())
		p.blocks[i].offsets = spec.Offsets(starts.Uint64())
		if cfg.Sessions != nil {
			p.blocks[i].converse(i, cfg.Sessions, think)
		}
	}
	p.hash = p.sum()
	return p
}

// specOf is the schedule of a block.
func (c *Config) specOf(block int) schedule.Spec {
	spec := c.Schedule
	if len(c.Sweep) > 0 {
		spec.PerSecond = c.Sweep[block%len(c.Sweep)]
	}
	return spec
}

// size is how many measured requests all arms get in all blocks from this process.
func (p *plan) size(cfg *Config) (n int) {
	for _, b := range p.blocks {
		if cfg.Split != nil {
			n += len(b.picks)
			continue
		}
		for arm := range cfg.Arms {
			n += cfg.Shard.share(min(cfg.perSlot(arm), len(b.picks)))
		}
	}
	return n
}

// sum is SHA-256 over all intended offsets and items of the measured requests.
func (p *plan) sum() string {
	h := sha256.New() // never fails to write
	var n [8]byte
	number := func(v int64) {
		binary.LittleEndian.PutUint64(n[:], uint64(v))
		h.Write(n[:])
	}
	for _, b := range p.blocks {
		for i, pick := range b.picks {
			h.Write([]byte(pick.item.ID))
			number(int64(pick.occurrence))
			if b.offsets != nil {
				number(b.offsets[i])
			}
			if pick.turn > 0 {
				h.Write([]byte(pick.session))
				number(int64(pick.turn))
				number(pick.think)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// drawOrders gives every block an order of the arms. In each group of as many
// blocks as there are arms every arm stands once at every place, so that
// whatever drifts over a run falls on all arms alike wherever the run is cut. Of
// two arms each comes before the other equally often, and each follows each
// equally often (Williams 1949): in a group where the arms are even in number,
// in two groups else.
func drawOrders(arms, blocks int, r *rand.Rand) [][]int {
	orders := make([][]int, 0, blocks+2*arms)
	for len(orders) < blocks {
		base, row := r.Perm(arms), zigzag(arms)
		orders = append(orders, square(base, row, r.Perm(arms))...)
		if arms%2 == 1 {
			slices.Reverse(row)
			orders = append(orders, square(base, row, r.Perm(arms))...)
		}
	}
	return orders[:blocks]
}

// square is base read in the order of row, from each of the shifts on.
func square(base, row, shifts []int) [][]int {
	orders := make([][]int, len(shifts))
	for k, shift := range shifts {
		for _, at := range row {
			orders[k] = append(orders[k], base[(at+shift)%len(base)])
		}
	}
	return orders
}

// zigzag is 0, 1, n-1, 2, n-2, ...: no two neighbours differ by the same.
func zigzag(n int) []int {
	row := make([]int, n)
	for i := range row {
		if row[i] = (i + 1) / 2; i%2 == 0 {
			row[i] = (n - i/2) % n
		}
	}
	return row
}

// A deck deals items without replacement and shuffles anew when all are dealt:
// no item is dealt k+1 times before every item was dealt k times.
type deck struct {
	items []datasets.Item
	in    []int // indices of the items that it has
	next  []int // of them, shuffled, those not dealt yet
	uses  []int // by item; decks of the same measured requests share it
	first int
	r     *rand.Rand
}

func newDeck(items []datasets.Item, r *rand.Rand, first int) *deck {
	d := &deck{items: items, uses: make([]int, len(items)), first: first, r: r}
	for i := range items {
		d.in = append(d.in, i)
	}
	return d
}

func (d *deck) deal(n int) []pick {
	picks := make([]pick, n)
	for i := range picks {
		picks[i], _ = d.one()
	}
	return picks
}

// one deals one item, whose index it returns too.
func (d *deck) one() (pick, int) {
	if len(d.next) == 0 {
		for _, at := range d.r.Perm(len(d.in)) {
			d.next = append(d.next, d.in[at])
		}
	}
	item := d.next[0]
	d.next = d.next[1:]
	p := pick{item: &d.items[item], occurrence: d.first + d.uses[item]}
	d.uses[item]++
	return p, item
}

// nonce returns 16 hexadecimal digits for the request seq of the run with this
// salt. The mixing is a bijection (the finalizer of splitmix64), so two
// requests of a run never share one.
func nonce(salt, seq uint64) string {
	x := salt + seq*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], x)
	return hex.EncodeToString(b[:])
}
