package assert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A Topic is a family of quantities that are asserted together.
type Topic string

// The topics.
const (
	Latency      Topic = "latency"
	Throughput   Topic = "throughput"
	Quality      Topic = "quality"
	Transport    Topic = "transport"
	Retry        Topic = "retry"
	ConverterCPU Topic = "converter-cpu"
	PreviewPool  Topic = "preview-pool"
)

// Topics lists them all.
func Topics() []Topic {
	return []Topic{Latency, Throughput, Quality, Transport, Retry, ConverterCPU, PreviewPool}
}

// Example is a demand of the topic, as a shell takes it.
func (t Topic) Example() string {
	switch t {
	case Throughput:
		return "--achieved '>=98%'"
	case Quality:
		return "--quality '>=90%'"
	case Transport:
		return "--reuse '>=95%'"
	case Retry:
		return "--attempts-mean '<=1.1'"
	case ConverterCPU:
		return "--cpu-per-event '<=50us'"
	case PreviewPool:
		return "--fairness '>=90%'"
	}
	return "--full-p95 '<=2.5s'"
}

// A unit is how a quantity is written.
type unit string

const (
	duration unit = "duration"
	share    unit = "share"
	number   unit = "number"
)

// A kind is how a quantity is estimated.
type kind int

const (
	perRequest kind = iota // one value a request, of which a statistic is taken
	rate                   // hits out of attempts, estimated
	score                  // mean of values in [0,1]
	perTurn                // one value for each turn of an arm
	fact                   // counted, without bounds
	uneven                 // of the busiest of several, estimated
)

// A measure is something that can be asserted.
type measure struct {
	name   string
	kind   kind
	unit   unit
	higher bool // more is better
	topics []Topic
	what   string // for people
}

// measures lists what can be asserted, in the order of help texts.
func measures() []measure {
	list := latencies()
	all := Topics()
	return append(
		list,
		measure{"success", rate, share, true, all, "requests that succeeded, of all attempts"},
		measure{"throughput", perTurn, number, true, []Topic{Throughput}, "requests answered per second of load"},
		measure{"achieved", perTurn, share, true, []Topic{Throughput}, "request starts per second, of those intended"},
		measure{"quality", score, share, true, []Topic{Quality}, "mean score of the answers, a failure scores 0"},
		measure{"reuse", fact, share, true, []Topic{Transport}, "requests on a connection that stood already"},
		measure{"http2", fact, share, true, []Topic{Transport}, "requests answered over HTTP/2"},
		measure{"new_connections", fact, number, false, []Topic{Transport}, "requests that needed a new connection"},
		measure{"tls_handshakes", fact, number, false, []Topic{Transport}, "requests that needed a TLS handshake"},
		measure{"silent_retries", fact, number, false, []Topic{Transport}, "requests that the client's own transport sent again"},
		measure{"attempts", perRequest, number, false, []Topic{Retry}, "upstream attempts that the gateway made"},
		measure{"wait", perRequest, duration, false, []Topic{Retry}, "time that the gateway waited between attempts"},
		measure{"retried", fact, share, false, []Topic{Retry}, "requests that took more than one upstream attempt"},
		measure{"double_waits", fact, number, false, []Topic{Retry}, "requests that waited without a retry, or longer than was planned once for each"},
		measure{"cpu_per_event", perTurn, duration, false, []Topic{ConverterCPU}, "processor time of the gateway per content event"},
		measure{"cpu_per_request", perTurn, duration, false, []Topic{ConverterCPU}, "processor time of the gateway per request"},
		measure{"wrong_credential", fact, number, false, []Topic{PreviewPool}, "requests of preview models on other credentials; of labels that are given, across the boundary either way"},
		measure{"spilled", fact, share, false, []Topic{PreviewPool}, "requests of other models that preview credentials served, as none else could"},
		measure{"fairness", fact, share, true, []Topic{PreviewPool}, "Jain's index over the credentials: 100% is an even share"},
		measure{"busiest", fact, share, false, []Topic{PreviewPool}, "requests on the busiest credential"},
		measure{"overuse", uneven, number, false, []Topic{PreviewPool}, "the busiest credential's requests over an even part, with bounds that hold for all at once"},
	)
}

