package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

// TestHostileInputs are the inputs that break another library: none panics, none changes anything.
func TestHostileInputs(t *testing.T) {
	alice, bob := pair(t)
	t.Run("empty first message", func(t *testing.T) {
		err := refuse(t, aliceAddr, bob, session.Message{Type: session.TypePreKey}, session.ErrInvalidMessage)
		require.ErrorContains(t, err, "too short <0>")
	})
	t.Run("eight bytes", func(t *testing.T) {
		m := send(t, alice, bob, "x")
		m.Body = m.Body[:8]
		require.ErrorContains(t, refuse(t, aliceAddr, bob, m, session.ErrInvalidMessage), "too short <8>")
	})
	t.Run("encrypt without a session", func(t *testing.T) {
		_, err := alice.Encrypt(ctx, carolAddr, []byte("x"))
		require.ErrorIs(t, err, session.ErrNoSession)
	})
	t.Run("flipped MAC under a new ratchet key", func(t *testing.T) {
		deliver(t, alice, bob, "x")
		deliver(t, bob, alice, "y")
		m := send(t, alice, bob, "new chain")
		before := rows(t, bob.store, aliceAddr).Session
		w, err := wire.ParseSignalMessage(m.Body)
		require.NoError(t, err)
		require.NotContains(t, string(before), string(w.RatchetKey))
		bad := bytes.Clone(m.Body)
		bad[len(bad)-1] ^= 1
		refuse(t, aliceAddr, bob, session.Message{Type: m.Type, Body: bad}, session.ErrInvalidMessage)
		receive(t, alice, bob, m, "new chain")
	})
	zero := signet.PublicKey{}
	t.Run("all-zero prekey", func(t *testing.T) {
		f := bob.bundle(t, 1).Fields()
		f.PreKey = &x3dh.PreKey{ID: 1, Public: zero}
		b, err := x3dh.NewBundle(f)
		require.NoError(t, err)
		before := rows(t, alice.store, bobAddr)
		require.ErrorIs(t, alice.Start(ctx, bobAddr, b), signet.ErrInvalidAgreement)
		require.Equal(t, before, rows(t, alice.store, bobAddr))
	})
	t.Run("all-zero keys in a first message", func(t *testing.T) {
		carol := newParty(carolAddr, session.Options{})
		require.NoError(t, carol.Start(ctx, bobAddr, bob.bundle(t, 1)))
		m := send(t, carol, bob, "x")
		for _, edit := range map[string]func(p *wire.PreKeyMessage){
			"identity key": func(p *wire.PreKeyMessage) { p.IdentityKey = zero.Bytes() },
			"base key":     func(p *wire.PreKeyMessage) { p.BaseKey = zero.Bytes() },
			"ratchet key": func(p *wire.PreKeyMessage) {
				w, err := wire.ParseSignalMessage(p.Message)
				require.NoError(t, err)
				p.Message = bytes.Replace(p.Message, w.RatchetKey, zero.Bytes(), 1)
			},
		} {
			refuse(t, carolAddr, bob, edited(t, m, edit), session.ErrInvalidMessage)
		}
		receive(t, carol, bob, m, "x")
	})
	t.Run("other types", func(t *testing.T) {
		m := send(t, alice, bob, "x")
		for _, typ := range []session.MessageType{0, 1, 4, 7, 8, 255, session.TypePreKey} {
			refuse(t, aliceAddr, bob, session.Message{Type: typ, Body: m.Body}, session.ErrInvalidMessage)
		}
		receive(t, alice, bob, m, "x")
	})
}

// edited is a first message with its outer fields, which no MAC covers, changed.
func edited(t testing.TB, m session.Message, edit func(p *wire.PreKeyMessage)) session.Message {
	t.Helper()
	p, err := wire.ParsePreKeyMessage(m.Body)
	require.NoError(t, err)
	edit(&p)
	return session.Message{Type: m.Type, Body: wire.AppendPreKeyMessage(nil, &p)}
}

