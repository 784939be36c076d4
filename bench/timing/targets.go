package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"math/rand/v2"

	"signet.example/signet"
	"signet.example/signet/internal/cbc"
	"signet.example/signet/internal/gcmsiv"
	"signet.example/signet/internal/mlkem"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/x25519"
	"signet.example/signet/internal/xeddsa"
	"signet.example/signet/ratchet"
	"signet.example/signet/x3dh"
)

// The first class is the fixed one.
const fixed = 0

func targets() []target {
	return []target{
		x25519Target(), baseTarget(), multiplyTarget(), signTarget(),
		decapsulateKey(), decapsulateReject(), encapsulate(),
		macCompare(), macReject(),
		unpadBad(), unpadGood(),
		gcmsivSeal(), gcmsivReject(),
		control(),
	}
}

// random fills b.
func random(r *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}

// fixedOrRandom is a fill of whole slots. Random bytes are drawn for both classes.
func fixedOrRandom(size int) func(r *rand.Rand, class int, slot []byte) {
	one := make([]byte, size)
	random(rand.New(rand.NewPCG(1, 2)), one)
	return func(r *rand.Rand, class int, slot []byte) {
		random(r, slot)
		if class == fixed {
			copy(slot, one)
		}
	}
}

func x25519Target() target {
	var u, out [32]byte
	u[0] = 9
	return target{
		name: "x25519", what: "a fixed scalar, random scalars", size: 32, fill: fixedOrRandom(32),
		run: func(s []byte) { x25519.Shared(&out, (*[32]byte)(s), &u) },
	}
}

func baseTarget() target {
	var out [32]byte
	return target{
		name: "x25519-base", what: "a fixed scalar, random scalars", size: 32, fill: fixedOrRandom(32),
		run: func(s []byte) { x25519.Base(&out, (*[32]byte)(s)) },
	}
}

// multiplyTarget is a turn of the ratchet: two points and the base point.
func multiplyTarget() target {
	var out [3][32]byte
	u := [32]byte{9}
	return target{
		name: "x25519-multiply", what: "fixed scalars, random scalars; two agreements and a public key", size: 64, fill: fixedOrRandom(64),
		run: func(s []byte) {
			old, fresh := (*[32]byte)(s), (*[32]byte)(s[32:])
			products := [3]x25519.Product{
				{Scalar: old, U: &u, Dst: &out[0]}, {Scalar: fresh, U: &u, Dst: &out[1]}, {Scalar: fresh, Dst: &out[2]},
			}
			x25519.Multiply(products[:])
		},
	}
}

// signTarget has the randomness of the nonce in the slot, drawn anew for both classes.
func signTarget() target {
	var sig [64]byte
	message := make([]byte, 64)
	key := fixedOrRandom(32)
	return target{
		name: "xeddsa-sign", what: "a fixed key, random keys", size: 32 + 64,
		fill: func(r *rand.Rand, class int, s []byte) {
			key(r, class, s[:32])
			x25519.Clamp((*[32]byte)(s))
			random(r, s[32:])
		},
		run: func(s []byte) { xeddsa.Sign(&sig, (*[32]byte)(s), (*[64]byte)(s[32:]), message) },
	}
}

// A kem is one run of ML-KEM.
type kem struct {
	hdr [mlkem.HeaderSize]byte
	ek  [mlkem.VectorSize]byte
	dk  [mlkem.DecapsulationKeySize]byte
	es  [mlkem.EncapsulationStateSize]byte
	ct1 [mlkem.Ciphertext1Size]byte
	ct2 [mlkem.Ciphertext2Size]byte
}

func newKEM() *kem {
	k := new(kem)
	mlkem.GenerateKey(&[mlkem.SeedSize]byte{1}, &k.hdr, &k.ek, &k.dk)
	mlkem.Encapsulate1(&[32]byte{2}, &k.hdr, &k.es, &k.ct1)
	mlkem.Encapsulate2(&k.es, &k.ek, &k.ct2)
	return k
}

