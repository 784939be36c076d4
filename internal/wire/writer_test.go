package wire

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// TestWriter writes random nested fields twice: forwards with protowire, and backwards, from
// buffers that are too small as well.
func TestWriter(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 3))
	for range 2000 {
		type field struct {
			num   protowire.Number
			value []byte
			n     uint64
		}
		fields := make([]field, r.IntN(48))
		for i := range fields {
			fields[i].num = protowire.Number(1 + r.IntN(40))
			if r.IntN(3) == 0 {
				fields[i].n = r.Uint64() >> r.IntN(64)
				continue
			}
			fields[i].value = bytes.Repeat([]byte{byte(i)}, r.IntN(256))
		}
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
					w.Bytes(fields[i].num, fields[i].value)
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
	}
}
