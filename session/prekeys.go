package session

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/kem"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/wire"
	"signet.example/signet/x3dh"
)

// Names of the device's own rows.
const (
	rowIdentity     = "identity"
	rowRegistration = "registration"
	rowSigned       = "signed-prekeys"
	rowLastResort   = "last-resort-prekeys"
	rowNextPreKey   = "next-prekey"
	rowNextSigned   = "next-signed-prekey"
	rowNextKEM      = "next-kem-prekey"
	rowNewPreKeys   = "unpublished-prekeys"
	rowNewKEM       = "unpublished-kem-prekeys"
	rowAge          = "prekey-age"
)

// Identity returns the identity key kept in the store's own row, and makes one the first time. It
// is for programs that have no other place for it.
func Identity(ctx context.Context, store Store) (*signet.PrivateKey, error) {
	var key *signet.PrivateKey
	src := entropy.From(ctx)
	err := store.Update(ctx, signet.Address{}, func(tx Tx) error {
		row, err := tx.Value(rowIdentity)
		if err != nil {
			return err
		}
		if row != nil {
			key, err = signet.NewPrivateKey(row)
			return err
		}
		key = signet.GenerateKeyFrom(src)
		return tx.PutValue(rowIdentity, key.Bytes())
	})
	if err != nil {
		return nil, err
	}
	return key, nil
}

// registrationID returns the device's registration id, 1 to 16380, and draws one the first time.
func registrationID(tx Tx, src *entropy.Source) (uint32, error) {
	row, err := value(tx, rowRegistration)
	if err != nil {
		return 0, err
	}
	if len(row) == 4 {
		return binary.BigEndian.Uint32(row), nil
	}
	var b [8]byte
	src.Read(b[:])
	id := uint32(binary.BigEndian.Uint64(b[:])%16380) + 1
	return id, tx.PutValue(rowRegistration, binary.BigEndian.AppendUint32(nil, id))
}

// RegistrationID returns the number by which peers notice that a device was installed anew.
func (d *Device) RegistrationID(ctx context.Context) (id uint32, err error) {
	src := entropy.From(ctx)
	err = d.update(ctx, signet.Address{}, func(tx Tx) error {
		id, err = registrationID(tx, src)
		return err
	})
	return id, err
}

// SetRegistrationID fixes the registration id of a device that has one already. Sessions that exist
// keep the one they were made with.
func (d *Device) SetRegistrationID(ctx context.Context, id uint32) error {
	return d.update(ctx, signet.Address{}, func(tx Tx) error {
		return tx.PutValue(rowRegistration, binary.BigEndian.AppendUint32(nil, id))
	})
}

const maxPreKeys = 10_000 // made at once

// Prekey ids are 24 bits (protocol §2.1). Zero and the greatest are left out: some peers read the
// first as "none" and the second as "last resort".
const (
	minID = 1
	maxID = 1<<24 - 2
)

// nextID returns an id that was never given out under this name, or not for the last 16 million.
// The first is random, so that a device that was installed anew does not repeat the ids that a
// directory still hands out.
func nextID(tx Tx, src *entropy.Source, name string) (uint32, error) {
	row, err := value(tx, name)
	if err != nil {
		return 0, err
	}
	var id uint32
	if len(row) == 4 {
		id = binary.BigEndian.Uint32(row)
	} else {
		var b [4]byte
		src.Read(b[:])
		id = binary.BigEndian.Uint32(b[:])
	}
	if id < minID || id > maxID {
		id = minID + id%(maxID-minID+1)
	}
	return id, tx.PutValue(name, binary.BigEndian.AppendUint32(nil, id+1))
}

// unusedID is nextID that passes over ids still in use, which matters once they have gone round.
func unusedID(tx Tx, src *entropy.Source, name string, get func(uint32) ([]byte, error)) (uint32, error) {
	for {
		id, err := nextID(tx, src, name)
		if err != nil {
			return 0, err
		}
		row, err := get(id)
		if errors.Is(err, ErrRecord) {
			continue
		}
		if err != nil || row == nil {
			return id, err
		}
	}
}

