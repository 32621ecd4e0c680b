package compat

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// vllm computes what vLLM's bench serve saves (vllm/benchmarks/serve.py,
// calculate_metrics).
func vllm(r *records) []Value {
	in, out := r.sum(input), r.sum(output)
	values := []Value{
		{"completed", "", float64(len(r.ok)), "requests that succeeded"},
		{"failed", "", float64(len(r.all) - len(r.ok)), "requests that did not"},
		{"duration", "s", r.window, "first start to last end"},
		{"total_input_tokens", "", in, "of completed requests"},
		{"total_output_tokens", "", out, "of completed requests"},
		{"request_throughput", "/s", per(float64(len(r.ok)), r.window), "completed / duration"},
	}
	if good, why := r.vllmGood(); len(r.slos) > 0 {
		values = append(values, Value{"request_goodput", "/s", per(good, r.window), "completed within every limit of ttft, tpot (0 of one token) and e2el / duration" + why})
	}
	values = append(values,
		Value{"output_throughput", "/s", per(out, r.window), "total_output_tokens / duration"},
		Value{"total_token_throughput", "/s", per(in+out, r.window), "(total_input_tokens + total_output_tokens) / duration"},
		Value{"max_output_tokens_per_s", "/s", r.busiestSecond(), "most chunks in one second counted from the first start, a chunk being one token"},
		Value{"max_concurrent_requests", "", r.mostAtOnce(), "most requests between send and last content at once"},
	)
	for _, m := range []struct {
		name    string
		of      []float64
		formula string
	}{
		{"ttft", r.each(ttft), "first chunk - send"},
		{"tpot", r.each(perToken), "(last chunk - first chunk) / (output tokens - 1), one of each request of 2 tokens or more"},
		{"itl", r.gaps(), "each gap between chunks, pooled, however many tokens a chunk has"},
		{"e2el", r.each(last), "last chunk - send"},
	} {
		values = append(values,
			Value{"mean_" + m.name + "_ms", "ms", mean(m.of), m.formula},
			Value{"median_" + m.name + "_ms", "ms", percentile(m.of, 50), ""},
			Value{"std_" + m.name + "_ms", "ms", deviation(m.of), ""},
			Value{"p99_" + m.name + "_ms", "ms", percentile(m.of, 99), ""},
		)
	}
	return values
}

// vllmGood counts what vLLM calls good; why names limits that it has no word for.
func (r *records) vllmGood() (good float64, why string) {
	known := map[sample.Measure]func(*sample.Sample) (float64, bool){sample.FirstToken: ttft, sample.TPOT: perToken, sample.LastContent: last, sample.Full: last}
	for _, slo := range r.slos {
		if known[userOf(slo.Measure)] == nil {
			return math.NaN(), fmt.Sprintf("; it has no %s", slo.Measure)
		}
	}
	for _, s := range r.ok {
		if !slices.ContainsFunc(r.slos, func(slo summary.SLO) bool {
			v, ok := known[userOf(slo.Measure)](s)
			return ok && v > float64(slo.LimitNS)/1e6
		}) {
			good++
		}
	}
	return good, ""
}

// userOf is the measure whose service clock m is: peers know no other.
func userOf(m sample.Measure) sample.Measure {
	for _, user := range sample.Measures() {
		if service, ok := user.Service(); ok && service == m {
			return user
		}
	}
	return m
}

// busiestSecond is the largest number of chunks in one second of the run.
func (r *records) busiestSecond() float64 {
	var first, busiest int64
	for i, s := range r.ok {
		if i == 0 || s.SentNS < first {
			first = s.SentNS
		}
	}
	counts := map[int64]int64{}
	for _, s := range r.ok {
		for _, at := range arrivals(s) {
			second := (at - first) / 1e9
			counts[second]++
			busiest = max(busiest, counts[second])
		}
	}
	return float64(busiest)
}

// mostAtOnce is the largest number of successes in flight; one that ends when
// another begins does not overlap it.
func (r *records) mostAtOnce() float64 {
	type edge struct{ at, delta int64 }
	var edges []edge
	for _, s := range r.ok {
		edges = append(edges, edge{s.SentNS, 1}, edge{s.LastNS, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.delta, b.delta)) })
	var now, top int64
	for _, e := range edges {
		now += e.delta
		top = max(top, now)
	}
	return float64(top)
}

