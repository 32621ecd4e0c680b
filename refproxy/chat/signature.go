package chat

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// Signature is an upstream's seal on a part of its answer. It wants the same
// seal back on the same part, but only from the family of models that made it.
type Signature struct {
	// Family names those models, such as "gemini-3"; it holds no NUL.
	Family string
	// Value is the seal, as it came.
	Value string
}

// Seal returns the signature as base64url without padding, [A-Za-z0-9_-] only,
// for a client to keep; Open gives it back byte for byte.
func (s Signature) Seal() string {
	kind, value := byte(sealedRaw), []byte(s.Value)
	// The usual value is base64 itself, and is not wrapped in it twice.
	if data, err := base64.StdEncoding.Strict().DecodeString(s.Value); err == nil && base64.StdEncoding.EncodeToString(data) == s.Value {
		kind, value = sealedBase64, data
	}
	return base64.RawURLEncoding.EncodeToString(append(append([]byte(s.Family), kind), value...))
}

// The byte between family and value says how the value is held.
const (
	sealedRaw    = 0
	sealedBase64 = 1
)

// OpenSignature reverses Seal. It reports false for what Seal has not made.
func OpenSignature(sealed string) (Signature, bool) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil {
		return Signature{}, false
	}
	at := bytes.IndexFunc(data, func(r rune) bool { return r == sealedRaw || r == sealedBase64 })
	if at < 1 || at == len(data)-1 {
		return Signature{}, false
	}
	s := Signature{Family: string(data[:at]), Value: string(data[at+1:])}
	if data[at] == sealedBase64 {
		s.Value = base64.StdEncoding.EncodeToString(data[at+1:])
	}
	return s, s.Seal() == sealed
}

// idMark stands between a call's id and the signature in it.
const idMark = "__thought__"

// maxSealed bounds the signature in an id: ids are repeated in every later
// request, and clients keep them in places made for short ones.
const maxSealed = 8 << 10

// JoinID returns a call's id with its signature in it, so that a client that
// keeps nothing but ids still gives the signature back. Of a signature over
// 8 kB it reports false and returns the id alone.
func JoinID(id string, s *Signature) (joined string, ok bool) {
	if s == nil {
		return id, true
	}
	sealed := s.Seal()
	if len(sealed) > maxSealed {
		return id, false
	}
	return id + idMark + sealed, true
}

// SplitID reverses JoinID. An id without a signature of ours is returned whole.
func SplitID(joined string) (id string, s *Signature) {
	at := strings.LastIndex(joined, idMark)
	if at < 0 {
		return joined, nil
	}
	sig, ok := OpenSignature(joined[at+len(idMark):])
	if !ok {
		return joined, nil
	}
	return joined[:at], &sig
}
