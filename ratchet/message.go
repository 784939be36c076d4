package ratchet

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"math"

	"signet.example/signet"
	"signet.example/signet/internal/cbc"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/spqr"
	"signet.example/signet/internal/steps"
	"signet.example/signet/internal/wire"
)

// Encrypt appends the SignalMessage that carries plaintext to dst and advances the sending chain
// (protocol §5.3). The message is 60 to 90 bytes longer than the plaintext, and up to 39 more with
// the post-quantum half. The spare capacity of dst must not overlap plaintext.
//
// Encrypt parses neither root key nor receiving chains. The error is ErrState if what it needs is
// damaged; then s is unchanged, unless it is Expendable.
func (s *State) Encrypt(dst, plaintext []byte) ([]byte, error) {
	return s.EncryptFrom(nil, dst, plaintext)
}

// EncryptFrom is Encrypt for this module's lab, which brings its own randomness.
func (s *State) EncryptFrom(src *entropy.Source, dst, plaintext []byte) ([]byte, error) {
	if s.expendable {
		return s.encrypt(src, &s.pq, dst, plaintext)
	}
	var trial spqr.State
	return s.encrypt(src, &trial, dst, plaintext)
}

// encrypt is EncryptFrom. The step of the post-quantum half makes pq, which may be that of s.
func (s *State) encrypt(src *entropy.Source, pq *spqr.State, dst, plaintext []byte) ([]byte, error) {
	if err := s.checkSender(); err != nil {
		return nil, err
	}
	if s.rec.Version < wire.V3 || s.rec.Version > wire.V4 {
		return nil, damaged(fmt.Sprintf("unsupported version %d", s.rec.Version))
	}
	if s.rec.Sender.Index == math.MaxUint32 {
		return nil, damaged("the chain's counter is used up")
	}
	var room [spqr.MaxMessage]byte
	message, salt, err := s.sendPQ(pq, src, room[:0])
	if err != nil {
		return nil, err
	}
	seed := messageSeed(s.rec.Sender.Key)
	k := derive(&seed, salt)
	seed.Wipe()
	signed, at := s.frame(dst, len(plaintext), message)
	cbc.Seal(signed[at:at+cbc.Size(len(plaintext))], &k.cipher, &k.iv, plaintext)
	tag := k.tag(s.rec.LocalIdentity, s.rec.RemoteIdentity, signed[len(dst):])
	k.wipe()

	// Nothing can fail from here on.
	s.sendingKey = nextChain(s.rec.Sender.Key) // in the place of the old one, as a rule
	s.rec.Sender.Key = s.sendingKey[:]
	s.rec.Sender.Index++
	s.commitPQ(pq)
	return append(signed, tag[:]...), nil
}

// frame appends the message with room for the ciphertext of n bytes, which it leaves at offset at.
func (s *State) frame(dst []byte, n int, pq []byte) (b []byte, at int) {
	var addresses []byte
	var both [36]byte
	if s.rec.HasPending && s.rec.Version >= wire.V4 && binding(&both, s.local, s.remote) {
		addresses = both[:]
	}
	// What is around these at most: version, ratchet key, two counters, the heads of three fields,
	// MAC.
	const around = 1 + (2 + 33) + 2*(1+5) + (1 + 5) + (1 + 2) + (1 + 1) + wire.MACSize
	if need := around + cbc.Size(n) + len(pq) + len(addresses); cap(dst)-len(dst) < need {
		dst = append(make([]byte, 0, len(dst)+need), dst...)
	}
	return wire.AppendSignalMessage(dst, &wire.SignalMessage{
		Version:         uint8(s.rec.Version),
		RatchetKey:      s.rec.Sender.RatchetKey[:33],
		Counter:         s.rec.Sender.Index,
		PreviousCounter: s.rec.PreviousCounter,
		PQRatchet:       pq,
		Addresses:       addresses,
	}, cbc.Size(n))
}

// binding is the addresses field of protocol §6.2: sender, then receiver. It exists only between
// service ids. The official client writes it on sessions of version 3 too; peers that speak
// version 3 alone compute the MAC over fields 1 to 4 and would refuse it, so there we do not
// (§11.1).
func binding(b *[36]byte, sender, receiver signet.Address) bool {
	from, ok := sender.ServiceID()
	to, ok2 := receiver.ServiceID()
	if !ok || !ok2 || sender.Check() != nil || receiver.Check() != nil {
		return false
	}
	copy(b[:], from[:])
	b[17] = byte(sender.Device)
	copy(b[18:], to[:])
	b[35] = byte(receiver.Device)
	return true
}

