package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite", which needs no C compiler
)

// busyTime is how long a writer waits for another process's to end.
const busyTime = 5 * time.Second

func openSQLite(path string) (*Store, error) {
	if path == "" {
		return nil, errors.New("a store in SQLite needs a path: sqlite:PATH")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := makePrivate(path); err != nil {
		return nil, fmt.Errorf("the store's file: %w", err)
	}
	// synchronous FULL: what was acknowledged survives a loss of power, too. There
	// are few writes, and none on the path of a request.
	uri := fmt.Sprintf("file:%s?_busy_timeout=%d&_foreign_keys=on&_synchronous=FULL", (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), busyTime.Milliseconds())
	write, err := sql.Open("sqlite", uri+"&_journal_mode=WAL&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", uri+"&_query_only=on")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(4)
	return &Store{read: read, write: write, engine: engine{name: path, interval: 200 * time.Millisecond}}, nil
}

// makePrivate makes the file, or takes it away from everyone but its owner.
// SQLite gives the files beside it the same mode.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = f.Chmod(0o600)
	}
	return errors.Join(err, f.Close())
}
