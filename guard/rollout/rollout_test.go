package rollout_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/rollout"
)

// TestNext: in the original a rollback from 5 % led to 5 %.
func TestNext(t *testing.T) {
	for _, c := range []struct {
		at   int
		d    judge.Decision
		want int
	}{
		{0, judge.Promote, 5},
		{5, judge.Promote, 20},
		{50, judge.Promote, 100},
		{100, judge.Promote, 100},
		{5, judge.Rollback, 0},
		{20, judge.Rollback, 0},
		{100, judge.Rollback, 0},
		{0, judge.Rollback, 0},
		{20, judge.Hold, 20},
		{20, judge.NoData, 20},
	} {
		if got, err := rollout.Default().Next(c.at, c.d); err != nil || got != c.want {
			t.Errorf("%s at %d %%: %d %% (%v), want %d %%", c.d, c.at, got, err, c.want)
		}
	}
}

func TestNextRefuses(t *testing.T) {
	for name, err := range map[string]error{
		"no stage":    second(rollout.Default().Next(7, judge.Promote)),
		"no decision": second(rollout.Default().Next(5, "")),
		"no floor":    second(rollout.Plan{5, 100}.Next(5, judge.Rollback)),
		"no top":      second(rollout.Plan{0, 50}.Next(0, judge.Promote)),
		"not rising":  second(rollout.Plan{0, 50, 20, 100}.Next(0, judge.Promote)),
		"one twice":   second(rollout.Plan{0, 20, 20, 100}.Next(0, judge.Promote)),
		"nothing":     second(rollout.Plan(nil).Next(0, judge.Promote)),
	} {
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func second(_ int, err error) error { return err }

// A server keeps a State; what it does wrong is set by the test.
type server struct {
	rollout.State
	deaf    bool  // says yes and changes nothing
	behind  bool  // counts the change and routes as before
	mute    bool  // makes the change and answers with an error
	reading error // from the second look on
	setting error
	others  int    // how many changes of another flag come before the next
	window  uint64 // how many changes of all flags it can tell of; 0: all
	reads   int
	asked   []int
}

func (s *server) Read(context.Context) (rollout.State, error) {
	s.reads++
	if s.reads > 1 && s.reading != nil {
		return rollout.State{}, s.reading
	}
	told := s.State
	if s.window > 0 && s.Generation > s.window {
		if told.Back = s.Generation - s.window; told.Last.Generation <= told.Back {
			told.Last = rollout.Mark{}
		}
	}
	return told, nil
}

func (s *server) Set(_ context.Context, c rollout.Change) error {
	if s.others > 0 {
		s.others--
		s.Generation++
	}
	switch {
	case s.setting != nil:
		return s.setting
	case s.Locked:
		return rollout.ErrLocked
	case c.Expected != s.Generation:
		return rollout.ErrStale
	case s.deaf:
		return nil
	}
	s.Generation++
	s.Last = rollout.Mark{Generation: s.Generation, Who: c.Who, Evidence: c.Evidence}
	if !s.behind {
		s.Percent, s.Unit = float64(c.Percent), c.Unit
		s.asked = append(s.asked, c.Percent)
	}
	if s.mute {
		return errors.New("the answer was lost")
	}
	return nil
}

// operator changes the flag by hand.
func (s *server) operator(percent float64) {
	s.Generation++
	s.Percent, s.Last = percent, rollout.Mark{Generation: s.Generation, Who: "ops"}
}

// TestApplyReadsBack: in the original an apply wrote to a store that the server
// never looked at, and ended well.
func TestApplyReadsBack(t *testing.T) {
	broken := errors.New("broken")
	before := rollout.State{Percent: 5, Unit: "request", Generation: 7, Last: rollout.Mark{Generation: 6, Who: "me", Evidence: "step 1"}}
	for _, c := range []struct {
		name    string
		server  server
		edit    func(*server)
		to      int
		want    error
		percent float64 // that Apply says is in force
	}{
		{name: "good", to: 20, percent: 20},
		{name: "rollback", to: 0, percent: 0},
		{name: "deaf", server: server{deaf: true}, to: 20, want: rollout.ErrNotApplied, percent: 5},
		{name: "behind", server: server{behind: true}, to: 0, want: rollout.ErrNotApplied, percent: 5},
		{name: "refused", server: server{setting: broken}, to: 20, want: broken, percent: 5},
		{name: "silent afterwards", server: server{reading: broken}, to: 20, want: broken, percent: 5},
		{name: "the answer was lost", server: server{mute: true}, to: 20, percent: 20},
		{name: "locked", edit: func(s *server) { s.Locked = true }, to: 20, want: rollout.ErrLocked, percent: 5},
		{name: "another flag was changed", edit: func(s *server) { s.Generation++ }, to: 20, percent: 20},
		{name: "another flag is changed meanwhile", server: server{others: 2}, to: 20, percent: 20},
		{name: "another flag is changed all the time", server: server{others: 100}, to: 20, want: rollout.ErrStale, percent: 5},
		{name: "somebody else set another", edit: func(s *server) { s.operator(50) }, to: 20, want: rollout.ErrChanged, percent: 50},
		{name: "somebody else set the same", edit: func(s *server) { s.operator(5) }, to: 20, want: rollout.ErrChanged, percent: 5},
		{name: "somebody else set what was wanted", edit: func(s *server) { s.operator(20) }, to: 20, want: rollout.ErrChanged, percent: 20},
		{name: "the unit is another", edit: func(s *server) {
			s.operator(5)
			s.Unit = "session"
		}, to: 5, want: rollout.ErrChanged, percent: 5},
		{name: "an own change came late", edit: func(s *server) {
			s.operator(0)
			s.Last.Who = "me"
		}, to: 20, percent: 20},
	} {
		c.server.State = before
		if c.edit != nil {
			c.edit(&c.server)
		}
		got, err := rollout.Apply(t.Context(), &c.server, before, rollout.Change{Percent: c.to, Unit: "request", Who: "me", Evidence: "step 2"})
		if !errors.Is(err, c.want) || got.Percent != c.percent {
			t.Errorf("%s: %+v, %v; want %v %%, %v", c.name, got, err, c.percent, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than one line: %v", c.name, err)
		}
	}
	unread := &server{reads: 1, reading: broken}
	if _, err := rollout.Apply(t.Context(), unread, before, rollout.Change{Percent: 5}); !errors.Is(err, broken) {
		t.Errorf("a server that cannot be read: %v", err)
	}
}

// TestDesignOf: a flag whose arms share what one can use up is not split.
func TestDesignOf(t *testing.T) {
	for _, c := range []struct{ flag, asked, want string }{
		{"ff_converter_fast_path", "auto", "split"},
		{"ff_converter_fast_path", "switchback", "switchback"},
		{"ff_retry_policy_v2", "auto", "switchback"},
		{"ff_http2_pool_tuning", "auto", "switchback"},
		{"ff_preview_credential_scheduler_v2", "switchback", "switchback"},
		{"ff_retry_policy_v2", "split", ""},
		{"ff_http2_pool_tuning", "split", ""},
		{"ff_preview_credential_scheduler_v2", "split", ""},
		{"ff_converter_fast_path", "interleaved", ""},
		{"ff_of_tomorrow", "auto", "switchback"},
		{"ff_of_tomorrow", "split", "split"},
	} {
		if got, err := rollout.DesignOf(c.flag, c.asked); string(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s by %s: %q, %v", c.flag, c.asked, got, err)
		}
	}
}
