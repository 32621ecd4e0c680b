package record

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

// A filler replaces texts by others of the same length in runes and in bytes:
// every letter and digit becomes another of its kind (case and length in UTF-8
// stay), while white space, punctuation, symbols and the escapes of JSON stay where
// they are. So a text keeps its shape, its lines, and roughly its tokens, and says
// nothing. What it becomes is drawn from the text itself under a key that dies with
// the recording: equal texts become equal, so that prompts that share messages
// still do, and none can be found by trying.
//
// Names of tools and of their arguments, types, and what an argument may be (enum,
// const, pattern) stay: they are the structure.
type filler struct{ key []byte }

// item replaces the texts of an item.
func (f *filler) item(it *datasets.Item) {
	if it.System != nil {
		it.System = f.literal(it.System)
	}
	for i := range it.Messages {
		it.Messages[i].Content = f.literal(it.Messages[i].Content)
	}
	for i := range it.Tools {
		it.Tools[i].Description = f.text(it.Tools[i].Description)
		it.Tools[i].Schema = f.schema(it.Tools[i].Schema)
	}
}

// source draws for one text.
func (f *filler) source(text []byte) *rand.Rand {
	mac := hmac.New(sha256.New, f.key)
	mac.Write(text) // a hash never fails to write
	sum := mac.Sum(nil)
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum), binary.LittleEndian.Uint64(sum[8:])))
}

func (f *filler) text(s string) string {
	literal, err := encode(s)
	if err != nil {
		return ""
	}
	var out string
	if json.Unmarshal(f.literal(bytes.TrimSpace(literal)), &out) != nil {
		return ""
	}
	return out
}

// literal replaces a JSON string literal by one of the same length.
func (f *filler) literal(raw json.RawMessage) json.RawMessage {
	r := f.source(raw)
	out := make(json.RawMessage, 0, len(raw))
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '\\' && i+6 <= len(raw) && raw[i+1] == 'u':
			out = append(out, escape(raw[i:i+6], r)...)
			i += 6
		case c == '\\' && i+2 <= len(raw):
			out = append(out, raw[i:i+2]...)
			i += 2
		default:
			char, size := utf8.DecodeRune(raw[i:])
			if char == utf8.RuneError && size == 1 {
				out = append(out, c)
			} else {
				out = utf8.AppendRune(out, likewise(char, r))
			}
			i += size
		}
	}
	return out
}

// escape replaces \uXXXX; half of a pair of surrogates stays.
func escape(raw []byte, r *rand.Rand) []byte {
	n, err := strconv.ParseUint(string(raw[2:]), 16, 16)
	if err != nil {
		return raw
	}
	return fmt.Appendf(nil, `\u%04x`, likewise(rune(n), r))
}

// likewise is another rune of the same kind and length.
func likewise(c rune, r *rand.Rand) rune {
	switch {
	case c >= 'a' && c <= 'z':
		return 'a' + r.Int32N(26)
	case c >= 'A' && c <= 'Z':
		return 'A' + r.Int32N(26)
	case c >= '0' && c <= '9':
		return '0' + r.Int32N(10)
	case c < utf8.RuneSelf || !unicode.In(c, unicode.L, unicode.M, unicode.N):
		return c
	}
	switch utf8.RuneLen(c) {
	case 2:
		return 'а' + r.Int32N(32) // Cyrillic
	case 3:
		return '一' + r.Int32N(0x1000) // Han
	case 4:
		return '𠀀' + r.Int32N(0x1000) // Han, extension B
	}
	return c
}

// structural are the members of a schema whose strings are no text.
var structural = map[string]bool{
	"type": true, "enum": true, "const": true, "required": true, "pattern": true, "format": true,
	"$ref": true, "$schema": true, "$id": true, "$anchor": true,
}

// schema replaces the texts in a JSON Schema: all strings but names of members,
// and those of the structure.
func (f *filler) schema(raw json.RawMessage) json.RawMessage {
	out := make(json.RawMessage, 0, len(raw))
	var member string // the last name read: arrays belong to it too
	for i := 0; i < len(raw); {
		if raw[i] != '"' {
			out = append(out, raw[i])
			i++
			continue
		}
		end := i + 1
		for end < len(raw) && raw[end] != '"' {
			if raw[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end+1, len(raw))
		text := raw[i:end]
		i = end
		if rest := bytes.TrimLeft(raw[end:], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
			member = string(bytes.Trim(text, `"`))
		} else if !structural[member] {
			text = f.literal(text)
		}
		out = append(out, text...)
	}
	return out
}
