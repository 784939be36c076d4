package session_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
)

// damages are ways in which a row is of no use.
var damages = map[string]func(row []byte) []byte{
	"torn":    func(row []byte) []byte { return bytes.Clone(row[:len(row)/2]) },
	"noise":   func(row []byte) []byte { return bytes.Repeat([]byte{0xff}, len(row)) },
	"one bit": func(row []byte) []byte { row = bytes.Clone(row); row[0] ^= 7; return row },
}

// damage replaces a session row, after reading it.
func damageSession(t *testing.T, p *party, peer signet.Address, how func([]byte) []byte) (bad []byte) {
	update(t, p.store, func(tx session.Tx) {
		row, err := tx.Session(peer)
		require.NoError(t, err)
		bad = how(row)
		require.NoError(t, tx.PutSession(peer, bad))
	})
	return bad
}

// reporting makes p a device that lists what is reported damaged.
func reporting(p *party, list *[]string) {
	p.opts.Damaged = func(tx session.Tx, e *session.DamagedError) error {
		*list = append(*list, e.Row)
		return nil
	}
	p.restart()
}

// TestDamagedSession: a session row that does not decode counts as missing for a first message,
// Start, StartAll and EncryptAll; until then it says so beside ErrNoSession and nothing changes;
// afterwards it is kept aside and was reported.
func TestDamagedSession(t *testing.T) {
	for name, how := range damages {
		for _, by := range []string{"first message", "Start", "StartAll", "Archive"} {
			t.Run(name+" "+by, func(t *testing.T) {
				alice, bob := pair(t)
				var reported []string
				reporting(bob, &reported)
				bad := damageSession(t, bob, aliceAddr, how)
				before := rows(t, bob.store, aliceAddr)
				var damaged *session.DamagedError
				_, err := bob.Encrypt(ctx, aliceAddr, nil)
				require.ErrorIs(t, err, session.ErrNoSession)
				require.ErrorAs(t, err, &damaged)
				require.Equal(t, aliceAddr, damaged.Peer)
				require.ErrorIs(t, err, session.ErrRecord)
				_, err = bob.Decrypt(ctx, aliceAddr, send(t, alice, bob, "on the old session"))
				require.ErrorIs(t, err, session.ErrNoSession)
				_, err = bob.EncryptAll(ctx, []session.Outgoing{{Peer: aliceAddr}}, nil)
				require.ErrorIs(t, err, session.ErrNoSession)
				missing, err := bob.Missing(ctx, []session.Outgoing{{Peer: aliceAddr}})
				require.NoError(t, err)
				require.Equal(t, []signet.Address{aliceAddr}, missing)
				require.Equal(t, before, rows(t, bob.store, aliceAddr))
				require.Empty(t, reported)

				switch by {
				case "first message":
					require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
					deliver(t, alice, bob, "a fresh first message")
				case "Start":
					require.NoError(t, bob.Start(ctx, aliceAddr, alice.bundle(t, 1)))
				case "StartAll":
					c := []session.Contact{{Peer: aliceAddr, Bundle: alice.bundle(t, 1)}}
					require.NoError(t, bob.StartAll(ctx, c, nil, nil))
				case "Archive":
					require.NoError(t, bob.Archive(ctx, aliceAddr))
					require.NoError(t, bob.Start(ctx, aliceAddr, alice.bundle(t, 1)))
				}
				deliver(t, bob, alice, "again")
				deliver(t, alice, bob, "and again")
				require.Equal(t, []string{"session"}, reported)
				list, err := bob.Damaged(ctx)
				require.NoError(t, err)
				require.Len(t, list, 1)
				require.Equal(t, session.DamagedRow{Peer: aliceAddr, Row: "session", Record: bad}, list[0])
				require.NoError(t, bob.ForgetDamaged(ctx))
				list, err = bob.Damaged(ctx)
				require.NoError(t, err)
				require.Empty(t, list)
			})
		}
	}
}

// TestDamagedArchive: previous sessions that do not decode are in nobody's way: not in that of the
// current session, of a new one, or of other previous ones.
func TestDamagedArchive(t *testing.T) {
	alice, bob := pair(t)
	late := send(t, alice, bob, "of the first session")
	for range 2 {
		require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
		deliver(t, alice, bob, "anew")
		deliver(t, bob, alice, "anew")
	}
	var reported []string
	reporting(bob, &reported)
	update(t, bob.store, func(tx session.Tx) {
		row, err := tx.Archive(aliceAddr)
		require.NoError(t, err)
		bad := append([]byte{0x12, 2, 0x3a, 0x05}, row...) // an entry that does not decode
		require.NoError(t, tx.PutArchive(aliceAddr, append(bad, 0x12, 0x7f)))
	})
	deliver(t, bob, alice, "the current one")
	deliver(t, alice, bob, "does not care")
	require.Empty(t, reported)
	receive(t, alice, bob, late, "of the first session")
	require.Equal(t, []string{"archive"}, reported)
	require.NoError(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)))
	deliver(t, alice, bob, "a fresh first message")
	require.Equal(t, []string{"archive"}, reported, "it was mended")
}

// TestDamagedInside: a session that decodes and cannot send is none, either.
func TestDamagedInside(t *testing.T) {
	alice, bob := pair(t)
	update(t, bob.store, func(tx session.Tx) {
		row, err := tx.Session(aliceAddr)
		require.NoError(t, err)
		require.NoError(t, tx.PutSession(aliceAddr, append(bytes.Clone(row), 0x0a, 4, 0x32, 2, 0x0a, 0)))
	})
	_, err := bob.Encrypt(ctx, aliceAddr, nil)
	require.ErrorIs(t, err, session.ErrNoSession)
	require.ErrorIs(t, err, ratchet.ErrState)
	require.NoError(t, bob.Start(ctx, aliceAddr, alice.bundle(t, 1)))
	deliver(t, bob, alice, "again")
}

