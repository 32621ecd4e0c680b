package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
	"github.com/firstbyte-dev/firstbyte/refproxy/control"
	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/store"
)

// operateFlags say how a proxy is operated, as given.
type operateFlags struct {
	admin, keyFile      string
	store, storeKeyFile string
	behindTLS           bool
}

func (f *operateFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.admin, "admin", "", "address to serve the control panel and the admin API on, such as 127.0.0.1:8788; port 0 takes a free one")
	fs.StringVar(&f.keyFile, "admin-key-file", "", "file with the key of the admin API, 16 characters or more (default: FIRSTBYTE_ADMIN_KEY; without one the panel's login alone opens it)")
	fs.BoolVar(&f.behindTLS, "admin-behind-tls", false, "TLS ends in front of the control panel: it may listen for other machines")
	fs.StringVar(&f.store, "store", "", "where flags, credentials and accounts are kept: sqlite:PATH or postgres://... (default: with --admin a file in the user's configuration folder, else nowhere)")
	fs.StringVar(&f.storeKeyFile, "store-key-file", "", "file with the key that seals stored secrets, 32 bytes in hex or base64 (default: FIRSTBYTE_STORE_KEY; for a file of SQLite one is made beside it)")
}

// An office is what an operator works with while the proxy runs; its zero value
// has nothing.
type office struct {
	store   *store.Store
	uploads control.Uploads
	key     string
	traffic *live.Traffic
	tail    *live.Log

	following sync.WaitGroup
	stops     []context.CancelFunc
}

// tailLines is how much of the log the panel shows.
const tailLines = 1000

// open opens the store, and has the panel see what the proxy logs and serves.
func (f *operateFlags) open(ctx context.Context, cfg *server.Config) (o *office, err error) {
	o = &office{}
	if f.admin != "" && !f.behindTLS {
		if err := onLoopback(f.admin); err != nil {
			return nil, fmt.Errorf("--admin %q: a password would travel in the clear: listen on 127.0.0.1, or put TLS in front and add --admin-behind-tls", f.admin)
		}
	}
	if o.key, err = secret("FIRSTBYTE_ADMIN_KEY", "--admin-key-file", f.keyFile); err != nil {
		return nil, err
	}
	o.key = strings.TrimSpace(o.key)
	if o.store, err = f.openStore(ctx); err != nil {
		return nil, err
	}
	if o.store == nil {
		return o, nil
	}
	cfg.Journal = control.Journal{Store: o.store}
	if f.admin != "" {
		o.traffic, o.tail = live.NewTraffic(live.Config{Clock: cfg.Clock}), live.NewLog(tailLines, slog.LevelInfo)
		cfg.Log = slog.New(slog.NewMultiHandler(cfg.Log.Handler(), o.tail.Handler()))
		cfg.Observers = append(cfg.Observers, control.Observer{Traffic: o.traffic})
	}
	return o, nil
}

// flags is where changes of flags are kept; nil where they are not.
func (o *office) flags() feature.Backend {
	if o.store == nil {
		return nil
	}
	return control.FlagStore{Store: o.store}
}

// follow has s use what the store holds, until ctx ends. The first time is over
// when it returns.
func (o *office) follow(ctx context.Context, s *server.Server, cfg server.Config) (*control.Credentials, error) {
	if o.store == nil {
		return nil, nil
	}
	c := &control.Credentials{Server: s, Store: o.store, Given: cfg.Sources, Uploads: o.uploads, Log: cfg.Log}
	if err := c.Reload(ctx); err != nil {
		return nil, err
	}
	if cfg.Sources != nil && len(s.Pool().Status()) == 0 {
		cfg.Log.Warn("there is no credential for the upstream yet: upload one in the control panel (--admin)")
	}
	o.keepUp(ctx, func(ctx context.Context) { _ = c.Follow(ctx) }) // it ends with ctx, and logs by itself
	return c, nil
}

// serve serves the panel until stop is called, and returns its URL. A password is
// made when nothing else can fail, and is written to out, once.
func (o *office) serve(ctx context.Context, f operateFlags, cfg server.Config, c *control.Credentials, out io.Writer) (url string, stop func(), err error) {
	accounts := control.Accounts{Store: o.store}
	a, err := admin.New(admin.Config{
		Flags: control.Flags{Registry: cfg.Features}, Credentials: c, Accounts: accounts,
		Traffic: o.traffic, Log: o.tail, Key: admin.NewSecret(o.key), Kinds: []string{o.uploads.Kind},
		BehindTLS: f.behindTLS, Clock: cfg.Clock, Logger: cfg.Log,
	})
	if err != nil {
		return "", nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.admin)
	if err != nil {
		return "", nil, fmt.Errorf("cannot listen on %s (choose another --admin, or port 0 for a free one): %w", f.admin, cmp.Or(errors.Unwrap(err), err))
	}
	url = "http://" + l.Addr().String() + "/admin/"
	password, err := admin.Bootstrap(ctx, accounts)
	if err != nil {
		return "", nil, errors.Join(err, l.Close())
	}
	if password != "" {
		_, _ = fmt.Fprintf(out, "control panel: %s password: %s (shown once)\n", url, password)
	}
	s := a.Server()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // ends by stop
	}()
	return url, func() { shut(s); <-done }, nil
}

// shut ends a server of people, who may see their last page.
func shut(s *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.Shutdown(ctx) != nil {
		_ = s.Close() // the last ones are cut
	}
}
