// Package prometheus turns the metrics of two deployments that serve side by
// side into evidence:
//
//	Config  which server, which label tells the arms apart, which metrics
//	Collect one range query per metric, increases by block, one evidence.Set
//
// Counts between scrapes are exact, so nothing is taken from rate() or
// histogram_quantile(), which interpolate. Every query asks for both arms at
// once, raw, and resets of counters are handled for each series. A block is a
// span of time; what an arm did in it is compared with what the other did in the
// same one. Blocks in which either arm has too few requests are left out, and a
// series that does not exist, or does not move, is no data.
//
// Native histograms are read bucket by bucket. Classic ones, and native ones with
// custom buckets, have coarse buckets; the judge takes their width for what
// it is. A target counts only while it is up: what went stale says nothing.
package prometheus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
)

// Source is what evidence of this package says of its origin.
const Source = "prometheus"

// ErrNoBlock says that the time asked about is too short for a block.
var ErrNoBlock = errors.New("no block lies in the time asked about")

// Collect asks for what happened between from and to and makes evidence of it.
// The error says what is wrong with cfg, which query failed, or that it is too
// early ([ErrNoBlock]); metrics that do
// not exist give a Set without them, which the judge calls no data. It is safe
// for concurrent use.
func Collect(ctx context.Context, cfg Config, from, to time.Time) (evidence.Set, error) {
	if err := cfg.Validate(); err != nil {
		return evidence.Set{}, err
	}
	c := collector{cfg: cfg.withDefaults()}
	if err := c.lay(from, to); err != nil {
		return evidence.Set{}, err
	}
	client, err := api.NewClient(api.Config{Address: c.cfg.URL, RoundTripper: bearer{c.cfg.Token}})
	if err != nil {
		return evidence.Set{}, fmt.Errorf("prometheus client: %w", err)
	}
	c.api = v1.NewAPI(client)
	return c.collect(ctx)
}

// bearer sends the token with every request, if there is one.
type bearer struct{ token string }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.token != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// A collector is one collection in progress.
type collector struct {
	cfg      Config
	api      v1.API
	span     span
	warnings []string
}

// lay cuts the time into whole blocks, the last of which ends by to.
func (c *collector) lay(from, to time.Time) error {
	start := from.Add(c.cfg.Warmup).Round(c.cfg.Interval)
	if start.Before(from.Add(c.cfg.Warmup)) {
		start = start.Add(c.cfg.Interval)
	}
	c.span = span{
		start: model.TimeFromUnixNano(start.UnixNano()), step: c.cfg.Interval,
		per: int(c.cfg.Block / c.cfg.Interval), blocks: int(to.Sub(start) / c.cfg.Block),
	}
	switch steps := c.span.per * c.span.blocks; {
	case c.span.blocks < 1:
		return fmt.Errorf("%w: blocks of %v, from %s to %s, after a warm-up of %v", ErrNoBlock, c.cfg.Block, clockTime(from), clockTime(to), c.cfg.Warmup)
	case steps >= mostSteps:
		return fmt.Errorf("%d scrapes are more than Prometheus returns at once (%d): shorten the time or lengthen the interval", steps, mostSteps)
	}
	return nil
}

func clockTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// matrix asks for the series of both arms at all instants.
func (c *collector) matrix(ctx context.Context, s Selector) (model.Matrix, error) {
	end := c.span.start.Add(time.Duration(c.span.per*c.span.blocks) * c.span.step)
	value, warnings, infos, err := c.api.QueryRange(ctx, c.cfg.query(s), v1.Range{Start: c.span.start.Time(), End: end.Time(), Step: c.span.step})
	if err != nil {
		return nil, fmt.Errorf("ask Prometheus for %s: %w", s.Metric, err)
	}
	for _, w := range slices.Concat([]string(warnings), []string(infos)) {
		c.warn("Prometheus says of " + s.Metric + ": " + w)
	}
	m, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("ask Prometheus for %s: the answer is no matrix", s.Metric)
	}
	return m, nil
}

func (c *collector) warn(text string) {
	if !slices.Contains(c.warnings, text) {
		c.warnings = append(c.warnings, text)
	}
}

