package x3dh

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/kem"
	"signet.example/signet/internal/wire"
)

// A responder is a device's secrets and what it publishes.
type responder struct {
	identity, signed, one *signet.PrivateKey
	kem                   []byte
	fields                BundleFields
}

func newResponder(t testing.TB, seed byte) *responder {
	t.Helper()
	src := entropy.Seeded([32]byte{seed})
	r := &responder{
		identity: signet.GenerateKeyFrom(src), signed: signet.GenerateKeyFrom(src), one: signet.GenerateKeyFrom(src),
	}
	var s [kem.SeedSize]byte
	src.Read(s[:])
	public, private := kem.Generate(&s)
	r.kem = private
	sign := func(b []byte) []byte { sig, _ := r.identity.SignFrom(src, b); return sig[:] }
	r.fields = BundleFields{
		RegistrationID: 1234, DeviceID: 5, Identity: r.identity.PublicKey(),
		SignedPreKey: SignedPreKey{ID: 6, Public: r.signed.PublicKey(), Signature: sign(r.signed.PublicKey().Bytes())},
		PreKey:       &PreKey{ID: 7, Public: r.one.PublicKey()},
		KEMPreKey:    &KEMPreKey{ID: 8, Public: public, Signature: sign(public)},
	}
	return r
}

// bundle is the published one without what a case has not.
func (r *responder) bundle(t testing.TB, one, kem bool) *Bundle {
	t.Helper()
	f := r.fields
	if !one {
		f.PreKey = nil
	}
	if !kem {
		f.KEMPreKey = nil
	}
	b, err := NewBundle(f)
	require.NoError(t, err)
	return b
}

func (r *responder) keys(one, kem bool) *PreKeys {
	k := &PreKeys{SignedPreKey: r.signed}
	if one {
		k.PreKey = r.one
	}
	if kem {
		k.KEMPreKey = r.kem
	}
	return k
}

// dh is X25519 by the standard library.
func dh(t testing.TB, private *signet.PrivateKey, public signet.PublicKey) []byte {
	t.Helper()
	k, err := ecdh.X25519().NewPrivateKey(private.Bytes())
	require.NoError(t, err)
	u := public.Raw()
	p, err := ecdh.X25519().NewPublicKey(u[:])
	require.NoError(t, err)
	s, err := k.ECDH(p)
	require.NoError(t, err)
	return s
}

// TestSecret recomputes the secrets of protocol §3 and §4.1 from all the private keys.
func TestSecret(t *testing.T) {
	bob := newResponder(t, 1)
	alice, base := signet.GenerateKey(), signet.GenerateKey()
	for _, c := range []struct {
		name     string
		one, kem bool
		label    string
		size     int
	}{
		{"X3DH", false, false, "WhisperText", 64},
		{"X3DH with a one-time prekey", true, false, "WhisperText", 64},
		{"PQXDH", false, true, "WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024", 96},
		{"PQXDH with a one-time prekey", true, true, "WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024", 96},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := bob.bundle(t, c.one, c.kem)
			in, got, err := initiate(alice, b, base, &[32]byte{9})
			require.NoError(t, err)
			ikm := bytes.Repeat([]byte{0xff}, 32)
			ikm = append(ikm, dh(t, alice, bob.signed.PublicKey())...)
			ikm = append(ikm, dh(t, base, bob.identity.PublicKey())...)
			ikm = append(ikm, dh(t, base, bob.signed.PublicKey())...)
			if c.one {
				ikm = append(ikm, dh(t, base, bob.one.PublicKey())...)
			}
			if c.kem {
				ss, err := kem.Decapsulate(bob.kem, in.KEMCiphertext)
				require.NoError(t, err)
				ikm = append(ikm, ss[:]...)
			}
			okm, err := hkdf.Key(sha256.New, ikm, nil, c.label, c.size)
			require.NoError(t, err)
			okm = append(okm, make([]byte, 96-c.size)...)
			require.Equal(t, okm, bytes.Join([][]byte{got.Root[:], got.Chain[:], got.PQ[:]}, nil))

			require.Equal(t, &Initial{
				Version: b.Version(), Identity: alice.PublicKey(), BaseKey: base.PublicKey(),
				HasPreKey: c.one, PreKeyID: map[bool]uint32{true: 7}[c.one], SignedPreKeyID: 6,
				KEMPreKeyID: map[bool]uint32{true: 8}[c.kem], KEMCiphertext: in.KEMCiphertext,
			}, in)
			require.Equal(t, c.kem, len(in.KEMCiphertext) == 1569)

			theirs, err := Accept(bob.identity, bob.keys(c.one, c.kem), in)
			require.NoError(t, err)
			require.Equal(t, got, theirs)
		})
	}
}

