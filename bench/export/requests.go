package export

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// A column is a field of a request. Its value is nil where the request has none:
// an empty cell in CSV, no key in JSON.
type column struct {
	name  string
	value func(in *Input, o *Options, s *sample.Sample) any
}

// columns are the fields of a request: what it was, what became of it, its
// instants (at_…, since the run's epoch) and its measures. Durations and
// instants are nanoseconds.
func columns() []column {
	all := []column{
		{"run", func(in *Input, _ *Options, _ *sample.Sample) any { return in.Name }},
		of("seq", func(s *sample.Sample) any { return s.Seq }),
		of("arm", func(s *sample.Sample) any { return s.Arm }),
		of("block", func(s *sample.Sample) any { return s.Block }),
		of("warmup", func(s *sample.Sample) any { return s.Warmup }),
		of("item", func(s *sample.Sample) any { return told(s.Item) }),
		of("occurrence", func(s *sample.Sample) any { return s.Occurrence }),
		of("session", func(s *sample.Sample) any { return told(s.Session) }),
		of("turn", func(s *sample.Sample) any { return told(s.Turn) }),
		of("outcome", func(s *sample.Sample) any { return string(s.Outcome) }),
		of("phase", func(s *sample.Sample) any { return told(string(s.Phase)) }),
		of("partial", func(s *sample.Sample) any { return s.Outcome != sample.OK }),
		{"good", func(_ *Input, o *Options, s *sample.Sample) any {
			if len(o.SLOs) == 0 {
				return nil
			}
			return summary.Good(s, o.SLOs)
		}},
		of("status", func(s *sample.Sample) any { return told(s.Status) }),
		of("code", func(s *sample.Sample) any { return told(s.Code) }),
		of("message", func(s *sample.Sample) any { return told(s.Message) }),
		of("protocol", func(s *sample.Sample) any { return told(s.Conn.Protocol) }),
		of("reused", func(s *sample.Sample) any { return s.Conn.Reused }),
		of("attempts", func(s *sample.Sample) any { return told(s.Conn.Attempts) }),
		of("events", func(s *sample.Sample) any { return s.Events }),
		of("coalesced", func(s *sample.Sample) any { return s.Coalesced }),
		of("input_tokens", func(s *sample.Sample) any { return told(s.Usage.Input) }),
		of("cached_tokens", func(s *sample.Sample) any { return told(s.Usage.Cached) }),
		of("output_tokens", func(s *sample.Sample) any { n, _ := s.Tokens(); return told(n) }),
		of("token_source", func(s *sample.Sample) any { _, source := s.Tokens(); return told(source) }),
		of("finish", func(s *sample.Sample) any { return told(s.Finish) }),
		of("quality", func(s *sample.Sample) any {
			if s.Quality == nil {
				return nil
			}
			return *s.Quality
		}),
		of("at_intended_ns", func(s *sample.Sample) any { return s.IntendedNS }),
		of("at_sent_ns", func(s *sample.Sample) any { return told(s.SentNS) }),
		of("at_written_ns", func(s *sample.Sample) any { return told(s.WrittenNS) }),
		of("at_first_byte_ns", func(s *sample.Sample) any { return told(s.FirstByteNS) }),
		of("at_headers_ns", func(s *sample.Sample) any { return told(s.HeadersNS) }),
		of("at_first_event_ns", func(s *sample.Sample) any { return told(s.EventNS) }),
		of("at_first_token_ns", func(s *sample.Sample) any { return told(s.TokenNS) }),
		of("at_first_text_ns", func(s *sample.Sample) any { return told(s.TextNS) }),
		of("at_last_content_ns", func(s *sample.Sample) any { return told(s.LastNS) }),
		of("at_close_ns", func(s *sample.Sample) any { return told(s.CloseNS) }),
	}
	for _, d := range sample.Definitions() {
		if d.Measure != sample.EventGap {
			all = append(all, of(string(d.Measure)+"_ns", func(s *sample.Sample) any { return measured(s, d.Measure) }))
		}
	}
	return append(all, of("gaps_ns", func(s *sample.Sample) any {
		if len(s.GapsNS) == 0 {
			return nil
		}
		return s.GapsNS
	}))
}

// of is a column that needs the sample alone.
func of(name string, value func(*sample.Sample) any) column {
	return column{name, func(_ *Input, _ *Options, s *sample.Sample) any { return value(s) }}
}

// told is a value that its zero says nothing of.
func told[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

// measured is nil for a failure, which is infinitely slow in every measure, and
// where the measure does not exist or is not known.
func measured(s *sample.Sample, m sample.Measure) any {
	ns, ok, none := s.Value(m)
	if !ok || none || ns < 0 {
		return nil
	}
	return ns
}

// CSV writes every request of every run, warm-up included, as a row under a head
// of names. Gaps are separated by spaces.
func CSV(w io.Writer, inputs []Input, o Options) error {
	out := csv.NewWriter(w)
	var head []string
	for _, c := range columns() {
		head = append(head, c.name)
	}
	if err := out.Write(head); err != nil {
		return err
	}
	err := each(inputs, func(in *Input, s *sample.Sample) error {
		cells := make([]string, 0, len(head))
		for _, c := range columns() {
			cells = append(cells, cell(c.value(in, &o, s)))
		}
		return out.Write(cells)
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// each calls do with every request of every run in the order of the files.
func each(inputs []Input, do func(*Input, *sample.Sample) error) error {
	for i := range inputs {
		in := &inputs[i]
		for j := range in.Run.Samples {
			if err := do(in, &in.Run.Samples[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case []int64:
		return strings.Trim(fmt.Sprint(v), "[]")
	}
	return fmt.Sprint(v)
}

// JSONLines writes every request of every run, warm-up included, as an object a
// line with the names that CSV has; what a request has no value of is left out.
func JSONLines(w io.Writer, inputs []Input, o Options) error {
	out := bufio.NewWriter(w)
	err := each(inputs, func(in *Input, s *sample.Sample) error {
		var fields []string
		for _, c := range columns() {
			v := c.value(in, &o, s)
			if v == nil {
				continue
			}
			text, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("request %d: %s: %w", s.Seq, c.name, err)
			}
			fields = append(fields, fmt.Sprintf("%q:%s", c.name, text))
		}
		_, err := out.WriteString("{" + strings.Join(fields, ",") + "}\n")
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}
