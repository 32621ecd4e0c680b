package relay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
)

// tries is an upstream that plays one script per attempt, and waits between them.
type tries struct {
	scripts []*script
	waits   []time.Duration // one less, if the last is to be final
	failed  []string        // what Again was told
	ended   []string        // what End was told
	asked   int
}

func (u *tries) Begin(context.Context, chat.Request) relay.Asking { return u }

func (u *tries) next() *script {
	u.asked++
	return u.scripts[u.asked-1]
}

func (u *tries) Generate(ctx context.Context) (chat.Response, error) { return u.next().Generate(ctx) }

func (u *tries) Stream(ctx context.Context) (io.ReadCloser, error) { return u.next().Stream(ctx) }

func (u *tries) Again(ctx context.Context, err error) error {
	e := chat.AsError(err)
	u.failed = append(u.failed, fmt.Sprintf("%v %v", e.Kind, e.Class))
	if u.asked > len(u.waits) {
		return err
	}
	return pause(ctx, u.waits[u.asked-1])
}

func (u *tries) End(err error, first time.Duration) {
	kind := "well"
	if err != nil {
		kind = chat.AsError(err).Kind.String()
	}
	u.ended = append(u.ended, fmt.Sprintf("%s %v", kind, first))
}

func (u *tries) Attempts() []relay.Attempt {
	if len(u.ended) != 1 {
		panic("asked for attempts before the end")
	}
	return make([]relay.Attempt, u.asked)
}

