package session

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"signet.example/signet"
	"signet.example/signet/internal/kem"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/wire"
	"signet.example/signet/x3dh"
)

// This file is what a device knows about the publication of its prekeys: a list of those that were
// made and are not known to be published.

// Unpublished returns what the next publication has to carry: the one-time prekeys that were made
// and not marked as published, oldest first, with the current signed prekey and, if there is one,
// the last-resort KEM prekey. Those that were used meanwhile are left out. A publication that
// failed is repeated with it, and no private key is made in vain.
func (d *Device) Unpublished(ctx context.Context) (*x3dh.Published, error) {
	return d.prepare(ctx, func(m *maker) (*x3dh.Published, error) {
		p, err := m.signedOnly(m.current)
		if err != nil {
			return nil, err
		}
		last, err := lifetimes(m.tx, rowLastResort)
		damaged := errors.Is(err, ErrRecord)
		if err != nil && !damaged {
			return nil, err
		}
		if damaged || len(last) > 0 {
			if err := m.lastResort(p, m.current); err != nil {
				return nil, err
			}
		}
		err = listed(m.tx, rowNewPreKeys, m.tx.PreKey, func(r *wire.PreKey) error {
			public, err := signet.ParsePublicKey(r.Public)
			p.PreKeys = append(p.PreKeys, x3dh.PreKey{ID: r.ID, Public: public})
			return err
		})
		if err != nil {
			return nil, err
		}
		return p, listed(m.tx, rowNewKEM, m.tx.KEMPreKey, func(r *wire.PreKey) error {
			k := x3dh.KEMPreKey{ID: r.ID, Public: bytes.Clone(r.Public), Signature: bytes.Clone(r.Signature)}
			p.KEMPreKeys = append(p.KEMPreKeys, k)
			return nil
		})
	})
}

// MarkPublished notes that the directory has p: its one-time prekeys leave the list of Unpublished,
// and the grace of the signed and last-resort prekeys that p replaces begins. p is not modified and
// not kept.
func (d *Device) MarkPublished(ctx context.Context, p *x3dh.Published) error {
	return d.update(ctx, signet.Address{}, func(tx Tx) error {
		if _, err := d.age(tx); err != nil {
			return err
		}
		if err := d.confirm(tx, rowSigned, p.SignedPreKey.ID); err != nil && !errors.Is(err, ErrRecord) {
			return err
		}
		if err := d.confirm(tx, rowLastResort, p.LastResort.ID); err != nil && !errors.Is(err, ErrRecord) {
			return err
		}
		done := make(map[uint32]bool)
		for _, k := range p.PreKeys {
			done[k.ID] = true
		}
		if err := unlist(tx, rowNewPreKeys, done); err != nil {
			return err
		}
		clear(done)
		for _, k := range p.KEMPreKeys {
			done[k.ID] = true
		}
		return unlist(tx, rowNewKEM, done)
	})
}

// unpublished adds ids to a list, and deletes the oldest prekeys on it beyond its bound: what was
// just made twice, or Options.MaxUnpublished if that is more.
func (m *maker) unpublished(row string, ids []uint32, remove func(uint32) error) error {
	if len(ids) == 0 {
		return nil
	}
	list, err := idsOf(m.tx, row)
	if err != nil {
		return err
	}
	list = append(list, ids...)
	for bound := max(m.d.opts.MaxUnpublished, 2*len(ids)); len(list) > bound; list = list[1:] {
		if err := remove(list[0]); err != nil && !errors.Is(err, ErrNoRow) {
			return err
		}
	}
	return putIDs(m.tx, row, list)
}

// listed calls each with the prekeys of a list that are still there.
func listed(tx Tx, row string, get func(uint32) ([]byte, error), each func(*wire.PreKey) error) error {
	list, err := idsOf(tx, row)
	if err != nil {
		return err
	}
	for _, id := range list {
		b, err := get(id)
		if err != nil && !errors.Is(err, ErrRecord) {
			return err
		}
		if err != nil || b == nil {
			continue
		}
		r, err := wire.ParsePreKey(b)
		if err != nil {
			continue // nobody can use it, so it is not handed out
		}
		if err := each(&r); err != nil {
			return fmt.Errorf("session: stored prekey %d: %w", id, err)
		}
	}
	return nil
}

// unlist takes the ids that are done off a list.
func unlist(tx Tx, row string, done map[uint32]bool) error {
	list, err := idsOf(tx, row)
	if err != nil || len(done) == 0 {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(list), func(id uint32) bool { return done[id] })
	if len(left) == len(list) {
		return nil
	}
	return putIDs(tx, row, left)
}

func idsOf(tx Tx, row string) (list []uint32, err error) {
	b, err := value(tx, row)
	if err != nil || len(b)%4 != 0 { // a damaged list is begun anew
		return nil, err
	}
	for ; len(b) > 0; b = b[4:] {
		list = append(list, binary.BigEndian.Uint32(b))
	}
	return list, nil
}

func putIDs(tx Tx, row string, list []uint32) error {
	b := make([]byte, 0, 4*len(list))
	for _, id := range list {
		b = binary.BigEndian.AppendUint32(b, id)
	}
	return tx.PutValue(row, b)
}

// ImportKEMPreKey brings a KEM prekey that another program has published: record is the official
// record (protocol §2.2), some 4.9 kB. One that is a last resort opens any number of first
// messages; it becomes the device's current one if there is none, and is otherwise replaced from
// now on. The error names what is wrong: a record that does not parse, keys that do not belong
// together, a signature that is not this identity's. record is not modified and not kept.
func (d *Device) ImportKEMPreKey(tx Tx, record []byte, lastResort bool) error {
	r, err := wire.ParsePreKey(record)
	if err != nil {
		return fmt.Errorf("session: import: KEM prekey: %w", err)
	}
	if !paired(r.Public, r.Private) {
		return fmt.Errorf("session: import: KEM prekey %d: its keys do not belong together", r.ID)
	}
	if !d.id.PublicKey().Verify(r.Public, r.Signature) {
		return fmt.Errorf("session: import: KEM prekey %d: invalid signature", r.ID)
	}
	if err := tx.PutKEMPreKey(r.ID, bytes.Clone(record)); err != nil || !lastResort {
		return err
	}
	return d.addLifetime(tx, rowLastResort, r.ID)
}

// addLifetime adds an imported prekey to a list of lifetimes: as the current one if there is none,
// and else as one that is replaced from now on.
func (d *Device) addLifetime(tx Tx, row string, id uint32) error {
	list, err := lifetimes(tx, row)
	if err != nil || slices.ContainsFunc(list, func(l lifetime) bool { return l.id == id }) {
		return err
	}
	l := lifetime{id: id}
	if len(list) > 0 {
		if l.replaced, err = d.age(tx); err != nil {
			return err
		}
	}
	return tx.PutValue(row, appendLifetimes(nil, append(list, l)))
}

// paired reports whether a KEM prekey's halves belong together: what is encapsulated to one comes
// out of the other.
func paired(public, private []byte) bool {
	var coins [kem.CoinsSize]byte // nothing is protected by what is agreed here
	ciphertext, sent, err := kem.Encapsulate(public, &coins)
	if err != nil {
		return false
	}
	got, err := kem.Decapsulate(private, ciphertext)
	defer secret.Wipe(got[:])
	return err == nil && equal(sent[:], got[:])
}
