package convert_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/convert"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// convertText converts one log given as text.
func convertText(t testing.TB, o convert.Options, text string) (*sample.Run, convert.Report, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out.run.jsonl")
	report, err := convert.Convert(o, []convert.Input{{Name: "in.log", Reader: strings.NewReader(text)}}, path)
	if err != nil {
		if _, statErr := os.Stat(path); statErr == nil {
			t.Errorf("a run file beside the error %v", err)
		}
		return nil, report, err
	}
	run, err := sample.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return run, report, nil
}

// options are those of a log whose arms a field tells apart.
func options(from convert.Source, field, baseline, candidate string) convert.Options {
	return convert.Options{
		From: from, ArmField: field, Baseline: baseline, Candidate: candidate,
		Salt: []byte("salt"), Tool: "firstbyte test",
	}
}

// TestGolden converts the logs of testdata: a golden file shows what becomes of
// which line.
func TestGolden(t *testing.T) {
	envoy := options(convert.Envoy, "upstream_cluster", "gateway-stable", "gateway-canary")
	envoy.Design, envoy.Block, envoy.PodField = sample.Interleaved, 5*time.Minute, "upstream_host"
	envoy.Only = []string{"path=/v1/messages*"}
	otlp := options(convert.OTLP, "service.version", "1.8.0", "1.9.0")
	otlp.PodField = "service.instance.id"
	split := options(convert.LiteLLM, "model_id", "m-old", "m-new")
	split.Design, split.Share = sample.Split, .5
	for _, c := range []struct {
		name string
		o    convert.Options
	}{
		{"envoy.log", envoy},
		{"otlp.json", otlp},
		{"litellm.json", split},
		{"litellm.csv", options(convert.LiteLLM, "model_id", "m-old", "m-new")},
		{"vegeta.json", options(convert.Vegeta, "attack", "before", "after")},
		{"k6.json", options(convert.K6, "scenario", "stable", "canary")},
		{"vllm.json", options(convert.VLLM, "", "", "qwen")},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, err := os.Open(filepath.Join("testdata", c.name))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			path := filepath.Join(t.TempDir(), "out.run.jsonl")
			report, err := convert.Convert(c.o, []convert.Input{{Name: c.name, Reader: file}}, path)
			if err != nil {
				t.Fatalf("%v; %+v", err, report)
			}
			if _, err := sample.Read(path); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"sk-not-for", "88dc", "somebody", "u-17", "session-1", "203.0.113.9", "secret plan"} {
				if strings.Contains(string(got), secret) {
					t.Errorf("the run file holds %q", secret)
				}
			}
			sameAsGolden(t, filepath.Join("testdata", c.name+".run.jsonl"), got)
		})
	}
}

func sameAsGolden(t *testing.T, golden string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if diff := cmp.Diff(string(want), string(got)); diff != "" || err != nil {
		t.Errorf("%v; -golden +got:\n%s", err, diff)
	}
}

