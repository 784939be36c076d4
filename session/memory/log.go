package memory

import (
	"slices"
	"sync"
	"unsafe"

	"signet.example/signet"
	"signet.example/signet/session"
)

// A kind is a table.
type kind uint8

const (
	sessions kind = iota
	archives
	identities
	preKeys
	signedPreKeys
	kemPreKeys
	marks
	values
	senderKeys
	kinds
)

// A key names a row: a peer's by its name and device, a prekey's by id, a mark's by base key and
// both ids, a value's by name, a sender key's by group and name, the length of the first, and device.
type key struct {
	kind   kind
	id     uint32
	signed uint32
	name   string
}

func peerKey(k kind, peer signet.Address) key {
	return key{kind: k, id: peer.Device, name: peer.Name}
}

// A row is what a key leads to; absent and empty differ. Its bytes are never modified, so the place
// they lie at identifies a version of the row for as long as someone holds it.
type row struct {
	value   []byte
	kept    *session.Kept // in place of the value
	present bool

	// since is the number of the commit that wrote the row, in the store; 0 once a transaction has read it
	// that does not have its peer's turn.
	since uint64
}

func (r row) same(o row) bool {
	return r.present == o.present && r.kept == o.kept && len(r.value) == len(o.value) &&
		unsafe.SliceData(r.value) == unsafe.SliceData(o.value)
}

// bytes is the value of the row. It is encoded here if the row is kept decoded.
func (r row) bytes() []byte {
	if r.kept != nil {
		return r.kept.Record()
	}
	return r.value
}

// An entry is a row that was read, or one to be written.
type entry struct {
	key key
	row row
}

// A log is the private side of one transaction: what it read of the store and what it will write.
type log struct {
	d       *data
	commits uint64 // data.commits at the beginning
	own     key    // the current session of the peer whose turn the transaction has; kinds: of none alone

	reads  []entry
	writes []entry // at most one for a key
	index  map[key]int
	forget []uint32 // KEM prekeys whose marks go before the writes are applied

	// What was read of sets of rows; base values, without this transaction's own writes.
	counted  [kinds]bool
	counts   [kinds]int
	listed   bool
	peerSets uint64

	replaced *session.Kept // by the commit, and of no use to anybody
}

// few is how many writes are searched one by one; with more an index is built.
const few = 16

var logPool = sync.Pool{New: func() any { return new(log) }}

func begin(d *data, own key) *log {
	t := logPool.Get().(*log)
	t.d, t.own = d, own
	d.mu.Lock()
	t.commits = d.commits
	d.mu.Unlock()
	return t
}

// end clears the log, so that the pool keeps no record alive, and gives it back.
func (t *log) end() {
	if t.replaced != nil {
		t.replaced.Release()
	}
	clear(t.reads)
	clear(t.writes)
	*t = log{reads: t.reads[:0], writes: t.writes[:0], forget: t.forget[:0]}
	logPool.Put(t)
}

// read returns a row as the transaction sees it.
func (t *log) read(k key) row {
	if i := t.written(k); i >= 0 {
		return t.writes[i].row
	}
	if k.kind == marks && slices.Contains(t.forget, k.id) {
		return row{}
	}
	t.d.mu.Lock()
	r := t.d.row(k)
	if r.kept != nil && k != t.own && r.since != 0 {
		r.since = 0
		t.d.rows[k] = r
	}
	t.d.mu.Unlock()
	t.reads = append(t.reads, entry{k, r})
	return r
}

// write replaces a row. It keeps r.value.
func (t *log) write(k key, r row) {
	if i := t.written(k); i >= 0 {
		t.writes[i].row = r
		return
	}
	t.writes = append(t.writes, entry{k, r})
	switch n := len(t.writes); {
	case n == few+1:
		t.reindex()
	case n > few+1:
		t.index[k] = n - 1
	}
}

