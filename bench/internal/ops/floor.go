package ops

import (
	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/internal/cbc"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/kem"
	"signet.example/signet/internal/mlkem"
	"signet.example/signet/internal/x25519"
	"signet.example/signet/internal/xeddsa"
)

// A floor calls the primitives of an operation back to back: as many agreements, hashes, ciphers,
// KEM operations and signatures as the protocol prescribes, on inputs of the right length, with the
// functions that the library uses. It parses, encodes, copies and keeps nothing, and the erasure
// code of the post-quantum ratchet is not among the primitives. No implementation on these
// primitives can be faster.
type floor struct {
	src *entropy.Source

	key, seed        [32]byte
	okm              [96]byte
	info             [64]byte
	tag              [32]byte
	identities       [66]byte
	plaintext        []byte
	body, signed     []byte
	scalar, u, dh    [32]byte
	edwards, public  [32]byte
	sig, kemSig      [64]byte
	groupSig         [64]byte
	fresh            [32]byte // the scalar of a new key pair
	content, wrapped []byte   // of sealed sender

	kemPublic, kemPrivate, kemCiphertext []byte
	kem                                  kemRun
}

func newFloor() *floor {
	f := &floor{key: [32]byte{1}, scalar: [32]byte{8}}
	x25519.Clamp(&f.scalar)
	xeddsa.Derive(&f.edwards, &f.u, &f.scalar)
	f.public = f.u
	var z [64]byte
	xeddsa.SignWith(&f.sig, &f.scalar, &f.edwards, &z, f.public[:])
	f.kemPublic, f.kemPrivate = kem.Generate(new([kem.SeedSize]byte))
	xeddsa.SignWith(&f.kemSig, &f.scalar, &f.edwards, &z, f.kemPublic)
	f.kemCiphertext, _, _ = kem.Encapsulate(f.kemPublic, &f.key) // the public key is our own
	return f
}

// floorCase is the floor of an operation.
func floorCase(quantum int, f func(*floor)) measure.Case {
	return with(quantum, looped(measure.Floor, func() (func() error, error) {
		at := newFloor()
		return func() error { f(at); return nil }, nil
	}))
}

// amortised is floorCase for what turns the post-quantum ratchet: in quantum iterations there are
// so many epochs.
func amortised(quantum, epochs int, f func(*floor)) measure.Case {
	return measure.Case{Impl: measure.Floor, Quantum: quantum, Open: func() (*measure.Subject, error) {
		at, i := newFloor(), 0
		return measure.Loop(func() error {
			f(at)
			if i++; i == quantum {
				for range epochs {
					at.epoch()
				}
				i = 0
			}
			return nil
		}), nil
	}}
}

// message is a message at both ends, on chains that exist.
func (f *floor) message(size int) {
	f.half(size, true)
	f.half(size, false)
}

// frameSize is what a message has around its ciphertext that the MAC covers: version, ratchet key,
// two counters, and the part of the post-quantum ratchet.
const frameSize = 1 + 35 + 2 + 2 + 2 + 45 + 3

// half is a message at one end (protocol §5.1 to §5.5): a step of the chain and one of the
// post-quantum chain, the message's keys, the cipher, the MAC.
func (f *floor) half(size int, encrypt bool) {
	f.step()
	f.rest(size, encrypt)
}

// step derives the seed of a message from both chains and advances them.
func (f *floor) step() {
	f.seed = kdf.HMAC(f.key[:], one)
	f.key = kdf.HMAC(f.key[:], two)
	kdf.HKDF(f.okm[:64], nil, f.key[:], f.info[:4+len(labelNext)])
}

// rest is what of a message is left when there is a seed.
func (f *floor) rest(size int, encrypt bool) {
	kdf.HKDF(f.okm[:80], f.okm[32:64], f.seed[:], []byte("WhisperMessageKeys"))
	f.room(size, frameSize)
	f.cbc(size, encrypt)
	f.tag = kdf.HMAC(f.okm[32:64], f.identities[:], f.signed)
}

const labelNext = "Signal PQ Ratchet V1 Chain Next"

var one, two = []byte{1}, []byte{2}

