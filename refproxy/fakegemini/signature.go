package fakegemini

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
)

// skipSignature stands for a signature that a client has lost. Servers are said
// to take it; it is counted.
const skipSignature = "skip_thought_signature_validator"

// A sealer makes the signatures of one family of models and knows them again:
// kind, hash of the content and a code over both that only the seed can make.
type sealer struct {
	seed   uint64
	family string
}

// The kinds of signed parts.
const (
	sealedText    = 't'
	sealedThought = 'h'
	sealedCall    = 'c'
	sealedCalls   = 'p' // a call's that speaks for unsigned ones after it, parallel to it
)

const (
	hashSize = 16
	sealSize = 1 + hashSize + hashSize // kind, hash, code
)

// familyOf returns the models that take each other's signatures.
func familyOf(model string) string {
	version, _, _ := strings.Cut(strings.TrimPrefix(model, "gemini-"), "-")
	if major, _, ok := strings.Cut(version, "."); ok && generationOf(model) >= 3 {
		version = major
	}
	return version
}

// generationOf returns the number in a model's name, 0 if it has none.
func generationOf(model string) float64 {
	rest, ok := strings.CutPrefix(model, "gemini-")
	version, _, _ := strings.Cut(rest, "-")
	generation, err := strconv.ParseFloat(version, 64)
	if !ok || err != nil || math.IsNaN(generation) {
		return 0
	}
	return generation
}

// signsCalls says whether the model signs its calls and wants them signed.
func signsCalls(model string) bool { return generationOf(model) >= 3 }

func (s sealer) seal(kind byte, content string) string {
	hash := sha256.Sum256([]byte(content))
	head := append([]byte{kind}, hash[:hashSize]...)
	return base64.StdEncoding.EncodeToString(append(head, s.code(head)...))
}

func (s sealer) code(head []byte) []byte {
	mac := hmac.New(sha256.New, binary.BigEndian.AppendUint64(nil, s.seed))
	mac.Write([]byte(s.family))
	mac.Write(head)
	return mac.Sum(nil)[:hashSize]
}

// made says whether the signature is one of this family's, and of what kind.
func (s sealer) made(signature string) (kind byte, ok bool) {
	raw, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil || len(raw) != sealSize {
		return 0, false
	}
	head := raw[:1+hashSize]
	return raw[0], hmac.Equal(raw[1+hashSize:], s.code(head))
}

// sealCall signs a call, whatever white space and order its arguments come in.
func (s sealer) sealCall(kind byte, name string, args node) string {
	return s.seal(kind, name+"\x00"+canonical(args))
}

// canonical renders a value so that every writing of it is the same text.
func canonical(n node) string {
	switch n.kind {
	case kindBool:
		return strconv.FormatBool(n.truth)
	case kindNumber:
		value, _ := strconv.ParseFloat(n.text, 64) // JSON's grammar; beyond the range it is infinite
		return strconv.FormatFloat(value, 'g', -1, 64)
	case kindString:
		return strconv.Quote(n.text)
	case kindArray:
		items := make([]string, len(n.items))
		for i, item := range n.items {
			items[i] = canonical(item)
		}
		return "[" + strings.Join(items, ",") + "]"
	case kindObject:
		members := make([]string, len(n.members))
		for i, m := range n.members {
			members[i] = strconv.Quote(m.name) + ":" + canonical(m.value)
		}
		slices.Sort(members)
		return "{" + strings.Join(members, ",") + "}"
	}
	return "null"
}

// checkSeals refuses a signature that this family of models has not made, and a
// call without its own where the model wants one. It returns how many calls
// carried the literal instead; that of a turn's first call speaks for them all, as
// a signature does that was made for parallel calls.
func (s sealer) checkSeals(contents node, required bool) (skipped int, problem string) {
	position := 0
	for _, content := range contents.items {
		parts, _ := content.get("parts")
		covered := false
		for i, part := range parts.items {
			position++
			value, _ := part.get("thoughtSignature")
			call, isCall := part.get("functionCall")
			switch {
			case value.text == skipSignature && isCall && required:
				covered = true
				skipped++
			case value.text == "" && (!isCall || !required || covered):
			case value.text == "":
				return skipped, missingSeal(call, position)
			case s.fits(value.text, parts.items, i):
				kind, _ := s.made(value.text)
				covered = covered || kind == sealedCalls
			default:
				return skipped, "Corrupted thought signature: the one at position " + strconv.Itoa(position) + " is none that this model gave to this part."
			}
		}
	}
	return skipped, ""
}

func missingSeal(call node, position int) string {
	name, _ := call.get("name")
	return "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly. " +
		"Function call `" + name.text + "`, position " + strconv.Itoa(position) + "."
}

// fits says whether a signature belongs to the i-th part. A call takes that of
// the thought right before it too: a client may have kept that one alone. What
// belongs to text or thoughts only has to be of this family, since clients join
// and cut texts.
func (s sealer) fits(signature string, parts []node, i int) bool {
	kind, ok := s.made(signature)
	call, isCall := parts[i].get("functionCall")
	if !ok || !isCall {
		return ok && kind != sealedCall && kind != sealedCalls
	}
	if kind == sealedThought && i > 0 {
		thought, _ := parts[i-1].get("thought")
		return thought.truth
	}
	name, _ := call.get("name")
	args, given := call.get("args")
	if !given {
		args = node{kind: kindObject}
	}
	return signature == s.sealCall(kind, name.text, args)
}
