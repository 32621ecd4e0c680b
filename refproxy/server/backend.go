package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/firstbyte-dev/firstbyte/refproxy/anthropic"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

const (
	maxAnswer    = 64 << 20 // bytes of a whole answer
	maxErrorBody = 1 << 20  // bytes read of an error's body
	maxPages     = 20       // pages read of the list of models
)

// backend is the Gemini side of the proxy: its codec over its transport.
type backend struct{ client *upstream.Client }

var _ relay.Upstream = backend{}

// Stream asks for a streamed answer.
func (b backend) Stream(ctx context.Context, req chat.Request) (io.ReadCloser, error) {
	body, err := encode(req, gemini.EncodeRequest)
	if err != nil {
		return nil, err
	}
	resp, err := accept(b.client.Stream(ctx, req.Model, body))
	if err != nil {
		return nil, err
	}
	return streamBody{resp.Body}, nil
}

// Generate asks for a whole answer.
func (b backend) Generate(ctx context.Context, req chat.Request) (chat.Response, error) {
	body, err := encode(req, gemini.EncodeRequest)
	if err != nil {
		return chat.Response{}, err
	}
	answer, err := readAnswer(b.client.Generate(ctx, req.Model, body))
	if err != nil {
		return chat.Response{}, err
	}
	return gemini.NewDecoder(req).Response(answer)
}

// CountTokens asks for the number of input tokens.
func (b backend) CountTokens(ctx context.Context, req chat.Request) (int, error) {
	body, err := encode(req, gemini.EncodeCountTokens)
	if err != nil {
		return 0, err
	}
	answer, err := readAnswer(b.client.CountTokens(ctx, req.Model, body))
	if err != nil {
		return 0, err
	}
	return gemini.DecodeCountTokens(answer)
}

// Models returns every model of the upstream.
func (b backend) Models(ctx context.Context) ([]chat.Model, error) {
	var all []chat.Model
	token := ""
	for range maxPages {
		answer, err := readAnswer(b.client.Models(ctx, token))
		if err != nil {
			return nil, err
		}
		page, next, err := gemini.DecodeModels(answer)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == "" || next == token {
			break
		}
		token = next
	}
	return all, nil
}

// encode writes the upstream's body for a model that can exist.
func encode(req chat.Request, codec func(chat.Request) ([]byte, error)) ([]byte, error) {
	if !modelName(req.Model) {
		return nil, &chat.Error{Kind: chat.KindNotFound, Path: "model", Message: fmt.Sprintf("model: there is no model %.200q", req.Model)}
	}
	return codec(req)
}

// accept turns a failed exchange, or an answer other than 200, into an error.
func accept(resp *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, failure(err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }() // what we want of it is read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		body = nil // the status alone still says something
	}
	return nil, gemini.DecodeError(resp.StatusCode, resp.Header, body)
}

func readAnswer(resp *http.Response, err error) ([]byte, error) {
	if resp, err = accept(resp, err); err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end, or given up
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, failure(err)
	}
	if n == 0 {
		return nil, &chat.Error{Kind: chat.KindEmpty, Message: "the upstream's answer is empty"}
	}
	if n > maxAnswer {
		return nil, &chat.Error{Kind: chat.KindUpstream, Message: fmt.Sprintf("the upstream's answer is larger than %d bytes", maxAnswer)}
	}
	return b.Bytes(), nil
}

// streamBody gives the codec errors that it need not interpret.
type streamBody struct{ io.ReadCloser }

func (b streamBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = failure(err)
	}
	return n, err
}

// failure classes an error of the transport.
func failure(err error) *chat.Error {
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*upstream.TimeoutError](err); ok {
		return &chat.Error{Kind: chat.KindTimeout, Message: fmt.Sprintf("the upstream did not answer in time (%s, %s)", e.Phase, e.Limit), Cause: err}
	}
	return &chat.Error{Kind: chat.KindNetwork, Message: "the connection to the upstream failed", Cause: err}
}

// messages is the Anthropic side of the relay.
type messages struct{}

var _ relay.Dialect = messages{}

func (messages) Request(body []byte) (chat.Request, relay.Reply, error) {
	req, err := anthropic.DecodeRequest(body)
	return req, messages{}, err
}

func (messages) Response(h relay.Head, r chat.Response) ([]byte, error) {
	return anthropic.EncodeResponse(messageHead(h), r)
}

func messageHead(h relay.Head) anthropic.Head {
	return anthropic.Head{ID: "msg_" + h.ID, Model: h.Model, InputEstimate: h.InputEstimate, ContextManagement: h.ContextManagement}
}

func (messages) Error(err error, id string) (int, http.Header, []byte) {
	return anthropic.EncodeError(err, id)
}

func (messages) Encoder(w io.Writer, h relay.Head) relay.Encoder {
	return anthropic.NewStreamEncoder(w, messageHead(h))
}
