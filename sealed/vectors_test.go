package sealed

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/secret"
	"signet.example/signet/session"
)

// certificates is sealed-certs.json.
type certificates struct {
	Root   pair `json:"trust_root"`
	Fields struct {
		Server struct {
			Serialized, Certificate, Signature, Key hexBytes
			ID                                      uint32 `json:"key_id"`
		} `json:"server_certificate"`
		Sender struct {
			Serialized, Certificate, Signature, Key hexBytes
			Expiration                              int64
			E164                                    string `json:"sender_e164"`
			UUID                                    string `json:"sender_uuid"`
			Device                                  uint32 `json:"device_id"`
		} `json:"sender_certificate"`
	}
	Validate []struct {
		Name   string
		Sender hexBytes   `json:"sender_certificate"`
		Roots  []hexBytes `json:"trust_roots"`
		Time   int64
		Valid  bool
	}
}

func TestOfficialCertificates(t *testing.T) {
	var f certificates
	load(t, "sealed-certs.json", &f)

	server, want := new(ServerCertificate), f.Fields.Server
	guarded(t, want.Serialized, func(b []byte) {
		var err error
		server, err = ParseServerCertificate(b)
		require.NoError(t, err)
		clear(b[:cap(b)][len(b):]) // it has been copied
		copy(b[:cap(b)][len(b):], bytes.Repeat([]byte{0xaa}, 64))
	})
	require.Equal(t, want.ID, server.ID())
	require.Equal(t, want.Key.public(t), server.Key())
	require.Equal(t, []byte(want.Serialized), server.Bytes())
	require.Equal(t, []byte(want.Certificate), server.Certificate())
	require.Equal(t, []byte(want.Signature), server.Signature())

	c := f.Fields.Sender
	sender, err := ParseSenderCertificate(c.Serialized)
	require.NoError(t, err)
	claim := sender.Claim()
	require.Equal(t, signet.Address{Name: c.UUID, Device: c.Device}, claim.Sender)
	require.Equal(t, claim.Sender, sender.Sender())
	require.Equal(t, c.E164, *claim.E164)
	require.Equal(t, c.Expiration, claim.Expires.UnixMilli())
	require.Equal(t, c.Key.public(t), claim.Key)
	require.Equal(t, []byte(c.Serialized), sender.Bytes())
	require.Equal(t, []byte(c.Certificate), sender.Certificate())
	require.Equal(t, []byte(c.Signature), sender.Signature())
	embedded, id := sender.Server()
	require.Equal(t, want.ID, id)
	require.Equal(t, server.Bytes(), embedded.Bytes())

	// What we issue for the same claim is the same but for the signature.
	own, err := NewSenderCertificate(server, f.Root.Private.private(t), claim)
	require.NoError(t, err)
	require.Equal(t, []byte(c.Certificate), own.Certificate())
	ownServer, err := NewServerCertificate(f.Root.Private.private(t), want.ID, server.Key())
	require.NoError(t, err)
	require.Equal(t, []byte(want.Certificate), ownServer.Certificate())
	require.NoError(t, (&Trust{Roots: []signet.PublicKey{f.Root.Public.public(t)}}).CheckServer(ownServer))
}

func TestOfficialValidation(t *testing.T) {
	var f certificates
	load(t, "sealed-certs.json", &f)
	for _, v := range f.Validate {
		t.Run(v.Name, func(t *testing.T) {
			c, err := ParseSenderCertificate(v.Sender)
			require.NoError(t, err)
			var trust Trust
			for _, r := range v.Roots {
				trust.Roots = append(trust.Roots, r.public(t))
			}
			err = trust.Check(c, time.UnixMilli(v.Time))
			if v.Valid {
				require.NoError(t, err)
				server, err := trust.Server(c)
				require.NoError(t, err)
				trust.Revoked = []uint32{server.ID()}
				require.ErrorIs(t, trust.Check(c, time.UnixMilli(v.Time)), ErrInvalidCertificate)
				return
			}
			require.ErrorIs(t, err, ErrInvalidCertificate)
		})
	}
}

