package attack

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/parcel"
)

// TestCursor: a chain key gives every later message in any order.
func TestCursor(t *testing.T) {
	c := &cursor{first: secret{1}, now: secret{1}, start: 3, at: 3, step: chainStep}
	var want []secret
	k := secret{1}
	for range 10 {
		next, seed := chainStep(k, 0)
		want = append(want, seed)
		k = next
	}
	for _, i := range []uint32{3, 12, 5, 4, 12, 3} {
		require.Equal(t, want[i-3], c.key(i))
	}
	// A later key of the same chain adds nothing; a damaged one is kept beside it.
	later := secret{1}
	for range 4 {
		later, _ = chainStep(later, 0)
	}
	list := addCursor([]*cursor{c}, 7, later, chainStep)
	require.Len(t, list, 1)
	later[0] ^= 1
	require.Len(t, addCursor(list, 7, later, chainStep), 2)
	require.Len(t, addCursor(list, 2, secret{9}, chainStep), 2)
}

func TestParsePQ(t *testing.T) {
	chunk := strings.Repeat("ab", 32)
	for _, c := range []struct {
		in   string
		want *pqMessage
	}{
		{"", nil},
		{"00", nil},
		{"01", nil},
		{"0101", nil},
		{"010100", nil},
		{"01000100", nil},
		{"01010100", &pqMessage{epoch: 1, index: 1}},
		{"01012804", &pqMessage{epoch: 1, index: 40, kind: 4}},
		{"01010101" + "00" + chunk, &pqMessage{epoch: 1, index: 1, kind: 1, data: unhex(chunk)}},
		{"01010201" + "ffff03" + chunk, &pqMessage{epoch: 1, index: 2, kind: 1, chunk: 65535, data: unhex(chunk)}},
		{"01010201" + "ffff04" + chunk, nil},
		{"01010101" + "00" + chunk[2:], nil},
	} {
		require.Equal(t, c.want, parsePQ(unhex(c.in)), c.in)
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func TestSeal(t *testing.T) {
	k := derive(secret{1}, &secret{2})
	for n := range 40 {
		text := bytes.Repeat([]byte{7}, n)
		b := make([]byte, n+16-n%16)
		k.seal(b, text)
		got, ok := k.open(b)
		require.True(t, ok)
		require.Equal(t, text, bytes.Clone(got))
		b[len(b)-1] ^= 0x80
		if got, ok := k.open(b); ok {
			require.NotEqual(t, text, got)
		}
	}
	_, ok := k.open(nil)
	require.False(t, ok)
	_, ok = k.open(make([]byte, 15))
	require.False(t, ok)
}

// TestHostile: what does not parse is ignored, and nothing is forged from nothing.
func TestHostile(t *testing.T) {
	a := New()
	require.Error(t, a.Learn(Business, []byte("not a parcel")))
	for _, b := range [][]byte{nil, {0x33}, {0x44, 1, 2}, bytes.Repeat([]byte{0x33}, 80)} {
		a.Observe(Wire{Body: b})
		a.Observe(Wire{Body: b, PreKey: true})
	}
	require.Empty(t, a.Read())
	offered := 0
	require.Nil(t, a.Forge(nil, Business, []byte("x"), func(bool, []byte) ([]byte, bool) { offered++; return nil, false }))
	require.Zero(t, offered)
}

// TestAcceptance: a receiver that takes a message and reads something else has not been deceived.
func TestAcceptance(t *testing.T) {
	a := New()
	entry := parcel.Entry{Kind: parcel.SendingChain, Base: parcel.Key{5, 1}, Key: parcel.Key{5, 2}, Value: make([]byte, 32)}
	require.NoError(t, a.Learn(Business, parcel.New([]parcel.Entry{entry}).Bytes()))
	a.identities = [2][]parcel.Key{{{5, 3}}, {{5, 4}}}
	require.Nil(t, a.Forge(nil, Business, []byte("mine"), func(bool, []byte) ([]byte, bool) { return []byte("other"), true }))
	f := a.Forge(nil, Business, []byte("mine"), func(_ bool, b []byte) ([]byte, bool) { return []byte("mine"), len(b) > 40 })
	require.NotNil(t, f)
	require.Equal(t, ChainForge, f.Strategy())
	require.Equal(t, "mine", string(f.Text()))
}

func TestRedaction(t *testing.T) {
	a := New()
	value := bytes.Repeat([]byte{0xA7}, 32)
	require.NoError(t, a.Learn(Business, parcel.New([]parcel.Entry{
		{Kind: parcel.Identity, Key: parcel.Key{5, 3}, Value: value},
		{Kind: parcel.Plaintext, Value: []byte("hello")},
	}).Bytes()))
	o := a.Read()[0]
	f := &Acceptance{own: &parcel.Entry{Value: value}, state: value}
	for _, x := range []any{a, *a, o, *o, f, *f, []*Opening{o}, []Opening{*o}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
			s := fmt.Sprintf(verb, x)
			for _, leak := range []string{"a7a7", "167 167", "0xa7", "hello", "104 101"} {
				require.NotContains(t, s, leak, "%T %s", x, verb)
			}
		}
	}
}

func FuzzObserve(f *testing.F) {
	f.Add([]byte{0x33, 0x0a, 0}, false)
	f.Add(binary.AppendUvarint([]byte{0x44}, 1<<40), true)
	f.Fuzz(func(t *testing.T, b []byte, preKey bool) {
		a := New()
		before := bytes.Clone(b)
		a.Observe(Wire{Body: b, PreKey: preKey})
		require.Equal(t, before, b)
		require.Empty(t, a.Read())
	})
}
