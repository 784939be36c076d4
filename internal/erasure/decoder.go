package erasure

import "encoding/binary"

// recordSize is the length of a point and its value in a decoder's list.
const recordSize = 4

// point is the point of a record.
func point(record []byte) int { return int(binary.BigEndian.Uint16(record)) }

// A Decoder collects the chunks of one message until it can be rebuilt. The zero value is not
// usable.
//
// The chunk that was added last is held apart and joins the lists as they are written, which spares
// a copy of everything for each chunk received.
type Decoder struct {
	lists   Lists
	n       int // chunks needed
	points  int // chunks in lists
	pending bool
	replace bool // the pending chunk takes the place of one with the same index
	at      int  // its place in the lists
	index   uint16
	data    [ChunkSize]byte
}

// NewDecoder returns an empty decoder for a message of size bytes.
func NewDecoder(size int) (Decoder, error) {
	return ResumeDecoder(size, Lists{})
}

// ResumeDecoder returns the decoder that was stored as lists, for a message of size bytes. The
// lists are borrowed. It fails if their lengths differ; that they name the same points is left for
// Decode to check.
func ResumeDecoder(size int, lists Lists) (Decoder, error) {
	n, err := chunks(size)
	if err != nil {
		return Decoder{}, err
	}
	l, ok := lists.alike()
	if !ok || l%recordSize != 0 || l > recordSize<<16 {
		return Decoder{}, errLists
	}
	return Decoder{lists: lists, n: n, points: l / recordSize}, nil
}

// Add takes one chunk. A chunk with an index seen before replaces the former one; a parity chunk
// beyond the number needed is ignored (spqr §7.4).
func (d *Decoder) Add(index uint16, data *[ChunkSize]byte) {
	if d.pending {
		d.settle()
	}
	if int(index) >= d.n && d.points >= d.n {
		return
	}
	at, list := d.points, d.lists[0]
	for at > 0 && point(list[recordSize*(at-1):]) >= int(index) {
		at--
	}
	d.pending, d.at, d.index, d.data = true, at, index, *data
	d.replace = at < d.points && point(list[recordSize*at:]) == int(index)
}

// Received is the number of distinct chunks that are held.
func (d *Decoder) Received() int {
	if d.pending && !d.replace {
		return d.points + 1
	}
	return d.points
}

// Needed is the number of distinct chunks that the message needs.
func (d *Decoder) Needed() int { return d.n }

// Complete reports whether Decode has enough chunks.
func (d *Decoder) Complete() bool { return d.Received() >= d.n }

// ListSize is the length of each of the sixteen lists, in bytes.
func (d *Decoder) ListSize() int { return recordSize * d.Received() }

// AppendList appends list p of the stored form, 0 ≤ p < 16.
func (d *Decoder) AppendList(b []byte, p int) []byte {
	if !d.pending {
		return append(b, d.lists[p]...)
	}
	rest := d.lists[p][recordSize*d.at:]
	b = append(b, d.lists[p][:recordSize*d.at]...)
	b = binary.BigEndian.AppendUint16(b, d.index)
	b = append(b, d.data[2*p:2*p+2]...)
	if d.replace {
		rest = rest[recordSize:]
	}
	return append(b, rest...)
}

// settle makes the pending chunk part of the lists.
func (d *Decoder) settle() {
	b := make([]byte, 0, lanes*d.ListSize())
	var next Lists
	for p := range next {
		from := len(b)
		b = d.AppendList(b, p)
		next[p] = b[from:len(b):len(b)]
	}
	d.points = d.Received()
	d.lists, d.pending = next, false
}

// Decode returns the message in a fresh slice. Elements that were received are taken as they are;
// the others are values of the polynomial through the first N points in ascending order, which
// matters only if the chunks do not belong together (spqr §7.4). It fails if chunks are missing or
// the stored lists were inconsistent.
func (d *Decoder) Decode() ([]byte, error) {
	if d.pending {
		d.settle()
	}
	if d.points < d.n {
		return nil, errLists
	}
	if !d.consistent() {
		return nil, errPoint
	}
	message := make([]byte, ChunkSize*d.n)
	var missing [maxChunks]uint16
	lost, next := missing[:0], 0
	for x := range d.n {
		if next < d.points && point(d.lists[0][recordSize*next:]) == x {
			r := d.lists.row(recordSize*next + 2)
			r.store(message[ChunkSize*x:])
			next++
			continue
		}
		lost = append(lost, uint16(x))
	}
	if len(lost) > 0 {
		d.recover(message, lost)
	}
	return message, nil
}

// consistent reports whether all lists have the same, ascending points.
func (d *Decoder) consistent() bool {
	for i := range d.points {
		x := point(d.lists[0][recordSize*i:])
		if i > 0 && x <= point(d.lists[0][recordSize*(i-1):]) {
			return false
		}
		for _, list := range d.lists[1:] {
			if point(list[recordSize*i:]) != x {
				return false
			}
		}
	}
	return true
}

// recover fills in the lost systematic chunks with Lagrange's formula: the rows are weighted once,
// Σ yᵢ·wᵢ·∏(x − xⱼ) with j ≠ i then costs O(N) for each x.
func (d *Decoder) recover(message []byte, lost []uint16) {
	var xs, after [maxChunks]uint16
	var rows [maxChunks]row
	n := d.n
	for i := range n {
		xs[i] = uint16(point(d.lists[0][recordSize*i:]))
	}
	for i := range n {
		w := uint16(1)
		for j := range n {
			if j != i {
				w = mul(w, xs[i]^xs[j])
			}
		}
		r := d.lists.row(recordSize*i + 2)
		rows[i] = r.times(inverse(w))
	}
	for _, x := range lost {
		after[n-1] = 1 // after[i] is the product of x − xⱼ over j > i
		for i := n - 1; i > 0; i-- {
			after[i-1] = mul(after[i], x^xs[i])
		}
		var sum row
		before := uint16(1)
		for i := range n {
			t := rows[i].times(mul(before, after[i]))
			sum.add(&t)
			before = mul(before, x^xs[i])
		}
		sum.store(message[ChunkSize*int(x):])
	}
}
