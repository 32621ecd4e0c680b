package load

import (
	"testing"
	"time"
)

func TestParseTicks(t *testing.T) {
	got := parseTicks("cpu  100 5 50 800 20 3 2 20 7 7")
	if want := (machineTicks{total: 1000, idle: 820, steal: 20}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if busy := got.busyShare(); busy != .18 {
		t.Errorf("busy %v", busy)
	}
	for _, line := range []string{"", "cpu 1 2", "cpu0 1 2 3 4 5 6 7 8", "cpu a b c d e f g h"} {
		if got := parseTicks(line); got != (machineTicks{}) || got.busyShare() != Unknown || got.stealShare() != Unknown {
			t.Errorf("%q: %+v", line, got)
		}
	}
	back := machineTicks{total: 10, idle: 5}.minus(machineTicks{total: 9, idle: 6})
	if back != (machineTicks{}) {
		t.Errorf("a counter that ran backwards: %+v", back)
	}
}

func TestParsePressure(t *testing.T) {
	if got := parsePressure("some avg10=12.34 avg60=1.00 avg300=0.10 total=99\nfull avg10=0.00"); got != 12.34 {
		t.Errorf("got %v", got)
	}
	if got := parsePressure("nonsense"); got != Unknown {
		t.Errorf("got %v", got)
	}
}

func TestThisMachineIsTold(t *testing.T) {
	m := thisMachine()
	if m.OS != "linux" || m.Kernel == "" || m.Cores < 1 || m.GOMAXPROCS < 1 || m.Go == "" {
		t.Errorf("%+v", m)
	}
	if openFiles() < 3 || fileLimit() < openFiles() {
		t.Errorf("%d files open of %d", openFiles(), fileLimit())
	}
	before := ownCPU()
	for begin := time.Now(); time.Since(begin) < 20*time.Millisecond; {
	}
	if used := ownCPU() - before; used <= 0 {
		t.Errorf("20 ms of work counted as %v", used)
	}
	if ticks := readTicks(); ticks.total == 0 || ticks.idle > ticks.total {
		t.Errorf("%+v", ticks)
	}
}

func TestParsePorts(t *testing.T) {
	const sockets = "sockets: used 100\nTCP: inuse 1500 orphan 2 tw 500 alloc 1600 mem 3\nUDP: inuse 0 mem 0\n"
	for _, c := range []struct {
		limits, sockets string
		want            float64
	}{
		{"32768\t60767\n", sockets, 2000.0 / 28000},
		{"", sockets, Unknown},
		{"60000 50000", sockets, Unknown},
		{"32768\t60767\n", "UDP: inuse 0", Unknown},
	} {
		if got := parsePorts(c.limits, c.sockets); got != c.want {
			t.Errorf("%q, %q: %v, want %v", c.limits, c.sockets, got, c.want)
		}
	}
}
