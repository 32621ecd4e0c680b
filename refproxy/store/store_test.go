package store_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/store"
	"github.com/firstbyte-dev/firstbyte/refproxy/store/storetest"
)

// writesTo is the environment variable that makes this program the writer of
// TestKilled.
const writesTo = "STORE_TEST_WRITES_TO"

func TestMain(m *testing.M) {
	if url := os.Getenv(writesTo); url != "" {
		if err := writeOn(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1) // it is to be killed, and never ends by itself
	}
	os.Exit(m.Run())
}

func fresh(t *testing.T) storetest.Database {
	path := filepath.Join(t.TempDir(), "a store?#%.db")
	return storetest.Database{URL: "sqlite:" + path, Exec: func(t *testing.T, text string) {
		t.Helper()
		db, err := sql.Open("sqlite", strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace("file:"+path))
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.ExecContext(t.Context(), text)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}}
}

func TestSQLite(t *testing.T) { storetest.Run(t, fresh) }

// TestConvergesWithinASecond: with SQLite one replica is told of what another has
// done by the clock alone.
func TestConvergesWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		url := fresh(t).URL
		a, b := storetest.Open(t, url, nil), storetest.Open(t, url, nil)
		told := storetest.Follow(t, b)
		for n := range uint64(10) {
			if err := a.SaveFlag(t.Context(), store.FlagChange{Flag: "one", Generation: n + 1}); err != nil {
				t.Fatal(err)
			}
			if took := told.Await(t, store.Flags); took >= time.Second {
				t.Errorf("told after %v", took)
			}
			time.Sleep(time.Duration(n) * 37 * time.Millisecond)
		}
	})
}

// TestOwnChangesAreToldAtOnce: no interval lies between.
func TestOwnChangesAreToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := storetest.Open(t, fresh(t).URL, nil)
		told := storetest.Follow(t, a)
		if err := a.SaveFlag(t.Context(), store.FlagChange{Flag: "one", Generation: 1}); err != nil {
			t.Fatal(err)
		}
		if took := told.Await(t, store.Flags); took > 0 {
			t.Errorf("told after %v", took)
		}
	})
}

// TestFilesArePrivate: all files are the owner's alone, also where there was one
// before, and no secret stands in them.
func TestFilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "store.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := storetest.Open(t, "sqlite:"+path, storetest.NewKey(t))
	const secret = "a-secret-that-is-looked-for"
	if err := s.SaveCredential(t.Context(), store.Credential{ID: "a", Label: "seen", Secret: store.NewSecret(secret)}); err != nil {
		t.Fatal(err)
	}
	files, seen := 0, false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", d.Name(), info.Mode())
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("%s holds the secret", d.Name())
		}
		seen = seen || bytes.Contains(data, []byte("seen"))
		return err
	})
	if err != nil || files < 3 || !seen {
		t.Errorf("%v; %d files, the label stands in one: %v", err, files, seen)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "text"), bytes.Repeat([]byte("no database\n"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		url  string
		want []string
	}{
		{"mysql://root:hunter2@host/db", []string{"sqlite:PATH", "postgres://"}},
		{"", []string{"sqlite:PATH"}},
		{"sqlite:", []string{"path"}},
		{"sqlite:" + filepath.Join(dir, "none", "store.db"), []string{"no such file"}},
		{"sqlite:" + filepath.Join(dir, "text"), []string{"text", "not a database"}},
		{"postgres://user:hunter2@host:port/db", []string{"postgres://", "%XX"}},
		{"postgres://user:hunter2@127.0.0.1:1/db?connect_timeout=2", []string{"127.0.0.1:1", "refused"}},
	} {
		_, err := store.Open(t.Context(), tt.url, nil)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		for _, word := range tt.want {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %q", tt.url, err, word)
			}
		}
	}
}

