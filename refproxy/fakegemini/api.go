package fakegemini

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"strings"

	"github.com/firstbyte-dev/firstbyte/refproxy/fakeaccount"
)

// An api is one of the three ways to the same models.
type api int

const (
	apiGemini api = iota // generativelanguage v1beta, with an API key
	apiVertex            // Vertex AI, with a bearer token
	apiAssist            // Code Assist v1internal, with a bearer token, in an envelope
)

// apiOf tells the API by the path.
func apiOf(path string) api {
	switch {
	case strings.HasPrefix(path, "/v1/projects/"):
		return apiVertex
	case strings.HasPrefix(path, "/v1internal:"), strings.HasPrefix(path, "/v1internal/"):
		return apiAssist
	}
	return apiGemini
}

// admit returns why a request must not be answered, nil if it may be.
func (a *arm) admit(r *http.Request) *status {
	bearer := apiOf(r.URL.Path) != apiGemini
	switch {
	case r.URL.Path == tokenPath:
		return nil
	case bearer:
		if refusal := a.server.account.Authorise(r.Header); refusal != nil {
			return statusOf(refusal)
		}
	case r.Header.Get("X-Goog-Api-Key") == "":
		return new(unauthenticated())
	}
	refusal := a.limits.Admit(a.credential(r), bearer)
	if refusal == nil {
		return nil
	}
	a.counts.limit(refusal.Kind)
	return new(limited(refusal))
}

// credential names who asks, as a scenario's capacity does.
func (a *arm) credential(r *http.Request) string {
	if apiOf(r.URL.Path) != apiGemini {
		return a.server.account.Owner(r.Header)
	}
	return r.Header.Get("X-Goog-Api-Key")
}

func (c call) credential() string { return c.arm.credential(c.r) }

// tokenPath is open to everybody: who asks proves it in the body.
const tokenPath = "/token"

// statusOf puts an account's refusal into this package's words.
func statusOf(f *fakeaccount.Refusal) *status {
	if f == nil {
		return nil
	}
	st := status{Code: f.Code, Message: f.Message, Status: f.Status}
	if f.Reason != "" {
		st.Details = []any{errorInfo{typeErrorInfo, f.Reason, "googleapis.com", nil}}
	}
	return &st
}

// assist serves Code Assist: what asks a model here, all else by the account.
func (a *arm) assist(w http.ResponseWriter, r *http.Request) {
	verb := strings.TrimPrefix(r.PathValue("method"), "v1internal:")
	if apiOf(r.URL.Path) != apiAssist {
		a.noRoute(w, r)
		return
	}
	c := a.call(w, r)
	c.api, c.verb = apiAssist, verb
	switch verb {
	case "generateContent", "streamGenerateContent", "countTokens":
		c.serve()
	default:
		a.server.account.ServeHTTP(w, r)
	}
}

// envelopeFields are what Code Assist wants around a request.
var envelopeFields = fields{
	"model":                filled,
	"project":              filled,
	"user_prompt_id":       kindShape(kindString),
	"enabled_credit_types": list(0, 0, filled),
}

// checkEnvelope checks a request of Code Assist and returns the inner body.
func checkEnvelope(r *reading, root node) node {
	f := maps.Clone(envelopeFields)
	f["request"] = func(r *reading, path string, n node) {
		r.form.model = textOf(root, "model")
		inner := bodyFields()
		inner["session_id"] = kindShape(kindString)
		inner.check(r, path, n)
		r.need(path, n, "contents")
		checkToolUse(r, path, n)
	}
	named(f, "model", "project", "request")(r, "", root)
	inner, _ := root.get("request")
	return inner
}

// checkEnvelopeCount checks a countTokens request of Code Assist, which counts
// contents alone.
func checkEnvelopeCount(r *reading, root node) node {
	inner := named(fields{"model": filled, "contents": checkContents}, "model", "contents")
	named(fields{"request": inner}, "request")(r, "", root)
	counted, _ := root.get("request")
	return counted
}

func textOf(n node, name string) string {
	value, _ := n.get(name)
	return value.text
}

// modelOfBody returns the model that a body of Code Assist names.
func modelOfBody(body []byte) string {
	var named struct {
		Model   string
		Request struct{ Model string }
	}
	_ = json.Unmarshal(body, &named) // what cannot be read names none
	return strings.TrimPrefix(cmp.Or(named.Model, named.Request.Model), "models/")
}

func projectOfBody(body []byte) string {
	var named struct{ Project string }
	_ = json.Unmarshal(body, &named) // as above
	return named.Project
}

// decode reads a request to generate, by the API.
func (c call) decode(body []byte) (request, []violation) {
	if c.api == apiAssist {
		return decode(c.form(), body, checkEnvelope)
	}
	return decodeGenerate(c.form(), body)
}

// decodeCount reads a request to count, by the API.
func (c call) decodeCount(body []byte) (request, []violation) {
	switch c.api {
	case apiAssist:
		return decode(c.form(), body, checkEnvelopeCount)
	case apiVertex: // a whole body, without another around it
		return decodeGenerate(c.form(), body)
	}
	return decodeCount(c.form(), body)
}

// noModel refuses a model that is not offered, in the API's words.
func (c call) noModel() status {
	if c.api == apiVertex {
		return notFound("Publisher Model `%s` was not found or your project does not have access to it.",
			strings.TrimSuffix(strings.TrimPrefix(c.r.URL.Path, "/v1/"), ":"+c.verb))
	}
	return noSuchModel(c.model, c.verb)
}

// traceOf names one answer of Code Assist; of the other APIs' it is empty.
func (x *exchange) traceOf() string {
	if x.api != apiAssist {
		return ""
	}
	return "trace-" + x.base.ResponseID
}
