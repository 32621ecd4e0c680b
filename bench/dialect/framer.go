package dialect

import (
	"bytes"
	"fmt"
)

// A framing is how frames lie in a body.
type framing int

const (
	serverSent framing = iota // server-sent events, parted by blank lines (LF or CRLF)
	jsonValues                // objects: one, an array of them, or one after the other
)

// A framer finds frames and remembers which Feed, and so which Read, completed
// each. It keeps all bytes: decoding waits until the stream has ended, for what
// runs between two Reads delays the stamps of other streams.
type framer struct {
	framing framing
	buf     []byte
	frames  []frame
	begin   int // of the frame in progress
	line    int // of the line in progress, server-sent
	values  valueState
	pieces  int
}

// A frame is an event's lines, or an object, with the instant of its last byte.
type frame struct {
	begin, end int
	piece      int
	at         int64
}

// newFramer makes room for a usual answer, so that few Feeds allocate.
func newFramer(f framing) framer {
	return framer{framing: f, buf: make([]byte, 0, 16<<10), frames: make([]frame, 0, 96)}
}

// feed copies p and returns the frames it completed.
func (f *framer) feed(p []byte, at int64) []frame {
	known, scan := len(f.frames), len(f.buf)
	f.buf = append(f.buf, p...)
	f.pieces++
	if f.framing == jsonValues {
		f.scanValues(scan, at)
	} else {
		f.scanLines(scan, at)
	}
	return f.frames[known:]
}

// scanLines looks for blank lines from offset scan on.
func (f *framer) scanLines(scan int, at int64) {
	for {
		i := bytes.IndexByte(f.buf[scan:], '\n')
		if i < 0 {
			return
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
			f.close(f.line, at)
		}
		f.begin = lf + 1
	}
	f.line = lf + 1
}

// close ends the frame in progress before offset end.
func (f *framer) close(end int, at int64) {
	f.frames = append(f.frames, frame{begin: f.begin, end: end, piece: f.pieces, at: at})
}

func (f *framer) text(fr frame) []byte { return f.buf[fr.begin:fr.end] }

func (f *framer) size() int { return len(f.buf) }

// whole reports whether nothing is left that no frame closed.
func (f *framer) whole() bool {
	if f.framing == jsonValues {
		return f.values.whole()
	}
	return len(bytes.TrimSpace(f.buf[f.begin:])) == 0
}

// event returns what the frame holds; ok is false when it holds no event.
func (f *framer) event(fr frame) (e event, ok bool, err error) {
	if f.framing == jsonValues {
		return event{data: f.text(fr)}, true, nil
	}
	return readEvent(f.text(fr))
}

// An event is the content of a frame.
type event struct{ name, data []byte }

// readEvent reads the lines of a server-sent event; ok is false when they hold
// none (comments, retry). A line that is no field of server-sent events is an
// error: readers must ignore it, but no API sends it.
func readEvent(text []byte) (e event, ok bool, err error) {
	several := false
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "data":
			if several {
				value = append(append(bytes.Clone(e.data), '\n'), value...)
			}
			e.data, several, ok = value, true, true
		case "", "id", "retry": // the empty name is a comment
		case "event":
			e.name, ok = value, true
		default:
			return event{}, false, fmt.Errorf("a line that is no server-sent event: %.40q", line)
		}
	}
	return e, ok, nil
}
