package convert

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A spool keeps requests on disk until all are known, and gives them back in
// the order of their starts. In memory it holds where each lies.
type spool struct {
	file  *os.File
	buf   *bufio.Writer
	size  int64
	index []entry
}

// spooled is what the spool keeps of a request.
type spooled struct {
	Sample sample.Sample
	Pod    string
}

// An entry is where a request lies in the spool.
type entry struct {
	start, offset int64
	length        int32
}

func newSpool() (*spool, error) {
	file, err := os.CreateTemp("", "firstbyte-convert-*")
	if err != nil {
		return nil, fmt.Errorf("a place for what was read: %w", err)
	}
	return &spool{file: file, buf: bufio.NewWriterSize(file, 1<<16)}, nil
}

func (s *spool) discard() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}

func (s *spool) add(one spooled) error {
	data, err := json.Marshal(one)
	if err != nil {
		return err
	}
	if _, err := s.buf.Write(data); err != nil {
		return err
	}
	s.index = append(s.index, entry{one.Sample.IntendedNS, s.size, int32(len(data))})
	s.size += int64(len(data))
	return nil
}

// all calls do with each request in the order of their starts.
func (s *spool) all(do func(spooled) error) error {
	if err := s.buf.Flush(); err != nil {
		return err
	}
	slices.SortFunc(s.index, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.offset, b.offset))
	})
	var data []byte
	for _, p := range s.index {
		data = slices.Grow(data[:0], int(p.length))[:p.length]
		if _, err := s.file.ReadAt(data, p.offset); err != nil && err != io.EOF {
			return err
		}
		var one spooled
		if err := json.Unmarshal(data, &one); err != nil {
			return err
		}
		if err := do(one); err != nil {
			return err
		}
	}
	return nil
}
