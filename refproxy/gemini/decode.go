package gemini

import (
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

// DecodeResponse reads the answer to generateContent. Every error is a
// *chat.Error.
func DecodeResponse(body []byte) (chat.Response, error) {
	return chat.Collect(func(yield func(chat.Event, error) bool) {
		s := stream{yield: yield}
		if s.chunk(body) {
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
