package fakegemini

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sameReading compares requests whole.
var sameReading = cmp.AllowUnexported(request{}, tag{}, limits{}, talk{}, turn{}, node{}, member{})

const hello = `"contents":[{"role":"user","parts":[{"text":"hello"}]}]`

func TestRefusedBodiesNameTheField(t *testing.T) {
	cases := []struct {
		name, body, field, says string
	}{
		{"Anthropic", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"system":"s"}`, "messages", `Unknown name "messages": Cannot find field.`},
		{"Anthropic message as content", `{"contents":[{"role":"user","content":"hi"}]}`, "contents[0].content", `Unknown name "content" at 'contents[0]': Cannot find field.`},
		{"Anthropic block as part", `{"contents":[{"role":"user","parts":[{"type":"text","text":"hi"}]}]}`, "contents[0].parts[0].type", `Unknown name "type" at 'contents[0].parts[0]'`},
		{"OpenAI", `{"messages":[{"role":"user","content":"hi"}]}`, "contents", "contents: is required."},
		{"empty", ``, "", "not valid JSON"},
		{"not JSON", `{"contents":`, "", "not valid JSON"},
		{"two values", `{} {}`, "", "not valid JSON"},
		{"not an object", `[]`, "", "must be an object, is an array"},
		{"no contents", `{"contents":[]}`, "contents", "must not be empty"},
		{"contents of another kind", `{"contents":"hi"}`, "contents", "must be an array, is a string"},
		{"null", `{"contents":null}`, "contents", "must be an array, is null"},
		{"empty parts", `{"contents":[{"role":"user","parts":[]}]}`, "contents[0].parts", "must not be empty"},
		{"no parts", `{"contents":[{"role":"user"}]}`, "contents[0].parts", "is required"},
		{"no role", `{"contents":[{"parts":[{"text":"a"}]}]}`, "contents[0].role", "is required"},
		{"wrong role", `{"contents":[{"role":"assistant","parts":[{"text":"a"}]}]}`, "contents[0].role", `"assistant", must be one of user, model`},
		{"system turn", `{` + hello[:len(hello)-1] + `,{"role":"system","parts":[{"text":"a"}]}]}`, "contents[1].role", "must be one of"},
		{"model first", `{"contents":[{"role":"model","parts":[{"text":"a"}]}]}`, "contents[0].role", "the first content must be the user's"},
		{"empty part", `{"contents":[{"role":"user","parts":[{}]}]}`, "contents[0].parts[0]", "has no data"},
		{"empty text", `{"contents":[{"role":"user","parts":[{"text":""}]}]}`, "contents[0].parts[0].text", "must not be empty"},
		{"two data", `{"contents":[{"role":"user","parts":[{"text":"a","fileData":{"fileUri":"u"}}]}]}`, "contents[0].parts[0]", "only one of text, fileData"},
		{"unknown at the top", `{` + hello + `,"stream":true}`, "stream", `Unknown name "stream": Cannot find field.`},
		{"snake case", `{` + hello + `,"generation_config":{}}`, "generation_config", "Cannot find field"},
		{"twice", `{` + hello + `,` + hello + `}`, "contents", "comes twice"},
		{"system as text", `{` + hello + `,"systemInstruction":"s"}`, "systemInstruction", "must be an object"},
		{"empty system text", `{` + hello + `,"systemInstruction":{"parts":[{"text":""}]}}`, "systemInstruction.parts[0].text", "must not be empty"},
		{"max_tokens inside", `{` + hello + `,"generationConfig":{"max_tokens":3}}`, "generationConfig.max_tokens", "Cannot find field"},
		{"no tokens", `{` + hello + `,"generationConfig":{"maxOutputTokens":0}}`, "generationConfig.maxOutputTokens", "0 is not a whole number from 1"},
		{"tokens as text", `{` + hello + `,"generationConfig":{"maxOutputTokens":"5"}}`, "generationConfig.maxOutputTokens", "must be a number, is a string"},
		{"half a token", `{` + hello + `,"generationConfig":{"maxOutputTokens":1.5}}`, "generationConfig.maxOutputTokens", "not a whole number"},
		{"hot", `{` + hello + `,"generationConfig":{"temperature":2.1}}`, "generationConfig.temperature", "2.1 is not from 0 to 2"},
		{"six stops", `{` + hello + `,"generationConfig":{"stopSequences":["a","b","c","d","e","f"]}}`, "generationConfig.stopSequences", "holds 6 items, at most 5"},
		{"empty stop", `{` + hello + `,"generationConfig":{"stopSequences":[""]}}`, "generationConfig.stopSequences[0]", "must not be empty"},
		{"two candidates", `{` + hello + `,"generationConfig":{"candidateCount":2}}`, "generationConfig.candidateCount", "from 1 to 1"},
		{"budget and level", `{` + hello + `,"generationConfig":{"thinkingConfig":{"thinkingBudget":1,"thinkingLevel":"LOW"}}}`, "generationConfig.thinkingConfig", "only one of"},
		{"both schemas", `{` + hello + `,"generationConfig":{"responseSchema":{},"responseJsonSchema":{}}}`, "generationConfig", "only one of"},
		{"safety", `{` + hello + `,"safetySettings":[{"category":"X","threshold":"OFF"}]}`, "safetySettings[0].category", "must be one of"},
		{"Anthropic tool", `{` + hello + `,"tools":[{"name":"f","input_schema":{}}]}`, "tools[0].name", "Cannot find field"},
		{"empty tool", `{` + hello + `,"tools":[{}]}`, "tools[0]", "the tool is empty"},
		{"lower-case type", `{` + hello + `,"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"object"}}]}]}`, "tools[0].functionDeclarations[0].parameters.type", `"object", must be one of STRING`},
		{"foreign schema word", `{` + hello + `,"tools":[{"functionDeclarations":[{"name":"f","parameters":{"properties":{"type":{"$ref":"x"}}}}]}]}`, "tools[0].functionDeclarations[0].parameters.properties.type.$ref", "Cannot find field"},
		{"mode", `{` + hello + `,"toolConfig":{"functionCallingConfig":{"mode":"any"}}}`, "toolConfig.functionCallingConfig.mode", "must be one of"},
		{"list as response", `{"contents":[{"role":"user","parts":[{"functionResponse":{"name":"f","response":[]}}]}]}`, "contents[0].parts[0].functionResponse.response", "must be an object"},
		{
			"missing result",
			`{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"name":"f"}},{"functionCall":{"name":"g"}}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{}}}]}]}`,
			"contents[2]", "must be equal to the number of function call parts",
		},
		{"results out of order", `{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"name":"f"}},{"functionCall":{"name":"g"}}]},{"role":"user","parts":[{"functionResponse":{"name":"g","response":{}}},{"functionResponse":{"name":"f","response":{}}}]}]}`, "contents[2].parts[0].functionResponse.name", "must be in the order of the calls"},
		{"results of two calls of one function out of order", `{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"id":"1","name":"f"}},{"functionCall":{"id":"2","name":"f"}}]},{"role":"user","parts":[{"functionResponse":{"id":"2","name":"f","response":{}}},{"functionResponse":{"id":"1","name":"f","response":{}}}]}]}`, "contents[2].parts[0].functionResponse.id", "must be in the order of the calls"},
		{"results beside a text", `{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"name":"f"}}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{}}},{"text":"b"}]}]}`, "contents[2]", "must be equal to the number of function call parts"},
		{"results of no call", `{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{}}}]}]}`, "contents[1]", "must come immediately after a function call turn"},
		{"results that come late", `{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"name":"f"}}]},{"role":"user","parts":[{"text":"a"}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{}}}]}]}`, "contents[2]", "must be equal to the number of function call parts"},
		{"no result at all", `{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"name":"f"}}]}]}`, "contents[1]", "must be followed by a function response turn"},
		{"call of the user's", `{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"user","parts":[{"functionCall":{"name":"f"}}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{}}}]}]}`, "contents[1].role", "function calls are the model's"},
		{"result of the model's", `{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"name":"f"}}]},{"role":"model","parts":[{"functionResponse":{"name":"f","response":{}}}]}]}`, "contents[2].role", "function responses are the user's"},
		{"lone surrogate", `{"contents":[{"role":"user","parts":[{"text":"a\ud83d b"}]}]}`, "", "lone surrogate escape at byte 47"},
		{"surrogates the wrong way round", `{"contents":[{"role":"user","parts":[{"text":"\ude00\ud83d"}]}]}`, "", "lone surrogate"},
		{"invalid UTF-8", "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"\xff\"}]}]}", "", "not valid UTF-8"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, violations := decodeGenerate(form{}, []byte(c.body))
			named := slices.ContainsFunc(violations, func(v violation) bool {
				return v.Field == c.field && strings.Contains(v.Description, c.says)
			})
			if !named {
				t.Errorf("want %q to say %q, got %+v", c.field, c.says, violations)
			}
		})
	}
}

