package telemetry

import (
	"cmp"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A CredentialGauge is one credential at this moment.
type CredentialGauge struct {
	ID       string // opaque: never the secret, nor a part of it
	InFlight int
	// Cooling counts the models that it cools for, the whole credential as one;
	// CoolFor is how long the last of these cooldowns still goes on.
	Cooling  int
	CoolFor  time.Duration
	Disabled bool
}

// Credentials tells the credentials there are. It is asked at every scrape, on
// the goroutine of the scrape.
type Credentials interface {
	Credentials() []CredentialGauge
}

// Connections are the upstream's connections: Opened, Reused and Replayed since
// the proxy began, whatever pools came and went, and the others at this moment.
type Connections struct {
	Opened   int64 // connections dialled
	Reused   int64 // requests over a connection used before
	Replayed int64 // requests sent again because their connection went away first
	InFlight int64 // requests whose answer has not ended
	// Streaming and Unary are connections kept for streams and for whole answers.
	Streaming, Unary int
}

// An Upstream tells its connections. It is asked at every scrape.
type Upstream interface {
	Connections() Connections
}

// WatchCredentials adds gauges of c, and WatchUpstream those of u. Each is called
// once at most.
func (m *Metrics) WatchCredentials(c Credentials) { m.registry.MustRegister(credentials{c}) }

// WatchUpstream is described at WatchCredentials.
func (m *Metrics) WatchUpstream(u Upstream) { m.registry.MustRegister(upstream{u}) }

// maxCredentials is how many credentials have a label of their own: the first by
// their ids, so that they stay the same. The others share one.
const maxCredentials = 200

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("firstbyte_proxy_"+name, help, labels, nil)
}

var (
	credentialCount    = desc("credentials", "Credentials by what they are: ready, cooling for at least one model, or disabled.", "state")
	credentialInFlight = desc("credential_in_flight", "Requests that hold the credential.", "credential")
	credentialCooling  = desc("credential_cooldowns", "Cooldowns of the credential: models, and itself as one.", "credential")
	credentialCoolFor  = desc("credential_cooldown_seconds", "How long the credential's last cooldown still goes on, 0 for none.", "credential")
	credentialDisabled = desc("credential_disabled", "Whether the credential is disabled.", "credential")
)

type credentials struct{ of Credentials }

var _ prometheus.Collector = credentials{}

// Describe implements [prometheus.Collector].
func (credentials) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{credentialCount, credentialInFlight, credentialCooling, credentialCoolFor, credentialDisabled} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c credentials) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, label string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, label)
	}
	all := c.of.Credentials()
	states := map[string]int{"ready": 0, "cooling": 0, "disabled": 0}
	for _, g := range all {
		states[g.state()]++
	}
	for state, n := range states {
		gauge(credentialCount, float64(n), state)
	}
	for _, g := range labelled(all) {
		gauge(credentialInFlight, float64(g.InFlight), g.ID)
		gauge(credentialCooling, float64(g.Cooling), g.ID)
		gauge(credentialCoolFor, max(g.CoolFor, 0).Seconds(), g.ID)
		gauge(credentialDisabled, number(g.Disabled), g.ID)
	}
}

func (g CredentialGauge) state() string {
	switch {
	case g.Disabled:
		return "disabled"
	case g.Cooling > 0:
		return "cooling"
	}
	return "ready"
}

// labelled returns what has a label: each credential of the first, each id once,
// and one for all others. That one is disabled only if all of them are.
func labelled(all []CredentialGauge) []CredentialGauge {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b CredentialGauge) int { return cmp.Compare(a.ID, b.ID) })
	all = slices.CompactFunc(all, func(a, b CredentialGauge) bool { return a.ID == b.ID })
	if len(all) <= maxCredentials {
		return all
	}
	rest := CredentialGauge{ID: other, Disabled: true}
	for _, g := range all[maxCredentials:] {
		rest.InFlight += g.InFlight
		rest.Cooling += g.Cooling
		rest.CoolFor = max(rest.CoolFor, g.CoolFor)
		rest.Disabled = rest.Disabled && g.Disabled
	}
	return append(all[:maxCredentials], rest)
}

var (
	connsOpened   = desc("upstream_connections_opened_total", "Connections dialled to the upstream.")
	connsReused   = desc("upstream_requests_reused_total", "Requests over a connection used before.")
	connsReplayed = desc("upstream_requests_replayed_total", "Requests sent again because their connection went away before the server had begun with them.")
	connsOpen     = desc("upstream_connections", "Connections kept, by their use: streams, or whole answers (unary).", "use")
	connsInFlight = desc("upstream_requests_in_flight", "Requests whose answer has not ended.")
)

type upstream struct{ of Upstream }

var _ prometheus.Collector = upstream{}

// Describe implements [prometheus.Collector].
func (upstream) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{connsOpened, connsReused, connsReplayed, connsOpen, connsInFlight} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (u upstream) Collect(ch chan<- prometheus.Metric) {
	n := u.of.Connections()
	put := func(d *prometheus.Desc, kind prometheus.ValueType, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, float64(v), labels...)
	}
	put(connsOpened, prometheus.CounterValue, n.Opened)
	put(connsReused, prometheus.CounterValue, n.Reused)
	put(connsReplayed, prometheus.CounterValue, n.Replayed)
	put(connsInFlight, prometheus.GaugeValue, n.InFlight)
	put(connsOpen, prometheus.GaugeValue, int64(n.Streaming), "stream")
	put(connsOpen, prometheus.GaugeValue, int64(n.Unary), "unary")
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
