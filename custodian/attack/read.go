package attack

import (
	"bytes"
	"fmt"
	"io"

	"signet.example/signet/custodian/parcel"
)

// MessageKeys are what opens one message and says nothing about any other (protocol §5.1): the keys
// of its cipher and MAC, and the identity keys that the MAC covers. They redact themselves.
type MessageKeys struct {
	Cipher, MAC      [32]byte
	IV               [16]byte
	Sender, Receiver parcel.Key
}

// Format redacts the keys under every verb.
func (MessageKeys) Format(f fmt.State, _ rune) { io.WriteString(f, "attack.MessageKeys(…)") }

func (k *messageKeys) between(sender, receiver parcel.Key) MessageKeys {
	return MessageKeys{Cipher: k.cipher, MAC: k.mac, IV: k.iv, Sender: sender, Receiver: receiver}
}

// An Opening is a message that an adversary has read. It exists only if the message's MAC verified
// and its ciphertext decrypted under a key that the adversary computed, or if it was given the
// text.
type Opening struct {
	number int
	text   []byte
	copied bool
	keys   MessageKeys
}

// Keys are the keys that opened the message; zero if the text was given.
func (o *Opening) Keys() MessageKeys { return o.keys }

// Number is the message's number, Text its plaintext, and Copied tells that the text was given
// rather than decrypted.
func (o *Opening) Number() int { return o.number }

// Text is the message's plaintext. It must not be modified.
func (o *Opening) Text() []byte { return o.text }

// Copied reports that the text was given rather than decrypted.
func (o *Opening) Copied() bool { return o.copied }

// Read tries every key that the adversary holds on every message that it saw, and returns what
// opened, at most once for each message and in the order of observation; decrypted where both ways
// exist. Then come the texts of messages that it never saw.
func (a *Adversary) Read() []*Opening {
	var list []*Opening
	done := make(map[int]bool)
	for i := range a.observed {
		s := &a.observed[i]
		if done[s.wire.Number] || s.wire.Number < 0 {
			continue
		}
		if o := a.decrypt(s); o != nil {
			list = append(list, o)
			done[s.wire.Number] = true
		}
	}
	for _, n := range a.copied() {
		if !done[n] {
			list = append(list, &Opening{number: n, text: bytes.Clone(a.copies[n]), copied: true})
		}
	}
	return list
}

func (a *Adversary) copied() []int {
	list := make([]int, 0, len(a.copies))
	most := -1
	for n := range a.copies {
		most = max(most, n)
	}
	for n := 0; n <= most; n++ {
		if _, ok := a.copies[n]; ok {
			list = append(list, n)
		}
	}
	return list
}

// seedsOf returns every candidate for the seed of a message.
func (a *Adversary) seedsOf(id chainID, counter uint32) []secret {
	list := a.seeds[id][counter]
	for _, c := range a.chains[id] {
		if c.start <= counter {
			list = append(list[:len(list):len(list)], c.key(counter))
		}
	}
	return list
}

// decrypt returns what opens, or nil.
func (a *Adversary) decrypt(s *seen) *Opening {
	return a.decryptFrom(s, a.seedsOf(s.id, s.message.Counter))
}

func (a *Adversary) decryptFrom(s *seen, seeds []secret) *Opening {
	if len(seeds) == 0 {
		return nil
	}
	if len(s.message.PQRatchet) == 0 {
		return a.decryptWith(s, seeds, nil)
	}
	if s.pq == nil {
		return nil
	}
	if s.pq.index == 0 {
		return a.decryptWith(s, seeds, nil)
	}
	for _, k := range a.braid.lookup(s.id.base, s.pq.epoch-1, s.pq.index) {
		if o := a.decryptWith(s, seeds, &k); o != nil {
			return o
		}
	}
	return nil
}

func (a *Adversary) decryptWith(s *seen, seeds []secret, pq *secret) *Opening {
	for _, seed := range seeds {
		k := derive(seed, pq)
		for _, sender := range a.identities[s.wire.From] {
			for _, receiver := range a.identities[s.wire.From.other()] {
				if !equal(k.tag(sender, receiver, s.message.Signed), s.message.MAC) {
					continue
				}
				if text, ok := k.open(s.message.Ciphertext); ok {
					return &Opening{number: s.wire.Number, text: text, keys: k.between(sender, receiver)}
				}
			}
		}
	}
	return nil
}
