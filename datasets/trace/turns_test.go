package trace_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/datasets/trace"
)

// said is a turn in words: row@start session/turn +think in.
func said(tr *trace.Trace, all [][]trace.Turn) (out [][]string) {
	for _, session := range all {
		var turns []string
		for _, t := range session {
			turns = append(turns, fmt.Sprintf("%d@%v %s/%d +%v %d", t.Row, t.At, t.Session, t.Turn, t.Think, tr.Rows[t.Row].Input))
		}
		out = append(out, turns)
	}
	return out
}

const talks = `Timestamp,Session ID,Elapsed time,Request tokens,Response tokens
0,a,2,100,20
1,,,7,3
5,b,1,50,5
10,a,3,150,30
11,a,1,185,9
30,a,,40,9
`

func TestSessions(t *testing.T) {
	for _, row := range []struct {
		cumulative bool
		want       [][]string
	}{
		{true, [][]string{{"0@0s a/1 +0s 100", "3@0s a/2 +8s 30", "4@0s a/3 +0s 5", "5@0s a/4 +18s 1"}, {"1@1s /0 +0s 7"}, {"2@5s b/1 +0s 50"}}},
		{false, [][]string{{"0@0s a/1 +0s 100", "3@0s a/2 +8s 150", "4@0s a/3 +0s 185", "5@0s a/4 +18s 40"}, {"1@1s /0 +0s 7"}, {"2@5s b/1 +0s 50"}}},
	} {
		tr, err := trace.Read("talks", []byte(talks), nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(row.want, said(tr, tr.Sessions(row.cumulative))); diff != "" {
			t.Errorf("cumulative %v: -want +got:\n%s", row.cumulative, diff)
		}
	}
}

func TestThinkTimesFollowTheSpeed(t *testing.T) {
	tr, err := trace.Read("talks", []byte(talks), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Apply(trace.Options{Speed: 4}); err != nil {
		t.Fatal(err)
	}
	if got := tr.Sessions(true)[0][1].Think; got != 2*time.Second {
		t.Errorf("thinks for %v, want a fourth of 8 s", got)
	}
}

func TestAlone(t *testing.T) {
	tr, err := trace.Read("talks", []byte(talks), nil)
	if err != nil {
		t.Fatal(err)
	}
	all := tr.Alone()
	if len(all) != 6 || all[3][0] != (trace.Turn{Row: 3, At: 10 * time.Second, Session: "a"}) {
		t.Errorf("%+v", all)
	}
}
