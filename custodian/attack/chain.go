package attack

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"slices"

	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/kem"
	"signet.example/signet/internal/wire"
	"signet.example/signet/internal/x25519"
)

// A cursor is a chain key and how far it was advanced. The first place is kept, so that it can be
// advanced anew; messages mostly come in order and cost one step.
type cursor struct {
	first secret
	start uint32
	now   secret
	at    uint32
	step  func(secret, uint32) (next, out secret)
}

// key returns the output of step i, which is start or later.
func (c *cursor) key(i uint32) secret {
	if i < c.at {
		c.now, c.at = c.first, c.start
	}
	for ; c.at < i; c.at++ {
		c.now, _ = c.step(c.now, c.at)
	}
	_, out := c.step(c.now, i)
	return out
}

// chainStep is the symmetric ratchet of the Double Ratchet (protocol §5.1).
func chainStep(k secret, _ uint32) (next, seed secret) {
	return kdf.HMAC(k[:], []byte{2}), kdf.HMAC(k[:], []byte{1})
}

// addCursor adds a chain key unless one in the list leads to it.
func addCursor(list []*cursor, at uint32, k secret, step func(secret, uint32) (secret, secret)) []*cursor {
	for _, c := range list {
		if c.start > at {
			continue
		}
		if at < c.at {
			c.now, c.at = c.first, c.start
		}
		for ; c.at < at; c.at++ {
			c.now, _ = c.step(c.now, c.at)
		}
		if c.now == k {
			return list
		}
	}
	return append(list, &cursor{first: k, start: at, now: k, at: at, step: step})
}

func (a *Adversary) addChain(id chainID, i uint32, k secret) {
	a.chains[id] = addCursor(a.chains[id], i, k, chainStep)
}

func (a *Adversary) addSeed(id chainID, i uint32, k secret) {
	m := a.seeds[id]
	if m == nil {
		m = make(map[uint32][]secret)
		a.seeds[id] = m
	}
	m[i] = append(m[i], k)
}

func (a *Adversary) addRoot(id chainID, k secret) {
	if contains(a.roots[id], k) {
		return
	}
	a.roots[id] = append(a.roots[id], k)
	a.rooted[id.base]++
	a.dueAfter(id)
}

// privateOf returns the private key of k, if it was given or can be computed.
func (a *Adversary) privateOf(k parcel.Key) (secret, bool) {
	s, ok := a.private[k]
	if !ok && a.oracle != nil {
		s, ok = a.oracle(k)
	}
	return s, ok
}

// agree computes the agreement of two public keys from either private key, unless it was answered.
func (a *Adversary) agree(x, y parcel.Key) (dh secret, ok bool) {
	for _, pair := range [][2]parcel.Key{{x, y}, {y, x}} {
		if dh, ok = a.agreements[pair]; ok {
			return dh, true
		}
	}
	k, ok := a.privateOf(x)
	their := y
	if !ok {
		k, ok = a.privateOf(y)
		their = x
	}
	return dh, ok && x25519.Shared(&dh, &k, (*[32]byte)(their[1:]))
}

// tryOlder is how many keys of the other end are tried as the one that a key was made against.
const tryOlder = 4

// derive adds what a ratchet key may have made if it was made against before: a guess for each root
// of that.
func (a *Adversary) derive(id chainID, before parcel.Key, sure bool) {
	roots := a.roots[chainID{id.base, before}]
	if len(roots) == 0 {
		return
	}
	dh, ok := a.agree(id.key, before)
	if !ok {
		return
	}
	for _, r := range roots {
		root, chain := rootStep(r, dh)
		depth := a.depth[r]
		if !sure {
			depth++
		}
		if depth <= tryDepth && len(a.guesses[id]) < tryGuesses &&
			!slices.ContainsFunc(a.guesses[id], func(g guess) bool { return g.root == root }) {
			a.guesses[id] = append(a.guesses[id], guess{root, chain, depth, sure})
		}
	}
}

