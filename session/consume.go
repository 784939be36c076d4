package session

import (
	"errors"
	"fmt"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/x3dh"
)

// preKeys loads the secrets that a first message names, in the official order: signed, KEM,
// one-time.
func preKeys(tx Tx, p *wire.PreKeyMessage) (*x3dh.PreKeys, error) {
	keys := new(x3dh.PreKeys)
	var err error
	if keys.SignedPreKey, err = private("signed prekey", p.SignedPreKeyID, tx.SignedPreKey); err != nil {
		return nil, err
	}
	if p.Version >= x3dh.VersionPQXDH {
		r, err := preKey("Kyber prekey", p.KEMPreKeyID, tx.KEMPreKey)
		if err != nil {
			return nil, err
		}
		keys.KEMPreKey = r.Private
	}
	if p.HasPreKey {
		if keys.PreKey, err = private("prekey", p.PreKeyID, tx.PreKey); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// preKey loads a prekey record.
func preKey(kind string, id uint32, get func(uint32) ([]byte, error)) (*wire.PreKey, error) {
	b, err := get(id)
	if errors.Is(err, ErrRecord) {
		return nil, damagedPreKey(kind, id, err)
	}
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, fmt.Errorf("%w: invalid %s identifier %d", ErrPreKeyID, kind, id)
	}
	r, err := wire.ParsePreKey(b)
	if err != nil {
		return nil, damagedPreKey(kind, id, err)
	}
	return &r, nil
}

// damagedPreKey is ErrPreKeyID for a row that does not decode: what helps is a new bundle, as if it
// were gone.
func damagedPreKey(kind string, id uint32, err error) error {
	return fmt.Errorf("%w: %w", ErrPreKeyID, &DamagedError{Row: fmt.Sprintf("%s %d", kind, id), Err: err})
}

// private loads a prekey's private key. The public key of the record is not used: it follows from
// it.
func private(kind string, id uint32, get func(uint32) ([]byte, error)) (*signet.PrivateKey, error) {
	r, err := preKey(kind, id, get)
	if err != nil {
		return nil, err
	}
	k, err := signet.NewPrivateKey(r.Private)
	if err != nil {
		return nil, damagedPreKey(kind, id, err)
	}
	return k, nil
}

// consume removes the one-time prekeys that a new session was made with. If all the prekeys stay
// that its first message named, it remembers the base key (protocol §2.5, decision 020). A first
// message that names a signed prekey shows that it is published. left is how many one-time prekeys
// are left.
func (d *Device) consume(tx Tx, in *incoming) (left int, err error) {
	p := in.first
	if err := d.confirm(tx, rowSigned, p.SignedPreKeyID); err != nil && !errors.Is(err, ErrRecord) {
		return -1, err
	}
	switch {
	case p.Version >= x3dh.VersionPQXDH:
		err = d.consumeKEM(tx, in)
	case !p.HasPreKey:
		err = mark(tx, markOfSigned(p.SignedPreKeyID), in)
	}
	if err != nil {
		return -1, err
	}
	if p.HasPreKey {
		if err := tx.DeletePreKey(p.PreKeyID); err != nil {
			return -1, gone("one-time prekey", p.PreKeyID, err)
		}
	}
	return tx.CountPreKeys()
}

func (d *Device) consumeKEM(tx Tx, in *incoming) error {
	p := in.first
	last, err := lifetimes(tx, rowLastResort)
	if errors.Is(err, ErrRecord) { // it may be a last resort, which others have been given
		return mark(tx, p.KEMPreKeyID, in)
	}
	if err != nil {
		return err
	}
	for _, l := range last {
		if l.id != p.KEMPreKeyID {
			continue
		}
		if err := d.confirmIn(tx, rowLastResort, last, l.id); err != nil {
			return err
		}
		return mark(tx, l.id, in)
	}
	return gone("KEM prekey", p.KEMPreKeyID, tx.DeleteKEMPreKey(p.KEMPreKeyID))
}

// mark remembers a first message. id is that of its KEM prekey, or markOfSigned.
func mark(tx Tx, id uint32, in *incoming) error {
	err := tx.MarkKEMPreKey(id, in.first.SignedPreKeyID, in.base.Bytes())
	if errors.Is(err, ErrReplay) {
		return fmt.Errorf("%w: %w", invalid(TypePreKey, "reused base key"), err)
	}
	return err
}

// withoutKEM is in the ids under which first messages without a KEM prekey are marked. Ids of
// prekeys have 24 bits.
const withoutKEM = 1 << 31

// markOfSigned is the id, among those of KEM prekeys, of the marks that go with a signed prekey.
func markOfSigned(id uint32) uint32 { return withoutKEM | id }

// markAll marks the first messages of all sessions of r, which came from elsewhere and were
// received there. Which prekeys they named is not known any more, so each is marked with all that
// stay.
func (r *record) markAll() error {
	signed, err := lifetimes(r.tx, rowSigned)
	if err != nil {
		return err
	}
	last, err := lifetimes(r.tx, rowLastResort)
	if err != nil {
		return err
	}
	markOne := func(s *ratchet.State) error {
		base := s.BaseKey()
		if len(base) != signet.PublicKeySize {
			return nil // no first message has it
		}
		for _, k := range signed {
			ids := []uint32{markOfSigned(k.id)}
			if s.Version() >= x3dh.VersionPQXDH {
				ids = ids[:0]
				for _, l := range last {
					ids = append(ids, l.id)
				}
			}
			for _, id := range ids {
				if err := r.tx.MarkKEMPreKey(id, k.id, base); err != nil && !errors.Is(err, ErrReplay) {
					return err
				}
			}
		}
		return nil
	}
	if r.current != nil {
		if err := markOne(r.current); err != nil {
			return err
		}
	}
	for rest := r.archive; len(rest) > 0; {
		b, _, after, err := wire.NextPrevious(rest)
		if err != nil {
			return nil // what does not decode opens nothing
		}
		if s, err := r.decode(b); err == nil {
			if err := markOne(s); err != nil {
				return err
			}
		}
		rest = after
	}
	return nil
}

// gone is ErrPreKeyID if another first message has taken the prekey meanwhile.
func gone(kind string, id uint32, err error) error {
	if errors.Is(err, ErrNoRow) {
		return fmt.Errorf("%w: %s %d: %w", ErrPreKeyID, kind, id, err)
	}
	return err
}
