package storetest

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/session"
)

// ErrFault is what a Faulty store in mode Fail makes fail.
var ErrFault = errors.New("storetest: injected fault")

// A Mode is what happens at the fault of a Faulty store.
type Mode int

const (
	// Fail makes the call return ErrFault without an effect, once. The calls are those of Tx, the
	// beginning of Update, and the commit: the last is counted when f has returned nil, and its
	// failure rolls the transaction back.
	Fail Mode = iota
	// Die ends the process: the call panics without an effect, and so does every later use of the
	// store. Dies tells this panic from others. One more call is counted, after the commit: a death
	// there leaves the transaction durable though Update never returned.
	Die
)

// A FaultyStore is a store that fails or dies at one of its calls. It is safe for concurrent use.
type FaultyStore struct {
	store session.Store
	at    int64
	mode  Mode
	calls atomic.Int64
}

// Faulty wraps a store so that its k-th call, counted from 1 over all transactions, fails or dies.
// With k < 1 nothing happens and the calls are counted.
func Faulty(store session.Store, k int, mode Mode) *FaultyStore {
	return &FaultyStore{store: store, at: int64(k), mode: mode}
}

// Fired reports whether the fault has happened. A test counts k up until it has not.
func (s *FaultyStore) Fired() bool { return s.at > 0 && s.calls.Load() >= s.at }

// Calls returns how many calls there were, the failed one included.
func (s *FaultyStore) Calls() int { return int(s.calls.Load()) }

// death is what a dying store panics with.
type death struct{ *FaultyStore }

// Dies runs f and reports whether a Faulty store died in it. Other panics pass.
func Dies(f func()) (died bool) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case death:
			died = true
		default:
			panic(r)
		}
	}()
	f()
	return false
}

// call counts one call and says how it ends.
func (s *FaultyStore) call() error {
	n := s.calls.Add(1)
	switch {
	case s.at < 1 || n < s.at:
		return nil
	case s.mode == Die:
		panic(death{s})
	case n == s.at:
		return ErrFault
	}
	return nil
}

// Update is the wrapped store's, with the fault.
func (s *FaultyStore) Update(ctx context.Context, peer signet.Address, f func(tx session.Tx) error) error {
	return s.around(f, func(f func(tx session.Tx) error) error { return s.store.Update(ctx, peer, f) })
}

// around counts the calls of one transaction of the wrapped store.
func (s *FaultyStore) around(f func(tx session.Tx) error, update func(f func(tx session.Tx) error) error) error {
	if err := s.call(); err != nil {
		return err
	}
	err := update(func(tx session.Tx) error {
		if err := f(faultyTx{tx, s.call}); err != nil {
			return err
		}
		return s.call()
	})
	if err == nil && s.mode == Die {
		s.call()
	}
	return err
}

// errDiscard rolls a rehearsal back.
var errDiscard = errors.New("storetest: rehearsal")

// Replaying wraps a store so that every f runs twice, as after a serialization failure: once in a
// transaction that is rolled back, and then for good. What f leaves behind outside its tx shows.
func Replaying(store session.Store) session.Store { return replaying{store} }

type replaying struct{ store session.Store }

func (s replaying) Update(ctx context.Context, peer signet.Address, f func(tx session.Tx) error) error {
	err := s.store.Update(ctx, peer, func(tx session.Tx) error {
		f(tx) // an error will be seen again
		return errDiscard
	})
	if !errors.Is(err, errDiscard) {
		return err
	}
	return s.store.Update(ctx, peer, f)
}

// A faultyTx asks call before each call.
type faultyTx struct {
	tx   session.Tx
	call func() error
}

func (t faultyTx) bytes(read func() ([]byte, error)) ([]byte, error) {
	if err := t.call(); err != nil {
		return nil, err
	}
	return read()
}

func (t faultyTx) do(write func() error) error {
	if err := t.call(); err != nil {
		return err
	}
	return write()
}

func (t faultyTx) number(count func() (int, error)) (int, error) {
	if err := t.call(); err != nil {
		return 0, err
	}
	return count()
}

func (t faultyTx) Session(p signet.Address) ([]byte, error) {
	return t.bytes(func() ([]byte, error) { return t.tx.Session(p) })
}

func (t faultyTx) PutSession(p signet.Address, b []byte) error {
	return t.do(func() error { return t.tx.PutSession(p, b) })
}

