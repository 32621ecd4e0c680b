package convert

import (
	"bufio"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// decodeEnvoy reads an access log of one JSON object a line. Its format is the
// operator's own, so what is usual in Istio's, Envoy Gateway's and Envoy AI
// Gateway's is looked for first. Where the response duration (Envoy's
// %RESPONSE_DURATION%) is logged, it is the time to the first byte from the
// upstream; the upstream service time is not, since it begins later.
func decodeEnvoy(f fields, src *bufio.Reader, take func(record) error) error {
	return lines(src, func(number int, line []byte) error {
		if line == nil {
			return take(bad(number, errLong.Error()))
		}
		var o object
		if json.Unmarshal(line, &o) != nil {
			return take(bad(number, "no JSON object"))
		}
		rec := record{line: number, row: o}
		rec.wrong = f.envoy(&rec)
		return take(rec)
	})
}

func (f fields) envoy(rec *record) error {
	s, r := &rec.sample, rec.row
	start, ok, err := f.instant(r, RoleStart)
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("no start: map its field with --map start=FIELD")
	}
	s.IntendedNS = start
	took, ok, err := f.span(r, RoleDuration)
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("no duration: map its field with --map duration=FIELD:ms")
	}
	s.CloseNS = start + took
	first, answered, err := f.span(r, RoleFirstByte)
	if err != nil {
		return err
	}
	if answered {
		s.FirstByteNS = start + first
	}
	if f.text(r, RoleStatus) == "" {
		return errors.New("no status: map its field with --map status=FIELD")
	}
	if s.Status, err = f.count(r, RoleStatus); err != nil {
		return err
	}
	envoyOutcome(s, f.text(r, RoleFailure))
	return f.work(rec)
}

// harmless are the response flags beside which an answer is whole.
var harmless = map[string]bool{"DI": true, "RFCF": true, "ResponseFromCacheFilter": true}

// envoyOutcome judges by status and flags. A status of 200 was sent before the
// stream, so that any flag beside it, known or not, says that the answer broke
// off later; only those that are known to be harmless do not.
func envoyOutcome(s *sample.Sample, flags string) {
	var telling []string
	for flag := range strings.SplitSeq(flags, ",") {
		if flag = strings.TrimSpace(flag); flag != "" && flag != "-" && !harmless[flag] {
			telling = append(telling, flag)
		}
	}
	code := word(strings.Join(telling, ","))
	switch {
	case hasAny(telling, "DC", "DownstreamConnectionTermination", "DR", "DownstreamRemoteReset"):
		left(s, s.Status == 200)
	case s.Status == 0:
		s.Code, s.Outcome, s.Phase = code, sample.ResetBefore, sample.PhaseHeaders
	case s.Status != 200:
		s.Code, s.Outcome, s.Phase = code, sample.ByStatus(s.Status), sample.PhaseHeaders
	case hasAny(telling, "SI", "StreamIdleTimeout"):
		s.Code, s.Outcome, s.Phase = code, sample.SlowGap, sample.PhaseStream
	case hasAny(telling, "UT", "UpstreamRequestTimeout", "DT", "DurationTimeout", "UMSDR", "UpstreamMaxStreamDurationReached"):
		s.Code, s.Outcome, s.Phase = code, sample.SlowTotal, sample.PhaseStream
	case len(telling) > 0:
		s.Code, s.Outcome, s.Phase = code, sample.ResetStream, sample.PhaseStream
	default:
		s.Outcome = sample.OK
	}
}

func hasAny(flags []string, any ...string) bool {
	for _, flag := range flags {
		if slices.Contains(any, flag) {
			return true
		}
	}
	return false
}
