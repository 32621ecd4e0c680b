package server

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

const (
	// bodyTime bounds the reading of a request's body.
	bodyTime = 2 * time.Minute
	// firstGrow is the most that is allocated on a caller's word.
	firstGrow = 1 << 20
)

// hurryBody bounds the reading of a request's body, by whoever reads it: of what
// a handler leaves, net/http reads some before it sends the answer. A request
// without a body must have no deadline, which would end its answer.
func hurryBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		// A writer without deadlines is a test's.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	}
}

// readBody reads a request's body, unpacked, up to limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) (body []byte, err error) {
	defer func() {
		if err == nil { // the deadline would end the answer, too; a failure's is sent at once
			_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		}
	}()
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	src := io.Reader(http.MaxBytesReader(w, r.Body, limit))
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		packed, err := gzip.NewReader(src)
		if err != nil {
			return nil, badBody(fmt.Errorf("%w: %w", gzip.ErrHeader, err), limit)
		}
		src = packed
	default:
		return nil, &chat.Error{
			Kind: chat.KindInvalid, Status: http.StatusUnsupportedMediaType,
			Message: fmt.Sprintf("content-encoding: %.50q is not supported; send gzip or none", encoding),
		}
	}
	var b bytes.Buffer
	b.Grow(int(min(max(r.ContentLength, 0)+bytes.MinRead, firstGrow)))
	n, err := b.ReadFrom(io.LimitReader(src, limit+1))
	switch {
	case err != nil:
		return nil, badBody(err, limit)
	case n > limit:
		return nil, tooLarge(limit)
	}
	return b.Bytes(), nil
}

func tooLarge(limit int64) *chat.Error {
	return &chat.Error{Kind: chat.KindTooLarge, Message: fmt.Sprintf("the body is larger than %d bytes", limit)}
}

func badBody(err error, limit int64) *chat.Error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(limit)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) { // no 408, which SDKs repeat
		return &chat.Error{Kind: chat.KindInvalid, Message: fmt.Sprintf("the body did not come within %v", bodyTime), Cause: err}
	}
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return &chat.Error{Kind: chat.KindInvalid, Message: "the body is not valid gzip", Cause: err}
	}
	return &chat.Error{Kind: chat.KindInvalid, Message: "the body could not be read to its end", Cause: err}
}
