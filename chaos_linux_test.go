package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/datasets"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakegemini"
)

var chaosFull = flag.Bool("chaos", false, "run the chaos test with 10,000 streams instead of 300 (minutes)")

// chaosSize is how much is asked.
type chaosSize struct {
	streams, most int // at least, and until each fault was met so often at most
	atOnce        int
	peak          float64 // requests that a proxy must have had in flight at once
	each          int64   // times that every fault must be met
	patience      time.Duration
	level         bool // judge the memory, which needs some time
}

const (
	chaosClock = "20"
	// chaosTries bounds the attempts of one request: six by the policy, two more by
	// connections that were gone before anything was sent, and as many again at the
	// second proxy.
	chaosTries = 16
	// chaosGrowth and chaosSlack bound the proxy's memory at the end: so
	// many times what it was at the same load before, and so many bytes.
	chaosGrowth, chaosSlack = 1.25, 24 << 20
)

// TestChaos drives numbered streams through proxy and simulator, as processes of
// their own, with every fault at once, clients that are slow or leave, and a
// restart under load: what a client has of a stream that had begun is what was
// sent, every failure is typed, and nothing is left when all is over.
func TestChaos(t *testing.T) {
	size := chaosSize{streams: 300, most: 600, atOnce: 60, each: 1, patience: 3 * time.Second}
	if *chaosFull {
		size = chaosSize{streams: 10_000, most: 16_000, atOnce: 600, peak: 500, each: 300, patience: 30 * time.Second, level: true}
	}
	c := newChaos(t, size)
	c.run()
	c.judgeStreams()
	c.judgeTruth()
	c.judgeLeftovers()
}

// A chaos is one run.
type chaos struct {
	*testing.T
	size          chaosSize
	bin, ca       string
	upstream      *chaosProcess
	first, second *chaosProcess
	target        atomic.Pointer[string] // where clients go now
	client        *http.Client
	reference     http.Handler // tells what a stream should hold

	mu      sync.Mutex
	results []chaosResult
}

// A chaosResult is one stream as its client saw it.
type chaosResult struct {
	n       int
	path    string
	text    string
	how     string // whole, refused, broken, left, moved
	word    string // the type of the failure
	problem error  // what must not be
	took    time.Duration
	moved   int // times it went to the other proxy, because it had not begun
}

// A chaosProcess is a running program and what it said when it was ready.
type chaosProcess struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr bytes.Buffer
	memory []int   // resident bytes over time, while it is watched
	goal   []int   // of its heap: what a collection left alive, and as much again
	peak   float64 // most requests in flight
	said   struct {
		URL, Control, Metrics, Clock string
		URLs                         map[string]string
		PID                          int
	}
}

func newChaos(t *testing.T, size chaosSize) *chaos {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := &chaos{T: t, size: size, bin: filepath.Join(dir, "firstbyte"), ca: filepath.Join(dir, "ca.pem")}
	if err := os.Symlink(self, c.bin); err != nil { // testscript.Main runs a command by its name
		t.Fatal(err)
	}
	c.upstream = c.start("fakegemini", "--scenario", "chaos", "--arm", "a", "--ca-file", c.ca, "--clock", chaosClock)
	c.first = c.startProxy("all-off")
	c.target.Store(&c.first.said.URL)
	transport := &http.Transport{MaxIdleConnsPerHost: size.atOnce}
	t.Cleanup(transport.CloseIdleConnections)
	c.client = &http.Client{Transport: transport}
	c.reference = chaosReference(t)
	return c
}

