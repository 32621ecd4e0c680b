package main

import (
	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/telemetry"
)

// gauge adds to the metrics what is asked of the proxy when they are scraped.
func gauge(m *telemetry.Metrics, s *server.Server, c *clock.Scaled) {
	if m != nil {
		m.WatchCredentials(credentialGauges{s.Pool(), c})
		m.WatchUpstream(connectionGauges{s})
	}
}

type credentialGauges struct {
	pool  *credential.Pool
	clock *clock.Scaled
}

// Credentials tells how each is doing.
func (g credentialGauges) Credentials() []telemetry.CredentialGauge {
	now := g.clock.Now()
	var all []telemetry.CredentialGauge
	for _, s := range g.pool.Status() {
		one := telemetry.CredentialGauge{ID: s.ID, InFlight: s.InFlight, Disabled: s.Disabled != ""}
		count := func(c credential.Cooldown) {
			if left := c.Until.Sub(now); left > 0 {
				one.Cooling++
				one.CoolFor = max(one.CoolFor, left)
			}
		}
		count(s.Cooldown)
		for _, m := range s.Models {
			count(m.Cooldown)
		}
		all = append(all, one)
	}
	return all
}

type connectionGauges struct{ s *server.Server }

// Connections tells what the upstream's connections are.
func (g connectionGauges) Connections() telemetry.Connections {
	n := g.s.Stats()
	return telemetry.Connections{
		Opened: n.Opened, Reused: n.Reused, Replayed: n.Replayed, InFlight: n.InFlight,
		Streaming: n.Streaming, Unary: n.Unary,
	}
}
