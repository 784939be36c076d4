package storetest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/session"
	"signet.example/signet/store/seal"
)

// Sealed returns the options of a store that seals under a key made of one byte.
func Sealed(t testing.TB, b byte) *seal.Options {
	t.Helper()
	keys, err := seal.Key(bytes.Repeat([]byte{b}, seal.KeySize))
	require.NoError(t, err)
	return &seal.Options{Keys: keys}
}

// filled are the peers of WriteEach and ReadEach.
var filled = []signet.Address{{Name: "alice", Device: 1}, {Name: "bob", Device: 1}}

// WriteEach writes rows of each kind with the same text in all of them: for the peers alice.1 and
// bob.1 a session, an archive and an identity, and one row of each other kind. Its tx is a
// group.Tx.
func WriteEach(tx session.Tx, text string) error {
	b := []byte(text)
	for _, p := range filled {
		if err := errors.Join(tx.PutSession(p, b), tx.PutArchive(p, b), tx.PutIdentity(p, b)); err != nil {
			return err
		}
	}
	return errors.Join(tx.PutPreKey(1, b), tx.PutSignedPreKey(1, b), tx.PutKEMPreKey(1, b),
		tx.PutValue("identity", b), tx.(group.Tx).PutSenderKey(filled[0], "g", b))
}

// Reads returns functions that read what WriteEach writes, one for each row.
func Reads(tx session.Tx) []func() ([]byte, error) {
	reads := []func() ([]byte, error){
		func() ([]byte, error) { return tx.PreKey(1) },
		func() ([]byte, error) { return tx.SignedPreKey(1) },
		func() ([]byte, error) { return tx.KEMPreKey(1) },
		func() ([]byte, error) { return tx.Value("identity") },
		func() ([]byte, error) { return tx.(group.Tx).SenderKey(filled[0], "g") },
	}
	for _, p := range filled {
		reads = append(reads,
			func() ([]byte, error) { return tx.Session(p) },
			func() ([]byte, error) { return tx.Archive(p) },
			func() ([]byte, error) { return tx.Identity(p) })
	}
	return reads
}

// ReadEach reads what WriteEach writes, and requires the text. It returns the first error of the
// store.
func ReadEach(t testing.TB, tx session.Tx, want string) error {
	t.Helper()
	for _, read := range Reads(tx) {
		b, err := read()
		if err != nil {
			return err
		}
		require.Equal(t, want, string(b))
	}
	return nil
}
