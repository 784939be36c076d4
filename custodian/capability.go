package custodian

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"signet.example/signet"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// An Owner is whoever answers for a device: it has the identity key and the store in its hands, and
// is told of every secret that leaves them.
type Owner struct {
	Self     signet.Address
	Identity *signet.PrivateKey
	Store    session.Store    // must be empty; the capability follows it from its first row
	Options  *session.Options // of the device; nil means the defaults

	// Audit is called before secrets leave the store, and an error keeps them there. It must not be
	// nil, and should write where the holder of the secrets cannot.
	Audit func(ctx context.Context, e AuditEvent) error

	// Receivers, if not nil, has who acknowledges parcels, by the To of grants. Each signs before it
	// gets one, and who is not listed gets nothing. The receipts of a recording are in its bundles.
	Receivers map[string]*Receiver
}

// An AuditEvent says that secrets are about to leave a store. It holds none of them.
type AuditEvent struct {
	Time   time.Time
	Device signet.Address // whose secrets
	Peer   signet.Address // of which conversation
	Grant  Grant          // by which grant, and to whom
	Values int            // how many values leave
	SHA256 [32]byte       // of the parcel that carries them
}

// A Capability is the right to let secrets leave one device's store. Only NewCapability makes one,
// for whoever has the identity key and the store; the zero Capability permits nothing. It redacts
// itself, and is safe for concurrent use.
type Capability struct{ c **capability } // two pointers deep: fmt ignores the methods of hidden fields

type capability struct {
	owner Owner
	tap   *tappedStore
	party *party
}

var (
	errOwner = errors.New("custodian: a capability takes an identity key, a store and an audit")
	errNoCap = errors.New("custodian: the zero Capability permits nothing")
)

// NewCapability returns the right to export from an owner's store, and a device on it.
func NewCapability(o Owner) (Capability, error) {
	if o.Identity == nil || o.Store == nil || o.Audit == nil {
		return Capability{}, errOwner
	}
	p := &party{self: o.Self, key: o.Identity, mirror: memory.New(), options: new(session.Options)}
	tap := &tappedStore{store: &mirror{store: o.Store, memory: p.mirror}, ids: make(map[parcel.Kind][]uint32)}
	p.store = tap
	p.device = session.NewDevice(o.Self, o.Identity, tap, o.Options)
	if o.Options != nil {
		*p.options = *o.Options
		p.options.LowPreKeys = nil // copies of the receiver do not call the program
	}
	c := &capability{owner: o, tap: tap, party: p}
	return Capability{&c}, nil
}

// Device is the device on the owner's store. All use of the store goes through it.
func (c Capability) Device() *session.Device {
	if c.c == nil {
		return nil
	}
	return (*c.c).party.device
}

// Export lets the secrets that g.Atoms names leave the conversation with peer as they are now, in
// the form of a parcel: what a grant by copy hands over. The owner's audit is told first. What does
// not exist at the moment is left out, and so are texts, which a store does not keep: a Recording
// has them. Other fields of g than Name, To and Atoms are for the audit alone. The error is a
// *ScenarioError for a grant that names no secrets, or what the store, the audit or the receiver's
// Sign returned.
func Export(ctx context.Context, c Capability, peer signet.Address, g Grant) (parcel.Parcel, error) {
	if c.c == nil {
		return parcel.Parcel{}, errNoCap
	}
	atoms, unknown := expand(g.Atoms)
	if unknown != "" || len(atoms) == 0 {
		return parcel.Parcel{}, wrong("grant.atoms", "unknown atom %q", unknown)
	}
	p := *(*c.c).party
	p.peer, p.history = peer, nil
	(*c.c).tap.tell(&p)
	states, err := p.states(ctx)
	if err != nil {
		return parcel.Parcel{}, err
	}
	entries, _, _, err := p.export(ctx, states, atoms, 0)
	if err != nil {
		return parcel.Parcel{}, err
	}
	out := parcel.New(entries)
	if _, err := (*c.c).audit(ctx, peer, &g, len(entries), out.Bytes()); err != nil {
		return parcel.Parcel{}, err
	}
	return out, nil
}

// audit tells the owner what is about to leave, and returns the receipt of who is to get it, if
// there are any.
func (c *capability) audit(ctx context.Context, peer signet.Address, g *Grant, values int, b []byte) ([]byte, error) {
	now := time.Now
	if c.party.options.Now != nil {
		now = c.party.options.Now
	}
	e := AuditEvent{Time: now(), Device: c.owner.Self, Peer: peer, Grant: *g, Values: values, SHA256: sha256.Sum256(b)}
	if err := c.owner.Audit(ctx, e); err != nil {
		return nil, fmt.Errorf("custodian: the audit keeps the secrets: %w", err)
	}
	return c.acknowledged(ctx, e)
}

const redactedCapability = "custodian.Capability(…)"

// Format redacts the capability under every verb.
func (Capability) Format(f fmt.State, _ rune) { io.WriteString(f, redactedCapability) }

// LogValue redacts the capability in slog.
func (Capability) LogValue() slog.Value { return slog.StringValue(redactedCapability) }

// MarshalText redacts the capability in JSON and every other text encoding.
func (Capability) MarshalText() ([]byte, error) { return []byte(redactedCapability), nil }

// Format redacts the owner under every verb.
func (Owner) Format(f fmt.State, _ rune) { io.WriteString(f, "custodian.Owner(…)") }

// LogValue redacts the owner in slog.
func (Owner) LogValue() slog.Value { return slog.StringValue("custodian.Owner(…)") }

// MarshalText redacts the owner in JSON and every other text encoding.
func (Owner) MarshalText() ([]byte, error) { return []byte("custodian.Owner(…)"), nil }

// A tappedStore remembers the ids of the prekeys that were ever written, which a store does not
// list.
type tappedStore struct {
	store session.Store
	mu    sync.Mutex
	ids   map[parcel.Kind][]uint32
}

// Update is that of the store.
func (s *tappedStore) Update(ctx context.Context, peer signet.Address, f func(session.Tx) error) error {
	return s.store.Update(ctx, peer, func(tx session.Tx) error { return f(&tappedTx{tx, s}) })
}

func (s *tappedStore) note(kind parcel.Kind, id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids[kind] = note(s.ids[kind], id)
}

// tell gives a party the ids that are known.
func (s *tappedStore) tell(p *party) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.signed = append([]uint32(nil), s.ids[parcel.SignedPreKey]...)
	p.oneTime = append([]uint32(nil), s.ids[parcel.OneTimePreKey]...)
	p.kem = append([]uint32(nil), s.ids[parcel.KyberPreKey]...)
}

type tappedTx struct {
	session.Tx
	s *tappedStore
}

func (t *tappedTx) PutPreKey(id uint32, b []byte) error {
	t.s.note(parcel.OneTimePreKey, id)
	return t.Tx.PutPreKey(id, b)
}

func (t *tappedTx) PutSignedPreKey(id uint32, b []byte) error {
	t.s.note(parcel.SignedPreKey, id)
	return t.Tx.PutSignedPreKey(id, b)
}

func (t *tappedTx) PutKEMPreKey(id uint32, b []byte) error {
	t.s.note(parcel.KyberPreKey, id)
	return t.Tx.PutKEMPreKey(id, b)
}
