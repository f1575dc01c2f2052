package value

import "math/rand/v2"

// Rand is where random picks come from; tests give one of their own. *rand.Rand is one.
type Rand interface{ Uint64() uint64 }

// Random returns r, or the machine's randomness where r is nil.
func Random(r Rand) Rand {
	if r == nil {
		return machine{}
	}
	return r
}

type machine struct{}

func (machine) Uint64() uint64 { return rand.Uint64() }

// below returns a number in [0, n).
func below(r Rand, n int) int { return int(r.Uint64() % uint64(n)) }
