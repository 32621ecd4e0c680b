package upstream_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// TestARefusalIsPassedOnWithoutTheKey: some servers repeat the request in it.
func TestARefusalIsPassedOnWithoutTheKey(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		key := r.Header.Get("X-Goog-Api-Key")
		_, _ = io.WriteString(w, strings.Repeat("x", 8<<10)+"the key "+key+" is not valid: "+key)
	}))
	defer s.Close()
	c, err := upstream.New(upstream.Config{BaseURL: s.URL, Key: "AIza-secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	resp, err := c.Generate(t.Context(), "m", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if want := strings.Repeat("x", 8<<10) + "the key [hidden] is not valid: [hidden]"; err != nil || string(text) != want {
		t.Errorf("%v, %d bytes, ...%s", err, len(text), text[max(0, len(text)-60):])
	}
}
