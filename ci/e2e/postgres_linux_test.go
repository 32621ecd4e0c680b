package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firstbyte-dev/firstbyte/refproxy/store"
	"github.com/firstbyte-dev/firstbyte/refproxy/store/storetest"
)

// TestPostgreSQL holds the store to a real PostgreSQL by the tests that SQLite
// passes, and to what only a server can do: tell at once, and go away.
func TestPostgreSQL(t *testing.T) {
	s := startPostgres(t)
	t.Run("a restart of the server", s.restarts) // with few databases: it syncs all their files
	t.Run("suite", func(t *testing.T) { storetest.Run(t, s.fresh) })
	t.Run("two replicas agree within a second", s.converges)
	t.Run("lost connections are made again", s.reconnects)
	t.Run("silent connections are given up", s.silence)
}

// converges measures how long a replica takes to learn of a change.
func (s *postgres) converges(t *testing.T) {
	url := s.fresh(t).URL
	a, b := storetest.Open(t, url, nil), storetest.Open(t, url, nil)
	told := storetest.Follow(t, b)
	var slowest time.Duration
	const n = 200
	for i := range uint64(n) {
		save(t, a, i+1)
		took := told.Await(t, store.Flags)
		if got, err := b.Flags(t.Context()); err != nil || got.Generation != i+1 {
			t.Fatalf("%+v, %v", got, err)
		}
		slowest = max(slowest, took)
	}
	t.Logf("the slowest of %d changes came after %v", n, slowest)
	if slowest >= time.Second {
		t.Error("that is no less than a second")
	}
}

func save(t *testing.T, s *store.Store, generation uint64) {
	t.Helper()
	if err := s.SaveFlag(t.Context(), store.FlagChange{Flag: "one", Generation: generation}); err != nil {
		t.Fatal(err)
	}
}

// reconnects: whoever is cut off from the server is told of what comes then.
func (s *postgres) reconnects(t *testing.T) {
	db := s.fresh(t)
	a, b := storetest.Open(t, db.URL, nil), storetest.Open(t, db.URL, nil)
	told := storetest.Follow(t, b)
	for i := range uint64(3) {
		db.Exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		save(t, a, i+1)
		t.Logf("told %v after a change behind a lost connection", told.Await(t, store.Flags))
	}
}

// silence: whoever's connections carry nothing any more, and are never closed, is
// told soon of what comes then, and can write.
func (s *postgres) silence(t *testing.T) {
	db := s.fresh(t)
	way := newWay(t, s.address)
	a, b := storetest.Open(t, db.URL, nil), storetest.Open(t, strings.Replace(db.URL, s.address, way.address, 1), nil)
	told := storetest.Follow(t, b)
	save(t, a, 1)
	told.Await(t, store.Flags)
	way.silence()
	save(t, a, 2)
	begun := time.Now()
	told.Await(t, store.Flags)
	got, err := b.Flags(t.Context())
	took := time.Since(begun)
	t.Logf("told and read %v after a change behind silent connections", took)
	if err != nil || got.Generation != 2 || took > 10*time.Second {
		t.Errorf("%+v, %v after %v", got, err, took)
	}
	way.silence()
	save(t, b, 3)
}

// A way leads to a server until it is silenced: then what goes over it by then
// is swallowed, and new connections lead there again.
type way struct {
	address string
	mu      sync.Mutex
	silent  chan struct{} // closed for the connections made before
}

func newWay(t *testing.T, to string) *way {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &way{address: l.Addr().String(), silent: make(chan struct{})}
	var open []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", to)
			if err != nil {
				_ = here.Close()
				continue
			}
			open = append(open, here, there)
			w.mu.Lock()
			silent := w.silent
			w.mu.Unlock()
			go carry(there, here, silent)
			go carry(here, there, silent)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		for _, c := range open {
			_ = c.Close()
		}
	})
	return w
}

// silence swallows from now on what the connections made so far carry.
func (w *way) silence() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.silent)
	w.silent = make(chan struct{})
}

func carry(to, from net.Conn, silent <-chan struct{}) {
	room := make([]byte, 32<<10)
	for {
		n, err := from.Read(room)
		select {
		case <-silent:
			if err != nil {
				return
			}
			continue
		default:
		}
		if _, errTo := to.Write(room[:n]); err != nil || errTo != nil {
			_ = to.Close()
			return
		}
	}
}

// restarts: what was acknowledged before the server was killed is there
// afterwards, the store says that it cannot be reached, and watching goes on.
func (s *postgres) restarts(t *testing.T) {
	url := s.fresh(t).URL
	a, b := storetest.Open(t, url, nil), storetest.Open(t, url, nil)
	told := storetest.Follow(t, b)
	save(t, a, 1)
	told.Await(t, store.Flags)
	s.stop(syscall.SIGQUIT) // at once, without a checkpoint
	if err := a.Ping(t.Context()); err == nil {
		t.Error("a server that is gone answers")
	}
	s.start(t)
	for deadline := time.Now().Add(readyTime); a.Ping(t.Context()) != nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not reached again")
		}
	}
	got, err := b.Flags(t.Context())
	if err != nil || got.Generation != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	time.Sleep(time.Second) // two looks: of the loss it is told, too
	told.Forget()
	save(t, a, 2)
	told.Await(t, store.Flags)
}

