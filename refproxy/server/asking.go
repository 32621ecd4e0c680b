package server

import (
	"context"
	"io"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
)

// asking is a request of the relay's on its way upstream.
type asking struct {
	*tries
	req  chat.Request
	body []byte // encoded, nil before
}

var (
	_ relay.Upstream = (*Server)(nil)
	_ relay.Asking   = (*asking)(nil)
)

// Begin takes a request on.
func (s *Server) Begin(ctx context.Context, req chat.Request) relay.Asking {
	a := &asking{tries: s.tries(planOf(ctx), req.Model), req: req}
	a.repair = a.unsign
	return a
}

// Stream asks for a streamed answer.
func (a *asking) Stream(ctx context.Context) (body io.ReadCloser, err error) {
	encoded, err := a.encoded(ctx)
	if err != nil {
		return nil, err
	}
	err = a.try(ctx, func(v via) error {
		resp, err := a.s.backend.stream(ctx, v, a.model, encoded)
		if err == nil {
			body = resp.Body
		}
		return err
	})
	return body, err
}

// Generate asks for a whole answer.
func (a *asking) Generate(ctx context.Context) (resp chat.Response, err error) {
	encoded, err := a.encoded(ctx)
	if err != nil {
		return resp, err
	}
	err = a.try(ctx, func(v via) error {
		answer, err := a.s.backend.generate(ctx, v, a.model, encoded)
		if err != nil {
			return err
		}
		v.work.Start()
		defer v.work.Stop()
		resp, err = gemini.NewDecoder(a.req).Response(answer.body)
		return err
	})
	return resp, err
}

// encoded returns the upstream's body, which is the same for every attempt.
func (a *asking) encoded(ctx context.Context) ([]byte, error) {
	if a.body != nil {
		return a.body, nil
	}
	var err error
	a.body, err = a.s.backend.encode(ctx, &a.plan.work, a.req, a.s.backend.codec.EncodeRequest)
	return a.body, err
}

// unsign takes the signatures of thoughts out of the request: the upstream has
// refused one, and takes a request without as one of another model's making.
func (a *asking) unsign() {
	a.req = a.req.Unsigned()
	a.body = nil
}
