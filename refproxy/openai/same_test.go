package openai_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/sse"
)

// object is any JSON object.
type object = map[string]any

// checkSame holds that a stream is well formed, and that what it comes to is
// message, the whole answer to the same request, or a failure if that is one.
func checkSame(t *testing.T, stream, message []byte) {
	t.Helper()
	if !utf8.Valid(stream) {
		t.Errorf("the stream is not UTF-8: %q", stream)
	}
	got, err := follow(stream)
	if err != nil {
		t.Fatalf("%v in\n%s", err, stream)
	}
	if bytes.HasPrefix(message, []byte("HTTP ")) {
		if got != nil {
			t.Errorf("the whole answer is a failure, the stream comes to %v", got)
		}
		return
	}
	var want object
	if err := json.Unmarshal(message, &want); err != nil {
		t.Fatal(err)
	}
	// A stream tells usage only where it is asked to.
	if _, ok := got["usage"]; !ok {
		delete(want, "usage")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the stream comes to something else (-whole +stream):\n%s", diff)
	}
}

// follow reads a stream of either API to what it comes to: a whole answer, or
// nil if it ends in a failure.
func follow(stream []byte) (object, error) {
	var c chatFollower
	f := responsesFollower{}
	r := sse.NewReader(bytes.NewReader(stream), 0)
	for {
		ev, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(ev.Name) > 0 {
			err = f.add(string(ev.Name), ev.Data)
		} else {
			err = c.add(ev.Data)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", ev.Data, err)
		}
	}
	if f.events > 0 {
		return f.end()
	}
	return c.end()
}

// chatFollower accumulates chunks as clients do.
type chatFollower struct {
	answer          object
	content         string
	reasoning       string
	calls           []any
	finish          any
	started, failed bool
	usage, done     bool
}

func (c *chatFollower) add(data []byte) error {
	if c.done || c.failed {
		return errors.New("an event after the end")
	}
	if string(data) == "[DONE]" {
		c.done = true
		return nil
	}
	var chunk object
	if err := json.Unmarshal(data, &chunk); err != nil {
		return err
	}
	if _, ok := chunk["error"]; ok {
		c.failed = true
		return nil
	}
	if c.answer == nil {
		c.answer = object{"id": chunk["id"], "object": "chat.completion", "created": chunk["created"], "model": chunk["model"]}
	}
	if chunk["id"] != c.answer["id"] || chunk["object"] != "chat.completion.chunk" || c.usage {
		return errors.New("a chunk of something else, or after the usage")
	}
	choices := chunk["choices"].([]any)
	if len(choices) == 0 {
		c.answer["usage"], c.usage = chunk["usage"], true
		if c.finish == nil {
			return errors.New("usage before the finish")
		}
		return nil
	}
	if chunk["usage"] != nil {
		return errors.New("usage beside a choice")
	}
	return c.choice(choices[0].(object))
}

func (c *chatFollower) choice(choice object) error {
	if c.finish != nil || choice["index"] != 0.0 {
		return errors.New("a choice after the finish, or another's")
	}
	c.finish = choice["finish_reason"]
	delta := choice["delta"].(object)
	if role, ok := delta["role"]; ok == c.started || ok && role != "assistant" {
		return errors.New("the role is told first, and once")
	}
	c.started = true
	if s, ok := delta["content"].(string); ok {
		c.content += s
	}
	if s, ok := delta["reasoning_content"].(string); ok {
		c.reasoning += s
	}
	calls, _ := delta["tool_calls"].([]any)
	for _, call := range calls {
		if err := c.call(call.(object)); err != nil {
			return err
		}
	}
	return nil
}

func (c *chatFollower) call(delta object) error {
	index := int(delta["index"].(float64))
	function := delta["function"].(object)
	switch {
	case index == len(c.calls):
		delete(delta, "index")
		c.calls = append(c.calls, delta)
		if delta["id"] == "" || function["name"] == "" || delta["type"] != "function" {
			return errors.New("the first delta of a call does not say whose it is")
		}
		return nil
	case index != len(c.calls)-1:
		return fmt.Errorf("index %d after %d calls", index, len(c.calls))
	case delta["id"] != nil || function["name"] != nil:
		return errors.New("id or name twice")
	}
	whole := c.calls[index].(object)["function"].(object)
	whole["arguments"] = whole["arguments"].(string) + function["arguments"].(string)
	return nil
}