func TestOfficialCertificateErrors(t *testing.T) {
	root := signet.GenerateKey()
	server, err := NewServerCertificate(root, 1, root.PublicKey())
	require.NoError(t, err)
	for _, device := range []uint32{0, 128} {
		_, err = NewSenderCertificate(server, root, Claim{Sender: signet.Address{Name: "a", Device: device}, Key: root.PublicKey()})
		require.ErrorIs(t, err, ErrInvalidArgument)
		require.ErrorIs(t, err, signet.ErrInvalidAddress)
	}
	_, err = NewSenderCertificate(server, root, Claim{Sender: signet.Address{Name: "\xff", Device: 1}})
	require.ErrorIs(t, err, ErrInvalidArgument)
	bad := "\xff"
	_, err = NewSenderCertificate(server, root, Claim{Sender: signet.Address{Name: "a", Device: 1}, E164: &bad})
	require.ErrorIs(t, err, ErrInvalidArgument)
	for _, b := range [][]byte{nil, {0xff}, {0x0a}, []byte("garbage")} {
		_, err = ParseServerCertificate(b)
		require.ErrorIs(t, err, errMalformed)
		_, err = ParseSenderCertificate(b)
		require.ErrorIs(t, err, errMalformed)
		_, err = ParseContent(b)
		require.ErrorIs(t, err, errMalformed)
	}
}

// strictness is sealed-proto-strictness.json.
type strictness struct {
	Senders []struct {
		Name       string
		Serialized hexBytes
		Roots      []hexBytes `json:"trust_roots"`
		Time       int64
		OK         bool
		Error      failure
		Value      struct {
			UUID       string
			E164       *string
			Device     uint32
			Expiration int64
			Key        hexBytes
			Server     any `json:"server_cert_id"`
			Valid      bool
		}
	} `json:"sender_certificates"`
	Servers []struct {
		Name       string
		Serialized hexBytes
		OK         bool
		Error      failure
		Value      struct {
			ID  uint32
			Key hexBytes
		}
	} `json:"server_certificates"`
	Contents []struct {
		Name       string
		Serialized hexBytes
		OK         bool
		Error      failure
		Value      struct {
			Type     session.MessageType
			Hint     ContentHint
			Group    *hexBytes
			Contents hexBytes
		}
	} `json:"usmc"`
	Known map[uint32]hexBytes `json:"known_server_certificates"`
}

func TestOfficialSenderStrictness(t *testing.T) {
	var f strictness
	load(t, "sealed-proto-strictness.json", &f)
	for _, v := range f.Senders {
		t.Run("sender "+v.Name, func(t *testing.T) {
			c, err := ParseSenderCertificate(v.Serialized)
			if v.Name == "expires-u64max" { // the binding cannot say it; the certificate is sound
				require.NoError(t, err)
				require.Equal(t, uint64(1<<64-1), c.expires)
				require.True(t, c.Claim().Expires.After(time.Now()))
				return
			}
			if !v.OK {
				requireKind(t, v.Error.Message, err)
				return
			}
			require.NoError(t, err)
			claim := c.Claim()
			require.Equal(t, signet.Address{Name: v.Value.UUID, Device: v.Value.Device}, claim.Sender)
			require.Equal(t, v.Value.E164, claim.E164)
			require.Equal(t, v.Value.Expiration, claim.Expires.UnixMilli())
			require.Equal(t, v.Value.Key.public(t), claim.Key)
			require.Equal(t, []byte(v.Serialized), c.Bytes())
			var trust Trust
			for _, r := range v.Roots {
				trust.Roots = append(trust.Roots, r.public(t))
			}
			err = trust.Check(c, time.UnixMilli(v.Time))
			require.Equal(t, v.Value.Valid, err == nil)
			if !v.Value.Valid {
				require.ErrorIs(t, err, ErrInvalidCertificate)
			}
			if text, ok := v.Value.Server.(string); ok {
				var unknown UnknownServerError
				require.ErrorAs(t, err, &unknown)
				requireKind(t, strings.TrimPrefix(text, "ERR "), err)
				return
			}
			server, err := trust.Server(c)
			require.NoError(t, err)
			require.Equal(t, v.Value.Server, float64(server.ID()))
		})
	}
}

