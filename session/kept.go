package session

import (
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"

	"signet.example/signet"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
)

// This file is for stores that share their memory with the Device. They can keep a record as the Device
// has it: the official bytes in pieces, of which the long ones pass from one version of the record to the
// next, and beside them the session that was decoded from them.

// A KeepingTx is a Tx that keeps the records of current sessions in the memory of the process. It is
// optional, and another view of the rows of Session and PutSession: what one writes the other reads.
type KeepingTx interface {
	Tx
	// KeptSession returns what KeepSession was given, or KeepRecord of the row if PutSession wrote it; nil
	// if there is none.
	KeptSession(peer signet.Address) (*Kept, error)
	// KeepSession replaces the record of the current session with peer.
	KeepSession(peer signet.Address, k *Kept) error
}

// A Kept is the record of a current session, an official RecordStructure without previous sessions. Its bytes never
// change. It holds secrets, redacts itself when formatted or logged, and is safe for concurrent use.
type Kept struct {
	pieces [][]byte // make up the record
	room   [9][]byte
	live   *live // its decoded form, if live.of says so
}

// A live is a decoded session on its way from one version of its record to the next.
type live struct {
	state *ratchet.State
	// of is the version that state is the decoded form of. It is nil while an operation has the state: the
	// operation either makes the next version of it or drops it, and then the record is decoded again.
	of atomic.Pointer[Kept]
}

// KeepRecord returns a Kept of the bytes of a record, which are not copied and not modified.
func KeepRecord(record []byte) *Kept {
	k := new(Kept)
	k.pieces = append(k.room[:0], record)
	return k
}

// AppendRecord appends the record.
func (k *Kept) AppendRecord(b []byte) []byte {
	for _, p := range k.pieces {
		b = append(b, p...)
	}
	return b
}

// Size is the length of the record, in bytes.
func (k *Kept) Size() (n int) {
	for _, p := range k.pieces {
		n += len(p)
	}
	return n
}

const redactedRecord = "session.Kept(…)"

// Format redacts the record under every verb.
func (Kept) Format(f fmt.State, _ rune) { io.WriteString(f, redactedRecord) }

// LogValue redacts the record in slog.
func (Kept) LogValue() slog.Value { return slog.StringValue(redactedRecord) }

// MarshalText redacts the record in JSON and every other text encoding.
func (Kept) MarshalText() ([]byte, error) { return []byte(redactedRecord), nil }

// take returns the session of k, for the caller alone. It is nil if the record has none.
func (k *Kept) take() (*live, error) {
	if l := k.live; l != nil && l.of.CompareAndSwap(k, nil) {
		return l, nil
	}
	row := k.AppendRecord(make([]byte, 0, k.Size()))
	defer secret.Wipe(row)
	current, _, err := wire.SplitRecord(row)
	if err != nil || current == nil {
		return nil, err
	}
	s := new(ratchet.State)
	if err := s.UnmarshalBinary(current); err != nil {
		return nil, err
	}
	s.Own()
	return &live{state: s}, nil
}

// giveBack is for an operation that has not changed the session it took of k.
func (l *live) giveBack(k *Kept) { l.of.Store(k) }

// keep makes the next version of the record. From here on the session belongs to whoever takes it.
func (l *live) keep() *Kept {
	k := &Kept{live: l}
	k.pieces = l.state.Pieces(k.room[:0])
	l.of.Store(k)
	return k
}
