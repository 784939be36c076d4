package ratchet

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/wire"
)

// TestKnownAnswers recomputes KDF_RK, the chains and a whole message with the standard library
// alone.
func TestKnownAnswers(t *testing.T) {
	a, b := pair(t, wire.V3)
	root := make([]byte, 32)
	copy(root, "root")
	own, err := ecdh.X25519().NewPrivateKey(a.rec.Sender.RatchetPriv)
	require.NoError(t, err)
	theirs, err := ecdh.X25519().NewPublicKey(a.rec.Receivers[0].RatchetKey[1:])
	require.NoError(t, err)
	require.Equal(t, own.PublicKey().Bytes(), a.rec.Sender.RatchetKey[1:])
	dh, err := own.ECDH(theirs)
	require.NoError(t, err)
	okm, err := hkdf.Key(sha256.New, dh, root, "WhisperRatchet", 64)
	require.NoError(t, err)
	require.Equal(t, okm[:32], a.rec.RootKey, "the initiator's stored root key is one step beyond the agreement's")
	require.Equal(t, okm[32:], a.rec.Sender.Key)
	require.Equal(t, "chain", strings.TrimRight(string(a.rec.Receivers[0].Key), "\x00"))
	require.Equal(t, root, b.rec.RootKey)
	require.Empty(t, b.rec.Receivers)

	chain := okm[32:]
	for i, text := range []string{"", "x", "exactly 16 bytes", strings.Repeat("longer ", 99)} {
		f := forgerOf(t, a)
		require.Equal(t, chain, a.rec.Sender.Key)
		pad := 16 - len(text)%16
		ciphertext := f.seal(t, append([]byte(text), bytes.Repeat([]byte{byte(pad)}, pad)...))
		want := append([]byte{0x33, 0x0a, 33}, a.rec.Sender.RatchetKey...)
		want = append(want, 0x10, byte(i), 0x18, 0x00)
		want = wire.AppendBytes(want, 4, ciphertext)
		require.Equal(t, f.sign(want), mustEncrypt(t, a, text))
		chain = hmacOf(chain, []byte{2})
		require.Equal(t, uint32(i+1), a.rec.Sender.Index)
	}
	require.Equal(t, chain, a.rec.Sender.Key)
}

// TestSaltedKeys: with a post-quantum key, it is the salt (protocol §5.1).
func TestSaltedKeys(t *testing.T) {
	seed, salt := secret.Key{1, 2, 3}, pqKey{key: [32]byte{7, 8}, ok: true}
	okm, err := hkdf.Key(sha256.New, seed[:], salt.key[:], "WhisperMessageKeys", 80)
	require.NoError(t, err)
	k := derive(&seed, salt)
	require.Equal(t, okm, bytes.Join([][]byte{k.cipher[:], k.mac[:], k.iv[:]}, nil))
}

func TestConversation(t *testing.T) {
	bothVersions(t, func(t *testing.T, version uint8) {
		a, b := pair(t, version)
		for i := range 60 { // restarts at every message, so that nothing lives beside the stored form
			a, b = clone(t, a), clone(t, b)
			text := strings.Repeat("m", i*11)
			mustDecrypt(t, b, mustEncrypt(t, a, text), text)
			if i%3 == 0 {
				a, b = b, a
			}
		}
	})
}

// TestLossyConversation: over a link that loses a tenth and delays another tenth of the messages by
// a little, every message that arrives decrypts, and none twice.
func TestLossyConversation(t *testing.T) {
	bothVersions(t, func(t *testing.T, version uint8) {
		r := rand.New(rand.NewPCG(3, uint64(version)))
		ends := [2]*State{}
		ends[0], ends[1] = pair(t, version)
		exchange(t, ends[0], ends[1], nil)
		type late struct {
			to, at int
			m      []byte
			text   string
		}
		var queue []late
		arrive := func(l late) {
			mustDecrypt(t, ends[l.to], l.m, l.text)
			_, err := ends[l.to].Decrypt(nil, l.m)
			require.ErrorIs(t, err, ErrDuplicate)
		}
		for i := range 1500 {
			who := r.IntN(2)
			text := fmt.Sprint("message ", i)
			l := late{1 - who, i, mustEncrypt(t, ends[who], text), text}
			switch r.IntN(10) {
			case 0:
			case 1:
				queue = append(queue, l)
			default:
				arrive(l)
			}
			for len(queue) > 0 && i-queue[0].at >= 1+r.IntN(4) { // the five chains must not run out
				arrive(queue[0])
				queue = queue[1:]
			}
			if i%50 == 0 {
				ends[0], ends[1] = clone(t, ends[0]), clone(t, ends[1])
			}
		}
	})
}

