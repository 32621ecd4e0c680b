//go:build !linux

package outfile

import "os"

func open(dir, base string) (*os.File, string, error) {
	f, err := os.CreateTemp(dir, "."+base+".*")
	if err != nil {
		return nil, "", err
	}
	return f, f.Name(), nil
}

func (f *File) name() error { return os.Chmod(f.temp, 0o644) }
