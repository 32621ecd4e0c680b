package upstream_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// place is one address of an upstream that has two. It answers with its name;
// a stream of the model "long" begins with that, and ends once it is released.
type place struct {
	name    string
	open    atomic.Int64 // connections
	release chan struct{}
}

func (p *place) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, p.name)
	if !strings.Contains(r.URL.Path, "long") {
		return
	}
	_ = http.NewResponseController(w).Flush()
	<-p.release
	fmt.Fprint(w, " to the end")
}

func (p *place) serve(t *testing.T, l net.Listener) {
	s := &http.Server{Handler: p, Protocols: new(http.Protocols)}
	s.Protocols.SetUnencryptedHTTP2(true)
	s.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			p.open.Add(1)
		case http.StateClosed:
			p.open.Add(-1)
		}
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
}

// twoAddresses listens on one port of two addresses of this machine.
func twoAddresses(t *testing.T) (one, other net.Listener, port string) {
	t.Helper()
	for range 20 {
		one, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ = net.SplitHostPort(one.Addr().String())
		if other, err = net.Listen("tcp", net.JoinHostPort("127.0.0.2", port)); err == nil {
			return one, other, port
		}
		_ = one.Close()
		if !strings.Contains(err.Error(), "in use") {
			t.Skipf("this machine has no second loopback address: %v", err)
		}
	}
	t.Fatal("no port is free on both addresses")
	return nil, nil, ""
}

// TestFollowsItsNameToAnotherAddress: once the upstream's name points elsewhere,
// requests go there within a connection's age, and what runs at the old address
// comes to its end.
func TestFollowsItsNameToAnotherAddress(t *testing.T) {
	one, other, port := twoAddresses(t)
	before, after := &place{name: "before", release: make(chan struct{})}, &place{name: "after"}
	before.serve(t, one)
	after.serve(t, other)
	var address atomic.Value
	address.Store("127.0.0.1")
	dial := func(ctx context.Context, network, asked string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(asked)
		if err != nil || host != "upstream.test" {
			return nil, fmt.Errorf("dialled %q, want the upstream's name", asked)
		}
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(address.Load().(string), port))
	}
	c, err := upstream.New(upstream.Config{
		BaseURL: "http://upstream.test:" + port, H2C: true, Pooled: true, Conns: 1, MaxAge: 50 * time.Millisecond, DialContext: dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if got := ask(t, c); got != "before" {
		t.Fatalf("asked %s", got)
	}
	long, err := c.Stream(t.Context(), "long", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer long.Body.Close()
	address.Store("127.0.0.2")
	eventually(t, "the new address alone is asked", func() bool {
		for range 20 {
			if ask(t, c) != "after" {
				return false
			}
		}
		return true
	})
	eventually(t, "only the stream's connection is left at the old address", func() bool { return before.open.Load() == 1 })
	close(before.release)
	if text, err := io.ReadAll(long.Body); string(text) != "before to the end" || err != nil {
		t.Errorf("the stream at the old address: %q, %v", text, err)
	}
	_ = long.Body.Close()
	eventually(t, "the old address is left", func() bool { return before.open.Load() == 0 })
}
