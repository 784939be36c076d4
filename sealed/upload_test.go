package sealed

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/secret"
	"signet.example/signet/session"
)

type uploads struct {
	Sender party
	People []party
	Cases  []struct {
		Name     string
		USMC     hexBytes
		To       []party `json:"destinations"`
		Excluded []string
		Sent     hexBytes
		Parsed   struct {
			Excluded   []string
			Shared     int `json:"offset_of_shared"`
			Recipients []struct {
				Name          string   `json:"service_id"`
				Devices       []uint32 `json:"device_ids"`
				Registrations []uint32 `json:"registration_ids"`
				Received      hexBytes
			}
		}
	}
	Negative []struct {
		Name  string
		OK    bool
		Value hexBytes
		Error failure
	}
}

func loadUploads(t testing.TB) (f uploads) {
	load(t, "sealed-v2-multi.json", &f)
	return f
}

func (f *uploads) person(t testing.TB, name string) party {
	i := slices.IndexFunc(f.People, func(p party) bool { return p.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return f.People[i]
}

// messageKeyOf recovers the message key of an upload with the private key of one recipient.
func messageKeyOf(t testing.TB, received []byte, self *signet.PrivateKey) *messageKey {
	e := signet.PublicKeyFromRaw([32]byte(received[49:81]))
	shared, err := self.Agree(e)
	require.NoError(t, err)
	m := mask(&shared, e, self.PublicKey())
	for i, b := range received[1:33] {
		m[i] ^= b
	}
	return expand(&m)
}

// Each official upload is split as the official client does, opened by every recipient, and made
// again byte for byte from its message key.
func TestOfficialUploads(t *testing.T) {
	f := loadUploads(t)
	for _, v := range f.Cases {
		t.Run(v.Name, func(t *testing.T) {
			var u *Upload
			guarded(t, v.Sent, func(b []byte) {
				var err error
				u, err = ParseUpload(b)
				require.NoError(t, err)
			})
			u, err := ParseUpload(v.Sent)
			require.NoError(t, err)
			require.Equal(t, v.Parsed.Shared, u.SharedAt())
			var excluded []string
			var k *messageKey
			n := 0
			for _, r := range u.Recipients() {
				if r.Excluded() {
					excluded = append(excluded, r.Name)
					require.Equal(t, append([]byte{0x22}, v.Sent[u.SharedAt():]...), u.AppendReceived(nil, &r))
					continue
				}
				want := v.Parsed.Recipients[n]
				n++
				require.Equal(t, want.Name, r.Name)
				var devices, registrations []uint32
				for _, d := range r.Devices {
					devices = append(devices, d.ID)
					registrations = append(registrations, d.RegistrationID)
				}
				require.Equal(t, want.Devices, devices)
				require.Equal(t, want.Registrations, registrations)
				received := u.AppendReceived([]byte("head"), &r)[4:]
				require.Equal(t, []byte(want.Received), received)
				require.Equal(t, received, bytes.Join(u.Received(&r), nil))
				self := f.person(t, r.Name).Private.private(t)
				c, err := OpenContent(self, received)
				require.NoError(t, err)
				require.Equal(t, []byte(v.USMC), c.Bytes())
				k = messageKeyOf(t, received, self)
			}
			require.Equal(t, v.Parsed.Excluded, append([]string{}, excluded...))
			require.Len(t, v.Parsed.Recipients, n)
			if k == nil {
				return // nobody can recover the key
			}
			var to []Recipient
			for _, d := range v.To {
				r := f.person(t, d.Name).recipient(t)
				r.Address, r.RegistrationID = d.address(), d.Registration
				to = append(to, r)
			}
			p, err := plan(to, v.Excluded)
			require.NoError(t, err)
			again, err := p.seal(k, f.Sender.Private.private(t), v.USMC)
			require.NoError(t, err)
			require.Equal(t, hex.EncodeToString(v.Sent), hex.EncodeToString(again))
		})
	}
}

func TestOfficialMessageKeys(t *testing.T) {
	var f struct {
		Cases []struct {
			Name     string
			M, K     hexBytes
			EPrivate hexBytes `json:"E_private"`
			EPublic  hexBytes `json:"E_public"`
		}
	}
	load(t, "sealed-v2-multi-derived.json", &f)
	require.NotEmpty(t, f.Cases)
	for _, v := range f.Cases {
		m := secret.Key(v.M)
		k := expand(&m)
		require.Equal(t, secret.Key(v.EPrivate), k.e)
		require.Equal(t, v.EPublic.public(t), k.public)
		require.Equal(t, secret.Key(v.K), k.k)
	}
}

func TestOfficialUploadErrors(t *testing.T) {
	f := loadUploads(t)
	self := f.Sender.Private.private(t)
	c, err := ParseContent(f.Cases[0].USMC)
	require.NoError(t, err)
	for _, v := range f.Negative {
		t.Run(v.Name, func(t *testing.T) {
			r := f.People[2].recipient(t) // 38381c3b…
			switch v.Name {
			case "registration-id-0x4000":
				r.Address.Name, r.RegistrationID = "a1a2a3a4-b1b2-41c2-91d2-d3d4d5d6d7d8", 0x4000
				r.Address.Device = 1
			case "recipient-not-service-id":
				r.Address.Name = "+14155550123"
			case "recipient-uppercase-uuid":
				r.Address.Name = string(bytes.ToUpper([]byte(r.Address.Name)))
			case "no-recipients-none-excluded":
				b, err := c.SealMany(self, nil, nil)
				require.NoError(t, err)
				require.Equal(t, []byte{0x23, 0}, b[:2])
				u, err := ParseUpload(v.Value)
				require.NoError(t, err)
				require.Empty(t, u.Recipients())
				return
			default: // of a Sender, see TestSealErrors
				require.Contains(t, []string{"archived-session", "no-identity"}, v.Name)
				return
			}
			b, err := c.SealMany(self, []Recipient{r}, nil)
			if !v.OK {
				requireKind(t, v.Error.Message, err)
				return
			}
			require.NoError(t, err)
			u, err := ParseUpload(v.Value)
			require.NoError(t, err)
			own, err := ParseUpload(b)
			require.NoError(t, err)
			require.Equal(t, u.Recipients()[0].Name, own.Recipients()[0].Name)
		})
	}
	r := f.People[0].recipient(t)
	for _, device := range []uint32{0, 128, 257} {
		r.Address.Device = device
		_, err = c.SealMany(self, []Recipient{r}, nil)
		require.ErrorIs(t, err, ErrInvalidArgument)
	}
	_, err = c.SealMany(self, nil, []string{"alice"})
	require.ErrorIs(t, err, ErrInvalidArgument)
	r = f.People[0].recipient(t)
	r.Identity = signet.PublicKey{}
	_, err = c.SealMany(self, []Recipient{f.People[2].recipient(t), r, f.People[5].recipient(t)}, nil)
	require.ErrorIs(t, err, signet.ErrInvalidAgreement)
}

var (
	uuidA = bytes.Repeat([]byte{0xa1}, 16)
	uuidB = bytes.Repeat([]byte{0xb2}, 16)
	tail  = bytes.Repeat([]byte{0x77}, 32)
)

func fill(b byte) []byte { return bytes.Repeat([]byte{b}, keysSize) }

func join(parts ...any) (b []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case []byte:
			b = append(b, p...)
		case int:
			b = append(b, byte(p))
		}
	}
	return b
}

