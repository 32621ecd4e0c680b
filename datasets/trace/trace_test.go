package trace_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firstbyte-dev/firstbyte/datasets"
	"github.com/firstbyte-dev/firstbyte/datasets/trace"
)

// read reads a file of testdata.
func read(t *testing.T, name string, labels map[string]string) *trace.Trace {
	t.Helper()
	tr, err := trace.Open("testdata/"+name, labels)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

var rows = cmpopts.IgnoreUnexported(trace.Row{})

func TestEveryFormat(t *testing.T) {
	const ms = time.Millisecond
	for _, row := range []struct {
		file, format string
		labels       map[string]string
		block        int
		want         []trace.Row // the first of them
		total, left  int
	}{
		{"azure_conv.csv", "azure", nil, 0, []trace.Row{{Input: 374, Output: 44}, {At: 4314579 * time.Microsecond, Input: 396, Output: 109}}, 60, 0},
		{"azure_code.csv", "azure", nil, 0, []trace.Row{{Input: 4808, Output: 10}, {At: 52 * ms, Input: 3180, Output: 8}}, 20, 0},
		{
			"mooncake.jsonl", "timed", nil, 512,
			[]trace.Row{{Input: 1300, Output: 52, Blocks: []int64{0, 1, 2}}, {Input: 1030, Output: 26, Blocks: []int64{0, 1, 3}}, {Input: 600, Output: 5, Blocks: []int64{4, 5}}, {At: 3000 * ms, Input: 512, Output: 9, Blocks: []int64{0}}},
			6, 0,
		},
		{"burstgpt.csv", "burstgpt", nil, 0, []trace.Row{{Input: 472, Output: 18, Session: "7", Elapsed: 1500 * ms}, {At: 40 * time.Second, Input: 1087, Output: 230}}, 3, 1},
		{"labels.jsonl", "timed", map[string]string{"timestamp": "ts", "input_length": "isl", "output_length": "osl", "session_id": "who"}, 0, []trace.Row{{Input: 9, Output: 2, Session: "a"}, {At: 250 * ms, Input: 7, Output: 3, Session: "b"}}, 2, 0},
		{
			"weka.json", "weka", nil, 64,
			[]trace.Row{{Input: 130, Output: 12, Session: "c1", Blocks: []int64{1, 2, 3}}, {At: 500 * ms, Input: 64, Output: 4, Session: "c2", Blocks: []int64{9}}, {At: 2500 * ms, Input: 190, Output: 30, Session: "c1", Blocks: []int64{1, 2, 4}}},
			3, 0,
		},
	} {
		got := read(t, row.file, row.labels)
		if got.Format != row.format || got.Total != row.total || got.Left != row.left || got.Block != row.block || len(got.Rows) != row.total-row.left || len(got.Hash) != 64 {
			t.Errorf("%s: %s, %d rows of %d, %d left out, block %d", row.file, got.Format, len(got.Rows), got.Total, got.Left, got.Block)
		}
		if diff := cmp.Diff(row.want, got.Rows[:len(row.want)], rows); diff != "" {
			t.Errorf("%s: -want +got:\n%s", row.file, diff)
		}
	}
}

func TestABrokenTraceSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"":    "it is empty",
		"a,b": "neither TIMESTAMP",
		"TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,1":              `line 2: TIMESTAMP "yesterday"`,
		"TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9,x,1":  `line 2: ContextTokens "x"`,
		"Timestamp,Request tokens,Response tokens\n5,1,-1":                    `line 2: Response tokens "-1"`,
		"Timestamp,Request tokens,Response tokens\n-5,1,1":                    "line 2: Timestamp -5",
		"Timestamp,Request tokens,Response tokens\n5,0,1":                     "none of 1 rows has tokens",
		`{"timestamp":1,"input_length":2}`:                                    "line 1: output_length is : a timed trace needs",
		"{\"timestamp\":1,\"input_length\":2,\"output_length\":3}\n{":         "line 2: not a JSON object",
		`{"timestamp":1,"input_length":2,"output_length":3,"hash_ids":["x"]}`: "hash_ids is no list",
		`{"timestamp":1e300,"input_length":2,"output_length":3}`:              "timestamp 1e+300",
		`{"id":1,"requests":[{"t":1,"in":5,"out":-1}]}`:                       "conversation 1, request 1",
		`{"id":1,"requests":[{"t":1,"in":5,"out":1,"hash_ids":[1]}]}`:         "block_size of 0",
		`[{"id":1,"requests":[}]`:                                             "not a list of conversations",
	} {
		if _, err := trace.Read("t", []byte(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := trace.Read("t", []byte("{}"), map[string]string{"time": "x"}); err == nil || !strings.Contains(err.Error(), `label "time"`) {
		t.Error(err)
	}
	if _, err := trace.Open("testdata/gone", nil); err == nil {
		t.Error("a file that is not there was read")
	}
}

// times are the instants of the rows in milliseconds.
func times(tr *trace.Trace) (ms []int64) {
	for _, r := range tr.Rows {
		ms = append(ms, r.At.Milliseconds())
	}
	return ms
}

func TestWhatIsReplayed(t *testing.T) {
	for _, row := range []struct {
		name  string
		o     trace.Options
		want  []int64
		says  string
		first trace.Row // lengths alone
	}{
		{"as it is, batches spread over the clock's tick of 3 s", trace.Options{}, []int64{0, 1000, 2000, 3000, 6000, 7500}, "timed trace, 6 of 6 requests; 3 requests that shared an instant spread over 3s; speed 1", trace.Row{Input: 1300, Output: 52}},
		{"exact", trace.Options{Exact: true}, []int64{0, 0, 0, 3000, 6000, 6000}, "timed trace, 6 of 6 requests; speed 1", trace.Row{Input: 1300, Output: 52}},
		{"ten times as fast", trace.Options{Exact: true, Speed: 10}, []int64{0, 0, 0, 300, 600, 600}, "speed 10", trace.Row{Input: 1300, Output: 52}},
		{"one per second in the mean", trace.Options{PerSecond: 1}, []int64{0, 666, 1333, 2000, 4000, 5000}, "speed 1.5", trace.Row{Input: 1300, Output: 52}},
		{"a part", trace.Options{From: 1500 * time.Millisecond, For: 3 * time.Second}, []int64{500, 1500}, "2 of 6 requests; 3 requests that shared an instant spread over 3s; from 1.5s for 3s", trace.Row{Input: 600, Output: 5}},
		{"shorter", trace.Options{Exact: true, MaxInput: 1000, MaxOutput: 20}, []int64{0, 0, 0, 3000, 6000, 6000}, "3 cut to 1000 tokens in and 20 out", trace.Row{Input: 1000, Output: 20}},
	} {
		tr := read(t, "mooncake.jsonl", nil)
		if err := tr.Apply(row.o); err != nil {
			t.Fatal(err)
		}
		if got := times(tr); !slices.Equal(got, row.want) {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
		if says := tr.Describe(); !strings.Contains(says, row.says) {
			t.Errorf("%s: %q, want %q", row.name, says, row.says)
		}
		if got := tr.Rows[0]; got.Input != row.first.Input || got.Output != row.first.Output {
			t.Errorf("%s: begins with %+v", row.name, got)
		}
	}
	for want, o := range map[string]trace.Options{
		"no request in the part from 1h0m0s": {From: time.Hour},
		"neither may be":                     {From: -1},
		"at most -1 tokens":                  {MaxInput: -1},
		"not both":                           {Speed: 2, PerSecond: 3},
		"a speed of -2":                      {Speed: -2},
		"a mean rate of -2":                  {PerSecond: -2},
	} {
		if err := read(t, "mooncake.jsonl", nil).Apply(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

// prompt is the text that an item of the trace asks.
func prompt(t *testing.T, tr *trace.Trace, seed uint64, i int) string {
	t.Helper()
	item := tr.Fill(seed)(tr.Set().Items[i])
	if len(item.Messages) != 1 || item.Messages[0].Role != "user" {
		t.Fatalf("%+v", item)
	}
	var text string
	if err := json.Unmarshal(item.Messages[0].Content, &text); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestPromptsHaveTheirLengthsAndShareWhatTheyShared(t *testing.T) {
	tr := read(t, "mooncake.jsonl", nil)
	set := tr.Set()
	if set.Name != "mooncake.jsonl" || set.Hash != tr.Hash || len(set.Items) != 6 || set.Items[0].MaxTokens != 52 || set.Items[0].Kind != trace.Kind {
		t.Errorf("%+v", set)
	}
	if item, ok := set.Item("trace-000002"); !ok || item.MaxTokens != 26 {
		t.Errorf("the second line's item is %+v", item)
	}
	var texts [][]string
	for i, r := range tr.Rows {
		words := strings.Fields(prompt(t, tr, 1, i))
		if len(words) != r.Input {
			t.Errorf("row %d: %d words for %d tokens", i, len(words), r.Input)
		}
		texts = append(texts, words)
	}
	same := func(a, b, from, to int) bool { return slices.Equal(texts[a][from:to], texts[b][from:to]) }
	if !same(0, 1, 0, 1024) || same(0, 1, 1024, 1030) {
		t.Error("rows 0 and 1 share blocks 0 and 1, and no more")
	}
	if same(0, 2, 0, 512) || !same(0, 3, 0, 512) {
		t.Error("row 3 shares block 0 with row 0, row 2 does not")
	}
	if one := prompt(t, tr, 1, 2); one != prompt(t, tr, 1, 2) || one == prompt(t, tr, 2, 2) {
		t.Error("words are not a function of the seed")
	}
	conv := read(t, "azure_conv.csv", nil)
	if prompt(t, conv, 1, 0)[:40] == prompt(t, conv, 1, 1)[:40] {
		t.Error("prompts without blocks begin alike")
	}
	if other := (datasets.Item{ID: "short-1"}); tr.Fill(1)(other).Messages != nil {
		t.Error("an item of another set got a text")
	}
}

// TestAzureFigures holds the reading of the whole files to the figures that are
// known of them.
func TestAzureFigures(t *testing.T) {
	for _, row := range []struct {
		file    string
		n       int
		rate    float64
		in, out float64 // means
	}{
		{"azure_conv.csv", 19366, 5.53, 1155, 211},
		{"azure_code.csv", 8819, 2.57, 2048, 27.9},
	} {
		path := "../../../shared/data/" + row.file
		if _, err := os.Stat(path); err != nil {
			t.Skipf("%s is not there (its README says where it comes from): the whole trace is not tested", path)
		}
		tr, err := trace.Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		in, out := 0.0, 0.0
		for _, r := range tr.Rows {
			in, out = in+float64(r.Input), out+float64(r.Output)
		}
		n := float64(len(tr.Rows))
		rate := n / tr.Rows[len(tr.Rows)-1].At.Seconds()
		near := func(got, want float64) bool { return math.Abs(got/want-1) < .002 } // the figures are rounded
		if tr.Total != row.n || !near(rate, row.rate) || !near(in/n, row.in) || !near(out/n, row.out) {
			t.Errorf("%s: %d rows at %.3f/s, %.1f in, %.2f out", row.file, tr.Total, rate, in/n, out/n)
		}
	}
}

// FuzzRead holds that what is read can be replayed: times from 0 that never go
// back, and lengths above 0.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"azure_conv.csv", "mooncake.jsonl", "burstgpt.csv", "weka.json"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[:min(len(data), 400)])
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tr, err := trace.Read("t", data, nil)
		if err != nil {
			return
		}
		if err := tr.Apply(trace.Options{MaxInput: 50, Speed: 7}); err != nil {
			t.Fatal(err)
		}
		last := time.Duration(0)
		for i, r := range tr.Rows {
			if r.At < last || r.Input < 1 || r.Input > 50 || r.Output < 1 || r.Elapsed < 0 {
				t.Fatalf("row %d after %v: %+v", i, last, r)
			}
			last = r.At
		}
	})
}
