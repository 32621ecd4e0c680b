package anthropic_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
)

// inventor makes up streams near the border between the short way and the
// long one: mostly plain chunks, with one thing or another not quite so.
type inventor struct{ *rand.Rand }

func (v inventor) pick(s ...string) string { return s[v.IntN(len(s))] }

// seldom returns the odd one out of n times.
func (v inventor) seldom(n int, odd, plain string) string {
	if v.IntN(n) == 0 {
		return odd
	}
	return plain
}

func (v inventor) space() string { return v.seldom(12, v.pick(" ", "\t", "\r", "\n", "  "), "") }

func (v inventor) text() string {
	var b strings.Builder
	for range v.IntN(4) {
		b.WriteString(v.seldom(25, v.pick(
			`\/`, `\u000a`, `\u000b`, `\u001F`, `\u0020`, `\u003c`, `\ud83d`, `\ude00`, `\ud83d\ude00`, `\ufffd`,
			"\xff", "\xc3", "\xed\xa0\xbd", "\x01", "\x7f", `\x`, `\u12`, `"`,
		), v.pick("a", " ", `\n`, `\"`, `\\`, `\t`, `\b`, `\u001f`, "é", "日", "😀", "\u2028", "\ufffd", "<&>")))
	}
	return `"` + b.String() + `"`
}

func (v inventor) number() string {
	return v.seldom(60, v.pick("-1", "1.0", "1e2", "01", "-0", "-", "+1", "1.", ".5", "1e", "9999999999", "null", `"5"`, "2147483648", "1E+3"), fmt.Sprint(v.IntN(50)))
}

func (v inventor) any() string {
	return v.pick("null", "true", "false", "nul", v.number(), v.text(), "[]", "{}", "[1,2]", "[1,]", `{"a":1,"b":[{}]}`, `{"a":1,"a":2}`, `[[[[[[[[[[1]]]]]]]]]]`)
}

// object writes members, now and then twice, in any order, or with one more.
func (v inventor) object(members ...string) string {
	var out []string
	for _, m := range members {
		if m != "" {
			out = append(out, m)
		}
	}
	if len(out) > 0 && v.IntN(80) == 0 {
		out = append(out, out[v.IntN(len(out))])
	}
	if v.IntN(30) == 0 {
		out = append(out, v.pick(`"x"`, `"te\u0078t"`, `"thought"`, `"error"`, `"promptFeedback"`, `"é"`)+":"+v.any())
	}
	v.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return "{" + v.space() + strings.Join(out, v.space()+","+v.space()) + v.space() + v.seldom(200, "", "}")
}

func (v inventor) member(name, value string) string {
	return `"` + name + `"` + v.space() + ":" + v.space() + v.seldom(150, v.any(), value)
}

// call is a call, now and then only a piece of one.
func (v inventor) call() string {
	return v.object(v.member("functionCall", v.object(v.seldom(12, "", v.member("name", `"f"`)), v.member("id", `"1"`),
		v.seldom(3, "", v.member("args", v.object(v.member("x", v.any())))),
		v.seldom(12, v.member("willContinue", "true"), ""),
		v.seldom(12, v.member("partialArgs", `[{"jsonPath":"$.`+v.pick("a", "b.c", "")+`","stringValue":`+v.text()+"}]"), ""))),
		v.seldom(3, v.member("thoughtSignature", `"c2ln"`), ""))
}

func (v inventor) part() string {
	if v.IntN(12) == 0 {
		return v.call()
	}
	return v.object(v.member("text", v.text()),
		v.seldom(10, v.member("thought", v.pick("true", "false")), ""),
		v.seldom(10, v.member("thoughtSignature", `"c2ln"`), ""))
}

