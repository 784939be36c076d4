package session_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

// changes is what alice is told of identities that changed.
type changes []session.IdentityChange

// followed is alice under a policy, in a conversation with two devices of bob's; bob's first device
// installed anew with another key, and what alice is told.
func followed(t *testing.T, policy session.IdentityPolicy) (alice, phone, laptop, again *party, told *changes) {
	told = new(changes)
	alice = newParty(aliceAddr, session.Options{
		IdentityChanges: policy,
		IdentityChanged: func(tx session.Tx, c session.IdentityChange) error {
			*told = append(*told, c)
			return tx.PutValue("told", c.New.Bytes())
		},
	})
	phone, laptop = newParty(bobAddr, session.Options{}), newParty(signet.Address{Name: bobAddr.Name, Device: 9}, session.Options{})
	laptop.key = phone.key
	laptop.restart()
	for _, p := range []*party{phone, laptop} {
		require.NoError(t, p.Start(ctx, aliceAddr, alice.bundle(t, 1)))
		deliver(t, p, alice, "hello")
		deliver(t, alice, p, "hello yourself")
	}
	again = newParty(bobAddr, session.Options{})
	require.NoError(t, again.Start(ctx, aliceAddr, alice.bundle(t, 1)))
	return alice, phone, laptop, again, told
}

// TestAcceptedChange: a policy that accepts does in one transaction what refusing, trusting and
// trying again does, however the new key comes; and from then on nothing of the old one goes in or
// out.
func TestAcceptedChange(t *testing.T) {
	for _, policy := range []session.IdentityPolicy{session.AcceptChanges, session.AcceptUnverified} {
		for name, meet := range map[string]func(t *testing.T, alice, again *party){
			"first message": func(t *testing.T, alice, again *party) { deliver(t, again, alice, "new phone") },
			"start": func(t *testing.T, alice, again *party) {
				require.NoError(t, alice.Start(ctx, bobAddr, again.bundle(t, 1)))
			},
			"barrier": func(t *testing.T, alice, again *party) {
				require.NoError(t, alice.Barrier(ctx, bobAddr, again.bundle(t, 1)))
			},
			"start all": func(t *testing.T, alice, again *party) {
				c := []session.Contact{{Peer: bobAddr, Bundle: again.bundle(t, 1)}}
				require.NoError(t, alice.StartAll(ctx, c, nil, nil))
			},
		} {
			t.Run(name, func(t *testing.T) {
				alice, phone, laptop, again, told := followed(t, policy)
				tablet := newParty(signet.Address{Name: bobAddr.Name, Device: 11}, session.Options{})
				tablet.key = phone.key
				tablet.restart()
				require.NoError(t, tablet.Start(ctx, aliceAddr, alice.bundle(t, 1)))
				deliver(t, tablet, alice, "not answered yet")
				old := []session.Message{send(t, phone, alice, "x"), send(t, laptop, alice, "y")}
				meet(t, alice, again)
				require.Equal(t, changes{{Peer: bobAddr, Old: phone.key.PublicKey(), New: again.key.PublicKey()}}, *told)
				deliver(t, alice, again, "welcome back")
				deliver(t, again, alice, "thanks")
				noSession(t, alice, laptop.addr)
				require.Nil(t, rows(t, alice.store, laptop.addr).Session)
				for i, p := range []*party{phone, laptop} {
					if name == "barrier" && i == 0 { // it has deleted the session
						refuse(t, p.addr, alice, old[i], session.ErrInvalidMessage)
						continue
					}
					var u *session.UntrustedIdentityError
					require.ErrorAs(t, refuse(t, p.addr, alice, old[i], errUntrusted), &u, "an old session changes nothing back")
					require.Equal(t, again.key.PublicKey(), u.Known)
				}
				repeated := send(t, tablet, alice, "its first message again")
				require.Equal(t, session.TypePreKey, repeated.Type)
				refuse(t, tablet.addr, alice, repeated, errUntrusted)
				require.Len(t, *told, 1)
			})
		}
	}
}

