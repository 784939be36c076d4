package spqr

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"

	"signet.example/signet/internal/kdf"
)

// The labels of the derivations (spqr §2). The two spaces are in the protocol.
const (
	labelAuth       = "Signal_PQCKA_V1_MLKEM768:Authenticator Update"
	labelCiphertext = "Signal_PQCKA_V1_MLKEM768:ciphertext"
	labelHeader     = "Signal_PQCKA_V1_MLKEM768:ekheader"
	labelSecret     = "Signal_PQCKA_V1_MLKEM768:SCKA Key"
	labelStart      = "Signal PQ Ratchet V1 Chain  Start"
	labelNext       = "Signal PQ Ratchet V1 Chain Next"
	labelAdd        = "Signal PQ Ratchet V1 Chain Add Epoch"
)

// macSize is the length of the braid's MACs, in bytes: HMAC-SHA-256 in full.
const macSize = 32

var errMAC = errors.New("spqr: MAC verification failed")

// An authenticator holds the MAC key of the braid, ratcheted with each epoch's secret (spqr §9).
// The header of an epoch is under the key before the epoch's update, its ciphertext under the key
// after.
type authenticator struct{ root, mac [32]byte }

func newAuthenticator(authKey *[32]byte) (a authenticator) {
	a.update(1, authKey)
	return a
}

func (a *authenticator) update(epoch uint64, secret *[32]byte) {
	var ikm, okm [64]byte
	copy(ikm[:32], a.root[:])
	copy(ikm[32:], secret[:])
	kdf.HKDF(okm[:], nil, ikm[:], label(new([64]byte), labelAuth, epoch))
	a.root, a.mac = [32]byte(okm[:32]), [32]byte(okm[32:])
	clear(ikm[:])
	clear(okm[:])
}

func (a *authenticator) header(epoch uint64, hdr []byte) [macSize]byte {
	return kdf.HMAC(a.mac[:], label(new([64]byte), labelHeader, epoch), hdr)
}

func (a *authenticator) ciphertext(epoch uint64, ct1, ct2 []byte) [macSize]byte {
	return kdf.HMAC(a.mac[:], label(new([64]byte), labelCiphertext, epoch), ct1, ct2)
}

// verify compares in constant time.
func verify(want [macSize]byte, got []byte) error {
	if subtle.ConstantTimeCompare(want[:], got) != 1 {
		return errMAC
	}
	return nil
}

// epochSecret is what an epoch contributes, from its KEM's shared key (spqr §10).
func epochSecret(epoch uint64, shared *[32]byte) (secret [32]byte) {
	kdf.HKDF(secret[:], nil, shared[:], label(new([64]byte), labelSecret, epoch))
	return secret
}

// label is the label followed by the epoch, in a buffer of the caller's.
func label(buf *[64]byte, text string, epoch uint64) []byte {
	return binary.BigEndian.AppendUint64(append(buf[:0], text...), epoch)
}
