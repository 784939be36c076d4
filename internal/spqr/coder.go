package spqr

import (
	"google.golang.org/protobuf/encoding/protowire"

	"signet.example/signet/internal/erasure"
	"signet.example/signet/internal/wire"
)

// lanes is the number of lists in a stored encoder or decoder.
const lanes = len(erasure.Lists{})

// An encoder is a stored PolynomialEncoder (spqr §14). It stays the bytes it was until it has to emit
// a chunk.
type encoder struct {
	raw  []byte
	live bool // erasure holds it, not raw

	// tail is the lists in the form they are stored in, which they alias, or nil. It is written as it
	// is unless the form has changed.
	tail         []byte
	coefficients bool // the form of tail

	erasure.Encoder
}

// start begins the chunks of the concatenation of what it is given.
func (e *encoder) start(message ...[]byte) (err error) {
	var buf [sizeEk]byte
	b := buf[:0]
	for _, m := range message {
		b = append(b, m...)
	}
	*e = encoder{live: true}
	e.Encoder, err = erasure.NewEncoder(b)
	return err
}

// chunk emits the next chunk of a message of size bytes.
func (e *encoder) chunk(size int, m *message) error {
	if !e.live {
		if err := e.parse(size); err != nil {
			return err
		}
	}
	m.chunk = e.Chunk(&m.data)
	return nil
}

func (e *encoder) parse(size int) (err error) {
	var next uint32
	var lists list
	form := protowire.Number(0)
	f := scanner{rest: e.raw}
	e.tail = e.raw
	for f.next() {
		switch f.num {
		case 1:
			f.toUint32(&next)
			if e.tail = f.rest; lists.n > 0 {
				e.tail = nil
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
	e.coefficients = form == 3
	if e.Encoder, err = erasure.ResumeEncoder(size, next, lists.Lists, e.coefficients); err != nil {
		return ErrState
	}
	if len(e.tail) != listsSize(e.Lists) { // there is more than lists in it
		e.tail = nil
	}
	e.live = true
	return nil
}

// listsSize is the length of the lists as fields.
func listsSize(l erasure.Lists) int { return lanes * (1 + protowire.SizeBytes(len(l[0]))) }

func (e *encoder) write(w *wire.Writer, field int) {
	mark := w.Written()
	if e.live {
		if e.tail == nil || e.coefficients != e.Coefficients {
			e.pack()
		}
		w.Raw(e.tail)
		w.Uint(1, uint64(e.Next))
	} else {
		w.Raw(e.raw)
	}
	w.Message(protowire.Number(field), mark)
}

// A decoder is a stored PolynomialDecoder, and stays the bytes it was until a chunk arrives.
type decoder struct {
	raw  []byte
	live bool
	erasure.Decoder
}

// start begins an empty decoder of size bytes.
func (d *decoder) start(size int) (err error) {
	*d = decoder{live: true}
	d.Decoder, err = erasure.NewDecoder(size)
	return err
}

// add adds the message's chunk and returns what was decoded, nil while chunks are missing.
func (d *decoder) add(size int, m *message) ([]byte, error) {
	if !d.live {
		if err := d.parse(size); err != nil {
			return nil, err
		}
	}
	d.Add(m.chunk, &m.data)
	if !d.Complete() {
		return nil, nil
	}
	b, err := d.Decode()
	if err != nil {
		return nil, ErrState
	}
	return b, nil
}

func (d *decoder) parse(size int) (err error) {
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
		return f.err
	}
	// Nobody writes is_complete; the deployed client would never deliver such a message.
	if int(needed) != size/2 || int(count) != lanes || points.n != lanes || complete != 0 {
		return ErrState
	}
	if d.Decoder, err = erasure.ResumeDecoder(size, points.Lists); err != nil {
		return ErrState
	}
	d.live = true
	return nil
}

func (d *decoder) write(w *wire.Writer, field int) {
	mark := w.Written()
	if !d.live {
		w.Raw(d.raw)
	} else {
		n := d.ListSize()
		for p := lanes - 1; p >= 0; p-- {
			inner := w.Written()
			d.AppendList(w.Reserve(n)[:0], p)
			w.Message(3, inner) // empty ones too
		}
		w.Uint(2, uint64(lanes))
		w.Uint(1, uint64(d.Needed()*erasure.ChunkSize/2))
	}
	w.Message(protowire.Number(field), mark)
}

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