// TestOutcomes: what a request came to, by what its log says of it.
func TestOutcomes(t *testing.T) {
	envoy := func(status any, flags string) string {
		return fmt.Sprintf(`{"start_time":"2026-05-04T10:00:00Z","duration":9,"response_code":%v,"response_flags":%q}`, status, flags)
	}
	span := func(attributes, status string) string {
		return fmt.Sprintf(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"1777888800000000000","endTimeUnixNano":"1777888800100000000",`+
			`"attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}}%s],"status":%s}]}]}]}`, attributes, status)
	}
	failure := func(class string) string {
		return fmt.Sprintf(`,{"key":"error.type","value":{"stringValue":%q}}`, class)
	}
	row := func(more string) string {
		return `{"startTime":"2026-05-04T10:00:00Z","endTime":"2026-05-04T10:00:01Z"` + more + `}`
	}
	for _, c := range []struct {
		from convert.Source
		text string
		want sample.Outcome
		code string
	}{
		{convert.Envoy, envoy(200, "-"), sample.OK, ""},
		{convert.Envoy, envoy(`"200"`, ""), sample.OK, ""},
		{convert.Envoy, envoy(200, "DI"), sample.OK, ""},
		{convert.Envoy, envoy(200, "UR"), sample.ResetStream, "UR"},
		{convert.Envoy, envoy(200, "UpstreamConnectionTermination"), sample.ResetStream, "UpstreamConnectionTermination"},
		{convert.Envoy, envoy(200, "not known yet"), sample.ResetStream, "other"},
		{convert.Envoy, envoy(200, "SI"), sample.SlowGap, "SI"},
		{convert.Envoy, envoy(200, "UT"), sample.SlowTotal, "UT"},
		{convert.Envoy, envoy(200, "DC"), sample.ResetStream, "caller_left"},
		{convert.Envoy, envoy(0, "DC"), sample.ResetBefore, "caller_left"},
		{convert.Envoy, envoy(0, "-"), sample.ResetBefore, ""},
		{convert.Envoy, envoy(503, "UH"), sample.Overloaded, "UH"},
		{convert.Envoy, envoy(500, "-"), sample.HTTP5xx, ""},
		{convert.Envoy, envoy(404, "NR"), sample.HTTP4xx, "NR"},
		{convert.Envoy, envoy(429, "RL"), sample.RateLimited, "RL"},
		{convert.Envoy, envoy(302, "-"), sample.HTTPOther, ""},

		{convert.OTLP, span("", `{}`), sample.OK, ""},
		{convert.OTLP, span("", `{"code":1}`), sample.OK, ""},
		{convert.OTLP, span("", `{"code":2}`), sample.ErrorEvent, ""},
		{convert.OTLP, span("", `{"code":"STATUS_CODE_ERROR"}`), sample.ErrorEvent, ""},
		{convert.OTLP, span(failure("500"), `{}`), sample.HTTP5xx, "500"},
		{convert.OTLP, span(failure("anthropic.RateLimitError"), `{}`), sample.RateLimited, "anthropic.RateLimitError"},
		{convert.OTLP, span(failure("timeout"), `{}`), sample.SlowTotal, "timeout"},
		{convert.OTLP, span(failure("overloaded_error"), `{}`), sample.Overloaded, "overloaded_error"},
		{convert.OTLP, span(failure("CancelledError"), `{}`), sample.ResetBefore, "caller_left"},
		{convert.OTLP, span(failure("user said: my password is x"), `{}`), sample.ErrorEvent, "other"},
		{convert.OTLP, span(`,{"key":"gen_ai.usage.output_tokens","value":{"intValue":"0"}}`, `{}`), sample.Empty, ""},
		{convert.OTLP, span(`,{"key":"http.response.status_code","value":{"intValue":503}}`, `{}`), sample.Overloaded, ""},

		{convert.LiteLLM, row(`,"status":"success","completion_tokens":3`), sample.OK, ""},
		{convert.LiteLLM, row(`,"status":"success","completion_tokens":0`), sample.Empty, ""},
		{convert.LiteLLM, row(`,"status":"failure"`), sample.ErrorEvent, "failure"},
		{convert.LiteLLM, row(`,"metadata":{"status":"failure"}`), sample.ErrorEvent, "failure"},
		{convert.LiteLLM, row(`,"status":"failure","metadata":{"error_information":{"error_code":"","error_class":"Timeout"}}`), sample.SlowTotal, "Timeout"},
		{convert.LiteLLM, row(`,"status":"failure","metadata":{"error_information":{"error_code":"503"}}`), sample.Overloaded, "failure"},
		{convert.LiteLLM, row(``), sample.OK, ""},
	} {
		o := options(c.from, "", "", "canary")
		run, report, err := convertText(t, o, c.text+"\n")
		if err != nil || len(run.Samples) != 1 {
			t.Errorf("%s: %v, %+v", c.text, err, report)
			continue
		}
		if s := run.Samples[0]; s.Outcome != c.want || s.Code != c.code {
			t.Errorf("%s:\n%s %q, want %s %q", c.text, s.Outcome, s.Code, c.want, c.code)
		}
	}
}

const good = `{"start_time":"2026-05-04T10:00:00Z","duration":9,"response_code":200,"cluster":"old"}` + "\n"

// TestUnreadable: what cannot be read is named, and beyond one in a hundred it is
// an error.
func TestUnreadable(t *testing.T) {
	o := options(convert.Envoy, "", "", "all")
	for _, bad := range []string{
		"plain text", "[1]", "{", `{"start_time":"then","duration":9,"response_code":200}`,
		`{"duration":9,"response_code":200}`, `{"start_time":"2026-05-04T10:00:00Z","response_code":200}`,
		`{"start_time":"2026-05-04T10:00:00Z","duration":-9,"response_code":200}`,
		`{"start_time":"2026-05-04T10:00:00Z","duration":"1e300","response_code":200}`,
		`{"start_time":"2026-05-04T10:00:00Z","duration":9}`,
		`{"start_time":"2026-05-04T10:00:00Z","duration":9,"response_code":200,"response_duration":10}`,
		`{"start_time":"2026-05-04T10:00:00Z","duration":9,"response_code":200,"genai_tokens_output":1.5}`,
	} {
		run, report, err := convertText(t, o, strings.Repeat(good, 99)+bad+"\n")
		if err != nil || report.Bad != 1 || report.Entries != 100 || len(run.Samples) != 99 {
			t.Fatalf("%s: one in a hundred: %+v, %v", bad, report, err)
		}
		if len(report.Examples) != 1 || !strings.HasPrefix(report.Examples[0], "in.log:100: ") {
			t.Errorf("%s: named as %q", bad, report.Examples)
		}
		if w := run.Trailer.Validity.Warnings; !strings.Contains(strings.Join(w, "; "), "1 of 100 entries could not be read") {
			t.Errorf("warnings: %q", w)
		}
		_, report, err = convertText(t, o, strings.Repeat(good, 98)+bad+"\n")
		if err == nil || !strings.Contains(err.Error(), "1 of 99") || !strings.Contains(err.Error(), "in.log:99: ") {
			t.Errorf("%s: one in ninety-nine: %+v, %v", bad, report, err)
		}
	}
}

func TestNoData(t *testing.T) {
	arms := options(convert.Envoy, "cluster", "old", "new")
	for _, c := range []struct {
		o    convert.Options
		text string
		says string
	}{
		{options(convert.Envoy, "", "", "all"), "", "no request in 0 entries"},
		{options(convert.LiteLLM, "", "", "all"), "", "no request in 0 entries"},
		{options(convert.OTLP, "", "", "all"), `{"resourceSpans":[]}`, "no request in 0 entries"},
		{options(convert.LiteLLM, "", "", "all"), `{"call_type":"aembedding"}`, "call type aembedding (1)"},
		{arms, good, `no request has cluster "new"`},
		{arms, good + strings.ReplaceAll(good, "old", "nwe"), "other values: nwe (1)"},
	} {
		_, _, err := convertText(t, c.o, c.text)
		if !errors.Is(err, convert.ErrNoData) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v, want %q", c.text, err, c.says)
		}
	}
	if _, report, err := convertText(t, arms, strings.ReplaceAll(good, "cluster", "other")); err == nil || !strings.Contains(report.Examples[0], "no cluster") {
		t.Errorf("a request without its arm: %v", err)
	}
}

