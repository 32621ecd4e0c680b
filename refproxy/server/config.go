package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/codeassist"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/media"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/retry"
	"github.com/firstbyte-dev/firstbyte/refproxy/schema"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// Config is what a proxy runs with. Zero durations and sizes take the defaults
// named on the fields.
type Config struct {
	// Upstream says where requests go. What it proves itself with is the one
	// credential that there is if Sources is empty; Account then goes with it.
	Upstream upstream.Config
	// Sources are the credentials to begin with; see Server.SetSources.
	Sources []Source
	// Account is Code Assist's; that kind of upstream needs one. The server closes
	// it.
	Account Account
	// Preview are the models that preview credentials alone may be used for.
	Preview []string
	// Features are the flags as they stand at each moment. Default: Flags, for
	// good.
	Features *feature.Registry
	// Flags are the flags that are on, where there are no Features.
	Flags feature.Flags
	// Retry is the policy of repeating what failed. Default retry.Default.
	Retry *retry.Policy
	// Baseline is that of requests without ff_retry_policy_v2. Default Retry.
	Baseline *retry.Policy
	// Clock is what waits, cooldowns and patience go by. Default the machine's.
	Clock *clock.Scaled
	// Journal keeps what is learned of credentials. Default none.
	Journal credential.Journal
	// Media says what becomes of files that a request names by URL.
	Media media.Config
	// Schemas is the form in which the upstream gets the schemas of tools.
	Schemas schema.Target
	// MixedTools says that the upstream's models take its own tools (search,
	// fetch, code execution) beside functions; those of today are not known to.
	MixedTools bool
	// ShowReasoning has Chat Completions answer with reasoning_content, an
	// extension that other servers have.
	ShowReasoning bool
	// Keys are those that callers may use.
	Keys Keys
	// NoAuth serves callers without a key; allowed only on loopback.
	NoAuth bool
	// Aliases maps callers' names of models to the upstream's. A name that ends in
	// a star stands for all that begin so and have no alias of their own.
	Aliases map[string]string
	// Hold is how long the head of a streamed answer waits for a real status.
	// Default 10 s.
	Hold time.Duration
	// Drain is how long running answers may go on after a stop. Default 10 s;
	// negative means none.
	Drain time.Duration
	// MaxBody is the largest request body, unpacked, in bytes. Default 32 MB.
	MaxBody int64
	// Observers are told of every request for a message, answered or refused.
	Observers []relay.Observer
	// Traced has them told of each event, which costs a little memory.
	Traced bool
	// Log takes the proxy's log. Default none.
	Log *slog.Logger
}

// An Account is one of Code Assist's. It is safe for concurrent use.
type Account interface {
	// Project returns the project that requests are charged to; it may have to
	// wait for it.
	Project(context.Context) (string, error)
	// Models lists the models that there is a quota for.
	Models(context.Context) ([]string, error)
	// Ready reports whether requests can be sent.
	Ready() bool
	// OnDead has tell called when nothing but a person will help, perhaps at once.
	OnDead(tell func(*codeassist.Error))
	// Close ends what it does in the background. It may be called twice.
	Close()
}

// codec returns the codec of the upstream's requests.
func (c Config) codec() gemini.Codec {
	return gemini.Codec{Variant: variants[c.Upstream.Kind], Schemas: c.Schemas, MixedTools: c.MixedTools}
}

func (c Config) withDefaults() Config {
	c.Hold = cmp.Or(c.Hold, 10*time.Second)
	c.Drain = max(0, cmp.Or(c.Drain, 10*time.Second))
	c.MaxBody = cmp.Or(c.MaxBody, 32<<20)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Retry == nil {
		policy := retry.Default()
		c.Retry = &policy
	}
	if c.Baseline == nil {
		c.Baseline = c.Retry
	}
	c.Upstream.Clock, c.Upstream.Anonymous = c.Clock, true
	if c.Sources == nil && c.proven() {
		up := c.Upstream
		c.Sources = []Source{{
			Credential: credential.Credential{ID: onlySource, Label: onlySource, Weight: 1},
			Proof:      upstream.Proof{Key: up.Key, Tokens: up.Tokens, Project: up.Project}, Account: c.Account,
		}}
	}
	return c
}

