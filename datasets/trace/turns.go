package trace

import "time"

// A Turn is a row as it is sent.
type Turn struct {
	Row     int
	At      time.Duration // of the first turn of its session
	Session string        // "": the trace names none
	Turn    int           // from 1; 0: it waits for no other
	Think   time.Duration // since the end of the answer before it
}

// Alone returns every row by itself, at its own time.
func (t *Trace) Alone() [][]Turn {
	all := make([][]Turn, len(t.Rows))
	for i, r := range t.Rows {
		all[i] = []Turn{{Row: i, At: r.At, Session: r.Session}}
	}
	return all
}

// Sessions returns the rows by their sessions, in the order in which these begin;
// a row that names none stands alone. A later turn is sent when the answer before
// it has ended and its user has thought: for the time that the trace has between
// the two requests, less the time that the answer took if the trace tells it.
//
// cumulative says that the trace's input lengths are of whole prompts; else they
// are of what each turn adds. A turn's row is left with what it adds, at least one
// token: what was said before comes with the session.
func (t *Trace) Sessions(cumulative bool) [][]Turn {
	var all [][]Turn
	at, whole := map[string]int{}, make([]int, len(t.Rows))
	for i := range t.Rows {
		r := &t.Rows[i]
		whole[i] = r.Input
		k, known := at[r.Session]
		if r.Session == "" || !known {
			turn := Turn{Row: i, At: r.At, Session: r.Session, Turn: 1}
			if r.Session == "" {
				turn.Turn = 0
			}
			at[r.Session] = len(all)
			all = append(all, []Turn{turn})
			continue
		}
		before := all[k][len(all[k])-1]
		last := &t.Rows[before.Row]
		all[k] = append(all[k], Turn{
			Row: i, At: before.At, Session: r.Session, Turn: before.Turn + 1, Think: max(0, r.At-last.At-last.Elapsed),
		})
		if cumulative {
			r.Input = max(1, r.Input-whole[before.Row]-last.Output)
		}
		r.Blocks = nil
	}
	return all
}
