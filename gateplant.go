package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/delay"
	"github.com/firstbyte-dev/firstbyte/bench/load"
)

// A plantArm is an endpoint behind a pass-through of ours that slows it down. It
// listens on loopback as long as its turn.
type plantArm struct {
	load.Standing
	share  float64
	proxy  *delay.Proxy
	server *http.Server
}

var _ load.Arm = (*plantArm)(nil)

// Start opens the pass-through.
func (a *plantArm) Start(ctx context.Context) (load.Target, error) {
	upstream, err := url.Parse(a.At.URL)
	if err != nil {
		return load.Target{}, errors.New("the plant's endpoint is no URL")
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return load.Target{}, fmt.Errorf("the plant's pass-through: %w", err)
	}
	a.proxy = delay.New(upstream, a.share)
	a.server = &http.Server{Handler: a.proxy, ReadHeaderTimeout: time.Minute}
	go func() { _ = a.server.Serve(l) }() // until Stop; a request that it does not take fails, and is recorded
	return load.Target{URL: "http://" + l.Addr().String(), Key: a.At.Key}, nil
}

// Stop closes it, with the connections that it holds.
func (a *plantArm) Stop(context.Context) error {
	if a.server == nil {
		return nil
	}
	err := a.server.Close()
	a.proxy.Rest()
	return err
}