func (t faultyTx) Archive(p signet.Address) ([]byte, error) {
	return t.bytes(func() ([]byte, error) { return t.tx.Archive(p) })
}

func (t faultyTx) PutArchive(p signet.Address, b []byte) error {
	return t.do(func() error { return t.tx.PutArchive(p, b) })
}

func (t faultyTx) Peers() iter.Seq2[signet.Address, error] {
	return func(yield func(signet.Address, error) bool) {
		if err := t.call(); err != nil {
			yield(signet.Address{}, err)
			return
		}
		t.tx.Peers()(yield)
	}
}

func (t faultyTx) Devices(name string) iter.Seq2[uint32, error] {
	return func(yield func(uint32, error) bool) {
		if err := t.call(); err != nil {
			yield(0, err)
			return
		}
		t.tx.Devices(name)(yield)
	}
}

func (t faultyTx) Identity(p signet.Address) ([]byte, error) {
	return t.bytes(func() ([]byte, error) { return t.tx.Identity(p) })
}

func (t faultyTx) PutIdentity(p signet.Address, b []byte) error {
	return t.do(func() error { return t.tx.PutIdentity(p, b) })
}

func (t faultyTx) PreKey(id uint32) ([]byte, error) {
	return t.bytes(func() ([]byte, error) { return t.tx.PreKey(id) })
}

func (t faultyTx) SignedPreKey(id uint32) ([]byte, error) {
	return t.bytes(func() ([]byte, error) { return t.tx.SignedPreKey(id) })
}

func (t faultyTx) KEMPreKey(id uint32) ([]byte, error) {
	return t.bytes(func() ([]byte, error) { return t.tx.KEMPreKey(id) })
}

func (t faultyTx) PutPreKey(id uint32, b []byte) error {
	return t.do(func() error { return t.tx.PutPreKey(id, b) })
}

func (t faultyTx) PutSignedPreKey(id uint32, b []byte) error {
	return t.do(func() error { return t.tx.PutSignedPreKey(id, b) })
}

func (t faultyTx) PutKEMPreKey(id uint32, b []byte) error {
	return t.do(func() error { return t.tx.PutKEMPreKey(id, b) })
}

func (t faultyTx) DeletePreKey(id uint32) error {
	return t.do(func() error { return t.tx.DeletePreKey(id) })
}

func (t faultyTx) DeleteSignedPreKey(id uint32) error {
	return t.do(func() error { return t.tx.DeleteSignedPreKey(id) })
}

func (t faultyTx) DeleteKEMPreKey(id uint32) error {
	return t.do(func() error { return t.tx.DeleteKEMPreKey(id) })
}

func (t faultyTx) CountPreKeys() (int, error)    { return t.number(t.tx.CountPreKeys) }
func (t faultyTx) CountKEMPreKeys() (int, error) { return t.number(t.tx.CountKEMPreKeys) }

func (t faultyTx) MarkKEMPreKey(id, signedID uint32, baseKey []byte) error {
	return t.do(func() error { return t.tx.MarkKEMPreKey(id, signedID, baseKey) })
}

func (t faultyTx) ForgetKEMPreKey(id uint32) error {
	return t.do(func() error { return t.tx.ForgetKEMPreKey(id) })
}

func (t faultyTx) Value(name string) ([]byte, error) {
	return t.bytes(func() ([]byte, error) { return t.tx.Value(name) })
}

func (t faultyTx) PutValue(name string, b []byte) error {
	return t.do(func() error { return t.tx.PutValue(name, b) })
}

var errNoSenderKeys = errors.New("storetest: the store keeps no sender keys")

func (t faultyTx) SenderKey(p signet.Address, name string) ([]byte, error) {
	g, ok := t.tx.(group.Tx)
	if !ok {
		return nil, errNoSenderKeys
	}
	return t.bytes(func() ([]byte, error) { return g.SenderKey(p, name) })
}

func (t faultyTx) PutSenderKey(p signet.Address, name string, b []byte) error {
	g, ok := t.tx.(group.Tx)
	if !ok {
		return errNoSenderKeys
	}
	return t.do(func() error { return g.PutSenderKey(p, name, b) })
}

func (t faultyTx) SenderKeys(p signet.Address) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		g, ok := t.tx.(group.Tx)
		err := t.call()
		if !ok {
			err = errNoSenderKeys
		}
		if err != nil {
			yield("", err)
			return
		}
		g.SenderKeys(p)(yield)
	}
}
