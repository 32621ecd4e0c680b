// Package convert makes run files of what others recorded: Envoy's access log in
// JSON, OpenTelemetry spans of model calls (OTLP in JSON), LiteLLM's spend logs,
// and what other load generators saved of each request: vegeta, k6 and vLLM's.
//
//		log -> decoder -> record -> choice of the arm -> spool -> run file
//
//	  - A decoder reads one form as a stream and gives a record for each request,
//	    or says what is wrong with a line. Nothing is passed over in silence: what
//	    is not a request to be judged is counted by its reason, what cannot be read
//	    is counted and named by file and line, and more than one line in a hundred
//	    of those is an error.
//	  - The caller says which field tells the arms apart and by which design they
//	    were assigned: a log does not know.
//	  - The run file has its samples in the order of their starts and counts
//	    instants from the first of them, so they pass through a temporary file
//	    first; in memory stay some 24 bytes a request.
//
// # What a log lacks
//
// No log tells gaps between tokens, quality, or what the client saw. Header.Lacks
// names what the source cannot tell, and what no successful request of this log
// told: a judge holds a metric of these. The validity has the grade unknown.
// Throughput is lacking because the requests of a log are what users happened
// to send: it shows their demand and not what an arm can bear.
//
// A summary of k6 or vLLM has no requests, so that it cannot become a run file;
// the error says what to save instead.
//
// # What is left out
//
// Keys, users, messages and metadata are never copied. Units and sessions are
// written as salted hashes. An arm may not be chosen by a field whose name says
// that it holds a secret, since its values become the names of the arms.
//
// # Callers who left
//
// A caller who leaves may have tired of waiting, so that to leave such requests
// out would hide the slowness that drove them away. They count as failures
// (reset_before_headers, reset_midstream) with the code caller_left.
package convert
