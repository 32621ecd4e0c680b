package record

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/clock"
)

// An answer is a response's body on its way to the caller, stamped as it comes.
type answer struct {
	io.ReadCloser
	x      *exchange
	status int
	stream dialect.Stream // nil: not a stream that the API's reader knows
	body   pieces         // of what is no stream
	size   int64
	room   int64 // taken for the stream's copy
	first  int64
	closed int64
	whole  bool // its end came
	capped bool
}

// watch puts the watcher into a response; one that switches protocols is left
// alone, for it is no body.
func watch(resp *http.Response) error {
	x := exchangeOf(resp.Request.Context())
	if x == nil || resp.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	a := &answer{ReadCloser: resp.Body, x: x, status: resp.StatusCode, closed: clock.Now()}
	a.body.budget = x
	if d := x.api.dialect(); d != nil && resp.StatusCode == http.StatusOK && resp.Header.Get("Content-Encoding") == "" {
		if s, err := d.Open(resp.Header.Get("Content-Type")); err == nil {
			a.stream = s
		}
	}
	x.answer = a
	resp.Body = a
	return nil
}

// Read implements [io.Reader].
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	a.closed = clock.Now()
	if n > 0 {
		if a.first == 0 {
			a.first = a.closed
		}
		a.size += int64(n)
		a.keep(p[:n])
	}
	if err == io.EOF { // Body.Read promises the bare value
		a.whole = true
		if a.stream != nil && !a.capped {
			a.stream.EOF(a.closed)
		}
	}
	return n, err
}

func (a *answer) keep(p []byte) {
	switch r := a.x.recorder; {
	case a.stream == nil:
		a.body.add(p)
	case a.capped:
	case a.size > r.cfg.MaxBody || !r.take(int64(len(p))):
		a.capped = true
	default:
		a.room += int64(len(p))
		a.stream.Feed(p, a.closed)
	}
}

// told fills in what the answer said of itself, and lets go of the copy.
func (a *answer) told(l *Line, begun int64) {
	since := func(at int64) int64 {
		if at == 0 {
			return 0
		}
		return at - begun
	}
	l.Status, l.AnswerBytes, l.Cut = a.status, a.size, !a.whole
	l.FirstByteNS, l.CloseNS = since(a.first), since(a.closed)
	a.x.room += a.room
	if a.stream == nil {
		l.usage(plainUsage(a.body.buf.Bytes()))
		return
	}
	said := a.stream.Answer()
	l.Stream, l.Events = true, said.Events
	l.FirstTokenNS, l.LastContentNS = since(said.FirstToken), since(said.Last)
	l.usage(said.Usage)
}

// plainUsage reads the counts out of an answer that is one JSON object, by the
// names of either API.
func plainUsage(body []byte) dialect.Usage {
	var told struct {
		Usage *struct {
			Input      int `json:"input_tokens"` // Anthropic: without the cached ones
			Read       int `json:"cache_read_input_tokens"`
			Written    int `json:"cache_creation_input_tokens"`
			Output     int `json:"output_tokens"`
			Prompt     int `json:"prompt_tokens"` // OpenAI
			Completion int `json:"completion_tokens"`
		}
	}
	if json.Unmarshal(body, &told) != nil || told.Usage == nil {
		return dialect.Usage{}
	}
	u := told.Usage
	return dialect.Usage{Input: u.Input + u.Read + u.Written + u.Prompt, Output: u.Output + u.Completion, Reported: true}
}
