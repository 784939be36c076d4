package interop

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A trustRoot is an authority that one of the peers keeps under a name.
type trustRoot struct {
	name   string
	peer   *Peer
	public []byte
}

func newTrustRoot(t *testing.T, p *Peer, name string) *trustRoot {
	var a struct{ Root, RootPrivate, Server, ServerPrivate []byte }
	require.NoError(t, p.Call("trustRoot", Fields{"root": name, "keyId": 7}, &a))
	require.Len(t, a.Root, 33)
	require.Len(t, a.RootPrivate, 32)
	require.Len(t, a.ServerPrivate, 32)
	return &trustRoot{name, p, a.Root}
}

const expiry int64 = 1_900_000_000_000

func (r *trustRoot) cert(t *testing.T, a Address, identity []byte, e164 string) []byte {
	f := Fields{"root": r.name, "uuid": a.UUID, "deviceId": a.DeviceID, "identity": identity, "expiration": expiry}
	if e164 != "" {
		f["e164"] = e164
	}
	var c struct{ Cert []byte }
	require.NoError(t, r.peer.Call("senderCert", f, &c))
	return c.Cert
}

type unsealed struct {
	Plaintext []byte
	UUID      string
	DeviceID  uint32
}

func (d *Device) seal(to Address, plaintext, cert []byte) ([]byte, error) {
	var a struct{ Message []byte }
	err := d.call("seal", Fields{"to": to, "plaintext": plaintext, "cert": cert}, &a)
	return a.Message, err
}

func (d *Device) unseal(message, root []byte, now int64, e164 string) (u unsealed, err error) {
	r := Fields{"message": message, "root": root, "now": now}
	if e164 != "" {
		r["e164"] = e164
	}
	err = d.call("unseal", r, &u)
	return u, err
}

// pairs runs f for every sender, receiver and issuer of certificates.
func triples(t *testing.T, f func(t *testing.T, fleet *fleet, sender, receiver, issuer string)) {
	fleet := newFleet(t)
	fleet.need(t, official)
	for i := range 8 {
		pick := func(bit int) string { return []string{ours, official}[i>>bit&1] }
		t.Run(fmt.Sprintf("%s to %s, certified by %s", pick(0), pick(1), pick(2)), func(t *testing.T) {
			f(t, fleet, pick(0), pick(1), pick(2))
		})
	}
}

const (
	aliceACI = "9d0652a3-dcc3-4d11-975f-74d61598733f"
	bobACI   = "796abedb-ca4e-4f18-8803-1fde5b921f9f"
	carolPNI = "PNI:31b9e4e0-8c5e-4cf2-95a1-0c8a2c2b3a10"
)

func TestSealedSender(t *testing.T) {
	triples(t, func(t *testing.T, f *fleet, sender, receiver, issuer string) {
		alice, bob := Address{aliceACI, 3}, Address{bobACI, 9}
		root := newTrustRoot(t, f.peer(issuer), "root")
		other := newTrustRoot(t, f.peer(issuer), "other root")
		a := f.device(t, f.peer(sender), Params{Address: alice})
		b := f.device(t, f.peer(receiver), Params{Address: bob})
		cert := root.cert(t, alice, a.Identity(), "+14155550100")
		for _, impl := range f.implementations() {
			for _, c := range []struct {
				root  []byte
				now   int64
				valid bool
			}{{root.public, expiry, true}, {root.public, expiry + 1, false}, {other.public, expiry, false}, {root.public, 0, true}} {
				var v struct{ Valid bool }
				require.NoError(t, f.peer(impl).Call("checkCert", Fields{"cert": cert, "root": c.root, "now": c.now}, &v))
				require.Equal(t, c.valid, v.Valid, "%s: %+v", impl, c)
			}
		}
		_, err := a.seal(bob, []byte("x"), cert)
		require.Equal(t, "no-session", Word(err), "%v", err)
		bundle, err := b.Bundle(true)
		require.NoError(t, err)
		require.NoError(t, a.Process(bob, bundle))
		for i := range 4 { // the first two are first messages
			m, err := a.seal(bob, []byte{byte(i)}, cert)
			require.NoError(t, err)
			for _, c := range []struct {
				name, word string
				message    []byte
				root       []byte
				now        int64
			}{
				{"another root", "invalid-certificate", m, other.public, expiry},
				{"too late", "invalid-certificate", m, root.public, expiry + 1},
				{"damaged", "invalid-message", damagedAt(m, -1), root.public, expiry},
				{"empty", "invalid-message", []byte{}, root.public, expiry},
				{"truncated", "invalid-message", m[:len(m)-1], root.public, expiry},
				{"another version", "unsupported-version", append([]byte{0x31}, m[1:]...), root.public, expiry},
			} {
				_, err := b.unseal(c.message, c.root, c.now, "")
				require.Equal(t, c.word, Word(err), "%s: %v", c.name, err)
			}
			u, err := b.unseal(m, root.public, expiry, "+14155550199")
			require.NoError(t, err)
			require.Equal(t, unsealed{[]byte{byte(i)}, aliceACI, 3}, u)
			_, err = b.unseal(m, root.public, expiry, "")
			require.Equal(t, "duplicate", Word(err), "%v", err)
			if i == 1 {
				exchange(t, b, a, bob, alice)
			}
		}
	})
}

