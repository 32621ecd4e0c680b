package otlp

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/semconv/v1.41.0/genaiconv"
)

// Buckets as the conventions advise.
var (
	durations = metric.WithExplicitBucketBoundaries(.01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
	firsts    = metric.WithExplicitBucketBoundaries(.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80)
	perToken  = metric.WithExplicitBucketBoundaries(.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5)
	tokens    = metric.WithExplicitBucketBoundaries(1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
)

// points are the metrics of the conventions: the server's are of what the caller
// sees, the client's of what the proxy sees of the upstream.
type points struct {
	request genaiconv.ServerRequestDuration
	first   genaiconv.ServerTimeToFirstToken
	token   genaiconv.ServerTimePerOutputToken
	attempt genaiconv.ClientOperationDuration
	chunk   genaiconv.ClientOperationTimeToFirstChunk
	usage   genaiconv.ClientTokenUsage
	models  map[string]bool
}

func newPoints(m metric.Meter) (points, error) {
	p := points{models: map[string]bool{}}
	var errs [6]error
	p.request, errs[0] = genaiconv.NewServerRequestDuration(m, durations)
	p.first, errs[1] = genaiconv.NewServerTimeToFirstToken(m, firsts)
	p.token, errs[2] = genaiconv.NewServerTimePerOutputToken(m, perToken)
	p.attempt, errs[3] = genaiconv.NewClientOperationDuration(m, durations)
	p.chunk, errs[4] = genaiconv.NewClientOperationTimeToFirstChunk(m, firsts)
	p.usage, errs[5] = genaiconv.NewClientTokenUsage(m, tokens)
	return p, errors.Join(errs[:]...)
}

// maxModels is how many models have an attribute of their own.
const maxModels = 32

// model returns the attribute of the model. Only a success makes one known, so
// that callers cannot fill the collector with names they make up.
func (p *points) model(r Request) []attribute.KeyValue {
	if r.Failure == "" && r.Upstream != "" && len(p.models) < maxModels {
		p.models[r.Upstream] = true
	}
	if !p.models[r.Upstream] {
		return nil
	}
	return []attribute.KeyValue{semconv.GenAIRequestModel(r.Upstream)}
}

// record records what is known of a request. Times to tokens are of successes
// alone, as the conventions have it.
func (p *points) record(t *teller, r Request) {
	ctx := context.Background()
	model := p.model(r)
	all := append([]attribute.KeyValue{semconv.GenAIOperationNameChat, t.provider}, model...)
	if r.Arm != "" {
		all = append(all, arm(r))
	}
	of := func(more ...attribute.KeyValue) attribute.Set {
		return attribute.NewSet(append(all[:len(all):len(all)], more...)...)
	}
	total := r.Ended.Sub(r.Begun)
	p.request.RecordSet(ctx, total.Seconds(), of(failed(r.Failure)...))
	for i, a := range r.Attempts {
		with := append(failed(a.Class), t.server...)
		p.attempt.RecordSet(ctx, a.Ended.Sub(a.Begun).Seconds(), of(with...))
		if r.Stream && r.Failure == "" && r.served(i) && !r.Answered.IsZero() {
			p.chunk.RecordSet(ctx, r.Answered.Sub(a.Begun).Seconds(), of(t.server...))
		}
	}
	if r.Failure != "" {
		return
	}
	p.used(ctx, r, func(kind genaiconv.TokenTypeAttr) attribute.Set {
		return of(append([]attribute.KeyValue{semconv.GenAITokenTypeKey.String(string(kind))}, t.server...)...)
	})
	if r.Stream && !r.Token.IsZero() {
		p.flow(ctx, r, total, of())
	}
}

// used records the tokens of a success.
func (p *points) used(ctx context.Context, r Request, of func(genaiconv.TokenTypeAttr) attribute.Set) {
	if r.Input+r.Output == 0 {
		return // the upstream did not count
	}
	p.usage.RecordSet(ctx, int64(r.Input), of(genaiconv.TokenTypeInput))
	p.usage.RecordSet(ctx, int64(r.Output), of(genaiconv.TokenTypeOutput))
}

// flow records the time to the first token of a stream, and of each after it.
func (p *points) flow(ctx context.Context, r Request, total time.Duration, set attribute.Set) {
	first := r.Token.Sub(r.Begun)
	p.first.RecordSet(ctx, first.Seconds(), set)
	if r.Output > 1 {
		p.token.RecordSet(ctx, (total-first).Seconds()/float64(r.Output-1), set)
	}
}

func failed(class string) []attribute.KeyValue {
	if class == "" {
		return nil
	}
	return []attribute.KeyValue{semconv.ErrorTypeKey.String(class)}
}