// checkSender says whether what sending needs is there, in the official client's words.
func (s *State) checkSender() error {
	if !s.rec.HasSender {
		return damaged("missing sender chain")
	}
	if err := checkSenderChain(&s.rec.Sender); err != nil {
		return err
	}
	return s.checkIdentities()
}

func checkSenderChain(c *wire.Chain) error {
	switch {
	case !isKey(c.RatchetKey):
		return damaged("invalid sender chain ratchet key")
	case len(c.RatchetPriv) != 32:
		return damaged("invalid sender chain private ratchet key")
	case !c.HasKey:
		return damaged("missing sender chain key")
	case len(c.Key) != 32:
		return damaged("invalid sender chain key")
	}
	return nil
}

func (s *State) checkIdentities() error {
	switch {
	case !isKey(s.rec.LocalIdentity):
		return damaged("invalid local identity key")
	case len(s.rec.RemoteIdentity) == 0:
		return damaged("missing remote identity key")
	case !isKey(s.rec.RemoteIdentity):
		return damaged("invalid remote identity key")
	}
	return nil
}

// isKey reports whether b parses as a public key (protocol §1.1).
func isKey(b []byte) bool { return len(b) >= 33 && b[0] == 0x05 }

// Decrypt appends the plaintext of a SignalMessage to dst and advances the State (protocol §5.5).
// It draws 32 random bytes if the message starts a new receiving chain. message is not modified and
// not kept. The spare capacity of dst must not overlap message.
//
// It takes at most 60 000 steps of a chain, whoever the message is from: enough for the 25 000
// messages in each half that it may be ahead, and a bound for two devices of one account, where
// that limit does not hold.
//
// The error matches ErrDuplicate for a message whose key was used, and ErrForgotten for one whose
// key is no longer kept; other errors are sentences, and an authentic message cannot be told from a
// forged one by them. On error s, unless it is Expendable, and the spare capacity of dst are
// unchanged.
func (s *State) Decrypt(dst, message []byte) ([]byte, error) {
	m, err := wire.ParseSignalMessage(message)
	if err != nil {
		return nil, fmt.Errorf("ratchet: %w", err)
	}
	return s.DecryptFrom(nil, dst, &m)
}

// DecryptFrom is Decrypt of a parsed message, for package session, which tries one message on
// several States, and for this module's lab.
func (s *State) DecryptFrom(src *entropy.Source, dst []byte, m *wire.SignalMessage) ([]byte, error) {
	within := steps.New(steps.Default, nil)
	return s.DecryptWithin(&within, src, dst, m)
}

// DecryptWithin is DecryptFrom that takes its steps within those that within allows, which may be
// shared with other States that the message is tried on. The error matches ErrSteps if they do not
// do, and the context's error if within has one that has ended.
func (s *State) DecryptWithin(within *steps.Meter, src *entropy.Source, dst []byte, m *wire.SignalMessage) ([]byte, error) {
	if s.expendable {
		return s.decrypt(within, src, &s.pq, dst, m)
	}
	before := s.rec
	var trial spqr.State
	plaintext, err := s.decrypt(within, src, &trial, dst, m)
	if err != nil {
		s.rec = before
	}
	return plaintext, err
}

// decrypt is DecryptFrom, which takes back what it did to s.rec if it fails. The step of the
// post-quantum half makes pq, which may be that of s.
func (s *State) decrypt(within *steps.Meter, src *entropy.Source, pq *spqr.State, dst []byte, m *wire.SignalMessage) ([]byte, error) {
	if err := s.checkReceiver(m); err != nil {
		return nil, err
	}
	c := s.rec.FindReceiver(m.RatchetKey)
	known := c != nil
	if !known {
		if err := within.Allows(uint64(m.Counter)); err != nil { // agreeing is not for nothing, either
			return nil, err
		}
		var err error
		s.rec.Receivers = append(make([]wire.Chain, 0, len(s.rec.Receivers)+1), s.rec.Receivers...)
		if c, err = ratchet(src, &s.rec, m.RatchetKey); err != nil {
			return nil, err
		}
	}
	chain := *c // the trial; the list may be that of the State before
	limit := uint64(maxJump)
	if uint64(m.Counter) > uint64(chain.Index)+limit {
		limit = s.jumpLimit()
	}
	e, err := take(within, &chain, m.Counter, limit)
	if err != nil {
		return nil, err
	}
	defer e.wipe()
	salt, err := s.receivePQ(within, pq, c, m.PQRatchet)
	if err != nil {
		if known && errors.Is(err, spqr.ErrForgotten) { // else it may be of another session
			err = fmt.Errorf("%w: %w", ErrForgotten, err)
		}
		return nil, err
	}
	k, err := e.derive(salt)
	if err != nil {
		return nil, err
	}
	defer k.wipe()
	if err := s.authenticate(&k, m); err != nil {
		return nil, err
	}
	plaintext, err := cbc.Open(&k.cipher, &k.iv, m.Ciphertext)
	if err != nil {
		return nil, fmt.Errorf("ratchet: %w", err)
	}
	if chain.Index != c.Index { // else the message was a skipped one
		chain.Key = s.placeReceiving(c, &e.next)
	}
	*c = chain
	s.commitPQ(pq)
	s.ClearPending()
	if dst == nil {
		return plaintext, nil
	}
	return append(dst, plaintext...), nil
}