// written returns the place of k among the writes, or -1.
func (t *log) written(k key) int {
	if t.index != nil {
		if i, ok := t.index[k]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(t.writes, func(e entry) bool { return e.key == k })
}

func (t *log) reindex() {
	t.index = nil
	if len(t.writes) <= few {
		return
	}
	t.index = make(map[key]int, 4*few)
	for i, e := range t.writes {
		t.index[e.key] = i
	}
}

// count returns how many rows of a kind there are.
func (t *log) count(k kind) int {
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	n := t.d.counts[k]
	if !t.counted[k] {
		t.counted[k], t.counts[k] = true, n
	}
	for _, e := range t.writes {
		if e.key.kind != k {
			continue
		}
		old := t.d.row(e.key)
		t.reads = append(t.reads, entry{e.key, old}) // the sum below depends on it
		n += e.row.weight() - old.weight()
	}
	return n
}

func (r row) weight() int {
	if r.present {
		return 1
	}
	return 0
}

// peers returns the addresses with a session or an archive.
func (t *log) peers() []signet.Address {
	found := make(map[signet.Address]bool) // false: known to be without this row
	t.d.mu.Lock()
	if !t.listed {
		t.listed, t.peerSets = true, t.d.peerSets
	}
	seen := func(k key, present bool) {
		if k.kind == sessions || k.kind == archives {
			a := signet.Address{Name: k.name, Device: k.id}
			found[a] = found[a] || present
		}
	}
	for k := range t.d.rows {
		if t.written(k) < 0 {
			seen(k, true)
		}
	}
	t.d.mu.Unlock()
	for _, e := range t.writes {
		seen(e.key, e.row.present)
	}
	list := make([]signet.Address, 0, len(found))
	for a, present := range found {
		if present {
			list = append(list, a)
		}
	}
	return list
}

// forgetMarks removes the marks of a KEM prekey. It reads nothing: a mark that another transaction
// sets meanwhile counts as set before, and goes too.
func (t *log) forgetMarks(id uint32) {
	t.forget = append(t.forget, id)
	t.writes = slices.DeleteFunc(t.writes, func(e entry) bool {
		return e.key.kind == marks && e.key.id == id
	})
	t.reindex()
}

// commit applies the writes unless cause says not to. It reports false, and does nothing, if what
// the transaction read has changed since.
func (t *log) commit(cause error) bool {
	d := t.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.commits != t.commits && !t.holds() {
		return false
	}
	if cause != nil || len(t.writes)+len(t.forget) == 0 {
		return true
	}
	d.commits++
	for _, id := range t.forget {
		for k := range d.rows {
			if k.kind == marks && k.id == id {
				d.set(k, row{})
			}
		}
	}
	for _, e := range t.writes {
		if e.key == t.own {
			// Nobody else has its turn. Others, and clones of the store, had no chance to get hold of it.
			if old := d.row(e.key); old.kept != nil && old.since > d.cloned {
				t.replaced = old.kept
			}
		}
		e.row.since = d.commits
		d.set(e.key, e.row)
	}
	return true
}

// holds reports whether everything that was read is still so. The caller holds data.mu.
func (t *log) holds() bool {
	for _, e := range t.reads {
		if !t.d.row(e.key).same(e.row) {
			return false
		}
	}
	for k, counted := range t.counted {
		if counted && t.d.counts[k] != t.counts[k] {
			return false
		}
	}
	return !t.listed || t.d.peerSets == t.peerSets
}

// row reads a committed row. The caller holds data.mu.
func (d *data) row(k key) row {
	return d.rows[k] // the zero row if there is none
}

// set replaces a committed row. The caller holds data.mu.
func (d *data) set(k key, r row) {
	if change := r.weight() - d.row(k).weight(); change != 0 {
		d.counts[k.kind] += change
		if k.kind == sessions || k.kind == archives {
			d.peerSets++
		}
	}
	if r.present {
		d.rows[k] = r
	} else {
		delete(d.rows, k)
	}
}
