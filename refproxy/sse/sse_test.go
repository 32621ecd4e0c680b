package sse_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/sse"
)

// event is an sse.Event that outlives its reader.
type event struct{ Name, Data string }

func readAll(src io.Reader, limit int) ([]event, error) {
	r := sse.NewReader(src, limit)
	var out []event
	for {
		ev, err := r.Next()
		if err != nil {
			return out, err
		}
		out = append(out, event{string(ev.Name), string(ev.Data)})
	}
}

func TestReader(t *testing.T) {
	tests := []struct {
		name, in string
		want     []event
	}{
		{"one", "data: a\n\n", []event{{"", "a"}}},
		{"no space", "data:a\n\n", []event{{"", "a"}}},
		{"only the first space goes", "data:  a \n\n", []event{{"", " a "}}},
		{"crlf", "event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", []event{{"x", "a"}, {"", "b"}}},
		{"cr", "data: a\r\rdata: b\r\r", []event{{"", "a"}, {"", "b"}}},
		{"mixed ends", "data: a\r\ndata: b\ndata: c\r\r\n", []event{{"", "a\nb\nc"}}},
		{"several lines", "data: a\ndata:\ndata: c\n\n", []event{{"", "a\n\nc"}}},
		{"empty data", "data\n\ndata:\n\n", []event{{"", ""}, {"", ""}}},
		{"comment and unknown fields", ": hi\nid: 7\nretry: 1\nfoo: x\ndata: a\n: x\n\n", []event{{"", "a"}}},
		{"name without data is forgotten", "event: x\n\ndata: a\n\n", []event{{"", "a"}}},
		{"last name wins", "event: x\nevent: y\ndata: a\n\n", []event{{"y", "a"}}},
		{"many blank lines", "\n\n\ndata: a\n\n\n\n", []event{{"", "a"}}},
		{"end without blank line", "data: a\n", []event{{"", "a"}}},
		{"end within a line", "data: a\n\ndata: b", []event{{"", "a"}, {"", "b"}}},
		{"end after cr", "data: a\r", []event{{"", "a"}}},
		{"byte order mark", "\ufeffdata: a\n\n\ufeffdata: b\n\n", []event{{"", "a"}}},
		{"colon in value", "data: {\"a\":1}\n\n", []event{{"", `{"a":1}`}}},
		{"json line is no field", "{\"data\":1}\n\n", nil},
		{"nothing", "", nil},
		{"only a mark", "\ufeff", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for how, src := range map[string]io.Reader{
				"whole":    strings.NewReader(tt.in),
				"bytes":    iotest.OneByteReader(strings.NewReader(tt.in)),
				"data+eof": iotest.DataErrReader(strings.NewReader(tt.in)),
			} {
				got, err := readAll(src, 0)
				if err != io.EOF {
					t.Errorf("%s: error %v, want EOF", how, err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s: events (-want +got):\n%s", how, diff)
				}
			}
		})
	}
}

func TestReaderDoesNotWaitForLineFeedOfCRLF(t *testing.T) {
	pr, pw := io.Pipe()
	t.Cleanup(func() { pw.Close() })
	go io.WriteString(pw, "data: a\r\n\r") // a failed write fails the read below
	ev, err := sse.NewReader(pr, 0).Next()
	if err != nil || string(ev.Data) != "a" {
		t.Fatalf("got %q, %v", ev.Data, err)
	}
}

func TestReaderLimit(t *testing.T) {
	const limit = 16
	tests := []struct {
		name, in string
		ok       bool
	}{
		{"line at the limit", "data: 0123456789\n\n", true},
		{"line over the limit", "data: 0123456789a\n\n", false},
		{"line without end", "data: 0123456789abcdef", false},
		{"lines together", "data: 01234\ndata: 56789\n\n", true},
		{"lines together over", "data: 01234567\ndata: 8901234\n\n", false},
		{"long comment", ":" + strings.Repeat("x", limit) + "\ndata: a\n\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in))} {
				_, err := readAll(src, limit)
				tooLarge, isLimit := errors.AsType[*sse.TooLargeError](err)
				if isLimit == tt.ok || isLimit && tooLarge.Limit != limit {
					t.Errorf("error %v, want within limit: %v", err, tt.ok)
				}
			}
		})
	}
}

func TestReaderErrorsRepeat(t *testing.T) {
	r := sse.NewReader(strings.NewReader("data: 0123456789\n\ndata: a\n\n"), 8)
	for range 2 {
		if _, err := r.Next(); err == nil || err == io.EOF {
			t.Fatalf("error %v, want the limit's", err)
		}
	}
}

