// Package outfile writes files that appear whole or not at all.
//
// A reader never sees half a file: the content goes to a nameless file (on
// Linux) or a temporary one beside the target and takes the target's name by
// rename. On Linux nothing is left behind even when the process is killed.
package outfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// A File is an output that does not exist under its name until Commit.
// It is not safe for concurrent use.
type File struct {
	*os.File
	path string // the final name
	temp string // the name to rename from; "" while the file has none
}

// Create opens an output that will be named path; missing folders are made.
func Create(path string) (*File, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("outfile: %w", err)
	}
	f, temp, err := open(dir, filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("outfile: %w", err)
	}
	return &File{File: f, path: path, temp: temp}, nil
}

// Commit writes the content to the disk, gives the file its name, replacing what
// stood there, and closes it. After an error the old file, if any, is untouched.
func (f *File) Commit() error {
	if err := errors.Join(f.Sync(), f.name()); err != nil {
		f.Discard()
		return fmt.Errorf("outfile: %w", err)
	}
	if err := os.Rename(f.temp, f.path); err != nil {
		f.Discard()
		return fmt.Errorf("outfile: %w", err)
	}
	f.temp = ""
	return f.Close()
}

// Discard drops the output. After Commit it does nothing.
func (f *File) Discard() {
	_ = f.Close()
	if f.temp != "" {
		_ = os.Remove(f.temp)
	}
}

// Write creates the file at path with what fill writes, or leaves things as
// they were when fill fails.
func Write(path string, fill func(io.Writer) error) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	if err := fill(f); err != nil {
		f.Discard()
		return err
	}
	return f.Commit()
}