// TestArchive: forty previous sessions are kept, newest first, and each can still be spoken on.
func TestArchive(t *testing.T) {
	alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	bundle := bob.bundle(t, 0)
	var first []session.Message
	for i := range 43 {
		require.NoError(t, alice.Start(ctx, bobAddr, bundle))
		m := send(t, alice, bob, fmt.Sprint(i))
		first = append(first, m)
		receive(t, alice, bob, m, fmt.Sprint(i))
	}
	bases := func(p *party, peer signet.Address) (list []string) {
		for rest := rows(t, p.store, peer).Archive; len(rest) > 0; {
			b, _, after, err := wire.NextPrevious(rest)
			require.NoError(t, err)
			s, err := wire.ParseSession(b)
			require.NoError(t, err)
			require.False(t, s.HasPending || s.HasPendingKEM, "an archived session has nothing pending")
			list = append(list, string(s.BaseKey))
			rest = after
		}
		return list
	}
	base := func(i int) string {
		p, err := wire.ParsePreKeyMessage(first[i].Body)
		require.NoError(t, err)
		return string(p.BaseKey)
	}
	list := bases(bob, aliceAddr)
	require.Len(t, list, 40)
	require.Len(t, bases(alice, bobAddr), 40)
	for i, b := range list {
		require.Equal(t, base(41-i), b)
	}
	// A replay on an archived session is a duplicate and does not reorder anything; that of a session
	// that was dropped is a base key seen before.
	refuse(t, aliceAddr, bob, first[10], ratchet.ErrDuplicate)
	require.ErrorIs(t, refuse(t, aliceAddr, bob, first[1], session.ErrInvalidMessage), session.ErrReplay)
	require.ErrorContains(t, refuse(t, aliceAddr, bob, first[1], session.ErrReplay), "reused base key")

	// A message of an archived session makes it the current one.
	require.Equal(t, base(42), string(current(t, bob.store, aliceAddr).BaseKey))
	older := newParty(aliceAddr, session.Options{})
	older.key = alice.key
	older.restart()
	entry := entries(t, alice, bobAddr)[30] // session 11
	require.NoError(t, older.SetRecord(ctx, bobAddr, wire.AppendBytes(nil, 1, entry)))
	deliver(t, older, bob, "back again")
	moved := bases(bob, aliceAddr)
	require.Len(t, moved, 40)
	require.Equal(t, base(42), moved[0])
	require.Equal(t, base(11), string(current(t, bob.store, aliceAddr).BaseKey))
	require.NotContains(t, moved, base(11))
}

// entries are the encoded previous sessions.
func entries(t testing.TB, p *party, peer signet.Address) (list [][]byte) {
	t.Helper()
	for rest := rows(t, p.store, peer).Archive; len(rest) > 0; {
		b, _, after, err := wire.NextPrevious(rest)
		require.NoError(t, err)
		list = append(list, b)
		rest = after
	}
	return list
}

// TestFailedTrialChangesNothing: the current session is tried first on a message of a previous one,
// and a failure leaves it what it was, in its place or behind the one that comes back.
func TestFailedTrialChangesNothing(t *testing.T) {
	for name, hide := range map[string]bool{"kept": false, "bytes": true} {
		t.Run(name, func(t *testing.T) {
			alice, bob := pair(t)
			deliver(t, alice, bob, "x")
			deliver(t, bob, alice, "y")
			late, m := send(t, alice, bob, "late"), send(t, alice, bob, "forged")
			require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
			deliver(t, alice, bob, "new session")
			deliver(t, bob, alice, "answered")
			if hide {
				bob.Device = session.NewDevice(bobAddr, bob.key, bytesOnly{bob.store}, bob.opts)
			}
			before := rows(t, bob.store, aliceAddr)
			m.Body[len(m.Body)-1] ^= 1
			refuse(t, aliceAddr, bob, m, session.ErrInvalidMessage)
			require.Equal(t, before, rows(t, bob.store, aliceAddr))
			was := current(t, bob.store, aliceAddr)
			receive(t, alice, bob, late, "late")
			previous, err := wire.ParseSession(entries(t, bob, aliceAddr)[0])
			require.NoError(t, err)
			require.Equal(t, was, previous)
			deliver(t, alice, bob, "on the newer one")
			require.Equal(t, was.BaseKey, current(t, bob.store, aliceAddr).BaseKey)
		})
	}
}

// TestDuplicateEndsTheTrial: also on a previous session, with sessions behind it that were not
// tried.
func TestDuplicateEndsTheTrial(t *testing.T) {
	alice, bob := pair(t)
	m := deliver(t, alice, bob, "once")
	for i := range 3 {
		require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
		deliver(t, alice, bob, fmt.Sprint(i))
		refuse(t, aliceAddr, bob, m, ratchet.ErrDuplicate)
	}
	// A damaged previous session is passed over by ordinary messages, and by the search for a base
	// key.
	late := send(t, alice, bob, "late")
	require.Equal(t, session.TypePreKey, late.Type)
	r := rows(t, bob.store, aliceAddr)
	update(t, bob.store, func(tx session.Tx) {
		require.NoError(t, tx.PutArchive(aliceAddr, append([]byte{0x12, 1, 0xff}, r.Archive...)))
	})
	refuse(t, aliceAddr, bob, m, ratchet.ErrDuplicate)
	receive(t, alice, bob, late, "late") // its session is the current one
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
	receive(t, alice, bob, send(t, alice, bob, "new"), "new")
}

// TestBothStart: each side ends with two sessions, and they come together.
func TestBothStart(t *testing.T) {
	alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
	require.NoError(t, bob.Start(ctx, aliceAddr, alice.bundle(t, 1)))
	a, b := send(t, alice, bob, "from alice"), send(t, bob, alice, "from bob")
	receive(t, alice, bob, a, "from alice")
	receive(t, bob, alice, b, "from bob")
	refuse(t, aliceAddr, bob, a, ratchet.ErrDuplicate)
	refuse(t, bobAddr, alice, b, ratchet.ErrDuplicate)
	for i := range 6 {
		deliver(t, alice, bob, fmt.Sprint(i))
		deliver(t, bob, alice, fmt.Sprint(i))
	}
	require.Equal(t, current(t, alice.store, bobAddr).BaseKey, current(t, bob.store, aliceAddr).BaseKey)
}