// aiperf computes the metrics of AIPerf (docs/metrics-reference.md).
func aiperf(r *records) []Value {
	in, out := r.sum(input), r.sum(output)
	duration := span(r.ok, func(s *sample.Sample) int64 { return s.SentNS }, func(s *sample.Sample) int64 { return s.LastNS })
	values := []Value{
		{"request_count", "", float64(len(r.ok)), "requests that succeeded"},
		{"error_request_count", "", float64(len(r.all) - len(r.ok)), "requests that did not"},
		{"benchmark_duration", "s", duration, "last response - first send, of valid requests"},
		{"request_throughput", "/s", per(float64(len(r.ok)), duration), "request_count / benchmark_duration"},
		{"total_osl", "", out, "output sequence lengths"},
		{"total_isl", "", in, "input sequence lengths"},
		{"output_token_throughput", "/s", per(out, duration), "total_osl / benchmark_duration"},
		{"total_token_throughput", "/s", per(in+out, duration), "(total_isl + total_osl) / benchmark_duration"},
	}
	if len(r.slos) > 0 {
		good := r.aiperfGood()
		values = append(values,
			Value{"good_request_count", "", good, "valid requests within every limit"},
			Value{"good_request_fraction", "", per(good, float64(len(r.all))), "good_request_count / (request_count + error_request_count)"},
			Value{"goodput", "/s", per(good, duration), "good_request_count / benchmark_duration"},
		)
	}
	for _, m := range aiperfRecords(r) {
		for _, stat := range []struct {
			name string
			of   float64
		}{
			{"avg", mean(m.of)},
			{"min", least(m.of)},
			{"max", most(m.of)},
			{"p99", percentile(m.of, 99)},
			{"p90", percentile(m.of, 90)},
			{"p50", percentile(m.of, 50)},
			{"std", deviation(m.of)},
		} {
			values = append(values, Value{m.name + " " + stat.name, m.unit, stat.of, m.formula})
			m.formula = ""
		}
	}
	return values
}

// A series is a metric that each request has a value of.
type series struct {
	name, unit string
	of         []float64
	formula    string
}

func aiperfRecords(r *records) []series {
	perSecond := func(value func(*sample.Sample) (float64, bool), tokens func(*sample.Sample) int) []float64 {
		return r.each(func(s *sample.Sample) (float64, bool) {
			took, ok := value(s)
			return float64(tokens(s)) / (took / 1e3), ok && took > 0 && tokens(s) > 0
		})
	}
	return []series{
		{"time_to_first_token", "ms", r.each(ttft), "first content response, reasoning too - send"},
		{"time_to_second_token", "ms", r.each(func(s *sample.Sample) (float64, bool) {
			if len(s.GapsNS) == 0 {
				return 0, false
			}
			return float64(s.GapsNS[0]) / 1e6, true
		}), "second content response - first"},
		{"time_to_first_output_token", "ms", r.each(ttfo), "first response that is not reasoning - send"},
		{"request_latency", "ms", r.each(last), "last content response - send"},
		{"effective_latency", "ms", r.each(func(s *sample.Sample) (float64, bool) { return float64(s.LastNS-s.IntendedNS) / 1e6, s.LastNS != 0 }), "last content response - planned start"},
		{"inter_token_latency", "ms", r.each(perToken), "(request_latency - time_to_first_token) / (output sequence length - 1), one of each request"},
		{"inter_chunk_latency", "ms", r.gaps(), "each gap between content responses, pooled"},
		{"output_token_throughput_per_user", "/s", r.each(func(s *sample.Sample) (float64, bool) {
			took, ok := perToken(s)
			return 1e3 / took, ok && took > 0
		}), "1 / inter_token_latency, of each request"},
		{"prefill_throughput_per_user", "/s", perSecond(ttft, input), "input sequence length / time_to_first_token"},
		{"e2e_output_token_throughput", "/s", perSecond(last, output), "output sequence length / request_latency"},
		{"output_sequence_length", "", r.each(func(s *sample.Sample) (float64, bool) { return float64(output(s)), true }), "output tokens, reasoning too"},
		{"input_sequence_length", "", r.each(func(s *sample.Sample) (float64, bool) { return float64(input(s)), s.Usage.Input > 0 }), "input tokens"},
		{"http_req_waiting", "ms", r.each(func(s *sample.Sample) (float64, bool) { return ms(s.WrittenNS, s.FirstByteNS) }), "first byte - request sent"},
	}
}

