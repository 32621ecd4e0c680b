package fakegemini

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// A draws is a stream of random numbers that belongs to one purpose of one
// item, so that using more or fewer numbers for one purpose moves no other.
type draws struct{ source *rand.PCG }

// newDraws seeds a stream from everything that may choose and nothing else. A
// zero byte, which no purpose or item contains, parts them.
func newDraws(seed uint64, purpose, item string, numbers ...int) draws {
	text := binary.BigEndian.AppendUint64(nil, seed)
	text = append(text, purpose...)
	text = append(text, 0)
	text = append(text, item...)
	text = append(text, 0)
	for _, n := range numbers {
		text = binary.BigEndian.AppendUint64(text, uint64(n))
	}
	sum := sha256.Sum256(text)
	return draws{rand.NewPCG(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16]))}
}

// uniform returns a number strictly between 0 and 1.
func (d draws) uniform() float64 {
	return (float64(d.source.Uint64()>>12) + 0.5) / (1 << 52)
}

// normal returns a standard normal number, by inversion: one uniform each, and
// no dependence on an algorithm of the library.
func (d draws) normal() float64 {
	return math.Sqrt2 * math.Erfinv(2*d.uniform()-1)
}
