package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/report"
)

var update = flag.Bool("update", false, "write the golden files")

// renderings by the suffix of their golden files.
var renderings = map[string]func(io.Writer, judge.Verdict) error{
	"txt":  func(w io.Writer, v judge.Verdict) error { return report.Terminal(w, v) },
	"md":   report.Markdown,
	"html": report.HTML,
	"json": report.JSON,
	"xml":  report.JUnit,
	"gh":   report.Annotations,
}

func render(t *testing.T, suffix string, v judge.Verdict) string {
	t.Helper()
	var out bytes.Buffer
	if err := renderings[suffix](&out, v); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGoldens(t *testing.T) {
	for name, v := range verdicts() {
		for suffix := range renderings {
			if suffix == "json" && name != "rollback" {
				continue // read back and compared below
			}
			t.Run(name+"."+suffix, func(t *testing.T) {
				got := render(t, suffix, v)
				path := filepath.Join("testdata", name+"."+suffix)
				if *update {
					if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("%s differs, look at it and run with -update:\n%s", path, diff)
				}
			})
		}
	}
}

// TestJSONIsTheVerdict: what is read back is what was written, NaN and the
// infinities with it, and renders to the same bytes.
func TestJSONIsTheVerdict(t *testing.T) {
	for name, v := range verdicts() {
		t.Run(name, func(t *testing.T) {
			var back judge.Verdict
			if err := json.Unmarshal([]byte(render(t, "json", v)), &back); err != nil {
				t.Fatal(err)
			}
			if name != "hostile" { // holds bytes that JSON spells otherwise
				if diff := cmp.Diff(v, back, cmp.Comparer(sameFloat), cmpopts.EquateEmpty()); diff != "" {
					t.Error(diff)
				}
			}
			for suffix := range renderings {
				if diff := cmp.Diff(render(t, suffix, v), render(t, suffix, back)); diff != "" {
					t.Errorf("%s of the verdict read back differs:\n%s", suffix, diff)
				}
			}
		})
	}
}

func sameFloat(a, b judge.Float) bool { return a == b || a != a && b != b }

var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestTerminalFitsAndEndsWithTheVerdict(t *testing.T) {
	for name, v := range verdicts() {
		t.Run(name, func(t *testing.T) {
			var plain, colours bytes.Buffer
			if err := errors.Join(report.Terminal(&plain, v), report.Terminal(&colours, v, report.Colours())); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(plain.String(), "\x1b") {
				t.Error("colours where there is no terminal")
			}
			if got := colour.ReplaceAllString(colours.String(), ""); got != plain.String() {
				t.Errorf("colours change the text:\n%s", cmp.Diff(plain.String(), got))
			}
			for line := range strings.Lines(plain.String()) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 120 && name != "hostile" {
					t.Errorf("%d columns: %s", n, line)
				}
			}
			tables := strings.LastIndex(plain.String(), "──")
			if at := strings.LastIndex(plain.String(), "\n"+string(v.Decision)); at < tables {
				t.Errorf("%s does not stand below the tables", v.Decision)
			}
		})
	}
}

// TestEveryReportSaysWhatStandsBehind: no rendering leaves out what a reader
// needs to doubt it.
func TestEveryReportSaysWhatStandsBehind(t *testing.T) {
	v := rollback()
	for _, suffix := range []string{"txt", "md", "html", "json", "xml"} {
		got := render(t, suffix, v)
		for _, want := range []string{
			"ROLLBACK", "An equal candidate is rolled back in at most 5", "each restarted 20 times",
			v.Run.Dataset.Hash, "default", "7", "Example CPU", "not applied to interleaved",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%s does not say %q", suffix, want)
			}
		}
	}
	for _, suffix := range []string{"md", "html"} {
		got := render(t, suffix, v)
		for _, want := range []string{"intended start", "content events", "processor time", v.RunDigest, "20 restarts"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s does not say %q", suffix, want)
			}
		}
	}
}

func TestFailuresAreInfinite(t *testing.T) {
	v := allFailed()
	for _, suffix := range []string{"txt", "md", "html"} {
		if got := render(t, suffix, v); !strings.Contains(got, "∞ (2000 failed)") || strings.Contains(got, "NaN") {
			t.Errorf("%s does not print ∞ (2000 failed), or prints NaN", suffix)
		}
	}
}

func TestHTMLIsHarmless(t *testing.T) {
	got := render(t, "html", hostile())
	for _, forbidden := range []string{"<script", "javascript:1\"", "http://www.example", "src=", "@import", "url("} {
		if strings.Contains(got, forbidden) {
			t.Errorf("contains %q", forbidden)
		}
	}
	loads := regexp.MustCompile(`(?i)(href|src|action)\s*=`)
	if at := loads.FindString(got); at != "" {
		t.Errorf("loads something: %s", at)
	}
}

func TestMarkdownIsHarmless(t *testing.T) {
	got := render(t, "md", hostile())
	for _, forbidden := range []string{"<script", "@all", "[l](", "\x1b"} {
		if strings.Contains(got, forbidden) {
			t.Errorf("contains %q", forbidden)
		}
	}
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "## ") && !strings.HasPrefix(line, "## 🟢 PROMOTE") {
			t.Errorf("a heading out of data: %s", line)
		}
	}
}