// PreKeys makes n one-time prekeys and n one-time KEM prekeys, stores them, and returns them with
// the device's current signed prekey and last-resort KEM prekey (made the first time), ready to
// publish (X3DH §3.2, PQXDH §3.2). It returns once they are durable. n is at most 10 000, which are
// 50 MB in the store; peers ask for one pair each, and 100 are customary. The error is ctx's if
// that ends on the way.
//
// Call MarkPublished once they are published. Until then they are on the list of Unpublished, which
// is bounded by Options.MaxUnpublished: the oldest of them are deleted first.
func (d *Device) PreKeys(ctx context.Context, n int) (*x3dh.Published, error) {
	if n < 0 || n > maxPreKeys {
		return nil, fmt.Errorf("session: %d prekeys at once", n)
	}
	return d.prepare(ctx, func(m *maker) (*x3dh.Published, error) { return m.publish(n, true) })
}

// CurvePreKeys is PreKeys for networks of version 3: it makes n elliptic-curve one-time prekeys and
// no KEM prekey of any kind. LastResort and KEMPreKeys of the result are empty.
func (d *Device) CurvePreKeys(ctx context.Context, n int) (*x3dh.Published, error) {
	if n < 0 || n > maxPreKeys {
		return nil, fmt.Errorf("session: %d prekeys at once", n)
	}
	return d.prepare(ctx, func(m *maker) (*x3dh.Published, error) { return m.publish(n, false) })
}

// RetryPreKey makes one elliptic-curve one-time prekey alone, to be sent to one peer beside the
// request for a message that did not decrypt. It counts as published at once, and is in no way
// different afterwards.
func (d *Device) RetryPreKey(ctx context.Context) (*x3dh.Published, error) {
	return d.prepare(ctx, func(m *maker) (*x3dh.Published, error) {
		p, err := m.signedOnly(m.current)
		if err != nil {
			return nil, err
		}
		k, err := m.oneTime()
		p.PreKeys = []x3dh.PreKey{k}
		return p, err
	})
}

// Rotate replaces the signed prekey and the last-resort KEM prekey and returns the new ones, ready
// to publish; no one-time prekeys are made. The old ones open first messages for SignedPreKeyGrace
// from the day on which the new ones are known to be published (MarkPublished, or a first message
// that names them), until Retire removes them. Rotate about once a week. After eight rotations that
// were not published it returns the newest again.
func (d *Device) Rotate(ctx context.Context) (*x3dh.Published, error) {
	return d.prepare(ctx, func(m *maker) (*x3dh.Published, error) {
		p, err := m.signedOnly(m.renew)
		if err != nil {
			return nil, err
		}
		signed, err := lifetimes(m.tx, rowSigned)
		if err != nil {
			return nil, err
		}
		last, err := lifetimes(m.tx, rowLastResort)
		if errors.Is(err, ErrRecord) {
			return p, m.lastResort(p, m.renew)
		}
		if err != nil || len(last) == 0 && len(signed) > 1 {
			return p, err // a device that has offered no KEM prekeys so far
		}
		return p, m.lastResort(p, m.renew)
	})
}

