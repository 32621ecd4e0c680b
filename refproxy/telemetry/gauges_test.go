package telemetry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/telemetry"
)

type pool []telemetry.CredentialGauge

func (p pool) Credentials() []telemetry.CredentialGauge { return p }

type connections telemetry.Connections

func (c connections) Connections() telemetry.Connections { return telemetry.Connections(c) }

func wants(t *testing.T, got string, lines ...string) {
	t.Helper()
	for _, want := range lines {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s in\n%s", want, got)
		}
	}
}

func TestCredentialGauges(t *testing.T) {
	m := telemetry.New()
	m.WatchCredentials(pool{
		{ID: "b", InFlight: 2, Cooling: 1, CoolFor: 90 * time.Second},
		{ID: "a", Disabled: true},
		{ID: "c", InFlight: 1, CoolFor: -time.Second},
	})
	wants(
		t, scrape(t, m),
		`firstbyte_proxy_credentials{state="ready"} 1`,
		`firstbyte_proxy_credentials{state="cooling"} 1`,
		`firstbyte_proxy_credentials{state="disabled"} 1`,
		`firstbyte_proxy_credential_in_flight{credential="b"} 2`,
		`firstbyte_proxy_credential_cooldowns{credential="b"} 1`,
		`firstbyte_proxy_credential_cooldown_seconds{credential="b"} 90`,
		`firstbyte_proxy_credential_cooldown_seconds{credential="c"} 0`,
		`firstbyte_proxy_credential_disabled{credential="a"} 1`,
	)
}

// A pool of thousands does not fill the scraper, and nothing of it is lost in
// the sums. One id twice must not fail the scrape.
func TestCredentialLabelsAreBounded(t *testing.T) {
	var many pool
	for i := range 4000 {
		many = append(many, telemetry.CredentialGauge{ID: fmt.Sprintf("c%04d", i), InFlight: 1, Disabled: i%2 == 0})
	}
	many = append(many, many[0])
	m := telemetry.New()
	m.WatchCredentials(many)
	got := scrape(t, m)
	wants(
		t, got,
		`firstbyte_proxy_credential_in_flight{credential="c0199"} 1`,
		`firstbyte_proxy_credential_in_flight{credential="other"} 3800`,
		`firstbyte_proxy_credential_disabled{credential="other"} 0`,
	)
	if n := strings.Count(got, "firstbyte_proxy_credential_in_flight{"); n != 201 {
		t.Errorf("%d credentials have a label", n)
	}
}

func TestUpstreamConnections(t *testing.T) {
	m := telemetry.New()
	m.WatchUpstream(connections{Opened: 7, Reused: 60, Replayed: 2, InFlight: 5, Streaming: 4, Unary: 1})
	wants(
		t, scrape(t, m),
		`firstbyte_proxy_upstream_connections_opened_total 7`,
		`firstbyte_proxy_upstream_requests_reused_total 60`,
		`firstbyte_proxy_upstream_requests_replayed_total 2`,
		`firstbyte_proxy_upstream_requests_in_flight 5`,
		`firstbyte_proxy_upstream_connections{use="stream"} 4`,
		`firstbyte_proxy_upstream_connections{use="unary"} 1`,
	)
}
