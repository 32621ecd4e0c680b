package dialect

import (
	"bytes"
	"fmt"
	"sync"
)

// A framing is how frames lie in a body.
type framing int

const (
	serverSent framing = iota // server-sent events, parted by blank lines (LF or CRLF)
	jsonValues                // objects: one, an array of them, or one after the other
)

// A framer finds frames and remembers which Feed, and so which Read, completed
// each. It keeps all frames: decoding waits until the stream has ended, for what
// runs between two Reads delays the stamps of other streams.
type framer struct {
	framing framing
	frames  archive
	room    *room
	buf     []byte // what no frame has closed yet
	last    []byte // the text of the last frame
	begin   int    // of the frame in progress
	line    int    // of the line in progress, server-sent
	values  valueState
	pieces  int
}

// A frame is the instant of the last byte of an event's lines, or of an object.
type frame struct {
	at    int64
	piece int // the Feed that brought it
}

// A room is what a framer needs while its stream runs: what is no frame yet, and
// the last frame. Those in flight are few beside all whose answers wait to be
// decoded.
type room [2][usualFrame]byte

const usualFrame = 1 << 10 // the length of a usual frame, and more

var rooms = sync.Pool{New: func() any { return new(room) }}

// newFramer makes room for a usual answer, so that few Feeds allocate.
func newFramer(f framing) framer {
	r := rooms.Get().(*room)
	return framer{framing: f, room: r, buf: r[0][:0], last: r[1][:0], frames: archive{packed: make([]byte, 0, 1<<10)}}
}

// feed copies p and shows look the text of each frame it completed.
func (f *framer) feed(p []byte, at int64, look func(text []byte)) {
	scan := len(f.buf)
	f.buf = append(f.buf, p...)
	f.pieces++
	closed := func(text []byte) {
		f.frames.add(frame{at: at, piece: f.pieces}, text, &f.last)
		look(text)
	}
	if f.framing == jsonValues {
		f.scanValues(scan, closed)
	} else {
		f.scanLines(scan, closed)
	}
	f.buf = append(f.buf[:0], f.buf[f.begin:]...)
	f.line -= f.begin
	f.begin = 0
}

// scanLines looks for blank lines from offset scan on.
func (f *framer) scanLines(scan int, closed func(text []byte)) {
	for {
		i := bytes.IndexByte(f.buf[scan:], '\n')
		if i < 0 {
			return
		}
		f.endLine(scan+i, closed)
		scan += i + 1
	}
}

// endLine handles the line feed at offset lf.
func (f *framer) endLine(lf int, closed func(text []byte)) {
	blank := lf == f.line || lf == f.line+1 && f.buf[f.line] == '\r'
	if blank {
		if f.line > f.begin {
			closed(f.buf[f.begin:f.line])
		}
		f.begin = lf + 1
	}
	f.line = lf + 1
}

// end says that the body ended at that instant: an event whose lines are whole
// lacks nothing then but the blank line, and clients take it. What waits to be
// decoded is held without room to grow; nothing may be fed any more.
func (f *framer) end(at int64) {
	if f.framing == serverSent && f.line == len(f.buf) && f.line > 0 {
		f.frames.add(frame{at: at, piece: f.pieces}, f.buf, &f.last)
		f.buf, f.line = f.buf[:0], 0
	}
	f.frames.packed = bytes.Clone(f.frames.packed)
	f.buf, f.last = bytes.Clone(f.buf), nil
	if f.room != nil {
		rooms.Put(f.room)
		f.room = nil
	}
}

// size is the number of bytes held.
func (f *framer) size() int { return len(f.buf) + len(f.last) + len(f.frames.packed) }

// whole reports whether nothing is left that no frame closed.
func (f *framer) whole() bool {
	if f.framing == jsonValues {
		return f.values.whole()
	}
	return len(bytes.TrimSpace(f.buf)) == 0
}

// event returns what a frame holds; ok is false when it holds no event.
func (f *framer) event(text []byte) (e event, ok bool, err error) {
	if f.framing == jsonValues {
		return event{data: text}, true, nil
	}
	return readEvent(text)
}

// An event is the content of a frame.
type event struct{ name, data []byte }

// readEvent reads the lines of a server-sent event; ok is false when they hold no
// data (comments, a name alone): that is none. A line that is no field of
// server-sent events is an error: readers must ignore it, but no API sends it.
func readEvent(text []byte) (e event, ok bool, err error) {
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "data":
			if len(e.data) > 0 {
				value = append(append(bytes.Clone(e.data), '\n'), value...)
			}
			e.data = value
		case "", "id", "retry": // the empty name is a comment
		case "event":
			e.name = value
		default:
			return event{}, false, fmt.Errorf("a line that is no server-sent event: %.40q", line)
		}
	}
	return e, len(e.data) > 0, nil
}
