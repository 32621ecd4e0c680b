package load

import "github.com/firstbyte-dev/firstbyte/bench/sample"

// Settle makes warm-up of the first n measured requests of every slot: load that
// goes on without a pause, so that what is measured behind it is no longer the
// beginning. The slots become those of the rest, without their processor time,
// which was that of all; Health speaks of all. A slot keeps at least its last
// request.
func (r *Result) Settle(n int) {
	if n <= 0 {
		return
	}
	bySlot := map[[2]any][]*sample.Sample{}
	for i := range r.Samples {
		if s := &r.Samples[i]; !s.Warmup {
			key := [2]any{s.Block, s.Arm}
			bySlot[key] = append(bySlot[key], s)
		}
	}
	for i := range r.Slots {
		slot := &r.Slots[i]
		list := bySlot[[2]any{slot.Block, slot.Arm}]
		var rest []sample.Sample
		for k, s := range list {
			if s.Warmup = k < min(n, len(list)-1); !s.Warmup {
				rest = append(rest, *s)
			}
		}
		if len(rest) == 0 {
			continue
		}
		again := sample.Slot{Block: slot.Block, Arm: slot.Arm, Restart: slot.Restart, Requests: len(rest)}
		describe(&again, rest, slot.IntendedHz > 0)
		*slot = again
	}
	n = min(n, r.Header.Schedule.PerSlot-1)
	r.Header.Schedule.Warmup += n
	r.Header.Schedule.PerSlot -= n
}
