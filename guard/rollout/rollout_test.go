package rollout_test

import (
	"context"
	"errors"
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
	reading error // from the second look on
	setting error
	reads   int
}

func (s *server) Read(context.Context) (rollout.State, error) {
	s.reads++
	if s.reads > 1 && s.reading != nil {
		return rollout.State{}, s.reading
	}
	return s.State, nil
}

func (s *server) Set(_ context.Context, percent int, expected uint64) error {
	if s.setting != nil || expected != s.Generation {
		return s.setting
	}
	if s.deaf {
		return nil
	}
	s.Generation++
	if !s.behind {
		s.Percent = percent
	}
	return nil
}

// TestApplyReadsBack: in the original an apply wrote to a store that the server
// never looked at, and ended well.
func TestApplyReadsBack(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name     string
		server   server
		from, to int
		want     error
		percent  int // that Apply says is in force
	}{
		{"good", server{}, 5, 20, nil, 20},
		{"rollback", server{}, 5, 0, nil, 0},
		{"nothing to do", server{deaf: true}, 5, 5, nil, 5},
		{"deaf", server{deaf: true}, 5, 20, rollout.ErrNotApplied, 5},
		{"behind", server{behind: true}, 5, 0, rollout.ErrNotApplied, 5},
		{"another stage", server{}, 20, 50, rollout.ErrChanged, 5},
		{"refused", server{setting: broken}, 5, 20, broken, 5},
		{"silent afterwards", server{reading: broken}, 5, 20, broken, 5},
	} {
		c.server.State = rollout.State{Percent: 5, Generation: 7}
		got, err := rollout.Apply(t.Context(), &c.server, c.from, c.to)
		if !errors.Is(err, c.want) || got.Percent != c.percent {
			t.Errorf("%s: %+v, %v; want %d %%, %v", c.name, got, err, c.percent, c.want)
		}
	}
	unread := &server{reads: 1, reading: broken}
	if _, err := rollout.Apply(t.Context(), unread, 0, 5); !errors.Is(err, broken) {
		t.Errorf("a server that cannot be read: %v", err)
	}
}
