package sample_test

import (
	"math/rand/v2"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// life draws a successful answer whose instants follow one another, together
// with the arrival of each content event.
func life(r *rand.Rand) (s sample.Sample, arrivals []int64) {
	step := func() int64 { return 1 + r.Int64N(1e9) }
	s = sample.Sample{Outcome: sample.OK, Events: 1 + r.IntN(20)}
	s.IntendedNS = step()
	s.SentNS = s.IntendedNS + step()
	s.WrittenNS = s.SentNS + step()
	s.FirstByteNS = s.WrittenNS + step()
	s.HeadersNS = s.FirstByteNS + step()
	s.EventNS = s.FirstByteNS + step()
	s.TokenNS = s.EventNS + step()
	s.TextNS = s.TokenNS + step()
	at := s.TokenNS
	for i := range s.Events {
		if i > 0 {
			gap := r.Int64N(1e8)
			s.GapsNS = append(s.GapsNS, gap)
			at += gap
		}
		arrivals = append(arrivals, at)
	}
	s.LastNS = at
	s.CloseNS = at + step()
	s.Usage.Output = r.IntN(40)
	s.Conn = sample.Conn{Reused: r.IntN(2) == 0, DNSNS: r.Int64N(3), ConnectNS: r.Int64N(3), TLSNS: r.Int64N(3)}
	for _, at := range arrivals {
		s.UpstreamNS = append(s.UpstreamNS, at-step())
	}
	return s, arrivals
}

// TestValues holds each measure against its formula written a second time, over
// drawn lives of a request.
func TestValues(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		s, arrivals := life(r)
		var added int64
		for i, at := range arrivals {
			added += at - s.UpstreamNS[i]
		}
		steps := func(n int) (int64, bool) {
			if n < 1 {
				return 0, true
			}
			return (arrivals[len(arrivals)-1] - arrivals[0]) / int64(n), false
		}
		phase := func(ns int64) (int64, bool) { return ns, s.Conn.Reused || ns == 0 }
		since := func(at int64) (int64, bool) { return at - s.IntendedNS, false }
		for m, want := range map[sample.Measure]func() (int64, bool){
			sample.Queue:       func() (int64, bool) { return since(s.SentNS) },
			sample.DNSTime:     func() (int64, bool) { return phase(s.Conn.DNSNS) },
			sample.Connect:     func() (int64, bool) { return phase(s.Conn.ConnectNS) },
			sample.TLSTime:     func() (int64, bool) { return phase(s.Conn.TLSNS) },
			sample.TTFB:        func() (int64, bool) { return since(s.FirstByteNS) },
			sample.FirstEvent:  func() (int64, bool) { return since(s.EventNS) },
			sample.FirstToken:  func() (int64, bool) { return since(s.TokenNS) },
			sample.FirstText:   func() (int64, bool) { return since(s.TextNS) },
			sample.LastContent: func() (int64, bool) { return since(s.LastNS) },
			sample.Full:        func() (int64, bool) { return since(s.CloseNS) },
			sample.Gap:         func() (int64, bool) { return steps(len(arrivals) - 1) },
			sample.TPOT:        func() (int64, bool) { return steps(s.Usage.Output - 1) },
			sample.Waiting:     func() (int64, bool) { return s.FirstByteNS - s.WrittenNS, false },
			sample.HeadersTime: func() (int64, bool) { return since(s.HeadersNS) },
			sample.NTPOT: func() (int64, bool) {
				if s.Usage.Output == 0 {
					return 0, true
				}
				return (s.LastNS - s.IntendedNS) / int64(s.Usage.Output), false
			},
			sample.AddedToken: func() (int64, bool) { return arrivals[0] - s.UpstreamNS[0], false },
			sample.AddedEvent: func() (int64, bool) { return added / int64(len(arrivals)), false },
		} {
			wantNS, wantNone := want()
			ns, ok, none := s.Value(m)
			if !ok || none != wantNone || !none && ns != wantNS {
				t.Fatalf("%s of %+v: %d, ok %v, none %v; want %d, none %v", m, s, ns, ok, none, wantNS, wantNone)
			}
		}
	}
}

// TestValuesMove holds what a shift of all instants, or of the upstream's alone,
// does to the measures.
func TestValuesMove(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		s, _ := life(r)
		by := r.Int64N(1e9)
		later := s
		later.UpstreamNS = nil
		for _, at := range s.UpstreamNS {
			later.UpstreamNS = append(later.UpstreamNS, at+by)
		}
		shifted := later
		for _, at := range []*int64{
			&shifted.IntendedNS, &shifted.SentNS, &shifted.FirstByteNS, &shifted.EventNS,
			&shifted.TokenNS, &shifted.TextNS, &shifted.LastNS, &shifted.CloseNS,
		} {
			*at += by
		}
		for _, m := range sample.Measures() {
			was, _, none := s.Value(m)
			if ns, _, alsoNone := shifted.Value(m); ns != was || none != alsoNone {
				t.Fatalf("%s depends on the run's epoch: %d, then %d", m, was, ns)
			}
		}
		for _, m := range []sample.Measure{sample.AddedToken, sample.AddedEvent} {
			was, _, _ := s.Value(m)
			if ns, _, _ := later.Value(m); max(ns-(was-by), was-by-ns) > 1 { // a mean is rounded towards 0
				t.Fatalf("%s is %d, want %d: the upstream wrote %d later", m, ns, was-by, by)
			}
		}
	}
}

