package convert_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/firstbyte-dev/firstbyte/bench/convert"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// results are what the golden log of vegeta holds.
func results(t *testing.T) []vegeta.Result {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "vegeta.json"))
	if err != nil {
		t.Fatal(err)
	}
	dec := vegeta.NewJSONDecoder(bytes.NewReader(text))
	var all []vegeta.Result
	for {
		var r vegeta.Result
		if err := dec.Decode(&r); err != nil {
			return all
		}
		all = append(all, r)
	}
}

// TestVegetaForms: the three forms that vegeta itself writes, and a last line
// without its end, give the same requests.
func TestVegetaForms(t *testing.T) {
	o := options(convert.Vegeta, "attack", "before", "after")
	want, _, err := convertText(t, o, encodeVegeta(t, vegeta.NewJSONEncoder))
	if err != nil || len(want.Samples) != len(results(t)) || len(want.Samples) < 7 {
		t.Fatalf("%v, %d results", err, len(results(t)))
	}
	for name, text := range map[string]string{
		"gob":          encodeVegeta(t, vegeta.NewEncoder),
		"CSV":          encodeVegeta(t, vegeta.NewCSVEncoder),
		"no line feed": strings.TrimSuffix(encodeVegeta(t, vegeta.NewJSONEncoder), "\n"),
	} {
		got, _, err := convertText(t, o, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-JSON +%s):\n%s", name, name, diff)
		}
	}
}

func encodeVegeta[W any](t *testing.T, encoder func(W) vegeta.Encoder) string {
	t.Helper()
	var b bytes.Buffer
	enc := encoder(any(&b).(W))
	for _, r := range results(t) {
		if err := enc.Encode(&r); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// TestGeneratorsRefuse: what cannot become a run file says what to export
// instead, in a line.
func TestGeneratorsRefuse(t *testing.T) {
	vllm := func(without string, damage func(string) string) string {
		text, err := os.ReadFile(filepath.Join("testdata", "vllm.json"))
		if err != nil {
			t.Fatal(err)
		}
		return damage(strings.Replace(string(text), `"`+without+`"`, `"another"`, 1))
	}
	same := func(text string) string { return text }
	gob := encodeVegeta(t, vegeta.NewEncoder)
	for _, row := range []struct {
		name string
		from convert.Source
		text string
		says string
	}{
		{"k6 summary", convert.K6, `{"metrics":{"http_reqs":{"count":5,"rate":1}},"root_group":{}}` + "\n", "run k6 with --out json=FILE"},
		{"k6 summary over lines", convert.K6, "{\n  \"metrics\": {\n    \"http_reqs\": {\"count\": 5}\n  }\n}\n", "run k6 with --out json=FILE"},
		{"no k6", convert.K6, "running (10s)\n", "no output of k6"},
		{"vLLM summary", convert.VLLM, `{"date":"20260504-100000","mean_ttft_ms":12.5,"completed":4}`, "--save-result --save-detailed"},
		{"vLLM without starts", convert.VLLM, vllm("start_times", same), "no start_times"},
		{"vLLM without a date", convert.VLLM, vllm("date", same), "its date is"},
		{"vLLM with a short list", convert.VLLM, vllm("", func(s string) string {
			return strings.Replace(s, `"output_lens": [10, `, `"output_lens": [`, 1)
		}), "different lengths"},
		{"vLLM cut", convert.VLLM, vllm("", func(s string) string { return s[:len(s)/2] }), "no result of vllm bench serve"},
		{"vLLM of a negative gap", convert.VLLM, vllm("", func(s string) string { return strings.Replace(s, "0.05, 0.1]", "-0.05, 0.1]", 1) }), "a gap of -0.05 s"},
		{"vegeta gob cut", convert.Vegeta, gob[:len(gob)-9], "what follows cannot be read"},
		{"no vegeta", convert.Vegeta, "Requests [total, rate] 5, 1\n", "want what \"vegeta attack\" writes"},
		{"nothing", convert.Vegeta, "", "no request in 0 entries"},
		{"nothing of vLLM", convert.VLLM, "", "no request in 0 entries"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, _, err := convertText(t, options(row.from, "", "", "all"), row.text)
			if err == nil || !strings.Contains(err.Error(), row.says) || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("got %v, want one line with %q", err, row.says)
			}
		})
	}
}

