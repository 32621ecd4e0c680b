package schedule_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/schedule"
)

var entries = []schedule.Entry{
	{Arm: "all", Item: "short-1", Occurrence: 1, OutputTokens: 64},
	{Arm: "all", IntendedNS: 5, Item: "short-2", Occurrence: 1, Session: "s1", Turn: 1, InputTokens: 70, OutputTokens: 64},
	{Arm: "all", IntendedNS: 5, Item: "short-1", Occurrence: 2, Session: "s1", Turn: 2, ThinkNS: 2_000_000_000, OutputTokens: 64},
	{Block: 1, Arm: "all", Item: "short-3", Occurrence: 1, Session: "label", OutputTokens: 64},
}

func TestAFileHoldsTheSchedule(t *testing.T) {
	for name, first := range map[string]string{
		"s.jsonl": `{"block":0,"arm":"all","intended_ns":0,"item":"short-1","occurrence":1,"output_tokens":64}`,
		"s.csv":   "block,arm,intended_ns,item,occurrence,session,turn,think_ns,input_tokens,output_tokens",
	} {
		var file bytes.Buffer
		if err := schedule.WriteEntries(&file, name, entries); err != nil {
			t.Fatal(err)
		}
		if got, _, _ := strings.Cut(file.String(), "\n"); got != first {
			t.Errorf("%s begins with %s", name, got)
		}
		back, err := schedule.ReadEntries(&file, name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(entries, back); diff != "" {
			t.Errorf("%s: -wrote +read:\n%s", name, diff)
		}
	}
}

func TestForeignColumnsArePassedOver(t *testing.T) {
	for name, text := range map[string]string{
		"s.csv":   "note,item,occurrence,intended_ns\nhello,short-1,1,7\n",
		"s.jsonl": `{"note":"hello","item":"short-1","occurrence":1,"intended_ns":7}`,
	} {
		got, err := schedule.ReadEntries(strings.NewReader(text), name)
		if diff := cmp.Diff([]schedule.Entry{{Item: "short-1", Occurrence: 1, IntendedNS: 7}}, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

func TestABrokenScheduleSaysWhere(t *testing.T) {
	line := func(fields string) string { return `{"item":"a","occurrence":1` + fields + "}\n" }
	for _, row := range []struct{ name, text, want string }{
		{"s.jsonl", "", "no entries"},
		{"s.csv", "", "no head line"},
		{"s.jsonl", line("") + "{", "entry 2"},
		{"s.csv", "item,occurrence\na,x\n", "entry 1: occurrence"},
		{"s.jsonl", line("") + line(""), "entry 2: occurrence 1 of item \"a\" stands twice"},
		{"s.jsonl", line(`,"block":1`), "entry 1: block 1 after block 0"},
		{"s.jsonl", line(`,"intended_ns":-1`), "entry 1: starts -1 ns"},
		{"s.jsonl", line(`,"intended_ns":9`) + strings.Replace(line(`,"intended_ns":8`), `"a"`, `"b"`, 1), "1 ns before the entry before it"},
		{"s.jsonl", line(`,"turn":2,"session":"s"`), "turn 2 of session"},
		{"s.jsonl", line(`,"turn":1`), `turn 1 of session ""`},
		{"s.jsonl", line(`,"arm":"b"`), `arm "b"`},
		{"s.jsonl", `{"item":"","occurrence":1}`, "name an item"},
	} {
		if _, err := schedule.ReadEntries(strings.NewReader(row.text), row.name); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", row.text, err, row.want)
		}
	}
}

// FuzzEntries holds that what is read is valid, and says the same when it is
// written and read again.
func FuzzEntries(f *testing.F) {
	for _, name := range []string{"s.jsonl", "s.csv"} {
		var file bytes.Buffer
		if err := schedule.WriteEntries(&file, name, entries); err != nil {
			f.Fatal(err)
		}
		f.Add(file.String(), name == "s.csv")
	}
	f.Fuzz(func(t *testing.T, text string, comma bool) {
		name := "s.jsonl"
		if comma {
			name = "s.csv"
		}
		first, err := schedule.ReadEntries(strings.NewReader(text), name)
		if err != nil {
			return
		}
		if err := schedule.ValidateEntries(first); err != nil {
			t.Fatalf("what was read is not valid: %v", err)
		}
		var file bytes.Buffer
		if err := schedule.WriteEntries(&file, "s.jsonl", first); err != nil {
			t.Fatal(err)
		}
		second, err := schedule.ReadEntries(&file, "s.jsonl")
		if diff := cmp.Diff(first, second); diff != "" || err != nil {
			t.Fatal(err, diff)
		}
	})
}
