package sample_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

func newLog(t *testing.T, queue int) (*sample.Log, string) {
	t.Helper()
	w, path := begun(t)
	return sample.NewLog(w, queue, func(err error) { t.Error(err) }), path
}

// begun is a live file with its header.
func begun(t *testing.T) (*sample.Writer, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log.run.jsonl")
	w, err := sample.CreateLive(path)
	if err == nil {
		err = errors.Join(w.Header(small().Header), w.Flush())
	}
	if err != nil {
		t.Fatal(err)
	}
	return w, path
}

func trailer(lost int) sample.Trailer { return sample.Trailer{Stopped: fmt.Sprint(lost)} }

// TestLogFromManyGoroutines: nothing is lost while there is room, and lines are
// numbered as they stand.
func TestLogFromManyGoroutines(t *testing.T) {
	l, path := newLog(t, 1000)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range 100 {
				l.Add(small().Samples[1])
			}
		})
	}
	all.Wait()
	if err := l.Close(trailer); err != nil {
		t.Fatal(err)
	}
	run, err := sample.Read(path)
	if err != nil || len(run.Samples) != 1000 || run.Trailer.Stopped != "0" {
		t.Fatalf("%v", err)
	}
	for i, s := range run.Samples {
		if s.Seq != i {
			t.Fatalf("line %d has the number %d", i, s.Seq)
		}
	}
}

// TestLogCountsWhatItLoses: samples that find no room, or come too late, are
// counted; their goroutines do not wait.
func TestLogCountsWhatItLoses(t *testing.T) {
	l, path := newLog(t, 0) // room only while the writer waits for one
	const sent = 50
	for range sent {
		l.Add(small().Samples[1])
	}
	lost := 0
	if err := l.Close(func(n int) sample.Trailer { lost = n; return trailer(n) }); err != nil {
		t.Fatal(err)
	}
	l.Add(small().Samples[1]) // too late, and harmless
	run, err := sample.Read(path)
	if err != nil || len(run.Samples)+lost != sent || lost == 0 {
		t.Errorf("%d written and %d lost of %d, %v", len(run.Samples), lost, sent, err)
	}
}

// TestLogIsReadable within a second by whoever follows it.
func TestLogIsReadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, path := newLog(t, 10)
		f, err := sample.Follow(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		l.Add(small().Samples[1])
		time.Sleep(1100 * time.Millisecond)
		if some, err := f.Next(); len(some) != 1 || err != nil {
			t.Errorf("%d samples, %v", len(some), err)
		}
		if err := l.Close(trailer); err != nil {
			t.Error(err)
		}
	})
}

// TestLogBrokenOff: a disk that refuses is told of once, and leaves no trailer.
func TestLogBrokenOff(t *testing.T) {
	w, path := begun(t)
	w.Discard() // the file is closed: every further write fails
	told := 0
	l := sample.NewLog(w, 10, func(error) { told++ })
	for range 3 {
		l.Add(sample.Sample{}) // without an outcome: refused
	}
	if err := l.Close(trailer); err == nil || told != 1 {
		t.Errorf("told %d times, %v", told, err)
	}
	if _, err := sample.Read(path); !errors.Is(err, sample.ErrTruncated) {
		t.Errorf("%v", err)
	}
}
