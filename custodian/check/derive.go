package check

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"strings"
)

// An evaluator computes the values of atoms from those of the parcels that a principal was given,
// along the derivation that the closure found. KEMs are not computed: the standard library does not
// take their private keys in this form, nor does it break elliptic curves. Where a derivation rests
// on one of these it has no value, and the message's MAC is what shows that the key is right.
type evaluator struct {
	v      *verifier
	c      *closure
	given  map[int][]byte
	public map[string][]byte // public keys by the atom that one has seen them
	done   map[int][]byte
}

// checkDerivations computes the message key of every reading of a lab bundle from the values of
// parcels.
func (v *verifier) checkDerivations() error {
	if v.files.profile != "lab" {
		return nil
	}
	public := v.publicKeys()
	for i := range v.views {
		e := &evaluator{v: v, c: v.views[i].closure[0], given: v.given(i), public: public, done: make(map[int][]byte)}
		for n := range v.messages {
			r := v.reads[where{i, n, false}]
			if r == nil || r.Keys == nil {
				continue
			}
			okm := e.value(v.rules.id(ofMessage("message-key", n)))
			if okm == nil {
				continue
			}
			var want []byte
			for _, s := range []string{r.Keys.Cipher, r.Keys.MAC, r.Keys.IV} {
				want = append(want, mustHex(s)...)
			}
			if !bytes.Equal(okm, want) {
				return refuse("witness %s: its keys are not those that its derivation gives", r.ID)
			}
		}
		v.edges += len(e.done)
	}
	return nil
}

// given maps atoms to the values that principal i was handed.
func (v *verifier) given(i int) map[int][]byte {
	values := make(map[int][]byte)
	for at := range v.text.Events {
		if !v.views[i].members[v.principal(v.text.Events[at].To)] {
			continue
		}
		for _, e := range v.parcels[at] {
			id := v.rules.id(e.atoms()[0])
			if _, twice := values[id]; !twice {
				values[id] = e.value
			}
		}
	}
	return values
}

func (v *verifier) publicKeys() map[string][]byte {
	keys := make(map[string][]byte)
	add := func(list ...string) {
		for _, k := range list {
			if k != "" {
				keys[seen(k)] = mustHex(k)[1:]
			}
		}
	}
	for i := range v.text.Events {
		e := &v.text.Events[i]
		add(e.Identity, e.SignedPreKey.Key, e.Session)
		if e.OneTimePreKey != nil {
			add(e.OneTimePreKey.Key)
		}
	}
	for _, t := range v.text.Turns {
		add(t.Session, t.Key, t.Against)
	}
	return keys
}

// value returns the value of an atom, or nil if it cannot be computed. A derivation is a tree: no
// atom is asked for while it is being computed.
func (e *evaluator) value(id int) []byte {
	if b, ok := e.done[id]; ok {
		return b
	}
	by, ok := e.c.by[id]
	if !ok {
		return nil
	}
	if by < 0 {
		return e.given[id]
	}
	b := e.edge(&e.v.rules.list[by], e.v.rules.names[id])
	if b != nil {
		e.done[id] = b
	}
	return b
}

// edge computes the head of a clause from its body.
func (e *evaluator) edge(c *clause, head string) []byte {
	body := make([][]byte, len(c.body))
	for i, a := range c.body {
		name := e.v.rules.names[a]
		if strings.HasPrefix(name, "seen(") || strings.HasPrefix(name, "handshake(") {
			body[i] = e.public[name]
			continue
		}
		if body[i] = e.value(a); body[i] == nil {
			return nil
		}
	}
	switch c.rule {
	case "R1":
		return x25519(body[0], body[1])
	case "R3":
		return agreed(body[1:], head)
	case "R4":
		return part(derive(body[0], body[1], "WhisperRatchet", 64), head)
	case "R5a":
		return mac(body[0], 2)
	case "R5b":
		return mac(body[0], 1)
	case "R6":
		return part(derive(nil, body[0], "Signal PQ Ratchet V1 Chain  Start", 96), head)
	case "R7a", "R7b":
		return link(body[0], head, c.rule == "R7b")
	case "R8":
		return part(derive(body[0], body[1], "Signal PQ Ratchet V1 Chain Add Epoch", 96), head)
	case "R11":
		var salt []byte
		if len(body) == 2 {
			salt = body[1]
		}
		return derive(salt, body[0], "WhisperMessageKeys", 80)
	}
	return nil
}

func derive(salt, secret []byte, info string, n int) []byte {
	b, err := hkdf.Key(sha256.New, secret, salt, info, n)
	if err != nil {
		return nil
	}
	return b
}

func mac(key []byte, b byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte{b})
	return h.Sum(nil)
}

func x25519(private, public []byte) []byte {
	k, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil
	}
	p, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return nil
	}
	b, err := k.ECDH(p)
	if err != nil {
		return nil
	}
	return b
}

// agreed is the key agreement over its secrets; only one without a KEM gets here.
func agreed(secrets [][]byte, head string) []byte {
	ikm := append(bytes.Repeat([]byte{0xff}, 32), bytes.Join(secrets, nil)...)
	return part(derive(nil, ikm, "WhisperText", 64), head)
}

// part returns the 32 bytes of an output that an atom names: the root, then the chains.
func part(okm []byte, head string) []byte {
	switch {
	case len(okm) < 64:
		return nil
	case strings.HasPrefix(head, "root("), strings.HasPrefix(head, "pq-root("):
		return okm[:32]
	case strings.HasPrefix(head, "chain("), strings.HasSuffix(head, ",0,0)"): // of direction 0, at index 0
		return okm[32:64]
	case len(okm) == 96:
		return okm[64:]
	}
	return nil
}

// link is one step of a post-quantum chain; the head names the index that it leads to.
func link(chain []byte, head string, out bool) []byte {
	var index uint32
	for _, c := range head[strings.LastIndexByte(head, ',')+1 : len(head)-1] {
		index = index*10 + uint32(c-'0')
	}
	info := string(binary.BigEndian.AppendUint32(nil, index)) + "Signal PQ Ratchet V1 Chain Next"
	okm := derive(nil, chain, info, 64)
	if len(okm) != 64 {
		return nil
	}
	if out {
		return okm[32:]
	}
	return okm[:32]
}