// TestEverythingCounts: each part of the agreement changes the secret, and none fails for it.
func TestEverythingCounts(t *testing.T) {
	bob, other := newResponder(t, 1), newResponder(t, 2)
	b := bob.bundle(t, true, true)
	in, want, err := Initiate(signet.GenerateKey(), b)
	require.NoError(t, err)
	for name, change := range map[string]func(self **signet.PrivateKey, k *PreKeys, in *Initial){
		"own identity":      func(self **signet.PrivateKey, k *PreKeys, in *Initial) { *self = other.identity },
		"signed prekey":     func(self **signet.PrivateKey, k *PreKeys, in *Initial) { k.SignedPreKey = other.signed },
		"one-time prekey":   func(self **signet.PrivateKey, k *PreKeys, in *Initial) { k.PreKey = other.one },
		"no one-time key":   func(self **signet.PrivateKey, k *PreKeys, in *Initial) { k.PreKey = nil },
		"KEM prekey":        func(self **signet.PrivateKey, k *PreKeys, in *Initial) { k.KEMPreKey = other.kem },
		"their identity":    func(self **signet.PrivateKey, k *PreKeys, in *Initial) { in.Identity = other.identity.PublicKey() },
		"base key":          func(self **signet.PrivateKey, k *PreKeys, in *Initial) { in.BaseKey = other.signed.PublicKey() },
		"version":           func(self **signet.PrivateKey, k *PreKeys, in *Initial) { in.Version = VersionX3DH },
		"ciphertext, a bit": func(self **signet.PrivateKey, k *PreKeys, in *Initial) { in.KEMCiphertext[99] ^= 1 },
	} {
		self, k, changed := bob.identity, bob.keys(true, true), *in
		changed.KEMCiphertext = bytes.Clone(in.KEMCiphertext)
		change(&self, k, &changed)
		got, err := Accept(self, k, &changed)
		require.NoError(t, err, name)
		require.NotEqual(t, want, got, name)
	}
	got, err := Accept(bob.identity, bob.keys(true, true), in)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// point is the public key with this first byte and zeros.
func point(first byte) signet.PublicKey { return signet.PublicKeyFromRaw([32]byte{first}) }

func TestInitiateRefuses(t *testing.T) {
	alice := signet.GenerateKey()
	for name, edit := range map[string]func(r *responder){
		"identity":        func(r *responder) { r.fields.Identity = point(0) },
		"signed prekey":   func(r *responder) { r.fields.SignedPreKey.Public = point(1) },
		"one-time prekey": func(r *responder) { r.fields.PreKey.Public = point(0) },
	} {
		r := newResponder(t, 1)
		edit(r)
		in, secret, err := Initiate(alice, &Bundle{r.fields}) // NewBundle cannot be made to sign for these
		require.ErrorIs(t, err, signet.ErrInvalidAgreement, name)
		require.Nil(t, in)
		require.Equal(t, Secret{}, secret)
	}
	// One-time prekeys are not signed: a directory can hand out anything.
	r := newResponder(t, 1)
	r.fields.PreKey.Public = point(1)
	_, _, err := Initiate(alice, r.bundle(t, true, true))
	require.ErrorIs(t, err, signet.ErrInvalidAgreement)
}

func TestAcceptRefuses(t *testing.T) {
	bob := newResponder(t, 1)
	good, _, err := Initiate(signet.GenerateKey(), bob.bundle(t, true, true))
	require.NoError(t, err)
	raw := good.BaseKey.Raw()
	high := raw
	high[31] |= 0x80
	p := bytes.Repeat([]byte{0xff}, 32)
	p[0], p[31] = 0xed, 0x7f
	for _, c := range []struct {
		name string
		edit func(in *Initial)
		want error
		text string
	}{
		{"base key 0", func(in *Initial) { in.BaseKey = point(0) }, ErrBaseKey, ""},
		{"base key 1", func(in *Initial) { in.BaseKey = point(1) }, ErrBaseKey, ""},
		{"base key on the twist", func(in *Initial) { in.BaseKey = point(2) }, ErrBaseKey, ""},
		{"base key with bit 255", func(in *Initial) { in.BaseKey = signet.PublicKeyFromRaw(high) }, ErrBaseKey, ""},
		{"base key p", func(in *Initial) { in.BaseKey = signet.PublicKeyFromRaw([32]byte(p)) }, ErrBaseKey, ""},
		{"base key comes before the rest", func(in *Initial) { in.BaseKey, in.Identity, in.KEMCiphertext = point(0), point(0), nil }, ErrBaseKey, ""},
		{"identity 0", func(in *Initial) { in.Identity = point(0) }, signet.ErrInvalidAgreement, ""},
		{"identity comes before the ciphertext", func(in *Initial) { in.Identity, in.KEMCiphertext = point(1), nil }, signet.ErrInvalidAgreement, ""},
		{"no ciphertext", func(in *Initial) { in.KEMCiphertext = nil }, nil, "no key type identifier"},
		{"ciphertext short", func(in *Initial) { in.KEMCiphertext = in.KEMCiphertext[:1568] }, nil, "length <1568>"},
		{"ciphertext long", func(in *Initial) { in.KEMCiphertext = append(bytes.Clone(in.KEMCiphertext), 0) }, nil, "length <1570>"},
		{"ciphertext of ML-KEM", func(in *Initial) { in.KEMCiphertext = append([]byte{0x0a}, in.KEMCiphertext[1:]...) }, nil, "bad KEM key type <0x0a>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := *good
			c.edit(&in)
			s, err := Accept(bob.identity, bob.keys(true, true), &in)
			require.Error(t, err)
			require.Equal(t, Secret{}, s)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
			require.ErrorContains(t, err, c.text)
		})
	}
	_, err = Accept(bob.identity, &PreKeys{SignedPreKey: bob.signed, PreKey: bob.one}, good)
	require.Error(t, err, "no KEM secret key")
}

