// Package backup writes a device's records to one sealed stream and restores them into an empty
// store, of the same kind or another.
//
// # The stream
//
// It is encrypted and authenticated as a whole under a passphrase, a key or a key service (package
// seal), and read and written in bounded memory, however many rows there are. What is altered, cut
// short, reordered or longer than it was is refused, and then nothing is restored: Restore is one
// transaction, and its rows are seen when it has succeeded.
//
// # Time
//
// A restored device has gone back in time: others have seen what it did since. So Restore leaves
// out what would be used twice (session.Rewind, group.Rewind). No session encrypts again; what is
// on its way still decrypts, and for the next message to a peer Encrypt asks for a Start
// (session.ErrNoSession). The device's own sender keys are gone, and Channel.Distribution makes new
// ones. One-time prekeys are gone: publish new ones, and rotate the signed prekey, before anything
// else. What was received since the backup can be decrypted again if somebody delivers it again;
// that cannot be prevented.
//
// The device that the backup was made of must not run any more.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/session"
	"signet.example/signet/store/seal"
)

// A Kind is a kind of row. The values are those of the stream.
type Kind uint8

// The kinds of row, in the order in which they come.
const (
	Value        Kind = iota + 1 // the device's own: Name, Value
	PreKey                       // one-time: ID, Value
	SignedPreKey                 // ID, Value
	KEMPreKey                    // ID, Value
	Mark                         // of a first message: ID and SignedID, Value is the base key
	Peer                         // Peer, Identity, Session, Archive; any of them may be missing
	SenderKey                    // Peer is the sender, Name the group, Value
	end                          // of the stream
)

// A Row is one row of a device, in clear. It holds secrets.
type Row struct {
	Kind         Kind
	Peer         signet.Address
	ID, SignedID uint32
	Name         string
	Value        []byte
	Identity     []byte
	Session      []byte
	Archive      []byte
}

// Format redacts the row under every verb.
func (Row) Format(f fmt.State, _ rune) { io.WriteString(f, "backup.Row(…)") }

// LogValue redacts the row in slog.
func (Row) LogValue() slog.Value { return slog.StringValue("backup.Row(…)") }

// MarshalJSON refuses: a Row is stored, never shown.
func (Row) MarshalJSON() ([]byte, error) { return nil, errors.New("backup: a Row is not for JSON") }

// A Source is a store that can be backed up: those of this module can.
type Source interface {
	// Export calls f with every row of the device as of one moment, the kinds in their order, while
	// others work. The row's slices belong to the store and are good until f returns. An error of f
	// ends it and is returned.
	Export(ctx context.Context, f func(*Row) error) error
}

// A Target is a store that can be restored into.
type Target interface {
	// Import calls f once with a function that adds a row. All rows are there when it has succeeded,
	// and none if f or the commit fails. The error is ErrNotEmpty if the device has rows already.
	// Others wait.
	Import(ctx context.Context, f func(put func(*Row) error) error) error
}

var (
	// ErrNotEmpty is a restore into a device that has rows.
	ErrNotEmpty = errors.New("backup: the device is not empty")
	// ErrDamaged is a stream that is not as it was written: altered, cut short, reordered or longer.
	ErrDamaged = errors.New("backup: damaged or incomplete")
)

// A Summary counts rows.
type Summary struct {
	Peers, Sessions, PreKeys, SenderKeys, Values int
	// Dropped is how many rows and own sender keys were left out because time went back.
	Dropped int
}

func (s *Summary) count(r *Row) {
	switch r.Kind {
	case Value:
		s.Values++
	case PreKey, SignedPreKey, KEMPreKey:
		s.PreKeys++
	case Peer:
		s.Peers++
		if len(r.Session)+len(r.Archive) > 0 {
			s.Sessions++
		}
	case SenderKey:
		s.SenderKeys++
	}
}

// Write backs up the device of from to w. The stream is good only if Write has returned without
// error. Key services see it as the tenant "signet backup".
func Write(ctx context.Context, w io.Writer, from Source, keys seal.KeyService) (Summary, error) {
	var sum Summary
	out, err := newWriter(ctx, w, keys)
	if err != nil {
		return sum, err
	}
	var last Kind
	err = from.Export(ctx, func(r *Row) error {
		if r.Kind < last || r.Kind == 0 || r.Kind >= end {
			return fmt.Errorf("backup: a row of kind %d after one of kind %d", r.Kind, last)
		}
		last = r.Kind
		sum.count(r)
		return out.row(r)
	})
	if err == nil {
		err = out.close()
	}
	return sum, err
}

// Restore restores the device that Write wrote into the empty device of to. The error is
// seal.ErrKey for a wrong key or passphrase, ErrDamaged, ErrNotEmpty, or the store's; nothing is
// restored then.
func Restore(ctx context.Context, r io.Reader, to Target, keys seal.KeyService) (Summary, error) {
	var sum Summary
	in, err := newReader(ctx, r, keys)
	if err != nil {
		return sum, err
	}
	err = to.Import(ctx, func(put func(*Row) error) error {
		var time session.Rewind
		var last Kind
		for {
			row, err := in.row()
			if err != nil {
				return err
			}
			if row == nil {
				return nil
			}
			if row.Kind < last {
				return fmt.Errorf("%w: kinds of rows out of order", ErrDamaged)
			}
			last = row.Kind
			keep, err := rewind(&time, row)
			if err != nil {
				return err
			}
			if !keep {
				sum.Dropped++
				continue
			}
			sum.count(row)
			if err := put(row); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return Summary{}, err
	}
	return sum, nil
}

// rewind makes of a row what it is now, and reports whether anything is left.
func rewind(time *session.Rewind, r *Row) (keep bool, err error) {
	switch r.Kind {
	case Value:
		return time.Value(r.Name, r.Value)
	case PreKey:
		return false, nil
	case KEMPreKey:
		return time.KEMPreKey(r.ID), nil
	case Mark:
		return time.Mark(r.ID), nil
	case Peer:
		r.Archive, r.Session = time.Archive(r.Session, r.Archive), nil
		return len(r.Archive)+len(r.Identity) > 0, nil
	case SenderKey:
		r.Value, err = group.Rewind(r.Value)
		return len(r.Value) > 0, err
	}
	return true, nil
}
