package convert

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// decodeVegeta reads the results of "vegeta attack" in any of their three forms,
// gob, JSON and CSV. A result tells when a worker took the request up and how
// long all of it took, not when it was meant to start.
func decodeVegeta(_ fields, src *bufio.Reader, take func(record) error) error {
	if _, err := src.Peek(1); err != nil {
		return err // io.EOF: nothing in it
	}
	dec := vegeta.DecoderFor(&wholeLines{src: src})
	if dec == nil {
		return errors.New("no results of vegeta: want what \"vegeta attack\" writes, or \"vegeta encode\" to json or csv")
	}
	for entry := 1; ; entry++ {
		var r vegeta.Result
		err := dec.Decode(&r)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF) || err != nil && strings.HasPrefix(err.Error(), "gob:"):
			return fmt.Errorf("entry %d: %s: what follows cannot be read; encode it again with \"vegeta encode\"", entry, oneLine(err))
		case err != nil:
			err = take(bad(entry, "no result of vegeta: "+oneLine(err)))
		default:
			err = take(vegetaRecord(entry, &r))
		}
		if err != nil {
			return err
		}
	}
}

// wholeLines ends what it reads with a line feed: vegeta's reader of JSON drops a
// last line without one.
type wholeLines struct {
	src   io.Reader
	last  byte
	ended bool
}

func (w *wholeLines) Read(p []byte) (int, error) {
	n, err := w.src.Read(p)
	if n > 0 {
		w.last = p[n-1]
	}
	if err == io.EOF && n == 0 && !w.ended && w.last == '}' && len(p) > 0 {
		w.ended, p[0] = true, '\n'
		return 1, nil
	}
	return n, err
}

// oneLine is what an error says, without what would break the line.
func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

// vegetaRow are the fields that arms can be told apart by.
type vegetaRow struct{ *vegeta.Result }

func (r vegetaRow) text(field string) string {
	switch field {
	case "attack":
		return r.Attack
	case "method":
		return r.Method
	case "url":
		return r.URL
	case "code":
		return fmt.Sprint(r.Code)
	}
	return ""
}

func vegetaRecord(entry int, r *vegeta.Result) record {
	rec := record{line: entry, row: vegetaRow{r}}
	at := r.Timestamp.UnixNano()
	if y := r.Timestamp.Year(); y < 1971 || y > 2200 || r.Latency < 0 || r.Latency > maxSpan {
		rec.wrong = fmt.Errorf("a result of %.40s that took %v", r.Timestamp.Format(time.RFC3339), r.Latency)
		return rec
	}
	s := &rec.sample
	s.IntendedNS, s.SentNS, s.CloseNS, s.Status = at, at, at+int64(r.Latency), int(r.Code)
	s.Outcome = sample.OK
	if r.Error != "" || r.Code < 200 || r.Code >= 400 {
		transportFailure(s, r.Error)
	}
	return rec
}

// transportFailure is the outcome of a request by its status, and without one by
// what an HTTP client says of a failure.
func transportFailure(s *sample.Sample, text string) {
	s.Phase = sample.PhaseHeaders
	if s.Status >= 400 {
		s.Outcome = sample.ByStatus(s.Status)
		return
	}
	text = strings.ToLower(text)
	for _, known := range []struct {
		part    string
		outcome sample.Outcome
		phase   sample.Phase
	}{
		{"no such host", sample.DNS, sample.PhaseDNS},
		{"refused", sample.Refused, sample.PhaseConnect},
		{"too many open files", sample.NoDescriptor, sample.PhaseConnect},
		{"cannot assign requested address", sample.NoPort, sample.PhaseConnect},
		{"unreachable", sample.Unreachable, sample.PhaseConnect},
		{"x509", sample.TLS, sample.PhaseTLS},
		{"tls", sample.TLS, sample.PhaseTLS},
		{"goaway", sample.GoAway, sample.PhaseStream},
		{"timeout", sample.SlowTotal, sample.PhaseStream},
		{"deadline exceeded", sample.SlowTotal, sample.PhaseStream},
	} {
		if strings.Contains(text, known.part) {
			s.Outcome, s.Phase = known.outcome, known.phase
			return
		}
	}
	s.Outcome = sample.ResetBefore
}
