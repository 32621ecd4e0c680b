package gemini

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

const (
	// maxHint caps the wait an upstream can ask for.
	maxHint = 24 * time.Hour
	// longHint is from where on a rate limit counts as a used-up quota.
	longHint = 300 * time.Second
	// maxMessage caps what is passed on of an upstream's message.
	maxMessage = 2000
)

// failure is an upstream's error body, with its details sorted out.
type failure struct {
	httpStatus int
	header     http.Header

	code    int
	message string
	status  string // google.rpc.Code, "RESOURCE_EXHAUSTED"

	reason   string // of ErrorInfo
	metadata map[string]string
	retry    string // of RetryInfo
	quotas   []string
	help     []string // links
}

// DecodeError reads an answer whose status is not 2xx: an object, an array of
// one object, or anything else. The wait in the result is the first hint found:
// Retry-After, the quota reset of ErrorInfo, RetryInfo, the message. Points in
// time among them count from the Date header; without one a quota reset is told
// as ResetAt alone.
func DecodeError(status int, header http.Header, body []byte) *chat.Error {
	f := failure{httpStatus: status, header: header}
	f.parse(body)
	return f.classify()
}

// inBandError reads an error that came as an event of a stream.
func inBandError(raw jsontext.Value) *chat.Error {
	f := failure{httpStatus: http.StatusBadGateway}
	f.parseStatus(raw)
	if 400 <= f.code && f.code <= 599 {
		f.httpStatus = f.code
	}
	return f.classify()
}

// parse leaves f as it is if body is not an error body.
func (f *failure) parse(body []byte) {
	var one struct {
		Error jsontext.Value `json:"error"`
	}
	if trimmed := bytes.TrimLeft(body, space); len(trimmed) > 0 && trimmed[0] == '[' {
		var list []jsontext.Value
		if unmarshal(body, &list) != nil || len(list) == 0 {
			return
		}
		body = list[0]
	}
	if unmarshal(body, &one) == nil {
		f.parseStatus(one.Error)
	}
}

// parseStatus reads a google.rpc.Status as far as it has the usual types.
func (f *failure) parseStatus(raw jsontext.Value) {
	var st struct {
		Code    jsontext.Value   `json:"code"`
		Message jsontext.Value   `json:"message"`
		Status  jsontext.Value   `json:"status"`
		Details []jsontext.Value `json:"details"`
	}
	if unmarshal(raw, &st) != nil {
		f.message = lenient[string](raw) // some middle boxes send a string
		return
	}
	f.code = lenient[int](st.Code)
	f.message = lenient[string](st.Message)
	f.status = lenient[string](st.Status)
	for _, d := range st.Details {
		f.parseDetail(d)
	}
}

// lenient reads a T, or its zero value from something else.
func lenient[T any](raw jsontext.Value) T {
	var v T
	if len(raw) == 0 || unmarshal(raw, &v) != nil {
		var zero T
		return zero
	}
	return v
}

func (f *failure) parseDetail(raw jsontext.Value) {
	d := lenient[struct {
		Type       string            `json:"@type"`
		Reason     string            `json:"reason"`
		Metadata   map[string]string `json:"metadata"`
		RetryDelay string            `json:"retryDelay"`
		Violations []struct {
			QuotaID string `json:"quotaId"`
		} `json:"violations"`
		Links []struct {
			URL string `json:"url"`
		} `json:"links"`
	}](raw)
	switch {
	case strings.HasSuffix(d.Type, ".ErrorInfo"):
		f.reason, f.metadata = d.Reason, d.Metadata
	case strings.HasSuffix(d.Type, ".RetryInfo"):
		f.retry = d.RetryDelay
	case strings.HasSuffix(d.Type, ".QuotaFailure"):
		for _, v := range d.Violations {
			f.quotas = append(f.quotas, v.QuotaID)
		}
	case strings.HasSuffix(d.Type, ".Help"):
		for _, l := range d.Links {
			f.help = append(f.help, l.URL)
		}
	}
}

