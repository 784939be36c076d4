package sealed

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// One conversation over sealed envelopes of both versions: first messages, answers, a replay.
func TestConversation(t *testing.T) {
	w := newWorld(t)
	alice := w.member(t, aliceID, 1, signet.GenerateKey())
	bob := w.member(t, bobID, 2, signet.GenerateKey())
	w.meet(t, alice, bob)
	say := func(from, to *member, text string, d *Details) []byte {
		var row []byte
		envelope, err := from.out.SealOneTo(w.ctx, to.Address(), []byte(text), d, func(tx session.Tx, b []byte) error {
			row = b
			return tx.PutValue("outbox", b)
		})
		require.NoError(t, err)
		require.Equal(t, envelope, row)
		guarded(t, envelope, func(b []byte) {
			before, plaintext, err := to.in.Open(w.ctx, b)
			require.NoError(t, err)
			require.Equal(t, from.Address(), before)
			require.Equal(t, text, string(plaintext))
		})
		state := to.state(t, w, from)
		_, _, err = to.in.Open(w.ctx, envelope)
		require.ErrorIs(t, err, ratchet.ErrDuplicate)
		require.Equal(t, state, to.state(t, w, from))
		return envelope
	}
	require.Equal(t, byte(0x11), say(alice, bob, "one potato", nil)[0])
	require.Equal(t, byte(0x22), say(alice, bob, "two potato", &Details{Version: 2})[0])
	say(bob, alice, "three potato", &Details{Version: 2, Hint: HintResendable, GroupID: []byte{1}})
	require.Equal(t, byte(0x11), say(bob, alice, "", &Details{Version: 1})[0])
	say(alice, bob, strings.Repeat("potato ", 10000), nil)

	// A row that fails takes the step back with it.
	state := alice.state(t, w, bob)
	no := errors.New("no room")
	_, err := alice.out.SealOneTo(w.ctx, bob.Address(), nil, nil, func(session.Tx, []byte) error { return no })
	require.ErrorIs(t, err, no)
	require.Equal(t, state, alice.state(t, w, bob))
	envelope, err := alice.out.SealOne(w.ctx, bob.Address(), []byte("four"))
	require.NoError(t, err)
	state = bob.state(t, w, alice)
	err = bob.in.OpenTo(w.ctx, envelope, func(session.Tx, *Opened) error { return no })
	require.Equal(t, no, err)
	require.Equal(t, state, bob.state(t, w, alice))
	err = bob.in.OpenTo(w.ctx, envelope, func(tx session.Tx, m *Opened) error {
		require.Equal(t, session.TypeSignal, m.Content.Type())
		require.Equal(t, HintDefault, m.Content.Hint())
		return tx.PutValue("inbox", m.Plaintext)
	})
	require.NoError(t, err)
	require.NoError(t, bob.store.Update(w.ctx, signet.Address{}, func(tx session.Tx) error {
		b, err := tx.Value("inbox")
		require.Equal(t, "four", string(b))
		return err
	}))
}

