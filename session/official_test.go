package session_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/x3dh"
)

// officialParty is one end of the vectors of the official client.
type officialParty struct {
	Name           string
	Device         uint32
	RegistrationID uint32   `json:"registration_id"`
	Identity       hexBytes `json:"identity_key_pair"`
}

func (o *officialParty) addr() signet.Address { return signet.Address{Name: o.Name, Device: o.Device} }

func (o *officialParty) device(t testing.TB) *party {
	t.Helper()
	p := newParty(o.addr(), session.Options{})
	var err error
	p.key, err = signet.ParseIdentityKeyPair(o.Identity)
	require.NoError(t, err)
	p.restart()
	require.NoError(t, p.SetRegistrationID(ctx, o.RegistrationID))
	return p
}

// putPreKeys stores official prekey records; the KEM prekey is a last resort.
func putPreKeys(t testing.TB, p *party, one, signed, kem []byte) {
	t.Helper()
	update(t, p.store, func(tx session.Tx) {
		for _, r := range []struct {
			record []byte
			put    func(uint32, []byte) error
			list   string
		}{{one, tx.PutPreKey, ""}, {signed, tx.PutSignedPreKey, "signed-prekeys"}, {kem, tx.PutKEMPreKey, "last-resort-prekeys"}} {
			k, err := wire.ParsePreKey(r.record)
			require.NoError(t, err)
			require.Equal(t, r.record, wire.AppendPreKey(nil, &k))
			require.NoError(t, r.put(k.ID, r.record))
			if r.list != "" {
				row := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, k.ID), 0)
				require.NoError(t, tx.PutValue(r.list, row))
			}
		}
	})
}

// An officialError is what the official client said.
type officialError struct{ CodeName, Message string }

// kind is the words that both use for it, and our error.
func (e *officialError) kind(t testing.TB) (words string, want error) {
	for _, k := range []struct {
		text string
		err  error
		same bool // in the same words
	}{
		{"old counter", ratchet.ErrDuplicate, true},
		{"untrusted identity", errUntrusted, true},
		{"ciphertext version", session.ErrVersion, true},
		{"reused base key", session.ErrReplay, false},
		{"loadPreKey", session.ErrPreKeyID, false},
		{"loadSignedPreKey", session.ErrPreKeyID, false},
		{"loadKyberPreKey", session.ErrPreKeyID, false},
		{"InvalidSession", session.ErrRecord, false},
		{"not found: message_", session.ErrNoSession, false},
		{"invalid key agreement", signet.ErrInvalidAgreement, true},
		{"invalid signature", x3dh.ErrSignature, true},
		{"key type", session.ErrInvalidMessage, true},
		{"bad key length", session.ErrInvalidMessage, true},
		{"bad KEM", session.ErrInvalidMessage, true},
		{"too short", session.ErrInvalidMessage, true},
		{"protobuf encoding was invalid", session.ErrInvalidMessage, true},
		{"invalid PreKey message", session.ErrInvalidMessage, true},
		{"invalid Whisper message", session.ErrInvalidMessage, true},
	} {
		if strings.Contains(e.Message, k.text) {
			if k.same {
				words = e.Message
			}
			return words, k.err
		}
	}
	require.Fail(t, "unknown official error", e.Message)
	return "", nil
}

type failures struct {
	Now      int64 `json:"now_ms"`
	Fixtures struct {
		Parties     map[string]*officialParty
		PreKey      hexBytes `json:"bob_pre_key_record"`
		Signed      hexBytes `json:"bob_signed_pre_key_record"`
		KEM         hexBytes `json:"bob_kyber_pre_key_record"`
		Alice       hexBytes `json:"alice_record_after_bundle_and_two_sends"`
		AfterM0     hexBytes `json:"bob_record_after_m0"`
		Established hexBytes `json:"bob_record_established"`
	}
	Messages struct{ M0, M1 hexBytes }
	Cases    []struct {
		Name, Sender, Local string
		State               string `json:"bob_state"`
		Type                session.MessageType
		Message             hexBytes
		Plaintext           *hexBytes
		Changed             bool `json:"session_record_changed"`
		Error               *officialError
		Calls               struct{ PreKey, Kyber [][]any } `json:"store_calls"`
	}
	Sender []struct {
		Name   string
		Result json.RawMessage
	} `json:"sender_cases"`
}