// TestStale: an unanswered session is used for 30 days to the millisecond, counted from the second
// in which it was made. It receives, and so becomes usable, at any time.
func TestStale(t *testing.T) {
	const month = 30 * 24 * time.Hour
	alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	alice.now = time.UnixMilli(1_760_000_000_999)
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
	receive(t, alice, bob, send(t, alice, bob, "hello"), "hello")
	made := time.UnixMilli(1_760_000_000_000)
	for _, c := range []struct {
		now  time.Time
		want error
	}{
		{made.Add(month), nil}, {made.Add(month + 999*time.Microsecond), nil}, {made.Add(month + time.Millisecond), session.ErrNoSession},
		{made.Add(99 * month), session.ErrNoSession}, {made.Add(-99 * month), nil},
	} {
		alice.now = c.now
		before := rows(t, alice.store, bobAddr)
		_, err := alice.Encrypt(ctx, bobAddr, []byte("x"))
		require.ErrorIs(t, err, c.want)
		st, err := alice.Status(ctx, bobAddr)
		require.NoError(t, err)
		require.Equal(t, c.want != nil, st.Stale)
		if c.want != nil {
			require.Equal(t, before, rows(t, alice.store, bobAddr))
		}
	}
	alice.now = made.Add(99 * month)
	receive(t, bob, alice, send(t, bob, alice, "late answer"), "late answer")
	deliver(t, alice, bob, "in use again")
}

// TestSameBaseKey: further first messages of a session take nothing and look nothing up.
func TestSameBaseKey(t *testing.T) {
	// Service ids, so that the messages name both ends, also to a session that was archived.
	alice := newParty(signet.Address{Name: "9d0652a3-dcc3-4d11-975f-74d61598733f", Device: 1}, session.Options{})
	bob := newParty(signet.Address{Name: "796abedb-ca4e-4f18-8803-1fde5b921f9f", Device: 2}, session.Options{})
	require.NoError(t, alice.Start(ctx, bob.addr, bob.bundle(t, 3)))
	var list []session.Message
	for i := range 4 {
		m := send(t, alice, bob, fmt.Sprint(i))
		require.Equal(t, session.TypePreKey, m.Type)
		list = append(list, m)
	}
	receive(t, alice, bob, list[2], "2")
	r := rows(t, bob.store, alice.addr)
	require.Equal(t, [2]int{2, 3}, [2]int{r.PreKeys, r.KEMPreKeys}, "one of each is gone, the last resort counts as a third")
	receive(t, alice, bob, list[0], "0")
	require.NoError(t, bob.Archive(ctx, alice.addr))
	receive(t, alice, bob, list[3], "3") // promotes the archived session
	require.Empty(t, rows(t, bob.store, alice.addr).Archive)
	// The prekeys it names may be gone, and the ids in the outer message say nothing any more.
	receive(t, alice, bob, edited(t, list[1], func(p *wire.PreKeyMessage) { p.PreKeyID, p.SignedPreKeyID, p.KEMPreKeyID = 1, 2, 3 }), "1")
	// The version is part of what a session is recognised by.
	m := edited(t, send(t, alice, bob, "x"), func(p *wire.PreKeyMessage) { p.Version = 3 })
	require.ErrorContains(t, refuse(t, alice.addr, bob, m, session.ErrInvalidMessage), "X3DH no longer supported")
	for _, m := range list {
		refuse(t, alice.addr, bob, m, ratchet.ErrDuplicate)
	}
	require.Equal(t, r.PreKeys, rows(t, bob.store, alice.addr).PreKeys)
}

// TestReplayedFirstMessage, when the session it made is lost: the mark or the deletion stops it.
func TestReplayedFirstMessage(t *testing.T) {
	for n, want := range []error{session.ErrReplay, session.ErrPreKeyID} { // last resort, one-time KEM prekey
		alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
		require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, n)))
		m := deliver(t, alice, bob, "once")
		require.NoError(t, bob.SetRecord(ctx, aliceAddr, nil))
		b, err := bob.Record(ctx, aliceAddr)
		require.NoError(t, err)
		require.Nil(t, b)
		err = refuse(t, aliceAddr, bob, m, want)
		require.Equal(t, n == 0, errors.Is(err, session.ErrInvalidMessage))
		require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, n)))
		deliver(t, alice, bob, "a new one passes")
	}
	// The one-time EC prekey goes with a last-resort KEM prekey, too.
	alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	stock, err := bob.PreKeys(ctx, 1)
	require.NoError(t, err)
	stock.KEMPreKeys = nil
	bundle, err := stock.NextBundle()
	require.NoError(t, err)
	require.NoError(t, alice.Start(ctx, bobAddr, bundle))
	deliver(t, alice, bob, "x")
	require.Zero(t, rows(t, bob.store, aliceAddr).PreKeys)
}

