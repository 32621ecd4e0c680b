package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
)

// A requestLog makes samples of a run file out of what the relay tells, in sight
// of whoever follows the file.
type requestLog struct {
	arm   string
	flags map[string]bool // on for every request when the log was begun
	pace  float64         // how much faster than the machine's the proxy's clock runs
	epoch time.Time
	salt  []byte
	log   *sample.Log
}

var _ relay.Observer = (*requestLog)(nil)

// logQueue is how many samples may wait for the disk before some are lost.
const logQueue = 1024

// logWith begins the log at path and makes it an observer of the proxy; nil for
// "", which is none.
func logWith(cfg *server.Config, path, arm string) (*requestLog, error) {
	if path == "" {
		return nil, nil
	}
	l, err := openRequestLog(path, arm, cfg)
	if err != nil {
		return nil, err
	}
	cfg.Observers, cfg.Traced = append(cfg.Observers, l), true
	return l, nil
}

// openRequestLog begins the log at path, in which {start} stands for the time.
// It does not touch a file that is there: that may be the evidence of an earlier
// run.
func openRequestLog(path, arm string, cfg *server.Config) (*requestLog, error) {
	epoch, ns := time.Now(), clock.Now() // the same instant
	path = strings.ReplaceAll(path, "{start}", epoch.UTC().Format("20060102T150405.000Z"))
	file, err := sample.CreateLive(path)
	if err != nil {
		return nil, fmt.Errorf("--log: %w (a name with {start} in it is new at every start)", err)
	}
	l := &requestLog{arm: arm, flags: cfg.Flags.Map(), pace: cfg.Clock.Factor(), epoch: epoch, salt: []byte(rand.Text())}
	err = file.Header(sample.Header{
		Tool: "firstbyte " + version, StartedAt: epoch.UTC().Format(time.RFC3339Nano), EpochNS: ns,
		Schedule: sample.Schedule{Kind: "observed"}, Design: sample.Single, Blocks: 1,
		Arms: []sample.Arm{{Name: arm, Flags: l.flags}}, Dialect: "anthropic", ClockScale: l.pace,
		Machine: sample.Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU(), GOMAXPROCS: runtime.GOMAXPROCS(0), Go: runtime.Version()},
		Source:  "proxy", Lacks: logLacks,
	})
	if err == nil {
		err = file.Flush()
	}
	if err != nil {
		file.Discard()
		return nil, err
	}
	l.log = sample.NewLog(file, logQueue, func(err error) { cfg.Log.Error("request log broken off", "cause", err) })
	return l, nil
}

// logLacks are the measures that the proxy cannot tell of itself, by the names
// that policies use.
var logLacks = []sample.Measure{
	sample.DNSTime, sample.Connect, sample.TLSTime, "quality", "throughput", "cpu_per_event", "cpu_per_request", "cost",
}

// Began is nothing to a log of what has ended.
func (l *requestLog) Began() {}

// Ended logs a request, unless its caller had no key and so was none of ours.
func (l *requestLog) Ended(o relay.Outcome) {
	if o.Model == "" && o.Err != nil && o.Err.Kind == chat.KindAuthentication {
		return
	}
	s := l.sample(&o)
	if s.Session != "" {
		mac := hmac.New(sha256.New, l.salt)
		mac.Write([]byte(s.Session)) // a hash never fails to write
		s.Session = hex.EncodeToString(mac.Sum(nil)[:8])
	}
	l.log.Add(s)
}

// close ends the log after the last request; active is how many never ended. A
// nil log has nothing to end.
func (l *requestLog) close(active int) error {
	if l == nil {
		return nil
	}
	return l.log.Close(func(lost int) sample.Trailer { return logTrailer(lost + active) })
}

// logTrailer says what the log is worth. One with holes is no whole evidence:
// the requests that are missing may be the bad ones.
func logTrailer(lost int) sample.Trailer {
	t := sample.Trailer{Validity: sample.Validity{Grade: sample.Unknown, Warnings: []string{
		"the proxy's own account: it does not see what lies before its sockets, and how wrong its times may be was not measured",
	}}}
	if lost == 0 {
		return t
	}
	t.Stopped = fmt.Sprintf("%d requests are not in the log", lost)
	t.Validity.Grade = sample.Invalid
	t.Validity.Signals = []sample.Signal{{Name: "lost_requests", Value: float64(lost), Unit: "requests", Grade: sample.Invalid}}
	t.Validity.Warnings = append(t.Validity.Warnings, t.Stopped)
	return t
}
