package seal

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
)

// A Place is where a value lies in a store. The tenant and the device are the Ring's.
type Place struct {
	Table   string // and column, where a row has several values
	Name    string // of a peer, a sender, or a value
	ID      int64  // of a prekey, or the device of a peer or sender
	Within  string // the group of a sender key, the kind of a prekey
	Version int64  // of the row
}

// String says where it is, for errors: the value's name and numbers, nothing of what it holds.
func (p *Place) String() string {
	s := fmt.Sprintf("%s of %q.%d", p.Table, p.Name, p.ID)
	if p.Within != "" {
		s += fmt.Sprintf(" in %q", p.Within)
	}
	return fmt.Sprintf("%s, version %d", s, p.Version)
}

// placeSize is enough for most places.
const placeSize = 256

// append appends the associated data: fields of a length that shows, so that no two places meet.
func (p *Place) append(b []byte, r *Ring, key int64) []byte {
	b = append(b, "signet seal 1\x00"...)
	b = binary.BigEndian.AppendUint64(b, uint64(key))
	b = binary.BigEndian.AppendUint64(b, uint64(p.Version))
	return p.appendName(b, r)
}

func (p *Place) appendName(b []byte, r *Ring) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(r.device))
	b = binary.BigEndian.AppendUint64(b, uint64(p.ID))
	for _, s := range []string{r.tenant, p.Table, p.Name, p.Within} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return b
}

// marks remembers the latest versions of rows, of the last ones that were met: the rows that are in
// use are those whose return does harm.
type marks struct {
	seed maphash.Seed
	rows map[uint64]int64
}

// maxMarks bounds the memory to some 300 kB.
const maxMarks = 1 << 13

// Forget forgets all versions: what there is now counts, however old it is.
func (r *Ring) Forget() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.rows = nil
}

// Met remembers the version of a row that is locked or was committed, and is ErrRolledBack if it
// has met a later one. Versions of a row only grow.
func (r *Ring) Met(p *Place) error {
	if r == nil {
		return nil
	}
	var buf [placeSize]byte
	name := p.appendName(buf[:0], r)
	r.mu.Lock()
	defer r.mu.Unlock()
	m := &r.seen
	if m.rows == nil {
		m.seed, m.rows = maphash.MakeSeed(), make(map[uint64]int64)
	}
	h := maphash.Bytes(m.seed, name)
	switch known, ok := m.rows[h]; {
	case ok && p.Version < known:
		return fmt.Errorf("%w: %s has version %d and had %d", ErrRolledBack, p.Table, p.Version, known)
	case !ok && len(m.rows) >= maxMarks:
		for old := range m.rows { // one of them, whichever
			delete(m.rows, old)
			break
		}
	}
	m.rows[h] = p.Version
	return nil
}