// aiperfGood counts valid requests within every limit, on the service clock; a
// request without the metric is not good.
func (r *records) aiperfGood() float64 {
	good := 0.
	for _, s := range r.ok {
		if !slices.ContainsFunc(r.slos, func(slo summary.SLO) bool {
			m := slo.Measure
			if service, ok := m.Service(); ok {
				m = service
			}
			ns, _, none := s.Value(m)
			return none || ns < 0 || ns > slo.LimitNS
		}) {
			good++
		}
	}
	return good
}

// guidellm computes the per-request figures of GuideLLM (schemas/request_stats.py).
func guidellm(r *records) []Value {
	values := []Value{
		{"successful_requests", "", float64(len(r.ok)), ""},
		{"errored_requests", "", float64(len(r.all) - len(r.ok)), ""},
	}
	return append(values, distributions([]series{
		{"time_to_first_token_ms", "ms", r.each(ttft), "first token chunk, reasoning too - request start"},
		{"time_to_first_output_token_ms", "ms", r.each(ttfo), "first chunk that is not reasoning - request start"},
		{"inter_token_latency_ms", "ms", r.each(perToken), "(last token chunk - first) / (output tokens - 1), one of each request"},
		{"time_per_output_token_ms", "ms", r.each(func(s *sample.Sample) (float64, bool) {
			took, ok := last(s)
			return took / float64(output(s)), ok && output(s) > 0
		}), "(last token chunk - request start) / output tokens, the first included"},
		{"request_latency", "s", r.each(func(s *sample.Sample) (float64, bool) {
			took, ok := closed(s)
			return took / 1e3, ok
		}), "request end - request start"},
		{"output_tokens_per_second", "/s", r.each(func(s *sample.Sample) (float64, bool) {
			took, ok := closed(s)
			return float64(output(s)) / (took / 1e3), ok && took > 0
		}), "output tokens / request_latency, of each request"},
	}, "mean", "median", "std_dev", "p95", "p99")...)
}

// inferencePerf computes the request figures of inference-perf
// (reportgen/base.py, compute_request_latency_metrics).
func inferencePerf(r *records) []Value {
	inSeconds := func(value func(*sample.Sample) (float64, bool)) []float64 {
		return r.each(func(s *sample.Sample) (float64, bool) {
			v, ok := value(s)
			return v / 1e3, ok
		})
	}
	total := span(r.all, func(s *sample.Sample) int64 { return s.SentNS }, func(s *sample.Sample) int64 { return s.CloseNS })
	in, out := r.sum(input), r.sum(output)
	values := []Value{
		{"count", "", float64(len(r.ok)), "requests that succeeded"},
		{"failures", "", float64(len(r.all) - len(r.ok)), "requests that did not"},
		{"requests_per_sec", "/s", per(float64(len(r.ok)), total), "count / (last end - first start of all requests)"},
		{"input_tokens_per_sec", "/s", per(in, total), ""},
		{"output_tokens_per_sec", "/s", per(out, total), ""},
		{"total_tokens_per_sec", "/s", per(in+out, total), ""},
	}
	return append(values, distributions([]series{
		{"request_latency", "s", inSeconds(closed), "completion - send"},
		{"normalized_time_per_output_token", "s", inSeconds(func(s *sample.Sample) (float64, bool) {
			took, ok := closed(s)
			if output(s) == 0 {
				return 0, ok
			}
			return took / float64(output(s)), ok
		}), "request_latency / output tokens, 0 without any"},
		{"time_to_first_token", "s", inSeconds(func(s *sample.Sample) (float64, bool) {
			took, ok := ttfo(s)
			return took, ok && len(textual(s)) > 1
		}), "first visible text - send, of answers with two or more"},
		{"time_per_output_token", "s", inSeconds(func(s *sample.Sample) (float64, bool) {
			at := textual(s)
			if len(at) < 2 || output(s) < 2 {
				return 0, false
			}
			return float64(at[len(at)-1]-at[0]) / 1e6 / float64(output(s)-1), true
		}), "(last visible text - first) / (output tokens - 1)"},
		{"inter_token_latency", "s", r.textGaps(), "each gap between chunks of visible text, pooled"},
	}, "mean", "median", "p90", "p99")...)
}

