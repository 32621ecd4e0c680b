package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"
)

// TestGoogleGo has Google's own Go client stream from the Gemini route, call tools
// and count tokens.
func TestGoogleGo(t *testing.T) {
	s := stand(t, weather)
	c, err := genai.NewClient(within(t), &genai.ClientConfig{
		Backend: genai.BackendGeminiAPI, APIKey: callerKey, HTTPOptions: genai.HTTPOptions{BaseURL: s.url},
	})
	if err != nil {
		t.Fatal(err)
	}
	var hello strings.Builder
	for chunk, err := range c.Models.GenerateContentStream(within(t), thinker, genai.Text("Say hello."), nil) {
		if err != nil {
			t.Fatal(err)
		}
		hello.WriteString(chunk.Text())
	}
	if hello.String() != "Hello there, how do you do?" {
		t.Errorf("the stream said %q", &hello)
	}
	chat, err := c.Chats.Create(within(t), thinker, &genai.GenerateContentConfig{Tools: []*genai.Tool{{FunctionDeclarations: []*genai.FunctionDeclaration{{
		Name: "weather", Parameters: &genai.Schema{Type: genai.TypeObject, Properties: map[string]*genai.Schema{"city": {Type: genai.TypeString}}},
	}}}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := chat.SendMessage(within(t), genai.Part{Text: "How is the weather in Paris and Rome?"})
	if err != nil {
		t.Fatal(err)
	}
	var results []genai.Part
	for _, call := range answer.FunctionCalls() {
		results = append(results, genai.Part{FunctionResponse: &genai.FunctionResponse{
			ID: call.ID, Name: call.Name, Response: map[string]any{"output": "sunny in " + call.Args["city"].(string)},
		}})
	}
	if answer, err = chat.SendMessage(within(t), results...); err != nil || answer.Text() != "Both are sunny." {
		t.Errorf("the chat ended with %v, error %v", answer, err)
	}
	s.looped(t, 1)
	if n, err := c.Models.CountTokens(within(t), thinker, genai.Text("Count me."), nil); err != nil || n.TotalTokens < 1 {
		t.Errorf("counted %+v, error %v", n, err)
	}
}

// TestGoogleTypesKnowEveryField: the client's decoders pass over what they do not
// know, so that what they made of each event is written again and compared.
func TestGoogleTypesKnowEveryField(t *testing.T) {
	s := stand(t, weather)
	const body = `{"contents":[{"role":"user","parts":[{"text":"How is the weather?"}]}],"tools":[{"functionDeclarations":[{"name":"weather"}]}]}`
	r, err := http.NewRequestWithContext(within(t), http.MethodPost, s.url+"/v1beta/models/"+thinker+":streamGenerateContent?alt=sse", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Goog-Api-Key", callerKey)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v: %s", resp.Status, err, text)
	}
	events := 0
	for line := range bytes.Lines(text) {
		data, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			continue
		}
		events++
		var typed genai.GenerateContentResponse
		decode(t, data, &typed)
		again, err := json.Marshal(typed)
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]any
		decode(t, data, &want)
		decode(t, again, &got)
		if diff := cmp.Diff(want, got, cmp.FilterPath(leftOut, cmp.Ignore())); diff != "" {
			t.Errorf("the types lose or bend something (-sent +known):\n%s", diff)
		}
	}
	if events < 2 {
		t.Errorf("%d events in %s", events, text)
	}
}

// leftOut are members of a zero value, which the types leave out or add.
func leftOut(p cmp.Path) bool {
	x, y := p.Last().Values()
	zero := func(v any) bool {
		return v == nil || v == float64(0) || v == "" || v == false || v == "0001-01-01T00:00:00Z"
	}
	if !x.IsValid() {
		return y.IsValid() && y.CanInterface() && zero(y.Interface())
	}
	return !y.IsValid() && x.CanInterface() && zero(x.Interface())
}
