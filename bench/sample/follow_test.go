package sample_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// growing is a file that a test lets grow.
type growing struct {
	t    testing.TB
	file *os.File
}

func grow(t testing.TB) *growing {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "live.run.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return &growing{t, file}
}

func (g *growing) add(data []byte) {
	g.t.Helper()
	if _, err := g.file.Write(data); err != nil {
		g.t.Fatal(err)
	}
}

func (g *growing) follow() *sample.Follower {
	g.t.Helper()
	f, err := sample.Follow(g.file.Name())
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = f.Close() })
	return f
}

// drain asks until nothing is new, or the file has ended.
func drain(f *sample.Follower) (all []sample.Sample, err error) {
	for {
		some, err := f.Next()
		all = append(all, some...)
		if err != nil || len(some) == 0 {
			return all, err
		}
	}
}

// TestFollowAnyCut: wherever a writer stops for a moment, the samples before
// and after are those of the whole file, and the end is seen at the end alone.
func TestFollowAnyCut(t *testing.T) {
	whole := encode(t, small())
	want, err := sample.Decode(strings.NewReader(string(whole)))
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(whole); cut += 7 { // a file for each
		g := grow(t)
		f := g.follow()
		g.add(whole[:cut])
		before, err := drain(f)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if _, ok := f.Trailer(); ok {
			t.Fatalf("cut at %d: a trailer", cut)
		}
		g.add(whole[cut:])
		after, err := drain(f)
		if err != io.EOF {
			t.Fatalf("cut at %d: the whole file ends with %v", cut, err)
		}
		if diff := cmp.Diff(want.Samples, slices.Concat(before, after)); diff != "" {
			t.Fatalf("cut at %d: %s", cut, diff)
		}
		header, okHeader := f.Header()
		trailer, okTrailer := f.Trailer()
		if !okHeader || !okTrailer || f.Samples() != len(want.Samples) {
			t.Fatalf("cut at %d: header %v, trailer %v, %d samples", cut, okHeader, okTrailer, f.Samples())
		}
		if diff := cmp.Diff(want.Header, header) + cmp.Diff(want.Trailer, trailer); diff != "" {
			t.Fatalf("cut at %d: %s", cut, diff)
		}
	}
}

// TestFollowLive: what the writer has flushed can be read, and its end is seen.
func TestFollowLive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "live.run.jsonl")
	w, err := sample.CreateLive(path)
	if err != nil {
		t.Fatal(err)
	}
	run := small()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.Header(run.Header))
	must(w.Flush())
	f, err := sample.Follow(path)
	must(err)
	defer f.Close()
	if some, err := f.Next(); len(some) > 0 || err != nil {
		t.Fatalf("%d samples of none, %v", len(some), err)
	}
	for i := range run.Samples {
		must(w.Sample(&run.Samples[i]))
		must(w.Flush())
		some, err := f.Next()
		if len(some) != 1 || err != nil || some[0].Seq != run.Samples[i].Seq {
			t.Fatalf("sample %d: got %d, %v", i, len(some), err)
		}
	}
	must(w.Close(run.Trailer))
	if some, err := f.Next(); len(some) > 0 || err != io.EOF {
		t.Fatalf("at the end: %d samples, %v", len(some), err)
	}
	if some, err := f.Next(); len(some) > 0 || err != io.EOF {
		t.Fatalf("after the end: %d samples, %v", len(some), err)
	}
	if _, err := sample.Read(path); err != nil {
		t.Errorf("the whole file: %v", err)
	}
	if _, err := sample.CreateLive(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second writer of the same file: %v", err)
	}
}

// TestLiveWithoutEnd: a writer that is given up leaves a file that is read as
// truncated, compressed or not.
func TestLiveWithoutEnd(t *testing.T) {
	for _, name := range []string{"a.run.jsonl", "a.run.jsonl.gz"} {
		path := filepath.Join(t.TempDir(), name)
		w, err := sample.CreateLive(path)
		if err != nil {
			t.Fatal(err)
		}
		run := small()
		if err := errors.Join(w.Header(run.Header), w.Sample(&run.Samples[0]), w.Flush()); err != nil {
			t.Fatal(err)
		}
		w.Discard()
		if _, err := sample.Read(path); !errors.Is(err, sample.ErrTruncated) {
			t.Errorf("%s: %v, want truncated", name, err)
		}
	}
}

