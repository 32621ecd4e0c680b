package rollout_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/guard/rollout"
)

// TestFileJournal: what was acknowledged is there again, half a line is not, and one
// process at a time writes.
func TestFileJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollout", "journal.jsonl")
	j, err := rollout.OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []rollout.Record{{Begin: &rollout.Begin{ID: "a", Flag: "ff_a", Plan: rollout.Default(), Seed: 1<<63 + 1}}, {Ask: &rollout.Step{N: 1, Stage: 5, Percent: 5}}}
	for _, r := range want {
		if err := j.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := rollout.OpenJournal(path); !errors.Is(err, rollout.ErrJournal) || !strings.Contains(err.Error(), "another rollout") {
		t.Errorf("a second process: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) + 1 { // killed in the middle of any line
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := rollout.OpenJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := again.Load()
		n := strings.Count(string(whole[:cut]), "\n")
		if diff := cmp.Diff(want[:n], got); err != nil || n > 0 && diff != "" || len(got) != n {
			t.Fatalf("cut at %d: %v, records (-want +got):\n%s", cut, err, diff)
		}
		if err := errors.Join(again.Append(rollout.Record{Drop: "x"}), again.Close()); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || strings.Count(string(text), "\n") != n+1 {
			t.Fatalf("cut at %d and appended: %v\n%s", cut, err, text)
		}
	}
}

func TestFileJournalRefusesDamage(t *testing.T) {
	for _, text := range []string{"{\n", "{}{}\n", `{"begun":1}` + "\n"} {
		path := filepath.Join(t.TempDir(), "journal.jsonl")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := rollout.OpenJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		if records, err := j.Load(); err == nil {
			if _, err := rollout.Replay(records); err == nil {
				t.Errorf("%q is taken", text)
			}
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
}

func FuzzReplay(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06"))
	records := []rollout.Record{
		{Begin: &rollout.Begin{Plan: rollout.Default()}},
		{Ask: &rollout.Step{N: 1, Stage: 5}},
		{Done: &rollout.Done{}},
		{Drop: "x"},
		{Turns: &rollout.TurnsDone{}},
		{Hold: "x"},
		{End: &rollout.End{}},
		{},
	}
	f.Fuzz(func(t *testing.T, order []byte) {
		var list []rollout.Record
		for _, b := range order {
			list = append(list, records[int(b)%len(records)])
		}
		p, err := rollout.Replay(list)
		switch {
		case err != nil || len(list) == 0:
		case list[0].Begin == nil:
			t.Error("a journal without its beginning is taken")
		case p.Stage != 0 && p.Steps == 0:
			t.Errorf("a stage that nobody asked for: %+v", p)
		}
	})
}
