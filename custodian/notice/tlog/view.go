package tlog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"signet.example/signet/custodian/notice/internal/tlv"
)

// A View is what a client remembers of a log: the latest checkpoint that it accepted, and the
// hashes from which it computes the next. The zero View has seen an empty log. It is not safe for
// concurrent use.
type View struct {
	size int64
	root Hash
	edge []Hash // roots of the perfect subtrees that make up the tree, greatest first
	note []byte // the checkpoint, as it was signed
}

var (
	// ErrStale is a checkpoint that is smaller than the one that is remembered.
	ErrStale = errors.New("tlog: the checkpoint is older than one already seen")

	// ErrUnproved is a log that does not show how two of its checkpoints belong together.
	ErrUnproved = errors.New("tlog: the log does not prove that it only grew")
)

// A ForkError is a log that showed two histories.
type ForkError struct{ Fork *Fork }

func (e *ForkError) Error() string { return "tlog: the log has forked" }

// Size returns the number of entries that were seen.
func (v *View) Size() int64 { return v.size }

// Note returns the signed checkpoint that is remembered, nil if there is none. It must not be
// modified.
func (v *View) Note() []byte { return v.note }

// Advance moves the view to checkpoint c, which Trust.Open returned, and calls visit for every
// entry that is new. The entries are checked against c before the view changes, but visit runs
// before that: it has no effect that lasts if Advance fails. On an error the view is unchanged. The
// errors wrap ErrStale, ErrUnproved or what src returned, or are a *ForkError.
func (v *View) Advance(ctx context.Context, c *Checkpoint, src Source, visit func(i int64, e Entry)) error {
	if c.Size < v.size {
		return fmt.Errorf("%w: %d entries and %d", ErrStale, c.Size, v.size)
	}
	if err := v.follow(ctx, c, src); err != nil {
		return err
	}
	next := View{size: v.size, edge: slices.Clone(v.edge), root: c.Root, note: c.note}
	for next.size < c.Size {
		list, err := src.Entries(ctx, next.size, c.Size)
		if err != nil {
			return err
		}
		if len(list) == 0 || int64(len(list)) > c.Size-next.size {
			return fmt.Errorf("%w: entries are missing", ErrUnproved)
		}
		for _, e := range list {
			if visit != nil {
				visit(next.size, e)
			}
			next.add(e.hash())
		}
	}
	if next.fold() != c.Root {
		return fmt.Errorf("%w: its entries are not those of the checkpoint", ErrUnproved)
	}
	*v = next
	return nil
}

// follow checks that c continues what the view has seen.
func (v *View) follow(ctx context.Context, c *Checkpoint, src Source) error {
	if v.size == 0 {
		return nil
	}
	if v.size == c.Size {
		if v.root != c.Root {
			return &ForkError{&Fork{Old: v.note, New: c.note, Prefix: c.Root}}
		}
		return nil
	}
	prefix, proof, err := src.Consistency(ctx, v.size, c.Size)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnproved, err)
	}
	if !c.extends(v.size, prefix, proof) {
		return ErrUnproved
	}
	if prefix != v.root {
		return &ForkError{&Fork{Old: v.note, New: c.note, Prefix: prefix, Proof: slices.Clone(proof)}}
	}
	return nil
}

// Compare checks that checkpoint c, which somebody else saw, is of the log that the view has seen,
// whichever is the older. If c is newer, the view cannot tell without advancing: then src is asked
// for the proof alone. The view does not change. The errors are those of Advance, except for
// ErrStale.
func (v *View) Compare(ctx context.Context, c *Checkpoint, src Source) error {
	if c.Size >= v.size {
		return v.follow(ctx, c, src)
	}
	if c.Size == 0 {
		return nil
	}
	prefix, proof, err := src.Consistency(ctx, c.Size, v.size)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnproved, err)
	}
	mine := &Checkpoint{Size: v.size, Root: v.root}
	if !mine.extends(c.Size, prefix, proof) {
		return ErrUnproved
	}
	if prefix != c.Root {
		return &ForkError{&Fork{Old: c.note, New: v.note, Prefix: prefix, Proof: slices.Clone(proof)}}
	}
	return nil
}

// add appends a record's hash: two perfect subtrees of one size make one of the next.
func (v *View) add(h Hash) {
	for n := v.size; n&1 == 1; n >>= 1 {
		h = tlog.NodeHash(v.edge[len(v.edge)-1], h)
		v.edge = v.edge[:len(v.edge)-1]
	}
	v.edge = append(v.edge, h)
	v.size++
}

// fold returns the root of the tree.
func (v *View) fold() Hash {
	if len(v.edge) == 0 {
		return emptyRoot
	}
	h := v.edge[len(v.edge)-1]
	for i := len(v.edge) - 2; i >= 0; i-- {
		h = tlog.NodeHash(v.edge[i], h)
	}
	return h
}

const (
	tagViewSize = 1
	tagViewEdge = 2
	tagViewNote = 3
)

// AppendBinary appends the encoding of the view. The error is always nil.
func (v *View) AppendBinary(b []byte) ([]byte, error) {
	var edge []byte
	for _, h := range v.edge {
		edge = append(edge, h[:]...)
	}
	b = tlv.AppendUint(b, tagViewSize, uint64(v.size))
	b = tlv.Append(b, tagViewEdge, edge)
	return tlv.Append(b, tagViewNote, v.note), nil
}

var errView = errors.New("tlog: malformed view")

// UnmarshalBinary sets the view to the one that AppendBinary encoded. It copies b.
func (v *View) UnmarshalBinary(b []byte) error {
	var next View
	var size uint64
	ok := true
	r := tlv.NewReader(b)
	for n := 1; ; n++ {
		tag, value, more := r.Next()
		if !more {
			ok = ok && n == 4
			break
		}
		switch tag {
		case tagViewSize:
			size, ok = tlv.Uint(value)
		case tagViewEdge:
			for ; len(value) >= tlog.HashSize; value = value[tlog.HashSize:] {
				next.edge = append(next.edge, Hash(value[:tlog.HashSize]))
			}
			ok = ok && len(value) == 0
		case tagViewNote:
			next.note = slices.Clone(value)
		default:
			ok = false
		}
	}
	if !ok || !r.OK() || size > 1<<62 || ones(size) != len(next.edge) || (size == 0) != (len(next.note) == 0) {
		return errView
	}
	next.size, next.root = int64(size), next.fold()
	*v = next
	return nil
}

// ones returns how many perfect subtrees a tree of n records has.
func ones(n uint64) (count int) {
	for ; n > 0; n &= n - 1 {
		count++
	}
	return count
}