// A postgres is a server of the test's own.
type postgres struct {
	bin, dir string // its programs, and the folder of its data
	env      []string
	address  string
	by       *syscall.SysProcAttr
	said     bytes.Buffer
	end      func(syscall.Signal)
	n        atomic.Int64
}

// url is that of one of its databases.
func (s *postgres) url(database string) string {
	return fmt.Sprintf("postgres://firstbyte@%s/%s?sslmode=disable", s.address, database)
}

// exec runs statements in a database.
func (s *postgres) exec(t *testing.T, database, text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.url(database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

// fresh returns a new database of the server.
func (s *postgres) fresh(t *testing.T) storetest.Database {
	t.Helper()
	name := fmt.Sprintf("fresh%d", s.n.Add(1))
	s.exec(t, "postgres", "CREATE DATABASE "+name)
	return storetest.Database{URL: s.url(name), Exec: func(t *testing.T, text string) {
		t.Helper()
		s.exec(t, name, text)
	}}
}

// recoveryTime bounds the wait for a server that was killed before.
const recoveryTime = time.Minute

// startPostgres starts a server on a free port, as a user who is not root, over a
// folder of the test. It ends with the test.
func startPostgres(t *testing.T) *postgres {
	t.Helper()
	s := &postgres{by: &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}}
	s.bin, s.env = postgresPrograms(t)
	// Not t.TempDir, whose parents are root's alone.
	dir, err := os.MkdirTemp("", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s.dir = dir
	if os.Geteuid() == 0 { // which PostgreSQL refuses
		const nobody = 65534
		s.by.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	init := s.command(ctx, "initdb", "--pgdata", filepath.Join(dir, "data"), "--username", "firstbyte", "--auth", "trust", "--encoding", "UTF8", "--no-locale")
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() {
		s.stop(syscall.SIGINT)
		if t.Failed() {
			t.Logf("PostgreSQL said:\n%s", &s.said)
		}
	})
	s.address = freeAddress(t) // not earlier: initdb takes long enough for others to take it
	s.start(t)
	return s
}

func (s *postgres) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = s.by
	return cmd
}

// start returns once the server answers.
func (s *postgres) start(t *testing.T) {
	t.Helper()
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	cmd := s.command(context.WithoutCancel(t.Context()), "postgres", "-D", filepath.Join(s.dir, "data"), "-h", host, "-p", port, "-k", "",
		"-c", "recovery_init_sync_method=syncfs") // else it syncs thousands of files, one by one
	cmd.Stdout, cmd.Stderr = &s.said, &s.said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	s.end = func(signal syscall.Signal) {
		_ = cmd.Process.Signal(signal)
		select {
		case <-ended:
		case <-time.After(stopTime):
			_ = cmd.Process.Kill()
			<-ended
		}
	}
	for deadline := time.Now().Add(recoveryTime); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		conn, err := pgx.Connect(t.Context(), s.url("postgres"))
		if err == nil {
			_ = conn.Close(t.Context())
			return
		}
		select {
		case <-ended:
			t.Fatalf("PostgreSQL has ended:\n%s", &s.said)
		default:
		}
	}
	t.Fatalf("PostgreSQL does not answer after %v", recoveryTime)
}

// stop ends the server, if it runs.
func (s *postgres) stop(signal syscall.Signal) {
	if s.end != nil {
		s.end(signal)
		s.end = nil
	}
}

// postgresPrograms returns the folder of the server's programs, and what they want
// in the environment: those that are installed, or Debian's packages unpacked
// into a folder of the test, so that no service starts.
func postgresPrograms(t *testing.T) (bin string, env []string) {
	t.Helper()
	if bin := serverIn("/"); bin != "" {
		return bin, nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	skip := func(format string, args ...any) {
		t.Helper()
		notTestedHere(t, "the store over a real PostgreSQL", "none is installed, and "+format, args...)
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		skip("only root can fetch it with apt-get: apt-get install postgresql")
	}
	dir, err := os.MkdirTemp("", "postgres-programs") // the server's user must reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unpackPostgres(t.Context(), dir); err != nil {
		skip("%v", err)
	}
	if bin = serverIn(dir); bin == "" {
		t.Fatal("Debian's package has no server in it")
	}
	libraries, err := filepath.Glob(filepath.Join(dir, "usr/lib/*-linux-gnu*"))
	if err != nil {
		t.Fatal(err)
	}
	return bin, []string{"LD_LIBRARY_PATH=" + strings.Join(libraries, ":")}
}

// serverIn returns the folder of one of Debian's servers under root, or "".
func serverIn(root string) string {
	found, err := filepath.Glob(filepath.Join(root, "usr/lib/postgresql/*/bin/initdb"))
	if err != nil || len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[len(found)-1])
}

// unpackPostgres fetches the package and those that it needs and this machine has
// not, and unpacks them into dir.
func unpackPostgres(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, aptTime)
	defer cancel()
	for _, args := range [][]string{
		{"apt-get", "update", "-qq"},
		{
			"apt-get", "-o", "APT::Sandbox::User=root", "-o", "Dir::Cache::archives=" + dir,
			"install", "-qq", "--yes", "--no-install-recommends", "--download-only", "postgresql",
		},
		{"sh", "-c", `for package in "$0"/*.deb; do dpkg-deb -x "$package" "$0" || exit; done`, dir},
	} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s failed: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}
