package ops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"signet.example/signet"
	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/postgres"
	"signet.example/signet/store/postgres/pgtest"
	"signet.example/signet/store/sqlite"
	"signet.example/signet/x3dh"
)

// durable is a message encrypted by a device whose store is a database: it returns when the
// advanced ratchet is on the disk. The floor is the same transaction on the same rows without the
// protocol.
func (b *builder) durable() {
	const what = "a message of 64 bytes encrypted, and the ratchet's step durable in "
	b.add("durable-encrypt-sqlite", what+"SQLite",
		durableCase(measure.Signet, openSQLite, encrypting), durableCase(measure.Floor, openSQLite, rewriting))
	open := func() (session.Store, func() error, error) { return openPostgres(b.Postgres) }
	b.add("durable-encrypt-postgres", what+"PostgreSQL",
		durableCase(measure.Signet, open, encrypting), durableCase(measure.Floor, open, rewriting))
}

// A database is opened afresh for each case; the function closes and removes it.
type database func() (session.Store, func() error, error)

// A work is what is done on a device of that store.
type work func(alice *session.Device) (func() error, error)

func durableCase(impl string, open database, w work) measure.Case {
	return measure.Case{Impl: impl, Wall: true, Open: func() (*measure.Subject, error) {
		store, end, err := open()
		if err != nil {
			return nil, err
		}
		f, err := onStore(store, w)
		if err != nil {
			return nil, errors.Join(err, end())
		}
		s := measure.Loop(f)
		s.Close = end
		return s, nil
	}}
}

func onStore(store session.Store, w work) (func() error, error) {
	alice := session.NewDevice(aliceAddr, signet.GenerateKey(), store, nil)
	bob := session.NewDevice(bobAddr, signet.GenerateKey(), memory.New(), nil)
	if err := meet(alice, bob, x3dh.VersionPQXDH); err != nil {
		return nil, err
	}
	if _, err := greet(&pair{onDevice(alice, bobAddr), onDevice(bob, aliceAddr)}); err != nil {
		return nil, err
	}
	return w(alice)
}

func encrypting(alice *session.Device) (func() error, error) {
	t := text(64)
	return func() error { _, err := alice.Encrypt(ctx, bobAddr, t); return err }, nil
}

// rewriting reads what an encryption reads and writes back a row that differs.
func rewriting(alice *session.Device) (func() error, error) {
	record, err := alice.Record(ctx, bobAddr)
	if err != nil {
		return nil, err
	}
	n := len(record) - 1
	return func() error {
		return alice.Store().Update(ctx, bobAddr, func(tx session.Tx) error {
			if _, err := tx.Session(bobAddr); err != nil {
				return err
			}
			if _, err := tx.Identity(bobAddr); err != nil {
				return err
			}
			next := append([]byte(nil), record...)
			record[n]++
			return tx.PutSession(bobAddr, next)
		})
	}, nil
}

func openSQLite() (session.Store, func() error, error) {
	dir, err := os.MkdirTemp("", "signet-bench-")
	if err != nil {
		return nil, nil, err
	}
	s, err := sqlite.Open(ctx, filepath.Join(dir, "device.db"), nil)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, func() error { return errors.Join(s.Close(), os.RemoveAll(dir)) }, nil
}

// openPostgres connects to the database at url, or to a server that is started for it and ends with
// it.
func openPostgres(url string) (session.Store, func() error, error) {
	h := new(host)
	if url == "" {
		if err := h.run(func() { url = pgtest.Start(h).Database(h) }); err != nil {
			return nil, nil, errors.Join(err, h.end())
		}
	}
	// A tenant of our own: rows of other runs are not ours, nor anybody else's.
	tenant := fmt.Sprintf("bench-%d-%d", os.Getpid(), tenants)
	tenants++
	s, err := postgres.Open(context.Background(), url, &postgres.Options{Tenant: tenant})
	if err != nil {
		return nil, nil, errors.Join(err, h.end())
	}
	return s, func() error { return errors.Join(s.Close(), h.end()) }, nil
}

var tenants int

// A host stands in for the test that package pgtest wants: it has the methods that are called
// there. The embedded interface is nil.
type host struct {
	testing.TB
	cleanups []func()
	err      error
}

func (h *host) Helper()           {}
func (h *host) Cleanup(f func())  { h.cleanups = append(h.cleanups, f) }
func (h *host) Skip(args ...any)  { h.stop(measure.Skip(fmt.Sprint(args...))) }
func (h *host) Fatal(args ...any) { h.stop(errors.New(fmt.Sprint(args...))) }

// stop leaves the function that run runs, as a test's Skip and Fatal do.
func (h *host) stop(err error) {
	h.err = err
	panic(h)
}

func (h *host) run(f func()) (err error) {
	defer func() {
		if r := recover(); r == any(h) {
			err = h.err
		} else if r != nil {
			panic(r)
		}
	}()
	f()
	return nil
}

func (h *host) end() error {
	for _, f := range h.cleanups {
		f()
	}
	h.cleanups = nil
	return nil
}
