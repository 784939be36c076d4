package know

import (
	"encoding/hex"
	"strconv"

	"signet.example/signet/custodian/parcel"
)

// The names of atoms. Keys are named by half of their public bytes: enough that two do not meet.

func key(k parcel.Key) string { return hex.EncodeToString(k[1:17]) }

func num[N int | uint32 | uint64 | uint8](n N) string { return strconv.FormatUint(uint64(n), 10) }

// Private is the private key of k.
func Private(k parcel.Key) string { return "private(" + key(k) + ")" }

// Seen is the public key k.
func Seen(k parcel.Key) string { return "seen(" + key(k) + ")" }

// DH is the agreement of a and b, in either order.
func DH(a, b parcel.Key) string {
	x, y := key(a), key(b)
	if x > y {
		x, y = y, x
	}
	return "dh(" + x + "," + y + ")"
}

// KEMPrivate is the private key of a KEM prekey.
func KEMPrivate(k parcel.Key) string { return "kem-private(" + key(k) + ")" }

// KEMSecret is the KEM secret of the handshake with this base key.
func KEMSecret(base parcel.Key) string { return "kem-secret(" + key(base) + ")" }

// Handshake is the public part of the first message with this base key.
func Handshake(base parcel.Key) string { return "handshake(" + key(base) + ")" }

// Root is the root key that the turn of ratchet key k made.
func Root(base, k parcel.Key) string { return "root(" + key(base) + "," + key(k) + ")" }

// ChainKey is the chain key of ratchet key k at index i.
func ChainKey(base, k parcel.Key, i uint32) string { return "chain" + message(base, k, i) }

// Seed is the seed of message i on the chain of ratchet key k.
func Seed(base, k parcel.Key, i uint32) string { return "seed" + message(base, k, i) }

// later is the seed of message i or of one after it.
func later(base, k parcel.Key, i uint32) string { return "seed-from" + message(base, k, i) }

func message(base, k parcel.Key, i uint32) string {
	return "(" + key(base) + "," + key(k) + "," + num(i) + ")"
}

// PQStart is the key from which the post-quantum half of a session begins.
func PQStart(base parcel.Key) string { return "pq-start(" + key(base) + ")" }

// PQRoot is the root of the post-quantum chains of an epoch.
func PQRoot(base parcel.Key, epoch uint64) string {
	return "pq-root(" + key(base) + "," + num(epoch) + ")"
}

// PQChain is the chain key of an epoch and direction after i messages.
func PQChain(base parcel.Key, epoch uint64, dir uint8, i uint32) string {
	return "pq-chain" + pq(base, epoch, dir, i)
}

// PQKey is the post-quantum key of message i, counted from 1.
func PQKey(base parcel.Key, epoch uint64, dir uint8, i uint32) string {
	return "pq-key" + pq(base, epoch, dir, i)
}

// pqLater is the post-quantum key of message i or of one after it.
func pqLater(base parcel.Key, epoch uint64, dir uint8, i uint32) string {
	return "pq-key-from" + pq(base, epoch, dir, i)
}

func pq(base parcel.Key, epoch uint64, dir uint8, i uint32) string {
	return "(" + key(base) + "," + num(epoch) + "," + num(dir) + "," + num(i) + ")"
}

// PQSecret is what an epoch of the braid contributes.
func PQSecret(base parcel.Key, epoch uint64) string {
	return "pq-secret(" + key(base) + "," + num(epoch) + ")"
}

// PQDecapsulation is the ML-KEM private key of an epoch, PQEncapsulation what its ciphertext was
// made with, PQAuth the authenticator.
func PQDecapsulation(base parcel.Key, epoch uint64) string {
	return "pq-dk(" + key(base) + "," + num(epoch) + ")"
}

// PQEncapsulation is what the ciphertext of an epoch was made with.
func PQEncapsulation(base parcel.Key, epoch uint64) string {
	return "pq-es(" + key(base) + "," + num(epoch) + ")"
}