// A group of several devices per account: one upload, split by a server, opened by everybody.
func TestGroup(t *testing.T) {
	w := newWorld(t)
	alice := w.member(t, aliceID, 1, signet.GenerateKey())
	bobKey, carolKey := signet.GenerateKey(), signet.GenerateKey()
	members := []*member{
		w.member(t, bobID, 1, bobKey), w.member(t, bobID, 7, bobKey), w.member(t, carolID, 1, carolKey),
	}
	distribution, err := alice.channel.Distribution(w.ctx)
	require.NoError(t, err)
	var to []signet.Address
	for _, m := range members {
		w.meet(t, alice, m)
		require.NoError(t, m.channel.Join(w.ctx, alice.Address(), distribution))
		to = append(to, m.Address())
	}
	const gone = "a1a2a3a4-b1b2-41c2-91d2-d3d4d5d6d7d8"
	d := &Details{Hint: HintImplicit, GroupID: []byte("potatoes"), Excluded: []string{gone}}
	var row []byte
	upload, err := alice.out.SealTo(w.ctx, to, []byte("one potato"), d, func(_ session.Tx, b []byte) error {
		row = b
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, upload, row)
	u, err := ParseUpload(upload)
	require.NoError(t, err)
	require.Len(t, u.Recipients(), 3)
	n := 0
	for _, r := range u.Recipients() {
		if r.Excluded() {
			require.Equal(t, gone, r.Name)
			continue
		}
		for _, device := range r.Devices {
			m := members[n]
			n++
			require.Equal(t, m.Address(), signet.Address{Name: r.Name, Device: device.ID})
			id, err := m.RegistrationID(w.ctx)
			require.NoError(t, err)
			require.Equal(t, id, device.RegistrationID)
			err = m.in.OpenTo(w.ctx, u.AppendReceived(nil, &r), func(_ session.Tx, o *Opened) error {
				require.Equal(t, alice.Address(), o.From)
				require.Equal(t, "one potato", string(o.Plaintext))
				require.Equal(t, session.TypeSenderKey, o.Content.Type())
				require.Equal(t, HintImplicit, o.Content.Hint())
				require.Equal(t, "potatoes", string(o.Content.GroupID()))
				return nil
			})
			require.NoError(t, err)
			state := m.state(t, w, alice)
			_, _, err = m.in.Open(w.ctx, u.AppendReceived(nil, &r))
			require.ErrorIs(t, err, ratchet.ErrDuplicate)
			require.Equal(t, state, m.state(t, w, alice))
		}
	}
	require.Equal(t, 3, n)

	again, err := alice.out.Seal(w.ctx, to[:1], []byte("two potato"))
	require.NoError(t, err)
	u, err = ParseUpload(again)
	require.NoError(t, err)
	from, text, err := members[0].in.Open(w.ctx, u.AppendReceived(nil, &u.Recipients()[0]))
	require.NoError(t, err)
	require.Equal(t, alice.Address(), from)
	require.Equal(t, "two potato", string(text))

	// Who has not joined learns who wrote to which group, and can ask for the key.
	stranger := w.member(t, bobID, 9, bobKey)
	_, _, err = stranger.in.Open(w.ctx, u.AppendReceived(nil, &u.Recipients()[0]))
	require.ErrorIs(t, err, group.ErrNoSenderKey)
	var failed *DecryptError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, alice.Address(), failed.From)
	_, err = session.NewDecryptionErrorMessage(failed.Content.Message(), 1, failed.From.Device)
	require.NoError(t, err)
}

