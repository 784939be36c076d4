// Package session holds conversations: it keeps a device's sessions, prekeys and accepted
// identities in a [Store] and turns plaintexts into messages and back (Sesame, revision 2, as
// deployed: protocol §2, §4, §7, §9).
//
// # The promise
//
// No message key is used twice, even after a crash. Encrypt returns a ciphertext only after the
// advanced ratchet is durable; Decrypt returns a plaintext only after the key that opened it is
// gone. A crash in between loses a message key and never reuses one. A restored backup of the store
// rolls back time, which no store can see: call [Device.ArchiveAll] after a restore.
//
// # Concurrency
//
// A Device has no state of its own and is safe for concurrent use. Operations that name the same
// peer run one after another, in the store.
//
// # Trust
//
// All devices of a user, which is a name, have one identity key, as Signal's do. It is accepted on
// first use, and compared in the transaction of every operation that begins a session or uses one,
// whatever way the session came into the store. Under the device's own name it is the device's own
// key. A changed key is an [UntrustedIdentityError] and changes nothing until [Device.Trust]
// accepts it; a message refused for that reason can be decrypted afterwards. A session with another
// key than the accepted one does not send: it counts as none. Options.DeviceIdentities is for
// networks in which each device has a key of its own.
//
// A name is what the caller says. Messages of version 4 between service ids are bound to both
// names; with names of other forms the identity keys are all that a message is bound to, so that
// whoever delivers can pass off the first messages of a peer that is not known yet as those of
// another name that is not known, either. What vouches for a name and a key together, such as the
// certificate of a sealed envelope, ends that ([Device.DecryptFrom]), and so does comparing safety
// numbers.
package session

import (
	"errors"
	"fmt"
	"time"

	"signet.example/signet"
	"signet.example/signet/internal/steps"
	"signet.example/signet/internal/wire"
	"signet.example/signet/x3dh"
)

// A MessageType says how a message is to be decrypted. The values are the official client's.
type MessageType uint8

// The two kinds of message of a session.
const (
	TypeSignal MessageType = 2 // an ordinary message
	TypePreKey MessageType = 3 // carries the key agreement too, until the peer has answered
)

func (t MessageType) String() string {
	switch t {
	case TypeSignal:
		return "Whisper"
	case TypePreKey:
		return "PreKey"
	case TypeSenderKey:
		return "SenderKey"
	case TypePlaintext:
		return "Plaintext"
	}
	return fmt.Sprintf("MessageType(%d)", uint8(t))
}

// A Message is what travels to the peer.
type Message struct {
	Type MessageType
	Body []byte
}

// Options adjusts a Device. The zero value works.
type Options struct {
	// AllowX3DH lets sessions of version 3 begin: bundles without a KEM prekey are accepted, and first
	// messages of version 3. It is for WhatsApp-class peers; such sessions have no post-quantum
	// protection, and a directory that strips a bundle's KEM prekey leads to one.
	AllowX3DH bool
	// AcceptKeyless accepts messages that carry no post-quantum key in sessions of version 4 at any
	// time, as the official client does. Without, one is refused once a message with a key was
	// received: no honest peer writes it by then, and whoever holds the elliptic-curve half of a
	// session alone could forge with it for as long as the session lives (spqr §6.4).
	AcceptKeyless bool
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// SignedPreKeyGrace is how long a replaced signed prekey or last-resort KEM prekey still opens
	// first messages, from the day on which its successor is known to be published. Zero means 30
	// days.
	SignedPreKeyGrace time.Duration
	// MaxUnpublished bounds the one-time prekeys of each kind that are kept without being marked as
	// published (MarkPublished): beyond it, and beyond twice what one call of PreKeys makes, the
	// oldest are deleted. Zero means 200.
	MaxUnpublished int
	// MaxSteps is how many steps of chains a message may cost, over all sessions that it is tried on,
	// before anything shows that it is genuine (decision 021). Zero means 60 000: a message may be 25
	// 000 ahead in each of the two halves of a session, as for the official client. Between two
	// devices of one account, where that client has no limit, this is the limit: two steps for each
	// lost message.
	MaxSteps uint64
	// LowWater is the number of one-time prekeys below which LowPreKeys is called. Zero means 20.
	LowWater int
	// LowPreKeys, if not nil, is called after a first message began a session and fewer than LowWater
	// one-time prekeys are left: it is time to publish more. It is called outside the transaction,
	// from the goroutine of the Decrypt, which waits for it.
	LowPreKeys func(left int)
	// DeviceIdentities says that each device of a user has an identity key of its own, accepted on
	// first use for its address alone, as in WhatsApp-class networks. False is Signal's rule: one key
	// for all devices of a name. Do not change it for a store that is in use.
	DeviceIdentities bool
	// IdentityChanges says what happens when a user comes with another identity key. The zero value
	// refuses it.
	IdentityChanges IdentityPolicy
	// IdentityChanged, if not nil, is called with each key that IdentityChanges has accepted, inside
	// the transaction: rows that it writes commit with the change. An error of it ends the operation
	// and keeps nothing. Like every function that runs in a transaction, it may run again and has no
	// effect outside it.
	IdentityChanged func(tx Tx, c IdentityChange) error
	// Damaged, if not nil, is called with each row that does not decode and is replaced
	// (Device.Damaged has them), inside the transaction that replaces it: rows that it writes commit
	// with that. An error of it ends the operation and keeps nothing. It may run again, like
	// IdentityChanged.
	Damaged func(tx Tx, e *DamagedError) error
	// Custody, if not nil, judges who else holds the keys of conversations: Device.Custody shows it,
	// and Decrypt returns a *NoticeError for messages that are notices. Nil costs nothing.
	Custody Notices
}

