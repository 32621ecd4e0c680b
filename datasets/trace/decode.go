package trace

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// longest bounds the time of a row, so that no arithmetic overflows.
const longest = 10 * 365 * 24 * time.Hour

// maxTokens bounds a length: a longer one is a mistake of the file's.
const maxTokens = 10_000_000

// mooncakeBlock is how many tokens a block of Mooncake's hash_ids has.
const mooncakeBlock = 512

func (t *Trace) decode(data []byte, labels map[string]string) error {
	text := bytes.TrimSpace(data)
	if len(text) == 0 {
		return errors.New("it is empty")
	}
	lines := text[0] == '{' && !isWeka(text)
	switch {
	case lines:
		return t.decodeTimed(data, labels)
	case len(labels) > 0:
		return errors.New("other labels are for a timed trace of JSON Lines, which it is not")
	case text[0] == '{' || text[0] == '[':
		return t.decodeWeka(text)
	}
	return t.decodeCSV(text)
}

// A columns finds fields of a CSV file by name.
type columns map[string]int

func (c columns) has(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { _, ok := c[name]; return !ok })
}

// text is the row's field; "" where the file has no such column.
func (c columns) text(row []string, name string) string {
	at, ok := c[name]
	if !ok || at >= len(row) {
		return ""
	}
	return strings.TrimSpace(row[at])
}

func (t *Trace) decodeCSV(text []byte) error {
	in := csv.NewReader(bytes.NewReader(text))
	in.FieldsPerRecord, in.ReuseRecord = -1, true
	head, err := in.Read()
	if err != nil {
		return err
	}
	c := columns{}
	for i, name := range head {
		c[strings.TrimSpace(name)] = i
	}
	read := c.azure
	switch {
	case c.has("TIMESTAMP", "ContextTokens", "GeneratedTokens"):
		t.Format = "azure"
	case c.has("Timestamp", "Request tokens", "Response tokens"):
		t.Format, read = "burstgpt", c.burstGPT
	default:
		return errors.New("not a trace that is known: its first line has neither TIMESTAMP, ContextTokens, GeneratedTokens (azure) nor Timestamp, Request tokens, Response tokens (burstgpt)")
	}
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := in.FieldPos(0)
		row, err := read(fields)
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		row.line = line
		t.Rows = append(t.Rows, row)
	}
}

// azureTimes are how the files of 2023 and of 2024 write an instant.
var azureTimes = []string{"2006-01-02 15:04:05.9999999", "2006-01-02 15:04:05.9999999-07:00", time.RFC3339Nano}

func (c columns) azure(fields []string) (Row, error) {
	var at time.Time
	var err error
	for _, layout := range azureTimes {
		if at, err = time.Parse(layout, c.text(fields, "TIMESTAMP")); err == nil {
			break
		}
	}
	since := at.Sub(azureEpoch)
	if err != nil || since < 0 || since > longest {
		return Row{}, fmt.Errorf("TIMESTAMP %q is no time like 2023-11-16 18:17:03.9799600", c.text(fields, "TIMESTAMP"))
	}
	row := Row{At: since}
	return row, c.lengths(&row, fields, "ContextTokens", "GeneratedTokens")
}

// azureEpoch is before any of Azure's traces.
var azureEpoch = time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)

func (c columns) burstGPT(fields []string) (Row, error) {
	at, err := seconds("Timestamp", c.text(fields, "Timestamp"))
	if err != nil {
		return Row{}, err
	}
	row := Row{At: at, Session: c.text(fields, "Session ID")}
	if text := c.text(fields, "Elapsed time"); text != "" {
		if row.Elapsed, err = seconds("Elapsed time", text); err != nil {
			return Row{}, err
		}
	}
	return row, c.lengths(&row, fields, "Request tokens", "Response tokens")
}

func (c columns) lengths(row *Row, fields []string, in, out string) error {
	var err error
	if row.Input, err = count(in, c.text(fields, in)); err != nil {
		return err
	}
	row.Output, err = count(out, c.text(fields, out))
	return err
}

func seconds(name, text string) (time.Duration, error) {
	s, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%s %q is no number of seconds", name, text)
	}
	return duration(name, s, time.Second)
}

// duration converts a number of units.
func duration(name string, n float64, unit time.Duration) (time.Duration, error) {
	d := n * float64(unit)
	if !(d >= 0 && d <= float64(longest)) {
		return 0, fmt.Errorf("%s %v: from 0 to ten years", name, n)
	}
	return time.Duration(math.Round(d)), nil
}

// count reads a number of tokens; some files write 12.0.
func count(name, text string) (int, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0 && n <= maxTokens) {
		return 0, fmt.Errorf("%s %q is no number of tokens", name, text)
	}
	return int(n), nil
}

