package attack

import (
	"encoding/binary"
	"slices"

	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/erasure"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/mlkem"
)

// The post-quantum half, from its parts (spqr §5, §10, §12).

// A pqMessage is what a message says about its post-quantum key, and the chunk that it carries.
type pqMessage struct {
	epoch uint64 // of the wire; the key is of the one before
	index uint32
	kind  byte
	chunk uint16
	data  []byte
}

// The kinds of chunks, spqr §5.1.
const (
	kindHdr = 1
	kindCt1 = 5
	kindCt2 = 6
)

// parsePQ parses the post-quantum field; nil if there is none, or none that is taken. Index 0 of
// epoch 1 is that there is no key.
func parsePQ(b []byte) *pqMessage {
	if len(b) == 0 || b[0] != 1 {
		return nil
	}
	m := new(pqMessage)
	epoch, n := binary.Uvarint(b[1:])
	if n <= 0 || epoch == 0 {
		return nil
	}
	b = b[1+n:]
	index, n := binary.Uvarint(b)
	if n <= 0 || index == 0 && epoch != 1 || index > 1<<32-1 || len(b) <= n {
		return nil
	}
	m.epoch, m.index, m.kind = epoch, uint32(index), b[n]
	b = b[n+1:]
	if m.kind == 0 || m.kind == 4 {
		return m
	}
	chunk, n := binary.Uvarint(b)
	if n <= 0 || chunk > 1<<16-1 || len(b) < n+erasure.ChunkSize {
		return nil
	}
	m.chunk, m.data = uint16(chunk), b[n:n+erasure.ChunkSize]
	return m
}

// pqStep is the post-quantum chain's step (spqr §12.2): step i+1 gives the key of index i+1.
func pqStep(k secret, i uint32) (next, out secret) {
	var okm [64]byte
	kdf.HKDF(okm[:], nil, k[:], append(be32(i+1), "Signal PQ Ratchet V1 Chain Next"...))
	return secret(okm[:32]), secret(okm[32:])
}

// An epochID names an epoch of the braid of a session.
type epochID struct {
	base  parcel.Key
	epoch uint64
}

// An object is what arrives in chunks.
type object struct {
	epochID
	kind byte
}

// braids is everything about the post-quantum half.
type braids struct {
	starts  map[parcel.Key][]secret
	roots   map[epochID][]secret
	secrets map[epochID][]secret
	dk, es  map[epochID][][]byte
	chains  map[pqID][]*cursor
	keys    map[pqID]map[uint32][]secret
	highest map[pqID]uint32 // the greatest index seen

	decoders map[object]*erasure.Decoder
	whole    map[object][]byte
	due      []epochID               // epochs of which something new is known
	epochs   map[parcel.Key][]uint64 // of each session, those that there is a key of
}

func newBraids() braids {
	return braids{
		starts: make(map[parcel.Key][]secret), roots: make(map[epochID][]secret),
		secrets: make(map[epochID][]secret), dk: make(map[epochID][][]byte), es: make(map[epochID][][]byte),
		chains: make(map[pqID][]*cursor), keys: make(map[pqID]map[uint32][]secret),
		highest: make(map[pqID]uint32), decoders: make(map[object]*erasure.Decoder), whole: make(map[object][]byte),
		epochs: make(map[parcel.Key][]uint64),
	}
}

func (b *braids) learn(e *parcel.Entry) {
	at := epochID{e.Base, e.Epoch}
	id := pqID{e.Base, e.Epoch, e.Dir}
	switch e.Kind {
	case parcel.PQRoot:
		b.addRoot(at, secret(e.Value))
		b.touch(epochID{e.Base, e.Epoch + 1})
	case parcel.PQSending, parcel.PQReceiving:
		b.has(at)
		b.chains[id] = addCursor(b.chains[id], e.Index, secret(e.Value), pqStep)
	case parcel.PQSkipped, parcel.PQSendingKey:
		b.has(at)
		if b.keys[id] == nil {
			b.keys[id] = make(map[uint32][]secret)
		}
		b.keys[id][e.Index] = append(b.keys[id][e.Index], secret(e.Value))
	case parcel.PQDecapsulation:
		b.dk[at] = append(b.dk[at], e.Value)
		b.touch(at)
	case parcel.PQEncapsulation:
		b.es[at] = append(b.es[at], e.Value)
		b.touch(at)
	case parcel.PQNegotiation:
		b.start(e.Base, secret(e.Value))
	}
}

func (b *braids) touch(at epochID) { b.due = append(b.due, at) }

// has notes that there is a key of an epoch.
func (b *braids) has(at epochID) {
	list := b.epochs[at.base]
	if i, known := slices.BinarySearch(list, at.epoch); !known {
		b.epochs[at.base] = slices.Insert(list, i, at.epoch)
	}
}