// TestFailedFirstMessageTakesNothing: prekeys stay until a message that names them decrypts.
func TestFailedFirstMessageTakesNothing(t *testing.T) {
	alice, before := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	require.NoError(t, alice.Start(ctx, bobAddr, before.bundle(t, 1)))
	m := send(t, alice, before, "x")
	p, err := wire.ParsePreKeyMessage(m.Body)
	require.NoError(t, err)
	registration := wire.AppendUint(nil, 5, uint64(p.RegistrationID))
	after := bytes.LastIndex(m.Body, registration) + len(registration)
	var opened []int
	for i := range len(m.Body) {
		if after-len(registration) < i && i < after {
			continue // the value of the registration id, see TestRegistrationIsOnlyClaimed
		}
		if i%37 != 0 && i < len(m.Body)-20 {
			continue
		}
		bob := *before // nothing has come yet, whatever the last one did
		bob.store = before.store.Clone()
		bob.restart()
		bad := session.Message{Type: m.Type, Body: bytes.Clone(m.Body)}
		bad.Body[i] ^= 0x01
		empty := rows(t, bob.store, aliceAddr)
		if _, err := bob.Decrypt(ctx, aliceAddr, bad); err == nil {
			opened = append(opened, i)
			continue
		}
		require.Equal(t, empty, rows(t, bob.store, aliceAddr))
		receive(t, alice, &bob, m, "x")
	}
	require.Equal(t, []int{0}, opened, "only what no MAC covers and nobody reads may change")
}

// TestOnePreKeyTwoInitiators: whoever comes first has it, also at the same time.
func TestOnePreKeyTwoInitiators(t *testing.T) {
	for _, version := range []uint8{3, 4} {
		bob := newParty(bobAddr, session.Options{AllowX3DH: true})
		bundle := bob.bundle(t, 1)
		if version == 3 {
			bundle = withoutKEM(t, bundle)
		}
		const n = 8
		errs := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			p := newParty(signet.Address{Name: fmt.Sprint("initiator ", i), Device: 1}, session.Options{AllowX3DH: true})
			require.NoError(t, p.Start(ctx, bobAddr, bundle))
			m := send(t, p, bob, "me first")
			wg.Go(func() { _, errs[i] = bob.Decrypt(ctx, p.addr, m) })
		}
		wg.Wait()
		won := 0
		for i, err := range errs {
			if err == nil {
				won++
				continue
			}
			require.ErrorIs(t, err, session.ErrPreKeyID)
			r := rows(t, bob.store, signet.Address{Name: fmt.Sprint("initiator ", i), Device: 1})
			require.Nil(t, r.Session)
			require.Nil(t, r.Identity)
		}
		require.Equal(t, 1, won)
	}
}

// TestAtTheSameTime: one Device, many goroutines. A message decrypts once, and no key is used
// twice.
func TestAtTheSameTime(t *testing.T) {
	alice, bob := pair(t)
	const n = 16
	list := make([]session.Message, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { list[i], _ = alice.Encrypt(ctx, bobAddr, []byte("x")) })
	}
	wg.Wait()
	counters := make(map[uint32]bool)
	var mu sync.Mutex
	heard := make(map[int]int)
	for i, m := range list {
		w, err := wire.ParseSignalMessage(m.Body)
		require.NoError(t, err)
		counters[w.Counter] = true
		for range 3 {
			wg.Go(func() {
				got, err := bob.Decrypt(ctx, aliceAddr, m)
				mu.Lock()
				defer mu.Unlock()
				if err == nil && string(got) == "x" {
					heard[i]++
				} else if !errors.Is(err, ratchet.ErrDuplicate) {
					t.Errorf("%v", err)
				}
			})
		}
	}
	wg.Wait()
	require.Len(t, counters, n)
	require.Len(t, heard, n)
	for i := range n {
		require.Equal(t, 1, heard[i])
	}
}

// TestIdentityChange: a new key is refused without effect, until it is trusted; then the same
// message decrypts.
func TestIdentityChange(t *testing.T) {
	alice, bob := pair(t)
	again := newParty(bobAddr, session.Options{}) // bob, installed anew
	require.NoError(t, again.Start(ctx, aliceAddr, alice.bundle(t, 1)))
	m := send(t, again, alice, "new phone")
	want := &session.UntrustedIdentityError{Peer: bobAddr, Known: bob.key.PublicKey(), Offered: again.key.PublicKey()}
	var got *session.UntrustedIdentityError
	require.ErrorAs(t, refuse(t, bobAddr, alice, m, errUntrusted), &got)
	require.Equal(t, want, got)
	require.EqualError(t, got, "session: untrusted identity for address bob.2")

	before := rows(t, alice.store, bobAddr)
	err := alice.Start(ctx, bobAddr, again.bundle(t, 1))
	require.ErrorAs(t, err, &got)
	require.Equal(t, want, got)
	require.Equal(t, before, rows(t, alice.store, bobAddr))

	deliver(t, alice, bob, "the old session goes on meanwhile")
	require.NoError(t, alice.Trust(ctx, bobAddr, again.key.PublicKey()))
	receive(t, again, alice, m, "new phone")
	deliver(t, alice, again, "welcome back")

	// An ordinary message of the old key's session is refused after its decryption, and not consumed.
	old := send(t, bob, alice, "from the old phone")
	refuse(t, bobAddr, alice, old, errUntrusted)
	require.NoError(t, alice.Trust(ctx, bobAddr, bob.key.PublicKey()))
	receive(t, bob, alice, old, "from the old phone")
	key, ok, err := alice.Trusted(ctx, bobAddr)
	require.NoError(t, err)
	require.True(t, ok && key.Equal(bob.key.PublicKey()))
	_, ok, err = alice.Trusted(ctx, carolAddr)
	require.NoError(t, err)
	require.False(t, ok)
	// And sending on the session of a key that is no longer accepted.
	require.NoError(t, alice.Trust(ctx, bobAddr, again.key.PublicKey()))
	before = rows(t, alice.store, bobAddr)
	_, err = alice.Encrypt(ctx, bobAddr, []byte("x"))
	require.ErrorIs(t, err, session.ErrNoSession, "and of the replaced key nothing is said")
	require.Equal(t, before, rows(t, alice.store, bobAddr))
}

