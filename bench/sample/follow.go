package sample

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
)

// A Follower reads a run file that is still being written: by a proxy
// (CreateLive), or by a copy of its log that grows. It reads uncompressed files
// only. It takes whole lines and leaves half of one for later, so it may be
// asked at any time; between two calls it holds nothing but the file and what
// it has counted.
//
//	f, err := sample.Follow(path)
//	for {
//		samples, err := f.Next()
//		if errors.Is(err, io.EOF) {
//			break // the trailer was read, and the file is whole
//		}
//		// err: the file is damaged or was replaced; give up
//		// len(samples) == 0: nothing new, ask again later
//	}
//
// Until then the samples are evidence for a judge who may look at any time, but
// no whole run. A Follower is not safe for concurrent use.
type Follower struct {
	path    string
	file    *os.File
	lines   lines
	offset  int64 // of the next line
	header  *Header
	trailer *Trailer
	counted tally
	err     error
}

// followBatch bounds how many samples Next returns at once.
const followBatch = 4096

// Follow opens the run file at path, which must exist; it may be empty.
func Follow(path string) (*Follower, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("run file: %w", err)
	}
	return &Follower{path: path, file: file, lines: lines{digest: sha256.New()}}, nil
}

// Close closes the file.
func (f *Follower) Close() error { return f.file.Close() }

// Header returns the header, once Next has read it.
func (f *Follower) Header() (Header, bool) {
	if f.header == nil {
		return Header{}, false
	}
	return *f.header, true
}

// Trailer returns the trailer, once Next has read it and it agrees with all that
// was read before.
func (f *Follower) Trailer() (Trailer, bool) {
	if f.trailer == nil {
		return Trailer{}, false
	}
	return *f.trailer, true
}

// Samples is how many samples Next has returned so far.
func (f *Follower) Samples() int { return f.counted.samples }

// Next returns the samples that were added since, at most a few thousand, in the
// order of the file: none where nothing is new. With the last samples, or after
// them, comes [io.EOF]: the trailer was read and the file is whole. Any other
// error names the file and stays.
func (f *Follower) Next() ([]Sample, error) {
	if f.err != nil {
		return nil, f.err
	}
	samples, err := f.next()
	if err != nil && err != io.EOF {
		err = fmt.Errorf("run file %s: %w", f.path, err)
	}
	f.err = err
	return samples, err
}

func (f *Follower) next() ([]Sample, error) {
	if err := f.same(); err != nil {
		return nil, err
	}
	if _, err := f.file.Seek(f.offset, io.SeekStart); err != nil {
		return nil, err
	}
	f.lines.src = bufio.NewReaderSize(f.file, 1<<16)
	var samples []Sample
	for len(samples) < followBatch {
		line, err := f.line()
		if errors.Is(err, ErrTruncated) {
			return samples, nil // the rest of it will come
		}
		if err != nil {
			return samples, err
		}
		if samples, err = f.take(line, samples); err != nil {
			return samples, err
		}
	}
	return samples, nil
}

// same makes sure that the name still means the file that was begun: neither
// cut nor replaced.
func (f *Follower) same() error {
	now, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	begun, err := f.file.Stat()
	switch {
	case err != nil:
		return err
	case !os.SameFile(now, begun) || now.Size() < f.offset:
		return fmt.Errorf("%w: it was replaced while it was being read", ErrDamaged)
	}
	return nil
}

// line returns the next whole line and moves past it. ErrTruncated says that
// there is none yet.
func (f *Follower) line() ([]byte, error) {
	if f.offset == 0 {
		if magic, _ := f.lines.src.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
			return nil, ErrCompressed
		}
	}
	line, err := f.lines.next()
	if err != nil {
		return nil, err
	}
	f.offset += int64(len(line)) + 1
	return line, nil
}

// take reads one line and appends what it holds. The trailer gives io.EOF.
func (f *Follower) take(line []byte, samples []Sample) ([]Sample, error) {
	switch {
	case f.header == nil:
		var h Header
		if err := f.lines.header(line, &h); err != nil {
			return samples, err
		}
		f.header, f.counted = &h, newTally(&h)
		return samples, nil
	case bytes.HasPrefix(line, []byte(`{"trailer":`)):
		return samples, f.end(line)
	}
	var s Sample
	if err := f.lines.sample(line, &s); err != nil {
		return samples, err
	}
	f.counted.add(&s)
	return append(samples, s), nil
}

// end takes the trailer, after which nothing may follow.
func (f *Follower) end(line []byte) error {
	var t Trailer
	if err := f.lines.decode(line, &t); err != nil {
		return err
	}
	if err := f.lines.end(); err != nil {
		return err
	}
	if err := f.counted.check(&t, f.lines.sum()); err != nil {
		return err
	}
	f.trailer = &t
	return io.EOF
}
