package policy

// Default returns the policy that the tool carries.
func Default() Policy { return Policy{} }
