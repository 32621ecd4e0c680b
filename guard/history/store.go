package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// fileName is the file of a store that holds its entries.
const fileName = "history.jsonl"

// A Store keeps entries. Appends are atomic, and concurrent appends lose nothing,
// also between processes.
type Store interface {
	Read(ctx context.Context) ([]Entry, error)
	Append(ctx context.Context, e Entry) error
}

// Open names a store: "git:BRANCH" is a branch of the repository around the folder
// in, anything else a folder. Nothing is read or made yet.
func Open(name, in string) (Store, error) {
	branch, git := strings.CutPrefix(name, "git:")
	switch {
	case name == "":
		return nil, errors.New("no store named: give --store a folder, or git:BRANCH")
	case !git:
		return dir{path: name}, nil
	case branch == "" || strings.HasPrefix(branch, "-"):
		return nil, fmt.Errorf("store %q names no branch: write git:firstbyte-history", name)
	}
	return branchStore{ref: "refs/heads/" + branch, in: in}, nil
}

// A dir is a folder with the file of entries.
type dir struct{ path string }

func (d dir) Read(context.Context) ([]Entry, error) {
	f, err := os.Open(filepath.Join(d.path, fileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	defer f.Close()
	return Read(f)
}

// Append writes the line in one call to a file that is open for appending: the
// system puts it whole behind whatever another process appended.
func (d dir) Append(_ context.Context, e Entry) error {
	line, err := e.line()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(d.path, 0o755); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(d.path, fileName), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	_, err = f.Write(line)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// A branchStore is a branch of a git repository that no work tree ever checks
// out: objects are written beside it, and the branch moves only from where it was
// read.
type branchStore struct{ ref, in string }

func (b branchStore) Read(ctx context.Context) ([]Entry, error) {
	tip, err := b.tip(ctx)
	if err != nil || tip == "" {
		return nil, err
	}
	data, err := b.content(ctx, tip)
	if err != nil {
		return nil, err
	}
	return Read(bytes.NewReader(data))
}

// tip is the commit that the branch stands at; "": there is no branch.
func (b branchStore) tip(ctx context.Context) (string, error) {
	out, err := b.git(ctx, nil, "for-each-ref", "--format=%(objectname)", b.ref)
	return strings.TrimSpace(string(out)), err
}

func (b branchStore) content(ctx context.Context, tip string) ([]byte, error) {
	data, err := b.git(ctx, nil, "cat-file", "blob", tip+":"+fileName)
	if err != nil {
		return nil, fmt.Errorf("history: %s holds no %s: name a branch of its own", b.ref, fileName)
	}
	return data, nil
}

// tries bounds how often an append starts again because another came between.
const tries = 100

func (b branchStore) Append(ctx context.Context, e Entry) error {
	line, err := e.line()
	if err != nil {
		return err
	}
	if _, err := b.git(ctx, nil, "check-ref-format", b.ref); err != nil {
		return fmt.Errorf("history: %q is no name for a branch", b.ref)
	}
	for try := range tries {
		tip, err := b.tip(ctx)
		if err != nil {
			return err
		}
		commit, err := b.commit(ctx, tip, line, e)
		if err != nil {
			return err
		}
		_, err = b.git(ctx, nil, "update-ref", "-m", "firstbyte history append", b.ref, commit, orZero(tip, commit))
		if err == nil {
			return nil
		}
		if now, again := b.tip(ctx); again == nil && now == tip && try > tries/2 {
			return err // nobody came between, time and again: something else is wrong
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rand.N(time.Duration(try+1) * 20 * time.Millisecond)): // so that several do not keep step
		}
	}
	return fmt.Errorf("history: %s moved %d times while one entry was appended", b.ref, tries)
}

// orZero is the old value that update-ref compares with; zeros: the branch must
// not be there.
func orZero(tip, like string) string {
	if tip == "" {
		return strings.Repeat("0", len(like))
	}
	return tip
}

// commit writes a commit on top of tip with line appended; without a tip one
// that has no parent. Other files of the branch stay.
func (b branchStore) commit(ctx context.Context, tip string, line []byte, e Entry) (string, error) {
	var content, tree []byte
	args := []string{"commit-tree", "-m", "history: " + e.Arm + " at " + e.Time}
	if tip != "" {
		var err error
		if content, err = b.content(ctx, tip); err != nil {
			return "", err
		}
		if tree, err = b.git(ctx, nil, "ls-tree", tip); err != nil {
			return "", err
		}
		args = append(args, "-p", tip)
	}
	blob, err := b.git(ctx, append(content, line...), "hash-object", "-w", "--stdin")
	if err != nil {
		return "", err
	}
	id, err := b.git(ctx, replaced(tree, strings.TrimSpace(string(blob))), "mktree")
	if err != nil {
		return "", err
	}
	commit, err := b.git(ctx, nil, append(args, strings.TrimSpace(string(id)))...)
	return strings.TrimSpace(string(commit)), err
}

// replaced is the listing of a tree with the file of entries as blob.
func replaced(tree []byte, blob string) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(tree) {
		if !bytes.HasSuffix(line, []byte("\t"+fileName+"\n")) {
			out.Write(line)
		}
	}
	fmt.Fprintf(&out, "100644 blob %s\t%s\n", blob, fileName)
	return out.Bytes()
}

// git runs git. Commits are made in the tool's name: a CI job has no other.
func (b branchStore) git(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	own := []string{"-c", "user.name=firstbyte", "-c", "user.email=firstbyte@localhost", "-c", "commit.gpgsign=false"}
	cmd := exec.CommandContext(ctx, "git", append(own, args...)...)
	cmd.Dir, cmd.Stdin = b.in, bytes.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		said, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		return nil, fmt.Errorf("history: git %s: %w: %s", args[0], err, said)
	}
	return stdout.Bytes(), nil
}

var (
	_ Store = dir{}
	_ Store = branchStore{}
)
