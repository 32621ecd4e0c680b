// Package clock is the one monotonic clock of firstbyte and a timer precise to
// tens of microseconds.
//
// Every instant in firstbyte is an int64 of nanoseconds on the machine's
// monotonic clock (CLOCK_MONOTONIC on Linux). Unlike [time.Time] such instants
// can be compared between processes of one machine, which is how a client's
// stamp and the upstream's own write time are brought together. They mean
// nothing on another machine or after a reboot.
//
// The timer exists because time.Sleep is about half a millisecond late at the
// median (the network poller waits in whole milliseconds), which turns a 1.0 ms
// gap raised by 30 % into +99 %.
package clock

import "time"

// Shared tells whether instants of two processes can be compared here.
const Shared = shared

// Now returns the current instant in nanoseconds of the monotonic clock. It is
// safe for concurrent use.
func Now() int64 { return now() }

// Since returns the time that has passed since the instant at.
func Since(at int64) time.Duration { return time.Duration(now() - at) }

// ProcessCPU returns the processor time, user and system, that the process pid
// has used since it began, with the scheduler's own precision. On systems that
// cannot tell it for another process the error is [errors.ErrUnsupported].
func ProcessCPU(pid int) (time.Duration, error) { return processCPU(pid) }
