// Package trace reads recorded traffic: when requests came and how long they and
// their answers were, never what they said. The prompts that it makes in their
// place are pseudo-words of about that length.
//
// Formats are told apart by their fields, of which unknown ones are passed over:
//
//	azure     CSV  TIMESTAMP, ContextTokens, GeneratedTokens (AzurePublicDataset)
//	burstgpt  CSV  Timestamp (s), Request tokens, Response tokens; Session ID, Elapsed time (s)
//	timed     JSON Lines  timestamp (ms), input_length, output_length; hash_ids, session_id
//	               (Mooncake, vLLM's timed_trace), under other labels if they are told
//	weka      JSON  conversations of id and requests: t (s), in, out; hash_ids, block_size
package trace

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// A Row is one recorded request.
type Row struct {
	At      time.Duration // since the trace's first request
	Input   int           // tokens of the prompt
	Output  int           // tokens of the answer
	Session string        // "": the trace names none
	Elapsed time.Duration // from request to the end of the answer; 0: not told
	// Blocks name the prompt's prefix blocks: prompts that begin with the same
	// blocks begin with the same text.
	Blocks []int64
	line   int // of the file, from 1: the row's name
}

// A Trace is the rows of a file in the order of their times.
type Trace struct {
	Name   string // the last part of the path
	Hash   string // SHA-256 of the file, hexadecimal
	Format string
	Rows   []Row
	Block  int // tokens of a prefix block; 0: the trace has none
	Total  int // rows in the file
	Left   int // of them, left out for having no tokens
	Cut    int // of Rows, with lengths above the limits
	notes  []string
}

// Open reads the trace at path. labels gives other names to the fields of a timed
// trace, as in timestamp=ts. The error names the line.
func Open(path string, labels map[string]string) (*Trace, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("trace: %w; name a file of recorded requests", err)
	}
	return Read(filepath.Base(path), data, labels)
}

// Read is Open of bytes.
func Read(name string, data []byte, labels map[string]string) (*Trace, error) {
	sum := sha256.Sum256(data)
	t := &Trace{Name: name, Hash: hex.EncodeToString(sum[:])}
	if err := t.decode(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), labels); err != nil {
		return nil, fmt.Errorf("trace %s: %w", name, err)
	}
	t.Total = len(t.Rows)
	t.Rows = slices.DeleteFunc(t.Rows, func(r Row) bool { return r.Input < 1 || r.Output < 1 })
	t.Left = t.Total - len(t.Rows)
	if len(t.Rows) == 0 {
		return nil, fmt.Errorf("trace %s: none of %d rows has tokens", name, t.Total)
	}
	slices.SortStableFunc(t.Rows, func(a, b Row) int { return cmp.Compare(a.At, b.At) })
	t.rebase()
	return t, nil
}

// rebase lets times count from the first row.
func (t *Trace) rebase() {
	first := t.Rows[0].At
	for i := range t.Rows {
		t.Rows[i].At -= first
	}
}

// Options say what of a trace is replayed, and how.
type Options struct {
	From, For           time.Duration // the part of the trace, by its own time; For 0: to its end
	MaxInput, MaxOutput int           // longer ones are cut to this; 0: none is
	Speed               float64       // of the replay, 1 is the trace's own; 0 means 1
	PerSecond           float64       // instead of Speed: the mean rate of the replay; 0: the trace's
	Exact               bool          // rows that share an instant start together
}

// Validate joins every problem of the options.
func (o Options) Validate() error {
	var errs []error
	must := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("trace: "+format, args...))
		}
	}
	must(o.From >= 0 && o.For >= 0, "from %v for %v: neither may be negative", o.From, o.For)
	must(o.MaxInput >= 0 && o.MaxOutput >= 0, "at most %d tokens in and %d out: neither may be negative", o.MaxInput, o.MaxOutput)
	must(o.Speed == 0 || o.Speed >= 1e-3 && o.Speed <= 1e4, "a speed of %v: give one from 0.001 to 10000", o.Speed)
	must(o.PerSecond == 0 || o.PerSecond > 0 && o.PerSecond <= 1e6, "a mean rate of %v: give one above 0 and up to 1000000", o.PerSecond)
	must(o.Speed == 0 || o.PerSecond == 0, "give a speed or a mean rate, not both")
	return errors.Join(errs...)
}

// Apply keeps what the options ask for. The error says why nothing is left.
func (t *Trace) Apply(o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if !o.Exact {
		t.spread()
	}
	last := t.Rows[len(t.Rows)-1].At
	t.Rows = slices.DeleteFunc(t.Rows, func(r Row) bool { return r.At < o.From || o.For > 0 && r.At >= o.From+o.For })
	if len(t.Rows) == 0 {
		return fmt.Errorf("trace %s: no request in the part from %v on; it lasts %v", t.Name, o.From, last)
	}
	t.limit(o)
	return t.scale(o)
}

// spread lays rows that share an instant evenly over the trace's tick, which is
// the least time between two that do not: a clock that only knows every third
// second (Mooncake's) has made batches of requests that came one by one.
func (t *Trace) spread() {
	tick := time.Duration(math.MaxInt64)
	together := 0
	for i := 1; i < len(t.Rows); i++ {
		if gap := t.Rows[i].At - t.Rows[i-1].At; gap > 0 {
			tick = min(tick, gap)
		} else {
			together++
		}
	}
	if together == 0 || tick == math.MaxInt64 {
		return
	}
	for i := 0; i < len(t.Rows); {
		n := 1
		for i+n < len(t.Rows) && t.Rows[i+n].At == t.Rows[i].At {
			n++
		}
		for k := range n {
			t.Rows[i+k].At += time.Duration(float64(tick) * float64(k) / float64(n))
		}
		i += n
	}
	t.notes = append(t.notes, fmt.Sprintf("%d requests that shared an instant spread over %v", together, tick))
}

func (t *Trace) limit(o Options) {
	for i := range t.Rows {
		r := &t.Rows[i]
		in, out := r.Input, r.Output
		if o.MaxInput > 0 {
			r.Input = min(in, o.MaxInput)
		}
		if o.MaxOutput > 0 {
			r.Output = min(out, o.MaxOutput)
		}
		if r.Input < in || r.Output < out {
			t.Cut++
		}
	}
	if t.Cut > 0 {
		limit := func(most int) string {
			if most == 0 {
				return "any number of"
			}
			return strconv.Itoa(most)
		}
		t.notes = append(t.notes, fmt.Sprintf("%d cut to %s tokens in and %s out", t.Cut, limit(o.MaxInput), limit(o.MaxOutput)))
	}
}

// scale lets time count from the beginning of the part, and run at the speed.
func (t *Trace) scale(o Options) error {
	speed := cmp.Or(o.Speed, 1)
	if o.PerSecond > 0 {
		length := t.Rows[len(t.Rows)-1].At - t.Rows[0].At
		if length <= 0 {
			return fmt.Errorf("trace %s: its %d requests come at one instant, which has no rate to change", t.Name, len(t.Rows))
		}
		speed = o.PerSecond * length.Seconds() / float64(len(t.Rows)-1)
	}
	for i := range t.Rows {
		r := &t.Rows[i]
		r.At = time.Duration(float64(r.At-o.From) / speed)
		r.Elapsed = time.Duration(float64(r.Elapsed) / speed)
	}
	if o.From > 0 || o.For > 0 {
		t.notes = append(t.notes, fmt.Sprintf("from %v for %v", o.From, o.For))
	}
	t.notes = append(t.notes, fmt.Sprintf("speed %.6g", speed))
	return nil
}
