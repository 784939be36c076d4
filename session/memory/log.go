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

	peerKinds = identities + 1 // those before it are the kinds of which a peer has one row each
)

// A key names a row: a peer's by its name and device, a prekey's by id, a mark's by base key and
// both ids, a value's by name, a sender key's by group and name, the length of the first, and
// device.
type key struct {
	kind   kind
	id     uint32
	signed uint32
	name   string
}

func peerKey(k kind, peer signet.Address) key {
	return key{kind: k, id: peer.Device, name: peer.Name}
}

// peer is whose row the key names, if it is one of a peer's.
func (k key) peer() signet.Address { return signet.Address{Name: k.name, Device: k.id} }

// A row is what a key leads to; absent and empty differ. Its bytes are never modified, so the place
// they lie at identifies a version of the row for as long as someone holds it.
type row struct {
	value   []byte
	kept    *session.Kept // in place of the value
	present bool

	// since is the number of the commit that wrote the row, in the store; 0 once a transaction has
	// read it that does not have its peer's turn.
	since uint64
}

// set and clear do in parts what an assignment does: the runtime is slower with a row as a whole.
func (r *row) set(o *row) {
	r.value, r.kept, r.present, r.since = o.value, o.kept, o.present, o.since
}

func (r *row) clear() { r.value, r.kept, r.present, r.since = nil, nil, false, 0 }

// same reports whether o is the same version of the row.
func (r *row) same(o *row) bool {
	return r.present == o.present && r.kept == o.kept && len(r.value) == len(o.value) &&
		unsafe.SliceData(r.value) == unsafe.SliceData(o.value)
}

// bytes is the value of the row. It is encoded here if the row is kept decoded.
func (r *row) bytes() []byte {
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
	begun   bool
	alone   bool   // nobody else runs until it has finished
	commits uint64 // data.commits at the beginning

	// The rows of the peer whose turn the transaction has.
	own     *peer           // nil: it has none, or several
	base    [peerKinds]row  // as they were at the beginning
	read    [peerKinds]bool // the base was looked at
	next    [peerKinds]row  // as they will be, if
	written [peerKinds]bool

	// The identity of its user, where that is another peer.
	user     *peer // nil: there is none, or it is among all others
	base0    row   // as it was at the beginning
	readUser bool  // base0 was looked at

	// All others.
	reads  []entry
	writes []entry // at most one for a key
	index  map[key]int
	forget []uint32 // KEM prekeys whose marks go before the writes are applied

	// What was read of sets of rows; base values, without this transaction's own writes.
	counted  [kinds]bool
	counts   [kinds]int
	listed   bool
	peerSets uint64
	names    []nameSeen

	replaced *session.Kept // by the commit, and of no use to anybody
}

// few is how many writes are searched one by one; with more an index is built.
const few = 16

var logPool = sync.Pool{New: func() any { return new(log) }}

func newLog(d *data) *log {
	t := logPool.Get().(*log)
	t.d = d
	return t
}

// begin begins with what is committed now, with the turn of own if it is not nil, and waits before
// that until it may run. The caller holds data.mu.
func (t *log) begin(own *peer, alone bool) {
	d := t.d
	if alone {
		d.loners++
	}
	for alone && d.running > 0 || !alone && d.loners > 0 {
		d.changed.Wait()
	}
	d.running++
	t.begun, t.alone, t.commits, t.own = true, alone, d.commits, own
	if own != nil {
		for k := range t.base {
			t.base[k].set(&own.rows[k])
		}
		d.withUser(own)
		if t.user = own.user; t.user != nil {
			t.base0.set(&t.user.rows[identities])
		}
	}
}

// finish says that f is done. The caller holds data.mu.
func (t *log) finish() {
	d := t.d
	t.begun = false
	d.running--
	if t.alone {
		d.loners--
	}
	if t.alone || d.loners > 0 && d.running == 0 {
		d.changed.Broadcast()
	}
}

// end clears the log, so that the pool keeps no record alive, and gives it back.
func (t *log) end() {
	if t.replaced != nil {
		t.replaced.Release()
		t.replaced = nil
	}
	for k := range t.base {
		t.base[k].clear()
		t.next[k].clear()
	}
	t.base0.clear()
	t.alone, t.d, t.own, t.user, t.index = false, nil, nil, nil, nil
	t.readUser = false
	t.read, t.written = [peerKinds]bool{}, [peerKinds]bool{}
	clear(t.reads)
	clear(t.writes)
	t.reads, t.writes, t.forget = t.reads[:0], t.writes[:0], t.forget[:0]
	t.counted, t.listed = [kinds]bool{}, false
	clear(t.names)
	t.names = t.names[:0]
	logPool.Put(t)
}

// peerRow is row for one of a peer's.
func (t *log) peerRow(k kind, a signet.Address) *row {
	if t.own == nil || t.own.addr != a {
		if k == identities && t.user != nil && t.user.addr == a && len(t.writes) == 0 {
			t.readUser = true
			return &t.base0
		}
		return t.row(peerKey(k, a))
	}
	if t.written[k] {
		return &t.next[k]
	}
	t.read[k] = true
	return &t.base[k]
}

// row returns a row as the transaction sees it. It is not modified, and valid until the next call.
func (t *log) row(k key) *row {
	if i := t.find(k); i >= 0 {
		return &t.writes[i].row
	}
	if k.kind == marks && slices.Contains(t.forget, k.id) {
		return &row{}
	}
	t.d.mu.Lock()
	r := t.d.row(k)
	if r.kept != nil && r.since != 0 {
		t.d.peer(k.peer()).rows[k.kind].since = 0
	}
	t.d.mu.Unlock()
	t.reads = append(t.reads, entry{k, r})
	return &t.reads[len(t.reads)-1].row
}