func damagedAt(b []byte, i int) []byte { return flip(i, 1)(bytes.Clone(b)) }

// A message that this device sent itself is refused, by its name or by its number.
func TestSelfSend(t *testing.T) {
	triples(t, func(t *testing.T, f *fleet, sender, receiver, issuer string) {
		root := newTrustRoot(t, f.peer(issuer), "root")
		for _, c := range []struct {
			name      string
			from, to  Address
			e164      string // of the sender, in its certificate
			own       string // of the receiver
			word      string
			otherRoot bool
		}{
			{"itself", Address{bobACI, 9}, Address{bobACI, 9}, "", "", "self-send", false},
			{"itself by number", Address{aliceACI, 9}, Address{bobACI, 9}, "+1415", "+1415", "self-send", false},
			{"another device", Address{bobACI, 8}, Address{bobACI, 9}, "+1415", "+1415", "", false},
			{"another name and number", Address{aliceACI, 9}, Address{bobACI, 9}, "+1415", "+1416", "", false},
			{"itself, not certified", Address{bobACI, 9}, Address{bobACI, 9}, "", "", "invalid-certificate", true},
		} {
			a := f.device(t, f.peer(sender), Params{Address: c.from, Identity: bundleIdentity})
			b := f.device(t, f.peer(receiver), Params{Address: c.to, Identity: bundleIdentity})
			bundle, err := b.Bundle(false)
			require.NoError(t, err)
			require.NoError(t, a.Process(c.to, bundle))
			m, err := a.seal(c.to, []byte("x"), root.cert(t, c.from, a.Identity(), c.e164))
			require.NoError(t, err)
			trusted := root.public
			if c.otherRoot {
				trusted = newTrustRoot(t, f.peer(issuer), "another").public
			}
			_, err = b.unseal(m, trusted, 0, c.own)
			require.Equal(t, c.word, Word(err), "%s: %v", c.name, err)
		}
	})
}

type content struct {
	Contents []byte
	Type     int
	Cert     []byte
	Hint     uint32
	GroupID  []byte
}

type split struct {
	Recipients map[string]struct {
		DeviceIDs, RegistrationIDs []uint32
		Message                    []byte
	}
}

// One message for many devices: what one implementation uploads, the other splits into the same
// parts, and every device opens its own.
func TestUploads(t *testing.T) {
	triples(t, func(t *testing.T, f *fleet, sender, receiver, issuer string) {
		alice := Address{aliceACI, 3}
		root := newTrustRoot(t, f.peer(issuer), "root")
		a := f.device(t, f.peer(sender), Params{Address: alice})
		cert := root.cert(t, alice, a.Identity(), "")
		to := []Address{{bobACI, 1}, {bobACI, 2}, {carolPNI, 127}}
		receivers := make(map[Address]*Device)
		distributionMessage, err := a.groupCreate(distribution)
		require.NoError(t, err)
		for i, address := range to {
			d := f.device(t, f.peer(receiver), Params{Address: address, Identity: bundleIdentity, RegistrationID: uint32(0x3fff - i)})
			receivers[address] = d
			bundle, err := d.Bundle(true)
			require.NoError(t, err)
			require.NoError(t, a.Process(address, bundle))
			require.NoError(t, d.groupProcess(alice, distributionMessage))
		}
		excluded := "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
		for _, c := range []struct {
			hint  uint32
			group []byte
		}{{0, nil}, {1, []byte("group")}, {2, []byte{}}, {1<<32 - 1, make([]byte, 1000)}} {
			r := Fields{"distribution": distribution, "plaintext": []byte("to all"), "cert": cert, "to": to, "hint": c.hint, "excluded": []string{excluded}}
			if c.group != nil {
				r["groupId"] = c.group
			}
			var up struct{ Message []byte }
			require.NoError(t, a.call("sealMulti", r, &up))
			parts := splitBoth(t, f, up.Message)
			require.Len(t, parts.Recipients, 2)
			require.Equal(t, []uint32{1, 2}, parts.Recipients[bobACI].DeviceIDs)
			require.Equal(t, []uint32{0x3fff, 0x3ffe}, parts.Recipients[bobACI].RegistrationIDs)
			for address, d := range receivers {
				var u content
				envelope := parts.Recipients[address.UUID].Message
				require.NoError(t, d.call("unsealUsmc", Fields{"message": envelope}, &u))
				want := content{u.Contents, 7, cert, c.hint, c.group}
				if len(c.group) == 0 {
					want.GroupID = nil // an empty one is not sent
				}
				require.Equal(t, want, u)
				plaintext, err := d.groupDecrypt(alice, u.Contents)
				require.NoError(t, err)
				require.Equal(t, "to all", string(plaintext))
				err = d.call("unsealUsmc", Fields{"message": damagedAt(envelope, -1)}, nil)
				require.Equal(t, "invalid-message", Word(err), "%v", err)
			}
		}
		for _, c := range []struct {
			name, word string
			edit       Fields
		}{
			{"no session", "no-session", Fields{"to": []Address{{aliceACI, 9}}}},
			{"no sender key", "no-sender-key", Fields{"distribution": excluded}},
			{"nobody", "", Fields{"to": []Address{}}},
		} {
			r := Fields{"distribution": distribution, "plaintext": []byte("x"), "cert": cert, "to": to}
			for k, v := range c.edit {
				r[k] = v
			}
			err := a.call("sealMulti", r, nil)
			require.Equal(t, c.word, Word(err), "%s: %v", c.name, err)
		}
	})
}

