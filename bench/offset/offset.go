// Package offset finds how far a server's wall clock is ahead of this machine's,
// by the Date header of its answers (RFC 9110, section 6.6.1), with bounds that
// hold.
//
// A server that wrote D was between D and a second later when it wrote, and it
// wrote between this machine's sending and its receiving. So each answer bounds
// the offset from both sides, by a second and the round trip; and bounds of
// several answers hold together. To narrow them, the next question is sent so
// that it arrives when the server's second would turn if the offset lay in the
// middle of what is still possible: either answer halves that. Ten questions, at
// about one a second, leave a millisecond and a round trip.
//
// Two machines that ask the same server know how far they are apart without
// asking each other. A server that renews its Date now and then only, as some do
// once a second, moves both results alike.
package offset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// An Answer is when this machine asked and was answered, and what the server
// said.
type Answer struct{ Asked, Answered, Date time.Time }

// Bounds are what is possible after some answers: Low <= offset <= High, in
// nanoseconds. The zero value has none.
type Bounds struct {
	Low, High int64
	Answers   int
}

// Add narrows the bounds by an answer. It reports whether anything is still
// possible: it is not where several clocks answer under one name.
func (b *Bounds) Add(a Answer) (possible bool) {
	low := a.Date.UnixNano() - a.Answered.UnixNano()
	high := a.Date.UnixNano() + int64(time.Second) - a.Asked.UnixNano()
	if b.Answers == 0 {
		b.Low, b.High = low, high
	}
	b.Answers++
	b.Low, b.High = max(b.Low, low), min(b.High, high)
	return b.Low <= b.High
}

// Middle is the likeliest offset, and Error how far the true one may be from it.
func (b *Bounds) Middle() int64 { return b.Low + (b.High-b.Low)/2 }

// Error is half of what is possible.
func (b *Bounds) Error() int64 { return (b.High - b.Low + 1) / 2 }

// Next is how long after now to ask, so that the question arrives as the server's
// second turns; trip is the time it takes to arrive.
func (b *Bounds) Next(now time.Time, trip time.Duration) time.Duration {
	there := now.UnixNano() + b.Middle() + int64(trip)
	return time.Duration((int64(time.Second) - there%int64(time.Second)) % int64(time.Second))
}

// Bounds of one estimate.
const (
	mostAsked  = 14
	goodEnough = time.Millisecond
	askWithin  = 2 * time.Second
)

// Estimate asks the server at base, whose path is kept, with HEAD requests that
// carry no key, until the offset is known to a millisecond, to about its round
// trip, or until the instant given. What it could not learn stands in
// [sample.Offset.Unknown].
func Estimate(ctx context.Context, base string, until time.Time) sample.Offset {
	u, err := url.Parse(base)
	if err != nil {
		return sample.Offset{Unknown: "its target is no URL"}
	}
	transport := &http.Transport{Proxy: nil, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport: transport, Timeout: askWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	against := u.Scheme + "://" + u.Host
	found := search(ctx, until, func(ctx context.Context) (Answer, error) { return ask(ctx, client, u.String()) })
	found.Against = against
	return found
}

// search asks until it knows enough.
func search(ctx context.Context, until time.Time, ask func(context.Context) (Answer, error)) sample.Offset {
	var b Bounds
	var trip time.Duration // the shortest round trip
	for range mostAsked {
		wait := time.Duration(0)
		if b.Answers > 0 {
			wait = b.Next(time.Now(), trip/2)
		}
		if time.Until(until) < wait+trip || !sleep(ctx, wait) {
			break
		}
		a, err := ask(ctx)
		if err != nil {
			return sample.Offset{Unknown: err.Error(), Asked: b.Answers}
		}
		if took := a.Answered.Sub(a.Asked); trip == 0 || took < trip {
			trip = took
		}
		if !b.Add(a) {
			return sample.Offset{Unknown: "the answers contradict each other: several clocks answer, or one was set", Asked: b.Answers}
		}
		if b.Error() <= int64(max(goodEnough, trip)) {
			break
		}
	}
	if b.Answers == 0 {
		return sample.Offset{Unknown: "there was no time to ask before the start"}
	}
	return sample.Offset{OffsetNS: b.Middle(), ErrorNS: b.Error(), Asked: b.Answers}
}

// sleep waits, and reports whether ctx still lives.
func sleep(ctx context.Context, d time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// ask sends one question. Whatever the status: a refusal has a date too.
func ask(ctx context.Context, client *http.Client, address string) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, address, nil)
	if err != nil {
		return Answer{}, errors.New("its target is no URL")
	}
	begun := time.Now()
	resp, err := client.Do(req)
	took := time.Since(begun) // the monotonic clock: a step between the two counts once
	if err != nil {
		return Answer{}, errors.New("the target did not answer a HEAD request")
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // a HEAD has no body
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return Answer{}, fmt.Errorf("the target's answers have no Date (status %d)", resp.StatusCode)
	}
	return Answer{Asked: begun.Round(0), Answered: begun.Round(0).Add(took), Date: date}, nil
}