// TestOtherIdentitySameBaseKey: the identity in a further first message must be the session's.
func TestOtherIdentitySameBaseKey(t *testing.T) {
	alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
	deliver(t, alice, bob, "x")
	other := signet.GenerateKey().PublicKey()
	m := edited(t, send(t, alice, bob, "y"), func(p *wire.PreKeyMessage) { p.IdentityKey = other.Bytes() })
	refuse(t, aliceAddr, bob, m, errUntrusted)
	require.NoError(t, bob.Trust(ctx, aliceAddr, other))
	require.ErrorContains(t, refuse(t, aliceAddr, bob, m, session.ErrInvalidMessage), "not consistent")
}

// TestFirstMessageTrials: the message inside a first message is for the session that the outside
// names. Only if the two are of different versions are previous sessions tried (protocol §7.3), and
// then it must not pass for one of the identity that the outside claims.
func TestFirstMessageTrials(t *testing.T) {
	opts := session.Options{AllowX3DH: true}
	for _, old := range []uint8{3, 4} {
		alice, bob := newParty(aliceAddr, opts), newParty(bobAddr, opts)
		bundle := bob.bundle(t, 1)
		if old == 3 {
			bundle = withoutKEM(t, bundle)
		}
		require.NoError(t, alice.Start(ctx, bobAddr, bundle))
		deliver(t, alice, bob, "x")
		deliver(t, bob, alice, "y")
		inner := send(t, alice, bob, "by the old key")
		require.Equal(t, session.TypeSignal, inner.Type)
		swap := func(p *wire.PreKeyMessage) { p.Message = inner.Body }

		// alice is installed anew and accepted. Whoever has the old session wraps a message of it.
		again := newParty(aliceAddr, opts)
		require.NoError(t, bob.Trust(ctx, aliceAddr, again.key.PublicKey()))
		for range 2 { // the outside makes a session, and then names one that exists
			for _, kem := range []bool{true, false} {
				b := bob.bundle(t, 1)
				if !kem {
					b = withoutKEM(t, b)
				}
				require.NoError(t, again.Start(ctx, bobAddr, b))
				m := send(t, again, bob, "z")
				refuse(t, aliceAddr, bob, edited(t, m, swap), session.ErrInvalidMessage)
				receive(t, again, bob, m, "z")
				refuse(t, aliceAddr, bob, edited(t, send(t, again, bob, "zz"), swap), session.ErrInvalidMessage)
			}
		}
		refuse(t, aliceAddr, bob, inner, errUntrusted)
	}
	// With the same identity and version it is not tried on other sessions, either.
	alice, bob := pair(t)
	inner := send(t, alice, bob, "elsewhere")
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
	m := deliver(t, alice, bob, "x")
	swap := func(p *wire.PreKeyMessage) { p.Message = inner.Body }
	refuse(t, aliceAddr, bob, edited(t, m, swap), session.ErrInvalidMessage)
	receive(t, alice, bob, inner, "elsewhere")
}

// TestSelfAndAddresses: Device passes both addresses on.
func TestSelfAndAddresses(t *testing.T) {
	const uuid = "9d0652a3-dcc3-4d11-975f-74d61598733f"
	one := newParty(signet.Address{Name: uuid, Device: 1}, session.Options{})
	two := newParty(signet.Address{Name: uuid, Device: 2}, session.Options{})
	two.key = one.key
	two.restart()
	require.NoError(t, one.Start(ctx, two.addr, two.bundle(t, 1)))
	m := send(t, one, two, "hello")
	refuse(t, signet.Address{Name: uuid, Device: 3}, two, m, session.ErrInvalidMessage)
	refuse(t, signet.Address{Name: "somebody", Device: 1}, two, m, session.ErrInvalidMessage)
	receive(t, one, two, m, "hello")
	deliver(t, two, one, "hello")
	// A jump that is too far for anybody else, made without a transaction for each message.
	b, _, err := wire.SplitRecord(rows(t, one.store, two.addr).Session)
	require.NoError(t, err)
	s := new(ratchet.State)
	require.NoError(t, s.UnmarshalBinary(bytes.Clone(b)))
	for range 25_002 {
		_, err := s.Encrypt(nil, nil)
		require.NoError(t, err)
	}
	body, err := s.Encrypt(nil, []byte("far"))
	require.NoError(t, err)
	receive(t, one, two, session.Message{Type: session.TypeSignal, Body: body}, "far")
}

