package custodian

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/cbc"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/wire"
)

// These tests go through what a receiver takes, value by value, and not what senders write:
// whatever it accepts has to be a way of the rule book (T20). A receiver that takes one more value
// turns them red.

// A dish is a message as somebody would make it who has the whole session of its sender.
type dish struct {
	version byte // of the post-quantum field
	epoch   uint64
	index   uint32
	kind    byte
	empty   bool // no field
	counter uint32
}

func (d dish) String() string {
	return fmt.Sprintf("version %d, epoch %d, index %d, kind %d, empty %t, counter %d", d.version, d.epoch, d.index, d.kind, d.empty, d.counter)
}

// A cook has the session of an end.
type cook struct {
	s                state
	sender, receiver []byte
}

// key is the post-quantum key of a place, if the sender can still make it.
func (c *cook) key(epoch uint64, index uint32) []byte {
	for i := range c.s.pq.links {
		l := &c.s.pq.links[i]
		if l.epoch != epoch || len(l.send.next) != 32 || index <= l.send.ctr {
			continue
		}
		next := l.send.next
		for at := l.send.ctr + 1; ; at++ {
			var okm [64]byte
			kdf.HKDF(okm[:], nil, next, append(binary.BigEndian.AppendUint32(nil, at), "Signal PQ Ratchet V1 Chain Next"...))
			if at == index {
				return okm[32:]
			}
			next = okm[:32]
		}
	}
	return nil
}

// serve makes the message; nil if the key that it would need is gone.
func (c *cook) serve(d dish) []byte {
	var salt []byte
	if !d.empty && d.index > 0 && d.version > 0 {
		epoch := d.epoch - 1
		if d.version > 1 {
			epoch = 0 // all that is shared with a version to come
		}
		if salt = c.key(epoch, d.index); salt == nil {
			return nil
		}
	}
	chain := c.s.Sender.Key
	for range d.counter - c.s.Sender.Index {
		next := kdf.HMAC(chain, []byte{2})
		chain = next[:]
	}
	seed := kdf.HMAC(chain, []byte{1})
	var okm [80]byte
	kdf.HKDF(okm[:], salt, seed[:], []byte("WhisperMessageKeys"))
	var field []byte
	if !d.empty {
		field = binary.AppendUvarint([]byte{d.version}, d.epoch)
		field = append(binary.AppendUvarint(field, uint64(d.index)), d.kind)
		if d.kind != 0 && d.kind != 4 {
			field = append(field, make([]byte, 33)...) // chunk 0, wrong
		}
	}
	m, at := wire.AppendSignalMessage(nil, &wire.SignalMessage{Version: 4, RatchetKey: c.s.Sender.RatchetKey, Counter: d.counter, PQRatchet: field}, 16)
	cbc.Seal(m[at:at+16], (*[32]byte)(okm[:32]), (*[16]byte)(okm[64:]), []byte("not by me"))
	tag := kdf.HMAC(okm[32:64], c.sender, c.receiver, m)
	return append(m, tag[:8]...)
}

// allowed is what the rule book says of a message that the sender's whole session is needed for.
func (c *cook) allowed(p *probe, d dish, negotiating bool) bool {
	switch {
	case d.empty, d.version == 0, d.version == 1 && d.kind > 6, d.version > 1 && !negotiating, d.epoch == 0:
		return false
	case d.version == 1 && d.index == 0 && d.epoch != 1:
		return false
	}
	for i := range p.takes {
		w := &p.takes[i]
		on := !w.Root && w.PreKey == (parcel.Key{}) && w.Key == c.s.own() && d.counter >= w.Next || w.Root && w.Key == c.s.against()
		if !on || w.Base != c.s.base {
			continue
		}
		if d.index == 0 {
			return w.Keyless
		}
		epoch := d.epoch - 1
		if d.version > 1 {
			epoch = 0
		}
		for _, k := range w.Chains {
			if k.Epoch == epoch && d.index >= k.Index {
				return true
			}
		}
	}
	return false
}