// TestDamagedIdentity: no damage makes a device accept another identity. What was noted when
// devices were met stands in for the user's row; without that, Trust is what helps.
func TestDamagedIdentity(t *testing.T) {
	alice, bob := pair(t)
	mallory := newParty(bobAddr, session.Options{})
	damage := func(a signet.Address) {
		update(t, alice.store, func(tx session.Tx) { require.NoError(t, tx.PutIdentity(a, []byte{5, 1})) })
	}
	damage(signet.Address{Name: bobAddr.Name})
	var untrusted *session.UntrustedIdentityError
	require.ErrorAs(t, alice.Start(ctx, bobAddr, mallory.bundle(t, 1)), &untrusted)
	require.True(t, untrusted.Known.Equal(bob.Identity()))
	deliver(t, bob, alice, "mended")
	deliver(t, alice, bob, "mended")

	damage(signet.Address{Name: bobAddr.Name})
	damage(bobAddr)
	var damaged *session.DamagedError
	require.ErrorAs(t, alice.Start(ctx, bobAddr, mallory.bundle(t, 1)), &damaged)
	require.ErrorAs(t, alice.Start(ctx, bobAddr, bob.bundle(t, 1)), &damaged)
	_, err := alice.Encrypt(ctx, bobAddr, nil)
	require.ErrorAs(t, err, &damaged)
	require.NoError(t, alice.Trust(ctx, bobAddr, bob.Identity()))
	deliver(t, alice, bob, "after Trust")
	deliver(t, bob, alice, "after Trust")
	require.ErrorAs(t, alice.Start(ctx, bobAddr, mallory.bundle(t, 1)), &untrusted)
}

// TestDamagedPreKeyRows: a prekey that does not decode is one that is not there; lists and current
// prekeys that do not are begun anew; and what others were given before goes on.
func TestDamagedPreKeyRows(t *testing.T) {
	alice, bob := newParty(aliceAddr, session.Options{}), newParty(bobAddr, session.Options{})
	b := bob.bundle(t, 1)
	f := b.Fields()
	require.NoError(t, alice.Start(ctx, bobAddr, b))
	m := send(t, alice, bob, "hello")
	for _, put := range []func(tx session.Tx, row []byte) error{
		func(tx session.Tx, row []byte) error { return tx.PutPreKey(f.PreKey.ID, row) },
		func(tx session.Tx, row []byte) error { return tx.PutSignedPreKey(f.SignedPreKey.ID, row) },
		func(tx session.Tx, row []byte) error { return tx.PutKEMPreKey(f.KEMPreKey.ID, row) },
	} {
		store := bob.store.Clone()
		update(t, store, func(tx session.Tx) { require.NoError(t, put(tx, []byte{0x12, 9})) })
		p := &party{addr: bobAddr, key: bob.key, store: store, opts: bob.opts}
		var reported []string
		reporting(p, &reported)
		_, err := p.Decrypt(ctx, aliceAddr, m)
		require.ErrorIs(t, err, session.ErrPreKeyID)
		require.ErrorIs(t, err, session.ErrRecord)
		fresh := newParty(aliceAddr, session.Options{})
		fresh.key = alice.key
		fresh.restart()
		require.NoError(t, fresh.Start(ctx, bobAddr, p.bundle(t, 1)))
		deliver(t, fresh, p, "with a new bundle")
	}
	for _, row := range []string{"signed-prekeys", "last-resort-prekeys", "unpublished-prekeys", "unpublished-kem-prekeys", "next-prekey", "prekey-age", "registration"} {
		t.Run(row, func(t *testing.T) {
			store := bob.store.Clone()
			update(t, store, func(tx session.Tx) { require.NoError(t, tx.PutValue(row, []byte("damaged"))) })
			p := &party{addr: bobAddr, key: bob.key, store: store, opts: bob.opts}
			var reported []string
			reporting(p, &reported)
			text, err := p.Decrypt(ctx, aliceAddr, m)
			require.NoError(t, err)
			require.Equal(t, "hello", string(text), "what was given out before")
			_, err = p.Retire(ctx)
			require.NoError(t, err)
			_, err = p.Rotate(ctx)
			require.NoError(t, err)
			_, err = p.Unpublished(ctx)
			require.NoError(t, err)
			stock, err := p.PreKeys(ctx, 3)
			require.NoError(t, err)
			require.NoError(t, p.MarkPublished(ctx, stock))
			if row == "signed-prekeys" || row == "last-resort-prekeys" {
				require.Equal(t, []string{row}, reported)
			}
			fresh := newParty(carolAddr, session.Options{})
			require.NoError(t, fresh.Start(ctx, bobAddr, p.bundle(t, 1)))
			deliver(t, fresh, p, "with a new bundle")
		})
	}
}

// TestDamagedIsBounded: of the rows that were replaced the last 16 are kept, and no secret of
// theirs is printed.
func TestDamagedIsBounded(t *testing.T) {
	_, bob := pair(t)
	for i := range 40 {
		update(t, bob.store, func(tx session.Tx) {
			e := &session.DamagedError{Peer: aliceAddr, Row: fmt.Sprint("row ", i), Err: session.ErrRecord}
			require.NoError(t, bob.SetAside(tx, e, bytes.Repeat([]byte("s3cret"), 1<<16)))
		})
	}
	list, err := bob.Damaged(ctx)
	require.NoError(t, err)
	require.Len(t, list, 16)
	require.Len(t, list[0].Record, 1<<18)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %s", list, list, list[0], list[0]), "s3cret")
}
