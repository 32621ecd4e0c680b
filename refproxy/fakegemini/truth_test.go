package fakegemini

import (
	"fmt"
	"testing"
)

func TestTallyForgetsTheOldest(t *testing.T) {
	tally := newTally(2)
	var got []int
	for _, key := range []string{"a", "a", "b", "c", "b", "a", "a", "c"} {
		got = append(got, tally.next(key))
	}
	// c pushes a out, a pushes b out; c stays.
	if want := "[0 1 0 0 1 0 1 1]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(tally.counts) != 2 {
		t.Errorf("remembers %d keys", len(tally.counts))
	}
}
