package sample

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/firstbyte-dev/firstbyte/outfile"
)

// A Run is a whole run file.
type Run struct {
	Header  Header
	Samples []Sample
	Trailer Trailer
}

// A Writer writes a run file, whole (Create) or in sight of its readers
// (CreateLive). It is not safe for concurrent use. After the first error every
// further call returns that error.
type Writer struct {
	file  output
	zip   *gzip.Writer // nil unless the name ends in .gz
	buf   *bufio.Writer
	lines encoder
}

// An output is a file that is kept or given up.
type output interface {
	io.Writer
	Commit() error
	Discard()
}

// Create begins the run file that will be named path, compressed if that ends
// in .gz. It appears under its name only when Close succeeds. The caller ends it
// with Close or Discard.
func Create(path string) (*Writer, error) {
	file, err := outfile.Create(path)
	if err != nil {
		return nil, fmt.Errorf("run file: %w", err)
	}
	return newWriter(path, file), nil
}

// CreateLive begins a run file that is there from the start, so that a Follower
// can read what Flush has passed on. Whatever ends the writer other than Close
// leaves a file without a trailer, which nobody judges as a whole run. A file
// that is there already is not touched: the error is [fs.ErrExist].
func CreateLive(path string) (*Writer, error) {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	var file *os.File
	if err == nil {
		file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("run file: %w", err)
	}
	return newWriter(path, live{file}), nil
}

// live is a file under its own name.
type live struct{ *os.File }

// Commit brings the content to the disk.
func (l live) Commit() error { return errors.Join(l.Sync(), l.Close()) }

// Discard leaves what was written.
func (l live) Discard() { _ = l.Close() } // a second time at worst

func newWriter(path string, file output) *Writer {
	w := &Writer{file: file}
	w.buf = bufio.NewWriterSize(file, 1<<16)
	if strings.HasSuffix(path, ".gz") {
		w.zip = gzip.NewWriter(file)
		w.buf.Reset(w.zip)
	}
	w.lines = newEncoder(w.buf)
	return w
}

// Header writes the first line; Schema is filled in.
func (w *Writer) Header(h Header) error { return w.lines.header(h) }

// Sample writes the next sample.
func (w *Writer) Sample(s *Sample) error { return w.lines.sample(s) }

// Flush passes on to the file all that was written so far.
func (w *Writer) Flush() error {
	err := w.lines.err
	if err == nil {
		err = w.buf.Flush()
	}
	if err == nil && w.zip != nil {
		err = w.zip.Flush()
	}
	if err != nil && w.lines.err == nil {
		w.lines.err = fmt.Errorf("run file: %w", err)
	}
	return w.lines.err
}

// Finish writes all of r and closes the file.
func (w *Writer) Finish(r *Run) error {
	if err := w.Header(r.Header); err != nil {
		return err
	}
	for i := range r.Samples {
		if err := w.Sample(&r.Samples[i]); err != nil {
			return err
		}
	}
	return w.Close(r.Trailer)
}

// Close writes the trailer and gives the file its name. The counts and the
// digest are filled in; the caller gives Slots, Stopped and Validity. After an
// error nothing is left behind of a file made by Create.
func (w *Writer) Close(t Trailer) error {
	if err := w.close(t); err != nil {
		w.Discard()
		return err
	}
	return w.file.Commit()
}

func (w *Writer) close(t Trailer) error {
	if err := w.lines.trailer(t); err != nil {
		return err
	}
	err := w.buf.Flush()
	if err == nil && w.zip != nil {
		err = w.zip.Close()
	}
	if err != nil {
		return fmt.Errorf("run file: %w", err)
	}
	return nil
}

// Discard gives the file up: nothing is left of one made by Create. After Close
// it does nothing.
func (w *Writer) Discard() { w.file.Discard() }

// Encode writes r, uncompressed, with the counts and the digest filled in.
func Encode(w io.Writer, r *Run) error {
	lines := newEncoder(w)
	if err := lines.header(r.Header); err != nil {
		return err
	}
	for i := range r.Samples {
		if err := lines.sample(&r.Samples[i]); err != nil {
			return err
		}
	}
	return lines.trailer(r.Trailer)
}

// Write creates the run file at path with all of r.
func Write(path string, r *Run) error {
	w, err := Create(path)
	if err != nil {
		return err
	}
	defer w.Discard()
	return w.Finish(r)
}

// An encoder writes the lines of a run and keeps count and digest of them.
type encoder struct {
	w        io.Writer
	digest   hash.Hash
	samples  int
	measured map[string]int
	err      error
}

var (
	errNoHeader  = errors.New("run file: the header comes first and once")
	errNoOutcome = errors.New("run file: a sample without an outcome")
)

func newEncoder(w io.Writer) encoder { return encoder{w: w, digest: sha256.New()} }

func (e *encoder) header(h Header) error {
	if e.measured != nil {
		e.err = errNoHeader
	}
	e.measured = map[string]int{}
	for _, arm := range h.Arms {
		e.measured[arm.Name] = 0
	}
	h.Schema = Schema
	return e.line(h)
}

func (e *encoder) sample(s *Sample) error {
	if e.measured == nil {
		e.err = errNoHeader
	} else if s.Outcome == "" {
		e.err = errNoOutcome
	}
	if err := e.line(s); err != nil {
		return err
	}
	e.samples++
	if !s.Warmup {
		e.measured[s.Arm]++
	}
	return nil
}

func (e *encoder) trailer(t Trailer) error {
	if e.measured == nil {
		e.err = errNoHeader
	}
	t.Trailer, t.Samples, t.Measured = true, e.samples, e.measured
	t.Digest = hex.EncodeToString(e.digest.Sum(nil))
	return e.line(t)
}

func (e *encoder) line(v any) error {
	if e.err != nil {
		return e.err
	}
	data, err := json.Marshal(v)
	if err == nil {
		data = append(data, '\n')
		e.digest.Write(data) // a hash never fails to write
		_, err = e.w.Write(data)
	}
	if err != nil {
		e.err = fmt.Errorf("run file: %w", err)
	}
	return e.err
}
