package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

// callTime bounds each call of the client, its retries included.
const callTime = 30 * time.Second

// client is the official one, without retries unless a test wants them.
func client(url string, more ...option.RequestOption) anthropic.Client {
	opts := []option.RequestOption{
		option.WithoutEnvironmentDefaults(), option.WithBaseURL(url), option.WithAPIKey(callerKey), option.WithMaxRetries(0),
	}
	return anthropic.NewClient(append(opts, more...)...)
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), callTime)
	t.Cleanup(cancel)
	return ctx
}

// conversation has a system text and several turns.
func conversation(model string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model:         model,
		MaxTokens:     1024,
		System:        []anthropic.TextBlockParam{{Text: "Answer in few words."}},
		StopSequences: []string{"\n\nEND"},
		Messages: []anthropic.MessageParam{
			anthropic.NewUserMessage(anthropic.NewTextBlock("What is a mutex?")),
			anthropic.NewAssistantMessage(anthropic.NewTextBlock("A lock that one holder at a time may have.")),
			anthropic.NewUserMessage(anthropic.NewTextBlock("And a semaphore? 😀 \"quoted\"")),
		},
	}
}

// stream asks for a streamed answer and accumulates it.
func stream(t *testing.T, c anthropic.Client, params anthropic.MessageNewParams) (anthropic.Message, error) {
	t.Helper()
	s := c.Messages.NewStreaming(within(t), params)
	defer s.Close()
	var m anthropic.Message
	for s.Next() {
		event := s.Current()
		known(t, event.AsAny())
		if err := m.Accumulate(event); err != nil {
			t.Fatalf("accumulate %s: %v", event.RawJSON(), err)
		}
	}
	return m, s.Err()
}

// known fails for every field that the client does not know.
func known(t *testing.T, v any) {
	t.Helper()
	for _, field := range unknown(reflect.ValueOf(v), reflect.TypeOf(v).Name()) {
		t.Errorf("unknown field %s", field)
	}
}