// classify follows the decision list of the wire reference, section 5.2.
func (f *failure) classify() *chat.Error {
	e := &chat.Error{
		Status:     f.httpStatus,
		Message:    f.publicMessage(),
		Reason:     f.anyReason(),
		RetryAfter: f.wait(),
		ResetAt:    f.resetAt(),
	}
	switch f.httpStatus {
	case http.StatusBadRequest:
		f.classifyBadRequest(e)
	case http.StatusUnauthorized:
		refusedCredential(e)
	case http.StatusPaymentRequired:
		e.Kind, e.Class = chat.KindBilling, chat.ClassBilling
	case http.StatusForbidden:
		f.classifyForbidden(e)
	case http.StatusNotFound:
		e.Kind, e.Class = chat.KindNotFound, chat.ClassNotFound
	case http.StatusRequestEntityTooLarge:
		e.Kind, e.Class = chat.KindTooLarge, chat.ClassInvalid
	case http.StatusUnprocessableEntity:
		e.Kind, e.Class = chat.KindInvalid, chat.ClassInvalid
	case http.StatusTooManyRequests, 499:
		f.classifyLimit(e)
	default:
		f.classifyFailing(e)
	}
	return e
}

// refusedCredential is a key or a token that the upstream does not take.
func refusedCredential(e *chat.Error) {
	e.Kind, e.Class = chat.KindPermission, chat.ClassAuth
	e.Message = "the upstream refused the proxy's credential: " + e.Message
}

func (f *failure) classifyBadRequest(e *chat.Error) {
	low := strings.ToLower(f.message)
	e.Kind, e.Class = chat.KindInvalid, chat.ClassInvalid
	switch {
	case containsAny(low, "thought signature", "thought_signature", "thoughtsignature"):
		e.Class = chat.ClassSignature
	case f.reason == "API_KEY_INVALID":
		refusedCredential(e)
	case strings.Contains(low, "token") && containsAny(low, "exceeds the maximum", "limit exceeded"):
		e.Class = chat.ClassContext
		e.Message = "prompt is too long: " + e.Message
	case f.status == "FAILED_PRECONDITION" && strings.Contains(low, "location"):
		e.Kind, e.Class = chat.KindPermission, chat.ClassRegion
	}
}

func (f *failure) classifyForbidden(e *chat.Error) {
	e.Kind, e.Class = chat.KindPermission, chat.ClassPermission
	switch {
	case f.reason == "VALIDATION_REQUIRED":
		e.Class, e.Terminal = chat.ClassVerification, true
		f.tellWhereToVerify(e)
	case f.banned():
		e.Class = chat.ClassBanned
	}
}

// tellWhereToVerify passes on the whole address at which a person can help.
func (f *failure) tellWhereToVerify(e *chat.Error) {
	url := cmp.Or(f.metadata["validation_url"], f.metadata["validation_link"])
	if url == "" && len(f.help) > 0 {
		url = f.help[0]
	}
	details, err := marshal(struct {
		Code string `json:"error_code"`
		URL  string `json:"validation_url,omitzero"`
	}{"account_verification_required", url})
	if err == nil { // two strings always marshal
		e.Details = details
	}
}

// banned reports an account that was closed. A project whose service is only
// switched off is none, whatever the words are.
func (f *failure) banned() bool {
	if f.reason == "SERVICE_DISABLED" {
		return false
	}
	low := strings.ToLower(f.message)
	return f.reason == "CONSUMER_SUSPENDED" || f.reason == "ACCOUNT_DISABLED" ||
		strings.Contains(low, "violat") && strings.Contains(low, "terms of service") ||
		containsAny(low, "account has been disabled", "account is disabled", "account has been suspended", "account is suspended")
}

func (f *failure) classifyLimit(e *chat.Error) {
	e.Kind, e.Class = chat.KindRateLimit, chat.ClassRate
	switch {
	case strings.Contains(f.message, "limit: 0"):
		e.Class, e.Terminal = chat.ClassNoQuota, true
	case f.reason == "INSUFFICIENT_G1_CREDITS_BALANCE":
		e.Kind, e.Class = chat.KindBilling, chat.ClassBilling
	case f.noCapacity():
		e.Kind, e.Class = chat.KindOverloaded, chat.ClassCapacity
	case f.daily():
		e.Class, e.Terminal, e.Window = chat.ClassDaily, true, 24*time.Hour
		e.RetryAfter = f.quotaReset()
	case e.RetryAfter > longHint:
		e.Class, e.Terminal = chat.ClassDaily, true
	case f.perMinute():
		e.Window = time.Minute
	}
}

