package rollout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrRefused says that the server will not have it, now or later: the key, the flag's
// name or the request itself is wrong.
var ErrRefused = errors.New("the admin API refuses it")

// A Client is a Server behind a proxy's admin API. It is safe for concurrent use.
type Client struct {
	base *url.URL
	flag string
	key  string
	http *http.Client
}

var _ Server = (*Client)(nil)

// answerLimit bounds what is read of an answer, and answerWait how long one may
// take. auditLimit is how many changes of the audit log are read, as many as the
// server gives: the turns of other rollouts stand in it as well.
const (
	auditLimit  = 1000
	answerLimit = 4 << 20
	answerWait  = 10 * time.Second
)

// NewClient returns a client of the admin API at base for one flag. The key goes into
// the header of its requests and nowhere else; a redirect is not followed, so that
// no other server sees it.
func NewClient(base, flag, key string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is no URL of an admin API: write http://127.0.0.1:PORT", base)
	}
	if key == "" {
		return nil, errors.New("the admin API needs a key")
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/admin") // the proxy prints the panel's URL
	return &Client{base: u, flag: flag, key: key, http: &http.Client{
		Timeout:       answerWait,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// An auditEntry is one change of a flag, as the admin API tells it.
type auditEntry struct {
	Flag       string `json:"flag"`
	Who        string `json:"who"`
	Evidence   string `json:"evidence"`
	Generation uint64 `json:"generation"`
}

// Read implements [Server]. The audit log is read after the setting: a change that
// comes between the two is one that the setting does not show, and shows as one that
// somebody else made.
func (c *Client) Read(ctx context.Context) (State, error) {
	var flag struct {
		Name       string   `json:"name"`
		Percent    *float64 `json:"percent"`
		Unit       string   `json:"unit"`
		Generation uint64   `json:"generation"`
		Locked     bool     `json:"locked"`
	}
	if err := c.ask(ctx, http.MethodGet, "/admin/flags/"+url.PathEscape(c.flag), nil, &flag); err != nil {
		return State{}, err
	}
	if flag.Percent == nil || flag.Name != c.flag {
		return State{}, fmt.Errorf("%w: the answer does not tell the percentage of %s", ErrRefused, c.flag)
	}
	s := State{Percent: *flag.Percent, Unit: flag.Unit, Generation: flag.Generation, Locked: flag.Locked}
	var audit struct {
		Entries []auditEntry `json:"entries"`
	}
	if err := c.ask(ctx, http.MethodGet, fmt.Sprintf("/admin/audit?limit=%d", auditLimit), nil, &audit); err != nil {
		return State{}, err
	}
	if n := len(audit.Entries); n >= auditLimit {
		s.Back = audit.Entries[n-1].Generation - 1 // the newest come first
	}
	for _, e := range audit.Entries {
		if e.Flag == c.flag && e.Generation > s.Last.Generation {
			s.Last = Mark{e.Generation, e.Who, e.Evidence}
		}
	}
	return s, nil
}

// Set implements [Server].
func (c *Client) Set(ctx context.Context, change Change) error {
	return c.ask(ctx, http.MethodPut, "/admin/flags/"+url.PathEscape(c.flag), struct {
		Percent  int    `json:"percent"`
		Unit     string `json:"unit"`
		Expected uint64 `json:"expected"`
		Who      string `json:"who"`
		Evidence string `json:"evidence"`
	}(change), nil)
}

// Report tells the server of a verdict, for its panel.
func (c *Client) Report(ctx context.Context, s Said) error {
	return c.ask(ctx, http.MethodPost, "/admin/verdicts", s, nil)
}

func (c *Client) ask(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("admin API: %w", err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, body)
	if err != nil {
		return fmt.Errorf("admin API: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("admin API: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return fmt.Errorf("admin API: %w", err)
	}
	if err := refusal(resp.StatusCode, answer); err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("admin API: %s answered with something else than JSON: %w", path, err)
	}
	return nil
}

// refusal turns a status into the error that it means; nil for success.
func refusal(status int, answer []byte) error {
	kind := ErrRefused
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusConflict:
		kind = ErrStale
	case status == http.StatusLocked:
		kind = ErrLocked
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Errorf("%w: the key is not the server's (status %d)", ErrRefused, status)
	case status == http.StatusTooManyRequests, status >= 500:
		return fmt.Errorf("admin API: status %d%s", status, told(answer))
	}
	return fmt.Errorf("%w: status %d%s", kind, status, told(answer))
}

// told is what the server said, in a line.
func told(answer []byte) string {
	var said struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.Unmarshal(answer, &said) // without it the status says enough
	text := strings.Join(strings.Fields(said.Error.Message), " ")
	if text == "" {
		return ""
	}
	return ": " + text[:min(len(text), 300)]
}