func TestPendingIsCleared(t *testing.T) {
	bothVersions(t, func(t *testing.T, version uint8) {
		seed, own := Seed{}, signet.GenerateKey()
		k, base := signet.GenerateKey().PublicKey(), signet.GenerateKey().PublicKey()
		h := &Handshake{Version: version, Local: k, Remote: k, BaseKey: base,
			Pending: &Pending{HasPreKey: true, PreKeyID: 0, SignedPreKeyID: 1 << 31, Timestamp: 3, KEMPreKeyID: 4, KEMCiphertext: []byte{8}}}
		a, err := NewInitiator(seed, h, own.PublicKey())
		require.NoError(t, err)
		p, key := clone(t, a).Pending()
		require.Equal(t, h.Pending, p)
		require.Equal(t, base.Bytes(), key)
		require.Equal(t, base.Bytes(), a.BaseKey())
		h.Pending = nil
		b := NewResponder(seed, h, own)
		mustDecrypt(t, b, mustEncrypt(t, a, "1"), "1")
		p, _ = a.Pending()
		require.NotNil(t, p, "not before the first answer")
		m := mustEncrypt(t, b, "2")
		bad := bytes.Clone(m)
		bad[len(bad)-1] ^= 1
		mustRefuse(t, a, bad)
		p, _ = a.Pending()
		require.NotNil(t, p)
		mustDecrypt(t, a, m, "2")
		p, key = a.Pending()
		require.Nil(t, p)
		require.Nil(t, key)
		require.False(t, a.rec.HasPendingKEM)
	})
}

// TestAppend: both functions append to dst, in place if there is room.
func TestAppend(t *testing.T) {
	bothVersions(t, func(t *testing.T, version uint8) {
		a, b := acknowledged(t, version)
		for _, room := range []int{0, 1, 100, 4096} {
			for _, n := range []int{0, 1, 15, 16, 17, 495, 496, 511, 512, 513, 2000} {
				text := bytes.Repeat([]byte{'t'}, n)
				dst := make([]byte, 6, 6+room)
				copy(dst, "prefix")
				m, err := a.Encrypt(dst, text)
				require.NoError(t, err)
				require.Equal(t, "prefix", string(m[:6]))
				require.Equal(t, bytes.Repeat([]byte{'t'}, n), text)
				if room == 4096 {
					require.Same(t, &dst[0], &m[0])
				}
				dst = make([]byte, 6, 6+room)
				copy(dst, "prefix")
				got, err := b.Decrypt(dst, m[6:])
				require.NoError(t, err)
				require.Equal(t, "prefix"+string(text), string(got))
				require.Equal(t, "prefix", string(dst))
			}
		}
	})
}

// TestInputsUnchanged: neither plaintext nor message nor what lies behind them is written to.
func TestInputsUnchanged(t *testing.T) {
	bothVersions(t, func(t *testing.T, version uint8) {
		a, b := acknowledged(t, version)
		for n := range 40 {
			text := bytes.Repeat([]byte{0xaa}, 80)
			m, err := a.Encrypt(nil, text[:n])
			require.NoError(t, err)
			require.Equal(t, bytes.Repeat([]byte{0xaa}, 80), text)
			in := append(bytes.Clone(m), bytes.Repeat([]byte{0xaa}, 32)...)
			whole := bytes.Clone(in)
			got, err := b.Decrypt(nil, in[:len(m)])
			require.NoError(t, err)
			require.Equal(t, bytes.Repeat([]byte{0xaa}, n), got[:n:n])
			require.Equal(t, whole, in)
			clear(in) // the message is not kept
			if n%5 == 4 {
				a, b = b, a
			}
		}
	})
}

// TestEveryBit: no bit of a message can be changed, whether it continues a chain or starts one, and
// the attempt changes nothing.
func TestEveryBit(t *testing.T) {
	bothVersions(t, func(t *testing.T, version uint8) {
		a, b := acknowledged(t, version)
		fresh := mustEncrypt(t, a, "starts a chain")
		mid := clone(t, b)
		mustDecrypt(t, mid, fresh, "starts a chain")
		next := mustEncrypt(t, a, "continues it")
		for _, c := range []struct {
			s *State
			m []byte
		}{{b, fresh}, {mid, next}} {
			for i := range len(c.m) * 8 {
				if (raceEnabled || testing.Short()) && i%7 != 0 {
					continue
				}
				bad := bytes.Clone(c.m)
				bad[i/8] ^= 1 << (i % 8)
				mustRefuse(t, c.s, bad)
			}
			for n := range c.m {
				mustRefuse(t, c.s, c.m[:n])
			}
			mustRefuse(t, c.s, append(bytes.Clone(c.m), 0))
		}
		mustDecrypt(t, mid, next, "continues it")
	})
}