// classifyFailing is for the statuses of a failing upstream, and for what
// nothing is known of.
func (f *failure) classifyFailing(e *chat.Error) {
	s := f.httpStatus
	e.Kind = chat.KindUpstream
	switch {
	case s == http.StatusServiceUnavailable && f.noCapacity():
		e.Kind, e.Class = chat.KindOverloaded, chat.ClassCapacity
	case s == http.StatusRequestTimeout || s == http.StatusGatewayTimeout:
		e.Kind, e.Class = chat.KindTimeout, chat.ClassUpstream
	case s == http.StatusInternalServerError || s == http.StatusBadGateway || s == http.StatusServiceUnavailable || 520 <= s && s <= 599:
		e.Class = chat.ClassUpstream
	case 400 <= s && s < 500:
		e.Kind = chat.KindInvalid
	}
}

func containsAny(s string, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
}

func (f *failure) noCapacity() bool {
	if f.reason == "MODEL_CAPACITY_EXHAUSTED" || f.reason == "MODEL_CAPACITY_EXCEEDED" {
		return true
	}
	return containsAny(strings.ToLower(f.message), "no capacity available", "model is overloaded")
}

// daily reports a quota per day. A short hint beside it speaks of something
// else.
func (f *failure) daily() bool {
	return f.reason == "QUOTA_EXHAUSTED" || strings.Contains(f.metadata["quota_unit"], "/d/") ||
		f.quota("PerDay", "Daily")
}

func (f *failure) perMinute() bool {
	return strings.Contains(f.metadata["quota_unit"], "/min/") || f.quota("PerMinute")
}

// quota reports whether the name of a quota that was exceeded holds one of words.
func (f *failure) quota(words ...string) bool {
	return slices.ContainsFunc(append(slices.Clone(f.quotas), f.metadata["quota_limit"]), func(name string) bool {
		return containsAny(name, words...)
	})
}

func (f *failure) anyReason() string {
	if f.reason != "" {
		return f.reason
	}
	return f.status
}

func (f *failure) publicMessage() string {
	msg := strings.TrimSpace(f.message)
	if msg == "" {
		msg = strings.TrimSpace(fmt.Sprintf("the upstream answered %d %s", f.httpStatus, http.StatusText(f.httpStatus)))
	}
	if len(msg) > maxMessage {
		msg = strings.ToValidUTF8(msg[:maxMessage], "") + "..."
	}
	return msg
}

// wait returns the first hint, 0 for none, or where the first one is an instant
// of which resetAt alone tells.
func (f *failure) wait() time.Duration {
	if d := f.retryAfter(); d > 0 {
		return d
	}
	if d := f.quotaReset(); d > 0 {
		return d
	}
	if !f.resetAt().IsZero() && f.now().IsZero() {
		return 0
	}
	if d := parseWait(f.retry); d > 0 {
		return d
	}
	_, after, _ := strings.Cut(f.message, "retry in ")
	word, _, _ := strings.Cut(after, " ")
	return parseWait(strings.TrimRight(word, ".,;"))
}

func (f *failure) retryAfter() time.Duration {
	v := strings.TrimSpace(f.header.Get("Retry-After"))
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		return seconds(s)
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return f.until(at)
}

func (f *failure) quotaReset() time.Duration {
	if at := f.resetAt(); !at.IsZero() {
		if d := f.until(at); d > 0 {
			return d
		}
	}
	return parseWait(f.metadata["quotaResetDelay"])
}

// resetAt is when the quota is reset, if the upstream named an instant.
func (f *failure) resetAt() time.Time {
	at, err := time.Parse(time.RFC3339, f.metadata["quotaResetTimeStamp"])
	if err != nil {
		return time.Time{}
	}
	return at
}

// until counts from the upstream's own clock.
func (f *failure) until(at time.Time) time.Duration {
	now := f.now()
	if now.IsZero() {
		return 0
	}
	return bound(at.Sub(now))
}

// now is what the upstream took the time to be, zero if it did not say.
func (f *failure) now() time.Time {
	now, err := http.ParseTime(f.header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return now
}

func parseWait(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0
	}
	return bound(d)
}

func seconds(s float64) time.Duration {
	// Compared as floats: a huge or not a number would not convert.
	if !(s > 0) {
		return 0
	}
	return time.Duration(min(s, maxHint.Seconds()) * float64(time.Second))
}

func bound(d time.Duration) time.Duration { return min(max(d, 0), maxHint) }
