package control_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkFlagChange measures how long it takes until traffic follows a change of a
// flag: from the admin API's PUT to the end of the first request that is served
// under the new setting, where one request is made after the other, in the proxy
// that was asked and in another replica over the same file of SQLite. Callers, proxy
// and panel are one process, so no network is in it; the store writes to a disk.
func BenchmarkFlagChange(b *testing.B) {
	b.Run("one-proxy", func(b *testing.B) {
		a := begin(b, filepath.Join(b.TempDir(), "p.db"), up(b), "k")
		followed(b, a, a)
	})
	b.Run("replica", func(b *testing.B) {
		path, url := filepath.Join(b.TempDir(), "p.db"), up(b)
		followed(b, begin(b, path, url, "k"), begin(b, path, url, "k"))
	})
}

// followed changes a flag by one replica until the other serves by it. The changes
// come at no fixed time after each other, since the other looks at intervals.
func followed(b *testing.B, changed, asked *replica) {
	const flag = "ff_converter_fast_path"
	random := rand.New(rand.NewPCG(1, 2))
	var took []time.Duration
	asked.ask(b)
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		percent, want := 100, flag
		if n%2 == 1 {
			percent, want = 0, "all-off"
		}
		change := fmt.Sprintf(`{"percent":%d,"expected":%d,"who":"benchmark"}`, percent, n)
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
		b.StartTimer()
		begun := time.Now()
		if code, said := changed.api(b, "PUT", "/admin/flags/"+flag, change); code != 200 {
			b.Fatalf("%d %s", code, said)
		}
		for arm := ""; arm != want; {
			_, _, arm = asked.ask(b)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "worst-ms")
}
