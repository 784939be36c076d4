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
)

// Identity returns the identity key kept in the store's own row, and makes one the first time. It is
// for programs that have no other place for it.
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
	row, err := tx.Value(rowRegistration)
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
	err = d.store.Update(ctx, signet.Address{}, func(tx Tx) error {
		id, err = registrationID(tx, src)
		return err
	})
	return id, err
}

// SetRegistrationID fixes the registration id of a device that has one already. Sessions that exist
// keep the one they were made with.
func (d *Device) SetRegistrationID(ctx context.Context, id uint32) error {
	return d.store.Update(ctx, signet.Address{}, func(tx Tx) error {
		return tx.PutValue(rowRegistration, binary.BigEndian.AppendUint32(nil, id))
	})
}

// Prekey ids are 24 bits (protocol §2.1). Zero and the greatest are left out: some peers read the
// first as "none" and the second as "last resort".
const (
	minID = 1
	maxID = 1<<24 - 2
)

// nextID returns an id that was never given out under this name, or not for the last 16 million. The
// first is random, so that a device that was installed anew does not repeat the ids that a directory
// still hands out.
func nextID(tx Tx, src *entropy.Source, name string) (uint32, error) {
	row, err := tx.Value(name)
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
		if err != nil || row == nil {
			return id, err
		}
	}
}

// PreKeys makes n one-time prekeys and n one-time KEM prekeys, stores them, and returns them with the
// device's current signed prekey and last-resort KEM prekey (made the first time), ready to publish
// (X3DH §3.2, PQXDH §3.2). It returns once they are durable.
func (d *Device) PreKeys(ctx context.Context, n int) (*x3dh.Published, error) {
	if n < 0 {
		return nil, fmt.Errorf("session: %d prekeys", n)
	}
	return d.publish(ctx, n, false)
}

// Rotate replaces the signed prekey and the last-resort KEM prekey and returns the new ones, ready to
// publish; no one-time prekeys are made. The old ones open first messages for SignedPreKeyGrace, until
// Retire removes them. Rotate about once a week.
func (d *Device) Rotate(ctx context.Context) (*x3dh.Published, error) { return d.publish(ctx, 0, true) }

