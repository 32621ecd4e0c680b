package fakegemini

import (
	"crypto/tls"
	"maps"
	"net"
	"net/http"
	"sync"

	"github.com/firstbyte-dev/firstbyte/refproxy/fakeaccount"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakelimit"
)

// Stats is what the upstream counted since it started.
type Stats struct {
	Arms    map[string]ArmStats `json:"arms"`
	Records int                 `json:"records"` // kept now
	Dropped int64               `json:"dropped"` // records lost to the bound
	AimNS   int64               `json:"aim_ns"`  // how early the timers are asked now
	Clock   string              `json:"clock"`

	Account *fakeaccount.Stats `json:"account,omitempty"` // nil if nothing was asked of it
}

// ArmStats is what one arm's listener counted.
type ArmStats struct {
	Connections int64            `json:"connections"` // accepted
	Open        int64            `json:"open"`        // of these now
	Handshakes  int64            `json:"handshakes"`  // TLS, completed or resumed
	Requests    int64            `json:"requests"`
	Refused     int64            `json:"refused"` // answered 400, 401 or 404
	InFlight    int64            `json:"in_flight"`
	ByProtocol  map[string]int64 `json:"by_protocol"` // requests per HTTP/1.1, HTTP/2.0

	Limited  map[string]int64 `json:"limited,omitempty"` // requests refused by capacity or credential, by kind
	Faults   map[string]int64 `json:"faults,omitempty"`  // faults served, by kind
	Capacity fakelimit.Stats  `json:"capacity"`

	SkippedSignatures int64 `json:"skipped_signatures,omitempty"` // calls with the literal in place of a signature
	RefusedSignatures int64 `json:"refused_signatures,omitempty"` // requests refused for a signature, missing or foreign
}

// counters guards an arm's counts.
type counters struct {
	mu    sync.Mutex
	stats ArmStats
}

func (c *counters) update(change func(*ArmStats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.stats)
}

func (c *counters) snapshot() ArmStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	stats := c.stats
	stats.ByProtocol, stats.Limited, stats.Faults = maps.Clone(stats.ByProtocol), maps.Clone(stats.Limited), maps.Clone(stats.Faults)
	return stats
}

func (c *counters) begin(protocol string) {
	c.update(func(s *ArmStats) {
		s.Requests++
		s.InFlight++
		s.ByProtocol = count(s.ByProtocol, protocol)
	})
}

func (c *counters) end() { c.update(func(s *ArmStats) { s.InFlight-- }) }

// count adds one to a map that may be nil.
func count(counts map[string]int64, key string) map[string]int64 {
	if counts == nil {
		counts = map[string]int64{}
	}
	counts[key]++
	return counts
}

// limit counts a request that the limits refuse.
func (c *counters) limit(kind string) {
	c.update(func(s *ArmStats) { s.Limited = count(s.Limited, kind) })
}

// fault counts a fault that is served.
func (c *counters) fault(kind string) {
	c.update(func(s *ArmStats) { s.Faults = count(s.Faults, kind) })
}

func (c *counters) refuse() { c.update(func(s *ArmStats) { s.Refused++ }) }

// connState is an http.Server's hook.
func (c *counters) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		c.update(func(s *ArmStats) { s.Connections++; s.Open++ })
	case http.StateClosed:
		c.update(func(s *ArmStats) { s.Open-- })
	}
}

// verifyConnection is a tls.Config's hook; it runs once per handshake, resumed
// ones included, and refuses nothing.
func (c *counters) verifyConnection(tls.ConnectionState) error {
	c.update(func(s *ArmStats) { s.Handshakes++ })
	return nil
}