// Errors of a Sender, in the official order, and that they change nothing.
func TestSealErrors(t *testing.T) {
	w := newWorld(t)
	alice := w.member(t, aliceID, 1, signet.GenerateKey())
	bob := w.member(t, bobID, 1, signet.GenerateKey())
	dave := w.member(t, "dave", 1, signet.GenerateKey())
	big := w.member(t, "a1a2a3a4-b1b2-41c2-91d2-d3d4d5d6d7d8", 1, signet.GenerateKey())
	require.NoError(t, big.SetRegistrationID(w.ctx, 0x4000))
	for _, m := range []*member{bob, dave, big} {
		w.meet(t, alice, m)
	}
	stranger := signet.Address{Name: "PNI:0f1e2d3c-4b5a-4968-8776-655443322110", Device: 2}
	_, err := alice.channel.Distribution(w.ctx)
	require.NoError(t, err)
	state := alice.state(t, w, alice, bob, dave, big)
	seal := func(to ...signet.Address) error {
		_, err := alice.out.Seal(w.ctx, to, []byte("text"))
		require.Error(t, err)
		require.Equal(t, state, alice.state(t, w, alice, bob, dave, big))
		return err
	}
	var registration *RegistrationIDError
	require.ErrorIs(t, seal(bob.Address(), stranger), session.ErrNoSession)
	require.ErrorIs(t, seal(dave.Address()), ErrInvalidArgument)
	require.ErrorAs(t, seal(big.Address()), &registration)
	require.ErrorContains(t, seal(big.Address()), "has invalid registration ID 4000")
	require.ErrorIs(t, seal(dave.Address(), stranger), ErrInvalidArgument, "the first account's error comes first")
	require.ErrorIs(t, seal(stranger, dave.Address()), session.ErrNoSession)
	second := bob.Address()
	second.Device = 3 // its account's identity key is known by the first device, and a session is missing
	require.ErrorIs(t, seal(bob.Address(), second), session.ErrNoSession)
	require.ErrorIs(t, seal(second, bob.Address()), session.ErrNoSession)
	_, err = alice.out.SealTo(w.ctx, nil, nil, &Details{Excluded: []string{"dave"}}, nil)
	require.ErrorIs(t, err, ErrInvalidArgument)

	require.NoError(t, alice.Archive(w.ctx, bob.Address()))
	_, err = alice.out.Seal(w.ctx, []signet.Address{bob.Address()}, nil)
	require.ErrorIs(t, err, session.ErrNoSession)

	for _, d := range []*Details{{Version: 3}, {Version: -1}, {Excluded: []string{bobID}}} {
		_, err = alice.out.SealOneTo(w.ctx, dave.Address(), nil, d, nil)
		require.ErrorIs(t, err, ErrInvalidArgument)
	}
	_, err = alice.out.SealOne(w.ctx, stranger, nil)
	require.ErrorIs(t, err, session.ErrNoSession)
	alone, err := NewSender(alice.Device, alice.cert, nil)
	require.NoError(t, err)
	_, err = alone.Seal(w.ctx, nil, nil)
	require.ErrorIs(t, err, ErrInvalidArgument)
	_, err = NewSender(alice.Device, bob.cert, nil)
	require.ErrorIs(t, err, ErrInvalidCertificate)
	_, err = NewSender(alice.Device, w.certificate(t, alice.Address(), bob.key.PublicKey(), nil), nil)
	require.ErrorIs(t, err, ErrInvalidCertificate)
	_, err = bob.out.Seal(w.ctx, nil, []byte("before the first distribution"))
	require.ErrorIs(t, err, group.ErrNoSenderKey)
}

