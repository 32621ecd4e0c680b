package main

import (
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/quality"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

// scoring lets a run score answers by what the items of the set expect.
func scoring(set *datasets.Set) (func(load.Answered) func() load.Grade, error) {
	scorer, err := quality.NewScorer(set)
	if err != nil {
		return nil, err
	}
	return func(a load.Answered) func() load.Grade {
		answer := quality.Answer{Text: a.Answer.Text, Finish: a.Answer.Stop}
		for _, call := range a.Answer.Calls {
			answer.Calls = append(answer.Calls, quality.Call(call))
		}
		grade := scorer.Take(quality.Use{Item: a.Item.ID, Occurrence: a.Occurrence, Baseline: a.Baseline}, answer)
		return func() load.Grade {
			g := grade()
			if !g.Scored {
				return load.Grade{Early: g.Early}
			}
			return load.Grade{Quality: &g.Score.Value, Early: g.Early}
		}
	}, nil
}
