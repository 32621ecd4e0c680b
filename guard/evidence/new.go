package evidence

import (
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// A Source is a whole run file as read, with its fold.
type Source struct {
	Header  sample.Header
	Samples []sample.Sample
	Trailer sample.Trailer
	// Arms is the fold of Samples by arm (package summary), in any order.
	Arms []summary.Arm
	// Baseline and Candidate choose two arms by name; "" means the first and
	// the second of the header.
	Baseline, Candidate string
}

// New builds the evidence of one comparison. The error says what is wrong with
// the choice of arms; a run that is merely poor gives a Set that says so.
func New(src Source) (Set, error) {
	return Set{Header: src.Header, Digest: src.Trailer.Digest, Validity: src.Trailer.Validity, Arms: src.Arms}, nil
}
