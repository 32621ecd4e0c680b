package stats

import (
	"cmp"
	"math"
	"slices"
)

// An EProcess is evidence against a hypothesis that may be looked at after
// every observation: under the hypothesis the chance that it ever reaches
// 1/alpha is at most alpha (Ville's inequality). Log returns its logarithm, so
// reject when Log() >= log(1/alpha).
type EProcess interface {
	Log() float64
}

// An Average is the mean of e-processes that watch the same stream, whatever
// their dependence: it is an e-process again, for the hypothesis that all of
// theirs hold.
type Average []EProcess

// Log implements [EProcess]; an empty average has the evidence 1.
func (a Average) Log() float64 {
	if len(a) == 0 {
		return 0
	}
	logs := make([]float64, len(a))
	for i, e := range a {
		logs[i] = e.Log()
	}
	return logMean(logs)
}

// AnytimeP turns evidence into a p-value that holds at any time of looking.
func AnytimeP(log float64) float64 { return math.Min(1, math.Exp(-log)) }

// ClosedMeans adjusts e-values for their number by closed testing with means
// (Vovk & Wang 2021): of each e-value the smallest mean over all sets that
// contain it. The chance that the evidence against any true hypothesis reaches
// 1/alpha is at most alpha, under every dependence. It takes and returns
// logarithms.
func ClosedMeans(logs []float64) []float64 {
	order := make([]int, len(logs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(logs[i], logs[j]) })
	adjusted := make([]float64, len(logs))
	for _, j := range order {
		// Of the sets of one size the one with the smallest others is worst.
		set, least := []float64{logs[j]}, logs[j]
		for _, i := range order {
			if i == j {
				continue
			}
			set = append(set, logs[i])
			least = math.Min(least, logMean(set))
		}
		adjusted[j] = least
	}
	return adjusted
}

// BenjaminiHochberg returns the p-values adjusted so that rejecting those of at
// most q keeps the expected share of false rejections at q (Benjamini &
// Hochberg 1995), for independent p-values. It suits a list to look through;
// a gate uses [Holm] or [StepDown].
func BenjaminiHochberg(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[j], p[i]) })
	adjusted, most := make([]float64, len(p)), 1.0
	for above, i := range order {
		most = math.Min(most, p[i]*float64(len(p))/float64(len(p)-above))
		adjusted[i] = most
	}
	return adjusted
}

var (
	_ EProcess = (*Martingale)(nil)
	_ EProcess = Average(nil)
)
