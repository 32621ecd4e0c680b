package feature

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Unit is what is assigned to an arm as a whole.
type Unit string

const (
	// UnitRequest assigns each request for itself.
	UnitRequest Unit = "request"
	// UnitSession assigns all requests of one session alike. A request without a
	// session is then a unit of its own.
	UnitSession Unit = "session"
)

// A Setting is how much of the traffic a flag is on for. The zero value is off.
type Setting struct {
	Percent float64 // of the units, 0 to 100 in steps of 0.01
	Unit    Unit    // empty is UnitRequest
}

// buckets are what the units of a flag fall into: a hundredth of a per cent each.
const buckets = 10_000

// Validate tells every value that is out of range.
func (s Setting) Validate() error {
	var problems []error
	switch n := s.Percent * buckets / 100; {
	case !(s.Percent >= 0 && s.Percent <= 100): // NaN is neither
		problems = append(problems, fmt.Errorf("a share lies between 0%% and 100%%, not at %v%%", s.Percent))
	case math.Abs(n-math.Round(n)) > 1e-6:
		problems = append(problems, fmt.Errorf("a share goes in steps of 0.01%%: %v%% is between two", s.Percent))
	}
	if !slices.Contains([]Unit{"", UnitRequest, UnitSession}, s.Unit) {
		problems = append(problems, fmt.Errorf("unknown unit %q (%s or %s)", s.Unit, UnitRequest, UnitSession))
	}
	return errors.Join(problems...)
}

// threshold returns the number of buckets that s is on for.
func (s Setting) threshold() uint64 { return uint64(math.Round(s.Percent * buckets / 100)) }

// exact returns a valid s as it is in force: at the very step that it was within
// rounding of, with its unit.
func (s Setting) exact() Setting {
	s.Percent = float64(s.threshold()) * 100 / buckets
	if s.Unit == "" {
		s.Unit = UnitRequest
	}
	return s
}

// String returns what ParseSetting reads: "25%" or "25%/session".
func (s Setting) String() string {
	text := strconv.FormatFloat(s.Percent, 'f', -1, 64) + "%"
	if s.Unit == UnitSession {
		text += "/" + string(s.Unit)
	}
	return text
}

// ParseSetting reads "25%", "25%/session", or one of the words for on (100 %) and
// off (0 %) of [Flags.Override].
func ParseSetting(text string) (Setting, error) {
	share, unit, split := strings.Cut(strings.TrimSpace(text), "/")
	number, percent := strings.CutSuffix(share, "%")
	if !percent && !split {
		on, err := truth(text)
		if err != nil {
			return Setting{}, fmt.Errorf("%w, nor a share such as 25%% or 25%%/session", err)
		}
		return whole(on), nil
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !percent || split && unit == "" {
		return Setting{}, fmt.Errorf("%q is no share such as 25%% or 25%%/session", text)
	}
	s := Setting{Percent: n, Unit: UnitRequest}
	if split {
		s.Unit = Unit(unit)
	}
	if err := s.Validate(); err != nil {
		return Setting{}, fmt.Errorf("%q: %w", text, err)
	}
	return s.exact(), nil
}

// whole is on for everything or for nothing.
func whole(on bool) Setting {
	if on {
		return Setting{Percent: 100, Unit: UnitRequest}
	}
	return Setting{Unit: UnitRequest}
}

// ParseSettings reads a list of flags: "", "all-off", "all-on", or names separated
// by commas, each alone (100 %) or with a setting: NAME=25%, NAME=25%/session. The
// settings are those of the flags that the list names. The error tells every
// problem.
func ParseSettings(list string) (map[string]Setting, error) {
	settings := map[string]Setting{}
	switch list {
	case "":
		return settings, nil
	case "all-off", "all-on":
		for _, name := range Names() {
			settings[name] = whole(list == "all-on")
		}
		return settings, nil
	}
	var problems []error
	for item := range strings.SplitSeq(list, ",") {
		name, s, err := parseItem(strings.TrimSpace(item))
		if before, twice := settings[name]; err == nil && twice && before != s {
			err = fmt.Errorf("%s is given as %v and as %v", name, before, s)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		settings[name] = s
	}
	return settings, errors.Join(problems...)
}

func parseItem(item string) (name string, s Setting, err error) {
	name, value, given := strings.Cut(item, "=")
	if !slices.Contains(Names(), name) {
		return name, s, fmt.Errorf("%w %q (all-off, all-on, or names out of %s)", ErrUnknown, name, strings.Join(Names(), ", "))
	}
	if !given {
		return name, whole(true), nil
	}
	if s, err = ParseSetting(value); err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return name, s, err
}

// environment returns the settings of the flags that stand in the environment,
// as [Flags.Override] reads them, or as a share.
func environment(lookup func(string) (string, bool)) (map[string]Setting, error) {
	settings, problems := map[string]Setting{}, []error(nil)
	for _, name := range Names() {
		key := strings.ToUpper(name)
		value, _ := lookup(key)
		if value == "" {
			continue
		}
		s, err := ParseSetting(value)
		if err != nil {
			problems = append(problems, fmt.Errorf("environment variable %s: %w", key, err))
			continue
		}
		settings[name] = s
	}
	return settings, errors.Join(problems...)
}
