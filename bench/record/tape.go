package record

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

// A Line is one request of the timing file, JSON Lines in the order of arrival. It
// is at once an entry of a schedule file (bench --schedule-in: block, arm,
// intended_ns, item, occurrence) and a row of a timed trace in the form of Mooncake
// and vLLM (timestamp, input_length, output_length, session_id). Instants count
// from the first arrival, durations from the request's own; 0 was not reached.
type Line struct {
	Block      int    `json:"block"` // 0
	Arm        string `json:"arm"`   // all
	IntendedNS int64  `json:"intended_ns"`
	Item       string `json:"item"`
	Occurrence int    `json:"occurrence"`

	Timestamp    float64 `json:"timestamp"` // milliseconds
	InputLength  int     `json:"input_length"`
	OutputLength int     `json:"output_length"`
	// Lengths says where they come from: usage (the API's own counts), or estimate
	// (a token for four bytes of the request, and one for each content event, or for
	// four bytes of an answer in which no events were read).
	Lengths string `json:"lengths"`
	// Session is shared by requests each of which begins with the messages of the
	// one before, and Turn counts them from 1.
	Session string `json:"session_id"`
	Turn    int    `json:"session_turn"`

	API           string `json:"api"`
	RequestBytes  int64  `json:"request_bytes"`
	AnswerBytes   int64  `json:"answer_bytes"`
	Status        int    `json:"status"` // 0: there was no answer
	Stream        bool   `json:"stream"`
	Cut           bool   `json:"cut,omitempty"` // the answer did not come to its end
	Events        int    `json:"events,omitzero"`
	FirstByteNS   int64  `json:"first_byte_ns,omitzero"`
	FirstTokenNS  int64  `json:"first_token_ns,omitzero"`
	LastContentNS int64  `json:"last_content_ns,omitzero"`
	CloseNS       int64  `json:"close_ns,omitzero"`
}

func (l *Line) usage(u dialect.Usage) {
	if u.Reported {
		l.InputLength, l.OutputLength, l.Lengths = u.Input, u.Output, "usage"
	}
}

// A Report says what became of every request that passed.
type Report struct {
	Passed   int            // in all
	Recorded int            // lines of timing
	Items    int            // distinct ones
	Changed  map[string]int // recorded, but not quite as they were: by how
	Left     map[string]int // not recorded: by reason
}

// A tape gathers what is recorded.
type tape struct {
	items    *bufio.Writer
	err      error
	report   Report
	known    map[string]bool // ids
	lines    []Line
	arrived  []int64
	sessions map[[sha256.Size]byte]place
	finished bool
}

// A place is a request's in its session.
type place struct{ session, turn int }

func newTape(items io.Writer) *tape {
	return &tape{
		items: bufio.NewWriter(items), known: map[string]bool{}, sessions: map[[sha256.Size]byte]place{},
		report: Report{Changed: map[string]int{}, Left: map[string]int{}},
	}
}

// add takes in an exchange that is over.
func (t *tape) add(x *exchange) {
	t.report.Passed++
	reason := t.record(x)
	if reason == "" {
		return
	}
	if t.report.Left[reason] == 0 && len(t.report.Left) >= mostReasons {
		reason = "for other reasons"
	}
	t.report.Left[reason]++
}

// mostReasons bounds how many reasons are told apart: some have numbers in them.
const mostReasons = 100

// record writes the item and keeps the line; else it says why not.
func (t *tape) record(x *exchange) (left string) {
	r := x.recorder
	switch {
	case t.finished:
		return "came after the recording had ended"
	case len(t.lines) == r.cfg.MaxRequests:
		return fmt.Sprintf("came after the %d that a recording holds", r.cfg.MaxRequests)
	case x.api == other:
		return "not of an API whose requests become items"
	case x.request.size > int64(x.request.buf.Len()):
		return "its body is longer than what is copied"
	}
	asked, err := x.api.decode(redact(x.request.buf.Bytes(), x.secrets))
	if err != nil && x.unreached {
		return "the upstream did not take it"
	}
	if err != nil {
		return err.Error()
	}
	at := t.session(&asked.item)
	if r.filler != nil {
		r.filler.item(&asked.item)
	}
	line, id, err := itemLine(&asked.item)
	if err != nil {
		return err.Error()
	}
	if !t.known[id] {
		t.known[id] = true
		t.report.Items++
		if _, err := t.items.Write(line); err != nil && t.err == nil {
			t.err = err
		}
	}
	for _, how := range asked.changed {
		t.report.Changed[how]++
	}
	t.lines = append(t.lines, x.line(id, at))
	t.arrived = append(t.arrived, x.begun)
	return ""
}

