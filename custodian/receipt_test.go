package custodian

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/check"
)

// signer is a receiver with a key of its own.
func signer(t *testing.T) (*Receiver, ed25519.PrivateKey) {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	sign := func(_ context.Context, _ AuditEvent, text []byte) ([]byte, error) {
		return ed25519.Sign(private, text), nil
	}
	return &Receiver{Key: [32]byte(public), Sign: sign}, private
}

// TestReceipts: each parcel of a recording is signed for before it leaves, the receipts are in the
// bundle, and both verifiers count them and refuse one that is changed, of another parcel, grant or
// time, by a second key, or of no parcel (B16).
func TestReceipts(t *testing.T) {
	receiver, private := signer(t)
	l := newLiveFor(t, map[string]*Receiver{"p": receiver}, Principal{ID: "p", Role: Provider})
	l.send(Customer, "one")
	require.NoError(t, l.deliver(Customer, 0))
	_, err := l.rec.Grant(l.ctx, Grant{Name: "g", To: "p", Atoms: []string{"session"}, Via: "stream"})
	require.NoError(t, err)
	l.send(Business, "two")
	e, err := l.rec.Evaluate(l.ctx)
	require.NoError(t, err)

	var list []shownBundle
	for _, profile := range []Profile{Publishable, Lab} {
		good, err := e.Bundle(profile)
		require.NoError(t, err)
		out, err := check.Verify(good)
		require.NoError(t, err)
		want := check.Receiver{Principal: "p", Key: hex.EncodeToString(receiver.Key[:]), Signed: len(l.audit), Parcels: len(l.audit)}
		require.Equal(t, []check.Receiver{want}, out.Receivers)
		require.Greater(t, want.Signed, 1)
		list = append(list, shownBundle{"good", good, true})

		files := filesOf(t, good)
		const one, two = "receipts/0001.bin", "receipts/0002.bin"
		first := files[one]
		require.Len(t, first, 136)
		try := func(name string, file string, b []byte, good bool) {
			changed := maps.Clone(files)
			if changed[file] = b; b == nil {
				delete(changed, file)
			}
			list = append(list, shownBundle{fmt.Sprintf("%s, %s", name, profile), repack(t, changed, profile), good})
		}
		again := func(key ed25519.PrivateKey, parcel []byte, grant string, at uint64) []byte {
			b := slices.Concat(key[32:], ed25519.Sign(key, ReceiptText([32]byte(parcel), grant, time.Unix(int64(at), 0))), parcel)
			return binary.BigEndian.AppendUint64(b, at)
		}
		_, second := signer(t)
		at := binary.BigEndian.Uint64(first[128:])
		require.Equal(t, first, again(private, first[96:128], "g", at), "signatures of Ed25519 are a function of key and text")
		for i := range 136 {
			b := slices.Clone(first)
			b[i] ^= 1 << (i % 8)
			try(fmt.Sprintf("byte %d", i), one, b, false)
		}
		try("left out", one, nil, true)
		try("cut", one, first[:135], false)
		try("too long", one, append(slices.Clone(first), 0), false)
		try("empty", one, []byte{}, false)
		try("of no parcel", "receipts/9999.bin", first, false)
		try("not a number", "receipts/1.bin", first, false)
		try("of another grant", one, again(private, first[96:128], "h", at), false)
		try("by a second key", two, again(second, files[two][96:128], "g", at), false)
		try("of no time", one, again(private, first[96:128], "g", 1<<53), false)
		try("of another parcel", one, again(private, files[two][96:128], "g", at), profile == Publishable) // whose values are not there
	}
	requireSame(t, list)
}

// TestReceiptFirst: who does not sign for a parcel, or signs something else, gets nothing, and
// nothing was granted.
func TestReceiptFirst(t *testing.T) {
	sound, private := signer(t)
	other, _ := signer(t)
	refused := errors.New("not for me")
	gives := func(b []byte, err error) map[string]*Receiver {
		return map[string]*Receiver{"p": {Key: sound.Key, Sign: func(context.Context, AuditEvent, []byte) ([]byte, error) { return b, err }}}
	}
	changes := &Receiver{Key: sound.Key}
	changes.Sign = func(_ context.Context, _ AuditEvent, text []byte) ([]byte, error) {
		text[20] ^= 1
		return ed25519.Sign(private, text), nil
	}
	for name, receivers := range map[string]map[string]*Receiver{
		"nobody":          {},
		"without a voice": {"p": {Key: sound.Key}},
		"refuses":         gives(nil, refused),
		"signs nothing":   gives(nil, nil),
		"too short":       gives(make([]byte, 63), nil),
		"not a signature": gives(make([]byte, 64), nil),
		"another text":    {"p": changes},
		"another key":     {"p": {Key: sound.Key, Sign: other.Sign}},
	} {
		l := newLiveFor(t, receivers, Principal{ID: "p", Role: Provider})
		l.send(Customer, "one")
		require.NoError(t, l.deliver(Customer, 0))
		_, err := l.rec.Grant(l.ctx, Grant{Name: "g", To: "p", Atoms: []string{"session"}, Via: "copy"})
		require.ErrorIs(t, err, errReceipt, name)
		if name == "refuses" {
			require.ErrorIs(t, err, refused)
		}
		require.Len(t, l.audit, 1, "the audit is told before the receiver: %s", name)
		for _, e := range l.rec.run.events {
			require.Nil(t, e.given, name)
		}
		e, err := l.rec.Evaluate(l.ctx)
		require.NoError(t, err)
		require.Empty(t, e.w.run.grants, name)
		_, err = Export(l.ctx, Capability{&l.rec.Business().own}, customerAddr, Grant{Name: "x", To: "p", Atoms: []string{"session"}})
		require.ErrorIs(t, err, errReceipt, name)
	}
}
