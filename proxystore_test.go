package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestKeyBeside: proxies that start at once agree on one key, which is theirs alone,
// and no later start makes another.
func TestKeyBeside(t *testing.T) {
	for round := range 50 {
		dir := t.TempDir()
		path := filepath.Join(dir, "proxy.db.key")
		got := make([]string, 8)
		var all sync.WaitGroup
		for i := range got {
			all.Go(func() {
				var err error
				if got[i], err = keyBeside(path); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, key := range got {
			if key != got[0] || len(key) != 45 {
				t.Fatalf("round %d: keys %q", round, got)
			}
		}
		info, err := os.Stat(path)
		left, _ := filepath.Glob(filepath.Join(dir, ".*"))
		if err != nil || info.Mode().Perm() != 0o600 || len(left) > 0 {
			t.Errorf("%v, mode %v; left behind: %s", err, info.Mode(), fmt.Sprint(left))
		}
	}
}
