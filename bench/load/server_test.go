package load_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

// A received request, as the server saw it.
type received struct {
	header http.Header
	body   string
}

// A server answers every request with play and keeps what it received.
type server struct {
	*httptest.Server
	mu  sync.Mutex
	got []received
}

func serve(t testing.TB, play http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.got = append(s.got, received{r.Header.Clone(), string(body)})
		s.mu.Unlock()
		play(w, r)
	}))
	t.Cleanup(func() {
		s.CloseClientConnections() // handlers that stall end with their connection
		s.Close()
	})
	return s
}

// serveTLS returns the URL of a server whose certificate nobody trusts.
func serveTLS(t testing.TB) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(answer))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it would report each handshake
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func (s *server) received() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.got...)
}

// event writes one server-sent event and flushes it.
func event(w http.ResponseWriter, data string) {
	var named struct{ Type string }
	if err := json.Unmarshal([]byte(data), &named); err != nil {
		panic(err)
	}
	fmt.Fprintf(w, "event: %s\ndata: %s\n\n", named.Type, data)
	w.(http.Flusher).Flush()
}

func open(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	event(w, `{"type":"message_start","message":{"usage":{"input_tokens":12,"output_tokens":1,"cache_read_input_tokens":3}}}`)
	event(w, `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`)
	event(w, `{"type":"ping"}`)
}

func say(w http.ResponseWriter, text string) {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	event(w, fmt.Sprintf(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":%s}}`, quoted))
}

func finish(w http.ResponseWriter) {
	event(w, `{"type":"content_block_stop","index":0}`)
	event(w, `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}`)
	event(w, `{"type":"message_stop"}`)
}

// answer is a good answer of three tokens.
func answer(w http.ResponseWriter, _ *http.Request) {
	open(w)
	for _, word := range []string{"one ", "two ", "three"} {
		say(w, word)
	}
	finish(w)
}

// items returns a set of n short items.
func items(t testing.TB, n int) *datasets.Set {
	t.Helper()
	var lines strings.Builder
	for i := range n {
		fmt.Fprintf(&lines, `{"id":"item-%d","kind":"short","messages":[{"role":"user","content":"question %d?"}],"max_tokens":64,"expect":{"min_chars":1},"answer":"one two three"}`+"\n", i, i)
	}
	set, err := datasets.Read("test", strings.NewReader(lines.String()))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// config is a run of one block of n requests at a high rate against url.
func config(t testing.TB, url string, n int) load.Config {
	t.Helper()
	return load.Config{
		Arms:     []load.Arm{load.Standing{ArmName: "baseline", At: load.Target{URL: url}}},
		Set:      items(t, 5),
		Dialect:  dialect.Anthropic{},
		Model:    "test-model",
		Seed:     1,
		Blocks:   1,
		Schedule: schedule.Spec{Kind: schedule.Constant, PerSecond: 1000, N: n},
		Timeouts: load.Timeouts{Connect: 5 * time.Second, FirstToken: 20 * time.Second, Gap: 20 * time.Second, Total: 20 * time.Second},
		Drain:    50 * time.Millisecond,
	}
}

func run(t testing.TB, ctx context.Context, cfg load.Config) *load.Result {
	t.Helper()
	r, err := load.Run(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func outcomes(samples []sample.Sample) map[sample.Outcome]int {
	count := map[sample.Outcome]int{}
	for i := range samples {
		count[samples[i].Outcome]++
	}
	return count
}