// side returns 0 for a series of the baseline, 1 for one of the candidate.
func (c *collector) side(m model.Metric) (side int, ok bool) {
	switch string(m[model.LabelName(c.cfg.ArmLabel)]) {
	case c.cfg.Baseline:
		return 0, true
	case c.cfg.Candidate:
		return 1, true
	}
	return 0, false
}

// byBlock are the counts of both arms, by block.
type byBlock [2][]map[bucket]float64

func (s span) empty() byBlock {
	var out byBlock
	for side := range out {
		out[side] = make([]map[bucket]float64, s.blocks)
		for k := range out[side] {
			out[side][k] = map[bucket]float64{}
		}
	}
	return out
}

// sum adds the buckets of one block up.
func sum(counts map[bucket]float64) float64 {
	total := 0.0
	for _, n := range counts {
		total += n
	}
	return total
}

// counter collects the increases of a counter, of the series that keep admits.
func (c *collector) counter(m model.Matrix, keep map[string]string) byBlock {
	out := c.span.empty()
	for _, stream := range m {
		side, ok := c.side(stream.Metric)
		if !ok || !has(stream.Metric, keep) {
			continue
		}
		increases(counterPoints(stream.Values, c.span), c.span, out[side])
	}
	return out
}

func has(m model.Metric, labels map[string]string) bool {
	for name, value := range labels {
		if string(m[model.LabelName(name)]) != value {
			return false
		}
	}
	return true
}

// histograms collects the increases of a measure's buckets: native ones where
// the metric has them, else the classic series beside it. found is false if there
// is neither.
func (c *collector) histograms(ctx context.Context, h Histogram) (out byBlock, found bool, err error) {
	scale := float64(h.Unit)
	if scale == 0 {
		scale = float64(time.Second)
	}
	out = c.span.empty()
	m, err := c.matrix(ctx, h.Selector)
	if err != nil {
		return out, false, err
	}
	unknown := 0
	for _, stream := range m {
		side, ok := c.side(stream.Metric)
		if !ok || len(stream.Histograms) == 0 {
			continue
		}
		points, err := nativePoints(stream.Histograms, c.span, scale)
		if err != nil {
			return out, false, fmt.Errorf("%s: %w", h.Metric, err)
		}
		unknown += increases(points, c.span, out[side])
		found = true
	}
	if !found {
		if found, unknown, err = c.classic(ctx, h, scale, out); err != nil {
			return out, false, fmt.Errorf("%s: %w", h.Metric, err)
		}
	}
	if unknown > 0 {
		c.warn(fmt.Sprintf("%s: the increase of %d scrapes is not known, because a target was not scraped or changed its buckets", h.Metric, unknown))
	}
	return out, found, nil
}

func (c *collector) classic(ctx context.Context, h Histogram, scale float64, out byBlock) (found bool, unknown int, err error) {
	m, err := c.matrix(ctx, Selector{h.Metric + "_bucket", h.Matchers})
	if err != nil {
		return false, 0, err
	}
	groups := map[model.Fingerprint][]*model.SampleStream{}
	for _, stream := range m {
		if _, ok := c.side(stream.Metric); !ok {
			continue
		}
		rest := stream.Metric.Clone()
		delete(rest, model.BucketLabel)
		groups[rest.Fingerprint()] = append(groups[rest.Fingerprint()], stream)
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		side, _ := c.side(groups[key][0].Metric)
		points, err := classicPoints(groups[key], c.span, scale)
		if err != nil {
			return false, 0, err
		}
		unknown += increases(points, c.span, out[side])
		found = true
	}
	return found, unknown, nil
}

// collect asks for everything and puts it together.
func (c *collector) collect(ctx context.Context) (evidence.Set, error) {
	up, err := c.matrix(ctx, Selector{"up", nil})
	if err != nil {
		return evidence.Set{}, err
	}
	requests, err := c.matrix(ctx, c.cfg.Requests)
	if err != nil {
		return evidence.Set{}, err
	}
	attempts, ok := c.counter(requests, nil), c.counter(requests, c.cfg.Success)
	kept := c.enough(attempts)
	set := c.blank(len(kept))
	set.Restarts, set.Validity = c.alive(up)
	set.Outcomes = outcomes(attempts, ok, kept)
	for _, h := range c.cfg.Histograms {
		counts, _, err := c.histograms(ctx, h)
		if err != nil {
			return evidence.Set{}, err
		}
		set.Binned[h.Measure] = binned(counts, set.Outcomes, kept)
	}
	if err := c.work(ctx, &set, ok, kept); err != nil {
		return evidence.Set{}, err
	}
	c.finish(&set)
	return set, nil
}

