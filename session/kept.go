package session

import (
	"fmt"
	"io"
	"log/slog"
	"sync"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
)

// This file is for stores that share their memory with the Device. They can keep a record as the
// Device has it: decoded, and encoded only when somebody asks for its bytes.

// A KeepingTx is a Tx that keeps the records of current sessions in the memory of the process. It
// is optional, and another view of the rows of Session and PutSession: what one writes the other
// reads.
type KeepingTx interface {
	Tx
	// KeptSession returns what KeepSession was given, or KeepRecord of the row if PutSession wrote it;
	// nil if there is none.
	KeptSession(peer signet.Address) (*Kept, error)
	// KeepSession replaces the record of the current session with peer.
	KeepSession(peer signet.Address, k *Kept) error
}

// A Kept is one version of the record of a current session, an official RecordStructure without
// previous sessions. It never changes: an operation makes the next version. It holds secrets,
// redacts itself when formatted or logged, and is safe for concurrent use.
type Kept struct {
	record []byte         // the record, or
	state  *ratchet.State // what it decodes to, which takes no step
}

// KeepRecord returns a Kept of the bytes of a record, which are not copied and not modified.
func KeepRecord(record []byte) *Kept { return &Kept{record: record} }

// Record returns the record, in a slice that the caller does not modify. Unless it came from
// KeepRecord it is encoded now.
func (k *Kept) Record() []byte {
	if k.state != nil {
		return k.state.Record()
	}
	return k.record
}

// Release erases the keys that are k's alone, and lets its memory be used again. It is for a store
// that has replaced k and knows that nobody else has it; k is not used afterwards. A store that
// does not know leaves k to the collector.
func (k *Kept) Release() {
	if s := k.state; s != nil {
		k.state = nil
		s.Release()
		states.Put(s)
	}
}

// states are those whose memory was released.
var states = sync.Pool{New: func() any { return new(ratchet.State) }}

const redactedRecord = "session.Kept(…)"

// Format redacts the record under every verb.
func (Kept) Format(f fmt.State, _ rune) { io.WriteString(f, redactedRecord) }

// LogValue redacts the record in slog.
func (Kept) LogValue() slog.Value { return slog.StringValue(redactedRecord) }

// MarshalText redacts the record in JSON and every other text encoding.
func (Kept) MarshalText() ([]byte, error) { return []byte(redactedRecord), nil }

// begin returns a State that an operation may change, or fail on, beginning where the session of k
// is. It is nil if the record has none.
func (k *Kept) begin() (*ratchet.State, error) {
	if k.state != nil {
		s := states.Get().(*ratchet.State)
		k.state.Fork(s)
		return s, nil
	}
	current, _, err := wire.SplitRecord(k.record)
	if err != nil || current == nil {
		return nil, err
	}
	s := new(ratchet.State)
	if err := s.UnmarshalBinary(current); err != nil {
		return nil, err
	}
	s.Own()
	s.Expendable()
	return s, nil
}

// keep makes s, which takes no step afterwards, a version of the record.
func keep(s *ratchet.State) *Kept {
	s.Freeze()
	return &Kept{state: s}
}
