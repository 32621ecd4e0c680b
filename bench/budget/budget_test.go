package budget_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/budget"
	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/load"
)

// 10 requests, 1,000 tokens in and 3,000 out, at $3 and $15 a million: $0.048.
var (
	demand = load.Demand{Requests: 10, Input: 1000, Output: 3000}
	price  = budget.Price{Input: 3, Output: 15}
)

func TestWhatMightGoBeyondALimitIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		limits budget.Limits
		want   string // in the refusal; "": none
	}{
		"no limit":          {budget.Limits{}, ""},
		"just within":       {budget.Limits{Requests: 10, Tokens: 4000, Dollars: .048}, ""},
		"a request too few": {budget.Limits{Requests: 9}, "--max-requests 9: the run may come to 10 "},
		"a token too few":   {budget.Limits{Tokens: 3999}, "--max-tokens 3999: the run may come to 4000 "},
		"half the tokens":   {budget.Limits{Tokens: 2000}, "about 5 requests in all"},
		"too little money":  {budget.Limits{Dollars: .03}, "--max-spend 0.03: the run may come to 0.048 "},
	} {
		err := test.limits.Refuse(demand, price)
		if (err == nil) != (test.want == "") || err != nil && (!strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "nothing was sent")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAMeterEndsTheRunAtItsLimit(t *testing.T) {
	told := load.Ended{Usage: dialect.Usage{Input: 100, Output: 300, Reported: true}} // $0.0048
	untold := load.Ended{Asked: load.Demand{Requests: 1, Input: 100, Output: 300}}
	for name, test := range map[string]struct {
		limits budget.Limits
		ended  load.Ended
		at     int // the request at which the run of five ends; 0: at none
		want   string
	}{
		"no limit":                  {budget.Limits{}, told, 0, ""},
		"just the last":             {budget.Limits{Requests: 5, Tokens: 2000, Dollars: .024001}, told, 0, ""},
		"tokens":                    {budget.Limits{Tokens: 1200}, told, 3, "reached --max-tokens 1200 (1200 used)"},
		"tokens that were not told": {budget.Limits{Tokens: 1100}, untold, 3, "reached --max-tokens 1100 (1200 used)"},
		"tokens beyond, at last":    {budget.Limits{Tokens: 1999}, told, 5, "reached --max-tokens"},
		"requests":                  {budget.Limits{Requests: 2}, told, 2, "reached --max-requests 2"},
		"money":                     {budget.Limits{Dollars: .01}, told, 3, "reached --max-spend 0.01 ($0.0144 used)"},
		"what was refused is free":  {budget.Limits{Tokens: 1}, load.Ended{}, 0, ""},
	} {
		m := budget.NewMeter(test.limits, price, 5)
		at := 0
		var err error
		for i := 1; i <= 5 && err == nil; i++ {
			if err = m.Ended(test.ended); err != nil {
				at = i
			}
		}
		if at != test.at || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: ended at %d with %v", name, at, err)
		}
	}
}

func TestTheNextPartOfARunMustFit(t *testing.T) {
	m := budget.NewMeter(budget.Limits{Tokens: 7000}, price, math.MaxInt)
	for i, want := range []bool{true, false} {
		if err := m.Next(demand); (err == nil) != want || err != nil && !strings.Contains(err.Error(), "leaves no room for 10 more") {
			t.Errorf("part %d: %v", i, err)
		}
		if err := m.Ended(load.Ended{Asked: demand}); (err == nil) != want {
			t.Error(err)
		}
	}
}

func TestLimitsAndPricesThatAreNone(t *testing.T) {
	for _, l := range []budget.Limits{{Requests: -1}, {Tokens: -1}, {Dollars: -1}, {Dollars: math.NaN()}} {
		if l.Validate(price) == nil {
			t.Errorf("%+v passed", l)
		}
	}
	if err := (budget.Limits{Dollars: 1}).Validate(budget.Price{}); err == nil || !strings.Contains(err.Error(), "--price-input") {
		t.Errorf("money without a price: %v", err)
	}
	if (budget.Limits{}).Validate(budget.Price{Input: -1}) == nil {
		t.Error("a price below 0 passed")
	}
}

func TestPricesOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prices.json")
	if err := os.WriteFile(path, []byte(`{"a":{"input":3,"output":15},"b":{"input":-1}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := budget.ReadPrice(path, "a"); err != nil || p != price {
		t.Errorf("%+v %v", p, err)
	}
	for model, want := range map[string]string{"b": "0 or more", "c": `no price of "c": it has a, b`} {
		if _, err := budget.ReadPrice(path, model); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", model, err)
		}
	}
	if _, err := budget.ReadPrice(path+"x", "a"); err == nil {
		t.Error("a file that is not there")
	}
}
