// Package credential chooses which credential of a pool serves a request, and
// keeps what is known of each: who is busy, who was refused, who is slow.
//
// It knows names and no secrets: what a credential is used with is its caller's
// business.
//
//	lease, err := pool.Acquire(Ask{Model: m, Preview: preview, V2: true})
//	... one attempt at the upstream ...
//	lease.Done(Result{OK: true, FirstToken: d})
//
// # The choice
//
// Ask.V2 false is the earlier behaviour: any enabled credential of the right side
// of the preview boundary, each as likely. Ask.V2 true takes two at random and of
// these the one with the lower score (power of two choices: Mitzenmacher 2001);
// all are looked at only where neither can serve.
//
//	score = 3 in_flight/weight + 4 r429 + 1.2 err + slow + U(0, 0.5)
//
//	in_flight  leases that are not done, whatever their model: a stream holds its
//	           lease until it has ended
//	r429, err  429s, and other failures, of this credential with this model as a
//	           share of its results and one success more; every result counts half
//	           after 60 s, so that a refusal is forgiven by time alone
//	slow       0 to 0.5: how much longer than the model's mean its first tokens
//	           take, as a share of the mean. It breaks ties and never outweighs a
//	           request in flight, since latency is mostly the model's and the
//	           prompt's
//
// A request with an affinity key goes, as long as that one can serve, to the same
// credential, for the sake of the upstream's prompt cache: the highest by weighted
// rendezvous hash (Thaler and Ravishankar 1998) of all, or of the 64 that follow
// the key on a ring of hashes where there are more, which keeps the choice
// O(log n). One that has over 1.25
// times its part of the requests in flight is passed over (consistent hashing with
// bounded loads: Mirrokni, Thorup and Zadimoghaddam 2018), and so is one that failed
// lately more often than not: a prompt cache is worth nothing there.
//
// # The preview boundary
//
// A model in preview is served by preview credentials alone. Any other model is
// served by the others, and by preview credentials only where none of them can.
// Whether a credential is one stands in the registry, and nothing that happens
// changes it: a 404 cools one model on one credential.
//
// # Cooldowns
//
//	closed --Cool--> open --the end has come--> half-open --a lease: the probe--+
//	  ^               ^ |                                                       |
//	  |               | +--every 15 minutes: an early probe ------------------->+
//	  |               +-----------------------the probe fails ------------------+
//	  +---------------------------------------the probe succeeds ---------------+
//
// A failed probe doubles the cooldown, up to 24 hours; a failed early one leaves
// it as it was. While a probe is under way nobody else is served by what it
// probes. A cooldown of a whole credential and one of a model on it stand beside
// each other. That a model has no capacity (CoolModel) says nothing of a
// credential: it holds back new requests for that model until it has passed, and
// lapses without a probe, since one slow stream would then hold up all others.
//
// # State
//
// Everything is in memory. What must outlive the process goes to a [Journal] in
// the background; a choice never waits for it.
package credential