// What cannot be told right from wrong is followed so far: in so many steps, and so many
// possibilities for a key.
const (
	tryDepth   = 4
	tryGuesses = 48
)

// A guess is what a ratchet key may have made, and how many steps of those that led to it are
// doubtful.
type guess struct {
	root, chain secret
	depth       int
	sure        bool // about the last step
}

// settle looks for the guess that is right, and reports whether there is one. What is known of the
// chain tells: its root, a key or a seed of it that was handed over, or a message that opens.
func (a *Adversary) settle(id chainID) bool {
	if a.settled[id] {
		return true
	}
	for _, g := range a.guesses[id] {
		if a.fits(id, &g) || a.opens(id, g.chain) {
			a.settled[id] = true
			delete(a.guesses, id)
			a.addRoot(id, g.root)
			a.addChain(id, 0, g.chain)
			delete(a.depth, g.root)
			return true
		}
	}
	return false
}

// An anchor is what was handed over of a chain: the key or the seed at an index.
type anchor struct {
	seed  bool
	index uint32
	value secret
}

func (a *Adversary) anchor(id chainID, seed bool, e *parcel.Entry) {
	a.anchors[id] = append(a.anchors[id], anchor{seed, e.Index, secret(e.Value)})
	a.queue.due[id] = true
}

// fits reports whether a guess leads to what was handed over.
func (a *Adversary) fits(id chainID, g *guess) bool {
	if contains(a.given[id], g.root) {
		return true
	}
	for _, x := range a.anchors[id] {
		c := &cursor{first: g.chain, now: g.chain, step: chainStep}
		seed := c.key(x.index)
		if x.seed && seed == x.value || !x.seed && c.now == x.value {
			return true
		}
	}
	return false
}

// tellable reports whether a right guess would have been found out: then those that are left are
// wrong.
func (a *Adversary) tellable(id chainID) bool {
	if len(a.given[id])+len(a.anchors[id]) > 0 {
		return true
	}
	return slices.ContainsFunc(a.on[id], func(i int) bool {
		s := &a.observed[i]
		if s.pq == nil || s.pq.index == 0 {
			return true
		}
		for _, dir := range a.directions(id.base, s.wire.From) {
			if len(a.braid.in(pqID{id.base, s.pq.epoch - 1, dir}, s.pq.index)) == 0 {
				return false
			}
		}
		return true
	})
}

// keep adds the guesses of a key to what is tried.
func (a *Adversary) keep(id chainID) {
	for _, g := range a.guesses[id] {
		if (g.sure || a.partial || a.cut) && !contains(a.roots[id], g.root) {
			if g.depth > 0 {
				a.depth[g.root] = g.depth
			}
			a.addRoot(id, g.root)
			a.addChain(id, 0, g.chain)
		}
	}
}

// opens reports whether a chain key opens a message of the chain.
func (a *Adversary) opens(id chainID, chain secret) bool {
	c := &cursor{first: chain, now: chain, step: chainStep}
	for _, i := range a.on[id] {
		if s := &a.observed[i]; a.decryptFrom(s, []secret{c.key(s.message.Counter)}) != nil {
			return true
		}
	}
	return false
}

func rootStep(root, dh secret) (next, chain secret) {
	var okm [64]byte
	kdf.HKDF(okm[:], root[:], dh[:], []byte("WhisperRatchet"))
	return secret(okm[:32]), secret(okm[32:])
}

// handshake redoes a key agreement from the keys of either end (protocol §3, §4.1).
func (a *Adversary) handshake(base parcel.Key, s *shake) bool {
	responder := s.from.other()
	done := false
	for _, signed := range a.ids[responder][s.first.SignedPreKeyID] {
		for _, identity := range a.identities[responder] {
			done = a.agreement(base, s, identity, signed) || done
		}
	}
	return done
}

