package load_test

import (
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

func TestSmoke(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 20)
	cfg.Warmup = 3
	r := run(t, t.Context(), cfg)
	t.Logf("%+v", r.Health)
	t.Logf("%+v", r.Samples[3])
	t.Logf("%+v", r.Slots)
	if n := outcomes(r.Samples); n[sample.OK] != 23 {
		t.Error(n)
	}
}
