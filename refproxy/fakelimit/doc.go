// Package fakelimit is how much the simulated upstream can take: models with so
// many places, credentials with so many requests, and which credentials there
// are. A scenario's faults are drawn and heal by repeating; a limit is reached by
// what was really asked, so that who asks less, later or with another credential
// fares better.
//
// A scenario says it under capacity. An absent key sets no limit, a bracket shows
// a default, durations are Go's:
//
//	models:
//	  gemini-3-pro-preview:
//	    slots: 40            # generations at a time, over all credentials
//	    refuse_after: 2s     # how long a request at a full model hangs until its 429 [0s]
//	    waves:               # capacity that comes and goes
//	      period: 60s        # one ebb in each
//	      low: 10            # slots in the ebb
//	      share: 0.5         # of the period that the ebb takes; its place is drawn
//	each:                    # of every credential with every model
//	  requests_per_minute: 30
//	  burst: 10              # requests at once after a pause [as many as in a minute]
//	  retry_info: true       # a refusal tells when the next may come
//	  per_day: 250
//	  day: 24h               # how long a day lasts [24h]
//	  concurrent: 4          # streams at a time
//	preview_models: [gemini-3-pro-preview]  # 404 to credentials that are not preview
//	keys:                    # all API keys that there are; absent: every key is good
//	  one: {preview: true}
//	  two: {requests_per_minute: 60, burst: 5}   # in place of what each has
//	  three: {state: revoked, dies_after: 30s}   # after its first request [at once]
//
// A state is revoked or expired (400 API_KEY_INVALID, to a bearer 401), banned
// (403), verification (403 VALIDATION_REQUIRED with a URL) or disabled (403
// SERVICE_DISABLED). A key's value is its name. A bearer token belongs to the
// refresh token or to the service account it was given for: that is its name here,
// and one that is not listed is good and not preview.
//
// A request holds its place until its answer has ended, whatever ended it. What is
// refused uses up nothing. A credential's own limits come before the model's, the
// day's before the minute's.
//
// # Arms and time
//
// Every arm of the simulated upstream has a [Limiter] of its own, so that two arms
// of a gate do not eat each other's quota. The waves are the same for all arms: by
// the seed and by the time since the server was made. A limiter does not notice
// that the client before it has been started anew; [Limiter.Reset] makes it forget.
// All times are of the clock that it is given, those that it tells too.
package fakelimit
