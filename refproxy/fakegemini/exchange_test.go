package fakegemini

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// sink is a response writer that forgets.
type sink struct{ header http.Header }

func (s sink) Header() http.Header       { return s.header }
func (sink) Write(p []byte) (int, error) { return len(p), nil }
func (sink) WriteHeader(int)             {}
func (sink) Flush()                      {}

func TestWritingAnEventAllocatesNothing(t *testing.T) {
	s, err := New(Config{Scenario: builtIn(t, "fast")})
	if err != nil {
		t.Fatal(err)
	}
	timer, err := s.pacer.timer()
	if err != nil {
		t.Fatal(err)
	}
	defer s.pacer.release(timer)
	const events = 100
	x := &exchange{call: call{
		arm: s.arms[defaultArm], w: sink{http.Header{}}, r: httptest.NewRequestWithContext(t.Context(), "POST", "/", nil),
	}}
	x.plan.fault = FaultCut // the record is kept elsewhere then
	x.record.Writes = make([]int64, 0, events)
	paced := pacedWriter{x: x, timer: timer, flusher: http.NewResponseController(x.w), text: sha256.New()}
	paced.frames, paced.texts, paced.due = make([][]byte, events), make([][]byte, events), make([]int64, events)
	allocs := testing.AllocsPerRun(20, func() {
		x.record.Writes = x.record.Writes[:0]
		paced.write(events)
	})
	if allocs > 0 {
		t.Errorf("%.0f allocations in %d events", allocs, events)
	}
}

// BenchmarkAnswer is all that precedes the first wait of a streamed answer.
func BenchmarkAnswer(b *testing.B) {
	s, err := New(Config{Scenario: builtIn(b, "gate")})
	if err != nil {
		b.Fatal(err)
	}
	body := []byte(`{"contents":[{"role":"user","parts":[{"text":"[firstbyte item=a occ=0 nonce=01] ` + strings.Repeat("Why measure? ", 20) + `"}]}]}`)
	c := call{arm: s.arms[defaultArm], model: "gemini-2.5-flash"}
	b.ReportAllocs()
	for b.Loop() {
		req, violations := decodeGenerate(form{}, body)
		if violations != nil {
			b.Fatal(fmt.Sprint(violations))
		}
		x := newExchange(c, req, key{item: "a"})
		sseLF.render(responses(x.answer, x.base))
	}
}
