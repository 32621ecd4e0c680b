package main_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var mutate = flag.Bool("mutate", false, "break every rule of the judge in turn and see that a test notices (minutes)")

// A mutation breaks one rule of the judge's by one edit of its source.
type mutation struct {
	rule string // what is broken, in words
	file string
	old  string // stands in file just once
	new  string
	pkg  string // whose tests must notice; after a blank those alone that match (go test -run)
}

// TestMutations holds that every rule is tested: each mutation makes at least
// one test fail. Without -mutate it only sees that the list still fits the
// source, so that no rule drops out of it unnoticed. With it, as many mutations
// as there are processors are tried at a time, and the slowest are logged.
func TestMutations(t *testing.T) {
	seen, slow := map[string]bool{}, &slowest{}
	t.Cleanup(func() { slow.log(t) })
	for _, m := range mutations {
		t.Run(strings.ReplaceAll(m.rule, " ", "-"), func(t *testing.T) {
			if seen[m.rule] {
				t.Fatalf("%q stands twice", m.rule)
			}
			seen[m.rule] = true
			mutated := m.apply(t)
			if !*mutate {
				return
			}
			t.Parallel()
			defer slow.add(m.rule, time.Now())
			m.mustFail(t, mutated)
		})
	}
}

// slowest keeps how long each mutation took. It is safe for concurrent use.
type slowest struct {
	mu   sync.Mutex
	took []duration
}

type duration struct {
	rule string
	time.Duration
}

func (s *slowest) add(rule string, begun time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = append(s.took, duration{rule, time.Since(begun)})
}

// log names the ten that took longest.
func (s *slowest) log(t *testing.T) {
	slices.SortFunc(s.took, func(a, b duration) int { return cmp.Compare(b.Duration, a.Duration) })
	for _, d := range s.took[:min(10, len(s.took))] {
		t.Logf("%5.1f s: %s", d.Seconds(), d.rule)
	}
}

// apply returns the mutated source.
func (m mutation) apply(t *testing.T) string {
	source, err := os.ReadFile(m.file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 || m.old == m.new {
		t.Fatalf("%q stands %d times in %s, want once: keep the rule and mend the list", m.old, n, m.file)
	}
	return strings.Replace(string(source), m.old, m.new, 1)
}

// mustFail runs the tests of m's package over the mutated source, and wants one
// that fails. A source that does not compile, a test that hangs or a pattern
// that matches no test proves nothing.
func (m mutation) mustFail(t *testing.T, mutated string) {
	pkg, run, _ := strings.Cut(m.pkg, " ")
	out, err := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay(t, m.file, mutated), "-failfast",
		"-vet", "off", "-ldflags", "-s -w", "-timeout", "300s", "-run", run, "./"+pkg).CombinedOutput()
	switch text := string(out); {
	case strings.Contains(text, "[no tests to run]"):
		t.Errorf("no test of %s is named so", m.pkg)
	case err == nil:
		t.Errorf("no test of %s notices: %s", m.pkg, m.rule)
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]"):
		t.Errorf("the mutation does not compile:\n%s", text)
	case strings.Contains(text, "panic: test timed out"), !strings.Contains(text, "--- FAIL") && !strings.Contains(text, "panic:"):
		t.Errorf("the tests ended otherwise than by failing:\n%s", text)
	}
}

