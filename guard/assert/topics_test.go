package assert_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/assert"
)

// TestTopics asserts on what belongs to arms, connections, retries and
// credentials.
func TestTopics(t *testing.T) {
	reused := func(r *sample.Run) {
		candidates(r, func(i int, s *sample.Sample) {
			s.Conn = sample.Conn{Reused: i%20 != 0, Protocol: "HTTP/2.0", Attempts: 1}
			if i%20 == 0 {
				s.Conn.ConnectNS, s.Conn.TLSNS = 1e6, 2e6
			}
		})
	}
	told := func(attempts int, wait time.Duration, credential string) func(*sample.Run) {
		return func(r *sample.Run) {
			candidates(r, func(i int, s *sample.Sample) {
				s.Proxy = &sample.ProxySaid{Attempts: 1, Credential: []string{"a", "b"}[i%2]}
				if i == 7 {
					*s.Proxy = sample.ProxySaid{Attempts: attempts, WaitNS: int64(wait), Credential: credential}
				}
			})
		}
	}
	scored := func(every int) func(*sample.Run) {
		return func(r *sample.Run) {
			good, bad := 1.0, 0.0
			candidates(r, func(i int, s *sample.Sample) {
				if s.Quality = &good; i%every == 0 {
					s.Quality = &bad
				}
			})
		}
	}
	early := func(failed bool) func(*sample.Run) { // every seventh use is an early one
		return func(r *sample.Run) {
			scored(1 << 20)(r)
			candidates(r, func(i int, s *sample.Sample) {
				if i%7 == 0 {
					s.Quality, s.Early = nil, true
					if failed {
						s.Outcome = sample.HTTP5xx
					}
				}
			})
		}
	}
	failed := func(r *sample.Run) { // after an answer that was all right
		scored(10000)(r)
		candidates(r, func(i int, s *sample.Sample) {
			if i%6 == 0 {
				s.Outcome = sample.HTTP5xx
			}
		})
	}
	for _, c := range []struct {
		topic  assert.Topic
		demand string
		spoil  func(*sample.Run)
		want   assert.Verdict
		why    string
	}{
		{assert.Transport, "reuse >= 95%", reused, assert.Pass, ""},
		{assert.Transport, "reuse >= 95.1%", reused, assert.Fail, ""},
		{assert.Transport, "new_connections <= 60", reused, assert.Pass, ""},
		{assert.Transport, "tls_handshakes < 60", reused, assert.Fail, ""},
		{assert.Transport, "silent_retries == 0", reused, assert.Pass, ""},
		{assert.Transport, "http2 >= 100%", reused, assert.Pass, ""},
		{assert.Transport, "reuse >= 95%", nil, assert.NoData, "no record tells of connections"},
		{assert.Transport, "silent_retries == 0", nil, assert.NoData, "no record tells of connections"},

		{assert.Retry, "retried <= 1%", told(2, time.Second, "a"), assert.Pass, ""},
		{assert.Retry, "attempts.max <= 2", told(3, 0, "a"), assert.Fail, ""},
		{assert.Retry, "wait.max <= 1s", told(2, time.Second, "a"), assert.Pass, ""},
		{assert.Retry, "double_waits == 0", told(2, time.Second, "a"), assert.Pass, ""},
		{assert.Retry, "double_waits == 0", told(2, 2*time.Second, "a"), assert.Fail, ""},
		{assert.Retry, "double_waits == 0", told(1, 1, "a"), assert.Fail, ""},
		{assert.Retry, "double_waits == 0", told(1, 0, "a"), assert.NoData, "no request was retried"},
		{assert.Retry, "double_waits == 0", nil, assert.NoData, "no record tells"},
		{assert.Retry, "attempts.max <= 9", nil, assert.NoData, "no record tells"},

		{assert.PreviewPool, "wrong_credential == 0", told(1, 0, "a"), assert.Pass, ""},
		{assert.PreviewPool, "wrong_credential == 0", told(1, 0, "other"), assert.Fail, ""},
		{assert.PreviewPool, "wrong_credential == 0", nil, assert.NoData, "0 of 1200"},
		{assert.PreviewPool, "fairness >= 99%", told(1, 0, "a"), assert.Fail, "exact"}, // c serves nothing
		{assert.PreviewPool, "fairness >= 66%", told(1, 0, "a"), assert.Pass, ""},
		{assert.PreviewPool, "busiest <= 51%", told(1, 0, "a"), assert.Pass, ""},

		{assert.Quality, "quality >= 90%", scored(50), assert.Pass, ""},
		{assert.Quality, "quality >= 90%", scored(5), assert.Fail, ""},
		{assert.Quality, "quality >= 90%", failed, assert.Fail, ""},
		{assert.Quality, "quality >= 90%", early(false), assert.Pass, ""},    // no answer to compare them with says nothing
		{assert.Quality, "quality >= 90%", early(true), assert.Fail, ""},     // a failure is one all the same
		{assert.Quality, "quality >= 99.9%", scored(10000), assert.Hold, ""}, // all but one right is no proof of 99.9 %
		{assert.Quality, "quality >= 10%", nil, assert.NoData, "scored"},

		{assert.ConverterCPU, "cpu_per_event <= 25us", nil, assert.Pass, ""},
		{assert.ConverterCPU, "cpu_per_event <= 15us", nil, assert.Fail, ""},
		{assert.ConverterCPU, "cpu_per_request <= 1ms", nil, assert.Pass, ""},
		{assert.ConverterCPU, "cpu_per_request <= 1ms", func(r *sample.Run) {
			i := slices.IndexFunc(r.Trailer.Slots, func(s sample.Slot) bool { return s.Arm == "candidate" })
			r.Trailer.Slots[i].CPUNS = 0
		}, assert.NoData, "1 of 20 turns"},
		{assert.ConverterCPU, "cpu_per_event <= 1ms", func(r *sample.Run) { r.Trailer.Slots = r.Trailer.Slots[:6] }, assert.Hold, "too few"},
		{assert.ConverterCPU, "cpu_per_event <= 1ms", func(r *sample.Run) { r.Trailer.Slots = nil }, assert.NoData, "no turn"},

		{assert.Throughput, "throughput >= 90/s", nil, assert.Pass, ""},
		{assert.Throughput, "throughput >= 110/s", nil, assert.Fail, ""},
		{assert.Throughput, "throughput >= 90/s", func(r *sample.Run) { failEvery(r, 5) }, assert.Fail, ""},
		{assert.Throughput, "achieved >= 90%", nil, assert.NoData, "no turn"},
	} {
		run := recorded(world())
		if c.spoil != nil {
			c.spoil(run)
		}
		r := request(t, run, c.demand)
		r.Topic, r.PlannedWait = c.topic, time.Second
		r.PreviewModel, r.PreviewCredentials = true, []string{"a", "b", "c"}
		got := last(t, r)
		if c.why == "exact" && got.Exact {
			c.why = ""
		}
		if got.Verdict != c.want || !strings.Contains(got.Why, c.why) {
			t.Errorf("%s %s is %s (%v in [%v, %v]) %q, want %s %q", c.topic, c.demand, got.Verdict, got.Observed, got.Lower, got.Upper, got.Why, c.want, c.why)
		}
	}
}

// TestStanding: some topics demand something unasked, and never pass without it.
func TestStanding(t *testing.T) {
	for _, topic := range []assert.Topic{assert.Retry, assert.PreviewPool} {
		r := request(t, recorded(world()))
		r.Topic, r.Assertions = topic, nil
		if got := last(t, r); got.Verdict != assert.NoData {
			t.Errorf("%s of a run that tells nothing: %s %s", topic, got.Assertion, got.Verdict)
		}
	}
}
