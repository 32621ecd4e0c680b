package fakegemini_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/fakegemini"
)

// TestEveryFaultOnTheWire has a client of HTTP/2 meet each fault, alone.
func TestEveryFaultOnTheWire(t *testing.T) {
	const finish = `"finishReason":"STOP"`
	for _, tt := range []struct {
		fault  string
		set    func(*fakegemini.Faults)
		status int    // 0: no head comes
		has    string // in what comes
		lacks  string
		broken bool // the body ends with an error
	}{
		{"daily_429", func(f *fakegemini.Faults) { f.Daily429, f.DailyReset = 1, 3*time.Hour }, 429, `"quotaResetDelay": "3h0m0s"`, finish, false},
		{"expired_401", func(f *fakegemini.Faults) { f.Expired401 = 1 }, 401, "UNAUTHENTICATED", finish, false},
		{"error_array", func(f *fakegemini.Faults) { f.ErrorArray = 1 }, 503, "[\n  {\n    \"error\"", finish, false},
		{"reset_before", func(f *fakegemini.Faults) { f.ResetBefore = 1 }, 0, "", "", false},
		{"reset_mid", func(f *fakegemini.Faults) { f.ResetMid = 1 }, 200, "<1> ", finish, true},
		{"malformed", func(f *fakegemini.Faults) { f.Malformed = 1 }, 200, "<1> ", finish, false},
		{"error_event", func(f *fakegemini.Faults) { f.ErrorEvent = 1 }, 200, `data: {"error":{"code":503,`, finish, false},
		{"empty", func(f *fakegemini.Faults) { f.Empty = 1 }, 200, "", "data", false},
		{"no_finish", func(f *fakegemini.Faults) { f.NoFinish = 1 }, 200, "<50> ", finish, false},
		{"double_usage", func(f *fakegemini.Faults) { f.DoubleUsage = 1 }, 200, finish, "", false},
		{"goaway", func(f *fakegemini.Faults) { f.Goaway = 1 }, 200, finish, "", false},
		{"goaway_drop", func(f *fakegemini.Faults) { f.GoawayDrop = 1 }, 200, "<1> ", finish, true},
		{"kill", func(f *fakegemini.Faults) { f.Kill = 1 }, 200, "<1> ", finish, true},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			config := numberedConfig(t, tt.set)
			ready, _ := start(t, config)
			client := newClient(t, fakegemini.H2, config.CAFile)
			status, body, err := fetch(t, client, ready.URLs["upstream"])
			if status != tt.status || (err != nil) != (tt.broken || tt.status == 0) {
				t.Fatalf("%d %v\n%s", status, err, body)
			}
			if !strings.Contains(body, tt.has) || tt.lacks != "" && strings.Contains(body, tt.lacks) {
				t.Errorf("body\n%s", body)
			}
			stats := control[fakegemini.Stats](t, ready.Control+"/stats").Arms["upstream"]
			if stats.Faults[tt.fault] < 1 || len(stats.Faults) != 1 {
				t.Errorf("counted %v", stats.Faults)
			}
			truth := control[fakegemini.Record](t, ready.Control+"/truth")
			if truth.Outcome != tt.fault {
				t.Errorf("recorded %+v", truth)
			}
			if tt.status == 200 && !tt.broken {
				heldByTruth(t, truth, body)
			}
		})
	}
}

// fetch streams one answer.
func fetch(t *testing.T, client *http.Client, url string) (status int, body string, err error) {
	t.Helper()
	resp, err := client.Do(newRequest(t, t.Context(), "POST", url+streamPath, prompt("a", 0, "01")))
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// numberedConfig serves HTTP/2 with one fault and at least 50 numbered chunks.
func numberedConfig(t *testing.T, set func(*fakegemini.Faults)) fakegemini.Config {
	t.Helper()
	scenario := fast(t, func(s *fakegemini.Scenario) {
		s.Output.Numbered, s.Output.MinChunks, s.Output.MaxChunks = true, 50, 60
		s.Gap.Median = 100 * time.Microsecond
		set(&s.Faults)
	})
	return fakegemini.Config{Scenario: scenario, Seed: 1, CAFile: filepath.Join(t.TempDir(), "ca.pem")}
}

var chunkNumber = regexp.MustCompile(`<(\d+)> `)

// heldByTruth compares the text of a stream with what its record says of it.
func heldByTruth(t *testing.T, truth fakegemini.Record, body string) {
	t.Helper()
	var text strings.Builder
	for event := range strings.SplitSeq(body, "\n\n") {
		var chunk struct {
			Candidates []struct {
				Content struct{ Parts []struct{ Text string } }
			}
		}
		if json.Unmarshal([]byte(strings.TrimPrefix(event, "data: ")), &chunk) != nil {
			continue // what is broken holds no text
		}
		for _, c := range chunk.Candidates {
			for _, p := range c.Content.Parts {
				text.WriteString(p.Text)
			}
		}
	}
	last := 0
	for i, found := range chunkNumber.FindAllStringSubmatch(text.String(), -1) {
		if found[1] != fmt.Sprint(i+1) {
			t.Fatalf("chunk %s in the place of %d", found[1], i+1)
		}
		last = i + 1
	}
	sum := sha256.Sum256([]byte(text.String()))
	if want := hex.EncodeToString(sum[:]); last > 0 && truth.TextHash != want || last == 0 && truth.TextHash != "" {
		t.Errorf("hash %s is recorded, %s came", truth.TextHash, want)
	}
	if usageOnly := map[string]int{"double_usage": 2}[truth.Outcome]; truth.LastChunk-usageOnly != last {
		t.Errorf("%d chunks are recorded, %d came", truth.LastChunk, last)
	}
}

func TestNumberedAnswersHaveTheirChunks(t *testing.T) {
	config := numberedConfig(t, func(*fakegemini.Faults) {})
	ready, _ := start(t, config)
	_, body, err := fetch(t, newClient(t, fakegemini.H2, config.CAFile), ready.URLs["upstream"])
	if err != nil || strings.Count(body, "data: ") < 50 {
		t.Fatalf("%v\n%s", err, body)
	}
	heldByTruth(t, control[fakegemini.Record](t, ready.Control+"/truth"), body)
}

// TestGoawayFinishesWhatRuns: after GOAWAY the next request has a connection of
// its own, and nothing was lost.
func TestGoawayFinishesWhatRuns(t *testing.T) {
	config := numberedConfig(t, func(f *fakegemini.Faults) { f.Goaway = 1 })
	ready, _ := start(t, config)
	client := newClient(t, fakegemini.H2, config.CAFile)
	var dialled atomic.Int64
	for i := range 3 {
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
			if !info.Reused {
				dialled.Add(1)
			}
		}})
		resp, err := client.Do(newRequest(t, ctx, "POST", ready.URLs["upstream"]+streamPath, prompt("a", i, fmt.Sprintf("0%d", i))))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(text), "finishReason") {
			t.Errorf("%v: %s", err, text)
		}
		resp.Body.Close()
	}
	if n := dialled.Load(); n != 3 {
		t.Errorf("%d connections for 3 requests with GOAWAY", n)
	}
}

