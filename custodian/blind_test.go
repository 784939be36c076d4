package custodian

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/wire"
	"signet.example/signet/internal/x25519"
)

// TestBlind is an adversary that does not believe the names: it takes every 32 bytes that it was
// given for a seed, a chain key, a root key and a private key, in every combination, and tries them
// on every message. It must open nothing that the report does not say (T9): a parcel has nothing
// hidden in it.
func TestBlind(t *testing.T) {
	opened := 0
	for n := range uint64(16) {
		g := rand.New(rand.NewPCG(n, 5))
		sc := pingPong(3, 6+g.IntN(6), 1+g.IntN(5), []string{"copy", "stream"}[g.IntN(2)], randomAtoms(g)...)
		for i, s := range sc.Script {
			if s.Grant != nil { // texts are no keys
				sc.Script[i].Grant.Atoms = append([]string{"skipped"}, without(s.Grant.Atoms, "plaintext")...)
			}
		}
		r, err := play(context.Background(), sc, nil)
		require.NoError(t, err)
		rep, err := r.report("", "")
		require.NoError(t, err)
		requireAgreement(t, rep, "%d", n)
		b := newBlind(t, r)
		for _, m := range r.messages {
			said := len(rep.Messages[m.number].ReadableBy) == 1
			if b.opens(m) {
				require.True(t, said, "scenario %d: message %d opens and the report does not say so", n, m.number)
				opened++
			}
		}
	}
	require.Greater(t, opened, 5)
}

func without(list []string, name string) (out []string) {
	for _, s := range list {
		if s != name {
			out = append(out, s)
		}
	}
	return out
}

type blind struct {
	seeds      map[[32]byte]bool
	identities [2][]byte
}

// newBlind derives every seed that any reading of the bytes gives, one or two ratchet steps and
// three messages deep.
func newBlind(t *testing.T, r *run) *blind {
	b := &blind{seeds: make(map[[32]byte]bool)}
	var values, roots [][32]byte
	var publics [][32]byte
	for i := range r.events {
		if g := r.events[i].given; g != nil {
			p, err := parcel.Parse(g.bytes)
			require.NoError(t, err)
			for _, e := range p.Entries() {
				if len(e.Value) == 32 {
					values = append(values, [32]byte(e.Value))
				}
			}
		}
	}
	const most = 14 // of a stream the first are enough: the work is cubic
	if len(values) > most {
		values = values[:most]
	}
	for side := range attack.Side(2) {
		b.identities[side] = r.parties[side].key.PublicKey().Bytes()
	}
	seen := make(map[parcel.Key]bool)
	for _, m := range r.messages {
		if !seen[m.key] {
			seen[m.key] = true
			publics = append(publics, [32]byte(m.key[1:]))
		}
	}
	var agreements [][32]byte
	for _, k := range values {
		b.chain(k)
		for _, u := range publics {
			var dh [32]byte
			if x25519.Shared(&dh, &k, &u) {
				agreements = append(agreements, dh)
			}
		}
	}
	roots = values
	for range 2 {
		var next [][32]byte
		for _, root := range roots {
			for _, dh := range agreements {
				var okm [64]byte
				kdf.HKDF(okm[:], root[:], dh[:], []byte("WhisperRatchet"))
				b.chain([32]byte(okm[32:]))
				next = append(next, [32]byte(okm[:32]))
			}
		}
		if len(next)*len(agreements) > 20_000 {
			break
		}
		roots = next
	}
	return b
}

func (b *blind) chain(k [32]byte) {
	b.seeds[k] = true
	for range 3 {
		b.seeds[kdf.HMAC(k[:], []byte{1})] = true
		k = kdf.HMAC(k[:], []byte{2})
	}
}

func (b *blind) opens(s *sent) bool {
	body := s.message.Body
	if s.first != nil {
		body = s.first.Message
	}
	m, err := wire.ParseSignalMessage(body)
	if err != nil {
		return false
	}
	for seed := range b.seeds {
		var okm [80]byte
		kdf.HKDF(okm[:], nil, seed[:], []byte("WhisperMessageKeys"))
		mac := hmac.New(sha256.New, okm[32:64])
		mac.Write(b.identities[s.from])
		mac.Write(b.identities[1-s.from])
		mac.Write(m.Signed)
		if !hmac.Equal(mac.Sum(nil)[:8], m.MAC) {
			continue
		}
		block, err := aes.NewCipher(okm[:32])
		if err != nil {
			return false
		}
		text := make([]byte, len(m.Ciphertext))
		cipher.NewCBCDecrypter(block, okm[64:]).CryptBlocks(text, m.Ciphertext)
		return string(text[:len(s.text)]) == string(s.text)
	}
	return false
}
