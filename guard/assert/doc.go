// Package assert holds a run file against demands: limits ("full.p95 <= 2.5s")
// and improvements over a baseline ("first_token.p95 improves 20%").
//
// # How an assertion is decided
//
// A measured quantity is known only within bounds, one-sided at 1-alpha each. A
// limit passes if the worse bound keeps it, fails if even the better bound breaks
// it, and is held otherwise, with the number of requests that would decide.
//
//	latency quantiles  order statistics, for any distribution; failures infinitely slow
//	success            exact binomial (Clopper-Pearson)
//	quality            betting, for any distribution in [0,1]; a failure scores 0
//	means, per-turn    Student's t over blocks or turns
//	counts, transport  facts of this run, without bounds
//	overuse            exact binomial for each credential, Bonferroni over them
//
// All but facts take the requests of a run to be independent, so they speak of
// the processes that were measured and not of the next deployment.
//
// An improvement over another arm of the same run is judged by package judge,
// pair by pair. One over another run file compares two processes at two times: no
// causal claim is possible, and it is held unless the caller says how much runs of
// the same build differ (Request.RunSpread) or takes the plain figures
// (Request.Point).
//
// # What never passes
//
// A quantity without data is NO DATA. A run that is invalid, was stopped early, was
// simulated, or lost requests before they were sent holds what would have passed.
// Runs that are not comparable hold every improvement. More than 5 % failures
// (Request.Floor) hold or fail the run, whatever was asserted.
//
// Everything here is pure but for the writer that a report is given.
package assert