func TestOfficialServerStrictness(t *testing.T) {
	var f strictness
	load(t, "sealed-proto-strictness.json", &f)
	for _, v := range f.Servers {
		t.Run("server "+v.Name, func(t *testing.T) {
			c, err := ParseServerCertificate(v.Serialized)
			if !v.OK {
				requireKind(t, v.Error.Message, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, v.Value.ID, c.ID())
			require.Equal(t, v.Value.Key.public(t), c.Key())
		})
	}
	require.Len(t, known, len(f.Known))
	for id, b := range f.Known {
		require.Equal(t, []byte(b), known[id].Bytes())
	}
}

func TestOfficialContentStrictness(t *testing.T) {
	var f strictness
	load(t, "sealed-proto-strictness.json", &f)
	for _, v := range f.Contents {
		t.Run("content "+v.Name, func(t *testing.T) {
			c, err := ParseContent(v.Serialized)
			if !v.OK {
				requireKind(t, v.Error.Message, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, v.Value.Type, c.Type())
			require.Equal(t, v.Value.Hint, c.Hint())
			require.True(t, bytes.Equal(v.Value.Contents, c.Message().Body))
			require.Equal(t, v.Value.Group == nil, c.GroupID() == nil)
			if v.Value.Group != nil {
				require.True(t, bytes.Equal(*v.Value.Group, c.GroupID()))
			}
			require.Equal(t, []byte(v.Serialized), c.Bytes())
		})
	}
}

// The trust roots of the known server certificates (§2.1).
func TestKnownServerCertificates(t *testing.T) {
	roots := map[uint32]string{
		2:          "BYhU6tPjqP46KGZEzRs1OL4U39V5dlPJ/X09ha4rErkm",
		3:          "BUkY0I+9+oPgDCn4+Ac6Iu813yvqkDr/ga8DzLxFxuk6",
		0x7357C357: "BS/lfaNHzWJDFSjarF+7KQcw//aEr8TPwu2QmV9Yyzt0",
	}
	for id, root := range roots {
		var b []byte
		require.NoError(t, json.Unmarshal([]byte(`"`+root+`"`), &b))
		trust := Trust{Roots: []signet.PublicKey{hexBytes(b).public(t)}}
		require.Equal(t, id, known[id].ID())
		require.NoError(t, trust.CheckServer(known[id]))
	}
	zero := hexBytes(make([]byte, 32)).private(t)
	require.NoError(t, (&Trust{Roots: []signet.PublicKey{zero.PublicKey()}}).CheckServer(known[0x7357C357]))
	require.Equal(t, hexBytes(bytes.Repeat([]byte{0xff}, 32)).private(t).PublicKey(), known[0x7357C357].Key())
}

func TestOfficialContents(t *testing.T) {
	var f struct {
		Cases []struct {
			Name                 string
			Serialized, Contents hexBytes
			Type                 session.MessageType
			Hint                 ContentHint `json:"content_hint"`
			Group                *hexBytes   `json:"group_id"`
			Certificate          hexBytes    `json:"sender_certificate"`
			Reparsed             struct {
				Type  session.MessageType
				Hint  ContentHint `json:"content_hint"`
				Group *hexBytes   `json:"group_id"`
			}
		}
	}
	load(t, "sealed-usmc.json", &f)
	for _, v := range f.Cases {
		t.Run(v.Name, func(t *testing.T) {
			certificate, err := ParseSenderCertificate(v.Certificate)
			require.NoError(t, err)
			var group []byte
			if v.Group != nil {
				group = append([]byte{}, *v.Group...)
			}
			c, err := NewContent(session.Message{Type: v.Type, Body: v.Contents}, certificate, v.Hint, group)
			require.NoError(t, err)
			require.Equal(t, hex.EncodeToString(v.Serialized), hex.EncodeToString(c.Bytes()))
			require.Equal(t, v.Group == nil, c.GroupID() == nil)
			back, err := ParseContent(v.Serialized)
			require.NoError(t, err)
			require.Equal(t, v.Reparsed.Type, back.Type())
			require.Equal(t, v.Reparsed.Hint, back.Hint())
			require.Equal(t, v.Reparsed.Group == nil, back.GroupID() == nil)
			require.Equal(t, []byte(v.Certificate), back.Certificate().Bytes())
			require.Equal(t, c.Message(), back.Message())
		})
	}
}

func TestOfficialV1(t *testing.T) {
	var f struct {
		Sender, Recipient party
		Cases             []struct {
			Name         string
			USMC, Sealed hexBytes
		}
	}
	load(t, "sealed-v1.json", &f)
	self := f.Recipient.Private.private(t)
	for _, v := range f.Cases {
		guarded(t, v.Sealed, func(b []byte) {
			c, err := OpenContent(self, b)
			require.NoError(t, err, v.Name)
			require.Equal(t, []byte(v.USMC), c.Bytes(), v.Name)
		})
		own, err := sealV1(signet.GenerateKey(), f.Sender.Private.private(t), self.PublicKey(), v.USMC)
		require.NoError(t, err)
		require.Len(t, own, len(v.Sealed))
		c, err := OpenContent(self, own)
		require.NoError(t, err)
		require.Equal(t, []byte(v.USMC), c.Bytes())
	}

	var d struct {
		Cases []struct {
			Chain, Salt1, Salt2                    hexBytes
			Cipher1                                hexBytes `json:"cipher_key1"`
			Cipher2                                hexBytes `json:"cipher_key2"`
			Mac1                                   hexBytes `json:"mac_key1"`
			Mac2                                   hexBytes `json:"mac_key2"`
			DHEphemeral                            hexBytes `json:"dh_ephemeral"`
			DHStatic                               hexBytes `json:"dh_static"`
			EncryptedStatic, Ephemeral, Static, Me hexBytes `json:"-"`
			Static43                               hexBytes `json:"encrypted_static"`
			E                                      hexBytes `json:"ephemeral_public"`
			Plain                                  hexBytes `json:"static_plaintext"`
		}
	}
	load(t, "sealed-v1-derived.json", &d)
	require.NotEmpty(t, d.Cases)
	for _, v := range d.Cases {
		shared := [32]byte(v.DHEphemeral)
		l := outer(self.PublicKey(), v.E.public(t), &shared)
		require.Equal(t, secret.Key(v.Chain), l.chain)
		require.Equal(t, secret.Key(v.Cipher1), l.cipher)
		require.Equal(t, secret.Key(v.Mac1), l.mac)
		plain, ok := l.open(v.Static43)
		require.True(t, ok)
		require.Equal(t, []byte(v.Plain), plain)
		shared = [32]byte(v.DHStatic)
		m := l.inner(v.Static43, &shared)
		require.Equal(t, secret.Key(v.Cipher2), m.cipher)
		require.Equal(t, secret.Key(v.Mac2), m.mac)
	}
}

func TestOfficialV2Received(t *testing.T) {
	var f struct {
		Recipients []party
		Cases      []struct {
			Name      string
			Received  hexBytes
			Recipient string
			OK        bool
			Error     failure
		}
	}
	load(t, "sealed-v2-received.json", &f)
	for _, v := range f.Cases {
		t.Run(v.Name, func(t *testing.T) {
			var self *signet.PrivateKey
			for _, r := range f.Recipients {
				if r.Name == v.Recipient {
					self = r.Private.private(t)
				}
			}
			guarded(t, v.Received, func(b []byte) {
				_, err := OpenContent(self, b)
				if v.OK {
					require.NoError(t, err)
					return
				}
				requireKind(t, v.Error.Message, err)
			})
		})
	}
}
