package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/rogpeppe/go-internal/txtar"
)

// The official client's own types judge what the codec's golden files hold: the
// requests in them are ones that a client can send, and the answers ones that
// it understands whole.

// goldens calls visit with every golden file of the Anthropic codec, by member.
func goldens(t *testing.T, visit func(t *testing.T, files map[string][]byte)) {
	t.Helper()
	names, err := filepath.Glob("../../refproxy/anthropic/testdata/*.txtar")
	if err != nil || len(names) < 100 {
		t.Fatalf("%d golden files, error %v", len(names), err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string][]byte{}
		for _, f := range archive.Files {
			files[f.Name] = f.Data
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { visit(t, files) })
	}
}

// foreign are the golden files whose request holds what the client does not
// know, and why it is there all the same.
var foreign = map[string]string{
	"request_unknown_top_level":       "a field of a later API",
	"request_metadata_ignored_fields": "fields that the client sends as headers, and one of a later API",
	"request_message_cache_control":   "cache_control where no client sends it",
	"request_empty_forms":             "an empty object that only other clients send",
	"request_tool_without_schema":     "a tool as only other clients send it",
	"request_lone_surrogates":         "what is not UTF-8, which the client replaces otherwise",
	"request_call_lone_surrogate":     "a number that the client cannot write",
	"request_document_content":        "blocks in a document, of which the client reads strings alone",
	"request_tool_result_document":    "blocks in a document, of which the client reads strings alone",
}

// TestOracleAnthropicRequests holds every request that is accepted to the
// client's parameters: read into them and written again, nothing is lost.
func TestOracleAnthropicRequests(t *testing.T) {
	held := 0
	goldens(t, func(t *testing.T, files map[string][]byte) {
		body, ok := files["request.json"]
		if _, refused := files["error.json"]; !ok || refused {
			return
		}
		var params anthropic.BetaMessageNewParams
		if err := json.Unmarshal(body, &params); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(params)
		var lost []string
		if err == nil {
			lost = differences("", tree(t, body), tree(t, again))
		}
		_, name, _ := strings.Cut(t.Name(), "/")
		switch why := foreign[name]; {
		case why == "" && (err != nil || lost != nil):
			t.Errorf("error %v\n%s", err, strings.Join(lost, "\n"))
		case why != "" && err == nil && lost == nil:
			t.Errorf("the client knows it all, although it is listed for %s", why)
		}
		held++
	})
	if held < 100 {
		t.Errorf("only %d requests were held", held)
	}
}

// tree reads a request into a form in which both ways of saying the same are
// one: a string is a list of one text, null is absent, and streaming is not the
// parameters' to say.
func tree(t *testing.T, body []byte) any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(body, &out); err != nil {
		t.Fatal(err)
	}
	delete(out, "stream")
	return normal("", out)
}

// differences names what want holds and got does not, or the other way round.
func differences(path string, want, got any) []string {
	w, isObject := want.(map[string]any)
	g, both := got.(map[string]any)
	if !isObject || !both {
		if reflect.DeepEqual(want, got) {
			return nil
		}
		if w, ok := want.([]any); ok {
			if g, ok := got.([]any); ok && len(w) == len(g) {
				var found []string
				for i := range w {
					found = append(found, differences(fmt.Sprintf("%s.%d", path, i), w[i], g[i])...)
				}
				return found
			}
		}
		return []string{fmt.Sprintf("%s is %v, the client sends %v", path, want, got)}
	}
	var found []string
	for _, key := range slices.Sorted(maps.Keys(w)) {
		found = append(found, differences(path+"."+key, w[key], g[key])...)
	}
	for _, key := range slices.Sorted(maps.Keys(g)) {
		if _, ok := w[key]; !ok {
			found = append(found, path+"."+key+" is the client's own")
		}
	}
	return found
}

func normal(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, member := range v {
			if v[k] = normal(k, member); v[k] == nil {
				delete(v, k)
			}
		}
	case []any:
		for i := range v {
			v[i] = normal("", v[i])
		}
	case string:
		if key == "content" || key == "system" {
			return []any{map[string]any{"type": "text", "text": v}}
		}
	}
	return v
}

