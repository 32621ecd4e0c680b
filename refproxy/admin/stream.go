package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Streams of live figures: how often they tell, and look whether the login still
// holds; how long a write may take; how long they go on while nobody can say
// whether the login holds; and how many there may be.
const (
	tellEvery   = time.Second
	tellWithin  = 10 * time.Second
	unsureFor   = 15 * time.Second
	maxWatchers = 32
)

// An sse is one event of a stream. Those of one key follow each other: one that
// says the same as the last is not sent.
type sse struct {
	key, name string
	data      any
}

func (e sse) bytes() []byte {
	data, err := json.Marshal(e.data)
	if err != nil { // a value that we made ourselves
		panic(err)
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", e.name, data)
}

// getLive streams the figures, an event a second.
func (a *Admin) getLive(w http.ResponseWriter, r *http.Request) error {
	return a.stream(w, r, func(context.Context) ([]sse, error) {
		return []sse{{"figures", "figures", a.cfg.Traffic.Figures()}}, nil
	})
}

// stream sends what tell says, now and then once a second, until the caller
// leaves, its login ends or the Admin is closed.
func (a *Admin) stream(w http.ResponseWriter, r *http.Request, tell func(context.Context) ([]sse, error)) error {
	select {
	case a.watchers <- struct{}{}:
		defer func() { <-a.watchers }()
	default:
		return fault{http.StatusServiceUnavailable, "too_many", "too many watch already"}
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{}) // the server's would end the request's context
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	last, sure := map[string][]byte{}, time.Now()
	for {
		events, err := tell(r.Context())
		if err != nil {
			a.cfg.Logger.Error("live figures failed", "error", err)
			return nil
		}
		if err := sendNew(w, rc, events, last); err != nil {
			return nil //nolint:nilerr // the caller has left
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return nil
		case <-a.stopped.Done():
			return nil
		}
		switch _, ok, err := a.caller(r); {
		case err == nil && ok:
			sure = time.Now()
		case err == nil || time.Since(sure) >= unsureFor:
			_, _ = w.Write(sse{name: "ended"}.bytes())
			return nil
		}
	}
}

// sendNew writes the events that are not in last, and keeps them there.
func sendNew(w http.ResponseWriter, rc *http.ResponseController, events []sse, last map[string][]byte) error {
	_ = rc.SetWriteDeadline(time.Now().Add(tellWithin)) // a recorder has none
	for _, e := range events {
		b := e.bytes()
		if bytes.Equal(last[e.key], b) {
			continue
		}
		last[e.key] = b
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return rc.Flush()
}