// TestAuthenticButWrong are messages whose MAC fits.
func TestAuthenticButWrong(t *testing.T) {
	a, b := acknowledged(t, wire.V3)
	f := forgerOf(t, a)
	message := func(ciphertext []byte) []byte {
		m, at := wire.AppendSignalMessage(nil, &wire.SignalMessage{Version: 3, RatchetKey: a.rec.Sender.RatchetKey, Counter: a.rec.Sender.Index}, len(ciphertext))
		copy(m[at:], ciphertext)
		return m
	}
	good := f.seal(t, append([]byte("fifteen bytes.."), 1))
	for name, m := range map[string][]byte{
		"empty":               message(nil),
		"fifteen bytes":       message(good[:15]),
		"seventeen bytes":     message(append(bytes.Clone(good), 0)),
		"padding 0":           message(f.seal(t, make([]byte, 16))),
		"padding 17":          message(f.seal(t, bytes.Repeat([]byte{17}, 32))),
		"padding 255":         message(f.seal(t, bytes.Repeat([]byte{255}, 16))),
		"padding not uniform": message(f.seal(t, append(bytes.Repeat([]byte{3}, 12), 3, 2, 3, 3))),
		"addresses":           wire.AppendBytes(message(good), 6, make([]byte, 36)),
		"empty addresses":     wire.AppendBytes(message(good), 6, nil),
	} {
		t.Run(name, func(t *testing.T) { mustRefuse(t, b, f.sign(m)) })
	}
	// Unknown fields, other orders and another low nibble are the sender's to choose.
	for name, m := range map[string][]byte{
		"plain":         message(good),
		"unknown field": wire.AppendBytes(message(good), 9, []byte("?")),
		"low nibble":    append([]byte{0x34}, message(good)[1:]...),
		"long key":      bytes.Replace(message(good), append([]byte{33}, a.rec.Sender.RatchetKey...), append(append([]byte{35}, a.rec.Sender.RatchetKey...), 1, 2), 1),
		"pq field":      wire.AppendBytes(message(good), 5, []byte("ignored")),
	} {
		t.Run(name, func(t *testing.T) { mustDecrypt(t, clone(t, b), f.sign(m), "fifteen bytes..") })
	}
	whole := f.seal(t, bytes.Repeat([]byte{16}, 16))
	mustDecrypt(t, b, f.sign(message(whole)), "")
}

// TestDuplicates: each message decrypts once, in any order, and the second time is told apart.
func TestDuplicates(t *testing.T) {
	bothVersions(t, func(t *testing.T, version uint8) {
		a, b := acknowledged(t, version)
		list := batch(t, a, 10)
		for _, i := range []int{3, 0, 9, 1, 2, 8, 7, 6, 5, 4} {
			mustDecrypt(t, b, list[i], fmt.Sprint(i))
			require.ErrorIs(t, mustRefuse(t, b, list[i]), ErrDuplicate)
		}
		var d *DuplicateError
		require.ErrorAs(t, mustRefuse(t, b, list[4]), &d)
		require.Equal(t, DuplicateError{Index: 10, Counter: 4}, *d)
		require.EqualError(t, d, "ratchet: message with old counter 10 / 4")
		require.Empty(t, b.rec.Receivers[len(b.rec.Receivers)-1].Skipped)
	})
}

// TestForgedSkipped: a forgery for a skipped message leaves its key where it is.
func TestForgedSkipped(t *testing.T) {
	bothVersions(t, func(t *testing.T, version uint8) {
		a, b := acknowledged(t, version)
		list := batch(t, a, 3)
		mustDecrypt(t, b, list[2], "2")
		bad := bytes.Clone(list[0])
		bad[len(bad)-1] ^= 1
		require.NotErrorIs(t, mustRefuse(t, b, bad), ErrDuplicate)
		mustDecrypt(t, b, list[0], "0")
		mustDecrypt(t, b, list[1], "1")
	})
}

// TestJumpLimit: 25 000 messages can be skipped, and one fewer where the post-quantum half counts
// too (protocol §5.6).
func TestJumpLimit(t *testing.T) {
	for _, c := range []struct {
		version uint8
		first   bool // the chain is new to the receiver
		most    int
	}{{3, true, 25_000}, {3, false, 25_000}, {4, false, 24_999}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			if c.version == 4 {
				needPQ(t)
			}
			a, b := acknowledged(t, c.version)
			if !c.first {
				exchange(t, a, b, []byte("on"))
			}
			for range c.most {
				_, err := a.Encrypt(nil, nil)
				require.NoError(t, err)
			}
			last := mustEncrypt(t, a, "last")
			beyond := mustEncrypt(t, a, "beyond")
			err := mustRefuse(t, b, beyond)
			require.NotErrorIs(t, err, ErrDuplicate)
			mustDecrypt(t, b, last, "last")
			mustDecrypt(t, b, beyond, "beyond")
		})
	}
}

