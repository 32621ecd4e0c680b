package anthropic_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/anthropic"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
)

// TestToolLoop holds the wire reference, 3.4: over three turns the upstream gets
// back the same bytes of signature on the same calls, whatever a client drops
// beside the API's own fields, and even what some drop of these.
func TestToolLoop(t *testing.T) {
	tests := []struct {
		name string
		keep func(wireBlock) (wireBlock, bool) // what the client sends back of a block
	}{
		{"everything", func(b wireBlock) (wireBlock, bool) { return b, true }},
		{"no reasoning", func(b wireBlock) (wireBlock, bool) { return b, b.Type != "thinking" }},
		{"short ids", func(b wireBlock) (wireBlock, bool) {
			b.ID, _, _ = strings.Cut(b.ID, "__")
			return b, true
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			messages := []any{map[string]any{"role": "user", "content": "Go."}}
			var issued []string
			for turn := range 3 {
				signature := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "signature+%d?>", turn))
				issued = append(issued, signature)
				req := decodeLoop(t, messages)
				answer := askLoop(t, req, turn, signature)
				messages = append(messages, replyLoop(answer, tt.keep)...)
			}
			up, err := gemini.EncodeRequest(decodeLoop(t, messages))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(issued, callSignatures(t, up)); diff != "" {
				t.Errorf("the upstream gets other signatures back than it gave (-given +got):\n%s", diff)
			}
		})
	}
}

func decodeLoop(t *testing.T, messages []any) chat.Request {
	body, err := json.Marshal(map[string]any{
		"model": "gemini-3-pro-preview", "max_tokens": 10, "messages": messages,
		"tools": []any{map[string]any{"name": "step"}}, "thinking": map[string]any{"type": "adaptive"},
	})
	if err != nil {
		t.Fatal(err)
	}
	req, err := anthropic.DecodeRequest(body)
	if err != nil {
		t.Fatalf("%v\nof %s", err, body)
	}
	return req
}

// askLoop returns an upstream's turn as the client sees it: reasoning without a
// signature and two parallel calls, of which the first one has it.
func askLoop(t *testing.T, req chat.Request, turn int, signature string) wireAnswer {
	stream := fmt.Sprintf(`data: {"candidates":[{"content":{"parts":[{"text":"hm","thought":true}]}}]}

data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"step","args":{"n":%d}},"thoughtSignature":%q},{"functionCall":{"name":"step"}}]},"finishReason":"STOP"}]}

`, turn, signature)
	head := head
	head.ID = fmt.Sprintf("msg_%d", turn)
	answer, whole := checkStream(t, encodeAs(head, gemini.NewDecoder(req).Stream(strings.NewReader(stream))))
	if !whole || len(answer.Content) != 3 || answer.StopReason == nil || *answer.StopReason != "tool_use" {
		t.Fatalf("answer %+v", answer)
	}
	return answer
}

// replyLoop returns what the client sends for an answer: the answer, and the
// results of its calls.
func replyLoop(answer wireAnswer, keep func(wireBlock) (wireBlock, bool)) []any {
	var said []wireBlock
	var results []any
	for _, b := range answer.Content {
		kept, ok := keep(b)
		if !ok {
			continue
		}
		said = append(said, kept)
		if kept.Type == "tool_use" {
			results = append(results, map[string]any{"type": "tool_result", "tool_use_id": kept.ID, "content": "ok"})
		}
	}
	return []any{map[string]any{"role": "assistant", "content": said}, map[string]any{"role": "user", "content": results}}
}

// callSignatures are those of the calls in an upstream's request, in order, of
// parallel ones the first one's.
func callSignatures(t *testing.T, body []byte) []string {
	var req struct {
		Contents []struct {
			Parts []struct {
				FunctionCall     json.RawMessage `json:"functionCall"`
				ThoughtSignature string          `json:"thoughtSignature"`
			} `json:"parts"`
		} `json:"contents"`
	}
	if err := json.Unmarshal(body, &req); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, c := range req.Contents {
		for _, p := range c.Parts {
			if p.ThoughtSignature != "" && p.FunctionCall == nil {
				t.Errorf("a part that had none carries signature %s", p.ThoughtSignature)
			}
			if p.ThoughtSignature != "" {
				found = append(found, p.ThoughtSignature)
			}
		}
	}
	return found
}

// TestLongSignature holds what becomes of a signature too long for an id: the
// reasoning right before the call keeps it, and without any it is lost, the call
// not.
func TestLongSignature(t *testing.T) {
	long := &chat.Signature{Family: "gemini-3", Value: strings.Repeat("x", 9<<10)}
	thought := chat.Event{Kind: chat.EventThought, Text: "hm"}
	call := chat.Event{Kind: chat.EventCall, Call: &chat.Call{ID: "call-7", Name: "f"}, Signature: long}
	end := chat.Event{Kind: chat.EventFinish, Finish: chat.Finish{Stop: chat.StopToolUse}}
	for _, tt := range []struct {
		name   string
		events []chat.Event
		want   []string // the signatures of the blocks
	}{
		{"kept by the reasoning", []chat.Event{thought, call, end}, []string{"fb1n." + long.Seal(), ""}},
		{"lost", []chat.Event{call, end}, []string{""}},
		{"no reasoning right before it", []chat.Event{thought, {Kind: chat.EventText, Text: "a"}, call, end}, []string{"", "", ""}},
	} {
		answer, _ := checkStream(t, encode(sequence(tt.events, nil)))
		var got []string
		for _, b := range answer.Content {
			if b.Type == "tool_use" && b.ID != "call-7" {
				t.Errorf("%s: id %s", tt.name, b.ID)
			}
			signature := ""
			if b.Signature != nil {
				signature = *b.Signature
			}
			got = append(got, signature)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
