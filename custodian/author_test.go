package custodian

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/check"
	"signet.example/signet/custodian/notice"
	"signet.example/signet/custodian/notice/tlog"
)

// TestSignedBundle: a bundle that its author signed verifies and names the key, in both verifiers;
// one without is anonymous; and a signature that is of another bundle, by another key, changed,
// cut, elsewhere in the archive or in the manifest is refused (B16).
func TestSignedBundle(t *testing.T) {
	key, second := notice.GenerateRoot(), notice.GenerateRoot()
	plain, other := bundleOf(t, twoPrincipals(1), Publishable), bundleOf(t, twoPrincipals(2), Publishable)
	sign := func(b []byte, key *notice.RootKey) []byte {
		before := slices.Clone(b)
		signed, err := SignBundle(b, key)
		require.NoError(t, err)
		require.Equal(t, before, b)
		return signed
	}
	good := sign(plain, key)
	require.NotEqual(t, plain, good)
	require.Equal(t, good, sign(sign(plain, second), key), "a signature is replaced")
	for _, b := range [][]byte{plain, good} {
		again, err := UnsignBundle(b)
		require.NoError(t, err)
		require.Equal(t, plain, again)
	}
	author := filesOf(t, good)[authorFile]
	require.Len(t, author, 96)
	files, err := unsigned(good)
	require.NoError(t, err)
	pack := func(at int, author []byte) []byte {
		b, err := packFiles(slices.Insert(slices.Clone(files), at, bundleFile{authorFile, author}))
		require.NoError(t, err)
		return b
	}
	require.Equal(t, good, pack(1, author))

	inside := filesOf(t, plain)
	inside[authorFile] = author
	elsewhere := filesOf(t, sign(other, key))[authorFile]
	root := second.Root()
	list := []shownBundle{
		{"anonymous", plain, true}, {"signed", good, true}, {"signed by a second key", sign(plain, second), true},
		{"of another bundle", pack(1, elsewhere), false}, {"by another key", pack(1, slices.Concat(root[:], author[32:])), false},
		{"at the end", pack(len(files), author), false}, {"before the manifest", pack(0, author), false},
		{"cut", pack(1, author[:95]), false}, {"too long", pack(1, append(slices.Clone(author), 0)), false}, {"empty", pack(1, nil), false},
		{"in the manifest", repack(t, inside, Publishable), false},
	}
	twice, err := packFiles(slices.Insert(slices.Clone(files), 1, bundleFile{authorFile, author}, bundleFile{authorFile, author}))
	require.NoError(t, err)
	list = append(list, shownBundle{"twice", twice, false})
	for i := range author {
		b := slices.Clone(author)
		b[i] ^= 1 << (i % 8)
		list = append(list, shownBundle{fmt.Sprintf("byte %d", i), pack(1, b), false})
	}
	requireSame(t, list)
	for i, want := range map[int]string{0: "", 1: key.Root().Fingerprint().String(), 2: second.Root().Fingerprint().String()} {
		out, err := check.Verify(list[i].bundle)
		require.NoError(t, err)
		require.Equal(t, want, out.Author)
	}
	for _, b := range [][]byte{nil, {0}, make([]byte, 1024), pack(0, author)} {
		_, err := SignBundle(b, key)
		require.Error(t, err)
	}
}

// TestBundleEntry: who has a signed bundle finds its entry in the log, and finds none of a bundle
// that was not appended; what nobody signed has no entry (B16).
func TestBundleEntry(t *testing.T) {
	key, second := notice.GenerateRoot(), notice.GenerateRoot()
	plain, other := bundleOf(t, twoPrincipals(1), Publishable), bundleOf(t, twoPrincipals(2), Publishable)
	entry := func(b []byte, key *notice.RootKey) tlog.Entry {
		signed, err := SignBundle(b, key)
		require.NoError(t, err)
		e, err := BundleEntry(signed)
		require.NoError(t, err)
		return e
	}
	logged, unlogged, theirs := entry(plain, key), entry(other, key), entry(plain, second)
	require.Equal(t, logged, entry(plain, key))
	require.Equal(t, logged.Tag(), unlogged.Tag())
	require.NotEqual(t, logged.Leaf(), unlogged.Leaf())
	require.NotEqual(t, logged.Tag(), theirs.Tag())
	require.NotEqual(t, logged.Leaf(), theirs.Leaf())

	logKey, err := tlog.GenerateKey("log.example/acme")
	require.NoError(t, err)
	log, err := tlog.New(logKey, theirs)
	require.NoError(t, err)
	at := log.Append(logged)
	signed, err := log.Checkpoint(t.Context())
	require.NoError(t, err)
	trust, err := tlog.NewTrust(logKey.Verifier(), 0)
	require.NoError(t, err)
	c, err := trust.Open(signed)
	require.NoError(t, err)
	proof, err := log.Inclusion(t.Context(), at, c.Size)
	require.NoError(t, err)
	require.True(t, c.Included(logged, at, proof))
	require.False(t, c.Included(unlogged, at, proof))

	_, err = BundleEntry(plain)
	require.ErrorIs(t, err, errAnonymous)
	files, err := unsigned(plain)
	require.NoError(t, err)
	for _, author := range [][]byte{nil, make([]byte, 32), make([]byte, 96)} {
		b, err := packFiles(slices.Insert(slices.Clone(files), 1, bundleFile{authorFile, author}))
		require.NoError(t, err)
		_, err = BundleEntry(b)
		require.ErrorIs(t, err, errAnonymous)
	}
	_, err = BundleEntry(nil)
	require.ErrorIs(t, err, errNoBundle)
}