func (v inventor) candidate() string {
	parts := make([]string, v.IntN(3))
	for i := range parts {
		parts[i] = v.part()
	}
	return v.object(
		v.seldom(5, "", v.member("content", v.object(v.member("parts", "["+strings.Join(parts, ",")+"]"), v.member("role", `"model"`)))),
		v.seldom(3, v.member("finishReason", v.pick(`"STOP"`, `"MAX_TOKENS"`, `"SAFETY"`, `"OTHER"`, `""`, `"STO\u0050"`)), ""),
		v.seldom(10, v.member("finishMessage", v.text()), ""),
		v.member("index", v.seldom(10, v.number(), "0")),
		v.seldom(5, v.member("avgLogprobs", v.number()), ""))
}

func (v inventor) usage() string {
	return v.object(v.member("promptTokenCount", v.number()), v.member("totalTokenCount", v.number()),
		v.seldom(2, v.member("candidatesTokenCount", v.number()), ""), v.seldom(4, v.member("thoughtsTokenCount", v.number()), ""),
		v.seldom(4, v.member("cachedContentTokenCount", v.number()), ""), v.seldom(4, v.member("toolUsePromptTokenCount", v.number()), ""),
		v.seldom(4, v.member("promptTokensDetails", v.any()), ""))
}

func (v inventor) chunk() string {
	candidates := []string{v.candidate()}
	if v.IntN(20) == 0 {
		candidates = append(candidates, v.candidate())
	}
	c := v.object(
		v.seldom(10, "", v.member("candidates", "["+v.space()+strings.Join(candidates, ",")+v.space()+"]")),
		v.seldom(2, v.member("usageMetadata", v.usage()), ""),
		v.member("modelVersion", v.seldom(5, v.text(), `"m"`)), v.member("responseId", v.seldom(5, v.text(), `"r"`)))
	c = strings.NewReplacer("\r", " ", "\n", " ").Replace(c) // the framing has its own tests
	return "data: " + c + v.seldom(40, "x", "") + "\n\n"
}

func (v inventor) stream() string {
	chunks := []string{plainChunk}
	for range 1 + v.IntN(3) {
		chunks = append(chunks, v.chunk())
	}
	return strings.Join(chunks, "") + v.seldom(10, "", stopChunk)
}

const plainChunk = `data: {"candidates":[{"content":{"parts":[{"text":"start "}]}}]}` + "\n\n"

const stopChunk = `data: {"candidates":[{"finishReason":"STOP"}]}` + "\n\n"

// TestFastPathDifference holds both ways of ff_converter_fast_path to the same
// bytes on made-up streams, and sees to it that they try both: a test in which
// nothing ever took the short way, or everything did, would hold nothing.
func TestFastPathDifference(t *testing.T) {
	raw, decoded, failed := 0, 0, 0
	for seed := range uint64(10_000) {
		v := inventor{rand.New(rand.NewPCG(seed, 1))}
		in := v.stream()
		canonical := encode(gemini.DecodeStream(strings.NewReader(in)))
		fast := encode(count(gemini.FastStream(strings.NewReader(in)), &raw, &decoded))
		if diff := cmp.Diff(string(canonical), string(fast)); diff != "" {
			t.Fatalf("seed %d: the fast path differs (-canonical +fast):\n%s\nof %s", seed, diff, in)
		}
		if bytes.Contains(canonical, []byte("event: error")) {
			failed++
		}
	}
	t.Logf("%d deltas raw, %d decoded, %d streams failed", raw, decoded, failed)
	if raw < 1000 || decoded < 1000 || failed < 1000 || failed > 9_000 {
		t.Errorf("%d deltas raw, %d decoded, %d streams failed: too lopsided to say anything", raw, decoded, failed)
	}
}

// count counts the deltas that took either way, the first of each stream not.
func count(events chatEvents, raw, decoded *int) chatEvents {
	return func(yield func(chat.Event, error) bool) {
		n := 0
		for ev, err := range events {
			if ev.Kind == chat.EventText && n > 0 {
				if ev.Raw != nil {
					*raw++
				} else {
					*decoded++
				}
			}
			if ev.Kind == chat.EventText {
				n++
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}
