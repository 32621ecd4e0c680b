package calibrate_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/load"
)

const event = "event: content_block_delta"

func post(t *testing.T, client *http.Client, url string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

// TestServerWaitsForASlowReader: a client that does not read stops its own stream
// and no other, loses nothing, and keeps its connection.
func TestServerWaitsForASlowReader(t *testing.T) {
	const events = 50_000 // 7 MB, more than sockets hold
	server, err := calibrate.Serve(t.Context(), "127.0.0.1:0", calibrate.Pace{Events: events}, load.HTTP1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	slow, quick := new(http.Client), new(http.Client)
	waiting := post(t, slow, server.URL())
	count(t, "quick", post(t, quick, server.URL()), events)
	count(t, "slow", waiting, events)
	count(t, "slow, again", post(t, slow, server.URL()), events)
}

func count(t *testing.T, name string, answer *http.Response, want int) {
	t.Helper()
	body, err := io.ReadAll(answer.Body)
	if got := bytes.Count(body, []byte(event)); err != nil || got != want || !bytes.HasSuffix(body, []byte("\"message_stop\"}\n\n")) {
		t.Errorf("%s: %d events of %d in %d bytes, error %v", name, got, want, len(body), err)
	}
}

// TestServerEndsItsStreams: whoever closes the server waits for no answer.
func TestServerEndsItsStreams(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	server, err := calibrate.Serve(ctx, "127.0.0.1:0", calibrate.Pace{First: time.Hour, Events: 1}, load.HTTP1)
	if err != nil {
		t.Fatal(err)
	}
	answer := post(t, new(http.Client), server.URL())
	server.Close()
	if _, err := io.ReadAll(answer.Body); err == nil || ctx.Err() != nil {
		t.Errorf("the answer ended with %v (%v)", err, ctx.Err())
	}
}