// The parser of servers, entry by entry (§8.2).
func TestUploadMatrix(t *testing.T) {
	one := join(0, uuidA, 1, 0, 5, fill(1))
	cases := []struct {
		name   string
		b      []byte
		err    string // the official text, "" for none
		names  []string
		keysAt []int
	}{
		{"empty", nil, "invalid sealed sender message: Message was empty", nil, nil},
		{"version 0x21", join(0x21, 0, tail), "unknown sealed sender message version 33", nil, nil},
		{"version 0x33", join(0x33, 0, tail), "unknown sealed sender message version 51", nil, nil},
		{"version only", join(0x23), "protobuf encoding was invalid", nil, nil},
		{"nobody", join(0x23, 0, tail), "", nil, nil},
		{"no ephemeral key", join(0x23, 0, tail[1:]), "protobuf encoding was invalid", nil, nil},
		{"one", join(0x23, 1, one, tail), "", []string{"A 1:5"}, []int{22}},
		{"one, legacy", join(0x22, 1, one[1:], tail), "", []string{"A 1:5"}, []int{21}},
		{"count too great", join(0x23, 2, one, tail), "protobuf encoding was invalid", nil, nil},
		{"count of 2^32-1", join(0x23, 0xff, 0xff, 0xff, 0xff, 0x0f, one, tail), "protobuf encoding was invalid", nil, nil},
		{"count of 2^32", join(0x23, 0x80, 0x80, 0x80, 0x80, 0x10, one, tail), "protobuf encoding was invalid", nil, nil},
		{"count without an end", join(0x23, 0xff), "protobuf encoding was invalid", nil, nil},
		{"count of 11 bytes", join(0x23, bytes.Repeat([]byte{0x80}, 10), 0, tail), "protobuf encoding was invalid", nil, nil},
		// 81 00 is 1; the official parser goes on one byte later, at the 00, which becomes the kind of an
		// ACI.
		{"count in a longer form", join(0x23, 0x81, 0, uuidA, 1, 0, 5, fill(1), tail), "", []string{"A 1:5"}, []int{22}},
		{"kind 2", join(0x23, 1, 2, uuidA, 1, 0, 5, fill(1), tail), "protobuf encoding was invalid", nil, nil},
		{"PNI", join(0x23, 1, 1, uuidA, 1, 0, 5, fill(1), tail), "", []string{"PNI A 1:5"}, []int{22}},
		{"ACI and PNI of one UUID", join(0x23, 2, one, 1, uuidA, 0, tail), "", []string{"A 1:5", "PNI A"}, []int{22, 0}},
		{"two devices", join(0x23, 1, 0, uuidA, 1, 0x80, 5, 127, 0x3f, 0xff, fill(1), tail), "", []string{"A 1:5 127:16383"}, []int{25}},
		{"bit 14", join(0x23, 1, 0, uuidA, 1, 0x40, 5, fill(1), tail), "", []string{"A 1:5"}, []int{22}},
		{"device 128", join(0x23, 1, 0, uuidA, 128, 0, 5, fill(1), tail), "protobuf encoding was invalid", nil, nil},
		{"device 0 after another", join(0x23, 1, 0, uuidA, 1, 0x80, 5, 0, fill(1), tail), "protobuf encoding was invalid", nil, nil},
		{"excluded", join(0x23, 1, 0, uuidA, 0, tail), "", []string{"A"}, []int{0}},
		{"again", join(0x23, 3, one, 0, uuidB, 1, 0, 5, fill(2), 0, uuidA, 1, 0, 6, fill(3), tail), "",
			[]string{"A 1:5 1:6", "B 1:5"}, []int{22, 90}},
		{"again and excluded", join(0x23, 2, one, 0, uuidA, 0, tail), "invalid sealed sender message: recipient redundantly encoded as empty", nil, nil},
		{"excluded and again", join(0x23, 2, 0, uuidA, 0, one, tail), "invalid sealed sender message: recipient redundantly encoded as empty", nil, nil},
		{"excluded twice", join(0x23, 2, 0, uuidA, 0, 0, uuidA, 0, tail), "invalid sealed sender message: recipient redundantly encoded as empty", nil, nil},
	}
	text := map[string]string{name([17]byte(join(0, uuidA))): "A", name([17]byte(join(1, uuidA))): "PNI A", name([17]byte(join(0, uuidB))): "B"}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			u, err := ParseUpload(c.b)
			if c.err != "" {
				requireKind(t, c.err, err)
				return
			}
			require.NoError(t, err)
			var names []string
			var at []int
			for _, r := range u.Recipients() {
				s := text[r.Name]
				for _, d := range r.Devices {
					s += fmt.Sprintf(" %d:%d", d.ID, d.RegistrationID)
				}
				names = append(names, s)
				at = append(at, r.KeysAt)
			}
			require.Equal(t, c.names, names)
			require.Equal(t, c.keysAt, at)
			require.Equal(t, len(c.b)-32, u.SharedAt())
		})
	}
	whole := join(0x23, 2, one, 1, uuidB, 0, tail)
	for n := range len(whole) {
		_, err := ParseUpload(whole[:n:n])
		require.ErrorIs(t, err, session.ErrInvalidMessage, "%d bytes", n)
	}
}

