package retry

import "sync"

// A Budget holds the retries of a process to a share of its requests. It is a
// bucket of tokens: each request adds its share, each retry takes one, and what
// is beyond the burst, or beyond one token without any, spills over. It begins full, so that the first requests
// may be tried again too. Since it began there are then at most
//
//	share * requests + burst
//
// retries, and no more in any stretch of time, but for those in it that were
// decided upon before and then had no credential to be made with. A nil Budget
// has no limit. It is safe for concurrent use.
type Budget struct {
	mu          sync.Mutex
	tokens      int64 // in millionths, so that no rounding adds up
	share, most int64
}

// token is one retry.
const token = 1_000_000

// NewBudget returns a budget by the Share and Burst of a valid policy.
func NewBudget(p Policy) *Budget {
	burst := int64(p.Burst) * token
	return &Budget{tokens: burst, share: int64(p.Share * token), most: max(burst, token)}
}

// request adds what a request brings.
func (b *Budget) request() {
	if b != nil {
		b.add(b.share)
	}
}

// giveBack returns a token whose retry did not take place.
func (b *Budget) giveBack() {
	if b != nil {
		b.add(token)
	}
}

func (b *Budget) add(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.tokens+n, b.most)
}

// take takes a token, if there is one.
func (b *Budget) take() bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens < token {
		return false
	}
	b.tokens -= token
	return true
}

// Left returns how many retries the budget has at present, for a metric; -1 for
// a nil one.
func (b *Budget) Left() int {
	if b == nil {
		return -1
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return int(b.tokens / token)
}
