package tlog

import (
	"errors"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"signet.example/signet/custodian/notice/internal/tlv"
)

// A Fork proves that a log signed two histories. It convinces anybody who has the log's key: the
// tree of New begins, by Proof, with a tree of Old's size whose root is Prefix, and that is not
// Old's root.
type Fork struct {
	Old, New []byte // signed checkpoints; Old is not the larger
	Prefix   Hash   // the root that New's tree had at Old's size
	Proof    []Hash // the consistency proof of it; empty if the sizes are the same
}

// ErrNoFork is a Fork that proves nothing.
var ErrNoFork = errors.New("tlog: this does not prove a fork")

// Verify returns nil if f proves that the log of t forked. Witnesses do not count: what the log
// signed is enough.
func (f *Fork) Verify(t *Trust) error {
	old, _, err := t.open(f.Old)
	if err != nil {
		return err
	}
	new, _, err := t.open(f.New)
	if err != nil {
		return err
	}
	if old.Size < 1 || old.Size > new.Size || f.Prefix == old.Root || !new.extends(old.Size, f.Prefix, f.Proof) {
		return ErrNoFork
	}
	return nil
}

const (
	tagForkOld    = 1
	tagForkNew    = 2
	tagForkPrefix = 3
	tagForkProof  = 4
)

// AppendBinary appends the encoding of the proof. The error is always nil.
func (f *Fork) AppendBinary(b []byte) ([]byte, error) {
	b = tlv.Append(b, tagForkOld, f.Old)
	b = tlv.Append(b, tagForkNew, f.New)
	b = tlv.Append(b, tagForkPrefix, f.Prefix[:])
	return tlv.Append(b, tagForkProof, AppendProof(nil, f.Proof)), nil
}

// ParseFork parses what AppendBinary appends. Nothing is verified. It copies b.
func ParseFork(b []byte) (*Fork, error) {
	f := new(Fork)
	ok, n := true, 0
	r := tlv.NewReader(b)
	for ; ok; n++ {
		tag, value, more := r.Next()
		if !more {
			break
		}
		switch tag {
		case tagForkOld:
			f.Old = slices.Clone(value)
		case tagForkNew:
			f.New = slices.Clone(value)
		case tagForkPrefix:
			if ok = len(value) == tlog.HashSize; ok {
				f.Prefix = Hash(value)
			}
		case tagForkProof:
			f.Proof, ok = ParseProof(value)
		default:
			ok = false
		}
	}
	if !ok || n != 4 || !r.OK() {
		return nil, ErrNoFork
	}
	return f, nil
}

// maxProof is the greatest length of a proof: two hashes for each level of a tree of 2^62 entries.
const maxProof = 2 * 62

// AppendProof appends the hashes of a proof to b.
func AppendProof(b []byte, proof []Hash) []byte {
	for _, h := range proof {
		b = append(b, h[:]...)
	}
	return b
}

// ParseProof parses what AppendProof appends, and reports false for anything else.
func ParseProof(b []byte) (proof []Hash, ok bool) {
	if len(b)%tlog.HashSize != 0 || len(b) > maxProof*tlog.HashSize {
		return nil, false
	}
	for ; len(b) > 0; b = b[tlog.HashSize:] {
		proof = append(proof, Hash(b[:tlog.HashSize]))
	}
	return proof, true
}
