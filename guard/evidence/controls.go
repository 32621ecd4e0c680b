package evidence

import "github.com/firstbyte-dev/firstbyte/bench/sample"

// controls compares the baseline with the run's own controls, over the picks
// that each of them had; nil where the run has none. Of several arms with one
// role the last counts.
func (src Source) controls(made map[string][]*sample.Sample, baseline string) *Controls {
	var out Controls
	for _, a := range src.Header.Arms {
		if a.Role == "" || a.Name == baseline {
			continue
		}
		set := src.compare(made, baseline, a.Name, a.PerSlot)
		switch a.Role {
		case sample.Twin:
			out.Twin = &set
		case sample.Plant:
			out.Plant, out.Planted = &set, a.Planted
		}
	}
	if out.Twin == nil && out.Plant == nil {
		return nil
	}
	return &out
}

// cut returns the turns as if they had ended with the last pick that counts.
// What is known of whole turns alone, processor time and rates, is not known of
// a part.
func (c *collection) cut(whole []SlotPair) []SlotPair {
	out := make([]SlotPair, len(whole))
	for k := range whole {
		r := c.requests[k]
		out[k] = SlotPair{part(whole[k].Baseline, r.Baseline), part(whole[k].Candidate, r.Candidate)}
	}
	return out
}

func part(whole *sample.Slot, requests []*sample.Sample) *sample.Slot {
	if whole == nil || len(requests) == 0 {
		return nil
	}
	s := sample.Slot{
		Block: whole.Block, Arm: whole.Arm, Restart: whole.Restart,
		StartNS: requests[0].IntendedNS, Requests: len(requests),
	}
	for _, r := range requests {
		s.StartNS, s.EndNS = min(s.StartNS, r.IntendedNS), max(s.EndNS, ended(r))
		s.Events += r.Events
	}
	return &s
}

// ended is when the outcome of s was known: its close, or the last instant that
// it reached.
func ended(s *sample.Sample) int64 {
	if s.CloseNS != 0 {
		return s.CloseNS
	}
	return max(s.IntendedNS, s.SentNS, s.WrittenNS, s.FirstByteNS, s.HeadersNS, s.EventNS, s.TokenNS, s.TextNS, s.LastNS)
}
