package credential

// Known is how many models the pool knows, and how many healths of them all
// credentials have together.
func (p *Pool) Known() (models, healths int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.entries {
		healths += len(e.models)
	}
	return len(p.models), healths
}
