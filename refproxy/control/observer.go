package control

import (
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
)

// Observer tells the panel of requests. It is safe for concurrent use.
type Observer struct{ Traffic *live.Traffic }

var _ relay.Observer = Observer{}

// Began counts a request in.
func (o Observer) Began() { o.Traffic.Began() }

// Ended counts it out and keeps it for a while.
func (o Observer) Ended(out relay.Outcome) {
	t := &out.Times
	since := func(at time.Time) time.Duration {
		if at.IsZero() {
			return 0
		}
		return at.Sub(t.Begun)
	}
	r := live.Request{
		ID: out.RequestID, Begun: t.Begun, Path: out.Path, Model: out.UpstreamModel, Stream: out.Stream,
		Outcome: live.OK, Status: out.Status,
		Asked: since(t.Asked), FirstByte: since(t.Head), FirstToken: since(t.Token), Duration: since(t.Ended),
		Assigned: map[string]live.Assignment{},
		Input:    out.Usage.Input, Cached: out.Usage.Cached, Output: out.Usage.Output,
	}
	if out.Observed != nil {
		r.Observed = out.Observed()
	}
	if r.Model == "" {
		r.Model = out.Model
	}
	if e := out.Err; e != nil {
		r.Outcome, r.Message = e.Kind.String(), e.Message
	}
	for _, a := range out.Attempts {
		r.Credential = a.Credential
		r.Attempts = append(r.Attempts, live.Attempt{
			At: a.At, Credential: a.Credential, Class: a.Class, Status: a.Status, Planned: a.Planned, Slept: a.Slept, Retried: a.Retried,
		})
	}
	for name, on := range out.Flags {
		r.Assigned[name] = live.Assignment{On: on, Unit: out.Units[name], Share: out.Shares[name]}
	}
	o.Traffic.Ended(r)
}