// TestX3DH: version 3 is spoken only where the options say so.
func TestX3DH(t *testing.T) {
	strict, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{AllowX3DH: true})
	b := withoutKEM(t, bob.bundle(t, 2))
	before := rows(t, strict.store, bobAddr)
	require.ErrorIs(t, strict.Start(ctx, bobAddr, b), session.ErrVersion)
	require.Equal(t, before, rows(t, strict.store, bobAddr))

	alice := newParty(aliceAddr, session.Options{AllowX3DH: true})
	require.NoError(t, alice.Start(ctx, bobAddr, b))
	m := send(t, alice, bob, "x")
	require.Equal(t, byte(0x33), m.Body[0])
	bob.opts.AllowX3DH = false
	bob.restart()
	require.ErrorContains(t, refuse(t, aliceAddr, bob, m, session.ErrInvalidMessage), "X3DH no longer supported")
	bob.opts.AllowX3DH = true
	bob.restart()
	receive(t, alice, bob, m, "x")
	require.Equal(t, 3, rows(t, bob.store, aliceAddr).KEMPreKeys, "no KEM prekey was taken")
	bob.opts.AllowX3DH = false // what exists goes on
	bob.restart()
	receive(t, alice, bob, send(t, alice, bob, "y"), "y")
	deliver(t, bob, alice, "z")
	st, err := bob.Status(ctx, aliceAddr)
	require.NoError(t, err)
	require.Equal(t, session.Status{Exists: true, Version: 3, Acknowledged: true, RemoteRegistrationID: st.RemoteRegistrationID}, st)
	require.False(t, st.Usable())
}

func TestStatus(t *testing.T) {
	alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	st, err := alice.Status(ctx, bobAddr)
	require.NoError(t, err)
	require.Equal(t, session.Status{}, st)
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
	id, err := bob.RegistrationID(ctx)
	require.NoError(t, err)
	st, err = alice.Status(ctx, bobAddr)
	require.NoError(t, err)
	require.Equal(t, session.Status{Exists: true, Version: 4, PostQuantumRatchet: pq, RemoteRegistrationID: id}, st)
	deliver(t, alice, bob, "x")
	st, err = bob.Status(ctx, aliceAddr)
	require.NoError(t, err)
	id, err = alice.RegistrationID(ctx)
	require.NoError(t, err)
	require.Equal(t, session.Status{Exists: true, Version: 4, Acknowledged: true, PostQuantumRatchet: pq, RemoteRegistrationID: id}, st)
}

// TestDecryptTo: the caller's rows and the ratchet's step commit together or not at all.
func TestDecryptTo(t *testing.T) {
	broken := errors.New("inbox full")
	alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
	for i := range 3 { // a first message, another one, and an ordinary one
		m := guarded(t, send(t, alice, bob, "x"))
		before := rows(t, bob.store, aliceAddr)
		err := bob.DecryptTo(ctx, aliceAddr, m, func(tx session.Tx, b []byte) error {
			require.Equal(t, "x", string(b))
			require.NoError(t, tx.PutValue("inbox", b))
			return broken
		})
		require.Equal(t, broken, err, "the error comes back as it is")
		require.Equal(t, before, rows(t, bob.store, aliceAddr))
		require.NoError(t, bob.DecryptTo(ctx, aliceAddr, m, func(tx session.Tx, b []byte) error {
			b = append(b, byte('0'+i)) // it is the caller's
			return tx.PutValue("inbox", b)
		}))
		update(t, bob.store, func(tx session.Tx) {
			b, err := tx.Value("inbox")
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint("x", i), string(b))
		})
		refuse(t, aliceAddr, bob, m, ratchet.ErrDuplicate)
		if i == 1 {
			deliver(t, bob, alice, "answer")
		}
	}
	called := false
	err := bob.DecryptTo(ctx, aliceAddr, session.Message{Type: session.TypeSignal, Body: []byte("no")}, func(session.Tx, []byte) error {
		called = true
		return nil
	})
	require.ErrorIs(t, err, session.ErrInvalidMessage)
	require.False(t, called)
}

func TestEncryptTo(t *testing.T) {
	broken := errors.New("outbox full")
	alice, bob := pair(t)
	before := rows(t, alice.store, bobAddr)
	m, err := alice.EncryptTo(ctx, bobAddr, guard(t, []byte("x")), func(session.Tx, session.Message) error { return broken })
	require.Equal(t, broken, err)
	require.Equal(t, session.Message{}, m)
	require.Equal(t, before, rows(t, alice.store, bobAddr))
	m, err = alice.EncryptTo(ctx, bobAddr, guard(t, []byte("x")), func(tx session.Tx, m session.Message) error {
		return tx.PutValue("outbox", m.Body)
	})
	require.NoError(t, err)
	update(t, alice.store, func(tx session.Tx) {
		b, err := tx.Value("outbox")
		require.NoError(t, err)
		require.Equal(t, m.Body, b)
	})
	receive(t, alice, bob, m, "x")
}

