package admin

// HashPassword makes hashes that tests have time for.
var HashPassword = hashPassword

// SameForm says which token the forms of a session carry.
var FormToken = formToken

// CookieName is the session's.
const CookieName = cookieName
