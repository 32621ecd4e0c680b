package admin

// HashPassword makes hashes that tests have time for.
var HashPassword = hashPassword

// NewSecret is what an upload does.
func NewSecret(text string) Secret { return Secret{text} }

// SameForm says which token the forms of a session carry.
var FormToken = formToken

// CookieName is the session's.
const CookieName = cookieName
