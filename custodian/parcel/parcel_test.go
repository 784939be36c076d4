package parcel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func sample() Parcel {
	value := bytes.Repeat([]byte{0xA7}, 32)
	return New([]Entry{
		{Kind: Skipped, Base: Key{5, 1}, Key: Key{5, 2}, Index: 7, Value: value},
		{Kind: Identity, Key: Key{5, 3}, Value: value},
		{Kind: PQSkipped, Base: Key{5, 1}, Epoch: 3, Dir: 1, Index: 9, Value: value},
		{Kind: Plaintext, Index: 4, Value: []byte("hello")},
		{Kind: Identity, Key: Key{5, 3}, Value: make([]byte, 32)}, // the name is taken
	})
}

func TestRoundTrip(t *testing.T) {
	p := sample()
	require.Len(t, p.Entries(), 4)
	b := p.Bytes()
	before := bytes.Clone(b)
	again, err := Parse(b)
	require.NoError(t, err)
	require.Equal(t, before, again.Bytes())
	require.Equal(t, before, b)
	require.Equal(t, byte(0xA7), again.Entries()[0].Value[0], "the first of two with one name")
	require.Equal(t, uint64(3), again.Entries()[3].Epoch)
	empty, err := Parse(New(nil).Bytes())
	require.NoError(t, err)
	require.Empty(t, empty.Entries())
	require.Empty(t, Parcel{}.Entries())
}

func TestMalformed(t *testing.T) {
	b := sample().Bytes()
	first := len(magic)
	for n := range len(b) {
		if _, err := Parse(b[:n]); err == nil {
			p, _ := Parse(b[:n])
			require.Equal(t, b[:n], p.Bytes(), "cut at %d", n)
		}
	}
	for name, change := range map[string]func([]byte) []byte{
		"magic":        func(b []byte) []byte { b[0]++; return b },
		"kind":         func(b []byte) []byte { b[first] = 200; return b },
		"length":       func(b []byte) []byte { b[first+nameSize+3]--; return b },
		"great length": func(b []byte) []byte { b[first+nameSize] = 0xff; return b },
		"twice":        func(b []byte) []byte { return append(b[:first+nameSize+4+32], b[first:]...) },
		"order": func(b []byte) []byte {
			one := bytes.Clone(b[first : first+nameSize+4+32])
			return append(append(bytes.Clone(b[:first]), b[first+nameSize+4+32:]...), one...)
		},
		"tail": func(b []byte) []byte { return append(b, 0) },
	} {
		_, err := Parse(change(bytes.Clone(b)))
		require.Error(t, err, name)
	}
}

func TestRedaction(t *testing.T) {
	p := sample()
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "parcel", p, "entry", p.Entries()[0])
	out := logged.String()
	for _, x := range []any{p, &p, []Parcel{p}, struct{ P Parcel }{p}, struct{ p Parcel }{p}, p.Entries(), &p.Entries()[0]} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%X", "%s", "%q", "%d"} {
			out += fmt.Sprintf(verb, x)
		}
		j, err := json.Marshal(x)
		require.NoError(t, err)
		out += string(j)
	}
	for _, leak := range []string{"a7a7", "A7A7", "167 167", "0xa7", "p6en", "hello", "\xa7\xa7"} {
		require.NotContains(t, out, leak)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample().Bytes())
	f.Add(New(nil).Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err == nil {
			require.Equal(t, b, p.Bytes())
		}
	})
}
