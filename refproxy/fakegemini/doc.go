// Package fakegemini is the simulated Gemini upstream: it serves v1beta with a
// chosen latency, chosen faults and a record of what it really did; and the same
// models by the paths of Vertex AI and of Code Assist.
//
// # What an item gets
//
// Time to first chunk, every gap, the cutting into chunks and the fault are a
// pure function of seed, item and occurrence. Arrival order, listener and
// protocol play no part, so two arms asked for the same items see the same
// service and differ only by what stands in front. The load generator names the
// item in a tag before the very first text of the prompt:
//
//	[firstbyte item=short-007 occ=3 nonce=9f2c] What is ...
//
// The tag is looked for in systemInstruction.parts[0].text, then in
// contents[0].parts[0].text. The nonce joins records and chooses nothing, but a
// nonce seen again on an arm is a repeated attempt of one request, and the
// scenario's faults are drawn anew for every attempt, so that a retry can heal
// one. Without a tag the item is the SHA-256 of the contents' text and the
// occurrence counts how often the arm has seen it.
//
// Prompts that may share a prefix begin alike, with a tag of occurrence 0. That
// names no request: such a prompt has its own tag at the end of its last text.
//
// # Scenario
//
// A scenario is a YAML file. An unknown key is an error with line and column,
// an absent one takes the default in brackets, durations are Go's (40ms).
//
//	name: gate             # shown in messages
//	models: [NAME, ...]    # names offered; any other is a 404
//	first_chunk:           # time to first chunk: lognormal
//	  median: 40ms
//	  sigma: 0.5           # of the logarithm [0]
//	  between_items: 0.5   # share of the log variance that belongs to the item,
//	                       # 0..1; the rest is drawn per occurrence [0]
//	gap:                   # time between chunks: lognormal, AR(1) in the logarithm
//	  median: 3ms
//	  sigma: 0.5           # of the logarithm, marginal [0]
//	  ar1: 0.6             # correlation of successive log gaps of one answer [0]
//	output:
//	  unit: words          # what a chunk is counted in: words or chars
//	  per_chunk: 4         # mean units per chunk
//	  spread: 0.5          # share by which a chunk's size varies, 0..1 [0]
//	  min_chunks: 8        # shorter answers get smaller chunks [1]
//	  max_chunks: 40       # longer answers get larger chunks [no limit]
//	  crlf: false          # events end in \r\n\r\n instead of \n\n
//	  numbered: false      # chunks begin with their number, "<17> "; texts that are too
//	                       # short for min_chunks are repeated
//	  usage_last: false    # usage comes once more in a last chunk without candidates
//	fallback:              # the answer to items that the Answer function does not know
//	  text: Some text.     # repeated or cut to the length
//	  length: {median: 480, sigma: 0.4}   # characters, drawn per item
//	faults:                # probabilities, together at most 1 [0]; one at most per attempt
//	  capacity_429: 0.02             # MODEL_CAPACITY_EXHAUSTED without RetryInfo
//	  capacity_429_retry_info: 0.02  # the same with RetryInfo
//	  retry_delay: 1s                # what RetryInfo says; required with the former
//	  error_500: 0.02
//	  error_503: 0.02
//	  stall: 0.02          # goes silent until the client leaves
//	  stall_after: 0       # chunks written before; 0: the head never comes
//	  cut: 0.02            # ends without finishReason
//	  cut_after: 3         # chunks written before; 0: no head either
//	  cut_how: reset       # reset the connection or stream, or end the body [reset]
//	  as_array: false      # error bodies as a one-element array
//	  daily_429: 0.02      # QUOTA_EXHAUSTED with quotaResetTimeStamp and quotaResetDelay
//	  daily_reset: 3h      # when that is; required with the former
//	  expired_401: 0.02    # a bearer token ends now, and is refused until another is
//	                       # asked for; a key is refused once
//	  error_array: 0.02    # 503 as a one-element array
//	  reset_before: 0.02   # connection (HTTP/1) or stream reset before the head
//	  reset_mid: 0.02      # the same behind a drawn chunk
//	  malformed: 0.02      # half a chunk behind a drawn one, then the end
//	  error_event: 0.02    # {"error":...} of a 503 behind a drawn chunk, then the end
//	  empty: 0.02          # 200 without a chunk
//	  no_finish: 0.02      # all of the text, but no finishReason
//	  double_usage: 0.02   # a good stream whose usage comes twice more at the end
//	  goaway: 0.02         # a good answer whose connection then says GOAWAY: what is
//	                       # in flight is finished, what comes next has another
//	  goaway_drop: 0.02    # GOAWAY behind a drawn chunk, and the connection is closed
//	                       # under all that is on it
//	  kill: 0.02           # the same by a TCP reset, without a word
//	  slow_handshake:      # not of an attempt but of a connection
//	    share: 0.1         # of those with TLS
//	    delay: 1s
//
//	scripts:               # answers word for word [none]; see Scripts
//	  - when: weather      # stands in the user's newest text; empty matches everything [empty]
//	    steps:
//	      - parts:
//	          - thought: Let me look.  # sent and counted, or only counted
//	            unsigned: false        # a thought and a call carry a signature unless this is true
//	          - text: I look it up.
//	          - call: {name: get_weather, args: {town: Oslo}, id: call-1}  # id [none]
//	          - call: {name_like: note, args: {}}  # the first declared function so called
//	          - code: print(42)        # Python
//	            output: "42"           # its result [none]
//	          - signature_only: true   # an empty text that carries a signature
//	        finish: STOP               # Gemini's word [STOP]; enough without parts
//	        usage: {cached: 0, thoughts: 0}  # tokens; thoughts [what the texts have]
//	        fault:                     # refuses the first attempts of this step [none]
//	          status: 429
//	          times: 2                 # attempts, counted by arm
//	          retry_delay: 1s          # what RetryInfo says [none]
//	          retry_after: 2s          # the header field, whole seconds [none]
//	          message: Wait.           # [words for the status]
//	          word: RESOURCE_EXHAUSTED # Google's word for the status [the usual one]
//	          reason: RATE_LIMIT_EXCEEDED   # of ErrorInfo [none]
//	          metadata: {quota_limit: day}  # beside it [none]
//	          quota_id: RequestsPerDay # of QuotaFailure [none]
//	          help: https://a.test/    # of Help [none]
//
//	capacity:              # what models and credentials can take [no limits]: see
//	                       # package fakelimit
//	account:               # behind Vertex AI and Code Assist: see package fakeaccount
//	  tokens: {life: 1h}
//	  code_assist: {project: NAME, onboarding: false}
//
// An error is answered when the first chunk would have been written. GET /stats
// counts by kind the faults that were served. A stream that only shared its
// connection with a fault is recorded as client_gone.
//
// # Three APIs
//
// Every listener serves all of these, with the same answers by the same rules:
//
//	/v1beta/models/M:VERB                                       any X-Goog-Api-Key
//	/v1/projects/P/locations/L/publishers/google/models/M:VERB  a bearer token
//	/v1internal:VERB                                            a bearer token
//	/token                                                      a grant
//
// A token is one that /token has given not too long ago: package fakeaccount
// says for what, and is all that Code Assist asks beside VERB. Its requests and
// answers stand in an envelope, whose project must be the account's; a trace id
// and the time to first chunk are in its header fields.
//
// # Scripts
//
// A script answers the conversations whose newest text of the user's contains
// its when; the first that fits is taken. Results are no such text, and what
// stands right behind results, such as a client's reminders, is one only if a
// when that is not empty is in it. The step is the number of turns of results
// since that text. After the last step, and without a script that fits, the
// answer is what it would be without scripts.
//
// Texts and thoughts come in chunks as the scenario cuts them, everything else
// in a chunk of its own; finish comes with the last chunk, usage with all. A
// script's answer is not cut by maxOutputTokens or stopSequences, and is not
// held to the request's calling mode: finish and calls are the script's. Where
// more tokens are said to be cached than the prompt has, it counts as that long.
// If no function fits name_like the request is refused with a 400 that says so.
//
// Thoughts go to requests with includeThoughts alone. Models of Gemini 3 and
// later sign every call; the later ones of parallel calls may be unsigned, as
// Google's are, and the first one's signature then speaks for them, too, when
// they come back. A signature is a code over seed, family of models, kind
// of part and content, so that it is the same in every run and known again
// without a memory.
//
// # What requests are held to
//
// A signature that comes back must be one that a model of this family made. On a
// call it must be that of this very call, whatever order and white space its
// arguments have now, or of the thought right before it. For Gemini 3 a call
// without one is refused, with Google's 400; the literal
// skip_thought_signature_validator is taken and counted (GET /stats), and on a
// turn's first call it speaks for the others of that turn.
//
// One content of the user's follows every turn of calls and holds one result per
// call, in the order of the calls, by name and where both have one by id, and
// nothing else.
//
// # Limits
//
// Under capacity a scenario says how many generations a model has at a time, how
// much a credential may ask, and which credentials there are: package fakelimit
// says how. The credential is the API key, or whom the bearer token was given for.
// What a limit refuses leaves a record with the limit as its outcome and is counted
// by kind. Every arm has its own limits, so that two arms of a gate do not eat each
// other's quota. A proxy that is started anew finds what was used up before it;
// POST /reset?arm=NAME on the control listener has the arm forget it, and POST
// /credential?arm=NAME&name=CREDENTIAL&state=STATE gives a credential a state, an
// empty one for good.
//
// # Time
//
// Every delay, gap, wave, bucket, day and token is of one clock, which may run
// faster than the machine's (--clock); so are the durations and instants in
// answers, such as retryDelay. The instants of a [Record] are the machine's own
// monotonic clock whatever that is: they are joined with the client's stamps.
//
// Writes are due at absolute instants: the first chunk at arrival plus its
// draw, chunk k at the first plus the sum of the gaps. A late write moves none
// of its successors. The head goes out with the first chunk. A timer wakes
// tens of microseconds late; the server learns the median of that lateness and
// aims earlier by it (at most 200 µs), so that the median error is about zero.
//
// # Ground truth
//
// Every generateContent and streamGenerateContent call leaves a [Record]. Each
// write is stamped immediately before the Write call, so that an instant is
// never later than a client's own stamp of the same bytes. Beside them stand the
// number of the last chunk and the SHA-256 of the text written, so that what a
// client holds can be compared. The control listener
// serves GET /truth (JSON Lines; ?drain=1 also forgets them) and GET /stats, and
// where requests are kept GET /requests: each [KeptRequest] as it came, without
// the headers that hold secrets.
//
// The package reads requests with its own strict eyes and never through the
// codec it serves to test; it is stricter than Google's servers where that
// catches a proxy's mistake: roles are required, names are camelCase, null,
// empty texts, duplicate keys and lone surrogates are refused.
package fakegemini