// What is wrong with an envelope is found in the official order, and changes nothing.
func TestOpenErrors(t *testing.T) {
	w := newWorld(t)
	alice := w.member(t, aliceID, 1, signet.GenerateKey())
	bob := w.member(t, bobID, 2, signet.GenerateKey())
	w.meet(t, alice, bob)
	m, err := alice.Encrypt(w.ctx, bob.Address(), []byte("one potato"))
	require.NoError(t, err)
	number := "+14151111111"
	same := func(name string, device uint32) signet.Address { return signet.Address{Name: name, Device: device} }
	good := w.certificate(t, alice.Address(), alice.key.PublicKey(), &number)
	seal := func(m session.Message, c *SenderCertificate) []byte {
		content, err := NewContent(m, c, HintResendable, nil)
		require.NoError(t, err)
		b, err := content.SealV2(alice.key, bob.key.PublicKey())
		require.NoError(t, err)
		return b
	}
	expired, err := NewSenderCertificate(w.server, w.issuer, Claim{Sender: alice.Address(), Key: alice.key.PublicKey(), Expires: w.now.Add(-time.Millisecond)})
	require.NoError(t, err)
	mallory := signet.GenerateKey()
	forged, err := NewSenderCertificate(w.server, mallory, good.Claim())
	require.NoError(t, err)
	selfish := w.certificate(t, bob.Address(), alice.key.PublicKey(), nil)
	cases := []struct {
		name     string
		envelope []byte
		trust    func(*Trust)
		e164     string
		want     error
		inner    bool // the sender is known
	}{
		{name: "wrong root", envelope: seal(m, good), trust: func(t *Trust) { t.Roots[0] = mallory.PublicKey() }, want: ErrInvalidCertificate},
		{name: "no root", envelope: seal(m, good), trust: func(t *Trust) { t.Roots = nil }, want: ErrInvalidCertificate},
		{name: "revoked", envelope: seal(m, good), trust: func(t *Trust) { t.Revoked = []uint32{1} }, want: ErrInvalidCertificate},
		{name: "expired", envelope: seal(m, expired), want: ErrInvalidCertificate},
		{name: "forged", envelope: seal(m, forged), want: ErrInvalidCertificate},
		{name: "of another", envelope: seal(m, bob.cert), want: ErrInvalidCertificate},
		{name: "self send", envelope: seal(m, selfish), want: ErrSelfSend},
		{name: "self send, wrong root", envelope: seal(m, selfish), trust: func(t *Trust) { t.Roots = nil }, want: ErrInvalidCertificate},
		{name: "self send by number", envelope: seal(m, w.certificate(t, same(aliceID, 2), alice.key.PublicKey(), &number)), e164: number, want: ErrSelfSend},
		{name: "own number, other device", envelope: seal(session.Message{Type: session.TypeSignal}, good), e164: number, want: session.ErrInvalidMessage, inner: true},
		{name: "own name in capitals", envelope: seal(m, w.certificate(t, same(strings.ToUpper(bobID), 2), alice.key.PublicKey(), nil)), want: session.ErrInvalidMessage, inner: true},
		{name: "own other device", envelope: seal(m, w.certificate(t, same(bobID, 1), alice.key.PublicKey(), nil)), want: errUntrusted, inner: true},
		{name: "garbage inside", envelope: seal(session.Message{Type: session.TypePreKey, Body: []byte("garbage")}, good), want: session.ErrVersion, inner: true},
		{name: "garbage of a group", envelope: seal(session.Message{Type: session.TypeSenderKey, Body: []byte("garbage")}, good), want: session.ErrInvalidMessage, inner: true},
		{name: "plaintext", envelope: seal(session.Message{Type: session.TypePlaintext, Body: []byte{0xc0}}, good), want: session.ErrInvalidMessage, inner: true},
		{name: "no session", envelope: seal(session.Message{Type: session.TypeSignal, Body: signalBody(t, w, alice, bob)}, good), want: session.ErrNoSession, inner: true},
		{name: "to another", envelope: sealTo(t, good, m, alice.key, mallory.PublicKey()), want: session.ErrInvalidMessage},
	}
	state := bob.state(t, w, alice, bob)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			trust := w.trust()
			if c.trust != nil {
				c.trust(&trust)
			}
			in := NewReceiver(bob.Device, trust, &Options{E164: c.e164, Now: func() time.Time { return w.now }})
			from, text, err := in.Open(w.ctx, c.envelope)
			if c.want == errUntrusted {
				require.ErrorAs(t, err, new(*session.UntrustedIdentityError))
			} else {
				require.ErrorIs(t, err, c.want)
			}
			require.Nil(t, text)
			require.Zero(t, from)
			var failed *DecryptError
			require.Equal(t, c.inner, errors.As(err, &failed))
			if c.inner {
				require.Equal(t, HintResendable, failed.Content.Hint())
				require.Equal(t, failed.Content.Certificate().Sender(), failed.From)
			}
			require.Equal(t, state, bob.state(t, w, alice, bob))
		})
	}
	// The same message in a good envelope, with the defaults of a Receiver, whose clock is the wall's.
	from, text, err := bob.in.Open(w.ctx, seal(m, good))
	require.NoError(t, err)
	require.Equal(t, alice.Address(), from)
	require.Equal(t, "one potato", string(text))
	zero := NewReceiver(session.NewDevice(same(bobID, 0), bob.key, memory.New(), nil), w.trust(), nil)
	_, _, err = zero.Open(w.ctx, seal(m, good))
	require.ErrorIs(t, err, ErrInvalidArgument)
}

// errUntrusted stands for any *session.UntrustedIdentityError.
var errUntrusted = errors.New("untrusted identity")

func sealTo(t *testing.T, c *SenderCertificate, m session.Message, by *signet.PrivateKey, to signet.PublicKey) []byte {
	content, err := NewContent(m, c, HintDefault, nil)
	require.NoError(t, err)
	b, err := content.Seal(by, to)
	require.NoError(t, err)
	return b
}

