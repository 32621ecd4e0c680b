package calibrate

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// A direct stream is an answer over HTTP/1.1 without TLS. The metronome itself
// hands its events to the kernel: a goroutine of each stream, waking for each
// event, and net/http's chunks cost almost as much as the write, and a server that
// is busier than its client cannot tell how precise that is.
type direct struct {
	server *Server
	conn   net.Conn
	raw    syscall.RawConn
	truth  answer
	due    int64
	ended  chan error // one value, after the last write
}

// direct answers the request with the body, and all that follow on the connection,
// until it is closed.
func (s *Server) direct(conn net.Conn, in *bufio.Reader, body []byte) {
	defer func() { _ = conn.Close() }()                               // the client has what there was
	defer context.AfterFunc(s.beating, func() { _ = conn.Close() })() // ends reads and writes
	for {
		if err := s.answer(conn, body); err != nil {
			return // the client went away: its sample is a failure and joins nothing
		}
		// A GET ends the connection here; clients repeat it on another.
		r, err := http.ReadRequest(in)
		if err != nil || r.Method != http.MethodPost {
			return
		}
		if body, err = io.ReadAll(io.LimitReader(r.Body, maxBody)); err != nil {
			return
		}
	}
}

func (s *Server) answer(conn net.Conn, body []byte) error {
	tcp, ok := conn.(syscall.Conn)
	if !ok {
		return fmt.Errorf("calibrate: a connection of type %T has no descriptor", conn)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	d := &direct{server: s, conn: conn, raw: raw, truth: s.begin(body), ended: make(chan error, 1)}
	d.truth.FirstByte = clock.Now()
	d.due = d.truth.FirstByte + int64(s.pace.First)
	d.send(directHead+chunk(messageStart), d.next)
	select {
	case err := <-d.ended:
		return err
	case <-s.beating.Done():
		return s.beating.Err()
	}
}

// next has the metronome send what comes next.
func (d *direct) next() {
	call := d.content
	if len(d.truth.Tokens) == d.server.pace.Events {
		call = d.end
	}
	at := d.due
	d.due += int64(d.server.pace.Gap) // first: the call may run at once, and then d is its own
	d.server.beat.at(at, call)
}

func (d *direct) content() {
	d.truth.Tokens = append(d.truth.Tokens, clock.Now())
	d.send(contentChunk, d.next)
}

func (d *direct) end() {
	d.send(chunk(fmt.Sprintf(messageDelta, d.server.pace.Events)), func() {
		d.truth.End = clock.Now()
		d.send(chunk(messageStop)+lastChunk, func() {
			d.server.finished(d.truth)
			d.ended <- nil
		})
	})
}

// send hands text to the kernel, and goes on with then. Where the client does not
// read, a goroutine waits until it does: the metronome never does.
func (d *direct) send(text string, then func()) {
	n, err := writeNow(d.raw, text)
	switch {
	case err != nil:
		d.ended <- err
	case n == len(text):
		then()
	default:
		go func() {
			if _, err := io.WriteString(d.conn, text[n:]); err != nil {
				d.ended <- err
				return
			}
			then()
		}()
	}
}

const (
	directHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	lastChunk  = "0\r\n\r\n"
)

var contentChunk = chunk(contentDelta)

// chunk is one chunk of the chunked coding (RFC 9112, 7.1).
func chunk(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }
