package anthropic

import (
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// The versions of the API that we speak, as anthropic-version has them.
const (
	Version2023    = "2023-06-01"
	Version2026    = "2026-10-21"
	DefaultVersion = Version2023
)

// CheckVersion returns the API version to speak for an anthropic-version
// header: DefaultVersion if absent. An error names the accepted ones.
func CheckVersion(header string) (string, error) {
	switch header {
	case "":
		return DefaultVersion, nil
	case Version2023, Version2026:
		return header, nil
	}
	return "", chat.Invalid("anthropic-version", "%q is not supported; send %s or %s", header, Version2023, Version2026)
}

// statusOverloaded has no name in net/http.
const statusOverloaded = 529

// status returns the HTTP status and the error type for e.
func status(e *chat.Error) (int, string) {
	switch e.Kind {
	case chat.KindInvalid:
		return invalidStatus(e.Status), "invalid_request_error"
	case chat.KindAuthentication:
		return http.StatusUnauthorized, "authentication_error"
	case chat.KindBilling:
		return http.StatusPaymentRequired, "billing_error"
	case chat.KindPermission:
		return http.StatusForbidden, "permission_error"
	case chat.KindNotFound:
		return http.StatusNotFound, "not_found_error"
	case chat.KindTooLarge:
		return http.StatusRequestEntityTooLarge, "request_too_large"
	case chat.KindRateLimit:
		return http.StatusTooManyRequests, "rate_limit_error"
	case chat.KindOverloaded:
		return statusOverloaded, "overloaded_error"
	case chat.KindTimeout:
		return http.StatusGatewayTimeout, "timeout_error"
	default:
		return e.Kind.Status(), "api_error"
	}
}

// invalidStatus keeps a 4xx that says more than 400, but for those that an SDK
// would understand as something else.
func invalidStatus(source int) int {
	switch source {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return http.StatusBadRequest
	}
	if source < 400 || source > 499 {
		return http.StatusBadRequest
	}
	return source
}

// EncodeError writes a failure known before the head of the answer was sent:
// HTTP status, headers (Content-Type, Request-Id, Retry-After, X-Should-Retry)
// and body. It reads err with chat.AsError.
func EncodeError(err error, requestID string) (code int, header http.Header, body []byte) {
	e := chat.AsError(err)
	if e == nil {
		e = &chat.Error{Message: "internal error"}
	}
	code, _ = status(e)
	header = http.Header{"Content-Type": {"application/json"}}
	if requestID != "" {
		header.Set("Request-Id", requestID)
	}
	if e.RetryAfter > 0 || code == http.StatusTooManyRequests || code == statusOverloaded {
		header.Set("Retry-After", retryAfter(e.RetryAfter))
	}
	if e.Terminal {
		header.Set("X-Should-Retry", "false")
	}
	return code, header, envelope(e, requestID)
}

// retryAfter is in whole seconds, rounded up, at least 1.
func retryAfter(d time.Duration) string {
	s := (d + time.Second - 1) / time.Second
	return strconv.FormatInt(int64(max(s, 1)), 10)
}

// envelope writes the body of a failure, on one line.
func envelope(e *chat.Error, requestID string) []byte {
	type inner struct {
		Type    string         `json:"type"`
		Message string         `json:"message"`
		Details jsontext.Value `json:"details,omitzero"`
	}
	_, kind := status(e)
	body, err := marshal(struct {
		Type      string `json:"type"`
		Error     inner  `json:"error"`
		RequestID string `json:"request_id,omitzero"`
	}{"error", inner{kind, e.Message, e.Details}, requestID})
	if err != nil {
		// Only Details can be bad; the rest must still arrive.
		plain := *e
		plain.Details = nil
		return envelope(&plain, requestID)
	}
	return body
}

// bodyError puts an error of the JSON package into words, with its path.
func bodyError(err error) error {
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		out := chat.Invalid(dotted(e.JSONPointer), "%s", wrongType(e))
		out.Cause = err
		return out
	}
	out := chat.Invalid("", "the body is not valid JSON")
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		out = syntaxError(e)
	}
	out.Cause = err
	return out
}

func syntaxError(e *jsontext.SyntacticError) *chat.Error {
	if errors.Is(e, jsontext.ErrDuplicateName) {
		return chat.Invalid(dotted(e.JSONPointer), "the field is given twice")
	}
	return chat.Invalid("", "the body is not valid JSON at byte %d", e.ByteOffset)
}

func wrongType(e *json.SemanticError) string {
	got, want := jsonWord(e.JSONKind), goWord(e.GoType)
	if got == want || e.JSONKind == '0' && want == "a whole number" {
		return string(e.JSONValue) + " is not " + want + " in range"
	}
	return got + " where " + want + " is expected"
}

func jsonWord(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 'f', 't':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "something"
}

func goWord(t reflect.Type) string {
	if t == nil {
		return "something else"
	}
	if t == reflect.TypeFor[content]() {
		return "a string or an array of blocks"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return goWord(t.Elem())
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}
