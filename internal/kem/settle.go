package kem

import "runtime"

// settled is how many bytes settle copies: enough for the runtime's memmove to use vector
// instructions. A variable, so that the compiler calls memmove and does not unroll the copy.
var settled = 512

// settle ends what circl begins: its vector code for Kyber returns without VZEROUPPER. While the
// upper halves of the vector registers are in use, the SHA-256 instructions of some processors run
// sixty times slower (measured on an Intel Xeon of model 207: one HKDF in 85 µs instead of 1.4),
// and a derivation follows every use of the KEM. The runtime's memmove clears them on its way, in 6
// ns.
func settle() {
	var b [1024]byte
	copy(b[settled:], b[:settled])
	runtime.KeepAlive(&b)
}