func TestParseKey(t *testing.T) {
	raw := bytes.Repeat([]byte{0xfb, 0xff, 0x01, 0x20}, 8)
	for _, text := range []string{
		hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)) + "\n", base64.StdEncoding.EncodeToString(raw),
		" " + base64.RawURLEncoding.EncodeToString(raw) + "\r\n",
	} {
		if _, err := store.ParseKey(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "hunter2", hex.EncodeToString(raw[:31]), base64.StdEncoding.EncodeToString(append(raw, 1)), "hunter2" + hex.EncodeToString(raw)} {
		if _, err := store.ParseKey(text); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestSecretsDoNotShow: neither a key nor a secret, however it is printed, also as
// part of something else.
func TestSecretsDoNotShow(t *testing.T) {
	const secret = "hunter2"
	key, err := store.ParseKey(strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	c := store.Credential{ID: "a", Secret: store.NewSecret(secret)}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "credential", c, "secret", c.Secret, "key", key)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "credential", c, "secret", c.Secret, "key", key)
	asJSON, err := json.Marshal(map[string]any{"c": c, "k": key})
	if err != nil {
		t.Fatal(err)
	}
	log.Write(asJSON)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		log.WriteString(fmt.Sprintf(verb, c) + fmt.Sprintf(verb, &c) + fmt.Sprintf(verb, c.Secret) + fmt.Sprintf(verb, key))
	}
	for _, shown := range []string{secret, hex.EncodeToString([]byte(secret)), "104 117 110", "171 171", "abab", "0xab"} {
		if strings.Contains(log.String(), shown) {
			t.Errorf("%q shows in %s", shown, log.String())
		}
	}
	if c.Secret.Reveal() != secret || !strings.Contains(log.String(), "redacted") {
		t.Error("nothing to see at all")
	}
}

const rows = 20 // of each write of states

// writeOn writes for ever, and says what was acknowledged: in turn one change of a
// flag and states in many rows that all carry the same number.
func writeOn(url string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, url, nil)
	if err != nil {
		return err
	}
	for n := int64(1); ; n++ {
		if err := s.SaveFlag(ctx, store.FlagChange{Flag: "one", Who: strconv.FormatInt(n, 10), Generation: uint64(n)}); err != nil {
			return err
		}
		fmt.Println("flag", n)
		if err := s.SaveStates(ctx, numbered(n)); err != nil {
			return err
		}
		fmt.Println("states", n)
	}
}

func numbered(n int64) []store.State {
	var states []store.State
	for i := range rows {
		states = append(states, store.State{Credential: fmt.Sprintf("c%02d", i), Stamp: time.Unix(0, n).UTC(), Requests: 1})
	}
	return states
}

// TestKilled: a process that is killed in the middle of its writes has lost
// nothing that it was told is kept, and left nothing by half.
func TestKilled(t *testing.T) {
	for round := range 6 {
		db := fresh(t)
		flag, states := kill(t, db.URL, 3+7*round)
		s := storetest.Open(t, db.URL, nil)
		log, err := s.FlagLog(t.Context(), 1_000_000)
		if n := int64(len(log)); err != nil || n < flag || n > flag+1 {
			t.Fatalf("%d changes are kept, %d were acknowledged (%v)", n, flag, err)
		}
		for i, c := range log {
			if want := uint64(len(log) - i); c.Generation != want || c.Who != strconv.FormatUint(want, 10) {
				t.Errorf("change %d of %d is %+v", i, len(log), c)
			}
		}
		got, err := s.States(t.Context())
		if err != nil || len(got) != rows {
			t.Fatalf("%d rows, %v", len(got), err)
		}
		n := got[0].Requests
		if n < states || n > states+1 {
			t.Errorf("states of write %d are kept, %d were acknowledged", n, states)
		}
		want := numbered(n)
		for i := range want {
			want[i].Requests = n
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("a write by half (-want +got):\n%s", diff)
		}
		if err := s.SaveFlag(t.Context(), store.FlagChange{Flag: "one", Generation: uint64(len(log)) + 1}); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		t.Logf("killed after %d changes and %d writes of states", flag, states)
	}
}

// kill starts a writer, kills it once it has said so many lines, and returns what
// it had acknowledged.
func kill(t *testing.T, url string, lines int) (flag, states int64) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), writesTo+"="+url)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	for n := 0; said.Scan(); n++ { // to the end: what it said before it died counts
		if n == lines {
			_ = cmd.Process.Kill()
		}
		what, number, _ := strings.Cut(said.Text(), " ")
		v, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			t.Fatalf("it said %q", said.Text())
		}
		if what == "flag" {
			flag = v
		} else {
			states = v
		}
	}
	if err := cmd.Wait(); err == nil || problems.Len() > 0 {
		t.Fatalf("it ended otherwise than by being killed: %v\n%s", err, &problems)
	}
	return flag, states
}