func (a *Adversary) agreement(base parcel.Key, s *shake, identity, signed parcel.Key) bool {
	ikm := make([]byte, 32, 6*32)
	for i := range ikm {
		ikm[i] = 0xff
	}
	pairs := [][2]parcel.Key{{s.identity, signed}, {base, identity}, {base, signed}}
	if s.first.HasPreKey {
		list := a.ids[s.from.other()][s.first.PreKeyID]
		if len(list) == 0 {
			return false
		}
		pairs = append(pairs, [2]parcel.Key{base, list[len(list)-1]})
	}
	for _, p := range pairs {
		dh, ok := a.agree(p[0], p[1])
		if !ok {
			return false
		}
		ikm = append(ikm, dh[:]...)
	}
	if s.first.Version < wire.V4 {
		a.agreed(base, signed, ikm, "WhisperText", 64)
		return true
	}
	done := false
	for _, k := range a.kem[s.first.KEMPreKeyID] {
		if ss, err := kem.Decapsulate(k, s.first.KEMCiphertext); err == nil {
			a.agreed(base, signed, append(ikm, ss[:]...), "WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024", 96)
			done = true
		}
	}
	return done
}

func (a *Adversary) agreed(base, signed parcel.Key, ikm []byte, label string, n int) {
	var okm [96]byte
	kdf.HKDF(okm[:n], nil, ikm, []byte(label))
	id := chainID{base, signed}
	a.addRoot(id, secret(okm[:32]))
	a.addChain(id, 0, secret(okm[32:64]))
	if n == 96 {
		a.braid.start(base, secret(okm[64:]))
	}
}

// messageKeys are the keys of one message (protocol §5.1).
type messageKeys struct {
	cipher, mac [32]byte
	iv          [16]byte
}

func derive(seed secret, pq *secret) (k messageKeys) {
	var salt []byte
	if pq != nil {
		salt = pq[:]
	}
	var okm [80]byte
	kdf.HKDF(okm[:], salt, seed[:], []byte("WhisperMessageKeys"))
	copy(k.cipher[:], okm[:32])
	copy(k.mac[:], okm[32:64])
	copy(k.iv[:], okm[64:])
	return k
}

func (k *messageKeys) tag(sender, receiver parcel.Key, signed []byte) []byte {
	sum := kdf.HMAC(k.mac[:], sender[:], receiver[:], signed)
	return sum[:wire.MACSize]
}

// open decrypts c if its padding is good (protocol §5.2).
func (k *messageKeys) open(c []byte) ([]byte, bool) {
	if len(c) == 0 || len(c)%aes.BlockSize != 0 {
		return nil, false
	}
	block, err := aes.NewCipher(k.cipher[:])
	if err != nil {
		return nil, false
	}
	b := make([]byte, len(c))
	cipher.NewCBCDecrypter(block, k.iv[:]).CryptBlocks(b, c)
	pad := int(b[len(b)-1])
	if pad < 1 || pad > aes.BlockSize {
		return nil, false
	}
	for _, x := range b[len(b)-pad:] {
		if int(x) != pad {
			return nil, false
		}
	}
	return b[:len(b)-pad], true
}

// seal fills dst, whole blocks, with the encryption of plaintext.
func (k *messageKeys) seal(dst, plaintext []byte) {
	n := copy(dst, plaintext)
	for i := n; i < len(dst); i++ {
		dst[i] = byte(len(dst) - n)
	}
	block, err := aes.NewCipher(k.cipher[:])
	if err != nil {
		panic("attack: AES refused a key of 32 bytes") // it has no other reason to fail
	}
	cipher.NewCBCEncrypter(block, k.iv[:]).CryptBlocks(dst, dst)
}

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

func be32(i uint32) []byte { return binary.BigEndian.AppendUint32(nil, i) }
func be64(i uint64) []byte { return binary.BigEndian.AppendUint64(nil, i) }