// enough lists the blocks in which both arms have requests enough.
func (c *collector) enough(attempts byBlock) []int {
	var kept []int
	for k := range c.span.blocks {
		if math.Min(sum(attempts[0][k]), sum(attempts[1][k])) >= math.Max(1, float64(c.cfg.MinPerBlock)) {
			kept = append(kept, k)
		}
	}
	if left := c.span.blocks - len(kept); left > 0 {
		c.warn(fmt.Sprintf("%d of %d blocks of %v were left out: an arm had fewer than %d requests", left, c.span.blocks, c.cfg.Block, c.cfg.MinPerBlock))
	}
	return kept
}

func (c *collector) blank(blocks int) evidence.Set {
	start := c.span.start.Time()
	return evidence.Set{
		Header: sample.Header{
			Schema: sample.Schema, Source: Source, StartedAt: clockTime(start), Design: sample.Interleaved, Blocks: blocks,
			Arms: []sample.Arm{{Name: c.cfg.Baseline}, {Name: c.cfg.Candidate}}, ClockScale: 1,
		},
		Baseline: c.cfg.Baseline, Candidate: c.cfg.Candidate, Blocks: blocks, Concurrent: true,
		Binned: map[sample.Measure]evidence.Binned{},
	}
}

// outcomes are attempts and successes of the kept blocks. A success is counted
// when it ends and so is the attempt, so there are never more of them.
func outcomes(attempts, ok byBlock, kept []int) evidence.Outcomes {
	var tallies [2][]evidence.Tally
	for side := range tallies {
		for _, k := range kept {
			n := int(math.Round(sum(attempts[side][k])))
			tallies[side] = append(tallies[side], evidence.Tally{Attempts: n, OK: min(n, int(math.Round(sum(ok[side][k]))))})
		}
	}
	return evidence.Outcomes{Baseline: tallies[0], Candidate: tallies[1]}
}

// binned are the histograms of the kept blocks, failures above everything.
func binned(counts byBlock, o evidence.Outcomes, kept []int) evidence.Binned {
	var b evidence.Binned
	for i, k := range kept {
		for side, into := range [...]*[]evidence.Histogram{&b.Baseline, &b.Candidate} {
			h := histogram(counts[side][k])
			t := [...]evidence.Tally{o.Baseline[i], o.Candidate[i]}[side]
			if sum(counts[side][k]) > 0 { // else this measure has no data, whatever failed
				h.Over += float64(t.Attempts - t.OK)
			}
			*into = append(*into, h)
		}
	}
	return b
}

// missedShare is how many scrapes may have failed before evidence is not
// trusted: what an arm did while nobody looked may have been the worst of it.
const missedShare = .05

// alive counts the instances of the smaller arm, and grades how well they were
// scraped.
func (c *collector) alive(up model.Matrix) (instances int, v sample.Validity) {
	seen := [2]map[string]bool{{}, {}}
	scrapes, missed := 0, 0
	for _, stream := range up {
		side, ok := c.side(stream.Metric)
		if !ok {
			continue
		}
		good := 0
		for _, s := range stream.Values {
			if s.Value == 1 {
				good++
			}
		}
		if good == 0 {
			continue
		}
		seen[side][string(stream.Metric[model.LabelName(c.cfg.InstanceLabel)])] = true
		// From its first appearance on, a target owes a scrape at every instant.
		first, _ := c.span.at(stream.Values[0].Timestamp)
		owed := c.span.per*c.span.blocks + 1 - first
		scrapes += owed
		missed += max(0, owed-good)
	}
	share := 1.0
	if scrapes > 0 {
		share = float64(missed) / float64(scrapes)
	}
	grade := sample.Valid
	if share > missedShare || len(seen[0]) == 0 || len(seen[1]) == 0 {
		grade, share = sample.Invalid, math.Max(share, 0)
	}
	for side, name := range [...]string{c.cfg.Baseline, c.cfg.Candidate} {
		if len(seen[side]) == 0 {
			c.warn(fmt.Sprintf("no target of %q is up", name))
			share = 1
		}
	}
	return min(len(seen[0]), len(seen[1])), sample.Validity{Grade: grade, Signals: []sample.Signal{{
		Name: "scrapes missed", Value: 100 * share, Unit: "%", Grade: grade, Valid: 100 * missedShare, Degraded: 100 * missedShare,
	}}}
}

