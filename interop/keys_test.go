package interop

import (
	"bytes"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The public keys that implementations treat differently if they treat them carelessly: the points
// of small order, their other encodings, points of the twist, the greatest field elements, the top
// bit.
func oddKeys() (keys [][]byte) {
	small := [][]byte{
		{},
		{1},
		{2},
		{9},
		bytes.Repeat([]byte{0xff}, 32),
		append(append([]byte{0xec}, bytes.Repeat([]byte{0xff}, 30)...), 0x7f), // p-1
		append(append([]byte{0xed}, bytes.Repeat([]byte{0xff}, 30)...), 0x7f), // p
		append(append([]byte{0xee}, bytes.Repeat([]byte{0xff}, 30)...), 0x7f), // p+1
		{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
			0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00}, // order 8
	}
	for _, k := range small {
		u := append(bytes.Clone(k), make([]byte, 32-len(k))...)
		keys = append(keys, append([]byte{5}, u...))
		u[31] ^= 0x80
		keys = append(keys, append([]byte{5}, u...))
	}
	return keys
}

// ask gives one request to both implementations, which must answer alike, and returns the answer.
func ask(t *testing.T, f *fleet, op string, r Fields) Fields {
	t.Helper()
	var a, b Fields
	err := f.peer(ours).Call(op, r, &a)
	err2 := f.peer(official).Call(op, r, &b)
	require.Equal(t, Word(err), Word(err2), "%s %v: %v, %v", op, r, err, err2)
	delete(a, "id")
	delete(b, "id")
	require.Equal(t, b, a, "%s %v", op, r)
	return a
}

// forms returns a signature with every s + jL that fits beside the sign bit, where L is the order
// of the base point.
func forms(signature []byte) (all [][]byte) {
	order, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	order.SetBit(order, 252, 1)
	half := bytes.Clone(signature[32:])
	half[31] &= 0x7f
	slices.Reverse(half)
	for s := new(big.Int).SetBytes(half); s.BitLen() <= 255; s.Add(s, order) {
		s.FillBytes(half)
		form := append(bytes.Clone(signature[:32]), half...)
		slices.Reverse(form[32:])
		form[63] |= signature[63] & 0x80
		all = append(all, form)
	}
	return all
}

func TestKeys(t *testing.T) {
	f := newFleet(t)
	f.need(t, official)
	rng := rand.New(rand.NewPCG(*seed, 3))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	publicOf := func(private []byte) []byte {
		d, err := f.peer(ours).Device("k", Params{Address: Address{"k", 1}, Identity: private})
		require.NoError(t, err)
		e, err := f.peer(official).Device("k", Params{Address: Address{"k", 1}, Identity: private})
		require.NoError(t, err)
		require.Equal(t, e.Identity(), d.Identity())
		return d.Identity()
	}
	accepted, rejected := 0, 0
	for i := range 40 {
		private, message := random(32), random(i)
		public := publicOf(private)
		for _, signer := range []string{ours, official} {
			var a struct{ Signature []byte }
			require.NoError(t, f.peer(signer).Call("sign", Fields{"key": private, "message": message}, &a))
			r := Fields{"key": public, "message": message, "signature": a.Signature}
			require.Equal(t, true, ask(t, f, "verify", r)["valid"])
			for range 6 {
				bad := bytes.Clone(a.Signature)
				bad[rng.IntN(64)] ^= 1 << rng.IntN(8)
				r["signature"] = bad
				require.Equal(t, false, ask(t, f, "verify", r)["valid"])
			}
			r["signature"] = a.Signature[:63]
			require.Equal(t, false, ask(t, f, "verify", r)["valid"])
			for j, form := range forms(a.Signature) {
				r["signature"] = form
				require.Equal(t, form[63]&0x60 == 0, ask(t, f, "verify", r)["valid"], "s + %d L", j)
			}
			r["signature"], r["key"] = a.Signature, append(bytes.Clone(public), 7) // what follows a key is ignored
			require.Equal(t, true, ask(t, f, "verify", r)["valid"])
		}
		for _, odd := range oddKeys() {
			for _, signature := range [][]byte{make([]byte, 64), random(64), append(odd[1:33:33], make([]byte, 32)...)} {
				if ask(t, f, "verify", Fields{"key": odd, "message": message, "signature": signature})["valid"] == true {
					accepted++
				} else {
					rejected++
				}
			}
			ask(t, f, "agree", Fields{"key": private, "public": odd})
		}
		ask(t, f, "agree", Fields{"key": private, "public": append([]byte{5}, random(32)...)})
	}
	t.Logf("odd keys verified %d and refused %d signatures", accepted, rejected)
	require.NotZero(t, accepted)
	require.NotZero(t, rejected)
}

func TestFingerprints(t *testing.T) {
	f := newFleet(t)
	f.need(t, official)
	keys := oddKeys()
	for i, id := range []string{"", "+14155550123", "0123456789abcdef", "\x01" + "0123456789abcdef", string(make([]byte, 300))} {
		for j, other := range []string{"+14155550123", "a", ""} {
			a := ask(t, f, "fingerprint", Fields{
				"localId": []byte(id), "localKey": keys[i], "remoteId": []byte(other), "remoteKey": keys[6+j],
			})
			require.Len(t, a["display"], 60, fmt.Sprint(i, j))
		}
	}
	for _, name := range []string{"localId", "localKey", "remoteId", "remoteKey"} {
		r := Fields{"localId": []byte("a"), "localKey": keys[0], "remoteId": []byte("b"), "remoteKey": keys[1]}
		delete(r, name)
		for _, impl := range f.implementations() {
			require.Equal(t, "invalid-argument", Word(f.peer(impl).Call("fingerprint", r, nil)), name)
		}
	}
}
