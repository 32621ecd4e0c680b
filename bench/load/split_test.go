package load_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// splitting is a run against a server that gives every third request to b, and
// fails every tenth before it says whose it was.
func splitting(t *testing.T, n int) (load.Config, *server) {
	t.Helper()
	var at atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch i := at.Add(1); {
		case i%10 == 0:
			panic(http.ErrAbortHandler)
		case i%3 == 0:
			w.Header().Set("X-Arm", "b")
		default:
			w.Header().Set("X-Arm", "a")
		}
		answer(w, r)
	})
	cfg := config(t, s.URL, n)
	cfg.Arms = []load.Arm{load.Standing{ArmName: "a", At: load.Target{URL: s.URL}}, load.Standing{ArmName: "b", At: load.Target{URL: s.URL}}}
	cfg.Split = &load.Split{Header: "X-Arm", Share: 1. / 3}
	return cfg, s
}

func TestASplitReadsItsArmsFromTheAnswers(t *testing.T) {
	cfg, s := splitting(t, 60)
	if d, err := cfg.Demand(); err != nil || d.Requests != 60 {
		t.Errorf("asks for %+v, %v", d, err)
	}
	planned := 0
	cfg.Progress = func(p load.Progress) { planned = p.Planned }
	baseline := map[bool]int{}
	cfg.Score = func(a load.Answered) func() load.Grade {
		baseline[a.Baseline]++
		return func() load.Grade { return load.Grade{} }
	}
	r := run(t, t.Context(), cfg)
	if len(s.received()) != 60 || planned != 60 || r.Header.Design != sample.Split {
		t.Errorf("%d requests, %d planned, design %s", len(s.received()), planned, r.Header.Design)
	}
	arms, units := map[string]int{}, map[string]bool{}
	for _, sm := range r.Samples {
		arms[sm.Arm]++
		units[sm.Unit] = true
		if sm.Share != 1./3 || (sm.Arm == sample.Unassigned) != (sm.Outcome != sample.OK) {
			t.Errorf("%s: share %v, %s", sm.Arm, sm.Share, sm.Outcome)
		}
	}
	if fmt.Sprint(arms) != "map[a:36 b:18 unassigned:6]" || len(units) != 60 || baseline[true] != 36 || baseline[false] != 18 {
		t.Errorf("%v, %d units, scored %v", arms, len(units), baseline)
	}
	if len(r.Slots) != 2 || r.Slots[0].Arm != "a" || r.Slots[0].Requests != 36 || r.Slots[1].Requests != 18 || r.Slots[1].AchievedHz == 0 {
		t.Errorf("slots %+v", r.Slots)
	}
	if text := strings.Join(r.Warnings, "\n"); !strings.Contains(text, "6 requests ended without their answer naming an arm") {
		t.Errorf("warnings %q", text)
	}
	if tr := r.Trailer(sample.Validity{}); tr.Measured["a"] != 36 || tr.Measured["b"] != 18 || r.Health.Intended != 60 || len(r.Health.Arms) != 2 {
		t.Errorf("measured %v, health %+v", tr.Measured, r.Health.Arms)
	}
}

func TestAnArmThatNobodyKnows(t *testing.T) {
	cfg, _ := splitting(t, 20)
	cfg.Split.Header = "X-Elsewhere"
	r := run(t, t.Context(), cfg)
	if len(r.Slots) != 0 || outcomes(r.Samples)[sample.OK] != 18 {
		t.Errorf("%d slots, %v", len(r.Slots), outcomes(r.Samples))
	}
	cfg.Split.Header = "Content-Type"
	if text := strings.Join(run(t, t.Context(), cfg).Warnings, "\n"); !strings.Contains(text, `names the arm "text/event-stream; charset=utf-8"`) {
		t.Error(text)
	}
}

// A target that keeps sessions on an arm is told which they are.
func TestASplitBySessions(t *testing.T) {
	cfg, s := splitting(t, 4)
	cfg.Split.UnitHeader = "X-Session"
	cfg.Sessions = &load.Sessions{Turns: 2}
	r := run(t, t.Context(), cfg)
	sent := map[string]int{}
	for _, got := range s.received() {
		sent[got.header.Get("X-Session")]++
	}
	if len(sent) != 4 || len(r.Samples) != 8 {
		t.Errorf("sessions sent: %v", sent)
	}
	for _, sm := range r.Samples {
		if sm.Unit != sm.Session || sent[sm.Unit] == 0 {
			t.Errorf("unit %q of session %q", sm.Unit, sm.Session)
		}
	}
}

func TestBadDesigns(t *testing.T) {
	for want, change := range map[string]func(*load.Config){
		"a split of 1 arms":      func(c *load.Config) { c.Arms = c.Arms[:1] },
		"needs the header":       func(c *load.Config) { c.Split.Header = "" },
		"a share of 1:":          func(c *load.Config) { c.Split.Share = 1 },
		"cannot be called":       func(c *load.Config) { c.Arms[1] = load.Standing{ArmName: sample.Unassigned} },
		"takes no number":        func(c *load.Config) { c.About = []sample.Arm{{}, {PerSlot: 1}} },
		"a design of \"single\"": func(c *load.Config) { c.Design = sample.Single },
		"a switchback of 3 arms": func(c *load.Config) {
			c.Split, c.Design, c.Arms = nil, sample.Switchback, append(c.Arms, load.Standing{ArmName: "c"})
		},
	} {
		cfg, _ := splitting(t, 2)
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestASwitchbackSaysSo(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 3)
	cfg.Design, cfg.Blocks = sample.Switchback, 4
	pair(t, &cfg, s.URL)
	r := run(t, t.Context(), cfg)
	if r.Header.Design != sample.Switchback || len(r.Slots) != 8 || outcomes(r.Samples)[sample.OK] != 24 {
		t.Errorf("design %s, %d slots, %v", r.Header.Design, len(r.Slots), outcomes(r.Samples))
	}
}