// TestCollateralOfAKilledConnection: what shares a connection with the first to
// be killed ends with it, and is recorded as left by its client.
func TestCollateralOfAKilledConnection(t *testing.T) {
	config := numberedConfig(t, func(f *fakegemini.Faults) { f.Kill = 1 })
	config.Scenario.Gap.Median = 5 * time.Millisecond
	ready, _ := start(t, config)
	client := newClient(t, fakegemini.H2, config.CAFile)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			resp, err := client.Do(newRequest(t, t.Context(), "POST", ready.URLs["upstream"]+streamPath, prompt("a", i, fmt.Sprintf("%x", i))))
			if err != nil {
				return // killed before its head came
			}
			defer resp.Body.Close()
			if _, err := io.Copy(io.Discard, resp.Body); err == nil {
				t.Error("a killed stream ended well")
			}
		})
	}
	group.Wait()
	outcomes := map[string]int{}
	for line := range strings.Lines(controlText(t, ready.Control+"/truth")) {
		var r fakegemini.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		outcomes[r.Outcome]++
	}
	if outcomes["kill"] == 0 || outcomes["client_gone"] == 0 {
		t.Errorf("recorded %v", outcomes)
	}
}

func controlText(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url) //nolint:noctx // loopback, in a test
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSlowHandshake: a share of the connections waits before it is secured.
func TestSlowHandshake(t *testing.T) {
	config := numberedConfig(t, func(f *fakegemini.Faults) {
		f.SlowHandshake = fakegemini.SlowHandshake{Share: 1, Delay: 50 * time.Millisecond}
	})
	ready, _ := start(t, config)
	begun := time.Now()
	if _, _, err := fetch(t, newClient(t, fakegemini.H2, config.CAFile), ready.URLs["upstream"]); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < 50*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
	if n := control[fakegemini.Stats](t, ready.Control+"/stats").Arms["upstream"].Faults["slow_handshake"]; n != 1 {
		t.Errorf("%d handshakes were slow", n)
	}
}

// TestAnExpiredTokenIsRefusedUntilAnotherIsAskedFor: the fault ends the token, not
// one request.
func TestAnExpiredTokenIsRefusedUntilAnotherIsAskedFor(t *testing.T) {
	config := numberedConfig(t, func(f *fakegemini.Faults) { f.Expired401 = 0.5 })
	config.Protocol = fakegemini.H1
	ready, _ := start(t, config)
	url, token := ready.URLs["upstream"], ""
	codes := map[int]int{}
	expired := 0
	for i := range 40 {
		if token == "" {
			token = grantedToken(t, url)
		}
		req := bearer(newRequest(t, t.Context(), "POST", url+vertexPath+"generateContent", prompt("a", i, fmt.Sprintf("%x", i))), token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		codes[resp.StatusCode]++
		if resp.StatusCode != 401 {
			continue
		}
		if expired++; expired%2 == 0 { // the second is refused at the door: only then ask again
			token = ""
		}
	}
	stats := control[fakegemini.Stats](t, ready.Control+"/stats")
	if drawn := stats.Arms["upstream"].Faults["expired_401"]; codes[200] == 0 || drawn == 0 || stats.Account.Unauthorised < int(drawn)-1 {
		t.Errorf("%v, %d drawn, %d refused at the door", codes, drawn, stats.Account.Unauthorised)
	}
}
