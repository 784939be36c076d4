package custodian

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"signet.example/signet/custodian/know"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/erasure"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/kem"
	"signet.example/signet/internal/mlkem"
	"signet.example/signet/internal/wire"
	"signet.example/signet/internal/x25519"
)

// values computes what the atoms of a derivation stand for, step by step, from what a principal was
// handed and saw. It shares nothing with the adversary, whose keys it must meet at the end.
type values struct {
	r     *run
	v     *view
	words *words
	known map[string][]byte
}

func newValues(r *run, v *view, w *words) *values {
	return &values{r: r, v: v, words: w, known: make(map[string][]byte)}
}

// of returns the value of a step whose premises were asked for before; nil for what has none.
// secret tells that it is a key of full strength.
func (x *values) of(s *know.Step) (value []byte, secret bool) {
	if s.Rule == "" {
		value, secret = x.leaf(s.Atom, s.At)
	} else {
		value, secret = x.edge(s)
	}
	x.known[s.Atom] = value
	return value, secret && len(value) > 0
}

func (x *values) leaf(atom string, at int) (value []byte, secret bool) {
	kind := know.KindOf(atom)
	switch kind {
	case "seen":
		k := x.words.key(arg(atom, 0))
		return k[1:], false
	case "observed", "handshake", "chunk":
		m := x.r.events[at].sent
		switch {
		case m == nil:
			return nil, false
		case m.first != nil:
			return m.first.Message, false
		}
		return m.message.Body, false
	case know.Quantum:
		return nil, false
	}
	g := x.r.events[at].given
	if g == nil {
		return nil, false
	}
	entry := entryOf(g, atom)
	if entry == nil {
		return nil, false
	}
	return entry.Value, kind != "copy"
}

// arg is an argument of an atom's name.
func arg(atom string, i int) string {
	_, list, _ := strings.Cut(strings.TrimSuffix(atom, ")"), "(")
	parts := strings.Split(list, ",")
	if i >= len(parts) {
		return ""
	}
	return parts[i]
}

func numberIn(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 64) // atoms are this package's own
	return n
}

// edge computes the head of a rule from its premises.
func (x *values) edge(s *know.Step) (value []byte, secret bool) {
	in := make([][]byte, len(s.From))
	for i, a := range s.From {
		in[i] = x.known[a]
	}
	switch s.Rule {
	case "R1":
		return agree(in[0], in[1]), true
	case "R1q":
		return x.broken(s.From), true
	case "R2":
		return x.decapsulated(in[0], arg(s.Atom, 0)), true
	case "R3":
		return x.handshake(s, in), true
	case "R4":
		return cut(derived(in[0], in[1], 64, "WhisperRatchet"), s.Atom), true
	case "R5a":
		return macOf(in[0], 2), true
	case "R5b":
		return macOf(in[0], 1), true
	case "R6":
		return cut(derived(nil, in[0], 96, "Signal PQ Ratchet V1 Chain  Start"), s.Atom), true
	case "R7a", "R7b":
		return x.link(s, in[0]), true
	case "R8":
		return cut(derived(in[0], in[1], 96, "Signal PQ Ratchet V1 Chain Add Epoch"), s.Atom), true
	case "R9o":
		return x.object(s), false
	case "R9a", "R9b":
		return x.epochSecret(s, in), true
	case "R11":
		var salt []byte
		if len(in) == 2 {
			salt = in[1]
		}
		return derived(salt, in[0], 80, "WhisperMessageKeys"), true
	case "R12a", "R12b", "R12c":
		return x.text(s), false
	case "R13a":
		if know.KindOf(s.Atom) != "forge" {
			return in[0], true
		}
	}
	return nil, false
}

func agree(private, public []byte) []byte {
	if len(private) != 32 || len(public) != 32 {
		return nil
	}
	var out [32]byte
	if !x25519.Shared(&out, (*[32]byte)(private), (*[32]byte)(public)) {
		return nil
	}
	return out[:]
}

// broken is an agreement of two public keys, by the stand-in for a quantum computer.
func (x *values) broken(from []string) []byte {
	a, b := x.words.key(arg(from[0], 0)), x.words.key(arg(from[1], 0))
	for _, pair := range [][2]parcel.Key{{a, b}, {b, a}} {
		if k, ok := x.r.oracle[pair[0]]; ok {
			return agree(k[:], pair[1][1:])
		}
	}
	return nil
}

func (x *values) first(base string) *wire.PreKeyMessage {
	for _, list := range [][]*sent{x.r.messages, x.r.injected} {
		for _, m := range list {
			if m.first != nil && arg(know.Handshake(m.base), 0) == base {
				return m.first
			}
		}
	}
	return nil
}

func (x *values) decapsulated(private []byte, base string) []byte {
	m := x.first(base)
	if m == nil || private == nil {
		return nil
	}
	shared, err := kem.Decapsulate(private, m.KEMCiphertext)
	if err != nil {
		return nil
	}
	return shared[:]
}