// textual are the instants of the chunks from the first visible text on: what
// came before was reasoning or a tool's arguments.
func textual(s *sample.Sample) []int64 {
	if s.TextNS == 0 {
		return nil
	}
	return slices.DeleteFunc(arrivals(s), func(at int64) bool { return at < s.TextNS })
}

func (r *records) textGaps() []float64 {
	var all []float64
	for _, s := range r.ok {
		at := textual(s)
		for i := 1; i < len(at); i++ {
			all = append(all, seconds(at[i]-at[i-1]))
		}
	}
	return all
}

// distributions gives the statistics named of each series.
func distributions(all []series, stats ...string) []Value {
	var values []Value
	for _, m := range all {
		for _, stat := range stats {
			v := Value{m.name + " " + stat, m.unit, statistic(m.of, stat), m.formula}
			values, m.formula = append(values, v), ""
		}
	}
	return values
}

func statistic(of []float64, name string) float64 {
	switch name {
	case "mean":
		return mean(of)
	case "median":
		return percentile(of, 50)
	case "std_dev":
		return deviation(of)
	}
	p, err := strconv.ParseFloat(strings.TrimPrefix(name, "p"), 64)
	if err != nil {
		panic("no statistic " + name) // the names stand in this file
	}
	return percentile(of, p)
}

// mlperf computes what LoadGen's summary of the Server scenario says with token
// latencies (loadgen/results.cc): from the planned start, percentiles by rank
// ⌊n·p⌋.
func mlperf(r *records) []Value {
	first := r.each(func(s *sample.Sample) (float64, bool) { return float64(s.TokenNS - s.IntendedNS), s.TokenNS != 0 })
	tpot := r.each(func(s *sample.Sample) (float64, bool) {
		v, ok := perToken(s)
		return math.Trunc(v * 1e6), ok
	})
	latency := r.each(func(s *sample.Sample) (float64, bool) { return float64(s.CloseNS - s.IntendedNS), s.CloseNS != 0 })
	intended := func(s *sample.Sample) int64 { return s.IntendedNS }
	done := span(r.ok, intended, func(s *sample.Sample) int64 { return s.CloseNS })
	values := []Value{
		{"Completed samples per second", "/s", per(max(float64(len(r.ok))-1, 0), done), "(samples - 1) / (last end - first planned start)"},
		{"Completed tokens per second", "/s", per(r.sum(output), done), "output tokens / the same"},
		{"Scheduled samples per second", "/s", per(max(float64(len(r.ok))-1, 0), span(r.ok, intended, intended)), "(samples - 1) / (last planned start - first)"},
	}
	for _, m := range []struct {
		one, percentile string
		of              []float64
		formula         string
	}{
		{"latency (ns)", "latency (ns)", latency, "end - planned start"},
		{"First Token latency (ns)", "first token latency (ns)", first, "first token - planned start"},
		{"Time to Output Token (ns)", "time to output token (ns)", tpot, "(last token - first) / (output tokens - 1)"},
	} {
		values = append(values,
			Value{"Min " + m.one, "ns", least(m.of), m.formula},
			Value{"Max " + m.one, "ns", most(m.of), ""},
			Value{"Mean " + m.one, "ns", math.Trunc(mean(m.of)), ""},
		)
		for _, p := range []float64{50, 90, 95, 97, 99, 99.9} {
			values = append(values, Value{fmt.Sprintf("%.2f percentile %s", p, m.percentile), "ns", ranked(m.of, p), ""})
		}
	}
	return values
}

// ranked is the value at index ⌊n·p⌋ in ascending order.
func ranked(v []float64, p float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(v))
	return sorted[min(int(float64(len(sorted))*p/100), len(sorted)-1)]
}
