package upstream

// BaseURL is where a client of c asks.
func BaseURL(c Config) string { return c.withDefaults().BaseURL }
