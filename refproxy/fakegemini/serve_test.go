package fakegemini_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/fakegemini"
)

// start listens and serves until the test ends or stop is called.
func start(t testing.TB, config fakegemini.Config) (ready fakegemini.Ready, stop func() time.Duration) {
	t.Helper()
	s := newServer(t, config)
	ready, err := s.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	stopped := false
	stop = func() time.Duration {
		if stopped {
			return 0
		}
		stopped = true
		began := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		return time.Since(began)
	}
	t.Cleanup(func() { stop() })
	return ready, stop
}

// newClient trusts the CA file, if there is one, and speaks the protocol.
func newClient(t testing.TB, protocol fakegemini.Protocol, caFile string) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	switch protocol {
	case fakegemini.H1:
		transport.Protocols.SetHTTP1(true)
	case fakegemini.H2C:
		transport.Protocols.SetUnencryptedHTTP2(true)
	case fakegemini.H2:
		transport.Protocols.SetHTTP2(true)
		text, err := os.ReadFile(caFile)
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			t.Fatalf("no certificate in %s", text)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func control[T any](t testing.TB, url string) T {
	t.Helper()
	resp, err := http.Get(url) //nolint:noctx // loopback, in a test
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var value T
	if err := json.NewDecoder(resp.Body).Decode(&value); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return value
}

func TestProtocolsAndCounts(t *testing.T) {
	for protocol, proto := range map[fakegemini.Protocol]string{
		fakegemini.H1: "HTTP/1.1", fakegemini.H2: "HTTP/2.0", fakegemini.H2C: "HTTP/2.0",
	} {
		t.Run(string(protocol), func(t *testing.T) {
			ready, _ := start(t, fakegemini.Config{
				Scenario: fast(t, nil), Arms: []string{"baseline", "candidate"},
				Protocol: protocol, CAFile: filepath.Join(t.TempDir(), "ca.pem"),
			})
			for range 2 { // two clients, two connections
				client := newClient(t, protocol, ready.CAFile)
				for i := range 3 {
					req := newRequest(t, t.Context(), "POST", ready.URLs["candidate"]+streamPath, prompt("a", i, "01"))
					if got := exchange(t, client, req); !strings.Contains(got, `"finishReason":"STOP"`) {
						t.Fatalf("got %s", got)
					}
				}
			}
			stats := control[fakegemini.Stats](t, ready.Control+"/stats").Arms
			handshakes := int64(0)
			if protocol == fakegemini.H2 {
				handshakes = 2
			}
			got := stats["candidate"]
			if got.Connections != 2 || got.Handshakes != handshakes || got.Requests != 6 || got.ByProtocol[proto] != 6 {
				t.Errorf("candidate: %+v", got)
			}
			if got := stats["baseline"]; got.Connections != 0 || got.Requests != 0 {
				t.Errorf("baseline: %+v", got)
			}
		})
	}
}

// Every answer says how long its head was planned to take, failures among them.
func TestServerTimingIsThePlan(t *testing.T) {
	for name, tt := range map[string]struct {
		path string
		set  func(*fakegemini.Faults)
	}{
		"stream":  {streamPath, func(*fakegemini.Faults) {}},
		"whole":   {wholePath, func(*fakegemini.Faults) {}},
		"failure": {streamPath, func(f *fakegemini.Faults) { f.Daily429, f.DailyReset = 1, time.Hour }},
	} {
		t.Run(name, func(t *testing.T) {
			ready, _ := start(t, fakegemini.Config{Protocol: fakegemini.H1, Scenario: fast(t, func(s *fakegemini.Scenario) {
				s.FirstChunk.Median = 20 * time.Millisecond
				tt.set(&s.Faults)
			})})
			resp, err := newClient(t, fakegemini.H1, "").Do(newRequest(t, t.Context(), "POST", ready.URLs["upstream"]+tt.path, prompt("a", 1, "01")))
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			record := control[fakegemini.Record](t, ready.Control+"/truth")
			plan := time.Duration(record.Due[0] - record.Arrival).Milliseconds()
			if want := fmt.Sprintf("gfet4t7; dur=%d", plan); plan <= 0 || resp.Header.Get("Server-Timing") != want {
				t.Errorf("Server-Timing %q, want %q", resp.Header.Get("Server-Timing"), want)
			}
		})
	}
}

func TestTruthIsDrainedOnce(t *testing.T) {
	ready, _ := start(t, fakegemini.Config{Scenario: fast(t, nil), Protocol: fakegemini.H1})
	client := newClient(t, fakegemini.H1, "")
	exchange(t, client, newRequest(t, t.Context(), "POST", ready.URLs["upstream"]+streamPath, prompt("a", 3, "beef")))
	for _, path := range []string{"/truth", "/truth?drain=1"} {
		r := control[fakegemini.Record](t, ready.Control+path)
		if r.Item != "a" || r.Occ != 3 || r.Nonce != "beef" || r.Arm != "upstream" || r.Outcome != "ok" || r.Status != 200 {
			t.Errorf("%s: %+v", path, r)
		}
		if len(r.Writes) < 3 || len(r.Writes) != len(r.Due) || r.Arrival >= r.Writes[0] {
			t.Errorf("%s: instants %+v", path, r)
		}
	}
	if r := control[fakegemini.Record](t, ready.Control+"/truth"); r.Nonce != "" {
		t.Errorf("still there after the drain: %+v", r)
	}
}

func TestOldestRecordsGiveWay(t *testing.T) {
	ready, _ := start(t, fakegemini.Config{Scenario: fast(t, nil), Protocol: fakegemini.H1, Keep: 2})
	client := newClient(t, fakegemini.H1, "")
	for i := range 5 {
		exchange(t, client, newRequest(t, t.Context(), "POST", ready.URLs["upstream"]+wholePath, prompt("a", i, fmt.Sprint(i))))
	}
	stats := control[fakegemini.Stats](t, ready.Control+"/stats")
	if stats.Records != 2 || stats.Dropped != 3 {
		t.Errorf("%d kept, %d dropped", stats.Records, stats.Dropped)
	}
	if first := control[fakegemini.Record](t, ready.Control+"/truth"); first.Nonce != "3" {
		t.Errorf("the oldest kept is %q, want 3", first.Nonce)
	}
}

// TestSilenceEndsWithTheClientAndTheServer holds that neither a client that
// leaves nor a server that stops leaves a handler behind.
func TestSilenceEndsWithTheClientAndTheServer(t *testing.T) {
	quiet := fast(t, func(s *fakegemini.Scenario) { s.Faults.Stall, s.Faults.StallAfter = 1, 1 })
	slow := fast(t, func(s *fakegemini.Scenario) { s.Gap.Median = time.Hour })
	for name, config := range map[string]fakegemini.Config{
		"stall after a chunk": {Scenario: quiet},
		"long gap":            {Scenario: slow},
		"injured arm":         {Scenario: fast(t, nil), Injuries: map[string][]fakegemini.Injury{"upstream": {{Kind: fakegemini.InjureStall}}}},
	} {
		for _, protocol := range []fakegemini.Protocol{fakegemini.H1, fakegemini.H2} {
			t.Run(name+" "+string(protocol), func(t *testing.T) {
				config.Protocol, config.CAFile = protocol, filepath.Join(t.TempDir(), "ca.pem")
				ready, stop := start(t, config)
				client := newClient(t, protocol, ready.CAFile)
				ctx, leave := context.WithTimeout(t.Context(), 80*time.Millisecond)
				defer leave()
				got := exchange(t, client, newRequest(t, ctx, "POST", ready.URLs["upstream"]+streamPath, prompt("a", 0, "01")))
				if !strings.Contains(got, "context deadline exceeded") {
					t.Fatalf("answered: %s", got)
				}
				awaitIdle(t, ready)
				stays, end := context.WithCancel(t.Context())
				defer end()
				go func() {
					if resp, err := client.Do(newRequest(t, stays, "POST", ready.URLs["upstream"]+streamPath, prompt("a", 1, "02"))); err == nil {
						_, _ = io.Copy(io.Discard, resp.Body) // it breaks off
						resp.Body.Close()
					}
				}()
				awaitInFlight(t, ready, 1)
				if took := stop(); took > time.Second {
					t.Errorf("stopping took %v", took)
				}
				if left := handlersLeft(); left != "" {
					t.Errorf("left behind:\n%s", left)
				}
			})
		}
	}
}

func awaitIdle(t *testing.T, ready fakegemini.Ready) { t.Helper(); awaitInFlight(t, ready, 0) }

func awaitInFlight(t *testing.T, ready fakegemini.Ready, want int64) {
	t.Helper()
	for range 200 {
		if control[fakegemini.Stats](t, ready.Control+"/stats").Arms["upstream"].InFlight == want {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("never %d in flight", want)
}

// handlersLeft returns the stacks of goroutines inside the package's own code.
func handlersLeft() string {
	var b strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&b, 2); err != nil {
		return err.Error()
	}
	var left []string
	for stack := range strings.SplitSeq(b.String(), "\n\n") {
		if strings.Contains(stack, "fakegemini.(*") || strings.Contains(stack, "fakegemini.call") || strings.Contains(stack, "fakegemini.pacedWriter") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}

func TestTakenPortIsOneLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	s := newServer(t, fakegemini.Config{Scenario: fast(t, nil), Protocol: fakegemini.H1, Listen: address})
	_, err = s.Listen(t.Context())
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "arm upstream: cannot listen") {
		t.Errorf("got %v", err)
	}
}

func TestArmsTakeThePortsAfterTheFirst(t *testing.T) {
	base := freePair(t)
	ready, _ := start(t, fakegemini.Config{
		Scenario: fast(t, nil), Protocol: fakegemini.H1,
		Arms: []string{"a", "b"}, Listen: fmt.Sprintf("127.0.0.1:%d", base),
	})
	for arm, port := range map[string]int{"a": base, "b": base + 1} {
		if want := fmt.Sprintf("http://127.0.0.1:%d", port); ready.URLs[arm] != want {
			t.Errorf("arm %s is at %s, want %s", arm, ready.URLs[arm], want)
		}
	}
}

// freePair finds a port that is free together with the next one.
func freePair(t *testing.T) int {
	t.Helper()
	for range 50 {
		first, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
		if err != nil {
			t.Fatal(err)
		}
		port := first.Addr().(*net.TCPAddr).Port
		second, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+1)) //nolint:noctx // a test
		first.Close()
		if err == nil {
			second.Close()
			return port
		}
	}
	t.Fatal("no two free ports side by side")
	return 0
}