func splitBoth(t *testing.T, f *fleet, upload []byte) (s split) {
	t.Helper()
	ask(t, f, "splitMulti", Fields{"message": upload})
	if err := f.peer(ours).Call("splitMulti", Fields{"message": upload}, &s); err != nil {
		require.NotEqual(t, "broken", Word(err), "%v", err)
	}
	return s
}

// Damaged envelopes, certificates and uploads: both implementations say the same of every one.
func TestDamagedEnvelopes(t *testing.T) {
	f := newFleet(t)
	f.need(t, official)
	k := &conversation{t: t, f: f, rng: rand.New(rand.NewPCG(*seed, 9))}
	words := make(map[string]int)
	alice, bob := Address{aliceACI, 3}, Address{bobACI, 9}
	for _, issuer := range f.implementations() {
		root := newTrustRoot(t, f.peer(issuer), "damaged")
		for _, impl := range f.implementations() {
			a := f.device(t, f.peer(impl), Params{Address: alice})
			to := newReceivers(t, f, bob)
			cert := root.cert(t, alice, a.Identity(), "+1415")
			to.first(t, a, ours, true)
			_, err := a.groupCreate(distribution)
			require.NoError(t, err)
			envelope, err := a.seal(bob, []byte("x"), cert)
			require.NoError(t, err)
			var up struct{ Message []byte }
			require.NoError(t, a.call("sealMulti", Fields{
				"distribution": distribution, "plaintext": []byte("x"), "cert": cert, "to": []Address{bob}, "excluded": []string{carolPNI},
			}, &up))
			received := splitBoth(t, f, up.Message).Recipients[bobACI].Message
			for range max(100, *deliveries/20) {
				m := k.damaged(up.Message)
				splitBoth(t, f, m)
				for _, e := range [][]byte{k.damaged(envelope), k.editField(envelope, 0), k.damaged(received)} {
					words[unsealBoth(t, to, e)]++
				}
				for _, c := range [][]byte{k.damaged(cert), k.editField(append([]byte{0}, cert...), 0)[1:]} {
					r := Fields{"cert": c, "root": root.public, "now": 1}
					x, y := make(Fields), make(Fields)
					e1 := f.peer(ours).Call("checkCert", r, &x)
					e2 := f.peer(official).Call("checkCert", r, &y)
					require.Equal(t, Word(e2), Word(e1), "certificate %x: %v, %v", c, e1, e2)
					require.Equal(t, y["valid"], x["valid"], "certificate %x", c)
					words["cert "+Word(e1)]++
				}
			}
		}
	}
	t.Logf("outcomes %v", words)
}

// unsealBoth opens an envelope at the same device in both implementations.
func unsealBoth(t *testing.T, to receivers, envelope []byte) string {
	t.Helper()
	var x, y content
	a := to.at[ours].call("unsealUsmc", Fields{"message": envelope}, &x)
	b := to.at[official].call("unsealUsmc", Fields{"message": envelope}, &y)
	require.Equal(t, Word(b), Word(a), "%v, %v: envelope %x", a, b, envelope)
	require.Equal(t, y, x)
	return Word(a)
}
