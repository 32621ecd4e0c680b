// Package record is a pass-through in front of a model's API that writes the
// traffic which passes as a dataset with its timing, so that a team can replay
// what its own users ask.
//
//	caller -> Recorder -> upstream
//	             |
//	             +-> NAME.jsonl         one item per distinct request (package datasets)
//	             +-> NAME.timing.jsonl  one line per request: when, of which item, how
//	                                    long, and how the answer came (see Line)
//
// What passes is not touched: bodies go through byte for byte, each piece as soon
// as it comes, headers as [httputil.ReverseProxy] passes them. What is kept are
// bounded copies of bodies; a body that is longer, or comes when the copies of
// others take all the room, passes uncopied and is counted.
//
// No header is kept, and no path. A key that the request carries in a header or in
// its query is removed from the texts too, should it stand there. Texts are kept
// unless the recording is asked for filler: then every letter and digit is another
// of the same kind and length, equal texts becoming equal fillers within a
// recording (see filler). What cannot become an item is counted by its reason.
package record

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// A Config is one recording. Upstream has no default.
type Config struct {
	Upstream *url.URL // base: scheme, host, perhaps a path prefix; no user, no query
	Filler   bool     // texts are replaced
	// MaxRequests ends the recording, not the passing, after so many [100,000].
	MaxRequests int
	// MaxBody bounds the copy of one body in bytes [8 MiB], and MaxCopies all that
	// are held at once [256 MiB].
	MaxBody, MaxCopies int64
	// Transport carries the requests on; nil: a plain one, without compression of
	// its own.
	Transport http.RoundTripper
}

// A Recorder passes requests on and records them. It is safe for concurrent use.
type Recorder struct {
	cfg    Config
	proxy  *httputil.ReverseProxy
	filler *filler // nil: texts are kept
	held   atomic.Int64

	ending sync.WaitGroup // exchanges that are over and not yet recorded
	mu     sync.Mutex     // guards the tape
	tape   *tape
}

// New returns a recorder that writes items to items. What it keeps of each request
// for [Recorder.Finish] is about a hundred bytes.
func New(cfg Config, items io.Writer) *Recorder {
	fill := func(v *int64, otherwise int64) {
		if *v == 0 {
			*v = otherwise
		}
	}
	fill(&cfg.MaxBody, 8<<20)
	fill(&cfg.MaxCopies, 256<<20)
	if cfg.MaxRequests == 0 {
		cfg.MaxRequests = 100_000
	}
	if cfg.Transport == nil {
		cfg.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, DisableCompression: true, MaxIdleConnsPerHost: 1 << 10, ForceAttemptHTTP2: true}
	}
	r := &Recorder{cfg: cfg, tape: newTape(items)}
	if cfg.Filler {
		r.filler = &filler{key: []byte(rand.Text())}
	}
	r.proxy = &httputil.ReverseProxy{
		Rewrite: r.rewrite, Transport: cfg.Transport, ModifyResponse: watch, ErrorHandler: failed,
		FlushInterval: -1,                         // each piece as it comes
		ErrorLog:      log.New(io.Discard, "", 0), // it would print what may hold a key
	}
	return r
}

// rewrite sends the request on as it came: what ReverseProxy takes out of it for
// the safety of those who add to it is put back, since nothing is added.
func (r *Recorder) rewrite(pr *httputil.ProxyRequest) {
	pr.SetURL(r.cfg.Upstream)
	pr.Out.URL.RawQuery = pr.In.URL.RawQuery
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values := pr.In.Header[name]; values != nil {
			pr.Out.Header[name] = values
		}
	}
}

// failed answers a request that the upstream did not. The cause may hold what the
// request holds, so that it is not told.
func failed(w http.ResponseWriter, req *http.Request, _ error) {
	if x := exchangeOf(req.Context()); x != nil {
		x.unreached = true
	}
	http.Error(w, "firstbyte record: the upstream did not answer", http.StatusBadGateway)
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// ServeHTTP implements [http.Handler].
func (r *Recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	x := &exchange{recorder: r, begun: clock.Now(), api: apiOf(req), secrets: secretsOf(req)}
	x.request = pieces{budget: x}
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = &upload{ReadCloser: req.Body, copy: &x.request}
	}
	// An answer may begin before the request has ended; HTTP/2 knows no other way.
	_ = http.NewResponseController(w).EnableFullDuplex()
	defer x.finish() // also when a cut answer makes the proxy panic
	r.proxy.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), exchangeKey{}, x)))
}

// take asks for room for a copy of n more bytes.
func (r *Recorder) take(n int64) bool {
	if r.held.Add(n) <= r.cfg.MaxCopies {
		return true
	}
	r.held.Add(-n)
	return false
}

// An exchange is one request and its answer while they pass.
type exchange struct {
	recorder  *Recorder
	begun     int64 // clock.Now, as all instants here
	api       api
	secrets   []string
	request   pieces
	answer    *answer // nil: there is none
	unreached bool
	room      int64 // taken
}

// pieces are a bounded copy of a body. The request's is written by the transport
// while it sends, and read when the exchange is over.
type pieces struct {
	mu     sync.Mutex
	budget *exchange
	buf    bytes.Buffer
	size   int64
	capped bool
}

func (p *pieces) add(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.size += int64(len(b))
	if p.capped || p.budget == nil {
		return
	}
	if p.size > p.budget.recorder.cfg.MaxBody || !p.budget.recorder.take(int64(len(b))) {
		p.capped = true
		return
	}
	p.budget.room += int64(len(b))
	p.buf.Write(b)
}

// An upload is a request's body on its way.
type upload struct {
	io.ReadCloser
	copy  *pieces
	ended bool
}

// Read implements [io.Reader]. Behind its end there is always the end: the
// transport looks once more when all has been sent, and the server's own body has
// an error for that once the answer has begun, for which the transport would cut
// the answer short.
func (u *upload) Read(p []byte) (int, error) {
	if u.ended {
		return 0, io.EOF
	}
	n, err := u.ReadCloser.Read(p)
	u.ended = err == io.EOF
	u.copy.add(p[:n])
	return n, err
}

// finish has the exchange recorded by a goroutine of its own: the answer's end
// reaches the caller when this returns.
func (x *exchange) finish() { x.recorder.ending.Go(x.record) }

func (x *exchange) record() {
	x.request.mu.Lock() // the transport may still be reading what nobody waits for
	defer x.request.mu.Unlock()
	x.request.capped = true
	r := x.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.held.Add(-x.room)
	r.tape.add(x)
}

// ErrFinished is the error of a second Finish.
var ErrFinished = errors.New("record: finished already")

// Finish writes the timing, in the order of arrival, and says what was recorded.
// The caller has seen to it that no request passes any more; what would is not
// recorded.
func (r *Recorder) Finish(timing io.Writer) (Report, error) {
	r.ending.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tape.finish(timing)
}
