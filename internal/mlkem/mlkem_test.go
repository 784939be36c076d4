package mlkem

import (
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// parts is everything one key and one encapsulation consist of.
type parts struct {
	seed [SeedSize]byte
	m    [32]byte

	hdr [HeaderSize]byte
	ek  [VectorSize]byte
	dk  [DecapsulationKeySize]byte
	es  [EncapsulationStateSize]byte
	ct1 [Ciphertext1Size]byte
	ct2 [Ciphertext2Size]byte
	key [SharedKeySize]byte
}

func (p *parts) run() {
	GenerateKey(&p.seed, &p.hdr, &p.ek, &p.dk)
	p.key = Encapsulate1(&p.m, &p.hdr, &p.es, &p.ct1)
	Encapsulate2(&p.es, &p.ek, &p.ct2)
}

func (p *parts) ciphertext() []byte { return append(p.ct1[:len(p.ct1):len(p.ct1)], p.ct2[:]...) }

// newParts runs everything with coins from a stream.
func newParts(coins *sha3.SHAKE) *parts {
	p := new(parts)
	coins.Read(p.seed[:])
	coins.Read(p.m[:])
	p.run()
	return p
}

func testCoins(name string) *sha3.SHAKE {
	s := sha3.NewSHAKE128()
	s.Write([]byte(name))
	return s
}

type testVector struct {
	D, Z, M, Hdr, Ek, Dk, Ct1, Ct2, Es, K string

	Rejected string `json:"K_implicit_reject_ct2_first_bit_flipped"`
}

// vectors reads testdata/spqr-mlkem.json; its README says where it is from.
func vectors(t testing.TB) []testVector {
	b, err := os.ReadFile("testdata/spqr-mlkem.json")
	require.NoError(t, err)
	var file struct{ Vectors []testVector }
	require.NoError(t, json.Unmarshal(b, &file))
	require.NotEmpty(t, file.Vectors)
	return file.Vectors
}

func fill(t testing.TB, dst []byte, s string) {
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	require.Len(t, b, len(dst))
	copy(dst, b)
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		var p parts
		fill(t, p.seed[:], v.D+v.Z)
		fill(t, p.m[:], v.M)
		p.run()
		require.Equal(t, v.Hdr, hex.EncodeToString(p.hdr[:]))
		require.Equal(t, v.Ek, hex.EncodeToString(p.ek[:]))
		require.Equal(t, v.Dk, hex.EncodeToString(p.dk[:]))
		require.Equal(t, v.Ct1, hex.EncodeToString(p.ct1[:]))
		require.Equal(t, v.Ct2, hex.EncodeToString(p.ct2[:]))
		require.Equal(t, v.Es, hex.EncodeToString(p.es[:]))
		require.Equal(t, v.K, hex.EncodeToString(p.key[:]))
		require.True(t, CheckVector(&p.hdr, &p.ek))
		require.Equal(t, p.key, Decapsulate(&p.dk, &p.ct1, &p.ct2))
		p.ct2[0] ^= 1
		rejected := Decapsulate(&p.dk, &p.ct1, &p.ct2)
		require.Equal(t, v.Rejected, hex.EncodeToString(rejected[:]))
	}
}

// TestOracle compares many runs with crypto/mlkem, which knows all but the
// stored state; the digest pins every byte of that too.
func TestOracle(t *testing.T) {
	runs, digest := 10_000, "20b3cd3ba8e271325a53a2836b23cf40d3e933b707f1ec5f73e8150483c8e840"
	if testing.Short() {
		runs, digest = 500, "ac5d86aa926fdcc0a19ad064fa101c298cba3fa57368edeefe8aa62b8ea85484"
	}
	coins, sum := testCoins("oracle"), sha3.New256()
	for range runs {
		p := newParts(coins)
		theirs, err := mlkem.NewDecapsulationKey768(p.seed[:])
		require.NoError(t, err)
		ek := theirs.EncapsulationKey()
		for _, b := range [][]byte{p.hdr[:], p.ek[:], p.dk[:], p.es[:], p.ct1[:], p.ct2[:], p.key[:]} {
			sum.Write(b)
		}
		key, ct, err := mlkemtest.Encapsulate768(ek, p.m[:])
		require.NoError(t, err)

		require.Equal(t, ek.Bytes(), append(p.ek[:len(p.ek):len(p.ek)], p.hdr[:32]...))
		require.Equal(t, ct, p.ciphertext())
		require.Equal(t, key, p.key[:])
		ours := Decapsulate(&p.dk, (*[Ciphertext1Size]byte)(ct), (*[Ciphertext2Size]byte)(ct[Ciphertext1Size:]))
		require.Equal(t, key, ours[:])
		key, err = theirs.Decapsulate(p.ciphertext())
		require.NoError(t, err)
		require.Equal(t, key, p.key[:])

		// A bad ciphertext must give the same pseudorandom key in both.
		var flip [2]byte
		coins.Read(flip[:])
		ct[(int(flip[0])<<8|int(flip[1]))%len(ct)] ^= flip[0] | 1
		key, err = theirs.Decapsulate(ct)
		require.NoError(t, err)
		ours = Decapsulate(&p.dk, (*[Ciphertext1Size]byte)(ct), (*[Ciphertext2Size]byte)(ct[Ciphertext1Size:]))
		require.Equal(t, key, ours[:])
	}
	require.Equal(t, digest, hex.EncodeToString(sum.Sum(nil)))
}
