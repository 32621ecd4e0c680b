// Package history keeps what runs showed over time: a store of JSON Lines, the
// changes in it, and predictions of what the next run of the same build shows.
//
// # Store
//
// One Entry a line, schema firstbyte.history/1, in the file history.jsonl of a
// folder or of an orphan git branch. Entries are only ever added; the last entry
// of a run's digest stands. Entries of different machines, datasets, schedules,
// models or scenarios belong to different series and are never mixed.
//
// # What a history may claim
//
// Entries are single runs at different times, so nothing here says why a figure
// changed. A change point (Hunter, Fleming et al. 2023, over E-divisive) is for
// reading a history. A prediction says whether the next run lies where a further
// run of the same build would, under the assumption that runs are independent and
// their logarithms normal.
package history
