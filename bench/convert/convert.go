package convert

import (
	"bufio"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// An Input is one log, compressed with gzip or not.
type Input struct {
	Name string
	io.Reader
}

// A Report is what became of the entries of all logs.
type Report struct {
	// Entries is how many there were: Requests + Passed + Bad.
	Entries  int
	Requests map[string]int // by arm
	Passed   map[string]int // not to be judged, by the reason
	Bad      int            // could not be read
	// Examples are the first of Bad, as FILE:LINE: reason.
	Examples []string
}

// ErrNoData says that an arm has no request.
var ErrNoData = errors.New("no data")

// badShare is the largest part of the entries that may be unreadable.
const badShare = .01

// maxExamples is how many unreadable entries are named.
const maxExamples = 3

// Convert reads every input and writes the run file at path, whole or not at
// all. The report is valid beside an error too. An error wraps [ErrNoData] where
// an arm has no requests.
func Convert(o Options, inputs []Input, path string) (Report, error) {
	c, err := newConversion(o)
	if err != nil {
		return Report{}, err
	}
	defer c.spool.discard()
	for _, in := range inputs {
		if err := c.read(in); err != nil {
			return c.report, fmt.Errorf("%s: %w", in.Name, err)
		}
	}
	if err := c.enough(); err != nil {
		return c.report, err
	}
	w, err := sample.Create(path)
	if err != nil {
		return c.report, err
	}
	defer w.Discard()
	return c.report, c.write(w)
}

// A conversion is one run of Convert.
type conversion struct {
	Options
	fields fields
	spool  *spool
	report Report
	told   told
	models map[string]bool
	seen   map[string]int // values of the arm field that are no arm's
}

func newConversion(o Options) (*conversion, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	f, err := o.mapping()
	if err != nil {
		return nil, err
	}
	s, err := newSpool()
	if err != nil {
		return nil, err
	}
	return &conversion{
		Options: o, fields: f, spool: s, models: map[string]bool{}, seen: map[string]int{},
		report: Report{Requests: map[string]int{}, Passed: map[string]int{}},
	}, nil
}

func (c *conversion) read(in Input) error {
	src := bufio.NewReaderSize(in, 1<<20)
	if magic, _ := src.Peek(2); string(magic) == "\x1f\x8b" {
		zip, err := gzip.NewReader(src)
		if err != nil {
			return err
		}
		src = bufio.NewReaderSize(zip, 1<<20)
	}
	err := c.decoder()(c.fields, src, func(rec record) error { return c.take(in.Name, rec) })
	if err == io.EOF {
		return nil // nothing in it
	}
	return err
}

// take counts an entry, and keeps it if it is a request of one of the arms.
func (c *conversion) take(file string, rec record) error {
	c.report.Entries++
	arm, passed := "", rec.passed
	if rec.wrong == nil && passed == "" {
		arm, passed, rec.wrong = c.arm(file, rec.row)
	}
	if rec.wrong == nil && passed == "" {
		rec.wrong = ordered(&rec.sample)
	}
	switch {
	case rec.wrong != nil:
		c.report.Bad++
		if len(c.report.Examples) < maxExamples {
			c.report.Examples = append(c.report.Examples, fmt.Sprintf("%s:%d: %v", file, rec.line, rec.wrong))
		}
		return nil
	case passed != "":
		c.count(c.report.Passed, passed)
		return nil
	}
	return c.keep(arm, rec)
}

// count counts a reason; of very many different ones it counts the rest as one.
func (c *conversion) count(reasons map[string]int, reason string) {
	if _, known := reasons[reason]; !known && len(reasons) >= 20 {
		reason = "other"
	}
	reasons[reason]++
}

// arm names the arm of a request, or says why it has none.
func (c *conversion) arm(file string, r row) (arm, passed string, wrong error) {
	for _, condition := range c.Only {
		field, want, _ := strings.Cut(condition, "=")
		if !matches(r.text(field), want) {
			return "", "not " + condition, nil
		}
	}
	value := c.Candidate
	switch c.ArmField {
	case "":
	case "@file":
		value = file
	default:
		value = r.text(c.ArmField)
	}
	switch value {
	case c.Candidate, c.Baseline:
		if c.UnitField != "" && r.text(c.UnitField) == "" {
			return "", "", fmt.Errorf("no %s, so its unit is not known", c.UnitField)
		}
		return value, "", nil
	case "":
		return "", "", fmt.Errorf("no %s, so its arm is not known", c.ArmField)
	}
	c.count(c.seen, value)
	return "", "of neither arm", nil
}

func matches(value, want string) bool {
	if beginning, open := strings.CutSuffix(want, "*"); open {
		return strings.HasPrefix(value, beginning)
	}
	return value == want
}

func (c *conversion) keep(arm string, rec record) error {
	s := &rec.sample
	s.Arm = arm
	if c.design() == sample.Split {
		s.Share = c.Share
	}
	if c.UnitField != "" {
		s.Unit = c.hide(rec.row.text(c.UnitField))
	}
	switch {
	case c.design() == sample.Split && c.UnitField == "":
		s.Session = "" // each request was assigned for itself, whatever belongs together
	case s.Session != "":
		s.Session = c.hide(s.Session)
	}
	c.report.Requests[arm]++
	c.told.add(s)
	c.told.silent += one(rec.silent)
	c.told.queued += one(rec.queued)
	if len(c.models) < 2 {
		c.models[rec.model] = true
	}
	pod := ""
	if c.PodField != "" {
		pod = rec.row.text(c.PodField)
	}
	return c.spool.add(spooled{*s, pod})
}

// hide returns a name for a person or a session that cannot be traced back.
func (c *conversion) hide(name string) string {
	mac := hmac.New(sha256.New, c.Salt)
	mac.Write([]byte(name)) // a hash never fails to write
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// enough says whether what was read is fit to be judged.
func (c *conversion) enough() error {
	r := &c.report
	if float64(r.Bad) > badShare*float64(r.Entries) {
		return fmt.Errorf("%d of %d entries cannot be read, more than 1 %%: %s", r.Bad, r.Entries, strings.Join(r.Examples, "; "))
	}
	for _, arm := range c.arms() {
		if r.Requests[arm.Name] > 0 {
			continue
		}
		if c.ArmField == "" {
			return fmt.Errorf("%w: no request in %d entries%s", ErrNoData, r.Entries, list(", passed over: ", r.Passed))
		}
		return fmt.Errorf("%w: no request has %s %q in %d entries%s%s", ErrNoData, c.ArmField, arm.Name, r.Entries,
			list(", other values: ", c.seen), list(", passed over: ", r.Passed))
	}
	return nil
}

// list writes counts by their names, the largest first; "" for none.
func list(before string, counts map[string]int) string {
	names := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(names, func(a, b string) int { return counts[b] - counts[a] })
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%.60s (%d)", name, counts[name]))
	}
	if len(parts) == 0 {
		return ""
	}
	return before + strings.Join(parts, ", ")
}

func (c *conversion) arms() []sample.Arm {
	if c.ArmField == "" {
		return []sample.Arm{{Name: c.Candidate}}
	}
	return []sample.Arm{{Name: c.Baseline}, {Name: c.Candidate}}
}

// margin lies before the first start, so that no instant is 0, which would say
// that it was not reached.
const margin = time.Millisecond

func (c *conversion) write(w *sample.Writer) error {
	if err := w.Header(c.header()); err != nil {
		return err
	}
	n, epoch := 0, c.told.first-int64(margin)
	pods := map[string]map[string]int{c.Baseline: {}, c.Candidate: {}}
	err := c.spool.all(func(one spooled) error {
		s := &one.Sample
		s.Seq, n = n, n+1
		for _, at := range [...]*int64{&s.IntendedNS, &s.SentNS, &s.WrittenNS, &s.FirstByteNS, &s.TokenNS, &s.LastNS, &s.CloseNS} {
			if *at != 0 {
				*at -= epoch
			}
		}
		s.Block = c.block(s.IntendedNS)
		known := pods[s.Arm]
		if _, ok := known[one.Pod]; !ok {
			known[one.Pod] = len(known)
		}
		s.Restart = known[one.Pod]
		return w.Sample(s)
	})
	if err != nil {
		return err
	}
	return w.Close(sample.Trailer{Validity: c.validity()})
}

func (c *conversion) block(start int64) int {
	if c.Block <= 0 {
		return 0
	}
	return int((start - int64(margin)) / int64(c.Block))
}

func (c *conversion) header() sample.Header {
	model := ""
	if names := slices.Collect(maps.Keys(c.models)); len(names) == 1 {
		model = names[0]
	}
	return sample.Header{
		Tool: c.Tool, StartedAt: time.Unix(0, c.told.first-int64(margin)).UTC().Format(time.RFC3339Nano),
		Schedule: sample.Schedule{Kind: "observed"}, Design: c.design(), Blocks: c.block(c.told.last-c.told.first+int64(margin)) + 1,
		Arms: c.arms(), Model: model, ClockScale: 1,
		Source: string(c.From), Lacks: c.lacks(),
	}
}
