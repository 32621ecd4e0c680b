package telemetry_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/telemetry"
)

func answered() telemetry.Request {
	return telemetry.Request{
		Model: "gemini-2.5-pro", Arm: telemetry.Candidate, Stream: true, Outcome: telemetry.OK,
		Full: 3 * time.Second, FirstByte: 900 * time.Millisecond, FirstToken: time.Second, Added: 300 * time.Microsecond,
		Input: 10, Cached: 3, Output: 70,
		Attempts: []telemetry.Attempt{{Class: "capacity", Retried: true, Slept: 300 * time.Millisecond}, {}},
		Events:   []time.Duration{5 * time.Second, 5*time.Second + 30*time.Millisecond, 5*time.Second + 60*time.Millisecond},
	}
}

// scrape returns the lines of the project's own metrics.
func scrape(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	var lines []string
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "firstbyte_") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func TestWhatIsCounted(t *testing.T) {
	m := telemetry.New()
	for range 4 {
		m.Began()
	}
	m.Ended(answered())
	m.Ended(answered())
	failed := answered()
	failed.Outcome, failed.Truncated, failed.Thoughts = "timeout", true, 2
	m.Ended(failed)
	got := scrape(t, m)
	for _, want := range []string{
		`firstbyte_proxy_requests_in_flight 1`,
		`firstbyte_proxy_requests_total{arm="candidate",model="gemini-2.5-pro",outcome="ok",stream="true"} 2`,
		`firstbyte_proxy_requests_total{arm="candidate",model="gemini-2.5-pro",outcome="timeout",stream="true"} 1`,
		`firstbyte_proxy_request_duration_seconds_bucket{arm="candidate",model="gemini-2.5-pro",stream="true",le="2.56"} 0`,
		`firstbyte_proxy_request_duration_seconds_bucket{arm="candidate",model="gemini-2.5-pro",stream="true",le="5.12"} 2`,
		`firstbyte_proxy_request_duration_seconds_count{arm="candidate",model="gemini-2.5-pro",stream="true"} 2`,
		`firstbyte_proxy_time_to_first_byte_seconds_sum{arm="candidate",model="gemini-2.5-pro",stream="true"} 1.8`,
		`firstbyte_proxy_time_to_first_token_seconds_sum{arm="candidate",model="gemini-2.5-pro",stream="true"} 2`,
		`firstbyte_proxy_added_latency_seconds_bucket{arm="candidate",model="gemini-2.5-pro",stream="true",le="0.0005"} 2`,
		`firstbyte_proxy_tokens_total{arm="candidate",model="gemini-2.5-pro",stream="true",type="cached"} 6`,
		`firstbyte_proxy_tokens_total{arm="candidate",model="gemini-2.5-pro",stream="true",type="input"} 20`,
		`firstbyte_proxy_tokens_total{arm="candidate",model="gemini-2.5-pro",stream="true",type="output"} 140`,
		`firstbyte_proxy_inter_event_gap_seconds_bucket{arm="candidate",model="gemini-2.5-pro",stream="true",le="0.02"} 0`,
		`firstbyte_proxy_inter_event_gap_seconds_bucket{arm="candidate",model="gemini-2.5-pro",stream="true",le="0.04"} 4`,
		`firstbyte_proxy_attempts_total{arm="candidate",class="capacity"} 3`,
		`firstbyte_proxy_attempts_total{arm="candidate",class="ok"} 3`,
		`firstbyte_proxy_retries_total{arm="candidate",class="capacity"} 3`,
		`firstbyte_proxy_retry_sleep_seconds_bucket{arm="candidate",class="capacity",le="0.25"} 0`,
		`firstbyte_proxy_retry_sleep_seconds_bucket{arm="candidate",class="capacity",le="0.5"} 3`,
		`firstbyte_proxy_truncated_streams_total{arm="candidate"} 1`,
		`firstbyte_proxy_truncated_streams_total{arm="baseline"} 0`,
		`firstbyte_proxy_failed_tokens_total{arm="candidate",type="output"} 70`,
		`firstbyte_proxy_dropped_total{arm="candidate",type="thought"} 2`,
		`firstbyte_proxy_dropped_total{arm="candidate",type="call"} 0`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s in\n%s", want, got)
		}
	}
}

// What was not reached is not observed as a time of 0.
func TestUnreachedIsNotTimed(t *testing.T) {
	m := telemetry.New()
	r := answered()
	r.FirstToken, r.Added = -1, -1
	m.Began()
	m.Ended(r)
	got := scrape(t, m)
	for _, name := range []string{"time_to_first_token", "added_latency"} {
		if !strings.Contains(got, fmt.Sprintf("firstbyte_proxy_%s_seconds_count{arm=\"candidate\",model=%q,stream=\"true\"} 0\n", name, r.Model)) {
			t.Errorf("%s was observed:\n%s", name, got)
		}
	}
}

// Callers who make names up get no series of their own, whether they fail or
// succeed.
func TestLabelsAreBounded(t *testing.T) {
	m := telemetry.New()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			r := answered()
			r.Model = fmt.Sprintf("made-up-%d", i)
			if i%2 == 0 {
				r.Outcome = "not_found"
			}
			m.Began()
			m.Ended(r)
		})
	}
	wg.Wait()
	got := scrape(t, m)
	if strings.Contains(got, `outcome="not_found",stream="true"} 1`+"\n") {
		t.Error("a failing request made a series")
	}
	if n := strings.Count(got, "firstbyte_proxy_request_duration_seconds_count"); n != 33 {
		t.Errorf("%d models, want 32 and the others", n)
	}
}

// What is no arm of a rollout is of neither, and a class that names something of
// a request shares the label of all others.
func TestArmsAndClassesAreBounded(t *testing.T) {
	m := telemetry.New()
	for i := range 100 {
		r := answered()
		r.Arm = telemetry.Arm(fmt.Sprintf("arm-%d", i))
		r.Attempts = []telemetry.Attempt{{Class: fmt.Sprintf("class-%d", i), Retried: true}}
		m.Began()
		m.Ended(r)
	}
	got := scrape(t, m)
	if strings.Contains(got, `arm="arm-`) || !strings.Contains(got, `firstbyte_proxy_requests_total{arm="none",model="gemini-2.5-pro",outcome="ok",stream="true"} 100`) {
		t.Errorf("a made-up arm has a series:\n%s", got)
	}
	if n := strings.Count(got, "firstbyte_proxy_retries_total{"); n != 41 {
		t.Errorf("%d classes, want 40 and the others", n)
	}
}

// A whole answer has no gaps, whoever noted instants of it.
func TestWholeAnswersHaveNoGaps(t *testing.T) {
	m := telemetry.New()
	r := answered()
	r.Stream = false
	m.Began()
	m.Ended(r)
	if got := scrape(t, m); strings.Contains(got, "inter_event_gap") {
		t.Error(got)
	}
}

func TestEndedAllocates(t *testing.T) {
	m := telemetry.New()
	r := answered()
	m.Began()
	m.Ended(r)
	if n := testing.AllocsPerRun(1000, func() { m.Began(); m.Ended(r) }); n > 0 {
		t.Errorf("%v allocations per request, want none", n)
	}
}

// BenchmarkEnded is what a streamed answer of 200 events costs at its end.
func BenchmarkEnded(b *testing.B) {
	m := telemetry.New()
	r := answered()
	r.Events = nil
	for i := range 200 {
		r.Events = append(r.Events, time.Duration(i)*31*time.Millisecond)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Began()
		m.Ended(r)
	}
}
