package gemini

import (
	"bytes"
	"unicode/utf8"
)

// scanner reads plain text chunks without decoding them. It accepts a chunk
// only if it is sure that the canonical way would take it, find in it what the
// scanner found, and write each text as the very bytes it came in. Everything
// else, however harmless, is for the canonical way: false costs time, never
// bytes.
//
// So it wants: JSON in which every string is valid UTF-8 in canonical form
// (RFC 8785), no name twice in an object, at most maxMembers in one; one
// candidate; parts that hold text alone; no error, no prompt feedback and no
// finish message.
type scanner struct {
	data []byte
	pos  int

	// What the chunk holds, valid after chunk returned true.
	texts    [][]byte // JSON literals within data, none of them ""
	usage    usageMetadata
	hasUsage bool
	finish   string
}

const (
	maxMembers = 16
	maxDepth   = 8
)

// chunk reports whether data is a plain text chunk. The fields point into
// data.
func (s *scanner) chunk(data []byte) bool {
	*s = scanner{data: data, texts: s.texts[:0]}
	if !s.object(s.chunkMember) {
		return false
	}
	s.skipSpace()
	return s.pos == len(s.data)
}

func (s *scanner) chunkMember(name []byte) bool {
	switch string(name) {
	case "candidates":
		return s.candidates()
	case "usageMetadata":
		s.hasUsage = true
		return s.object(s.usageMember)
	case "modelVersion", "responseId":
		return s.literal() != nil
	case "promptFeedback", "error":
		return false
	}
	return s.skip(maxDepth)
}

func (s *scanner) candidates() bool {
	return s.byte('[') && s.object(s.candidateMember) && s.byte(']')
}

func (s *scanner) candidateMember(name []byte) bool {
	switch string(name) {
	case "content":
		return s.object(s.contentMember)
	case "finishReason":
		return s.finishReason()
	case "index":
		n, ok := s.count()
		return ok && n == 0
	case "finishMessage":
		return false
	}
	return s.skip(maxDepth)
}

func (s *scanner) finishReason() bool {
	lit := s.literal()
	if lit == nil {
		return false
	}
	switch string(lit) {
	case `"STOP"`:
		s.finish = "STOP"
	case `"MAX_TOKENS"`:
		s.finish = "MAX_TOKENS"
	default:
		return false
	}
	return true
}

func (s *scanner) contentMember(name []byte) bool {
	switch string(name) {
	case "parts":
		return s.parts()
	case "role":
		return s.literal() != nil
	}
	return s.skip(maxDepth)
}

func (s *scanner) parts() bool {
	if !s.byte('[') {
		return false
	}
	if s.byte(']') {
		return true
	}
	for {
		if !s.object(s.partMember) {
			return false
		}
		if !s.byte(',') {
			return s.byte(']')
		}
	}
}

func (s *scanner) partMember(name []byte) bool {
	if string(name) != "text" {
		return false
	}
	lit := s.literal()
	if lit == nil {
		return false
	}
	if len(lit) > len(`""`) {
		s.texts = append(s.texts, lit)
	}
	return true
}

func (s *scanner) usageMember(name []byte) bool {
	var dst *int
	switch string(name) {
	case "promptTokenCount":
		dst = &s.usage.Prompt
	case "candidatesTokenCount":
		dst = &s.usage.Candidates
	case "thoughtsTokenCount":
		dst = &s.usage.Thoughts
	case "cachedContentTokenCount":
		dst = &s.usage.Cached
	case "toolUsePromptTokenCount":
		dst = &s.usage.ToolUse
	case "totalTokenCount":
		dst = &s.usage.Total
	default:
		return s.skip(maxDepth)
	}
	n, ok := s.count()
	*dst = n
	return ok
}

// object reads an object and has member read the value of each of its names.
func (s *scanner) object(member func(name []byte) bool) bool {
	if !s.byte('{') {
		return false
	}
	if s.byte('}') {
		return true
	}
	var names [maxMembers][]byte
	for n := range names {
		name := s.literal()
		if name == nil || has(names[:n], name) || !s.byte(':') {
			return false
		}
		names[n] = name
		if !member(name[1 : len(name)-1]) {
			return false
		}
		if !s.byte(',') {
			return s.byte('}')
		}
	}
	return false
}

