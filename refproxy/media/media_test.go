package media_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/media"
)

// A site is a web server on loopback, over TLS.
type site struct {
	*httptest.Server
	asked atomic.Int64
}

func (s *site) host() string { return strings.TrimPrefix(s.URL, "https://") }

func serve(t *testing.T, h http.HandlerFunc) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// config allows the sites and trusts them.
func config(sites ...*site) media.Config {
	cfg := media.Config{RootCAs: x509.NewCertPool(), UserAgent: "firstbyte-refproxy/test"}
	for _, s := range sites {
		cfg.Allow = append(cfg.Allow, s.host())
		cfg.RootCAs.AddCert(s.Certificate())
	}
	return cfg
}

// request asks about files, the last one within the result of a call.
func request(urls ...string) chat.Request {
	var parts []chat.Part
	for _, u := range urls {
		parts = append(parts, chat.Part{Kind: chat.PartMedia, Media: &chat.Media{URL: u}})
	}
	last := len(parts) - 1
	parts[last] = chat.Part{Kind: chat.PartResult, Result: &chat.Result{Parts: []chat.Part{chat.Text("x"), parts[last]}}}
	return chat.Request{Turns: []chat.Turn{{Role: chat.RoleUser, Parts: parts}}}
}

// fetch resolves one file.
func fetch(t *testing.T, cfg media.Config, url string) (*chat.Media, *chat.Error) {
	t.Helper()
	req := request(url)
	err := media.New(cfg).Resolve(t.Context(), req)
	e, _ := errors.AsType[*chat.Error](err)
	if err != nil && (e == nil || e.Kind != chat.KindInvalid) {
		t.Fatalf("error %v is no fault of the caller's", err)
	}
	return req.Turns[0].Parts[0].Result.Parts[1].Media, e
}

func image(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "image/png; charset=binary")
	fmt.Fprint(w, "PNG "+r.UserAgent())
}

func TestFetch(t *testing.T) {
	s := serve(t, image)
	m, err := fetch(t, config(s), s.URL+"/a?b=c")
	want := base64.StdEncoding.EncodeToString([]byte("PNG firstbyte-refproxy/test"))
	if err != nil || m.MIME != "image/png" || m.Data != want || m.URL != "" {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestWhatIsRefused: each rule by one site that breaks it.
func TestWhatIsRefused(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/html":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<img>")
		case "/none":
			w.Header()["Content-Type"] = nil
			fmt.Fprint(w, "x")
		case "/missing":
			http.NotFound(w, r)
		case "/large":
			w.Header().Set("Content-Type", "application/pdf")
			_, _ = w.Write(bytes.Repeat([]byte("x"), 1001))
		case "/empty":
			w.Header().Set("Content-Type", "application/pdf")
		case "/slow":
			w.Header().Set("Content-Type", "application/pdf")
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case "/cut":
			w.Header().Set("Content-Type", "application/pdf")
			w.Header().Set("Content-Length", "9")
			fmt.Fprint(w, "x")
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/to-clear":
			http.Redirect(w, r, "http://127.0.0.2/", http.StatusFound)
		case "/to-file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		case "/to-metadata":
			http.Redirect(w, r, "https://169.254.169.254/computeMetadata/v1/", http.StatusFound)
		}
	})
	for path, says := range map[string]string{
		"/html": "neither an image nor a PDF", "/none": "neither an image nor a PDF", "/missing": "answered 404", "/large": "larger than 1000",
		"/empty": "empty", "/slow": "within 200ms", "/cut": "cut", "/round": "more than 3 times", "/to-clear": "only https",
		"/to-file": "only https", "/nowhere": "answered 302", "/to-metadata": "not allowed",
	} {
		cfg := config(s)
		cfg.MaxBytes = 1000
		if path == "/slow" {
			cfg.Timeout = 200 * time.Millisecond
		}
		if m, err := fetch(t, cfg, s.URL+path); err == nil || !strings.Contains(err.Message, says) || m.Data != "" {
			t.Errorf("%s: %+v, %v, want %q", path, m, err, says)
		}
	}
	for url, says := range map[string]string{
		"http://example.test/a.png": "only https", "gs://bucket/a.png": "only https", "file:///etc/passwd": "only https", "data:image/png;base64,eA": "only https",
		"https://u:p@" + s.host() + "/": "user name", "https://a b/": "no URL", "https:///a.png": "not allowed",
	} {
		if _, err := fetch(t, config(s), url); err == nil || !strings.Contains(err.Message, says) {
			t.Errorf("%s: %v, want %q", url, err, says)
		}
	}
}

