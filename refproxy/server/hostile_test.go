package server_test

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/media"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
)

// counted is an upstream that counts who comes, and answers well.
func counted(t *testing.T) (url string, calls *atomic.Int64) {
	t.Helper()
	calls = new(atomic.Int64)
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			calls.Add(1)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"candidates":[{"content":{"parts":[{"text":"a"}],"role":"model"},"finishReason":"STOP"}]}`)
	})), calls
}

// raw sends bytes as they are and reads one answer. No answer is status 0.
func raw(t *testing.T, url, text string) (status int, answer string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	go func() { _, _ = io.WriteString(conn, text) }() // it may close before it has read all
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("the answer is cut: %v", err)
	}
	return resp.StatusCode, fmt.Sprint(resp.Header) + string(b)
}

// post is a request with more head and a body as they stand.
func post(path, head, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n%s", path, len(body), head, body)
}

// TestPagesOfOthers: a proxy without keys spends nothing for a page of another site,
// whether it says so itself or comes by a name that was made to lead here. Programs
// are served by address and as localhost, and with keys whoever has one.
func TestPagesOfOthers(t *testing.T) {
	url, calls := counted(t)
	cfg := config(t, url)
	open := start(t, cfg)
	cfg.NoAuth, cfg.Keys = false, server.NewKeys("k1")
	keyed := start(t, cfg)
	for _, tt := range []struct {
		head   string // the fields of the head that tell
		status int
	}{
		{"Host: 127.0.0.1:8787\r\n", 200},
		{"Host: localhost:8787\r\n", 200},
		{"Host: [::1]\r\n", 200},
		{"Host: localhost:8787\r\nOrigin: http://localhost:8787\r\nSec-Fetch-Site: same-origin\r\n", 200},
		{"Host: rebound.example:8787\r\nOrigin: http://rebound.example:8787\r\nSec-Fetch-Site: same-origin\r\n", 403},
		{"Host: rebound.example\r\n", 403},
		{"Host: localhost.rebound.example\r\n", 403},
		{"Host: 127.0.0.1:8787\r\nOrigin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n", 403},
		{"Host: 127.0.0.1:8787\r\nOrigin: https://evil.example\r\n", 403}, // an old browser
		{"Host: 127.0.0.1:8787\r\nOrigin: null\r\n", 403},
	} {
		for _, path := range []string{"/v1/messages", "/v1/chat/completions", "/v1beta/models/gemini-2.5-flash:generateContent"} {
			ask := body("hello", "")
			if strings.Contains(path, "v1beta") {
				ask = odd
			}
			text := strings.Replace(post(path, "", ask), "Host: 127.0.0.1\r\n", tt.head, 1)
			before := calls.Load()
			status, got := raw(t, open.url, text)
			if status != tt.status || (calls.Load() > before) != (status == 200) {
				t.Errorf("%s %q: %d, want %d, asked %d times: %s", path, tt.head, status, tt.status, calls.Load()-before, got)
			}
			text = strings.Replace(text, "\r\n", "\r\nAuthorization: Bearer k1\r\nX-Goog-Api-Key: k1\r\n", 1)
			if status, got := raw(t, keyed.url, text); status != 200 {
				t.Errorf("%s %q with a key: %d %s", path, tt.head, status, got)
			}
		}
	}
}

// TestHostileRequests: each is refused with its own status, nothing of it reaches
// the upstream, and the proxy serves the next.
func TestHostileRequests(t *testing.T) {
	url, calls := counted(t)
	cfg := config(t, url)
	cfg.MaxBody = 1 << 20
	p := start(t, cfg)
	good := body("hello", "")
	const generate = "/v1beta/models/gemini-2.5-flash:generateContent"
	for name, tt := range map[string]struct {
		text   string
		status int
	}{
		"a head that is too large":          {post("/v1/messages", "X-Long: "+strings.Repeat("x", 300<<10)+"\r\n", good), 431},
		"a target that is too long":         {post("/v1/"+strings.Repeat("x", 300<<10), "", good), 431},
		"ten thousand fields":               {post("/v1/messages", strings.Repeat("X-A: "+strings.Repeat("b", 40)+"\r\n", 10_000), good), 431},
		"a body that says it is too large":  {"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 99999999999\r\n\r\n", 413},
		"one that wants to be invited":      {"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n", 413},
		"a body that does not say":          {"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n" + strings.Repeat("x", 2<<20) + "\r\n0\r\n\r\n", 413},
		"a body that unpacks to much":       {post("/v1/messages", "Content-Encoding: gzip\r\n", packed(strings.Repeat(" ", 64<<20))), 413},
		"packed twice":                      {post("/v1/messages", "Content-Encoding: gzip, gzip\r\n", good), 415},
		"packed otherwise":                  {post("/v1/messages", "Content-Encoding: br\r\n", good), 415},
		"said to be packed":                 {post("/v1/messages", "Content-Encoding: gzip\r\n", good), 400},
		"two lengths":                       {post("/v1/messages", "Content-Length: 3\r\n", good), 400},
		"a length and chunks":               {"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n", 400},
		"an unknown transfer encoding":      {post("/v1/messages", "Transfer-Encoding: xchunked\r\n", good), 501},
		"a broken chunk":                    {"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
		"a field with a line break":         {post("/v1/messages", "X-A: b\rSet-Cookie: c=d\r\n", good), 400},
		"a field name with a space":         {post("/v1/messages", "X A: b\r\n", good), 400},
		"a NUL in a field":                  {post("/v1/messages", "X-A: \x00\r\n", good), 400},
		"no host":                           {"POST /v1/messages HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400},
		"a path that climbs":                {post("/v1beta/models/../../admin:generateContent", "", "{}"), 404},
		"a path that climbs in disguise":    {post("/v1beta/models/..%2f..%2fadmin:generateContent", "", "{}"), 404},
		"a path within a model's name":      {post("/v1beta/models/a/b:generateContent", "", "{}"), 404},
		"a query within a model's name":     {post("/v1beta/models/a%3Fkey=b:generateContent", "", "{}"), 404},
		"a NUL in a model's name":           {post("/v1beta/models/a%00:generateContent", "", "{}"), 404},
		"a line break in a model's name":    {post("/v1beta/models/a%0d%0aSet-Cookie:%20b=c:generateContent", "", "{}"), 404},
		"a model's name without end":        {post("/v1beta/models/"+strings.Repeat("a", 9999)+":generateContent", "", "{}"), 404},
		"an unknown verb":                   {post("/v1beta/models/gemini-2.5-flash:deleteModel", "", "{}"), 404},
		"a body that is not UTF-8":          {post(generate, "", "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"\xff\xfe\"}]}]}"), 400},
		"a name that is not UTF-8":          {post("/v1/messages", "", strings.Replace(good, "messages", "mess\xffages", 1)), 400},
		"a version with a break":            {post("/v1/messages", "Anthropic-Version: 2023-06-01%0d%0a\r\n", good), 400},
		"a number beyond all":               {post("/v1/messages", "", strings.Replace(good, "1000", "1e999", 1)), 400},
		"a number below none":               {post("/v1/messages", "", strings.Replace(good, "1000", "-1", 1)), 400},
		"a model's name that climbs":        {post("/v1/messages", "", strings.Replace(good, model, "../../v1internal", 1)), 404},
		"a model's name with a line break":  {post("/v1/messages", "", strings.Replace(good, model, `a\r\nSet-Cookie: b=c`, 1)), 404},
		"a model's name with a lone surrog": {post("/v1/messages", "", strings.Replace(good, model, `a\ud800`, 1)), 404},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			before := calls.Load()
			status, answer := raw(t, p.url, tt.text)
			if status != tt.status {
				t.Errorf("%d, want %d: %.500s", status, tt.status, answer)
			}
			if strings.Contains(answer, "Set-Cookie:[") {
				t.Errorf("a header field was made: %s", answer)
			}
			if calls.Load() != before {
				t.Error("it reached the upstream")
			}
		})
	}
	if resp, got := call(t, "POST", p.url+"/v1/messages", good); resp.StatusCode != 200 {
		t.Errorf("the next: %d %s", resp.StatusCode, got)
	}
}

// TestHostileJSON: what is no request is refused by every dialect in its own
// envelope, however deep it is, and quickly.
func TestHostileJSON(t *testing.T) {
	url, calls := counted(t)
	p := start(t, config(t, url))
	const depth = 200_000
	deep := strings.Repeat("[", depth) + strings.Repeat("]", depth)
	deepObject := strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth)
	for path, frame := range map[string]string{
		"/v1/messages":         `{"model":"gemini-2.5-flash","max_tokens":9,"messages":[{"role":"user","content":"a"}],"tools":[{"name":"f","input_schema":%s}]}`,
		"/v1/chat/completions": `{"model":"gemini-2.5-flash","messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","parameters":%s}}]}`,
		"/v1/responses":        `{"model":"gemini-2.5-flash","input":"a","tools":[{"type":"function","name":"f","parameters":%s}]}`,
		"/v1beta/models/gemini-2.5-flash:generateContent": `{"contents":[{"role":"user","parts":[{"text":"a"}]}],"tools":[{"functionDeclarations":[{"name":"f","parameters":%s}]}]}`,
	} {
		for name, text := range map[string]string{
			"nothing": "", "null": "null", "a list": "[]", "a text": `"a"`, "a number": "1", "half": `{"model":`, "two": "{}{}",
			"deep": deep, "deep inside": fmt.Sprintf(frame, deep), "deep objects inside": fmt.Sprintf(frame, deepObject),
			"bad UTF-8": fmt.Sprintf(frame, "{\"type\":\"\xc3\x28\"}"), "a byte order mark": "\ufeff" + fmt.Sprintf(frame, "{}"),
		} {
			before := calls.Load()
			resp, got := call(t, "POST", p.url+path, text)
			var e struct{ Error struct{ Message string } }
			if err := json.Unmarshal([]byte(got), &e); resp.StatusCode != 400 || err != nil || e.Error.Message == "" {
				t.Errorf("%s: %s: %d %.300s", path, name, resp.StatusCode, got)
			}
			if calls.Load() != before {
				t.Errorf("%s: %s reached the upstream", path, name)
			}
		}
	}
}

// TestFilesOfPrivateAddresses: no dialect can be used to look at this machine or
// its network: not by an address however it is written, by a name, or by a redirect.
func TestFilesOfPrivateAddresses(t *testing.T) {
	var seen atomic.Int64
	victim := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		seen.Add(1)
		w.Header().Set("Content-Type", "image/png")
		_, _ = io.WriteString(w, "secret")
	}))
	defer victim.Close()
	_, port, err := net.SplitHostPort(victim.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	// The operator allows this site, which leads elsewhere.
	site := httptest.NewTLSServer(http.RedirectHandler("https://127.0.0.1:"+port+"/", http.StatusFound))
	defer site.Close()
	url, calls := counted(t)
	cfg := config(t, url)
	cfg.Media = media.Config{Allow: []string{strings.TrimPrefix(site.URL, "https://")}, RootCAs: x509.NewCertPool()}
	cfg.Media.RootCAs.AddCert(site.Certificate())
	p := start(t, cfg)
	dialects := map[string]string{
		"/v1/messages":         `{"model":"gemini-2.5-flash","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":%q}}]}]}`,
		"/v1/chat/completions": `{"model":"gemini-2.5-flash","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":%q}}]}]}`,
		"/v1/responses":        `{"model":"gemini-2.5-flash","input":[{"role":"user","content":[{"type":"input_image","image_url":%q}]}]}`,
	}
	for _, target := range []string{
		victim.URL + "/a.png", "https://127.0.0.1:" + port + "/", "https://localhost:" + port + "/", "https://127.1:" + port + "/",
		"https://2130706433:" + port + "/", "https://0x7f000001:" + port + "/", "https://[::1]:" + port + "/", "https://[::ffff:127.0.0.1]:" + port + "/",
		"https://0.0.0.0:" + port + "/", "https://169.254.169.254/latest/meta-data/", "https://10.0.0.1/", "https://[fd00::1]/", "https://[64:ff9b::7f00:1]/",
		"https://user@127.0.0.1:" + port + "/", "file:///etc/passwd", "gopher://127.0.0.1:" + port + "/", site.URL + "/",
	} {
		for path, frame := range dialects {
			resp, got := call(t, "POST", p.url+path, fmt.Sprintf(frame, target))
			if resp.StatusCode != 400 {
				t.Errorf("%s: %s: %d %.300s", path, target, resp.StatusCode, got)
			}
		}
	}
	if seen.Load() != 0 || calls.Load() != 0 {
		t.Errorf("%d reached the private server, %d the upstream", seen.Load(), calls.Load())
	}
}

// A piped listener hands out connections without a network, for a bubble.
type piped struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *piped) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *piped) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *piped) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// TestSlowRequests: who sends a head or a body drop by drop is let go after a
// time, with a status where there was a head.
func TestSlowRequests(t *testing.T) {
	const head = "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n"
	for name, tt := range map[string]struct {
		at     string // sent at once
		status int    // 0: none
		after  time.Duration
	}{
		"nothing": {"", 0, 10 * time.Second},
		"a head":  {"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ", 0, 10 * time.Second},
		"a body":  {head, 400, 2 * time.Minute},
		// What nobody reads holds nothing up for longer either.
		"the body of what there is not": {strings.Replace(head, "messages", "nothing", 1), 404, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := config(t, "http://127.0.0.1:1")
				s, err := server.New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				l := &piped{make(chan net.Conn), make(chan struct{})}
				done := make(chan error, 1)
				go func() { done <- s.Run(t.Context(), l) }()
				here, there := net.Pipe()
				l.conns <- there
				begun := time.Now()
				dripped := make(chan struct{})
				go func() { // until it is closed
					defer close(dripped)
					_, err := io.WriteString(here, tt.at)
					for ; err == nil && tt.at != ""; _, err = io.WriteString(here, " ") {
						time.Sleep(time.Second)
					}
				}()
				status := 0
				if resp, err := http.ReadResponse(bufio.NewReader(here), nil); err == nil {
					status = resp.StatusCode
					_ = resp.Body.Close()
				} else if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Error(err)
				}
				if took := time.Since(begun); status != tt.status || took < tt.after || took > tt.after+2*time.Second {
					t.Errorf("%d after %v, want %d after %v", status, took, tt.status, tt.after)
				}
				_ = here.Close()
				<-dripped
				s.Abort()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
