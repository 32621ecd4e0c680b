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
		dir, err := os.UserConfigDir()
		if err != nil {
			return nil, fmt.Errorf("no place for the proxy's store (add --store sqlite:PATH): %w", err)
		}
		dir = filepath.Join(dir, "firstbyte")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("no place for the proxy's store (add --store sqlite:PATH): %w", err)
		}
		url = "sqlite:" + filepath.Join(dir, "proxy.db")
	}
	text, err := secret("FIRSTBYTE_STORE_KEY", "--store-key-file", f.storeKeyFile)
	if path, isFile := strings.CutPrefix(url, "sqlite:"); err == nil && text == "" && isFile {
		text, err = keyBeside(path + ".key")
	}
	if err != nil {
		return nil, err
	}
	var key *store.Key
	if text != "" {
		if key, err = store.ParseKey(text); err != nil {
			return nil, fmt.Errorf("--store-key-file or FIRSTBYTE_STORE_KEY: %w", err)
		}
	}
	return store.Open(ctx, url, key)
}

// keyBeside reads the key of a store in a file, and makes one the first time.
func keyBeside(path string) (string, error) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // it never fails
	made := base64.StdEncoding.EncodeToString(raw) + "\n"
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case err == nil:
		_, err = file.WriteString(made)
		return made, errors.Join(err, file.Close())
	case !errors.Is(err, os.ErrExist):
		return "", fmt.Errorf("no key for the store (set FIRSTBYTE_STORE_KEY or --store-key-file): %w", err)
	}
	text, err := os.ReadFile(path)
	return string(text), err
}