func TestArchiveAll(t *testing.T) {
	alice, bob := pair(t)
	carol := newParty(carolAddr, session.Options{})
	require.NoError(t, carol.Start(ctx, aliceAddr, alice.bundle(t, 1)))
	deliver(t, carol, alice, "hello")
	late := send(t, bob, alice, "on its way")
	require.NoError(t, alice.ArchiveAll(ctx))
	require.NoError(t, alice.ArchiveAll(ctx), "again: nothing to do")
	for _, peer := range []signet.Address{bobAddr, carolAddr} {
		_, err := alice.Encrypt(ctx, peer, []byte("x"))
		require.ErrorIs(t, err, session.ErrNoSession)
		require.Len(t, entries(t, alice, peer), 1)
		require.Nil(t, rows(t, alice.store, peer).Session)
	}
	require.NoError(t, alice.Archive(ctx, signet.Address{Name: "nobody", Device: 1}))
	receive(t, bob, alice, late, "on its way")
	require.Len(t, entries(t, alice, bobAddr), 1, "it does not become the current one again")
	_, err := alice.Encrypt(ctx, bobAddr, []byte("x"))
	require.ErrorIs(t, err, session.ErrNoSession)
	_, err = alice.Decrypt(ctx, bobAddr, late)
	require.ErrorIs(t, err, ratchet.ErrDuplicate)
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
	deliver(t, alice, bob, "and on it goes")
	deliver(t, bob, alice, "both ways")
}

// TestRestoredBackup: after ArchiveAll a restored device repeats no key.
func TestRestoredBackup(t *testing.T) {
	alice, bob := pair(t)
	note := noting(t)
	note(deliver(t, alice, bob, "the last one before the backup"))
	backup := alice.store.Clone()
	late := send(t, bob, alice, "on a chain that the backup has")
	note(deliver(t, alice, bob, "before"))
	note(deliver(t, alice, bob, "before, too"))
	alice.store = backup
	alice.restart()
	require.NoError(t, alice.ArchiveAll(ctx))
	receive(t, bob, alice, late, "on a chain that the backup has")
	m, err := alice.Encrypt(ctx, bobAddr, []byte("with keys of those before"))
	if err == nil {
		note(m)
	}
	require.ErrorIs(t, err, session.ErrNoSession)
	receive(t, bob, alice, send(t, bob, alice, "on a new chain of the old session"), "on a new chain of the old session")
	status, err := alice.Status(ctx, bobAddr)
	require.NoError(t, err)
	require.False(t, status.Usable())
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
	for range 3 {
		note(deliver(t, alice, bob, "after"))
		note(deliver(t, bob, alice, "yourself"))
	}
}

// noting returns a function that fails for a message of a chain and counter that it has seen.
func noting(t *testing.T) func(session.Message) {
	used := make(map[string]bool)
	return func(m session.Message) {
		t.Helper()
		w, err := wire.ParseSignalMessage(m.Body)
		if m.Type == session.TypePreKey {
			p, err2 := wire.ParsePreKeyMessage(m.Body)
			require.NoError(t, err2)
			w, err = wire.ParseSignalMessage(p.Message)
		}
		require.NoError(t, err)
		k := fmt.Sprintf("%x %d", w.RatchetKey, w.Counter)
		require.False(t, used[k])
		used[k] = true
	}
}

func TestRecordRoundTrip(t *testing.T) {
	alice, bob := pair(t)
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1))) // one archived, one pending
	b, err := alice.Record(ctx, bobAddr)
	require.NoError(t, err)
	moved := newParty(aliceAddr, session.Options{})
	moved.key = alice.key
	moved.restart()
	require.NoError(t, moved.SetRecord(ctx, bobAddr, guard(t, b)))
	got, err := moved.Record(ctx, bobAddr)
	require.NoError(t, err)
	require.Equal(t, b, got)
	key, ok, err := moved.Trusted(ctx, bobAddr)
	require.NoError(t, err)
	require.True(t, ok && key.Equal(bob.key.PublicKey()), "the session's identity is accepted")
	clear(got) // what Record returns is the caller's
	deliver(t, moved, bob, "moved")
	none, err := alice.Record(ctx, carolAddr)
	require.NoError(t, err)
	require.Nil(t, none)

	for name, c := range map[string]struct {
		record []byte
		want   error
	}{
		"garbage":            {[]byte{1, 2, 3}, session.ErrRecord},
		"truncated":          {b[:len(b)-1], session.ErrRecord},
		"current is damaged": {[]byte{0x0a, 1, 0xff}, session.ErrRecord},
		"no identity":        {[]byte{0x0a, 0}, session.ErrRecord},
	} {
		before := rows(t, alice.store, bobAddr)
		require.ErrorIs(t, alice.SetRecord(ctx, bobAddr, c.record), c.want, name)
		require.Equal(t, before, rows(t, alice.store, bobAddr))
	}
	require.NoError(t, alice.Trust(ctx, bobAddr, alice.key.PublicKey()))
	before := rows(t, alice.store, bobAddr)
	require.True(t, matches(alice.SetRecord(ctx, bobAddr, b), errUntrusted))
	require.Equal(t, before, rows(t, alice.store, bobAddr))
	require.NoError(t, alice.SetRecord(ctx, bobAddr, nil))
	require.Nil(t, rows(t, alice.store, bobAddr).Archive)
}