// decapsulateKey changes the secret vector alone and not the public half of the key, whose
// expansion may take more or less time. So the ciphertext is rejected in both classes.
func decapsulateKey() target {
	k := newKEM()
	one := vector(rand.New(rand.NewPCG(3, 4)))
	return target{
		name: "mlkem-decapsulate-key", what: "a fixed secret vector, random ones", size: len(k.dk),
		fill: func(r *rand.Rand, class int, s []byte) {
			copy(s, k.dk[:])
			v := vector(r)
			if class == fixed {
				v = one
			}
			copy(s, v[:])
		},
		run: func(s []byte) { mlkem.Decapsulate((*[mlkem.DecapsulationKeySize]byte)(s), &k.ct1, &k.ct2) },
	}
}

// vector encodes three polynomials with random coefficients, two of 12 bits in three bytes.
func vector(r *rand.Rand) (v [mlkem.VectorSize]byte) {
	const q = 3329
	for i := 0; i < len(v); i += 3 {
		a, b := r.IntN(q), r.IntN(q)
		v[i], v[i+1], v[i+2] = byte(a), byte(a>>8|b<<4), byte(b>>4)
	}
	return v
}

func decapsulateReject() target {
	k := newKEM()
	return target{
		name: "mlkem-decapsulate-reject", what: "a good ciphertext, ones with a wrong bit", size: len(k.ct1) + len(k.ct2),
		fill: func(r *rand.Rand, class int, s []byte) {
			copy(s, k.ct1[:])
			copy(s[len(k.ct1):], k.ct2[:])
			if at := r.IntN(8 * len(s)); class != fixed {
				s[at/8] ^= 1 << (at % 8)
			}
		},
		run: func(s []byte) {
			ct1, ct2 := (*[mlkem.Ciphertext1Size]byte)(s), (*[mlkem.Ciphertext2Size]byte)(s[len(k.ct1):])
			mlkem.Decapsulate(&k.dk, ct1, ct2)
		},
	}
}

func encapsulate() target {
	k := newKEM()
	return target{
		name: "mlkem-encapsulate", what: "fixed coins, random coins; both halves", size: 32, fill: fixedOrRandom(32),
		run: func(s []byte) {
			mlkem.Encapsulate1((*[32]byte)(s), &k.hdr, &k.es, &k.ct1)
			mlkem.Encapsulate2(&k.es, &k.ek, &k.ct2)
		},
	}
}

// macCompare is the comparison alone, of a MAC with one that has a fixed byte wrong or a random
// one.
func macCompare() target {
	var mac [8]byte
	return target{
		name: "mac-compare", what: "the first byte wrong, a random byte wrong", size: len(mac), repeat: 64,
		fill: wrongByte(mac[:], 0),
		run:  func(s []byte) { Sink += subtle.ConstantTimeCompare(mac[:], s) },
	}
}

// wrongByte is a fill of copies of b with one byte wrong: the first in the fixed class. Only what
// comes from offset on is touched.
func wrongByte(b []byte, offset int) func(r *rand.Rand, class int, slot []byte) {
	return func(r *rand.Rand, class int, slot []byte) {
		copy(slot, b)
		at := offset + r.IntN(len(b)-offset)
		if class == fixed {
			at = offset
		}
		slot[at] ^= 0x10
	}
}

// Sink keeps the compiler from leaving out what is timed.
var Sink int

// macReject is a session that refuses a message for its MAC. A refusal leaves the session as it
// was.
func macReject() target {
	a, z, signed := signet.GenerateKey(), signet.GenerateKey(), signet.GenerateKey()
	h := ratchet.Handshake{Version: x3dh.VersionPQXDH, Local: a.PublicKey(), Remote: z.PublicKey(), BaseKey: signed.PublicKey()}
	seed := ratchet.Seed{Root: secret.Key{1}, Chain: secret.Key{2}, PQ: secret.Key{3}}
	alice, err := ratchet.NewInitiator(seed, &h, signed.PublicKey())
	must(err)
	h.Local, h.Remote = h.Remote, h.Local
	bob := ratchet.NewResponder(seed, &h, signed)
	message, err := alice.Encrypt(nil, make([]byte, 64))
	must(err)
	_, err = bob.Decrypt(nil, message) // turns bob's ratchet: the next message needs no agreement
	must(err)
	message, err = alice.Encrypt(nil, make([]byte, 64))
	must(err)
	return target{
		name: "mac-reject", what: "a message with its MAC's first byte wrong, with a random byte of it wrong",
		size: len(message), fill: wrongByte(message, len(message)-8),
		run: func(s []byte) {
			if _, err := bob.Decrypt(nil, s); err == nil {
				panic("timing: a wrong MAC was accepted")
			}
		},
	}
}