// TestForms: the same rows in every form that they may come in.
func TestForms(t *testing.T) {
	row := `{"startTime":"2026-05-04T10:00:00Z","endTime":"2026-05-04T10:00:01Z","status":"success"}`
	spans := `{"scopeSpans":[{"spans":[{"startTimeUnixNano":"1777888800000000000","endTimeUnixNano":"1777888801000000000","attributes":[{"key":"gen_ai.system","value":{"stringValue":"x"}}]}]}]}`
	for _, c := range []struct {
		from convert.Source
		text string
	}{
		{convert.LiteLLM, row + "\n" + row},
		{convert.LiteLLM, row + "\r\n\r\n" + row + "\r\n"},
		{convert.LiteLLM, "[" + row + "," + row + "]"},
		{convert.LiteLLM, "\n [\n" + row + ",\n" + row + "\n]\n"},
		{convert.LiteLLM, `{"data":[` + row + "," + row + `],"total":2}`},
		{convert.LiteLLM, "{\n\"total\": 2,\n\"data\": [\n" + row + ",\n" + row + "]\n}"},
		{convert.LiteLLM, "\ufeffstartTime,endTime,status\n2026-05-04 10:00:00,2026-05-04 10:00:01,success\n1777888800,1777888801.0,success\n"},
		{convert.OTLP, `{"resourceSpans":[` + spans + "," + spans + "]}\n"},
		{convert.OTLP, `{"resourceSpans":[` + spans + "]}\n" + `{"resourceSpans":[` + spans + "]}\n"},
		{convert.OTLP, "{\n\"batches\": [\n" + spans + ",\n" + spans + "\n]\n}"},
		{convert.OTLP, `{"resource_spans":[` + strings.ReplaceAll(spans, "scopeSpans", "scope_spans") + "," + strings.ReplaceAll(spans, "scopeSpans", "instrumentationLibrarySpans") + "]}\n"},
	} {
		run, report, err := convertText(t, options(c.from, "", "", "all"), c.text)
		if err != nil || len(run.Samples) != 2 || report.Entries != 2 {
			t.Errorf("%s:\n%v, %+v", c.text, err, report)
			continue
		}
		for _, s := range run.Samples {
			if s.CloseNS-s.IntendedNS != 1e9 || s.IntendedNS != 1e6 {
				t.Errorf("%s:\nfrom %d to %d", c.text, s.IntendedNS, s.CloseNS)
			}
		}
	}
	for _, text := range []string{`[` + row + `,`, `[{]`, "{\n\"rows\": []\n}", "{\n\"data\": 1\n}"} {
		if _, _, err := convertText(t, options(convert.LiteLLM, "", "", "all"), text); err == nil || !strings.Contains(err.Error(), "in.log: line ") {
			t.Errorf("%s: %v, want an error with its line", text, err)
		}
	}
}

