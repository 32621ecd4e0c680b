package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/firstbyte-dev/firstbyte/refproxy/store"
)

// keeps reports whether there is a store.
func (f *operateFlags) keeps() bool { return f.store != "" || f.admin != "" }

// openStore opens what --store names; nil where nothing is kept.
func (f *operateFlags) openStore(ctx context.Context) (*store.Store, error) {
	url := f.store
	if !f.keeps() {
		return nil, nil
	}
	if url == "" {
		var err error
		if url, err = ownStore(); err == nil {
			err = os.MkdirAll(filepath.Dir(strings.TrimPrefix(url, sqliteScheme)), 0o700)
		}
		if err != nil {
			return nil, fmt.Errorf("no place for the proxy's store (add --store sqlite:PATH): %w", err)
		}
	}
	text, err := secret("FIRSTBYTE_STORE_KEY", "--store-key-file", f.storeKeyFile)
	if path, isFile := strings.CutPrefix(url, sqliteScheme); err == nil && text == "" && isFile {
		text, err = keyBeside(path + ".key")
	}
	if err != nil {
		return nil, err
	}
	var key *store.Key
	if text != "" {
		if key, err = store.ParseKey(text); err != nil {
			return nil, fmt.Errorf("the store's key (--store-key-file, FIRSTBYTE_STORE_KEY, or the file beside the store that ends in .key): %w", err)
		}
	}
	return store.Open(ctx, url, key)
}

// keepUp has follow take over what others change in the store, until ctx ends or the
// store is closed.
func (o *office) keepUp(ctx context.Context, follow func(context.Context)) {
	if o.store == nil {
		return
	}
	ctx, stop := context.WithCancel(ctx)
	o.stops = append(o.stops, stop)
	o.following.Go(func() { follow(ctx) })
}

// close closes the store, when nothing uses it any more.
func (o *office) close() error {
	if o.store == nil {
		return nil
	}
	for _, stop := range o.stops {
		stop()
	}
	o.following.Wait()
	return o.store.Close()
}

// sqliteScheme begins the URL of a store in a file.
const sqliteScheme = "sqlite:"

// ownStore is where a proxy keeps what nobody named a store for.
func ownStore() (url string, err error) {
	dir, err := os.UserConfigDir()
	return sqliteScheme + filepath.Join(dir, "firstbyte", "proxy.db"), err
}

// keyBeside reads the key of a store in a file, and makes one the first time.
func keyBeside(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if err = makeKey(path); err == nil {
			text, err = os.ReadFile(path)
		}
	}
	if err == nil && strings.TrimSpace(string(text)) == "" { // without a key nothing could be uploaded
		err = fmt.Errorf("%s is empty: put back what was in it, or remove it if the store has no credentials", path)
	}
	if err != nil {
		return "", fmt.Errorf("no key for the store (set FIRSTBYTE_STORE_KEY or --store-key-file): %w", err)
	}
	return string(text), nil
}

// makeKey makes a key unless there is one. The file takes its name when it is whole
// and on disk, and never takes another's place: what is sealed with a key that is
// lost is lost, too.
func makeKey(path string) error {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)                                     // it never fails
	file, err := os.CreateTemp(filepath.Dir(path), ".made-*") // its owner's alone
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.WriteString(base64.StdEncoding.EncodeToString(raw) + "\n")
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil // another proxy was first
}
