package clock

import "testing"

// TestNowIsTheKernels: the runtime's clock and the kernel's are one, now and after
// some time: what the one says lies between two answers of the other.
func TestNowIsTheKernels(t *testing.T) {
	const slack = 2_000 // how far the anchor may be out, where the machine stalled at every try
	for range 1000 {
		before := kernelNow()
		at := now()
		after := kernelNow()
		if at < before-slack || at > after+slack {
			t.Fatalf("%d is not between %d and %d", at, before, after)
		}
	}
}

func BenchmarkNow(b *testing.B) {
	for b.Loop() {
		now()
	}
}

func BenchmarkKernelNow(b *testing.B) {
	for b.Loop() {
		kernelNow()
	}
}