func has(names [][]byte, name []byte) bool {
	for _, n := range names {
		if bytes.Equal(n, name) {
			return true
		}
	}
	return false
}

// skip reads any value without looking into it.
func (s *scanner) skip(depth int) bool {
	s.skipSpace()
	if s.pos == len(s.data) || depth == 0 {
		return false
	}
	switch s.data[s.pos] {
	case '"':
		return s.literal() != nil
	case '{':
		return s.skipObject(depth - 1)
	case '[':
		return s.skipArray(depth - 1)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

func (s *scanner) skipObject(depth int) bool {
	return s.object(func([]byte) bool { return s.skip(depth) })
}

func (s *scanner) skipArray(depth int) bool {
	if !s.byte('[') {
		return false
	}
	if s.byte(']') {
		return true
	}
	for s.skip(depth) {
		if !s.byte(',') {
			return s.byte(']')
		}
	}
	return false
}

func (s *scanner) skipSpace() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

// byte reads c after white space, or reads nothing else.
func (s *scanner) byte(c byte) bool {
	s.skipSpace()
	if s.pos == len(s.data) || s.data[s.pos] != c {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) word(w string) bool {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(w)) {
		return false
	}
	s.pos += len(w)
	return true
}

// count reads a plain whole number of at most nine digits. A number that goes
// on otherwise fails at what must follow it.
func (s *scanner) count() (int, bool) {
	s.skipSpace()
	start, n := s.pos, 0
	for s.pos < len(s.data) && s.pos-start < 10 && isDigit(s.data[s.pos]) {
		n = 10*n + int(s.data[s.pos]-'0')
		s.pos++
	}
	digits := s.pos - start
	ok := digits > 0 && digits < 10 && (digits == 1 || s.data[start] != '0')
	return n, ok
}

// number reads any JSON number.
func (s *scanner) number() bool {
	s.accept('-')
	if !s.accept('0') && s.digits() == 0 {
		return false
	}
	if s.accept('.') && s.digits() == 0 {
		return false
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('+') {
			s.accept('-')
		}
		return s.digits() > 0
	}
	return true
}

func (s *scanner) accept(c byte) bool {
	if s.pos < len(s.data) && s.data[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) digits() int {
	start := s.pos
	for s.pos < len(s.data) && isDigit(s.data[s.pos]) {
		s.pos++
	}
	return s.pos - start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// literal reads a string in canonical form and returns it with its quotes, nil
// if there is none.
func (s *scanner) literal() []byte {
	if !s.byte('"') {
		return nil
	}
	start, ascii := s.pos, true
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		switch {
		case c == '"':
			if !ascii && !utf8.Valid(s.data[start:s.pos]) {
				return nil
			}
			s.pos++
			return s.data[start-1 : s.pos]
		case c == '\\':
			n := canonicalEscape(s.data[s.pos:])
			if n == 0 {
				return nil
			}
			s.pos += n
			continue
		case c < ' ':
			return nil
		case c >= utf8.RuneSelf:
			ascii = false
		}
		s.pos++
	}
	return nil
}

// canonicalEscape returns the length of the escape that b begins with, 0 if
// the canonical form would not have it: it escapes only what it must, in the
// short form if there is one, in lower case otherwise.
func canonicalEscape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 || string(b[2:4]) != "00" {
			return 0
		}
		return canonicalControl(b[4], b[5])
	}
	return 0
}

// canonicalControl judges the last two digits of a \u00xx escape.
func canonicalControl(high, low byte) int {
	switch {
	case high == '1' && (isDigit(low) || 'a' <= low && low <= 'f'):
		return 6
	case high == '0' && ('0' <= low && low <= '7' || low == 'b' || low == 'e' || low == 'f'):
		return 6
	}
	return 0 // \b, \t, \n, \f and \r have short forms
}