func TestMapAndOnly(t *testing.T) {
	o := options(convert.Envoy, "@file", "a", "b")
	o.Map = []string{"start=t.begin", "duration=us:us", "status=code", "first_byte=ttfb:s", "output_tokens=tokens"}
	o.Only = []string{"p=/v1/*", "m=POST"}
	line := `{"t":{"begin":1777888800123456789},"us":2500000,"code":200,"ttfb":0.25,"tokens":7,"p":"/v1/messages","m":"POST"}` + "\n"
	path := filepath.Join(t.TempDir(), "out.run.jsonl.gz")
	report, err := convert.Convert(o, []convert.Input{
		{Name: "a", Reader: strings.NewReader(line)},
		{Name: "b", Reader: strings.NewReader(line + strings.Replace(line, "POST", "GET", 1) + strings.Replace(line, "/v1", "/v2", 1))},
	}, path)
	if err != nil || report.Passed["not m=POST"] != 1 || report.Passed["not p=/v1/*"] != 1 {
		t.Fatalf("%v, %+v", err, report)
	}
	run, err := sample.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, arm := range []string{"a", "b"} {
		s := run.Samples[i]
		if s.Arm != arm || s.CloseNS-s.IntendedNS != 2.5e9 || s.FirstByteNS-s.IntendedNS != 25e7 || s.Usage.Output != 7 {
			t.Errorf("%+v", s)
		}
	}
}

