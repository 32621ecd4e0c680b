package fakegemini

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

type response struct {
	Candidates    []candidate `json:"candidates,omitempty"`
	UsageMetadata usage       `json:"usageMetadata"`
	ModelVersion  string      `json:"modelVersion"`
	ResponseID    string      `json:"responseId"`
}

type candidate struct {
	Content      content `json:"content"`
	FinishReason string  `json:"finishReason,omitempty"`
	Index        int     `json:"index"`
}

type content struct {
	Parts []part `json:"parts,omitempty"` // none if the model was stopped before it said anything
	Role  string `json:"role"`
}

type part struct {
	Text                *string         `json:"text,omitempty"`
	Thought             bool            `json:"thought,omitempty"`
	FunctionCall        *functionCall   `json:"functionCall,omitempty"`
	ExecutableCode      *executableCode `json:"executableCode,omitempty"`
	CodeExecutionResult *codeResult     `json:"codeExecutionResult,omitempty"`
	ThoughtSignature    string          `json:"thoughtSignature,omitempty"`
}

type functionCall struct {
	ID   string          `json:"id,omitempty"`
	Name string          `json:"name"`
	Args json.RawMessage `json:"args"`
}

type executableCode struct {
	Language string `json:"language"`
	Code     string `json:"code"`
}

type codeResult struct {
	Outcome string `json:"outcome"`
	Output  string `json:"output"`
}

// usage is cumulative over the chunks of an answer, as Gemini's.
type usage struct {
	Prompt     int `json:"promptTokenCount"`
	Candidates int `json:"candidatesTokenCount"`
	Total      int `json:"totalTokenCount"`
	Thoughts   int `json:"thoughtsTokenCount,omitempty"`
	Cached     int `json:"cachedContentTokenCount,omitempty"`
}

func usageOf(prompt, chars int) usage {
	return usage{Prompt: prompt, Candidates: tokens(chars), Total: prompt + tokens(chars)}
}

// responseID is the same for the same request, in every arm.
func responseID(seed uint64, k key) string {
	d := newDraws(seed, "response", k.item, k.occ)
	id := binary.BigEndian.AppendUint64(nil, d.source.Uint64())
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(id, d.source.Uint64()))
}

// responses turns an answer into its chunks' JSON values.
func responses(a answer, base response) []response {
	list := make([]response, 0, len(a.chunks)+1)
	chars := 0
	for i, text := range a.chunks {
		chars += utf8.RuneCountInString(text)
		r := base
		r.Candidates = []candidate{{Content: content{[]part{{Text: &text}}, "model"}}}
		r.UsageMetadata = usageOf(base.UsageMetadata.Prompt, chars)
		if i == len(a.chunks)-1 {
			r.Candidates[0].FinishReason = a.finish
		}
		list = append(list, r)
	}
	return list
}

// withUsageLast adds the usage once more in a chunk without candidates.
func withUsageLast(list []response) []response {
	last := list[len(list)-1]
	last.Candidates = nil
	return append(list, last)
}

// whole is the answer as one value.
func whole(a answer, base response) response {
	joined := answer{chunks: []string{strings.Join(a.chunks, "")}, finish: a.finish}
	return responses(joined, base)[0]
}

// An envelope is what Code Assist puts an answer into.
type envelope struct {
	Response response `json:"response"`
	TraceID  string   `json:"traceId"`
}

// A framing puts JSON values one after the other into a body.
type framing struct {
	contentType   string
	open, close   string // around all
	before, after string // around each value
	between       string
	trace         string // not empty: every value stands in an envelope beside it
}

var (
	sseLF     = framing{contentType: "text/event-stream", before: "data: ", after: "\n\n"}
	sseCRLF   = framing{contentType: "text/event-stream", before: "data: ", after: "\r\n\r\n"}
	jsonArray = framing{contentType: jsonType, open: "[", between: ",\r\n", close: "]\n"}
)

// render makes the bytes of every write before the first is due.
func (f framing) render(list []response) [][]byte {
	var buffer bytes.Buffer
	ends := make([]int, len(list))
	for i, r := range list {
		buffer.WriteString(f.lead(i))
		buffer.WriteString(f.before)
		f.encodeTo(&buffer, r)
		buffer.WriteString(f.after)
		if i == len(list)-1 {
			buffer.WriteString(f.close)
		}
		ends[i] = buffer.Len()
	}
	return cutAt(buffer.Bytes(), ends)
}

func (f framing) lead(i int) string {
	if i == 0 {
		return f.open
	}
	return f.between
}

func cutAt(text []byte, ends []int) [][]byte {
	parts := make([][]byte, len(ends))
	from := 0
	for i, end := range ends {
		parts[i] = text[from:end:end]
		from = end
	}
	return parts
}

// encodeTo writes one compact value without the encoder's newline.
func (f framing) encodeTo(buffer *bytes.Buffer, r response) {
	var value any = r
	if f.trace != "" {
		value = envelope{r, f.trace}
	}
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("fakegemini: response: " + err.Error()) // strings and numbers alone
	}
	buffer.Truncate(buffer.Len() - 1)
}
