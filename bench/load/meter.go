package load

import (
	"context"
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/clock"
)

const (
	canaryPeriod = int64(10 * time.Millisecond)
	glancePeriod = 500 * time.Millisecond
)

// A meter gathers the Health of a run, window by window.
type meter struct {
	total windowFacts
	arms  map[string]*windowFacts
	crowd int // most streams that shared a connection
}

// windowFacts are sums and maxima over windows.
type windowFacts struct {
	length   time.Duration
	canary   []int64
	cpu      time.Duration
	machine  machineTicks
	pressure float64
	fdPeak   int
	memory   memoryFacts
	step     time.Duration
	ports    float64
	pauses   pauseFacts
}

func newMeter() *meter {
	return &meter{total: windowFacts{pressure: Unknown, ports: Unknown}, arms: map[string]*windowFacts{}}
}

// A window is one stretch of load being watched.
type window struct {
	begin   int64
	cpu     time.Duration
	machine machineTicks
	pauses  *metrics.Float64Histogram
	stop    context.CancelFunc
	wg      sync.WaitGroup
	facts   windowFacts // canary and glances, each written by one goroutine
}

// open begins to watch; every open has its close.
func (m *meter) open() *window {
	ctx, stop := context.WithCancel(context.Background())
	w := &window{cpu: ownCPU(), machine: readTicks(), pauses: readPauses(), stop: stop}
	w.facts.pressure, w.facts.ports = Unknown, Unknown
	w.facts.memory.had = memoryHeld()
	w.wg.Go(func() { w.sing(ctx) })
	w.wg.Go(func() { w.glance(ctx) })
	w.begin = clock.Now()
	return w
}

// close ends the window and books it to the arm.
func (m *meter) close(w *window, arm string) {
	w.facts.length = clock.Since(w.begin)
	w.stop()
	w.wg.Wait()
	w.facts.cpu = ownCPU() - w.cpu
	w.facts.machine = readTicks().minus(w.machine)
	w.facts.pauses = pausesSince(w.pauses, readPauses())
	m.total.add(&w.facts)
	if m.arms[arm] == nil {
		m.arms[arm] = &windowFacts{pressure: Unknown, ports: Unknown}
	}
	m.arms[arm].add(&w.facts)
}

func (f *windowFacts) add(w *windowFacts) {
	f.length += w.length
	f.canary = append(f.canary, w.canary...)
	f.cpu += w.cpu
	f.machine = f.machine.plus(w.machine)
	f.pressure = max(f.pressure, w.pressure)
	f.fdPeak = max(f.fdPeak, w.fdPeak)
	f.memory = f.memory.plus(w.memory)
	f.step = max(f.step, w.step)
	f.ports = max(f.ports, w.ports)
	f.pauses = f.pauses.plus(w.pauses)
}

// sing is the canary: it does nothing but wake every 10 ms and note how late. A
// start that is late while the canary is not speaks of the loader; when both
// are, of the machine.
func (w *window) sing(ctx context.Context) {
	timer, err := clock.NewTimer()
	if err != nil {
		return // no descriptor: the requests will say so
	}
	defer timer.Close()
	for at := clock.Now() + canaryPeriod; timer.Until(ctx, at) == nil; at += canaryPeriod {
		late := clock.Now() - at
		w.facts.canary = append(w.facts.canary, late)
		at += late / canaryPeriod * canaryPeriod // missed ticks are one lateness, not many
	}
}