// TestMenu offers every version, epoch, index and kind to receivers in many states.
func TestMenu(t *testing.T) {
	taken, keyless, more := 0, 0, 0
	for _, mode := range []string{KeylessAccepted, KeylessRefused} {
		for _, n := range []int{1, 2, 3, 4, 9, 30, 95, 96} {
			sc := pingPong(4, n, n, "copy", "root")
			sc.Keyless = mode
			r, err := play(context.Background(), sc, nil)
			require.NoError(t, err)
			for to := range attack.Side(2) {
				from := r.parties[1-to]
				states, err := from.states(r.ctx)
				require.NoError(t, err)
				if len(states) == 0 || states[0].HasPending { // inside a first message: TestKeylessInside
					continue
				}
				theirs, err := r.parties[to].states(r.ctx)
				require.NoError(t, err)
				c := &cook{s: states[0], sender: from.device.Identity().Bytes(), receiver: r.parties[to].device.Identity().Bytes()}
				require.NoError(t, r.probe(to, -1, nil))
				p := r.probes[len(r.probes)-1]
				negotiating := theirs[0].pq.start != nil
				for _, d := range c.menu() {
					body := c.serve(d)
					if body == nil {
						continue
					}
					text, ok := p.receiver().accept(false, body)
					where := fmt.Sprintf("%s, %d messages, to %d, negotiating %t: %s", mode, n, to, negotiating, d)
					want := c.allowed(p, d, negotiating)
					if ok {
						require.Equal(t, "not by me", string(text))
						require.True(t, want, where)
						taken++
						keyless += ifSo(d.index == 0)
						more += ifSo(d.version > 1)
					} else if d.kind == 0 || d.kind == 4 { // a wrong chunk can be the one that completes an object
						require.False(t, want, where)
					}
				}
			}
		}
	}
	t.Logf("%d accepted, %d of them without a key, %d of a version to come", taken, keyless, more)
	require.Greater(t, taken, 500)
	require.Positive(t, keyless)
}

func ifSo(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *cook) menu() (list []dish) {
	at := c.s.Sender.Index
	for _, counter := range []uint32{at, at + 3} {
		list = append(list, dish{empty: true, counter: counter})
		for _, version := range []byte{0, 1, 2, 3, 255} {
			for epoch := uint64(0); epoch <= c.s.pq.braid+2; epoch++ {
				for _, index := range []uint32{0, 1, c.next(epoch), c.next(epoch) + 5} {
					for kind := range byte(9) {
						list = append(list, dish{version: version, epoch: epoch, index: index, kind: kind, counter: counter})
					}
				}
			}
		}
	}
	return list
}

// next is the next index of the sender in the epoch of the wire.
func (c *cook) next(epoch uint64) uint32 {
	for i := range c.s.pq.links {
		if l := &c.s.pq.links[i]; l.epoch+1 == epoch {
			return l.send.ctr + 1
		}
	}
	return 1
}

// TestFirstByte: whatever the lower half of the version byte, the message is of the version in the
// upper half, for the receiver as for whoever reads it on its way.
func TestFirstByte(t *testing.T) {
	for _, protocol := range []int{3, 4} {
		sc := pingPong(protocol, 4, 4, "copy", "session")
		r, err := play(context.Background(), sc, nil)
		require.NoError(t, err)
		for low := range byte(16) {
			m := r.messages[3].message
			body := append([]byte(nil), m.Body...)
			body[0] = byte(protocol)<<4 | low
			s := &sent{message: m}
			s.message.Body = body
			require.NoError(t, s.parse())
			require.Equal(t, r.messages[3].key, s.key)
			a := attack.New()
			a.Observe(attack.Wire{Number: 3, From: attack.Business, Session: r.messages[3].base, Body: body})
			require.Nil(t, a.Forge(entropy.Seeded([32]byte{1}), attack.Business, []byte("x"), func(bool, []byte) ([]byte, bool) { return []byte("x"), true }), "knows no key")
		}
	}
}
