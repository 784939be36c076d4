package notice

import (
	"bytes"
	"errors"
	"math"

	"signet.example/signet/custodian/notice/internal/tlv"
	"signet.example/signet/custodian/notice/tlog"
)

// Control messages travel inside the conversation, as plaintexts of ordinary encrypted messages:
// whoever carries them cannot take one out without taking out a message, and the session's MAC
// makes an acknowledgement worth something to the business and nothing to anybody else. An
// application hands each decrypted text to Kind first.

const controlPrefix = "\x00custody-control-v1\x00"

// A ControlKind is what a control message is. The numbers are part of the encoding.
type ControlKind uint8

// The kinds of control messages.
const (
	NoControl       ControlKind = 0 // an ordinary text
	ControlDelivery ControlKind = 1 // for Customer.Accept
	ControlAck      ControlKind = 2 // for Business.Acknowledged
	ControlGossip   ControlKind = 3 // for Customer.Hear
	ControlProof    ControlKind = 4 // for Customer.Judge
)

// Kind returns what kind of control message a decrypted text is, NoControl for every other text.
func Kind(plaintext []byte) ControlKind {
	rest, ok := bytes.CutPrefix(plaintext, []byte(controlPrefix))
	if !ok || len(rest) == 0 || ControlKind(rest[0]) > ControlProof {
		return NoControl
	}
	return ControlKind(rest[0])
}

func control(k ControlKind) []byte { return append([]byte(controlPrefix), byte(k)) }

// content returns what is in a control message of kind k.
func content(k ControlKind, b []byte) ([]byte, bool) {
	if Kind(b) != k {
		return nil, false
	}
	return b[len(controlPrefix)+1:], true
}

// A delivery is a statement on its way to a customer, with all that she needs to check it.
type delivery struct {
	signed *Signed
	bind   *Bind    // nil if she has it, or under the identity-signed profile
	salt   [32]byte // of the chain: opens the commitment and finds the entries in the log
	index  int64    // of the entry, -1 if there is no log
	note   []byte   // checkpoint of the log
	proof  []tlog.Hash
}

func (d *delivery) bytes() []byte {
	var bind []byte
	if d.bind != nil {
		bind = d.bind.Bytes()
	}
	b := control(ControlDelivery)
	b = tlv.Append(b, 1, d.signed.Bytes())
	b = tlv.Append(b, 2, bind)
	b = tlv.Append(b, 3, d.salt[:])
	b = tlv.AppendUint(b, 4, uint64(d.index+1))
	b = tlv.Append(b, 5, d.note)
	return tlv.Append(b, 6, tlog.AppendProof(nil, d.proof))
}

// parseDelivery parses what bytes returns. The errors wrap CheckStructure, or CheckSignature for a
// certificate whose signature is wrong.
func parseDelivery(b []byte) (*delivery, error) {
	d := new(delivery)
	var err error
	inner, ok := content(ControlDelivery, b)
	ok = ok && record(inner, 6, func(tag byte, v []byte) (ok bool) {
		switch tag {
		case 1:
			d.signed, err = Parse(v)
		case 2:
			if len(v) > 0 {
				d.bind, err = ParseBind(v)
			}
		case 3:
			if len(v) != len(d.salt) {
				return false
			}
			d.salt = [32]byte(v)
		case 4:
			var n uint64
			ok := number(&n, v, math.MaxInt64)
			d.index = int64(n) - 1
			return ok
		case 5:
			d.note = bytes.Clone(v)
		case 6:
			d.proof, ok = tlog.ParseProof(v)
			return ok
		}
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, failed(CheckStructure, "not a delivery")
	}
	return d, nil
}

// An Ack says that the customer's client has accepted a statement. The session authenticates it to
// the business; to others it proves nothing.
type Ack struct {
	Seq       uint64
	Statement Hash
}

func (a Ack) bytes() []byte {
	b := tlv.AppendUint(control(ControlAck), 1, a.Seq)
	return tlv.Append(b, 2, a.Statement[:])
}

// ParseAck parses the control message that Customer.Accept returns.
func ParseAck(b []byte) (a Ack, err error) {
	inner, ok := content(ControlAck, b)
	ok = ok && record(inner, 2, func(tag byte, v []byte) bool {
		if tag == 1 {
			return number(&a.Seq, v, math.MaxUint64)
		}
		return hash(&a.Statement, v)
	})
	if !ok {
		return Ack{}, errors.New("notice: not an acknowledgement")
	}
	return a, nil
}

// A gossip is what one client tells another: the statement that it shows, if that is not private to
// its conversation, and the checkpoint that it has seen.
type gossip struct {
	signed *Signed // nil if there is none to tell
	note   []byte
}

func (g *gossip) bytes() []byte {
	var signed []byte
	if g.signed != nil {
		signed = g.signed.Bytes()
	}
	return tlv.Append(tlv.Append(control(ControlGossip), 1, signed), 2, g.note)
}

var errGossip = errors.New("notice: not gossip")

func parseGossip(b []byte) (*gossip, error) {
	g := new(gossip)
	inner, ok := content(ControlGossip, b)
	ok = ok && record(inner, 2, func(tag byte, v []byte) bool {
		if tag == 2 {
			g.note = bytes.Clone(v)
			return true
		}
		var err error
		if len(v) > 0 {
			g.signed, err = Parse(v)
		}
		return err == nil
	})
	if !ok {
		return nil, errGossip
	}
	return g, nil
}
