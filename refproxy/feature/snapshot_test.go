package feature_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
)

const (
	retryFlag = "ff_retry_policy_v2"
	poolFlag  = "ff_http2_pool_tuning"
	fastFlag  = "ff_converter_fast_path"
)

func TestParseSettings(t *testing.T) {
	request := func(percent float64) feature.Setting {
		return feature.Setting{Percent: percent, Unit: feature.UnitRequest}
	}
	for _, tt := range []struct {
		list    string
		want    map[string]feature.Setting
		wantErr []string
	}{
		{list: "", want: map[string]feature.Setting{}},
		{list: retryFlag, want: map[string]feature.Setting{retryFlag: request(100)}},
		{list: retryFlag + "=25%", want: map[string]feature.Setting{retryFlag: request(25)}},
		{list: retryFlag + "=0.01%/request", want: map[string]feature.Setting{retryFlag: request(0.01)}},
		{list: retryFlag + "=off," + poolFlag + "=on", want: map[string]feature.Setting{retryFlag: request(0), poolFlag: request(100)}},
		{list: retryFlag + "=12.5%/session, " + poolFlag, want: map[string]feature.Setting{retryFlag: {Percent: 12.5, Unit: feature.UnitSession}, poolFlag: request(100)}},
		{list: retryFlag + "," + retryFlag, want: map[string]feature.Setting{retryFlag: request(100)}},
		{list: retryFlag + "=5%," + retryFlag, wantErr: []string{"5%", "100%", retryFlag}},
		{list: retryFlag + "=25", wantErr: []string{retryFlag, `"25"`, "25%/session"}},
		{list: retryFlag + "=25/session", wantErr: []string{`"25/session"`}},
		{list: retryFlag + "=25%/", wantErr: []string{`"25%/"`}},
		{list: retryFlag + "=25%/user", wantErr: []string{`"user"`, "session"}},
		{list: retryFlag + "=101%", wantErr: []string{"101%", "between 0% and 100%"}},
		{list: retryFlag + "=-1%", wantErr: []string{"-1%"}},
		{list: retryFlag + "=NaN%", wantErr: []string{"NaN"}},
		{list: retryFlag + "=0.005%", wantErr: []string{"0.005%", "0.01%"}},
		{list: "nope=5%," + retryFlag + "=x", wantErr: []string{`unknown flag "nope"`, `"x"`}},
		{list: "all-on," + retryFlag, wantErr: []string{`"all-on"`}},
	} {
		t.Run(tt.list, func(t *testing.T) {
			got, err := feature.ParseSettings(tt.list)
			says(t, err, tt.wantErr)
			if diff := cmp.Diff(tt.want, got); err == nil && diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestParseWantsWholeFlags: one value of Flags has no room for a share.
func TestParseWantsWholeFlags(t *testing.T) {
	got, err := feature.Parse(retryFlag + "=100%," + poolFlag + "=0%")
	if want := (feature.Flags{RetryPolicyV2: true}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := feature.Parse(retryFlag + "=5%/session"); err == nil || !strings.Contains(err.Error(), "5%/session") {
		t.Errorf("a share: %v", err)
	}
}

// FuzzParseSetting: what is read is in range, and reads the same once written.
func FuzzParseSetting(f *testing.F) {
	for _, s := range []string{"25%", "0.01%/session", "100%/request", "on", "No", "1e2%", "%", "5%/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := feature.ParseSetting(text)
		if err != nil {
			return
		}
		if s.Validate() != nil || s.Unit == "" {
			t.Fatalf("%q gives %+v: %v", text, s, s.Validate())
		}
		if again, err := feature.ParseSetting(s.String()); err != nil || again != s {
			t.Fatalf("%q gives %v, which gives %v, %v", text, s, again, err)
		}
	})
}

// at returns a snapshot of one setting for every flag.
func at(t *testing.T, s feature.Setting) *feature.Snapshot {
	t.Helper()
	given := map[string]feature.Setting{}
	for _, name := range feature.Names() {
		given[name] = s
	}
	return open(t, feature.Config{Given: given}).Current()
}

func open(t *testing.T, cfg feature.Config) *feature.Registry {
	t.Helper()
	r, err := feature.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const ids = 100_000

// id makes ids with as much pattern as a counter has.
func id(i int) string { return fmt.Sprintf("req-%06d", i) }

// within fails unless n successes of the trials agree with p. Five standard
// deviations of the binomial: a true split leaves them once in 1.7 million, and
// the ids are fixed, so that the answer is always the same.
func within(t *testing.T, what string, n, trials int, p float64) {
	t.Helper()
	bound := 5 * math.Sqrt(float64(trials)*p*(1-p))
	if d := math.Abs(float64(n) - p*float64(trials)); d > bound {
		t.Errorf("%s: %d of %d, want %.0f +- %.0f", what, n, trials, p*float64(trials), bound)
	}
}

func TestSplitIsExactInExpectation(t *testing.T) {
	for _, percent := range []float64{0, 0.01, 1, 5, 20, 50, 99.99, 100} {
		s, n := at(t, feature.Setting{Percent: percent}), map[string]int{}
		for i := range ids {
			for name, on := range s.Assign(id(i), "").Flags.Map() {
				if on {
					n[name]++
				}
			}
		}
		for _, name := range feature.Names() {
			within(t, fmt.Sprintf("%s at %v%%", name, percent), n[name], ids, percent/100)
		}
	}
}

// TestSplitIsNested: who is inside 5 % is inside 20 %, so that a rollout never
// takes a flag away from a unit that has it.
func TestSplitIsNested(t *testing.T) {
	stages := []*feature.Snapshot{}
	for _, percent := range []float64{0, 5, 20, 50, 100} {
		stages = append(stages, at(t, feature.Setting{Percent: percent}))
	}
	for i := range ids {
		for stage := 1; stage < len(stages); stage++ {
			low, high := stages[stage-1].Assign(id(i), "").Flags, stages[stage].Assign(id(i), "").Flags
			if low.RetryPolicyV2 && !high.RetryPolicyV2 || low.ConverterFastPath && !high.ConverterFastPath {
				t.Fatalf("%s is on at stage %d and off at %d", id(i), stage-1, stage)
			}
		}
	}
}

// TestFlagsAreIndependent: of any two flags at 20 % a unit has both at 4 %.
func TestFlagsAreIndependent(t *testing.T) {
	s, both := at(t, feature.Setting{Percent: 20}), map[string]int{}
	names := feature.Names()
	for i := range ids {
		m := s.Assign(id(i), "").Flags.Map()
		for a := range names {
			for b := range a {
				if m[names[a]] && m[names[b]] {
					both[names[a]+" and "+names[b]]++
				}
			}
		}
	}
	if len(both) != len(names)*(len(names)-1)/2 {
		t.Errorf("pairs: %v", both)
	}
	for pair, n := range both {
		within(t, pair, n, ids, 0.04)
	}
}

// TestSessionsAreSticky: all requests of one session are in one arm, from any
// registry; without a session the request is the unit, and the record says so.
func TestSessionsAreSticky(t *testing.T) {
	setting := feature.Setting{Percent: 50, Unit: feature.UnitSession}
	s, again := at(t, setting), at(t, setting)
	split := 0
	for i := range 1000 {
		session := fmt.Sprintf("s%d", i)
		first := s.Assign(id(i), session)
		for n := range 5 {
			got := again.Assign(fmt.Sprintf("other-%d-%d", i, n), session)
			if diff := cmp.Diff(first, got); diff != "" {
				t.Fatalf("session %s, request %d (-first +got):\n%s", session, n, diff)
			}
		}
		if s.Assign(id(i), "").Flags.RetryPolicyV2 != s.Assign(id(i+ids), "").Flags.RetryPolicyV2 {
			split++
		}
	}
	within(t, "requests without a session that part", split, 1000, 0.5)
	a, b := s.Assign("r", "s"), s.Assign("r", "")
	if a.Unit[retryFlag] != "session" || b.Unit[retryFlag] != "request" || a.Share[retryFlag] != 0.5 {
		t.Errorf("with a session %+v, without %+v", a, b)
	}
}

// TestRequestsIgnoreTheSession: with the unit request a session has no part in it.
func TestRequestsIgnoreTheSession(t *testing.T) {
	s := at(t, feature.Setting{Percent: 50})
	for i := range 1000 {
		if diff := cmp.Diff(s.Assign(id(i), ""), s.Assign(id(i), "s")); diff != "" {
			t.Fatal(diff)
		}
	}
}

// TestBucketsStay pins where units fall: were it to change with a version, every
// session would change arms at an upgrade.
func TestBucketsStay(t *testing.T) {
	s := at(t, feature.Setting{Percent: 50})
	var got strings.Builder
	for i := range 32 {
		if s.Assign(id(i), "").Flags.RetryPolicyV2 {
			got.WriteString("1")
		} else {
			got.WriteString("0")
		}
	}
	if want := "01101110110101101110011000111110"; got.String() != want {
		t.Errorf("%s, want %s", got.String(), want)
	}
}

// TestAllocations: a request reads its flags on the hot path.
func TestAllocations(t *testing.T) {
	r := open(t, feature.Config{Given: map[string]feature.Setting{retryFlag: {Percent: 50, Unit: feature.UnitSession}}})
	if n := testing.AllocsPerRun(100, func() { r.Current() }); n != 0 {
		t.Errorf("Current: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { r.Current().Assign("request", "session") }); n > 1 {
		t.Errorf("Assign: %v allocations, want at most 1", n)
	}
}

func BenchmarkAssign(b *testing.B) {
	given, err := feature.ParseSettings(retryFlag + "=50%/session," + poolFlag + "=5%")
	if err != nil {
		b.Fatal(err)
	}
	r, err := feature.Open(b.Context(), feature.Config{Given: given})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Current().Assign("0123456789abcdef0123456789abcdef", "session-0123456789")
	}
}