// chaosReference serves the scenario without a fault and without a wait.
func chaosReference(t *testing.T) http.Handler {
	t.Helper()
	text, err := datasets.Scenario("chaos")
	if err != nil {
		t.Fatal(err)
	}
	scenario, err := fakegemini.ParseScenario(text)
	if err != nil {
		t.Fatal(err)
	}
	scenario.Faults = fakegemini.Faults{}
	scenario.FirstChunk = fakegemini.FirstChunk{Median: time.Nanosecond}
	scenario.Gap = fakegemini.Gap{Median: time.Nanosecond}
	fast, err := clock.NewScaled(1000, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	set, err := loadDataset("")
	if err != nil {
		t.Fatal(err)
	}
	s, err := fakegemini.New(fakegemini.Config{Scenario: scenario, Seed: 1, Answer: set.Answer, Clock: fast})
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler("upstream")
}

// chaosKeys are as many credentials as faults can use up: a day's quota and a
// credential that ends each take one away.
func chaosKeys() string {
	var keys strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&keys, "chaos-%d name=c%d\n", i, i)
	}
	return keys.String()
}

func (c *chaos) startProxy(flags string) *chaosProcess {
	c.Helper()
	return c.start("proxy", "--listen", "127.0.0.1:0", "--no-auth", "--upstream", c.upstream.said.URLs["a"],
		"--upstream-ca-file", c.ca, "--metrics", "127.0.0.1:0", "--drain", "30s", "--flags", flags, "--clock", c.upstream.said.Clock)
}

func (c *chaos) start(args ...string) *chaosProcess {
	c.Helper()
	p := &chaosProcess{cmd: exec.Command(c.bin, append(args, "--with-parent")...)}
	p.cmd.Env = append(os.Environ(), "GEMINI_API_KEY="+chaosKeys())
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		c.Fatal(err)
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		c.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.cmd.Wait() }) // both have ended in order, if all went well
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		c.Fatalf("%s: %v: %s", args[0], err, &p.stderr)
	}
	if err := json.Unmarshal([]byte(line), &p.said); err != nil {
		c.Fatalf("%s said %s: %v", args[0], line, err)
	}
	return p
}

// stop ends a process in order and wants it to end well.
func (c *chaos) stop(p *chaosProcess) {
	c.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		c.Error(err)
	}
	if err := p.cmd.Wait(); err != nil {
		c.Errorf("%v: %v: %s", p.cmd.Args[1:], err, &p.stderr)
	}
}

// run keeps so many streams going until enough have ended. With nine tenths of
// them begun another proxy takes over, and the first drains. The first has a
// connection for each request, so that faults meet their own stream alone; at the
// second what kills a connection takes a hundred others along.
func (c *chaos) run() {
	var begun atomic.Int64
	var workers sync.WaitGroup
	full := make(chan struct{})
	for range c.size.atOnce {
		workers.Go(func() {
			for {
				n := int(begun.Add(1)) - 1
				if n >= c.size.most || n >= c.size.streams && c.met() {
					return
				}
				if n == c.size.streams*9/10 {
					close(full)
				}
				c.keep(c.ask(n, *c.target.Load()))
			}
		})
	}
	watched := c.watch(c.first)
	<-full
	c.second = c.startProxy("all-on")
	c.target.Store(&c.second.said.URL)
	watched()
	watched = c.watch(c.second)
	c.stop(c.first)
	for range 10 { // who has not heard of it yet
		c.keep(c.ask(int(begun.Add(1))-1, c.first.said.URL))
	}
	workers.Wait()
	watched()
}

// met reports whether every fault was met often enough.
func (c *chaos) met() bool {
	faults := c.stats().Faults
	return len(faults) == chaosFaults && slices.Min(slices.Collect(mapValues(faults))) >= c.size.each
}

// chaosFaults is how many kinds the scenario has, slow handshakes among them.
const chaosFaults = 20

func mapValues(m map[string]int64) func(yield func(int64) bool) {
	return func(yield func(int64) bool) {
		for _, n := range m {
			if !yield(n) {
				return
			}
		}
	}
}

func (c *chaos) stats() fakegemini.ArmStats {
	var stats fakegemini.Stats
	c.get(c.upstream.said.Control+"/stats", func(body []byte) error { return json.Unmarshal(body, &stats) })
	return stats.Arms["a"]
}

