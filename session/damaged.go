package session

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
)

// This file is what becomes of a stored row that does not decode. It counts as missing for whatever
// can replace it, is kept aside when it is replaced, and reported; it never stands in the way of
// what replaces it (docs/decisions/034-recovery-by-itself.md).

// A DamagedError says that a stored row does not decode. It matches ErrRecord. Beside ErrNoSession,
// ErrPreKeyID or group.ErrNoSenderKey it says why there is none.
type DamagedError struct {
	Peer signet.Address // whose row it is; zero for the device's own
	Row  string         // which one: "session", "archive", "identity", "sender key of …" and the like
	Err  error          // what is wrong with it; it has nothing of its contents
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("session: the stored %s of %s is damaged: %v", e.Row, e.Peer, e.Err)
}

// Unwrap makes the error match ErrRecord and the cause.
func (e *DamagedError) Unwrap() []error { return []error{ErrRecord, e.Err} }

const (
	rowDamaged = "damaged/" // begins the names of rows that were kept aside; a number follows
	rowAside   = "damaged"  // how many were

	maxAside     = 16      // rows kept aside
	maxAsideSize = 1 << 18 // bytes of each
)

// A DamagedRow is a row that did not decode and was replaced. It may hold secrets.
type DamagedRow struct {
	Peer   signet.Address
	Row    string
	Record []byte // as it was, the first 256 KiB of it; nil if the store could not give it
}

// Format shows whose row it is, and how long, under every verb.
func (r DamagedRow) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "session.DamagedRow(%s of %s, %d bytes)", r.Row, r.Peer, len(r.Record))
}

// MarshalText is Format in JSON and every other text encoding.
func (r DamagedRow) MarshalText() ([]byte, error) { return fmt.Append(nil, r), nil }

// SetAside keeps a damaged row aside, of which record is what there is, and tells Options.Damaged,
// in the transaction that replaces it: for package group, and for programs with rows of their own.
// The last 16 are kept. record is not modified and not kept.
func (d *Device) SetAside(tx Tx, e *DamagedError, record []byte) error {
	n := uint32(0)
	if row, err := value(tx, rowAside); err != nil {
		return err
	} else if len(row) == 4 {
		n = binary.BigEndian.Uint32(row)
	}
	b := wire.AppendBytes(nil, 1, []byte(e.Peer.Name))
	b = wire.AppendUint(b, 2, uint64(e.Peer.Device))
	b = wire.AppendBytes(b, 3, []byte(e.Row))
	b = wire.AppendBytes(b, 4, record[:min(len(record), maxAsideSize)])
	if err := tx.PutValue(asideName(n), b); err != nil {
		return err
	}
	if err := tx.PutValue(rowAside, binary.BigEndian.AppendUint32(nil, n+1)); err != nil || d.opts.Damaged == nil {
		return err
	}
	return d.call(func() error { return d.opts.Damaged(tx, e) })
}

func asideName(n uint32) string { return fmt.Sprint(rowDamaged, n%maxAside) }

// Damaged returns the rows that were kept aside, in no fixed order: what is left of sessions and
// keys whose rows did not decode, for whoever looks for the cause. Nothing is ever taken from them.
func (d *Device) Damaged(ctx context.Context) (list []DamagedRow, err error) {
	err = d.update(ctx, signet.Address{}, func(tx Tx) error {
		list = nil
		for n := range uint32(maxAside) {
			b, err := value(tx, asideName(n))
			if err != nil {
				return err
			}
			if len(b) == 0 {
				continue
			}
			var r DamagedRow
			var name, row, record []byte
			p := wire.Parse(b)
			for p.Next() {
				switch p.Num() {
				case 1:
					p.Bytes(&name)
				case 2:
					p.Uint32(&r.Peer.Device)
				case 3:
					p.Bytes(&row)
				case 4:
					p.Bytes(&record)
				}
			}
			if p.Err() != nil {
				continue
			}
			r.Peer.Name, r.Row, r.Record = string(name), string(row), append([]byte(nil), record...)
			list = append(list, r)
		}
		return nil
	})
	return list, err
}

// ForgetDamaged removes the rows that were kept aside. They hold the secrets of their time, those
// of messages that have not come yet among them.
func (d *Device) ForgetDamaged(ctx context.Context) error {
	return d.update(ctx, signet.Address{}, func(tx Tx) error {
		for n := range uint32(maxAside) {
			if err := tx.PutValue(asideName(n), nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// value is tx.Value of a row that can be made anew: a damaged one is none.
func value(tx Tx, name string) ([]byte, error) {
	b, err := tx.Value(name)
	if errors.Is(err, ErrRecord) {
		return nil, nil
	}
	return b, err
}

// A damage is a row of a record that does not decode, until it is replaced.
type damage struct {
	err *DamagedError
	row []byte
}

// note takes note of a damaged row.
func (r *record) note(kind string, row []byte, err error) {
	r.damage = append(r.damage, damage{&DamagedError{Peer: r.peer, Row: kind, Err: err}, row})
}

// report keeps what was damaged aside, for it is about to be replaced.
func (r *record) report() error {
	for _, x := range r.damage {
		if err := r.device.SetAside(r.tx, x.err, x.row); err != nil {
			return err
		}
	}
	r.damage = nil
	return nil
}

// noSession is ErrNoSession, with the damage if that is why.
func (r *record) noSession() error {
	if len(r.damage) > 0 {
		return fmt.Errorf("%w with %s: %w", ErrNoSession, r.peer, r.damage[0].err)
	}
	return fmt.Errorf("%w with %s", ErrNoSession, r.peer)
}

// sound returns those previous sessions of an archive that decode, and what is wrong with the
// others. Without others it returns row as it is.
func sound(row []byte) (list []byte, err error) {
	var s wire.Session
	for rest := row; len(rest) > 0; {
		b, raw, after, broken := wire.NextPrevious(rest)
		if broken != nil { // where the next one begins is not known
			return list, fmt.Errorf("%w: previous sessions", ErrRecord)
		}
		if s.Parse(b) != nil {
			err = fmt.Errorf("%w: failed to decode previous session protobuf", ErrRecord)
		} else {
			list = append(list, raw...)
		}
		rest = after
	}
	if err == nil {
		return row, nil
	}
	return list, err
}
