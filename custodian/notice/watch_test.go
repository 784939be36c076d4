package notice

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	stores "signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

// A line is a conversation of a shop with alice, whose device watches custody.
type line struct {
	*shop
	shopAddr, aliceAddr signet.Address
	bakery, alice       *session.Device
	home, phone         *stores.Store // their stores
	aliceKey            *signet.PrivateKey
	watch               *Watch
	latest              *Signed
}

// issue makes the next statement.
func (l *line) issue(t *Terms) *Signed {
	l.latest = l.shop.issue(t)
	return l.latest
}

// base is the base key of the current session.
func (l *line) base() []byte {
	record, err := l.bakery.Record(ctx, l.aliceAddr)
	require.NoError(l.t, err)
	current, _, err := wire.SplitRecord(record)
	require.NoError(l.t, err)
	var s ratchet.State
	require.NoError(l.t, s.UnmarshalBinary(current))
	return s.BaseKey()
}

func newLine(t testing.TB, witnesses int) *line {
	s := newShop(t, Account, witnesses)
	c := chatOf(s.identity.PublicKey(), "alice")
	l := &line{
		shop: s, shopAddr: c.Business, aliceAddr: c.Customer, home: stores.New(), phone: stores.New(),
		aliceKey: signet.GenerateKeyFrom(seeded("identity of ", "alice")),
	}
	l.bakery = session.NewDevice(l.shopAddr, s.identity, l.home, &session.Options{Now: l.clock})
	l.restart()
	require.NoError(t, l.alice.Start(ctx, l.shopAddr, l.bundle()))
	l.turn(1)
	return l
}

func (l *line) clock() time.Time { return l.now }

// restart makes a new device over alice's rows.
func (l *line) restart() {
	l.watch = new(Watch)
	if l.trust != nil {
		l.watch = &Watch{Policy: l.policy(), Log: l.source()}
	}
	l.alice = session.NewDevice(l.aliceAddr, l.aliceKey, l.phone, &session.Options{Now: l.clock, Custody: l.watch})
}

func (l *line) bundle() *x3dh.Bundle {
	stock, err := l.bakery.PreKeys(ctx, 1)
	require.NoError(l.t, err)
	b, err := stock.NextBundle()
	require.NoError(l.t, err)
	return b
}

// says is a message of the bakery that has not arrived.
func (l *line) says(text []byte) session.Message {
	m, err := l.bakery.Encrypt(ctx, l.aliceAddr, text)
	require.NoError(l.t, err)
	return m
}

// hears is a text that arrives.
func (l *line) hears(m session.Message) {
	l.t.Helper()
	_, err := l.alice.Decrypt(ctx, l.shopAddr, m)
	require.NoError(l.t, err)
}

// noticed is a notice that arrives.
func (l *line) noticed(m session.Message) *session.NoticeError {
	l.t.Helper()
	text, err := l.alice.Decrypt(ctx, l.shopAddr, m)
	require.Nil(l.t, text)
	var n *session.NoticeError
	require.ErrorAs(l.t, err, &n)
	return n
}

// turn lets both write n times.
func (l *line) turn(n int) {
	l.t.Helper()
	for range n {
		m, err := l.alice.Encrypt(ctx, l.shopAddr, []byte("two baguettes"))
		require.NoError(l.t, err)
		_, err = l.bakery.Decrypt(ctx, l.aliceAddr, m)
		require.NoError(l.t, err)
		l.hears(l.says([]byte("ready at six")))
	}
}

// tell issues a statement and delivers it in the conversation.
func (l *line) tell(t *Terms) session.Custody {
	l.t.Helper()
	n := l.noticed(l.says(l.deliver(l.issue(t))))
	require.NoError(l.t, n.Refused)
	back, err := l.alice.Encrypt(ctx, l.shopAddr, n.Reply)
	require.NoError(l.t, err)
	reply, err := l.bakery.Decrypt(ctx, l.aliceAddr, back)
	require.NoError(l.t, err)
	ack, err := ParseAck(reply)
	require.NoError(l.t, err)
	require.True(l.t, l.chain.Acknowledged(ack), "the bakery knows that she was told")
	require.Equal(l.t, n.Custody, l.shows(n.Custody.State))
	return n.Custody
}

