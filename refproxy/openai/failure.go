package openai

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// failure is how the API names an error.
type failure struct {
	status int
	kind   string
	code   string // empty for none
}

// name returns the API's name for e. It has no 402 and no 529.
func name(e *chat.Error) failure {
	switch e.Kind {
	case chat.KindInvalid:
		return failure{invalidStatus(e.Status), "invalid_request_error", ""}
	case chat.KindAuthentication:
		return failure{http.StatusUnauthorized, "invalid_request_error", "invalid_api_key"}
	case chat.KindBilling:
		return failure{http.StatusTooManyRequests, "insufficient_quota", "insufficient_quota"}
	case chat.KindPermission:
		return failure{http.StatusForbidden, "permission_error", ""}
	case chat.KindNotFound:
		return failure{http.StatusNotFound, "invalid_request_error", ""}
	case chat.KindTooLarge:
		return failure{http.StatusRequestEntityTooLarge, "invalid_request_error", ""}
	case chat.KindRateLimit:
		if e.Terminal {
			return failure{http.StatusTooManyRequests, "insufficient_quota", "insufficient_quota"}
		}
		return failure{http.StatusTooManyRequests, "rate_limit_error", "rate_limit_exceeded"}
	}
	return failure{e.Kind.Status(), "server_error", ""}
}

// invalidStatus keeps a 4xx that says more than 400, but for those that an SDK
// would understand as something else.
func invalidStatus(source int) int {
	switch source {
	case http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return source
	}
	return http.StatusBadRequest
}

// EncodeError writes a failure known before the head of the answer was sent:
// HTTP status, headers (Content-Type, X-Request-Id, Retry-After, X-Should-Retry)
// and body. It reads err with chat.AsError.
func EncodeError(err error, requestID string) (status int, header http.Header, body []byte) {
	e := asError(err)
	f := name(e)
	header = http.Header{"Content-Type": {"application/json"}}
	if requestID != "" {
		header.Set("X-Request-Id", requestID)
	}
	if e.RetryAfter > 0 || f.status == http.StatusTooManyRequests || f.status == http.StatusServiceUnavailable {
		seconds := (e.RetryAfter + time.Second - 1) / time.Second
		header.Set("Retry-After", strconv.FormatInt(int64(max(seconds, 1)), 10))
	}
	if e.Terminal || e.Kind == chat.KindBilling {
		header.Set("X-Should-Retry", "false")
	}
	return f.status, header, envelope(e)
}

// asError is chat.AsError of an error that is there for sure.
func asError(err error) *chat.Error {
	if e := chat.AsError(err); e != nil {
		return e
	}
	return &chat.Error{Message: "internal error"}
}

// envelope writes the body of a failure, on one line. The details are an
// extension, for what a person has to see whole, such as a URL.
func envelope(e *chat.Error) []byte {
	type inner struct {
		Message string         `json:"message"`
		Type    string         `json:"type"`
		Param   *string        `json:"param"`
		Code    *string        `json:"code"`
		Details jsontext.Value `json:"details,omitzero"`
	}
	f := name(e)
	body, err := marshal(struct {
		Error inner `json:"error"`
	}{inner{e.Message, f.kind, orNull(e.Path), orNull(f.code), e.Details}})
	if err != nil {
		// Only Details can be bad; the rest must still arrive.
		plain := *e
		plain.Details = nil
		return envelope(&plain)
	}
	return body
}

// orNull is s, or null for the empty string.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
