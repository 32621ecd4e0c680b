package server

import "fmt"

// ParseName shows what a name comes to: the model, and what its suffixes ask for.
func ParseName(name string, registered func(string) bool) string {
	model, w := parseName(name, registered)
	return fmt.Sprintf("%s effort=%d dynamic=%t search=%t", model, w.effort, w.dynamic, w.search)
}

// Routes lists method and path of every route of s.
func Routes(s *Server) []string {
	var all []string
	for _, rt := range s.table {
		all = append(all, rt.method+" "+rt.path)
	}
	return all
}