// signalBody is an ordinary message that is sound in its form.
func signalBody(t *testing.T, w *world, a, b *member) []byte {
	x, y := w.member(t, "x", 1, signet.GenerateKey()), w.member(t, "y", 1, signet.GenerateKey())
	w.meet(t, x, y)
	first, err := x.Encrypt(w.ctx, y.Address(), nil)
	require.NoError(t, err)
	_, err = y.Decrypt(w.ctx, x.Address(), first)
	require.NoError(t, err)
	m, err := y.Encrypt(w.ctx, x.Address(), nil)
	require.NoError(t, err)
	require.Equal(t, session.TypeSignal, m.Type)
	return m.Body
}

// A decryption error travels in an envelope, since sessions have failed.
func TestSealPlaintext(t *testing.T) {
	w := newWorld(t)
	alice := w.member(t, aliceID, 1, signet.GenerateKey())
	bob := w.member(t, bobID, 2, signet.GenerateKey())
	w.meet(t, alice, bob)
	want := &session.DecryptionErrorMessage{Timestamp: 42, Device: 2}
	body := session.NewPlaintextContent(want).Body
	for _, d := range []*Details{nil, {Version: 2}} {
		envelope, err := alice.out.SealPlaintext(w.ctx, bob.Address(), body, d)
		require.NoError(t, err)
		err = bob.in.OpenTo(w.ctx, envelope, func(tx session.Tx, m *Opened) error {
			require.Equal(t, session.TypePlaintext, m.Content.Type())
			require.Equal(t, alice.Address(), m.From)
			body, err := session.ParsePlaintextContent(m.Plaintext)
			require.NoError(t, err)
			got, err := session.ExtractDecryptionErrorMessage(body)
			require.Equal(t, want, got)
			return err
		})
		require.NoError(t, err)
		_, _, err = bob.in.Open(w.ctx, envelope)
		require.ErrorIs(t, err, session.ErrInvalidMessage)
	}
	_, err := bob.out.SealPlaintext(w.ctx, alice.Address(), body, nil)
	require.ErrorIs(t, err, session.ErrNoSession)
}

// A certificate that names its server by id is looked up among the caller's, then among the known.
func TestServerByReference(t *testing.T) {
	w := newWorld(t)
	alice := signet.GenerateKey()
	c := byReference(t, w.issuer, 77, alice.PublicKey())
	server, err := NewServerCertificate(w.root, 77, w.issuer.PublicKey())
	require.NoError(t, err)
	trust := w.trust()
	var unknown UnknownServerError
	require.ErrorAs(t, trust.Check(c, w.now), &unknown)
	require.Equal(t, UnknownServerError(77), unknown)
	trust.Known = []*ServerCertificate{w.server, server}
	require.NoError(t, trust.Check(c, w.now))
	trust.Revoked = []uint32{77}
	require.ErrorIs(t, trust.Check(c, w.now), ErrInvalidCertificate)
	embedded, id := c.Server()
	require.Nil(t, embedded)
	require.Equal(t, uint32(77), id)
}

func TestRedaction(t *testing.T) {
	w := newWorld(t)
	planted := bytes.Repeat([]byte("plant"), 7)[:32]
	key, err := signet.NewPrivateKey(planted)
	require.NoError(t, err)
	alice := w.member(t, aliceID, 1, key)
	type nested struct {
		S *Sender
		R *Receiver
		s Sender
		r Receiver
	}
	for _, v := range []any{alice.out, alice.in, *alice.out, *alice.in, nested{alice.out, alice.in, *alice.out, *alice.in}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			s := fmt.Sprintf(verb, v)
			for _, leak := range []string{"plantplant", "706c616e74706c", "112, 108, 97", "112 108 97", "0x70, 0x6c"} {
				require.NotContains(t, s, leak, "%s of %T", verb, v)
			}
		}
	}
}