// bob is the receiver in a start state of the vectors.
func (v *failures) bob(t testing.TB, state, local string) *party {
	t.Helper()
	o := *v.Fixtures.Parties["bob"]
	if local != "bob" {
		o.Name, o.Device = v.Fixtures.Parties[local].Name, v.Fixtures.Parties[local].Device
	}
	p := o.device(t)
	p.now = time.UnixMilli(v.Now)
	putPreKeys(t, p, v.Fixtures.PreKey, v.Fixtures.Signed, v.Fixtures.KEM)
	alice := v.Fixtures.Parties["alice"].addr()
	base, edit, _ := strings.Cut(state, ", ")
	record := v.record(t, base)
	switch edit {
	case "", "alice's saved identity is carol's key":
	case "base key already recorded as used for (777,22)":
		m, err := wire.ParsePreKeyMessage(v.Messages.M0)
		require.NoError(t, err)
		update(t, p.store, func(tx session.Tx) { require.NoError(t, tx.MarkKEMPreKey(777, 22, m.BaseKey)) })
	default:
		record = v.edited(t, record, state)
	}
	putRecord(t, p.store, alice, record)
	if edit == "alice's saved identity is carol's key" {
		carol, err := signet.ParseIdentityKeyPair(v.Fixtures.Parties["carol"].Identity)
		require.NoError(t, err)
		require.NoError(t, p.Trust(ctx, alice, carol.PublicKey()))
	}
	return p
}

func (v *failures) record(t testing.TB, state string) []byte {
	switch state {
	case "fresh", "fresh (no session", "record = empty":
		return nil
	case "after m0":
		return v.Fixtures.AfterM0
	case "record = 010203":
		return []byte{1, 2, 3}
	}
	return v.Fixtures.Established
}

// edited does what the start state's name says.
func (v *failures) edited(t testing.TB, record []byte, state string) []byte {
	t.Helper()
	good, _, err := wire.SplitRecord(record)
	if state == "fresh (no session, prekeys present)" {
		return nil
	}
	require.NoError(t, err)
	s, err := wire.ParseSession(good)
	require.NoError(t, err)
	broken := s
	broken.RootKey = nil
	previous := wire.AppendBytes(nil, 2, good)
	switch state {
	case "established, field 1 = 3":
		s.Version = 3
	case "established, field 3 removed":
		s.RemoteIdentity = nil
	case "established, field 4 removed":
		s = broken
	case "established, field 6 removed":
		s.HasSender = false
	case "established, field 15 removed":
		s.PQ = nil
	case "current={}, previous=[good]":
		return append([]byte{0x0a, 0}, previous...)
	case "no current, previous=[good]":
		return previous
	case "current w/o root key, previous=[ff, good]":
		return append(wire.AppendBytes(wire.AppendCurrent(nil, &broken), 2, []byte{0xff}), previous...)
	default:
		require.Fail(t, "unknown state", state)
	}
	return wire.AppendCurrent(nil, &s)
}

// TestV4Failures are 89 messages of all kinds with the official verdict and its effects on the
// store. Two verdicts differ on purpose, and after a replayed base key the official client has
// saved the identity, where our transaction keeps nothing.
func TestV4Failures(t *testing.T) {
	var v failures
	vectors(t, "v4_failures.json", &v)
	ours := map[string]error{
		"whisper: session record empty bytes": session.ErrNoSession, // an empty row is no row
	}
	require.Len(t, v.Cases, 89)
	for _, c := range v.Cases {
		t.Run(c.Name, func(t *testing.T) {
			if c.Plaintext != nil || c.Changed {
				needPQ(t)
			}
			p, from := v.bob(t, c.State, c.Local), v.Fixtures.Parties[c.Sender].addr()
			m := session.Message{Type: c.Type, Body: c.Message}
			before := rows(t, p.store, from)
			if c.Error != nil {
				words, want := c.Error.kind(t)
				if other, ok := ours[c.Name]; ok {
					want, words = other, ""
				}
				err := refuse(t, from, p, m, want)
				require.ErrorContains(t, err, words)
				require.Equal(t, 1, before.PreKeys)
				return
			}
			got, err := p.Decrypt(ctx, from, guarded(t, m))
			require.NoError(t, err)
			require.Equal(t, string(*c.Plaintext), string(got))
			after := rows(t, p.store, from)
			require.NotEqual(t, before.Session, after.Session)
			require.Equal(t, 33, len(after.Identity))
			require.Equal(t, called(c.Calls.PreKey, "remove"), after.PreKeys == 0, "one-time prekey removed")
			require.Equal(t, called(c.Calls.Kyber, "used"), marked(t, p, c.Message), "KEM prekey marked")
			require.Equal(t, 1, after.KEMPreKeys)
			refuse(t, from, p, m, ratchet.ErrDuplicate)
		})
	}
}

func called(calls [][]any, name string) bool {
	for _, c := range calls {
		if c[0] == name {
			return true
		}
	}
	return false
}