func (d *Device) publish(ctx context.Context, n int, rotate bool) (p *x3dh.Published, err error) {
	src := entropy.From(ctx)
	err = d.store.Update(ctx, signet.Address{}, func(tx Tx) error {
		m := maker{d: d, tx: tx, src: src, now: uint64(d.opts.Now().UnixMilli())}
		p, err = m.publish(n, rotate)
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
	tx  Tx
	src *entropy.Source
	now uint64 // milliseconds
}

func (m *maker) publish(n int, rotate bool) (p *x3dh.Published, err error) {
	p = &x3dh.Published{DeviceID: m.d.self.Device, Identity: m.d.id.PublicKey()}
	if p.RegistrationID, err = registrationID(m.tx, m.src); err != nil {
		return nil, err
	}
	signed, err := m.current(rowSigned, rotate, m.signed, m.tx.SignedPreKey)
	if err != nil {
		return nil, err
	}
	p.SignedPreKey = x3dh.SignedPreKey{ID: signed.ID, Signature: bytes.Clone(signed.Signature)}
	if p.SignedPreKey.Public, err = signet.ParsePublicKey(signed.Public); err != nil {
		return nil, fmt.Errorf("session: stored signed prekey: %w", err)
	}
	last, err := m.current(rowLastResort, rotate, m.kem, m.tx.KEMPreKey)
	if err != nil {
		return nil, err
	}
	p.LastResort = x3dh.KEMPreKey{ID: last.ID, Public: bytes.Clone(last.Public), Signature: bytes.Clone(last.Signature)}
	for range n {
		k, err := m.oneTime()
		if err != nil {
			return nil, err
		}
		p.PreKeys = append(p.PreKeys, k)
		r, err := m.kem()
		if err != nil {
			return nil, err
		}
		p.KEMPreKeys = append(p.KEMPreKeys, x3dh.KEMPreKey{ID: r.ID, Public: r.Public, Signature: r.Signature})
	}
	return p, nil
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

// current returns the newest prekey of a lifetime list, and makes one if there is none or rotate says
// so.
func (m *maker) current(row string, rotate bool, create func() (*wire.PreKey, error), get func(uint32) ([]byte, error)) (*wire.PreKey, error) {
	list, err := lifetimes(m.tx, row)
	if err != nil {
		return nil, err
	}
	if len(list) > 0 && !rotate {
		b, err := get(list[0].id)
		if err != nil {
			return nil, err
		}
		k, err := wire.ParsePreKey(b)
		if err != nil || b == nil {
			return nil, fmt.Errorf("session: stored prekey %d is missing or damaged", list[0].id)
		}
		return &k, nil
	}
	k, err := create()
	if err != nil {
		return nil, err
	}
	if len(list) > 0 {
		list[0].replaced = m.now
	}
	list = append([]lifetime{{id: k.ID}}, list...)
	return k, m.tx.PutValue(row, appendLifetimes(nil, list))
}

// A lifetime says when a signed prekey or last-resort KEM prekey was replaced, in milliseconds; zero
// for the current one.
type lifetime struct {
	id       uint32
	replaced uint64
}

const lifetimeSize = 4 + 8

// lifetimes reads a list, newest first.
func lifetimes(tx Tx, row string) ([]lifetime, error) {
	b, err := tx.Value(row)
	if err != nil {
		return nil, err
	}
	list, err := parseLifetimes(b)
	if err != nil {
		return nil, fmt.Errorf("session: stored row %s: %w", row, err)
	}
	return list, nil
}

func parseLifetimes(b []byte) ([]lifetime, error) {
	if len(b)%lifetimeSize != 0 {
		return nil, errors.New("session: a list of prekeys is damaged")
	}
	var list []lifetime
	for ; len(b) > 0; b = b[lifetimeSize:] {
		list = append(list, lifetime{binary.BigEndian.Uint32(b), binary.BigEndian.Uint64(b[4:])})
	}
	return list, nil
}

func appendLifetimes(b []byte, list []lifetime) []byte {
	for _, l := range list {
		b = binary.BigEndian.AppendUint32(b, l.id)
		b = binary.BigEndian.AppendUint64(b, l.replaced)
	}
	return b
}

// Retire removes the signed prekeys and last-resort KEM prekeys whose grace has passed, and returns
// how many. First messages that name one of them fail with ErrPreKeyID from then on.
func (d *Device) Retire(ctx context.Context) (n int, err error) {
	grace := uint64(d.opts.SignedPreKeyGrace.Milliseconds())
	err = d.store.Update(ctx, signet.Address{}, func(tx Tx) error {
		n = 0
		now := uint64(d.opts.Now().UnixMilli())
		over := func(l lifetime) bool { return l.replaced != 0 && l.replaced+grace < now }
		signed, err := retire(tx, rowSigned, over, func(id uint32) error {
			return errors.Join(tx.DeleteSignedPreKey(id), tx.ForgetKEMPreKey(markOfSigned(id)))
		})
		if err != nil {
			return err
		}
		last, err := retire(tx, rowLastResort, over, func(id uint32) error {
			return errors.Join(tx.DeleteKEMPreKey(id), tx.ForgetKEMPreKey(id))
		})
		n = signed + last
		return err
	})
	return n, err
}

func retire(tx Tx, row string, over func(lifetime) bool, remove func(uint32) error) (n int, err error) {
	list, err := lifetimes(tx, row)
	if err != nil {
		return 0, err
	}
	var keep []lifetime
	for _, l := range list {
		if !over(l) {
			keep = append(keep, l)
			continue
		}
		if err := remove(l.id); err != nil {
			return 0, err
		}
		n++
	}
	if n == 0 {
		return 0, nil
	}
	return n, tx.PutValue(row, appendLifetimes(nil, keep))
}

// Stock returns how many one-time prekeys of each kind are left.
func (d *Device) Stock(ctx context.Context) (preKeys, kemPreKeys int, err error) {
	err = d.store.Update(ctx, signet.Address{}, func(tx Tx) error {
		if preKeys, err = tx.CountPreKeys(); err != nil {
			return err
		}
		last, err := lifetimes(tx, rowLastResort)
		if err != nil {
			return err
		}
		kemPreKeys, err = tx.CountKEMPreKeys()
		kemPreKeys -= len(last)
		return err
	})
	return preKeys, kemPreKeys, err
}
