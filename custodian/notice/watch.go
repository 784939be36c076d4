package notice

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"signet.example/signet"
	"signet.example/signet/custodian/notice/tlog"
	"signet.example/signet/session"
)

// A Watch is session.Options.Custody: it keeps a Customer for each peer that has sent a notice, in
// the device's own store, tells it what happens in the session, and says what to show. The custody
// root key of a peer is pinned from its first notice. The zero Watch works.
//
// What a Customer knows is written in the transaction of the message that it follows from, so it
// cannot go back in time without the session. Of peers that have never sent a notice nothing is
// written.
//
// A Watch is safe for concurrent use. Its fields are not to be changed.
type Watch struct {
	Policy *Policy
	// Log is asked for proofs if the Policy has a log, inside the transaction of the message or of
	// Device.RefreshCustody: one that has to be fetched from afar is better fetched ahead.
	Log tlog.Source
}

var _ session.Notices = (*Watch)(nil)

// The rows of a peer. Sightings are left out of a backup that is restored (session.Rewind): a
// record without them is an old one.
const rowCustomer = "custody/"

// A kept is the rows of a peer during a transaction.
type kept struct {
	tx       session.Tx
	peer     signet.Address
	customer *Customer
	seen     *sightings
	stored   []byte // of the customer; nil: no notice has come yet
}

// load reads the rows of the peer and brings them up to what the session says.
func (w *Watch) load(tx session.Tx, c *session.Conversation) (*kept, error) {
	k := &kept{tx: tx, peer: c.Peer}
	var err error
	if k.stored, err = tx.Value(rowCustomer + c.Peer.String()); err != nil {
		return nil, err
	}
	if len(k.stored) == 0 {
		k.stored, k.seen = nil, new(sightings)
		k.customer = NewCustomer(Chat{
			Business: c.Peer, Identity: c.PeerIdentity, Customer: c.Self, Own: c.Identity, Protocol: uint8(c.Version),
		}, w.Policy)
		return k, nil
	}
	if k.customer, err = LoadCustomer(k.stored, w.Policy); err != nil {
		return nil, err
	}
	if !c.PeerIdentity.IsZero() {
		k.customer.SetIdentity(c.PeerIdentity)
	}
	k.customer.SetProtocol(uint8(c.Version))
	row, err := tx.Value(session.RowSightings + c.Peer.String())
	switch {
	case err != nil:
		return nil, err
	case len(row) == 0:
		k.seen = new(sightings)
		k.customer.suspect(Withheld) // it was restored
	default:
		k.seen, err = parseSightings(row)
	}
	return k, err
}

// save writes the rows that have changed.
func (k *kept) save() error {
	row, err := k.customer.AppendBinary(nil)
	if err != nil {
		return err
	}
	if !bytes.Equal(row, k.stored) {
		if err := k.tx.PutValue(rowCustomer+k.peer.String(), row); err != nil {
			return err
		}
	}
	return k.tx.PutValue(session.RowSightings+k.peer.String(), k.seen.bytes())
}

// Received is told of a message.
func (w *Watch) Received(ctx context.Context, tx session.Tx, m *session.Received) (*session.NoticeError, error) {
	kind := Kind(m.Plaintext)
	k, err := w.load(tx, &m.Conversation)
	if err != nil || kind == NoControl && k.stored == nil {
		return nil, err
	}
	at, err := k.observe(m)
	if err != nil {
		return nil, err
	}
	var n *session.NoticeError
	if kind != NoControl {
		n = w.take(ctx, k, &m.Conversation, m.Plaintext, m, at)
		n.Custody = k.show(&m.Conversation)
	}
	return n, k.save()
}

// observe tells the customer what the message says about the session.
func (k *kept) observe(m *session.Received) (at int, err error) {
	saw := k.seen.see(m)
	after := len(k.customer.former) > 0 // a mandate has ended
	if saw.hijack {
		k.customer.Observe(SignalHijack)
	}
	if after && m.Revived {
		k.customer.Observe(SignalOldSession)
	}
	if after && saw.late && saw.revoked {
		k.customer.Observe(SignalRetired)
	}
	if after && saw.turned {
		others, err := k.tx.Archive(k.peer)
		if err != nil {
			return 0, err
		}
		if len(others) == 0 { // new chains push out the old ones of their own session only
			k.customer.Observe(SignalChain)
		}
	}
	return saw.at, nil
}

var (
	errNotForCustomers = errors.New("notice: an acknowledgement is for a business")
	errNoIdentity      = errors.New("notice: no identity key of this peer is accepted yet")
)

// take hands a notice to the customer; m and at say where in the conversation it came, nil if it
// did not.
func (w *Watch) take(ctx context.Context, k *kept, c *session.Conversation, notice []byte, m *session.Received, at int) *session.NoticeError {
	n := &session.NoticeError{Peer: c.Peer, Notice: bytes.Clone(notice)}
	cu := k.customer
	switch Kind(notice) {
	case ControlDelivery:
		before, former := cu.State(c.Now).Statement, slices.Clone(cu.former)
		if n.Reply, n.Refused = cu.Accept(ctx, notice, w.Log, c.Now); n.Refused != nil {
			break
		}
		if m != nil {
			k.seen.excuse(at, uint64(m.Counter))
		}
		if cu.current().Hash() == before {
			break // it was in force
		}
		if m != nil && k.seen.unannounced(at, m, cu.current().statement) {
			cu.Observe(SignalUnannounced)
		}
		if !slices.Equal(former, cu.former) {
			k.seen.retire()
		}
	case ControlGossip:
		n.Refused = cu.Hear(ctx, notice, w.Log, c.Now)
	case ControlProof:
		n.Refused = cu.Judge(notice)
	case ControlAck:
		n.Refused = errNotForCustomers
	default:
		n.Refused = failed(CheckStructure, "not a notice")
	}
	return n
}

