package load

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A halt is why we ended a request ourselves: the cause of its context.
type halt struct {
	outcome sample.Outcome
	message string
}

func (h halt) Error() string { return h.message }

var (
	errSlowToken = halt{sample.SlowToken, "no token before its deadline"}
	errSlowGap   = halt{sample.SlowGap, "no further token before its deadline"}
	errSlowTotal = halt{sample.SlowTotal, "not finished before its deadline"}
	errAborted   = halt{sample.Aborted, "the run was stopped"}
)

// classifyError names the class of a transport's error in the phase in which it
// struck. cause is that of the request's context, nil if it was not ended.
func classifyError(err, cause error, phase sample.Phase) sample.Outcome {
	if h, ok := errors.AsType[halt](cause); ok {
		return h.outcome
	}
	if outcome, ok := byErrno(err); ok {
		return outcome
	}
	switch phase {
	case sample.PhaseDNS, sample.PhaseConnect, sample.PhaseTLS:
		return classifyDial(err, phase)
	case sample.PhaseSchedule, sample.PhaseWrite, sample.PhaseHeaders:
		return sample.ResetBefore
	}
	return sample.ResetStream
}

// byErrno recognises the system errors that mean the same in every phase before
// a connection stands.
func byErrno(err error) (sample.Outcome, bool) {
	for _, known := range []struct {
		errno   syscall.Errno
		outcome sample.Outcome
	}{
		{syscall.ECONNREFUSED, sample.Refused},
		{syscall.EMFILE, sample.NoDescriptor},
		{syscall.ENFILE, sample.NoDescriptor},
		{syscall.EADDRNOTAVAIL, sample.NoPort},
		{syscall.EHOSTUNREACH, sample.Unreachable},
		{syscall.ENETUNREACH, sample.Unreachable},
	} {
		if errors.Is(err, known.errno) {
			return known.outcome, true
		}
	}
	return "", false
}

func classifyDial(err error, phase sample.Phase) sample.Outcome {
	if dns, ok := errors.AsType[*net.DNSError](err); ok && !dns.IsTimeout {
		return sample.DNS
	}
	if isTimeout(err) {
		return sample.SlowConnect
	}
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	if record || certificate || phase == sample.PhaseTLS {
		return sample.TLS
	}
	if phase == sample.PhaseDNS {
		return sample.DNS
	}
	return sample.Unreachable
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// maxMessage bounds a recorded message in bytes.
const maxMessage = 200

// clean makes a text fit for a record: one line, short, valid UTF-8, without
// the key.
func clean(text string, key Secret) string {
	if key != "" {
		text = strings.ReplaceAll(text, string(key), redacted)
	}
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
	if len(text) <= maxMessage {
		return text
	}
	cut := maxMessage - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