// latencies are the measures of package sample.
func latencies() []measure {
	var list []measure
	for _, m := range []struct {
		key  sample.Measure
		what string
	}{
		{sample.TTFB, "intended start to first byte"},
		{sample.FirstToken, "intended start to first token"},
		{sample.Gap, "mean gap between content events of one answer"},
		{sample.Full, "intended start to the end of the answer"},
		{sample.FirstEvent, "intended start to first event"},
		{sample.FirstText, "intended start to first visible text"},
		{sample.LastContent, "intended start to last content event"},
		{sample.TPOT, "time per output token after the first"},
		{sample.NTPOT, "intended start to last content event, per output token"},
		{sample.HeadersTime, "intended start to headers"},
		{sample.Waiting, "request written to first byte"},
		{sample.Queue, "intended start to sending"},
		{sample.DNSTime, "name look-up, where one took place"},
		{sample.Connect, "connecting, where it took place"},
		{sample.TLSTime, "TLS handshake, where one took place"},
		{sample.AddedToken, "what the gateway added to the first token"},
		{sample.AddedEvent, "what the gateway added to each event"},
	} {
		topics := []Topic{Latency}
		if slices.Contains([]sample.Measure{sample.DNSTime, sample.Connect, sample.TLSTime}, m.key) {
			topics = append(topics, Transport)
		}
		list = append(list, measure{string(m.key), perRequest, duration, false, topics, m.what})
	}
	for _, service := range sample.ServiceMeasures() {
		d, _ := sample.Define(string(service))
		list = append(list, measure{string(service), perRequest, duration, false, []Topic{Latency}, "the same from the send: " + d.Name})
	}
	return list
}

// A statistic is what is taken of values: a quantile, the mean or the maximum.
type statistic struct {
	name string  // "p95", "mean", "max"; "" for quantities that are one number
	q    float64 // of a quantile
}

// A Quantity is a statistic of a measure.
type Quantity struct {
	measure   measure
	statistic statistic
}

// String names the quantity as it is written: first_token.p95, success.
func (q Quantity) String() string {
	if q.statistic.name == "" {
		return q.measure.name
	}
	return q.measure.name + "." + q.statistic.name
}

// parseQuantity reads the name of a quantity.
func parseQuantity(text string) (Quantity, error) {
	name, stat, has := strings.Cut(text, ".")
	list := measures()
	i := slices.IndexFunc(list, func(m measure) bool { return m.name == name })
	if i < 0 {
		return Quantity{}, fmt.Errorf("unknown measure %.40q: \"firstbyte assert --help\" lists them", name)
	}
	q := Quantity{measure: list[i]}
	if q.measure.kind != perRequest {
		if has {
			return Quantity{}, fmt.Errorf("%s is one number: write it without %.20q", name, "."+stat)
		}
		return q, nil
	}
	if !has {
		return Quantity{}, fmt.Errorf("%s needs a statistic, such as %s.p95, %s.mean or %s.max", name, name, name, name)
	}
	var err error
	q.statistic, err = parseStatistic(stat)
	return q, err
}

func parseStatistic(text string) (statistic, error) {
	if text == "mean" || text == "max" {
		return statistic{name: text}, nil
	}
	digits, isP := strings.CutPrefix(text, "p")
	percent, err := strconv.ParseFloat(digits, 64)
	plain := strings.Trim(digits, "0123456789.") == ""
	if !isP || err != nil || !plain || !(percent > 0 && percent < 100) {
		return statistic{}, fmt.Errorf("unknown statistic %.20q: write p50, p95, p99.9, mean or max", text)
	}
	return statistic{name: text, q: percent / 100}, nil
}
