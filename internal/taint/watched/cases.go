//go:build valgrind && linux && amd64

package main

import (
	"signet.example/signet/internal/cbc"
	"signet.example/signet/internal/gcmsiv"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/kem"
	"signet.example/signet/internal/mlkem"
	"signet.example/signet/internal/x25519"
	"signet.example/signet/internal/xeddsa"
)

// The leaks are planted: each has to be found, or nothing below is worth anything.
var cases = []struct {
	name string
	run  func()
}{
	{"leak: branch", leakBranch},
	{"leak: index", leakIndex},
	{"leak: early end of a comparison", leakCompare},
	{"X25519", agreement},
	{"XEdDSA", signature},
	{"HMAC", mac},
	{"HKDF", derivation},
	{"AES-CBC", blocks},
	{"AES-GCM-SIV", sealing},
	{"ML-KEM-768", postQuantum},
	{"Kyber1024", kyber},
}

var (
	sink  byte
	table [256]byte
)

//go:noinline
func leakBranch() {
	k := bytes(32, 1)
	secret(k)
	if k[5] > 100 {
		sink++
	} else {
		sink += 2
	}
}

//go:noinline
func leakIndex() {
	k := bytes(32, 2)
	secret(k)
	sink = table[k[7]]
}

//go:noinline
func leakCompare() {
	k, guess := bytes(32, 3), bytes(32, 4)
	secret(k)
	if string(k) == string(guess) {
		sink++
	}
}

func agreement() {
	k, u, dst := [32]byte(bytes(32, 5)), [32]byte{9}, [32]byte{}
	secret(k[:])
	x25519.Shared(&dst, &k, &u)
	x25519.Base(&u, &k)
	public(u[:]) // a public key
	products := [2]x25519.Product{{Scalar: &k, U: &u, Dst: &dst}, {Scalar: &k, Dst: &u}}
	x25519.Multiply(products[:])
	public(dst[:], u[:])
	sink += dst[0] + u[0]
}

func signature() {
	k, z := [32]byte(bytes(32, 6)), [64]byte(bytes(64, 7))
	x25519.Clamp(&k)
	var sig [64]byte
	var edwards, u [32]byte
	secret(k[:], z[:])
	xeddsa.Derive(&edwards, &u, &k)
	public(edwards[:], u[:])
	xeddsa.SignWith(&sig, &k, &edwards, &z, bytes(100, 8), bytes(300, 9))
	xeddsa.Sign(&sig, &k, &z, bytes(20, 10))
	public(sig[:])
	if !xeddsa.Verify(&u, sig[:], bytes(20, 10)) {
		panic("watched: a signature does not verify")
	}
}

func mac() {
	k, text := bytes(32, 11), bytes(500, 12)
	secret(k, text)
	sum := kdf.HMAC(k, text[:7], text[7:])
	public(sum[:])
	sink += sum[0]
}

func derivation() {
	salt, ikm, out := bytes(32, 13), bytes(96, 14), make([]byte, 96)
	secret(salt, ikm)
	kdf.HKDF(out, salt, ikm, []byte("label"))
	public(out)
	sink += out[0]
}

func blocks() {
	k, iv, text := [32]byte(bytes(32, 15)), [16]byte(bytes(16, 16)), bytes(100, 17)
	secret(k[:], iv[:], text)
	sealed := make([]byte, cbc.Size(len(text)))
	cbc.Seal(sealed, &k, &iv, text)
	public(sealed)
	if _, err := cbc.Open(&k, &iv, sealed); err != nil {
		panic(err)
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := cbc.Open(&k, &iv, sealed); err == nil {
		panic("watched: padding of a damaged block")
	}
}

func sealing() {
	k, nonce, text := [32]byte(bytes(32, 18)), [12]byte{}, bytes(100, 19)
	secret(k[:], text)
	sealed, err := gcmsiv.Seal(nil, &k, &nonce, text, []byte("with"))
	if err != nil {
		panic(err)
	}
	public(sealed)
	if _, err := gcmsiv.Open(&k, &nonce, sealed, []byte("with")); err != nil {
		panic(err)
	}
	sealed[3] ^= 1
	if _, err := gcmsiv.Open(&k, &nonce, sealed, []byte("with")); err == nil {
		panic("watched: a damaged text")
	}
}

func postQuantum() {
	seed, m := [mlkem.SeedSize]byte(bytes(64, 20)), [32]byte(bytes(32, 21))
	var hdr [mlkem.HeaderSize]byte
	var ek [mlkem.VectorSize]byte
	var dk [mlkem.DecapsulationKeySize]byte
	var es [mlkem.EncapsulationStateSize]byte
	var ct1 [mlkem.Ciphertext1Size]byte
	var ct2 [mlkem.Ciphertext2Size]byte
	secret(seed[:], m[:])
	mlkem.GenerateKey(&seed, &hdr, &ek, &dk)
	public(hdr[:], ek[:], dk[mlkem.VectorSize:len(dk)-32]) // the public key is in the private one, too
	mlkem.CheckVector(&hdr, &ek)
	key := mlkem.Encapsulate1(&m, &hdr, &es, &ct1)
	mlkem.Encapsulate2(&es, &ek, &ct2)
	public(ct1[:], ct2[:])
	again := mlkem.Decapsulate(&dk, &ct1, &ct2)
	ct2[5] ^= 1
	other := mlkem.Decapsulate(&dk, &ct1, &ct2)
	public(key[:], again[:], other[:])
	if key != again || key == other {
		panic("watched: the keys of ML-KEM")
	}
}

func kyber() {
	seed, coins := [kem.SeedSize]byte(bytes(64, 22)), [kem.CoinsSize]byte(bytes(32, 23))
	secret(seed[:], coins[:])
	pub, private := kem.Generate(&seed)
	public(pub, private[:1], private[1+1536:len(private)-32])
	ciphertext, key, err := kem.Encapsulate(pub, &coins)
	if err != nil {
		panic(err)
	}
	public(ciphertext)
	again, err := kem.Decapsulate(private, ciphertext)
	if err != nil {
		panic(err)
	}
	ciphertext[50] ^= 1
	other, err := kem.Decapsulate(private, ciphertext)
	if err != nil {
		panic(err)
	}
	public(key[:], again[:], other[:])
	if key != again || key == other {
		panic("watched: the keys of Kyber")
	}
}
