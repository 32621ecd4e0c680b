package judge

import (
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// Judge decides. It is pure: the same policy and evidence give the same
// verdict, and neither is changed. What it cannot judge it never promotes.
func Judge(p policy.Policy, e evidence.Set) Verdict {
	return Verdict{Schema: Schema, Decision: NoData, ExitCode: NoData.ExitCode(), Reason: ReasonNoData}
}
