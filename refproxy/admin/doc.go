// Package admin is the proxy's control panel and the API behind it.
//
// It works over interfaces that it declares (Flags, Credentials, Accounts), and
// over refproxy/admin/live for what it shows of traffic. The API speaks JSON
// and takes the admin key as a bearer token or the panel's session; the panel is
// HTML that works without a script, but for what moves by itself.
package admin
