package live_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
)

type key string

func (key) LogValue() slog.Value { return slog.StringValue("hidden") }

// TestLogHidesByType holds that a secret in a log line reaches nobody, however
// it is wrapped.
func TestLogHidesByType(t *testing.T) {
	log := live.NewLog(10, slog.LevelInfo)
	type config struct{ Key key }
	l := slog.New(log.Handler())
	l.With("with", key("s3cret")).WithGroup("g").Info("message",
		"key", key("s3cret"), slog.Group("group", "inner", key("s3cret")),
		"struct", config{"s3cret"}, "pointer", &config{"s3cret"}, "map", map[string]key{"a": "s3cret"}, "slice", []key{"s3cret"})
	got := fmt.Sprintf("%+v", log.Tail(1, slog.LevelInfo))
	if strings.Contains(got, "s3cret") || !strings.Contains(got, "g.group.inner Value:hidden") || !strings.Contains(got, "Key:with Value:hidden") {
		t.Error(got)
	}
}

func TestLogShowsValues(t *testing.T) {
	log := live.NewLog(10, slog.LevelInfo)
	type code int
	slog.New(log.Handler()).Warn("m", "s", "text", "n", 7, "d", 3*time.Second, "err", errors.New("broken"), "nil", nil,
		"addr", netip.MustParseAddr("127.0.0.1"), "code", code(3), "list", []string{"a", "b"}, slog.Group("", "inline", true))
	var got []string
	for _, a := range log.Tail(1, slog.LevelInfo)[0].Attrs {
		got = append(got, a.Key+"="+a.Value)
	}
	want := "s=text n=7 d=3s err=broken nil=none addr=127.0.0.1 code=3 list=a, b inline=true"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

func TestLogIsBounded(t *testing.T) {
	log := live.NewLog(3, slog.LevelInfo)
	l := slog.New(log.Handler())
	l.Debug("not kept")
	for i := range 5 {
		l.Log(t.Context(), []slog.Level{slog.LevelInfo, slog.LevelError}[i%2], fmt.Sprint(i), "long", strings.Repeat("é", 1<<20))
	}
	var got []string
	for _, line := range log.Tail(10, slog.LevelInfo) {
		got = append(got, fmt.Sprint(line.Seq, line.Message))
		if n := len(line.Attrs[0].Value); n > 5<<10 {
			t.Errorf("a value of %d bytes was kept", n)
		}
	}
	if fmt.Sprint(got) != "[44 33 22]" {
		t.Errorf("tail %v, want the last three, the newest first", got)
	}
	if errs := log.Tail(10, slog.LevelError); len(errs) != 1 || errs[0].Message != "3" {
		t.Errorf("errors alone: %v", errs)
	}
}

func TestLogAttributesOfOneLoggerDoNotReachAnother(t *testing.T) {
	log := live.NewLog(10, slog.LevelInfo)
	base := slog.New(log.Handler()).With("a", 1)
	one, two := base.With("b", 2), base.With("c", 3)
	one.Info("one")
	two.Info("two", "d", 4)
	if got := fmt.Sprint(log.Tail(2, slog.LevelInfo)[1].Attrs, log.Tail(1, slog.LevelInfo)[0].Attrs); got != "[{a 1} {b 2}] [{a 1} {c 3} {d 4}]" {
		t.Error(got)
	}
}