// An oracle keeps the identity key elsewhere and may be out of order.
type oracle struct {
	*signet.PrivateKey
	err error
}

func (o oracle) Agree(signet.PublicKey) ([32]byte, error) { return [32]byte{1}, o.err }

func TestOracleFails(t *testing.T) {
	bob, broken := newResponder(t, 1), errors.New("the oracle is out")
	_, s, err := Initiate(oracle{bob.identity, broken}, bob.bundle(t, true, true))
	require.ErrorIs(t, err, broken)
	require.Equal(t, Secret{}, s)
	in, _, err := Initiate(signet.GenerateKey(), bob.bundle(t, true, true))
	require.NoError(t, err)
	s, err = Accept(oracle{bob.identity, broken}, bob.keys(true, true), in)
	require.ErrorIs(t, err, broken)
	require.Equal(t, Secret{}, s)

	// It is not asked about a base key that is none.
	in.BaseKey = point(0)
	_, err = Accept(oracle{bob.identity, broken}, bob.keys(true, true), in)
	require.ErrorIs(t, err, ErrBaseKey)
	require.NotErrorIs(t, err, broken)
}

// A key elsewhere and one here come to the same secrets.
func TestOracleAgrees(t *testing.T) {
	bob, alice := newResponder(t, 1), newResponder(t, 2).identity
	in, want, err := Initiate(faithful{alice}, bob.bundle(t, true, true))
	require.NoError(t, err)
	for _, self := range []Identity{bob.identity, faithful{bob.identity}} {
		got, err := Accept(self, bob.keys(true, true), in)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// faithful hides that the key is here.
type faithful struct{ Identity }

func TestInitiateIsSeeded(t *testing.T) {
	bob, alice := newResponder(t, 1), newResponder(t, 2).identity
	run := func(seed byte) (*Initial, Secret) {
		in, s, err := InitiateFrom(entropy.Seeded([32]byte{seed}), alice, bob.bundle(t, true, true))
		require.NoError(t, err)
		return in, s
	}
	in, s := run(1)
	again, same := run(1)
	require.Equal(t, in, again)
	require.Equal(t, s, same)
	other, differs := run(2)
	require.NotEqual(t, in.BaseKey, other.BaseKey)
	require.NotEqual(t, s, differs)
}

func TestBundleSignatures(t *testing.T) {
	for name, edit := range map[string]func(f *BundleFields){
		"signed prekey's":           func(f *BundleFields) { f.SignedPreKey.Signature[5] ^= 1 },
		"signed prekey's, short":    func(f *BundleFields) { f.SignedPreKey.Signature = f.SignedPreKey.Signature[:63] },
		"signed prekey's, long":     func(f *BundleFields) { f.SignedPreKey.Signature = append(f.SignedPreKey.Signature, 0) },
		"signed prekey's, none":     func(f *BundleFields) { f.SignedPreKey.Signature = nil },
		"another signed prekey":     func(f *BundleFields) { f.SignedPreKey.Public = f.PreKey.Public },
		"KEM prekey's":              func(f *BundleFields) { f.KEMPreKey.Signature[5] ^= 1 },
		"KEM prekey's, none":        func(f *BundleFields) { f.KEMPreKey.Signature = nil },
		"another KEM prekey":        func(f *BundleFields) { f.KEMPreKey.Public[99] ^= 1 },
		"one signature for another": func(f *BundleFields) { f.KEMPreKey.Signature = f.SignedPreKey.Signature },
		"another identity":          func(f *BundleFields) { f.Identity = f.PreKey.Public },
	} {
		f := newResponder(t, 1).fields
		edit(&f)
		b, err := NewBundle(f)
		require.ErrorIs(t, err, ErrSignature, name)
		require.Nil(t, b)
		w := appendFields(nil, &f)
		_, err = ParseBundle(w)
		require.ErrorIs(t, err, ErrSignature, name)
	}
	// A signature over an object that is no KEM key does not help it.
	r := newResponder(t, 1)
	for _, public := range [][]byte{{}, {8}, append([]byte{0x0a}, r.fields.KEMPreKey.Public[1:]...), append(bytes.Clone(r.fields.KEMPreKey.Public), 0)} {
		sig, _ := r.identity.Sign(public)
		f := r.fields
		f.KEMPreKey = &KEMPreKey{8, public, sig[:]}
		_, err := NewBundle(f)
		require.ErrorIs(t, err, ErrKEM)
		require.NotErrorIs(t, err, ErrSignature)
		f.KEMPreKey.Signature = nil // counts for less
		_, err = NewBundle(f)
		require.ErrorIs(t, err, ErrKEM)
		f.SignedPreKey.Signature = nil // and that for more
		_, err = NewBundle(f)
		require.ErrorIs(t, err, ErrSignature)
	}
}

// TestBundleKeepsNothing: what the caller does to its fields afterwards does not reach the bundle.
func TestBundleKeepsNothing(t *testing.T) {
	r := newResponder(t, 1)
	b := r.bundle(t, true, true)
	before, err := b.AppendBinary(nil)
	require.NoError(t, err)
	clear(r.fields.SignedPreKey.Signature)
	clear(r.fields.KEMPreKey.Public)
	clear(r.fields.KEMPreKey.Signature)
	*r.fields.PreKey = PreKey{}
	*r.fields.KEMPreKey = KEMPreKey{}
	after, err := b.AppendBinary(nil)
	require.NoError(t, err)
	require.Equal(t, before, after)

	wired := bytes.Clone(before)
	b, err = ParseBundle(wired)
	require.NoError(t, err)
	clear(wired)
	after, err = b.AppendBinary([]byte("x"))
	require.NoError(t, err)
	require.Equal(t, append([]byte("x"), before...), after)
}

func TestBundleRoundTrip(t *testing.T) {
	r := newResponder(t, 1)
	for _, one := range []bool{true, false} {
		for _, kem := range []bool{true, false} {
			for _, id := range []uint32{0, 1, 1 << 31, 1<<32 - 1} {
				f := r.fields
				p, k := *f.PreKey, *f.KEMPreKey
				f.PreKey, f.KEMPreKey = &p, &k
				f.RegistrationID, f.DeviceID, f.SignedPreKey.ID, p.ID, k.ID = id, id, id, id, id
				if !one {
					f.PreKey = nil
				}
				if !kem {
					f.KEMPreKey = nil
				}
				b, err := NewBundle(f)
				require.NoError(t, err)
				w, err := b.AppendBinary(nil)
				require.NoError(t, err)
				require.Less(t, len(w), 1950)
				got, err := ParseBundle(w)
				require.NoError(t, err)
				require.Equal(t, f, got.Fields())
				require.Equal(t, map[bool]uint8{true: 4, false: 3}[kem], got.Version())
			}
		}
	}
}

func TestParseBundleHalves(t *testing.T) {
	r := newResponder(t, 1)
	r.fields.PreKey = nil
	w := appendFields(nil, &r.fields)
	for name, more := range map[string][]byte{
		"id without key": wire.AppendUint(nil, 3, 7), "key without id": wire.AppendBytes(nil, 4, r.one.PublicKey().Bytes()),
	} {
		_, err := ParseBundle(append(bytes.Clone(w), more...))
		require.ErrorContains(t, err, "both or neither", name)
	}
	for name, b := range map[string][]byte{"nothing": nil, "no protobuf": {0xff}, "identity only": wire.AppendBytes(nil, 8, r.identity.PublicKey().Bytes())} {
		_, err := ParseBundle(b)
		require.Error(t, err, name)
		_, err = ParsePublished(b)
		require.Error(t, err, name)
	}
}

// published is a stock of two of each.
func published(t testing.TB) (*responder, *Published) {
	r := newResponder(t, 1)
	f := r.fields
	p := &Published{
		RegistrationID: f.RegistrationID, DeviceID: f.DeviceID, Identity: f.Identity,
		SignedPreKey: f.SignedPreKey, LastResort: *f.KEMPreKey,
		PreKeys:    []PreKey{{0, f.PreKey.Public}, {1 << 31, f.SignedPreKey.Public}},
		KEMPreKeys: []KEMPreKey{{10, f.KEMPreKey.Public, f.KEMPreKey.Signature}, {11, f.KEMPreKey.Public, f.KEMPreKey.Signature}},
	}
	return r, p
}

func TestPublished(t *testing.T) {
	_, p := published(t)
	w, err := p.AppendBinary(nil)
	require.NoError(t, err)
	kept := bytes.Clone(w)
	got, err := ParsePublished(w)
	require.NoError(t, err)
	require.Equal(t, p, got)
	clear(w)
	require.Equal(t, p, got, "the input is not kept")
	_, err = ParseBundle(kept)
	require.NoError(t, err, "a stock is a bundle with the last resort and more")

	for i, want := range []struct {
		one  *uint32
		kem  uint32
		name string
	}{{new(uint32(0)), 10, "first"}, {new(uint32(1 << 31)), 11, "second"}, {nil, 8, "none left"}, {nil, 8, "still none"}} {
		b, err := got.NextBundle()
		require.NoError(t, err)
		f := b.Fields()
		if want.one == nil {
			require.Nil(t, f.PreKey, "%d %s", i, want.name)
		} else {
			require.Equal(t, *want.one, f.PreKey.ID)
		}
		require.Equal(t, want.kem, f.KEMPreKey.ID)
	}
}

// TestRedaction looks for a planted pattern in everything that can be printed.
func TestRedaction(t *testing.T) {
	pattern := []byte("PlantedSecretPlantedSecretPlant!")
	key, err := signet.NewPrivateKey(pattern)
	require.NoError(t, err)
	keys := &PreKeys{SignedPreKey: key, PreKey: key, KEMPreKey: bytes.Repeat(pattern, 99)}
	s := Secret{Root: [32]byte(pattern), Chain: [32]byte(pattern), PQ: [32]byte(pattern)}
	for _, v := range []any{keys, *keys, s, &s, struct{ K, S any }{keys, s}, struct {
		K PreKeys
		S Secret
	}{*keys, s}, []PreKeys{*keys}, map[string]Secret{"s": s}} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		j, err := json.Marshal(v)
		fmt.Fprint(&out, string(j), err)
		for _, leak := range []string{"antedSecre", fmt.Sprintf("%x", "antedSecre"), fmt.Sprintf("%X", "antedSecre"),
			"97 110 116 101 100", "97,110,116,101,100", "0x61, 0x6e, 0x74", "bnRlZFNl", "YW50ZWRT", "QWxhbnRl"} {
			require.NotContains(t, out.String(), leak)
		}
	}
}

func FuzzParseBundle(f *testing.F) {
	r := newResponder(f, 1)
	f.Add(appendFields(nil, &r.fields))
	r.fields.PreKey, r.fields.KEMPreKey = nil, nil
	f.Add(appendFields(nil, &r.fields))
	f.Fuzz(func(t *testing.T, in []byte) {
		buf := append(bytes.Clone(in), bytes.Repeat([]byte{0xaa}, 16)...)
		whole := bytes.Clone(buf)
		b, err := ParseBundle(buf[:len(in)])
		require.Equal(t, whole, buf)
		if err != nil {
			return
		}
		w, err := b.AppendBinary(nil)
		require.NoError(t, err)
		again, err := ParseBundle(w)
		require.NoError(t, err)
		require.Equal(t, b, again)
		Initiate(r.identity, b)
	})
}

func FuzzParsePublished(f *testing.F) {
	_, p := published(f)
	w, _ := p.AppendBinary(nil)
	f.Add(w)
	f.Fuzz(func(t *testing.T, in []byte) {
		buf := append(bytes.Clone(in), bytes.Repeat([]byte{0xaa}, 16)...)
		whole := bytes.Clone(buf)
		p, err := ParsePublished(buf[:len(in)])
		require.Equal(t, whole, buf)
		if err != nil {
			return
		}
		w, err := p.AppendBinary(nil)
		require.NoError(t, err)
		again, err := ParsePublished(w)
		require.NoError(t, err)
		out, err := again.AppendBinary(nil)
		require.NoError(t, err)
		require.Equal(t, w, out)
		for range 3 {
			p.NextBundle()
		}
	})
}
