package sample

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
)

// What can be wrong with a run file. Every error of Read wraps one of them or
// the system's, and is one line that says what to do.
var (
	ErrNotRun    = errors.New("not a run file")
	ErrSchema    = errors.New("unknown schema")
	ErrTruncated = errors.New("truncated: it has no trailer; run it again")
	ErrDamaged   = errors.New("damaged")
)

// maxLine bounds a line, and so the memory that a hostile file can claim: a
// sample has about ten bytes for each event of its answer.
const maxLine = 32 << 20

// Read reads the run file at path, compressed or not, and checks it against its
// trailer.
func Read(path string) (*Run, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("run file: %w", err)
	}
	defer f.Close()
	run, err := Decode(f)
	if err != nil {
		return nil, fmt.Errorf("run file %s: %w", path, err)
	}
	return run, nil
}

// Decode reads a whole run, compressed or not, and checks it against its
// trailer. Fields it does not know are passed over.
func Decode(src io.Reader) (*Run, error) {
	lines, err := newLines(src)
	if err != nil {
		return nil, err
	}
	var run Run
	if err := decodeHeader(lines, &run.Header); err != nil {
		return nil, err
	}
	for {
		line, err := lines.next()
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(line, []byte(`{"trailer":`)) {
			return decodeTrailer(lines, line, &run)
		}
		lines.add(line)
		var s Sample
		if err := lines.decode(line, &s); err != nil {
			return nil, err
		}
		if s.Outcome == "" {
			return nil, fmt.Errorf("%w: line %d is neither a sample nor a trailer", ErrDamaged, lines.number)
		}
		run.Samples = append(run.Samples, s)
	}
}

// decodeTrailer reads the last line, which the digest does not cover.
func decodeTrailer(lines *lines, line []byte, run *Run) (*Run, error) {
	if err := lines.decode(line, &run.Trailer); err != nil {
		return nil, err
	}
	if err := lines.end(); err != nil {
		return nil, err
	}
	if err := run.check(lines.sum()); err != nil {
		return nil, err
	}
	return run, nil
}

func decodeHeader(lines *lines, h *Header) error {
	line, err := lines.next()
	if lines.number == 0 && errors.Is(err, ErrTruncated) {
		return fmt.Errorf("%w: it is empty or has no line", ErrNotRun)
	}
	if err != nil {
		return err
	}
	var named struct{ Schema string }
	if json.Unmarshal(line, &named) != nil || named.Schema == "" {
		return fmt.Errorf("%w: its first line names no schema", ErrNotRun)
	}
	if named.Schema != Schema {
		return fmt.Errorf("%w %.40q: this firstbyte reads %s, another version wrote the file", ErrSchema, named.Schema, Schema)
	}
	lines.add(line)
	return lines.decode(line, h)
}

// check holds the run against its trailer.
func (run *Run) check(digest string) error {
	t := &run.Trailer
	measured := map[string]int{}
	for _, arm := range run.Header.Arms {
		measured[arm.Name] = 0
	}
	for i := range run.Samples {
		if !run.Samples[i].Warmup {
			measured[run.Samples[i].Arm]++
		}
	}
	switch {
	case !t.Trailer:
		return fmt.Errorf("%w: its last line is no trailer", ErrDamaged)
	case t.Digest != digest:
		return fmt.Errorf("%w: its content does not match the digest in its trailer; run it again", ErrDamaged)
	case t.Samples != len(run.Samples):
		return fmt.Errorf("%w: %d samples, its trailer counts %d", ErrDamaged, len(run.Samples), t.Samples)
	case !maps.Equal(measured, t.Measured):
		return fmt.Errorf("%w: measured requests %v, its trailer counts %v", ErrDamaged, measured, t.Measured)
	}
	return nil
}

// lines reads whole lines and keeps the digest of those that were added.
type lines struct {
	src    *bufio.Reader
	digest hash.Hash
	number int
}

func newLines(src io.Reader) (*lines, error) {
	l := &lines{src: bufio.NewReaderSize(src, 1<<16), digest: sha256.New()}
	magic, err := l.src.Peek(2)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		zip, err := gzip.NewReader(l.src)
		if err != nil {
			return nil, broken(err)
		}
		l.src = bufio.NewReaderSize(zip, 1<<16)
	}
	return l, nil
}

// broken translates what a cut or damaged compressed file gives.
func broken(err error) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return ErrTruncated
	case corrupt || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// next returns the next line without its end; the bytes are the caller's.
func (l *lines) next() ([]byte, error) {
	var line []byte
	for {
		part, err := l.src.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return nil, fmt.Errorf("%w: line %d is longer than %d bytes", ErrDamaged, l.number+1, maxLine)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, broken(err)
		}
	}
	l.number++
	return line[:len(line)-1], nil
}

// add takes a line, given without its end, into the digest.
func (l *lines) add(line []byte) {
	l.digest.Write(line[:len(line)+1]) // next cut the line feed off; a hash never fails to write
}

// sum is the digest of the lines added so far.
func (l *lines) sum() string { return hex.EncodeToString(l.digest.Sum(nil)) }

func (l *lines) decode(line []byte, v any) error {
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("%w: line %d: %w", ErrDamaged, l.number, err)
	}
	return nil
}

// end makes sure that nothing follows, which also checks a compressed file's
// own checksum.
func (l *lines) end() error {
	switch _, err := l.src.ReadByte(); {
	case err == nil:
		return fmt.Errorf("%w: something follows its trailer", ErrDamaged)
	case err != io.EOF:
		return broken(err)
	}
	return nil
}
