package fakelimit

import (
	"net/http"
	"strconv"
	"time"
)

// A Refusal is an answer of Google's to who may not or has had enough. Empty
// fields have no place in it.
type Refusal struct {
	Kind       string        // for counts and records, such as rate_limit
	After      time.Duration // how long the request hangs before it is answered
	Code       int           // HTTP
	Message    string
	Status     string // Google's word for the code
	Reason     string // of ErrorInfo
	Metadata   map[string]string
	QuotaID    string        // of QuotaFailure
	Help       string        // URL of Help
	RetryDelay time.Duration // of RetryInfo
}

// The kinds of refusal that a request meets when it begins.
const (
	KindCapacity   = "limit_capacity"
	KindRate       = "limit_rate"
	KindDaily      = "limit_daily"
	KindConcurrent = "limit_concurrent"
)

func exhausted(model string, after time.Duration) *Refusal {
	return &Refusal{
		Kind: KindCapacity, After: after, Code: http.StatusTooManyRequests, Status: "RESOURCE_EXHAUSTED",
		Message: "No capacity available for model " + model + " on the server",
		Reason:  "MODEL_CAPACITY_EXHAUSTED", Metadata: map[string]string{"model": model},
	}
}

func tooFast(model string, perMinute float64, wait time.Duration, tell bool) *Refusal {
	r := &Refusal{
		Kind: KindRate, Code: http.StatusTooManyRequests, Status: "RESOURCE_EXHAUSTED",
		Message: "You exceeded your current quota for requests per minute.",
		Reason:  "RATE_LIMIT_EXCEEDED", QuotaID: "GenerateRequestsPerMinutePerProjectPerModel",
		Metadata: map[string]string{
			"model": model, "quota_unit": "1/min/{project}/{model}",
			"quota_limit": "GenerateRequestsPerMinutePerProjectPerModel", "quota_limit_value": strconv.FormatFloat(perMinute, 'f', -1, 64),
		},
	}
	if tell {
		// Rounded up: whoever waits as told is to be served.
		r.RetryDelay = max(wait+time.Millisecond-1, time.Millisecond).Truncate(time.Millisecond)
	}
	return r
}

func tooMany(model string, concurrent int) *Refusal {
	return &Refusal{
		Kind: KindConcurrent, Code: http.StatusTooManyRequests, Status: "RESOURCE_EXHAUSTED",
		Message: "You exceeded your current quota for concurrent requests.",
		Reason:  "RATE_LIMIT_EXCEEDED", QuotaID: "GenerateConcurrentRequestsPerProjectPerModel",
		Metadata: map[string]string{
			"model": model, "quota_limit": "GenerateConcurrentRequestsPerProjectPerModel", "quota_limit_value": strconv.Itoa(concurrent),
		},
	}
}

func daily(model string, perDay int, end time.Time, left time.Duration) *Refusal {
	return &Refusal{
		Kind: KindDaily, Code: http.StatusTooManyRequests, Status: "RESOURCE_EXHAUSTED",
		Message: "You have exhausted your capacity on this model. Your quota will reset after " + left.Round(time.Second).String() + ".",
		Reason:  "QUOTA_EXHAUSTED", QuotaID: "GenerateRequestsPerDayPerProjectPerModel",
		Metadata: map[string]string{
			"model": model, "quota_unit": "1/d/{project}/{model}", "quota_limit_value": strconv.Itoa(perDay),
			"quotaResetTimeStamp": end.UTC().Format(time.RFC3339Nano), "quotaResetDelay": left.String(),
		},
	}
}

// DailyQuota is what a model answers whose day is used up, for who draws it.
func DailyQuota(model string, now time.Time, left time.Duration) *Refusal {
	return daily(model, 1, now.Add(left), left)
}

func invalidKey() *Refusal {
	return &Refusal{
		Kind: "key_invalid", Code: http.StatusBadRequest, Status: "INVALID_ARGUMENT",
		Message: "API key not valid. Please pass a valid API key.", Reason: "API_KEY_INVALID",
		Metadata: map[string]string{"service": "generativelanguage.googleapis.com"},
	}
}

func expiredKey() *Refusal {
	r := invalidKey()
	r.Kind, r.Message = "key_expired", "API key expired. Please renew the API key."
	return r
}

func endedToken() *Refusal {
	return &Refusal{
		Kind: "token_ended", Code: http.StatusUnauthorized, Status: "UNAUTHENTICATED", Reason: "ACCESS_TOKEN_EXPIRED",
		Message: "Request had invalid authentication credentials. Expected OAuth 2 access token.",
	}
}

func banned() *Refusal {
	return &Refusal{
		Kind: "banned", Code: http.StatusForbidden, Status: "PERMISSION_DENIED",
		Message: "This account has been disabled for violation of the Terms of Service.",
	}
}

// validationURL is long, as Google's are: it must reach people whole.
const validationURL = "https://accounts.google.com/signin/continue?sarp=1&scc=1&continue=https%3A%2F%2Fdevelopers.google.com%2Fgemini-code-assist%2Fauth%2Fauth_success_gemini&plt=simulated-verification&flowName=GlifWebSignIn&authuser"

func verification() *Refusal {
	return &Refusal{
		Kind: "verification", Code: http.StatusForbidden, Status: "PERMISSION_DENIED",
		Message: "Verify your account to continue.", Reason: "VALIDATION_REQUIRED", Help: validationURL,
		Metadata: map[string]string{
			"validation_url": validationURL, "validation_url_link_text": "Verify your account",
			"validation_error_message": "Verify your account to continue.",
		},
	}
}

func disabled() *Refusal {
	return &Refusal{
		Kind: "service_disabled", Code: http.StatusForbidden, Status: "PERMISSION_DENIED", Reason: "SERVICE_DISABLED",
		Message: "Generative Language API has not been used in this project before or it is disabled.",
	}
}
