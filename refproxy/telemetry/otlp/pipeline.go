package otlp

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// bounded keeps the library's batch processor from dropping spans that nobody
// counts: it lets no more in than its queue can hold.
type bounded struct {
	sdktrace.SpanProcessor
	e *Exporter
}

// OnEnd implements [sdktrace.SpanProcessor].
func (b *bounded) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if n := &b.e.counts.waiting; n.Add(1) > int64(b.e.cfg.Queue) {
		n.Add(-1)
		b.e.counts.spans.Add(1)
		return
	}
	b.SpanProcessor.OnEnd(s)
}

// A spanExporter counts what leaves the queue, and keeps failures out of the
// library's own log.
type spanExporter struct {
	sdktrace.SpanExporter
	e *Exporter
}

// ExportSpans implements [sdktrace.SpanExporter].
func (x *spanExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	x.e.counts.waiting.Add(-int64(len(spans)))
	if err := x.SpanExporter.ExportSpans(ctx, spans); err != nil {
		x.e.counts.failed.Add(int64(len(spans)))
		x.e.faults.tell("traces", err)
	}
	return nil
}

// A metricExporter keeps failures out of the library's log, too. Its points are
// sums since the beginning, so those of a failed export come with the next.
type metricExporter struct {
	sdkmetric.Exporter
	e *Exporter
}

// Export implements [sdkmetric.Exporter].
func (x *metricExporter) Export(ctx context.Context, points *metricdata.ResourceMetrics) error {
	if err := x.Exporter.Export(ctx, points); err != nil {
		x.e.faults.tell("metrics", err)
	}
	return nil
}

// faultEvery is how often a failure is logged: a collector that is down would
// fill the log otherwise.
const faultEvery = time.Minute

// faults logs failures of exports. It is safe for concurrent use.
type faults struct {
	log *slog.Logger

	mu   sync.Mutex
	last map[string]time.Time
}

func (f *faults) tell(what string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if at, ok := f.last[what]; ok && now.Sub(at) < faultEvery {
		return
	}
	if f.last == nil {
		f.last = map[string]time.Time{}
	}
	f.last[what] = now
	f.log.Warn("the OpenTelemetry collector was not told", slog.String("what", what), slog.Any("cause", hide(err)))
}

// urls are hidden from the log: a collector's may have a token in its path.
var urls = regexp.MustCompile(`https?://[^\s"]+`)

// maxFault bounds what is logged of a failure in bytes: it may be a page.
const maxFault = 300

// hide returns what a failure says on one line, without the collector's URL and
// without its words: it may repeat what it was sent, headers and all.
func hide(err error) error {
	text, _, _ := strings.Cut(urls.ReplaceAllString(err.Error(), "URL"), "body:")
	text = strings.Join(strings.Fields(strings.TrimRight(text, " (")), " ")
	if len(text) > maxFault {
		text = strings.ToValidUTF8(text[:maxFault], "") + "..."
	}
	return errors.New(text)
}