// TestSkippedLimit: of the skipped messages the newest 2000 can still come, over one gap or
// several.
func TestSkippedLimit(t *testing.T) {
	bothVersions(t, func(t *testing.T, version uint8) {
		if version == 4 {
			needPQ(t)
		}
		a, b := acknowledged(t, version)
		list := batch(t, a, 2301)
		mustDecrypt(t, b, list[2299], "2299")
		one := clone(t, b)
		err := mustRefuse(t, b, list[298])
		require.ErrorIs(t, err, ErrForgotten)
		require.NotErrorIs(t, err, ErrDuplicate)
		require.ErrorContains(t, err, "2300 / 298")
		mustDecrypt(t, one, list[299], "299")
		mustDecrypt(t, one, list[2298], "2298")
		n := 0
		for rest := b.rec.Receivers[len(b.rec.Receivers)-1].Skipped; len(rest) > 0; n++ {
			k, _, after, err := wire.NextMessageKey(rest)
			require.NoError(t, err)
			require.Equal(t, uint32(2298-n), k.Index, "newest first")
			rest = after
		}
		require.Equal(t, 2000, n)

		// The same in two gaps: 500 and then 1799 more.
		a, b = acknowledged(t, version)
		list = batch(t, a, 2301)
		mustDecrypt(t, b, list[500], "500")
		mustDecrypt(t, b, list[2300], "2300")
		require.ErrorIs(t, mustRefuse(t, b, list[298]), ErrForgotten)
		if version == wire.V3 { // 500 + 1799 = 2299: the oldest 299 are gone
			mustDecrypt(t, b, list[299], "299")
		} else { // the post-quantum half counts from the newest message
			require.ErrorIs(t, mustRefuse(t, b, list[299]), ErrForgotten)
		}
		mustDecrypt(t, b, list[301], "301")
		mustDecrypt(t, b, list[499], "499")
		mustDecrypt(t, b, list[2299], "2299")
	})
}

// TestFiveChains: the five newest receiving chains are kept.
func TestFiveChains(t *testing.T) {
	bothVersions(t, func(t *testing.T, version uint8) {
		a, b := acknowledged(t, version)
		var late [][]byte
		for i := range 8 {
			late = append(late, mustEncrypt(t, a, fmt.Sprint(i)))
			exchange(t, a, b, []byte("in time"))
			exchange(t, b, a, []byte("answer"))
			require.Len(t, b.rec.Receivers, min(i+2, 5))
		}
		for i := range 3 {
			require.NotErrorIs(t, mustRefuse(t, b, late[i]), ErrDuplicate)
		}
		for i := 3; i < 8; i++ {
			if version == 4 { // the post-quantum keys of old epochs may be gone before
				if _, err := clone(t, b).Decrypt(nil, late[i]); err != nil {
					require.ErrorIs(t, err, ErrForgotten)
					require.Less(t, i, 6)
					continue
				}
			}
			mustDecrypt(t, b, late[i], fmt.Sprint(i))
		}
	})
}

// TestPreviousCounter is the last index used on the chain before; zero for one message and for
// none.
func TestPreviousCounter(t *testing.T) {
	a, b := pair(t, wire.V3)
	exchange(t, a, b, nil)
	require.Zero(t, b.rec.PreviousCounter, "the responder's first chain is never used")
	exchange(t, b, a, nil)
	require.Zero(t, a.rec.PreviousCounter, "one message")
	for n := 1; n < 5; n++ {
		list := batch(t, a, n)
		mustDecrypt(t, b, list[n-1], fmt.Sprint(n-1))
		exchange(t, b, a, nil)
		m, err := wire.ParseSignalMessage(mustEncrypt(t, clone(t, a), ""))
		require.NoError(t, err)
		require.Equal(t, uint32(n-1), m.PreviousCounter)
	}
}

func TestCounterUsedUp(t *testing.T) {
	bothVersions(t, func(t *testing.T, version uint8) {
		a, b := acknowledged(t, version)
		exchange(t, a, b, nil)
		a.rec.Sender.Index = math.MaxUint32 - 1
		b.rec.Receivers[len(b.rec.Receivers)-1].Index = math.MaxUint32 - 1
		mustDecrypt(t, b, mustEncrypt(t, a, "last"), "last")
		before := stateOf(t, a)
		_, err := a.Encrypt(nil, nil)
		require.ErrorIs(t, err, ErrState)
		require.Equal(t, before, stateOf(t, a))
		// The peer says it has one more.
		m, _ := wire.AppendSignalMessage(nil, &wire.SignalMessage{
			Version: version, RatchetKey: a.rec.Sender.RatchetKey, Counter: math.MaxUint32, PQRatchet: []byte{1, 1, 1, 0},
		}, 16)
		mustRefuse(t, b, append(m, make([]byte, 8)...))
	})
}

// TestRatchetKeys that nobody can agree with, or that are another chain's.
func TestRatchetKeys(t *testing.T) {
	bothVersions(t, func(t *testing.T, version uint8) {
		a, b := acknowledged(t, version)
		m := mustEncrypt(t, a, "x")
		at := bytes.Index(m, a.rec.Sender.RatchetKey) + 1
		low, _ := hex.DecodeString("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800") // order 8
		for _, u := range [][]byte{make([]byte, 32), append([]byte{1}, make([]byte, 31)...), low} {
			bad := bytes.Clone(m)
			copy(bad[at:], u)
			require.ErrorIs(t, mustRefuse(t, b, bad), signet.ErrInvalidAgreement)
		}
		bad := bytes.Clone(m)
		bad[at+31] |= 0x80 // the same point, another key
		mustDecrypt(t, clone(t, b), m, "x")
		mustRefuse(t, b, bad)
	})
	_, err := NewInitiator(Seed{}, &Handshake{Version: 3}, signet.PublicKey{})
	require.ErrorIs(t, err, signet.ErrInvalidAgreement)
}