func TestConfigErrorsSayWhatToDo(t *testing.T) {
	for says, change := range map[string]func(*fakegemini.Config){
		"injury for unknown arm candidate, other: the arms are baseline": func(c *fakegemini.Config) {
			c.Arms = []string{"baseline"}
			c.Injuries = map[string][]fakegemini.Injury{"other": {}, "candidate": {}}
		},
		"arm upstream has an injury of the kind of gap=+20% already": func(c *fakegemini.Config) {
			c.Injuries = map[string][]fakegemini.Injury{"upstream": {
				{Kind: fakegemini.InjureGap, Percent: 10},
				{Kind: fakegemini.InjureTTFT, Percent: 10},
				{Kind: fakegemini.InjureGap, Percent: 20},
			}}
		},
		`arm "a" is named twice`:                          func(c *fakegemini.Config) { c.Arms = []string{"a", "a"} },
		`arm "A:b": a name is made of a-z, 0-9 and -`:     func(c *fakegemini.Config) { c.Arms = []string{"A:b"} },
		`protocol "h3": use h1, h2 or h2c`:                func(c *fakegemini.Config) { c.Protocol = "h3" },
		`address "8080": use host:port`:                   func(c *fakegemini.Config) { c.Listen = "8080" },
		`address "0.0.0.0:80" is not a loopback address`:  func(c *fakegemini.Config) { c.Control = "0.0.0.0:80" },
		`address "127.0.0.1:70000": port must be`:         func(c *fakegemini.Config) { c.Listen = "127.0.0.1:70000" },
		"models must name at least one model":             func(c *fakegemini.Config) { c.Scenario = fakegemini.Scenario{} },
		"gap.ar1 is 1, must be -0.99 to 0.99":             func(c *fakegemini.Config) { c.Scenario.Gap.AR1 = 1 },
		"faults: the probabilities add up to more than 1": func(c *fakegemini.Config) { c.Scenario.Faults.Stall, c.Scenario.Faults.Cut = .6, .6 },
		"keep must not be negative":                       func(c *fakegemini.Config) { c.Keep = -1 },
	} {
		config := fakegemini.Config{Scenario: fast(t, nil)}
		change(&config)
		if _, err := fakegemini.New(config); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

func TestScenarioErrorsNameThePlace(t *testing.T) {
	text, err := os.ReadFile("../../datasets/scenarios/fast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sound := string(text)
	for says, text := range map[string]string{
		"scenario is empty":                                 "",
		`line 5, column 3: unknown field "meedian"`:         strings.Replace(sound, "median", "meedian", 1),
		`unknown field "first_chnk"`:                        strings.Replace(sound, "first_chunk", "first_chnk", 1),
		`invalid duration "fast"`:                           strings.Replace(sound, "2ms", "fast", 1),
		`mapping key "name" already defined`:                sound + "\nname: again\n",
		"scenario fast: output.unit must be words or chars": strings.Replace(sound, "unit: words", "unit: lines", 1),
		"first_chunk.median must be above 0":                strings.Replace(sound, "2ms", "-2ms", 1),
		"more than one YAML document":                       sound + "---\nname: b\n",
		"not readable as YAML":                              "models: !x\ngap:\n",
		"line 1":                                            "a: [",
	} {
		_, err := fakegemini.ParseScenario([]byte(text))
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want one line with %q, got %v", says, err)
		}
	}
}

func TestBuiltInScenariosParse(t *testing.T) {
	files, err := filepath.Glob("../../datasets/scenarios/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := fakegemini.ParseScenario(text)
		if err != nil || s.Name+".yaml" != filepath.Base(file) {
			t.Errorf("%s: named %q, %v", file, s.Name, err)
		}
	}
}

func FuzzParseScenario(f *testing.F) {
	for _, name := range []string{"fast", "gate", "faults", "chaos"} {
		text, err := os.ReadFile("../../datasets/scenarios/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	scripts, err := os.ReadFile("testdata/scripts/loop.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(scripts)
	f.Add([]byte(limitedScenario))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := fakegemini.ParseScenario(text)
		if err == nil && s.Validate() != nil {
			t.Fatalf("accepted what is not valid: %v", s.Validate())
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Fatalf("more than a line: %v", err)
		}
	})
}
