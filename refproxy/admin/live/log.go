package live

import (
	"context"
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"time"
)

// A Line is one record of the log.
type Line struct {
	Seq     uint64 // counts all records, also those no longer kept
	At      time.Time
	Level   slog.Level
	Message string
	Attrs   []Attr
}

// An Attr is one attribute, its key with the groups around it.
type Attr struct{ Key, Value string }

// maxAttrs is how many attributes of a record are kept.
const maxAttrs = 32

// A Log keeps the last records that its Handler gets. It is safe for concurrent
// use.
type Log struct {
	least slog.Level

	mu    sync.Mutex
	seq   uint64
	lines []Line // a ring: record n is at n % cap
	size  int
}

// NewLog returns a log of size records of the level least and above.
func NewLog(size int, least slog.Level) *Log {
	return &Log{least: least, size: size}
}

// Handler returns the handler that keeps records; slog.NewMultiHandler puts it
// beside the one that writes them.
//
// It hides by type: a value that is a slog.LogValuer is kept as what that says,
// and a value of which the text may hold anything, such as a struct or a map,
// is kept as the name of its type.
func (l *Log) Handler() slog.Handler { return &handler{log: l} }

// Tail returns the last records of the level least and above, the newest first,
// at most limit.
func (l *Log) Tail(limit int, least slog.Level) []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	var tail []Line
	for i := range len(l.lines) {
		line := l.lines[(l.seq-1-uint64(i))%uint64(l.size)]
		if line.Level >= least && len(tail) < limit {
			tail = append(tail, line)
		}
	}
	return tail
}

func (l *Log) keep(line Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line.Seq = l.seq
	if len(l.lines) < l.size {
		l.lines = append(l.lines, line)
	} else {
		l.lines[l.seq%uint64(l.size)] = line
	}
	l.seq++
}

type handler struct {
	log   *Log
	attrs []Attr
	group string // with a dot at its end
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.log.least }

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	attrs := h.attrs[:len(h.attrs):len(h.attrs)]
	r.Attrs(func(a slog.Attr) bool {
		attrs = flatten(attrs, h.group, a)
		return len(attrs) < maxAttrs
	})
	h.log.keep(Line{At: r.Time, Level: r.Level, Message: short(r.Message), Attrs: attrs})
	return nil
}

func (h *handler) WithAttrs(more []slog.Attr) slog.Handler {
	attrs := h.attrs[:len(h.attrs):len(h.attrs)]
	for _, a := range more {
		attrs = flatten(attrs, h.group, a)
	}
	return &handler{h.log, attrs, h.group}
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &handler{h.log, h.attrs, h.group + name + "."}
}

// flatten appends an attribute, or those of a group.
func flatten(attrs []Attr, group string, a slog.Attr) []Attr {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, inner := range value.Group() {
			attrs = flatten(attrs, group, inner)
		}
		return attrs
	}
	if a.Key == "" || len(attrs) >= maxAttrs {
		return attrs
	}
	return append(attrs, Attr{group + a.Key, short(text(value))})
}

func text(v slog.Value) string {
	if v.Kind() != slog.KindAny {
		return v.String()
	}
	switch a := v.Any().(type) {
	case nil:
		return "none"
	case error:
		return a.Error()
	case fmt.Stringer:
		return a.String()
	case encoding.TextMarshaler:
		if b, err := a.MarshalText(); err == nil {
			return string(b)
		}
	case []string:
		return strings.Join(a, ", ")
	}
	if kind := reflect.TypeOf(v.Any()).Kind(); kind <= reflect.Complex128 || kind == reflect.String {
		return fmt.Sprint(v.Any())
	}
	return fmt.Sprintf("(%T)", v.Any())
}

func short(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + " (cut)"
}