// TestAddresses: first messages between service ids say from whom to whom (protocol §6.2).
func TestAddresses(t *testing.T) {
	pni := signet.Address{Name: "PNI:" + strings.ToUpper(aci2.Name), Device: 3}
	for _, c := range []struct {
		name          string
		local, remote signet.Address
		want          string
	}{
		{"accounts", aci1, aci2, "009d0652a3dcc34d11975f74d61598733f0100796abedbca4e4f1888031fde5b921f9f02"},
		{"number", aci1, pni, "009d0652a3dcc34d11975f74d61598733f0101796abedbca4e4f1888031fde5b921f9f03"},
		{"names", signet.Address{Name: "alice", Device: 1}, aci2, ""},
		{"name", aci1, signet.Address{Name: "bob", Device: 1}, ""},
		{"none", signet.Address{}, signet.Address{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothVersions(t, func(t *testing.T, version uint8) {
				a, b := pair(t, version)
				a.rec.HasPending = true
				a.SetAddresses(c.local, c.remote)
				b.SetAddresses(c.remote, c.local)
				m := mustEncrypt(t, a, "x")
				w, err := wire.ParseSignalMessage(m)
				require.NoError(t, err)
				if version == wire.V3 {
					// Peers that speak version 3 alone compute the MAC over fields 1 to 4 (protocol §11.1).
					require.Nil(t, w.Addresses)
				} else {
					require.Equal(t, c.want, hex.EncodeToString(w.Addresses))
				}
				if w.Addresses != nil {
					for name, wrong := range map[string][2]signet.Address{
						"our name":      {signet.Address{Name: aci1.Name, Device: c.remote.Device}, c.local},
						"our device":    {signet.Address{Name: c.remote.Name, Device: 9}, c.local},
						"their name":    {c.remote, signet.Address{Name: c.remote.Name, Device: c.local.Device}},
						"their device":  {c.remote, signet.Address{Name: c.local.Name, Device: 9}},
						"no service id": {c.remote, signet.Address{Name: "alice", Device: c.local.Device}},
						"swapped":       {c.local, c.remote},
						"unknown":       {},
					} {
						o := clone(t, b)
						o.SetAddresses(wrong[0], wrong[1])
						require.Equal(t, errMAC, mustRefuse(t, o, m), name)
					}
				}
				mustDecrypt(t, b, m, "x")
				a.ClearPending()
				w, err = wire.ParseSignalMessage(mustEncrypt(t, a, "x"))
				require.NoError(t, err)
				require.Nil(t, w.Addresses, "only while unacknowledged")
			})
		})
	}
}

// TestSelfSession: between devices of one account any number of messages can be skipped.
func TestSelfSession(t *testing.T) {
	own := aci1
	own.Device = 9
	for _, c := range []struct {
		name          string
		local, remote signet.Address
		sameKey, want bool
	}{
		{"own device", aci1, own, true, true},
		{"other case", aci1, signet.Address{Name: strings.ToUpper(aci1.Name), Device: 3}, true, true},
		{"own number", aci1, signet.Address{Name: "PNI:" + aci1.Name, Device: 1}, true, false},
		{"other account", aci1, aci2, true, false},
		{"other key", aci1, own, false, false},
		{"telephone", signet.Address{Name: "+1", Device: 1}, signet.Address{Name: "+1", Device: 2}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothVersions(t, func(t *testing.T, version uint8) {
				spk, key := signet.GenerateKey(), signet.GenerateKey().PublicKey()
				h := Handshake{Version: version, Local: key, Remote: key, LocalAddress: c.local, RemoteAddress: c.remote}
				if !c.sameKey {
					h.Remote = signet.GenerateKey().PublicKey()
				}
				a, err := NewInitiator(Seed{}, &h, spk.PublicKey())
				require.NoError(t, err)
				h.Local, h.Remote, h.LocalAddress, h.RemoteAddress = h.Remote, h.Local, h.RemoteAddress, h.LocalAddress
				b := NewResponder(Seed{}, &h, spk)
				exchange(t, a, b, nil)
				for range 25_001 {
					_, err := a.Encrypt(nil, nil)
					require.NoError(t, err)
				}
				m := mustEncrypt(t, a, "far")
				if !c.want {
					mustRefuse(t, b, m)
					return
				}
				mustDecrypt(t, b, m, "far")
			})
		})
	}
}