// unannounced reports whether a statement that came at position m of chain at comes too late for
// its own word: messages from where it takes effect on are here already.
func (s *sightings) unannounced(at int, m *session.Received, st *Statement) bool {
	if len(st.Grants) == 0 || !bytes.Equal(st.At.Base[:], m.Base) {
		return false
	}
	c := &s.chains[at]
	return s.newest(c.session) != at || c.next > max(uint64(st.At.Counter), uint64(m.Counter)+1) || m.Counter > st.At.Counter
}

// Hear takes a notice that did not come in the conversation.
func (w *Watch) Hear(ctx context.Context, tx session.Tx, c *session.Conversation, notice []byte) (*session.NoticeError, error) {
	k, err := w.load(tx, c)
	if err != nil {
		return nil, err
	}
	if c.PeerIdentity.IsZero() {
		return &session.NoticeError{Peer: c.Peer, Notice: bytes.Clone(notice), Refused: errNoIdentity}, nil
	}
	n := w.take(ctx, k, c, notice, nil, 0)
	n.Custody = k.show(c)
	if k.stored == nil && k.customer.current() == nil {
		return n, nil // whoever handed it over need not be the peer
	}
	return n, k.save()
}

// Refresh asks the log.
func (w *Watch) Refresh(ctx context.Context, tx session.Tx, c *session.Conversation) (*session.NoticeError, error) {
	k, err := w.load(tx, c)
	if err != nil {
		return nil, err
	}
	n := &session.NoticeError{Peer: c.Peer}
	cu := k.customer
	if k.stored == nil || w.Policy == nil || w.Policy.Log == nil || w.Log == nil {
		n.Custody = k.show(c)
		return n, nil
	}
	if k.seen.missing() {
		cu.Observe(SignalMissing)
	}
	missed := cu.doubt == MissingText
	n.Refused = cu.Refresh(ctx, w.Log, c.Now)
	switch {
	case missed && cu.doubt == 0:
		k.seen.forgive() // the log shows that no statement was among what is missing
	case missed && cu.doubt == MissingText:
		cu.doubt = 0 // it is in the sightings
	}
	n.Custody = k.show(c)
	return n, k.save()
}

// Show says what to show.
func (w *Watch) Show(tx session.Tx, c *session.Conversation) (session.Custody, error) {
	k, err := w.load(tx, c)
	if err != nil {
		return session.Custody{}, err
	}
	return k.show(c), nil
}

// Acknowledge takes note that the user was shown a statement.
func (w *Watch) Acknowledge(tx session.Tx, c *session.Conversation, statement [32]byte) error {
	k, err := w.load(tx, c)
	if err != nil || k.stored == nil {
		return err
	}
	k.customer.Acknowledge(statement)
	return k.save()
}

// Barrier is told of a fresh session in place of all others.
func (w *Watch) Barrier(tx session.Tx, c *session.Conversation, replayable bool) error {
	k, err := w.load(tx, c)
	if err != nil || k.stored == nil {
		return err
	}
	lost := k.seen.missing()
	if k.seen = (&sightings{lost: lost}); !replayable {
		k.customer.Observe(SignalBarrier)
	}
	return k.save()
}

// errNoRecord is a Change of a peer that has never sent a notice.
var errNoRecord = errors.New("notice: no notice of this peer has come")

// Change runs f on what is known of a peer, in a transaction of the device's store, and stores what
// f has changed: to compare the number of its custody root key, gossip, or resolve a contradiction.
// The Customer is not used after f. The error is f's, or of a peer that has never sent a notice;
// then nothing changes.
func (w *Watch) Change(tx session.Tx, peer signet.Address, f func(*Customer) error) error {
	row, err := tx.Value(rowCustomer + peer.String())
	if err != nil {
		return err
	}
	if len(row) == 0 {
		return errNoRecord
	}
	c, err := LoadCustomer(row, w.Policy)
	if err != nil {
		return err
	}
	if err := f(c); err != nil {
		return err
	}
	if row, err = c.AppendBinary(nil); err != nil {
		return err
	}
	return tx.PutValue(rowCustomer+peer.String(), row)
}

// shownAs is the kinds of states as a session shows them.
var shownAs = map[StateKind]session.CustodyState{
	Unknown: session.CustodyUnknown, Encrypted: session.CustodyE2EE, Managed: session.CustodyManaged,
	Changed: session.CustodyChanged, Revoked: session.CustodyRevoked, Expired: session.CustodyExpired,
	Contradicted: session.CustodyContradicted,
}

// show is the state as a session shows it.
func (k *kept) show(c *session.Conversation) session.Custody {
	customer := *k.customer
	if k.seen.missing() {
		customer.Observe(SignalMissing)
	}
	s := customer.State(c.Now)
	show := session.Custody{
		State: shownAs[s.Kind], Statement: s.Statement, Acknowledge: len(customer.path) > 0,
		English: s.Text("en"), French: s.Text("fr"),
	}
	add := func(list []Holder, former bool) {
		for _, h := range list {
			show.By = append(show.By, session.CustodyHolder{
				Names: slices.Clone(h.Names), Can: h.Power.Verbs.names(), Quota: h.Power.Quota, Former: former, Operator: h.Operator,
			})
		}
	}
	add(s.Holders, false)
	add(s.Former, true)
	return show
}

// names returns the verbs in the set, in their order.
func (v Verbs) names() (names []string) {
	for i, n := range verbNames {
		if v>>i&1 == 1 {
			names = append(names, n)
		}
	}
	return names
}
