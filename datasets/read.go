package datasets

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"
)

//go:embed default/*.jsonl
var defaultFiles embed.FS

// DefaultName is the name of the built-in dataset.
const DefaultName = "default"

// maxProblems bounds how many problems of one dataset are reported: a file with
// one mistake in every line is understood after the first few.
const maxProblems = 20

// Default returns the built-in dataset, one file per kind, in file-name order.
// It fails only if the build is broken, which the tests of this package exclude.
func Default() (*Set, error) {
	// Glob sorts by name, which makes the order of the hash.
	names, err := fs.Glob(defaultFiles, "default/*.jsonl")
	if err != nil {
		return nil, fmt.Errorf("built-in dataset: %w", err)
	}
	r := newReader(DefaultName)
	for _, name := range names {
		data, err := defaultFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("built-in dataset: %w", err)
		}
		r.add(name, data)
	}
	return r.finish()
}

// Open reads the JSONL file at path; the set is named by the path's last part.
func Open(path string) (*Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w; name a JSONL file with one item in each line", err)
	}
	set, err := Read(filepath.Base(path), f)
	// The file was only read: closing it loses nothing.
	_ = f.Close()
	return set, err
}

// Read reads one item per line from src and checks all of them. Lines of white
// space alone are passed over. The error joins what is wrong, each part as
// "name:line: problem", up to a limit.
func Read(name string, src io.Reader) (*Set, error) {
	data, err := io.ReadAll(src)
	if err != nil {
		return nil, fmt.Errorf("dataset %s: %w", name, err)
	}
	r := newReader(name)
	r.add(name, data)
	return r.finish()
}

// Item returns the item with this id.
func (s *Set) Item(id string) (Item, bool) {
	i, ok := s.byID[id]
	if !ok {
		return Item{}, false
	}
	return s.Items[i], true
}

// Answer returns what the simulated upstream says to the item with this id; ok
// is false where the set has no such item or the item has no answer.
func (s *Set) Answer(id string) (text string, ok bool) {
	item, _ := s.Item(id)
	return item.Answer, item.Answer != ""
}

// A reader gathers items and problems over one or more files.
type reader struct {
	set      Set
	data     [][]byte
	firstAt  map[string]string // id -> file:line of its first use
	problems []error
	untold   int
}

func newReader(name string) *reader {
	return &reader{
		set:     Set{Name: name, byID: make(map[string]int)},
		firstAt: make(map[string]string),
	}
}

// add takes in the bytes of one file.
func (r *reader) add(file string, data []byte) {
	r.data = append(r.data, data)
	number := 0
	for line := range bytes.Lines(data) {
		number++
		if line = bytes.TrimSpace(line); len(line) > 0 {
			r.addLine(fmt.Sprintf("%s:%d", file, number), line)
		}
	}
}

func (r *reader) addLine(at string, line []byte) {
	item, err := decode(line)
	if err != nil {
		r.report(at, err)
		return
	}
	for _, problem := range item.problems() {
		r.report(at, problem)
	}
	if first, taken := r.firstAt[item.ID]; taken {
		r.report(at, fmt.Errorf("id %q is taken by %s: give each item its own", item.ID, first))
		return
	}
	r.firstAt[item.ID] = at
	r.set.byID[item.ID] = len(r.set.Items)
	r.set.Items = append(r.set.Items, item)
}

func (r *reader) report(at string, err error) {
	if len(r.problems) == maxProblems {
		r.untold++
		return
	}
	r.problems = append(r.problems, fmt.Errorf("%s: %w", at, err))
}

// finish returns the set, or everything that is wrong with it.
func (r *reader) finish() (*Set, error) {
	if r.untold > 0 {
		r.problems = append(r.problems, fmt.Errorf("%s: and %d more problems", r.set.Name, r.untold))
	}
	if len(r.problems) > 0 {
		return nil, errors.Join(r.problems...)
	}
	if len(r.set.Items) == 0 {
		return nil, fmt.Errorf("dataset %s is empty: write one JSON item in each line, as datasets/README.md shows, or leave the dataset out to use the built-in one", r.set.Name)
	}
	r.set.Hash = hash(r.data)
	return &r.set, nil
}

// hash is SHA-256 over all files as if they were one, hexadecimal.
func hash(files [][]byte) string {
	h := sha256.New()
	for _, data := range files {
		h.Write(data) // a hash never fails to write
	}
	return hex.EncodeToString(h.Sum(nil))
}

// decode reads one line strictly: unknown fields and anything after the object
// are mistakes, and so is what is not UTF-8.
func decode(line []byte) (Item, error) {
	if !utf8.Valid(line) {
		return Item{}, errors.New("not UTF-8: save the file as UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	var item Item
	if err := dec.Decode(&item); err != nil {
		return Item{}, fmt.Errorf("not an item: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Item{}, errors.New("more than one JSON value: write one item in each line")
	}
	return item, nil
}
