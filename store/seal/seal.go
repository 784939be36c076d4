// Package seal encrypts what a store writes (XChaCha20-Poly1305, draft-irtf-cfrg-xchacha-03), so
// that a copy of the database is worth nothing without a key that is not in it. Set Options.Seal of
// a store to use it.
//
// # What is sealed
//
// Sessions, archives, accepted identities, prekeys, sender keys, and the device's own rows, among
// them its private identity key. Each is bound to its place: the table, the tenant and the device,
// the primary key, and the version of the row. A value that was altered, moved to another row, or
// put back under a later version does not open (ErrDamaged), and nothing is changed.
//
// What a row is found by stays in clear: addresses of peers, names of groups, ids of prekeys; and
// so do the marks of first messages, which hold public keys, the number of rows, their sizes and
// the times of their changes.
//
// # What it does not know
//
// A row that is missing, or a whole row put back with its version, looks like an earlier time. A
// Ring remembers the versions it has met lately and refuses an older one (ErrRolledBack), but it
// forgets when the process ends. Whoever can write to the database can also delete: of an accepted
// identity that is gone, the next contact is the first.
//
// # Keys
//
// Every device has data keys of its own, numbered from 1. They lie in the database, each wrapped by
// a KeyService: a passphrase, a key, or a service of the caller's. A new data key comes with the
// store's RotateKey; its Reseal brings old rows under it while others work.
package seal

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"
)

// A KeyService wraps data keys and unwraps them again. It is asked when a store opens, and when a
// key is new; not for every row. It is safe for concurrent use.
type KeyService interface {
	// Wrap encrypts a data key, 32 bytes, for the tenant of this name; a store without tenants says
	// "". The key is not kept or modified.
	Wrap(ctx context.Context, tenant string, key []byte) ([]byte, error)
	// Unwrap returns the data key that Wrap was given for the same tenant. An error that is ErrKey
	// says that it was wrapped under another key or passphrase.
	Unwrap(ctx context.Context, tenant string, wrapped []byte) ([]byte, error)
}

// Options is how a store seals.
type Options struct {
	// Keys wraps the data keys. It must not be nil.
	Keys KeyService
	// AllowPlain lets rows that are not sealed be read, as they were written before sealing began. It
	// is for the time until Reseal has returned; whoever can write to the database can put any plain
	// row there.
	AllowPlain bool
}

// Errors that a caller can act on. Nothing has been changed when one is returned.
var (
	// ErrKey is a wrong key or passphrase.
	ErrKey = errors.New("seal: wrong key")
	// ErrSealed is a store that is sealed and was opened without a key.
	ErrSealed = errors.New("seal: the rows are sealed and there is no key")
	// ErrPlain is a row, or a store, that is not sealed where all must be; see Options.AllowPlain.
	ErrPlain = errors.New("seal: not sealed")
	// ErrDamaged is a row that was altered, moved, or put back in part.
	ErrDamaged = errors.New("seal: a row is damaged or not in its place")
	// ErrRolledBack is a row that this process has seen in a later version: it was restored, or the
	// database was.
	ErrRolledBack = errors.New("seal: a row went back in time")
)

// Overhead is how many bytes longer a sealed row is.
const Overhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// KeySize is the size of a data key in bytes.
const KeySize = chacha20poly1305.KeySize

// A Ring is the data keys of one device, as a store uses it. A nil Ring seals nothing. It is safe
// for concurrent use.
type Ring struct {
	opts   Options
	tenant string
	device int64

	mu   sync.RWMutex
	keys map[int64]cipher.AEAD
	seen marks
}

// NewRing returns the empty ring of a device.
func NewRing(tenant string, device int64, opts *Options) (*Ring, error) {
	if opts == nil || opts.Keys == nil {
		return nil, errors.New("seal: no key service")
	}
	return &Ring{opts: *opts, tenant: tenant, device: device, keys: make(map[int64]cipher.AEAD)}, nil
}

// AllowPlain reports whether plain rows may be read.
func (r *Ring) AllowPlain() bool { return r == nil || r.opts.AllowPlain }

// Generate draws a data key and returns it wrapped. Learn makes it known once it is stored.
func (r *Ring) Generate(ctx context.Context) ([]byte, error) {
	var key [KeySize]byte
	defer clear(key[:])
	rand.Read(key[:]) // it does not fail
	wrapped, err := r.opts.Keys.Wrap(ctx, r.tenant, key[:])
	if err != nil {
		return nil, fmt.Errorf("seal: wrapping a data key: %w", err)
	}
	return wrapped, nil
}

// Learn unwraps the data key of this number, which is greater than zero.
func (r *Ring) Learn(ctx context.Context, id int64, wrapped []byte) error {
	if id <= 0 {
		return fmt.Errorf("%w: data key %d", ErrDamaged, id)
	}
	if r.Knows(id) {
		return nil
	}
	key, err := r.opts.Keys.Unwrap(ctx, r.tenant, wrapped)
	if err != nil {
		return fmt.Errorf("seal: data key %d: %w", id, err)
	}
	defer clear(key)
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return fmt.Errorf("seal: data key %d has %d bytes, not %d", id, len(key), KeySize)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys[id] = aead
	return nil
}

// Knows reports whether the data key was learned.
func (r *Ring) Knows(id int64) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.keys[id] != nil
}

// Newest returns the greatest number of a data key that was learned, or 0.
func (r *Ring) Newest() (id int64) {
	if r == nil {
		return 0
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for k := range r.keys {
		id = max(id, k)
	}
	return id
}

func (r *Ring) key(id int64) (cipher.AEAD, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	aead := r.keys[id]
	if aead == nil {
		return nil, fmt.Errorf("%w: data key %d is unknown", ErrDamaged, id)
	}
	return aead, nil
}

// Seal returns value as it is stored under the data key: a nonce of 24 bytes, the ciphertext, a tag
// of
// 16. A nil Ring returns value itself.
func (r *Ring) Seal(id int64, p *Place, value []byte) ([]byte, error) {
	if r == nil {
		return value, nil
	}
	aead, err := r.key(id)
	if err != nil {
		return nil, err
	}
	b := make([]byte, chacha20poly1305.NonceSizeX, len(value)+Overhead)
	rand.Read(b)
	var ad [placeSize]byte
	return aead.Seal(b, b, value, p.append(ad[:0], r, id)), nil
}

// Open returns the value that was sealed under the data key in this place. The data key 0 means
// that it is plain. sealed is not modified.
func (r *Ring) Open(id int64, p *Place, sealed []byte) ([]byte, error) {
	switch {
	case r == nil && id != 0:
		return nil, ErrSealed
	case r == nil:
		return sealed, nil
	case id == 0 && r.opts.AllowPlain:
		return sealed, nil
	case id == 0:
		return nil, fmt.Errorf("%w: %s", ErrPlain, p.Table)
	}
	aead, err := r.key(id)
	if err != nil {
		return nil, err
	}
	if len(sealed) < Overhead {
		return nil, fmt.Errorf("%w: %s: %d bytes", ErrDamaged, p.Table, len(sealed))
	}
	nonce, b := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	var ad [placeSize]byte
	value, err := aead.Open(make([]byte, 0, len(b)), nonce, b, p.append(ad[:0], r, id))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrDamaged, p.Table)
	}
	return value, nil
}

// Format redacts the ring.
func (r *Ring) Format(f fmt.State, _ rune) { io.WriteString(f, "seal.Ring(…)") }
