package export_test

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/export"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

func page(t *testing.T, in []export.Input, o export.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := export.HTML(&b, in, export.Summarise(in, o)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestHTML pins the page of one run.
func TestHTML(t *testing.T) {
	o := export.Options{SLOs: slos(t, "ttft=40ms,tpot=50ms")}
	text := golden(t, "page.html", func(w io.Writer) error { return export.HTML(w, inputs(), export.Summarise(inputs(), o)) })
	for _, want := range []string{
		"DEGRADED", "prefers-color-scheme:dark", `name="viewport"`, "Latency by percentile", "Over time", "Where the requests are",
		"rate_limit_error: slow down", "first token of any channel (text, reasoning, tool argument) - intended start", "± 250 µs", "90.00 %",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not hold %q", want)
		}
	}
}

// TestHTMLStandsAlone: no script, nothing from elsewhere, whatever names and
// messages say.
func TestHTMLStandsAlone(t *testing.T) {
	in := inputs()
	in[0].Name = `"><script src="http://evil/x.js"></script>`
	rename(in[0].Run, "candidate", `<img src=x onerror=alert(1)>`)
	in[0].Run.Header.Model = "</style><script>alert(1)</script>"
	in[0].Run.Trailer.Validity.Warnings = []string{"<b>bold</b>"}
	text := page(t, in, export.Options{})
	if at := regexp.MustCompile(`(?i)<script|<img|<link|<iframe|<b>bold|url\(|@import`).FindString(text); at != "" {
		t.Errorf("the page holds %q", at)
	}
	for _, src := range regexp.MustCompile(`(?i)\s(src|href)=`).FindAllString(text, -1) {
		if strings.Contains(text, `<`+src) {
			t.Errorf("the page refers to something: %q", src)
		}
	}
	if !strings.Contains(text, `default-src &#39;none&#39;`) && !strings.Contains(text, `default-src 'none'`) {
		t.Error("the page lets a browser fetch things")
	}
}

// TestHTMLOverlaysRuns: arms of several runs are in the same pictures, with names
// that tell them apart, and not more than can be told apart.
func TestHTMLOverlaysRuns(t *testing.T) {
	var in []export.Input
	for i := range 3 {
		in = append(in, export.Input{Name: fmt.Sprintf("out/run%d.run.jsonl.gz", i), Run: handmade()})
	}
	in[1].Run.Trailer.Validity.Grade = sample.Valid
	in[2].Run.Trailer.Validity.Grade = sample.Invalid
	text := page(t, in, export.Options{})
	first, _, _ := strings.Cut(text[strings.Index(text, "<svg"):], "</svg>")
	for _, name := range []string{"run0:baseline", "run1:candidate", "run2:candidate"} {
		if !strings.Contains(first, name) {
			t.Errorf("%s is not in the first picture", name)
		}
	}
	if !strings.Contains(text, "<h1>INVALID") {
		t.Error("the worst run does not give the page its grade")
	}
	in = append(in, in[0])
	if err := export.HTML(io.Discard, in, export.Summarise(in, export.Options{})); err == nil || !strings.Contains(err.Error(), "at most 6") {
		t.Errorf("eight arms in one picture: %v", err)
	}
}

// TestHTMLOfAConvertedLog: what the source does not tell is neither drawn nor
// made up.
func TestHTMLOfAConvertedLog(t *testing.T) {
	run := handmade()
	run.Header.Source, run.Header.Lacks = "envoy", []sample.Measure{sample.FirstToken}
	run.Trailer.Validity = sample.Validity{Grade: sample.Unknown}
	for i := range run.Samples {
		s := &run.Samples[i]
		s.SentNS, s.WrittenNS, s.TokenNS, s.TextNS, s.LastNS, s.EventNS, s.HeadersNS, s.GapsNS, s.Events = 0, 0, 0, 0, 0, 0, 0, nil, 0
		s.Usage = sample.Usage{}
		s.IntendedNS++ // an instant of 0 would say that it was not reached
	}
	text := page(t, []export.Input{{Name: "log.run.jsonl", Run: run}}, export.Options{})
	if strings.Contains(text, ">First token<") || strings.Contains(text, "time per token") {
		t.Error("the page shows what the log does not tell")
	}
	if !strings.Contains(text, "UNKNOWN") || !strings.Contains(text, "envoy does not tell first_token") || !strings.Contains(text, ">Full answer<") {
		t.Error("the page does not say what is not known")
	}
}

// TestHTMLOfManyRequests: a page stays small enough for a phone, and says what it
// leaves out.
func TestHTMLOfManyRequests(t *testing.T) {
	run := handmade()
	run.Trailer.Slots = nil
	for i := range 6000 {
		run.Samples = append(run.Samples, answer(i, "baseline", 2, 5000+int64(i), 20+int64(i%7), 3))
	}
	text := page(t, []export.Input{{Name: "many.run.jsonl", Run: run}}, export.Options{})
	if !strings.Contains(text, "at most 1500") {
		t.Error("the page does not say that it leaves requests out")
	}
	if len(text) > 1<<20 {
		t.Errorf("%d bytes", len(text))
	}
}
