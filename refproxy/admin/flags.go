package admin

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A flagView is a flag as the API tells it.
type flagView struct {
	Flag
	Verdict *Verdict `json:"verdict,omitempty"`
}

type flagsView struct {
	Generation uint64     `json:"generation"`
	Flags      []flagView `json:"flags"`
}

// oneFlag is a flag with the generation of them all.
type oneFlag struct {
	flagView
	Generation uint64 `json:"generation"`
}

func (a *Admin) flags(ctx context.Context) (flagsView, error) {
	state, err := a.cfg.Flags.Flags(ctx)
	v := flagsView{Generation: state.Generation, Flags: []flagView{}}
	for _, f := range state.Flags {
		v.Flags = append(v.Flags, flagView{f, a.verdicts.of(f.Name)})
	}
	return v, err
}

func (a *Admin) flag(ctx context.Context, name string) (oneFlag, error) {
	all, err := a.flags(ctx)
	if err != nil {
		return oneFlag{}, err
	}
	i := slices.IndexFunc(all.Flags, func(f flagView) bool { return f.Name == name })
	if i < 0 {
		return oneFlag{}, ErrUnknown
	}
	return oneFlag{all.Flags[i], all.Generation}, nil
}

// setFlag makes a change and returns the state that is then in force.
func (a *Admin) setFlag(ctx context.Context, c FlagChange) (oneFlag, error) {
	if err := checkSetting(c.Setting); err != nil {
		return oneFlag{}, err
	}
	if max(len(c.Who), len(c.Evidence)) > longest || !isLine(c.Who) || !isLine(c.Evidence) {
		return oneFlag{}, invalid("who and evidence are one line each, of at most %d bytes", longest)
	}
	if err := a.cfg.Flags.SetFlag(ctx, c); err != nil {
		return oneFlag{}, err
	}
	a.cfg.Logger.Info("flag changed", "flag", c.Name, "percent", c.Percent, "unit", c.Unit, "who", c.Who, "evidence", c.Evidence)
	return a.flag(ctx, c.Name)
}

// checkSetting tells what is wrong with a setting.
func checkSetting(s Setting) error {
	hundredths := s.Percent * 100
	switch {
	case !(s.Percent >= 0 && s.Percent <= 100): // NaN is neither
		return invalid("a percentage lies between 0 and 100")
	case math.Abs(hundredths-math.Round(hundredths)) > 1e-6:
		return invalid("a percentage goes in steps of 0.01")
	case s.Unit != "request" && s.Unit != "session":
		return invalid("a unit is request or session")
	}
	return nil
}

// isLine reports whether text can be kept by every store and shown in a line: no
// control characters, no bytes that are no text.
func isLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// rollbackTries bounds how often a rollback follows a generation that others
// move on.
const rollbackTries = 5

// rollBack sets a flag to 0 whatever others have changed meanwhile: off is
// always right.
func (a *Admin) rollBack(ctx context.Context, name, who, evidence string) (oneFlag, error) {
	for try := 1; ; try++ {
		now, err := a.flag(ctx, name)
		if err != nil {
			return oneFlag{}, err
		}
		after, err := a.setFlag(ctx, FlagChange{
			Name: name, Setting: Setting{0, now.Unit}, Expected: now.Generation, Who: who, Evidence: evidence,
		})
		if !errors.Is(err, ErrStale) || try == rollbackTries {
			return after, err
		}
	}
}

func (a *Admin) getFlags(w http.ResponseWriter, r *http.Request) error {
	v, err := a.flags(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(v.Generation))
	writeJSON(w, http.StatusOK, v)
	return nil
}

func (a *Admin) getFlag(w http.ResponseWriter, r *http.Request) error {
	f, err := a.flag(r.Context(), r.PathValue("name"))
	return a.writeFlag(w, f, err)
}

func (a *Admin) putFlag(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Percent  *float64 `json:"percent"`
		Unit     string   `json:"unit"`
		Expected *uint64  `json:"expected"`
		Who      string   `json:"who"`
		Evidence string   `json:"evidence"`
	}
	if err := readJSON(w, r, maxBody, &body); err != nil {
		return err
	}
	if body.Percent == nil {
		return invalid("percent is missing")
	}
	expected, err := expectedGeneration(r, body.Expected)
	if err != nil {
		return err
	}
	now, err := a.flag(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	if body.Unit == "" {
		body.Unit = now.Unit
	}
	if c := from(r.Context()); body.Who == "" || c.session != "" { // a login is a person, whatever it says
		body.Who = c.who
	}
	f, err := a.setFlag(r.Context(), FlagChange{
		Name: now.Name, Setting: Setting{*body.Percent, body.Unit}, Expected: expected, Who: body.Who, Evidence: body.Evidence,
	})
	return a.writeFlag(w, f, err)
}

func (a *Admin) writeFlag(w http.ResponseWriter, f oneFlag, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(f.Generation))
	writeJSON(w, http.StatusOK, f)
	return nil
}

func etag(generation uint64) string { return fmt.Sprintf("%q", strconv.FormatUint(generation, 10)) }

// expectedGeneration reads on which generation a change is based, from the body
// or If-Match. A change that does not say is refused: it could undo another.
func expectedGeneration(r *http.Request, given *uint64) (uint64, error) {
	match := strings.Trim(r.Header.Get("If-Match"), `"`)
	if match == "" && given == nil {
		return 0, fault{http.StatusPreconditionRequired, "expected_missing", "say in expected (or If-Match) which generation this is based on"}
	}
	if match == "" {
		return *given, nil
	}
	n, err := strconv.ParseUint(match, 10, 64)
	if err != nil || given != nil && *given != n {
		return 0, invalid("If-Match must be the generation, and the same as expected")
	}
	return n, nil
}

func (a *Admin) getAudit(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r, auditShown)
	if err != nil {
		return err
	}
	entries, err := a.cfg.Flags.Audit(r.Context(), limit)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string][]AuditEntry{"entries": append([]AuditEntry{}, entries...)})
	return nil
}

func (a *Admin) postVerdict(w http.ResponseWriter, r *http.Request) error {
	var v Verdict
	if err := readJSON(w, r, maxBody, &v); err != nil {
		return err
	}
	if err := v.check(); err != nil {
		return err
	}
	if _, err := a.flag(r.Context(), v.Flag); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, a.verdicts.put(v))
	return nil
}
