package main

import (
	"context"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// measure runs cfg and grades what came of it; the first requests, as many as
// settle says, are warm-up.
func measure(ctx context.Context, cfg load.Config, settle int, cal calibrate.Calibration) (*sample.Run, error) {
	result, err := load.Run(ctx, cfg)
	if err != nil {
		return nil, startError(err)
	}
	result.Settle(settle)
	validity := calibrate.Grade(result.Health, cal, result.Header.Design)
	validity.Warnings = append(validity.Warnings, result.Warnings...)
	return &sample.Run{Header: result.Header, Samples: result.Samples, Trailer: result.Trailer(validity)}, nil
}
