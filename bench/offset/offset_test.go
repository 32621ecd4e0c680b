package offset

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A server is asked over a network of the given delays; its clock is ahead by off
// and it tells whole seconds.
type server struct {
	off       time.Duration
	there     time.Duration // a question's way
	back      time.Duration
	questions int
	fail      error
}

func (s *server) ask(context.Context) (Answer, error) {
	if s.fail != nil {
		return Answer{}, s.fail
	}
	s.questions++
	asked := time.Now().Round(0)
	time.Sleep(s.there)
	date := time.Now().Round(0).Add(s.off).Truncate(time.Second)
	time.Sleep(s.back)
	return Answer{Asked: asked, Answered: time.Now().Round(0), Date: date}, nil
}

// TestTheOffsetIsWithinItsBounds holds the promise of the bounds on a virtual
// clock: whatever the offset and however lopsided the way.
func TestTheOffsetIsWithinItsBounds(t *testing.T) {
	for name, s := range map[string]server{
		"no offset":       {there: 100 * time.Microsecond, back: 100 * time.Microsecond},
		"ahead":           {off: 3*time.Second + 321*time.Millisecond, there: time.Millisecond, back: time.Millisecond},
		"behind":          {off: -47*time.Second - 999*time.Millisecond, there: time.Millisecond, back: time.Millisecond},
		"slow way there":  {off: 250 * time.Millisecond, there: 40 * time.Millisecond, back: time.Millisecond},
		"slow way back":   {off: 250 * time.Millisecond, there: time.Millisecond, back: 40 * time.Millisecond},
		"on the second":   {off: time.Second, there: time.Microsecond, back: time.Microsecond},
		"beside a second": {off: time.Second - time.Microsecond, there: time.Microsecond, back: time.Microsecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(137 * time.Millisecond) // the bubble begins on a whole second
				begun := time.Now()
				got := search(t.Context(), time.Now().Add(time.Minute), s.ask)
				if got.Unknown != "" {
					t.Fatalf("%+v", got)
				}
				if miss := got.OffsetNS - int64(s.off); max(miss, -miss) > got.ErrorNS {
					t.Errorf("offset %v ± %v, truly %v", time.Duration(got.OffsetNS), time.Duration(got.ErrorNS), s.off)
				}
				if trip := s.there + s.back; got.ErrorNS > int64(max(time.Millisecond, trip)) {
					t.Errorf("error %v with a round trip of %v", time.Duration(got.ErrorNS), trip)
				}
				if took := time.Since(begun); got.Asked != s.questions || got.Asked > 12 || took > 13*time.Second {
					t.Errorf("%d questions told, %d asked, in %v", got.Asked, s.questions, took)
				}
			})
		})
	}
}

func TestLittleTimeMeansAWideBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server{off: 400 * time.Millisecond, there: time.Millisecond, back: time.Millisecond}
		got := search(t.Context(), time.Now().Add(1200*time.Millisecond), s.ask)
		miss := got.OffsetNS - int64(s.off)
		if got.Unknown != "" || got.ErrorNS < int64(20*time.Millisecond) || max(miss, -miss) > got.ErrorNS {
			t.Errorf("%+v", got)
		}
		if got := search(t.Context(), time.Now().Add(-time.Second), s.ask); got.Unknown == "" {
			t.Errorf("without time: %+v", got)
		}
	})
}

func TestWhatCannotBeKnownIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		several := server{there: time.Millisecond, back: time.Millisecond}
		got := search(t.Context(), time.Now().Add(time.Minute), func(ctx context.Context) (Answer, error) {
			several.off += 5 * time.Second
			return several.ask(ctx)
		})
		if !strings.Contains(got.Unknown, "contradict") {
			t.Errorf("%+v", got)
		}
		broken := server{fail: errors.New("no answer")}
		if got := search(t.Context(), time.Now().Add(time.Minute), broken.ask); got.Unknown != "no answer" {
			t.Errorf("%+v", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got := search(ctx, time.Now().Add(time.Minute), (&server{}).ask); got.Unknown == "" {
			t.Errorf("cancelled: %+v", got)
		}
	})
}

// TestARefusalHasADateToo asks a real server, which wants nothing of HEAD.
func TestARefusalHasADateToo(t *testing.T) {
	for name, test := range map[string]struct {
		date    string
		unknown string
	}{
		"with a date": {date: time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)},
		"without one": {date: "soon", unknown: "no Date (status 405)"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodHead || r.URL.Path != "/prefix" || r.Header.Get("X-Api-Key") != "" {
					t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
				}
				w.Header().Set("Date", test.date)
				w.WriteHeader(http.StatusMethodNotAllowed)
			}))
			defer s.Close()
			got := Estimate(t.Context(), s.URL+"/prefix", time.Now().Add(500*time.Millisecond))
			if test.unknown != "" {
				if !strings.Contains(got.Unknown, test.unknown) {
					t.Errorf("%+v", got)
				}
				return
			}
			if off := time.Duration(got.OffsetNS); got.Unknown != "" || got.Against != s.URL || off < 59*time.Minute || off > 61*time.Minute {
				t.Errorf("%+v", got)
			}
		})
	}
	if got := Estimate(t.Context(), "http://127.0.0.1:1", time.Now().Add(time.Second)); got.Unknown == "" || strings.Contains(got.Unknown, "\n") {
		t.Errorf("nobody there: %+v", got)
	}
}
