package chat_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

func seq(err error, events ...chat.Event) iter.Seq2[chat.Event, error] {
	return func(yield func(chat.Event, error) bool) {
		for _, ev := range events {
			if !yield(ev, nil) {
				return
			}
		}
		if err != nil {
			yield(chat.Event{Usage: chat.Usage{Input: 9}}, err)
		}
	}
}

func TestCollect(t *testing.T) {
	got, err := chat.Collect(seq(nil,
		chat.Event{Kind: chat.EventStart, ID: "r", Model: "m"},
		chat.Event{Kind: chat.EventText, Text: "a"},
		chat.Event{Kind: chat.EventText, Raw: []byte(`"\n"`)},
		chat.Event{Kind: chat.EventThought, Text: "x"},
		chat.Event{Kind: chat.EventThought, Text: "y"},
		chat.Event{Kind: chat.EventText, Text: "c"},
		chat.Event{Kind: chat.EventFinish, Usage: chat.Usage{Input: 1, Output: 2}, Finish: chat.Finish{Stop: chat.StopEndTurn}},
	))
	want := chat.Response{
		ID: "r", Model: "m",
		Parts:  []chat.Part{chat.Text("a\n"), {Kind: chat.PartThought, Text: "xy"}, chat.Text("c")},
		Finish: chat.Finish{Stop: chat.StopEndTurn},
		Usage:  chat.Usage{Input: 1, Output: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, response (-want +got):\n%s", err, diff)
	}
}

func TestCollectKeepsCallsAndSignatures(t *testing.T) {
	sig, call := &chat.Signature{Family: "f", Value: "v"}, &chat.Call{ID: "1", Name: "g"}
	got, err := chat.Collect(seq(nil,
		chat.Event{Kind: chat.EventThought, Text: "x"},
		chat.Event{Kind: chat.EventThought, Signature: sig},
		chat.Event{Kind: chat.EventThought, Text: "y"},
		chat.Event{Kind: chat.EventText, Text: "a"},
		chat.Event{Kind: chat.EventCall, Call: call, Signature: sig},
		chat.Event{Kind: chat.EventText, Text: "b"},
	))
	want := []chat.Part{
		{Kind: chat.PartThought, Text: "x", Signature: sig},
		{Kind: chat.PartThought, Text: "y"},
		chat.Text("a"),
		{Kind: chat.PartCall, Call: call, Signature: sig},
		chat.Text("b"),
	}
	if diff := cmp.Diff(want, got.Parts); diff != "" || err != nil {
		t.Errorf("error %v, parts (-want +got):\n%s", err, diff)
	}
}

func TestFirstCall(t *testing.T) {
	boom := errors.New("boom")
	var dropped []string
	all := seq(boom,
		chat.Event{Kind: chat.EventCall, Call: &chat.Call{Name: "f"}},
		chat.Event{Kind: chat.EventText, Text: "a"},
		chat.Event{Kind: chat.EventCall, Call: &chat.Call{Name: "g"}},
		chat.Event{Kind: chat.EventCall, Call: &chat.Call{Name: "h"}},
	)
	got, err := chat.Collect(chat.FirstCall(all, func(c chat.Call) { dropped = append(dropped, c.Name) }))
	want := []chat.Part{{Kind: chat.PartCall, Call: &chat.Call{Name: "f"}}, chat.Text("a")}
	if diff := cmp.Diff(want, got.Parts); diff != "" || !errors.Is(err, boom) {
		t.Errorf("error %v, parts (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff([]string{"g", "h"}, dropped); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	for range chat.FirstCall(all, nil) { // nobody has to be told, and anyone may leave
		break
	}
	if _, err := chat.Collect(chat.FirstCall(all, nil)); !errors.Is(err, boom) {
		t.Error(err)
	}
}

func TestCollectKeepsWhatArrivedBeforeAnError(t *testing.T) {
	boom := errors.New("boom")
	got, err := chat.Collect(seq(boom, chat.Event{Kind: chat.EventStart}, chat.Event{Kind: chat.EventText, Text: "a"}))
	want := chat.Response{Parts: []chat.Part{chat.Text("a")}, Usage: chat.Usage{Input: 9}}
	if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, boom) {
		t.Errorf("error %v, response (-want +got):\n%s", err, diff)
	}
}

func TestCollectRefusesABadLiteral(t *testing.T) {
	if _, err := chat.Collect(seq(nil, chat.Event{Kind: chat.EventText, Raw: []byte(`"x`)})); err == nil {
		t.Error("a literal that is no JSON was taken")
	}
}

func TestEstimateTokens(t *testing.T) {
	tests := []struct {
		name string
		req  chat.Request
		want int
	}{
		{"nothing is still one", chat.Request{}, 1},
		{"system and turns, rounded up", chat.Request{
			System: []chat.Part{chat.Text("1234")},
			Turns:  []chat.Turn{{Role: chat.RoleUser, Parts: []chat.Part{chat.Text("12345"), chat.Text("é")}}},
		}, 3},
		{"tools, calls, results and files", chat.Request{
			Tools: []chat.Tool{{Name: "12", Description: "34", Schema: []byte("{}56")}},
			Turns: []chat.Turn{{Parts: []chat.Part{
				{Kind: chat.PartCall, Call: &chat.Call{Name: "1", Args: []byte("234")}},
				{Kind: chat.PartResult, Result: &chat.Result{Parts: []chat.Part{chat.Text("1234"), {Kind: chat.PartMedia, Media: &chat.Media{}}}}},
			}}},
		}, 2 + 1 + 1 + 258},
	}
	for _, tt := range tests {
		if got := chat.EstimateTokens(tt.req); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestAsError(t *testing.T) {
	if chat.AsError(nil) != nil {
		t.Error("nil is an error")
	}
	inner := chat.Invalid("a.b", "bad %d", 7)
	if got := chat.AsError(fmt.Errorf("around: %w", inner)); got != inner {
		t.Errorf("got %v, want the error in the chain", got)
	}
	if inner.Message != "a.b: bad 7" || inner.Path != "a.b" || inner.Kind.Status() != 400 {
		t.Errorf("built %+v", inner)
	}
	secret := errors.New("dial 10.0.0.1: refused")
	got := chat.AsError(secret)
	if got.Kind != chat.KindInternal || strings.Contains(got.Message, "10.0.0.1") {
		t.Errorf("a foreign error became %+v", got)
	}
	if !errors.Is(got, secret) || !strings.Contains(got.Error(), "10.0.0.1") {
		t.Errorf("the cause of %v is lost for the log", got)
	}
}

func TestKinds(t *testing.T) {
	seen := map[string]bool{}
	for k := chat.KindInternal; k <= chat.KindTimeout; k++ {
		name := k.String()
		if name == "" || seen[name] {
			t.Errorf("kind %d has the name %q", k, name)
		}
		seen[name] = true
		if s := k.Status(); s < 400 || s > 599 {
			t.Errorf("%v has status %d", k, s)
		}
	}
	if beyond := chat.KindTimeout + 1; beyond.Status() != 500 || beyond.String() == "" {
		t.Errorf("an unknown kind is %v, %d", beyond, beyond.Status())
	}
}

func TestClasses(t *testing.T) {
	seen := map[string]bool{}
	for c := chat.ClassUnknown; c <= chat.ClassEmpty; c++ {
		name := c.String()
		if name == "" || seen[name] {
			t.Errorf("class %d has the name %q", c, name)
		}
		seen[name] = true
	}
	if got := (chat.ClassEmpty + 1).String(); got != "class(18)" {
		t.Errorf("an unknown class is %q", got)
	}
}