// TestDamage: what an operation needs must be sound, what it does not need may be anything.
func TestDamage(t *testing.T) {
	key33 := bytes.Repeat([]byte{6}, 33)
	for _, c := range []struct {
		name          string
		edit          func(r *wire.Session)
		send, receive bool // still works
	}{
		{"nothing", func(r *wire.Session) {}, true, true},
		{"root key short", func(r *wire.Session) { r.RootKey = r.RootKey[1:] }, true, false},
		{"root key missing", func(r *wire.Session) { r.RootKey = nil }, true, false},
		{"no sender chain", func(r *wire.Session) { r.HasSender, r.Sender = false, wire.Chain{} }, false, false},
		{"sender ratchet key", func(r *wire.Session) { r.Sender.RatchetKey = key33 }, false, false},
		{"sender ratchet key short", func(r *wire.Session) { r.Sender.RatchetKey = r.Sender.RatchetKey[:32] }, false, false},
		{"sender private key", func(r *wire.Session) { r.Sender.RatchetPriv = r.Sender.RatchetPriv[1:] }, false, false},
		{"no sender chain key", func(r *wire.Session) { r.Sender.HasKey, r.Sender.Key = false, nil }, false, false},
		{"sender chain key", func(r *wire.Session) { r.Sender.Key = r.Sender.Key[1:] }, false, false},
		{"local identity", func(r *wire.Session) { r.LocalIdentity = nil }, false, false},
		{"local identity type", func(r *wire.Session) { r.LocalIdentity = key33 }, false, false},
		{"remote identity", func(r *wire.Session) { r.RemoteIdentity = nil }, false, false},
		{"remote identity short", func(r *wire.Session) { r.RemoteIdentity = r.RemoteIdentity[:32] }, false, false},
		{"version 0", func(r *wire.Session) { r.Version = 0 }, false, false},
		{"version 2", func(r *wire.Session) { r.Version = 2 }, false, false},
		{"version 256 + 4", func(r *wire.Session) { r.Version += 256 }, false, false},
		{"receiver ratchet keys", func(r *wire.Session) { r.Receivers = []wire.Chain{{RatchetKey: key33}, {}} }, true, true},
		{"base key", func(r *wire.Session) { r.BaseKey = nil }, true, true},
		{"long keys", func(r *wire.Session) {
			for _, k := range []*[]byte{&r.LocalIdentity, &r.RemoteIdentity, &r.Sender.RatchetKey} {
				*k = append(bytes.Clone(*k), 1, 2, 3)
			}
		}, true, true},
		{"garbage for the post-quantum state", func(r *wire.Session) { r.PQ = []byte("garbage") }, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothVersions(t, func(t *testing.T, version uint8) {
				a, b := acknowledged(t, version)
				exchange(t, a, b, nil)
				m := mustEncrypt(t, b, "x") // starts a chain
				c.edit(&a.rec)
				a = clone(t, a)
				if c.receive {
					mustDecrypt(t, clone(t, a), m, "x")
				} else {
					mustRefuse(t, a, m)
				}
				before := stateOf(t, a)
				out := bytes.Repeat([]byte{0xaa}, 300)
				got, err := a.Encrypt(out[:0], []byte("y"))
				if c.send {
					require.NoError(t, err)
					mustDecrypt(t, b, got, "y")
					return
				}
				require.ErrorIs(t, err, ErrState)
				require.Nil(t, got)
				require.Equal(t, before, stateOf(t, a))
				require.Equal(t, bytes.Repeat([]byte{0xaa}, 300), out)
			})
		})
	}
}

// TestDamagedChain: receiving chains whose keys are damaged.
func TestDamagedChain(t *testing.T) {
	bothVersions(t, func(t *testing.T, version uint8) {
		for name, edit := range map[string]func(c *wire.Chain){
			"no key":    func(c *wire.Chain) { c.HasKey = false },
			"short key": func(c *wire.Chain) { c.Key = c.Key[1:] },
		} {
			a, b := acknowledged(t, version)
			exchange(t, a, b, nil)
			edit(&b.rec.Receivers[len(b.rec.Receivers)-1])
			err := mustRefuse(t, b, mustEncrypt(t, a, "x"))
			require.ErrorContains(t, err, "invalid receiver chain key", name)
		}
		for name, list := range map[string][]byte{
			"malformed":   {0x22, 5},
			"short seed":  wire.AppendMessageKey(nil, &wire.MessageKey{Seed: make([]byte, 31)}),
			"no keys":     wire.AppendMessageKey(nil, &wire.MessageKey{}),
			"short IV":    wire.AppendMessageKey(nil, &wire.MessageKey{Cipher: make([]byte, 32), MAC: make([]byte, 32), IV: make([]byte, 15)}),
			"wrong field": {0x0a, 0},
		} {
			a, b := acknowledged(t, version)
			late := mustEncrypt(t, a, "late")
			exchange(t, a, b, nil)
			b.rec.Receivers[len(b.rec.Receivers)-1].Skipped = list
			require.ErrorIs(t, mustRefuse(t, b, late), ErrState, name)
		}
	})
}

