package ratchet

import (
	"errors"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/wire"
	"signet.example/signet/internal/x25519"
)

// rootStep is KDF_RK of The Double Ratchet §5.2: a root key and a Diffie-Hellman output give the next
// root key and a chain key, 64 bytes in one slice.
func rootStep(root []byte, dh *[32]byte) (next, chain []byte) {
	okm := make([]byte, 64)
	kdf.HKDF(okm, root, dh[:], []byte("WhisperRatchet"))
	return okm[:32:32], okm[32:]
}

// receiveStep derives the receiving chain for the peer's ratchet key theirs.
func receiveStep(root, private []byte, theirs [32]byte) (next, chain []byte, err error) {
	var dh [32]byte
	if !x25519.Shared(&dh, (*[32]byte)(private), &theirs) {
		return nil, nil, signet.ErrInvalidAgreement
	}
	next, chain = rootStep(root, &dh)
	clear(dh[:])
	return next, chain, nil
}

// turn draws a new ratchet key pair and derives the sending chain toward theirs.
func turn(src *entropy.Source, root []byte, theirs [32]byte) (next []byte, sender wire.Chain, err error) {
	private := new([32]byte)
	src.Read(private[:])
	x25519.Clamp(private)
	var u [32]byte
	x25519.Base(&u, private)
	next, chain, err := receiveStep(root, private[:], theirs)
	if err != nil {
		return nil, wire.Chain{}, err
	}
	return next, wire.Chain{
		RatchetKey: signet.PublicKeyFromRaw(u).Bytes(), RatchetPriv: private[:], HasKey: true, Key: chain,
	}, nil
}

// The two constants of the symmetric-key ratchet, The Double Ratchet §5.2.
var (
	messageConstant = []byte{1}
	chainConstant   = []byte{2}
)

func messageSeed(chain []byte) secret.Key { return kdf.HMAC(chain, messageConstant) }
func nextChain(chain []byte) secret.Key   { return kdf.HMAC(chain, chainConstant) }

// messageKeys are the three keys of one message (protocol §5.1).
type messageKeys struct {
	cipher, mac [32]byte
	iv          [16]byte
}

// derive computes the keys of a message from its seed. salt is the post-quantum key, or nil.
func derive(seed, salt []byte) (k messageKeys) {
	var okm [80]byte
	kdf.HKDF(okm[:], salt, seed, []byte("WhisperMessageKeys"))
	copy(k.cipher[:], okm[:32])
	copy(k.mac[:], okm[32:64])
	copy(k.iv[:], okm[64:])
	clear(okm[:])
	return k
}

func (k *messageKeys) wipe() { *k = messageKeys{} }

// checkMAC returns the first 8 bytes of the MAC over the two identity keys and the message, sender
// first (protocol §5.4).
func (k *messageKeys) tag(sender, receiver, signed []byte) [wire.MACSize]byte {
	sum := kdf.HMAC(k.mac[:], sender[:33], receiver[:33], signed)
	return [wire.MACSize]byte(sum[:wire.MACSize])
}

var errFuture = errors.New("ratchet: message from too far into the future")

// take finds the seed of message counter on the receiving chain c: a skipped one, or the chain's own
// after advancing it. It changes c, which is part of a trial.
func take(c *wire.Chain, counter uint32, limit uint64) (seed *wire.MessageKey, err error) {
	if !c.HasKey || len(c.Key) != 32 {
		return nil, errors.New("ratchet: invalid receiver chain key")
	}
	if counter < c.Index {
		return takeSkipped(c, counter)
	}
	jump := uint64(counter) - uint64(c.Index)
	if jump > limit {
		return nil, errFuture
	}
	if counter == 1<<32-1 {
		return nil, errors.New("ratchet: the chain's counter is used up")
	}
	key := secret.Key(c.Key)
	c.Skipped = skip(c.Skipped, &key, c.Index, int(jump))
	s := messageSeed(key[:])
	key = nextChain(key[:])
	c.Key = key[:]
	c.Index = counter + 1
	return &wire.MessageKey{Index: counter, Seed: s[:]}, nil
}

// skip advances key by n messages and puts their seeds in front of list, newest first. Of the seeds
// old and new the newest maxSkipped are kept, so the seeds of earlier ones are not even computed.
func skip(list []byte, key *secret.Key, index uint32, n int) []byte {
	if n == 0 {
		return list
	}
	for ; n > maxSkipped; n-- {
		*key = nextChain(key[:])
		index++
	}
	seeds := make([]secret.Key, n)
	for i := range seeds {
		seeds[i] = messageSeed(key[:])
		*key = nextChain(key[:])
	}
	old := newest(list, maxSkipped-n)
	const entry = 44 // the encoded length of one entry, at most
	out := make([]byte, 0, n*entry+len(old))
	for i := n - 1; i >= 0; i-- {
		out = wire.AppendMessageKey(out, &wire.MessageKey{Index: index + uint32(i), Seed: seeds[i][:]})
	}
	clear(seeds)
	return append(out, old...)
}

// newest returns the first n entries of list.
func newest(list []byte, n int) []byte {
	const smallest = 2 + 2 + 32 // tag, length, tag and length of the seed, seed
	if len(list) < n*smallest {
		return list // not even n entries
	}
	rest := list
	for ; n > 0 && len(rest) > 0; n-- {
		var err error
		if _, _, rest, err = wire.NextMessageKey(rest); err != nil {
			return nil
		}
	}
	return list[:len(list)-len(rest)]
}

// takeSkipped removes the entry of message counter from the skipped seeds of c.
func takeSkipped(c *wire.Chain, counter uint32) (*wire.MessageKey, error) {
	for rest := c.Skipped; len(rest) > 0; {
		k, raw, after, err := wire.NextMessageKey(rest)
		if err != nil {
			return nil, damaged("skipped message keys")
		}
		if k.Index == counter {
			before := len(c.Skipped) - len(rest)
			list := make([]byte, 0, len(c.Skipped)-len(raw))
			c.Skipped = append(append(list, c.Skipped[:before]...), after...)
			return &k, nil
		}
		rest = after
	}
	return nil, &DuplicateError{Index: c.Index, Counter: counter}
}

// keys derives a message's keys from its entry. Entries of older libraries hold the keys themselves,
// and never meet a post-quantum key.
func keys(e *wire.MessageKey, salt []byte) (k messageKeys, err error) {
	if len(e.Seed) != 0 {
		return derive(e.Seed, salt), nil
	}
	if salt != nil {
		return k, damaged("invalid message key: no seed")
	}
	if len(e.Cipher) != len(k.cipher) || len(e.MAC) != len(k.mac) || len(e.IV) != len(k.iv) {
		return k, damaged("invalid message key")
	}
	copy(k.cipher[:], e.Cipher)
	copy(k.mac[:], e.MAC)
	copy(k.iv[:], e.IV)
	return k, nil
}
