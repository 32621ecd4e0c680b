package fakegemini

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// A tag names the request; the load generator puts it before the first text.
type tag struct {
	item  string
	occ   int
	nonce string
}

const (
	maxItem  = 128 // characters
	maxNonce = 64  // characters
	maxOcc   = 999_999_999
)

// tagHead is how a tag begins.
const tagHead = "[firstbyte item="

// cutTag takes the tag off the front of a text. Without a well-formed tag the
// text is returned whole.
func cutTag(text string) (tag, string, bool) {
	head, ok := strings.CutPrefix(text, tagHead)
	if !ok {
		return tag{}, text, false
	}
	item, head := cutRun(head, "abcdefghijklmnopqrstuvwxyz0123456789-", maxItem)
	digits, head := cutField(head, " occ=", "0123456789", len(strconv.Itoa(maxOcc)))
	nonce, head := cutField(head, " nonce=", "0123456789abcdef", maxNonce)
	rest, closed := strings.CutPrefix(head, "] ")
	occ, err := strconv.Atoi(digits)
	if item == "" || err != nil || nonce == "" || !closed {
		return tag{}, text, false
	}
	return tag{item, occ, nonce}, rest, true
}

func cutField(text, name, alphabet string, limit int) (field, rest string) {
	value, ok := strings.CutPrefix(text, name)
	if !ok {
		return "", text
	}
	return cutRun(value, alphabet, limit)
}

// cutRun takes the longest run of the alphabet's characters off the front, at
// most limit of them.
func cutRun(text, alphabet string, limit int) (run, rest string) {
	n := 0
	for n < len(text) && n < limit && strings.IndexByte(alphabet, text[n]) >= 0 {
		n++
	}
	return text[:n], text[n:]
}

// itemOf names a request without a tag by its contents' text.
func itemOf(contents []string) string {
	hash := sha256.New()
	for _, text := range contents {
		hash.Write([]byte(text))
		hash.Write([]byte{0})
	}
	return hex.EncodeToString(hash.Sum(nil))
}