// TestAttempts shows what a caller sees of a request that takes several, and
// what the upstream is told. Regression cases 1, 2, 25 and 26 of the wire
// reference stand here.
func TestAttempts(t *testing.T) {
	const s = time.Second
	capacity := &chat.Error{Kind: chat.KindOverloaded, Class: chat.ClassCapacity, Message: "no capacity"}
	reset := errors.New("reset")
	type steps = []any
	for _, tt := range []struct {
		name   string
		body   string
		steps  []steps
		waits  []time.Duration
		want   []string
		failed []string
		ended  string
	}{
		{
			name: "a failure before the head is healed unseen", body: "stream m",
			steps: []steps{{1 * s, capacity}, {1 * s, "start", 1 * s, "a", "finish"}}, waits: []time.Duration{2 * s},
			want:   []string{"5s 200", "5s start m 7", "5s text a", "5s finish"},
			failed: []string{"overloaded capacity"}, ended: "well 2s",
		},
		{
			name: "every try fails before the head: its real status (#313 #341)", body: "stream m",
			steps: []steps{{capacity}, {capacity}, {capacity}}, waits: []time.Duration{2 * s, 3 * s},
			want:   []string{"5s 503", "5s overloaded: no capacity"},
			failed: []string{"overloaded capacity", "overloaded capacity", "overloaded capacity"}, ended: "overloaded 0s",
		},
		{
			name: "the hold counts over attempts, and there is one start", body: "stream m",
			steps: []steps{{6 * s, "start", 1 * s, "bad"}, {1 * s, "start", 4 * s, "a", "finish"}}, waits: []time.Duration{2 * s},
			want:   []string{"10s 200", "10s start m 7", "14s text a", "14s finish"},
			failed: []string{"upstream unknown"}, ended: "well 5s",
		},
		{
			name: "pings go on while a wait is on", body: "stream m",
			steps: []steps{{11 * s, capacity}, {20 * s, "start", "a", "finish"}}, waits: []time.Duration{40 * s},
			want:   []string{"10s 200", "10s start m 0", "25s ping", "40s ping", "55s ping", "1m10s ping", "1m11s text a", "1m11s finish"},
			failed: []string{"overloaded capacity"}, ended: "well 20s",
		},
		{
			name: "the answer opens while a wait is on, and then fails as an event", body: "stream m",
			steps: []steps{{1 * s, capacity}, {1 * s, capacity}}, waits: []time.Duration{20 * s},
			want:   []string{"10s 200", "10s start m 0", "22s error overloaded"},
			failed: []string{"overloaded capacity", "overloaded capacity"}, ended: "overloaded 0s",
		},
		{
			name: "an answer without content is a failed attempt", body: "stream m",
			steps: []steps{{}, {"start"}, {"start", "a", "finish"}}, waits: []time.Duration{1 * s, 1 * s},
			want:   []string{"2s 200", "2s start m 7", "2s text a", "2s finish"},
			failed: []string{"empty empty", "empty empty"}, ended: "well 0s",
		},
		{
			name: "a connection cut before content is a failed attempt", body: "stream m",
			steps: []steps{{"start", 1 * s, reset}, {"start", "a", "finish"}}, waits: []time.Duration{1 * s},
			want:   []string{"2s 200", "2s start m 7", "2s text a", "2s finish"},
			failed: []string{"network unknown"}, ended: "well 0s",
		},
		{
			name: "never after content: cut", body: "stream m",
			steps: []steps{{"start", "a", 1 * s, reset}, {"start", "b", "finish"}}, waits: []time.Duration{1 * s},
			want:  []string{"0s 200", "0s start m 7", "0s text a", "1s error network"},
			ended: "network 0s",
		},
		{
			name: "never after content: without finish", body: "stream m",
			steps: []steps{{2 * s, "start", "a"}, {"start", "b", "finish"}}, waits: []time.Duration{1 * s},
			want:  []string{"2s 200", "2s start m 7", "2s text a", "2s error empty"},
			ended: "empty 2s",
		},
		{
			name: "never after thought", body: "stream m",
			steps: []steps{{"start", "think x", 1 * s, reset}, {"start", "b", "finish"}}, waits: []time.Duration{1 * s},
			want:  []string{"0s 200", "0s start m 7", "0s thought x", "1s error network"},
			ended: "network 0s",
		},
		{
			name: "the first event has its time in every attempt", body: "stream m",
			steps: []steps{{time.Hour}, {"start", time.Hour}, {200 * s, "start", "a", "finish"}}, waits: []time.Duration{1 * s, 1 * s},
			want: []string{
				"10s 200", "10s start m 0", "25s ping", "40s ping", "55s ping", "1m10s ping", "1m25s ping", "1m40s ping", "1m55s ping",
				"2m10s ping", "2m25s ping", "2m40s ping", "2m55s ping", "3m10s ping", "3m25s ping", "3m40s ping", "3m55s ping",
				"4m10s ping", "4m25s ping", "4m40s ping", "4m55s ping", "5m10s ping", "5m25s ping", "5m40s ping", "5m55s ping",
				"6m10s ping", "6m25s ping", "6m40s ping", "6m55s ping", "7m10s ping", "7m25s ping", "7m40s ping", "7m55s ping",
				"8m10s ping", "8m25s ping", "8m40s ping", "8m55s ping", "9m10s ping", "9m25s ping", "9m40s ping", "9m55s ping",
				"10m10s ping", "10m22s text a", "10m22s finish",
			},
			failed: []string{"timeout network", "timeout network"}, ended: "well 3m20s",
		},
		{
			name: "a whole answer is tried again", body: "whole m",
			steps: []steps{{1 * s, capacity}, {1 * s}}, waits: []time.Duration{3 * s},
			want:   []string{"5s 200", "5s m: answer"},
			failed: []string{"overloaded capacity"}, ended: "well 1s",
		},
		{
			name: "a whole answer that fails has the last status", body: "whole m",
			steps: []steps{{reset}, {capacity}}, waits: []time.Duration{3 * s},
			want:   []string{"3s 503", "3s overloaded: no capacity"},
			failed: []string{"internal unknown", "overloaded capacity"}, ended: "overloaded 0s",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := &tries{waits: tt.waits}
				for _, s := range tt.steps {
					up.scripts = append(up.scripts, &script{steps: s})
				}
				h := build(t, up, relay.Config{Traced: true})
				if diff := cmp.Diff(tt.want, h.ask(t, tt.body)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				o := <-h.outcomes
				if diff := cmp.Diff(tt.failed, up.failed); diff != "" {
					t.Errorf("Again (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([]string{tt.ended}, up.ended); diff != "" {
					t.Errorf("End (-want +got):\n%s", diff)
				}
				if len(o.Attempts) != up.asked || o.Trace.Attempts != up.asked {
					t.Errorf("%d attempts, %d traced, want %d", len(o.Attempts), o.Trace.Attempts, up.asked)
				}
			})
		})
	}
}

