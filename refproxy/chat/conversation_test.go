package chat_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// A message is what TestConversation says: "user: a, result 1", or
// "model: b, call 1"; "system: c" instructs.
func say(t *testing.T, c *chat.Conversation, message string) error {
	t.Helper()
	who, what, _ := strings.Cut(message, ": ")
	var parts []chat.Part
	for word := range strings.SplitSeq(what, ", ") {
		kind, id, _ := strings.Cut(word, " ")
		switch kind {
		case "call":
			parts = append(parts, chat.Part{Kind: chat.PartCall, Call: &chat.Call{ID: id, Name: "f" + id}})
		case "result":
			parts = append(parts, chat.Part{Kind: chat.PartResult, Result: &chat.Result{ID: id}})
		case "":
		default:
			parts = append(parts, chat.Text(word))
		}
	}
	switch who {
	case "model":
		return c.Say("at", chat.RoleModel, parts...)
	case "user":
		return c.Say("at", chat.RoleUser, parts...)
	}
	c.Instruct(parts...)
	return nil
}

func tell(turns []chat.Turn) []string {
	var out []string
	for _, turn := range turns {
		var words []string
		for _, p := range turn.Parts {
			switch p.Kind {
			case chat.PartCall:
				words = append(words, "call "+p.Call.ID)
			case chat.PartResult:
				words = append(words, "result "+p.Result.ID+" of "+p.Result.Name)
			default:
				words = append(words, strings.ReplaceAll(p.Text, "\n", "|"))
			}
		}
		out = append(out, map[chat.Role]string{chat.RoleUser: "user: ", chat.RoleModel: "model: "}[turn.Role]+strings.Join(words, ", "))
	}
	return out
}

func TestConversation(t *testing.T) {
	tests := []struct {
		name string
		said []string
		want []string
		err  string
	}{
		{"messages of one role are one turn", []string{"user: a", "user: b", "model: c", "model: d"}, []string{"user: a, b", "model: c, d"}, ""},
		{"the model never begins", []string{"model: a", "user: b"}, []string{"user: .", "model: a", "user: b"}, ""},
		{
			"results take the order of their calls, from several messages",
			[]string{"user: a", "model: call 1, call 2", "user: result 2", "user: result 1", "model: b"},
			[]string{"user: a", "model: call 1, call 2", "user: result 1 of f1, result 2 of f2", "model: b"},
			"",
		},
		{
			"what else was said comes after the results",
			[]string{"user: a", "model: call 1, call 2", "user: pdf, result 1", "user: result 2, b", "user: c"},
			[]string{"user: a", "model: call 1, call 2", "user: result 1 of f1, result 2 of f2", "user: pdf, b, c"},
			"",
		},
		{
			"a system message never stands between calls and results",
			[]string{"user: a", "model: call 1", "system: s", "user: result 1"},
			[]string{"user: a", "model: call 1", "user: result 1 of f1", "user: System instruction:|s"},
			"",
		},
		{"a system message keeps its place", []string{"user: a", "system: s, u", "model: b"}, []string{"user: a, System instruction:|s|u", "model: b"}, ""},
		{
			"calls of one turn in several messages",
			[]string{"user: a", "model: call 1", "model: b, call 2", "user: result 1, result 2"},
			[]string{"user: a", "model: call 1, b, call 2", "user: result 1 of f1, result 2 of f2"},
			"",
		},
		{
			"an id that comes again is the nearest call's",
			[]string{"user: a", "model: call 1", "user: result 1", "model: call 1", "user: result 1"},
			[]string{"user: a", "model: call 1", "user: result 1 of f1", "model: call 1", "user: result 1 of f1"},
			"",
		},
		{"text after a call keeps its place", []string{"user: a", "model: call 1, b", "user: result 1"}, []string{"user: a", "model: call 1, b", "user: result 1 of f1"}, ""},
		{"nothing was said", nil, nil, "messages: at least one user message is required"},
		{"an empty message", []string{"user: a", "model: "}, nil, "at: no content left"},
		{"a result without a call", []string{"user: result 7"}, nil, `at: there is no call "7" in the turn before that waits for a result`},
		{"a result twice", []string{"user: a", "model: call 1", "user: result 1, result 1"}, nil, `at: there is no call "1" in the turn before that waits for a result`},
		{"calls without results, at the end", []string{"user: a", "model: call 1, call 2", "user: result 1"}, nil, `at: the calls "2" have no results after them`},
		{"calls without results, before the model", []string{"user: a", "model: call 1, call 2", "user: b", "model: c"}, nil, `at: the calls "1", "2" have no results after them`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c chat.Conversation
			var err error
			for _, m := range tt.said {
				if err = say(t, &c, m); err != nil {
					break
				}
			}
			var turns []chat.Turn
			if err == nil {
				_, turns, err = c.End()
			}
			if tt.err != "" {
				if err == nil || chat.AsError(err).Message != tt.err || chat.AsError(err).Kind != chat.KindInvalid {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, tell(turns)); err != nil || diff != "" {
				t.Errorf("error %v, turns (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestConversationBeginsWithTheSystem(t *testing.T) {
	var c chat.Conversation
	c.System(chat.Text("a"))
	c.Instruct(chat.Text("b"))
	if err := c.Say("", chat.RoleUser, chat.Text("c")); err != nil {
		t.Fatal(err)
	}
	system, _, err := c.End()
	if diff := cmp.Diff([]chat.Part{chat.Text("a"), chat.Text("b")}, system); err != nil || diff != "" {
		t.Errorf("error %v, system (-want +got):\n%s", err, diff)
	}
}
