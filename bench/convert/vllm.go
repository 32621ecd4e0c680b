package convert

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A vllmResult is what "vllm bench serve --save-result --save-detailed" saves:
// lists with an entry for each request, in seconds. Its start times are of a
// clock that counts from nowhere, so the first of them is put at the date.
type vllmResult struct {
	Date    string `json:"date"` // 20060102-150405, in a zone that it does not tell
	Backend string `json:"backend"`
	Model   string `json:"model_id"`
	Label   string `json:"label"`

	Inputs  []int       `json:"input_lens"`
	Outputs []int       `json:"output_lens"`
	TTFTs   []float64   `json:"ttfts"`
	ITLs    [][]float64 `json:"itls"`
	Starts  []float64   `json:"start_times"`
	Errors  []string    `json:"errors"`
	// Of later versions:
	Latencies []float64 `json:"latencies"`
	Queues    []float64 `json:"queue_times"`
}

// decodeVLLM reads one result, or several as --append-result writes them.
func decodeVLLM(_ fields, src *bufio.Reader, take func(record) error) error {
	dec := json.NewDecoder(src)
	for number := 1; ; number++ {
		var r vllmResult
		err := dec.Decode(&r)
		if err == io.EOF {
			if number == 1 {
				return io.EOF // nothing in it
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("result %d: no result of vllm bench serve: %s", number, oneLine(err))
		}
		if err := r.each(number, take); err != nil {
			return err
		}
	}
}

// each hands over the requests of a result.
func (r *vllmResult) each(number int, take func(record) error) error {
	anchor, err := r.anchor()
	if err != nil {
		return fmt.Errorf("result %d: %w", number, err)
	}
	for i := range r.Starts {
		rec := record{line: number, row: vllmRow{r}, model: word(r.Model), queued: len(r.Queues) > 0}
		if rec.wrong = r.request(&rec.sample, i, anchor); rec.wrong != nil {
			rec.wrong = fmt.Errorf("request %d: %w", i, rec.wrong)
		}
		if err := take(rec); err != nil {
			return err
		}
	}
	return nil
}

// anchor returns how far the date lies after the clock of the start times, in
// nanoseconds, if the result has all that a request needs.
func (r *vllmResult) anchor() (int64, error) {
	n := len(r.TTFTs)
	switch {
	case n == 0 || len(r.ITLs) == 0:
		return 0, errors.New("it holds no requests, only their summary: run vllm bench serve with --save-result --save-detailed")
	case len(r.Starts) == 0:
		return 0, errors.New("it has no start_times, so its requests have no place in time: save it with a vLLM that writes them (0.11 or later)")
	case len(r.ITLs) != n || len(r.Starts) != n || len(r.Outputs) != n || len(r.Inputs) != n || len(r.Errors) != n ||
		len(r.Latencies) != n && len(r.Latencies) != 0 || len(r.Queues) != n && len(r.Queues) != 0:
		return 0, errors.New("its lists are of different lengths: it is damaged")
	}
	date, err := time.Parse("20060102-150405", r.Date)
	if err != nil {
		return 0, fmt.Errorf("its date is %.40q, not like 20060102-150405", r.Date)
	}
	first := math.Inf(1)
	for _, at := range r.Starts {
		first = min(first, at)
	}
	if !(first >= 0 && first < 1e9) {
		return 0, fmt.Errorf("it starts at %g s", first)
	}
	return date.UnixNano() - nanoseconds(first), nil
}

// request reads the i-th request. Its end is its last chunk: vLLM does not tell
// that of the stream.
func (r *vllmResult) request(s *sample.Sample, i int, anchor int64) error {
	ttft, took, queued := r.TTFTs[i], 0., 0.
	for _, gap := range r.ITLs[i] {
		took += gap
		if !plausible(gap) {
			return fmt.Errorf("a gap of %g s", gap)
		}
	}
	took += ttft
	if len(r.Latencies) > 0 {
		took = r.Latencies[i]
	}
	if len(r.Queues) > 0 {
		queued = max(r.Queues[i], 0)
	}
	if !plausible(ttft) || !plausible(took) || !plausible(queued) || !(r.Starts[i] >= 0 && r.Starts[i] < 1e9) {
		return fmt.Errorf("it starts at %g s, waits %g s, has its first token after %g s and ends after %g s", r.Starts[i], queued, ttft, took)
	}
	s.SentNS = anchor + nanoseconds(r.Starts[i])
	s.IntendedNS = s.SentNS - nanoseconds(queued)
	s.CloseNS = s.SentNS + nanoseconds(took)
	s.Usage = sample.Usage{Input: max(r.Inputs[i], 0)}
	if r.Errors[i] != "" || ttft == 0 {
		vllmFailure(s, r.Errors[i])
		return nil
	}
	r.stream(s, i)
	return nil
}

// stream fills in the chunks of a success.
func (r *vllmResult) stream(s *sample.Sample, i int) {
	s.Outcome, s.Status = sample.OK, http.StatusOK
	s.TokenNS = s.SentNS + nanoseconds(r.TTFTs[i])
	s.LastNS = s.TokenNS
	for _, gap := range r.ITLs[i] {
		ns := nanoseconds(gap)
		s.GapsNS = append(s.GapsNS, ns)
		s.LastNS += ns
	}
	s.CloseNS = max(s.CloseNS, s.LastNS)
	s.Events = len(s.GapsNS) + 1
	s.Usage.Output, s.Usage.Source = max(r.Outputs[i], 0), "usage"
}

func nanoseconds(seconds float64) int64 { return int64(math.Round(seconds * 1e9)) }

func plausible(seconds float64) bool { return seconds >= 0 && seconds <= maxSpan.Seconds() }

// vllmFailure reads vLLM's error: the reason of an HTTP status, or a traceback
// of Python.
func vllmFailure(s *sample.Sample, text string) {
	for status := 400; status < 600; status++ {
		if reason := http.StatusText(status); reason != "" && text == reason {
			s.Status, s.Outcome, s.Phase = status, sample.ByStatus(status), sample.PhaseHeaders
			return
		}
	}
	transportFailure(s, text)
	s.Code = "vllm_error"
}

// vllmRow are the fields that arms can be told apart by.
type vllmRow struct{ *vllmResult }

func (r vllmRow) text(field string) string {
	switch field {
	case "backend":
		return r.Backend
	case "model_id":
		return r.Model
	case "label":
		return r.Label
	case "date":
		return r.Date
	}
	return ""
}