// writePeer replaces one of a peer's rows. It keeps r.value.
func (t *log) writePeer(k kind, a signet.Address, r row) {
	if t.own == nil || t.own.addr != a {
		t.write(peerKey(k, a), r)
		return
	}
	t.next[k].set(&r)
	t.written[k] = true
}

// write replaces a row that is not one of the own peer's. It keeps r.value.
func (t *log) write(k key, r row) {
	if i := t.find(k); i >= 0 {
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

// find returns the place of k among the writes, or -1.
func (t *log) find(k key) int {
	if t.index != nil {
		if i, ok := t.index[k]; ok {
			return i
		}
		return -1
	}
	for i := range t.writes {
		if t.writes[i].key == k {
			return i
		}
	}
	return -1
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

// count returns how many rows of a kind there are. It is none of the kinds of peers.
func (t *log) count(k kind) int {
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	n := t.d.counts[k]
	if !t.counted[k] {
		t.counted[k], t.counts[k] = true, n
	}
	for i := range t.writes {
		e := &t.writes[i]
		if e.key.kind != k {
			continue
		}
		old := t.d.row(e.key)
		t.reads = append(t.reads, entry{e.key, old}) // the sum below depends on it
		n += e.row.weight() - old.weight()
	}
	return n
}

func (r *row) weight() int {
	if r.present {
		return 1
	}
	return 0
}

// peers returns the addresses with a session or an archive.
func (t *log) peers() []signet.Address {
	found := make(map[signet.Address]bool) // false: known to be without this row
	seen := func(a signet.Address, present bool) { found[a] = found[a] || present }
	t.d.mu.Lock()
	if !t.listed {
		t.listed, t.peerSets = true, t.d.peerSets
	}
	for a, p := range t.d.peers {
		for k := sessions; k <= archives; k++ {
			if p == t.own && t.written[k] {
				seen(a, t.next[k].present)
			} else if t.find(peerKey(k, a)) < 0 {
				seen(a, p.rows[k].present)
			}
		}
	}
	t.d.mu.Unlock()
	for _, e := range t.writes {
		if e.key.kind <= archives {
			seen(e.key.peer(), e.row.present)
		}
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

// commit finishes: it applies the writes unless cause says not to, and gives back the turn. It
// reports false, and does neither, if what the transaction read has changed since.
func (t *log) commit(cause error) bool {
	d := t.d
	d.mu.Lock()
	defer d.mu.Unlock()
	t.finish()
	if d.commits != t.commits && !t.holds() {
		return false
	}
	if t.own != nil {
		defer d.pass(t.own)
	}
	if cause != nil || t.written == [peerKinds]bool{} && len(t.writes)+len(t.forget) == 0 {
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
	for k, written := range t.written {
		if written {
			t.commitOwn(kind(k))
		}
	}
	for i := range t.writes {
		e := &t.writes[i]
		e.row.since = d.commits
		d.set(e.key, e.row)
	}
	return true
}

// commitOwn applies the write of one of the own peer's rows.
func (t *log) commitOwn(k kind) {
	old, r := &t.own.rows[k], &t.next[k]
	// Nobody else has its turn. Others, and clones of the store, had no chance to get hold of it.
	if old.kept != nil && old.since > t.d.cloned {
		t.replaced = old.kept
	}
	r.since = t.d.commits
	t.d.note(k, old, r)
	appears := r.weight() - old.weight()
	old.set(r)
	if appears != 0 {
		t.d.enlist(peerKey(k, t.own.addr), appears)
	}
}

// holds reports whether everything that was read is still so. The caller holds data.mu.
func (t *log) holds() bool {
	for k, read := range t.read {
		if read && !t.own.rows[k].same(&t.base[k]) {
			return false
		}
	}
	if t.readUser && (t.user.gone || !t.user.rows[identities].same(&t.base0)) {
		return false
	}
	for i := range t.reads {
		e := &t.reads[i]
		if r := t.d.row(e.key); !r.same(&e.row) {
			return false
		}
	}
	for k, counted := range t.counted {
		if counted && t.d.counts[k] != t.counts[k] {
			return false
		}
	}
	for _, seen := range t.names {
		if t.d.named(seen.name).changed != seen.changed {
			return false
		}
	}
	return !t.listed || t.d.peerSets == t.peerSets
}

// row reads a committed row. The caller holds data.mu.
func (d *data) row(k key) row {
	if k.kind >= peerKinds {
		return d.rows[k] // the zero row if there is none
	}
	if p := d.peers[k.peer()]; p != nil {
		return p.rows[k.kind]
	}
	return row{}
}

// set replaces a committed row. The caller holds data.mu.
func (d *data) set(k key, r row) {
	old := d.row(k)
	d.note(k.kind, &old, &r)
	switch {
	case k.kind < peerKinds:
		p := d.peer(k.peer())
		p.rows[k.kind] = r
		d.tidy(p)
	case r.present:
		d.rows[k] = r
	default:
		delete(d.rows, k)
	}
	if appears := r.weight() - old.weight(); appears != 0 {
		d.enlist(k, appears)
	}
}

// note counts that a row takes the place of another. The caller holds data.mu.
func (d *data) note(k kind, old, r *row) {
	if change := r.weight() - old.weight(); change != 0 {
		d.counts[k] += change
		if k <= archives {
			d.peerSets++
		}
	}
}
