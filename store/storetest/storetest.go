// Package storetest is the contract of session.Store as a test. Every store passes Run.
//
// It also has the two wrappers that the tests of other packages drive a store through: Faulty,
// whose k-th call fails or is the last of its process, and Replaying, which runs every transaction
// twice.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

// A Place is where the data of one store lives: calling it opens a handle on them. Handles on one
// place may be used at the same time. A store that keeps nothing beyond its handle returns the same
// handle each time.
type Place func() session.Store

// Run tests a store against the contract of session.Store. Each call of fresh prepares an empty
// place; it may use t to fail and to clean up after the test, closing the handles included. With
// -short only every seventh of the injected faults is tried.
func Run(t *testing.T, fresh func(t *testing.T) Place) {
	stride := 1
	if testing.Short() {
		stride = sparse
	}
	run(t, fresh, stride)
}

// RunVariant is Run with every seventh of the injected faults: for a store that passes Run in
// another form, one with the same transactions whose rows are sealed, say.
func RunVariant(t *testing.T, fresh func(t *testing.T) Place) { run(t, fresh, sparse) }

// sparse is the distance between the calls that fail where not every one does. It is prime, so that
// the faults do not fall on the same call of a recurring sequence each time.
const sparse = 7

func run(t *testing.T, fresh func(t *testing.T) Place, stride int) {
	faults := func(test func(t *testing.T, fresh func(t *testing.T) Place, stride int)) func(*testing.T, func(*testing.T) Place) {
		return func(t *testing.T, fresh func(*testing.T) Place) { test(t, fresh, stride) }
	}
	for _, c := range []struct {
		name string
		test func(t *testing.T, fresh func(t *testing.T) Place)
	}{
		{"Rows", testRows},
		{"Peers", testPeers},
		{"Devices", testDevices},
		{"PreKeys", testPreKeys},
		{"Marks", testMarks},
		{"OwnWrites", testOwnWrites},
		{"Slices", testSlices},
		{"Large", testLarge},
		{"Errors", testErrors},
		{"Context", testContext},
		{"Dead", testDead},
		{"Reopen", testReopen},
		{"Fail", faults(testFail)},
		{"Die", faults(testDie)},
		{"Replay", testReplay},
		{"OneByOne", testOneByOne},
		{"Invisible", testInvisible},
		{"RacePreKey", testRacePreKey},
		{"RaceMark", testRaceMark},
		{"RaceNames", testRaceNames},
		{"Parallel", testParallel},
		{"Device", faults(testDevice)},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh) })
	}
}

// The cast. Names are opaque to a store: they have no charset, and case and every byte count.
var (
	self   = signet.Address{}
	alice  = signet.Address{Name: "+14151111111", Device: 1}
	alice2 = signet.Address{Name: "+14151111111", Device: 2}
	bob    = signet.Address{Name: "9d0652a3-dcc3-4d11-975f-74d61598733f", Device: 1}
	carol  = signet.Address{Name: "Carol's \"phone\"; -- é \x00", Device: 127}
	carolL = signet.Address{Name: "carol's \"phone\"; -- é \x00", Device: 127}
	none   = signet.Address{Name: "nobody", Device: 1}
)

var errMine = errors.New("storetest: f's own error")

// fill returns n bytes that no other label gives.
func fill(label string, n int) []byte {
	b := make([]byte, 0, n+len(label)+8)
	for i := 0; len(b) < n; i++ {
		b = fmt.Appendf(b, "%s.%d/", label, i)
	}
	return b[:n:n]
}

// update runs f and requires it to commit.
func update(t *testing.T, s session.Store, peer signet.Address, f func(tx session.Tx) error) {
	t.Helper()
	require.NoError(t, s.Update(context.Background(), peer, f))
}

// view returns every row the tests write, by name.
func view(t *testing.T, s session.Store) map[string]string {
	t.Helper()
	var rows map[string]string
	update(t, s, self, func(tx session.Tx) (err error) {
		rows, err = readAll(tx)
		return err
	})
	return rows
}

func readAll(tx session.Tx) (map[string]string, error) {
	rows := make(map[string]string)
	var errs []error
	add := func(label string, b []byte, err error) {
		errs = append(errs, err)
		if b != nil {
			rows[label] = string(b)
		}
	}
	for _, p := range []signet.Address{self, alice, alice2, bob, carol, carolL, none} {
		b, err := tx.Session(p)
		add(fmt.Sprintf("session %q", p), b, err)
		b, err = tx.Archive(p)
		add(fmt.Sprintf("archive %q", p), b, err)
		b, err = tx.Identity(p)
		add(fmt.Sprintf("identity %q", p), b, err)
	}
	for _, id := range []uint32{0, 1, 2, 3, 4, 5, 6, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
		b, err := tx.PreKey(id)
		add(fmt.Sprintf("prekey %d", id), b, err)
		b, err = tx.SignedPreKey(id)
		add(fmt.Sprintf("signed prekey %d", id), b, err)
		b, err = tx.KEMPreKey(id)
		add(fmt.Sprintf("KEM prekey %d", id), b, err)
	}
	for _, name := range []string{"registration", "next", "Next", ""} {
		b, err := tx.Value(name)
		add(fmt.Sprintf("value %q", name), b, err)
	}
	n, err := tx.CountPreKeys()
	add("prekeys", fmt.Append(nil, n), err)
	n, err = tx.CountKEMPreKeys()
	add("KEM prekeys", fmt.Append(nil, n), err)
	peers, err := listPeers(tx)
	add("peers", fmt.Append(nil, peers), err)
	return rows, errors.Join(errs...)
}

// listPeers returns tx.Peers in a fixed order.
func listPeers(tx session.Tx) ([]string, error) {
	set := make(map[string]bool)
	for p, err := range tx.Peers() {
		label := fmt.Sprintf("%q", p)
		if err == nil && set[label] {
			err = fmt.Errorf("storetest: peer %s listed twice", label)
		}
		if err != nil {
			return nil, err
		}
		set[label] = true
	}
	return slices.Sorted(maps.Keys(set)), nil
}
