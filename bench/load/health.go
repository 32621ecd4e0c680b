package load

import "time"

// Unknown stands in a share or percentage that this system does not tell.
const Unknown = -1

// A Dist is a distribution of durations in nanoseconds, exact (no buckets).
type Dist struct {
	P50, P99, Max int64
	N             int
}

// Health is what is known of the measurer while it measured: raw numbers, from
// which bench/calibrate grades a run. Unless said otherwise they cover the
// windows in which measured requests were in flight, all slots together, and
// not the time in which arms start and stop.
type Health struct {
	Window     time.Duration // the length of those windows together
	Cores      int           // processors this process may use (GOMAXPROCS)
	ClosedLoop bool          // no intended starts: lateness and rates are without meaning

	Intended   int     // measured requests planned in the slots that ran
	Sent       int     // of them, handed to the transport
	Dropped    int     // of them, never started though the run went on
	Exhausted  int     // of them, kept back for want of file descriptors or ports of ours
	IntendedHz float64 // mean over slots, by their requests
	AchievedHz float64 // the same of the starts as they were

	Lateness  Dist                 // sent minus intended
	Canary    Dist                 // how late a 10 ms timer of ours woke: scheduler and run-time lag
	Events    int                  // token events received
	Coalesced int                  // of them, come in the same Read as the one before
	Arms      map[string]ArmHealth // the part of each arm

	CPU         time.Duration // user and system time of this process
	CPUShare    float64       // of Window x Cores, 0 to 1; Unknown where not told
	MachineBusy float64       // share of all processors not idle, 0 to 1, or Unknown
	Steal       float64       // share taken by the hypervisor, 0 to 1, or Unknown
	Pressure    float64       // highest "some avg10" of /proc/pressure/cpu seen, percent, or Unknown

	GCPauseMax   time.Duration // upper edge of the longest pause's bucket
	GCPauseTotal time.Duration // estimated from bucket middles
	GCPauses     int

	Protocols      []string // that answers came over
	StreamsPerConn int      // most that were in flight on one connection, warm-up included
	TokenSources   []string // where the counts of tokens come from

	ClockStep time.Duration // largest jump of the wall clock against the monotonic one, either way
	PortsBusy float64       // share of the machine's local ports that were taken at most, 0 to 1, or Unknown
	// Steady is how long arrivals and departures were in balance, all slots
	// together: from when a usual answer to the first request had ended (P95 of
	// the slot) to the last start.
	Steady time.Duration

	InFlight  int // most measured requests that were in flight at once
	Memory    int // most bytes this process held of the system
	MemoryHad int // bytes that it held before the window in which it grew most
	FDLimit   int // soft limit of open files; 0 where not told
	FDPeak    int // most open files seen; 0 where not told
}

// ArmHealth is the part of Health that may differ between arms.
type ArmHealth struct {
	Lateness Dist
	// SlotLateness is what three of four slots of the arm stayed within: the
	// upper quartile over slots of each slot's own P50, P99 and Max; N counts
	// slots. One stall of the machine, which falls into a slot of one arm by
	// chance, moves the P99 of all its starts but not this.
	SlotLateness Dist
	Canary       Dist
	Events       int
	Coalesced    int
	Dropped      int
	Window       time.Duration
	CPU          time.Duration // of this process while the arm was loaded
}
