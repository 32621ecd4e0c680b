package fakegemini

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakelimit"
)

// maxBody is the largest request body read, in bytes.
const maxBody = 32 << 20

// An arm is one path into the upstream, with its own injuries and counts.
type arm struct {
	server   *Server
	name     string
	injuries []Injury
	items    *tally // occurrences of requests without a tag
	nonces   *tally // attempts of requests with one
	steps    *tally // attempts of a script's steps
	limits   *fakelimit.Limiter
	counts   counters
}

func newArm(s *Server, name string, began time.Time) *arm {
	return &arm{
		server: s, name: name, injuries: s.config.Injuries[name],
		items: newTally(s.config.Keep), nonces: newTally(s.config.Keep),
		steps:  newTally(s.config.Keep),
		limits: fakelimit.New(s.config.Scenario.Capacity, s.config.Seed, s.config.Clock, began),
	}
}

// handler routes. ServeMux wildcards fill a whole segment, so that model and
// verb come together and are parted at the last colon.
func (a *arm) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1beta/models", a.listModels)
	mux.HandleFunc("GET /v1beta/models/{model}", a.getModel)
	mux.HandleFunc("POST /v1beta/models/{call}", a.post)
	mux.HandleFunc("POST /v1/projects/{project}/locations/{location}/publishers/google/models/{call}", a.post)
	mux.HandleFunc("POST /{method}", a.assist)
	mux.Handle("GET /v1internal/operations/{name}", a.server.account)
	mux.Handle("POST "+tokenPath, a.server.account)
	mux.HandleFunc("/", a.noRoute)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.counts.begin(r.Proto)
		defer a.counts.end()
		if refusal := a.admit(r); refusal != nil {
			a.refuse(w, *refusal)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (a *arm) noRoute(w http.ResponseWriter, r *http.Request) {
	a.refuse(w, notFound("The requested URL %s %s was not found on this server.", r.Method, r.URL.Path))
}

func (a *arm) refuse(w http.ResponseWriter, st status) {
	a.counts.refuse()
	st.write(w)
}

// call begins a call: it has arrived now.
func (a *arm) call(w http.ResponseWriter, r *http.Request) call {
	return call{arm: a, w: w, r: r, arrival: clock.Now()}
}

func (a *arm) post(w http.ResponseWriter, r *http.Request) {
	c := a.call(w, r)
	c.api = apiOf(r.URL.Path)
	c.model, c.verb = cutVerb(r.PathValue("call"))
	if c.offered() {
		c.serve()
	}
}

// offered refuses a model that is not.
func (c call) offered() bool {
	_, known := c.arm.server.models[c.model]
	known = known && c.arm.limits.Offers(c.credential(), c.model)
	if !known {
		c.arm.refuse(c.w, c.noModel())
	}
	return known
}

func (c call) serve() {
	switch c.verb {
	case "generateContent":
		c.generate()
	case "streamGenerateContent":
		c.stream()
	case "countTokens":
		c.countTokens()
	default:
		c.arm.refuse(c.w, noSuchModel(c.model, cmp.Or(c.verb, "POST without a method")))
	}
}

func cutVerb(call string) (model, verb string) {
	if colon := strings.LastIndexByte(call, ':'); colon >= 0 {
		return call[:colon], call[colon+1:]
	}
	return call, ""
}

// A call is one POST under way.
type call struct {
	arm     *arm
	w       http.ResponseWriter
	r       *http.Request
	arrival int64
	api     api
	model   string // of Code Assist's the body names it
	verb    string
}

func (c call) generate() {
	if x, ok := c.prepare(); ok {
		defer x.release()
		x.answerWhole()
	}
}

func (c call) stream() {
	var f framing
	switch alt := c.r.URL.Query().Get("alt"); {
	case alt == "sse" && c.arm.server.config.Scenario.Output.CRLF:
		f = sseCRLF
	case alt == "sse":
		f = sseLF
	case alt == "" || alt == "json":
		f = jsonArray
	default:
		c.arm.refuse(c.w, invalid([]violation{{"alt", "Invalid value at 'alt': " + alt + ", must be sse or json."}}))
		return
	}
	if x, ok := c.prepare(); ok {
		defer x.release()
		x.answerStream(f)
	}
}

func (c call) countTokens() {
	body, ok := c.read()
	if !ok {
		return
	}
	req, violations := c.decodeCount(body)
	if len(violations) > 0 {
		c.arm.refuse(c.w, invalid(violations))
		return
	}
	writeJSON(c.w, map[string]int{"totalTokens": req.promptTokens})
}

// read returns the body, and for Code Assist takes the model out of it.
func (c *call) read() ([]byte, bool) {
	body, ok := c.body()
	if !ok {
		return nil, false
	}
	if c.api == apiAssist {
		c.model = modelOfBody(body)
	}
	c.keep(body)
	if c.api == apiAssist && c.model != "" { // without one the body is refused for that
		return body, c.offered()
	}
	return body, true
}

// charged refuses a request of Code Assist that is charged to another project.
func (c call) charged(body []byte) bool {
	if c.api != apiAssist {
		return true
	}
	refusal := statusOf(c.arm.server.account.CheckProject(projectOfBody(body)))
	if refusal != nil {
		c.arm.refuse(c.w, *refusal)
	}
	return refusal == nil
}

// prepare decides all of an answer. When ok is false the request was refused.
func (c call) prepare() (x *exchange, ok bool) {
	body, ok := c.read()
	if !ok {
		return nil, false
	}
	req, violations := c.decode(body)
	if len(violations) > 0 {
		c.arm.refuse(c.w, invalid(violations))
		return nil, false
	}
	if !c.charged(body) || !c.checkSeals(req.seals) {
		return nil, false
	}
	x = newExchange(c, req, c.arm.identify(req))
	x.occupy()
	return x, true
}

func (c call) form() form { return form{model: c.model, vertex: c.api == apiVertex} }

// identify names what chooses the answer.
func (a *arm) identify(req request) key {
	if req.tagged {
		return key{req.tag.item, req.tag.occ, a.nonces.next(req.tag.nonce)}
	}
	item := itemOf(req.contents)
	return key{item: item, occ: a.items.next(item)}
}

func (c call) body() ([]byte, bool) {
	kind, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";")
	if strings.TrimSpace(kind) != "application/json" {
		c.arm.refuse(c.w, invalid([]violation{{"Content-Type", "Content-Type must be application/json, is " + kind + "."}}))
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	if err == nil {
		return body, true
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		c.arm.refuse(c.w, invalid([]violation{{"", "Request payload size exceeds the limit: 33554432 bytes."}}))
	}
	return nil, false // else the client left in the middle of its body
}

type modelInfo struct {
	Name        string   `json:"name"`
	BaseModelID string   `json:"baseModelId"`
	Version     string   `json:"version"`
	DisplayName string   `json:"displayName"`
	Description string   `json:"description"`
	InputLimit  int      `json:"inputTokenLimit"`
	OutputLimit int      `json:"outputTokenLimit"`
	Methods     []string `json:"supportedGenerationMethods"`
}

func modelOf(name string) modelInfo {
	return modelInfo{
		Name: "models/" + name, BaseModelID: name, Version: "001", DisplayName: name,
		Description: "Simulated by firstbyte.", InputLimit: 1048576, OutputLimit: 65536,
		Methods: []string{"generateContent", "countTokens"},
	}
}

func (a *arm) listModels(w http.ResponseWriter, _ *http.Request) {
	var list struct {
		Models []modelInfo `json:"models"`
	}
	for _, name := range a.server.config.Scenario.Models {
		list.Models = append(list.Models, modelOf(name))
	}
	writeJSON(w, list)
}

func (a *arm) getModel(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("model")
	if _, known := a.server.models[name]; !known {
		a.refuse(w, noSuchModel(name, "getModel"))
		return
	}
	writeJSON(w, modelOf(name))
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", jsonType)
	_, _ = w.Write(rendered(value)) // a client that left needs no answer
}
