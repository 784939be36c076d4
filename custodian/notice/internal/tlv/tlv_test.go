package tlv

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFields(t *testing.T) {
	b := Append(nil, 1, []byte("one"))
	b = AppendUint(b, 2, 300)
	b = Append(b, 200, nil)
	r := NewReader(b)
	tag, v, ok := r.Next()
	require.True(t, ok)
	require.EqualValues(t, 1, tag)
	require.Equal(t, "one", string(v))
	require.False(t, r.OK(), "not at the end yet")
	_, v, ok = r.Next()
	require.True(t, ok)
	n, ok := Uint(v)
	require.True(t, ok)
	require.EqualValues(t, 300, n)
	tag, v, ok = r.Next()
	require.True(t, ok)
	require.EqualValues(t, 200, tag)
	require.Empty(t, v)
	_, _, ok = r.Next()
	require.False(t, ok)
	require.True(t, r.OK())
}

func TestMalformed(t *testing.T) {
	for name, b := range map[string][]byte{
		"tag alone":         {1},
		"truncated":         {1, 2, 0},
		"descending":        {2, 0, 1, 0},
		"twice":             {1, 0, 1, 0},
		"long varint":       {1, 0x80, 0},
		"unfinished varint": {1, 0x80},
		"huge":              {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"overflow":          {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2},
	} {
		r := NewReader(b)
		for {
			if _, _, ok := r.Next(); !ok {
				break
			}
		}
		require.False(t, r.OK(), name)
	}
	_, ok := Uint([]byte{0x80, 0})
	require.False(t, ok)
	_, ok = Uint([]byte{1, 1})
	require.False(t, ok)
	_, ok = Items([]byte{0, 0, 0}, 2)
	require.False(t, ok, "more items than allowed")
}

// FuzzReader: what parses has one encoding.
func FuzzReader(f *testing.F) {
	f.Add([]byte{1, 0, 2, 1, 7})
	f.Add([]byte{1, 0x80, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		r := NewReader(b)
		for {
			tag, v, ok := r.Next()
			if !ok {
				break
			}
			again = Append(again, tag, v)
		}
		if r.OK() && !bytes.Equal(b, again) {
			t.Fatalf("%x and %x", b, again)
		}
		if items, ok := Items(b, 1000); ok {
			again = nil
			for _, i := range items {
				again = AppendItem(again, i)
			}
			if !bytes.Equal(b, again) {
				t.Fatalf("%x and %x", b, again)
			}
		}
	})
}