// TestOracleAnthropicAnswers holds every answer, whole and streamed, to the
// client's types: it knows every field, and what its accumulator makes of a
// stream is what the whole answer says.
func TestOracleAnthropicAnswers(t *testing.T) {
	held := 0
	goldens(t, func(t *testing.T, files map[string][]byte) {
		stream, ok := files["stream.sse"]
		if !ok || !bytes.Contains(stream, []byte("event: message_stop\n")) {
			return
		}
		var added anthropic.BetaMessage
		var plain anthropic.Message
		for line := range strings.SplitSeq(string(stream), "\n") {
			data, ok := strings.CutPrefix(line, "data: ")
			if !ok || data == `{"type":"ping"}` {
				continue
			}
			var event anthropic.BetaRawMessageStreamEventUnion
			if err := json.Unmarshal([]byte(data), &event); err != nil {
				t.Fatal(err)
			}
			known(t, event.AsAny())
			if err := added.Accumulate(event); err != nil {
				t.Fatalf("accumulate %s: %v", data, err)
			}
			// Context management is of the beta alone.
			var stable anthropic.MessageStreamEventUnion
			if err := json.Unmarshal([]byte(data), &stable); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(data, `"context_management"`) {
				known(t, stable.AsAny())
			}
			if err := plain.Accumulate(stable); err != nil {
				t.Fatalf("accumulate %s: %v", data, err)
			}
		}
		var whole anthropic.BetaMessage
		if err := json.Unmarshal(files["message.json"], &whole); err != nil {
			t.Fatal(err)
		}
		known(t, whole)
		if want, got := answered(t, whole), answered(t, added); want != got && !strings.HasSuffix(t.Name(), lentLate) {
			t.Errorf("whole it is %s\nas a stream %s", want, got)
		}
		if len(plain.Content) != len(added.Content) || string(plain.StopReason) != string(added.StopReason) {
			t.Errorf("the stable client understands %s, the beta %s", plain.RawJSON(), added.RawJSON())
		}
		held++
	})
	if held < 40 {
		t.Errorf("only %d answers were held", held)
	}
}

// lentLate names the golden file of a text whose signature comes behind it: in a
// stream the reasoning that would keep it has been told by then.
const lentLate = "/stream_thinking_last_signature"

// answered is what a caller gets to see of a message.
func answered(t *testing.T, m anthropic.BetaMessage) string {
	t.Helper()
	said, err := json.Marshal(m.ToParam())
	if err != nil {
		t.Fatal(err)
	}
	u := m.Usage
	return fmt.Sprint(m.StopReason, string(said), u.InputTokens, u.CacheReadInputTokens, u.OutputTokens, u.OutputTokensDetails.ThinkingTokens)
}

// TestOracleAnthropicTable holds that the table in docs/wire.md leaves out none
// of the client's fields: those of a request, of every block and of every tool.
func TestOracleAnthropicTable(t *testing.T) {
	doc, err := os.ReadFile("../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, match := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllSubmatch(doc, -1) {
		rows[string(match[1])] = true
	}
	need := func(names ...string) {
		if !slices.ContainsFunc(names, func(n string) bool { return rows[n] }) {
			t.Errorf("no row on %s", names[0])
		}
	}
	for _, field := range members(reflect.TypeFor[anthropic.BetaMessageNewParams]()) {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(rows)), func(n string) bool { return n == field || strings.HasPrefix(n, field+".") }) {
			t.Errorf("no row on %s", field)
		}
	}
	for _, field := range members(reflect.TypeFor[anthropic.BetaMessageParam]()) {
		need("messages[]." + field)
	}
	for kind, fields := range variants(reflect.TypeFor[anthropic.BetaContentBlockParamUnion]()) {
		need(kind)
		detailed := slices.ContainsFunc(fields, func(f string) bool { return rows[kind+"."+f] })
		for _, f := range fields {
			if detailed && f != "type" {
				need(kind+"."+f, "*."+f)
			}
		}
	}
	dated := regexp.MustCompile(`_\d{8}$`)
	for kind, fields := range variants(reflect.TypeFor[anthropic.BetaToolUnionParam]()) {
		kind = dated.ReplaceAllString(kind, "_*")
		if kind == "" {
			kind = "tools[]"
		}
		need(kind)
		for _, f := range fields {
			if rows[kind+".name"] && f != "type" {
				need(kind+"."+f, "tools[]."+f)
			}
		}
	}
}

// members are the names of a struct's fields in JSON.
func members(typ reflect.Type) []string {
	var names []string
	for field := range typ.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// variants maps the type of each variant of a union to its members; the type is
// empty for the caller's own tools and for the few that have no fixed one.
func variants(union reflect.Type) map[string][]string {
	found := map[string][]string{}
	for f := range union.Fields() {
		if f.Type.Kind() != reflect.Pointer {
			continue
		}
		typ, kind := f.Type.Elem(), ""
		if discriminator, ok := typ.FieldByName("Type"); ok {
			kind = discriminator.Tag.Get("default")
		}
		found[kind] = append(found[kind], members(typ)...)
	}
	return found
}
