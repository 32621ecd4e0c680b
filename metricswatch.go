package main

import (
	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/telemetry"
)

// watchedPool tells of a proxy's credentials, by its clock.
type watchedPool struct {
	pool *credential.Pool
	now  *clock.Scaled
}

// Credentials implements [telemetry.Credentials].
func (w watchedPool) Credentials() []telemetry.CredentialGauge {
	var all []telemetry.CredentialGauge
	for _, s := range w.pool.Status() {
		g := telemetry.CredentialGauge{ID: s.ID, InFlight: s.InFlight, Disabled: s.Disabled != ""}
		cools := func(c credential.Cooldown) {
			if left := w.now.Until(c.Until); !c.Until.IsZero() && left > 0 {
				g.Cooling++
				g.CoolFor = max(g.CoolFor, left)
			}
		}
		cools(s.Cooldown)
		for _, m := range s.Models {
			cools(m.Cooldown)
		}
		all = append(all, g)
	}
	return all
}

// watchedUpstream tells of the connections to a proxy's upstream.
type watchedUpstream struct{ server *server.Server }

// Connections implements [telemetry.Upstream].
func (w watchedUpstream) Connections() telemetry.Connections {
	return telemetry.Connections(w.server.Stats())
}