// overlay writes a build overlay that puts mutated in the place of file, and
// returns its path.
func overlay(t *testing.T, file, mutated string) string {
	dir := t.TempDir()
	replacement, list := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json")
	absolute, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	said, err := json.Marshal(map[string]map[string]string{"Replace": {absolute: replacement}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(replacement, []byte(mutated), 0o600), os.WriteFile(list, said, 0o600)); err != nil {
		t.Fatal(err)
	}
	return list
}

// mutations are the rules of the judge, by room.
var mutations = []mutation{
	// Exit codes.
	{"a promotion exits with 0", "guard/judge/verdict.go", "case Promote:\n\t\treturn 0", "case Promote:\n\t\treturn 3", "guard/judge TestRules"},
	{"a rollback exits with 2", "guard/judge/verdict.go", "case Rollback:\n\t\treturn 2", "case Rollback:\n\t\treturn 0", "guard/judge TestRules"},
	{"a hold exits with 3", "guard/judge/verdict.go", "case Hold:\n\t\treturn 3", "case Hold:\n\t\treturn 0", "guard/judge TestRules"},
	{"no data exits with 4", "guard/judge/verdict.go", "case NoData:\n\t\treturn 4", "case NoData:\n\t\treturn 0", "guard/judge TestRules"},
	{"what is no decision exits with 1", "guard/judge/verdict.go", "\treturn 1\n}", "\treturn 0\n}", "guard/judge TestRules"},

	// The order of precedence.
	{"a rollback comes before no data", "guard/judge/decide.go", "worse := c.worse(); len(worse) > 0 {", "worse := c.worse(); len(worse) > 0 && c.missing() == \"\" {", "guard/judge TestWorlds"},
	{"no data comes before a refusal", "guard/judge/decide.go", "missing := c.missing(); missing != \"\" {", "missing := c.missing(); missing != \"\" && len(c.refused) == 0 {", "guard/judge TestWorlds"},
	{"a refusal comes before a promotion", "guard/judge/decide.go", "r, ok := c.refusal(); ok {", "r, ok := c.refusal(); ok && r.scope != promotions {", "guard/judge TestAStoppedRun|TestControls"},
	{"an arm without requests is no data", "guard/judge/decide.go", "case sum.Attempts <= 0:", "case sum.Attempts < 0:", "guard/judge TestRules"},
	{"an arm that never answers is no data", "guard/judge/decide.go", "case sum.OK <= 0:", "case sum.OK < 0:", "guard/judge TestWorlds|TestRules"},
	{"a required metric must have data", "guard/judge/decide.go", "(f.decides() || f.Required)", "f.decides()", "guard/judge TestRules"},
	{"a policy without gating metrics never promotes", "guard/judge/decide.go", "if gating == 0 {", "if gating < 0 {", "guard/judge TestAPolicyWithoutGatingMetrics"},
	{"a critical metric is named first", "guard/judge/decide.go", "return f.Critical }", "return !f.Critical }", "guard/judge TestOrder|TestRules"},
	{"a dry run decides nothing", "guard/judge/judge.go", "return f.Gating && !f.DryRun }", "return f.Gating }", "guard/judge TestDryRun"},
	{"an absolute limit that is passed holds", "guard/judge/judge.go", "&& f.within() && !f.limitUnmet:", "&& f.within():", "guard/judge TestLimits|TestRules"},
	{"a missing bound is within nothing", "guard/judge/judge.go", "return float64(f.out.Upper) < 1+float64(f.Margin)", "return !(float64(f.out.Upper) >= 1+float64(f.Margin))", "guard/judge TestNothingIsWithinAMissingBound"},

	// What the evidence must not lack.
	{"an invalid run holds", "guard/judge/refuse.go", "case sample.Valid:\n\t\treturn refusal{}", "case sample.Valid, sample.Invalid:\n\t\treturn refusal{}", "guard/judge TestRefusals"},
	{"a degraded run of unknown error holds", "guard/judge/refuse.go", "if len(v.Error) > 0 {", "if len(v.Error) >= 0 {", "guard/judge TestRefusals|TestDegradedWidens"},
	{"a run that nobody graded holds", "guard/judge/refuse.go", "if source != \"\" {", "if source != \"-\" {", "guard/judge TestRefusals|TestALogOfOthers"},
	{"the worst signal grades a run", "guard/judge/refuse.go", "if s.Grade == sample.Invalid || s.Grade == sample.Degraded && (", "if s.Grade == sample.Degraded && (", "guard/judge TestRefusals|TestRules"},
	{"a busy machine is named", "guard/judge/refuse.go", "return s.Busy })", "return !s.Busy })", "guard/judge TestRefusals|TestRules"},
	{"a run that was broken off holds", "guard/judge/refuse.go", "if e.Stopped == \"\" {", "if e.Stopped != \"-\" {", "guard/judge TestAStoppedRun"},
	{"few blocks hold", "guard/judge/refuse.go", "if blocks >= p.MinBlocks {", "if blocks >= 0 {", "guard/judge TestWorlds"},
	{"few pairs hold", "guard/judge/refuse.go", "if pairs >= p.MinPairs {", "if pairs >= 0 {", "guard/judge TestWorlds"},
	{"failures over 5 % stop latencies", "guard/judge/refuse.go", "failedShare   = .05", "failedShare   = .5", "guard/judge TestRules"},
	{"pairs lost to one arm hold", "guard/judge/refuse.go", "lostAlpha     = .01", "lostAlpha     = 0", "guard/judge TestRefusals|TestRules"},
	{"more than 1 % of pairs lost hold", "guard/judge/refuse.go", "lostShare     = .01", "lostShare     = .9", "guard/judge TestRules"},
	{"few pairs of autocorrelated arms hold", "guard/judge/refuse.go", "lagSigmas     = 3", "lagSigmas     = 300", "guard/proof"},
	{"blocks without any difference hold", "guard/judge/refuse.go", "leastScores   = 6", "leastScores   = 0", "guard/judge TestRulesBlocksWithoutDifference"},
	{"few restarts say nothing of builds", "guard/judge/refuse.go", "leastRestarts = 8", "leastRestarts = 1", "guard/judge TestUnit"},
	{"what a source lacks holds", "guard/judge/refuse.go", "case slices.Contains(c.set.Header.Lacks, sample.Measure(m.Measure)):", "case len(c.set.Header.Lacks) > 99:", "guard/judge TestLacks"},
	{"only a closed loop has a throughput", "guard/judge/refuse.go", "c.set.Header.Schedule.Kind != closedLoop", "c.set.Header.Schedule.Kind == \"-\"", "guard/judge TestThroughput"},
	{"an open loop shows achieved over offered", "guard/judge/refuse.go", "it is the schedule's\" + achieved(c.set)", "it is the schedule's\"", "guard/judge TestThroughput|TestRules"},

	// The same work.
	{"arms that did different work hold", "guard/judge/refuse.go", "if w.Same {", "if w.Pairs >= 0 {", "guard/judge TestRefusals"},
	{"longer answers are different work", "guard/judge/work.go", "if lower >= c.least && upper <= c.most {", "if lower >= c.least {", "guard/judge TestSameWork"},
	{"shorter answers are different work", "guard/judge/work.go", "if lower >= c.least && upper <= c.most {", "if upper <= c.most {", "guard/judge TestSameWork"},
	{"work of one block is not known to be the same", "guard/judge/work.go", "return math.Inf(-1), math.Inf(1)\n\t}\n\tsquares", "return c.effect, c.effect\n\t}\n\tsquares", "guard/judge TestRulesWorkOfOneBlock"},
	{"too little evidence is different work", "guard/judge/work.go", "half = stats.QuantileT(alpha, k-1) *", "half = 0 * stats.QuantileT(alpha, k-1) *", "guard/judge TestSameWork"},
	{"output tokens are alike per item", "guard/judge/work.go", "{tokensPerItem, effect, parts, -tokens, tokens, true}", "{tokensPerItem, effect, parts, -99, 99, true}", "guard/judge TestSameWork"},
	{"output tokens are alike in all", "guard/judge/work.go", "{\"output tokens in all\", effect, parts, -tokens, tokens, true}", "{\"output tokens in all\", effect, parts, -99, 99, true}", "guard/judge TestSameWork"},
	{"answers end for the same reasons", "guard/judge/work.go", "effect, parts, -float64(p.Finish), float64(p.Finish), false}", "effect, parts, -9, 9, false}", "guard/judge TestSameWork"},
	{"the same share of input is cached", "guard/judge/work.go", "effect, parts, -float64(p.Cached), float64(p.Cached), false}", "effect, parts, -9, 9, false}", "guard/judge TestSameWork"},
	{"answers are as good", "guard/judge/work.go", "effect, parts, -float64(p.Quality), math.Inf(1), false}", "effect, parts, -9, math.Inf(1), false}", "guard/judge TestSameWork"},
	{"what one arm does not count is not the same", "guard/judge/work.go", "if math.IsNaN(c.effect) {\n\t\treturn c.what", "if math.IsNaN(c.effect) {\n\t\treturn \"\"\n\t}\n\tif c.least > 99 {\n\t\treturn c.what", "guard/judge TestSameWork"},
	{"totals are compared where blocks are not known", "guard/judge/work.go", "all = totals(p, w, s)", "all = nil", "guard/judge TestSwitchbackWork|TestSideBySide"},
	{"measures of the work say how it differs", "guard/judge/refuse.go", "r.reason == ReasonDifferentWork && ofWork(m.Measure)", "r.reason == ReasonDifferentWork && m.Measure == \"\"", "guard/judge TestQuality$|TestTokensAndCost"},

	// Designs.
	{"one run per side supports limits alone", "guard/judge/refuse.go", "return no(\"design: one run per side supports absolute limits only\")", "return refusal{}", "guard/judge TestSingle|TestRefusals"},
	{"an unknown design holds", "guard/judge/refuse.go", "return no(fmt.Sprintf(\"design: %q cannot be judged by pairs\", d))", "return refusal{}", "guard/judge TestRefusals"},
	{"a block is no shorter than a restart", "guard/judge/refuse.go", "e.Restarts < e.Blocks {", "e.Restarts < 0 {", "guard/judge TestRefusals"},
	{"the order of arms is random", "guard/judge/refuse.go", "(e.BaselineFirst <= 0 || e.BaselineFirst >= e.Blocks)", "e.BaselineFirst < 0", "guard/judge TestRefusals"},
	{"all of the traffic is judged by limits alone", "guard/judge/refuse.go", "return u.Candidate && u.Share == 1 }", "return u.Candidate && u.Share > 1 }", "guard/judge TestFullShare"},
	{"the arms of a split share one process", "guard/judge/split.go", "if e.Restarts > 1 {", "if e.Restarts > 99 {", "guard/judge TestSplitRefuses"},
	{"a unit keeps its arm", "guard/judge/split.go", "float64(e.Mixed) > lostShare*float64(all)", "float64(e.Mixed) > 9*float64(all)", "guard/judge TestSplitRefuses"},
	{"a split has two arms", "guard/judge/split.go", "case !(u.Share > 0 && u.Share < 1):", "case !(u.Share > 0):", "guard/judge TestSplitRefuses"},
	{"units are assigned as their shares say", "guard/judge/split.go", "const doubt = 1000", "const doubt = 1e300", "guard/judge TestSplitRefuses"},
	{"a split is judged at one look or at any", "guard/judge/split.go", "m == policy.Fixed || m == policy.Anytime {", "m == policy.Fixed || m != \"\" {", "guard/judge TestSplit|TestRules"},
	{"a session is one event", "guard/judge/split.go", "ns, ok, none := u.Requests[0].Value(", "ns, ok, none := u.Requests[len(u.Requests)-1].Value(", "guard/judge TestSplitSessions"},
	{"a session fails with any of its requests", "guard/judge/split.go", "case m == policy.Success && s.Outcome != sample.OK, m", "case m == policy.Success && s.Outcome != sample.OK && s == u.Requests[0], m", "guard/judge TestSplitSessions"},
	{"the share in force counts for latencies", "guard/judge/split.go", "add(e.value, e.share)", "add(e.value, .5)", "guard/judge TestRulesSplitShare"},
	{"the share in force counts for outcomes", "guard/judge/split.go", "stats.SplitGain(e.value, e.candidate, e.share, ", "stats.SplitGain(e.value, e.candidate, .5, ", "guard/judge TestRulesSplitShare"},
	{"the share in force counts for rare failures", "guard/judge/split.go", "coin.Candidate(e.share)", "coin.Candidate(.5)", "guard/judge TestSplitVectors"},
	{"a unit that failed is infinitely slow", "guard/judge/split.go", "seconds = math.Inf(1)", "seconds = 1e-6", "guard/judge TestRulesSplitFailures"},
	{"a split promotes by each of its quantiles", "guard/judge/split.go", "range s.needed {\n\t\t\t\tlog", "range s.needed[:1] {\n\t\t\t\tlog", "guard/judge TestRulesSplitTail"},
	{"a quantile of a split among failures holds", "guard/judge/split.go", "failed >= 1-q {", "failed >= 2-q {", "guard/judge TestRulesSplitFailures"},
	{"the arms of a split write answers alike in length", "guard/judge/split.go", "math.Abs(b.Value-a.Value) > ", "math.Abs(b.Value-a.Value) > 99*", "guard/judge TestSplitRefuses"},
	{"the arms of a split have one target", "guard/judge/split.go", "a[0].Target != a[1].Target", "a[0].Target == \"-\"", "guard/judge TestSplitRefuses"},
	{"a split under its limit rolls back", "guard/judge/split.go", "f.limitBroken = f.Gating && upper < f.Limit.Value", "f.limitBroken = f.Gating && upper < 0", "guard/judge TestRulesSplitLimit"},
	{"blocks that correlate are merged", "guard/judge/latency.go", "if r <= 1.645/math.Sqrt(float64(k)) {", "if r <= 1.645*math.Sqrt(float64(k)) {", "guard/judge TestRulesMerged"},
	{"simulated records are named", "guard/judge/words.go", "\"simulation\")", "\"simulations of\")", "guard/judge TestSimulatedRecordsAreNamed"},
	{"few blocks that correlate hold", "guard/judge/latency.go", "if k < mergeFrom {", "if k < 2 {", "guard/judge TestRulesFewBlocksToJoin"},
	{"small blocks are judged by their quantiles", "guard/judge/blocks.go", "perBlock*math.Min(q, 1-q) < 1", "perBlock*math.Min(q, 1-q) < 0", "guard/judge TestSwitchback|TestSmallBlocks|TestSideBySide|Unpaired|TestRules"},
	{"arms without partners are compared with as many requests", "guard/judge/blocks.go", "thinned(old, n)), append(b.candidate, thinned(now, n))", "thinned(old, max(n, len(old)))), append(b.candidate, thinned(now, max(n, len(now))))", "guard/judge TestRulesFewToABlock"},
	{"blocks that do not reach a quantile promote nothing", "guard/judge/blocks.go", "ok && n*math.Min(q, 1-q) < 1 {", "ok && n*math.Min(q, 1-q) < 0 {", "guard/judge TestRulesFewToABlock"},
	{"requests without partners tell their latency", "guard/judge/blocks.go", "if arm.lost > lostShare*arm.ok {", "if arm.lost > 9*arm.ok {", "guard/judge TestSwitchback|TestSmallBlocks|TestSideBySide|Unpaired|TestRules"},
	{"arms without partners tell as often", "guard/judge/blocks.go", "if math.Abs(a-b) > lostShare+chance {", "if math.Abs(a-b) > 9+chance {", "guard/judge TestRulesTellAsOften"},

	// Controls.
	{"no promotion unless the plant was seen", "guard/judge/controls.go", "cmp.Or(c.refuseTwin(), c.refusePlant())", "c.refuseTwin()", "guard/judge Control"},
	{"no promotion unless the twin stayed quiet", "guard/judge/controls.go", "cmp.Or(c.refuseTwin(), c.refusePlant())", "c.refusePlant()", "guard/judge Control"},
	{"a policy may require controls", "guard/judge/controls.go", "case c.policy.Controls == policy.ControlsRequired:", "case c.policy.Controls == \"-\":", "guard/judge Control"},
	{"a dead control holds", "guard/judge/controls.go", "return fmt.Sprintf(\"the run's own %s has no data: %s\", c.name, missing)", "return \"\"", "guard/judge Control|TestRules"},
	{"a twin that is not judged holds", "guard/judge/controls.go", "text := c.twin.unjudged(); text != \"\" {", "text := c.twin.unjudged(); text == \"-\" {", "guard/judge Control|TestRules"},
	{"a plant is seen in every measure", "guard/judge/controls.go", "if !seen[m] {", "if !seen[m] && !seen[order[0]] && !seen[order[len(order)-1]] {", "guard/judge Control|TestRules"},
	{"a run that sees what is not there rolls nothing back", "guard/judge/judge.go", "(f.Measure == policy.Success || !c.hallucinates())", "f.Gating", "guard/judge Control"},
	{"a plant that no metric can show is no control", "guard/judge/controls.go", "if !c.plant.asked() {", "if c.plant == nil {", "guard/judge TestWhereNoPlantShows"},
	{"a plant that is not judged was not seen", "guard/judge/controls.go", "|| c.docket.rejects(f)\n\t}\n\tvar unseen", "|| c.docket.rejects(f) || !f.claims()\n\t}\n\tvar unseen", "guard/judge TestControls$"},
	{"a twin beyond a limit is seen", "guard/judge/controls.go", "(f.limitBroken || c.docket.rejects(f)) {", "c.docket.rejects(f) {", "guard/judge TestRulesATwinBeyondALimit"},
	{"a plant shows in no set-up", "guard/judge/controls.go", "policy.AddedEvent:\n\t\treturn false", "policy.AddedEvent:\n\t\treturn true", "guard/judge TestWhereNoPlantShows"},
	{"a verdict says that controls were off", "guard/judge/controls.go", "Mode: \"off\", Why", "Mode: \"on\", Why", "guard/judge TestControlsOff"},
	{"errors roll back whatever the twin says", "guard/judge/judge.go", "(f.Measure == policy.Success || !c.hallucinates())", "!c.hallucinates()", "guard/judge Control|TestRules"},
	{"a verdict says why there are no controls", "guard/judge/controls.go", "cmp.Or(c.set.Header.NoControls, ", "cmp.Or(", "guard/judge Control"},

	// Looks.
	{"looks are equally spaced", "guard/judge/look.go", "return (k*planned + looks - 1) / looks", "return k * planned / looks", "guard/judge TestLook"},
	{"p-values pay for the looks", "guard/judge/look.go", "return h.plan.Repeated(p, h.look)", "return p", "guard/judge Look|Boundaries"},
	{"intervals pay for the looks", "guard/judge/look.go", "h.plan.Tail(alpha, h.look), ", "alpha, ", "guard/judge Look|Boundaries|TestRules"},
	{"between looks nothing is judged", "guard/judge/look.go", "case !ok:", "case !ok && look < 0:", "guard/judge Look|TestNoPlan"},
	{"p-values are those of the look in hand", "guard/judge/look.go", "return h.plan.Repeated(p, h.look)", "return h.plan.Repeated(p, h.looks)", "guard/judge Boundaries|TestRulesUnequalLooks"},
	{"intervals are those of the look in hand", "guard/judge/look.go", "h.plan.Tail(alpha, h.look), ", "h.plan.Tail(alpha, h.looks), ", "guard/judge TestRulesUnequalLooks"},
	{"looks stand where their blocks end", "guard/judge/look.go", "float64(after(k, blocks, h.looks)) / float64(blocks)", "float64(k) / float64(h.looks)", "guard/judge TestRulesUnequalLooks"},
	{"alpha is spent once over all looks", "guard/stats/plan.go", "p.crossing(c) - alpha", "TailNormal(c) - alpha", "guard/stats Plan|Repeated"},
	{"every look spends of alpha", "guard/stats/plan.go", "crossed += m * s.over[i]", "crossed = math.Max(crossed, m*s.over[i])", "guard/stats Plan|Repeated"},
	{"an early look needs more", "guard/stats/plan.go", "QuantileNormal(value) * math.Sqrt(p.times[look-1])", "QuantileNormal(value)", "guard/stats Plan|Repeated"},
	{"what a look ended is not judged at one look", "guard/judge/look.go", "if e.Look > 0 {", "if e.Look > 99 {", "guard/judge Look"},
	{"a look of other looks is none", "guard/judge/look.go", "case e.Look > 0 && e.Look != look:", "case e.Look > 99:", "guard/judge Look"},
	{"an unknown mode holds", "guard/judge/look.go", "return no(\"mode %q is not supported\", p.Mode)", "return refusal{}", "guard/judge TestRulesUnknownMode"},
	{"only a decision ends a run", "guard/judge/look.go", "v.Decision == Promote || v.Decision == Rollback", "v.Decision != NoData", "guard/judge Look"},

	// Thresholds, for those who migrate.
	{"a point estimate beyond tau rolls back", "guard/judge/threshold.go", "> float64(f.Tau) }", "> 9 }", "guard/judge TestThreshold"},
	{"a point estimate within tau promotes", "guard/judge/threshold.go", "<= float64(f.Tau) }", "<= -9 }", "guard/judge TestThreshold$"},
	{"a threshold judges absolute limits", "guard/judge/threshold.go", "f.limitBroken = f.Gating && f.limitUnmet", "f.limitBroken = f.DryRun && f.limitUnmet", "guard/judge TestThreshold"},
	{"a threshold says its error rate", "guard/judge/threshold.go", "text += fmt.Sprintf(", "_ = fmt.Sprintf(", "guard/judge TestThreshold"},

	// Evidence that may be looked at as often as anyone likes.
	{"evidence that once crossed has crossed", "guard/judge/anytime.go", "highest[j] = math.Max(highest[j], log)", "highest[j] = log", "guard/judge TestRulesOnceCrossed"},
	{"e-values are corrected by closed testing", "guard/judge/anytime.go", "range stats.ClosedMeans(logs) {", "range logs {", "guard/judge TestAnytime|TestRules"},
	{"a promotion needs evidence of 1/alpha", "guard/judge/anytime.go", "f.watched.within = against >= bar", "f.watched.within = against >= 0", "guard/judge TestAnytime|TestRules"},
	{"a promotion is of now", "guard/judge/anytime.go", "against := lastOf(t.record.evidence(margin", "against := slices.Max(t.record.evidence(margin", "guard/judge TestRulesAPromotionIsOfNow"},
	{"blocks that correlate weaken e-values", "guard/judge/anytime.go", "math.Min(trail[look], joined[look])", "math.Max(trail[look], joined[look])", "guard/judge TestAnytimeMergesBlocks|TestRules"},
	{"weights share alpha", "guard/judge/anytime.go", "if weighed {", "if weighed && total < 0 {", "guard/judge TestAnytimeWeights"},
	{"a metric that claims nothing counts with no evidence", "guard/judge/anytime.go", "logs[j] = 0\n", "logs[j] = 99\n", "guard/judge TestRulesUnclaimed"},
	{"too few blocks to join are no look", "guard/judge/anytime.go", "if len(sums) < mergeFrom {", "if len(sums) < 0 {", "guard/judge TestRulesFewBlocksToJoin"},
	{"a degraded run weakens the evidence to roll back", "guard/judge/anytime.go", "shift := f.worsening(f.Tau) + t.record.widen", "shift := f.worsening(f.Tau)", "guard/judge TestRulesDegradedEvidence"},
	{"a degraded run weakens the evidence to promote", "guard/judge/anytime.go", "margin := f.worsening(f.Margin) - t.record.widen", "margin := f.worsening(f.Margin)", "guard/judge TestRulesDegradedEvidence"},
	{"an upper bound is of now", "guard/judge/anytime.go", "return lastOf(s.record.evidence(x, stats.Below, s.looks)) >= s.bar", "return slices.Max(s.record.evidence(x, stats.Below, s.looks)) >= s.bar", "guard/judge TestRulesAPromotionIsOfNow"},
	{"an absolute limit is judged over all looks", "guard/judge/anytimepaired.go", "_, upper := stats.AnytimeRate(candidate, c.anytimeTuning())", "_, upper := candidate.Wilson(1.645)", "guard/judge TestRulesLimitOverAllLooks"},
	{"bad outcomes are weighed by block", "guard/judge/anytimepaired.go", "Baseline: share(a), Candidate: share(b)}", "Baseline: share(a), Candidate: share(a)}", "guard/judge TestAnytime|TestRules"},
	{"e-values roll back early", "guard/judge/anytime.go", "r.scope = promotions\n", "r.scope = allClaims\n", "guard/judge TestAnytimeRollsBackEarly"},

	// Metrics.
	{"no time at all has no logarithm", "guard/judge/latency.go", "if zero == 0 {", "if zero >= 0 {", "guard/judge TestZero"},
	{"a degraded run widens intervals", "guard/judge/latency.go", "return math.Log1p(float64(worst) / weightedQuantile(p.Baseline, p.Weight, .5))", "return 0 * math.Log1p(float64(worst)/weightedQuantile(p.Baseline, p.Weight, .5))", "guard/judge TestDegradedWidens"},
	{"a quantile among failures holds", "guard/judge/latency.go", "case failed < 1-q:", "case failed < 2-q:", "guard/judge TestRulesP99AmongFailures"},
	{"a latency beyond its limit rolls back", "guard/judge/latency.go", "f.limitBroken = f.Gating && !c.allDead() && lower >= 1 && alone[lower-1] > f.Limit.Value", "f.limitBroken = f.Gating && lower < 0", "guard/judge TestLimits|TestRules"},
	{"success falls by blocks and by counts", "guard/judge/rate.go", "p := math.Max(stats.TailT(", "p := math.Min(stats.TailT(", "guard/judge TestRulesFailuresByBlocksAndCounts"},
	{"what cannot reject costs nothing", "guard/judge/rate.go", "f.idle = least > float64(c.policy.Alpha); f.idle {", "f.idle = least > 1; f.idle {", "guard/judge TestIdleMetricsCostNothing"},
	{"no failures have a width", "guard/judge/rate.go", "lower, upper = math.Min(lower, m.Value-t*m.SE), math.Max(upper, m.Value+t*m.SE)", "lower, upper = m.Value-t*m.SE, m.Value+t*m.SE", "guard/judge TestZeroFailuresHaveAWidth"},
	{"a success rate under its limit rolls back", "guard/judge/rate.go", "f.limitBroken = f.Gating && upper < f.Limit.Value", "f.limitBroken = f.Gating && upper < 0", "guard/judge TestWorlds"},
	{"an invalid run blames nobody alone", "guard/judge/rate.go", "baseline.N > 0 && upper < f.Limit.Value", "baseline.N > 0 && upper < 0", "guard/judge TestAnInvalidRun"},
	{"a candidate alone under its limit has no excuse", "guard/judge/rate.go", "baseline.N > 0 && upper < f.Limit.Value", "baseline.N > 0 && upper <= 1", "guard/judge TestAnInvalidRun"},
	{"more successes than requests are damage", "guard/judge/rate.go", "if t.OK < 0 || t.OK > t.Attempts {", "if t.OK < 0 {", "guard/judge TestBrokenEvidenceNeverPromotes|TestRules"},
	{"throughput counts successes", "guard/judge/slots.go", "float64(t.OK)*1e9", "float64(t.Attempts)*1e9", "guard/judge TestRulesThroughput"},
	{"a lower throughput is worse", "guard/judge/slots.go", "out[i] = -x + math.Log1p", "out[i] = x + math.Log1p", "guard/judge TestThroughput"},
	{"goodput asks for the objectives", "guard/judge/share.go", "float64(ns) > o.AtMost.Value", "float64(ns) > 99*o.AtMost.Value", "guard/judge TestAnytimeQualityAndGoodput"},
	{"goodput counts errors", "guard/judge/share.go", "for _, s := range requests {\n", "for _, s := range requests {\n\t\t\tif s.Outcome != sample.OK {\n\t\t\t\tt.Attempts--\n\t\t\t\tcontinue\n\t\t\t}\n", "guard/judge TestRulesGoodput"},
	{"an objective that is not told is not met", "guard/judge/share.go", "if !ok || none || ns < 0 ||", "if !ok || ns < 0 ||", "guard/judge TestRulesGoodput"},
	{"an answer without a score beside one scores 0", "guard/judge/values.go", "return 0\n\t}\n\treturn *s.Quality", "return 1\n\t}\n\treturn *s.Quality", "guard/judge TestRulesAnswersWithoutAScore"},
	{"coarse buckets are not interpolated", "guard/judge/binned.go", "const fineWidth = .10", "const fineWidth = 10", "guard/judge TestBinned"},
	{"a margin under a bucket promotes nothing", "guard/judge/binned.go", "if b.width <= allowed {", "if b.width >= 0 {", "guard/judge TestBinned"},
	{"buckets widen intervals", "guard/judge/binned.go", "Float(math.Exp(lower-b.blur)), Float(math.Exp(upper+b.blur))", "Float(math.Exp(lower)), Float(math.Exp(upper))", "guard/judge TestRulesBucketsWiden"},
	{"metrics are corrected by Holm", "guard/judge/correct.go", "adjusted = stats.Holm(p)", "adjusted = p", "guard/judge"},

	// Evidence without a baseline, or without partners.
	{"a limit needs no baseline", "guard/judge/rate.go", "why == noRequests && candidate.N > 0 {", "why == noRequests && candidate.N < 0 {", "guard/judge TestLimitsNeedNoBaseline|TestFullShare"},
	{"one run per side without pairs is held for its design", "guard/judge/decide.go", "c.set.Header.Design == sample.Single && evidence.Sum(o.Candidate).OK > 0", "c.set.Header.Design == \"-\"", "guard/judge TestOneRunPerSideWithoutPairs|TestLimitsNeedNoBaseline"},
	{"simulated files promote nothing", "guard/judge/refuse.go", "if !e.Simulated {", "if e.Simulated {", "guard/judge TestSimulatedFiles"},
	{"a file says that it was simulated", "guard/evidence/new.go", "set.Simulated = strings.Contains", "set.Simulated = len(path) < 0 && strings.Contains", "guard/judge TestSimulatedFiles"},
	{"answers that do not tell their cost hold", "guard/judge/worth.go", "float64(lost) <= lostShare*float64(n)", "float64(lost) <= 9*float64(n)", "guard/judge TestTokensAndCostOfLogs"},
	{"cost is that of answers that succeeded", "guard/judge/worth.go", "case s.Outcome != sample.OK:", "case s.Outcome == \"-\":", "guard/judge TestWorthOfFailures"},

	// Stages of a split.
	{"the step to all traffic is judged at the stages before", "guard/judge/split.go", "if u.Candidate && u.Share == 1 {", "if u.Candidate && u.Share > 1 {", "guard/judge TestEnteringAllTraffic"},
	{"what fails at all traffic breaks a limit", "guard/judge/split.go", "range c.whole {", "range c.whole[:0] {", "guard/judge TestEnteringAllTraffic"},

	// What a verdict says.
	{"metrics stand by phase", "guard/judge/judge.go", "cmp.Compare(phaseOf(a.Measure).rank, phaseOf(b.Measure).rank)", "cmp.Compare(phaseOf(b.Measure).rank, phaseOf(a.Measure).rank)", "guard/judge TestOrder|TestWorlds"},
	{"metrics of a phase stand by effect over margin", "guard/judge/judge.go", "cmp.Compare(b.overMargin(), a.overMargin())", "cmp.Compare(a.overMargin(), b.overMargin())", "guard/judge TestRulesOrderInAPhase"},
	{"a verdict has two sentences", "guard/judge/words.go", "[]string{head, \"No other gating metric is worse beyond doubt.\"}", "[]string{head}", "guard/judge TestSentences"},

	// One run against earlier ones.
	{"a run beyond the prediction rolls back", "guard/judge/history.go", "case f.Value > f.Upper*(1+float64(m.Tau)):", "case f.Value > f.Upper*99:", "guard/judge TestHistory"},
	{"a run within tau of the prediction is not rolled back", "guard/judge/history.go", "case f.Value > f.Upper*(1+float64(m.Tau)):", "case f.Value > f.Upper:", "guard/judge TestHistory|TestRules"},
	{"a history says what it detects", "guard/judge/history.go", "math.Pow(f.Upper/f.Mean, powered)", "math.Pow(f.Upper/f.Mean, 1/powered)", "guard/judge TestHistorySays"},
	{"a history judges no run that was broken off", "guard/judge/history.go", "case past.Stopped != \"\":", "case past.Stopped == \"-\":", "guard/judge TestHistory"},
	{"a history judges no invalid run", "guard/judge/history.go", "case valid.text != \"\":", "case valid.text == \"-\":", "guard/judge TestHistory"},
	{"a history without the metric is no data", "guard/judge/history.go", "case missing != nil:", "case missing != nil && len(v.Metrics) == 0:", "guard/judge TestHistory"},
	{"a prediction needs five runs", "guard/history/predict.go", "const Least = 5", "const Least = 2", "guard/history TestPredict|TestRules"},
	{"a history learns no run that was rolled back", "guard/history/predict.go", "(!bad || old.Accepted)", "(!bad || old.Decision != \"\")", "guard/history TestPredict"},
	{"a person may accept a run", "guard/history/predict.go", "(!bad || old.Accepted)", "!bad", "guard/history TestPredict"},
	{"only runs of one series are compared", "guard/history/predict.go", "old.Series() == series", "series != \"\"", "guard/history TestPredict"},
	{"a prediction knows that its mean is estimated", "guard/history/predict.go", "math.Sqrt(h+1)", "math.Sqrt(h)", "guard/history TestPredict|TestRules"},
	{"a history trusts no invalid run", "guard/history/trend.go", "e.Validity == \"valid\" || e.Validity == \"degraded\" }", "e.Validity != \"\" }", "guard/history TestTrends|TestPredict"},
	{"a spike is no change", "guard/history/trend.go", "const leastSegment = 3", "const leastSegment = 1", "guard/history TestTrends|TestRules"},

	// Mathematics.
	{"a failure alone counts as ten times slower", "guard/stats/statistic.go", "const FailedRatio = 10", "const FailedRatio = 1", "guard/stats Failures"},
	{"both failing cancels", "guard/stats/statistic.go", "case math.IsInf(a, 1) && math.IsInf(b, 1):\n\t\treturn 0, false", "case math.IsInf(a, 1) && math.IsInf(b, 1):\n\t\treturn 1, true", "guard/stats TestVector|TestFailures"},
	{"a failure of the candidate alone is capped", "guard/stats/statistic.go", "return math.Log(FailedRatio), true", "return b, true", "guard/stats Failures"},
	{"closed testing takes the smallest mean", "guard/stats/evalues.go", "least = math.Min(least, logMean(set))", "least = logMean(set)", "guard/stats ClosedMeans"},
	{"a martingale scales by earlier blocks", "guard/stats/martingale.go", "m.squares += sum * sum", "m.squares += squares + 1", "guard/stats TestVector"},
	{"a step-down never steps up", "guard/stats/stepdown.go", "least = math.Max(least, math.Max(members[j].P, float64(hits[i])/float64(tried)))", "least = math.Max(members[j].P, float64(hits[i])/float64(tried))", "guard/stats TestStepDown"},

	// Evidence.
	{"a failed request is infinitely slow", "guard/evidence/measure.go", "return reading{ns: math.Inf(1)}", "return reading{ns: 1}", "guard/evidence"},
	{"a time of zero is counted", "guard/evidence/measure.go", "return reading{kind: zero}", "return reading{kind: none}", "guard/evidence"},
	{"an instant that was not reached is lost", "guard/evidence/measure.go", "case ns < 0:\n\t\treturn reading{kind: absent}", "case ns < 0:\n\t\treturn reading{kind: none}", "guard/evidence"},
	{"what was never sent is no failure", "guard/evidence/new.go", "sample.Aborted, sample.DroppedStart, ", "sample.Aborted, ", "guard/evidence"},
	{"a warm-up is not measured", "guard/evidence/new.go", "!s.Warmup {", "s.Arm != \"\" {", "guard/evidence"},
	{"a control is compared over its own picks", "guard/evidence/new.go", "place[s.Block] > picks {", "place[s.Block] > 9*picks {", "guard/evidence"},
	{"a control is no candidate", "guard/evidence/new.go", "if a.Role == \"\" {", "if a.Role != \"-\" {", "guard/evidence"},
	{"pairs are of one use of an item", "guard/evidence/pair.go", "use{item, s.Occurrence}", "use{item, 0}", "guard/evidence"},
	{"losses are told by arm", "guard/evidence/pair.go", "set.LostCandidate++", "set.LostBaseline++", "guard/evidence"},
	{"work is that of pairs that succeeded", "guard/evidence/work.go", "|| a.Outcome != sample.OK || b.Outcome != sample.OK {", "|| a.Outcome != sample.OK {", "guard/evidence"},
	{"a unit of both arms is not kept", "guard/evidence/units.go", "if u.Candidate != candidate {", "if u.Candidate != candidate && len(all) < 0 {", "guard/evidence"},
	{"of two runs the worse validity counts", "guard/evidence/two.go", "if rank(b.Grade) > rank(a.Grade) {", "if rank(b.Grade) < rank(a.Grade) {", "guard/evidence"},

	// Run files.
	{"a truncated file is named", "bench/sample/reader.go", "\t\treturn ErrTruncated\n\tcase corrupt", "\t\treturn err\n\tcase corrupt", "bench/sample"},
	{"a digest covers a run", "bench/sample/reader.go", "case said.Digest != digest:", "case said.Digest == \"-\":", "bench/sample"},
	{"a trailer counts samples", "bench/sample/reader.go", "case said.Samples != t.samples:", "case said.Samples < 0:", "bench/sample"},
	{"a trailer counts what was measured by arm", "bench/sample/reader.go", "!maps.Equal(t.measured, said.Measured)", "!maps.Equal(t.measured, t.measured)", "bench/sample"},
	{"nothing follows a trailer", "bench/sample/reader.go", "case err == nil:\n\t\treturn fmt.Errorf(\"%w: something", "case err == nil && l.number < 0:\n\t\treturn fmt.Errorf(\"%w: something", "bench/sample"},
	{"another schema is refused", "bench/sample/reader.go", "if named.Schema != Schema {", "if named.Schema == \"-\" {", "bench/sample"},
	{"a failure has no value", "bench/sample/measure.go", "if s.Outcome != OK {", "if s.Outcome == \"\" {", "bench/sample"},
	{"added latency begins at the upstream's write", "bench/sample/measure.go", "s.TokenNS - s.UpstreamNS[0], true", "s.TokenNS - s.IntendedNS, true", "bench/sample"},
	{"an event without its write adds nothing known", "bench/sample/measure.go", "if s.Events != len(s.UpstreamNS) || ", "if ", "bench/sample"},

	// Policies.
	{"no policy goes under eight blocks", "guard/policy/validate.go", "if p.MinBlocks < leastBlocks {", "if p.MinBlocks < 0 {", "guard/policy"},
	{"a margin lies at tau or above", "guard/policy/validate.go", "if m.Margin < m.Tau {", "if m.Margin < 0 {", "guard/policy"},
	{"a policy can say no", "guard/policy/validate.go", "if !gating {", "if !gating && len(p.Metrics) < 0 {", "guard/policy"},
	{"an unknown mode is refused", "guard/policy/validate.go", "if p.Mode != \"\" && !slices", "if p.Mode == \"-\" && !slices", "guard/policy"},
	{"looks belong to one mode", "guard/policy/validate.go", "case p.Mode != GroupSequential:", "case p.Mode == Anytime:", "guard/policy"},
	{"weights belong to one mode", "guard/policy/validate.go", "if p.Mode != Anytime && ", "if p.Mode == \"-\" && ", "guard/policy"},
	{"goodput needs objectives", "guard/policy/validate.go", "if len(p.SLO) == 0 && ", "if len(p.SLO) < 0 && ", "guard/policy"},
	{"a metric stands once", "guard/policy/validate.go", "if seen[m.Key()] {", "if seen[m.Key()+\"-\"] {", "guard/policy"},
	{"throughput is better higher", "guard/policy/validate.go", "if m.Points() || m == Throughput {", "if m.Points() {", "guard/policy"},
	{"an unknown key is refused", "guard/policy/parse.go", "bytes.NewReader(data), yaml.Strict())", "bytes.NewReader(data))", "guard/policy"},
	{"a rollback leads to the floor", "guard/rollout/rollout.go", "return p[0], nil", "return p[max(i-1, 1)], nil", "guard/rollout"},
	{"a hold moves nothing", "guard/rollout/rollout.go", "case judge.Hold, judge.NoData:\n\t\treturn at, nil", "case judge.Hold, judge.NoData:\n\t\treturn p[min(i+1, len(p)-1)], nil", "guard/rollout"},
	{"what was set is read back", "guard/rollout/rollout.go", "case after.Percent != to ||", "case false &&", "guard/rollout"},
	{"a rollout moves from the stage that was judged", "guard/rollout/rollout.go", "case before.Percent != from:", "case false:", "guard/rollout"},
	{"the nearest key is named", "guard/policy/parse.go", "d < distance {", "d > distance {", "guard/policy"},
	{"a file holds one policy", "guard/policy/parse.go", "decoder.Decode(new(Policy)); !errors.Is(err, io.EOF) {", "decoder.Decode(new(Policy)); err != nil && !errors.Is(err, io.EOF) {", "guard/policy"},

	// Watches.
	{"a watch ends by a decision", "guard/watch/watch.go", "return v.Decision == judge.Promote || v.Decision == judge.Rollback", "return v.Decision != judge.NoData", "guard/watch TestRun"},
	{"a watch gives up on errors", "guard/watch/watch.go", "w.failed > cfg.Patience", "w.failed > cfg.Patience+1", "guard/watch TestRun"},
	{"patience is of errors in a row", "guard/watch/watch.go", "w.failed = 0", "w.failed += 0", "guard/watch TestRun"},
	{"only the mode anytime is watched", "guard/watch/watch.go", "if p.Mode != policy.Anytime {", "if p.Mode == \"-\" {", "guard/watch TestConfigRefuses"},
	{"a server passes on no error", "guard/watch/server.go", "return judge.Verdict{}, st.look.Err", "return st.look.Verdict, nil", "guard/watch Server|Flagger"},
	{"an error is 503", "guard/watch/server.go", "http.StatusServiceUnavailable", "http.StatusOK", "guard/watch Server|Flagger"},
	{"a stale verdict is none", "guard/watch/server.go", "const stale = 3", "const stale = 300", "guard/watch Server|Flagger"},
	{"Flagger goes on with the decision alone", "guard/watch/server.go", "status := http.StatusConflict", "status := http.StatusOK", "guard/watch Server|Flagger"},
	{"a rollback stands", "guard/watch/server.go", "case st.rolledBack != nil:", "case st.rolledBack != nil && st.look.N < 0:", "guard/watch Server|Flagger"},
	{"each revision has a watch of its own", "guard/watch/server.go", "Revision: r.FormValue(\"revision\")}", "Revision: \"one\"}", "guard/watch Server|Flagger"},
	{"each revision of a webhook has a watch of its own", "guard/watch/server.go", "Revision: hook.Checksum}", "Revision: \"one\"}", "guard/watch Server|Flagger"},
	{"before the first look there is no data", "guard/watch/server.go", "case st.look.N == 0:", "case st.look.N < 0:", "guard/watch Server|Flagger"},
	{"a question carries the token", "guard/watch/server.go", "got[:]) == 1", "got[:]) >= 0", "guard/watch Server|Flagger"},
	{"a block counts when it is over", "guard/watch/logs.go", ".After(end) {", ".After(end.Add(time.Hour)) {", "guard/watch Logs"},
	{"what arrived before a watch does not count", "guard/watch/logs.go", "if at < 0 || ", "if ", "guard/watch Logs"},
	{"nobody graded a log", "guard/watch/logs.go", "Grade: sample.Unknown", "Grade: sample.Valid", "guard/watch Logs"},

	// Prometheus.
	{"a counter may begin again", "guard/prometheus/increase.go", "reset := now.total < before.total", "reset := now.total < 0", "guard/prometheus"},
	{"what was not scraped is not known", "guard/prometheus/increase.go", "if now.step != before.step+1 {", "if now.step < 0 {", "guard/prometheus"},
	{"other buckets are not compared", "guard/prometheus/increase.go", "if !reset && shrank(before, now) {", "if reset && shrank(before, now) {", "guard/prometheus"},
	{"scrapes that failed make a run invalid", "guard/prometheus/prometheus.go", "const missedShare = .05", "const missedShare = 1", "guard/prometheus"},
	{"an arm that is not up makes a run invalid", "guard/prometheus/prometheus.go", "if share > missedShare || len(seen[0]) == 0 || len(seen[1]) == 0 {", "if share > missedShare {", "guard/prometheus"},
	{"a target counts while it is up", "guard/prometheus/prometheus.go", "if s.Value == 1 {", "if s.Value >= 0 {", "guard/prometheus"},
	{"failures lie above every bucket", "guard/prometheus/prometheus.go", "h.Over += float64(t.Attempts - t.OK)", "h.Over += 0 * float64(t.Attempts-t.OK)", "guard/prometheus"},
	{"a measure that does not move is no data", "guard/prometheus/prometheus.go", "if sum(counts[side][k]) > 0 {", "if sum(counts[side][k]) >= 0 {", "guard/prometheus"},
	{"blocks of few requests are left out", "guard/prometheus/prometheus.go", ">= math.Max(1, float64(c.cfg.MinPerBlock)) {", ">= 0 {", "guard/prometheus"},

	// Assertions.
	{"a failed assertion exits with 2", "guard/assert/assert.go", "return judge.Rollback.ExitCode()", "return 0", "guard/assert Limits|Worst|Report|Rules"},
	{"a held assertion exits with 3", "guard/assert/assert.go", "return judge.Hold.ExitCode()", "return 0", "guard/assert Limits|Worst|Report|Rules"},
	{"an assertion without data exits with 4", "guard/assert/assert.go", "return judge.NoData.ExitCode()", "return 0", "guard/assert Limits|Worst|Report|Rules"},
	{"a failed assertion is the worst", "guard/assert/assert.go", "[]Verdict{Fail, NoData, Hold}", "[]Verdict{NoData, Fail, Hold}", "guard/assert Worst|Rules"},
	{"an assertion is judged by its bounds", "guard/assert/assert.go", "return decided(a, e.lower, e.upper)", "return decided(a, e.value, e.value)", "guard/assert TestLimits$"},
	{"a missing quantity is no data", "guard/assert/assert.go", "case e.missing != \"\":\n\t\treturn NoData", "case e.missing != \"\":\n\t\treturn Pass", "guard/assert"},
	{"nothing simulated passes", "guard/assert/assert.go", "text != \"\" && !slices.Contains(allow, \"simulated\")", "text == \"-\" && !slices.Contains(allow, \"simulated\")", "guard/assert"},
	{"nothing invalid passes", "guard/assert/assert.go", "case g != sample.Valid && g != sample.Degraded:", "case g == \"-\":", "guard/assert"},
	{"nothing that was broken off passes", "guard/assert/assert.go", "if s.run.Trailer.Stopped != \"\" {", "if s.run.Trailer.Stopped == \"-\" {", "guard/assert"},
	{"requests that were not sent pass nothing", "guard/assert/assert.go", "float64(s.unsent) > lostShare*float64(total)", "float64(s.unsent) > 9*float64(total)", "guard/assert"},
	{"a floor is under every assertion", "guard/assert/assert.go", "value: c.Floor, floor: true", "value: 0, floor: true", "guard/assert TestFloor"},
	{"an error is no fast answer", "guard/assert/side.go", "return math.Inf(1), present", "return 0 * math.Inf(1), without", "guard/assert TestLimits|TestTopics|TestRefusals|TestRules"},
	{"a mean with an error is infinite", "guard/assert/estimate.go", "value: inf, lower: inf, upper: inf,", "value: inf, lower: 0, upper: 0,", "guard/assert TestLimits|TestTopics|TestRefusals|TestRules"},
	{"an answer without a score scores 0", "guard/assert/estimate.go", "x := 0.0\n", "x := 1.0\n", "guard/assert TestLimits|TestTopics|TestRefusals|TestRules"},
	{"a failed answer scores 0", "guard/assert/estimate.go", "if one.Quality != nil && one.Outcome == sample.OK {", "if one.Quality != nil {", "guard/assert TestLimits|TestTopics|TestRefusals|TestRules"},
	{"an error is no throughput", "guard/assert/estimate.go", "if one.Outcome == sample.OK {\n\t\t\tok[turn", "if one.Outcome != \"\" {\n\t\t\tok[turn", "guard/assert TestLimits|TestTopics|TestRefusals|TestRules"},
	{"an error is no success", "guard/assert/side.go", "if one.Outcome == sample.OK {\n\t\t\tc.OK++", "if one.Outcome != \"\" {\n\t\t\tc.OK++", "guard/assert TestLimits|TestTopics|TestRefusals|TestRules"},
	{"what a source lacks is not asserted", "guard/assert/estimate.go", "case s.lacks(q.measure):", "case s.lacks(q.measure) && alpha > 9:", "guard/assert TestLimits|TestTopics|TestRefusals|TestRules"},
	{"few turns have no bounds", "guard/assert/estimate.go", "if len(all) < leastTurns {", "if len(all) < 0 {", "guard/assert TestLimits|TestTopics|TestRefusals|TestRules"},
	{"records that should tell it and do not are no data", "guard/assert/estimate.go", "float64(absent) > lostShare*", "float64(absent) > 9*", "guard/assert TestLimits|TestTopics|TestRefusals|TestRules"},
	{"a degraded run widens an assertion", "guard/assert/estimate.go", "e.lower, e.upper = e.lower-by, e.upper+by", "e.lower, e.upper = e.lower-0*by, e.upper+0*by", "guard/assert TestLimits|TestTopics|TestRefusals|TestRules"},
	{"one model is compared with itself", "guard/assert/compare.go", "Run: a.Model, Baseline: b.Model", "Run: a.Model, Baseline: a.Model", "guard/assert Improves"},
	{"one dataset is compared with itself", "guard/assert/compare.go", "Baseline: datasetText(b)", "Baseline: datasetText(a)", "guard/assert Improves"},
	{"one schedule is compared with itself", "guard/assert/compare.go", "Baseline: scheduleText(b)", "Baseline: scheduleText(a)", "guard/assert Improves"},
	{"one machine is compared with itself", "guard/assert/compare.go", "Baseline: machineText(b.Machine)", "Baseline: machineText(a.Machine)", "guard/assert Improves"},
	{"what is not recorded is not alike", "guard/assert/compare.go", "|| d.Run == unrecorded {", "{", "guard/assert Improves"},
	{"less work is no faster work", "guard/assert/compare.go", "const sameWork = .02", "const sameWork = .9", "guard/assert Improves"},
	{"one run per side knows no spread", "guard/assert/improve.go", "case c.RunSpread == 0:", "case c.RunSpread < 0:", "guard/assert Improves"},

	// What answers are worth, and what sources do not tell.
	{"an exact answer is exact", "bench/quality/quality.go", "t.want(strings.TrimSpace(a.Text) == want, ", "t.want(a.Text != want+\"-\", ", "bench/quality"},
	{"a pattern is matched", "bench/quality/quality.go", "t.want(r.pattern.MatchString(text), ", "t.want(text != \"-\", ", "bench/quality"},
	{"an answer is by its schema", "bench/quality/quality.go", "validate(r.schema, a.Text)\n\t\tt.want(problem == \"\", ", "validate(r.schema, a.Text)\n\t\tt.want(problem != \"-\", ", "bench/quality"},
	{"a tool call is by its schema", "bench/quality/quality.go", "validate(schema, call.Arguments)\n\t\tt.want(problem == \"\", ", "validate(schema, call.Arguments)\n\t\tt.want(problem != \"-\", ", "bench/quality"},
	{"a tool that does not exist is not called", "bench/quality/quality.go", "t.want(false, \"calls %q", "t.want(true, \"calls %q", "bench/quality"},
	{"a tool that is wanted is called", "bench/quality/quality.go", "return c.Tool == want })", "return c.Tool != want })", "bench/quality"},
	{"an answer ends as is wanted", "bench/quality/quality.go", "t.want(a.Finish == want, ", "t.want(a.Finish != \"-\", ", "bench/quality"},
	{"what expects nothing has no score", "bench/quality/quality.go", "if t.stated == 0 {", "if t.stated < 0 {", "bench/quality"},
	{"the service clock begins at the send", "bench/sample/measure.go", "return s.since(s.SentNS, user)", "return s.since(s.IntendedNS, user)", "bench/sample"},
	{"failures stand in the denominator of goodput", "bench/summary/detail.go", "float64(g.Good) / float64(g.Attempted)", "float64(g.Good) / float64(max(g.Good, 1))", "bench/summary"},
	{"a limit is kept to the nanosecond", "bench/summary/slo.go", "ns >= 0 && ns <= s.LimitNS", "ns >= 0 && ns <= s.LimitNS+2e6", "bench/summary"},
	{"what is not known keeps no limit", "bench/summary/slo.go", "return one.Usage.Source != \"\" && one.Usage.Output == 1", "return true", "bench/summary"},
	{"a source that lacks a measure has no goodput of it", "bench/summary/detail.go", "if slices.Contains(run.Header.Lacks, m) {", "if len(run.Header.Lacks) > 99 {", "bench/summary"},
	{"vLLM pools gaps, whatever a chunk holds", "bench/compat/records.go", "all = append(all, float64(gap)/1e6)", "all = append(all, float64(gap)/1e6/float64(max(output(s)-1, 1)))", "bench/compat"},
	{"inference-perf does not count reasoning", "bench/compat/records.go", "return ms(s.SentNS, s.TextNS)", "return ms(s.SentNS, s.TokenNS)", "bench/compat"},
	{"LoadGen begins at the planned start", "bench/compat/peers.go", "float64(s.TokenNS - s.IntendedNS), s.TokenNS != 0 })\n\ttpot", "float64(s.TokenNS - s.SentNS), s.TokenNS != 0 })\n\ttpot", "bench/compat"},
	{"a histogram log counts what it cannot hold", "bench/export/hlog.go", "if failed > 0 {", "if failed > 99 {", "bench/export"},
	{"a tag is one that readers take", "bench/export/hlog.go", "tag := notInTag.ReplaceAllString(label, \"_\")", "tag := label", "bench/export"},
	{"a failure has no measures in a table of requests", "bench/export/requests.go", "if !ok || none || ns < 0 {", "if !ok && ns > 0 || none || ns < 0 {", "bench/export"},
	{"a block's quantile among failures is infinite", "bench/export/benchstat.go", "slices.Repeat([]float64{math.Inf(1)}, failed)...)", "slices.Repeat([]float64{math.Inf(1)}, 0*failed)...)", "bench/export"},
	{"a message cannot rule the terminal", "bench/export/table.go", "if !unicode.IsPrint(r) {", "if !unicode.IsPrint(r) && r == 0 {", "bench/export"},
	{"vLLM's queue is before the send", "bench/convert/vllm.go", "s.SentNS - nanoseconds(queued)", "s.SentNS - 0*nanoseconds(queued)", "bench/convert"},
	{"k6's request began before it was blocked", "bench/convert/k6.go", "end - ns[0] - ns[1]", "end - ns[0]", "bench/convert"},
	{"a 201 of vegeta is no failure", "bench/convert/vegeta.go", "r.Code < 200 || r.Code >= 400", "r.Code != 200", "bench/convert"},
	{"a form names what it cannot tell", "bench/convert/lacks.go", "lacks := never(c.From)", "lacks := never(c.From)[:0]", "bench/convert TestLacks|TestGolden"},
	{"a log names what no record tells", "bench/convert/lacks.go", "if m.can && m.told == 0 {", "if m.can && m.told < 0 {", "bench/convert TestLacks|TestGolden"},
	{"a log that kept no failures tells no success rate", "bench/convert/lacks.go", "if c.told.silent > 0 {", "if c.told.silent < 0 {", "bench/convert TestLacks|TestGolden"},
	{"nobody graded a log that was converted", "bench/convert/lacks.go", "Grade: sample.Unknown", "Grade: sample.Valid", "bench/convert TestLacks|TestGolden"},
	{"the proxy names what it cannot tell", "requestlog.go", "Lacks: logLacks,", "Lacks: logLacks[:0],", ". TestRequestLog|TestLogOutcomes|TestALogWithHoles"},
	{"nobody graded the proxy's own log", "requestlog.go", "Grade: sample.Unknown", "Grade: sample.Valid", ". TestRequestLog|TestLogOutcomes|TestALogWithHoles"},
	{"a log with holes is invalid", "requestlog.go", "if lost == 0 {", "if lost >= 0 {", ". TestRequestLog|TestLogOutcomes|TestALogWithHoles"},
	{"a caller who left counts as a failure", "logsample.go", "return sample.ResetBefore, sample.PhaseHeaders, \"caller_left\"", "return sample.OK, \"\", \"caller_left\"", ". TestRequestLog|TestLogOutcomes|TestALogWithHoles"},
	// Scores by likeness.
	{"a reference is not compared with itself", "bench/quality/scorer.go", "use.Occurrence > to.occurrence {", "use.Occurrence >= to.occurrence {", "bench/quality WhatIsScored|EqualArms"},
	{"what came before a reference is not scored", "bench/quality/scorer.go", "use.Occurrence > to.occurrence {", "use.Occurrence != to.occurrence {", "bench/quality WhatIsScored"},
	{"the baseline alone gives references", "bench/quality/scorer.go", "use.Baseline && !known {", "!known {", "bench/quality WhatIsScored"},
	{"a reference stays", "bench/quality/scorer.go", "use.Baseline && !known {", "use.Baseline || known {", "bench/quality WhatIsScored"},
	{"without a reference there is no score", "bench/quality/scorer.go", "g.Early = !g.Scored", "g.Early, g.Scored = !g.Scored, true", "bench/quality WhatIsScored"},
	{"likeness counts as one expectation", "bench/quality/quality.go", "t.met += x\n", "t.met += 1\n", "bench/quality Likeness"},
	{"likeness is symmetric", "bench/quality/likeness.go", "2 * float64(shared) / float64(len(a)+len(b))", "float64(shared) / float64(max(1, len(a)))", "bench/quality Likeness"},
	{"a shard is no evidence", "guard/evidence/new.go", "if s := src.Header.Shard; s != nil {", "if s := src.Header.Shard; s != nil && s.Of < 0 {", "guard/evidence AShard"},
	{"a shard is not read as a run", "bench/sample/reader.go", "if s := run.Header.Shard; s != nil {", "if s := run.Header.Shard; s != nil && s.Of < 0 {", ". Scripts/shard"},
	{"shards have one plan", "bench/merge/merge.go", "{\"schedule\", a.Schedule, b.Schedule},", "", "bench/merge"},
	{"shards have one seed", "bench/merge/merge.go", "{\"seed\", a.Seed, b.Seed},", "", "bench/merge"},
	{"no shard is missing", "bench/merge/merge.go", "case n == 0:", "case n < 0:", "bench/merge"},
	{"no shard counts twice", "bench/merge/merge.go", "case n > 1:", "case n > 9:", "bench/merge"},
	{"a merged run has no holes", "bench/merge/merge.go", "case s.Seq < 0 || s.Seq >= total:", "case s.Seq < 0 || s.Seq >= total && false:", "bench/merge"},
	{"the worst shard's signal stands", "bench/merge/validity.go", "return a.Value > b.Value", "return a.Value < b.Value", "bench/merge"},
	{"an error that a shard does not know is not known", "bench/merge/validity.go", "known = known && told", "known = known || told", "bench/merge"},
	{"clocks may be apart by their errors", "bench/merge/validity.go", "c.OffsetNS+c.ErrorNS+step", "c.OffsetNS+step", "bench/merge"},
	{"clocks that are not known degrade", "bench/merge/validity.go", "v.Grade = worse(v.Grade, sample.Degraded)", "v.Grade = worse(v.Grade, sample.Valid)", "bench/merge"},
	{"a date is within its second", "bench/offset/offset.go", "+ int64(time.Second) - a.Asked", "+ int64(time.Second)/2 - a.Asked", "bench/offset"},
	{"bounds that cross are no bounds", "bench/offset/offset.go", "return b.Low <= b.High", "return true", "bench/offset"},
	{"a run beyond its tokens is refused", "bench/budget/budget.go", "limit.has > 0 && limit.may > limit.has", "limit.has < 0 && limit.may > limit.has", "bench/budget"},
	{"a run at its limit is stopped", "bench/budget/budget.go", "n > m.limits.Tokens || more && n == m.limits.Tokens", "n > 9*m.limits.Tokens", "bench/budget"},
	{"what was not told counts as asked", "bench/budget/budget.go", "m.used.Output += e.Usage.Output + e.Asked.Output", "m.used.Output += e.Usage.Output", "bench/budget"},
	{"a key is taken out of a text", "bench/record/decode.go", "body = bytes.ReplaceAll(body, []byte(s), ", "_ = bytes.ReplaceAll(body, []byte(s), ", "bench/record"},
	{"filler replaces letters", "bench/record/filler.go", "return 'a' + r.Int32N(26)", "return c", "bench/record"},
	{"a cut answer is said to be cut", "bench/record/answer.go", "a.size, !a.whole", "a.size, false", "bench/record"},
	{"a plant is slower by its share", "bench/delay/delay.go", "int64(s.share*float64(came-s.begun))", "int64(s.share*0)", "bench/delay"},
	{"empty answers are alike", "bench/quality/likeness.go", "return 1\n", "return 0\n", "bench/quality Likeness"},
	{"likeness is bounded", "bench/quality/likeness.go", "for len(p) < maxWords {", "for len(p) >= 0 {", "bench/quality Likeness"},
	{"a bigram counts as often as it occurs", "bench/quality/likeness.go", "return slices.Clone(p)", "return slices.Compact(p)", "bench/quality Likeness"},
	{"an answer is graded when its block ends", "bench/load/run.go", "\tr.grade()\n", "", "bench/load Garbled"},
	{"the first arm is the baseline", "bench/load/slot.go", "Baseline: req.sample.Arm == r.cfg.Arms[0].Name(),", "Baseline: req.sample.Arm != r.cfg.Arms[0].Name(),", "bench/load ADeadBaseline"},
	{"requests of a split that nobody can assign promote nothing", "guard/judge/split.go", "float64(e.Unassigned) <= unassignedShare*float64(n)", "float64(e.Unassigned) <= float64(n)", "guard/judge SplitRefuses"},
	{"an invalid probe is no pass", "bench/search/search.go", "if p.Verdict == Met && below", "if p.Verdict != Broken && below", "bench/search"},
	{"a failed turn ends its session", "bench/load/session.go", "case r.sample.Outcome != sample.OK:", "case r.sample.Outcome == sample.Aborted:", "bench/load Turn"},
	{"an early answer has no score to lose", "guard/assert/estimate.go", "|| one.Early && one.Outcome == sample.OK {", "{", "guard/assert TestLimits|Topics"},
	{"a failure scores 0 however early", "guard/assert/estimate.go", "|| one.Early && one.Outcome == sample.OK {", "|| one.Early {", "guard/assert TestLimits|Topics"},

	// Runs and gates.
	{"a control gets the first requests of a block", "bench/load/plan.go", "b.picks = b.picks[:n]", "b.picks = b.picks[len(b.picks)-n:]", "bench/load"},
	{"a control starts when the others do", "bench/load/plan.go", "b.offsets = b.offsets[:n]", "b.offsets = b.offsets[len(b.offsets)-n:]", "bench/load"},
	{"no arm always runs behind the same one", "bench/load/plan.go", "if row[i] = (i + 1) / 2; i%2 == 0 {", "if row[i] = i; i < 0 {", "bench/load"},
	{"a look ends a run by its plan", "bench/load/run.go", "r.result.Stopped, r.result.Look = end.Why, end.Look", "r.result.Stopped = fmt.Sprint(end)", "bench/load"},
	// The simulated upstream.
	{"a script fits by the user's newest text", "refproxy/fakegemini/talk.go", "if !added {\n\t\t\tbreak", "if !added && i == 0 {\n\t\t\tbreak", "refproxy/fakegemini Script|Follows|Newest"},
	{"a reminder behind results is no new text", "refproxy/fakegemini/talk.go", "added := i > 0 && t.turns[i-1].results", "added := i < 0", "refproxy/fakegemini Follows"},
	{"a step is a turn of results", "refproxy/fakegemini/talk.go", "\t\t\tresults++\n", "\t\t\tresults += 0\n", "refproxy/fakegemini Script"},
	{"a call needs its signature", "refproxy/fakegemini/signature.go", "(!isCall || !required || covered)", "(!isCall || !required || covered || position > 0)", "refproxy/fakegemini SignaturesAreChecked"},
	{"a signature belongs to one call", "refproxy/fakegemini/signature.go", "return signature == s.sealCall(kind, name.text, args)", "return kind == sealedCall || signature == s.sealCall(kind, name.text, args)", "refproxy/fakegemini SignaturesAreChecked"},
	{"a signature belongs to one family", "refproxy/fakegemini/signature.go", "\tmac.Write([]byte(s.family))\n", "", "refproxy/fakegemini SignaturesAreChecked"},
	{"the literal speaks for a turn", "refproxy/fakegemini/signature.go", "\t\t\t\tcovered = true\n", "\t\t\t\tcovered = false\n", "refproxy/fakegemini SignaturesAreChecked"},
	{"one signature speaks for parallel calls", "refproxy/fakegemini/signature.go", "covered = covered || kind == sealedCalls", "covered = covered || kind == sealedText", "refproxy/fakegemini Parallel"},
	{"a signature of calls is none of texts", "refproxy/fakegemini/signature.go", " && kind != sealedCalls\n", "\n", "refproxy/fakegemini Parallel"},
	{"the literal is counted", "refproxy/fakegemini/signature.go", "\t\t\t\tskipped++\n", "\t\t\t\tskipped += 0\n", "refproxy/fakegemini Literal"},
	{"results come in the order of the calls", "refproxy/fakegemini/turns.go", "case name.text != answers.text:", "case name.text == \"-\":", "refproxy/fakegemini Refused"},
	{"results name their call", "refproxy/fakegemini/turns.go", "case hasID && ofID && id.text != of.text:", "case hasID && ofID && id.text == \"-\":", "refproxy/fakegemini Refused"},
	{"results answer calls", "refproxy/fakegemini/turns.go", "\t\tcase len(results) > 0:\n", "\t\tcase len(results) > 99:\n", "refproxy/fakegemini Refused"},
	{"results stand alone", "refproxy/fakegemini/turns.go", " || len(parts.items) != len(calls)):", " || len(parts.items) < len(calls)):", "refproxy/fakegemini Refused"},
	{"calls are answered", "refproxy/fakegemini/turns.go", "; len(calls) > 0 {", "; len(calls) > 99 {", "refproxy/fakegemini Refused"},
	{"calls are the model's", "refproxy/fakegemini/turns.go", "calls > 0 && role.text != \"model\"", "calls > 99 && role.text != \"model\"", "refproxy/fakegemini Refused"},
	{"results are the user's", "refproxy/fakegemini/turns.go", "results > 0 && role.text != \"user\"", "results > 99 && role.text != \"user\"", "refproxy/fakegemini Refused"},
	{"thoughts go to who asks", "refproxy/fakegemini/scripted.go", "part.Thought != \"\" && !p.talk.thoughts", "part.Thought == \"-\" && !p.talk.thoughts", "refproxy/fakegemini Thoughts"},
	{"a step fails as often as it says", "refproxy/fakegemini/scripted.go", "step.Fault.Times > c.arm", "step.Fault.Times > 1+c.arm", "refproxy/fakegemini ScriptedLoop"},
	{"kept requests hold no secret", "refproxy/fakegemini/kept.go", "\"Authorization\", \"X-Goog-Api-Key\", ", "\"X-Goog-Api-Key\", ", "refproxy/fakegemini Kept"},
	{"a schema has a type", "refproxy/fakegemini/tools.go", "!typed && !either", "!typed && either", "refproxy/fakegemini Schemas"},
	{"an array has items", "refproxy/fakegemini/tools.go", "kind.text == \"ARRAY\" && !ok", "kind.text == \"-\" && !ok", "refproxy/fakegemini Schemas"},
	{"a format is one of its type's", "refproxy/fakegemini/tools.go", "formatted && format.text != \"\"", "formatted && format.text == \"-\"", "refproxy/fakegemini Schemas"},
	{"what is required exists", "refproxy/fakegemini/tools.go", "checkNamed(r, path, n, \"required\")", "checkNamed(r, path, n, \"-\")", "refproxy/fakegemini Schemas"},
	{"a schema of tools is of one kind", "refproxy/fakegemini/tools.go", "r.atMostOne(path, n, \"parameters\", \"parametersJsonSchema\")", "", "refproxy/fakegemini Tools"},
	{"functions have valid names", "refproxy/fakegemini/tools.go", "\t\t\"name\":                 functionName,", "\t\t\"name\":                 filled,", "refproxy/fakegemini Tools"},
	{"a function is declared once", "refproxy/fakegemini/tools.go", "slices.Contains(names[:i], name)", "slices.Contains(names[:0*i], name)", "refproxy/fakegemini Tools"},
	{"ANY needs functions", "refproxy/fakegemini/tools.go", "mode.text == \"ANY\" && len(names) == 0", "mode.text == \"-\" && len(names) == 0", "refproxy/fakegemini Tools"},
	{"allowed functions are declared", "refproxy/fakegemini/tools.go", "!slices.Contains(names, name.text)", "name.text == \"-\"", "refproxy/fakegemini Tools"},
	{"data is base64", "refproxy/fakegemini/media.go", "\tfilled(r, path, n)\n\tbase64Text(r, path, n)\n", "\tfilled(r, path, n)\n", "refproxy/fakegemini Media"},
	{"media have a MIME type", "refproxy/fakegemini/media.go", "fields{\"mimeType\": mimeType, \"data\": data}", "fields{\"mimeType\": filled, \"data\": data}", "refproxy/fakegemini Media"},
	{"thought is told in one way", "refproxy/fakegemini/thinking.go", "r.atMostOne(path, n, \"thinkingBudget\", \"thinkingLevel\")", "", "refproxy/fakegemini Refused|Thinking"},
	{"a level of thought is Gemini 3's", "refproxy/fakegemini/thinking.go", "ok && generation != 0 && generation < 3", "ok && generation < 0", "refproxy/fakegemini Thinking"},
	{"a budget of thought is the model's", "refproxy/fakegemini/thinking.go", "value == 0 && off || value >= low", "value == 0 && off || value >= min(low, 0)", "refproxy/fakegemini Thinking"},
	{"a schema of answers needs JSON", "refproxy/fakegemini/body.go", "len(schemas) > 0 && mime.text", "len(schemas) > 9 && mime.text", "refproxy/fakegemini Tools"},
	{"Vertex AI wants a token", "refproxy/fakegemini/api.go", "if refusal := a.server.account.Authorise(r.Header); refusal != nil {", "if refusal := a.server.account.Authorise(r.Header); refusal != nil && r.Header == nil {", "refproxy/fakegemini WhoMayAsk"},
	{"Code Assist is charged to the account's project", "refproxy/fakegemini/handler.go", "!c.charged(body) || ", "", "refproxy/fakegemini OtherAPIs"},
	{"Code Assist answers in an envelope", "refproxy/fakegemini/render.go", "if f.trace != \"\" {", "if f.trace == \"-\" {", "refproxy/fakegemini OtherAPIs"},
	{"a model has so many places", "refproxy/fakelimit/limiter.go", "m.Slots > 0 && l.busy[model] >= l.slots(model, now)", "m.Slots > 0 && l.busy[model] > l.slots(model, now)", "refproxy/fakelimit Slots"},
	{"a place is given back once", "refproxy/fakelimit/limiter.go", "return sync.OnceFunc(func() { l.end(name, model) }), nil", "return func() { l.end(name, model) }, nil", "refproxy/fakelimit Slots"},
	{"an ebb takes its share", "refproxy/fakelimit/limiter.go", "within < begin+m.Waves.Share", "within < begin+m.Waves.Share/2", "refproxy/fakelimit Waves"},
	{"an ebb is drawn", "refproxy/fakelimit/limiter.go", "return rand.New(rand.NewPCG(l.seed, hash.Sum64())).Float64()", "return rand.Float64()", "refproxy/fakelimit Waves"},
	{"a bucket fills by the clock", "refproxy/fakelimit/limiter.go", "u.tokens+now.Sub(u.filled).Minutes()*l.RequestsPerMinute", "u.tokens+now.Sub(u.filled).Minutes()", "refproxy/fakelimit Bucket"},
	{"a bucket holds a burst", "refproxy/fakelimit/limiter.go", "u.tokens = min(float64(l.Burst), ", "u.tokens = min(float64(l.Burst+1), ", "refproxy/fakelimit Bucket"},
	{"a day's requests end with it", "refproxy/fakelimit/limiter.go", "u.day, u.requests = day, 0", "u.day, u.requests = day, u.requests", "refproxy/fakelimit Day"},
	{"streams at a time are bounded", "refproxy/fakelimit/limiter.go", "u.running >= l.Concurrent", "u.running > l.Concurrent", "refproxy/fakelimit Streams"},
	{"a reset leaves what runs", "refproxy/fakelimit/limiter.go", "running[u].running = at.running", "_ = at.running", "refproxy/fakelimit Streams"},
	{"preview is for preview credentials", "refproxy/fakelimit/limiter.go", " || l.config.Keys[name].Preview", " || len(l.config.Keys) > 0", "refproxy/fakelimit Credentials"},
	{"a key that is not listed is refused", "refproxy/fakelimit/limiter.go", "l.config.Keys != nil && !listed && !bearer", "l.config.Keys == nil && !listed && !bearer", "refproxy/fakelimit Credentials"},
	{"a credential dies when it is said", "refproxy/fakelimit/limiter.go", "l.clock.Since(l.born[name]) < key.DiesAfter", "l.clock.Since(l.born[name]) < 0", "refproxy/fakelimit Credentials"},
	{"a place is held to the stream's end", "refproxy/fakegemini/handler.go", "\t\tdefer x.release()\n\t\tx.answerStream(f)", "\t\tx.release()\n\t\tx.answerStream(f)", "refproxy/fakegemini FullModel"},
	{"a full model hangs first", "refproxy/fakegemini/exchange.go", "x.at(x.refused.After)", "x.at(0)", "refproxy/fakegemini FullModel"},
	{"the upstream's delays are the clock's", "refproxy/fakegemini/exchange.go", "x.arm.server.config.Clock.Machine(d)", "d", "refproxy/fakegemini OneClock"},
	{"a token ends", "refproxy/fakeaccount/token.go", "given && a.clock.Now().Before(access.until)", "given && !access.until.IsZero()", "refproxy/fakeaccount TokensEnd"},
	{"a rotated refresh token is void", "refproxy/fakeaccount/token.go", "a.voided[form.Get(\"refresh_token\")] = struct{}{}", "_ = a.voided", "refproxy/fakeaccount Rotated"},
	{"a revoked token is no grant", "refproxy/fakeaccount/token.go", "strings.HasPrefix(token, \"revoked\") || ", "", "refproxy/fakeaccount Refused"},
	{"an assertion is for this endpoint", "refproxy/fakeaccount/token.go", "audience.Host != host || ", "", "refproxy/fakeaccount Assertions"},
	{"an assertion is short-lived", "refproxy/fakeaccount/token.go", " || expiry.Sub(issued) > maxAssertion", "", "refproxy/fakeaccount Assertions"},
	{"a project counts beside a tier", "refproxy/fakeaccount/assist.go", "if a.tier != \"\" {", "if a.tier == a.tier {", "refproxy/fakeaccount Project|Strictly|Untold"},
	{"the free tier refuses a project", "refproxy/fakeaccount/assist.go", "id == freeTier && project != \"\"", "id == freeTier && project == \"-\"", "refproxy/fakeaccount Strictly"},
	{"onboarding takes its polls", "refproxy/fakeaccount/assist.go", "left: a.config.CodeAssist.Polls,", "left: a.config.CodeAssist.Polls - 1,", "refproxy/fakeaccount Project"},
	{"injuries of one path add up", "refproxy/fakegemini/plan.go", "range injuries {", "range injuries[:min(1, len(injuries))] {", "refproxy/fakegemini"},
	{"a plant lies beyond every tau", "guard/gate/size.go", "tau, any = max(tau, m.Tau), true", "tau, any = m.Tau, true", "guard/gate TestPlanted"},
	{"controls have the least number of pairs", "guard/gate/size.go", "with >= least; with--", "with > 0; with--", "guard/gate"},
	{"a hold at a look goes on", "guard/gate/lookout.go", "if v.Decision == judge.Promote || v.Decision == judge.Rollback {", "if v.Decision != judge.NoData {", "guard/gate Look|Decision"},
	{"a look is taken where it is planned", "guard/gate/lookout.go", "if !due {", "if !due && blocks%2 == 1 {", "guard/gate Look|Decision"},
	{"a look leaves nothing to collect", "guard/gate/lookout.go", "defer runtime.GC()", "defer runtime.NumGoroutine()", "guard/gate Look|Decision"},

	// Enriched runs.
	{"success is that of the load as it is", "guard/judge/enriched.go", "return !c.enriched() || c.set.Natural[k] }", "return !c.enriched() || c.set.Natural[k] || k >= 0 }", "guard/judge Enriched"},
	{"an enriched load is the natural one", "guard/judge/enriched.go", "case a.Within(math.Log1p(margin)):", "case a.Within(math.Log1p(margin)) || len(kinds[1]) > 1:", "guard/judge Enriched"},
	{"the candidate's load counts as well", "guard/judge/enriched.go", "\t\t\trequests = r.Candidate\n", "\t\t\trequests = r.Baseline\n", "guard/judge Enriched"},
	{"weights say how they came about", "guard/judge/enriched.go", "case c.set.Header.Draw == nil:", "case c.set.Header.Draw == nil && c.control:", "guard/judge Enriched"},
	{"no claim of an enriched throughput", "guard/judge/enriched.go", "case !m.Measure.Latency():\n\t\treturn", "case !m.Measure.Latency() && c.control:\n\t\treturn", "guard/judge Enriched"},
	{"no limit on an enriched throughput", "guard/judge/enriched.go", "f.limitBroken, f.limitUnmet = false, true", "f.limitUnmet = true", "guard/judge Enriched"},
	{"quantiles by block know no weights", "guard/judge/enriched.go", "case c.byBlocks(m):", "case c.byBlocks(m) && c.control:", "guard/judge Enriched"},
	{"modes without weights hold", "guard/judge/enriched.go", "if e.Natural == nil || p.Mode", "if e.Natural != nil || p.Mode", "guard/judge Modes"},
	{"quantiles of enriched arms are weighted", "guard/judge/enriched.go", "if sum += weights[i]; sum", "if sum += total / float64(len(order)); sum", "guard/judge Enriched"},
	{"limits are of the natural blocks", "guard/evidence/natural.go", "if natural[k] {", "if natural[k] || k >= 0 {", "guard/evidence TestWeights"},
	{"nothing is asserted of an enriched run", "guard/assert/assert.go", "if run != nil && run.Header.Draw != nil {", "if run != nil && run.Header.Draw != nil && run.Header.Tool == \"-\" {", "guard/assert TestRefusals"},
	{"an enriched run is no history", "guard/history/entry.go", "if h.Draw != nil {", "if h.Draw != nil && h.Tool == \"-\" {", "guard/history TestOf"},

	// The Anthropic dialect.
	{"an unknown block is refused", "refproxy/anthropic/blocks.go", "case !known:", "case !known && head.Type == \"-\":", "refproxy/anthropic TestGolden"},
	{"reasoning is the model's alone", "refproxy/anthropic/blocks.go", "kindsOfResult | kindToolResult | kindServer,", "kindsOfResult | kindToolResult | kindServer | kindThinking,", "refproxy/anthropic TestGolden"},
	{"a text keeps its white space", "refproxy/anthropic/blocks.go", "l.addText(*t.Text)\n", "l.addText(strings.TrimSpace(*t.Text))\n", "refproxy/anthropic TestGolden"},
	{"an unknown member of a block is refused", "refproxy/anthropic/blocks.go", "l.addText(*t.Text)\n\treturn refuseUnknown(at, t.Unknown)", "l.addText(*t.Text)\n\treturn nil", "refproxy/anthropic TestGolden"},
	{"an image needs its type", "refproxy/anthropic/blocks.go", "case s.MediaType == \"\":", "case s.MediaType == \"-\":", "refproxy/anthropic TestGolden"},
	{"an image by address is never dropped", "refproxy/anthropic/blocks.go", "m := &chat.Media{URL: s.URL}", "m := &chat.Media{}", "refproxy/anthropic TestGolden"},
	{"a document by address is a PDF", "refproxy/anthropic/blocks.go", "m.MIME = mime", "m.MIME = \"\"", "refproxy/anthropic TestGolden"},
	{"a document has its title", "refproxy/anthropic/blocks.go", "labelled(\"Title\", doc.Title) + ", "", "refproxy/anthropic TestGolden"},
	{"a document has its context", "refproxy/anthropic/blocks.go", " + labelled(\"Context\", doc.Context)", "", "refproxy/anthropic TestGolden"},
	{"a document has all its blocks", "refproxy/anthropic/blocks.go", "for _, p := range inner {\n\t\t\tparts.add", "for _, p := range inner[:1] {\n\t\t\tparts.add", "refproxy/anthropic TestGolden"},
	{"a search result tells its source", "refproxy/anthropic/blocks.go", "labelled(\"Source\", r.Source)", "labelled(\"Source\", \"\")", "refproxy/anthropic TestGolden"},
	{"a search result has all its texts", "refproxy/anthropic/blocks.go", "strings.Join(texts, \"\\n\")", "texts[0]", "refproxy/anthropic TestGolden"},
	{"a signature is lent to one part alone", "refproxy/anthropic/blocks.go", "l.lent = nil", "_ = l", "refproxy/anthropic TestGolden"},
	{"a signature in an id goes back with the call", "refproxy/anthropic/results.go", "id, signature := chat.SplitID(use.ID)", "id, signature := use.ID, (*chat.Signature)(nil)", "refproxy/anthropic TestGolden"},
	{"a result is found whatever its suffix", "refproxy/anthropic/results.go", "id, _ := chat.SplitID(res.ID)", "id := res.ID", "refproxy/anthropic TestGolden"},
	{"a failed result says so", "refproxy/anthropic/results.go", "Failed: res.Failed", "Failed: false", "refproxy/anthropic TestGolden"},
	{"a result has all its parts", "refproxy/anthropic/results.go", "Parts: inner, ", "Parts: inner[:min(1, len(inner))], ", "refproxy/anthropic TestGolden"},
	{"what the provider's tools left is kept", "refproxy/anthropic/results.go", "l.addText(string(text))", "l.addText(string(text[:0]))", "refproxy/anthropic TestGolden"},
	{"the input of a call is an object", "refproxy/anthropic/json.go", "if k := v.Kind(); k != '{' {", "if k := v.Kind(); k == '[' {", "refproxy/anthropic TestGolden"},
	{"a lone surrogate in an input is replaced", "refproxy/anthropic/json.go", "v.Format(jsontext.AllowInvalidUTF8(true))", "v.Compact()", "refproxy/anthropic TestGolden"},
	{"a member that says nothing is no reason to refuse", "refproxy/anthropic/json.go", "if !isFilled(value) {", "if !isSet(value) {", "refproxy/anthropic TestGolden"},
	{"a refusal names the whole path", "refproxy/anthropic/json.go", "out.Path, sep = path+\".\"+err.Path, \".\"", "out.Path = path + \".\" + err.Path", "refproxy/anthropic TestGolden"},
	{"our signature of reasoning is opened", "refproxy/anthropic/thinking.go", "strings.CutPrefix(envelope, sealOwn); ok {", "strings.CutPrefix(envelope, sealOwn); ok && b == nil {", "refproxy/anthropic TestGolden"},
	{"dropped reasoning is counted", "refproxy/anthropic/thinking.go", "*b.dropped++", "*b.dropped += 0", "refproxy/anthropic TestGolden"},
	{"reasoning gives a lent signature back", "refproxy/anthropic/thinking.go", "parts.lent = &s", "parts.lent = &chat.Signature{Value: s.Value}", "refproxy/anthropic TestGolden"},
	{"reasoning that was asked for is shown", "refproxy/anthropic/thinking.go", "r.Show = true", "r.Show = false", "refproxy/anthropic TestGolden"},
	{"omitted reasoning is not shown", "refproxy/anthropic/thinking.go", "case \"omitted\":", "case \"omitted\":\n\t\tr.Show = t.Display != \"\"", "refproxy/anthropic TestGolden"},
	{"disabled reasoning is off", "refproxy/anthropic/thinking.go", "r.Mode = chat.ReasoningOff", "r.Mode = chat.ReasoningUnset", "refproxy/anthropic TestGolden"},
	{"xhigh is the most there is", "refproxy/anthropic/thinking.go", "\"xhigh\": chat.EffortMax", "\"xhigh\": chat.EffortHigh", "refproxy/anthropic TestGolden"},
	{"a tool that no upstream has is refused", "refproxy/anthropic/tools.go", "case !known:", "case !known && t.Name == \"\":", "refproxy/anthropic TestGolden"},
	{"a search is the upstream's search", "refproxy/anthropic/tools.go", "{\"web_search_\", chat.ToolSearch}", "{\"web_search_\", chat.ToolFetch}", "refproxy/anthropic TestGolden"},
	{"a search leaves out what it is told to", "refproxy/anthropic/tools.go", "Blocked: t.Blocked}", "Blocked: nil}", "refproxy/anthropic TestGolden"},
	{"a fetch cannot be kept off domains", "refproxy/anthropic/tools.go", "len(t.Blocked) > 0 &&", "len(t.Blocked) > 9 &&", "refproxy/anthropic TestGolden"},
	{"a tool's name is its own", "refproxy/anthropic/tools.go", "names[t.Name] = true", "names[t.Name] = false", "refproxy/anthropic TestGolden"},
	{"a tool keeps its schema", "refproxy/anthropic/tools.go", "if isSet(t.Schema) {", "if isSet(t.Schema) && t.Name == \"\" {", "refproxy/anthropic TestGolden"},
	{"no call at all can be asked for", "refproxy/anthropic/tools.go", "req.Choice.Mode = chat.ChoiceNone", "req.Choice.Mode = chat.ChoiceAuto", "refproxy/anthropic TestGolden"},
	{"only functions can be demanded", "refproxy/anthropic/tools.go", "if slices.ContainsFunc(req.Tools, func(t chat.Tool) bool { return t.Kind == chat.ToolFunction }) {", "if len(req.Tools) > 0 {", "refproxy/anthropic TestGolden"},
	{"a tool can be demanded by name", "refproxy/anthropic/tools.go", "chat.ChoiceAny, []string{c.Name}", "chat.ChoiceAny, nil", "refproxy/anthropic TestGolden"},
	{"the upstream's own tool cannot be demanded", "refproxy/anthropic/tools.go", "case req.Tools[i].Kind == chat.ToolFunction:", "case req.Tools[i].Kind != 0:", "refproxy/anthropic TestGolden"},
	{"one call at most can be asked for", "refproxy/anthropic/tools.go", "req.Choice.Single = c.Single", "req.Choice.Single = false", "refproxy/anthropic TestGolden"},
	{"a format has its schema", "refproxy/anthropic/tools.go", "Name: f.Name, Schema: schema}", "Name: f.Name, Schema: schema[:0]}", "refproxy/anthropic TestGolden"},
	{"the older place of a format counts", "refproxy/anthropic/tools.go", "at, f := \"output_format\", w.OutputFormat", "at, f := \"output_format\", (*outputFormat)(nil)", "refproxy/anthropic TestGolden"},
	{"a billing header is left out", "refproxy/anthropic/turns.go", "parts = parts[1:]", "parts = parts[0:]", "refproxy/anthropic TestGolden"},
	{"an instruction ends with the next user message", "refproxy/anthropic/turns.go", "m.ClearAt == clearAtUser && userFollows:", "m.ClearAt == clearAtUser && !userFollows:", "refproxy/anthropic TestGolden"},
	{"a thread is refused", "refproxy/anthropic/request.go", "if isSet(w.Thread) {", "if isSet(w.Thread) && w.Model == \"\" {", "refproxy/anthropic TestGolden"},
	{"a container is refused", "refproxy/anthropic/request.go", "\t\t{\"container\", w.Container},\n", "", "refproxy/anthropic TestGolden"},
	{"stop sequences are five at most", "refproxy/anthropic/request.go", "const maxStopSequences = 5", "const maxStopSequences = 6", "refproxy/anthropic TestGolden"},
	{"context management is answered", "refproxy/anthropic/request.go", "ContextManagement: isSet(w.ContextEdits),", "ContextManagement: false,", "refproxy/anthropic TestGolden"},
	{"a limit of tokens is required", "refproxy/anthropic/request.go", "if wire.MaxTokens == nil {", "if wire.MaxTokens == nil && wire.Model == \"\" {", "refproxy/anthropic TestGolden"},
	{"calls without ids get different ones", "refproxy/anthropic/answer.go", "strconv.Itoa(n)", "strconv.Itoa(n-n)", "refproxy/anthropic TestGolden"},
	{"a call's signature rides in its id", "refproxy/anthropic/answer.go", "id, _ = chat.JoinID(id, s)", "id, _ = chat.JoinID(id, nil)", "refproxy/anthropic TestGolden"},
	{"no arguments are an empty object", "refproxy/anthropic/answer.go", "jsontext.Value(\"{}\")", "jsontext.Value(\"null\")", "refproxy/anthropic TestGolden"},
	{"texts in a row are one block of a whole answer", "refproxy/anthropic/answer.go", "t, ok := open.(*textBlock)\n\tif !ok {", "t, ok := open.(*textBlock)\n\tif !ok || t != nil {", "refproxy/anthropic TestGolden"},
	{"a signature ends its block of a whole answer", "refproxy/anthropic/answer.go", "if !ok || t.Signature != \"\" {", "if !ok {", "refproxy/anthropic TestGolden"},
	{"a whole answer's reasoning keeps a lent signature", "refproxy/anthropic/answer.go", "t.Signature = sealLent + s.Seal()", "t.Signature = sealOwn + s.Seal()", "refproxy/anthropic TestGolden"},
	{"a stream's reasoning keeps a lent signature", "refproxy/anthropic/stream.go", "e.sign(sealLent, s)", "e.sign(sealOwn, s)", "refproxy/anthropic TestGolden"},
	{"a block has one signature", "refproxy/anthropic/stream.go", "e.open == openThinking && !e.signed {", "e.open == openThinking {", "refproxy/anthropic TestGolden"},
	{"a signature ends its block of a stream", "refproxy/anthropic/stream.go", "if e.open != openThinking || e.signed {", "if e.open != openThinking {", "refproxy/anthropic TestGolden"},
	{"one block is open at a time", "refproxy/anthropic/stream.go", "e.closeBlock()\n\te.state, e.open", "e.state, e.open", "refproxy/anthropic TestGolden"},
	{"an error closes the open block", "refproxy/anthropic/stream.go", "e.closeBlock()\n\te.buf = sse.Begin(e.buf, \"error\")", "e.buf = sse.Begin(e.buf, \"error\")", "refproxy/anthropic TestGolden"},
	{"the end closes the open block", "refproxy/anthropic/stream.go", "e.closeBlock()\n\te.event(\"message_delta\"", "e.event(\"message_delta\"", "refproxy/anthropic TestGolden"},
	{"the indexes of blocks rise", "refproxy/anthropic/stream.go", "e.index++", "e.index += 0", "refproxy/anthropic TestGolden"},
	{"an empty text opens no block", "refproxy/anthropic/stream.go", "if hasText {\n", "if hasText || ev.Signature != nil {\n", "refproxy/anthropic TestGolden"},
	{"reasoning comes with its signature", "refproxy/anthropic/stream.go", "e.sign(sealOwn, ev.Signature)", "e.sign(sealOwn, &chat.Signature{})", "refproxy/anthropic TestGolden"},
	{"a call ends an answer as one", "refproxy/anthropic/response.go", "return \"tool_use\", nil", "return \"end_turn\", nil", "refproxy/anthropic TestGolden"},
	{"reasoning tokens are told", "refproxy/anthropic/response.go", "if u.Thinking > 0 {", "if u.Thinking < 0 {", "refproxy/anthropic TestGolden"},

	// What the upstream is told, and what is heard of its answers.
	{"Gemini: functions share one element", "refproxy/gemini/tools.go", "return slices.Insert(own, 0, tool{FunctionDeclarations: functions}), nil", "return slices.Insert(own, 0, tool{FunctionDeclarations: functions[:1]}), nil", "refproxy/gemini Golden"},
	{"Gemini: server tools stand alone", "refproxy/gemini/tools.go", "own != nil && !e.MixedTools", "own == nil && !e.MixedTools", "refproxy/gemini Golden"},
	{"Gemini: a server tool is named once", "refproxy/gemini/tools.go", "if !seen[t.Kind] {", "if true || seen[t.Kind] {", "refproxy/gemini Golden"},
	{"Gemini: two tools have two names", "refproxy/gemini/tools.go", "if named[d.Name] {", "if named[d.Name+\"x\"] {", "refproxy/gemini Golden"},
	{"Gemini: no choice is NONE", "refproxy/gemini/tools.go", "c.Mode = \"NONE\"", "c.Mode = \"AUTO\"", "refproxy/gemini Golden"},
	{"Gemini: a demanded function is named", "refproxy/gemini/tools.go", "c.AllowedFunctionNames = append(c.AllowedFunctionNames, wireName(name))", "_ = wireName(name)", "refproxy/gemini Golden"},
	{"Gemini: a server tool cannot be demanded", "refproxy/gemini/tools.go", "if slices.Contains(others, name) {", "if slices.Contains(others, name+\"x\") {", "refproxy/gemini Golden"},
	{"Gemini: a choice needs functions", "refproxy/gemini/tools.go", "\tif functions == nil {\n\t\treturn nil, nil\n\t}\n\treturn &toolConfig{c}, nil", "\treturn &toolConfig{c}, nil", "refproxy/gemini Golden"},
	{"Gemini: only Vertex leaves domains out", "refproxy/gemini/tools.go", "if e.Variant == Vertex { // the others have no such field", "if e.Variant != CodeAssist {", "refproxy/gemini Golden"},
	{"Gemini: schemas choose their target", "refproxy/gemini/tools.go", "if target == schema.Parameters {", "if target != schema.Auto {", "refproxy/gemini Golden"},
	{"Gemini: names are as short as every model takes", "refproxy/gemini/names.go", "len(name) > maxName ||", "len(name) > 2*maxName ||", "refproxy/gemini Golden"},
	{"Gemini: a changed name keeps a hash", "refproxy/gemini/names.go", "suffix := \"_\" + hex.EncodeToString(sum[:4])", "suffix := \"_\" + hex.EncodeToString(sum[:0])", "refproxy/gemini Golden"},
	{"Gemini: answers give the caller's name", "refproxy/gemini/decode.go", "if name, ok := d.names[wire]; ok {", "if name, ok := d.names[wire]; ok && false {", "refproxy/gemini Golden"},
	{"Gemini: white space is kept in requests", "refproxy/gemini/contents.go", "if p.Text == \"\" && signature == \"\" {", "if strings.TrimSpace(p.Text) == \"\" && signature == \"\" {", "refproxy/gemini Golden"},
	{"Gemini: unsigned reasoning is not sent", "refproxy/gemini/contents.go", "\t\tif signature == \"\" {\n\t\t\treturn nil, nil, nil", "\t\tif signature == \"-\" {\n\t\t\treturn nil, nil, nil", "refproxy/gemini Golden"},
	{"Gemini: a signature goes to its family", "refproxy/gemini/contents.go", "s == nil || s.Family != e.model.family", "s == nil || s.Family == \"-\"", "refproxy/gemini Golden"},
	{"Gemini: a lost signature is said once", "refproxy/gemini/contents.go", "first < 0 || e.model.generation < 3 || slices", "first < 0 || e.model.generation < 4 || slices", "refproxy/gemini Golden"},
	{"Gemini: a lost signature is said by 3 alone", "refproxy/gemini/contents.go", "e.model.generation < 3 || slices.ContainsFunc(parts, signed)", "slices.ContainsFunc(parts, signed)", "refproxy/gemini Golden"},
	{"Gemini: what is signed is not signed again", "refproxy/gemini/contents.go", "e.model.generation < 3 || slices.ContainsFunc(parts, signed) {", "e.model.generation < 3 || first < 0 && slices.ContainsFunc(parts, signed) {", "refproxy/gemini Golden"},
	{"Gemini: reasoning keeps a call's signature", "refproxy/gemini/contents.go", "if first > 0 && parts[first-1].Thought {", "if first > 9 && parts[first-1].Thought {", "refproxy/gemini Golden"},
	{"Gemini: results stand alone", "refproxy/gemini/contents.go", " && !hasResult(contents[n-1].Parts) && !hasResult(parts) {", " {", "refproxy/gemini Golden"},
	{"Gemini: all texts of a result arrive", "refproxy/gemini/contents.go", "said := strings.Join(texts, \"\\n\")", "said := strings.Join(texts[:min(1, len(texts))], \"\\n\")", "refproxy/gemini Golden"},
	{"Gemini: a failed result says so", "refproxy/gemini/contents.go", "\tif r.Failed {", "\tif r.Failed && said == \"-\" {", "refproxy/gemini Golden"},
	{"Gemini: 3 takes files within results", "refproxy/gemini/contents.go", "if e.model.generation >= 3 {\n\t\tresponse.Parts", "if e.model.generation >= 4 {\n\t\tresponse.Parts", "refproxy/gemini Golden"},
	{"Gemini: files of results are labelled", "refproxy/gemini/contents.go", "files = slices.Insert(files, 0, requestPart{Text: &label})", "_ = label", "refproxy/gemini Golden"},
	{"Gemini: files of results are not lost", "refproxy/gemini/contents.go", "\tout = add(out, \"user\", files)\n\tif len(out) == 0", "\tif len(out) == 0", "refproxy/gemini Golden"},
	{"Gemini: files of results come before the model goes on", "refproxy/gemini/contents.go", "\t\t\tout = add(out, \"user\", files)\n\t\t\tout = add(out, \"model\", parts)", "\t\t\tout = add(out, \"model\", parts)", "refproxy/gemini Golden"},
	{"Gemini: data have a type", "refproxy/gemini/contents.go", "m.Data != \"\" && m.MIME == \"\":", "m.Data == \"-\" && m.MIME == \"\":", "refproxy/gemini Golden"},
	{"Gemini: arguments are an object", "refproxy/gemini/call.go", "if v.Kind() != '{' {\n\t\treturn nil, errors.New(\"it is", "if v.Kind() == '0' {\n\t\treturn nil, errors.New(\"it is", "refproxy/gemini Golden"},
	{"Gemini: the most thought of pro", "refproxy/gemini/model.go", "chat.EffortMax:     {32768,", "chat.EffortMax:     {24576,", "refproxy/gemini Golden"},
	{"Gemini: medium is high for 3 pro", "refproxy/gemini/model.go", "8192, \"HIGH\", \"MEDIUM\"}", "8192, \"MEDIUM\", \"MEDIUM\"}", "refproxy/gemini Golden"},
	{"Gemini: pro cannot but think", "refproxy/gemini/model.go", "chat.EffortNone:    {128,", "chat.EffortNone:    {0,", "refproxy/gemini Golden"},
	{"Gemini: minimal is a level of flash", "refproxy/gemini/model.go", "chat.EffortMinimal: {128, 0, \"LOW\", \"MINIMAL\"}", "chat.EffortMinimal: {128, 0, \"LOW\", \"LOW\"}", "refproxy/gemini Golden"},
	{"Gemini: a budget is clamped", "refproxy/gemini/model.go", "n = min(max(r.Budget, least), most)", "n = max(r.Budget, least) + 0*most", "refproxy/gemini Golden"},
	{"Gemini: a budget has a least", "refproxy/gemini/model.go", "n = min(max(r.Budget, least), most)", "n = min(r.Budget, most) + 0*least", "refproxy/gemini Golden"},
	{"Gemini: dynamic is the model's choice", "refproxy/gemini/model.go", "\t\tn = dynamic\n", "\t\tn = 0\n", "refproxy/gemini Golden"},
	{"Gemini: low ends at 4096", "refproxy/gemini/model.go", "lowBudget    = 4096", "lowBudget    = 4097", "refproxy/gemini Golden"},
	{"Gemini: medium ends at 16384", "refproxy/gemini/model.go", "mediumBudget = 16384", "mediumBudget = 16385", "refproxy/gemini Golden"},
	{"Gemini: off shows nothing", "refproxy/gemini/model.go", "r.Show && r.Mode != chat.ReasoningOff", "r.Show", "refproxy/gemini Golden"},
	{"Gemini: old models are told nothing", "refproxy/gemini/model.go", "\tcase m.generation != 0:\n\t\treturn nil\n", "", "refproxy/gemini Golden"},
	{"Gemini: a generation from 3 on is a family", "refproxy/gemini/model.go", "\tif generation >= 3 {\n\t\tm.family = \"gemini-\" + major", "\tif generation >= 4 {\n\t\tm.family = \"gemini-\" + major", "refproxy/gemini Golden"},
	{"Gemini: instruction and tools are counted", "refproxy/gemini/request.go", "case body.SystemInstruction == nil && body.Tools == nil:", "case body.SystemInstruction == nil || body.Tools == nil:", "refproxy/gemini Golden"},
	{"Gemini: limits are not counted", "refproxy/gemini/request.go", "\tbody.GenerationConfig = nil\n", "", "refproxy/gemini Golden"},
	{"Gemini: half a call is none", "refproxy/gemini/answer.go", "\tcase a.calling != nil:\n\t\treturn 0 // half a call is none\n", "", "refproxy/gemini Golden"},
	{"Gemini: a call makes it tool use", "refproxy/gemini/answer.go", "\tcase a.hasCall:\n\t\treturn chat.StopToolUse\n", "", "refproxy/gemini Golden"},
	{"Gemini: a malformed call is a failure", "refproxy/gemini/answer.go", "\"MALFORMED_FUNCTION_CALL\", \"UNEXPECTED_TOOL_CALL\",", "\"UNEXPECTED_TOOL_CALL\",", "refproxy/gemini Golden"},
	{"Gemini: the limit counts after a call", "refproxy/gemini/answer.go", "\tcase \"MAX_TOKENS\":\n\t\treturn chat.StopMaxTokens", "\tcase \"MAX_TOKENS\":\n\t\tif a.hasCall {\n\t\t\treturn chat.StopToolUse\n\t\t}\n\t\treturn chat.StopMaxTokens", "refproxy/gemini Golden"},
	{"Gemini: only what is marked is a thought", "refproxy/gemini/answer.go", "\tcase p.Thought:\n\t\tev.Kind", "\tcase p.Thought || p.Signature != \"\":\n\t\tev.Kind", "refproxy/gemini Golden"},
	{"Gemini: thoughts go to who asks", "refproxy/gemini/answer.go", "p.Thought && a.of.hideThoughts:", "p.Thought && a.of.hideThoughts && p.Text == \"\":", "refproxy/gemini Golden"},
	{"Gemini: a signature alone is no answer", "refproxy/gemini/answer.go", "ev.Kind == chat.EventText && ev.Text != \"\"", "ev.Kind == chat.EventText", "refproxy/gemini Golden"},
	{"Gemini: a signature is kept with its family", "refproxy/gemini/answer.go", "a.family = cmp.Or(a.of.family, parseModel(c.ModelVersion).family)", "a.family = cmp.Or(parseModel(c.ModelVersion).family, a.of.family)", "refproxy/gemini Golden"},
	{"Gemini: pieces of a string join", "refproxy/gemini/call.go", "t.text.WriteString(*p.Text)", "t.text.Reset()\n\t\tt.text.WriteString(*p.Text)", "refproxy/gemini Golden"},
	{"Gemini: a call ends before the next", "refproxy/gemini/call.go", "} else if c.Name != \"\" && a.calling.call.Name != \"\" {", "} else if c.Name == \"-\" && a.calling.call.Name != \"\" {", "refproxy/gemini Golden"},
	{"Gemini: a call has a name", "refproxy/gemini/call.go", "if p.call.Name == \"\" {", "if p.call.Name == \"-\" {", "refproxy/gemini Golden"},
	{"Gemini: all candidates are read", "refproxy/gemini/decode.go", "\t\tif i == main {\n\t\t\tcontinue", "\t\tif i >= main {\n\t\t\tcontinue", "refproxy/gemini Golden"},
	{"Gemini: an envelope cannot be ended from within", "refproxy/gemini/codeassist.go", "if v.Kind() != '{' || !v.IsValid(", "if v.Kind() != '{' && !v.IsValid(", "refproxy/gemini Golden|CodeAssist"},
	{"Gemini: an envelope keeps what is no answer", "refproxy/gemini/codeassist.go", "|| envelope.Response.Kind() != '{' {", "|| envelope.Response.Kind() == '0' {", "refproxy/gemini Golden|CodeAssist"},

	// What becomes of schemas.
	{"schema: false is no property", "refproxy/schema/load.go", "if !sub.never {", "if !sub.never || true {", "refproxy/schema Golden"},
	{"schema: a reference is unescaped", "refproxy/schema/load.go", "strings.ReplaceAll(strings.ReplaceAll(token, \"~1\", \"/\"), \"~0\", \"~\")", "token", "refproxy/schema Golden"},
	{"schema: recursion is cut at the second visit", "refproxy/schema/load.go", "p.refs = append(slices.Clip(p.refs), v.text)", "p.refs = append(slices.Clip(p.refs[:0]), v.text)", "refproxy/schema Golden"},
	{"schema: only local references are followed", "refproxy/schema/load.go", "\tif !ok {\n\t\treturn nil, badRef(\"only", "\tif !ok && ref == \"\" {\n\t\treturn nil, badRef(\"only", "refproxy/schema Golden"},
	{"schema: what stands beside a reference says it first", "refproxy/schema/load.go", "n = merge(n, target)", "n = merge(target, n)", "refproxy/schema Golden"},
	{"schema: allOf unites what is required", "refproxy/schema/node.go", "n.required = distinct(append(slices.Clip(n.required), b.required...))", "", "refproxy/schema Golden"},
	{"schema: the tighter bound counts", "refproxy/schema/node.go", "case less(b.number, a.number) ||", "case less(a.number, b.number) ||", "refproxy/schema Golden"},
	{"schema: the tighter size counts", "refproxy/schema/node.go", "(i%2 == 0) == (*y > *x)", "(i%2 == 0) == (*y < *x)", "refproxy/schema Golden"},
	{"schema: enums meet", "refproxy/schema/node.go", "if seen[v.String()] {\n\t\t\tboth", "if true {\n\t\t\tboth", "refproxy/schema Golden"},
	{"schema: oneOf becomes anyOf", "refproxy/schema/load.go", "[]string{\"anyOf\", \"oneOf\"}", "[]string{\"anyOf\"}", "refproxy/schema Golden"},
	{"schema: a null form is a mark", "refproxy/schema/load.go", "\t\tcase f.onlyNull():\n\t\t\tout.nullable = true", "\t\tcase f.onlyNull():\n\t\t\tout.nullable = false", "refproxy/schema Golden"},
	{"schema: fixed strings become one enum", "refproxy/schema/load.go", "\treturn out.joined()\n", "\treturn out\n", "refproxy/schema Golden"},
	{"schema: anyOf stands alone", "refproxy/schema/load.go", "\tif !base.says() {\n\t\treturn n, nil", "\tif true || !base.says() {\n\t\treturn n, nil", "refproxy/schema Golden"},
	{"schema: forms that only require are said", "refproxy/schema/load.go", "if s, ok := requirements(n.anyOf); ok {", "if s, ok := requirements(n.anyOf); ok && s == \"\" {", "refproxy/schema Golden"},
	{"schema: null in a list of types is a mark", "refproxy/schema/node.go", "n.nullable, n.kinds = true, withoutNull(n.kinds)", "n.kinds = withoutNull(n.kinds)", "refproxy/schema Golden"},
	{"schema: several types are several forms", "refproxy/schema/write.go", "n.anyOf == nil && len(kinds) > 1 {", "n.anyOf == nil && len(kinds) > 9 {", "refproxy/schema Golden"},
	{"schema: properties tell an object", "refproxy/schema/node.go", "case n.properties != nil ||", "case n.properties == nil && n.items == nil && n.prefix == nil && n.enum == nil && n.closed ||", "refproxy/schema Golden"},
	{"schema: an empty string is not in an enum", "refproxy/schema/write.go", "func(s string) bool { return s == \"\" }", "func(s string) bool { return s == \"-\" }", "refproxy/schema Golden"},
	{"schema: null is not in an enum", "refproxy/schema/load.go", "\t\tif x.kind == 'n' {\n\t\t\tn.nullable = true", "\t\tif x.kind == 'n' {\n\t\t\tn.nullable = false", "refproxy/schema Golden"},
	{"schema: numbers of an enum are said", "refproxy/schema/write.go", "say.values(enum)\n", "\n", "refproxy/schema Golden"},
	{"schema: an exclusive bound of integers", "refproxy/schema/write.go", "plain(math.Floor(b.number) + 1)", "plain(math.Floor(b.number))", "refproxy/schema Golden"},
	{"schema: an exclusive bound of numbers is said", "refproxy/schema/write.go", "say.add(\"greater than \" + b.text)", "_ = b", "refproxy/schema Golden"},
	{"schema: draft 4 marks bounds", "refproxy/schema/load.go", "x != nil && x.kind == 't' {", "x != nil && x.kind == '-' {", "refproxy/schema Golden"},
	{"schema: a mixed tuple is of any of its elements", "refproxy/schema/write.go", "if forms = w.alike(forms); len(forms) == 1 {", "if forms = w.alike(forms); len(forms) >= 1 {", "refproxy/schema Golden"},
	{"schema: a list has items", "refproxy/schema/write.go", "return w.parameters(&node{})", "return &value{kind: '{'}", "refproxy/schema Golden"},
	{"schema: further properties are said", "refproxy/schema/write.go", "say.add(\"other properties: \" + n.extra.word())", "_ = n.extra.word()", "refproxy/schema Golden"},
	{"schema: what is dropped is said", "refproxy/schema/load.go", "n.note(\"a multiple of \" + say)", "_ = say", "refproxy/schema Golden"},
	{"schema: notes are short", "refproxy/schema/write.go", "maxNote = 200", "maxNote = 400", "refproxy/schema Golden"},
	{"schema: formats are on a list", "refproxy/schema/write.go", "say.add(\"format \" + format)", "_ = format", "refproxy/schema Golden"},
	{"schema: the first example is the example", "refproxy/schema/load.go", "n.example = list.items[0]", "n.example = list.items[len(list.items)-1]", "refproxy/schema Golden"},
	{"schema: required names what there is", "refproxy/schema/write.go", "required := intersect(n.required, names)", "required := n.required", "refproxy/schema Golden"},
	{"schema: any value is text", "refproxy/schema/write.go", "w.head(out, n, \"STRING\", \"\", &say)", "w.head(out, n, \"OBJECT\", \"\", &say)", "refproxy/schema Golden"},
	{"schema: any value chooses JSON Schema", "refproxy/schema/schema.go", "if n.isAny() || n.extra", "if n.extra", "refproxy/schema Golden"},
	{"schema: no arguments are no schema", "refproxy/schema/schema.go", "target == Parameters && len(n.properties) == 0 ||", "target == Parameters && len(n.properties) == 99 ||", "refproxy/schema Golden"},
	{"schema: forms of arguments become one object", "refproxy/schema/schema.go", "\t\tout.required = intersect(out.required, form.required)\n", "\t\tout.required = form.required\n", "refproxy/schema Golden"},
	{"schema: work is bounded", "refproxy/schema/load.go", "case l.nodes > maxNodes || l.bytes > maxBytes:", "case l.nodes > 100*maxNodes || l.bytes > 100*maxBytes:", "refproxy/schema Golden|Bounds"},
	{"schema: depth is bounded", "refproxy/schema/load.go", "case p.depth > maxDepth:", "case p.depth > 9*maxDepth:", "refproxy/schema Golden|Bounds"},

	{"a caller who asked for one call gets one of a stream", "refproxy/relay/stream.go", "events = chat.FirstCall(events, s.drop)", "_ = s.drop", "refproxy/relay"},
	{"a caller who asked for one call gets one of a whole answer", "refproxy/relay/whole.go", "again := called && p.Kind == chat.PartCall", "again := called && p.Kind == chat.PartResult", "refproxy/relay"},
	{"a call that is dropped is a sign of life", "refproxy/relay/stream.go", "\ts.dropped++\n\ts.heard(time.Now())\n", "\ts.dropped++\n\ts.events++\n", "refproxy/relay Single"},
	{"nothing is tried again after content", "refproxy/relay/stream.go", "ctx.Err() != nil || s.committed()", "ctx.Err() != nil", "refproxy/relay Attempts"},
	{"a start is no content", "refproxy/relay/stream.go", "\t\ts.start = ev\n", "\t\ts.start, s.content = ev, true\n", "refproxy/relay Attempts"},
	{"an attempt has its own time to answer", "refproxy/relay/stream.go", "asked: now, heard: now}", "asked: now, heard: s.begun}", "refproxy/relay Attempts"},
	{"nothing is expected between attempts", "refproxy/relay/stream.go", "\ts.try.giveUp = nil\n\ts.timer.Reset", "\ts.timer.Reset", "refproxy/relay Timeout"},
	{"a caller is pinged after a timeout that is tried again", "refproxy/relay/stream.go", "\ts.try.giveUp = nil\n\ts.timer.Reset(s.next(time.Now()))\n", "\ts.try.giveUp = nil\n", "refproxy/relay Timeout"},
	{"a panic is no success", "refproxy/relay/stream.go", "\t\terr = errUnfinished // for a panic, which must not count as a success\n", "", "refproxy/relay Panic"},
	{"an answer without finish is a failed attempt", "refproxy/relay/stream.go", "\tif !s.ended() {\n", "\tif !s.ended() && s.committed() {\n", "refproxy/relay Attempts"},
	{"limits run on the relay's clock", "refproxy/relay/relay.go", "return c.Clock.Machine(d) }", "return d }", "refproxy/relay Scaled"},
	{"capacity goes before a quota per day", "refproxy/gemini/failure.go", "\tcase f.noCapacity():\n\t\te.Kind, e.Class = chat.KindOverloaded, chat.ClassCapacity\n\tcase f.daily():", "\tcase f.noCapacity() && !f.daily():\n\t\te.Kind, e.Class = chat.KindOverloaded, chat.ClassCapacity\n\tcase f.daily():", "refproxy/gemini Class"},
	{"a quota per day ignores a short hint", "refproxy/gemini/failure.go", "\t\te.RetryAfter = f.quotaReset()\n", "", "refproxy/gemini Class"},
	{"a long hint is as good as a day", "refproxy/gemini/failure.go", "\tcase e.RetryAfter > longHint:\n\t\te.Class, e.Terminal = chat.ClassDaily, true", "\tcase e.RetryAfter > longHint:\n\t\te.Terminal = true", "refproxy/gemini Class"},
	{"an instant goes before a delay", "refproxy/gemini/failure.go", "if !f.resetAt().IsZero() && f.now().IsZero() {", "if f.now().IsZero() && f.message == \"\" {", "refproxy/gemini Hints"},
	{"a service that is off is no ban", "refproxy/gemini/failure.go", "\tif f.reason == \"SERVICE_DISABLED\" {", "\tif f.reason == \"-\" {", "refproxy/gemini Class"},
	{"a signature's refusal is told from other bad requests", "refproxy/gemini/failure.go", "\t\te.Class = chat.ClassSignature\n", "\t\te.Class = chat.ClassInvalid\n", "refproxy/gemini Class"},
	{"a token that is refused is renewed", "refproxy/upstream/client.go", "resp.StatusCode != http.StatusUnauthorized {", "resp.StatusCode != http.StatusForbidden {", "refproxy/upstream"},
	{"Vertex AI's global location is in no host name", "refproxy/upstream/kind.go", "location != vertexGlobal {", `location != "" {`, "refproxy/upstream"},
	{"tokens are replaced ahead of their end", "refproxy/codeassist/token.go", "(left > ahead || a.dead != nil)", "(left > 0 || a.dead != nil)", "refproxy/codeassist"},
	{"one refresh at a time", "refproxy/codeassist/token.go", "case a.refresh != nil:", "case a.refresh != nil && a.pause < 0:", "refproxy/codeassist"},
	{"a rotated refresh token is the next one", "refproxy/codeassist/token.go", "c.refreshToken = answer.RefreshToken", "_ = answer.RefreshToken", "refproxy/codeassist"},
	{"a rotated refresh token is stored at once", "refproxy/codeassist/token.go", "err := next.save(a.cfg.File)", "err := error(nil)", "refproxy/codeassist"},
	{"only a known code says that a login is needed", "refproxy/codeassist/token.go", "if slices.Contains(permanent, code) {", `if code != "" || slices.Contains(permanent, code) {`, "refproxy/codeassist"},
	{"a token endpoint's words hold no secret", "refproxy/codeassist/token.go", `cred.redact(strings.TrimSpace(code + " " + text))`, `(strings.TrimSpace(code + " " + text))`, "refproxy/codeassist"},
	{"a token that was just made is not renewed", "refproxy/codeassist/token.go", "time.Since(a.renewed) < renewPause", "time.Since(a.renewed) < 0", "refproxy/codeassist"},
	{"a credential file is its owner's alone", "refproxy/codeassist/credential.go", "err = os.Rename(f.Name(), file)", "err = errors.Join(os.Chmod(f.Name(), 0o644), os.Rename(f.Name(), file))", "refproxy/codeassist"},
	{"a credential file without a client is refused", "refproxy/codeassist/credential.go", `if wire.ClientID == "" || wire.ClientSecret == "" {`, `if wire.ClientID == "" && wire.ClientSecret == "" && wire.RefreshToken == "" {`, "refproxy/codeassist"},
	{"secrets go nowhere in the clear", "refproxy/codeassist/credential.go", `u.Scheme == "https" || u.Scheme == "http" &&`, `u.Scheme == "https" || u.Scheme == "http" || `, "refproxy/codeassist"},
	{"a project's resource name is its id", "refproxy/codeassist/project.go", `if rest, ok := strings.CutPrefix(id, "projects/"); ok {`, `if rest, ok := strings.CutPrefix(id, "projects/"); ok && rest == "" {`, "refproxy/codeassist"},
	{"a project's id goes before its name", "refproxy/codeassist/project.go", `"project_id", "id", "name", "project"}`, `"project_id", "name", "id", "project"}`, "refproxy/codeassist"},
	{"a list of projects is read beyond what is none", "refproxy/codeassist/project.go", "for _, e := range v {", "for _, e := range v[:min(1, len(v))] {", "refproxy/codeassist"},
	{"a project that is not active is not taken", "refproxy/codeassist/project.go", `if state != "" && state != "ACTIVE" {`, `if state == "NONE" {`, "refproxy/codeassist"},
	{"onboarding is asked for fifteen times", "refproxy/codeassist/setup.go", "polls     = 15", "polls     = 5", "refproxy/codeassist"},
	{"onboarding is asked for every two seconds", "refproxy/codeassist/setup.go", "pollEvery = 2 * time.Second", "pollEvery = time.Second", "refproxy/codeassist"},
	{"the free tier carries no project", "refproxy/codeassist/setup.go", "if t.ID == freeTier {", `if t.ID == "" {`, "refproxy/codeassist"},
	{"a project counts only beside a tier", "refproxy/codeassist/setup.go", "if s.CurrentTier != nil {", `if s.CurrentTier != nil || projectOf(answer) != "" {`, "refproxy/codeassist"},
	{"the user's own project serves where none is named", "refproxy/codeassist/setup.go", "cmp.Or(found, a.cfg.Project)", "cmp.Or(found)", "refproxy/codeassist"},
	{"the URL of a verification is never cut", "refproxy/codeassist/setup.go", "clip(t.ReasonMessage), t.ValidationURL}", "clip(t.ReasonMessage), clip(t.ValidationURL)}", "refproxy/codeassist"},
	{"a failed setup stands for a minute", "refproxy/codeassist/setup.go", "time.Now().Add(setupPause)", "time.Now()", "refproxy/codeassist"},
	{"an operation's name leads nowhere else", "refproxy/codeassist/setup.go", ` || strings.Contains(name, "..") {`, " {", "refproxy/codeassist"},
	{"a token of Vertex AI that is refused is forgotten", "refproxy/vertex/vertex.go", "if t.last != refused {", "if t.last == refused {", "refproxy/vertex"},
	{"a credential file that runs or asks is refused", "refproxy/vertex/vertex.go", "case !slices.Contains(accepted, file.Type):", `case !slices.Contains(accepted, file.Type) && file.Type == "":`, "refproxy/vertex"},
	{"a file is fetched from no private address", "refproxy/media/media.go", "if err != nil || !public(ap.Addr()) {", "if err != nil || !ap.IsValid() {", "refproxy/media"},
	{"private ranges are not public", "refproxy/media/media.go", "if !a.IsGlobalUnicast() || a.IsPrivate() {", "if !a.IsGlobalUnicast() {", "refproxy/media"},
	{"ranges that translate are not public", "refproxy/media/media.go", `"::/96", "64:ff9b::/96",`, `"::/96",`, "refproxy/media"},
	{"a redirect is held to the same rules", "refproxy/media/media.go", `case u.Scheme != "https" && (!allowed || u.Scheme != "http"):`, `case u.Scheme == "":`, "refproxy/media"},
	{"a file of another type is refused", "refproxy/media/media.go", `kind != "application/pdf" && !strings.HasPrefix(kind, "image/")`, `kind == ""`, "refproxy/media"},
	{"a file is bounded", "refproxy/media/media.go", "int64(len(data)) > f.cfg.MaxBytes {", "int64(len(data)) < 0 {", "refproxy/media"},
	{"the files of a request are bounded together", "refproxy/media/media.go", "return b.bytes >= 0", "return true", "refproxy/media"},
	{"the dialect's own header goes before Bearer", "refproxy/server/dialect.go", `if key := r.Header.Get(own); key != "" {`, `if key := r.Header.Get(own); key != "" && r.Header.Get("Authorization") == "" {`, "refproxy/server"},
	{"a key in the query is Gemini's alone", "refproxy/server/dialect.go", "\treturn \"\"\n}\n\n// wants says", "\treturn r.URL.Query().Get(\"key\")\n}\n\n// wants says", "refproxy/server"},
	{"the list of models is Anthropic's for a version alone", "refproxy/server/dialect.go", `if r.Header.Get("Anthropic-Version") != "" {`, `if r.Header.Get("Anthropic-Version") == "" {`, "refproxy/server"},
	{"a registered name keeps its end", "refproxy/server/names.go", "for !registered(name) {", `for name != "" {`, "refproxy/server"},
	{"a name is passed on where no list is known", "refproxy/server/names.go", "|| n.hasList() && !registered(model)", "|| !registered(model)", "refproxy/server"},
	{"a model's name goes before the body", "refproxy/server/names.go", "req.Reasoning = chat.Reasoning{Effort: w.effort, Show: req.Reasoning.Show}", "req.Reasoning.Effort = w.effort", "refproxy/server"},
	{"the longest beginning of a name wins", "refproxy/server/names.go", "&& len(from) > len(best) {", `&& (best == "" || len(from) < len(best)) {`, "refproxy/server"},
	{"a body that needs nothing is passed byte by byte", "refproxy/server/native.go", "if name == model && w == (wish{}) {", "if name != model && w == (wish{}) {", "refproxy/server"},
	{"a passed stream without a finish is a failure", "refproxy/server/nativestream.go", "if err == nil && !p.complete {", "if err == nil && p.x.out.Events == 0 {", "refproxy/server"},
	{"a passed stream fails by its status while nothing is said", "refproxy/server/nativestream.go", "len(p.held) < most {", "len(p.held) < 0 {", "refproxy/server"},
	{"a wait is not told twice", "refproxy/server/google.go", "if e.RetryAfter > 0 && !s.hasRetryInfo() {", "if e.RetryAfter > 0 {", "refproxy/server"},
	{"the upstream's details are passed on", "refproxy/server/google.go", "s.Details = said.Details", "_ = said.Details", "refproxy/server"},
	{"the proxy's credential is not the caller's", "refproxy/server/google.go", "e.Kind != chat.KindPermission && e.Kind != chat.KindAuthentication", "e.Kind != chat.KindAuthentication", "refproxy/server"},
	{"an answer of Code Assist leaves its envelope", "refproxy/server/envelope.go", `if a.body, id = gemini.UnwrapCodeAssist(a.body); id != "" {`, `if _, id = gemini.UnwrapCodeAssist(a.body); id != "" {`, "refproxy/server"},
	{"a proxy without a project is not ready", "refproxy/server/routes.go", "case s.cfg.Account != nil && !s.cfg.Account.Ready():", "case s.cfg.Account != nil && s.cfg.Account.Ready():", "refproxy/server"},
	{"an unknown model is named with its channel", "refproxy/server/backend.go", `if e.Kind == chat.KindNotFound && model != "" {`, `if e.Kind == chat.KindNotFound && model == "" {`, "refproxy/server"},
	{"a verification's URL reaches the caller", "refproxy/server/failure.go", `if e.URL == "" {`, `if e.URL != "" {`, "refproxy/server"},
	// OpenAI's dialect.
	{"the newer limit of an OpenAI answer goes first", "refproxy/openai/chatrequest.go", "w.MaxCompletion); req.MaxTokens == 0 {", "w.MaxCompletion); old != 0 {", "refproxy/openai TestGolden"},
	{"several choices are never streamed", "refproxy/openai/chatrequest.go", "n > 1 && w.Stream", "n > 8 && w.Stream", "refproxy/openai TestGolden"},
	{"log probabilities are refused", "refproxy/openai/chatrequest.go", "if w.WantLogprobs {", "if w.WantLogprobs && w.Stream {", "refproxy/openai TestGolden"},
	{"the upstream takes so many stop sequences", "refproxy/openai/chatrequest.go", "n > maxStop {", "n > maxStop+1 {", "refproxy/openai TestGolden"},
	{"a stop sequence says something", "refproxy/openai/chatrequest.go", "slices.Contains(req.Stop, \"\")", "slices.Contains(req.Stop, \" \")", "refproxy/openai TestGolden"},
	{"answers are text alone", "refproxy/openai/chatrequest.go", "if m != \"text\" {", "if m == \"\" {", "refproxy/openai TestGolden"},
	{"search is asked for by its options", "refproxy/openai/chatrequest.go", "if w.WebSearch != nil {", "if w.WebSearch != nil && w.Stream {", "refproxy/openai TestGolden"},
	{"what would change an OpenAI answer is refused", "refproxy/openai/body.go", "case fate.refused != \"\" && isFilled(f.Raw):", "case fate.refused != \"\" && len(f.Raw) == 0:", "refproxy/openai TestGolden"},
	{"a refused field may say nothing", "refproxy/openai/body.go", "case fate.refused != \"\" && isFilled(f.Raw):", "case fate.refused != \"\":", "refproxy/openai TestGolden"},
	{"unknown top-level fields are carried", "refproxy/openai/body.go", "case !known:", "case !known && f.Name == \"\":", "refproxy/openai UnknownFields"},
	{"below the top level nothing is passed over", "refproxy/openai/body.go", "if isFilled(f.Raw) && !slices.Contains(passed, f.Name) {", "if isFilled(f.Raw) && !slices.Contains(passed, f.Name) && path == \"\" {", "refproxy/openai TestGolden"},
	{"lone surrogates are taken", "refproxy/openai/body.go", "var lenient = jsontext.AllowInvalidUTF8(true)", "var lenient = jsontext.AllowInvalidUTF8(false)", "refproxy/openai TestGolden"},
	{"sampling has its range", "refproxy/openai/body.go", "within(\"temperature\", c.Temperature, 0, 2)", "within(\"temperature\", c.Temperature, 0, 9)", "refproxy/openai TestGolden"},
	{"the place of a wrong type is told", "refproxy/openai/body.go", "fmt.Fprintf(&b, \"[%s]\", token)", "fmt.Fprintf(&b, \".%s\", token)", "refproxy/openai TestGolden"},
	{"an empty instruction is left out", "refproxy/openai/chatmessage.go", "if len(parts) > 0 {\n\t\tsaid.Instruct", "if len(parts) >= 0 {\n\t\tsaid.Instruct", "refproxy/openai TestGolden"},
	{"a refusal is what the assistant said", "refproxy/openai/chatmessage.go", "appendText(parts, m.Refusal)", "appendText(parts, \"\")", "refproxy/openai TestGolden"},
	{"a result of a chat goes by the call's own id", "refproxy/openai/chatmessage.go", "id, _ := chat.SplitID(m.ToolCallID)", "id := m.ToolCallID", "refproxy/openai TestGolden"},
	{"a tool of a chat answers with text", "refproxy/openai/chatmessage.go", "if m.Role != \"user\" && p.Type", "if m.Role == \"assistant\" && p.Type", "refproxy/openai TestGolden"},
	{"a file of a chat is not stored", "refproxy/openai/chatmessage.go", "if f.ID != \"\" {", "if f.ID == \"?\" {", "refproxy/openai TestGolden"},
	{"a call's signature comes back from its id", "refproxy/openai/tools.go", "id, signature := chat.SplitID(id)", "signature := (*chat.Signature)(nil)", "refproxy/openai TestGolden"},
	{"a call without arguments has an empty object", "refproxy/openai/tools.go", "args = jsontext.Value(\"{}\")", "args = jsontext.Value(\"null\")", "refproxy/openai TestGolden"},
	{"arguments are an object", "refproxy/openai/tools.go", "|| args.Kind() != '{' {", "|| args.Kind() == 0 {", "refproxy/openai TestGolden"},
	{"a function's name is its own", "refproxy/openai/tools.go", "; twice {", "; twice && namespace != \"\" {", "refproxy/openai TestGolden"},
	{"a function's name says its namespace", "refproxy/openai/tools.go", "return q.namespace + \"__\" + q.name", "return q.name", "refproxy/openai TestGolden"},
	{"no choice is none", "refproxy/openai/tools.go", "return chat.ChoiceNone, nil", "return chat.ChoiceAuto, nil", "refproxy/openai TestGolden"},
	{"a required call is required", "refproxy/openai/tools.go", "return chat.ChoiceAny, nil", "return chat.ChoiceAuto, nil", "refproxy/openai TestGolden"},
	{"a function that is chosen is the only one", "refproxy/openai/tools.go", "Names: []string{name}, Single", "Names: []string{name}[:0], Single", "refproxy/openai TestGolden"},
	{"one call at a time is asked for by false", "refproxy/openai/tools.go", "c.Parallel != nil && !*c.Parallel", "c.Parallel != nil", "refproxy/openai SingleCall"},
	{"functions that are not allowed are left out", "refproxy/openai/tools.go", "return !slices.Contains(names, t.Name)", "return false", "refproxy/openai TestGolden"},
	{"a search that is not allowed is left out", "refproxy/openai/tools.go", "return !search\n", "return search && !search\n", "refproxy/openai TestGolden"},
	{"older names of the search are the same", "refproxy/openai/tools.go", "case \"web_search\", \"web_search_2025_08_26\", \"web_search_preview\",", "case \"web_search\", \"web_search_2025_08_26\",", "refproxy/openai TestGolden"},
	{"xhigh is the most thought", "refproxy/openai/tools.go", "\"xhigh\": chat.EffortMax", "\"xhigh\": chat.EffortHigh", "refproxy/openai TestGolden"},
	{"no effort is the least thought", "refproxy/openai/tools.go", "\"none\": chat.EffortNone", "\"none\": chat.EffortUnset", "refproxy/openai TestGolden"},
	{"a format of OpenAI's has its schema", "refproxy/openai/tools.go", "Name: f.Name, Schema: f.Schema}", "Name: f.Name}", "refproxy/openai TestGolden"},
	{"a format without a schema is JSON", "refproxy/openai/tools.go", "return &chat.Format{}, nil", "return nil, nil", "refproxy/openai TestGolden"},
	{"files come from https alone", "refproxy/openai/media.go", "strings.HasPrefix(url, \"https://\")", "strings.HasPrefix(url, \"http\")", "refproxy/openai TestGolden"},
	{"a data URL is base64", "refproxy/openai/media.go", "ok && is64 && mime", "ok && (is64 || ok) && mime", "refproxy/openai TestGolden"},
	{"a PDF is known by its name", "refproxy/openai/media.go", "strings.HasSuffix(strings.ToLower(name), \".pdf\")", "strings.HasSuffix(name, \".pdf\")", "refproxy/openai TestGolden"},
	{"prompt tokens include the cached ones", "refproxy/openai/chatreply.go", "Prompt: u.Input + u.Cached, Completion", "Prompt: u.Input, Completion", "refproxy/openai TestGolden"},
	{"reasoning tokens are counted", "refproxy/openai/chatreply.go", "out.CompletionDetails.Reasoning = u.Thinking", "out.CompletionDetails.Reasoning = 0", "refproxy/openai TestGolden"},
	{"a limit is no stop", "refproxy/openai/chatreply.go", "return \"length\", nil", "return \"stop\", nil", "refproxy/openai TestGolden"},
	{"a filter is no stop", "refproxy/openai/chatreply.go", "return \"content_filter\", nil", "return \"stop\", nil", "refproxy/openai TestGolden"},
	{"calls are no stop", "refproxy/openai/chatreply.go", "return \"tool_calls\", nil", "return \"stop\", nil", "refproxy/openai TestGolden"},
	{"an unfinished completion is none", "refproxy/openai/chatreply.go", "return \"\", errUnfinished()", "return \"stop\", nil", "refproxy/openai Unfinished|States"},
	{"beside calls there is no content", "refproxy/openai/chatreply.go", "text.Len() > 0 || m.ToolCalls == nil", "text.Len() >= 0 || m.ToolCalls == nil", "refproxy/openai TestGolden"},
	{"every candidate is a choice", "refproxy/openai/chatreply.go", "resp.Others...)", "resp.Others[:0]...)", "refproxy/openai TestGolden"},
	{"a call's id carries its signature", "refproxy/openai/chatreply.go", "id, _ = chat.JoinID(id, s)", "id, _ = chat.JoinID(id, nil)", "refproxy/openai TestGolden"},
	{"a call has an id", "refproxy/openai/chatreply.go", "id = \"call_\" + h.NewID()", "id = h.ID[:0]", "refproxy/openai TestGolden"},
	{"calls are numbered from 0", "refproxy/openai/chatstream.go", "s.calls++", "s.calls += 2", "refproxy/openai TestGolden"},
	{"usage is null until it is told", "refproxy/openai/chatstream.go", ",\"usage\":null", ",\"usage\":{}", "refproxy/openai TestGolden"},
	{"a completion ends in DONE", "refproxy/openai/chatstream.go", "\"data: [DONE]\\n\\n\"...", "\"\"...", "refproxy/openai TestGolden"},
	{"a failure is no DONE", "refproxy/openai/chatstream.go", "envelope(asError(err))...), \"\\n\\n\"...)", "envelope(asError(err))...), \"\\n\\ndata: [DONE]\\n\\n\"...)", "refproxy/openai TestGolden"},
	{"a ping is a comment", "refproxy/openai/chatstream.go", "\": ping\\n\\n\"...", "\"data: {}\\n\\n\"...", "refproxy/openai States"},
	{"a signature makes no chunk", "refproxy/openai/chatstream.go", "return len(ev.Text) == 0 && len(ev.Raw) <= len(`\"\"`)", "return ev.Kind == 0", "refproxy/openai TestGolden"},
	{"reasoning is shown on demand", "refproxy/openai/chatstream.go", "if s.reply.ShowReasoning {", "if s.calls >= 0 {", "refproxy/openai ReasoningContent"},
	{"the role is told once", "refproxy/openai/chatstream.go", "if s.state == idle {", "if s.state != ended {", "refproxy/openai TestGolden"},
	{"events of a response count up", "refproxy/openai/responsesevent.go", "s.sequence++", "s.sequence += 2", "refproxy/openai TestGolden"},
	{"deltas of a response count up", "refproxy/openai/responsesstream.go", "s.sequence++", "s.sequence += 2", "refproxy/openai TestGolden"},
	{"a call closes what is open", "refproxy/openai/responsesstream.go", "s.start()\n\ts.closeItem(completed, nil)", "s.start()", "refproxy/openai TestGolden"},
	{"a stream's reasoning is sealed", "refproxy/openai/responsesstream.go", "it.Sealed = seal(signature)", "it.Sealed = seal(nil)", "refproxy/openai TestGolden"},
	{"a failure cuts the open item", "refproxy/openai/responsesstream.go", "s.closeItem(unfinished, nil)", "s.closeItem(completed, nil)", "refproxy/openai TestGolden"},
	{"a failed response ends", "refproxy/openai/responsesstream.go", "\tr := s.reply.respond(s.head, failed)\n\t\tr.fail(err)", "\tr := s.reply.respond(s.head, failed)", "refproxy/openai TestGolden"},
	{"the whole text comes at its end", "refproxy/openai/responsesstream.go", "s.buf[at+1:len(s.buf)-1]...)", "s.buf[at+1:at+1]...)", "refproxy/openai TestGolden"},
	{"reasoning without text has no summary", "refproxy/openai/responsesstream.go", "if s.open.begun {", "if s.open.kind != 0 {", "refproxy/openai TestGolden"},
	{"whole reasoning is sealed", "refproxy/openai/responsesreply.go", "item.Sealed = seal(p.Signature)", "item.Sealed = seal(nil)", "refproxy/openai TestGolden"},
	{"a response names functions as their namespaces do", "refproxy/openai/responsesreply.go", "r.names[c.Name]", "r.names[\"?\"+c.Name]", "refproxy/openai TestGolden"},
	{"a limit makes a response incomplete", "refproxy/openai/responsesreply.go", "&incomplete{\"max_output_tokens\"}", "&incomplete{\"content_filter\"}", "refproxy/openai TestGolden"},
	{"a filter makes a response incomplete", "refproxy/openai/responsesreply.go", "&incomplete{\"content_filter\"}", "&incomplete{\"max_output_tokens\"}", "refproxy/openai TestGolden"},
	{"the end cuts the last item", "refproxy/openai/responsesreply.go", "return r.Status, nil", "return completed, nil", "refproxy/openai TestGolden"},
	{"an unfinished response is none", "refproxy/openai/responsesreply.go", "return \"\", errUnfinished()", "return completed, nil", "refproxy/openai Unfinished|States"},
	{"a rate limit is named in a response", "refproxy/openai/responsesreply.go", "return \"rate_limit_exceeded\"", "return \"server_error\"", "refproxy/openai TestGolden"},
	{"a response echoes defaults for null", "refproxy/openai/responsesreply.go", "if !isSet(*f.value) {", "if len(*f.value) == 0 {", "refproxy/openai TestGolden"},
	{"a text's signature parts no texts", "refproxy/openai/responsesreply.go", "p.Kind == chat.PartText && p.Text != \"\" && n > 0 &&", "p.Kind == chat.PartText && p.Text != \"\" && n > 9 &&", "refproxy/openai TestGolden"},
	{"input tokens include the cached ones", "refproxy/openai/responsesreply.go", "Input: u.Input + u.Cached, Output", "Input: u.Input, Output", "refproxy/openai TestGolden"},
	{"a summary that was asked for is shown", "refproxy/openai/responsesrequest.go", "r.Summary != \"\" || r.Old != \"\"", "r.Summary == \"-\"", "refproxy/openai TestGolden"},
	{"log probabilities are not included", "refproxy/openai/responsesrequest.go", "if what == \"message.output_text.logprobs\" {", "if what == \"\" {", "refproxy/openai TestGolden"},
	{"domains that a search must keep to are refused", "refproxy/openai/responsesrequest.go", "len(t.Filters.Allowed) > 0", "len(t.Filters.Allowed) > 9", "refproxy/openai TestGolden"},
	{"a namespace holds functions alone", "refproxy/openai/responsesrequest.go", "case isSearch(t.Type) && namespace == \"\":", "case namespace != \"\" || isSearch(t.Type):", "refproxy/openai TestGolden"},
	{"reasoning that we sealed comes back", "refproxy/openai/responsesinput.go", "\tif !ours {", "\tif ours {", "refproxy/openai TestGolden"},
	{"reasoning of others is counted", "refproxy/openai/responsesinput.go", "req.DroppedThoughts++", "req.DroppedThoughts += 0", "refproxy/openai DroppedThoughts"},
	{"an output goes by the call's own id", "refproxy/openai/responsesinput.go", "id, _ := chat.SplitID(it.CallID)", "id := it.CallID", "refproxy/openai TestGolden"},
	{"a file of a response is not stored", "refproxy/openai/responsesinput.go", "if p.FileID != \"\" {", "if p.FileID == \"?\" {", "refproxy/openai TestGolden"},
	{"the assistant of a response speaks text", "refproxy/openai/responsesinput.go", "if p.Kind != chat.PartText {", "if p.Kind == 0 {", "refproxy/openai TestGolden"},
	{"OpenAI's Retry-After is rounded up", "refproxy/openai/failure.go", "(e.RetryAfter + time.Second - 1) / time.Second", "e.RetryAfter / time.Second", "refproxy/openai TestGolden"},
	{"capacity says when to come back", "refproxy/openai/failure.go", "f.status == http.StatusServiceUnavailable", "f.status == 0", "refproxy/openai TestGolden"},
	{"no credit is not to be tried again", "refproxy/openai/failure.go", "if e.Terminal || e.Kind == chat.KindBilling {", "if e.Terminal {", "refproxy/openai TestGolden"},
	{"a daily quota is no rate", "refproxy/openai/failure.go", "\t\tif e.Terminal {", "\t\tif !e.Terminal {", "refproxy/openai TestGolden"},
	{"details reach callers of OpenAI's", "refproxy/openai/failure.go", "orNull(f.code), e.Details}", "orNull(f.code), nil}", "refproxy/openai TestGolden"},
	{"the field at fault is the param", "refproxy/openai/failure.go", "orNull(e.Path), ", "orNull(\"\"), ", "refproxy/openai TestGolden"},
	{"a bad key has its code", "refproxy/openai/failure.go", "\"invalid_request_error\", \"invalid_api_key\"}", "\"invalid_request_error\", \"\"}", "refproxy/openai TestErrors"},
	{"models have their age", "refproxy/openai/models.go", "b.Created = m.Created.Unix()", "b.Created = 0", "refproxy/openai TestModels"},

	// The feature flags.
	{"the environment wins over the store", "refproxy/feature/snapshot.go", "{given, stored, environment}", "{given, environment, stored}", "refproxy/feature Precedence"},
	{"the store wins over what was given", "refproxy/feature/snapshot.go", "{given, stored, environment}", "{stored, given, environment}", "refproxy/feature Precedence"},
	{"a flag's name salts its split", "refproxy/feature/snapshot.go", "append(append(append(room[:0], flag...), 0), id...)", "append(append(room[:0], flag[:0]...), id...)", "refproxy/feature Independent"},
	{"no unit is on at no share", "refproxy/feature/snapshot.go", "bucket(r.name, id) < r.threshold", "bucket(r.name, id) <= r.threshold", "refproxy/feature ExactInExpectation"},
	{"a session stays in its arm", "refproxy/feature/snapshot.go", "if r.unit == UnitSession && session != \"\" {", "if r.unit == UnitSession && len(session) > 99 {", "refproxy/feature Sticky"},
	{"without a session the request is the unit", "refproxy/feature/snapshot.go", "if r.unit == UnitSession && session != \"\" {", "if r.unit == UnitSession {", "refproxy/feature Sticky"},
	{"what the environment sets is locked", "refproxy/feature/registry.go", "; locked {", "; locked && c.Who == \"\" {", "refproxy/feature TestSet"},
	{"a change names who makes it", "refproxy/feature/registry.go", "if c.Who == \"\" {", "if c.Who == \"-\" {", "refproxy/feature TestSet"},
	{"of two changes of one generation one is made", "refproxy/feature/memory.go", "if m.state.Generation+1 != e.Generation {", "if m.state.Generation > e.Generation {", "refproxy/feature NextGeneration"},
	{"an earlier state replaces no later one", "refproxy/feature/registry.go", "now.Generation >= state.Generation", "now.Generation == state.Generation", "refproxy/feature LaterStays"},
	{"a replica that could not read tries again", "refproxy/feature/registry.go", "r.clock.Sleep(ctx, retryAfter) == nil {", "r.clock.Sleep(ctx, retryAfter) != nil {", "refproxy/feature ReplicasFollow"},
	{"a watch that ends is taken up again", "refproxy/feature/registry.go", "if r.clock.Sleep(ctx, retryAfter) != nil {\n\t\t\treturn", "if true {\n\t\t\treturn", "refproxy/feature BeginsAnew"},
	{"a share that no step reaches is refused", "refproxy/feature/setting.go", "> 1e-6:", "> 1:", "refproxy/feature ParseSettings"},
	{"an unread setting stops the program", "refproxy/feature/registry.go", "return r, r.reload(ctx)", "_ = r.reload(ctx)\n\treturn r, nil", "refproxy/feature OpenRefuses"},
}
