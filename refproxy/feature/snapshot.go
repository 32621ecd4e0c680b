package feature

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
)

// A Snapshot is the settings of all flags at one time. It is never changed, so it
// is safe for concurrent use. A request takes one and keeps it to its end.
type Snapshot struct {
	// Generation counts the changes that were ever stored.
	Generation uint64

	settings map[string]Setting
	locked   map[string]bool
	rules    []rule
	// What every assignment shares: the units by flag, with a session and without,
	// and the shares.
	bySession, byRequest map[string]string
	share                map[string]float64
}

// A rule assigns units to one flag.
type rule struct {
	flag
	unit      Unit
	threshold uint64 // of the buckets
}

// newSnapshot settles each flag by the first of the sources that names it; what
// the first names is locked.
func newSnapshot(generation uint64, environment, stored, given map[string]Setting) *Snapshot {
	s := &Snapshot{
		Generation: generation,
		settings:   map[string]Setting{}, locked: map[string]bool{},
		bySession: map[string]string{}, byRequest: map[string]string{}, share: map[string]float64{},
	}
	for _, f := range table() {
		setting := whole(false)
		for _, source := range []map[string]Setting{given, stored, environment} {
			if here, ok := source[f.name]; ok {
				setting = here
			}
		}
		if setting.Unit == "" {
			setting.Unit = UnitRequest
		}
		_, s.locked[f.name] = environment[f.name]
		s.settings[f.name] = setting
		s.rules = append(s.rules, rule{f, setting.Unit, setting.threshold()})
		s.bySession[f.name], s.byRequest[f.name] = string(setting.Unit), string(UnitRequest)
		s.share[f.name] = float64(setting.threshold()) / buckets
	}
	return s
}

// Settings returns the setting of every flag by its name. The map is the caller's.
func (s *Snapshot) Settings() map[string]Setting { return maps.Clone(s.settings) }

// Locked reports whether the environment has set the flag, so that it cannot be
// changed while the program runs.
func (s *Snapshot) Locked(name string) bool { return s.locked[name] }

// Whole returns the flags that are on for every request.
func (s *Snapshot) Whole() Flags {
	var flags Flags
	for _, r := range s.rules {
		*r.field(&flags) = r.threshold == buckets
	}
	return flags
}

// An Assignment says which arm one request is in, flag by flag.
type Assignment struct {
	Flags Flags
	// Unit is, by flag, whose id was assigned: "session" or "request".
	Unit map[string]string
	// Share is, by flag, the share of the units that were on at that time, 0 to 1.
	Share map[string]float64
}

// Assign says which flags are on for a request. It depends on nothing but the
// settings and the ids, so that a unit gets the same answer from every replica
// and after a restart; a unit that is on at some share is on at every higher one;
// and the flags fall independently of each other. session may be empty, then the
// request is the unit. The maps belong to the snapshot: read them only.
func (s *Snapshot) Assign(requestID, session string) Assignment {
	var flags Flags
	for _, r := range s.rules {
		id := requestID
		if r.unit == UnitSession && session != "" {
			id = session
		}
		*r.field(&flags) = r.on(id)
	}
	units := s.byRequest
	if session != "" {
		units = s.bySession
	}
	return Assignment{Flags: flags, Unit: units, Share: s.share}
}

func (r rule) on(id string) bool {
	return r.threshold > 0 && (r.threshold == buckets || bucket(r.name, id) < r.threshold)
}

// bucket is where a unit falls. The flag's name salts it: without a salt the same
// units would be the first of every flag, and two flags could not be told apart.
// SHA-256 because ids of callers may have any pattern in them.
func bucket(flag, id string) uint64 {
	var room [256]byte // of most ids, so that nothing is allocated
	text := append(append(append(room[:0], flag...), 0), id...)
	sum := sha256.Sum256(text)
	return binary.BigEndian.Uint64(sum[:]) % buckets
}
