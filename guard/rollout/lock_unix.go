//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package rollout

import (
	"os"
	"syscall"
)

// lock takes the file for this process until it is closed, or the process ends in
// whatever way.
func lock(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
