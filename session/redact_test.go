package session_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/secret"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

// planted is a secret that clamping changes at its ends only and that no other text contains.
var planted = []byte("Plant 4 the red act10n test OK?!")

// spellings are what a printer might make of the planted secret's middle.
func spellings() []string {
	part := planted[8:24]
	list := func(format, sep string) string {
		var parts []string
		for _, c := range part {
			parts = append(parts, fmt.Sprintf(format, c))
		}
		return strings.Join(parts, sep)
	}
	h := hex.EncodeToString(part)
	all := []string{
		string(part), h, strings.ToUpper(h), hex.EncodeToString([]byte(h)),
		list("%02x", " "), list("%02X", " "), list("%d", " "), list("%d", ","), list("%d", ", "),
		list("0x%x", ", "), list("0x%02x", ", "), list("%o", " "), list("%b", " "), list("%q", " "), list("%c", " "),
	}
	for cut := range 3 { // base64 depends on the offset modulo three
		all = append(all, base64.RawStdEncoding.EncodeToString(planted[8+cut:23+cut]))
	}
	return all
}

// printed is v under every verb, in slog and in JSON.
func printed(v any) string {
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
		fmt.Fprintf(&out, verb+"\n", v)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v, slog.Group("g", "v", v))
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v, slog.Group("g", "v", v))
	b, err := json.Marshal(v)
	fmt.Fprint(&out, string(b), err)
	return out.String()
}

func leak(out string) string {
	for _, s := range spellings() {
		if strings.Contains(out, s) {
			return s
		}
	}
	return ""
}

// TestLeaksAreFound: the search finds what is not redacted.
func TestLeaksAreFound(t *testing.T) {
	for _, verb := range []string{"%v", "%s", "%x", "%X", "%#v", "%d", "%q", "% x"} {
		require.NotEmpty(t, leak(fmt.Sprintf(verb, planted)), verb)
	}
	for _, v := range []any{planted, [32]byte(planted), session.Message{Body: planted}} {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		require.NotEmpty(t, leak(string(b)))
	}
}

// TestRedaction prints every exported type that holds, or is near, a secret: as a value, as a
// pointer and nested.
func TestRedaction(t *testing.T) {
	key, err := signet.NewPrivateKey(planted)
	require.NoError(t, err)
	k := secret.Key(planted)
	store := memory.New()
	sess := wire.Session{
		Version: 4, RootKey: planted, HasSender: true, PQ: planted, LocalIdentity: key.PublicKey().Bytes(), RemoteIdentity: key.PublicKey().Bytes(),
		Sender: wire.Chain{RatchetKey: planted, RatchetPriv: planted, HasKey: true, Key: planted},
	}
	update(t, store, func(tx session.Tx) {
		require.NoError(t, tx.PutSession(aliceAddr, wire.AppendCurrent(nil, &sess)))
		require.NoError(t, tx.PutArchive(aliceAddr, wire.AppendPrevious(nil, &sess)))
		require.NoError(t, tx.PutPreKey(1, planted))
		require.NoError(t, tx.PutSignedPreKey(1, planted))
		require.NoError(t, tx.PutKEMPreKey(1, planted))
		require.NoError(t, tx.PutValue("identity", planted))
		require.Empty(t, leak(printed(tx)), "a transaction")
		require.Empty(t, leak(printed(struct{ Tx session.Tx }{tx})), "a transaction")
	})
	state := new(ratchet.State)
	require.NoError(t, state.UnmarshalBinary(wire.AppendSession(nil, &sess)))
	device := session.NewDevice(aliceAddr, key, store, nil)
	opts := session.Options{LowPreKeys: func(int) {}}
	preKeys := x3dh.PreKeys{SignedPreKey: key, PreKey: key, KEMPreKey: bytes.Repeat(planted, 99)}
	_, errEncrypt := device.Encrypt(ctx, aliceAddr, planted)
	require.ErrorIs(t, errEncrypt, session.ErrRecord)
	_, errDecrypt := device.Decrypt(ctx, aliceAddr, session.Message{Type: session.TypeSignal, Body: planted})
	require.Error(t, errDecrypt)
	_, errPreKey := device.PreKeys(ctx, -1)
	_, errImport := session.ImportSession(planted, time.Unix(0, 0))
	bundle := newParty(bobAddr, session.Options{}).bundle(t, 1)

	type nested struct {
		A  any
		D  *session.Device
		S  *ratchet.State
		V  ratchet.State
		P  x3dh.PreKeys
		X  x3dh.Secret
		R  ratchet.Seed
		M  *memory.Store
		MV memory.Store
		K  *signet.PrivateKey
		KV signet.PrivateKey
		H  ratchet.Handshake
		Q  *session.Kept
		QV session.Kept
	}
	all := nested{
		A: device, D: device, S: state, V: *state, P: preKeys, X: x3dh.Secret{Root: k, Chain: k, PQ: k},
		R: ratchet.Seed{Root: k, Chain: k, PQ: k}, M: store, MV: *store, K: key, KV: *key,
		H: ratchet.Handshake{Version: 4, Pending: &ratchet.Pending{}},
		Q: session.KeepRecord(planted), QV: *session.KeepRecord(planted),
	}
	type hidden struct { // fmt sees no methods here, but follows no pointer either
		d *session.Device
		s *ratchet.State
		p *x3dh.PreKeys
		m *memory.Store
		k *signet.PrivateKey
	}
	secretive := hidden{device, state, &preKeys, store, key}
	for name, v := range map[string]any{
		"Device": device, "Device value": *device, "Options": opts, "Options pointer": &opts,
		"Message": session.Message{Type: session.TypeSignal, Body: []byte("ciphertext")}, "MessageType": session.TypePreKey,
		"UntrustedIdentityError": &session.UntrustedIdentityError{Peer: aliceAddr, Known: key.PublicKey(), Offered: key.PublicKey()},
		"Status":                 session.Status{}, "Store": store, "Store value": *store,
		"State": state, "State value": *state, "Seed": all.R, "Seed pointer": &all.R, "Handshake": all.H, "Handshake pointer": &all.H,
		"DuplicateError": &ratchet.DuplicateError{}, "Secret": all.X, "Secret pointer": &all.X,
		"PreKeys": preKeys, "PreKeys pointer": &preKeys, "Bundle": bundle, "Bundle value": *bundle, "BundleFields": bundle.Fields(),
		"Initial": x3dh.Initial{}, "Published": x3dh.Published{}, "PrivateKey": key, "PrivateKey value": *key, "PublicKey": key.PublicKey(),
		"Address": aliceAddr, "nested": all, "nested pointer": &all, "slice": []nested{all}, "map": map[string]any{"a": all, "d": device},
		"Kept": session.KeepRecord(planted), "Kept value": *session.KeepRecord(planted),
		"errors": []any{errEncrypt, errDecrypt, errPreKey, errImport},
	} {
		out := printed(v)
		require.Empty(t, leak(out), name)
		require.NotEmpty(t, out)
	}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		require.Empty(t, leak(fmt.Sprintf(verb, secretive)), verb)
		require.Empty(t, leak(fmt.Sprintf(verb, &secretive)), verb)
	}
	for name, v := range map[string]any{ // two pointers deep: under every verb
		"store": struct{ m *memory.Store }{store}, "key": struct{ k *signet.PrivateKey }{key}, "device": struct{ d *session.Device }{device},
	} {
		require.Empty(t, leak(printed(v)), name)
	}
}
