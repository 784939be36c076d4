package custodian

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"

	"signet.example/signet"
	"signet.example/signet/custodian/attack"
)

// An Offer is a message that an adversary put before a copy of an end, and what the copy made of
// it. It is for the laboratory: with it another implementation of the protocol can be asked whether
// it would have taken the same. It holds the end's secrets, and redacts itself when formatted,
// logged or marshalled. Its slices are the callee's own.
type Offer struct {
	To         string         // the end: Customer or Business
	Self, Peer signet.Address // of the end, and of whom the message claims to come from
	Identity   []byte         // the end's private identity key, 32 bytes
	Record     []byte         // its sessions with Peer before the message, an official RecordStructure (protocol §7.1)
	PreKey     bool           // the message carries a key agreement, for which Record is not enough
	Body       []byte         // the message
	Accepted   bool
	Text       []byte // what the end read, if it accepted the message
}

// noting is accept with a report of everything that is offered.
func (p *probe) noting(record []byte, accept attack.Accept) attack.Accept {
	return func(preKey bool, body []byte) ([]byte, bool) {
		text, ok := accept(preKey, body)
		p.offered(&Offer{
			To: p.party.name(), Self: p.party.self, Peer: p.party.peer, Identity: p.key.Bytes(), Record: bytes.Clone(record),
			PreKey: preKey, Body: bytes.Clone(body), Accepted: ok, Text: bytes.Clone(text),
		})
		return text, ok
	}
}

const redactedOffer = "custodian.Offer(…)"

// Format redacts the offer under every verb.
func (Offer) Format(f fmt.State, _ rune) { io.WriteString(f, redactedOffer) }

// LogValue redacts the offer in slog.
func (Offer) LogValue() slog.Value { return slog.StringValue(redactedOffer) }

// MarshalText redacts the offer in JSON and every other text encoding.
func (Offer) MarshalText() ([]byte, error) { return []byte(redactedOffer), nil }
