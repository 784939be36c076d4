package erasure

import (
	"slices"
	"sync"
)

// An Encoder emits the chunks of one message. The zero value is not usable.
type Encoder struct {
	// Next counts the chunks emitted. Its low 16 bits are the index of the next one; it wraps
	// at 2^32, as the stored counter does (spqr §7.3).
	Next uint32
	// Lists is what the message looks like now: values or coefficients. Read only.
	Lists Lists
	// Coefficients tells which of the two stored forms Lists has (spqr §7.5). It becomes true
	// with the first parity chunk and stays so.
	Coefficients bool
	// Curves is set by the first parity chunk, for whoever lives through more of them.
	Curves Curves

	n int
}

// Curves are the sixteen polynomials of a message as the field has them, constants first. They are
// immutable.
type Curves []row

// Chunk fills data with the chunk of this index.
func (c Curves) Chunk(index uint16, data *[ChunkSize]byte) {
	sum := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- { // Horner
		sum = sum.times(index)
		sum.add(&c[i])
	}
	sum.store(data[:])
}

// NewEncoder returns an encoder at chunk 0 of a message whose length is a multiple of ChunkSize and
// at most MaxSize. The message is copied.
func NewEncoder(message []byte) (Encoder, error) {
	n, err := chunks(len(message))
	if err != nil {
		return Encoder{}, err
	}
	e := Encoder{n: n, Lists: newLists(2 * n)}
	for i := range n {
		for p, list := range e.Lists {
			copy(list[2*i:2*i+2], message[ChunkSize*i+2*p:])
		}
	}
	return e, nil
}

// ResumeEncoder returns the encoder that was stored as next and lists, for a message of size bytes.
// The lists are borrowed. It fails if they have not the length that the size asks for.
func ResumeEncoder(size int, next uint32, lists Lists, coefficients bool) (Encoder, error) {
	n, err := chunks(size)
	if err != nil {
		return Encoder{}, err
	}
	if l, ok := lists.alike(); !ok || l != 2*n {
		return Encoder{}, errLists
	}
	return Encoder{Next: next, Lists: lists, Coefficients: coefficients, n: n}, nil
}

// Chunk fills data with the next chunk and returns its index.
func (e *Encoder) Chunk(data *[ChunkSize]byte) (index uint16) {
	index = uint16(e.Next)
	e.Next++
	if !e.Coefficients && int(index) < e.n {
		for p, list := range e.Lists {
			data[2*p], data[2*p+1] = list[2*int(index)], list[2*int(index)+1]
		}
		return index
	}
	if !e.Coefficients {
		e.interpolate()
	}
	if e.Curves != nil {
		e.Curves.Chunk(index, data)
		return index
	}
	sum := e.Lists.row(2 * (e.n - 1))
	for i := e.n - 2; i >= 0; i-- { // the same, and each row is gathered for it
		sum = sum.times(index)
		c := e.Lists.row(2 * i)
		sum.add(&c)
	}
	sum.store(data[:])
	return index
}

// inverses are 1/d for the differences d of two systematic points, which are below maxChunks.
var inverses = sync.OnceValue(func() (inv [maxChunks]uint16) {
	for d := range inv {
		inv[d] = inverse(uint16(d))
	}
	return inv
})

// interpolate turns values at 0 … N−1 into coefficients: divided differences, then Newton's form
// multiplied out. Both are O(N²) operations on rows, a tenth of a millisecond for N = 36.
func (e *Encoder) interpolate() {
	var rows [maxChunks]row
	f, inv := rows[:e.n], inverses()
	for i := range f {
		f[i] = e.Lists.row(2 * i)
	}
	for k := 1; k < len(f); k++ {
		for i := len(f) - 1; i >= k; i-- {
			d := f[i]
			d.add(&f[i-1])
			f[i] = d.times(inv[i^(i-k)])
		}
	}
	// f[i:] becomes the coefficients of f[i] + (x − i)·(…), from the innermost outwards.
	for i := len(f) - 2; i >= 0; i-- {
		for j := i; j < len(f)-1; j++ {
			t := f[j+1].times(uint16(i))
			f[j].add(&t)
		}
	}
	e.Lists, e.Coefficients = newLists(2*e.n), true
	for i := range f {
		e.Lists.put(2*i, &f[i])
	}
	e.Curves = slices.Clone(f)
}

// newLists returns zeroed lists of size bytes each.
func newLists(size int) (l Lists) {
	b := make([]byte, lanes*size)
	for p := range l {
		l[p] = b[p*size : (p+1)*size : (p+1)*size]
	}
	return l
}
