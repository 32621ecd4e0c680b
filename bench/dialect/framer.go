package dialect

import (
	"bytes"
	"fmt"
	"iter"
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
	buf     []byte  // what no frame has closed yet
	texts   archive // of the frames
	frames  []frame
	begin   int // of the frame in progress
	line    int // of the line in progress, server-sent
	values  valueState
	pieces  int
}

// A frame is the instant of the last byte of an event's lines, or of an object.
type frame struct {
	at    int64
	piece int // the Feed that brought it
}

// newFramer makes room for a usual answer, so that few Feeds allocate.
func newFramer(f framing) framer {
	const text = 1 << 10 // the length of a usual frame, and more
	room := make([]byte, 5*text)
	return framer{
		framing: f, buf: room[0:0:text], frames: make([]frame, 0, 96),
		texts: archive{last: room[text : text : 2*text], packed: room[2*text : 2*text]},
	}
}

// feed copies p and shows look the text of each frame it completed.
func (f *framer) feed(p []byte, at int64, look func(text []byte)) {
	scan := len(f.buf)
	f.buf = append(f.buf, p...)
	f.pieces++
	closed := func(text []byte) {
		f.frames = append(f.frames, frame{at: at, piece: f.pieces})
		f.texts.add(text)
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
// lacks nothing then but the blank line, and clients take it.
func (f *framer) end(at int64) {
	if f.framing == serverSent && f.line == len(f.buf) && f.line > 0 {
		f.frames = append(f.frames, frame{at: at, piece: f.pieces})
		f.texts.add(f.buf)
		f.buf, f.line = f.buf[:0], 0
	}
}

// all yields the frames with their texts, each good until the next.
func (f *framer) all() iter.Seq2[frame, []byte] {
	return func(yield func(frame, []byte) bool) {
		i := 0
		for text := range f.texts.all() {
			if !yield(f.frames[i], text) {
				return
			}
			i++
		}
	}
}

// size is the number of bytes held.
func (f *framer) size() int { return len(f.buf) + f.texts.size() }

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
