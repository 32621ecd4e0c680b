package load

import (
	"context"
	"errors"
)

// Run carries out the plan and returns one sample per intended request of every
// slot that began. A dead arm yields failed samples, never an error; an error
// means that nothing could be measured at all (a Config that is not valid).
// When ctx ends, requests in flight get Config.Drain to finish, those of the
// slot that did not start are recorded as aborted, and what there is comes back
// with Stopped set.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	return nil, errors.New("load: not built yet")
}
