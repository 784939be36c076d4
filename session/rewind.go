package session

import (
	"context"
	"fmt"
	"strings"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
)

// A Rewind turns the rows of an earlier time into rows that a device can go on from: what may have
// been used since then is not used again. Its zero value is ready. The values come first: they say
// which of the prekeys stay. It is used by one goroutine.
//
// Sessions decrypt what is still on its way and never encrypt again. One-time prekeys are left out:
// a first message that consumed one since then could be played again. The identity, the
// registration id, signed prekeys and last-resort KEM prekeys stay.
type Rewind struct {
	lastResort map[uint32]bool
}

// Value reports whether a row of the device's own stays as it is. The counters of prekey ids do
// not: ids given out since then would be given out again; nor does what was seen of a
// conversation's custody, so that the one who judges it knows that what it has is old.
func (r *Rewind) Value(name string, value []byte) (keep bool, err error) {
	if strings.HasPrefix(name, RowSightings) || strings.HasPrefix(name, rowDamaged) {
		return false, nil
	}
	switch name {
	case rowNextPreKey, rowNextSigned, rowNextKEM, rowNewPreKeys, rowNewKEM:
		return false, nil
	case rowLastResort:
		list, err := parseLifetimes(value)
		if err != nil {
			return false, err
		}
		r.lastResort = make(map[uint32]bool)
		for _, l := range list {
			r.lastResort[l.id] = true
		}
	}
	return true, nil
}

// KEMPreKey reports whether a KEM prekey stays.
func (r *Rewind) KEMPreKey(id uint32) bool { return r.lastResort[id] }

// Mark reports whether a mark of a first message stays, which Tx.MarkKEMPreKey was given this id
// for: as long as the prekeys do that the message named. Signed prekeys all stay.
func (r *Rewind) Mark(id uint32) bool { return id&withoutKEM != 0 || r.lastResort[id] }

// Archive returns the archive row of a peer, from its session and archive rows: all sessions are
// previous ones, and none of them encrypts again. What does not decode is left out. The slices are
// not modified and not kept.
func (r *Rewind) Archive(current, archive []byte) []byte { return ended(current, archive) }

// ended is what Rewind.Archive says.
func ended(current, archive []byte) (list []byte) {
	n := 0
	add := func(b []byte) {
		s := new(ratchet.State)
		if n == maxArchived || s.UnmarshalBinary(b) != nil {
			return
		}
		s.EndSending()
		list = append(list, s.Archived()...)
		n++
	}
	if b, _, err := wire.SplitRecord(current); err == nil && b != nil {
		add(b)
	}
	for len(archive) > 0 {
		b, _, rest, err := wire.NextPrevious(archive)
		if err != nil {
			break
		}
		add(b)
		archive = rest
	}
	return list
}

// ArchiveAll archives the current session with every peer, and none of its sessions encrypts again:
// the next message to a peer needs a Start, while messages that are on their way still decrypt. It
// belongs after a database went back in time, before anything else is done with it: the chains may
// have been used further. (A restore with store/backup does more, and does it itself.) Peers that
// appear while it runs are not affected, which is right: their sessions are new.
func (d *Device) ArchiveAll(ctx context.Context) error {
	var peers []signet.Address
	err := d.update(ctx, signet.Address{}, func(tx Tx) error {
		peers = peers[:0]
		for peer, err := range tx.Peers() {
			if err != nil {
				return err
			}
			peers = append(peers, peer)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, peer := range peers {
		if err := d.update(ctx, peer, func(tx Tx) error { return endAll(tx, peer) }); err != nil {
			return fmt.Errorf("session: archive of %s: %w", peer, err)
		}
	}
	return nil
}

func endAll(tx Tx, peer signet.Address) error {
	current, err := tx.Session(peer)
	if err != nil {
		return err
	}
	archive, err := tx.Archive(peer)
	if err != nil {
		return err
	}
	if err := tx.PutArchive(peer, ended(current, archive)); err != nil {
		return err
	}
	return tx.PutSession(peer, nil)
}