func unknown(v reflect.Value, path string) []string {
	var found []string
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return unknown(v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			found = append(found, unknown(v.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
	case reflect.Struct:
		if meta := v.FieldByName("JSON"); meta.IsValid() && meta.Kind() == reflect.Struct {
			if extra := meta.FieldByName("ExtraFields"); extra.IsValid() {
				for _, key := range extra.MapKeys() {
					found = append(found, path+"."+key.String())
				}
			}
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "JSON" {
				found = append(found, unknown(v.Field(i), path+"."+f.Name)...)
			}
		}
	}
	return found
}

// answer is what a caller gets to see of a message.
func answer(m anthropic.Message) string {
	var text strings.Builder
	for _, block := range m.Content {
		fmt.Fprintf(&text, "%s:%s|", block.Type, block.Text)
	}
	return fmt.Sprintf("%s %s stop=%s %s in=%d out=%d", m.Role, m.Model, m.StopReason, &text, m.Usage.InputTokens, m.Usage.OutputTokens)
}

// check looks at one whole message.
func check(t *testing.T, m anthropic.Message, model string) {
	t.Helper()
	known(t, m)
	for name, valid := range map[string]bool{
		"id": m.JSON.ID.Valid(), "content": m.JSON.Content.Valid(), "model": m.JSON.Model.Valid(), "role": m.JSON.Role.Valid(),
		"type": m.JSON.Type.Valid(), "usage": m.JSON.Usage.Valid(),
		"usage.input_tokens": m.Usage.JSON.InputTokens.Valid(), "usage.output_tokens": m.Usage.JSON.OutputTokens.Valid(),
	} {
		if !valid {
			t.Errorf("%s is missing in %s", name, m.RawJSON())
		}
	}
	if string(m.Model) != model || m.StopReason != anthropic.StopReasonEndTurn || len(m.Content) != 1 || m.Content[0].Text == "" {
		t.Errorf("message %s", answer(m))
	}
	if m.Usage.InputTokens <= 0 || m.Usage.OutputTokens <= 0 || !strings.HasPrefix(m.ID, "msg_") {
		t.Errorf("message %s, id %s", answer(m), m.ID)
	}
}

// TestMessages: whole and streamed, direct and by alias; both proxies give the
// same answers.
func TestMessages(t *testing.T) {
	p := start(t, "fast")
	got := map[string][]string{}
	for name, url := range p.urls() {
		c := client(url)
		for _, model := range []string{gemini, alias} {
			whole, err := c.Messages.New(within(t), conversation(model))
			if err != nil {
				t.Fatal(err)
			}
			check(t, *whole, model)
			streamed, err := stream(t, c, conversation(model))
			if err != nil {
				t.Fatal(err)
			}
			check(t, streamed, model)
			got[name] = append(got[name], answer(*whole), answer(streamed))
		}
	}
	if !reflect.DeepEqual(got["all-off"], got["all-on"]) {
		t.Errorf("answers differ:\noff %q\non  %q", got["all-off"], got["all-on"])
	}
}

func TestMaxTokensStopsTheAnswer(t *testing.T) {
	p := start(t, "fast")
	for name, url := range p.urls() {
		params := conversation(gemini)
		params.MaxTokens = 3
		m, err := stream(t, client(url), params)
		if err != nil || m.StopReason != anthropic.StopReasonMaxTokens {
			t.Errorf("%s: %v, %s", name, err, answer(m))
		}
	}
}

func TestCountTokens(t *testing.T) {
	p := start(t, "fast")
	counts := map[string]int64{}
	for name, url := range p.urls() {
		params := conversation(alias)
		var resp *http.Response
		c := client(url)
		n, err := c.Messages.CountTokens(within(t), anthropic.MessageCountTokensParams{
			Model: params.Model, Messages: params.Messages,
			System: anthropic.MessageCountTokensParamsSystemUnion{OfTextBlockArray: params.System},
		}, option.WithResponseInto(&resp))
		if err != nil {
			t.Fatal(err)
		}
		known(t, *n)
		if n.InputTokens <= 0 || resp.Header.Get("X-Firstbyte-Token-Count") != "" {
			t.Errorf("%d tokens, marked %q", n.InputTokens, resp.Header.Get("X-Firstbyte-Token-Count"))
		}
		counts[name] = n.InputTokens
	}
	if counts["all-off"] != counts["all-on"] {
		t.Errorf("counts differ: %v", counts)
	}
}

func TestModels(t *testing.T) {
	p := start(t, "fast")
	for _, url := range p.urls() {
		c := client(url)
		var ids []string
		pages := c.Models.ListAutoPaging(within(t), anthropic.ModelListParams{})
		for pages.Next() {
			m := pages.Current()
			known(t, m)
			ids = append(ids, m.ID)
		}
		if err := pages.Err(); err != nil {
			t.Fatal(err)
		}
		list := strings.Join(ids, " ")
		if !strings.Contains(list, alias) || !strings.Contains(list, gemini) {
			t.Errorf("models %s", list)
		}
		m, err := c.Models.Get(within(t), gemini, anthropic.ModelGetParams{})
		if err != nil {
			t.Fatal(err)
		}
		if m.ID != gemini || m.DisplayName == "" || !m.JSON.CreatedAt.Valid() {
			t.Errorf("model %s", m.RawJSON())
		}
	}
}

// TestAuthentication in both styles, and its refusal.
func TestAuthentication(t *testing.T) {
	p := start(t, "fast")
	for _, url := range p.urls() {
		bearer := anthropic.NewClient(option.WithoutEnvironmentDefaults(), option.WithBaseURL(url), option.WithAuthToken(callerKey), option.WithMaxRetries(0))
		if _, err := bearer.Messages.New(within(t), conversation(gemini)); err != nil {
			t.Errorf("bearer: %v", err)
		}
		wrong := client(url, option.WithAPIKey("wrong"))
		_, err := wrong.Messages.New(within(t), conversation(gemini))
		refused(t, err, 401, "authentication_error", "key")
		_, err = stream(t, wrong, conversation(gemini))
		refused(t, err, 401, "authentication_error", "key")
	}
}

// refused checks an error of the client and returns it.
func refused(t *testing.T, err error, status int, kind, says string) *anthropic.Error {
	t.Helper()
	e, ok := errors.AsType[*anthropic.Error](err)
	if !ok {
		t.Fatalf("error %v (%T), want one of the API", err, err)
	}
	if e.StatusCode != status || string(e.Type()) != kind || e.RequestID == "" || !strings.Contains(e.RawJSON(), says) {
		t.Errorf("%d %s %s, want %d %s saying %q", e.StatusCode, e.Type(), e.RawJSON(), status, kind, says)
	}
	return e
}

// TestRefusals: a bad request names the field, an unknown model is not found.
func TestRefusals(t *testing.T) {
	p := start(t, "fast")
	for _, url := range p.urls() {
		c := client(url)
		tooHot := conversation(gemini)
		tooHot.Temperature = anthropic.Float(7)
		_, err := c.Messages.New(within(t), tooHot)
		refused(t, err, 400, "invalid_request_error", "temperature")

		tools := conversation(gemini)
		look := anthropic.ToolUnionParamOfTool(anthropic.ToolInputSchemaParam{}, "look")
		tools.Tools = []anthropic.ToolUnionParam{look, look} // which of the two would be called?
		_, err = c.Messages.New(within(t), tools)
		refused(t, err, 400, "invalid_request_error", "tools")

		_, err = stream(t, c, conversation("claude-unknown"))
		refused(t, err, 404, "not_found_error", "claude-unknown")
	}
}

// TestCapacity: an upstream that stays without capacity is asked again, and then is
// an overload with a wait: as a status, or as an event where the proxy's patience
// outlasted the time that a head is held back for.
func TestCapacity(t *testing.T) {
	p := start(t, scenario(t, "capacity_429_retry_info: 1, retry_delay: 1s"))
	for name, url := range p.urls() {
		_, err := stream(t, client(url), conversation(gemini))
		e, ok := errors.AsType[*anthropic.Error](err)
		if !ok || string(e.Type()) != "overloaded_error" || !strings.Contains(e.RawJSON(), "capacity") {
			t.Fatalf("%s: %v", name, err)
		}
		wait, err := strconv.Atoi(e.Response.Header.Get("Retry-After"))
		if e.StatusCode != 200 && (e.StatusCode != 529 || err != nil || wait < 1) {
			t.Errorf("%s: %d, Retry-After %q", name, e.StatusCode, e.Response.Header.Get("Retry-After"))
		}
	}
}

// TestCutStream: an upstream that breaks off mid-answer is an error, never a
// short success.
func TestCutStream(t *testing.T) {
	p := start(t, scenario(t, "cut: 1, cut_after: 2, cut_how: end"))
	for name, url := range p.urls() {
		m, err := stream(t, client(url), conversation(gemini))
		if err == nil || m.StopReason != "" {
			t.Errorf("%s: a cut answer passed for a whole one: %s", name, answer(m))
		}
		if len(m.Content) == 0 || m.Content[0].Text == "" {
			t.Errorf("%s: what came before the cut is lost", name)
		}
	}
}