// timedLabels are the fields of a timed trace by their own names; the first three
// it must have.
var timedLabels = []string{"timestamp", "input_length", "output_length", "hash_ids", "session_id"}

func (t *Trace) decodeTimed(data []byte, labels map[string]string) error {
	t.Format = "timed"
	names := map[string]string{}
	for _, label := range timedLabels {
		names[label] = label
	}
	for label, name := range labels {
		if names[label] == "" {
			return fmt.Errorf("label %q: a timed trace has %s", label, strings.Join(timedLabels, ", "))
		}
		names[label] = name
	}
	number := 0
	for line := range bytes.Lines(data) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		row, err := timedRow(line, names)
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		row.line = number
		if len(row.Blocks) > 0 {
			t.Block = mooncakeBlock
		}
		t.Rows = append(t.Rows, row)
	}
	return nil
}

func timedRow(line []byte, names map[string]string) (Row, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return Row{}, fmt.Errorf("not a JSON object: %w", err)
	}
	read := func(label string, to any) error {
		raw, ok := fields[names[label]]
		if !ok || json.Unmarshal(raw, to) != nil {
			return fmt.Errorf("%s is %.40s: a timed trace needs %s", names[label], raw, strings.Join(timedLabels[:3], ", "))
		}
		return nil
	}
	var at, in, out float64
	if err := errors.Join(read("timestamp", &at), read("input_length", &in), read("output_length", &out)); err != nil {
		return Row{}, err
	}
	row := Row{Input: int(in), Output: int(out)}
	var err error
	if row.At, err = duration(names["timestamp"], at, time.Millisecond); err != nil {
		return Row{}, err
	}
	if !(min(in, out) >= 0 && max(in, out) <= maxTokens) {
		return Row{}, fmt.Errorf("%v tokens in and %v out", in, out)
	}
	if _, ok := fields[names["hash_ids"]]; ok && read("hash_ids", &row.Blocks) != nil {
		return Row{}, fmt.Errorf("%s is no list of whole numbers", names["hash_ids"])
	}
	if raw, ok := fields[names["session_id"]]; ok {
		row.Session = strings.Trim(string(raw), `"`)
	}
	return row, nil
}

// A conversation is how a Weka trace has it. Its instants count from its own
// beginning or from that of the trace: nothing says which, so they are taken as
// the trace's.
type conversation struct {
	ID       json.RawMessage `json:"id"`
	Block    int             `json:"block_size"`
	Requests []struct {
		At     float64 `json:"t"`
		In     float64 `json:"in"`
		Out    float64 `json:"out"`
		Blocks []int64 `json:"hash_ids"`
	} `json:"requests"`
}

// isWeka looks at the first object: conversations have requests.
func isWeka(text []byte) bool {
	var first map[string]json.RawMessage
	return json.NewDecoder(bytes.NewReader(text)).Decode(&first) == nil && first["requests"] != nil
}

// decodeWeka reads a list of conversations, or one after the other.
func (t *Trace) decodeWeka(text []byte) error {
	t.Format = "weka"
	var all []conversation
	decoder := json.NewDecoder(bytes.NewReader(text))
	if text[0] == '[' {
		if err := decoder.Decode(&all); err != nil {
			return fmt.Errorf("not a list of conversations: %w", err)
		}
	} else {
		for {
			var c conversation
			err := decoder.Decode(&c)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("conversation %d: %w", len(all)+1, err)
			}
			all = append(all, c)
		}
	}
	for _, c := range all {
		if err := t.addConversation(&c); err != nil {
			return err
		}
	}
	return nil
}

func (t *Trace) addConversation(c *conversation) error {
	id := strings.Trim(string(c.ID), `"`)
	for i, r := range c.Requests {
		at, err := duration("t", r.At, time.Second)
		if err != nil || !(min(r.In, r.Out) >= 0 && max(r.In, r.Out) <= maxTokens) {
			return fmt.Errorf("conversation %s, request %d: t %v, in %v, out %v", id, i+1, r.At, r.In, r.Out)
		}
		if len(r.Blocks) > 0 {
			if c.Block < 1 || t.Block != 0 && t.Block != c.Block {
				return fmt.Errorf("conversation %s: hash_ids with a block_size of %d after %d: one length for all is needed", id, c.Block, t.Block)
			}
			t.Block = c.Block
		}
		t.Rows = append(t.Rows, Row{At: at, Input: int(r.In), Output: int(r.Out), Session: id, Blocks: r.Blocks, line: len(t.Rows) + 1})
	}
	return nil
}
