package adversary

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/sealed"
	"signet.example/signet/sesame"
	"signet.example/signet/session"
)

// tamper has a service do to Bob's own messages what it can. It returns how many attacks there
// were.
func (r *row) tamper(t *testing.T) (cells int) {
	if r.receive == nil {
		return 0
	}
	attacks := map[string]func(s *stage, r *row){"replay": (*stage).replays}
	if r.in == inSession {
		attacks["wrapped in a first message of version 3"] = func(s *stage, r *row) { s.wraps(r, 3) }
		attacks["wrapped in a first message of version 4"] = func(s *stage, r *row) { s.wraps(r, 4) }
		attacks["another registration id"] = (*stage).retags
		attacks["under another name"] = (*stage).renames
	}
	if r.in == inEnvelope {
		attacks["in an envelope of another"] = (*stage).reseals
		attacks["plaintext content of a ghost"] = (*stage).complains
	}
	for name, attack := range attacks {
		cells++
		t.Run(name, func(t *testing.T) { attack(newStage(t, false), r) })
	}
	return cells
}

// replays: what was opened once is not opened again, whatever has become of the session.
func (s *stage) replays(r *row) {
	bob := s.bob[0]
	for _, p := range s.posts(bob, r.in) {
		require.NoError(s.t, r.receive(s, s.alice, p))
		before := s.alice.store.changes
		require.Error(s.t, r.receive(s, s.alice, p))
		require.Equal(s.t, before, s.alice.store.changes)
		if p.kind != direct {
			continue
		}
		require.NoError(s.t, s.alice.device.SetRecord(s.ctx, bob.addr, nil))
		require.Error(s.t, r.receive(s, s.alice, p), "after the session is gone")
		s.meet(s.alice, bob)
	}
}

// wraps: a message that the session opens does not spend the prekeys that its wrapping names.
func (s *stage) wraps(r *row, version uint8) {
	s.alice.opts.AllowX3DH = true
	s.alice.wire(s.world)
	m := got(s.bob[0].device.Encrypt(s.ctx, s.alice.addr, []byte("it is Bob")))
	require.Equal(s.t, session.TypeSignal, m.Type)
	stock, sessions := s.stocks(s.alice), s.sessions(s.alice, s.bob[0].addr)
	p := &post{author: s.bob[0], message: s.wrapped(m, s.bob[0], version)}
	err := r.receive(s, s.alice, p)
	s.t.Log(err)
	require.Equal(s.t, stock, s.stocks(s.alice), "prekeys")
	require.Equal(s.t, sessions, s.sessions(s.alice, s.bob[0].addr), "sessions")
}

// retags: the registration id of a first message, which no MAC covers, does not cost the session.
func (s *stage) retags(r *row) {
	bob := s.bob[0]
	p := s.posts(bob, inSession)[1]
	in, err := wire.ParsePreKeyMessage(p.message.Body)
	require.NoError(s.t, err)
	in.RegistrationID ^= 1
	p.message.Body = wire.AppendPreKeyMessage(nil, &in)
	if r.receive(s, s.alice, p) != nil {
		return
	}
	out := []session.Outgoing{{Peer: bob.addr, Plaintext: []byte("y"), RegistrationID: bob.stock.RegistrationID}}
	_, err = s.alice.device.EncryptAll(s.ctx, out, nil)
	require.NoError(s.t, err)
}

// renames: Bob's message is not Carol's.
func (s *stage) renames(r *row) {
	carol := s.users[2].live[0]
	for _, p := range s.posts(s.bob[0], inSession) {
		before := s.alice.store.changes
		p.author = carol
		require.Error(s.t, r.receive(s, s.alice, p))
		require.Equal(s.t, before, s.alice.store.changes)
	}
	_, known, err := s.alice.device.Trusted(s.ctx, carol.addr)
	require.NoError(s.t, err)
	require.False(s.t, known)
}

