package credential_test

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
)

// many is the number of credential files of the report that memory and rescans
// grew with (regression case 36, CLIProxyAPI #1966).
const many = 4000

// TestChoiceCosts: whatever the size of the pool, a request allocates its lease and
// nothing else (wire.md 6, defect 10).
func TestChoiceCosts(t *testing.T) {
	for _, n := range []int{2, many} {
		p := pool(n)
		for range 2 * many { // until everyone has been used
			acquire(t, p, v2).Done(good)
		}
		for _, a := range []credential.Ask{v2, {Model: model}, {Model: model, Affinity: "session", V2: true}} {
			got := testing.AllocsPerRun(1000, func() {
				l, err := p.Acquire(a)
				if err != nil {
					t.Fatal(err)
				}
				l.Done(good)
			})
			if got > 1.1 { // a credential that was never used gets its evidence
				t.Errorf("%d credentials, %+v: %v allocations", n, a, got)
			}
		}
	}
}

// TestMemory: callers can name any number of models; what is kept of them is
// bounded, by credential and over all (regression case 36).
func TestMemory(t *testing.T) {
	p := pool(10)
	for i := range 20_000 {
		name := fmt.Sprintf("made-up-%d", i)
		acquire(t, p, credential.Ask{Model: name, V2: true}).Done(bad)
		p.Cool(fmt.Sprintf("c%d", i%10), name, in(time.Duration(i+1)*time.Minute), "404")
		p.CoolModel(fmt.Sprintf("busy-%d", i), time.Now(), "overloaded")
	}
	if models, healths := p.Known(); healths > 10*32 || models > 2*10*32+256 {
		t.Errorf("%d models, %d healths", models, healths)
	}
	p.Set(nil)
	p.Set(some(1))
	for i := range 2000 {
		p.CoolModel(fmt.Sprintf("busy-%d", i), time.Now(), "overloaded")
	}
	if models, healths := p.Known(); models > 1000 || healths != 0 {
		t.Errorf("of credentials that have gone: %d models, %d healths", models, healths)
	}
}

// TestIdleIsForgotten: evidence of models that nobody asks for any more.
func TestIdleIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(1)
		for i := range 20 {
			acquire(t, p, credential.Ask{Model: fmt.Sprintf("m%d", i), V2: true}).Done(good)
		}
		p.Cool("c0", "m3", in(time.Hour), "quota")
		time.Sleep(11 * time.Minute)
		acquire(t, p, v2).Done(good)
		if s := status(t, p, "c0"); len(s.Models) != 2 || s.Models[1].Model != "m3" {
			t.Errorf("%+v", s.Models)
		}
	})
}

// TestBytesPerCredential keeps the size of a pool in sight: 4,000 credentials with
// two models each take a few megabytes.
func TestBytesPerCredential(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p := pool(many)
	for _, s := range p.Status() {
		for _, m := range []string{"a", "b"} {
			p.Cool(s.ID, m, in(time.Hour), "quota")
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / many; each > 2500 {
		t.Errorf("%d bytes for each credential", each)
	}
	runtime.KeepAlive(p)
}

func BenchmarkAcquire(b *testing.B) {
	for _, c := range []struct {
		name string
		ask  credential.Ask
	}{
		{"off", credential.Ask{Model: model}},
		{"v2", v2},
		{"affinity", credential.Ask{Model: model, Affinity: "session", V2: true}},
	} {
		for _, n := range []int{8, many} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				p := pool(n)
				b.ReportAllocs()
				for b.Loop() {
					l, err := p.Acquire(c.ask)
					if err != nil {
						b.Fatal(err)
					}
					l.Done(good)
				}
			})
		}
	}
	b.Run("all-cool/4000", func(b *testing.B) {
		p := pool(many)
		for _, s := range p.Status() {
			p.Cool(s.ID, model, in(time.Hour), "quota")
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Acquire(v2); err == nil {
				b.Fatal("somebody serves")
			}
		}
	})
}