// line is the exchange's line but for what depends on others.
func (x *exchange) line(id string, at place) Line {
	l := Line{
		Arm: "all", Item: id, Session: fmt.Sprintf("s-%d", at.session), Turn: at.turn,
		API: string(x.api), RequestBytes: x.request.size,
	}
	if x.answer != nil && !x.unreached {
		x.answer.told(&l, x.begun)
	}
	if l.Lengths == "" {
		l.InputLength, l.OutputLength, l.Lengths = int((x.request.size+3)/4), l.Events, "estimate"
		if l.Status == http.StatusOK && l.Events == 0 {
			l.OutputLength = int((l.AnswerBytes + 3) / 4)
		}
	}
	return l
}

// session finds the session that the messages continue, by the messages without
// the last two: the answer and what the user said to it.
func (t *tape) session(item *datasets.Item) place {
	h := sha256.New() // never fails to write
	part := func(role string, text []byte) { fmt.Fprintf(h, "%s %d %s\n", role, len(text), text) }
	sum := func() (s [sha256.Size]byte) { return [sha256.Size]byte(h.Sum(s[:0])) }
	part("system", item.System)
	at := place{session: len(t.sessions) + 1, turn: 1}
	for i, m := range item.Messages {
		if i > 0 && i == len(item.Messages)-2 {
			if before, known := t.sessions[sum()]; known {
				at = place{before.session, before.turn + 1}
			}
		}
		part(m.Role, m.Content)
	}
	t.sessions[sum()] = at
	return at
}

// itemLine is the item as a line of a dataset, with the name that its content
// gives it. The error says what keeps it from being one.
func itemLine(item *datasets.Item) (line []byte, id string, err error) {
	item.ID, item.Kind = "", "recorded"
	unnamed, err := encode(item)
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(unnamed)
	item.ID = "r-" + hex.EncodeToString(sum[:8])
	if line, err = encode(item); err != nil {
		return nil, "", err
	}
	if _, err := datasets.Read("item", bytes.NewReader(line)); err != nil {
		return nil, "", fmt.Errorf("cannot be an item: %s", reason(err))
	}
	return line, item.ID, nil
}

// reason is the dataset's complaint without what is particular to the request.
func reason(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	text = strings.TrimPrefix(text, "item:1: ")
	if where, what, found := strings.Cut(text, "] "); found && strings.Contains(where, "messages[") {
		text = "a message " + what
	} else if where, what, found := strings.Cut(text, "]."); found && strings.Contains(where, "[") {
		text = "one of its parts: " + what
	}
	if what, _, found := strings.Cut(text, `"`); found { // a value of the request's
		text = strings.TrimSpace(what) + " …"
	}
	return text
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // texts stay the literals that they were
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("cannot be an item: %s", "it holds what is no JSON")
	}
	return b.Bytes(), nil
}

// finish writes the lines and returns the report.
func (t *tape) finish(timing io.Writer) (Report, error) {
	if t.finished {
		return Report{}, ErrFinished
	}
	t.finished = true
	if err := cmp.Or(t.err, t.items.Flush()); err != nil {
		return t.report, err
	}
	order := make([]int, len(t.lines))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(t.arrived[a], t.arrived[b]) })
	out := bufio.NewWriter(timing)
	lines := json.NewEncoder(out)
	uses := map[string]int{}
	for _, i := range order {
		l := t.lines[i]
		uses[l.Item]++
		l.IntendedNS, l.Occurrence = t.arrived[i]-t.arrived[order[0]], uses[l.Item]
		l.Timestamp = math.Round(float64(l.IntendedNS)/1e3) / 1e3
		if err := lines.Encode(l); err != nil {
			return t.report, err
		}
	}
	t.report.Recorded = len(t.lines)
	return t.report, out.Flush()
}