// reseals: the envelope says one author and what is in it another. Carol is anybody who has a
// certificate; the service gives one for Bob's name as well.
func (s *stage) reseals(r *row) {
	carol := s.users[2].live[0]
	for _, name := range []signet.Address{carol.addr, s.bob[0].addr} {
		for _, p := range slices.Concat(s.posts(s.bob[0], inSession), s.groupPosts(s.bob[0], inGroup)) {
			c := got(sealed.NewContent(p.message, s.service.certify(name, carol.public()), sealed.HintDefault, nil))
			for _, envelope := range [][]byte{got(c.Seal(carol.key, s.alice.public())), got(c.SealV2(carol.key, s.alice.public()))} {
				before := s.alice.store.changes
				p.envelope = envelope
				require.Error(s.t, r.receive(s, s.alice, p))
				require.Equal(s.t, before, s.alice.store.changes)
			}
		}
	}
	_, known, err := s.alice.device.Trusted(s.ctx, carol.addr)
	require.NoError(s.t, err)
	require.False(s.t, known)
}

// complains: a ghost asks, in Bob's name, for messages to be sent again.
func (s *stage) complains(r *row) {
	s.ghosts(s.bob[0].addr.Name)
	for _, name := range []signet.Address{s.evil.addr, s.bob[0].addr} {
		m := session.Message{Type: session.TypePlaintext, Body: s.complaint(s.alice.addr)}
		c := got(sealed.NewContent(m, s.service.certify(name, s.evil.public()), sealed.HintDefault, nil))
		p := &post{author: s.evil, kind: retrying, envelope: got(c.SealV2(s.evil.key, s.alice.public()))}
		before := s.alice.store.changes
		require.Error(s.t, r.receive(s, s.alice, p))
		require.Equal(s.t, before, s.alice.store.changes)
	}
}

// noticeLike are the adversary's messages that begin as a notice does.
func (s *stage) noticeLike(in medium) (list []*post) {
	for _, p := range s.posts(s.evil, in) {
		if p.kind == direct {
			list = append(list, p)
		}
	}
	e, text := s.evil, []byte("\x00custody-control-v1\x00\x01nonsense")
	switch in {
	case inSession:
		m := got(e.device.Encrypt(s.ctx, s.alice.addr, text))
		list = append(list, &post{author: e, to: s.alice.addr, message: m, text: text})
	case inEnvelope:
		b := got(e.sender.SealOne(s.ctx, s.alice.addr, text))
		list = append(list, &post{author: e, to: s.alice.addr, envelope: b, text: text})
	}
	return list
}

// recordWith is a record of Alice's own identity with another machine, from a store that compared
// nothing.
func (s *stage) recordWith(e *machine) []byte {
	copied := session.NewDevice(s.alice.addr, s.alice.key, newLedger(false), &session.Options{Now: s.now, DeviceIdentities: true})
	require.NoError(s.t, copied.Start(s.ctx, e.addr, got(handed(e.stock.Next())).Bundle))
	return got(copied.Record(s.ctx, e.addr))
}

// deliverTo takes what Send delivers.
func (s *stage) deliverTo(list *[]*post) func(context.Context, string, []sesame.Message) error {
	return func(_ context.Context, _ string, messages []sesame.Message) error {
		*list = append(*list, s.outgoing(messages)...)
		return nil
	}
}

// split is an upload as its recipients get it.
func (s *stage) split(upload []byte, err error) (list []*post) {
	if err != nil {
		return nil
	}
	u := got(sealed.ParseUpload(upload))
	for i := range u.Recipients() {
		list = append(list, &post{author: s.alice, kind: grouped, envelope: u.AppendReceived(nil, &u.Recipients()[i])})
	}
	return list
}

