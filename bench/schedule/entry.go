package schedule

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// AllArms is Entry.Arm where every arm of the run gets the request.
const AllArms = "all"

// An Entry is one intended, measured request of a schedule file: JSON Lines of
// these objects, or CSV with the JSON names as its head, by the suffix .csv.
type Entry struct {
	Block int `json:"block"` // from 0; instants count from the block's beginning
	// Arm is who gets the request: [AllArms], each in its own turn.
	Arm        string `json:"arm"`
	IntendedNS int64  `json:"intended_ns"` // of the first turn, in a session
	Item       string `json:"item"`        // of the dataset
	Occurrence int    `json:"occurrence"`  // the how-manieth use of it, from 1
	Session    string `json:"session,omitempty"`
	Turn       int    `json:"turn,omitempty"`     // of the session, from 1; 0: the session is a name alone
	ThinkNS    int64  `json:"think_ns,omitempty"` // a later turn: since the end of the answer before it
	// InputTokens is about how long the prompt is, where whoever made the schedule
	// knew; OutputTokens is the most that is asked for.
	InputTokens  int `json:"input_tokens,omitempty"`
	OutputTokens int `json:"output_tokens,omitempty"`
}

var head = []string{"block", "arm", "intended_ns", "item", "occurrence", "session", "turn", "think_ns", "input_tokens", "output_tokens"}

// IsCSV tells whether a file of this name holds CSV and not JSON Lines.
func IsCSV(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".csv") }

// WriteEntries writes the entries in the format of the file's name.
func WriteEntries(w io.Writer, name string, entries []Entry) error {
	if IsCSV(name) {
		return writeCSV(w, entries)
	}
	buffer := bufio.NewWriter(w)
	encoder := json.NewEncoder(buffer)
	for i := range entries {
		if err := encoder.Encode(&entries[i]); err != nil {
			return fmt.Errorf("schedule: %w", err)
		}
	}
	return buffer.Flush()
}

func writeCSV(w io.Writer, entries []Entry) error {
	out := csv.NewWriter(w)
	rows := [][]string{head}
	number := func(n int) string { return strconv.Itoa(n) }
	for _, e := range entries {
		rows = append(rows, []string{
			number(e.Block), e.Arm, strconv.FormatInt(e.IntendedNS, 10), e.Item, number(e.Occurrence), e.Session, number(e.Turn),
			strconv.FormatInt(e.ThinkNS, 10), number(e.InputTokens), number(e.OutputTokens),
		})
	}
	return out.WriteAll(rows)
}

// ReadEntries reads what WriteEntries wrote, or anybody else: unknown columns and
// fields are passed over, and columns may stand in any order. The error names the
// line.
func ReadEntries(r io.Reader, name string) ([]Entry, error) {
	read := readLines
	if IsCSV(name) {
		read = readCSV
	}
	entries, err := read(r)
	if err != nil {
		return nil, fmt.Errorf("schedule %s: %w", name, err)
	}
	if err := ValidateEntries(entries); err != nil {
		return nil, fmt.Errorf("schedule %s: %w", name, err)
	}
	return entries, nil
}

func readLines(r io.Reader) ([]Entry, error) {
	var entries []Entry
	decoder := json.NewDecoder(r)
	for {
		var e Entry
		err := decoder.Decode(&e)
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", len(entries)+1, err)
		}
		entries = append(entries, e)
	}
}

func readCSV(r io.Reader) ([]Entry, error) {
	in := csv.NewReader(r)
	columns, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("no head line: %w", err)
	}
	var entries []Entry
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		var e Entry
		for i, text := range row {
			if err := e.set(columns[i], text); err != nil {
				return nil, fmt.Errorf("entry %d: %s: %w", len(entries)+1, columns[i], err)
			}
		}
		entries = append(entries, e)
	}
}

// set fills in one column of a CSV file.
func (e *Entry) set(column, text string) error {
	whole := map[string]*int{
		"block": &e.Block, "occurrence": &e.Occurrence, "turn": &e.Turn,
		"input_tokens": &e.InputTokens, "output_tokens": &e.OutputTokens,
	}
	instants := map[string]*int64{"intended_ns": &e.IntendedNS, "think_ns": &e.ThinkNS}
	texts := map[string]*string{"arm": &e.Arm, "item": &e.Item, "session": &e.Session}
	var err error
	switch {
	case texts[column] != nil:
		*texts[column] = text
	case text == "": // as a missing field
	case whole[column] != nil:
		*whole[column], err = strconv.Atoi(text)
	case instants[column] != nil:
		*instants[column], err = strconv.ParseInt(text, 10, 64)
	}
	return err
}

// maxReported bounds how many entries' problems are reported.
const maxReported = 10

// ValidateEntries reports what is wrong with a schedule: blocks count from 0
// without holes, starts never go back within one, and the turns of a session
// stand together in order.
func ValidateEntries(entries []Entry) error {
	if len(entries) == 0 {
		return errors.New("no entries: one line for each intended request is needed")
	}
	var errs []error
	before := Entry{Block: -1}
	seen := map[string]bool{}
	for i := range entries {
		e := &entries[i]
		if err := e.problem(&before); err != nil {
			errs = append(errs, fmt.Errorf("entry %d: %w", i+1, err))
		} else if pair := e.Item + " " + strconv.Itoa(e.Occurrence); seen[pair] {
			errs = append(errs, fmt.Errorf("entry %d: occurrence %d of item %q stands twice", i+1, e.Occurrence, e.Item))
		} else {
			seen[pair] = true
		}
		if len(errs) == maxReported {
			break
		}
		before = *e
	}
	return errors.Join(errs...)
}

// problem says what is wrong with e where it stands after before.
func (e *Entry) problem(before *Entry) error {
	follows := e.Turn > 1 && e.Block == before.Block && e.Session == before.Session && e.Turn == before.Turn+1
	switch {
	case e.Arm != "" && e.Arm != AllArms:
		return fmt.Errorf("arm %q: every arm gets the same requests, write %q", e.Arm, AllArms)
	case !utf8.ValidString(e.Item + e.Session):
		return fmt.Errorf("item %q, session %q: write names in UTF-8", e.Item, e.Session)
	case e.Item == "" || e.Occurrence < 1:
		return fmt.Errorf("item %q, occurrence %d: name an item of the dataset and count its uses from 1", e.Item, e.Occurrence)
	case e.Block != before.Block && e.Block != before.Block+1:
		return fmt.Errorf("block %d after block %d: blocks count from 0 without holes", e.Block, max(0, before.Block))
	case e.IntendedNS < 0 || e.IntendedNS > int64(longest) || e.ThinkNS < 0 || e.ThinkNS > int64(longest):
		return fmt.Errorf("starts %d ns after its block, %d ns after an answer: from 0 to %v", e.IntendedNS, e.ThinkNS, longest)
	case e.Block == before.Block && e.IntendedNS < before.IntendedNS:
		return fmt.Errorf("starts %d ns before the entry before it: sort them by intended_ns", before.IntendedNS-e.IntendedNS)
	case e.Turn < 0, e.Turn > 0 && e.Session == "", e.Turn > 1 && !follows:
		return fmt.Errorf("turn %d of session %q: the turns of a session stand together and count from 1", e.Turn, e.Session)
	}
	return nil
}
