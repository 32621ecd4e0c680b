package media

// Public is the rule that no test can see through a dial: what is let through.
var Public = public
