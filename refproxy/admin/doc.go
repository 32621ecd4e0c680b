// Package admin is the proxy's control panel and the API behind it.
//
// It works over interfaces that it declares (Flags, Credentials, Accounts), and
// over refproxy/admin/live for what it shows of traffic. It stores nothing but
// the last verdict of each flag.
//
// # The API
//
// JSON under /admin/, for who has the admin key ("Authorization: Bearer KEY")
// or a session of the panel. Without either every path answers 401, also those
// that do not exist. Failures are {"error":{"code","message"}}; bodies are
// limited and may hold no field that is not known.
//
//	GET    /admin/flags                       all settings, one generation, last verdicts
//	GET    /admin/flags/{name}                one of them; ETag is the generation
//	PUT    /admin/flags/{name}                {"percent","unit","expected","who","evidence"}
//	GET    /admin/audit?limit=                changes of flags, the newest first
//	POST   /admin/verdicts                    what a rollout found, see Verdict
//	GET    /admin/requests?limit=             requests that ended last
//	GET    /admin/requests/{id}               one, with its attempts and waits
//	GET    /admin/credentials                 all, with their state
//	POST   /admin/credentials                 {"label","kind","preview","weight","secret"}
//	GET    /admin/credentials/{id}            one of them
//	DELETE /admin/credentials/{id}
//	POST   /admin/credentials/{id}/{action}   test, enable, disable, clear, recheck
//	GET    /admin/live                        figures as server-sent events, one a second
//
// A change of a flag says in expected, or in If-Match, on which generation it is
// based: 428 without, 409 "stale" if that is no longer the newest, 423 "locked"
// if the environment sets the flag, 503 "store" if it cannot be kept. Its answer is
// the state read back. A session's changes are logged as the panel's; who has the
// key says for whom it asks.
//
// # The panel
//
// Pages under /admin/panel/, rendered here, work without a script; a small one
// replaces the regions that change, told by a stream of server-sent events.
// Nothing is loaded from elsewhere, and the Content-Security-Policy says so.
//
// There is one password: Bootstrap makes it, ResetPassword makes another, a page
// changes it, and only its PBKDF2 hash is kept. A login makes a random token, of
// which only the SHA-256 sum is kept; it lasts 12 hours, and no longer than the
// password. Tries are limited per address and in all. Requests that change
// something must come from the panel's own pages: by net/http's
// CrossOriginProtection, by a SameSite cookie, and by a token in each form. Without
// TLS the Host must be an address or localhost, against DNS rebinding.
package admin