// placeReceiving puts the next key of a chain in the place of the last one, or where the last one's
// was that a message came on.
func (s *State) placeReceiving(c *wire.Chain, next *secret.Key) []byte {
	for i := range s.rec.Receivers {
		if o := &s.rec.Receivers[i]; o != c && s.holds(o.Key) {
			o.Key = bytes.Clone(o.Key)
		}
	}
	s.receivingKey = *next
	return s.receivingKey[:]
}

// holds reports whether a key lies in s.receivingKey.
func (s *State) holds(key []byte) bool { return len(key) > 0 && &key[0] == &s.receivingKey[0] }

// checkReceiver says whether s can be tried on a message at all (protocol §7.3).
func (s *State) checkReceiver(m *wire.SignalMessage) error {
	switch {
	case s.Version() != uint32(m.Version):
		return errVersion
	case !isKey(m.RatchetKey):
		return errors.New("ratchet: invalid ratchet key")
	case len(s.rec.RootKey) != 32:
		return damaged("invalid root key")
	}
	if s.rec.HasSender {
		if err := checkSenderChain(&s.rec.Sender); err != nil {
			return err
		}
	}
	return s.checkIdentities()
}

// ratchet is the Diffie-Hellman ratchet step of The Double Ratchet §3.5: a receiving chain for the
// peer's new key, then a sending chain from a new key of ours. It changes s, which is a trial.
func ratchet(src *entropy.Source, s *wire.Session, theirs []byte) (*wire.Chain, error) {
	if !s.HasSender {
		return nil, damaged("missing sender chain")
	}
	root, chain, sender, err := turn(src, s.RootKey, s.Sender.RatchetPriv, [32]byte(theirs[1:33]))
	if err != nil {
		return nil, err
	}
	s.RootKey = root
	// The last index used on the old chain; 0 stands for "one message" and for "none".
	s.PreviousCounter = max(s.Sender.Index, 1) - 1
	s.Sender = sender
	key := append([]byte(nil), theirs[:33]...) // the message is not kept
	chains := append(s.Receivers, wire.Chain{RatchetKey: key, HasKey: true, Key: chain})
	if len(chains) > maxReceivers {
		chains = chains[len(chains)-maxReceivers:]
	}
	s.Receivers = chains
	return &chains[len(chains)-1], nil
}

// authenticate checks the MAC, then that the message was meant for these two ends. Both failures
// look alike.
func (s *State) authenticate(k *messageKeys, m *wire.SignalMessage) error {
	tag := k.tag(s.rec.RemoteIdentity, s.rec.LocalIdentity, m.Signed)
	if subtle.ConstantTimeCompare(tag[:], m.MAC) != 1 {
		return errMAC
	}
	if m.Addresses == nil {
		return nil
	}
	var want [36]byte
	if !binding(&want, s.remote, s.local) || subtle.ConstantTimeCompare(want[:], m.Addresses) != 1 {
		return errMAC
	}
	return nil
}

var (
	errMAC     = errors.New("ratchet: MAC verification failed")
	errVersion = errors.New("ratchet: unrecognized message version")
)

// jumpLimit is how far a message may advance a chain: without limit between two devices of one
// account (protocol §5.6).
func (s *State) jumpLimit() uint64 {
	if selfSession(s.rec.LocalIdentity, s.rec.RemoteIdentity, s.local, s.remote) {
		return math.MaxUint32
	}
	return maxJump
}

func selfSession(ours, theirs []byte, local, remote signet.Address) bool {
	from, ok := local.ServiceID()
	to, ok2 := remote.ServiceID()
	return ok && ok2 && from == to && subtle.ConstantTimeCompare(ours[:33], theirs[:33]) == 1
}
