package outfile

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// open returns a nameless file in dir where the file system knows them, and a
// temporary one elsewhere.
func open(dir, base string) (*os.File, string, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o644)
	if err == nil {
		return os.NewFile(uintptr(fd), filepath.Join(dir, base)), "", nil
	}
	f, err := os.CreateTemp(dir, "."+base+".*")
	if err != nil {
		return nil, "", err
	}
	return f, f.Name(), nil
}

// name links a nameless file into its folder: linkat cannot replace an existing
// file, so a short-lived temporary name stands between.
func (f *File) name() error {
	if f.temp != "" {
		return f.Chmod(0o644)
	}
	temp := filepath.Join(filepath.Dir(f.path), fmt.Sprintf(".%s.%s", filepath.Base(f.path), rand.Text()))
	from := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	err := unix.Linkat(unix.AT_FDCWD, from, unix.AT_FDCWD, temp, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return &os.LinkError{Op: "link", Old: from, New: temp, Err: err}
	}
	f.temp = temp
	return nil
}
