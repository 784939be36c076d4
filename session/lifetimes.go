package session

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"signet.example/signet"
)

// This file is how long prekeys live that open more than one first message: signed prekeys and
// last-resort KEM prekeys.

const (
	// maxUnconfirmed is how many generations may wait for a publication that gets through.
	maxUnconfirmed = 8
	// maxStep is how much of the time between two looks at the clock counts as the device's age. A
	// clock that steps forward by a year makes a device no older than a week; one that runs well makes
	// it as old as it is, if prekeys are rotated once a week.
	maxStep = 7 * 24 * time.Hour
)

// age returns the device's age in milliseconds. It begins at the time of the clock.
func (d *Device) age(tx Tx) (uint64, error) {
	now := uint64(max(1, d.opts.Now().UnixMilli()))
	row, err := value(tx, rowAge)
	if err != nil {
		return 0, err
	}
	age := now
	if len(row) == 16 {
		last := binary.BigEndian.Uint64(row)
		age = binary.BigEndian.Uint64(row[8:])
		if now > last {
			age += min(now-last, uint64(maxStep.Milliseconds()))
		}
	}
	return age, tx.PutValue(rowAge, binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, now), age))
}

// unconfirmed returns how many of the newest prekeys of a list are not known to be published. The
// first one of a device counts as published: no other is there to be used.
func unconfirmed(list []lifetime) (n int) {
	for n+1 < len(list) && list[n+1].replaced == 0 {
		n++
	}
	return n
}

// confirm notes that the prekey id is published: those before it are replaced from now on.
func (d *Device) confirm(tx Tx, row string, id uint32) error {
	list, err := lifetimes(tx, row)
	if err != nil {
		return err
	}
	return d.confirmIn(tx, row, list, id)
}

// confirmIn is confirm with the list at hand. It writes only what changes.
func (d *Device) confirmIn(tx Tx, row string, list []lifetime, id uint32) error {
	at := 0
	for at < len(list) && list[at].id != id {
		at++
	}
	if at+1 >= len(list) || list[at+1].replaced != 0 {
		return nil // not on the list, the oldest, or confirmed before
	}
	now, err := d.age(tx)
	if err != nil {
		return err
	}
	for i := at + 1; i < len(list) && list[i].replaced == 0; i++ {
		list[i].replaced = now
	}
	return tx.PutValue(row, appendLifetimes(nil, list))
}

// A lifetime says when a signed prekey or last-resort KEM prekey was replaced, in milliseconds of
// the device's age; zero for the newest one, and for those whose successor is not known to be
// published.
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
		return nil, &DamagedError{Row: row, Err: err}
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
//
// The grace begins when the successor is known to be published. It is measured by the device's age:
// of the time between two calls of Rotate, Retire or MarkPublished a week counts at the most, and
// of a clock that goes back nothing, so that no step of the clock removes what peers still use.
func (d *Device) Retire(ctx context.Context) (n int, err error) {
	grace := uint64(d.opts.SignedPreKeyGrace.Milliseconds())
	err = d.update(ctx, signet.Address{}, func(tx Tx) error {
		n = 0
		now, err := d.age(tx)
		if err != nil {
			return err
		}
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
	if errors.Is(err, ErrRecord) { // Rotate and PreKeys begin it anew
		return 0, nil
	}
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