// TestVLLMTimes computes a request by hand: it came 0.2 s before it was sent, its
// first token came after 0.25 s, its last 0.3 s later.
func TestVLLMTimes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "vllm.json"))
	if err != nil {
		t.Fatal(err)
	}
	run, _, err := convertText(t, options(convert.VLLM, "", "", "all"), string(text))
	if err != nil {
		t.Fatal(err)
	}
	if run.Header.StartedAt != "2026-05-04T09:59:59.999Z" || run.Header.Model != "Qwen/Qwen3-0.6B" {
		t.Errorf("header %+v", run.Header)
	}
	s := &run.Samples[1]
	for m, want := range map[sample.Measure]time.Duration{
		sample.Queue: 200 * time.Millisecond, sample.FirstToken: 450 * time.Millisecond, "first_token_service": 250 * time.Millisecond,
		sample.Gap: 300 * time.Millisecond, sample.TPOT: 300 * time.Millisecond, sample.LastContent: 750 * time.Millisecond, sample.NTPOT: 375 * time.Millisecond,
	} {
		if ns, ok, none := s.Value(m); !ok || none || time.Duration(ns) != want {
			t.Errorf("%s: %v (ok %v, none %v), want %v", m, time.Duration(ns), ok, none, want)
		}
	}
}

// TestVLLMTwoFiles: two results side by side by their names, and results appended
// to one file.
func TestVLLMTwoFiles(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "vllm.json"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "both.run.jsonl")
	report, err := convert.Convert(options(convert.VLLM, "@file", "old.json", "new.json"), []convert.Input{
		{Name: "old.json", Reader: bytes.NewReader(text)},
		{Name: "new.json", Reader: strings.NewReader(string(text) + "\n" + string(text) + "\n")},
	}, path)
	if err != nil || report.Requests["old.json"] != 4 || report.Requests["new.json"] != 8 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestK6Outcomes: what k6 says of a request that failed.
func TestK6Outcomes(t *testing.T) {
	for _, row := range []struct {
		tags    string
		failed  int
		outcome sample.Outcome
	}{
		{`"status":"200"`, 0, sample.OK},
		{`"status":"204"`, 0, sample.OK},
		{`"status":"404"`, 0, sample.OK}, // the script expected it
		{`"status":"404"`, 1, sample.HTTP4xx},
		{`"status":"429","error_code":"1429"`, 1, sample.RateLimited},
		{`"status":"200"`, 1, sample.ErrorEvent},
		{`"status":"0","error_code":"1101"`, 1, sample.DNS},
		{`"status":"0","error_code":"1211"`, 1, sample.SlowConnect},
		{`"status":"0","error_code":"1220"`, 1, sample.ResetBefore},
		{`"status":"0","error_code":"1310"`, 1, sample.TLS},
		{`"status":"0","error_code":"1611"`, 1, sample.GoAway},
		{`"status":"200","error_code":"1050"`, 1, sample.SlowTotal},
		{`"status":"0"`, 1, sample.Unreachable},
	} {
		point := func(metric string, value int) string {
			return fmt.Sprintf(`{"type":"Point","metric":%q,"data":{"time":"2026-05-04T10:00:00Z","value":%d,"tags":{%s}}}`+"\n", metric, value, row.tags)
		}
		run, _, err := convertText(t, options(convert.K6, "", "", "all"), point("http_reqs", 1)+point("http_req_duration", 20)+point("http_req_failed", row.failed))
		if err != nil || run.Samples[0].Outcome != row.outcome {
			t.Errorf("%s, failed %d: %v, %v; want %s", row.tags, row.failed, run, err, row.outcome)
		}
	}
}

// TestMapIsForLogs: the fields of a generator's results have fixed names.
func TestMapIsForLogs(t *testing.T) {
	o := options(convert.K6, "", "", "all")
	o.Map = []string{"start=t"}
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "fixed names") {
		t.Errorf("got %v", err)
	}
}
