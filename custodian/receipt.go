package custodian

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// A Receiver is who acknowledges every parcel before it gets it (custody B16).
type Receiver struct {
	// Key is the receiver's Ed25519 public key, 32 bytes.
	Key [ed25519.PublicKeySize]byte

	// Sign returns the receiver's signature of text, 64 bytes, or an error, which keeps the
	// secrets. It is called after Audit of the same parcel. Text is ReceiptText of the event, and
	// Sign's own.
	Sign func(ctx context.Context, e AuditEvent, text []byte) ([]byte, error)
}

var errReceipt = errors.New("custodian: the receiver did not acknowledge the parcel, and does not get it")

// ReceiptText returns what the receiver of a parcel signs (custody B16): the string
// "custody-parcel-v1", a zero byte, the SHA-256 of the parcel (32 bytes), the name of the grant,
// and the time in seconds since 1970 (8 bytes, big-endian). The result is the caller's own.
func ReceiptText(parcel [32]byte, grant string, at time.Time) []byte {
	text := append([]byte("custody-parcel-v1\x00"), parcel[:]...)
	return binary.BigEndian.AppendUint64(append(text, grant...), uint64(at.Unix()))
}

// acknowledged asks the receiver of a parcel for its receipt, as a bundle has it: key, signature,
// hash, time. It is nil for an owner who asks nobody.
func (c *capability) acknowledged(ctx context.Context, e AuditEvent) ([]byte, error) {
	if c.owner.Receivers == nil {
		return nil, nil
	}
	r := c.owner.Receivers[e.Grant.To]
	if r == nil || r.Sign == nil || e.Time.Unix() < 0 || e.Time.Unix() >= maxNumber {
		return nil, errReceipt
	}
	key := r.Key // as it is now: Sign may change it
	text := ReceiptText(e.SHA256, e.Grant.Name, e.Time)
	signature, err := r.Sign(ctx, e, slices.Clone(text))
	if err != nil {
		return nil, errors.Join(errReceipt, err)
	}
	if !ed25519.Verify(key[:], text, signature) {
		return nil, errReceipt
	}
	out := slices.Concat(key[:], signature, e.SHA256[:])
	return binary.BigEndian.AppendUint64(out, uint64(e.Time.Unix())), nil
}