func (c *chaos) get(url string, read func([]byte) error) {
	resp, err := http.Get(url) //nolint:noctx // loopback, in a test
	if err != nil {
		c.Error(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, read(body)); err != nil {
		c.Error(err)
	}
}

func (c *chaos) keep(r chaosResult) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.results = append(c.results, r)
}

func chaosPrompt(n int) string {
	return fmt.Sprintf("[firstbyte item=chaos-%d occ=0 nonce=%08x] Go on.", n, n)
}

// ask has one stream, at the other proxy if this one takes nothing any more.
func (c *chaos) ask(n int, target string) chaosResult {
	r := chaosResult{n: n, path: chaosDialects[n%len(chaosDialects)].path}
	begun := clock.Now()
	for c.askAt(target, &r) {
		target = *c.target.Load()
		if r.moved++; r.moved > 3 {
			r.problem = fmt.Errorf("no proxy takes it: %w", r.problem)
			break
		}
	}
	r.took = clock.Since(begun)
	return r
}

var (
	errLeft     = errors.New("the client leaves")
	errPatience = errors.New("the client has waited enough")
)

// askAt has one stream of one proxy. It reports whether the stream had not begun
// and another proxy has taken over.
func (c *chaos) askAt(target string, r *chaosResult) (again bool) {
	d := chaosDialects[r.n%len(chaosDialects)]
	r.problem = nil
	ctx, cancel := context.WithCancelCause(c.Context())
	defer cancel(nil)
	patience := time.AfterFunc(c.size.patience, func() { cancel(errPatience) })
	defer patience.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target+d.path, strings.NewReader(fmt.Sprintf(d.body, chaosPrompt(r.n))))
	if err != nil {
		r.problem = err
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if errors.Is(context.Cause(ctx), errPatience) {
		r.how = "left"
		return false
	}
	if err != nil {
		r.problem = err
		return target != *c.target.Load()
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return c.refused(target, resp, r)
	}
	var h heard
	err = d.listen(resp.Body, &h, func() error {
		patience.Reset(c.size.patience)
		return chaosManners(r.n, h.events)
	})
	r.text, r.word = h.text.String(), h.failed
	r.how, r.problem = chaosEnd(&h, err, context.Cause(ctx))
	return false
}

// refused reads a failure that came in place of a stream.
func (c *chaos) refused(target string, resp *http.Response, r *chaosResult) (again bool) {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.problem = err
		return target != *c.target.Load()
	}
	r.how = "refused"
	r.word, r.problem = refusalType(r.path, body)
	r.word = strconv.Itoa(resp.StatusCode) + " " + r.word
	return resp.StatusCode == 529 && strings.Contains(string(body), "shutting down")
}

// chaosManners makes some clients slow and has others leave in the middle.
func chaosManners(n, events int) error {
	switch {
	case n%23 == 0 && events%10 == 0:
		time.Sleep(20 * time.Millisecond)
	case n%17 == 0 && events >= 1+n%50:
		return errLeft
	}
	return nil
}

// chaosEnd says how a stream ended, and what must not be.
func chaosEnd(h *heard, err, cause error) (how string, problem error) {
	switch {
	case errors.Is(err, errLeft), errors.Is(cause, errPatience):
		return "left", nil
	case h.failed != "": // the connection may be closed behind the error
		return "broken", nil
	case err != nil:
		return "", fmt.Errorf("the stream ends without a typed error: %w", err)
	case !h.whole:
		return "", fmt.Errorf("the stream ends without an end, after %d events", h.events)
	}
	return "whole", nil
}

