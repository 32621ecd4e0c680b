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
	// ErrPart is a run file of one shard, which says nothing of the whole.
	ErrPart = errors.New("part of a run: put its shards together with firstbyte merge")
	// ErrCompressed is a Follower's alone.
	ErrCompressed = errors.New("compressed: only an uncompressed run file can be followed")
)

// maxLine bounds a line, and so the memory that a hostile file can claim: a
// sample has about ten bytes for each event of its answer.
const maxLine = 32 << 20

// Read reads the run file at path, compressed or not, and checks it against its
// trailer. One shard of a run is refused.
func Read(path string) (*Run, error) {
	run, err := ReadPart(path)
	if err != nil {
		return nil, err
	}
	if s := run.Header.Shard; s != nil {
		return nil, fmt.Errorf("run file %s: shard %d of %d: %w", path, s.Index, s.Of, ErrPart)
	}
	return run, nil
}

// ReadPart is Read for who puts shards together: it takes them too.
func ReadPart(path string) (*Run, error) {
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
		var s Sample
		if err := lines.sample(line, &s); err != nil {
			return nil, err
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
	counted := newTally(&run.Header)
	for i := range run.Samples {
		counted.add(&run.Samples[i])
	}
	if err := counted.check(&run.Trailer, lines.sum()); err != nil {
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
	return lines.header(line, h)
}

// header takes the first line.
func (l *lines) header(line []byte, h *Header) error {
	var named struct{ Schema string }
	if json.Unmarshal(line, &named) != nil || named.Schema == "" {
		return fmt.Errorf("%w: its first line names no schema", ErrNotRun)
	}
	if named.Schema != Schema {
		return fmt.Errorf("%w %.40q: this firstbyte reads %s, another version wrote the file", ErrSchema, named.Schema, Schema)
	}
	l.add(line)
	return l.decode(line, h)
}

// sample takes a line after the first that is no trailer.
func (l *lines) sample(line []byte, s *Sample) error {
	l.add(line)
	if err := l.decode(line, s); err != nil {
		return err
	}
	if s.Outcome == "" {
		return fmt.Errorf("%w: line %d is neither a sample nor a trailer", ErrDamaged, l.number)
	}
	return nil
}

// A tally counts what a trailer counts.
type tally struct {
	samples  int
	measured map[string]int // by arm, without warm-up
}

func newTally(h *Header) tally {
	t := tally{measured: map[string]int{}}
	for _, arm := range h.Arms {
		t.measured[arm.Name] = 0
	}
	return t
}

func (t *tally) add(s *Sample) {
	t.samples++
	if !s.Warmup {
		t.measured[s.Arm]++
	}
}

// check holds what was counted against a trailer.
func (t *tally) check(said *Trailer, digest string) error {
	switch {
	case !said.Trailer:
		return fmt.Errorf("%w: its last line is no trailer", ErrDamaged)
	case said.Digest != digest:
		return fmt.Errorf("%w: its content does not match the digest in its trailer; run it again", ErrDamaged)
	case said.Samples != t.samples:
		return fmt.Errorf("%w: %d samples, its trailer counts %d", ErrDamaged, t.samples, said.Samples)
	case !maps.Equal(t.measured, said.Measured):
		return fmt.Errorf("%w: measured requests %v, its trailer counts %v", ErrDamaged, t.measured, said.Measured)
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
