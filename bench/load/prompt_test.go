package load_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

// TestTextsAreMadeWhenTheyAreSent holds that a set need not hold its texts.
func TestTextsAreMadeWhenTheyAreSent(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 3)
	for i := range cfg.Set.Items {
		cfg.Set.Items[i].Messages = nil
	}
	cfg.Fill = func(item datasets.Item) datasets.Item {
		item.Messages = []datasets.Message{{Role: "user", Content: []byte(`"made for ` + item.ID + `"`)}}
		return item
	}
	r := run(t, t.Context(), cfg)
	for _, sm := range r.Samples {
		if sm.Outcome != "ok" {
			t.Errorf("%+v", sm)
		}
	}
	for _, got := range s.received() {
		if !strings.Contains(got.body, `] made for item-`) {
			t.Errorf("sent %s", got.body)
		}
	}
}

// A text that cannot be ended is the request's fault, not the run's end.
func TestATextThatIsNoText(t *testing.T) {
	for want, texts := range map[string][]datasets.Message{
		"has no messages": nil,
		"want a JSON":     {{Role: "user", Content: []byte(`5`)}},
	} {
		s := serve(t, func(http.ResponseWriter, *http.Request) {})
		cfg := config(t, s.URL, 2)
		cfg.SharePrefix = true
		cfg.Fill = func(item datasets.Item) datasets.Item { item.Messages = texts; return item }
		for _, sm := range run(t, t.Context(), cfg).Samples {
			if sm.Outcome == "ok" || !strings.Contains(sm.Message, want) {
				t.Errorf("%s: %q, want %q", sm.Outcome, sm.Message, want)
			}
		}
		if n := len(s.received()); n != 0 {
			t.Errorf("%d requests went out", n)
		}
	}
}