func TestAcceptedBodies(t *testing.T) {
	cases := []struct {
		name, body string
		want       request
	}{
		{
			"tag in the contents",
			`{"contents":[{"role":"user","parts":[{"text":"[firstbyte item=a occ=2 nonce=ff] hello"}]}]}`,
			request{tag: tag{"a", 2, "ff"}, tagged: true, contents: []string{"hello"}, promptTokens: 2},
		},
		{
			"tag in the system instruction",
			`{"systemInstruction":{"parts":[{"text":"[firstbyte item=a occ=2 nonce=ff] Be brief."}]},` + hello + `}`,
			request{tag: tag{"a", 2, "ff"}, tagged: true, contents: []string{"hello"}, promptTokens: 4},
		},
		{
			"no tag",
			`{"systemInstruction":{"role":"system","parts":[{"text":"Be brief."}]},` + hello + `}`,
			request{contents: []string{"hello"}, promptTokens: 4},
		},
		{
			"a tag elsewhere is text",
			`{"contents":[{"role":"user","parts":[{"text":"a"},{"text":"[firstbyte item=a occ=2 nonce=ff] b"}]}]}`,
			request{contents: []string{"a", "[firstbyte item=a occ=2 nonce=ff] b"}, promptTokens: 9},
		},
		{
			"limits, and every other setting",
			`{` + hello + `,"generationConfig":{"maxOutputTokens":7,"stopSequences":["x","é"],"temperature":0,"topP":1,"topK":64,"candidateCount":1,"seed":-1,"presencePenalty":0.5,"frequencyPenalty":-0.5,"responseMimeType":"application/json","responseJsonSchema":{"$ref":"x"},"responseLogprobs":false,"logprobs":1,"responseModalities":["TEXT"],"mediaResolution":"MEDIA_RESOLUTION_LOW","speechConfig":{},"thinkingConfig":{"includeThoughts":true,"thinkingBudget":-1}},"safetySettings":[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_NONE"}],"cachedContent":"c","labels":{"a":"b"}}`,
			request{contents: []string{"hello"}, promptTokens: 2, limits: limits{7, []string{"x", "é"}}},
		},
		{
			"a tool loop",
			`{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"","thoughtSignature":"c2ln"},{"functionCall":{"id":"1","name":"f","args":{"x":null}},"thoughtSignature":"c2ln"}]},{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"output":"ok"}}}]}],"tools":[{"functionDeclarations":[{"name":"f","description":"","parameters":{"type":"OBJECT","properties":{"type":{"type":"STRING","nullable":true}},"required":["type"]}}]},{"googleSearch":{}}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}}`,
			request{contents: []string{"a", "", "", ""}, promptTokens: 1},
		},
		{
			"escapes that are whole characters",
			`{"contents":[{"role":"user","parts":[{"text":"\\ud83d \ud83d\ude00 \u00e9"},{"inlineData":{"mimeType":"image/png","data":"aGk="}}]}]}`,
			request{contents: []string{`\ud83d 😀 é`, ""}, promptTokens: 3},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, violations := decodeGenerate(form{}, []byte(c.body))
			if violations != nil {
				t.Fatalf("refused: %+v", violations)
			}
			if diff := cmp.Diff(c.want, got, sameReading, cmpopts.IgnoreFields(request{}, "talk", "seals")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCountTokensBodies(t *testing.T) {
	for body, want := range map[string]int{
		`{` + hello + `}`: 2,
		`{"generateContentRequest":{"model":"models/m","systemInstruction":{"parts":[{"text":"Be brief."}]},` + hello + `}}`: 4,
	} {
		got, violations := decodeCount(form{}, []byte(body))
		if violations != nil || got.promptTokens != want {
			t.Errorf("%s: %d tokens, %+v", body, got.promptTokens, violations)
		}
	}
	for body, field := range map[string]string{
		`{}`:                         "contents",
		`{` + hello + `,"tools":[]}`: "tools",
		`{"generateContentRequest":{` + hello + `}}`:             "generateContentRequest.model",
		`{"generateContentRequest":{"model":"m"},` + hello + `}`: "contents",
		`{"generateContentRequest":5}`:                           "generateContentRequest",
	} {
		_, violations := decodeCount(form{}, []byte(body))
		if !slices.ContainsFunc(violations, func(v violation) bool { return v.Field == field }) {
			t.Errorf("%s: want %s refused, got %+v", body, field, violations)
		}
	}
}

func TestViolationsAreBounded(t *testing.T) {
	body := `{` + hello + strings.Repeat(`,"x":1`, 1000) + `}`
	if _, violations := decodeGenerate(form{}, []byte(body)); len(violations) != maxViolations {
		t.Errorf("%d violations", len(violations))
	}
}

// FuzzDecode holds two things: what is accepted has a non-empty prompt of valid
// text, and white space around tokens changes nothing.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{` + hello + `}`))
	f.Add([]byte(`{"contents":[{"role":"user","parts":[{"text":"[firstbyte item=a occ=2 nonce=ff] \ud83d\ude00"}]}],"generationConfig":{"maxOutputTokens":7,"stopSequences":["x"]}}`))
	f.Add([]byte(`{"messages":[]}`))
	f.Add([]byte(`{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"name":"f"},"thoughtSignature":"aGk="}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{},"parts":[{"inlineData":{"mimeType":"a/b","data":"aGk="}}]}}]}],"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"ARRAY","items":{"type":"STRING"}}},{"name":"g","parametersJsonSchema":{"type":["string"]}}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}}`))
	f.Add([]byte(`{"contents":[{"role":"user","parts":[{"text":"\ud83d"}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		req, violations := decodeGenerate(form{}, body)
		if violations != nil {
			if refusal(violations) == "" {
				t.Fatal("refused without a word")
			}
			return
		}
		if len(req.contents) == 0 || req.limits.maxTokens < 0 {
			t.Fatalf("accepted %q as %+v", body, req)
		}
		spaced := append(append([]byte(" \n"), body...), '\t')
		again, violations := decodeGenerate(form{}, spaced)
		if diff := cmp.Diff(req, again, sameReading); violations != nil || diff != "" {
			t.Fatalf("white space changed the reading: %+v %s", violations, diff)
		}
		wrapped := slices.Concat([]byte(`{"request":`), body, []byte(`,"project":"p","model":"m"}`))
		again, violations = decode(form{}, wrapped, checkEnvelope)
		if diff := cmp.Diff(req, again, sameReading); violations != nil || diff != "" {
			t.Fatalf("an envelope changed the reading: %+v %s", violations, diff)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	body := []byte(`{"contents":[{"role":"user","parts":[{"text":"` + strings.Repeat("long context ", 4000) + `"}]}]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		decodeGenerate(form{}, body)
	}
}
