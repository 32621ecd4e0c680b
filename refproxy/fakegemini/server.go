package fakegemini

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/outfile"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakeaccount"
)

// A Server is a simulated upstream: handlers for tests in process, listeners
// for everybody else. Its methods are safe for concurrent use, Listen and
// Serve once each.
type Server struct {
	config   Config
	models   map[string]struct{}
	arms     map[string]*arm
	account  *fakeaccount.Account
	truth    *ring[Record]
	requests *ring[KeptRequest]
	pacer    pacer

	listening []listening // by Listen, for Serve
}

type listening struct {
	listener net.Listener
	server   *http.Server
}

// New returns a server that does not listen yet. The error joins every problem
// of the configuration.
func New(config Config) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	s := &Server{
		config:   config,
		models:   modelSet(config.Scenario.Models),
		arms:     map[string]*arm{},
		truth:    &ring[Record]{limit: config.Keep},
		requests: &ring[KeptRequest]{limit: config.KeepRequests},
	}
	s.account = fakeaccount.New(config.Scenario.Account, config.Seed, config.Scenario.Models, config.Clock)
	began := config.Clock.Now()
	for _, name := range config.Arms {
		s.arms[name] = newArm(s, name, began)
	}
	return s, nil
}

// Handler returns the arm's handler, for a test's own server. An unknown name
// panics: it is a mistake in the test.
func (s *Server) Handler(name string) http.Handler {
	a, ok := s.arms[name]
	if !ok {
		panic(fmt.Sprintf("fakegemini: no arm %q", name))
	}
	return a.handler()
}

// Truth returns the records kept, oldest first.
func (s *Server) Truth() []Record { return s.truth.list() }

// Drain returns the records kept, oldest first, and forgets them.
func (s *Server) Drain() []Record { return s.truth.drain() }

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	stats := Stats{Arms: map[string]ArmStats{}, AimNS: s.pacer.aim.lead(), Clock: s.config.Clock.String()}
	for name, a := range s.arms {
		counts := a.counts.snapshot()
		counts.Capacity = a.limits.Stats()
		stats.Arms[name] = counts
	}
	if asked := s.account.Stats(); asked != (fakeaccount.Stats{}) {
		stats.Account = &asked
	}
	stats.Records, stats.Dropped = s.truth.size()
	return stats
}

// Ready is where a listening server is found, the line that the command prints.
type Ready struct {
	Ready   bool              `json:"ready"`
	URLs    map[string]string `json:"urls"`    // by arm
	Control string            `json:"control"` // of the control listener
	CAFile  string            `json:"ca_file,omitempty"`
	Clock   string            `json:"clock"` // as [clock.ParseScaled] reads it
}

// Listen takes every port and writes the CA certificate. After an error no
// port is held. Serve must follow.
func (s *Server) Listen(ctx context.Context) (Ready, error) {
	ready := Ready{Ready: true, URLs: map[string]string{}, Clock: s.config.Clock.String()}
	if err := s.listen(ctx, &ready); err != nil {
		for _, l := range s.listening {
			err = errors.Join(err, l.listener.Close())
		}
		s.listening = nil
		return Ready{}, errors.Join(err, s.removeCA())
	}
	return ready, nil
}

func (s *Server) listen(ctx context.Context, ready *Ready) error {
	var certificate tls.Certificate
	if s.config.Protocol == H2 {
		authority, err := newAuthority(time.Now())
		if err != nil {
			return err
		}
		if err := s.writeCA(authority.caPEM); err != nil {
			return err
		}
		certificate, ready.CAFile = authority.leaf, s.config.CAFile
	}
	for i, name := range s.config.Arms {
		url, err := s.add(ctx, s.config.addressOf(i), s.armServer(s.arms[name], certificate))
		if err != nil {
			return fmt.Errorf("arm %s: %w", name, err)
		}
		ready.URLs[name] = url
	}
	url, err := s.add(ctx, s.config.Control, &http.Server{Handler: s.controlHandler()})
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	ready.Control = url
	return nil
}

func (s *Server) writeCA(pem []byte) error {
	if s.config.CAFile == "" {
		return nil
	}
	return outfile.Write(s.config.CAFile, func(w io.Writer) error {
		_, err := w.Write(pem)
		return err
	})
}

