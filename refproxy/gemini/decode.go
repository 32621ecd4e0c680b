package gemini

import (
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// unmarshal takes what upstreams send: a lone surrogate becomes U+FFFD.
func unmarshal(data []byte, v any) error {
	return json.Unmarshal(data, v, jsontext.AllowInvalidUTF8(true))
}

// A Decoder reads the answer to one request. The zero Decoder knows nothing of
// the request: it passes everything on. It is safe for concurrent use.
type Decoder struct {
	family       string
	hideThoughts bool
	names        map[string]string // of functions, where the upstream's differ
}

// NewDecoder returns the decoder of the answer to req, whose Model is the
// upstream's name of the model.
func NewDecoder(req chat.Request) Decoder {
	return Decoder{family: parseModel(req.Model).family, hideThoughts: !req.Reasoning.Show, names: callerNames(req.Tools)}
}

// name returns the caller's name of a function.
func (d Decoder) name(wire string) string {
	if name, ok := d.names[wire]; ok {
		return name
	}
	return wire
}

// DecodeResponse is that of the zero Decoder.
func DecodeResponse(body []byte) (chat.Response, error) { return Decoder{}.Response(body) }

// DecodeStream is Stream of the zero Decoder.
func DecodeStream(r io.Reader) iter.Seq2[chat.Event, error] { return Decoder{}.Stream(r) }

// FastStream is that of the zero Decoder.
func FastStream(r io.Reader) iter.Seq2[chat.Event, error] { return Decoder{}.FastStream(r) }

// Response reads the answer to generateContent, of several candidates the
// further ones into Others. Every error is a *chat.Error.
func (d Decoder) Response(body []byte) (chat.Response, error) {
	c := &chunk{}
	if err := unmarshal(body, c); err != nil {
		return chat.Response{}, badChunk(err)
	}
	all := c.Candidates
	main := max(0, slices.IndexFunc(all, func(c candidate) bool { return c.Index == 0 }))
	resp, err := d.candidate(c)
	if err != nil {
		return resp, err
	}
	for i := range all {
		if i == main {
			continue
		}
		all[i].Index = 0
		c.Candidates = all[i : i+1]
		other, err := d.candidate(c)
		if err != nil {
			return resp, err
		}
		resp.Others = append(resp.Others, chat.Candidate{Parts: other.Parts, Finish: other.Finish})
	}
	return resp, nil
}

// candidate reads the first candidate of a whole answer.
func (d Decoder) candidate(c *chunk) (chat.Response, error) {
	return chat.Collect(func(yield func(chat.Event, error) bool) {
		s := stream{yield: yield, answer: answer{of: d}}
		if s.add(c) {
			s.end()
		}
	})
}

// DecodeCountTokens reads the answer to countTokens.
func DecodeCountTokens(body []byte) (int, error) {
	var resp struct {
		TotalTokens *int `json:"totalTokens"`
	}
	if err := unmarshal(body, &resp); err != nil {
		return 0, upstreamError("the upstream's token count is not valid JSON", err)
	}
	if resp.TotalTokens == nil || *resp.TotalTokens < 0 {
		return 0, upstreamError("the upstream's token count has no totalTokens", nil)
	}
	return *resp.TotalTokens, nil
}

// DecodeModels reads one page of the list of models, those that generate
// content, and the token of the next page, "" for none.
func DecodeModels(body []byte) ([]chat.Model, string, error) {
	var resp struct {
		Models []struct {
			Name             string   `json:"name"`
			DisplayName      string   `json:"displayName"`
			Description      string   `json:"description"`
			InputTokenLimit  int      `json:"inputTokenLimit"`
			OutputTokenLimit int      `json:"outputTokenLimit"`
			Methods          []string `json:"supportedGenerationMethods"`
		} `json:"models"`
		NextPageToken string `json:"nextPageToken"`
	}
	if err := unmarshal(body, &resp); err != nil {
		return nil, "", upstreamError("the upstream's list of models is not valid JSON", err)
	}
	models := make([]chat.Model, 0, len(resp.Models))
	for _, m := range resp.Models {
		if len(m.Methods) > 0 && !slices.Contains(m.Methods, "generateContent") {
			continue
		}
		models = append(models, chat.Model{
			ID:          strings.TrimPrefix(m.Name, "models/"),
			DisplayName: m.DisplayName,
			Description: m.Description,
			InputLimit:  m.InputTokenLimit,
			OutputLimit: m.OutputTokenLimit,
		})
	}
	return models, resp.NextPageToken, nil
}
