package session

import (
	"context"
	"errors"
	"iter"

	"signet.example/signet"
)

// A Store keeps one device's records. It is declared here, by its only consumer. The contract is
// tested by storetest.Run in the store module; every store passes it.
type Store interface {
	// Update runs f in one read-write transaction. Updates naming the same peer run one after
	// another; the zero Address names the device itself and is used for its prekeys. If f or the
	// commit fails, nothing is kept and Update returns the error (f's own unchanged, so that
	// errors.Is and errors.As work on it). When Update returns nil, everything f wrote is durable.
	//
	// f may run again after a serialization failure, so it has no effect outside tx. The tx is
	// dead once f returns.
	Update(ctx context.Context, peer signet.Address, f func(tx Tx) error) error
}

// A Tx is one transaction on a device's records. It is used by one goroutine.
//
// Reads see the transaction's own writes. A missing row reads as nil without an error, except where
// a method says otherwise. Slices returned by a read belong to the store: they stay valid until the
// transaction ends and are not modified by the caller. Slices given to a write are copied, or not
// touched again by either side: the caller never modifies them afterwards.
type Tx interface {
	// Session returns the record of the current session with peer: an official RecordStructure
	// without previous sessions, protocol §7.1. Typically 0.6 to 6 kB.
	Session(peer signet.Address) ([]byte, error)
	// PutSession replaces that record. An empty record deletes the row.
	PutSession(peer signet.Address, record []byte) error

	// Archive returns the previous sessions with peer: the repeated field 2 of a RecordStructure,
	// newest first, so that Session ‖ Archive is the official record byte for byte. At most 40
	// sessions. It is its own row because an operation on the current session does not need it.
	Archive(peer signet.Address) ([]byte, error)
	// PutArchive replaces the previous sessions. An empty record deletes the row.
	PutArchive(peer signet.Address, record []byte) error

	// Peers lists the addresses that have a session or an archive row, in no fixed order.
	Peers() iter.Seq2[signet.Address, error]
	// Devices lists the devices of a name of which anything is kept: a session, an archive, an
	// identity or, where the store has those, a sender key. They come once each, in ascending order.
	// What is listed counts as read: a transaction that races for it runs again, or later.
	Devices(name string) iter.Seq2[uint32, error]

	// Identity returns the identity key that is kept under this address, 33 bytes, or nil. With the
	// device 0 it is the user's. Which of them counts is the Device's to say: see
	// Options.DeviceIdentities.
	Identity(peer signet.Address) ([]byte, error)
	// PutIdentity replaces it. An empty key deletes the row.
	PutIdentity(peer signet.Address, key []byte) error

	// PreKey, SignedPreKey and KEMPreKey return a prekey record by id (protocol §2.2).
	PreKey(id uint32) ([]byte, error)
	SignedPreKey(id uint32) ([]byte, error)
	KEMPreKey(id uint32) ([]byte, error)
	// PutPreKey, PutSignedPreKey and PutKEMPreKey add or replace a prekey record.
	PutPreKey(id uint32, record []byte) error
	PutSignedPreKey(id uint32, record []byte) error
	PutKEMPreKey(id uint32, record []byte) error
	// DeletePreKey, DeleteSignedPreKey and DeleteKEMPreKey remove one. Removing a missing row is
	// ErrNoRow: of two peers that race for one prekey, one must fail.
	DeletePreKey(id uint32) error
	DeleteSignedPreKey(id uint32) error
	DeleteKEMPreKey(id uint32) error
	// CountPreKeys and CountKEMPreKeys return how many records there are.
	CountPreKeys() (int, error)
	CountKEMPreKeys() (int, error)

	// MarkKEMPreKey remembers that a session was built with this KEM prekey, signed prekey and base
	// key (33 bytes). It is ErrReplay if the three were marked before: the mark is what stops the
	// replay of a first message to a prekey that is not deleted (protocol §2.5). First messages of
	// version 3, which name no KEM prekey, are marked with the id 2^31 | signedID.
	MarkKEMPreKey(id, signedID uint32, baseKey []byte) error
	// ForgetKEMPreKey removes the marks with this id, whose prekey no longer exists.
	ForgetKEMPreKey(id uint32) error

	// Value returns a row of the device's own, such as its registration id or the next prekey id.
	Value(name string) ([]byte, error)
	// PutValue replaces it.
	PutValue(name string, value []byte) error
}

var (
	// ErrNoRow is what a Tx returns when a row to delete does not exist.
	ErrNoRow = errors.New("session: no such row")
	// ErrReplay is what MarkKEMPreKey returns for a base key it has seen.
	ErrReplay = errors.New("session: reused base key")
)
