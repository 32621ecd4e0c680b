package main

import (
	"context"
	"os"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/telemetry/otlp"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// exported hands what the relay says of a request to a collector of
// OpenTelemetry.
type exported struct{ to *otlp.Exporter }

// Began is nothing to who tells of what has ended.
func (exported) Began() {}

func (e exported) Ended(o relay.Outcome) {
	r := otlp.Request{
		Traceparent: o.Traceparent, RequestID: o.RequestID, Model: o.Model, Upstream: o.UpstreamModel, Stream: o.Stream,
		Arm: string(armOf(&o)), Status: o.Status, Finish: finishWords[o.Finish.Stop],
		Begun: o.Times.Begun, Answered: o.Times.Answered, Token: o.Times.Token, Ended: o.Times.Ended,
		Input: o.Usage.Input + o.Usage.Cached, Cached: o.Usage.Cached, Output: o.Usage.Output, Thinking: o.Usage.Thinking,
		Attempts: exportedAttempts(&o),
	}
	if o.Err != nil {
		r.Failure = o.Err.Kind.String()
	}
	e.to.Ended(r)
}

// finishWords are those that the conventions give as examples.
var finishWords = map[chat.StopReason]string{
	chat.StopEndTurn: "stop", chat.StopMaxTokens: "length", chat.StopRefusal: "content_filter", chat.StopToolUse: "tool_calls",
}

// exportedAttempts have an end: when they failed, or the request's.
func exportedAttempts(o *relay.Outcome) []otlp.Attempt {
	attempts := make([]otlp.Attempt, len(o.Attempts))
	for i, a := range o.Attempts {
		ended := o.Times.Ended
		if a.Failed > 0 {
			ended = o.Times.Begun.Add(a.Failed)
		}
		attempts[i] = otlp.Attempt{
			Begun: o.Times.Begun.Add(a.At), Ended: ended, Credential: a.Credential, Class: a.Class, Status: a.Status, Slept: a.Slept,
		}
	}
	return attempts
}

// providers are the names that the conventions have for kinds of upstream.
var providers = map[upstream.Kind]string{upstream.Gemini: "gcp.gemini", upstream.Vertex: "gcp.vertex_ai", upstream.CodeAssist: "gcp.gen_ai"}

// exportTo tells a collector of the proxy's requests, if the endpoint or the
// environment names one. stop tells it of the last.
func exportTo(ctx context.Context, endpoint string, cfg *server.Config) (stop func(), err error) {
	to := otlp.Config{
		Endpoint: endpoint, Version: version, Provider: providers[cfg.Upstream.Kind], Upstream: cfg.Upstream.URL(), Log: cfg.Log,
	}
	if !to.Wanted(os.Getenv) {
		return func() {}, nil
	}
	if err := to.Validate(os.Getenv); err != nil {
		return nil, err
	}
	e, err := otlp.New(ctx, to)
	if err != nil {
		return nil, err
	}
	cfg.Observers = append(cfg.Observers, exported{e})
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), exportWait)
		defer cancel()
		_ = e.Close(ctx) // the log has said what was not told
	}, nil
}

// exportWait bounds how long a proxy that stops waits for a collector.
const exportWait = 5 * time.Second
