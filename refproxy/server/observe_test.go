package server_test

import (
	"sync"
	"testing"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
)

// A listener keeps what an observer is told.
type listener struct {
	mu    sync.Mutex
	began int
	ended []relay.Outcome
}

func (l *listener) Began() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began++
}

func (l *listener) Ended(o relay.Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = append(l.ended, o)
}

// Every request for a message is told of, once, with its instants in order; a
// question for models is none.
func TestObserversAreTold(t *testing.T) {
	var heard listener
	cfg := config(t, simulate(t, quick))
	cfg.NoAuth, cfg.Keys = false, server.NewKeys("caller-key")
	cfg.Observers = []relay.Observer{&heard}
	p := start(t, cfg)
	call(t, "POST", p.url+"/v1/messages", body("hello", streamed), "x-api-key", "caller-key")
	call(t, "POST", p.url+"/v1/messages", body("hello", ""), "x-api-key", "caller-key")
	call(t, "POST", p.url+"/v1/messages", body("hello", streamed), "x-api-key", "wrong-key")
	call(t, "GET", p.url+"/v1/models", "", "x-api-key", "caller-key")
	p.stop()
	<-p.done
	heard.mu.Lock()
	defer heard.mu.Unlock()
	if heard.began != 3 || len(heard.ended) != 3 {
		t.Fatalf("%d began and %d ended, want 3", heard.began, len(heard.ended))
	}
	for i, o := range heard.ended[:2] {
		at := o.Times
		if o.Err != nil || o.UpstreamModel != model || o.Stream != (i == 0) || o.Usage.Output <= 0 || o.Finish.Stop != chat.StopEndTurn {
			t.Errorf("outcome %d: %+v", i, o)
		}
		for k, pair := range [][2]int64{
			{at.Begun.UnixNano(), at.Asked.UnixNano()},
			{at.Asked.UnixNano(), at.Answered.UnixNano()},
			{at.Answered.UnixNano(), at.Head.UnixNano()},
			{at.Head.UnixNano(), at.Token.UnixNano()},
			{at.Token.UnixNano(), at.Text.UnixNano()},
			{at.Text.UnixNano(), at.Last.UnixNano()},
			{at.Last.UnixNano(), at.Ended.UnixNano()},
		} {
			if pair[0] <= 0 || pair[0] > pair[1] {
				t.Errorf("outcome %d: instant %d is %d, the next one %d", i, k, pair[0], pair[1])
			}
		}
		if added, ok := at.Added(); !ok || added <= 0 || added > at.Token.Sub(at.Begun) {
			t.Errorf("outcome %d: %v was added (%v)", i, added, ok)
		}
	}
	if o := heard.ended[2]; o.Err == nil || o.Err.Kind != chat.KindAuthentication {
		t.Errorf("refused: %+v", o)
	} else if _, ok := o.Times.FirstToken(); ok {
		t.Error("a refused request has a first token")
	}
}
