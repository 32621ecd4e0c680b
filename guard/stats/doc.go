// Package stats is the mathematics of the judge and nothing else: no files, no
// clocks, no policy.
//
// The order of work for one latency:
//
//	Sample    log latencies in pairs, with the block and the item of each
//	Pairs     the same, sorted once
//	Statistic what is asked of them: a band of ranks, exceedances, the mean log-ratio
//	Test      t over block sums, exact sign-flips, ratio estimate, interval
//
// A statistic is a score that is symmetric about zero in every block when the
// arms could be exchanged there; shifting the candidate by -x turns "at most
// exp(x) times slower" into that case. Rates and counts have their own
// functions: [Newcombe], [MeanT], [Wilcoxon], [SignFlip]. Several p-values are
// corrected by [Holm], or by [StepDown] where they share blocks; a [Plan] makes
// them hold over several looks. Evidence that is watched as it arrives is an
// [EProcess]: [Martingale] on blocks ([Watcher] runs it on pairs, [WatchBad] on
// failures), [Label] and [Wager] on the units of a split ([Split]); several are
// corrected by [ClosedMeans].
//
// Values that were counted by bucket instead of listed are a [Binned]: its tests
// are a band of ranks again, or the shares above bucket edges.
//
// An [Enrichment] says how to draw more of the items that decide about a tail, with
// the weights that make up for it ([Sample].Weight), and [Agree] whether the load
// stayed what it was; [PairLag] whether an arm's noise outlasts a request.
//
// Beside these stand tests that no mode of the judge uses: confidence sequences
// of the quantiles of independent values ([Streams]), mixtures that need tuning
// ([HalfNormal]), coins of pairs ([NewMcNemar]), boundaries for looks that were not
// planned ([Spending]), change points ([Changes]) and, for comparison,
// [MannWhitney].
//
// Everything is deterministic. A *Test owns scratch memory and is not safe for
// use by several goroutines; *Pairs is read-only and is.
package stats