// shows requires that alice's device shows a state, and still does after a restart.
func (l *line) shows(want session.CustodyState) session.Custody {
	l.t.Helper()
	show, err := l.alice.Custody(ctx, l.shopAddr)
	require.NoError(l.t, err)
	require.Equal(l.t, want, show.State, show.English)
	l.restart()
	again, err := l.alice.Custody(ctx, l.shopAddr)
	require.NoError(l.t, err)
	require.Equal(l.t, show, again)
	return show
}

func (l *line) acknowledge(seen session.Custody) {
	l.t.Helper()
	require.True(l.t, seen.Acknowledge)
	require.NoError(l.t, l.alice.AcknowledgeCustody(ctx, l.shopAddr, seen))
}

func (l *line) value(name string) (row []byte) {
	require.NoError(l.t, l.phone.Update(ctx, l.shopAddr, func(tx session.Tx) (err error) {
		row, err = tx.Value(name + l.shopAddr.String())
		row = slices.Clone(row)
		return err
	}))
	return row
}

func TestWatch(t *testing.T) {
	l := newLine(t, -1)
	require.Contains(t, l.shows(session.CustodyUnknown).English, "No notice has come yet.")
	require.Nil(t, l.value(session.RowSightings), "nothing is kept of a peer that never sent a notice")

	require.False(t, l.tell(&Terms{}).Acknowledge)
	show := l.shows(session.CustodyE2EE)
	require.Empty(t, show.By)
	require.Contains(t, show.English, "end-to-end encrypted")
	require.Contains(t, show.French, "chiffrés de bout en bout")
	l.turn(3)
	l.shows(session.CustodyE2EE)

	before := show
	show = l.tell(hosted("Acme", Session, Stream))
	require.Equal(t, session.CustodyChanged, show.State)
	require.Len(t, show.By, 1)
	require.Equal(t, []string{"Acme"}, show.By[0].Names)
	require.Subset(t, show.By[0].Can, []string{"read-customer", "write"})
	require.NoError(t, l.alice.AcknowledgeCustody(ctx, l.shopAddr, before))
	l.shows(session.CustodyChanged) // she has acknowledged another statement
	l.acknowledge(show)
	l.turn(2)
	require.Contains(t, l.shows(session.CustodyManaged).French, "Acme")

	l.acknowledge(l.tell(&Terms{}))
	show = l.shows(session.CustodyRevoked)
	require.True(t, show.By[0].Former)
	l.turn(8)
	l.shows(session.CustodyRevoked) // who has the root follows

	require.NoError(t, l.alice.Barrier(ctx, l.shopAddr, l.bundle()))
	l.shows(session.CustodyE2EE)
	m, err := l.alice.Encrypt(ctx, l.shopAddr, []byte("hello again"))
	require.NoError(t, err)
	_, err = l.bakery.Decrypt(ctx, l.aliceAddr, m)
	require.NoError(t, err)
	l.hears(l.says([]byte("hello")))
	l.shows(session.CustodyUnknown) // a notice may have been lost with the old session
	n := l.noticed(l.says(l.deliver(l.latest)))
	require.NoError(t, n.Refused)
	l.shows(session.CustodyE2EE)

	l.now = l.now.Add(9 * days)
	require.Contains(t, l.shows(session.CustodyExpired).English, "expired")
}