func contains(list []secret, k secret) bool {
	for _, s := range list {
		if s == k {
			return true
		}
	}
	return false
}

func (b *braids) addRoot(at epochID, k secret) {
	if !contains(b.roots[at], k) {
		b.roots[at] = append(b.roots[at], k)
	}
}

// start begins epoch 0 from the key of the handshake.
func (b *braids) start(base parcel.Key, k secret) {
	if contains(b.starts[base], k) {
		return
	}
	b.starts[base] = append(b.starts[base], k)
	b.begin(epochID{base, 0}, nil, k, "Signal PQ Ratchet V1 Chain  Start")
}

func (b *braids) begin(at epochID, salt []byte, k secret, label string) {
	var okm [96]byte
	kdf.HKDF(okm[:], salt, k[:], []byte(label))
	if root := secret(okm[:32]); !contains(b.roots[at], root) {
		b.addRoot(at, root)
		b.touch(epochID{at.base, at.epoch + 1})
	}
	b.has(at)
	for dir := range uint8(2) {
		id := pqID{at.base, at.epoch, dir}
		b.chains[id] = addCursor(b.chains[id], 0, secret(okm[32+32*int(dir):]), pqStep)
	}
}

// observe takes the chunk of a message.
func (b *braids) observe(base parcel.Key, from Side, m *pqMessage) {
	if m == nil {
		return
	}
	for dir := range uint8(2) { // the index counts whichever way the message goes
		id := pqID{base, m.epoch - 1, dir}
		b.highest[id] = max(b.highest[id], m.index)
	}
	sizes := map[byte]int{kindHdr: 64 + 32, kindCt1: 960, kindCt2: 128 + 32}
	size := sizes[m.kind]
	o := object{epochID{base, m.epoch}, m.kind}
	if size == 0 || b.whole[o] != nil {
		return
	}
	d := b.decoders[o]
	if d == nil {
		fresh, err := erasure.NewDecoder(size)
		if err != nil {
			return
		}
		d = &fresh
		b.decoders[o] = d
	}
	d.Add(m.chunk, (*[erasure.ChunkSize]byte)(m.data))
	if !d.Complete() {
		return
	}
	if whole, err := d.Decode(); err == nil {
		b.whole[o] = whole
		b.touch(o.epochID)
	}
}

// follow derives epoch secrets, then the chains that they begin, of the epochs of which something
// new is known; an epoch that begins makes the next one due.
func (b *braids) follow() {
	for len(b.due) > 0 {
		at := b.due[0]
		b.due = b.due[1:]
		b.decapsulate(at)
		for _, root := range b.roots[epochID{at.base, at.epoch - 1}] {
			for _, s := range b.secrets[at] {
				b.begin(at, root[:], s, "Signal PQ Ratchet V1 Chain Add Epoch")
			}
		}
	}
}

func (b *braids) decapsulate(at epochID) {
	hdr, ct1, ct2 := b.whole[object{at, kindHdr}], b.whole[object{at, kindCt1}], b.whole[object{at, kindCt2}]
	if len(b.secrets[at]) > 0 {
		return
	}
	for _, dk := range b.dk[at] {
		if ct1 == nil || ct2 == nil {
			break
		}
		k := mlkem.Decapsulate((*[2400]byte)(dk), (*[960]byte)(ct1), (*[128]byte)(ct2))
		b.addSecret(at, k)
	}
	for _, es := range b.es[at] {
		if hdr == nil {
			break
		}
		// The last 32 bytes of the state are the message that was encapsulated.
		var again [mlkem.EncapsulationStateSize]byte
		var ct [960]byte
		k := mlkem.Encapsulate1((*[32]byte)(es[len(es)-32:]), (*[64]byte)(hdr), &again, &ct)
		b.addSecret(at, k)
	}
}

func (b *braids) addSecret(at epochID, shared secret) {
	var s secret
	kdf.HKDF(s[:], nil, shared[:], append([]byte("Signal_PQCKA_V1_MLKEM768:SCKA Key"), be64(at.epoch)...))
	if !contains(b.secrets[at], s) {
		b.secrets[at] = append(b.secrets[at], s)
	}
}

// lookup returns the candidates for the post-quantum key of an index.
func (b *braids) lookup(base parcel.Key, epoch uint64, index uint32) (list []secret) {
	for dir := range uint8(2) {
		list = append(list, b.in(pqID{base, epoch, dir}, index)...)
	}
	return list
}

// in returns those of one direction.
func (b *braids) in(id pqID, index uint32) (list []secret) {
	list = append(list, b.keys[id][index]...)
	for _, c := range b.chains[id] {
		if index > c.start {
			list = append(list, c.key(index-1))
		}
	}
	return list
}
