package relay_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/retry"
)

// pooled is an upstream with credentials a, b, ... that fail or answer by one
// script per attempt, and the policy that decides between the attempts. It is
// the least that a server has to do to carry decisions out.
type pooled struct {
	t        *testing.T
	decide   func(begun time.Time) retry.Decider
	n        int // credentials, none of which ever becomes free again
	scripts  [][]any
	decider  retry.Decider
	begun    time.Time
	using    int
	attempts []relay.Attempt
	ended    int
}

func (u *pooled) Begin(context.Context, chat.Request) relay.Asking {
	u.begun = time.Now()
	u.decider = u.decide(u.begun)
	return u
}

func (u *pooled) next() *script {
	u.attempts = append(u.attempts, relay.Attempt{At: time.Since(u.begun), Credential: string(rune('a' + u.using))})
	if len(u.attempts) > len(u.scripts) {
		u.t.Error("asked too often")
		return &script{steps: []any{errors.New("no more")}}
	}
	return &script{steps: u.scripts[len(u.attempts)-1]}
}

func (u *pooled) Generate(ctx context.Context) (chat.Response, error) { return u.next().Generate(ctx) }

func (u *pooled) Stream(ctx context.Context) (io.ReadCloser, error) { return u.next().Stream(ctx) }

func (u *pooled) Again(ctx context.Context, err error) error {
	e := chat.AsError(err)
	d := u.decider.Next(e, time.Now())
	a := &u.attempts[len(u.attempts)-1]
	a.Class, a.Status = d.Class.String(), e.Status
	for d.Again {
		before := time.Now()
		for range d.Sleeps {
			if err := pause(ctx, d.Wait); err != nil {
				return err
			}
		}
		a.Planned += d.Wait
		a.Slept += time.Since(before)
		if !d.Rotate || u.using+1 < u.n {
			break
		}
		d = u.decider.Without(retry.Shortage{}, time.Now())
	}
	if !d.Again {
		return d.Final
	}
	if a.Retried = true; d.Rotate {
		u.using++
	}
	return nil
}

func (u *pooled) End(error, time.Duration)  { u.ended++ }
func (u *pooled) Attempts() []relay.Attempt { return u.attempts }

