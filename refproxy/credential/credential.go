package credential

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// A Credential is what the pool knows of one: no secret.
type Credential struct {
	ID      string // opaque, shown in records
	Label   string // for people
	Kind    string // what it is: a key, tokens of Code Assist
	Preview bool   // serves models in preview; set by the operator alone
	// Weight is its part of the load, 1 being usual. With 0 or less it is drained:
	// it gets nothing new.
	Weight float64
	// Disabled says why it is out of use, "" that it is not; DisabledURL is where
	// its owner can mend that.
	Disabled, DisabledURL string
}

// An Ask says what a credential is wanted for.
type Ask struct {
	Model   string // canonical, without suffixes
	Preview bool   // the model is in preview, by the registry of models
	// Affinity is the same for requests that share a prompt; "": none. It is used
	// with V2 alone.
	Affinity string
	// Tried are the IDs that this request has used: it gets another. A request
	// that has tried one is not held back by its model's lack of capacity, since
	// its own policy has it wait.
	Tried []string
	// V2 asks for the scheduler; false for the earlier random choice.
	V2 bool
}

// A Result is what became of a lease. A failure that says nothing of the
// credential, such as a model without capacity or a caller who left, is Neutral.
type Result struct {
	OK          bool          // answered to the end
	RateLimited bool          // a 429 of this credential
	Failed      bool          // any other failure that it may be to blame for
	OfModel     bool          // the failure is of this model with it, and not of the whole credential
	Neutral     bool          // no evidence; as if none of the others were set
	FirstToken  time.Duration // from the send, on the pool's clock; 0: not known
	Reason      string        // of a failure, for the panel; no secrets
	Input       int           // tokens
	Output      int           // tokens
}

func (r Result) neutral() bool { return r.Neutral || !r.OK && !r.RateLimited && !r.Failed }

// Unavailable is the error of Acquire: nobody can serve the request now.
type Unavailable struct {
	Model string
	// Soonest is when the first cooldown in the way ends; zero where there is none.
	Soonest time.Time
	// Capacity: the model has none. Else, if Soonest is set, credentials cool.
	Capacity bool
	// None: no credential of the pool could ever serve it.
	None bool
	// Tried: one could, but stands in Ask.Tried.
	Tried  bool
	Reason string // for the caller and for people
	// Cooling is the reason that the first cooldown in the way was given, "" where
	// there is none.
	Cooling string
}

// Error names model and reason.
func (u *Unavailable) Error() string {
	return fmt.Sprintf("no credential for model %s: %s", u.Model, u.Reason)
}

// A Selection is the event pool_select: what one choice of the scheduler saw.
type Selection struct {
	Model     string
	Available int     // credentials that the model may use and that do not cool for it
	Cooling   int     // those that do, or whose cooldown has ended without a success yet
	Ratio429  float64 // of the model's recent results over all credentials, as r429
	Selected  string  // ID; "": nobody could serve
	Score     float64 // of the selected; without jitter where affinity chose it
	InFlight  int     // of the selected, before this request
}

// LogAttrs are the fields of the event as they are logged.
func (s Selection) LogAttrs() []slog.Attr {
	return []slog.Attr{
		slog.String("model", s.Model), slog.Int("available", s.Available), slog.Int("cooling", s.Cooling),
		slog.Float64("ratio_429", s.Ratio429), slog.String("selected", s.Selected),
		slog.Float64("score", s.Score), slog.Int("in_flight", s.InFlight),
	}
}

// Counters count what a credential did.
type Counters struct {
	Requests    int64 // leases that are done
	RateLimited int64
	Failed      int64
	Input       int64 // tokens
	Output      int64 // tokens
}

func (c *Counters) add(o Counters) {
	c.Requests += o.Requests
	c.RateLimited += o.RateLimited
	c.Failed += o.Failed
	c.Input += o.Input
	c.Output += o.Output
}

// A State is what outlives the process of one credential, or of one model on it.
type State struct {
	ID    string
	Model string // "": of the whole credential
	// Until is the end of its cooldown, zero for none, which is news, too: someone
	// cleared it. Stamp is when that came to be so.
	Until  time.Time
	Length time.Duration // how long the cooldown was when it began
	Reason string
	Stamp  time.Time
	// Disabled and DisabledURL are as of DisabledAt; a zero DisabledAt says
	// nothing. Only the whole credential has them, and Counters.
	Disabled, DisabledURL string
	DisabledAt            time.Time
	// Counters are what has come since the last Save that succeeded, to be added
	// up, so that replicas can share a row. Load and Merge take the sums.
	Counters Counters
}

// A Journal keeps states. One call at a time is made, none of them on the way of
// a request.
type Journal interface {
	// Save adds or replaces states by ID and Model. It keeps all or none.
	Save(ctx context.Context, states []State) error
	Load(ctx context.Context) ([]State, error)
}

// Config is how a pool works. The zero value is one in memory on the machine's
// clock.
type Config struct {
	Clock *clock.Scaled
	Seed  uint64 // of the random choices; 0: another one at every start
	// Journal is where states go; nil: nowhere.
	Journal Journal
	// Interval is how long changes are gathered before they are saved. Default
	// 250 ms.
	Interval time.Duration
	// OnSelect is told of every choice of the scheduler, outside the pool's lock
	// and on the way of the request. Default nobody.
	OnSelect func(Selection)
	// Log is told when states cannot be saved. Default nobody.
	Log *slog.Logger
}
