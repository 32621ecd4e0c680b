package assert

import (
	"math"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// credentials asserts on who served the requests.
func (s *side) credentials(m measure, k knowledge, alpha float64) estimate {
	pools, told := s.pools()
	if answered := s.outcomes().OK; told == 0 || float64(told) < (1-lostShare)*float64(answered) {
		return nothing("%d of %d answered requests tell which credential served them", told, answered)
	}
	switch {
	case m.name == "spilled":
		return s.spilled()
	case m.name == "wrong_credential" && len(k.preview) == 0:
		return s.crossed()
	case m.name == "wrong_credential":
		return counted(told, float64(s.acrossLabels(k)))
	}
	return spreadOf(m.name, pools, k, alpha)
}

// pools counts requests by the pool that their model belongs to and by the
// credential that served them.
func (s *side) pools() (pools map[string]map[string]int, told int) {
	pools = map[string]map[string]int{}
	for _, one := range s.attempts {
		if one.Proxy == nil || one.Proxy.Credential == "" {
			continue
		}
		by := pools[one.Proxy.Pool]
		if by == nil {
			by = map[string]int{}
			pools[one.Proxy.Pool] = by
		}
		by[one.Proxy.Credential]++
		told++
	}
	return pools, told
}

// crossed counts the requests of preview models that asked with a credential of
// another kind, if only once.
func (s *side) crossed() estimate {
	return s.ofPool(sample.PoolPreview, sample.PoolGeneral, "no request was for a model in preview, so nothing could cross the boundary")
}

// spilled is the share of other models' requests that asked with a preview
// credential.
func (s *side) spilled() estimate {
	e := s.ofPool(sample.PoolGeneral, sample.PoolPreview, "all requests were for models in preview")
	if e.missing == "" {
		e = counted(e.n, e.value/float64(e.n))
	}
	return e
}

// ofPool counts the requests of models of a pool with an attempt by a credential of
// another one.
func (s *side) ofPool(pool, other, none string) estimate {
	hits, n, silent := 0, 0, 0
	for _, one := range s.attempts {
		switch said := one.Proxy; {
		case said == nil || said.Credential == "": // it was never asked
		case said.Pool == "" || len(said.Tries) == 0 || slices.ContainsFunc(said.Tries, untoldPool):
			silent++
		case said.Pool == pool:
			n++
			if slices.ContainsFunc(said.Tries, func(t sample.Try) bool { return t.Pool == other }) {
				hits++
			}
		}
	}
	switch {
	case silent > 0:
		return nothing("%d requests do not tell the pools of their model and credentials: say which ones are for preview models: --preview-label LABEL", silent)
	case n == 0:
		return nothing("%s", none)
	}
	return counted(n, float64(hits))
}

// untoldPool finds an attempt that had a credential, of which nobody says whose.
func untoldPool(t sample.Try) bool { return t.Credential != "" && t.Pool == "" }

// acrossLabels counts requests of a preview model that another credential served,
// or of another model that a preview credential did.
func (s *side) acrossLabels(k knowledge) int {
	wrong := 0
	for _, one := range s.attempts {
		if slices.ContainsFunc(used(one.Proxy), func(label string) bool { return slices.Contains(k.preview, label) != k.previewModel }) {
			wrong++
		}
	}
	return wrong
}

// used lists the credentials that a request was asked with, as far as it is told.
func used(said *sample.ProxySaid) (labels []string) {
	if said == nil {
		return nil
	}
	for _, try := range append(slices.Clip(said.Tries), sample.Try{Credential: said.Credential}) {
		if try.Credential != "" {
			labels = append(labels, try.Credential)
		}
	}
	return labels
}

// spreadOf says how evenly the credentials were used, by the worst of the pools.
func spreadOf(name string, pools map[string]map[string]int, k knowledge, alpha float64) estimate {
	if k.credentials > 0 && len(pools) > 1 {
		return nothing("the requests are of %d pools, so that one number of credentials says nothing", len(pools))
	}
	worst := estimate{value: math.NaN()}
	for _, by := range pools {
		for _, label := range k.preview { // one that served nothing counts, too
			if k.previewModel {
				by[label] += 0
			}
		}
		of := max(len(by), k.credentials)
		if k.credentials > 0 && of > k.credentials {
			return nothing("%d credentials served requests, of %d that there are said to be", of, k.credentials)
		}
		e := spread(name, by, of, alpha)
		if bad := e.value > worst.value != (name == "fairness"); math.IsNaN(worst.value) || bad {
			worst = e
		}
	}
	if k.credentials == 0 && len(k.preview) == 0 {
		worst.note = "a credential that served nothing is in no record: --credentials N says how many there are"
	}
	return worst
}

// spread is Jain's index, the share of the busiest, or that over an even part.
func spread(name string, by map[string]int, of int, alpha float64) estimate {
	squares, most, n := 0.0, 0, 0
	for _, c := range by {
		squares += float64(c) * float64(c)
		most = max(most, c)
		n += c
	}
	busiest := float64(most) / float64(n)
	switch name {
	case "busiest":
		return counted(n, busiest)
	case "fairness":
		return counted(n, float64(n)*float64(n)/(float64(of)*squares))
	}
	// Each credential's bound at alpha/of: then that of the largest share holds
	// for whichever one is the busiest in truth (Bonferroni).
	lower, upper := stats.Count{OK: most, N: n}.Exact(2 * alpha / float64(of))
	even := float64(of)
	return estimate{n: n, value: busiest * even, lower: lower * even, upper: upper * even}
}
