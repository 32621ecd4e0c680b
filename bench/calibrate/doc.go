// Package calibrate measures the measurer and grades runs.
//
// [Calibrate] drives an in-process server of known truth through the same
// client code that a run uses and compares what the client stamped with what
// the server did. [Grade] holds the health of a run and that error table
// against one printed table of rules, [Rules], and returns the run's validity:
// valid, degraded or invalid, the worst rule deciding.
package calibrate
