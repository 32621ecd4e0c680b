package gemini_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
)

// fault makes an error body. Each detail is one of the functions below.
func fault(code int, status, message string, details ...string) string {
	return fmt.Sprintf(`{"error":{"code":%d,"message":%q,"status":%q,"details":[%s]}}`, code, message, status, strings.Join(details, ","))
}

func info(reason, metadata string) string {
	return fmt.Sprintf(`{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":%q,"domain":"cloudcode-pa.googleapis.com","metadata":{%s}}`, reason, metadata)
}

func retryIn(delay string) string {
	return fmt.Sprintf(`{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":%q}`, delay)
}

func overQuota(id string) string {
	return fmt.Sprintf(`{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"m","quotaId":%q,"quotaValue":"50"}]}`, id)
}

const exhausted = "RESOURCE_EXHAUSTED"

// reset is the instant that some bodies below name, an hour after their Date.
var reset = time.Date(2026, 11, 26, 15, 0, 0, 0, time.UTC)

const (
	date      = "Thu, 26 Nov 2026 14:00:00 GMT"
	timeStamp = `"quotaResetTimeStamp":"2026-11-26T15:00:00Z"`
)

// refusals are bodies for the rows of the decision list, section 5.2 of the wire
// reference, that come with a status; rows 1 and 20 have none, and their tests
// are TestClassWithoutStatus.
var refusals = []struct {
	row    int
	name   string
	status int
	body   string
	kind   chat.ErrorKind
	class  chat.Class
	hint   time.Duration
	window time.Duration
	final  bool // Terminal
	reset  bool // ResetAt is told
}{
	{row: 2, name: "a signature that was tampered with", status: 400, body: fault(400, "INVALID_ARGUMENT", "Corrupted thought signature."), kind: chat.KindInvalid, class: chat.ClassSignature},
	{row: 2, name: "a call without its signature", status: 400, body: fault(400, "INVALID_ARGUMENT", "Function call is missing a thought_signature in functionCall parts."), kind: chat.KindInvalid, class: chat.ClassSignature},
	{row: 3, name: "a bad key", status: 400, body: fault(400, "INVALID_ARGUMENT", "API key not valid.", info("API_KEY_INVALID", "")), kind: chat.KindPermission, class: chat.ClassAuth},
	{row: 4, name: "too many tokens", status: 400, body: fault(400, "INVALID_ARGUMENT", "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."), kind: chat.KindInvalid, class: chat.ClassContext},
	{row: 5, name: "the wrong country", status: 400, body: fault(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), kind: chat.KindPermission, class: chat.ClassRegion},
	{row: 6, name: "a bad request", status: 400, body: fault(400, "INVALID_ARGUMENT", "Invalid value at 'contents'."), kind: chat.KindInvalid, class: chat.ClassInvalid},
	{row: 6, name: "a large one", status: 413, body: "<html>too large</html>", kind: chat.KindTooLarge, class: chat.ClassInvalid},
	{row: 6, name: "one that cannot be processed", status: 422, body: fault(422, "INVALID_ARGUMENT", "no"), kind: chat.KindInvalid, class: chat.ClassInvalid},
	{row: 7, name: "an old token", status: 401, body: fault(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."), kind: chat.KindPermission, class: chat.ClassAuth},
	{row: 8, name: "an account to be verified", status: 403, body: fault(403, "PERMISSION_DENIED", "Verify your account to continue.", info("VALIDATION_REQUIRED", `"validation_url":"https://accounts.test/verify?x=1"`)), kind: chat.KindPermission, class: chat.ClassVerification, final: true},
	{row: 9, name: "terms violated", status: 403, body: fault(403, "PERMISSION_DENIED", "This service has been disabled in this account for violation of Terms of Service."), kind: chat.KindPermission, class: chat.ClassBanned},
	{row: 9, name: "an account that was closed", status: 403, body: fault(403, "PERMISSION_DENIED", "Your account has been disabled."), kind: chat.KindPermission, class: chat.ClassBanned},
	{row: 9, name: "a consumer that was suspended", status: 403, body: fault(403, "PERMISSION_DENIED", "Permission denied.", info("CONSUMER_SUSPENDED", "")), kind: chat.KindPermission, class: chat.ClassBanned},
	{row: 10, name: "a service that is off", status: 403, body: fault(403, "PERMISSION_DENIED", "The API is off, and your account has been disabled for it.", info("SERVICE_DISABLED", "")), kind: chat.KindPermission, class: chat.ClassPermission},
	{row: 10, name: "any other refusal", status: 403, body: fault(403, "PERMISSION_DENIED", "The caller does not have permission."), kind: chat.KindPermission, class: chat.ClassPermission},
	{row: 11, name: "no such model", status: 404, body: fault(404, "NOT_FOUND", "Requested entity was not found."), kind: chat.KindNotFound, class: chat.ClassNotFound},
	{row: 12, name: "no quota at all", status: 429, body: fault(429, exhausted, "Quota exceeded for metric: m, limit: 0, model: gemini-3-pro", overQuota("GenerateRequestsPerDay"), retryIn("7s")), kind: chat.KindRateLimit, class: chat.ClassNoQuota, hint: 7 * time.Second, final: true},
	{row: 13, name: "no credit left", status: 429, body: fault(429, exhausted, "Credit is used up.", info("INSUFFICIENT_G1_CREDITS_BALANCE", "")), kind: chat.KindBilling, class: chat.ClassBilling},
	{row: 14, name: "capacity by its reason", status: 429, body: fault(429, exhausted, "No capacity available for model gemini-3-pro-preview on the server", info("MODEL_CAPACITY_EXHAUSTED", `"model":"gemini-3-pro-preview"`)), kind: chat.KindOverloaded, class: chat.ClassCapacity},
	{row: 14, name: "capacity by its other reason", status: 503, body: fault(503, "UNAVAILABLE", "Try later.", info("MODEL_CAPACITY_EXCEEDED", "")), kind: chat.KindOverloaded, class: chat.ClassCapacity},
	{row: 14, name: "capacity by its text", status: 503, body: fault(503, "UNAVAILABLE", "The model is overloaded. Please try again later."), kind: chat.KindOverloaded, class: chat.ClassCapacity},
	{row: 14, name: "capacity beside a quota per day", status: 429, body: fault(429, exhausted, "Busy.", info("MODEL_CAPACITY_EXHAUSTED", ""), overQuota("RequestsPerDay")), kind: chat.KindOverloaded, class: chat.ClassCapacity},
	{row: 15, name: "a quota per day, with a short hint for something else", status: 429, body: fault(429, exhausted, "You exceeded your current quota. Please retry in 46.1s.", overQuota("GenerateRequestsPerDayPerProjectPerModel"), retryIn("46s")), kind: chat.KindRateLimit, class: chat.ClassDaily, window: 24 * time.Hour, final: true},
	{row: 15, name: "a quota per day, with its reset", status: 429, body: fault(429, exhausted, "Quota exhausted.", info("QUOTA_EXHAUSTED", timeStamp+`,"quotaResetDelay":"13h19m1.209s"`), retryIn("46s")), kind: chat.KindRateLimit, class: chat.ClassDaily, hint: time.Hour, window: 24 * time.Hour, final: true, reset: true},
	{row: 15, name: "a quota per day, with its delay", status: 429, body: fault(429, exhausted, "Quota exhausted.", info("RATE_LIMIT_EXCEEDED", `"quota_unit":"1/d/{project}","quotaResetDelay":"13h19m1.209s"`)), kind: chat.KindRateLimit, class: chat.ClassDaily, hint: 13*time.Hour + 19*time.Minute + 1209*time.Millisecond, window: 24 * time.Hour, final: true},
	{row: 15, name: "a quota per day, by its limit", status: 429, body: fault(429, exhausted, "Quota.", info("RATE_LIMIT_EXCEEDED", `"quota_limit":"DailyRequests"`)), kind: chat.KindRateLimit, class: chat.ClassDaily, window: 24 * time.Hour, final: true},
	{row: 16, name: "a rate limit", status: 429, body: fault(429, exhausted, "Slow down.", info("RATE_LIMIT_EXCEEDED", "")), kind: chat.KindRateLimit, class: chat.ClassRate},
	{row: 16, name: "a rate limit with a hint", status: 429, body: fault(429, exhausted, "Slow down.", retryIn("46s")), kind: chat.KindRateLimit, class: chat.ClassRate, hint: 46 * time.Second},
	{row: 16, name: "a hint in words", status: 429, body: fault(429, exhausted, "Please retry in 500ms."), kind: chat.KindRateLimit, class: chat.ClassRate, hint: 500 * time.Millisecond},
	{row: 16, name: "a long hint", status: 429, body: fault(429, exhausted, "Please retry in 10h17m5.7s."), kind: chat.KindRateLimit, class: chat.ClassDaily, hint: 10*time.Hour + 17*time.Minute + 5700*time.Millisecond, final: true},
	{row: 17, name: "a quota per minute", status: 429, body: fault(429, exhausted, "Quota exceeded.", overQuota("GenerateRequestsPerMinutePerProject")), kind: chat.KindRateLimit, class: chat.ClassRate, window: time.Minute},
	{row: 18, name: "any other limit", status: 429, body: `{}`, kind: chat.KindRateLimit, class: chat.ClassRate},
	{row: 18, name: "a request that was cancelled", status: 499, body: fault(499, "CANCELLED", "The operation was cancelled."), kind: chat.KindRateLimit, class: chat.ClassRate},
	{row: 19, name: "an internal error", status: 500, body: fault(500, "INTERNAL", "An internal error has occurred."), kind: chat.KindUpstream, class: chat.ClassUpstream},
	{row: 19, name: "a bad gateway", status: 502, body: "<html>", kind: chat.KindUpstream, class: chat.ClassUpstream},
	{row: 19, name: "a service that is not available", status: 503, body: fault(503, "UNAVAILABLE", "The service is currently unavailable."), kind: chat.KindUpstream, class: chat.ClassUpstream},
	{row: 19, name: "a deadline", status: 504, body: fault(504, "DEADLINE_EXCEEDED", "Deadline expired."), kind: chat.KindTimeout, class: chat.ClassUpstream},
	{row: 19, name: "a request that was slow to come", status: 408, body: "", kind: chat.KindTimeout, class: chat.ClassUpstream},
	{row: 19, name: "a middle box that failed", status: 522, body: "", kind: chat.KindUpstream, class: chat.ClassUpstream},
	{row: 21, name: "a conflict", status: 409, body: fault(409, "ABORTED", "Conflict."), kind: chat.KindInvalid, class: chat.ClassUnknown},
	{row: 21, name: "a method that is not there", status: 501, body: fault(501, "UNIMPLEMENTED", "No."), kind: chat.KindUpstream, class: chat.ClassUnknown},
}

// TestClass: every row of the decision list, as an object and as the array of
// one object that Google's servers send at times.
func TestClass(t *testing.T) {
	rows := map[int]bool{1: true, 20: true} // of TestClassWithoutStatus
	for _, tt := range refusals {
		rows[tt.row] = true
		for form, body := range map[string]string{"object": tt.body, "array": "[" + tt.body + "]"} {
			t.Run(fmt.Sprintf("%d %s, %s", tt.row, tt.name, form), func(t *testing.T) {
				e := gemini.DecodeError(tt.status, http.Header{"Date": {date}}, []byte(body))
				want := chat.Error{Kind: tt.kind, Class: tt.class, RetryAfter: tt.hint, Window: tt.window, Terminal: tt.final}
				if tt.reset {
					want.ResetAt = reset
				}
				got := chat.Error{Kind: e.Kind, Class: e.Class, RetryAfter: e.RetryAfter, Window: e.Window, Terminal: e.Terminal, ResetAt: e.ResetAt}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
	for row := 1; row <= 21; row++ {
		if !rows[row] {
			t.Errorf("row %d has no body", row)
		}
	}
}

// TestClassInBand: an error that comes as an event of a stream has the class
// that its code gives it.
func TestClassInBand(t *testing.T) {
	for _, tt := range refusals {
		if !strings.Contains(tt.body, `"code"`) {
			continue // of a middle box, which speaks no events
		}
		_, err := chat.Collect(gemini.DecodeStream(strings.NewReader("data: " + tt.body + "\n\n")))
		if e := chat.AsError(err); e == nil || e.Class != tt.class || e.Kind != tt.kind {
			t.Errorf("%s: %v, class %v, want %v", tt.name, err, e.Class, tt.class)
		}
	}
}

// TestClassWithoutStatus: rows 1 and 20, a connection that breaks and an answer
// that is none.
func TestClassWithoutStatus(t *testing.T) {
	for name, tt := range map[string]struct {
		body  string
		class chat.Class
	}{
		"nothing":         {"", chat.ClassEmpty},
		"no finish":       {`data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}]}` + "\n\n", chat.ClassEmpty},
		"no content":      {`data: {"candidates":[{"finishReason":"STOP"}]}` + "\n\n", chat.ClassEmpty},
		"malformed":       {`data: {"candidates":[{"content"` + "\n\n", chat.ClassEmpty},
		"a call unformed": {`data: {"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]}` + "\n\n", chat.ClassEmpty},
		"no code":         {`data: {"error":{"message":"x"}}` + "\n\n", chat.ClassUpstream},
	} {
		_, err := chat.Collect(gemini.DecodeStream(strings.NewReader(tt.body)))
		if e := chat.AsError(err); e == nil || e.Class != tt.class {
			t.Errorf("%s: %v, want class %v", name, err, tt.class)
		}
	}
	_, err := chat.Collect(gemini.DecodeStream(idle{}))
	if e := chat.AsError(err); e == nil || e.Class != chat.ClassNetwork {
		t.Errorf("a connection that gives nothing: %v", err)
	}
}

// TestHints: of several hints the first one counts, in the order of section 5.1.
func TestHints(t *testing.T) {
	all := []string{info("RATE_LIMIT_EXCEEDED", timeStamp+`,"quotaResetDelay":"50s"`), retryIn("46s")}
	for _, tt := range []struct {
		name    string
		header  http.Header
		details []string
		hint    time.Duration
		reset   bool
	}{
		{"the header in seconds", http.Header{"Retry-After": {"2"}, "Date": {date}}, all, 2 * time.Second, true},
		{"the header as a date", http.Header{"Retry-After": {"Thu, 26 Nov 2026 14:00:09 GMT"}, "Date": {date}}, all, 9 * time.Second, true},
		{"the reset before its delay", http.Header{"Date": {date}}, all, time.Hour, true},
		{"the delay where nobody tells the time", nil, all, 50 * time.Second, true},
		{"the delay where the reset has passed", http.Header{"Date": {"Thu, 26 Nov 2026 16:00:00 GMT"}}, all, 50 * time.Second, true},
		{"an instant alone says itself", nil, []string{info("X", timeStamp), retryIn("46s")}, 0, true},
		{"RetryInfo before the message", nil, []string{retryIn("46s")}, 46 * time.Second, false},
		{"the message", nil, nil, 45 * time.Second, false},
		{"a negative hint is none", http.Header{"Retry-After": {"-3"}}, []string{retryIn("-46s")}, 45 * time.Second, false},
		{"what cannot be read is none", http.Header{"Retry-After": {"soon"}}, []string{info("X", `"quotaResetTimeStamp":"later"`), retryIn("later")}, 45 * time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := gemini.DecodeError(429, tt.header, []byte(fault(429, exhausted, "Please retry in 45s.", tt.details...)))
			if e.RetryAfter != tt.hint || e.ResetAt.Equal(reset) != tt.reset || e.ResetAt.IsZero() == tt.reset {
				t.Errorf("hint %v, reset %v", e.RetryAfter, e.ResetAt)
			}
		})
	}
}