// crowd returns n recipients, and the private keys of the first few.
func crowd(n int) (to []Recipient, keys []*signet.PrivateKey) {
	src := entropy.Seeded([32]byte{9})
	for i := range n {
		var u [32]byte
		u[0] = 9
		if i < 8 {
			keys = append(keys, signet.GenerateKeyFrom(src))
			u = keys[i].PublicKey().Raw()
		} else {
			src.Read(u[:]) // a point of the curve or of its twist: as good for agreement
		}
		var id [17]byte
		binary.BigEndian.PutUint32(id[1:], uint32(i))
		a := signet.Address{Name: name(id), Device: 1}
		to = append(to, Recipient{Address: a, Identity: signet.PublicKeyFromRaw(u), RegistrationID: uint32(i) & registration})
	}
	return to, keys
}

// Pieces are all of it, in order, none too large, and none is larger than one before it.
func TestPieces(t *testing.T) {
	require.Empty(t, pieces(0, 2))
	for _, workers := range []int{1, 2, 3, 64} {
		for n := 1; n < 200; n++ {
			at, last := 0, batch
			for _, end := range pieces(n, workers) {
				require.Greater(t, end, at)
				require.LessOrEqual(t, end-at, last)
				at, last = end, end-at
			}
			require.Equal(t, n, at)
		}
	}
	require.Equal(t, []int{2, 4, 5, 6, 7, 8, 9, 10}, pieces(10, 2))
}