// TestMarkdownFitsAStepSummary: a verdict with a hundred thousand metrics loses
// rows and nothing else.
func TestMarkdownFitsAStepSummary(t *testing.T) {
	v := rollback()
	one := v.Metrics[0]
	for i := range 100_000 {
		one.Name = fmt.Sprintf("metric %d of many, each with a long name", i)
		v.Metrics = append(v.Metrics, one)
	}
	v.Summary = append(v.Summary, strings.Repeat("very long ", 1<<20))
	got := render(t, "md", v)
	if len(got) > 1<<20 {
		t.Errorf("%d bytes", len(got))
	}
	for _, want := range []string{"ROLLBACK", v.Summary[0][:40], "more lines did not fit"} {
		if !strings.Contains(got, want) {
			t.Errorf("does not say %q", want)
		}
	}
}

// TestOnlyAPromotionIsGreen: in a JUnit file the decision passes, and as an
// annotation it is a notice, for PROMOTE and for nothing else, a decision that does
// not exist included.
func TestOnlyAPromotionIsGreen(t *testing.T) {
	for _, d := range []judge.Decision{judge.Promote, judge.Rollback, judge.Hold, judge.NoData, "", "promote"} {
		v := promote()
		v.Decision = d
		var suites struct {
			Suite struct {
				Failures int `xml:"failures,attr"`
				Errors   int `xml:"errors,attr"`
			} `xml:"testsuite"`
		}
		if err := xml.Unmarshal([]byte(render(t, "xml", v)), &suites); err != nil {
			t.Fatal(err)
		}
		green := d == judge.Promote
		if got := suites.Suite.Failures+suites.Suite.Errors == 0; got != green {
			t.Errorf("%q in a JUnit file: passes %v, want %v", d, got, green)
		}
		if got := strings.HasPrefix(render(t, "gh", v), "::notice "); got != green {
			t.Errorf("%q as an annotation: a notice %v, want %v", d, got, green)
		}
	}
}

// TestAnnotationsStayOneCommandEach: text of others begins no command of its own.
func TestAnnotationsStayOneCommandEach(t *testing.T) {
	v := hostile()
	v.Summary = append(v.Summary, "\n::set-output name=decision::promote\r\n::error::x", "50%0A::error::y")
	v.Metrics[0].Name = "a,b:c\n::stop-commands::x"
	v.Metrics[0].Gating, v.Metrics[0].Standing = true, judge.Worse
	command := regexp.MustCompile(`^::(notice|warning|error) title=[^:,]*::[^\r\n]*\n$`)
	n := 0
	for line := range strings.Lines(render(t, "gh", v)) {
		n++
		if !command.MatchString(line) || strings.Contains(strings.ReplaceAll(line, "%25", ""), "%0A::") {
			t.Errorf("not one command: %q", line)
		}
	}
	if n != 2 {
		t.Errorf("%d annotations, want the decision and one metric", n)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteErrorsAreReturned(t *testing.T) {
	for suffix, write := range renderings {
		if err := write(brokenWriter{}, promote()); err == nil {
			t.Errorf("%s swallows a write error", suffix)
		}
	}
}

// TestTrafficThatCameOfItself: production traffic has no seed, no dataset and
// perhaps no baseline, and no report makes a number of what there is none of.
func TestTrafficThatCameOfItself(t *testing.T) {
	v := promote()
	v.Run.Dataset, v.Run.Seed, v.Run.Dialect, v.Run.Model = sample.Dataset{}, 0, "", ""
	v.Arms[0] = summary.Arm{}
	v.SameWork = judge.SameWork{Detail: "no pair succeeded in both arms"}
	for _, suffix := range []string{"txt", "md", "html"} {
		text := render(t, suffix, v)
		for _, never := range []string{"seed 0", "dataset  (", "0 items", "no pair succeeded in both arms: no pair", "dialect ", "model ,"} {
			if strings.Contains(text, never) {
				t.Errorf("%s says %q", suffix, never)
			}
		}
	}
	if text := strings.Join(strings.Fields(render(t, "txt", v)), " "); !strings.Contains(text, "of traffic that came of itself") || strings.Contains(text, "no requests") {
		t.Errorf("an arm that there is not has a row:\n%s", text)
	}
}

// TestByHistory: earlier runs are no arm of the run and have no row of zeros.
func TestByHistory(t *testing.T) {
	v := promote()
	v.Mode, v.Baseline, v.Blocks = "history", "earlier runs", 0
	v.Arms[0] = summary.Arm{Name: "earlier runs"}
	for _, suffix := range []string{"txt", "md", "html"} {
		text := strings.Join(strings.Fields(render(t, suffix, v)), " ")
		for _, never := range []string{"no requests", "0 blocks of", "<h3>Candidate against baseline", "### Candidate against baseline", "earlier runs | 0"} {
			if strings.Contains(text, never) {
				t.Errorf("%s says %q", suffix, never)
			}
		}
		if !strings.Contains(text, "The run against earlier ones") {
			t.Errorf("%s does not say what is compared", suffix)
		}
	}
}
