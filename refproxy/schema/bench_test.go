package schema_test

import (
	"testing"

	"github.com/firstbyte-dev/firstbyte/refproxy/schema"
)

// BenchmarkArguments rewrites the schemas of all golden files, which are about
// as long as those of a client's tools.
func BenchmarkArguments(b *testing.B) {
	all := seeds(b)
	size := 0
	for _, raw := range all {
		size += len(raw)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, raw := range all {
			// Some are refused, which is work as well.
			_, _, _ = schema.Arguments(raw, schema.Auto)
		}
	}
}
