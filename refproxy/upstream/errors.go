package upstream

import (
	"context"
	"errors"
	"fmt"
)

// ErrClosed is returned by a client after Close.
var ErrClosed = errors.New("upstream: client is closed")

// errRetired is a pool's that ends with its last streams.
var errRetired = errors.New("upstream: the pool is retired")

// A TimeoutError says which limit the upstream overran. It is also the cause
// that its request's context was cancelled with.
type TimeoutError struct {
	// Phase is "connect", "first byte" or "idle".
	Phase string
	// Limit is the limit in words, such as "2m0s".
	Limit string
}

// Error names phase and limit.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("upstream: %s timeout after %s", e.Phase, e.Limit)
}

// Timeout reports true, as net.Error has it.
func (e *TimeoutError) Timeout() bool { return true }

// because replaces the bare context error that net/http reports for a cancelled
// request by what cancelled it.
func because(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w (%w)", cause, err)
}

// streamError has the shape of the HTTP/2 stream error inside net/http, which
// offers itself to errors.As for any type of this shape.
type streamError struct {
	StreamID uint32
	Code     errCode
	Cause    error
}

// An errCode is an HTTP/2 error code (RFC 9113, section 7).
type errCode uint32

// refusedStream says that the server did not begin to work on the stream.
const refusedStream errCode = 7

// Error makes streamError a target for errors.As.
func (e streamError) Error() string { return fmt.Sprintf("stream %d: code %d", e.StreamID, e.Code) }

// goAwayText is what net/http reports for a stream that the server's GOAWAY
// left unprocessed. It exports no value for it, so the text has to do; a test
// fails should it change.
const goAwayText = "http2: Transport received Server's graceful shutdown GOAWAY"