// TestWatchForgery: a notice that does not check out is not a text either, and takes "e2ee" away.
func TestWatchForgery(t *testing.T) {
	l := newLine(t, -1)
	l.tell(&Terms{})
	forger := GenerateRootFrom(seeded("forger"))
	chain := *l.chain
	bind, err := forger.Bind("Boulangerie", l.identity.PublicKey(), l.now)
	require.NoError(t, err)
	s, err := chain.Issue(forger, nil, &Terms{Bound: []signet.PublicKey{l.identity.PublicKey()}}, l.now)
	require.NoError(t, err)
	delivery, err := chain.Delivery(ctx, s, bind, 0, nil)
	require.NoError(t, err)
	n := l.noticed(l.says(delivery))
	require.ErrorIs(t, n, CheckRoot)
	require.Nil(t, n.Reply)
	require.Equal(t, session.CustodyUnknown, n.Custody.State)
	l.shows(session.CustodyUnknown)
	for _, junk := range [][]byte{control(ControlDelivery), control(ControlGossip), control(ControlProof), Ack{1, s.Hash()}.bytes()} {
		require.Error(t, l.noticed(l.says(junk)).Refused)
	}
	l.shows(session.CustodyUnknown)
	l.tell(&Terms{}) // the next good one
	l.shows(session.CustodyE2EE)
}

// TestWatchWithheld: a notice that is taken out of the conversation leaves a gap.
func TestWatchWithheld(t *testing.T) {
	l := newLine(t, -1)
	l.tell(&Terms{})
	withheld := l.says(l.deliver(l.issue(hosted("Acme", Session, Stream))))
	l.shows(session.CustodyE2EE) // nobody can know yet
	l.hears(l.says([]byte("good morning")))
	require.Contains(t, l.shows(session.CustodyUnknown).English, "A message is missing")
	l.turn(1)
	l.shows(session.CustodyUnknown)
	require.Equal(t, session.CustodyChanged, l.noticed(withheld).Custody.State)
	l.shows(session.CustodyChanged)

	// The end of a chain shows in the header of the next one.
	l = newLine(t, -1)
	l.tell(&Terms{})
	l.says(l.deliver(l.issue(hosted("Acme", Session, Stream))))
	l.turn(1)
	l.shows(session.CustodyUnknown)

	// So does a text that is late, until it comes.
	l = newLine(t, -1)
	l.tell(&Terms{})
	late := l.says([]byte("late"))
	l.turn(2)
	l.shows(session.CustodyUnknown)
	l.hears(late)
	l.shows(session.CustodyE2EE)

	// A session that takes the place of another hides what the old one lost.
	l = newLine(t, -1)
	l.tell(&Terms{})
	l.says(l.deliver(l.issue(hosted("Acme", Session, Stream))))
	require.NoError(t, l.alice.Start(ctx, l.shopAddr, l.bundle()))
	l.turn(1)
	l.shows(session.CustodyUnknown)
}

// TestWatchLog: with a log, what is withheld is missed without a gap, and a gap that hides nothing
// is forgiven.
func TestWatchLog(t *testing.T) {
	l := newLine(t, 0)
	l.tell(&Terms{})
	l.says([]byte("lost for good"))
	l.turn(1)
	l.shows(session.CustodyUnknown)
	show, err := l.alice.RefreshCustody(ctx, l.shopAddr)
	require.NoError(t, err)
	require.Equal(t, session.CustodyE2EE, show.State)
	l.shows(session.CustodyE2EE)

	l.issue(hosted("Acme", Session, Stream)) // published, and never sent
	show, err = l.alice.RefreshCustody(ctx, l.shopAddr)
	require.NoError(t, err)
	require.Equal(t, session.CustodyUnknown, show.State)
	require.Contains(t, show.English, "A newer notice exists")
	l.shows(session.CustodyUnknown)

	l.watch.Log = unreachable{}
	show, err = l.alice.RefreshCustody(ctx, l.shopAddr)
	var n *session.NoticeError
	require.ErrorAs(t, err, &n)
	require.Equal(t, session.CustodyUnknown, show.State)

	l.restart()
	reply, err := l.alice.HearNotice(ctx, l.shopAddr, []byte("no notice"))
	require.ErrorAs(t, err, &n)
	require.Nil(t, reply)
	// It waits beside the bundle.
	reply, err = l.alice.HearNotice(ctx, l.shopAddr, l.deliver(l.latest))
	require.NoError(t, err)
	require.Equal(t, ControlAck, Kind(reply))
	l.shows(session.CustodyChanged)
}

