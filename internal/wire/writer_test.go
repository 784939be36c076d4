package wire

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// TestWriter writes random nested fields three times: forwards with protowire, backwards, and backwards
// in pieces, from buffers that are too small as well.
func TestWriter(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 3))
	most := 0
	for range 2000 {
		type field struct {
			num   protowire.Number
			value []byte
			n     uint64
		}
		fields := make([]field, r.IntN(48))
		long := 0
		for i := range fields {
			fields[i].num = protowire.Number(1 + r.IntN(40))
			if r.IntN(3) == 0 {
				fields[i].n = r.Uint64() >> r.IntN(64)
				continue
			}
			fields[i].value = bytes.Repeat([]byte{byte(i)}, r.IntN(2*Long))
			if i%2 == 1 && len(fields[i].value) >= Long {
				long++
			}
		}
		most = max(most, long)
		inner, from := []byte(nil), r.IntN(len(fields)+1) // the fields from there on are a message in the message
		var want []byte
		for i, f := range fields {
			to := &want
			if i >= from {
				to = &inner
			}
			if f.n != 0 {
				*to = AppendUint(*to, f.num, f.n)
			}
			*to = optBytes(*to, f.num, f.value)
		}
		want = AppendBytes(want, 7, inner)

		write := func(w *Writer) {
			for i := len(fields); i >= 0; i-- {
				if i < len(fields) {
					if i%2 == 1 {
						w.Shared(fields[i].num, fields[i].value)
					} else {
						w.Bytes(fields[i].num, fields[i].value)
					}
					w.Uint(fields[i].num, fields[i].n)
				}
				if i == from {
					w.Message(7, 0)
				}
			}
		}
		size := r.IntN(2 * (len(want) + 1))
		w := NewWriter(make([]byte, size))
		write(&w)
		require.Equal(t, want, w.Result())
		require.Equal(t, len(want), w.Written())
		s := NewSharing(make([]byte, size/2))
		write(&s)
		require.Equal(t, len(want), s.Written())
		pieces := s.Pieces(nil)
		require.Equal(t, want, bytes.Join(pieces, nil))
		require.LessOrEqual(t, len(pieces), 2*long+1)
		require.GreaterOrEqual(t, len(pieces), long)
	}
	require.Greater(t, most, 9, "more than a Writer has room for")
}
