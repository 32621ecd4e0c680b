package load

import (
	"sync"
	"testing"
	"time"
)

// TestTally follows one request by hand.
func TestTally(t *testing.T) {
	second := int64(time.Second)
	var none *tally // nobody watches
	tally := &tally{}
	r := &request{intended: 10 * second, sent: 10*second + 2e6}
	tally.started(r)
	tally.byteCame(r, 10*second+50e6)
	tally.tokenCame(r, 10*second+80e6)
	if live := tally.seen(11 * second); live.InFlight != 1 || live.Late.Max != 2e6 || live.FirstByte.Max != 50e6 || live.FirstToken.Max != 80e6 || live.CPUShare != Unknown {
		t.Errorf("in flight: %+v", live)
	}
	r.failed = "reset_midstream"
	tally.ended(r)
	if live := tally.seen(12 * second); live.InFlight != 0 || live.Failed != 1 {
		t.Errorf("ended: %+v", live)
	}
	none.started(r)
	none.byteCame(r, 1)
	none.tokenCame(r, 1)
	none.ended(r)
	if live := none.seen(1); live.InFlight != 0 || live.CPUShare != Unknown {
		t.Errorf("nobody watches: %+v", live)
	}
}

// TestTallyRate: the rate is of the last seconds, whatever came before.
func TestTallyRate(t *testing.T) {
	var r ring
	second := int64(time.Second)
	for i := range int64(40) { // 2 a second, then 20
		r.add(i * second / 2)
	}
	for i := range int64(61) {
		r.add(20*second + i*second/20)
	}
	if got := r.rate(23 * second); got < 19.5 || got > 20.5 {
		t.Errorf("%.2f starts per second, want 20", got)
	}
	if got := r.rate(60 * second); got != 0 {
		t.Errorf("%.2f starts per second long after the last", got)
	}
}

// TestTallyKeepsTheLast: a ring forgets what is old.
func TestTallyKeepsTheLast(t *testing.T) {
	var r ring
	for i := range int64(liveLast + 100) {
		r.add(i)
	}
	if d := r.distribution(); d.N != liveLast || d.Max != liveLast+99 || d.P50 < 100 {
		t.Errorf("%+v", d)
	}
}

// TestTallyFromManyGoroutines is for the race detector.
func TestTallyFromManyGoroutines(t *testing.T) {
	tally := &tally{}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range int64(100) {
				r := &request{intended: i, sent: i + 1}
				tally.started(r)
				tally.byteCame(r, i+2)
				tally.tokenCame(r, i+3)
				tally.seen(i + 4)
				tally.ended(r)
			}
		})
	}
	all.Wait()
	if live := tally.seen(1000); live.InFlight != 0 || live.Failed != 0 || live.FirstToken.N != liveLast {
		t.Errorf("%+v", live)
	}
}