// TestOrderBlocksAndPods: samples stand in the order of their starts whatever
// that of the log, blocks are counted by time, and pods by their first request.
func TestOrderBlocksAndPods(t *testing.T) {
	o := options(convert.Envoy, "c", "old", "new")
	o.Design, o.Block, o.PodField = sample.Interleaved, time.Minute, "pod"
	var text strings.Builder
	for i := range 40 {
		k := (i * 7) % 40
		arm := []string{"old", "new"}[k%2]
		fmt.Fprintf(&text, `{"start_time":%d,"duration":5,"response_code":200,"c":%q,"pod":"p%d"}`+"\n", 1777888800+15*k, arm, k/8)
	}
	run, _, err := convertText(t, o, text.String())
	if err != nil {
		t.Fatal(err)
	}
	if h := run.Header; h.Blocks != 10 || h.Design != sample.Interleaved || h.Source != "envoy" || h.StartedAt != "2026-05-04T09:59:59.999Z" {
		t.Errorf("%+v", h)
	}
	for k, s := range run.Samples {
		if s.Seq != k || s.Block != k/4 || s.Restart != k/8 || s.IntendedNS != 1e6+int64(k)*15e9 || s.Item != "" {
			t.Errorf("%d: %+v", k, s)
		}
	}
}

// TestUnits: a split's units are hashes that a salt keeps apart.
func TestUnits(t *testing.T) {
	o := options(convert.Envoy, "c", "old", "new")
	o.Design, o.Share, o.UnitField = sample.Split, .25, "user"
	var text strings.Builder
	for _, user := range []string{"ann", "bob", "ann"} {
		for _, arm := range []string{"old", "new"} {
			text.WriteString(fmt.Sprintf(`{"start_time":1777888800,"duration":5,"response_code":200,"c":%q,"user":%q}`+"\n", arm, user))
		}
	}
	units := func(salt string) []string {
		o.Salt = []byte(salt)
		run, _, err := convertText(t, o, text.String())
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, s := range run.Samples {
			if s.Share != .25 || len(s.Unit) != 16 {
				t.Errorf("%+v", s)
			}
			all = append(all, s.Unit)
		}
		return all
	}
	one, other := units("1"), units("2")
	if one[0] != one[4] || one[0] == one[2] || one[0] == other[0] {
		t.Errorf("%q, %q", one, other)
	}
	if _, _, err := convertText(t, o, strings.ReplaceAll(text.String(), "user", "visitor")); err == nil || !strings.Contains(err.Error(), "no user") {
		t.Errorf("requests without a unit: %v", err)
	}
}

