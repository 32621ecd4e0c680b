package dialect

import (
	"bytes"
	"fmt"
)

// A framer cuts server-sent events at blank lines (LF or CRLF) and remembers
// which Feed, and so which Read, completed each. It keeps all bytes: decoding
// waits until the stream has ended, for what runs between two Reads delays the
// stamps of other streams.
type framer struct {
	buf    []byte
	frames []frame
	begin  int // of the frame in progress
	line   int // of the line in progress
	pieces int
}

// A frame is the lines before a blank line, with the instant of the blank one.
type frame struct {
	begin, end int
	piece      int
	at         int64
}

// newFramer makes room for a usual answer, so that few Feeds allocate.
func newFramer() framer {
	return framer{buf: make([]byte, 0, 16<<10), frames: make([]frame, 0, 96)}
}

// feed copies p and returns the frames it completed.
func (f *framer) feed(p []byte, at int64) []frame {
	known, scan := len(f.frames), len(f.buf)
	f.buf = append(f.buf, p...)
	f.pieces++
	for {
		i := bytes.IndexByte(f.buf[scan:], '\n')
		if i < 0 {
			return f.frames[known:]
		}
		f.endLine(scan+i, at)
		scan += i + 1
	}
}

// endLine handles the line feed at offset lf.
func (f *framer) endLine(lf int, at int64) {
	blank := lf == f.line || lf == f.line+1 && f.buf[f.line] == '\r'
	if blank {
		if f.line > f.begin {
			f.frames = append(f.frames, frame{begin: f.begin, end: f.line, piece: f.pieces, at: at})
		}
		f.begin = lf + 1
	}
	f.line = lf + 1
}

func (f *framer) text(fr frame) []byte { return f.buf[fr.begin:fr.end] }

func (f *framer) size() int { return len(f.buf) }

// rest reports whether bytes remain that no blank line closed.
func (f *framer) rest() bool { return len(bytes.TrimSpace(f.buf[f.begin:])) > 0 }

// frameData returns the joined data of a frame; ok is false when the frame
// holds no event (comments, retry). A line that is no field of server-sent
// events is an error: readers must ignore it, but no API sends it.
func frameData(text []byte) (data []byte, ok bool, err error) {
	several := false
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch string(name) {
		case "data":
			value = bytes.TrimPrefix(value, []byte(" "))
			if several {
				value = append(append(bytes.Clone(data), '\n'), value...)
			}
			data, several, ok = value, true, true
		case "", "id", "retry": // the empty name is a comment
		case "event":
			ok = true
		default:
			return nil, false, fmt.Errorf("a line that is no server-sent event: %.40q", line)
		}
	}
	return data, ok, nil
}
