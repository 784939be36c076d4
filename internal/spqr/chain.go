package spqr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/steps"
)

const (
	defaultJump = 25_000 // how far one message may run ahead in its chain
	defaultKept = 2_000  // how far one may lag behind: skipped keys older than that are forgotten

	// maxKept is what a stored state may ask for at most; later clients refuse more as well.
	maxKept = 1 << 24

	// maxLinks is how many chain epochs a state may hold. Three occur (spqr §12.3): the one before
	// that of the last send, its own, and the next.
	maxLinks = 4

	recordSize = 4 + 32 // a skipped key: big-endian index, key
)

var (
	errNoChain   = errors.New("spqr: chain not available")
	errExhausted = errors.New("spqr: send chain is exhausted or erased")
)

func errEpoch(epoch uint64) error {
	return fmt.Errorf("spqr: epoch not in valid range: %d", epoch)
}

// ErrForgotten is a key that was given up: of an epoch that was left, or too far behind.
var ErrForgotten = errors.New("spqr: key is no longer kept")

// A forgotten is ErrForgotten in the words of the official client.
type forgotten string

func (f forgotten) Error() string        { return string(f) }
func (f forgotten) Is(target error) bool { return target == ErrForgotten }

// params are the limits of a chain as they are stored: 0 is the default (spqr §14).
type params struct{ maxJump, maxKept uint32 }

// jump and kept are 64 bits wide because they are added to indices near 2^32 (spqr trap 25).
func (p params) jump() uint64 {
	if p.maxJump == 0 {
		return defaultJump
	}
	return uint64(p.maxJump)
}

func (p params) kept() uint64 {
	if p.maxKept == 0 {
		return defaultKept
	}
	return uint64(p.maxKept)
}

// A half is one direction of one chain epoch. Indices count from 1.
type half struct {
	ctr    uint32 // index of the last key derived
	erased bool   // next is gone: the sending half of an epoch that was left
	next   [32]byte
	prev   []byte // records of skipped keys; borrowed, hence never written
}

type link struct{ send, recv half }

// A chain gives each message its key: two KDF chains, one a direction, for each of the last chain
// epochs (spqr §12). Chain epoch c is that of the braid's epoch c + 1.
type chain struct {
	dir     Direction
	current uint64 // epoch of the last link
	sending uint64 // epoch of the last send
	root    [32]byte
	limits  params
	links   [maxLinks]link // oldest first
	n       int
}

// newChain is chain epoch 0, from the handshake's key.
func newChain(dir Direction, authKey *[32]byte, limits params) (c chain) {
	c.dir, c.limits = dir, limits
	c.extend(nil, authKey[:], labelStart)
	return c
}

// add appends the link of an epoch whose secret became known. It changes no other link and not the
// epoch of sending.
func (c *chain) add(epoch uint64, secret *[32]byte) error {
	if epoch != c.current+1 || c.n == 0 || c.n == maxLinks {
		return ErrState
	}
	c.current = epoch
	c.extend(c.root[:], secret[:], labelAdd)
	return nil
}

// extend derives a root and a link. Directions are those of the session's roles, which are not the
// roles of the KEM (spqr trap 7).
func (c *chain) extend(salt, ikm []byte, label string) {
	var okm [96]byte
	var info [64]byte
	kdf.HKDF(okm[:], salt, ikm, append(info[:0], label...))
	c.root = [32]byte(okm[:32])
	a2b, b2a := [32]byte(okm[32:64]), [32]byte(okm[64:])
	if c.dir == B2A {
		a2b, b2a = b2a, a2b
	}
	c.links[c.n] = link{send: half{next: a2b}, recv: half{next: b2a}}
	c.n++
	clear(okm[:])
}

// find returns the position of an epoch's link.
func (c *chain) find(epoch uint64) (i int, err error) {
	switch {
	case epoch > c.current:
		return 0, errEpoch(epoch)
	case c.current-epoch >= uint64(c.n):
		return 0, forgotten(errEpoch(epoch).Error())
	}
	return c.n - 1 - int(c.current-epoch), nil
}

