package calibrate

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

const epoch = 1_000_000

func nonce(last string) string { return "00000000000000a" + last }

// seen is a sample whose stamps lie 10, 20, 30 and 50 ns after the truth's, its
// events 1000 ns apart.
func seen(last string) sample.Sample {
	return sample.Sample{
		Nonce: nonce(last), Outcome: sample.OK, IntendedNS: 1,
		FirstByteNS: 110, TokenNS: 1020, LastNS: 3030, CloseNS: 4050,
		Events: 3, GapsNS: []int64{2010, 0}, Coalesced: 1,
	}
}

func known(last string) answer {
	return answer{
		Nonces: []string{nonce(last)}, FirstByte: epoch + 100,
		Tokens: []int64{epoch + 1000, epoch + 2000, epoch + 3000}, End: epoch + 4000,
	}
}

func TestCompareTakesTheErrorOfEveryStamp(t *testing.T) {
	c := compare([]sample.Sample{seen("1")}, []answer{known("2"), known("1")}, epoch, 500)
	want := map[sample.Measure]sample.ErrorNS{
		sample.TTFB:       {P50: 10, P99: 10, Max: 10, N: 1},
		sample.FirstToken: {P50: 20, P99: 20, Max: 20, N: 1},
		sample.Gap:        {P50: 5, P99: 5, Max: 5, N: 1}, // 2010/2 against 2000/2
		sample.Full:       {P50: 50, P99: 50, Max: 50, N: 1},
	}
	if diff := cmp.Diff(want, c.Error); diff != "" {
		t.Error(diff)
	}
	if c.Requests != 1 || c.Failed != 0 || c.Events != 3 || c.Coalesced != 1.0/3 || c.CoalescedApart != .5 {
		t.Errorf("%+v", c)
	}
}

func TestCompareErrorsAreAbsolute(t *testing.T) {
	early := seen("1")
	early.TokenNS -= 70 // 50 ns before the truth: two clocks, or a fault
	c := compare([]sample.Sample{early}, []answer{known("1")}, epoch, 500)
	if got := c.Error[sample.FirstToken].Max; got != 50 {
		t.Errorf("an early stamp has the error %d, want 50", got)
	}
}

func TestCompareLeavesOutWhatItCannotJoin(t *testing.T) {
	failed, warm, short := seen("1"), seen("1"), seen("1")
	failed.Outcome = sample.ResetStream
	warm.Warmup = true
	short.Events, short.GapsNS = 2, []int64{1000}
	c := compare([]sample.Sample{failed, warm, short, seen("3")}, []answer{known("1"), known("2")}, epoch, 500)
	if c.Requests != 0 || c.Failed != 3 || len(c.Error) != 0 {
		t.Errorf("a failure, a lost event and a stranger gave %+v", c)
	}
}

func TestServerBunchingIsNotTheClients(t *testing.T) {
	truth := known("1")
	truth.Tokens[2] = truth.Tokens[1] + 100 // two writes in a row
	c := compare([]sample.Sample{seen("1")}, []answer{truth}, epoch, 500*time.Nanosecond)
	if c.Coalesced != 1.0/3 || c.CoalescedApart != 0 {
		t.Errorf("coalesced %v, of those written apart %v; want 1/3 and 0", c.Coalesced, c.CoalescedApart)
	}
}

func TestTableIsByNearestRank(t *testing.T) {
	all := make([]int64, 100)
	for i := range all {
		all[i] = int64(100 - i)
	}
	if got, want := table(all), (sample.ErrorNS{P50: 50, P99: 99, Max: 100, N: 100}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