// handshake is the key agreement (protocol §3, §4.1). Its first premise is public.
func (x *values) handshake(s *know.Step, in [][]byte) []byte {
	ikm, label, size := make([]byte, 32), "WhisperText", 64
	for i := range ikm {
		ikm[i] = 0xff
	}
	for i, b := range in[1:] {
		if b == nil {
			return nil
		}
		ikm = append(ikm, b...)
		if know.KindOf(s.From[i+1]) == "kem-secret" {
			label, size = "WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024", 96
		}
	}
	okm := derived(nil, ikm, size, label)
	if know.KindOf(s.Atom) == "pq-start" {
		return okm[64:]
	}
	return cut(okm, s.Atom)
}

func derived(salt, ikm []byte, size int, label string) []byte {
	if ikm == nil {
		return nil
	}
	out := make([]byte, size)
	kdf.HKDF(out, salt, ikm, []byte(label))
	return out
}

func macOf(key []byte, b byte) []byte {
	if key == nil {
		return nil
	}
	sum := kdf.HMAC(key, []byte{b})
	return sum[:]
}

// cut is the part of an output that an atom names: the root, then the chains.
func cut(okm []byte, atom string) []byte {
	if okm == nil {
		return nil
	}
	switch know.KindOf(atom) {
	case "root", "pq-root":
		return okm[:32]
	case "pq-chain":
		from := 32 + 32*numberIn(arg(atom, 2))
		return okm[from : from+32]
	}
	return okm[32:64]
}

// link is a step of a post-quantum chain (spqr §12.2). The head names the index that it leads to.
func (x *values) link(s *know.Step, chain []byte) []byte {
	index := binary.BigEndian.AppendUint32(nil, uint32(numberIn(arg(s.Atom, 3))))
	okm := derived(nil, chain, 64, string(index)+"Signal PQ Ratchet V1 Chain Next")
	switch {
	case okm == nil:
		return nil
	case s.Rule == "R7b":
		return okm[32:]
	}
	return okm[:32]
}

// object rebuilds an object of the braid from the chunks that the step names.
func (x *values) object(s *know.Step) []byte {
	size := map[know.Object]int{know.Header: 64 + 32, know.Ciphertext1: 960, know.Ciphertext2: 128 + 32}[know.Object(arg(s.Atom, 2))]
	d, err := erasure.NewDecoder(size)
	if err != nil {
		return nil
	}
	for _, c := range s.From {
		if data := x.chunk(x.known[c]); data != nil {
			d.Add(uint16(numberIn(arg(c, 3))), data)
		}
	}
	if !d.Complete() {
		return nil
	}
	whole, err := d.Decode()
	if err != nil {
		return nil
	}
	return whole
}

// chunk is the data of the chunk in a message: the last bytes of its post-quantum field
// (spqr §5.1).
func (x *values) chunk(body []byte) *[erasure.ChunkSize]byte {
	m, err := wire.ParseSignalMessage(body)
	if err != nil || len(m.PQRatchet) < erasure.ChunkSize {
		return nil
	}
	return (*[erasure.ChunkSize]byte)(m.PQRatchet[len(m.PQRatchet)-erasure.ChunkSize:])
}

// epochSecret is what an epoch contributes, from either end's secret (spqr §11).
func (x *values) epochSecret(s *know.Step, in [][]byte) []byte {
	var shared [32]byte
	switch {
	case s.Rule == "R9a" && len(in[0]) == mlkem.DecapsulationKeySize && len(in[1]) == 960 && len(in[2]) == 160:
		shared = mlkem.Decapsulate((*[mlkem.DecapsulationKeySize]byte)(in[0]), (*[960]byte)(in[1]), (*[128]byte)(in[2]))
	case s.Rule == "R9b" && len(in[0]) == mlkem.EncapsulationStateSize && len(in[1]) == 96:
		var again [mlkem.EncapsulationStateSize]byte
		var ct [960]byte
		shared = mlkem.Encapsulate1((*[32]byte)(in[0][len(in[0])-32:]), (*[64]byte)(in[1]), &again, &ct)
	default:
		return nil
	}
	epoch := binary.BigEndian.AppendUint64(nil, numberIn(arg(s.Atom, 1)))
	return derived(nil, shared[:], 32, "Signal_PQCKA_V1_MLKEM768:SCKA Key"+string(epoch))
}

// text is the plaintext of a message as the principal has it.
func (x *values) text(s *know.Step) []byte {
	n := int(numberIn(arg(s.Atom, 0)))
	if s.Rule != "R12a" {
		return x.known[s.From[0]]
	}
	o := x.v.read[n]
	if o == nil || o.Copied() {
		return nil
	}
	// The adversary has opened the message, MAC and all: with the very key of this derivation, or else
	// there is no value.
	keys := o.Keys()
	have := append(append(keys.Cipher[:], keys.MAC[:]...), keys.IV[:]...)
	if sha256.Sum256(have) != sha256.Sum256(x.known[s.From[0]]) {
		return nil
	}
	return o.Text()
}