// TestLegacyKeys: entries of older libraries hold the keys themselves.
func TestLegacyKeys(t *testing.T) {
	a, b := acknowledged(t, wire.V3)
	f := forgerOf(t, a)
	late := mustEncrypt(t, a, "late")
	exchange(t, a, b, nil)
	c := &b.rec.Receivers[len(b.rec.Receivers)-1]
	c.Skipped = wire.AppendMessageKey(nil, &wire.MessageKey{Cipher: f.cipherKey, MAC: f.macKey, IV: f.iv})
	b = clone(t, b)
	mustDecrypt(t, b, late, "late")
	require.ErrorIs(t, mustRefuse(t, b, late), ErrDuplicate)

	needPQ(t)
	a, b = acknowledged(t, wire.V4)
	late = mustEncrypt(t, a, "late")
	exchange(t, a, b, nil)
	c = &b.rec.Receivers[len(b.rec.Receivers)-1]
	c.Skipped = wire.AppendMessageKey(nil, &wire.MessageKey{Cipher: f.cipherKey, MAC: f.macKey, IV: f.iv})
	require.ErrorIs(t, mustRefuse(t, b, late), ErrState, "they never meet a post-quantum key")
}

// TestWithoutPQ: a session of version 4 whose post-quantum half is off is a plain double ratchet.
func TestWithoutPQ(t *testing.T) {
	a, b := acknowledged(t, wire.V4)
	withoutPQ(a)
	withoutPQ(b)
	for range 3 {
		exchange(t, a, b, []byte("plain"))
		exchange(t, b, a, []byte("plain"))
	}
	require.False(t, a.HasPQ())
	c, d := acknowledged(t, wire.V4)
	needPQ(t)
	withoutPQ(d)
	mustRefuse(t, d, mustEncrypt(t, c, "one half off"))
	mustRefuse(t, c, mustEncrypt(t, d, "one half off"))
}

