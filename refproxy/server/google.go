package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// google writes failures as Google's APIs do: a google.rpc.Status. It knows what
// an upstream's envelope held, if that is what failed.
type google struct{}

// googleError is a failure of the upstream's with the envelope it came in.
type googleError struct {
	err  *chat.Error
	body []byte
}

// Error returns the failure's text.
func (e *googleError) Error() string { return e.err.Error() }

// Unwrap finds the failure.
func (e *googleError) Unwrap() error { return e.err }

// rpcStatus is google.rpc.Status, as JSON has it.
type rpcStatus struct {
	Code    int               `json:"code"`
	Message string            `json:"message"`
	Status  string            `json:"status"`
	Details []json.RawMessage `json:"details,omitempty"`
}

// rpcNames are the names of canonical codes by HTTP status
// (google.rpc.Code).
var rpcNames = map[int]string{
	400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 405: "INVALID_ARGUMENT",
	413: "INVALID_ARGUMENT", 415: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL",
	502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}

// Error writes a failure known before anything was sent.
func (google) Error(err error, _ string) (int, http.Header, []byte) {
	e := chat.AsError(err)
	status := googleStatus(err, e)
	h := http.Header{"Content-Type": {"application/json; charset=UTF-8"}}
	if e.RetryAfter > 0 || status.Code == http.StatusTooManyRequests {
		h.Set("Retry-After", strconv.FormatInt(int64(max(1, (e.RetryAfter+time.Second-1)/time.Second)), 10))
	}
	return status.Code, h, status.envelope()
}

func (s rpcStatus) envelope() []byte {
	body, err := json.Marshal(map[string]rpcStatus{"error": s})
	if err != nil { // details that are no JSON
		s.Details = nil
		return s.envelope()
	}
	return body
}

// googleStatus makes a status of a failure. Of an upstream's it keeps what that
// said, for those who understand it better than we do.
func googleStatus(err error, e *chat.Error) rpcStatus {
	code := e.Kind.Status()
	if e.Status >= 400 && e.Kind != chat.KindPermission && e.Kind != chat.KindAuthentication {
		code = e.Status // the upstream's, or a more exact one of ours
	}
	s := rpcStatus{Code: code, Message: e.Message, Status: rpcNames[code]}
	if s.Status == "" {
		s.Status = "UNKNOWN"
	}
	if e.Details != nil {
		s.Details = append(s.Details, infoOf(e))
	}
	if g, ok := errors.AsType[*googleError](err); ok {
		g.keep(&s)
	}
	if e.RetryAfter > 0 && !s.hasRetryInfo() {
		s.Details = append(s.Details, json.RawMessage(fmt.Sprintf(`{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"%ss"}`,
			strconv.FormatFloat(e.RetryAfter.Seconds(), 'f', -1, 64))))
	}
	return s
}

// infoOf gives the details of a failure of ours the shape of Google's.
func infoOf(e *chat.Error) json.RawMessage {
	var d struct {
		Code string `json:"error_code"`
		URL  string `json:"validation_url"`
	}
	_ = json.Unmarshal(e.Details, &d) // ours; another shape says nothing here
	info := map[string]any{
		"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": strings.ToUpper(d.Code), "domain": "firstbyte-refproxy",
		"metadata": map[string]string{"validation_url": d.URL},
	}
	raw, err := json.Marshal(info)
	if err != nil {
		return nil // strings always marshal
	}
	return raw
}

// keep takes over from the upstream's envelope its status and its details.
func (e *googleError) keep(s *rpcStatus) {
	said, ok := readStatus(e.body)
	if !ok {
		return
	}
	if said.Status != "" && s.Code == e.err.Status {
		s.Status = said.Status
	}
	if said.Details != nil {
		s.Details = said.Details
	}
}

// readStatus reads an error's body: an object, or an array of one.
func readStatus(body []byte) (rpcStatus, bool) {
	type envelope struct {
		Error *rpcStatus `json:"error"`
	}
	var one envelope
	var list []envelope
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		one = list[0]
	} else if json.Unmarshal(body, &one) != nil {
		return rpcStatus{}, false
	}
	if one.Error == nil {
		return rpcStatus{}, false
	}
	return *one.Error, true
}

func (s rpcStatus) hasRetryInfo() bool {
	for _, raw := range s.Details {
		var d struct {
			Type string `json:"@type"`
		}
		if json.Unmarshal(raw, &d) == nil && strings.HasSuffix(d.Type, "google.rpc.RetryInfo") {
			return true
		}
	}
	return false
}
