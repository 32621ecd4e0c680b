package chat

import "fmt"

// Class says what a failure of the upstream's was, as far as that decides what
// to do about it: ErrorKind is for the caller, Class for whoever tries again.
// Only an error that came of asking an upstream has one; the zero Class is a
// failure that nothing can be said of, and that is not tried again.
type Class uint8

// The classes, in the order in which section 5.2 of the wire reference decides
// between them.
const (
	// ClassUnknown is anything else.
	ClassUnknown Class = iota
	// ClassNetwork is an upstream that cannot be reached, or a connection to it
	// that broke or stood still before any content.
	ClassNetwork
	// ClassSignature is a refusal of a thought's signature.
	ClassSignature
	// ClassAuth is a refusal of the credential: a bad key (400), or a token that
	// may only have to be refreshed (401).
	ClassAuth
	// ClassContext is a prompt over the model's limit.
	ClassContext
	// ClassRegion is a place from which the upstream may not be asked.
	ClassRegion
	// ClassInvalid is a request that no credential can save.
	ClassInvalid
	// ClassVerification is an account whose owner has to prove something.
	ClassVerification
	// ClassBanned is an account that the upstream has closed.
	ClassBanned
	// ClassPermission is a credential that may not ask this model.
	ClassPermission
	// ClassNotFound is a model that is not there, for this credential.
	ClassNotFound
	// ClassNoQuota is a model of which the credential has no share at all.
	ClassNoQuota
	// ClassBilling is used-up credit.
	ClassBilling
	// ClassCapacity is a model that is too busy for everyone.
	ClassCapacity
	// ClassDaily is a quota used up for long: one per day, or a limit whose hint
	// is over five minutes.
	ClassDaily
	// ClassRate is a limit on the rate of requests.
	ClassRate
	// ClassUpstream is a failing upstream.
	ClassUpstream
	// ClassEmpty is a 200 that is empty, malformed or has no finish.
	ClassEmpty
)

var classes = [...]string{
	ClassUnknown: "unknown", ClassNetwork: "network", ClassSignature: "signature", ClassAuth: "auth",
	ClassContext: "context", ClassRegion: "region", ClassInvalid: "invalid", ClassVerification: "verification",
	ClassBanned: "banned", ClassPermission: "permission", ClassNotFound: "not_found", ClassNoQuota: "no_quota",
	ClassBilling: "billing", ClassCapacity: "capacity", ClassDaily: "daily", ClassRate: "rate",
	ClassUpstream: "upstream", ClassEmpty: "empty",
}

// String returns the class's name, a metric label.
func (c Class) String() string {
	if int(c) >= len(classes) {
		return fmt.Sprintf("class(%d)", uint8(c))
	}
	return classes[c]
}