// TestRefusedChange: who refuses changes, or has verified the key, is asked; and what is under no
// MAC, or fails, or is imported, changes nothing under any policy.
func TestRefusedChange(t *testing.T) {
	alice, _, _, again, told := followed(t, session.RefuseChanges)
	refuse(t, bobAddr, alice, send(t, again, alice, "x"), errUntrusted)

	alice, phone, _, again, told2 := followed(t, session.AcceptUnverified)
	require.NoError(t, alice.Verify(ctx, bobAddr, phone.key.PublicKey()))
	m := send(t, again, alice, "x")
	refuse(t, bobAddr, alice, m, errUntrusted)
	require.True(t, matches(alice.Start(ctx, bobAddr, again.bundle(t, 1)), errUntrusted))
	require.NoError(t, alice.Unverify(ctx, bobAddr))
	receive(t, again, alice, m, "x")

	alice, phone, _, again, told3 := followed(t, session.AcceptChanges)
	record, err := alice.Record(ctx, bobAddr)
	require.NoError(t, err)
	require.NoError(t, alice.Verify(ctx, bobAddr, phone.key.PublicKey()))
	m = send(t, again, alice, "new phone")
	damaged := session.Message{Type: m.Type, Body: append([]byte{}, m.Body...)}
	damaged.Body[len(damaged.Body)/2] ^= 1
	before := rows(t, alice.store, bobAddr)
	_, err = alice.Decrypt(ctx, bobAddr, damaged)
	require.Error(t, err)
	require.Equal(t, before, rows(t, alice.store, bobAddr))
	require.Empty(t, *told3)
	mine := errors.New("mine")
	require.ErrorIs(t, alice.DecryptTo(ctx, bobAddr, m, func(session.Tx, []byte) error { return mine }), mine)
	require.Equal(t, before, rows(t, alice.store, bobAddr))
	receive(t, again, alice, m, "new phone")
	require.True(t, (*told3)[len(*told3)-1].Verified)
	require.True(t, matches(alice.SetRecord(ctx, bobAddr, record), errUntrusted), "a record is no news")
	require.Empty(t, *told)
	require.Len(t, *told2, 1)

	tablet := newParty(signet.Address{Name: aliceAddr.Name, Device: 5}, session.Options{})
	require.True(t, matches(alice.Start(ctx, tablet.addr, tablet.bundle(t, 1)), errUntrusted), "the own key does not change")
}

// TestReportFails: a change that cannot be reported is not made.
func TestReportFails(t *testing.T) {
	alice, _, _, again, _ := followed(t, session.AcceptChanges)
	full := errors.New("the log is full")
	alice.opts.IdentityChanged = func(session.Tx, session.IdentityChange) error { return full }
	alice.restart()
	refuse(t, bobAddr, alice, send(t, again, alice, "x"), full)
}

// TestVerified: the mark is for one key, and sets none.
func TestVerified(t *testing.T) {
	alice, bob := pair(t)
	verified := func(want bool) {
		t.Helper()
		for _, id := range []uint32{bobAddr.Device, 0, 8} {
			got, err := alice.Verified(ctx, signet.Address{Name: bobAddr.Name, Device: id})
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}
	verified(false)
	other := signet.GenerateKey().PublicKey()
	require.True(t, matches(alice.Verify(ctx, bobAddr, other), errUntrusted))
	verified(false)
	require.NoError(t, alice.Verify(ctx, signet.Address{Name: bobAddr.Name}, bob.key.PublicKey()))
	verified(true)
	require.NoError(t, alice.Trust(ctx, bobAddr, other))
	verified(false)
	require.NoError(t, alice.Unverify(ctx, bobAddr))
	require.NoError(t, alice.Trust(ctx, bobAddr, bob.key.PublicKey()))
	verified(false)

	// A code that is scanned before there was any contact is the key to expect.
	carol := newParty(carolAddr, session.Options{})
	require.NoError(t, alice.Verify(ctx, carolAddr, other))
	require.True(t, matches(alice.Start(ctx, carolAddr, carol.bundle(t, 1)), errUntrusted))
}