func TestLacks(t *testing.T) {
	for _, c := range []struct {
		from          convert.Source
		text          string
		lacks, lacksn string
	}{
		{convert.Envoy, good, "ttfb", "full"},
		{convert.Envoy, strings.Replace(good, `"duration"`, `"response_duration":1,"duration"`, 1), "first_token", "ttfb"},
		{convert.Envoy, strings.Replace(good, `"duration"`, `"genai_tokens_output":1,"duration"`, 1), "throughput", "output_tokens"},
		{convert.LiteLLM, `{"startTime":1777888800,"endTime":1777888801}`, "success", "full"},
		{convert.LiteLLM, `{"startTime":1777888800,"endTime":1777888801,"completionStartTime":1777888800.5,"status":"success"}`, "gap", "first_token"},
		{convert.LiteLLM, `{"startTime":1777888800,"endTime":1777888801,"completionStartTime":1777888801,"status":"success","spend":0.1}`, "first_token", "cost"},
	} {
		run, _, err := convertText(t, options(c.from, "", "", "all"), c.text)
		if err != nil {
			t.Fatal(err)
		}
		has := map[string]bool{}
		for _, m := range run.Header.Lacks {
			has[string(m)] = true
		}
		if !has[c.lacks] || has[c.lacksn] {
			t.Errorf("%s lacks %q: want %s, not %s", c.text, run.Header.Lacks, c.lacks, c.lacksn)
		}
		if v := run.Trailer.Validity; v.Grade != sample.Unknown || len(v.Warnings) == 0 || len(v.Error) > 0 {
			t.Errorf("validity %+v", v)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		change func(*convert.Options)
		says   string
	}{
		{func(o *convert.Options) { o.From = "nginx" }, `from "nginx": want one of envoy, otlp, litellm, vegeta, k6, vllm`},
		{func(o *convert.Options) { o.Candidate = "" }, "name the candidate"},
		{func(o *convert.Options) { o.Baseline = "" }, "needs a baseline"},
		{func(o *convert.Options) { o.ArmField = "" }, "needs an arm field"},
		{func(o *convert.Options) { o.Candidate = o.Baseline }, `both "old"`},
		{func(o *convert.Options) { o.ArmField = "api_key" }, "holds no secret"},
		{func(o *convert.Options) { o.ArmField = "metadata.user_api_key_team" }, "holds no secret"},
		{func(o *convert.Options) { o.ArmField = "Authorization" }, "holds no secret"},
		{func(o *convert.Options) { o.ArmField = "end_user" }, "holds no secret"},
		{func(o *convert.Options) { o.PodField = "cookie" }, "holds no secret"},
		{func(o *convert.Options) { o.Only = []string{"path"} }, "want FIELD=VALUE"},
		{func(o *convert.Options) { o.Map = []string{"begin=t"} }, "want ROLE=FIELD"},
		{func(o *convert.Options) { o.Design = sample.Interleaved }, "length of a block"},
		{func(o *convert.Options) { o.Design = sample.Split }, "assigned to the candidate at random"},
		{func(o *convert.Options) { o.Design, o.Share = sample.Split, 1 }, "at random"},
		{func(o *convert.Options) { o.Design = sample.Switchback }, "a log does not tell"},
		{func(o *convert.Options) { o.Design = "canary" }, "want single, interleaved or split"},
		{func(o *convert.Options) { o.Share = .5 }, "belong to the design split"},
		{func(o *convert.Options) { o.Block = -1 }, "want a length of time"},
		{func(o *convert.Options) { o.Salt = nil }, "salt"},
	} {
		o := options(convert.Envoy, "cluster", "old", "new")
		c.change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want %q", err, c.says)
		}
	}
	if err := options(convert.Envoy, "cluster", "old", "new").Validate(); err != nil {
		t.Error(err)
	}
}

// FuzzConvert holds for any bytes in any form: no more samples than entries, no
// entry lost, instants in order, and nothing but a whole run file.
func FuzzConvert(f *testing.F) {
	for i, name := range []string{"envoy.log", "otlp.json", "litellm.json", "litellm.csv"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(min(i, 2), text)
	}
	for i, name := range []string{"vegeta.json", "k6.json", "vllm.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(3+i, text)
	}
	f.Add(0, []byte(strings.Repeat(good, 3)))
	f.Add(1, []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":-1}]}]}]}`))
	f.Add(2, []byte("a,b\n\"x\n1,2,3\n"))
	f.Fuzz(func(t *testing.T, from int, text []byte) {
		sources := convert.Sources()
		o := options(sources[uint(from)%uint(len(sources))], "", "", "all")
		o.Block = time.Second
		run, report, err := convertText(t, o, string(text))
		requests := report.Requests["all"]
		for _, n := range report.Passed {
			requests += n
		}
		if requests+report.Bad != report.Entries {
			t.Fatalf("%+v do not add up", report)
		}
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("not one line: %q", err)
			}
			return
		}
		if len(run.Samples) != report.Requests["all"] || float64(report.Bad) > .01*float64(report.Entries) {
			t.Fatalf("%d samples of %+v", len(run.Samples), report)
		}
		last := int64(0)
		for _, s := range run.Samples {
			at := s.IntendedNS
			if at < last || at <= 0 || s.Block < 0 || s.Block >= run.Header.Blocks {
				t.Fatalf("block %d of %d at %d after %d", s.Block, run.Header.Blocks, at, last)
			}
			last = at
			for _, next := range []int64{s.FirstByteNS, s.TokenNS, s.CloseNS} {
				if next != 0 && next < at {
					t.Fatalf("out of order: %+v", s)
				}
				at = max(at, next)
			}
		}
	})
}
