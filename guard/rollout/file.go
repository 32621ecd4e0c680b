package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ErrJournal says that the journal cannot be kept: without it nothing is changed.
var ErrJournal = errors.New("journal")

// A FileJournal is a Journal in a file, a line to a record, on the disk before
// Append returns. One process at a time has it. It is not safe for concurrent use.
type FileJournal struct{ file *os.File }

var _ Journal = (*FileJournal)(nil)

// OpenJournal opens the file, which is made with its folder if need be. The error
// says that another process has it, where the system can tell.
func OpenJournal(path string) (*FileJournal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	if err := lock(file); err != nil {
		return nil, errors.Join(fmt.Errorf("%w %s: another rollout is at work with it: %w", ErrJournal, path, err), file.Close())
	}
	return &FileJournal{file}, nil
}

// Close lets another process have the journal.
func (f *FileJournal) Close() error { return f.file.Close() }

// Load reads the records. Half a line at the end is what a killed process left of
// a record that was never acknowledged: it is cut off.
func (f *FileJournal) Load() ([]Record, error) {
	data, err := io.ReadAll(io.NewSectionReader(f.file, 0, 1<<62))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	whole := data[:bytes.LastIndexByte(data, '\n')+1]
	if len(whole) < len(data) {
		if err := f.file.Truncate(int64(len(whole))); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrJournal, err)
		}
	}
	var records []Record
	for line := range bytes.Lines(whole) {
		in := json.NewDecoder(bytes.NewReader(line))
		in.DisallowUnknownFields()
		var r Record
		if err := in.Decode(&r); err != nil {
			return nil, fmt.Errorf("%w %s, line %d: %w", ErrJournal, f.file.Name(), len(records)+1, err)
		}
		records = append(records, r)
	}
	return records, nil
}

// Append writes the record in one call and waits for the disk.
func (f *FileJournal) Append(r Record) error {
	line, err := json.Marshal(r)
	if err == nil {
		_, err = f.file.Write(append(line, '\n'))
	}
	if err = errors.Join(err, f.file.Sync()); err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	return nil
}
