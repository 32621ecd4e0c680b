package admin

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
)

type overviewContent struct {
	live.Figures
	Charts   []chart
	Settings []flagView
	Pool     poolSummary
}

// A poolSummary counts credentials by what can be done with them now.
type poolSummary struct {
	Ready, Cooling, Disabled int
	// Verify are those whose owners must do something.
	Verify []Credential
}

func (a *Admin) overview(r *http.Request) (Content, error) {
	flags, err := a.flags(r.Context())
	if err != nil {
		return nil, err
	}
	credentials, err := a.cfg.Credentials.Credentials(r.Context())
	if err != nil {
		return nil, err
	}
	f := a.cfg.Traffic.Figures()
	return overviewContent{
		Figures: f, Settings: flags.Flags, Pool: summarise(credentials, a.cfg.Clock.Now()),
		Charts: []chart{
			rateChart(f.History),
			latencyChart("Time to first byte", f.History, func(p live.Point) live.Latency { return p.FirstByte }),
			latencyChart("Time to first token", f.History, func(p live.Point) live.Latency { return p.FirstToken }),
		},
	}, nil
}

func summarise(all []Credential, now time.Time) poolSummary {
	var s poolSummary
	for _, c := range all {
		switch {
		case c.Disabled != "":
			s.Disabled++
		case slices.ContainsFunc(c.Cooldowns, func(d Cooldown) bool { return d.Model == "" && d.Until.After(now) }):
			s.Cooling++
		default:
			s.Ready++
		}
		if c.VerifyURL != "" {
			s.Verify = append(s.Verify, c)
		}
	}
	return s
}

// A flagCard is a flag with what is seen of it.
type flagCard struct {
	flagView
	Generation uint64
	Seen       live.Flag
	Split      chart
	Interval   *interval
	Variable   string // of the environment
}

func (a *Admin) flagCards(r *http.Request) (Content, error) {
	flags, err := a.flags(r.Context())
	if err != nil {
		return nil, err
	}
	f := a.cfg.Traffic.Figures()
	var cards []flagCard
	for _, flag := range flags.Flags {
		cards = append(cards, flagCard{
			flagView: flag, Generation: flags.Generation, Seen: f.Flag(flag.Name),
			Split: splitChart(flag.Name, flag.Percent, f.History), Interval: intervalOf(flag.Verdict), Variable: strings.ToUpper(flag.Name),
		})
	}
	return cards, nil
}

func flagRegions(c Content) []region {
	var regions []region
	for _, card := range c.([]flagCard) {
		regions = append(regions, region{"seen-" + card.Name, "seen", card})
	}
	return regions
}

type credentialContent struct {
	Cards []credentialCard
	Kinds []string
}

// A credentialCard is a credential at an instant.
type credentialCard struct {
	Credential
	Now time.Time
}

// Health says in a word what can be done with it now, and how good that is.
func (c credentialCard) Health() (h struct{ Word, Class string }) {
	cooling := 0
	for _, d := range c.Cooling() {
		if d.Model == "" {
			h.Word, h.Class = "cooling", "warn"
			return h
		}
		cooling++
	}
	switch {
	case c.Disabled != "":
		h.Word, h.Class = "disabled", "bad"
	case c.Weight == 0:
		h.Word, h.Class = "drained", "warn"
	case cooling > 0:
		h.Word, h.Class = fmt.Sprintf("cooling for %d of its models", cooling), "warn"
	default:
		h.Word, h.Class = "ready", "good"
	}
	return h
}

// Cooling are its cooldowns that have not ended.
func (c credentialCard) Cooling() []Cooldown {
	return slices.DeleteFunc(slices.Clone(c.Cooldowns), func(d Cooldown) bool { return !d.Until.After(c.Now) })
}

func (a *Admin) credentialCards(r *http.Request) (Content, error) {
	all, err := a.cfg.Credentials.Credentials(r.Context())
	content := credentialContent{Kinds: a.cfg.Kinds}
	for _, c := range all {
		content.Cards = append(content.Cards, credentialCard{c, a.cfg.Clock.Now()})
	}
	return content, err
}

func credentialRegions(c Content) []region {
	var regions []region
	for _, card := range c.(credentialContent).Cards {
		regions = append(regions, region{"credential-" + card.ID, "health", card})
	}
	return regions
}

// rowsShown is how many requests a page shows.
const rowsShown = 50

type recentContent struct {
	Failed   bool // failures alone
	Requests []live.Request
}

func (a *Admin) recent(r *http.Request) (Content, error) {
	content := recentContent{Failed: r.URL.Query().Get("outcome") == "failed"}
	for _, request := range a.cfg.Traffic.Recent(mostShown) {
		if (!content.Failed || request.Outcome != live.OK) && len(content.Requests) < rowsShown {
			content.Requests = append(content.Requests, request)
		}
	}
	return content, nil
}

type requestContent struct {
	live.Request
	Timeline timeline
}

func (a *Admin) showRequest(w http.ResponseWriter, r *http.Request) error {
	request, ok := a.cfg.Traffic.Request(r.PathValue("id"))
	if !ok {
		return fault{http.StatusNotFound, "not_found", "This request is not kept any more, or never was: only the last ones are."}
	}
	a.render(w, r, http.StatusOK, "request", page{
		Title: "Request " + request.ID, Here: "requests", Content: requestContent{request, timelineOf(request)},
	})
	return nil
}

// linesShown is how many lines of the log a page shows.
const linesShown = 100

type tailContent struct {
	Level string
	Lines []live.Line
}

func (a *Admin) tail(r *http.Request) (Content, error) {
	level := slog.LevelInfo
	switch r.URL.Query().Get("level") {
	case "warn":
		level = slog.LevelWarn
	case "error":
		level = slog.LevelError
	}
	return tailContent{strings.ToLower(level.String()), a.cfg.Log.Tail(linesShown, level)}, nil
}

func (a *Admin) audit(r *http.Request) (Content, error) {
	return a.cfg.Flags.Audit(r.Context(), auditShown)
}
