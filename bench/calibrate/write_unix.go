//go:build unix

package calibrate

import (
	"errors"
	"fmt"
	"syscall"
)

// writeNow writes what the kernel takes at once, and returns how much that was.
func writeNow(conn syscall.RawConn, text string) (n int, err error) {
	raw := conn.Write(func(fd uintptr) bool {
		n, err = syscall.Write(int(fd), []byte(text))
		return true // never wait
	})
	if n < 0 {
		n = 0
	}
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR) {
		err = nil
	}
	if err = errors.Join(err, raw); err != nil {
		return n, fmt.Errorf("calibrate: %w", err)
	}
	return n, nil
}