func (c *chatFollower) end() (object, error) {
	if c.failed {
		return nil, nil
	}
	if !c.done || c.finish == nil {
		return nil, errors.New("no finish, or no end")
	}
	message := object{"role": "assistant", "content": c.content, "refusal": nil}
	if c.reasoning != "" {
		message["reasoning_content"] = c.reasoning
	}
	if c.calls != nil {
		message["tool_calls"] = c.calls
		if c.content == "" {
			message["content"] = nil
		}
	}
	for _, call := range c.calls {
		if args := call.(object)["function"].(object)["arguments"].(string); !strings.HasPrefix(args, "{") || !json.Valid([]byte(args)) {
			return nil, fmt.Errorf("arguments %s", args)
		}
	}
	c.answer["choices"] = []any{object{"index": 0.0, "message": message, "logprobs": nil, "finish_reason": c.finish}}
	return c.answer, nil
}

// responsesFollower holds events to their order, and what they accumulate to to
// what the last one says.
type responsesFollower struct {
	events int
	state  string
	delta  string // of the open part
	items  []any
	last   object
}

// order maps a state and an event, without "response.", to the next state.
var order = map[string]string{
	" created":                                 "created",
	"created in_progress":                      "open",
	"open output_item.added":                   "item",
	"item content_part.added":                  "text",
	"text output_text.delta":                   "text",
	"text output_text.done":                    "text done",
	"text done content_part.done":              "item done",
	"item function_call_arguments.delta":       "call",
	"call function_call_arguments.done":        "item done",
	"item reasoning_summary_part.added":        "summary",
	"summary reasoning_summary_text.delta":     "summary",
	"summary reasoning_summary_text.done":      "summary done",
	"summary done reasoning_summary_part.done": "item done",
	"item output_item.done":                    "open", // of a reasoning item without text
	"item done output_item.done":               "open",
	"open completed":                           "over",
	"open incomplete":                          "over",
	"open failed":                              "over",
	" failed":                                  "over",
}

func (f *responsesFollower) add(name string, data []byte) error {
	var ev object
	if err := json.Unmarshal(data, &ev); err != nil {
		return err
	}
	if ev["type"] != name || ev["sequence_number"] != float64(f.events) {
		return fmt.Errorf("event %s has type %v and number %v after %d events", name, ev["type"], ev["sequence_number"], f.events)
	}
	f.events++
	next, ok := order[f.state+" "+strings.TrimPrefix(name, "response.")]
	if !ok {
		return fmt.Errorf("%s in state %q", name, f.state)
	}
	f.state = next
	if index, ok := ev["output_index"]; ok && index != float64(len(f.items)) {
		return fmt.Errorf("output_index %v after %d items", index, len(f.items))
	}
	return f.accumulate(ev)
}

func (f *responsesFollower) accumulate(ev object) error {
	if s, ok := ev["delta"].(string); ok {
		f.delta += s
	}
	for _, whole := range []string{"text", "arguments"} {
		if s, ok := ev[whole].(string); ok && s != f.delta {
			return fmt.Errorf("the deltas come to %q", f.delta)
		}
	}
	if item, ok := ev["item"]; ok {
		f.delta = ""
		if strings.HasSuffix(ev["type"].(string), "done") {
			f.items = append(f.items, item)
		}
	}
	f.last, _ = ev["response"].(object)
	return nil
}

func (f *responsesFollower) end() (object, error) {
	if f.state != "over" {
		return nil, fmt.Errorf("the stream ends in state %q", f.state)
	}
	if diff := cmp.Diff(append([]any{}, f.items...), f.last["output"]); diff != "" {
		return nil, fmt.Errorf("the output is not the items (-items +output):\n%s", diff)
	}
	if f.last["status"] == "failed" {
		return nil, nil
	}
	return f.last, nil
}
