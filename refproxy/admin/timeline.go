package admin

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
)

// A timeline is a request's life as bars and as a list. Places are percent of
// its length.
type timeline struct {
	Bars   []bar
	Marks  []mark
	Events []event
}

// A bar is an attempt and the wait after it.
type bar struct {
	Label              string
	Failed             bool
	At, Wide           float64
	WaitAt, WaitedWide float64
}

// A mark is an instant of the answer.
type mark struct {
	Class string
	At    float64
}

// An event is a line of the list.
type event struct {
	At   time.Duration
	What string
}

func timelineOf(r live.Request) timeline {
	length := max(r.Duration, r.FirstToken, r.FirstByte, time.Nanosecond)
	for _, a := range r.Attempts {
		length = max(length, a.At)
	}
	percent := func(d time.Duration) float64 { return 100 * float64(d) / float64(length) }
	t := timeline{Events: []event{{0, "request came"}}}
	for i, a := range r.Attempts {
		end, next := length, length
		if i+1 < len(r.Attempts) {
			next = r.Attempts[i+1].At
			end = max(a.At, next-a.Slept)
		}
		t.Bars = append(t.Bars, bar{
			Label: attemptLabel(i, a), Failed: a.Class != "",
			At: percent(a.At), Wide: percent(end - a.At), WaitAt: percent(end), WaitedWide: percent(next - end),
		})
		t.Events = append(t.Events, attemptEvents(i, a, end)...)
	}
	for _, m := range []struct {
		class, what string
		at          time.Duration
	}{{"byte", "first byte sent", r.FirstByte}, {"token", "first content sent", r.FirstToken}} {
		if m.at > 0 {
			t.Marks = append(t.Marks, mark{m.class, percent(m.at)})
			t.Events = append(t.Events, event{m.at, m.what})
		}
	}
	t.Events = append(t.Events, event{r.Duration, "end: " + r.Outcome})
	slices.SortStableFunc(t.Events, func(a, b event) int { return cmp.Compare(a.At, b.At) })
	return t
}

func attemptLabel(i int, a live.Attempt) string {
	label := fmt.Sprintf("Attempt %d", i+1)
	if a.Credential != "" {
		label += " with " + a.Credential
	}
	if a.Class != "" {
		label += ": " + failure(a)
	}
	return label
}

func failure(a live.Attempt) string {
	if a.Status == 0 {
		return a.Class
	}
	return fmt.Sprintf("%s (%d)", a.Class, a.Status)
}

func attemptEvents(i int, a live.Attempt, end time.Duration) []event {
	begun := event{a.At, fmt.Sprintf("attempt %d begun", i+1)}
	if a.Credential != "" {
		begun.What += " with " + a.Credential
	}
	if a.Class == "" {
		return []event{begun}
	}
	what := fmt.Sprintf("attempt %d failed: %s", i+1, failure(a))
	if a.Retried {
		what += fmt.Sprintf("; waited %s of %s planned", duration(a.Slept), duration(a.Planned))
	}
	return []event{begun, {end, what}}
}