// marked reports whether the base key of a first message is remembered.
func marked(t testing.TB, p *party, body []byte) (seen bool) {
	t.Helper()
	m, err := wire.ParsePreKeyMessage(body)
	if err != nil {
		return false
	}
	undo := fmt.Errorf("undo")
	err = p.store.Update(ctx, signet.Address{}, func(tx session.Tx) error {
		seen = tx.MarkKEMPreKey(m.KEMPreKeyID, m.SignedPreKeyID, m.BaseKey[:33]) != nil
		return undo
	})
	require.Equal(t, undo, err)
	return seen
}

// TestV4SenderFailures are the 16 sender-side cases; ours are set up by name.
func TestV4SenderFailures(t *testing.T) {
	var v failures
	vectors(t, "v4_failures.json", &v)
	bob := v.Fixtures.Parties["bob"].addr()
	bundle := func(t *testing.T, edit func(f *x3dh.BundleFields)) (*x3dh.Bundle, error) {
		p := newParty(bob, session.Options{})
		f := p.bundle(t, 1).Fields()
		one, kem := *f.PreKey, *f.KEMPreKey
		f.PreKey, f.KEMPreKey = &one, &kem
		f.SignedPreKey.Signature, kem.Signature = bytes.Clone(f.SignedPreKey.Signature), bytes.Clone(kem.Signature)
		f.KEMPreKey = &kem
		edit(&f)
		return x3dh.NewBundle(f)
	}
	later := func(d time.Duration) func(t *testing.T, p *party) error {
		return func(t *testing.T, p *party) error {
			require.NoError(t, p.SetRecord(ctx, bob, v.Fixtures.Alice))
			s := current(t, p.store, bob)
			p.now = time.Unix(int64(s.Pending.Timestamp), 0).Add(d)
			_, err := p.Encrypt(ctx, bob, []byte("late"))
			return err
		}
	}
	const month = 30 * 24 * time.Hour
	made := func(edit func(f *x3dh.BundleFields)) func(*testing.T, *party) error {
		return func(t *testing.T, _ *party) error { _, err := bundle(t, edit); return err }
	}
	address := func(n uint32) func(*testing.T, *party) error {
		return func(*testing.T, *party) error { return signet.Address{Name: "x", Device: n}.Check() }
	}
	do := map[string]struct {
		run  func(t *testing.T, alice *party) error
		want error
	}{
		"encrypt without session": {func(t *testing.T, p *party) error {
			_, err := p.Encrypt(ctx, bob, []byte("x"))
			return err
		}, session.ErrNoSession},
		"bundle: bad signed prekey signature": {made(func(f *x3dh.BundleFields) { f.SignedPreKey.Signature[0] ^= 1 }), x3dh.ErrSignature},
		"bundle: bad kyber signature":         {made(func(f *x3dh.BundleFields) { f.KEMPreKey.Signature[0] ^= 1 }), x3dh.ErrSignature},
		"bundle: short signature":             {made(func(f *x3dh.BundleFields) { f.SignedPreKey.Signature = f.SignedPreKey.Signature[1:] }), x3dh.ErrSignature},
		"address device 0":                    {address(0), signet.ErrInvalidAddress},
		"address device 128":                  {address(128), signet.ErrInvalidAddress},
		"address device 127":                  {address(127), nil},
		"address device 1":                    {address(1), nil},
		"unacked, exactly 30 days later":      {later(month), nil},
		"unacked, 30 days + 1 ms":             {later(month + time.Millisecond), session.ErrNoSession},
		"unacked, 30 days + 1 s":              {later(month + time.Second), session.ErrNoSession},
		"encrypt, untrusted identity": {func(t *testing.T, p *party) error {
			require.NoError(t, p.SetRecord(ctx, bob, v.Fixtures.Alice))
			require.NoError(t, p.Trust(ctx, bob, p.key.PublicKey()))
			p.now = time.UnixMilli(v.Now)
			before := rows(t, p.store, bob)
			_, err := p.Encrypt(ctx, bob, []byte("x"))
			require.Equal(t, before, rows(t, p.store, bob))
			return err
		}, session.ErrNoSession}, // what the official client calls untrusted here is the key that was replaced
	}
	elsewhere := map[string]string{
		"bundle: untrusted identity and bad signature": "a bundle with a bad signature cannot exist, so it is never shown to Start",
		"bundle: prekey id without key":                "see TestParseBundleHalves of x3dh",
		"bundle device 0":                              "a bundle's device id is not looked at (protocol §2.4)",
		"bundle device 128":                            "a bundle's device id is not looked at (protocol §2.4)",
	}
	require.Len(t, v.Sender, 16)
	for _, c := range v.Sender {
		t.Run(c.Name, func(t *testing.T) {
			if why := elsewhere[c.Name]; why != "" {
				t.Skip(why)
			}
			d, ok := do[c.Name]
			require.True(t, ok, c.Name)
			require.Equal(t, string(c.Result) == `"ok"`, d.want == nil)
			err := d.run(t, v.Fixtures.Parties["alice"].device(t))
			require.True(t, matches(err, d.want), "want %v, got %v", d.want, err)
		})
	}
}

