package convert

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A k6Line is a line of "k6 run --out json=FILE": the declaration of a metric, or
// a point of one. Durations are in milliseconds.
type k6Line struct {
	Type   string `json:"type"`
	Metric string `json:"metric"`
	Data   struct {
		Time  string         `json:"time"`
		Value *float64       `json:"value"`
		Tags  map[string]any `json:"tags"`
	} `json:"data"`
	// Of an end-of-test summary, which is one document:
	Metrics json.RawMessage `json:"metrics"`
}

// A k6Request gathers the points of one request, which k6 writes one after the
// other with the same time and tags, http_reqs first.
type k6Request struct {
	line   int
	time   string
	tags   row
	points map[string]float64
}

// errK6Summary says what to export instead of a summary.
var errK6Summary = errors.New("a summary of k6 holds no requests: run k6 with --out json=FILE and convert that file")

// decodeK6 reads k6's points. Other metrics than those of HTTP requests are
// passed over, as they are of no request.
func decodeK6(_ fields, src *bufio.Reader, take func(record) error) error {
	var now *k6Request
	end := func() error {
		if now == nil {
			return nil
		}
		rec := now.record()
		now = nil
		return take(rec)
	}
	first, err := firstLine(src)
	if err != nil {
		return err
	}
	if !json.Valid(first) {
		return k6Document(src)
	}
	err = lines(src, func(number int, text []byte) error {
		var l k6Line
		if text == nil || json.Unmarshal(text, &l) != nil {
			return take(bad(number, "no line of k6's JSON output"))
		}
		switch {
		case len(l.Metrics) > 0 && l.Type == "":
			return errK6Summary
		case l.Type == "Metric":
			return nil
		case l.Type != "Point":
			return take(bad(number, "neither a point nor a metric of k6"))
		case l.Metric == "http_reqs":
			if err := end(); err != nil {
				return err
			}
			now = &k6Request{line: number, time: l.Data.Time, tags: k6Tags(l.Data.Tags), points: map[string]float64{}}
		case now == nil || l.Data.Time != now.time || !strings.HasPrefix(l.Metric, "http_req_"):
			return end()
		case l.Data.Value != nil:
			now.points[l.Metric] = *l.Data.Value
		}
		return nil
	})
	if err != nil {
		return err
	}
	return end()
}

// k6Document says what a file of JSON over many lines is: a summary, at best.
func k6Document(src *bufio.Reader) error {
	var doc struct {
		Metrics json.RawMessage `json:"metrics"`
	}
	if json.NewDecoder(src).Decode(&doc) == nil && len(doc.Metrics) > 0 {
		return errK6Summary
	}
	return errors.New("no output of k6: run k6 with --out json=FILE and convert that file")
}

// k6Row are the tags of a request.
type k6Row map[string]string

func (r k6Row) text(field string) string { return r[field] }

func k6Tags(tags map[string]any) row {
	r := k6Row{}
	for name, v := range maps.All(tags) {
		r[name] = fmt.Sprint(v)
	}
	return r
}

// record places a request by its end, which is the time of its points. It began
// before it was blocked, which includes connecting and the TLS handshake; its
// duration is what sending, waiting and receiving took together.
func (q *k6Request) record() record {
	rec := record{line: q.line, row: q.tags}
	end, ok := parseInstant(q.time)
	duration, known := q.points["http_req_duration"]
	if !ok || !known {
		rec.wrong = errors.New("a request without its time or http_req_duration")
		return rec
	}
	var ns [6]int64
	for i, ms := range []float64{
		duration, q.points["http_req_blocked"], q.points["http_req_receiving"], q.points["http_req_waiting"],
		q.points["http_req_connecting"], q.points["http_req_tls_handshaking"],
	} {
		if math.IsNaN(ms) || ms < 0 || ms*1e6 > float64(maxSpan) {
			rec.wrong = fmt.Errorf("a request with a time of %g ms", ms)
			return rec
		}
		ns[i] = int64(math.Round(ms * 1e6))
	}
	s := &rec.sample
	s.CloseNS = end
	s.IntendedNS = end - ns[0] - ns[1]
	s.SentNS = s.IntendedNS
	s.Conn = sample.Conn{Protocol: word(q.tags.text("proto")), ConnectNS: ns[4], TLSNS: ns[5], Reused: ns[4] == 0}
	q.outcome(s)
	if s.Status != 0 { // an answer began
		s.FirstByteNS = max(end-ns[2], s.IntendedNS)
		s.WrittenNS = max(s.FirstByteNS-ns[3], s.IntendedNS)
	}
	return rec
}

// outcome is what k6 made of the request: http_req_failed tells whether its
// status was expected, the tag error_code what else went wrong.
func (q *k6Request) outcome(s *sample.Sample) {
	s.Status, _ = strconv.Atoi(q.tags.text("status")) // 0: there was no answer
	failed, told := q.points["http_req_failed"]
	code, _ := strconv.Atoi(q.tags.text("error_code"))
	switch {
	case code >= 1000 && code < 1400 || code >= 1600 || s.Status == 0:
		s.Code = fmt.Sprintf("error_code_%d", code)
		s.Outcome, s.Phase = k6Error(code, s.Status)
	case told && failed == 0 || !told && s.Status >= 200 && s.Status < 400:
		s.Outcome = sample.OK
	default:
		s.Outcome, s.Phase = sample.ByStatus(s.Status), sample.PhaseHeaders
		if s.Outcome == sample.OK { // the script called a 200 a failure
			s.Outcome, s.Phase = sample.ErrorEvent, sample.PhaseStream
		}
	}
}

// k6Error is the class of an error code of k6.
func k6Error(code, status int) (sample.Outcome, sample.Phase) {
	switch {
	case code == 1050:
		return sample.SlowTotal, sample.PhaseStream
	case code/100 == 11:
		return sample.DNS, sample.PhaseDNS
	case code == 1211:
		return sample.SlowConnect, sample.PhaseConnect
	case code == 1212:
		return sample.Refused, sample.PhaseConnect
	case code/100 == 13:
		return sample.TLS, sample.PhaseTLS
	case code/10 == 161:
		return sample.GoAway, sample.PhaseStream
	case code/10 == 163:
		return sample.StreamReset, sample.PhaseStream
	case status != 0:
		return sample.ResetStream, sample.PhaseStream
	case code == 1220:
		return sample.ResetBefore, sample.PhaseHeaders
	}
	return sample.Unreachable, sample.PhaseConnect
}
