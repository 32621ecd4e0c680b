package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// The elements of a JUnit file, as the schema of Jenkins' JUnit plugin has them:
// github.com/jenkinsci/xunit-plugin, junit-10.xsd. A failure says that something
// was found, an error that nothing could be said.
type (
	junitSuites struct {
		XMLName xml.Name   `xml:"testsuites"`
		Suite   junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitOutcome `xml:"failure"`
		Error   *junitOutcome `xml:"error"`
		Skipped *junitOutcome `xml:"skipped"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitOutcome struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
	}
)

// JUnit writes the verdict as a JUnit file: one test case for the decision, one for
// each metric that decides, and one for each control and for the same work. The
// case of the decision passes if it is PROMOTE and never else: a rollback is a
// failure, a hold and no data are errors. A metric of which nothing was decided
// is skipped, so a file without a passing decision is not green for it.
func JUnit(w io.Writer, v judge.Verdict) error {
	s := junitSuite{Name: "firstbyte"}
	for _, f := range append(standingBehind(&v), facts(&v)...) {
		if p := (junitProperty{printable(f.Name), printable(f.Value)}); !slices.Contains(s.Properties, p) {
			s.Properties = append(s.Properties, p)
		}
	}
	s.add(decisionCase(&v))
	for _, m := range v.Metrics {
		if m.Gating {
			s.add(metricCase(m))
		}
	}
	for _, c := range controlCases(&v) {
		s.add(c)
	}
	work := junitCase{Class: "run", Name: "same work"}
	if !v.SameWork.Same {
		work.Error = outcome(sameWork(&v), "")
	}
	s.add(work)
	text, err := xml.MarshalIndent(junitSuites{Suite: s}, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if _, err := fmt.Fprintf(w, "%s%s\n", xml.Header, text); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

func (s *junitSuite) add(c junitCase) {
	c.Name = printable(c.Name)
	c.Out = printable(c.Out)
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func outcome(message, kind string) *junitOutcome {
	return &junitOutcome{printable(message), printable(kind)}
}

func decisionCase(v *judge.Verdict) junitCase {
	c := junitCase{Class: "verdict", Name: "decision"}
	text := join(" ", v.Summary...)
	switch v.Decision {
	case judge.Promote:
		c.Out = text
	case judge.Rollback:
		c.Failure = outcome(text, string(v.Decision)+reason(v))
	default:
		c.Error = outcome(text, string(v.Decision)+reason(v))
	}
	return c
}

func metricCase(m judge.Metric) junitCase {
	c := junitCase{Class: "metric", Name: m.Name}
	figures := fmt.Sprintf("change %s, bounds %s, tolerated %s, detects %s", effect(m), bounds(m), tolerated(m), detects(m))
	text := join("; ", figures, m.Why, limit(m))
	switch {
	case m.DryRun:
		c.Skipped = outcome(join("; ", "a dry run decides nothing", string(m.Standing), text), "")
	case m.Standing == judge.NotWorse:
		c.Out = text
	case m.Standing == judge.Worse:
		c.Failure = outcome(text, string(m.Standing))
	case m.Standing == judge.Missing:
		c.Error = outcome(text, string(m.Standing))
	default:
		c.Skipped = outcome(join("; ", string(m.Standing), text), "")
	}
	return c
}

func controlCases(v *judge.Verdict) []junitCase {
	twin, plant := junitCase{Class: "control", Name: "twin"}, junitCase{Class: "control", Name: "plant"}
	said := controls(v)
	if v.Controls.Mode != "on" {
		twin.Skipped, plant.Skipped = outcome(said[0].Name+": "+said[0].Value, ""), outcome(said[0].Name+": "+said[0].Value, "")
		return []junitCase{twin, plant}
	}
	for i, c := range []*judge.Control{v.Controls.Twin, v.Controls.Plant} {
		at := [...]*junitCase{&twin, &plant}[i]
		if c != nil && c.OK {
			at.Out = said[i].Value
		} else {
			at.Error = outcome(said[i].Value, "")
		}
	}
	return []junitCase{twin, plant}
}
