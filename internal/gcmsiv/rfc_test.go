package gcmsiv

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// RFC 8452, Appendix A.
func TestPolyvalOfTheRFC(t *testing.T) {
	for _, size := range []int{1, 20 * blockSize, 1 << 20} { // one power, four, eight
		var v polyval
		v.init((*[16]byte)(unhex(t, "25629347589242761d31f826ba4b757b")), size)
		v.update(unhex(t, "4f4f95668c83dfb6401762bb2d01a262"))
		v.update(unhex(t, "d1a24ddd2721d006bbe45f20d3c9f362"))
		got := binary.LittleEndian.AppendUint64(nil, v.s.lo)
		got = binary.LittleEndian.AppendUint64(got, v.s.hi)
		require.Equal(t, "f7a3b47b846119fae5b7866cf5e5b77e", hex.EncodeToString(got))
	}
}

const (
	zero16 = "00000000000000000000000000000000"
	one32  = "01000000000000000000000000000000" + zero16
	three  = "030000000000000000000000"
)

// RFC 8452, Appendices C.2 (a selection) and C.3.
var rfc = []struct{ key, nonce, aad, plaintext, result string }{
	{one32, three, "", "", "07f5f4169bbf55a8400cd47ea6fd400f"},
	{one32, three, "", "0100000000000000", "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28"},
	{one32, three, "", "010000000000000000000000", "9aab2aeb3faa0a34aea8e2b18ca50da9ae6559e48fd10f6e5c9ca17e"},
	{one32, three, "", "01" + zero16[2:], "85a01b63025ba19b7fd3ddfc033b3e76c9eac6fa700942702e90862383c6c366"},
	{one32, three, "", "01" + zero16[2:] + "02" + zero16[2:],
		"4a6a9db4c8c6549201b9edb53006cba821ec9cf850948a7c86c68ac7539d027fe819e63abcd020b006a976397632eb5d"},
	{one32, three, "01", "0200000000000000", "1de22967237a813291213f267e3b452f02d01ae33e4ec854"},
	// Counter wrap: the tag begins with ffffffff.
	{zero16 + zero16, zero16[:24], "", zero16 + "4db923dc793ee6497c76dcc03a98e108",
		"f3f80f2cf0cb2dd9c5984fcda908456cc537703b5ba70324a6793a7bf218d3eaffffffff000000000000000000000000"},
	{zero16 + zero16, zero16[:24], "", "eb3640277c7ffd1303c7a542d02d3e4c0000000000000000",
		"18ce4f0b8cb4d0cac65fea8f79257b20888e53e72299e56dffffffff000000000000000000000000"},
}

func TestVectorsOfTheRFC(t *testing.T) {
	for _, c := range rfc {
		vector{
			Key: unhex(t, c.key), Nonce: unhex(t, c.nonce), AAD: unhex(t, c.aad),
			PT: unhex(t, c.plaintext), CT: unhex(t, c.result),
		}.check(t, c.result)
	}
}

// slow multiplies bit by bit, by the definition in RFC 8452 §3.
func slow(a, b element) (r element) {
	for i := range 128 {
		bit := a.lo >> i & 1
		if i >= 64 {
			bit = a.hi >> (i - 64) & 1
		}
		// r = r + bit·b·x^i, with b shifted along.
		r.lo ^= -bit & b.lo
		r.hi ^= -bit & b.hi
		carry := b.hi >> 63
		b = element{b.lo<<1 | carry, b.hi<<1 | b.lo>>63}
		b.hi ^= carry * (1<<63 | 1<<62 | 1<<57)
	}
	for range 128 { // divide by x: x^128 + x^127 + x^126 + x^121 + 1 is odd
		odd := r.lo & 1
		r.hi ^= odd * (1<<63 | 1<<62 | 1<<57)
		r = element{r.lo>>1 | r.hi<<63, r.hi>>1 | odd<<63}
	}
	return r
}

// Words of all ones fill every column of the integer products to the brim.
func TestPolyvalAgainstTheDefinition(t *testing.T) {
	const ones = ^uint64(0)
	r := rand.New(rand.NewPCG(1, 2))
	elements := []element{{}, {1, 0}, {0, 1 << 63}, {ones, ones}, {ones, 0}, {0, ones}, {class, class}, {class << 3, class << 3}}
	for range 24 {
		elements = append(elements, element{r.Uint64(), r.Uint64()})
	}
	for _, h := range elements {
		var key [16]byte
		binary.LittleEndian.PutUint64(key[:], h.lo)
		binary.LittleEndian.PutUint64(key[8:], h.hi)
		for n := 1; n <= 2*most+1; n++ {
			var want element
			var message []byte
			for i := range n {
				x := elements[(i*7+n)%len(elements)]
				if n%2 == 0 {
					x = element{ones, ones}
				}
				message = binary.LittleEndian.AppendUint64(message, x.lo)
				message = binary.LittleEndian.AppendUint64(message, x.hi)
				want = slow(element{want.lo ^ x.lo, want.hi ^ x.hi}, h)
			}
			for _, size := range []int{1, 20 * blockSize, 1 << 20} {
				var v polyval
				v.init(&key, size)
				v.update(message)
				require.Equal(t, want, v.s, "%d blocks", n)
			}
		}
	}
}

// Every length around the batches, beside a message that is one byte longer, and in place.
func TestLengths(t *testing.T) {
	key, nonce := [32]byte{1}, [12]byte{2}
	text := []byte(strings.Repeat("how now brown cow ", 40))
	for n := range len(text) {
		room := bytes.Repeat([]byte{0xaa}, n+64)
		copy(room, text[:n])
		sealed, err := Seal(nil, &key, &nonce, room[:n], text[:n/3])
		require.NoError(t, err)
		require.Len(t, sealed, n+Overhead)
		require.Equal(t, bytes.Repeat([]byte{0xaa}, 64), room[n:])
		opened, err := Open(&key, &nonce, sealed, text[:n/3])
		require.NoError(t, err)
		require.True(t, bytes.Equal(text[:n], opened))
		_, err = Open(&key, &nonce, sealed, text[:n/3+1])
		require.ErrorIs(t, err, ErrOpen)
		if n < Overhead {
			_, err = Open(&key, &nonce, sealed[:n], nil)
			require.ErrorIs(t, err, ErrOpen)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(make([]byte, 32), make([]byte, 12), []byte("associated"), []byte("plain"))
	f.Add([]byte{1}, []byte{3}, []byte{}, make([]byte, 200))
	f.Fuzz(func(t *testing.T, k, n, aad, b []byte) {
		var key [32]byte
		var nonce [12]byte
		copy(key[:], k)
		copy(nonce[:], n)
		_, err := Open(&key, &nonce, b, aad)
		require.ErrorIs(t, err, ErrOpen)
		sealed, err := Seal(nil, &key, &nonce, b, aad)
		require.NoError(t, err)
		back, err := Open(&key, &nonce, sealed, aad)
		require.NoError(t, err)
		require.True(t, bytes.Equal(b, back))
	})
}