// unattacked are the entry points to which no attack goes, by the reason.
var unattacked = map[string][]string{
	ownKeys: {
		"session.Device.Address", "session.Device.Identity", "session.Device.IdentityKey", "session.Device.ImportSignedPreKey",
		"session.Device.PreKeys", "session.Device.RegistrationID", "session.Device.Retire", "session.Device.Rotate",
		"session.Device.SetRegistrationID", "session.Device.Stock", "session.Device.Store", "session.Identity",
		"session.Device.CurvePreKeys", "session.Device.RetryPreKey", "session.Device.Unpublished",
		"session.Device.MarkPublished", "session.Device.ImportKEMPreKey",
		"session.Device.SetAside", "session.Device.Damaged",
		"session.ImportPreKey", "sesame.Client.Device", "sesame.Client.Publish", "sesame.Client.Renew",
		"sesame.Client.Replenish", "sesame.Client.Rotate",
		"group.Channel.Distribution", "group.Channel.Renew",
	},
	ends: {
		"session.Device.Unverify", "session.Device.Forget", "session.Device.ForgetDamaged",
		"session.Device.Archive", "session.Device.ArchiveAll", "session.Device.ArchiveOnRetry", "sesame.Client.Forget",
		"sesame.Client.Remove", "sesame.Client.Resolve", "group.Channel.Forget",
	},
	pure: {
		"session.DecryptionErrorMessage.AppendBinary", "session.ExtractDecryptionErrorMessage", "session.KeepRecord",
		"session.Kept.Record", "session.Kept.Release", "session.NewDecryptionErrorMessage", "session.NewPlaintextContent",
		"session.ParseDecryptionErrorMessage", "session.ParsePlaintextContent", "session.Rewind.Archive",
		"session.Rewind.KEMPreKey", "session.Rewind.Mark", "session.Rewind.Value", "session.Status.Usable", "session.ImportSession", "group.ImportSenderKey",
		"sealed.Content.Bytes", "sealed.Content.Certificate", "sealed.Content.GroupID", "sealed.Content.Hint",
		"sealed.Content.Message", "sealed.Content.Seal", "sealed.Content.SealMany", "sealed.Content.SealV2",
		"sealed.Content.Type", "sealed.NewContent", "sealed.NewSenderCertificate", "sealed.NewServerCertificate",
		"sealed.OpenContent", "sealed.ParseContent", "sealed.ParseSenderCertificate", "sealed.ParseServerCertificate",
		"sealed.ParseUpload", "sealed.SenderCertificate.Bytes", "sealed.SenderCertificate.Certificate",
		"sealed.SenderCertificate.Claim", "sealed.SenderCertificate.Key", "sealed.SenderCertificate.Sender",
		"sealed.SenderCertificate.Server", "sealed.SenderCertificate.Signature", "sealed.ServerCertificate.Bytes",
		"sealed.ServerCertificate.Certificate", "sealed.ServerCertificate.ID", "sealed.ServerCertificate.Key",
		"sealed.ServerCertificate.Signature", "sealed.Trust.Check", "sealed.Trust.CheckServer", "sealed.Trust.Server",
		"sealed.Upload.AppendReceived", "sealed.Upload.Received", "sealed.Upload.Recipients", "sealed.Upload.SharedAt",
		"sealed.UploadRecipient.Excluded", "group.DistributionMessageID", "group.MessageID", "group.NewDistributionID",
		"group.ParseDistributionID", "group.Rewind",
	},
	wiring: {
		"session.NewDevice", "sesame.NewClient", "sealed.NewReceiver", "sealed.NewSender", "group.NewChannel",
		"group.NewWhatsAppChannel",
	},
	directory: {"sesame.Check", "sesame.CheckPublished", "sesame.DirectoryOptions.WithDefaults", "sesame.Limit.Take"},
	"it is how a person decides: the attacks are what comes after it": {"session.Device.Trust", "sesame.Client.Trust"},
	"it reads the sessions as they are, for a backup; what is done with them has rows of its own": {
		"session.Device.Record", "group.Channel.Record",
	},
	"a distribution that a session has opened is the accepted identity's; that of another is not opened, which JoinIn's row shows": {
		"group.Channel.Join",
	},
	"what it writes is held against the accepted identity at every use: the disguise \"a planted session\" is such a row": {
		"session.ImportIdentity", "group.Channel.SetRecord", "store/backup.Restore",
	},
	"it reads rows and gives nothing to a peer": {"store/backup.Write"},
	"it is about what a notice says, which the notice's own key signs: custodian/notice has its adversaries": {
		"session.Device.AcknowledgeCustody", "session.Device.Custody", "session.Device.HearNotice", "session.Device.RefreshCustody",
	},
}