// However many processors share the work, the upload is the same.
func TestSealManyInParallel(t *testing.T) {
	f := loadUploads(t)
	self := f.Sender.Private.private(t)
	to, keys := crowd(50)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var want []byte
	for _, procs := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(procs)
		p, err := plan(to, nil)
		require.NoError(t, err)
		got, err := p.seal(newMessageKey(entropy.Seeded([32]byte{1})), self, f.Cases[0].USMC)
		require.NoError(t, err)
		if want == nil {
			want = got
		}
		require.True(t, bytes.Equal(want, got), "%d processors", procs)
	}
	u, err := ParseUpload(want)
	require.NoError(t, err)
	require.Len(t, u.Recipients(), len(to))
	for i, k := range keys {
		c, err := OpenContent(k, u.AppendReceived(nil, &u.Recipients()[i]))
		require.NoError(t, err)
		require.Equal(t, []byte(f.Cases[0].USMC), c.Bytes())
		_, err = OpenContent(k, u.AppendReceived(nil, &u.Recipients()[i+1]))
		require.ErrorIs(t, err, session.ErrInvalidMessage)
	}
	// Of several that fail, the first one's error is returned.
	err = parallel(40, func(i int) error {
		if i%2 == 1 {
			return fmt.Errorf("%d", i)
		}
		return nil
	})
	require.EqualError(t, err, "1")
}

func TestSplitDoesNotCopy(t *testing.T) {
	f := loadUploads(t)
	sent := bytes.Clone(f.Cases[1].Sent)
	u, err := ParseUpload(sent)
	require.NoError(t, err)
	for i := range u.Recipients() {
		r := &u.Recipients()[i]
		parts := u.Received(r)
		require.Same(t, &sent[r.KeysAt], &parts[1][0])
		require.Same(t, &sent[u.SharedAt()], &parts[2][0])
		require.Equal(t, KeysSize, cap(parts[1]))
	}
	if !raceEnabled {
		r := &u.Recipients()[0]
		require.LessOrEqual(t, testing.AllocsPerRun(100, func() { u.Received(r) }), 1.0)
	}
}

// A count is only a claim: no memory is taken for it.
func TestUploadAllocation(t *testing.T) {
	b := join(0x23, 0xff, 0xff, 0xff, 0xff, 0x0f, tail)
	if raceEnabled {
		return
	}
	before, after := new(runtime.MemStats), new(runtime.MemStats)
	runtime.ReadMemStats(before)
	for range 100 {
		_, err := ParseUpload(b)
		require.Error(t, err)
	}
	runtime.ReadMemStats(after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}
