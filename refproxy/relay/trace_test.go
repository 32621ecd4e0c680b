package relay_test

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
)

// TestTrace: when each event came and went, by the clock of a bubble.
func TestTrace(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name, body string
		steps      []any
		want       relay.Trace
	}{
		{
			"each event when it came, and when it was written", "stream m",
			[]any{1 * s, "start", "a", 2 * s, "b", 3 * s, "c", "finish"},
			relay.Trace{Written: []time.Duration{1 * s, 3 * s, 6 * s}, Arrived: []time.Duration{1 * s, 3 * s, 6 * s}, Attempts: 1},
		},
		{
			"pings are no events", "stream m",
			[]any{11 * s, "start", "a", 40 * s, "finish"},
			relay.Trace{Written: []time.Duration{11 * s}, Arrived: []time.Duration{11 * s}, Attempts: 1},
		},
		{
			"a failure has none", "stream m",
			[]any{1 * s, &chat.Error{Kind: chat.KindOverloaded, Message: "no capacity"}},
			relay.Trace{Attempts: 1},
		},
		{
			"a whole answer comes at once", "whole m",
			[]any{2 * s},
			relay.Trace{Written: []time.Duration{2 * s}, Arrived: []time.Duration{2 * s}, Attempts: 1},
		},
		{"what is refused asks nobody", "neither", nil, relay.Trace{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, &script{steps: c.steps}, relay.Config{Traced: true})
				resp, err := h.client.Post("http://relay.test", "", strings.NewReader(c.body))
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				o := <-h.outcomes
				if o.Trace == nil {
					t.Fatal("no trace")
				}
				got := *o.Trace
				got.Since = time.Time{}
				if diff := cmp.Diff(c.want, got, cmpopts.IgnoreUnexported(relay.Trace{})); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		})
	}
}
