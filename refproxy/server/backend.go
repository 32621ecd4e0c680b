package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/media"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

const (
	maxAnswer    = 64 << 20 // bytes of a whole answer
	maxErrorBody = 1 << 20  // bytes read of an error's body
	maxPages     = 20       // pages read of the list of models
)

// backend is the Gemini side of the proxy: its codec over its transport, and
// what lies between for one kind of upstream. Whose name a request goes in is
// not its business.
type backend struct {
	kind  upstream.Kind
	codec gemini.Codec // of its requests
	files *media.Fetcher
}

// A via is how one attempt goes: in whose name, over which connections, and who
// wants to know of it.
type via struct {
	client  *upstream.Client
	account Account             // of Code Assist
	work    *relay.Stopwatch    // of what is converted for its request; nil for none
	heard   func(h http.Header) // told of the answer's head; nil for nobody
}

// models returns every model of the upstream. A kind that lists none has the
// error errors.ErrUnsupported.
func (b backend) models(ctx context.Context, v via) ([]chat.Model, error) {
	if b.kind == upstream.CodeAssist {
		return quotaModels(ctx, v.account)
	}
	if b.kind != upstream.Gemini {
		return nil, errors.ErrUnsupported
	}
	var all []chat.Model
	token := ""
	for range maxPages {
		answer, err := readAnswer(b.accept(v, "")(v.client.Models(ctx, token)))
		if err != nil {
			return nil, err
		}
		page, next, err := gemini.DecodeModels(answer.body)
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

// encode writes the upstream's body, with every file in it.
func (b backend) encode(ctx context.Context, work *relay.Stopwatch, req chat.Request, codec func(chat.Request) ([]byte, error)) ([]byte, error) {
	if err := b.files.Resolve(ctx, req); err != nil {
		return nil, err
	}
	work.Start()
	defer work.Stop()
	return codec(req)
}

// whole is a whole answer of the upstream's.
type whole struct {
	header http.Header
	body   []byte
}

// stream, generate and count send a body of the model's own to the upstream, in
// its envelope if the kind has one, and take that off again.
func (b backend) stream(ctx context.Context, v via, model string, body []byte) (*http.Response, error) {
	body, err := b.enclose(ctx, v, model, body)
	if err != nil {
		return nil, err
	}
	resp, err := b.accept(v, model)(v.client.Stream(ctx, model, body))
	if err != nil {
		return nil, err
	}
	resp.Body = streamBody{resp.Body, v.work}
	b.discloseStream(v, resp)
	return resp, nil
}

func (b backend) generate(ctx context.Context, v via, model string, body []byte) (whole, error) {
	body, err := b.enclose(ctx, v, model, body)
	if err != nil {
		return whole{}, err
	}
	a, err := readAnswer(b.accept(v, model)(v.client.Generate(ctx, model, body)))
	v.work.Start()
	defer v.work.Stop()
	return b.disclose(a), err
}

func (b backend) count(ctx context.Context, v via, model string, body []byte) (whole, error) {
	return readAnswer(b.accept(v, model)(v.client.CountTokens(ctx, model, body)))
}

// accept turns a failed exchange, or an answer other than 200, into an error. Of
// a model that is not there it says which one, and where.
func (b backend) accept(v via, model string) func(*http.Response, error) (*http.Response, error) {
	return func(resp *http.Response, err error) (*http.Response, error) {
		if err != nil {
			return nil, failure(err)
		}
		if v.heard != nil {
			v.heard(resp.Header)
		}
		if resp.StatusCode == http.StatusOK {
			return resp, nil
		}
		defer func() { _ = resp.Body.Close() }() // what we want of it is read
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
		if err != nil {
			body = nil // the status alone still says something
		}
		e := gemini.DecodeError(resp.StatusCode, resp.Header, body)
		if e.Kind == chat.KindNotFound && model != "" {
			e.Message = fmt.Sprintf("model: %v has no %q for this credential: %s", b.kind, model, e.Message)
		}
		return nil, &googleError{e, body}
	}
}

func readAnswer(resp *http.Response, err error) (whole, error) {
	if err != nil {
		return whole{}, err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end, or given up
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return whole{}, failure(err)
	}
	if n == 0 {
		return whole{}, &chat.Error{Kind: chat.KindEmpty, Class: chat.ClassEmpty, Message: "the upstream's answer is empty"}
	}
	if n > maxAnswer {
		return whole{}, &chat.Error{Kind: chat.KindUpstream, Message: fmt.Sprintf("the upstream's answer is larger than %d bytes", maxAnswer)}
	}
	return whole{resp.Header, b.Bytes()}, nil
}

// streamBody gives the codec errors that it need not interpret. Nothing is
// converted while it waits for bytes.
type streamBody struct {
	io.ReadCloser
	work *relay.Stopwatch
}

func (b streamBody) Read(p []byte) (int, error) {
	if b.work.Stop() {
		defer b.work.Start()
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = failure(err)
	}
	return n, err
}

// quotaModels are those that the account has a quota for.
func quotaModels(ctx context.Context, account Account) ([]chat.Model, error) {
	ids, err := account.Models(ctx)
	if err != nil {
		return nil, failure(err)
	}
	all := make([]chat.Model, len(ids))
	for i, id := range ids {
		all[i] = chat.Model{ID: id, DisplayName: id}
	}
	return all, nil
}