// TestProtobufLeniency are 23 encodings of one first message.
func TestProtobufLeniency(t *testing.T) {
	var v struct {
		Setup struct {
			Alice officialParty
			Bob   struct {
				officialParty
				Pre, Signed, Kyber hexBytes
			}
		}
		Cases []struct {
			Name    string
			Message hexBytes
			OK      bool
			Error   string
		}
	}
	vectors(t, "protobuf_leniency.json", &v)
	require.Len(t, v.Cases, 23)
	for _, c := range v.Cases {
		t.Run(c.Name, func(t *testing.T) {
			if c.OK {
				needPQ(t)
			}
			p := v.Setup.Bob.device(t)
			putPreKeys(t, p, v.Setup.Bob.Pre, v.Setup.Bob.Signed, v.Setup.Bob.Kyber)
			m := session.Message{Type: session.TypePreKey, Body: c.Message}
			if !c.OK {
				e := officialError{Message: c.Error}
				words, want := e.kind(t)
				require.ErrorContains(t, refuse(t, v.Setup.Alice.addr(), p, m, want), words)
				return
			}
			receive(t, &party{addr: v.Setup.Alice.addr()}, p, m, "x")
		})
	}
}

// TestV4Transcript starts from each recorded state and receives the next message. Where no ratchet
// key is drawn, the state that results is the recorded one byte for byte. Each state can send, too.
func TestV4Transcript(t *testing.T) {
	needPQ(t)
	var v struct {
		Setup struct {
			Now   int64 `json:"now_ms"`
			Alice struct {
				officialParty
				Record hexBytes `json:"record_after_bundle"`
			}
			Bob struct {
				officialParty
				Pre    hexBytes `json:"pre_key_record"`
				Signed hexBytes `json:"signed_pre_key_record"`
				Kyber  hexBytes `json:"kyber_pre_key_record"`
			}
		}
		Steps []struct {
			Op, By                     string
			ID                         int
			Type                       session.MessageType
			Plaintext, Message, Record hexBytes
			Error                      *officialError
		}
	}
	vectors(t, "v4_transcript.json.gz", &v)
	self := map[string]*officialParty{"A": &v.Setup.Alice.officialParty, "B": &v.Setup.Bob.officialParty}
	other := map[string]*officialParty{"A": self["B"], "B": self["A"]}
	state := map[string][]byte{"A": v.Setup.Alice.Record}
	sent := make(map[int]session.Message)
	texts := make(map[int]string)
	same, ratchets, refused := 0, 0, 0
	for i, step := range v.Steps {
		what := fmt.Sprintf("step %d: %s %s %d", i, step.By, step.Op, step.ID)
		if step.Op == "drop" {
			continue
		}
		p, peer := self[step.By].device(t), other[step.By].addr()
		p.now = time.UnixMilli(v.Setup.Now)
		before := state[step.By]
		if before != nil {
			require.NoError(t, p.SetRecord(ctx, peer, before), what)
			got, err := p.Record(ctx, peer)
			require.NoError(t, err, what)
			require.Equal(t, before, got, what)
		} else {
			putPreKeys(t, p, v.Setup.Bob.Pre, v.Setup.Bob.Signed, v.Setup.Bob.Kyber)
		}
		if step.Error == nil {
			state[step.By] = step.Record
		}
		if step.Op == "send" {
			sent[step.ID] = session.Message{Type: step.Type, Body: step.Message}
			texts[step.ID] = string(step.Plaintext)
			m, err := p.Encrypt(ctx, peer, step.Plaintext)
			require.NoError(t, err, what)
			require.Equal(t, step.Type, m.Type, what)
			require.Equal(t, len(step.Message), len(m.Body), what)
			continue
		}
		if step.Error != nil {
			words, want := step.Error.kind(t)
			require.ErrorContains(t, refuse(t, peer, p, sent[step.ID], want), words, what)
			refused++
			continue
		}
		receive(t, &party{addr: peer}, p, sent[step.ID], texts[step.ID])
		got, err := p.Record(ctx, peer)
		require.NoError(t, err, what)
		if s := current(t, p.store, peer); before != nil && bytes.Contains(before, s.Sender.RatchetKey) {
			require.Equal(t, []byte(step.Record), got, what)
			same++
		} else {
			require.Equal(t, len(step.Record), len(got), what)
			ratchets++
		}
	}
	require.Equal(t, [3]int{153, 38, 11}, [3]int{same, ratchets, refused})
}
