package server

import (
	"fmt"
	"net/http"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// ParseName shows what a name comes to: the model, and what its suffixes ask for.
func ParseName(name string, registered func(string) bool) string {
	model, w := parseName(name, registered)
	return fmt.Sprintf("%s effort=%d dynamic=%t search=%t", model, w.effort, w.dynamic, w.search)
}

// Routes lists method and path of every route of s.
func Routes(s *Server) []string {
	var all []string
	for _, rt := range s.table {
		all = append(all, rt.method+" "+rt.path)
	}
	return all
}

// ServerTime is what lines of Server-Timing come to.
func ServerTime(lines ...string) (time.Duration, bool) {
	return serverTime(http.Header{"Server-Timing": lines})
}

// GoogleError writes a failure of the upstream's, which came in body, for callers
// of Gemini's API.
func GoogleError(e *chat.Error, body []byte) (status int, sent []byte) {
	status, _, sent = google{}.Error(&googleError{e, body}, "")
	return status, sent
}