func TestReaderSourceError(t *testing.T) {
	boom := errors.New("boom")
	src := io.MultiReader(strings.NewReader("data: a\n\ndata: b\n"), iotest.ErrReader(boom))
	got, err := readAll(src, 0)
	if !errors.Is(err, boom) {
		t.Errorf("error %v, want boom", err)
	}
	if diff := cmp.Diff([]event{{"", "a"}}, got); diff != "" {
		t.Errorf("an event the error cut off must not appear (-want +got):\n%s", diff)
	}
}

// idle never says anything.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestReaderIdleSource(t *testing.T) {
	if _, err := sse.NewReader(idle{}, 0).Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("error %v, want no progress", err)
	}
}

func TestReaderLargeEvent(t *testing.T) {
	big := strings.Repeat("x", 8<<20)
	got, err := readAll(strings.NewReader("data: "+big+"\n\ndata: a\n\n"), 0)
	if err != io.EOF || len(got) != 2 || got[0].Data != big || got[1].Data != "a" {
		t.Fatalf("%d events, error %v", len(got), err)
	}
}

// repeat serves the same bytes for ever.
type repeat struct {
	data []byte
	pos  int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.data[r.pos:])
	r.pos = (r.pos + n) % len(r.data)
	return n, nil
}

func TestReaderAllocatesNothingPerEvent(t *testing.T) {
	src := &repeat{data: []byte("event: delta\r\ndata: {\"text\":\"hello\"}\r\n\r\ndata: a\ndata: b\n\n: c\n\n")}
	r := sse.NewReader(src, 0)
	next := func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		next()
	}
	if n := testing.AllocsPerRun(1000, next); n != 0 {
		t.Errorf("%v allocations per event, want 0", n)
	}
}

func TestWriter(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"ping", `{"type":"ping"}`, "event: ping\ndata: {\"type\":\"ping\"}\n\n"},
		{"", "x", "data: x\n\n"},
		{"e", "", "event: e\ndata: \n\n"},
		{"e", "a\nb\r\nc\rd", "event: e\ndata: a\ndata: b\ndata: c\ndata: d\n\n"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		if err := sse.NewWriter(&out).Write(tt.name, []byte(tt.data)); err != nil {
			t.Fatal(err)
		}
		if out.String() != tt.want {
			t.Errorf("%q %q: wrote %q, want %q", tt.name, tt.data, out.String(), tt.want)
		}
	}
	if got := string(sse.End(append(sse.Begin(nil, "e"), "{}"...))); got != "event: e\ndata: {}\n\n" {
		t.Errorf("Begin and End wrote %q", got)
	}
}

func TestWriterAllocatesNothingPerEvent(t *testing.T) {
	w := sse.NewWriter(io.Discard)
	data := []byte(`{"text":"hello"}`)
	if n := testing.AllocsPerRun(1000, func() {
		if err := w.Write("delta", data); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per event, want 0", n)
	}
}

func TestWriterReportsSinkError(t *testing.T) {
	pr, pw := io.Pipe()
	pr.Close()
	if err := sse.NewWriter(pw).Write("e", nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v, want closed pipe", err)
	}
}

// pieces serves data in reads of random sizes.
type pieces struct {
	data []byte
	rng  *rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 1+p.rng.IntN(9))], p.data)
	p.data = p.data[n:]
	return n, nil
}

// FuzzReader holds: no panic; events within the limit; splitting the stream
// anywhere changes neither the events nor how it ends; what a Writer writes of
// the events reads back as the same events.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"data: a\n\n", "event: x\r\ndata: a\r\n\r\n", "data: a\rdata:b\r\r\n", ": c\n\ndata", "\ufeffdata: a\n\n",
		"data: 0123456789012345678901234567890123456789\n\n", "event:\n\ndata:\n\n\n", "data: a\r\n\rdata: b",
	} {
		f.Add([]byte(s), uint64(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		const limit = 32
		whole, wholeErr := readAll(bytes.NewReader(in), limit)
		split, splitErr := readAll(&pieces{in, rand.New(rand.NewPCG(seed, 0))}, limit)
		if diff := cmp.Diff(whole, split); diff != "" {
			t.Errorf("splitting changes the events:\n%s", diff)
		}
		if wholeErr.Error() != splitErr.Error() {
			t.Errorf("splitting changes the end: %v, %v", wholeErr, splitErr)
		}
		var again []byte
		for _, ev := range whole {
			if len(ev.Data) > 2*limit {
				t.Errorf("an event of %d bytes passed a limit of %d", len(ev.Data), limit)
			}
			again = sse.Append(again, ev.Name, []byte(ev.Data))
		}
		reread, err := readAll(bytes.NewReader(again), 0)
		if diff := cmp.Diff(whole, reread); diff != "" || err != io.EOF {
			t.Errorf("written and read again: %v\n%s", err, diff)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	data := []byte("data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello, world.\"}],\"role\":\"model\"},\"index\":0}]}\r\n\r\n")
	r := sse.NewReader(&repeat{data: data}, 0)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}
