package spqr

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"signet.example/signet/internal/wire"
)

// The stored forms of the braid and of the chain (spqr §14).

func (b *braid) parse(v1 []byte) error {
	f := scanner{rest: v1}
	var outer []byte
	for f.next() {
		if f.num >= protowire.Number(KeysUnsampled) && f.num <= protowire.Number(Ct2Sampled) {
			b.phase = Phase(f.num)
			f.toBytes(&outer)
		}
	}
	if f.err != nil {
		return f.err
	}
	if b.phase == 0 {
		return ErrState
	}
	row := &phases[b.phase]
	var inner, enc, dec []byte
	f = scanner{rest: outer}
	for f.next() {
		switch int(f.num) {
		case 1:
			f.toBytes(&inner)
		case row.encodes.field: // 0 if there is none, which no field is
			f.toBytes(&enc)
		case row.decodes.field:
			f.toBytes(&dec)
		}
	}
	if f.err != nil {
		return f.err
	}
	if inner == nil || (enc == nil) != (row.encodes.field == 0) || (dec == nil) != (row.decodes.field == 0) {
		return ErrState
	}
	b.enc.raw, b.dec.raw = enc, dec
	return b.parseInner(inner)
}

func (b *braid) parseInner(inner []byte) error {
	holds := phases[b.phase].holds
	var auth []byte
	f := scanner{rest: inner}
	for f.next() {
		switch i := int(f.num) - 3; {
		case f.num == 1:
			f.toUint(&b.epoch)
		case f.num == 2:
			f.toBytes(&auth)
		case i >= 0 && i < len(holds):
			f.toBytes(&b.parts[holds[i]])
		}
	}
	if f.err != nil {
		return f.err
	}
	for _, p := range holds {
		if len(b.parts[p]) != partSizes[p] {
			return ErrState
		}
	}
	// Epochs count from 1, and the next one has to have a number.
	if auth == nil || b.epoch == 0 || b.epoch == math.MaxUint64 {
		return ErrState
	}
	return b.auth.parse(auth)
}

func (b *braid) write(w *wire.Writer) {
	row := &phases[b.phase]
	end := w.Written()
	if row.decodes.field != 0 { // always the last one
		b.dec.write(w, row.decodes.field)
	}
	if row.encodes.field != 0 {
		b.enc.write(w, row.encodes.field)
	}
	inner := w.Written()
	for i := len(row.holds) - 1; i >= 0; i-- {
		w.Bytes(protowire.Number(3+i), b.parts[row.holds[i]])
	}
	auth := w.Written()
	w.Bytes(2, b.auth.mac[:])
	w.Bytes(1, b.auth.root[:])
	w.Message(2, auth)
	w.Uint(1, b.epoch)
	w.Message(1, inner)
	w.Message(protowire.Number(b.phase), end)
	w.Message(3, end)
}

func (a *authenticator) parse(b []byte) error {
	var root, mac []byte
	f := scanner{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			f.toBytes(&root)
		case 2:
			f.toBytes(&mac)
		}
	}
	if f.err != nil {
		return f.err
	}
	if len(root) != 32 || len(mac) != 32 {
		return ErrState
	}
	a.root, a.mac = [32]byte(root), [32]byte(mac)
	return nil
}

func (c *chain) parse(b []byte) error {
	var dir uint64
	var root, limits []byte
	f := scanner{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			f.toUint(&dir)
		case 2:
			f.toUint(&c.current)
		case 3:
			if c.n == maxLinks {
				return ErrState
			}
			var l []byte
			if f.toBytes(&l); f.err == nil {
				f.err = c.links[c.n].parse(l)
			}
			c.n++
		case 4:
			f.toBytes(&root)
		case 5:
			f.toUint(&c.sending)
		case 6:
			f.toBytes(&limits)
		}
	}
	if f.err != nil {
		return f.err
	}
	if dir > uint64(B2A) || len(root) != 32 || limits == nil {
		return ErrState
	}
	c.dir, c.root = Direction(dir), [32]byte(root)
	return c.limits.parse(limits)
}

func (c *chain) write(w *wire.Writer) {
	end := w.Written()
	c.limits.write(w, 6)
	w.Uint(5, c.sending)
	w.Bytes(4, c.root[:])
	for i := c.n - 1; i >= 0; i-- {
		mark := w.Written()
		c.links[i].recv.write(w, 2)
		c.links[i].send.write(w, 1)
		w.Message(3, mark)
	}
	w.Uint(2, c.current)
	w.Uint(1, uint64(c.dir))
	w.Message(2, end)
}

func (l *link) parse(b []byte) error {
	var send, recv []byte
	f := scanner{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			f.toBytes(&send)
		case 2:
			f.toBytes(&recv)
		}
	}
	if f.err != nil {
		return f.err
	}
	if send == nil || recv == nil {
		return ErrState
	}
	if err := l.send.parse(send); err != nil {
		return err
	}
	return l.recv.parse(recv)
}

func (h *half) parse(b []byte) error {
	var next []byte
	f := scanner{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			f.toUint32(&h.ctr)
		case 2:
			f.toBytes(&next)
		case 3:
			f.toBytes(&h.prev)
		}
	}
	if f.err != nil {
		return f.err
	}
	if len(next) != 0 && len(next) != 32 || len(h.prev)%recordSize != 0 {
		return ErrState
	}
	h.erased = len(next) == 0
	copy(h.next[:], next)
	return nil
}

func (h *half) size() int {
	n := 16 + len(h.prev)
	if !h.erased {
		n += 34
	}
	return n
}

func (h *half) write(w *wire.Writer, field int) {
	mark := w.Written()
	w.Bytes(3, h.prev)
	if !h.erased {
		w.Bytes(2, h.next[:])
	}
	w.Uint(1, uint64(h.ctr))
	w.Message(protowire.Number(field), mark)
}
