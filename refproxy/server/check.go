package server

import (
	"context"
	"errors"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// checkTime bounds a question that somebody waits for.
const checkTime = 15 * time.Second

// Test asks the upstream something small in the name of one credential, whatever
// is known of it, and returns what is wrong; nil is nothing. It changes nothing.
func (s *Server) Test(ctx context.Context, id string) *chat.Error {
	one, ok := s.sources.get(id)
	if !ok {
		return &chat.Error{Kind: chat.KindNotFound, Message: "there is no such credential"}
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	if one.Proof.Tokens != nil {
		if _, err := one.Proof.Tokens.Token(ctx); err != nil {
			return failure(err)
		}
	}
	if one.Account != nil {
		if _, err := one.Account.Project(ctx); err != nil {
			return failure(err)
		}
	}
	_, err := s.backend.models(ctx, via{client: one.client.Over(s.pooled()), account: one.Account})
	if err == nil || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return chat.AsError(err)
}