// TestWatchChains: what was of single chains is gone once the session has dropped them, and no
// sooner.
func TestWatchChains(t *testing.T) {
	quota := &Terms{
		Providers: []Provider{{Name: "Acme"}},
		Grants:    []Grant{{Secrets: SendingChain | PQSendingChain, Via: Quota, Count: 3}},
	}
	for _, again := range []bool{false, true} {
		l := newLine(t, -1)
		if again {
			require.NoError(t, l.alice.Start(ctx, l.shopAddr, l.bundle()))
			l.turn(1)
		}
		l.tell(&Terms{})
		l.acknowledge(l.tell(quota))
		l.turn(1)
		l.shows(session.CustodyManaged)
		l.acknowledge(l.tell(&Terms{}))
		for range retained - 1 {
			l.turn(1)
			l.shows(session.CustodyRevoked)
		}
		l.turn(1)
		if again { // the chain may be of the archived session, which drops none
			l.turn(retained)
			l.shows(session.CustodyRevoked)
			continue
		}
		l.shows(session.CustodyE2EE)
	}
}

// TestWatchSignals: what only the session sees.
func TestWatchSignals(t *testing.T) {
	revoked := func(l *line) {
		l.tell(&Terms{})
		l.acknowledge(l.tell(hosted("Acme", Session, Stream)))
	}
	cases := map[string]struct {
		play   func(l *line)
		doubt  Reason
		judged Reason
	}{
		"a late message on a chain of the mandate": {func(l *line) {
			revoked(l)
			late := l.says([]byte("late"))
			l.turn(1)
			l.acknowledge(l.tell(&Terms{}))
			l.turn(1)
			l.hears(late)
		}, RetiredChain, 0},
		"a late message without any mandate": {func(l *line) {
			l.tell(&Terms{})
			late := l.says([]byte("late"))
			l.turn(1)
			l.tell(&Terms{})
			l.turn(1)
			l.hears(late)
		}, 0, 0},
		"a session of the mandate comes back": {func(l *line) {
			revoked(l)
			late := l.says([]byte("late"))
			l.acknowledge(l.tell(&Terms{}))
			require.NoError(l.t, l.alice.Start(ctx, l.shopAddr, l.bundle()))
			l.turn(1)
			l.hears(late)
		}, OldSession, 0},
		"a chain goes on behind its end": {func(l *line) {
			l.tell(&Terms{})
			l.hears(l.says([]byte("so far")))
			clone := l.clone()
			m, err := l.alice.Encrypt(ctx, l.shopAddr, []byte("how much?"))
			require.NoError(l.t, err)
			_, err = clone.Decrypt(ctx, l.aliceAddr, m) // and the bakery never gets it
			require.NoError(l.t, err)
			m, err = clone.Encrypt(ctx, l.aliceAddr, []byte("a hundred"))
			require.NoError(l.t, err)
			l.hears(m)
			l.shows(session.CustodyE2EE)
			l.says([]byte("refused: the post-quantum half has used this place"))
			l.hears(l.says([]byte("is anybody there?")))
		}, 0, Hijacked},
		"a new chain forgets messages of the one before": {func(l *line) {
			l.tell(&Terms{})
			l.hears(l.says([]byte("so far")))
			clone := l.clone()
			l.hears(l.says([]byte("one more")))
			m, err := l.alice.Encrypt(ctx, l.shopAddr, []byte("how much?"))
			require.NoError(l.t, err)
			_, err = clone.Decrypt(ctx, l.aliceAddr, m)
			require.NoError(l.t, err)
			_, err = clone.Encrypt(ctx, l.aliceAddr, []byte("refused, as above"))
			require.NoError(l.t, err)
			m, err = clone.Encrypt(ctx, l.aliceAddr, []byte("a hundred"))
			require.NoError(l.t, err)
			l.hears(m)
		}, 0, Hijacked},
		"a statement after its own beginning": {func(l *line) {
			l.tell(&Terms{})
			l.turn(1) // a chain with one message
			terms := hosted("Acme", Session, Stream)
			terms.At = Point{Base: [signet.PublicKeySize]byte(l.base()), Counter: 0}
			l.tell(terms)
		}, Unannounced, 0},
		"a statement before its beginning": {func(l *line) {
			l.tell(&Terms{})
			l.turn(1)
			terms := hosted("Acme", Session, Stream)
			terms.At = Point{Base: [signet.PublicKeySize]byte(l.base()), Counter: 2}
			l.tell(terms)
		}, 0, 0},
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, -1)
			cases[name].play(l)
			c, err := LoadCustomer(l.value(rowCustomer), nil)
			require.NoError(t, err)
			require.Equal(t, cases[name].doubt, c.doubt)
			require.Equal(t, cases[name].judged, c.verdict)
			if c.verdict != 0 {
				l.shows(session.CustodyContradicted)
			}
		})
	}
}