// TestDamagedRow: a stored session that does not decode is ErrRecord until something takes its
// place.
func TestDamagedRow(t *testing.T) {
	alice, bob := pair(t)
	m := send(t, bob, alice, "x")
	putRecord(t, alice.store, bobAddr, []byte{0x0a, 1, 0xff})
	refuse(t, bobAddr, alice, m, session.ErrRecord)
	before := rows(t, alice.store, bobAddr)
	_, err := alice.Encrypt(ctx, bobAddr, []byte("x"))
	require.ErrorIs(t, err, session.ErrRecord)
	_, err = alice.Status(ctx, bobAddr)
	require.ErrorIs(t, err, session.ErrRecord)
	require.Equal(t, before, rows(t, alice.store, bobAddr))
	require.NoError(t, alice.SetRecord(ctx, bobAddr, nil))
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))

	// What sending needs and finds damaged is ErrRecord, too.
	for name, edit := range map[string]func(s *wire.Session){
		"pending base key": func(s *wire.Session) { s.Pending.BaseKey = nil },
		"sender chain":     func(s *wire.Session) { s.HasSender = false },
		"remote identity":  func(s *wire.Session) { s.RemoteIdentity = nil },
		"version":          func(s *wire.Session) { s.Version = 9 },
		"pq state":         func(s *wire.Session) { s.PQ = []byte("garbage") },
	} {
		s := current(t, alice.store, bobAddr)
		edit(&s)
		damaged := newParty(aliceAddr, session.Options{})
		putRecord(t, damaged.store, bobAddr, wire.AppendCurrent(nil, &s))
		_, err := damaged.Encrypt(ctx, bobAddr, []byte("x"))
		require.ErrorIs(t, err, session.ErrRecord, name)
	}
}

func TestCancelled(t *testing.T) {
	alice, bob := pair(t)
	m := send(t, alice, bob, "x")
	done, cancel := context.WithCancel(ctx)
	cancel()
	_, err := bob.Decrypt(done, aliceAddr, m)
	require.ErrorIs(t, err, context.Canceled)
	_, err = alice.Encrypt(done, bobAddr, []byte("y"))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, alice.Start(done, bobAddr, bob.bundle(t, 1)), context.Canceled)
	receive(t, alice, bob, m, "x")
}

// TestAllocations is the budget of one message of 64 bytes at both ends over a store in memory:
// four to encrypt, four to decrypt.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for version, most := range map[int]float64{3: 8, 4: 8} {
		alice, bob := newParty(aliceAddr, session.Options{AllowX3DH: true}), newParty(bobAddr, session.Options{AllowX3DH: true})
		bundle := bob.bundle(t, 1)
		if version == 3 {
			bundle = withoutKEM(t, bundle)
		}
		require.NoError(t, alice.Start(ctx, bobAddr, bundle))
		deliver(t, alice, bob, "hello")
		deliver(t, bob, alice, "hello")
		text := make([]byte, 64)
		got := testing.AllocsPerRun(200, func() {
			m, err := alice.Encrypt(ctx, bobAddr, text)
			if err == nil {
				_, err = bob.Decrypt(ctx, aliceAddr, m)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("version %d: %v allocations for a pair", version, got)
		require.LessOrEqual(t, got, most)
	}
}

func TestIdentity(t *testing.T) {
	store := memory.New()
	one, err := session.Identity(ctx, store)
	require.NoError(t, err)
	two, err := session.Identity(ctx, store)
	require.NoError(t, err)
	require.Equal(t, one.Bytes(), two.Bytes())
	other, err := session.Identity(ctx, memory.New())
	require.NoError(t, err)
	require.NotEqual(t, one.Bytes(), other.Bytes())
	update(t, store, func(tx session.Tx) { require.NoError(t, tx.PutValue("identity", []byte("short"))) })
	_, err = session.Identity(ctx, store)
	require.Error(t, err)

	d := session.NewDevice(bobAddr, one, store, nil)
	require.Equal(t, bobAddr, d.Address())
	require.True(t, d.Identity().Equal(one.PublicKey()))
	require.Equal(t, "session.Device(bob.2)", fmt.Sprint(d))
	require.Equal(t, "Whisper PreKey MessageType(9)", fmt.Sprint(session.TypeSignal, session.TypePreKey, session.MessageType(9)))
}
