package convert

import (
	"bufio"
	"cmp"
	"errors"
	"strconv"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A record is what a decoder made of one entry of a log: a request with its
// instants in nanoseconds since 1970, or why it is none.
type record struct {
	line   int
	row    row
	sample sample.Sample
	model  string
	// silent: it does not say whether it succeeded, and counts as if it had.
	silent bool
	// queued: it tells how long it waited to be sent, be it not at all.
	queued bool
	// passed says why the entry is no request to be judged; "": it is one.
	passed string
	// wrong says why the entry cannot be read.
	wrong error
}

// A decoder reads one log and hands over each entry. Its own error is that of
// the reading, or of take.
type decoder func(f fields, src *bufio.Reader, take func(record) error) error

func (o Options) decoder() decoder {
	switch o.From {
	case OTLP:
		return decodeOTLP
	case LiteLLM:
		return decodeLiteLLM
	case Vegeta:
		return decodeVegeta
	case K6:
		return decodeK6
	case VLLM:
		return decodeVLLM
	}
	return decodeEnvoy
}

// bad is the record of an entry that cannot be read.
func bad(line int, why string) record { return record{line: line, wrong: errors.New(why)} }

// callerLeft is the code of a request whose caller did not wait for its end.
const callerLeft = "caller_left"

// left is the outcome of a request whose caller left; begun says that an answer
// had begun. It is no sample.Cancelled, which would leave the request out and
// with it the slowness that may have driven the caller away.
func left(s *sample.Sample, begun bool) {
	s.Code, s.Outcome, s.Phase = callerLeft, sample.ResetBefore, sample.PhaseHeaders
	if begun {
		s.Outcome, s.Phase = sample.ResetStream, sample.PhaseStream
	}
}

// failed is the outcome of a request that its log calls failed, by its status
// where that tells and otherwise by the class of the error, a text of the
// gateway's own.
func failed(s *sample.Sample, class string) {
	s.Code, s.Phase = word(class), sample.PhaseHeaders
	if n, err := strconv.Atoi(class); err == nil && s.Status == 0 {
		s.Status = n
	}
	if s.Status != 0 && s.Status != 200 {
		s.Outcome = sample.ByStatus(s.Status)
		return
	}
	s.Outcome, s.Phase = sample.ErrorEvent, sample.PhaseStream
	class = strings.ToLower(class)
	for _, known := range []struct {
		part    string
		outcome sample.Outcome
	}{
		{"timeout", sample.SlowTotal},
		{"deadline", sample.SlowTotal},
		{"ratelimit", sample.RateLimited},
		{"rate_limit", sample.RateLimited},
		{"overload", sample.Overloaded},
		{"unavailable", sample.Overloaded},
		{"connection", sample.Unreachable},
	} {
		if strings.Contains(class, known.part) {
			s.Outcome = known.outcome
			return
		}
	}
	if strings.Contains(class, "cancel") {
		left(s, false)
	}
}

// word keeps of a code what a code is made of: an error text, which may quote a
// conversation, does not get through.
func word(text string) string {
	if len(text) > 80 || strings.ContainsFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-,:/", r))
	}) {
		return "other"
	}
	return text
}

// work fills in what is the same in all logs: tokens, cost, request and finish.
func (f fields) work(rec *record) error {
	s, r := &rec.sample, rec.row
	var errs [5]error
	s.Usage.Input, errs[0] = f.count(r, RoleInput)
	s.Usage.Output, errs[1] = f.count(r, RoleOutput)
	s.Usage.Cached, errs[2] = f.count(r, RoleCached)
	s.Cost, errs[3] = f.amount(r, RoleCost)
	var attempts int
	attempts, errs[4] = f.count(r, RoleAttempts)
	if err := cmp.Or(errs[:]...); err != nil {
		return err
	}
	if f.text(r, RoleOutput) != "" {
		s.Usage.Source = "usage"
		if s.Usage.Output == 0 && s.Outcome == sample.OK {
			s.Outcome, s.Phase = sample.Empty, sample.PhaseStream
		}
	}
	s.Finish = word(f.text(r, RoleFinish))
	s.Session = f.text(r, RoleSession) // hashed before it is written
	if id := word(f.text(r, RoleRequest)); id != "" || attempts > 0 {
		s.Proxy = &sample.ProxySaid{RequestID: id, Attempts: attempts}
	}
	rec.model = word(f.text(r, RoleModel))
	return nil
}

// ordered says what is wrong with the order of a request's instants.
func ordered(s *sample.Sample) error {
	at := s.IntendedNS
	for _, next := range [...]int64{s.SentNS, s.WrittenNS, s.FirstByteNS, s.TokenNS, s.LastNS, s.CloseNS} {
		if next == 0 {
			continue
		}
		if next < at {
			return errors.New("its instants are out of order: it ends, or answers, before it begins")
		}
		at = next
	}
	if s.CloseNS == 0 {
		return errors.New("it does not say when it ended")
	}
	return nil
}
