package check

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// A Receiver says for how many of the parcels that a principal was given it signed a receipt.
type Receiver struct {
	Principal string
	Key       string // its Ed25519 public key in hexadecimal; "" if it signed none
	Signed    int
	Parcels   int
}

// receiptSize is that of a key, a signature, the SHA-256 of a parcel and a time.
const receiptSize = ed25519.PublicKeySize + ed25519.SignatureSize + sha256.Size + 8

// checkReceipts checks the receipts that there are: each is of a parcel that a grant handed over,
// and those of a principal are by one key.
func (v *verifier) checkReceipts() error {
	v.receivers = make([]Receiver, len(v.text.Principals))
	for i := range v.receivers {
		v.receivers[i].Principal = v.text.Principals[i].ID
	}
	number := 0
	for i := range v.text.Events {
		e := &v.text.Events[i]
		if e.Kind != "parcel" {
			continue
		}
		number++
		name := fmt.Sprintf("receipts/%04d.bin", number)
		r := &v.receivers[v.principal(e.To)]
		if e.Grant != "" {
			r.Parcels++
		}
		if _, ok := v.files.data[name]; !ok {
			continue
		}
		b, err := v.files.take(name)
		if err != nil {
			return err
		}
		if err := v.receipt(b, e); err != nil {
			return fmt.Errorf("%w: %s", err, name)
		}
		key := hex.EncodeToString(b[:ed25519.PublicKeySize])
		if r.Key != "" && r.Key != key {
			return refuse("receipts of one principal by two keys: %s", name)
		}
		r.Key = key
		r.Signed++
	}
	return nil
}

// receipt checks one receipt. The values of a publishable bundle's parcel are not there to be
// compared.
func (v *verifier) receipt(b []byte, e *event) error {
	if len(b) != receiptSize || e.Grant == "" {
		return refuse("not a receipt")
	}
	key, b := b[:ed25519.PublicKeySize], b[ed25519.PublicKeySize:]
	signature, b := b[:ed25519.SignatureSize], b[ed25519.SignatureSize:]
	parcel, at := b[:sha256.Size], b[sha256.Size:]
	if sum := sha256.Sum256(v.files.data[e.File]); v.files.profile == "lab" && !bytes.Equal(sum[:], parcel) {
		return refuse("the receipt of another parcel")
	}
	text := append([]byte("custody-parcel-v1\x00"), parcel...)
	text = append(append(text, e.Grant...), at...)
	if !ed25519.Verify(key, text, signature) {
		return refuse("the signature of a receipt is wrong")
	}
	if binary.BigEndian.Uint64(at) >= 1<<53 {
		return refuse("the time of a receipt is too large")
	}
	return nil
}
