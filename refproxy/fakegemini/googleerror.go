package fakegemini

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/fakelimit"
)

// A status is Google's error envelope without the envelope.
type status struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Status  string `json:"status"`
	Details []any  `json:"details,omitempty"`
}

type errorInfo struct {
	Type     string            `json:"@type"`
	Reason   string            `json:"reason"`
	Domain   string            `json:"domain"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

type retryInfo struct {
	Type       string `json:"@type"`
	RetryDelay string `json:"retryDelay"`
}

type badRequest struct {
	Type            string      `json:"@type"`
	FieldViolations []violation `json:"fieldViolations"`
}

type quotaFailure struct {
	Type       string           `json:"@type"`
	Violations []quotaViolation `json:"violations"`
}

type quotaViolation struct {
	QuotaID string `json:"quotaId"`
}

type help struct {
	Type  string `json:"@type"`
	Links []link `json:"links"`
}

type link struct {
	Description string `json:"description"`
	URL         string `json:"url"`
}

const (
	typeQuotaFailure = "type.googleapis.com/google.rpc.QuotaFailure"
	typeHelp         = "type.googleapis.com/google.rpc.Help"
	typeErrorInfo    = "type.googleapis.com/google.rpc.ErrorInfo"
	typeRetryInfo    = "type.googleapis.com/google.rpc.RetryInfo"
	typeBadRequest   = "type.googleapis.com/google.rpc.BadRequest"
)

func invalid(violations []violation) status {
	return status{
		http.StatusBadRequest, refusal(violations), "INVALID_ARGUMENT",
		[]any{badRequest{typeBadRequest, violations}},
	}
}

func unauthenticated() status {
	return status{
		http.StatusUnauthorized,
		"Request is missing required authentication credential. Expected header x-goog-api-key.",
		"UNAUTHENTICATED",
		[]any{errorInfo{typeErrorInfo, "CREDENTIALS_MISSING", "googleapis.com", map[string]string{"service": "generativelanguage.googleapis.com"}}},
	}
}

func notFound(format string, args ...any) status {
	return status{Code: http.StatusNotFound, Message: fmt.Sprintf(format, args...), Status: "NOT_FOUND"}
}

func noSuchModel(model, verb string) status {
	return notFound("models/%s is not found for API version v1beta, or is not supported for %s. Call ListModels to see the list of available models and their supported methods.", model, verb)
}

func capacity(model string, details ...any) status {
	info := errorInfo{typeErrorInfo, "MODEL_CAPACITY_EXHAUSTED", "cloudcode-pa.googleapis.com", map[string]string{"model": model}}
	return status{
		http.StatusTooManyRequests,
		"No capacity available for model " + model + " on the server", "RESOURCE_EXHAUSTED",
		append([]any{info}, details...),
	}
}

func internalError() status {
	return status{Code: http.StatusInternalServerError, Message: "An internal error has occurred. Please retry.", Status: "INTERNAL"}
}

func unavailable() status {
	return status{Code: http.StatusServiceUnavailable, Message: "The service is currently unavailable.", Status: "UNAVAILABLE"}
}

func retryInfoOf(delay time.Duration) retryInfo {
	return retryInfo{typeRetryInfo, strconv.FormatFloat(delay.Seconds(), 'f', -1, 64) + "s"}
}

// errorOf returns the error that a fault answers with. ok is false for faults
// that answer with none.
func errorOf(f Fault, model string, retryDelay time.Duration) (st status, ok bool) {
	switch f {
	case FaultCapacity:
		return capacity(model), true
	case FaultCapacityRetryInfo:
		return capacity(model, retryInfoOf(retryDelay)), true
	case Fault500, FaultInjured500:
		return internalError(), true
	case Fault503, FaultErrorArray:
		return unavailable(), true
	case FaultExpired:
		return expired(), true
	}
	return status{}, false
}

// limited puts a limit's refusal into an envelope.
func limited(r *fakelimit.Refusal) status {
	return status{r.Code, r.Message, r.Status, detailsOf(r.Reason, r.Metadata, r.QuotaID, r.Help, r.RetryDelay)}
}

// detailsOf returns the details that are not empty.
func detailsOf(reason string, metadata map[string]string, quotaID, helpURL string, retryDelay time.Duration) []any {
	var details []any
	if reason != "" {
		details = append(details, errorInfo{typeErrorInfo, reason, "cloudcode-pa.googleapis.com", metadata})
	}
	if quotaID != "" {
		details = append(details, quotaFailure{typeQuotaFailure, []quotaViolation{{quotaID}}})
	}
	if helpURL != "" {
		details = append(details, help{typeHelp, []link{{"Learn more", helpURL}}})
	}
	if retryDelay > 0 {
		details = append(details, retryInfoOf(retryDelay))
	}
	return details
}

// expired is what a request is answered whose credential has ended.
func expired() status {
	return status{
		http.StatusUnauthorized, "Request had invalid authentication credentials.", "UNAUTHENTICATED",
		detailsOf("ACCESS_TOKEN_EXPIRED", nil, "", "", 0),
	}
}

// body renders the envelope.
func (st status) body() []byte { return rendered(st.envelope()) }

// arrayBody renders it as the one-element array that Google's servers answer
// with at times.
func (st status) arrayBody() []byte { return rendered([]any{st.envelope()}) }

func (st status) envelope() any { return map[string]status{"error": st} }

func rendered(value any) []byte {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		panic("fakegemini: JSON: " + err.Error()) // strings and numbers alone
	}
	return append(text, '\n')
}

const jsonType = "application/json; charset=UTF-8"

func (st status) write(w http.ResponseWriter) { st.writeBody(w, st.body()) }

func (st status) writeBody(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(st.Code)
	_, _ = w.Write(body) // a client that left needs no answer
}
