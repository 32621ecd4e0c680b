// Package retry decides what follows when an upstream has failed: whether it is
// asked again, with which credential and after which wait, what of the failure
// is to be remembered, and what the caller is told if not. It is pure: who asks
// it passes the time, and sleeps, cools and answers as the [Decision] says.
//
// There are two policies. [V2] is the decision list of the wire reference,
// section 5.2, with the waits of 5.3:
//
//	network, upstream, empty     back off, at most Short times
//	signature                    once more, without the signatures (Repair)
//	auth                         401: refresh once; else disable, rotate
//	verification, banned         disable, rotate
//	region                       rotate
//	permission                   cool credential and model, rotate
//	not_found                    cool credential and model; a preview model: one other credential
//	no_quota, billing            cool for an hour, rotate
//	daily                        cool until the quota's reset, rotate
//	rate                         cool as long as told, rotate; with no other: back off
//	capacity                     one other credential, then back off; a hint cools the model
//	context, invalid, unknown    never
//
// To rotate is to go on with a credential that this request has not tried; that
// costs no sleep. To back off is to ask the same one again, after exactly one
// sleep: full jitter, U(0, min(Cap, Interval*2^n)), and never less than a hint.
// A hint is lengthened by up to Interval, because callers that all wait as told
// come back in step.
//
// Nothing is held that cannot succeed soon. A wait that would end after Total
// since the request came is not begun: the caller is told at once, with the
// soonest reset as Retry-After. Nor is anything tried again after Total.
//
// Every attempt after a wait, and every one after a failure of the upstream or of
// the model, takes a token of the process's [Budget], so that retries stay a share
// of traffic. Going on with another credential because of the one that failed (its
// key, its quota, its rate) takes none and is not counted against Retries: the
// pool bounds it. Were it to take one, a pool of which half is used up would spend
// the budget of all requests.
//
// [Baseline] is what came before, to be measured against: a flat interval, slept
// twice, and a random other credential, for 429 and 503 alone. That these two
// are what it repeats is our reading of the reference, which lists no others.
package retry
