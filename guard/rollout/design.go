package rollout

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// turning are the flags whose arms share what one of them can use up: the quota and
// the retry budget, the connections, the credentials. In a split the candidate's
// harm would hurt the baseline as well and vanish from the difference, so the whole
// process takes turns.
var turning = []string{"ff_retry_policy_v2", "ff_http2_pool_tuning", "ff_preview_credential_scheduler_v2"}

// apart is the flag whose arms share nothing of the kind: a converter works on one
// stream.
const apart = "ff_converter_fast_path"

// DesignOf returns the design that a flag's evidence is gathered in. Asked is "auto"
// or a design. The error is a split of what cannot be split. Any flag can take
// turns, and one that is not known does unless somebody asks for a split.
func DesignOf(flag, asked string) (sample.Design, error) {
	turns := slices.Contains(turning, flag)
	switch {
	case asked == string(sample.Switchback), asked == auto && flag != apart:
		return sample.Switchback, nil
	case asked == auto, asked == string(sample.Split) && !turns:
		return sample.Split, nil
	case asked == string(sample.Split):
		return "", fmt.Errorf("%s cannot be judged by a split: its arms share what one of them can use up, so its harm would hurt both and vanish from the difference; use --design switchback", flag)
	}
	return "", fmt.Errorf("design %q: it is auto, split or switchback", asked)
}

const auto = "auto"

// candidateFirst tosses the coin of one pair of turns: a pure function, so that a
// rollout that was killed tosses the same again.
func candidateFirst(seed uint64, stage, pair int) bool {
	return rand.New(rand.NewPCG(seed, uint64(stage)<<32|uint64(pair))).Uint64()&1 == 1
}
