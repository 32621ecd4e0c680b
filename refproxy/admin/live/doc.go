// Package live keeps the figures of the last minutes for people who watch a
// proxy: rates and latencies per arm, the most recent requests with their
// timelines, and the tail of the log.
//
// Everything is bounded: a fixed window of fixed histograms, and rings of fixed
// length. It holds nothing of a conversation and nothing of a secret. It is for
// looking at, not for judging: verdicts are reached on run files.
package live