// TestValuesThatDoNotExist tells what is no value from what failed.
func TestValuesThatDoNotExist(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	whole, _ := life(r)
	for _, c := range []struct {
		name  string
		spoil func(*sample.Sample)
		none  []sample.Measure
	}{
		{"no visible text", func(s *sample.Sample) { s.TextNS = 0 }, []sample.Measure{sample.FirstText}},
		{"upstream not known", func(s *sample.Sample) { s.UpstreamNS = nil }, []sample.Measure{sample.AddedToken, sample.AddedEvent}},
		{"a write too many", func(s *sample.Sample) { s.UpstreamNS = append(s.UpstreamNS, 1) }, []sample.Measure{sample.AddedEvent}},
		{"gaps lost", func(s *sample.Sample) { s.GapsNS = nil }, []sample.Measure{sample.AddedEvent}},
		{"one token", func(s *sample.Sample) { s.Usage.Output = 1 }, []sample.Measure{sample.TPOT}},
		{"no count of tokens", func(s *sample.Sample) { s.Usage = sample.Usage{} }, []sample.Measure{sample.TPOT}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := whole
			s.Conn = sample.Conn{DNSNS: 1, ConnectNS: 1, TLSNS: 1}
			s.Events, s.Usage.Output = len(s.UpstreamNS), 9
			c.spoil(&s)
			none := map[sample.Measure]bool{}
			for _, m := range c.none {
				none[m] = true
			}
			for _, m := range sample.Measures() {
				if _, ok, got := s.Value(m); !ok || got != none[m] {
					t.Errorf("%s: ok %v, none %v, want none %v", m, ok, got, none[m])
				}
			}
			s.Outcome = sample.SlowGap
			for _, m := range sample.Measures() {
				if _, ok, none := s.Value(m); ok || none {
					t.Errorf("%s of a failure: ok %v, none %v", m, ok, none)
				}
			}
		})
	}
	if _, ok, none := whole.Value("unheard-of"); !ok || !none {
		t.Error("an unknown measure has a value")
	}
}

// TestClocks: a latency from a start exists on both clocks, which are the queue
// apart; nothing else has a service clock.
func TestClocks(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 500 {
		s, _ := life(r)
		queue, _, _ := s.Value(sample.Queue)
		for _, d := range sample.Definitions() {
			service, has := d.Measure.Service()
			if has != (d.Clock == sample.User && d.Measure != sample.Queue) {
				t.Fatalf("%s (%s) has a service clock: %v", d.Measure, d.Clock, has)
			}
			if !has {
				continue
			}
			apart := queue
			if d.Measure == sample.NTPOT {
				apart = queue / int64(max(1, s.Usage.Output))
			}
			user, _, none := s.Value(d.Measure)
			ns, ok, alsoNone := s.Value(service)
			if !ok || none != alsoNone || !none && max(user-ns-apart, ns+apart-user) > 1 { // a mean is rounded
				t.Fatalf("%s: %d by the user's clock, %d by the service's, %d between them", d.Measure, user, ns, apart)
			}
		}
		s.SentNS = 0
		if _, ok, none := s.Value("first_token_service"); !ok || !none {
			t.Fatal("a request whose send is not known has a service clock")
		}
		s.WrittenNS = 0
		if _, ok, none := s.Value(sample.Waiting); !ok || !none {
			t.Fatal("waiting begins at an instant that is not known")
		}
		s.HeadersNS = 0
		if _, ok, none := s.Value(sample.HeadersTime); !ok || !none {
			t.Fatal("headers came at an instant that is not known")
		}
	}
}

// TestDefinitions: every measure has one formula and a name of its own, and is
// found by each of its names.
func TestDefinitions(t *testing.T) {
	names := map[string]bool{}
	for _, d := range sample.Definitions() {
		if d.Formula == "" || d.Name == "" || d.Clock == "" {
			t.Errorf("%+v says too little", d)
		}
		for _, name := range []string{string(d.Measure), d.Also} {
			if name == "" {
				continue
			}
			if names[name] {
				t.Errorf("two measures are called %s", name)
			}
			names[name] = true
			if found, ok := sample.Define(name); !ok || found != d {
				t.Errorf("%s finds %+v", name, found)
			}
		}
	}
	for _, m := range append(sample.Measures(), sample.ServiceMeasures()...) {
		if !names[string(m)] {
			t.Errorf("%s has no definition", m)
		}
	}
	if _, ok := sample.Define(""); ok {
		t.Error("no name is a measure")
	}
}

// TestTokens names who counted.
func TestTokens(t *testing.T) {
	for _, row := range []struct {
		s      sample.Sample
		n      int
		source string
	}{
		{sample.Sample{Events: 5, Usage: sample.Usage{Output: 9, Source: "usage"}}, 9, "usage"},
		{sample.Sample{Events: 5, Usage: sample.Usage{Source: "usage"}}, 0, "usage"},
		{sample.Sample{Events: 5}, 5, "events"},
		{sample.Sample{}, 0, ""},
	} {
		if n, source := row.s.Tokens(); n != row.n || source != row.source {
			t.Errorf("%+v: %d by %q", row.s, n, source)
		}
	}
}

func BenchmarkValue(b *testing.B) {
	s, _ := life(rand.New(rand.NewPCG(7, 8)))
	measures := sample.Measures()
	b.ReportAllocs()
	for b.Loop() {
		for _, m := range measures {
			s.Value(m)
		}
	}
}
