package gemini

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// maxName is the longest name of a function that every model takes; newer
// ones take 128.
const maxName = 64

// wireName returns the name by which the upstream knows a function: the
// caller's own if it is allowed, else one made of it, with a hash of the whole,
// so that two names that are told apart stay so.
func wireName(name string) string {
	if isWireName(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	suffix := "_" + hex.EncodeToString(sum[:4])
	clean := make([]byte, 0, maxName)
	for i := 0; i < len(name) && len(clean) < maxName-len(suffix); i++ {
		c := name[i]
		switch {
		case len(clean) == 0 && !startsName(c) && inName(c):
			clean = append(clean, '_', c)
		case inName(c):
			clean = append(clean, c)
		default:
			clean = append(clean, '_')
		}
	}
	return string(clean) + suffix
}

func isWireName(name string) bool {
	if name == "" || len(name) > maxName || !startsName(name[0]) {
		return false
	}
	for i := range len(name) {
		if !inName(name[i]) {
			return false
		}
	}
	return true
}

func startsName(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }

func inName(c byte) bool {
	return startsName(c) || isDigit(c) || c == '.' || c == ':' || c == '-'
}

// callerNames maps the names that wireName changed back to the caller's; nil
// if there are none.
func callerNames(tools []chat.Tool) map[string]string {
	var names map[string]string
	for _, t := range tools {
		wire := wireName(t.Name)
		if t.Kind != chat.ToolFunction || wire == t.Name {
			continue
		}
		if names == nil {
			names = make(map[string]string)
		}
		names[wire] = t.Name
	}
	return names
}
