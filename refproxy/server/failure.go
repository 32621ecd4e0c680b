package server

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/codeassist"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
	"github.com/firstbyte-dev/firstbyte/refproxy/vertex"
)

// failure classes an error of the transport, or of what makes its tokens.
func failure(err error) *chat.Error {
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*upstream.TimeoutError](err); ok {
		return &chat.Error{Kind: chat.KindTimeout, Class: chat.ClassNetwork, Message: fmt.Sprintf("the upstream did not answer in time (%s, %s)", e.Phase, e.Limit), Cause: err}
	}
	if e, ok := errors.AsType[*codeassist.StatusError](err); ok {
		out := gemini.DecodeError(e.Status, e.Header, e.Body)
		out.Message, out.Cause = e.Method+": "+out.Message, err
		return out
	}
	if e, ok := errors.AsType[*codeassist.Error](err); ok {
		return accountFailure(e)
	}
	if e, ok := errors.AsType[*vertex.Error](err); ok {
		out := credentialFailure(e.Passing, e.Message, e)
		if e.Dead {
			out.Class = chat.ClassAuth
		}
		return out
	}
	return &chat.Error{Kind: chat.KindNetwork, Class: chat.ClassNetwork, Message: "the connection to the upstream failed", Cause: err}
}

// credentialFailure is a failure to prove who we are: the operator's to mend,
// unless it passes by itself.
func credentialFailure(passing bool, message string, cause error) *chat.Error {
	if passing {
		return &chat.Error{Kind: chat.KindUpstream, Class: chat.ClassUpstream, Message: message, Cause: cause}
	}
	return &chat.Error{Kind: chat.KindPermission, Class: chat.ClassPermission, Terminal: true, Message: message, Cause: cause}
}

func accountFailure(e *codeassist.Error) *chat.Error {
	out := credentialFailure(e.Class == codeassist.Passing, e.Message, e)
	out.Reason, out.RetryAfter = e.Code, e.RetryAfter
	if e.Class == codeassist.Credential {
		out.Class = chat.ClassAuth
	}
	if e.URL == "" {
		return out
	}
	out.Class = chat.ClassVerification
	out.Details = verification(e.URL)
	return out
}

// verification is what the caller is told of an account that its owner has to
// verify: the whole address.
func verification(url string) []byte {
	details, err := json.Marshal(map[string]string{"error_code": "account_verification_required", "validation_url": url})
	if err != nil {
		return nil // two strings always marshal
	}
	return details
}
