package main

import (
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// sameplan A B: both run files have the same requests at the same intended
// instants, in the same order.
func cmdSamePlan(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sameplan run run")
	}
	var plans [2][]sample.Sample
	var hashes [2]string
	for i, path := range args {
		run, err := sample.Read(ts.MkAbs(path))
		ts.Check(err)
		hashes[i] = run.Header.Schedule.Hash
		for _, s := range run.Samples {
			plans[i] = append(plans[i], sample.Sample{
				Seq: s.Seq, Arm: s.Arm, Block: s.Block, Warmup: s.Warmup, Item: s.Item, Occurrence: s.Occurrence,
				Nonce: s.Nonce, IntendedNS: s.IntendedNS, Outcome: s.Outcome,
			})
		}
	}
	if diff := cmp.Diff(plans[0], plans[1]); diff != "" || hashes[0] != hashes[1] {
		ts.Fatalf("%s and %s differ (schedules %s and %s):\n%s", args[0], args[1], hashes[0], hashes[1], diff)
	}
}
