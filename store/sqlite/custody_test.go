package sqlite

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/custodian/notice"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/storetest"
)

// TestCustodyOverFaults hands custody over while alice's store fails, or dies, at its k-th call,
// for every k. A message that was not stored is delivered again. What she is shown never runs ahead
// of, nor falls behind, the messages that her session has taken.
func TestCustodyOverFaults(t *testing.T) {
	script := custodyScript(t)
	for name, fresh := range map[string]func(t *testing.T) func() session.Store{
		"memory": func(*testing.T) func() session.Store {
			s := memory.New()
			return func() session.Store { return s }
		},
		"sqlite": func(t *testing.T) func() session.Store {
			path := filepath.Join(quick(t), "signet.db")
			return func() session.Store { return open(t, path, nil) }
		},
	} {
		for _, mode := range []storetest.Mode{storetest.Fail, storetest.Die} {
			t.Run(name, func(t *testing.T) {
				k, step := 1, 1
				if testing.Short() {
					step = 7
				}
				for ; script.play(t, fresh(t), k, mode); k += step {
				}
				require.Greater(t, k, 20)
			})
		}
	}
}

// A custodyCase is what a bakery sends to alice: the same to every alice, whose rows begin with
// record.
type custodyCase struct {
	key      *signet.PrivateKey
	identity signet.PublicKey
	record   []byte
	messages []session.Message
	want     []session.CustodyState // after each message
	now      time.Time
}

func custodyScript(t *testing.T) *custodyCase {
	c := &custodyCase{key: signet.GenerateKey(), now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	key, root := signet.GenerateKey(), notice.GenerateRoot()
	c.identity = key.PublicKey()
	shop := session.NewDevice(bob, key, memory.New(), nil)
	phone := session.NewDevice(alice, c.key, memory.New(), nil)
	stock, err := shop.PreKeys(ctx, 1)
	require.NoError(t, err)
	bundle, err := stock.NextBundle()
	require.NoError(t, err)
	require.NoError(t, phone.Start(ctx, bob, bundle))
	m, err := phone.Encrypt(ctx, bob, []byte("hello"))
	require.NoError(t, err)
	_, err = shop.Decrypt(ctx, alice, m)
	require.NoError(t, err)
	c.record, err = phone.Record(ctx, bob)
	require.NoError(t, err)

	chat := &notice.Chat{Business: bob, Identity: c.identity, Customer: alice, Own: c.key.PublicKey(), Protocol: 4}
	chain := notice.NewBusiness(notice.Conversation, chat, "")
	bind, err := root.Bind(bob.Name, c.identity, c.now)
	require.NoError(t, err)
	say := func(text []byte, want session.CustodyState) {
		m, err := shop.Encrypt(ctx, alice, text)
		require.NoError(t, err)
		c.messages, c.want = append(c.messages, m), append(c.want, want)
	}
	tell := func(terms *notice.Terms, want session.CustodyState) {
		terms.Bound = []signet.PublicKey{c.identity}
		s, err := chain.Issue(root, nil, terms, c.now)
		require.NoError(t, err)
		b, err := chain.Delivery(ctx, s, bind, 0, nil)
		require.NoError(t, err)
		say(b, want)
	}
	tell(&notice.Terms{}, session.CustodyE2EE)
	say([]byte("good morning"), session.CustodyE2EE)
	tell(&notice.Terms{
		Providers: []notice.Provider{{Name: "Acme"}}, Grants: []notice.Grant{{Secrets: notice.Session, Via: notice.Stream}},
	}, session.CustodyChanged)
	say([]byte("ready at six"), session.CustodyManaged) // she has acknowledged it
	tell(&notice.Terms{}, session.CustodyChanged)
	return c
}

// play plays the script with a fault at call k. It reports whether the fault came.
func (c *custodyCase) play(t *testing.T, reopen func() session.Store, k int, mode storetest.Mode) bool {
	opts := &session.Options{Now: func() time.Time { return c.now }, Custody: new(notice.Watch)}
	store := reopen()
	faulty := storetest.Faulty(store, k, mode)
	d := session.NewDevice(alice, c.key, store, opts)
	require.NoError(t, d.SetRecord(ctx, bob, c.record))
	d = session.NewDevice(alice, c.key, faulty, opts)
	try := func(f func() error) {
		for {
			var err error
			died := storetest.Dies(func() { err = f() })
			if died { // the process begins again
				d = session.NewDevice(alice, c.key, reopen(), opts)
				continue
			}
			var n *session.NoticeError
			if errors.As(err, &n) {
				require.NoError(t, n.Refused)
				return
			}
			if !errors.Is(err, storetest.ErrFault) {
				if err != nil && !died { // the death came after the commit
					require.ErrorContains(t, err, "old counter")
				}
				return
			}
		}
	}
	for i, m := range c.messages {
		try(func() error { _, err := d.Decrypt(ctx, bob, m); return err })
		var show session.Custody
		look := func() error { var err error; show, err = d.Custody(ctx, bob); return err }
		try(look)
		if c.want[i] == session.CustodyManaged {
			try(func() error { return d.AcknowledgeCustody(ctx, bob, show) })
			try(look)
		}
		require.Equal(t, c.want[i], show.State, "message %d, call %d: %s", i, k, show.English)
		var again error // the session has taken the message as well
		try(func() error { _, again = d.Decrypt(ctx, bob, m); return again })
		require.ErrorContains(t, again, "old counter", "message %d, call %d", i, k)
	}
	return faulty.Fired()
}