// TestNoPrivateAddress: an address is refused where it is dialled, however it is
// written, found or led to, and the server there sees nothing.
func TestNoPrivateAddress(t *testing.T) {
	inner := serve(t, image)
	_, port, _ := net.SplitHostPort(inner.host())
	outer := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://127.0.0.1:"+port+"/", http.StatusTemporaryRedirect)
	})
	cfg := config(outer)
	cfg.RootCAs.AddCert(inner.Certificate())
	cfg.Resolver = resolver(t, "127.0.0.1")
	for name, url := range map[string]string{
		"loopback": "https://127.0.0.1:" + port, "another loopback": "https://127.9.9.9:" + port, "loopback, IPv6": "https://[::1]:" + port,
		"IPv4 within IPv6": "https://[::ffff:127.0.0.1]:" + port, "unspecified": "https://0.0.0.0:" + port,
		"a name for loopback": "https://example.com:" + port, "the name itself": "https://localhost:" + port,
		"a redirect to it": outer.URL, "a number": "https://2130706433:" + port,
	} {
		m, err := fetch(t, cfg, url)
		if err == nil || !strings.Contains(err.Message, "failed or is not allowed") || m.Data != "" {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	if n := inner.asked.Load(); n != 0 {
		t.Errorf("the server within was asked %d times", n)
	}
	if outer.asked.Load() == 0 {
		t.Error("the redirect was never seen")
	}
}

func TestPublic(t *testing.T) {
	for addr, want := range map[string]bool{
		"8.8.8.8": true, "93.184.216.34": true, "2001:4860:4860::8888": true, "2606:4700::1111": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.0.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false, "192.0.0.192": false,
		"198.18.0.1": false, "::1": false, "::": false, "fe80::1": false, "fd00:ec2::254": false, "ff02::1": false, "::ffff:10.0.0.1": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001::1": false, "::127.0.0.1": false, "fec0::1": false,
	} {
		if got := media.Public(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %t", addr, got)
		}
	}
}

// resolver answers every question for an IPv4 address with ip.
func resolver(t *testing.T, ip string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(reply(buf[:n], net.ParseIP(ip).To4()), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// reply makes the answer to a DNS question (RFC 1035, section 4): the question
// again, and one address if it asks for one of IPv4.
func reply(question []byte, ip net.IP) []byte {
	end := 12
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	end += 5 // the root, type, class
	out := append([]byte{}, question[:end]...)
	out[2], out[3] = 0x81, 0x80
	out[8], out[9], out[10], out[11] = 0, 0, 0, 0
	if question[end-3] != 1 { // not of type A
		return out
	}
	out[7] = 1
	return append(append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), ip...)
}

func TestPolicies(t *testing.T) {
	s := serve(t, image)
	cfg := config(s)
	cfg.Policy = media.Pass
	if m, err := fetch(t, cfg, s.URL); err != nil || m.URL != s.URL || m.Data != "" {
		t.Errorf("pass: %+v, %v", m, err)
	}
	cfg.Policy = media.Reject
	if _, err := fetch(t, cfg, s.URL); err == nil || !strings.Contains(err.Message, "base64") {
		t.Errorf("reject: %v", err)
	}
	whole := chat.Request{Turns: []chat.Turn{{Parts: []chat.Part{{Kind: chat.PartMedia, Media: &chat.Media{MIME: "image/png", Data: "eA=="}}}}}}
	if err := media.New(cfg).Resolve(t.Context(), whole); err != nil {
		t.Errorf("reject refuses what has no URL: %v", err)
	}
	if s.asked.Load() != 0 {
		t.Error("the site was asked")
	}
	for _, name := range []string{"fetch", "pass", "reject"} {
		if _, err := media.ParsePolicy(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := media.ParsePolicy("drop"); err == nil || !strings.Contains(err.Error(), "reject") {
		t.Errorf("error %v", err)
	}
}

// TestManyFiles: all come, in their places; too many, or too much, is refused.
func TestManyFiles(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		fmt.Fprint(w, strings.Repeat(r.URL.Path, 10))
	})
	var urls []string
	for i := range 20 {
		urls = append(urls, fmt.Sprintf("%s/%02d", s.URL, i))
	}
	req := request(urls...)
	if err := media.New(config(s)).Resolve(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	for i, p := range req.Turns[0].Parts[:19] {
		if want := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(fmt.Sprintf("/%02d", i), 10))); p.Media.Data != want {
			t.Errorf("file %d holds %s", i, p.Media.Data)
		}
	}
	if err := media.New(config(s)).Resolve(t.Context(), request(append(urls, s.URL)...)); err == nil || !strings.Contains(err.Error(), "at most 20") {
		t.Errorf("21 files: %v", err)
	}
	cfg := config(s)
	cfg.MaxTotal = 599
	if err := media.New(cfg).Resolve(t.Context(), request(urls...)); err == nil || !strings.Contains(err.Error(), "together larger") {
		t.Errorf("600 bytes of 599: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := media.New(config(s)).Resolve(gone, request(urls...)); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that has gone: %v", err)
	}
}

func TestValidate(t *testing.T) {
	for host, good := range map[string]bool{"a.test": true, "a.test:8443": true, "127.0.0.1:1": true, "": false, "https://a.test": false, "a/b": false, "u@a": false} {
		if err := (media.Config{Allow: []string{host}}).Validate(); (err == nil) != good {
			t.Errorf("%q: %v", host, err)
		}
	}
}