// removeCA takes the certificate away: the authority dies with its server.
func (s *Server) removeCA() error {
	if s.config.CAFile == "" {
		return nil
	}
	if err := os.Remove(s.config.CAFile); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s *Server) add(ctx context.Context, address string, server *http.Server) (url string, err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("cannot listen (is the port taken? use port 0 for a free one): %w", err)
	}
	url = "http://" + listener.Addr().String()
	if server.TLSConfig != nil {
		url = "https://" + listener.Addr().String()
	}
	server.ReadHeaderTimeout = 10 * time.Second
	// What the server would log is clients that leave, which is their right.
	server.ErrorLog = log.New(io.Discard, "", 0)
	s.listening = append(s.listening, listening{listener, server})
	return url, nil
}

func (s *Server) armServer(a *arm, certificate tls.Certificate) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	server := &http.Server{Handler: s.Handler(a.name), ConnState: a.counts.connState, ConnContext: withConn, Protocols: protocols}
	switch s.config.Protocol {
	case H2:
		protocols.SetHTTP2(true)
		server.TLSConfig = &tls.Config{
			Certificates:     []tls.Certificate{certificate},
			MinVersion:       tls.VersionTLS12,
			VerifyConnection: a.counts.verifyConnection,

			GetConfigForClient: (&handshaker{arm: a}).wait,
		}
	case H2C:
		protocols.SetUnencryptedHTTP2(true)
	}
	return server
}

// stopTime bounds how long the listeners take to stop.
const stopTime = 300 * time.Millisecond

// Serve answers until ctx ends, then stops every request under way, waits for
// its handlers, removes the CA file and returns nil; it returns earlier when a
// listener fails.
func (s *Server) Serve(ctx context.Context) error {
	defer s.pacer.close()
	running, stop := context.WithCancel(ctx)
	defer stop()
	failures := make([]error, len(s.listening))
	var group sync.WaitGroup
	for i, l := range s.listening {
		l.server.BaseContext = func(net.Listener) context.Context { return running }
		group.Go(func() {
			defer stop() // one listener lost: the others have no purpose
			failures[i] = l.serve()
		})
	}
	<-running.Done()
	for _, l := range s.listening {
		group.Go(l.stop)
	}
	group.Wait()
	return errors.Join(append(failures, s.removeCA())...)
}

func (l listening) serve() error {
	serve := func() error { return l.server.Serve(l.listener) }
	if l.server.TLSConfig != nil {
		serve = func() error { return l.server.ServeTLS(l.listener, "", "") }
	}
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.listener.Addr(), err)
	}
	return nil
}

// stop waits for the handlers, whose context has ended, and closes by force
// what is left.
func (l listening) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if l.server.Shutdown(ctx) != nil {
		_ = l.server.Close() // the listener is closed already
	}
}

// controlHandler serves ground truth and counts.
func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /truth", func(w http.ResponseWriter, r *http.Request) {
		writeLines(w, r, s.Truth, s.Drain)
	})
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, r *http.Request) {
		if s.config.KeepRequests == 0 {
			http.Error(w, "no requests are kept: start with --keep-requests N", http.StatusNotFound)
			return
		}
		writeLines(w, r, s.Requests, s.DrainRequests)
	})
	mux.HandleFunc("POST /reset", s.control(func(a *arm, _ *http.Request) error {
		a.limits.Reset()
		return nil
	}))
	mux.HandleFunc("POST /credential", s.control(setState))
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Stats()) })
	return mux
}

// control serves a call that changes the arm it names.
func (s *Server) control(change func(*arm, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, ok := s.arms[r.URL.Query().Get("arm")]
		if !ok {
			http.Error(w, "no such arm: name one with ?arm=NAME", http.StatusNotFound)
			return
		}
		if err := change(a, r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// setState gives a credential another state.
func setState(a *arm, r *http.Request) error {
	q := r.URL.Query()
	if !a.limits.SetState(q.Get("name"), q.Get("state")) {
		return errors.New("no such state: ?state= may be empty, revoked, expired, banned, verification or disabled")
	}
	return nil
}

// writeLines writes values as JSON Lines; ?drain=1 also has them forgotten.
func writeLines[T any](w http.ResponseWriter, r *http.Request, values, drain func() []T) {
	if r.URL.Query().Get("drain") == "1" {
		values = drain
	}
	w.Header().Set("Content-Type", "application/jsonl")
	encoder := json.NewEncoder(w)
	for _, value := range values() {
		if encoder.Encode(value) != nil {
			return // the client left
		}
	}
}