// PQAuth is the authenticator of an epoch.
func PQAuth(base parcel.Key, epoch uint64) string {
	return "pq-auth(" + key(base) + "," + num(epoch) + ")"
}

// An Object is what the braid sends in chunks.
type Object string

// The objects of an epoch, and how many chunks rebuild each (spqr §2).
const (
	Header      Object = "hdr"
	Vector      Object = "ek"
	Ciphertext1 Object = "ct1"
	Ciphertext2 Object = "ct2"
)

// Needed returns how many distinct chunks rebuild an object.
func Needed(o Object) int { return needed[o] }

var needed = map[Object]int{Header: 3, Vector: 36, Ciphertext1: 30, Ciphertext2: 5}

// Chunk is one chunk of an object, seen on the wire.
func Chunk(base parcel.Key, epoch uint64, o Object, i uint16) string {
	return "chunk(" + key(base) + "," + num(epoch) + "," + string(o) + "," + num(int(i)) + ")"
}

func object(base parcel.Key, epoch uint64, o Object) string {
	return "object(" + key(base) + "," + num(epoch) + "," + string(o) + ")"
}

// Observed is the ciphertext of message m, Copy its plaintext as a copy, MessageKey its key, Plain
// its plaintext.
func Observed(m int) string { return "observed(" + num(m) + ")" }

// Copy is a copy of the plaintext of message m.
func Copy(m int) string { return "copy(" + num(m) + ")" }

// MessageKey is the key of message m.
func MessageKey(m int) string { return "message-key(" + num(m) + ")" }

// Opened is message m, decrypted.
func Opened(m int) string { return "opened(" + num(m) + ")" }

// Plain is the plaintext of message m.
func Plain(m int) string { return "plaintext(" + num(m) + ")" }

// Forge is a message of one's own that the receiver of probe p accepts.
func Forge(p int) string { return "forge(" + num(p) + ")" }

// Quantum is the means to break elliptic curves.
const Quantum = "quantum"

// FromParcel returns the atoms that holding p amounts to. It reads names, never values.
func FromParcel(p parcel.Parcel) []string {
	var list []string
	for _, e := range p.Entries() {
		switch e.Kind {
		case parcel.Identity, parcel.SignedPreKey, parcel.OneTimePreKey, parcel.RatchetPrivate:
			list = append(list, Private(e.Key), Seen(e.Key))
		case parcel.KyberPreKey:
			list = append(list, KEMPrivate(e.Key))
		case parcel.Root:
			list = append(list, Root(e.Base, e.Key), Seen(e.Key))
		case parcel.SendingChain, parcel.ReceivingChain:
			list = append(list, ChainKey(e.Base, e.Key, e.Index), Seen(e.Key))
		case parcel.Skipped, parcel.SendingKey:
			list = append(list, Seed(e.Base, e.Key, e.Index), Seen(e.Key))
		case parcel.Agreement:
			list = append(list, DH(e.Key, e.Base), Seen(e.Base))
		case parcel.Plaintext:
			list = append(list, Copy(int(e.Index)))
		case parcel.PQRoot:
			list = append(list, PQRoot(e.Base, e.Epoch))
		case parcel.PQSending, parcel.PQReceiving:
			list = append(list, PQChain(e.Base, e.Epoch, e.Dir, e.Index))
		case parcel.PQSkipped, parcel.PQSendingKey:
			list = append(list, PQKey(e.Base, e.Epoch, e.Dir, e.Index))
		case parcel.PQAuth:
			list = append(list, PQAuth(e.Base, e.Epoch))
		case parcel.PQDecapsulation:
			list = append(list, PQDecapsulation(e.Base, e.Epoch))
		case parcel.PQEncapsulation:
			list = append(list, PQEncapsulation(e.Base, e.Epoch))
		case parcel.PQNegotiation:
			list = append(list, PQStart(e.Base))
		}
	}
	return list
}
