package clock

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const shared = true

// epoch is one instant on the runtime's clock and on the kernel's.
var epoch = newAnchor()

type anchor struct {
	at time.Time
	ns int64
}

// now reads the runtime's monotonic clock, which is CLOCK_MONOTONIC without a
// system call: a stamp costs tens of nanoseconds, at every event of every stream.
func now() int64 { return epoch.ns + int64(time.Since(epoch.at)) }

// newAnchor asks the kernel between two looks at the runtime's clock, and keeps
// the narrowest of many tries: the two then differ by at most half its width,
// which is that of one system call.
func newAnchor() anchor {
	var best anchor
	narrowest := time.Duration(1<<63 - 1)
	for range 64 {
		before := time.Now()
		ns := kernelNow()
		if width := time.Since(before); width < narrowest {
			narrowest = width
			best = anchor{at: before.Add(width / 2), ns: ns}
		}
	}
	return best
}

func kernelNow() int64 {
	var ts unix.Timespec
	// CLOCK_MONOTONIC cannot fail with a valid pointer.
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic("clock: CLOCK_MONOTONIC: " + err.Error())
	}
	return ts.Nano()
}

// processCPU asks the kernel for the CPU-time clock of another process; its id
// is computed as in clock_getcpuclockid(3): the complement of the pid shifted
// by three, with CPUCLOCK_SCHED in the low bits.
func processCPU(pid int) (time.Duration, error) {
	const cpuclockSched = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|cpuclockSched), &ts); err != nil {
		return 0, fmt.Errorf("clock: CPU time of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// A Timer waits for instants of [Now] on a timerfd read through the network
// poller: no thread is held and no processor burned. One goroutine at a time
// may use it.
type Timer struct {
	fd   int // kept beside file: (*os.File).Fd would make it blocking
	file *os.File
	lead int64 // of Sharply: how late this machine usually wakes us
}

const (
	maxLead  = int64(100 * time.Microsecond)
	leadStep = int64(2 * time.Microsecond)
)

// Sharply is Until, but wakes earlier by as much as this machine usually wakes
// late, 100 microseconds at most, and burns the rest: an idle processor of a
// virtual machine takes 80 microseconds to wake, most of what a start is late by.
func (t *Timer) Sharply(ctx context.Context, at int64) error {
	early := at - t.lead
	slept := now() < early
	if err := t.Until(ctx, early); err != nil {
		return err
	}
	if slept { // steps of one size lead to the median
		if now()-early > t.lead {
			t.lead = min(t.lead+leadStep, maxLead)
		} else {
			t.lead = max(t.lead-leadStep, 0)
		}
	}
	for now() < at { // too short to give the processor away
	}
	return nil
}

// NewTimer returns a timer that holds one file descriptor until Close.
func NewTimer() (*Timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("clock: timerfd: %w", err)
	}
	return &Timer{fd: fd, file: os.NewFile(uintptr(fd), "timerfd")}, nil
}

// Close releases the timer's file descriptor.
func (t *Timer) Close() error { return t.file.Close() }

// Until returns at the instant at, or at once if that has passed. When ctx ends
// first, it returns the context's error.
func (t *Timer) Until(ctx context.Context, at int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if at <= now() {
		return nil
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(at)}
	if err := unix.TimerfdSettime(t.fd, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		return fmt.Errorf("clock: timerfd: %w", err)
	}
	if ctx.Done() != nil {
		woken := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			_ = t.file.SetReadDeadline(time.Unix(1, 0))
			close(woken)
		})
		defer func() {
			if !stop() {
				<-woken // else the deadline could be set after it is cleared
				_ = t.file.SetReadDeadline(time.Time{})
			}
		}()
	}
	var ticks [8]byte
	if _, err := t.file.Read(ticks[:]); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("clock: timerfd: %w", err)
	}
	return nil
}
