package fakegemini

import (
	"math/rand/v2"
	"testing"
)

func TestAimSettlesAtTheMedian(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var a aim
	above := 0
	for i := range 6000 {
		late := int64(40_000 + 60_000*random.ExpFloat64()) // median 81.6 µs
		if i >= 1000 && late > a.lead() {
			above++
		}
		a.learn(late)
	}
	near(t, "share above", float64(above)/5000, 0.5, 0.02)
}

func TestAimIsBounded(t *testing.T) {
	var a aim
	for range 1000 {
		a.learn(5e6)
	}
	if a.lead() != maxAim {
		t.Errorf("aims %d ns early", a.lead())
	}
	for range 1000 {
		a.learn(-5)
	}
	if a.lead() != 0 {
		t.Errorf("aims %d ns early", a.lead())
	}
}

func TestWaitTakesNewTimersAndOldOnes(t *testing.T) {
	var p pacer
	timer, err := p.timer()
	if err != nil {
		t.Fatal(err)
	}
	p.release(timer)
	again, err := p.timer()
	if err != nil || again != timer {
		t.Errorf("got another timer, %v", err)
	}
	p.close()
	p.release(again)
	if err := again.Close(); err == nil {
		t.Error("a timer released after the end was not closed")
	}
}
