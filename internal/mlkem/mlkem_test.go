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

// TestOracle compares every part of many runs with crypto/mlkem.
func TestOracle(t *testing.T) {
	runs := 10_000
	if testing.Short() {
		runs = 500
	}
	coins := testCoins("oracle")
	for range runs {
		p := newParts(coins)
		theirs, err := mlkem.NewDecapsulationKey768(p.seed[:])
		require.NoError(t, err)
		ek := theirs.EncapsulationKey()
		key, ct, err := mlkemtest.Encapsulate768(ek, p.m[:])
		require.NoError(t, err)

		// require.Equal is slow; compare as strings and let it only explain.
		if standard := string(p.ek[:]) + string(p.hdr[:32]); standard != string(ek.Bytes()) {
			require.Equal(t, ek.Bytes(), []byte(standard))
		}
		if string(p.ciphertext()) != string(ct) {
			require.Equal(t, ct, p.ciphertext())
		}
		if string(p.key[:]) != string(key) {
			require.Equal(t, key, p.key[:])
		}
		if got := Decapsulate(&p.dk, &p.ct1, &p.ct2); string(got[:]) != string(key) {
			require.Equal(t, key, got[:])
		}
		// A bad ciphertext must give the same pseudorandom key in both.
		var flip [2]byte
		coins.Read(flip[:])
		ct[(int(flip[0])<<8|int(flip[1]))%len(ct)] ^= flip[0] | 1
		key, err = theirs.Decapsulate(ct)
		require.NoError(t, err)
		if got := Decapsulate(&p.dk, (*[Ciphertext1Size]byte)(ct), (*[Ciphertext2Size]byte)(ct[Ciphertext1Size:])); string(got[:]) != string(key) {
			require.Equal(t, key, got[:])
		}
	}
}