// prepare runs f with a maker of prekeys, in a transaction.
func (d *Device) prepare(ctx context.Context, f func(*maker) (*x3dh.Published, error)) (p *x3dh.Published, err error) {
	src := entropy.From(ctx)
	err = d.update(ctx, signet.Address{}, func(tx Tx) error {
		p, err = f(&maker{d: d, ctx: ctx, tx: tx, src: src, now: uint64(max(0, d.opts.Now().UnixMilli()))})
		return err
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// A maker makes prekeys in one transaction.
type maker struct {
	d   *Device
	ctx context.Context
	tx  Tx
	src *entropy.Source
	now uint64 // milliseconds
}

// publish makes n one-time prekeys, with KEM prekeys as many of those and the last resort, and
// gathers them with the current signed prekey.
func (m *maker) publish(n int, withKEM bool) (*x3dh.Published, error) {
	p, err := m.signedOnly(m.current)
	if err != nil {
		return nil, err
	}
	if withKEM {
		if err := m.lastResort(p, m.current); err != nil {
			return nil, err
		}
	}
	var ids, kemIDs []uint32
	for range n {
		if err := m.ctx.Err(); err != nil {
			return nil, err
		}
		k, err := m.oneTime()
		if err != nil {
			return nil, err
		}
		p.PreKeys, ids = append(p.PreKeys, k), append(ids, k.ID)
		if !withKEM {
			continue
		}
		r, err := m.kem()
		if err != nil {
			return nil, err
		}
		p.KEMPreKeys = append(p.KEMPreKeys, x3dh.KEMPreKey{ID: r.ID, Public: r.Public, Signature: r.Signature})
		kemIDs = append(kemIDs, r.ID)
	}
	if err := m.unpublished(rowNewPreKeys, ids, m.tx.DeletePreKey); err != nil {
		return nil, err
	}
	return p, m.unpublished(rowNewKEM, kemIDs, m.tx.DeleteKEMPreKey)
}

// A lifeOf says which prekey of a list of lifetimes is the current one: current or renew.
type lifeOf func(row string, create func() (*wire.PreKey, error), get func(uint32) ([]byte, error)) (*wire.PreKey, error)

// signedOnly begins what is published with the identity and a signed prekey.
func (m *maker) signedOnly(of lifeOf) (p *x3dh.Published, err error) {
	p = &x3dh.Published{DeviceID: m.d.self.Device, Identity: m.d.id.PublicKey()}
	if p.RegistrationID, err = registrationID(m.tx, m.src); err != nil {
		return nil, err
	}
	signed, err := of(rowSigned, m.signed, m.tx.SignedPreKey)
	if err != nil {
		return nil, err
	}
	p.SignedPreKey = x3dh.SignedPreKey{ID: signed.ID, Signature: bytes.Clone(signed.Signature)}
	if p.SignedPreKey.Public, err = signet.ParsePublicKey(signed.Public); err != nil {
		return nil, fmt.Errorf("session: stored signed prekey: %w", err)
	}
	return p, nil
}

// lastResort adds a last-resort KEM prekey to what is published.
func (m *maker) lastResort(p *x3dh.Published, of lifeOf) error {
	last, err := of(rowLastResort, m.kem, m.tx.KEMPreKey)
	if err != nil {
		return err
	}
	p.LastResort = x3dh.KEMPreKey{ID: last.ID, Public: bytes.Clone(last.Public), Signature: bytes.Clone(last.Signature)}
	return nil
}

func (m *maker) oneTime() (k x3dh.PreKey, err error) {
	if k.ID, err = unusedID(m.tx, m.src, rowNextPreKey, m.tx.PreKey); err != nil {
		return k, err
	}
	key := signet.GenerateKeyFrom(m.src)
	k.Public = key.PublicKey()
	r := wire.PreKey{ID: k.ID, Public: k.Public.Bytes(), Private: key.Bytes()}
	return k, m.tx.PutPreKey(k.ID, wire.AppendPreKey(nil, &r))
}

func (m *maker) signed() (*wire.PreKey, error) {
	id, err := unusedID(m.tx, m.src, rowNextSigned, m.tx.SignedPreKey)
	if err != nil {
		return nil, err
	}
	key := signet.GenerateKeyFrom(m.src)
	r := &wire.PreKey{ID: id, Public: key.PublicKey().Bytes(), Private: key.Bytes(), Timestamp: m.now}
	if err := m.sign(r); err != nil {
		return nil, err
	}
	return r, m.tx.PutSignedPreKey(id, wire.AppendPreKey(nil, r))
}

func (m *maker) kem() (*wire.PreKey, error) {
	id, err := unusedID(m.tx, m.src, rowNextKEM, m.tx.KEMPreKey)
	if err != nil {
		return nil, err
	}
	var seed [kem.SeedSize]byte
	m.src.Read(seed[:])
	r := &wire.PreKey{ID: id, Timestamp: m.now}
	r.Public, r.Private = kem.Generate(&seed)
	secret.Wipe(seed[:])
	if err := m.sign(r); err != nil {
		return nil, err
	}
	return r, m.tx.PutKEMPreKey(id, wire.AppendPreKey(nil, r))
}

func (m *maker) sign(r *wire.PreKey) error {
	sig, err := m.d.id.Sign(r.Public)
	if err != nil {
		return fmt.Errorf("session: signing a prekey: %w", err)
	}
	r.Signature = sig[:]
	return nil
}

// current returns the newest prekey of a list of lifetimes, and makes one if there is none.
func (m *maker) current(row string, create func() (*wire.PreKey, error), get func(uint32) ([]byte, error)) (*wire.PreKey, error) {
	list, err := m.lifetimes(row)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return m.add(row, list, create)
	}
	b, err := get(list[0].id)
	var k wire.PreKey
	if err == nil && b != nil {
		if k, err = wire.ParsePreKey(b); err == nil {
			return &k, nil
		}
		err = fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if err != nil && !errors.Is(err, ErrRecord) {
		return nil, err
	}
	if err != nil { // nobody can use it: another takes its place
		damaged := &DamagedError{Row: fmt.Sprintf("%s %d", row, list[0].id), Err: err}
		if err := m.d.SetAside(m.tx, damaged, b); err != nil {
			return nil, err
		}
	}
	return m.add(row, list, create)
}

// lifetimes is a list of lifetimes that may be begun anew: a damaged one is kept aside.
func (m *maker) lifetimes(row string) ([]lifetime, error) {
	list, err := lifetimes(m.tx, row)
	damaged, ok := errors.AsType[*DamagedError](err)
	if !ok && errors.Is(err, ErrRecord) {
		damaged, ok = &DamagedError{Row: row, Err: err}, true
	}
	if !ok {
		return list, err
	}
	b, _ := m.tx.Value(row)
	if err := m.d.SetAside(m.tx, damaged, b); err != nil {
		return nil, err
	}
	return nil, m.tx.PutValue(row, nil)
}

// renew puts a new prekey in front of a list of lifetimes, and returns it.
func (m *maker) renew(row string, create func() (*wire.PreKey, error), get func(uint32) ([]byte, error)) (*wire.PreKey, error) {
	list, err := m.lifetimes(row)
	if err != nil {
		return nil, err
	}
	if unconfirmed(list) >= maxUnconfirmed {
		return m.current(row, create, get)
	}
	return m.add(row, list, create)
}

// add puts a new prekey in front of a list.
func (m *maker) add(row string, list []lifetime, create func() (*wire.PreKey, error)) (*wire.PreKey, error) {
	k, err := create()
	if err != nil {
		return nil, err
	}
	list = append([]lifetime{{id: k.ID}}, list...)
	return k, m.tx.PutValue(row, appendLifetimes(nil, list))
}

// Stock returns how many one-time prekeys of each kind are left.
func (d *Device) Stock(ctx context.Context) (preKeys, kemPreKeys int, err error) {
	err = d.update(ctx, signet.Address{}, func(tx Tx) error {
		if preKeys, err = tx.CountPreKeys(); err != nil {
			return err
		}
		last, err := lifetimes(tx, rowLastResort)
		if err != nil && !errors.Is(err, ErrRecord) {
			return err
		}
		kemPreKeys, err = tx.CountKEMPreKeys()
		kemPreKeys -= len(last)
		return err
	})
	return preKeys, kemPreKeys, err
}
