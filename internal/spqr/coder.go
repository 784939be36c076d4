package spqr

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"

	"signet.example/signet/internal/erasure"
	"signet.example/signet/internal/wire"
)

// lanes is the number of lists in a stored encoder or decoder.
const lanes = len(erasure.Lists{})

// An encoder is a stored PolynomialEncoder (spqr §14). It stays the bytes it was until it has to
// emit a chunk; then the counter is apart from the lists, which almost never change.
type encoder struct {
	raw []byte // as it was stored, unless it is live

	live         bool
	next         uint32
	coefficients bool           // the form of the lists
	tail         []byte         // the lists as fields, in the shortest encoding
	curves       erasure.Curves // of the coefficients, or nil
}

// start begins the chunks of the concatenation of what it is given.
func (e *encoder) start(message ...[]byte) error {
	var buf [sizeEk]byte
	b := buf[:0]
	for _, m := range message {
		b = append(b, m...)
	}
	full, err := erasure.NewEncoder(b)
	e.pack(&full)
	return err
}

// chunk emits the next chunk of a message of size bytes.
func (e *encoder) chunk(size int, m *message) error {
	if e.curves != nil {
		m.chunk = uint16(e.next) // it wraps, see erasure.Encoder
		e.next++
		e.curves.Chunk(m.chunk, &m.data)
		return nil
	}
	if !e.live {
		if err := e.parse(size); err != nil {
			return err
		}
	}
	full, err := erasure.ResumeEncoder(size, e.next, e.lists(), e.coefficients)
	if err != nil {
		return ErrState
	}
	m.chunk = full.Chunk(&m.data)
	if e.next = full.Next; full.Coefficients != e.coefficients {
		e.pack(&full)
	}
	return nil
}

// lists are the lists in tail.
func (e *encoder) lists() (l erasure.Lists) {
	stride := len(e.tail) / lanes
	for p := range l {
		_, n := protowire.ConsumeVarint(e.tail[p*stride+1 : (p+1)*stride])
		l[p] = e.tail[p*stride+1+n : (p+1)*stride : (p+1)*stride]
	}
	return l
}

// pack makes e live, with the contents of full.
func (e *encoder) pack(full *erasure.Encoder) {
	num := protowire.Number(2)
	if full.Coefficients {
		num = 3
	}
	tail := make([]byte, 0, listsSize(full.Lists))
	for _, l := range full.Lists {
		tail = wire.AppendBytes(tail, num, l)
	}
	*e = encoder{live: true, next: full.Next, coefficients: full.Coefficients, tail: tail, curves: full.Curves}
}

// listsSize is the length of the lists as fields.
func listsSize(l erasure.Lists) int { return lanes * (1 + protowire.SizeBytes(len(l[0]))) }

func (e *encoder) parse(size int) error {
	var next uint32
	var lists list
	form := protowire.Number(0)
	f := scanner{rest: e.raw}
	tail := e.raw
	for f.next() {
		switch f.num {
		case 1:
			f.toUint32(&next)
			if tail = f.rest; lists.n > 0 {
				tail = nil
			}
		case 2, 3: // values or coefficients, not both
			if form != 0 && form != f.num {
				return ErrState
			}
			form = f.num
			lists.add(&f)
		}
	}
	if f.err != nil {
		return f.err
	}
	if lists.n != lanes {
		return ErrState
	}
	full, err := erasure.ResumeEncoder(size, next, lists.Lists, form == 3)
	switch {
	case err != nil:
		return ErrState
	case len(tail) != listsSize(full.Lists): // there is more than lists in it
		e.pack(&full)
	default:
		*e = encoder{live: true, next: next, coefficients: form == 3, tail: tail}
	}
	return nil
}

func (e *encoder) write(w *wire.Writer, field int) {
	mark := w.Written()
	if e.live {
		w.Raw(e.tail)
		w.Uint(1, uint64(e.next))
	} else {
		w.Raw(e.raw)
	}
	w.Message(protowire.Number(field), mark)
}

// size is no less than what write writes.
func (e *encoder) size() int { return 16 + len(e.raw) + len(e.tail) }

// own copies what the encoder borrows.
func (e *encoder) own() { e.raw, e.tail = bytes.Clone(e.raw), bytes.Clone(e.tail) }

// A decoder is a stored PolynomialDecoder: bytes, which each chunk replaces.
type decoder struct{ raw []byte }

// start begins an empty decoder of size bytes.
func (d *decoder) start(size int) error {
	full, err := erasure.NewDecoder(size)
	d.pack(&full)
	return err
}

// add adds the message's chunk and returns what was decoded, nil while chunks are missing.
func (d *decoder) add(size int, m *message) ([]byte, error) {
	full, err := d.parse(size)
	if err != nil {
		return nil, err
	}
	full.Add(m.chunk, &m.data)
	if !full.Complete() {
		d.pack(&full)
		return nil, nil
	}
	b, err := full.Decode()
	if err != nil {
		return nil, ErrState
	}
	return b, nil
}

func (d *decoder) parse(size int) (full erasure.Decoder, err error) {
	var needed, count uint32
	var complete uint64
	var points list
	f := scanner{rest: d.raw}
	for f.next() {
		switch f.num {
		case 1:
			f.toUint32(&needed)
		case 2:
			f.toUint32(&count)
		case 3:
			points.add(&f)
		case 4:
			f.toUint(&complete)
		}
	}
	if f.err != nil {
		return full, f.err
	}
	// Nobody writes is_complete; the deployed client would never deliver such a message.
	if int(needed) != size/2 || int(count) != lanes || points.n != lanes || complete != 0 {
		return full, ErrState
	}
	if full, err = erasure.ResumeDecoder(size, points.Lists); err != nil {
		return full, ErrState
	}
	return full, nil
}

// pack makes d the stored form of full.
func (d *decoder) pack(full *erasure.Decoder) {
	n := full.ListSize()
	b := make([]byte, 0, 8+lanes*(1+protowire.SizeBytes(n)))
	b = wire.AppendUint(b, 1, uint64(full.Needed()*erasure.ChunkSize/2))
	b = wire.AppendUint(b, 2, uint64(lanes))
	for p := range lanes { // empty ones too
		b = protowire.AppendVarint(protowire.AppendTag(b, 3, protowire.BytesType), uint64(n))
		b = full.AppendList(b, p)
	}
	d.raw = b
}

func (d *decoder) write(w *wire.Writer, field int) {
	mark := w.Written()
	w.Raw(d.raw)
	w.Message(protowire.Number(field), mark)
}

func (d *decoder) size() int { return 16 + len(d.raw) }

func (d *decoder) own() { d.raw = bytes.Clone(d.raw) }

// A list gathers the entries of one repeated field.
type list struct {
	erasure.Lists
	n int
}

func (l *list) add(f *scanner) {
	if l.n == lanes {
		f.err = ErrState
		return
	}
	f.toBytes(&l.Lists[l.n])
	l.n++
}
