package fakegemini

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
)

// connKey finds a request's connection in its context.
type connKey struct{}

// withConn is an http.Server's hook.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// goawayFrame is HTTP/2's GOAWAY that promises to finish every stream: RFC 9113,
// section 6.8. Length 8, type 7, no flags, stream 0; the last stream that will be
// processed is the highest there can be; NO_ERROR.
var goawayFrame = []byte{0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0}

// dropConnection closes the request's connection under all that is on it, with
// some last bytes if it is HTTP/2. Without them the client gets a TCP reset.
func (c call) dropConnection(last []byte) {
	conn, ok := c.r.Context().Value(connKey{}).(net.Conn)
	if !ok {
		return // a test's own server: the stream alone is reset
	}
	if last != nil && c.r.ProtoMajor == 2 {
		_, _ = conn.Write(last) // what cannot be said is closed all the same
	} else if tcp, ok := rawConn(conn).(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // else the client gets an orderly end
	}
	_ = rawConn(conn).Close() // as above
}

func rawConn(c net.Conn) net.Conn {
	if secured, ok := c.(*tls.Conn); ok {
		return secured.NetConn()
	}
	return c
}

// A handshaker keeps some connections waiting in the handshake.
type handshaker struct {
	arm *arm
	n   atomic.Int64
}

// wait is a tls.Config's hook; it changes nothing of the configuration.
func (h *handshaker) wait(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	s := h.arm.server
	slow := s.config.Scenario.Faults.SlowHandshake
	if slow.Share == 0 || newDraws(s.config.Seed, "handshake", "", int(h.n.Add(1))).uniform() >= slow.Share {
		return nil, nil //nolint:nilnil // crypto/tls: go on with the configuration there is
	}
	h.arm.counts.fault("slow_handshake")
	return nil, s.config.Clock.Sleep(hello.Context(), slow.Delay)
}