func TestAccessors(t *testing.T) {
	k, base, spk := signet.GenerateKey().PublicKey(), signet.GenerateKey().PublicKey(), signet.GenerateKey()
	s := NewResponder(Seed{}, &Handshake{Version: 3, Local: k, Remote: base, BaseKey: base, LocalRegistrationID: 1, RemoteRegistrationID: 1<<32 - 1}, spk)
	local, remote := clone(t, s).RegistrationIDs()
	require.Equal(t, [2]uint32{1, 1<<32 - 1}, [2]uint32{local, remote})
	for _, c := range []struct {
		get  func() (signet.PublicKey, error)
		want signet.PublicKey
	}{{s.Local, k}, {s.Remote, base}, {s.RatchetKey, spk.PublicKey()}} {
		got, err := c.get()
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	require.True(t, s.HasSender())
	var none State
	require.NoError(t, none.UnmarshalBinary(nil))
	require.Equal(t, uint32(2), none.Version())
	for _, get := range []func() (signet.PublicKey, error){none.Local, none.Remote, none.RatchetKey} {
		_, err := get()
		require.ErrorIs(t, err, ErrState)
	}
	_, err := none.Encrypt(nil, nil)
	require.ErrorIs(t, err, ErrState)
	require.ErrorIs(t, none.UnmarshalBinary([]byte{0xff}), ErrState)
}

// TestSeeded: with a seeded source a conversation is a function of the seed.
func TestSeeded(t *testing.T) {
	run := func(seed byte) []byte {
		src := entropy.Seeded([32]byte{seed})
		spk, k := signet.GenerateKeyFrom(src), signet.GenerateKeyFrom(src).PublicKey()
		h := &Handshake{Version: 4, Local: k, Remote: k, BaseKey: k}
		a, err := NewInitiatorFrom(src, Seed{}, h, spk.PublicKey())
		require.NoError(t, err)
		b := NewResponder(Seed{}, h, spk)
		for range 5 {
			m, err := a.EncryptFrom(src, nil, []byte("x"))
			require.NoError(t, err)
			w, err := wire.ParseSignalMessage(m)
			require.NoError(t, err)
			_, err = b.DecryptFrom(src, nil, &w)
			require.NoError(t, err)
			a, b = b, a
		}
		return append(stateOf(t, a), stateOf(t, b)...)
	}
	require.Equal(t, run(1), run(1))
	require.NotEqual(t, run(1), run(2))
}

// TestAllocations is the budget of one message of 64 bytes each way.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for version, most := range map[uint8]float64{wire.V3: 3, wire.V4: 3} {
		a, b := acknowledged(t, version)
		text := make([]byte, 64)
		out, in := make([]byte, 0, 512), make([]byte, 0, 512)
		got := testing.AllocsPerRun(200, func() {
			m, err := a.Encrypt(out, text)
			if err == nil {
				_, err = b.Decrypt(in, m)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("version %d: %v allocations for a pair", version, got)
		require.LessOrEqual(t, got, most)
	}
}

// TestRedaction looks for the State's secrets in everything that can be printed.
func TestRedaction(t *testing.T) {
	pattern := []byte("PlantedSecretPlantedSecretPlant!")
	s, _ := acknowledged(t, wire.V4)
	s.rec.RootKey, s.rec.Sender.Key, s.rec.Sender.RatchetPriv, s.rec.PQ = pattern, pattern, pattern, pattern
	seed := Seed{Root: secret.Key(pattern), Chain: secret.Key(pattern), PQ: secret.Key(pattern)}
	type shown struct {
		S  *State
		V  State
		D  Seed
		DP *Seed
	}
	for _, v := range []any{s, *s, seed, &seed, shown{s, *s, seed, &seed}, &shown{s, *s, seed, &seed}, []State{*s}, map[string]*State{"s": s}} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		j, err := json.Marshal(v)
		fmt.Fprint(&out, string(j), err)
		for _, leak := range []string{"antedSecre", fmt.Sprintf("%x", "antedSecre"), fmt.Sprintf("%X", "antedSecre"),
			"97 110 116 101 100", "97,110,116,101,100", "0x61, 0x6e, 0x74", "bnRlZFNl", "YW50ZWRT", "QWxhbnRl"} {
			require.NotContains(t, out.String(), leak, "%T", v)
		}
	}
}

// FuzzDecrypt gives anything to live States.
func FuzzDecrypt(f *testing.F) {
	a3, b3 := acknowledged(f, wire.V3)
	a4, b4 := acknowledged(f, wire.V4)
	f.Add(mustEncrypt(f, a3, "x"))
	f.Add(mustEncrypt(f, a4, "x"))
	m, _ := wire.AppendSignalMessage(nil, &wire.SignalMessage{Version: 4, RatchetKey: b4.rec.Receivers[0].RatchetKey, Counter: 24_000, PQRatchet: []byte{1, 1, 1, 1, 0}}, 16)
	f.Add(append(m, make([]byte, 8)...))
	f.Fuzz(func(t *testing.T, m []byte) {
		for _, s := range []*State{b3, b4} {
			live := clone(t, s)
			if _, err := clone(t, s).Decrypt(nil, m); err != nil {
				mustRefuse(t, live, m)
			}
		}
	})
}

// FuzzState uses anything that parses as a State.
func FuzzState(f *testing.F) {
	a, b := acknowledged(f, wire.V4)
	m := mustEncrypt(f, a, "x")
	f.Add(stateOf(f, b), m)
	f.Add(stateOf(f, a), m)
	a, b = acknowledged(f, wire.V3)
	late := mustEncrypt(f, a, "x")
	exchange(f, a, b, nil)
	f.Add(stateOf(f, b), late)
	f.Add([]byte{}, m)
	f.Fuzz(func(t *testing.T, state, m []byte) {
		buf := append(bytes.Clone(state), bytes.Repeat([]byte{0xaa}, 16)...)
		whole := bytes.Clone(buf)
		var s State
		if s.UnmarshalBinary(buf[:len(state)]) != nil {
			return
		}
		before := stateOf(t, &s)
		if _, err := s.Encrypt(nil, []byte("x")); err != nil {
			require.Equal(t, before, stateOf(t, &s))
		}
		before = stateOf(t, &s)
		if _, err := s.Decrypt(nil, m); err != nil {
			require.Equal(t, before, stateOf(t, &s))
		}
		require.Equal(t, whole, buf, "the parsed bytes are not written to")
	})
}

// TestSteps: a State takes a bounded number of steps for a message, also where the jump has no
// limit of its own, and is as it was when it refuses.
func TestSteps(t *testing.T) {
	own := aci1
	own.Device = 9
	spk, key := signet.GenerateKey(), signet.GenerateKey().PublicKey()
	h := Handshake{Version: 4, Local: key, Remote: key, LocalAddress: aci1, RemoteAddress: own}
	a, err := NewInitiator(Seed{}, &h, spk.PublicKey())
	require.NoError(t, err)
	h.LocalAddress, h.RemoteAddress = own, aci1
	b := NewResponder(Seed{}, &h, spk)
	exchange(t, a, b, nil)
	m := mustEncrypt(t, a, "next")
	w, err := wire.ParseSignalMessage(m)
	require.NoError(t, err)
	for _, c := range []uint32{60_002, 1_000_000, math.MaxUint32 - 1} {
		for _, unknown := range []bool{false, true} { // a chain that is there, and one that would have to be made
			w := w
			w.Counter = c
			if unknown {
				w.RatchetKey = signet.GenerateKey().PublicKey().Bytes()
			}
			forged, at := wire.AppendSignalMessage(nil, &w, len(w.Ciphertext))
			copy(forged[at:], w.Ciphertext)
			require.ErrorIs(t, mustRefuse(t, b, append(forged, w.MAC...)), ErrSteps)
		}
	}
	mustDecrypt(t, b, m, "next")
}