// TestFollowInBatches: a long file comes in parts of bounded size.
func TestFollowInBatches(t *testing.T) {
	run := small()
	for len(run.Samples) < 10_000 {
		run.Samples = append(run.Samples, run.Samples[3])
	}
	g := grow(t)
	g.add(encode(t, run))
	f := g.follow()
	calls, all := 0, 0
	for {
		some, err := f.Next()
		calls, all = calls+1, all+len(some)
		if len(some) > 5000 {
			t.Fatalf("%d samples at once", len(some))
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if all != len(run.Samples) || calls < 3 {
		t.Errorf("%d samples in %d calls", all, calls)
	}
}

func TestFollowSaysWhatIsWrong(t *testing.T) {
	whole := encode(t, small())
	lines := strings.SplitAfter(string(whole), "\n")
	for _, row := range []struct {
		name, text string
		is         error
	}{
		{"another file", "{\"a\":1}\n", sample.ErrNotRun},
		{"newer schema", `{"schema":"firstbyte.run/2"}` + "\n", sample.ErrSchema},
		{"compressed", string(compress(t, whole)), sample.ErrCompressed},
		{"not a sample", lines[0] + "{}\n", sample.ErrDamaged},
		{"a sample lost", lines[0] + strings.Join(lines[2:], ""), sample.ErrDamaged},
		{"something after the trailer", string(whole) + "{}\n", sample.ErrDamaged},
		{"another count", strings.Replace(string(whole), `"samples":4`, `"samples":5`, 1), sample.ErrDamaged},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := grow(t)
			g.add([]byte(row.text))
			f := g.follow()
			_, err := drain(f)
			if !errors.Is(err, row.is) || !strings.Contains(err.Error(), "live.run.jsonl") {
				t.Fatalf("got %v, want %v with the file's name", err, row.is)
			}
			oneLine(t, err)
			if _, again := f.Next(); again != err {
				t.Errorf("the next call says %v", again)
			}
			if _, ok := f.Trailer(); ok {
				t.Error("it has a trailer")
			}
		})
	}
}

func TestFollowSeesReplacement(t *testing.T) {
	whole := encode(t, small())
	for name, replace := range map[string]func(*growing) error{
		"cut":      func(g *growing) error { return g.file.Truncate(10) },
		"replaced": func(g *growing) error { return os.Rename(other(t, whole), g.file.Name()) },
		"removed":  func(g *growing) error { return os.Remove(g.file.Name()) },
	} {
		t.Run(name, func(t *testing.T) {
			g := grow(t)
			g.add(whole[:len(whole)/2])
			f := g.follow()
			if some, err := drain(f); len(some) == 0 || err != nil {
				t.Fatalf("%d samples, %v", len(some), err)
			}
			if err := replace(g); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Next(); err == nil || err == io.EOF {
				t.Errorf("got %v", err)
			}
		})
	}
}

func other(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// FuzzFollow holds the Follower to Decode: for any bytes in any two parts it
// returns the samples of a whole file if and only if Decode takes it as one.
func FuzzFollow(f *testing.F) {
	whole := encode(f, small())
	f.Add(whole, 100)
	f.Add(whole[:len(whole)-3], 2000)
	f.Add([]byte(`{"schema":"firstbyte.run/1"}`+"\n"+`{"trailer":true}`+"\n"), 3)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		if len(data) > 1 && data[0] == 0x1f && data[1] == 0x8b {
			return // compressed: it says so
		}
		cut = min(max(cut, 0), len(data))
		g := grow(t)
		follower := g.follow()
		g.add(data[:cut])
		before, _ := drain(follower)
		g.add(data[cut:])
		after, err := drain(follower)
		run, wrong := sample.Decode(strings.NewReader(string(data)))
		if (err == io.EOF) != (wrong == nil) {
			// A file that was whole when it was read, and grew since, was whole.
			if _, err := sample.Decode(strings.NewReader(string(data[:cut]))); err != nil {
				t.Fatalf("followed: %v, decoded: %v", err, wrong)
			}
			return
		}
		if wrong == nil && len(before)+len(after) != len(run.Samples) {
			t.Fatalf("%d + %d samples, decoded %d", len(before), len(after), len(run.Samples))
		}
	})
}