// must ends the program if what prepares a target fails, which only a bug can make it.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// A ciphertext of three blocks whose last one decrypts to what the fill put there.
var (
	cbcKey [32]byte
	cbcIV  [16]byte
)

func lastBlock(slot []byte, last *[16]byte) {
	b, err := aes.NewCipher(cbcKey[:])
	must(err)
	clear(slot)
	copy(slot[len(slot)-16:], last[:])
	cipher.NewCBCEncrypter(b, cbcIV[:]).CryptBlocks(slot, slot)
}

// unpadBad has one byte of a padding of 16 wrong: where is a padding oracle's secret.
func unpadBad() target {
	return target{
		name: "cbc-unpad-bad", what: "a padding's first byte wrong, a random byte of it wrong", size: 48,
		fill: func(r *rand.Rand, class int, s []byte) {
			var last [16]byte
			for i := range last {
				last[i] = 16
			}
			at := r.IntN(15)
			if class == fixed {
				at = 0
			}
			last[at] = 15
			lastBlock(s, &last)
		},
		run: openCBC,
	}
}

// unpadGood has a padding of one byte or of a random length.
func unpadGood() target {
	return target{
		name: "cbc-unpad-good", what: "a padding of one byte, of 1 to 16 bytes", size: 48,
		fill: func(r *rand.Rand, class int, s []byte) {
			n := 1 + r.IntN(16)
			if class == fixed {
				n = 1
			}
			var last [16]byte
			for i := range n {
				last[15-i] = byte(n)
			}
			lastBlock(s, &last)
		},
		run: openCBC,
	}
}

func openCBC(s []byte) {
	text, _ := cbc.Open(&cbcKey, &cbcIV, s)
	Sink += len(text)
}

func gcmsivSeal() target {
	var nonce [gcmsiv.NonceSize]byte
	dst := make([]byte, 0, 256)
	return target{
		name: "gcmsiv-seal", what: "a fixed key and plaintext, random ones", size: gcmsiv.KeySize + 128,
		fill: fixedOrRandom(gcmsiv.KeySize + 128),
		run: func(s []byte) {
			_, err := gcmsiv.Seal(dst, (*[gcmsiv.KeySize]byte)(s), &nonce, s[gcmsiv.KeySize:], nil)
			must(err)
		},
	}
}

// gcmsivReject has a byte of the tag wrong, which also changes the whole plaintext that is thrown
// away.
func gcmsivReject() target {
	var key [gcmsiv.KeySize]byte
	var nonce [gcmsiv.NonceSize]byte
	sealed, err := gcmsiv.Seal(nil, &key, &nonce, make([]byte, 128), nil)
	must(err)
	return target{
		name: "gcmsiv-reject", what: "the tag's first byte wrong, a random byte of it wrong", size: len(sealed),
		fill: wrongByte(sealed, len(sealed)-gcmsiv.Overhead),
		run: func(s []byte) {
			if _, err := gcmsiv.Open(&key, &nonce, s, nil); err == nil {
				panic("timing: a wrong tag was accepted")
			}
		},
	}
}

// control compares byte by byte and stops at the first difference.
func control() target {
	var mac [8]byte
	return target{
		name: "control", what: "as mac-compare, with a comparison that stops early", size: len(mac), repeat: 64, control: true,
		fill: wrongByte(mac[:], 0),
		run: func(s []byte) {
			for i := range mac {
				if mac[i] != s[i] {
					return
				}
				Sink++
			}
		},
	}
}