// proven reports whether Upstream has what its kind wants for a proof. The Gemini
// API of somebody else may want none.
func (c Config) proven() bool {
	return !c.Upstream.Google() || c.Upstream.Key != ""
}

// Validate reports every problem of c.
func (c Config) Validate() error {
	var problems []error
	if c.Keys.empty() && !c.NoAuth {
		problems = append(problems, errors.New("no keys for callers: set FIRSTBYTE_PROXY_KEYS or --keys-file, or pass --no-auth to serve this machine without keys"))
	}
	if !c.Keys.empty() && c.NoAuth {
		problems = append(problems, errors.New("keys for callers and --no-auth exclude each other: drop one"))
	}
	if c.Upstream.Google() && c.Upstream.Key == "" && c.Sources == nil {
		problems = append(problems, errors.New("no key for the upstream: set GEMINI_API_KEY or --upstream-key-file"))
	}
	if c.Sources == nil && (c.Account != nil) != (c.Upstream.Kind == upstream.CodeAssist) {
		problems = append(problems, errors.New("an account belongs to Code Assist, and the other way round"))
	}
	for from, to := range c.Aliases {
		if from == "" || !modelName(to) {
			problems = append(problems, fmt.Errorf("model alias %q=%q: want NAME=UPSTREAM-MODEL", from, to))
		}
	}
	if c.Hold < 0 || c.MaxBody < 0 {
		problems = append(problems, fmt.Errorf("hold (%v) and body limit (%d) must not be negative", c.Hold, c.MaxBody))
	}
	for _, policy := range []*retry.Policy{c.Retry, c.Baseline} {
		if policy != nil {
			problems = append(problems, policy.Validate())
		}
	}
	up := c.Upstream
	up.Anonymous = c.Sources != nil // each is asked when it is taken up
	return errors.Join(append(problems, up.Validate(), c.Media.Validate())...)
}

// CheckAddress refuses to listen for other machines without keys.
func (c Config) CheckAddress(address string) error {
	if !c.NoAuth {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("listen address %q: want HOST:PORT", address)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--no-auth serves only this machine: listen on 127.0.0.1 instead of %q, or set keys", address)
}

// modelName reports whether s can be an upstream's name of a model. Anything
// else would need escaping on its way and is nobody's model.
func modelName(s string) bool {
	const maxName = 128
	if s == "" || len(s) > maxName || strings.HasPrefix(s, ".") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	})
}

// ParseAliases reads NAME=UPSTREAM-MODEL pairs. The error names every bad one.
func ParseAliases(pairs []string) (map[string]string, error) {
	aliases := make(map[string]string)
	var problems []error
	for _, pair := range pairs {
		from, to, ok := strings.Cut(pair, "=")
		from, to = strings.TrimSpace(from), strings.TrimSpace(to)
		if !ok || from == "" || !modelName(to) {
			problems = append(problems, fmt.Errorf("model alias %q: want NAME=UPSTREAM-MODEL, such as claude-sonnet-4-5=gemini-2.5-pro", pair))
			continue
		}
		if old, twice := aliases[from]; twice && old != to {
			problems = append(problems, fmt.Errorf("model alias %q is given twice, for %s and %s", from, old, to))
		}
		aliases[from] = to
	}
	return aliases, errors.Join(problems...)
}

// Keys are the callers' keys, kept as hashes only. The zero value has none.
type Keys struct{ sums [][sha256.Size]byte }

// NewKeys takes keys separated by commas or line breaks; blanks around them,
// empty ones and lines that begin with # are left out.
func NewKeys(lists ...string) Keys {
	var k Keys
	for _, list := range lists {
		for line := range strings.Lines(list) {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			for key := range strings.SplitSeq(line, ",") {
				if key = strings.TrimSpace(key); key != "" {
					k.sums = append(k.sums, sha256.Sum256([]byte(key)))
				}
			}
		}
	}
	return k
}

func (k Keys) empty() bool { return len(k.sums) == 0 }

// match reports whether key is one of k, in a time that does not depend on
// which, or on how much of it is right.
func (k Keys) match(key string) bool {
	sum := sha256.Sum256([]byte(key))
	found := 0
	for _, s := range k.sums {
		found |= subtle.ConstantTimeCompare(sum[:], s[:])
	}
	return found == 1
}
