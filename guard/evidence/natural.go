package evidence

import "github.com/firstbyte-dev/firstbyte/bench/sample"

// natural tells of each block whether all of its requests weigh 1; nil if all
// blocks are so.
func (c *collection) natural() []bool {
	out, weighted := make([]bool, len(c.requests)), false
	for k, r := range c.requests {
		out[k] = unweighted(r.Baseline) && unweighted(r.Candidate)
		weighted = weighted || !out[k]
	}
	if !weighted {
		return nil
	}
	return out
}

func unweighted(requests []*sample.Sample) bool {
	for _, s := range requests {
		if s.Weight != 0 && s.Weight != 1 {
			return false
		}
	}
	return true
}

// unweighted lists the candidate's requests whose plain quantiles are those of the
// load as it is: of a run with weights the blocks without.
func (c *collection) unweighted(natural []bool) []*sample.Sample {
	if natural == nil {
		return c.all[1]
	}
	var all []*sample.Sample
	for k, r := range c.requests {
		if natural[k] {
			all = append(all, r.Candidate...)
		}
	}
	return all
}
