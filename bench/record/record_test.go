package record_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/record"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

// A desk is a recorder in front of an upstream.
type desk struct {
	t        *testing.T
	recorder *record.Recorder
	url      string
	close    func() // returns when no request passes any more
	items    bytes.Buffer
}

func sit(t *testing.T, cfg record.Config, upstream http.HandlerFunc) *desk {
	t.Helper()
	up := httptest.NewServer(upstream)
	t.Cleanup(up.Close)
	d := &desk{t: t}
	base, err := url.Parse(up.URL + "/base")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Upstream = base
	d.recorder = record.New(cfg, &d.items)
	front := httptest.NewServer(d.recorder)
	t.Cleanup(front.Close)
	d.url, d.close = front.URL, front.Close
	return d
}

// post sends a body and returns the answer's.
func (d *desk) post(path, body string, headers ...string) string {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

// finish ends the recording and returns what it wrote.
func (d *desk) finish() (items []datasets.Item, lines []record.Line, report record.Report, text string) {
	d.t.Helper()
	d.close()
	var timing bytes.Buffer
	report, err := d.recorder.Finish(&timing)
	if err != nil {
		d.t.Fatal(err)
	}
	text = d.items.String() + timing.String()
	if d.items.Len() > 0 {
		set, err := datasets.Read("recorded", &d.items)
		if err != nil {
			d.t.Fatal(err)
		}
		items = set.Items
	}
	for line := range strings.Lines(timing.String()) {
		var l record.Line
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			d.t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return items, lines, report, text
}

const stream = `event: message_start
data: {"type":"message_start","message":{"usage":{"input_tokens":20,"cache_read_input_tokens":5,"output_tokens":1}}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" you"}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}

event: message_stop
data: {"type":"message_stop"}

`

func streamed(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, stream)
}

// TestWhatPassesIsNotTouched holds body, headers and query in both directions.
func TestWhatPassesIsNotTouched(t *testing.T) {
	const body = " {\"messages\" : [ ],\n \"x\":\"\\ud800 <&>\"}\x00 "
	var got *http.Request
	var gotBody []byte
	d := sit(t, record.Config{}, func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(t.Context())
		gotBody, _ = io.ReadAll(r.Body)
		w.Header().Set("X-Upstream", "yes")
		w.Header().Set("Connection", "X-Hop")
		w.Header().Set("X-Hop", "drop me")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short\r\n\x00and stout")
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/v1/messages?beta=true&key=abc;x", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Anthropic-Version": "v", "X-Forwarded-For": "10.0.0.1", "Authorization": "Bearer t", "Te": "trailers", "X-Api-Key": "k"} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || string(text) != "short\r\n\x00and stout" || resp.StatusCode != http.StatusTeapot {
		t.Errorf("%v %q %v", resp.Status, text, err)
	}
	if resp.Header.Get("X-Upstream") != "yes" || resp.Header.Get("X-Hop") != "" {
		t.Errorf("answer's headers: %v", resp.Header)
	}
	if string(gotBody) != body || got.URL.Path != "/base/v1/messages" || got.URL.RawQuery != "beta=true&key=abc;x" {
		t.Errorf("%s %q", got.URL, gotBody)
	}
	for name, want := range map[string]string{"Anthropic-Version": "v", "X-Forwarded-For": "10.0.0.1", "Authorization": "Bearer t", "X-Api-Key": "k", "Accept-Encoding": "gzip"} {
		if v := got.Header.Get(name); v != want {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
}

// TestAStreamIsPassedOnAsItComes holds that a piece reaches the caller before the
// next is written, whatever its size.
func TestAStreamIsPassedOnAsItComes(t *testing.T) {
	next := make(chan struct{})
	d := sit(t, record.Config{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json") // no stream by its name
		for i := range 3 {
			fmt.Fprintf(w, "%d\n", i)
			w.(http.Flusher).Flush()
			<-next
		}
	})
	resp, err := http.Post(d.url+"/anything", "text/plain", strings.NewReader("x")) //nolint:noctx // the test's own server
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := bufio.NewReader(resp.Body)
	for i := range 3 {
		line, err := r.ReadString('\n')
		if err != nil || line != fmt.Sprintf("%d\n", i) {
			t.Fatalf("%q %v", line, err)
		}
		next <- struct{}{} // would never be taken by an upstream that waits for a buffer to fill
	}
}

func TestAnAnthropicRequestBecomesAnItem(t *testing.T) {
	d := sit(t, record.Config{}, streamed)
	const body = `{"model":"m","max_tokens":77,"stream":true,"system":[{"type":"text","text":"Be \u003cbrief\u003e."},{"type":"text","text":"Be kind \ud83d."}],
		"stop_sequences":["END"],"tools":[{"name":"look_up","description":"Looks up.","input_schema":{"type":"object","properties":{"q":{"type":"string"}}}},{"type":"web_search_20250305","name":"web"}],
		"messages":[{"role":"user","content":"What <is> a mutex?"},{"role":"assistant","content":[{"type":"text","text":"A lock."},{"type":"tool_use","id":"1","name":"look_up","input":{"q":"a \"b\""}}]},
		{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"found"},{"type":"text","text":"And now?"}]}]}`
	if got := d.post("/v1/messages", body); got != stream {
		t.Errorf("the stream came as %q", got)
	}
	d.post("/v1/messages", body)
	items, lines, report, _ := d.finish()
	want := []datasets.Item{{
		ID: items[0].ID, Kind: "recorded", MaxTokens: 77, Stop: []string{"END"}, System: json.RawMessage(`"Be \u003cbrief\u003e.\n\nBe kind \ud83d."`),
		Tools: []datasets.Tool{{Name: "look_up", Description: "Looks up.", Schema: json.RawMessage(`{"type":"object","properties":{"q":{"type":"string"}}}`)}},
		Messages: []datasets.Message{
			{Role: "user", Content: json.RawMessage(`"What <is> a mutex?"`)},
			{Role: "assistant", Content: json.RawMessage(`"A lock.\n\n{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"look_up\",\"input\":{\"q\":\"a \\\"b\\\"\"}}"`)},
			{Role: "user", Content: json.RawMessage(`"{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":\"found\"}\n\nAnd now?"`)},
		},
	}}
	if diff := cmp.Diff(want, items); diff != "" {
		t.Error(diff)
	}
	if report.Passed != 2 || report.Recorded != 2 || report.Items != 1 || len(report.Left) != 0 || len(report.Changed) != 2 {
		t.Errorf("%+v", report)
	}
	for i, l := range lines {
		if l.Item != items[0].ID || l.Occurrence != i+1 || l.Arm != "all" || l.InputLength != 25 || l.OutputLength != 9 || l.Lengths != "usage" ||
			l.Status != 200 || !l.Stream || l.Cut || l.Events != 2 || l.RequestBytes != int64(len(body)) || l.AnswerBytes != int64(len(stream)) {
			t.Errorf("line %d: %+v", i, l)
		}
		if !(0 < l.FirstByteNS && l.FirstByteNS <= l.FirstTokenNS && l.FirstTokenNS <= l.LastContentNS && l.LastContentNS <= l.CloseNS) {
			t.Errorf("line %d: %+v", i, l)
		}
	}
	if lines[0].IntendedNS != 0 || lines[1].IntendedNS <= 0 || lines[1].Timestamp < float64(lines[1].IntendedNS)/1e6-.001 {
		t.Errorf("arrivals %+v", lines)
	}
}

func TestAChatRequestBecomesAnItem(t *testing.T) {
	d := sit(t, record.Config{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"Hi"}}],"usage":{"prompt_tokens":31,"completion_tokens":4}}`)
	})
	d.post("/v1/chat/completions", `{"model":"m","stop":"END","messages":[{"role":"system","content":"Be brief."},{"role":"developer","content":"Be kind."},{"role":"user","content":[{"type":"text","text":"Hi?"}]},
		{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"42"}],
		"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}]}`)
	items, lines, report, _ := d.finish()
	want := datasets.Item{
		ID: items[0].ID, Kind: "recorded", MaxTokens: 4096, Stop: []string{"END"}, System: json.RawMessage(`"Be brief.\n\nBe kind."`),
		Tools: []datasets.Tool{{Name: "f", Description: "d", Schema: json.RawMessage(`{"type":"object"}`)}},
		Messages: []datasets.Message{
			{Role: "user", Content: json.RawMessage(`"Hi?"`)},
			{Role: "assistant", Content: json.RawMessage(`"[{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]"`)},
			{Role: "user", Content: json.RawMessage(`"42"`)},
		},
	}
	if diff := cmp.Diff([]datasets.Item{want}, items); diff != "" {
		t.Error(diff)
	}
	if l := lines[0]; l.InputLength != 31 || l.OutputLength != 4 || l.Lengths != "usage" || l.Stream || l.API != "openai-chat" {
		t.Errorf("%+v", l)
	}
	if len(report.Changed) != 2 {
		t.Errorf("%+v", report)
	}
}

func user(text string) string {
	return fmt.Sprintf(`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":%q}]}`, text)
}

// TestWhatIsNoItemIsCounted has a request for each reason not to record it: all of
// them pass.
func TestWhatIsNoItemIsCounted(t *testing.T) {
	d := sit(t, record.Config{MaxBody: 400}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	for _, test := range []struct{ path, body, left string }{
		{"/v1/embeddings", `{}`, "not of an API"},
		{"/v1/messages", `{`, "not the JSON"},
		{"/v1/messages", "\x1f\x8b", "compressed"},
		{"/v1/messages", user(strings.Repeat("long ", 100)), "longer than what is copied"},
		{"/v1/messages", `{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"image"}]}]}`, "images or documents"},
		{"/v1/messages", `{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"image"}]}]}]}`, "images or documents"},
		{"/v1/messages", `{"max_tokens":1,"messages":[]}`, "messages is empty"},
		{"/v1/messages", `{"messages":[{"role":"user","content":"hunter2"}]}`, "max_tokens is 0"},
		{"/v1/messages", `{"max_tokens":1,"messages":[{"role":"hunter2","content":"x"}]}`, "role"},
		{"/v1/messages", `{"max_tokens":1,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"hunter2"}]}`, "the last turn must be the user's"},
	} {
		if got := d.post(test.path, test.body); got != test.body {
			t.Errorf("%q came back as %q", test.body, got)
		}
	}
	_, lines, report, _ := d.finish()
	if len(lines) != 0 || report.Passed != 10 || report.Recorded != 0 {
		t.Errorf("%+v", report)
	}
	sum := 0
	for reason, n := range report.Left {
		sum += n
		if strings.Contains(reason, "hunter2") || strings.Contains(reason, "\n") {
			t.Errorf("reason %q", reason)
		}
	}
	if sum != 10 || len(report.Left) != 9 {
		t.Errorf("%d of 10 requests by %d reasons: %v", sum, len(report.Left), report.Left)
	}
	if _, err := d.recorder.Finish(io.Discard); err == nil {
		t.Error("a recording ended twice")
	}
}

func TestReasonsAreBounded(t *testing.T) {
	d := sit(t, record.Config{}, streamed)
	for i := range 150 {
		d.post("/v1/messages", fmt.Sprintf(`{"max_tokens":-%d,"messages":[{"role":"user","content":"x"}]}`, i))
	}
	_, _, report, _ := d.finish()
	if len(report.Left) != 101 || report.Left["for other reasons"] != 50 {
		t.Errorf("%d reasons, %d for others", len(report.Left), report.Left["for other reasons"])
	}
}

// TestNoKeyIsKept sends keys wherever they are sent, and in the text too.
func TestNoKeyIsKept(t *testing.T) {
	keys := []string{"bearer-hunter2", "apikey-hunter2", "cookie-hunter2", "query-hunter2", "goog-hunter2"}
	d := sit(t, record.Config{}, streamed)
	d.post("/v1/messages?key="+keys[3], user("my keys are "+strings.Join(keys, " and ")+" hello"),
		"Authorization", "Bearer "+keys[0], "X-Api-Key", keys[1], "Cookie", "sid="+keys[2], "X-Goog-Api-Key", keys[4])
	items, lines, _, text := d.finish()
	if len(items) != 1 || len(lines) != 1 || !strings.Contains(text, "my keys are [redacted] and [redacted]") || !strings.Contains(text, "hello") {
		t.Errorf("%s", text)
	}
	if strings.Contains(text, "hunter2") {
		t.Errorf("a key was kept: %s", text)
	}
}

func TestAnUpstreamThatIsDeadTellsNoSecret(t *testing.T) {
	base, err := url.Parse("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	var items, timing bytes.Buffer
	r := record.New(record.Config{Upstream: base}, &items)
	front := httptest.NewServer(r)
	defer front.Close()
	d := &desk{t: t, url: front.URL}
	if got := d.post("/v1/messages?key=hunter2-hunter2", user("Hi?")); !strings.Contains(got, "did not answer") || strings.Contains(got, "hunter2") {
		t.Errorf("%q", got)
	}
	front.Close()
	report, err := r.Finish(&timing)
	if err != nil || report.Left["the upstream did not take it"] != 1 || strings.Contains(timing.String()+items.String(), "hunter2") {
		t.Errorf("%+v %v %s", report, err, &timing)
	}
}

func TestSessions(t *testing.T) {
	d := sit(t, record.Config{}, streamed)
	turn := func(texts ...string) {
		var messages []string
		for i, text := range texts {
			messages = append(messages, fmt.Sprintf(`{"role":%q,"content":%q}`, []string{"user", "assistant"}[i%2], text))
		}
		d.post("/v1/messages", `{"max_tokens":9,"messages":[`+strings.Join(messages, ",")+`]}`)
	}
	turn("a?")
	turn("b?")
	turn("a?", "A.", "more?")
	turn("b?", "B.", "more?")
	turn("a?", "A.", "more?", "More.", "still?")
	turn("c?", "C.", "began elsewhere?")
	_, lines, _, _ := d.finish()
	var got []string
	for _, l := range lines {
		got = append(got, fmt.Sprint(l.Session, "/", l.Turn))
	}
	if want := []string{"s-1/1", "s-2/1", "s-1/2", "s-2/2", "s-1/3", "s-6/1"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestFillerKeepsTheShapeAndNothingElse(t *testing.T) {
	d := sit(t, record.Config{Filler: true}, streamed)
	const body = `{"max_tokens":9,"system":"Secret Système für 東京!","tools":[{"name":"look_up","description":"Hidden words.","input_schema":{"type":"object","properties":{"city":{"type":"string","description":"Hidden city","enum":["a","b"]}},"required":["city"]}}],
		"messages":[{"role":"user","content":"Line One\n\tLine 2: \"quoted\" 😀 \ud83d \u00e9"},{"role":"assistant","content":"Same"},{"role":"user","content":"Same"}]}`
	d.post("/v1/messages", body)
	d.post("/v1/messages", body)
	items, lines, report, text := d.finish()
	for _, word := range []string{"Secret", "Hidden", "Line", "quoted", "東京", "Same"} {
		if strings.Contains(text, word) {
			t.Errorf("%q was kept: %s", word, text)
		}
	}
	if len(items) != 1 || len(lines) != 2 || report.Items != 1 || lines[0].RequestBytes != int64(len(body)) {
		t.Fatalf("%+v", report)
	}
	it := items[0]
	if string(it.Messages[1].Content) != string(it.Messages[2].Content) {
		t.Error("equal texts became different")
	}
	if it.Tools[0].Name != "look_up" || len(it.Tools[0].Description) != len("Hidden words.") {
		t.Errorf("tool %+v", it.Tools[0])
	}
	var schema struct {
		Type       string
		Properties map[string]struct {
			Type, Description string
			Enum              []string
		}
		Required []string
	}
	if err := json.Unmarshal(it.Tools[0].Schema, &schema); err != nil {
		t.Fatal(err)
	}
	city := schema.Properties["city"]
	if schema.Type != "object" || city.Type != "string" || !slices.Equal(city.Enum, []string{"a", "b"}) || !slices.Equal(schema.Required, []string{"city"}) || len(city.Description) != 11 || city.Description == "Hidden city" {
		t.Errorf("schema %s", it.Tools[0].Schema)
	}
	first := string(it.Messages[0].Content)
	if len(first) != len(`"Line One\n\tLine 2: \"quoted\" 😀 \ud83d \u00e9"`) || !strings.Contains(first, `\n\t`) || !strings.Contains(first, `: \"`) || !strings.Contains(first, ` 😀 \ud83d \u`) {
		t.Errorf("message %s", first)
	}
}

func TestALongRecordingEnds(t *testing.T) {
	d := sit(t, record.Config{MaxRequests: 2}, streamed)
	for i := range 4 {
		if got := d.post("/v1/messages", user(fmt.Sprint(i))); got != stream {
			t.Errorf("request %d: %q", i, got)
		}
		time.Sleep(10 * time.Millisecond) // they are recorded in the order in which they end
	}
	_, lines, report, _ := d.finish()
	if len(lines) != 2 || report.Passed != 4 || report.Left["came after the 2 that a recording holds"] != 2 {
		t.Errorf("%+v", report)
	}
}

// TestCopiesAreBounded holds the room for copies: what finds none passes all the
// same, and the room comes back.
func TestCopiesAreBounded(t *testing.T) {
	d := sit(t, record.Config{MaxCopies: int64(len(user("0")) + len(stream))}, streamed)
	if got := d.post("/v1/messages", user(strings.Repeat("x", 2000))); got != stream {
		t.Errorf("%q", got)
	}
	for i := range 3 {
		d.post("/v1/messages", user(fmt.Sprint(i)))
		time.Sleep(20 * time.Millisecond) // until it is recorded, and its copy given up
	}
	_, lines, report, _ := d.finish()
	if len(lines) != 3 || report.Left["its body is longer than what is copied"] != 1 {
		t.Errorf("%+v", report)
	}
}

// TestWhatIsNotToldIsEstimated has an answer that is compressed, and one that refuses.
func TestWhatIsNotToldIsEstimated(t *testing.T) {
	n := 0
	d := sit(t, record.Config{}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if n++; n == 1 {
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Content-Encoding", "br")
			_, _ = io.WriteString(w, "0123456789")
			return
		}
		http.Error(w, "slow down", http.StatusTooManyRequests)
	})
	body := user("Hi?")
	d.post("/v1/messages", body, "Accept-Encoding", "br")
	d.post("/v1/messages", body)
	_, lines, _, _ := d.finish()
	for i, want := range []int{3, 0} {
		if l := lines[i]; l.Lengths != "estimate" || l.InputLength != (len(body)+3)/4 || l.OutputLength != want {
			t.Errorf("line %d: %+v", i, l)
		}
	}
}

func TestAnAnswerThatIsCutIsSaidToBe(t *testing.T) {
	d := sit(t, record.Config{}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, stream[:300])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	resp, err := http.Post(d.url+"/v1/messages", "application/json", strings.NewReader(user("Hi?"))) //nolint:noctx // the test's own server
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the cut was mended")
	}
	_, lines, _, _ := d.finish()
	if len(lines) != 1 || !lines[0].Cut || lines[0].Status != 200 || lines[0].AnswerBytes != 300 {
		t.Errorf("%+v", lines)
	}
}

// TestAnAnswerMayBeginBeforeTheRequestEnds sends a request in two parts, of which
// the second waits for the answer to the first.
func TestAnAnswerMayBeginBeforeTheRequestEnds(t *testing.T) {
	d := sit(t, record.Config{}, func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		part := make([]byte, 4)
		for range 2 {
			if _, err := io.ReadFull(r.Body, part); err != nil {
				t.Error(err)
			}
			_, _ = w.Write(part)
			w.(http.Flusher).Flush()
		}
	})
	body, more := io.Pipe()
	go func() { _, _ = io.WriteString(more, "ping") }()
	resp, err := http.Post(d.url+"/x", "text/plain", body) //nolint:noctx // the test's own server
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	part := make([]byte, 4)
	if _, err := io.ReadFull(resp.Body, part); err != nil || string(part) != "ping" {
		t.Fatalf("%q %v", part, err)
	}
	go func() {
		_, _ = io.WriteString(more, "pong")
		_ = more.Close()
	}()
	if _, err := io.ReadFull(resp.Body, part); err != nil || string(part) != "pong" {
		t.Fatalf("%q %v", part, err)
	}
}