// TestPolicies shows what a caller sees of a policy, and what the record of the
// request proves of its waits. The numbers are those of regression cases in
// section 10 of the wire reference.
func TestPolicies(t *testing.T) {
	const s = time.Second
	half := func() float64 { return 0.5 }
	v2 := func(begun time.Time) retry.Decider {
		return retry.V2(retry.Default(), nil, half, retry.Request{Begun: begun})
	}
	baseline := func(time.Time) retry.Decider { return retry.Baseline(retry.Default()) }
	capacity := &chat.Error{Kind: chat.KindOverloaded, Class: chat.ClassCapacity, Status: 429, Message: "no capacity"}
	signature := &chat.Error{Kind: chat.KindInvalid, Class: chat.ClassSignature, Status: 400, Message: "Corrupted thought signature."}
	invalid := &chat.Error{Kind: chat.KindInvalid, Class: chat.ClassInvalid, Status: 400, Message: "bad value"}
	hour := &chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassDaily, Status: 429, Message: "quota", RetryAfter: time.Hour, Terminal: true}
	reset := errors.New("reset")
	again := func(class string, status int, at time.Duration, credential string, planned, slept time.Duration) relay.Attempt {
		return relay.Attempt{At: at, Credential: credential, Class: class, Status: status, Planned: planned, Slept: slept, Retried: true}
	}
	last := func(class string, status int, at time.Duration, credential string) relay.Attempt {
		return relay.Attempt{At: at, Credential: credential, Class: class, Status: status}
	}
	type steps = []any
	for _, tt := range []struct {
		name     string
		decide   func(time.Time) retry.Decider
		n        int
		steps    []steps
		want     []string
		attempts []relay.Attempt
	}{
		{
			name: "1: capacity on every try is told as such", decide: v2, n: 2,
			steps: []steps{{capacity}, {capacity}, {capacity}, {capacity}, {capacity}, {capacity}, {capacity}},
			want:  []string{"10s 200", "10s start m 0", "13.5s error overloaded"},
			attempts: []relay.Attempt{
				again("capacity", 429, 0, "a", 0, 0), again("capacity", 429, 0, "b", s/2, s/2), again("capacity", 429, s/2, "b", s, s),
				again("capacity", 429, 3*s/2, "b", 2*s, 2*s), again("capacity", 429, 7*s/2, "b", 4*s, 4*s), again("capacity", 429, 15*s/2, "b", 6*s, 6*s),
				last("capacity", 429, 27*s/2, "b"),
			},
		},
		{
			name: "1: capacity that comes back", decide: v2, n: 1,
			steps: []steps{{capacity}, {capacity}, {1 * s, "start", "a", "finish"}},
			want:  []string{"2.5s 200", "2.5s start m 7", "2.5s text a", "2.5s finish"},
			attempts: []relay.Attempt{
				again("capacity", 429, 0, "a", s/2, s/2), again("capacity", 429, s/2, "a", s, s), last("", 0, 3*s/2, "a"),
			},
		},
		{
			name: "2, 25: a connection that breaks, an answer that is empty", decide: v2, n: 1,
			steps: []steps{{"start", reset}, {}, {"start"}},
			want:  []string{"1.5s 500", "1.5s empty: the upstream's answer ended without a finish"},
			attempts: []relay.Attempt{
				again("network", 0, 0, "a", s/2, s/2), again("empty", 0, s/2, "a", s, s), last("empty", 0, 3*s/2, "a"),
			},
		},
		{
			name: "what nobody has classed is not tried again", decide: v2, n: 1,
			steps: []steps{{reset}}, want: []string{"0s 500", "0s internal: internal error"},
			attempts: []relay.Attempt{last("unknown", 0, 0, "a")},
		},
		{
			name: "3: a signature is repaired once, then told", decide: v2, n: 2,
			steps:    []steps{{signature}, {signature}},
			want:     []string{"0s 400", "0s invalid: Corrupted thought signature."},
			attempts: []relay.Attempt{again("signature", 400, 0, "a", 0, 0), last("signature", 400, 0, "a")},
		},
		{
			name: "4: a bad request is asked once", decide: v2, n: 2,
			steps: []steps{{invalid}}, want: []string{"0s 400", "0s invalid: bad value"},
			attempts: []relay.Attempt{last("invalid", 400, 0, "a")},
		},
		{
			name: "25: a cut in the text is told, and not repeated", decide: v2, n: 2,
			steps:    []steps{{"start", "a", 1 * s, reset}},
			want:     []string{"0s 200", "0s start m 7", "0s text a", "1s error network"},
			attempts: []relay.Attempt{last("", 0, 0, "a")},
		},
		{
			name: "26: an upstream that falls silent before content, after the request's time", decide: v2, n: 2,
			steps:    []steps{{39 * s, "start", reset}},
			want:     []string{"10s 200", "10s start m 0", "25s ping", "39s error network"},
			attempts: []relay.Attempt{last("network", 0, 0, "a")},
		},
		{
			name: "28, 35: an hour is not waited for", decide: v2, n: 2,
			steps: []steps{{hour}, {hour}}, want: []string{"0s 429", "0s rate_limit: quota"},
			attempts: []relay.Attempt{again("daily", 429, 0, "a", 0, 0), last("daily", 429, 0, "b")},
		},
		{
			name: "the baseline waits twice", decide: baseline, n: 2,
			steps: []steps{{capacity}, {capacity}, {"start", "a", "finish"}},
			want:  []string{"4s 200", "4s start m 7", "4s text a", "4s finish"},
			attempts: []relay.Attempt{
				again("capacity", 429, 0, "a", s, 2*s), again("capacity", 429, 2*s, "b", s, 2*s), last("", 0, 4*s, "b"),
			},
		},
		{
			name: "4: the baseline asks once too", decide: baseline, n: 2,
			steps: []steps{{invalid}}, want: []string{"0s 400", "0s invalid: bad value"},
			attempts: []relay.Attempt{last("invalid", 400, 0, "a")},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := &pooled{t: t, decide: tt.decide, n: tt.n, scripts: tt.steps}
				h := build(t, up, relay.Config{})
				if diff := cmp.Diff(tt.want, h.timeline(t)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				o := <-h.outcomes
				if diff := cmp.Diff(tt.attempts, o.Attempts); diff != "" || up.ended != 1 {
					t.Errorf("ended %d times; attempts (-want +got):\n%s", up.ended, diff)
				}
			})
		})
	}
}
