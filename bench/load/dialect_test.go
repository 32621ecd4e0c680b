package load_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

const geminiChunk = `{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"}%s,"index":0}]}`

// TestTheEndOfTheBodyEndsAnAnswer holds that an answer whose API has no other
// end has one where its body ended well, and nowhere else.
func TestTheEndOfTheBodyEndsAnAnswer(t *testing.T) {
	write := func(w http.ResponseWriter, contentType, text string) {
		w.Header().Set("Content-Type", contentType)
		fmt.Fprint(w, text)
		w.(http.Flusher).Flush()
	}
	chunk, last := fmt.Sprintf(geminiChunk, ""), fmt.Sprintf(geminiChunk, `,"finishReason":"STOP"`)
	for _, c := range []struct {
		name    string
		dialect load.Dialect
		play    http.HandlerFunc
		want    sample.Outcome
		phase   sample.Phase
	}{
		{
			"events",
			dialect.Gemini{},
			func(w http.ResponseWriter, _ *http.Request) { write(w, "text/event-stream", "data: "+last+"\n\n") },
			sample.OK, "",
		},
		{
			"array",
			dialect.Gemini{},
			func(w http.ResponseWriter, _ *http.Request) { write(w, "application/json", "["+last+"]") },
			sample.OK, "",
		},
		{
			"no finish reason",
			dialect.Gemini{},
			func(w http.ResponseWriter, _ *http.Request) { write(w, "text/event-stream", "data: "+chunk+"\n\n") },
			sample.NoTerminator, sample.PhaseStream,
		},
		{
			"cut behind the finish reason",
			dialect.Gemini{},
			func(w http.ResponseWriter, _ *http.Request) {
				write(w, "text/event-stream", "data: "+last+"\n\n")
				panic(http.ErrAbortHandler)
			},
			sample.ResetStream, sample.PhaseClose,
		},
		{
			"stall behind the finish reason",
			dialect.Gemini{},
			func(w http.ResponseWriter, r *http.Request) {
				write(w, "text/event-stream", "data: "+last+"\n\n")
				stall(r)
			},
			sample.SlowTotal, sample.PhaseClose,
		},
		{
			"plain",
			dialect.HTTP{},
			func(w http.ResponseWriter, _ *http.Request) { write(w, "text/html", "<p>Hi</p>") },
			sample.OK, "",
		},
		{
			"plain, cut",
			dialect.HTTP{},
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				write(w, "text/html", "<p>Hi</p>")
				panic(http.ErrAbortHandler)
			},
			sample.ResetStream, sample.PhaseStream,
		},
		{
			"plain, empty",
			dialect.HTTP{},
			func(w http.ResponseWriter, _ *http.Request) { write(w, "text/html", "") },
			sample.Empty, sample.PhaseClose,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(t, serve(t, c.play).URL, 1)
			cfg.Dialect = c.dialect
			if c.want == sample.SlowTotal {
				cfg.Timeouts.Total, cfg.Timeouts.Gap = 400e6, 100e6
			}
			s := run(t, t.Context(), cfg).Samples[0]
			if s.Outcome != c.want || s.Phase != c.phase {
				t.Errorf("%s in phase %q: %s; want %s in %q", s.Outcome, s.Phase, s.Message, c.want, c.phase)
			}
		})
	}
}

// TestTokensAreCountedWhenTheArmHasStopped holds that counting, which may be
// slow, never runs beside requests, and that failed answers are counted too.
func TestTokensAreCountedWhenTheArmHasStopped(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { open(w); say(w, "one ") })
	cfg := config(t, s.URL, 3)
	a, _ := pair(t, &cfg, s.URL)
	cfg.Warmup = 1
	counted := 0
	cfg.Tokens = func(answer *dialect.Answer) sample.Usage {
		counted++
		if n := a.running.Load(); n != 0 {
			t.Errorf("%d arms run while tokens are counted", n)
		}
		return sample.Usage{Output: len(answer.Text), Source: "tokenizer"}
	}
	for _, s := range run(t, t.Context(), cfg).Samples {
		if s.Outcome != sample.NoTerminator || s.Usage != (sample.Usage{Output: 4, Source: "tokenizer"}) {
			t.Errorf("%+v", s)
		}
	}
	if counted != 8 {
		t.Errorf("counted %d answers of 8", counted)
	}
}