// TestLeavingEndsTheWait: a caller that goes while the next attempt is waited
// for ends the request at once, and is the caller's fault.
func TestLeavingEndsTheWait(t *testing.T) {
	for _, body := range []string{"stream m", "whole m"} {
		synctest.Test(t, func(t *testing.T) {
			capacity := &chat.Error{Kind: chat.KindOverloaded, Class: chat.ClassCapacity, Message: "no capacity"}
			up := &tries{scripts: []*script{{steps: []any{capacity}}}, waits: []time.Duration{time.Hour}}
			h := build(t, up, relay.Config{})
			h.client.Timeout = 5 * time.Second
			begun := time.Now()
			resp, err := h.client.Post("http://relay.test", "", strings.NewReader(body))
			if err == nil {
				resp.Body.Close()
			}
			o := <-h.outcomes
			if o.Err == nil || o.Err.Kind != chat.KindCanceled || time.Since(begun) != 5*time.Second || up.asked != 1 {
				t.Errorf("%s: outcome %+v after %v and %d attempts", body, o, time.Since(begun), up.asked)
			}
			if diff := cmp.Diff([]string{"canceled 0s"}, up.ended); diff != "" {
				t.Errorf("%s: End (-want +got):\n%s", body, diff)
			}
		})
	}
}

// TestPanicEndsTheAsking: what the upstream held is released, and not as a
// success.
func TestPanicEndsTheAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &tries{scripts: []*script{{steps: []any{"start", "a", "panic"}}}}
		build(t, up, relay.Config{}).timeline(t)
		synctest.Wait()
		if diff := cmp.Diff([]string{"internal 0s"}, up.ended); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestPingsAfterATimeout: a wait longer than the upstream's patience is nobody's
// silence, and the caller hears something in it.
func TestPingsAfterATimeout(t *testing.T) {
	const s = time.Second
	synctest.Test(t, func(t *testing.T) {
		up := &tries{scripts: []*script{{steps: []any{time.Hour}}, {steps: []any{3 * s, "start", "a", "finish"}}}, waits: []time.Duration{60 * s}}
		got := build(t, up, relay.Config{FirstEvent: 20 * s}).timeline(t)
		want := []string{"10s 200", "10s start m 0", "25s ping", "40s ping", "55s ping", "1m10s ping", "1m23s text a", "1m23s finish"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestScaledClock: every limit but that of writes runs on the relay's clock.
func TestScaledClock(t *testing.T) {
	const s = time.Second
	synctest.Test(t, func(t *testing.T) {
		fast, err := clock.NewScaled(10, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		up := &tries{
			scripts: []*script{{steps: []any{time.Hour}}, {steps: []any{2 * s, "start", "a", time.Hour}}},
			waits:   []time.Duration{0},
		}
		got := build(t, up, relay.Config{Clock: fast, FirstEvent: 30 * s, Idle: 20 * s}).timeline(t)
		want := []string{"1s 200", "1s start m 0", "2.5s ping", "4s ping", "5s text a", "6.5s ping", "7s error timeout"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"timeout 20s"}, up.ended); diff != "" {
			t.Errorf("End (-want +got):\n%s", diff)
		}
	})
}
