//go:build !linux

package load

import (
	"runtime"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// thisMachine is the fingerprint of the machine that measures.
func thisMachine() sample.Machine {
	return sample.Machine{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU(),
		GOMAXPROCS: runtime.GOMAXPROCS(0), Go: runtime.Version(),
	}
}

// What follows is told by Linux alone; its absence is recorded as unknown.

func ownCPU() time.Duration   { return 0 }
func readTicks() machineTicks { return machineTicks{} }
func readPressure() float64   { return Unknown }
func readPorts() float64      { return Unknown }
func openFiles() int          { return 0 }
func fileLimit() int          { return 0 }