// sendKey returns the next key to send with. The first send in a newer epoch is what lets go of old
// ones: links before the previous, and the seeds of sending in the previous (spqr §12.3).
func (c *chain) sendKey(epoch uint64) (index uint32, key [32]byte, err error) {
	if epoch < c.sending {
		return 0, key, fmt.Errorf("spqr: send key epoch decreased (%d -> %d)", c.sending, epoch)
	}
	i, err := c.find(epoch)
	if err != nil {
		return 0, key, err
	}
	if epoch != c.sending {
		c.sending = epoch
		if drop := i - 1; drop > 0 {
			copy(c.links[:], c.links[drop:c.n])
			clear(c.links[c.n-drop : c.n])
			c.n -= drop
			i = 1
		}
		for j := range i {
			c.links[j].send.next, c.links[j].send.erased = [32]byte{}, true
		}
	}
	h := &c.links[i].send
	if h.erased || h.ctr == math.MaxUint32 {
		return 0, key, errExhausted
	}
	h.step(&key)
	return h.ctr, key, nil
}

// recvKey returns the key of a message. ok is false for index 0 of epoch 0, by which peers that may
// yet fall back to version 0 say that they used none (spqr §6.3). The steps to it are walked within
// m.
func (c *chain) recvKey(m *steps.Meter, epoch uint64, index uint32) (key [32]byte, ok bool, err error) {
	if epoch == 0 && index == 0 {
		return key, false, nil
	}
	i, err := c.find(epoch)
	if err != nil {
		return key, false, err
	}
	h := &c.links[i].recv
	switch {
	case index == h.ctr:
		err = errRequested(index)
	case index < h.ctr:
		err = h.take(index, c.limits, &key)
	default:
		err = h.advance(m, index, c.limits, &key)
	}
	return key, err == nil, err
}

func errRequested(index uint32) error {
	return fmt.Errorf("spqr: key already requested: %d", index)
}

// step derives the next key.
func (h *half) step(key *[32]byte) {
	h.ctr++
	var okm [64]byte
	var info [64]byte
	kdf.HKDF(okm[:], nil, h.next[:], append(binary.BigEndian.AppendUint32(info[:0], h.ctr), labelNext...))
	h.next, *key = [32]byte(okm[:32]), [32]byte(okm[32:])
	clear(okm[:])
}

// take removes a skipped key.
func (h *half) take(index uint32, limits params, key *[32]byte) error {
	if uint64(index)+limits.kept() < uint64(h.ctr) {
		return forgotten(fmt.Sprintf("spqr: key trimmed: %d", index))
	}
	for at := 0; at < len(h.prev); at += recordSize {
		if binary.BigEndian.Uint32(h.prev[at:]) == index {
			*key = [32]byte(h.prev[at+4 : at+recordSize])
			h.prev = without(append([]byte(nil), h.prev...), at)
			return nil
		}
	}
	return errRequested(index)
}

// without removes the record at an offset, in place: the last one fills the hole, and the stored
// order is part of the format (spqr §12.4).
func without(prev []byte, at int) []byte {
	last := len(prev) - recordSize
	copy(prev[at:], prev[last:])
	clear(prev[last:])
	return prev[:last]
}

// advance derives the key of an index not reached before, keeping those it skips.
func (h *half) advance(m *steps.Meter, index uint32, limits params, key *[32]byte) error {
	if h.erased {
		return ErrState
	}
	skip := uint64(index) - uint64(h.ctr)
	if skip > limits.jump() {
		return fmt.Errorf("spqr: key jump: %d - %d", h.ctr, index)
	}
	if skip > 1 {
		if err := m.Walk(skip); err != nil {
			return err
		}
	}
	kept := limits.kept()
	if skip > kept {
		h.prev = nil
	}
	if skip > 1 {
		h.prev = append(make([]byte, 0, len(h.prev)+recordSize*int(min(skip-1, kept))), h.prev...)
	}
	for skip--; skip > 0; skip-- {
		if err := m.Step(); err != nil {
			return err
		}
		h.step(key)
		if uint64(h.ctr)+kept >= uint64(index) {
			h.prev = append(binary.BigEndian.AppendUint32(h.prev, h.ctr), key[:]...)
		}
	}
	h.collect(kept)
	h.step(key)
	return nil
}

// collect forgets keys that lag too far behind, once a tenth more than the limit has gathered.
func (h *half) collect(kept uint64) {
	if uint64(len(h.prev)/recordSize) < kept*11/10+1 {
		return
	}
	h.prev = append([]byte(nil), h.prev...)
	for at := 0; at < len(h.prev); {
		if uint64(binary.BigEndian.Uint32(h.prev[at:]))+kept < uint64(h.ctr) {
			h.prev = without(h.prev, at)
			continue
		}
		at += recordSize
	}
}
