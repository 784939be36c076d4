package sweep

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
)

// A stream is a sequence of random words, each a function of the key and its place in the sequence:
// the finalizer of SplitMix64 over a counter. It is for experiments, not for keys.
type stream struct{ key, n uint64 }

const golden = 0x9E3779B97F4A7C15

// mix is a bijection of 64 bits.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// next returns the next word.
func (s *stream) next() uint64 {
	s.n++
	return mix(s.key + s.n*golden)
}

// below returns a number less than n, which is not 0. Its bias is less than n/2³².
func (s *stream) below(n int) int {
	return int((s.next() >> 32) * uint64(n) >> 32)
}

// fork is the n-th of the streams that a key has.
func fork(key, n uint64) stream { return stream{key: mix(key ^ mix(n+golden))} }

// keyOf derives a key from a plan's seed and the names of a cell, so that a cell's result depends
// on what it is and not on where in the plan it stands.
func keyOf(seed uint64, names ...string) uint64 {
	b := binary.BigEndian.AppendUint64([]byte("custody sweep\x00"), seed)
	h := sha256.Sum256(append(b, strings.Join(names, "\x00")...))
	return binary.BigEndian.Uint64(h[:])
}

// threshold is the bound that a uniform number of 32 bits is below with this probability.
func threshold(p float64) uint64 { return uint64(p * (1 << 32)) }
