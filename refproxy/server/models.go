package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/refproxy/anthropic"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/openai"
)

// listing is how each dialect writes its list of models, and one of them.
var listing = map[api]struct {
	list func([]chat.Model) ([]byte, error)
	one  func(chat.Model) ([]byte, error)
}{
	anthropicAPI: {anthropic.EncodeModels, anthropic.EncodeModel},
	openaiAPI:    {openai.EncodeModels, openai.EncodeModel},
	geminiAPI:    {encodeGoogleModels, encodeGoogleModel},
}

func (s *Server) models(x *exchange) error {
	all, err := s.catalogue(x)
	if err != nil {
		return err
	}
	body, err := listing[x.api].list(all)
	if err != nil {
		return err
	}
	x.send("application/json", body)
	return nil
}

func (s *Server) model(x *exchange) error {
	_, id, _ := strings.Cut(x.r.URL.Path, "/models/")
	all, err := s.catalogue(x)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(m chat.Model) bool { return m.ID == id })
	if i < 0 {
		return &chat.Error{Kind: chat.KindNotFound, Message: fmt.Sprintf("there is no model %.200q", id)}
	}
	body, err := listing[x.api].one(all[i])
	if err != nil {
		return err
	}
	x.send("application/json", body)
	return nil
}

// catalogue returns the aliases, by name, and then the upstream's models, which
// some upstreams do not list.
func (s *Server) catalogue(x *exchange) ([]chat.Model, error) {
	models, err := s.listModels(x.r.Context())
	switch {
	case err == nil:
		s.names.learn(models)
	case !errors.Is(err, errors.ErrUnsupported):
		return nil, err
	}
	var all []chat.Model
	for from, to := range s.cfg.Aliases {
		i := slices.IndexFunc(models, func(m chat.Model) bool { return m.ID == to })
		if from == to && i >= 0 || strings.HasSuffix(from, "*") {
			continue // the model itself, or no name
		}
		alias := chat.Model{ID: from, DisplayName: from}
		if i >= 0 {
			alias.InputLimit, alias.OutputLimit = models[i].InputLimit, models[i].OutputLimit
			alias.DisplayName = from + " (" + cmp.Or(models[i].DisplayName, to) + ")"
		}
		all = append(all, alias)
	}
	slices.SortFunc(all, func(a, b chat.Model) int { return strings.Compare(a.ID, b.ID) })
	return append(all, models...), nil
}

// listModels asks the upstream what it has, in the name of one credential after
// another until one is answered.
func (s *Server) listModels(ctx context.Context) (all []chat.Model, err error) {
	var tried []string
	for range listTries {
		lease, failed := s.pool.Acquire(credential.Ask{Tried: tried})
		if failed != nil {
			return all, cmp.Or[error](err, s.unavailable(asUnavailable(failed)))
		}
		id := lease.Credential().ID
		lease.Done(credential.Result{Neutral: true})
		tried = append(tried, id)
		one, ok := s.sources.get(id)
		if !ok {
			continue // it has just gone
		}
		all, err = s.backend.models(ctx, via{client: one.client.Over(s.pooled()), account: one.Account})
		if err == nil || errors.Is(err, errors.ErrUnsupported) || ctx.Err() != nil {
			break
		}
	}
	return all, err
}

// listTries is how many credentials are asked for the list of models.
const listTries = 3

// googleModel is a model in Gemini's own words.
type googleModel struct {
	Name             string   `json:"name"`
	BaseModelID      string   `json:"baseModelId"`
	DisplayName      string   `json:"displayName,omitempty"`
	Description      string   `json:"description,omitempty"`
	InputTokenLimit  int      `json:"inputTokenLimit,omitempty"`
	OutputTokenLimit int      `json:"outputTokenLimit,omitempty"`
	Methods          []string `json:"supportedGenerationMethods"`
}

func newGoogleModel(m chat.Model) googleModel {
	return googleModel{
		Name: "models/" + m.ID, BaseModelID: m.ID, DisplayName: m.DisplayName, Description: m.Description,
		InputTokenLimit: m.InputLimit, OutputTokenLimit: m.OutputLimit, Methods: []string{"generateContent", "countTokens"},
	}
}

func encodeGoogleModels(models []chat.Model) ([]byte, error) {
	all := make([]googleModel, len(models))
	for i, m := range models {
		all[i] = newGoogleModel(m)
	}
	return json.Marshal(map[string][]googleModel{"models": all})
}

func encodeGoogleModel(m chat.Model) ([]byte, error) { return json.Marshal(newGoogleModel(m)) }