// watch notes a proxy's memory and requests in flight until stop is called.
func (c *chaos) watch(p *chaosProcess) (stop func()) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if bytes, ok := residentBytes(p.said.PID); ok {
				p.memory = append(p.memory, bytes)
			}
			if len(p.memory)%5 == 0 {
				m := c.metrics(p)
				p.peak = max(p.peak, m["firstbyte_proxy_requests_in_flight"])
				p.goal = append(p.goal, int(m["go_memstats_next_gc_bytes"]))
			}
		}
	}()
	return func() { close(done); <-stopped }
}

func residentBytes(pid int) (int, bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "statm"))
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(text))
	pages, err := strconv.Atoi(fields[1])
	return pages * os.Getpagesize(), err == nil
}

// expected returns all of the text of a stream.
func (c *chaos) expected(n int) string {
	body := fmt.Sprintf(`{"contents":[{"role":"user","parts":[{"text":"%s"}]}]}`, chaosPrompt(n))
	req := httptest.NewRequestWithContext(c.Context(), http.MethodPost, chaosDialects[3].path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Goog-Api-Key", "chaos")
	w := httptest.NewRecorder()
	c.reference.ServeHTTP(w, req)
	var h heard
	if err := chaosDialects[3].listen(w.Body, &h, func() error { return nil }); err != nil || !h.whole {
		c.Fatalf("reference %d: %v", n, err)
	}
	return h.text.String()
}

// judgeStreams wants no stream with anything lost, doubled or out of order.
func (c *chaos) judgeStreams() {
	count, dialects, words, moved, problems := map[string]int{}, map[string]int{}, map[string]int{}, 0, 0
	var longest time.Duration
	for _, r := range c.results {
		count[r.how]++
		moved += r.moved
		longest = max(longest, r.took)
		if r.word != "" {
			words[r.word]++
		}
		if r.problem == nil {
			r.problem = judgeText(r, c.expected(r.n))
		}
		if r.problem != nil {
			if problems++; problems <= 20 {
				c.Errorf("stream %d of %s, moved %d times, after %v: %v", r.n, r.path, r.moved, r.took, r.problem)
			}
		}
		if r.how == "whole" {
			dialects[r.path]++
		}
	}
	c.Logf("%d streams: %v; %d moved; failures %v; the longest took %v", len(c.results), count, moved, words, longest)
	if problems > 0 {
		c.Errorf("%d of %d streams are not as they should be", problems, len(c.results))
	}
	if len(c.results) < c.size.streams || len(dialects) != len(chaosDialects) || count["broken"] == 0 || count["refused"] == 0 || count["left"] == 0 || moved < 10 || 10*count["whole"] < len(c.results) {
		c.Errorf("too little was seen: %d streams %v, whole ones by dialect %v", len(c.results), count, dialects)
	}
	if longest > 2*time.Minute {
		c.Errorf("a stream took %v", longest)
	}
}

func judgeText(r chaosResult, want string) error {
	if r.how == "whole" && r.text != want {
		return fmt.Errorf("text\n%s\nwant\n%s", r.text, want)
	}
	if !strings.HasPrefix(want, r.text) {
		return fmt.Errorf("text\n%s\nis not how this begins:\n%s", r.text, want)
	}
	return nil
}

// judgeTruth holds what clients have against what was sent by its hash, and counts
// faults and attempts.
func (c *chaos) judgeTruth() {
	hashes, attempts := map[string][]string{}, map[string]int{}
	c.get(c.upstream.said.Control+"/truth", func(body []byte) error {
		for line := range bytes.Lines(body) {
			var r fakegemini.Record
			if err := json.Unmarshal(line, &r); err != nil {
				return err
			}
			attempts[r.Nonce]++
			hashes[r.Nonce] = append(hashes[r.Nonce], r.TextHash)
		}
		return nil
	})
	most := 0
	for _, r := range c.results {
		nonce := fmt.Sprintf("%08x", r.n)
		most = max(most, attempts[nonce])
		sum := sha256.Sum256([]byte(r.text))
		if r.how == "whole" && !slices.Contains(hashes[nonce], hex.EncodeToString(sum[:])) {
			c.Errorf("stream %d: nothing was sent that is what came", r.n)
		}
	}
	faults := c.stats().Faults
	c.Logf("at most %d attempts of a request; %v requests in flight at once; faults served: %v", most, max(c.first.peak, c.second.peak), faults)
	if peak := max(c.first.peak, c.second.peak); peak < c.size.peak {
		c.Errorf("at most %v requests were in flight at once, %v were to be", peak, c.size.peak)
	}
	if most > chaosTries {
		c.Errorf("%d attempts of one request", most)
	}
	if !c.met() {
		c.Errorf("every fault was to be met %d times: %v", c.size.each, faults)
	}
}

// judgeLeftovers wants everything given back once all streams have ended.
func (c *chaos) judgeLeftovers() {
	c.client.CloseIdleConnections()
	const goroutines = 120 // of the idle proxy with its pool: five for each of 20 connections
	eventually(c.T, "the proxy to be idle", func() (string, bool) {
		m := c.metrics(c.second)
		said := fmt.Sprintf("in flight %v, goroutines %v", m["firstbyte_proxy_requests_in_flight"], m["go_goroutines"])
		return said, m["firstbyte_proxy_requests_in_flight"] == 0 && m["go_goroutines"] > 0 && m["go_goroutines"] < goroutines
	})
	eventually(c.T, "the simulator to be idle", func() (string, bool) {
		s := c.stats()
		return fmt.Sprintf("%+v", s), s.InFlight == 0 && s.Capacity.Generating["gemini-2.5-flash"] == 0
	})
	if c.size.level {
		c.judgeMemory("first", c.first)
		c.judgeMemory("second", c.second)
	}
	c.stop(c.second)
	eventually(c.T, "the connections to be closed", func() (string, bool) {
		s := c.stats()
		return fmt.Sprintf("%d of %d open", s.Open, s.Connections), s.Open == 0
	})
	c.stop(c.upstream)
}

// metrics returns a proxy's metrics that have no labels.
func (c *chaos) metrics(p *chaosProcess) map[string]float64 {
	values := map[string]float64{}
	c.get(p.said.Metrics, func(body []byte) error {
		for line := range strings.Lines(string(body)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if v, err := strconv.ParseFloat(value, 64); err == nil {
				values[name] = v
			}
		}
		return nil
	})
	return values
}

func eventually(t *testing.T, what string, done func() (string, bool)) {
	t.Helper()
	said := ""
	for range 400 {
		var ok bool
		if said, ok = done(); ok {
			t.Logf("%s: %s", what, said)
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Errorf("waited in vain for %s: %s", what, said)
}

// judgeMemory compares the second half of the time under load with the first, from
// when it has warmed up: what the collector found alive. Resident memory, which is
// told beside it, also holds what was not collected or not given back yet, and so
// depends on how busy the machine is.
func (c *chaos) judgeMemory(name string, p *chaosProcess) {
	if len(p.goal) < 16 {
		c.Errorf("only %d looks at the %s proxy's memory", len(p.goal), name)
		return
	}
	early, late := halves(p.goal)
	resident, later := halves(p.memory)
	c.Logf("the %s proxy's heap: a goal of %d MB, then %d MB; resident %d MB, then %d MB", name, early>>20, late>>20, resident>>20, later>>20)
	if late == 0 || float64(late) > chaosGrowth*float64(early)+chaosSlack {
		c.Errorf("the %s proxy's heap grew from a goal of %d to %d bytes", name, early, late)
	}
}

// halves returns the most of each half of what comes after the warm-up, which is
// long: with all flags off each request has a transport of its own, and what is
// left of that is held by a timer for up to 10 s (IdleConnTimeout), so that memory
// can be level only after these.
func halves(looks []int) (early, late int) {
	warm := looks[len(looks)*5/8:]
	return slices.Max(warm[:len(warm)/2]), slices.Max(warm[len(warm)/2:])
}
