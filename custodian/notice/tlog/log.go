package tlog

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// EntrySize is the length in bytes of an entry.
const EntrySize = 64

// An Entry is a record of the log: a tag (32 bytes), by which those who know a salt find it, and a
// leaf (32 bytes), the salted hash of what was published.
type Entry [EntrySize]byte

// NewEntry returns the entry of a tag and a leaf.
func NewEntry(tag, leaf [32]byte) (e Entry) {
	copy(e[:], tag[:])
	copy(e[32:], leaf[:])
	return e
}

// Tag returns the first half of the entry.
func (e Entry) Tag() [32]byte { return [32]byte(e[:32]) }

// Leaf returns the second half of the entry.
func (e Entry) Leaf() [32]byte { return [32]byte(e[32:]) }

func (e *Entry) hash() Hash { return tlog.RecordHash(e[:]) }

// emptyRoot is the root of a tree of no entries.
var emptyRoot = Hash(sha256.Sum256(nil))

// A Source is where a client asks: a log, or a way to one. What it returns is not trusted.
type Source interface {
	// Checkpoint returns the latest signed checkpoint.
	Checkpoint(ctx context.Context) ([]byte, error)

	// Entries returns the entries from index from on and before to. It may return fewer, but at least
	// one.
	Entries(ctx context.Context, from, to int64) ([]Entry, error)

	// Inclusion returns the proof that entry i is in the tree of size n.
	Inclusion(ctx context.Context, i, n int64) ([]Hash, error)

	// Consistency returns the root of the tree of size old, and the proof that the tree of size new
	// begins with it. Both are positive.
	Consistency(ctx context.Context, old, new int64) (Hash, []Hash, error)
}

// A Log is an append-only log that lives in memory. It is safe for concurrent use. An application
// that keeps it elsewhere stores the entries, in their order, before it shows a checkpoint that
// covers them.
type Log struct {
	mu      sync.RWMutex
	key     *Key
	entries []Entry
	hashes  hashes
	note    []byte // the latest checkpoint, if it was asked for
}

// hashes are the stored hashes of sumdb/tlog, in the order of its indexes.
type hashes []Hash

func (h hashes) ReadHashes(indexes []int64) ([]Hash, error) {
	list := make([]Hash, len(indexes))
	for i, x := range indexes {
		if x < 0 || x >= int64(len(h)) {
			return nil, errors.New("tlog: no such hash")
		}
		list[i] = h[x]
	}
	return list, nil
}

// New returns the log of entries, in their order; none for a new log. The key must be that of a
// log.
func New(key *Key, entries ...Entry) (*Log, error) {
	if (*key.p).alg != algLog {
		return nil, errors.New("tlog: a witness's key does not sign checkpoints")
	}
	l := &Log{key: key}
	for _, e := range entries {
		l.Append(e)
	}
	return l, nil
}

// Append adds an entry and returns its index.
func (l *Log) Append(e Entry) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := int64(len(l.entries))
	added, err := tlog.StoredHashes(n, e[:], l.hashes)
	if err != nil {
		panic("tlog: every hash below the size of the log is stored")
	}
	l.hashes = append(l.hashes, added...)
	l.entries = append(l.entries, e)
	l.note = nil
	return n
}

// Size returns the number of entries.
func (l *Log) Size() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return int64(len(l.entries))
}

var errRange = errors.New("tlog: outside of the log")

// Entries implements Source.
func (l *Log) Entries(_ context.Context, from, to int64) ([]Entry, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if from < 0 || from >= to || to > int64(len(l.entries)) {
		return nil, errRange
	}
	return slices.Clone(l.entries[from:to]), nil
}

// Checkpoint implements Source.
func (l *Log) Checkpoint(context.Context) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.note == nil {
		s := *l.key.p
		n := int64(len(l.entries))
		c := Checkpoint{Origin: s.name, Size: n, Root: l.root(n)}
		var err error
		if l.note, err = note.Sign(&note.Note{Text: c.format()}, noteSigner{s, time.Time{}}); err != nil {
			return nil, err
		}
	}
	return slices.Clone(l.note), nil
}

func (l *Log) root(n int64) Hash {
	h, err := tlog.TreeHash(n, l.hashes)
	if err != nil {
		panic("tlog: every hash below the size of the log is stored")
	}
	return h
}

// Inclusion implements Source.
func (l *Log) Inclusion(_ context.Context, i, n int64) ([]Hash, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if n > int64(len(l.entries)) {
		return nil, errRange
	}
	p, err := tlog.ProveRecord(n, i, l.hashes)
	if err != nil {
		return nil, fmt.Errorf("%w: entry %d of %d", errRange, i, n)
	}
	return p, nil
}

// Consistency implements Source.
func (l *Log) Consistency(_ context.Context, old, new int64) (Hash, []Hash, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if new > int64(len(l.entries)) {
		return Hash{}, nil, errRange
	}
	p, err := tlog.ProveTree(new, old, l.hashes)
	if err != nil {
		return Hash{}, nil, fmt.Errorf("%w: %d to %d", errRange, old, new)
	}
	return l.root(old), p, nil
}

// Included reports whether proof shows that e is entry i of the tree of c.
func (c *Checkpoint) Included(e Entry, i int64, proof []Hash) bool {
	return tlog.CheckRecord(proof, c.Size, c.Root, i, e.hash()) == nil
}

// extends reports whether proof shows that the tree of c begins with the tree of this size and
// root.
func (c *Checkpoint) extends(size int64, root Hash, proof []Hash) bool {
	switch {
	case size == 0:
		return root == emptyRoot
	case size == c.Size:
		return root == c.Root
	}
	return tlog.CheckTree(proof, c.Size, c.Root, size, root) == nil
}