// room makes room for a text of size bytes, its ciphertext, and a message that is frame longer.
func (f *floor) room(size, frame int) {
	n := cbc.Size(size)
	if len(f.body) != n || len(f.signed) != frame+n {
		f.plaintext, f.body, f.signed = make([]byte, size), make([]byte, n), make([]byte, frame+n)
	}
}

// cbc encrypts or decrypts with the first 48 of the derived bytes. Nobody cares whether the padding
// that comes out is good: looking at it takes the same time.
func (f *floor) cbc(size int, encrypt bool) {
	key, iv := (*[32]byte)(f.okm[:32]), (*[16]byte)(f.okm[64:80])
	if encrypt {
		cbc.Seal(f.body, key, iv, f.plaintext[:size])
	} else {
		_, _ = cbc.Open(key, iv, f.body)
	}
}

// turn is a step of the Diffie-Hellman ratchet at the receiving end: two agreements, one of them
// with a new key pair.
func (f *floor) turn() {
	f.multiply(2, 1, 0)
	f.roots(2)
}

// roots derives that many root and chain keys.
func (f *floor) roots(n int) {
	for range n {
		kdf.HKDF(f.okm[:64], f.key[:], f.dh[:], []byte("WhisperRatchet"))
	}
}

// multiply is so many agreements, new key pairs and checks of a base key, all at once as none needs
// the result of another.
func (f *floor) multiply(agreements, pairs, checks int) {
	var products [8]x25519.Product
	var out [8][32]byte
	n := agreements + pairs + checks
	for i := range n {
		p := &products[i]
		p.Scalar, p.U, p.Dst = &f.scalar, &f.public, &out[i]
		switch {
		case i >= agreements+pairs:
			p.Order = true
		case i >= agreements:
			f.src.Read(f.fresh[:])
			x25519.Clamp(&f.fresh)
			p.Scalar, p.U = &f.fresh, nil
		}
	}
	x25519.Multiply(products[:n])
	f.dh = out[0]
}

// A kemRun is one run of ML-KEM as the braid cuts it.
type kemRun struct {
	seed [mlkem.SeedSize]byte
	hdr  [mlkem.HeaderSize]byte
	ek   [mlkem.VectorSize]byte
	dk   [mlkem.DecapsulationKeySize]byte
	m    [32]byte
	es   [mlkem.EncapsulationStateSize]byte
	ct1  [mlkem.Ciphertext1Size]byte
	ct2  [mlkem.Ciphertext2Size]byte
}

// epoch is an epoch of the post-quantum ratchet at both ends (spqr §9 to §12).
func (f *floor) epoch() {
	f.pqKeys()
	k := &f.kem
	kdf.HMAC(f.key[:], f.info[:48], k.hdr[:])
	f.src.Read(k.m[:])
	mlkem.Encapsulate1(&k.m, &k.hdr, &k.es, &k.ct1)
	mlkem.CheckVector(&k.hdr, &k.ek)
	mlkem.Encapsulate2(&k.es, &k.ek, &k.ct2)
	mlkem.Decapsulate(&k.dk, &k.ct1, &k.ct2)
	for range 2 { // both ends
		kdf.HKDF(f.okm[:32], nil, f.key[:], f.info[:41])
		f.authenticator()
		kdf.HMAC(f.key[:], f.info[:50], k.ct1[:], k.ct2[:])
		f.chain()
	}
}

// pqKeys makes the key pair of an epoch and authenticates its header.
func (f *floor) pqKeys() {
	k := &f.kem
	f.src.Read(k.seed[:])
	mlkem.GenerateKey(&k.seed, &k.hdr, &k.ek, &k.dk)
	kdf.HMAC(f.key[:], f.info[:48], k.hdr[:])
}

// authenticator is an update of the key of the braid's MACs, chain the start of an epoch's chains.
func (f *floor) authenticator() { kdf.HKDF(f.okm[:64], nil, f.okm[:64], f.info[:54]) }
func (f *floor) chain()         { kdf.HKDF(f.okm[:96], f.key[:], f.dh[:], f.info[:35]) }