// work compares output tokens per success, as if each arm had answered as often
// as the smaller one.
func (c *collector) work(ctx context.Context, set *evidence.Set, ok byBlock, kept []int) error {
	if c.cfg.Tokens.Metric == "" {
		c.warn("no counter of output tokens is named, so nobody knows whether the arms did the same work")
		return nil
	}
	m, err := c.matrix(ctx, c.cfg.Tokens)
	if err != nil {
		return err
	}
	tokens := c.counter(m, nil)
	var all [2]struct{ ok, tokens float64 }
	for side := range all {
		for _, k := range kept {
			all[side].ok += sum(ok[side][k])
			all[side].tokens += sum(tokens[side][k])
		}
	}
	pairs := math.Min(all[0].ok, all[1].ok)
	if pairs < 1 {
		return nil
	}
	set.Work.Pairs = int(pairs)
	set.Work.BaselineTokens = int(all[0].tokens / all[0].ok * pairs)
	set.Work.CandidateTokens = int(all[1].tokens / all[1].ok * pairs)
	return nil
}

// finish adds what follows from the rest.
func (c *collector) finish(set *evidence.Set) {
	a, b := evidence.Sum(set.Outcomes.Baseline), evidence.Sum(set.Outcomes.Candidate)
	set.Pairs = min(a.Attempts, b.Attempts)
	set.Arms = []summary.Arm{
		{Name: set.Baseline, Requests: a.Attempts, OK: a.OK, Measures: map[sample.Measure]summary.Distribution{}},
		{Name: set.Candidate, Requests: b.Attempts, OK: b.OK, Measures: map[sample.Measure]summary.Distribution{}},
	}
	set.Validity.Warnings = c.warnings
	set.Validity.Facts = []sample.Fact{
		{Name: "blocks", Text: fmt.Sprintf("%d of %v from %s, by scrapes every %v", c.span.blocks, c.cfg.Block, clockTime(c.span.start.Time()), c.cfg.Interval)},
	}
	// What was counted is the run; the JSON of it is always the same.
	data, err := json.Marshal([]any{set.Header, set.Outcomes, set.Binned})
	if err != nil {
		panic("prometheus: " + err.Error()) // numbers and names: increases admit nothing else
	}
	digest := sha256.Sum256(data)
	set.Digest = hex.EncodeToString(digest[:])
}

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// ErrMeasure says that a histogram was given without a measure.
var ErrMeasure = errors.New("want MEASURE=METRIC, such as full=http_request_duration_seconds")

// ParseHistogram reads MEASURE=METRIC{label="value"}, in seconds, or in the unit
// after a slash: gap=token_gap/ms.
func ParseHistogram(text string) (Histogram, error) {
	measure, rest, ok := strings.Cut(text, "=")
	if !ok || measure == "" || strings.ContainsAny(measure, "{}") {
		return Histogram{}, fmt.Errorf("%q: %w", text, ErrMeasure)
	}
	h := Histogram{Measure: sample.Measure(measure), Unit: time.Second}
	if selector, unit, ok := cutUnit(rest); ok {
		d, err := time.ParseDuration("1" + unit)
		if err != nil {
			return Histogram{}, fmt.Errorf("%q: %q is no unit of time", text, unit)
		}
		rest, h.Unit = selector, d
	}
	var err error
	h.Selector, err = ParseSelector(rest)
	return h, err
}

// cutUnit cuts a unit after the last slash off, unless it stands within braces.
func cutUnit(text string) (selector, unit string, ok bool) {
	i := strings.LastIndexByte(text, '/')
	if i < 0 || strings.LastIndexByte(text, '}') > i {
		return text, "", false
	}
	return text[:i], text[i+1:], true
}
