package main

import (
	"errors"
	"fmt"
	"strings"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/ratchet"
	"signet.example/signet/sealed"
	"signet.example/signet/session"
	"signet.example/signet/x3dh"
)

// A failure is an error that the peer itself notices, with its word.
type failure struct{ word, message string }

func (f *failure) Error() string { return f.message }

const badArgument = "invalid-argument"

func invalidArgument(format string, v ...any) error {
	return &failure{badArgument, fmt.Errorf(format, v...).Error()}
}

// words gives the errors that a caller of Signet can tell apart the protocol's words, the most
// particular first: an error often wraps a more general one too.
var words = []struct {
	err  error
	word string
}{
	{ratchet.ErrDuplicate, "duplicate"},
	{ratchet.ErrForgotten, "duplicate"}, // the official client does not tell them apart
	{session.ErrNoSession, "no-session"},
	{session.ErrPreKeyID, "invalid-prekey-id"},
	{session.ErrVersion, "unsupported-version"},
	{x3dh.ErrSignature, "invalid-signature"},
	{signet.ErrNoKeyType, "invalid-key"},
	{signet.ErrInvalidAgreement, "invalid-key"},
	{signet.ErrInvalidAddress, badArgument},
	{sealed.ErrSelfSend, "self-send"},
	{sealed.ErrInvalidCertificate, "invalid-certificate"},
	{sealed.ErrInvalidArgument, badArgument},
	{group.ErrNoSenderKey, "no-sender-key"},
	{group.ErrRecord, "no-sender-key"},
	{group.ErrSignature, "invalid-signature"},
	{session.ErrReplay, "invalid-message"},
	{session.ErrRecord, badArgument},
}

// word returns the protocol's word for err. "internal" is not one of them: it says that something
// happened which no caller is expected to deal with.
func word(err error) string {
	var (
		own       *failure
		untrusted *session.UntrustedIdentityError
		keyType   signet.BadKeyTypeError
		keyLength signet.BadKeyLengthError
	)
	switch {
	case errors.As(err, &own):
		return own.word
	case errors.As(err, &untrusted):
		return "untrusted-identity"
	case errors.As(err, &keyType), errors.As(err, &keyLength):
		return "invalid-key"
	}
	// The official client calls a message forgotten by its elliptic-curve half a duplicate, and one that
	// the other half has forgotten one that does not decrypt.
	if errors.Is(err, ratchet.ErrForgotten) && strings.Contains(err.Error(), "post-quantum") {
		return "invalid-message"
	}
	for _, w := range words {
		if errors.Is(err, w.err) {
			return w.word
		}
	}
	if errors.Is(err, session.ErrInvalidMessage) {
		return "invalid-message"
	}
	return "internal"
}