// A Device is one end of conversations: an identity, an address and the records in a Store. It is
// safe for concurrent use.
type Device struct {
	self  signet.Address
	id    x3dh.Identity
	store Store
	opts  Options
}

// NewDevice returns the Device with the address self. Nil opts means the defaults. The identity key
// is the caller's to keep; [Identity] keeps one in the store.
func NewDevice(self signet.Address, id x3dh.Identity, store Store, opts *Options) *Device {
	d := &Device{self: self, id: id, store: store}
	if opts != nil {
		d.opts = *opts
	}
	if d.opts.Now == nil {
		d.opts.Now = time.Now
	}
	if d.opts.SignedPreKeyGrace == 0 {
		d.opts.SignedPreKeyGrace = 30 * 24 * time.Hour
	}
	if d.opts.MaxUnpublished == 0 {
		d.opts.MaxUnpublished = 200
	}
	if d.opts.MaxSteps == 0 {
		d.opts.MaxSteps = steps.Default
	}
	if d.opts.LowWater == 0 {
		d.opts.LowWater = 20
	}
	return d
}

// Address returns the device's own address.
func (d *Device) Address() signet.Address { return d.self }

// Identity returns the device's public identity key.
func (d *Device) Identity() signet.PublicKey { return d.id.PublicKey() }

// String names the device and shows nothing else.
func (d *Device) String() string { return "session.Device(" + d.self.String() + ")" }

// GoString is String: a Device holds an identity key.
func (d *Device) GoString() string { return d.String() }

// Errors that a caller can act on. Others are sentences.
var (
	// ErrNoSession is an operation that needs a session where there is none, or where the only one has
	// waited for an answer for more than 30 days or is with another identity than the accepted one:
	// fetch a bundle and Start.
	ErrNoSession = errors.New("session: no session")
	// ErrInvalidMessage is a message that does not parse or does not decrypt. Nothing has changed.
	ErrInvalidMessage = errors.New("session: invalid message")
	// ErrVersion is a message or bundle of a protocol version that is not spoken here.
	ErrVersion = errors.New("session: unsupported version")
	// ErrPreKeyID is a first message that names a prekey we do not have.
	ErrPreKeyID = errors.New("session: invalid prekey identifier")
	// ErrNoCustody is a notice for a Device without Options.Custody.
	ErrNoCustody = errors.New("session: notices of custody are not looked at")
	// ErrRecord is a stored row that is damaged. Where it can be replaced there is another error
	// beside it that says how: ErrNoSession (Start, or the peer's next first message), ErrPreKeyID.
	// See DamagedError.
	ErrRecord = errors.New("session: invalid session record")
)

// invalid is ErrInvalidMessage in the words of the official client.
func invalid(t MessageType, what string) error {
	return fmt.Errorf("%w: invalid %s message: %s", ErrInvalidMessage, t, what)
}

// notParsed classifies an error of a message's parser.
func notParsed(err error) error {
	var v wire.VersionError
	if errors.As(err, &v) {
		return fmt.Errorf("%w: %w", ErrVersion, err)
	}
	return fmt.Errorf("%w: %w", ErrInvalidMessage, err)
}