// glance looks at what cannot be summed up afterwards.
func (w *window) glance(ctx context.Context) {
	ticker := time.NewTicker(glancePeriod)
	defer ticker.Stop()
	var steps stepper
	for {
		w.facts.step = max(w.facts.step, steps.look(time.Now().UnixNano(), clock.Now()))
		w.facts.ports = max(w.facts.ports, readPorts())
		w.facts.pressure = max(w.facts.pressure, readPressure())
		w.facts.fdPeak = max(w.facts.fdPeak, openFiles())
		w.facts.memory.peak = max(w.facts.memory.peak, memoryHeld())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// distinct lists the texts other than "" that the measured samples carry.
func distinct(samples []sample.Sample, of func(*sample.Sample) string) []string {
	var texts []string
	for i := range samples {
		if text := of(&samples[i]); !samples[i].Warmup && text != "" && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	slices.Sort(texts)
	return texts
}

// health sums up the run so far.
func (m *meter) health(r *Result, closedLoop bool) Health {
	t := &m.total
	h := Health{
		Window: t.length, Cores: runtime.GOMAXPROCS(0), ClosedLoop: closedLoop,
		Canary: distribution(slices.Clone(t.canary)), Arms: map[string]ArmHealth{},
		CPU: t.cpu, CPUShare: Unknown, MachineBusy: t.machine.busyShare(), Steal: t.machine.stealShare(),
		Pressure: t.pressure, GCPauseMax: t.pauses.longest, GCPauseTotal: t.pauses.total, GCPauses: t.pauses.n,
		FDLimit: fileLimit(), FDPeak: t.fdPeak, Memory: t.memory.peak, MemoryHad: t.memory.had,
		ClockStep: t.step, PortsBusy: t.ports, Steady: steady(r.Samples),
	}
	if t.length > 0 && t.cpu > 0 {
		h.CPUShare = float64(t.cpu) / (float64(t.length) * float64(h.Cores))
	}
	m.addSamples(&h, r, closedLoop)
	addRates(&h, r.Slots)
	return h
}

// addSamples adds what the measured samples tell, overall and by arm.
func (m *meter) addSamples(h *Health, r *Result, closedLoop bool) {
	late, slots := map[string][]int64{}, map[string]map[int][]int64{}
	for _, arm := range r.Header.Arms {
		h.Arms[arm.Name], slots[arm.Name] = ArmHealth{}, map[int][]int64{}
	}
	for i := range r.Samples {
		s := &r.Samples[i]
		if s.Warmup {
			continue
		}
		a := h.Arms[s.Arm]
		h.Intended++
		a.Events += s.Events
		a.Coalesced += s.Coalesced
		switch s.Outcome {
		case sample.DroppedStart:
			a.Dropped++
		case sample.NoDescriptor, sample.NoPort:
			h.Exhausted++
		}
		if s.SentNS != 0 {
			h.Sent++
			late[s.Arm] = append(late[s.Arm], s.SentNS-s.IntendedNS)
			if slots[s.Arm] == nil { // of no arm of the header
				slots[s.Arm] = map[int][]int64{}
			}
			slots[s.Arm][s.Block] = append(slots[s.Arm][s.Block], s.SentNS-s.IntendedNS)
		}
		h.Arms[s.Arm] = a
	}
	h.StreamsPerConn, h.InFlight = m.crowd, mostInFlight(r.Samples)
	h.Protocols = distinct(r.Samples, func(s *sample.Sample) string { return s.Conn.Protocol })
	h.TokenSources = distinct(r.Samples, func(s *sample.Sample) string { return s.Usage.Source })
	var all []int64
	for name, a := range h.Arms {
		h.Events += a.Events
		h.Coalesced += a.Coalesced
		h.Dropped += a.Dropped
		all = append(all, late[name]...)
		if !closedLoop {
			a.Lateness, a.SlotLateness = distribution(late[name]), upperQuartile(slots[name])
		}
		if w := m.arms[name]; w != nil {
			a.Canary, a.Window, a.CPU = distribution(slices.Clone(w.canary)), w.length, w.cpu
		}
		h.Arms[name] = a
	}
	delete(h.Arms, sample.Unassigned) // counted, but no arm to be compared with
	if !closedLoop {
		h.Lateness = distribution(all)
	}
}

// addRates takes the mean rates of the slots that sent anything, weighted by
// their requests.
func addRates(h *Health, slots []sample.Slot) {
	weight := 0.0
	for _, s := range slots {
		if s.AchievedHz == 0 {
			continue
		}
		n := float64(s.Requests)
		weight += n
		h.IntendedHz += n * s.IntendedHz
		h.AchievedHz += n * s.AchievedHz
	}
	if weight > 0 {
		h.IntendedHz /= weight
		h.AchievedHz /= weight
	}
}

// distribution sorts values in place; ranks are the smallest value that at
// least the share has reached.
func distribution(values []int64) Dist {
	if len(values) == 0 {
		return Dist{}
	}
	slices.Sort(values)
	rank := func(q float64) int64 { return values[max(0, int(math.Ceil(q*float64(len(values))))-1)] }
	return Dist{P50: rank(.50), P99: rank(.99), Max: values[len(values)-1], N: len(values)}
}

// upperQuartile returns, of each quantile of the slots' own distributions, what
// three of four slots do not exceed.
func upperQuartile(slots map[int][]int64) Dist {
	var p50, p99, longest []int64
	for _, values := range slots {
		d := distribution(values)
		p50, p99, longest = append(p50, d.P50), append(p99, d.P99), append(longest, d.Max)
	}
	if len(slots) == 0 {
		return Dist{}
	}
	of := func(values []int64) int64 {
		slices.Sort(values)
		return values[(3*len(values)+3)/4-1]
	}
	return Dist{P50: of(p50), P99: of(p99), Max: of(longest), N: len(slots)}
}

// A stepper finds jumps of the wall clock: between two looks it and the monotonic
// clock must go on alike, but for a slew of parts in a thousand.
type stepper struct {
	apart  int64
	looked bool
}

// look returns by how much the clocks have moved against each other since the
// last look.
func (s *stepper) look(wall, monotonic int64) time.Duration {
	before, first := s.apart, !s.looked
	s.apart, s.looked = wall-monotonic, true
	if first {
		return 0
	}
	return time.Duration(max(s.apart-before, before-s.apart))
}

// steady is Health.Steady.
func steady(samples []sample.Sample) time.Duration {
	type slot struct {
		arm   string
		block int
	}
	starts, takes := map[slot][]int64{}, map[slot][]int64{}
	for i := range samples {
		if s := &samples[i]; !s.Warmup && s.SentNS != 0 && s.CloseNS != 0 {
			at := slot{s.Arm, s.Block}
			starts[at], takes[at] = append(starts[at], s.SentNS), append(takes[at], s.CloseNS-s.SentNS)
		}
	}
	var sum time.Duration
	for at, began := range starts {
		took := takes[at]
		slices.Sort(took)
		usual := took[(95*len(took)+99)/100-1]
		sum += time.Duration(max(0, slices.Max(began)-slices.Min(began)-usual))
	}
	return sum
}

// mostInFlight is how many measured requests were sent and not closed at once.
func mostInFlight(samples []sample.Sample) int {
	var sent, closed []int64
	for i := range samples {
		if s := &samples[i]; !s.Warmup && s.SentNS != 0 && s.CloseNS != 0 {
			sent, closed = append(sent, s.SentNS), append(closed, s.CloseNS)
		}
	}
	slices.Sort(sent)
	slices.Sort(closed)
	most, ended := 0, 0
	for began, at := range sent {
		for ended < began && closed[ended] <= at {
			ended++
		}
		most = max(most, began+1-ended)
	}
	return most
}

// memoryFacts are bytes held of the system, of the window in which they grew most.
type memoryFacts struct{ had, peak int }

func (f memoryFacts) plus(g memoryFacts) memoryFacts {
	if g.peak-g.had >= f.peak-f.had {
		return g
	}
	return f
}

// memoryHeld is what the run-time system holds of the system: heap, stacks and
// its own.
func memoryHeld() int {
	read := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(read)
	return int(read[0].Value.Uint64() - read[1].Value.Uint64())
}

// machineTicks are scheduler ticks of all processors; all zero where unknown.
type machineTicks struct{ total, idle, steal uint64 }

func (t machineTicks) minus(u machineTicks) machineTicks {
	if t.total < u.total || t.idle < u.idle || t.steal < u.steal {
		return machineTicks{} // the counters of idle are known to run backwards
	}
	return machineTicks{t.total - u.total, t.idle - u.idle, t.steal - u.steal}
}

func (t machineTicks) plus(u machineTicks) machineTicks {
	return machineTicks{t.total + u.total, t.idle + u.idle, t.steal + u.steal}
}

func (t machineTicks) busyShare() float64 {
	if t.total == 0 {
		return Unknown
	}
	return float64(t.total-t.idle) / float64(t.total)
}

func (t machineTicks) stealShare() float64 {
	if t.total == 0 {
		return Unknown
	}
	return float64(t.steal) / float64(t.total)
}

// pauseFacts sum up stop-the-world pauses of the garbage collector.
type pauseFacts struct {
	longest, total time.Duration
	n              int
}

func (f pauseFacts) plus(g pauseFacts) pauseFacts {
	return pauseFacts{max(f.longest, g.longest), f.total + g.total, f.n + g.n}
}

func readPauses() *metrics.Float64Histogram {
	read := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(read)
	if read[0].Value.Kind() != metrics.KindFloat64Histogram {
		return &metrics.Float64Histogram{}
	}
	return read[0].Value.Float64Histogram()
}

// pausesSince compares two readings; their buckets are the same by contract.
func pausesSince(before, after *metrics.Float64Histogram) pauseFacts {
	var f pauseFacts
	for i := range after.Counts {
		n := after.Counts[i]
		if i < len(before.Counts) {
			n -= before.Counts[i]
		}
		if n == 0 {
			continue
		}
		low, high := max(after.Buckets[i], 0), after.Buckets[i+1]
		if math.IsInf(high, 1) {
			high = low
		}
		f.n += int(n)
		f.total += time.Duration(float64(n) * (low + high) / 2 * 1e9)
		f.longest = max(f.longest, time.Duration(high*1e9))
	}
	return f
}
