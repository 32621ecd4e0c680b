package load

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// thisMachine is the fingerprint of the machine that measures.
func thisMachine() sample.Machine {
	m := sample.Machine{
		OS: runtime.GOOS, Arch: runtime.GOARCH, CPU: cpuModel(), Cores: runtime.NumCPU(),
		GOMAXPROCS: runtime.GOMAXPROCS(0), Go: runtime.Version(),
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	return m
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// ownCPU is the processor time of this process, user and system.
func ownCPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func readTicks() machineTicks {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return machineTicks{}
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return parseTicks(string(line))
}

// parseTicks reads the first line of /proc/stat: cpu, then user nice system
// idle iowait irq softirq steal (guest times are part of user and nice).
func parseTicks(line string) machineTicks {
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return machineTicks{}
	}
	var t machineTicks
	for i, field := range fields[1:9] {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return machineTicks{}
		}
		t.total += n
		switch i {
		case 3, 4:
			t.idle += n
		case 7:
			t.steal = n
		}
	}
	return t
}

// readPressure is the share of the last ten seconds in which some task waited
// for a processor, in percent.
func readPressure() float64 {
	text, err := os.ReadFile("/proc/pressure/cpu")
	if err != nil {
		return Unknown
	}
	return parsePressure(string(text))
}

func parsePressure(text string) float64 {
	var avg10 float64
	if _, err := fmt.Sscanf(text, "some avg10=%f", &avg10); err != nil {
		return Unknown
	}
	return avg10
}

// readPorts is the share of the local ports that sockets of this machine hold, in
// use or waiting for their names to be forgotten. Both ends of a connection over
// loopback count, and listeners: the share is never too low.
func readPorts() float64 {
	limits, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return Unknown
	}
	sockets, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return Unknown
	}
	return parsePorts(string(limits), string(sockets))
}

func parsePorts(limits, sockets string) float64 {
	var first, last, inUse, orphan, waiting int
	if _, err := fmt.Sscan(limits, &first, &last); err != nil || last < first {
		return Unknown
	}
	_, tcp, _ := strings.Cut(sockets, "\nTCP:")
	if _, err := fmt.Sscanf(tcp, " inuse %d orphan %d tw %d", &inUse, &orphan, &waiting); err != nil {
		return Unknown
	}
	return float64(inUse+waiting) / float64(last-first+1)
}

func openFiles() int {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return 0
	}
	return len(names) - 1 // without the one that reads
}

func fileLimit() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int(min(limit.Cur, 1<<31-1))
}
