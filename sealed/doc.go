// Package sealed is sealed sender: messages that do not show the service that carries them who sent
// them (protocol: sealed-groups §2 to §9; versions 1 and 2, as deployed).
//
// The sender encrypts its certificate together with the message to the identity key of the
// recipient. The service that issued the certificate, for a short time, sees where the envelope
// goes and learns nothing of where it comes from. The recipient learns the sender and that the
// service vouches for it.
//
// A [Sender] seals what a session or a group encrypted, a [Receiver] opens envelopes and decrypts
// what was in them, each in one transaction. Below them, [Content] is what is in an envelope, and
// the functions on it work without a device. A server splits what [Sender.Seal] uploads with
// [ParseUpload].
//
// # What it does not hide
//
// The recipient, the size and the time of a message, and the network address that it was sent from.
// Replies give away who talks to whom in a handful of messages, to a service that looks for it. And
// it says nothing about the plaintext: that is as safe as the session or group that encrypted it.
//
// # Who speaks
//
// A certificate says that a name has a key; it is the word of the service that issued it. It does
// not make a key the accepted one: what is inside is compared with the identity of the session that
// opens it, or of who delivered the sender key, and that with the accepted identity of the user, in
// the transaction that opens the message. If one of them differs, nothing is kept. [OpenContent]
// and the other functions that work without a device compare nothing.
//
// # Errors
//
// An envelope that does not parse or decrypt is session.ErrInvalidMessage, one of another version
// session.ErrVersion, a key in it that is none one of package signet's errors.
// ErrInvalidCertificate is a sender whom the trust roots do not vouch for, ErrSelfSend a message of
// this very device. An error of what was inside the envelope, unless it is a *session.AuthorError,
// is a *DecryptError, which says who sent it and what was asked for in that case. On every error
// nothing has changed.
//
// # Concurrency
//
// Everything here is safe for concurrent use: certificates and contents are immutable, a Sender and
// a Receiver have no state. Seal uses all processors for many recipients, so an identity that is
// not a *signet.PrivateKey has to be safe for concurrent use, too.
package sealed

import (
	"errors"
	"fmt"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// Errors that a caller can act on.
var (
	// ErrSelfSend is a message that this device sent itself.
	ErrSelfSend = errors.New("sealed: self send of a sealed sender message")
	// ErrInvalidCertificate is a sender certificate that the trust roots do not vouch for, that has
	// expired, or that is not the certificate of who sealed the message.
	ErrInvalidCertificate = errors.New("sealed: invalid certificate")
	// ErrInvalidArgument is a recipient to whom one cannot seal, whatever the message.
	ErrInvalidArgument = errors.New("sealed: invalid argument")
)

// An UnknownServerError is a sender certificate whose server certificate is named by an id that
// nobody knows. It matches ErrInvalidCertificate.
type UnknownServerError uint32

func (e UnknownServerError) Error() string {
	return fmt.Sprintf("sealed: unknown server certificate ID: %d", uint32(e))
}

func (e UnknownServerError) Unwrap() error { return ErrInvalidCertificate }

// A RegistrationIDError is a recipient's registration id that does not fit an upload's 14 bits. It
// matches ErrInvalidArgument.
type RegistrationIDError struct {
	Peer signet.Address
	ID   uint32
}

func (e *RegistrationIDError) Error() string {
	return fmt.Sprintf("sealed: session for %s has invalid registration ID %X", e.Peer, e.ID)
}

func (e *RegistrationIDError) Unwrap() error { return ErrInvalidArgument }

// errMalformed is a protobuf or a layout that does not parse.
var errMalformed = fmt.Errorf("%w: %w", session.ErrInvalidMessage, wire.ErrMalformed)

// invalid is session.ErrInvalidMessage in the words of the official client.
func invalid(what string) error {
	return fmt.Errorf("%w: invalid sealed sender message: %s", session.ErrInvalidMessage, what)
}

// unknownVersion is session.ErrVersion in the words of the official client.
func unknownVersion(v byte) error {
	return fmt.Errorf("%w: unknown sealed sender message version %d", session.ErrVersion, v)
}
