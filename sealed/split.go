package sealed

import (
	"encoding/binary"
	"math"

	"signet.example/signet/group"
)

// An Upload is a message to many devices as a server receives it (§8.2). It aliases the bytes that
// it was parsed from, which are not modified while it is in use. It is immutable and safe for
// concurrent use.
type Upload struct {
	b      []byte
	to     []UploadRecipient
	shared int
}

// An UploadRecipient is an account to which an upload goes, or which it excludes.
type UploadRecipient struct {
	// Name is the service id: a UUID in lower case, after "PNI:" if it is one.
	Name string
	// Devices are its devices in the order of the upload, none if the account is excluded. They are
	// not compared: a device may stand there twice.
	Devices []UploadDevice
	// KeysAt is where in the upload the account's key material begins, KeysSize bytes; zero if the
	// account is excluded.
	KeysAt int
}

// An UploadDevice is one device of an account.
type UploadDevice struct {
	ID             uint32 // 1 to 127
	RegistrationID uint32 // 14 bits
}

// KeysSize is how many bytes of an upload are for one account alone, in bytes.
const KeysSize = keysSize

// Excluded reports whether the upload excludes the account.
func (r *UploadRecipient) Excluded() bool { return len(r.Devices) == 0 }

// startCap is how many recipients there is room for at first, whatever the upload says.
const startCap = 6000

// ParseUpload parses an upload, in the form of today and in the older one, and does not copy it.
// Accounts that come up more than once are merged where they came up first; the key material of the
// first time counts. It checks that the layout is sound and nothing else: there is no secret that a
// server could check with. The errors are session.ErrInvalidMessage and session.ErrVersion.
func ParseUpload(b []byte) (*Upload, error) {
	if len(b) == 0 {
		return nil, invalid("Message was empty")
	}
	if b[0] != firstUpload && b[0] != firstLegacy { // the whole byte counts here
		return nil, unknownVersion(b[0])
	}
	count, n := binary.Uvarint(b[1:])
	if n <= 0 || count > math.MaxUint32 {
		return nil, errMalformed
	}
	// The official parser goes on after the shortest form of the number, whatever form it came in.
	minimal := len(binary.AppendUvarint(nil, count))
	p := entries{b: b, at: 1 + minimal, bare: b[0] == firstLegacy, seen: make(map[[17]byte]int)}
	p.to = make([]UploadRecipient, 0, min(count, startCap, uint64(len(b)/18)+1))
	for ; count > 0; count-- {
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	if len(b)-p.at < 32 {
		return nil, errMalformed
	}
	return &Upload{b: b, to: p.to, shared: p.at}, nil
}

// entries is the loop over the entries of an upload.
type entries struct {
	b    []byte
	at   int
	bare bool // recipients are 16 bytes of an ACI, not 17 of a service id
	to   []UploadRecipient
	seen map[[17]byte]int
}

// take returns the next n bytes, nil if there are fewer.
func (p *entries) take(n int) []byte {
	if len(p.b)-p.at < n {
		return nil
	}
	p.at += n
	return p.b[p.at-n : p.at]
}

// next parses one entry and merges it into the others.
func (p *entries) next() error {
	id, err := p.id()
	if err != nil {
		return err
	}
	devices, err := p.devices()
	if err != nil {
		return err
	}
	at := 0
	if len(devices) > 0 {
		at = p.at
		if p.take(keysSize) == nil {
			return errMalformed
		}
	}
	i, again := p.seen[id]
	if !again {
		p.seen[id] = len(p.to)
		p.to = append(p.to, UploadRecipient{Name: name(id), Devices: devices, KeysAt: at})
		return nil
	}
	r := &p.to[i]
	if len(devices) == 0 || r.Excluded() {
		return invalid("recipient redundantly encoded as empty")
	}
	r.Devices = append(r.Devices, devices...)
	return nil
}

func (p *entries) id() (id [17]byte, err error) {
	dst := id[:]
	if p.bare {
		dst = id[1:] // an ACI, whose kind is 0
	}
	b := p.take(len(dst))
	if b == nil {
		return id, errMalformed
	}
	copy(dst, b)
	if id[0] > 1 {
		return id, errMalformed
	}
	return id, nil
}

// devices parses the list of devices; none says that the account is excluded.
func (p *entries) devices() (all []UploadDevice, err error) {
	for {
		b := p.take(1)
		switch {
		case b == nil, b[0] > 127, b[0] == 0 && len(all) > 0:
			return nil, errMalformed
		case b[0] == 0:
			return nil, nil
		}
		id := uint32(b[0])
		if b = p.take(2); b == nil {
			return nil, errMalformed
		}
		word := binary.BigEndian.Uint16(b)
		all = append(all, UploadDevice{ID: id, RegistrationID: uint32(word & registration)})
		if word&moreDevices == 0 {
			return all, nil
		}
	}
}

// name is the text of a service id.
func name(id [17]byte) string {
	uuid := group.DistributionID(id[1:]).String()
	if id[0] == 1 {
		return "PNI:" + uuid
	}
	return uuid
}

// Recipients returns the accounts in the order in which they came up, excluded ones among them. The
// slice belongs to the Upload.
func (u *Upload) Recipients() []UploadRecipient { return u.to }

// SharedAt returns where in the upload the part begins that all recipients get: from there to the
// end. A server that stores the upload once needs that and KeysAt.
func (u *Upload) SharedAt() int { return u.shared }

var firstReceived = []byte{firstV2}

// Received returns the envelope for the devices of r, one of the Recipients, in three parts to be
// written one after the other, as net.Buffers does: a byte, the account's key material, and the
// shared part. The last two alias the upload and none is to be modified. The official client makes
// an envelope that nobody can open for an excluded account, and so does this.
func (u *Upload) Received(r *UploadRecipient) [][]byte {
	var keys []byte
	if !r.Excluded() {
		keys = u.b[r.KeysAt : r.KeysAt+keysSize : r.KeysAt+keysSize]
	}
	return [][]byte{firstReceived, keys, u.b[u.shared:len(u.b):len(u.b)]}
}

// AppendReceived appends the envelope for the devices of r to dst.
func (u *Upload) AppendReceived(dst []byte, r *UploadRecipient) []byte {
	for _, part := range u.Received(r) {
		dst = append(dst, part...)
	}
	return dst
}