// clone is a second writer of the bakery's session.
func (l *line) clone() *session.Device {
	record, err := l.bakery.Record(ctx, l.aliceAddr)
	require.NoError(l.t, err)
	d := session.NewDevice(l.shopAddr, l.identity, stores.New(), nil)
	require.NoError(l.t, d.SetRecord(ctx, l.aliceAddr, record))
	return d
}

// TestWatchRestored: a record that came out of a backup does not say "e2ee".
func TestWatchRestored(t *testing.T) {
	l := newLine(t, -1)
	l.tell(&Terms{})
	var r session.Rewind
	for _, name := range []string{rowCustomer, session.RowSightings} {
		keep, err := r.Value(name+l.shopAddr.String(), l.value(name))
		require.NoError(t, err)
		if !keep {
			require.NoError(t, l.phone.Update(ctx, l.shopAddr, func(tx session.Tx) error {
				return tx.PutValue(name+l.shopAddr.String(), nil)
			}))
		}
	}
	require.Contains(t, l.shows(session.CustodyUnknown).English, "restored from an old copy")
	l.tell(&Terms{})
	l.shows(session.CustodyE2EE)
}

// TestWatchChange: what an application reaches for.
func TestWatchChange(t *testing.T) {
	l := newLine(t, -1)
	change := func(f func(*Customer) error) error {
		return l.phone.Update(ctx, l.shopAddr, func(tx session.Tx) error { return l.watch.Change(tx, l.shopAddr, f) })
	}
	require.Error(t, change(func(*Customer) error { return nil }))
	l.tell(&Terms{})
	require.NoError(t, change(func(c *Customer) error {
		root, pinned := c.Root()
		require.True(t, pinned)
		require.Equal(t, l.root.Root(), root)
		c.Observe(SignalCollision)
		return nil
	}))
	l.shows(session.CustodyContradicted)
	failure := errors.New("no")
	require.ErrorIs(t, change(func(c *Customer) error { c.Resolve(); return failure }), failure)
	l.shows(session.CustodyContradicted)
	require.NoError(t, change(func(c *Customer) error { c.Resolve(); return nil }))
	l.shows(session.CustodyUnknown)
}

// TestWatchNobody: without a watcher, and before first contact.
func TestWatchNobody(t *testing.T) {
	l := newLine(t, -1)
	show, err := l.bakery.Custody(ctx, l.aliceAddr)
	require.NoError(t, err)
	require.Equal(t, session.Custody{}, show)
	require.Equal(t, "unknown", fmt.Sprint(show.State, session.CustodyState(99))[:7])
	_, err = l.bakery.HearNotice(ctx, l.aliceAddr, nil)
	require.ErrorIs(t, err, session.ErrNoCustody)
	stranger := signet.Address{Name: "stranger", Device: 1}
	show, err = l.alice.Custody(ctx, stranger)
	require.NoError(t, err)
	require.Equal(t, session.CustodyUnknown, show.State)
	_, err = l.alice.HearNotice(ctx, stranger, l.deliver(l.issue(&Terms{})))
	require.ErrorIs(t, err, errNoIdentity)
}
