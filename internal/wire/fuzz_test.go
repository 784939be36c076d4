package wire

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// spared runs parse over b with spare capacity full of 0xAA and requires both to be unchanged.
func spared(t *testing.T, b []byte, parse func(b []byte)) {
	t.Helper()
	buf := append(bytes.Clone(b), bytes.Repeat([]byte{0xaa}, 16)...)
	whole := bytes.Clone(buf)
	parse(buf[:len(b)])
	require.Equal(t, whole, buf)
}

func FuzzPreKey(f *testing.F) {
	f.Add([]byte{})
	f.Add(AppendPreKey(nil, &PreKey{ID: 1 << 31, Public: []byte{5}, Private: []byte{6}, Signature: []byte{7}, Timestamp: 8}))
	f.Fuzz(func(t *testing.T, b []byte) {
		spared(t, b, func(b []byte) {
			k, err := ParsePreKey(b)
			if err != nil {
				return
			}
			out := AppendPreKey(nil, &k)
			again, err := ParsePreKey(out)
			require.NoError(t, err)
			require.Equal(t, out, AppendPreKey(nil, &again))
		})
	})
}

func FuzzSignalMessage(f *testing.F) {
	b, _ := AppendSignalMessage(nil, &SignalMessage{Version: V4, RatchetKey: make([]byte, 33), PQRatchet: []byte{1}, Addresses: make([]byte, 36)}, 16)
	f.Add(append(b, "macmacma"...))
	f.Add([]byte("\x33\x0a\x00\x10\x00\x22\x00macmacma"))
	f.Fuzz(func(t *testing.T, b []byte) {
		spared(t, b, func(b []byte) {
			m, err := ParseSignalMessage(b)
			if err != nil {
				return
			}
			require.Equal(t, b, append(bytes.Clone(m.Signed), m.MAC...))
			out, at := AppendSignalMessage(nil, &m, len(m.Ciphertext))
			copy(out[at:], m.Ciphertext)
			again, err := ParseSignalMessage(append(out, m.MAC...))
			require.NoError(t, err)
			require.Equal(t, m.Counter, again.Counter)
			require.Equal(t, m.PreviousCounter, again.PreviousCounter)
			for _, pair := range [][2][]byte{{m.RatchetKey, again.RatchetKey}, {m.Ciphertext, again.Ciphertext},
				{m.PQRatchet, again.PQRatchet}, {m.Addresses, again.Addresses}} {
				require.Equal(t, string(pair[0]), string(pair[1]))
			}
		})
	})
}

func FuzzPreKeyMessage(f *testing.F) {
	f.Add(AppendPreKeyMessage(nil, &PreKeyMessage{Version: V4, HasPreKey: true, BaseKey: []byte{5}, HasKEM: true, KEMCiphertext: []byte{8}}))
	f.Add([]byte{0x33})
	f.Fuzz(func(t *testing.T, b []byte) {
		spared(t, b, func(b []byte) {
			m, err := ParsePreKeyMessage(b)
			if err != nil || m.CheckKEM() != nil {
				return
			}
			again, err := ParsePreKeyMessage(AppendPreKeyMessage(nil, &m))
			require.NoError(t, err)
			require.Equal(t, m, again)
		})
	})
}

// FuzzRecord goes down to every leaf of a record and back.
func FuzzRecord(f *testing.F) {
	f.Add([]byte{})
	f.Add(AppendPrevious(AppendCurrent(nil, session(3)), session(1<<31)))
	f.Add(AppendCurrent(nil, &Session{HasSender: true, Sender: Chain{HasKey: true}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		spared(t, b, func(b []byte) {
			out, ok := canonical(t, b)
			if !ok {
				return
			}
			again, ok := canonical(t, out)
			require.True(t, ok)
			require.Equal(t, out, again)
		})
	})
}

// canonical is what our writer makes of a record; ok is false if some part does not parse.
func canonical(t *testing.T, record []byte) (out []byte, ok bool) {
	current, previous, err := SplitRecord(record)
	if err != nil {
		return nil, false
	}
	if current != nil {
		s, err := ParseSession(current)
		if err != nil {
			return nil, false
		}
		for i := range s.Receivers {
			for rest := s.Receivers[i].Skipped; len(rest) > 0; {
				k, raw, after, err := NextMessageKey(rest)
				if err != nil {
					return nil, false
				}
				require.Equal(t, len(rest), len(raw)+len(after))
				_, _, _, err = NextMessageKey(AppendMessageKey(nil, &k))
				require.NoError(t, err)
				rest = after
			}
		}
		out = AppendCurrent(out, &s)
	}
	for len(previous) > 0 {
		b, _, rest, err := NextPrevious(previous)
		require.NoError(t, err, "what SplitRecord collects splits again")
		s, err := ParseSession(b)
		if err != nil {
			return nil, false
		}
		out = AppendPrevious(out, &s)
		previous = rest
	}
	return out, true
}

func FuzzBundle(f *testing.F) {
	f.Add(AppendBytes(AppendUint(nil, 1, 7), 12, []byte{8, 1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		spared(t, b, func(b []byte) {
			v, err := ParseBundle(b)
			if err != nil {
				require.ErrorIs(t, err, ErrMalformed)
				return
			}
			for _, r := range append(v.OneTime, v.OneTimeKEM...) {
				ParsePreKey(r)
			}
		})
	})
}
