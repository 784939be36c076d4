package interop

// An Address names a device to a peer.
type Address struct {
	UUID     string `json:"uuid"`
	DeviceID uint32 `json:"deviceId"`
}

// A Bundle is what the op bundle answers, and what process takes.
type Bundle struct {
	RegistrationID        uint32  `json:"registrationId"`
	DeviceID              uint32  `json:"deviceId"`
	Identity              []byte  `json:"identity"`
	SignedPreKeyID        uint32  `json:"signedPreKeyId"`
	SignedPreKey          []byte  `json:"signedPreKey"`
	SignedPreKeySignature []byte  `json:"signedPreKeySignature"`
	KyberPreKeyID         *uint32 `json:"kyberPreKeyId,omitzero"`
	KyberPreKey           []byte  `json:"kyberPreKey,omitzero"`
	KyberPreKeySignature  []byte  `json:"kyberPreKeySignature,omitzero"`
	PreKeyID              *uint32 `json:"preKeyId,omitzero"`
	PreKey                []byte  `json:"preKey,omitzero"`
}

// A Message is what travels between two devices.
type Message struct {
	Type    int    `json:"type"` // TypeWhisper or TypePreKey
	Message []byte `json:"message"`
}

// The two types of Message.
const (
	TypeWhisper = 2
	TypePreKey  = 3
)

// Params describes a device to make. Zero fields are left to the peer.
type Params struct {
	Address
	Identity       []byte // private key, 32 bytes
	RegistrationID uint32
	Protocol       int
}

// A Device is a device that a peer holds.
type Device struct {
	peer           *Peer
	handle         string
	identity       []byte
	registrationID uint32
}

// Device makes a device under a handle, in place of the one that the handle had.
func (p *Peer) Device(handle string, params Params) (*Device, error) {
	r := Fields{"h": handle, "uuid": params.UUID, "deviceId": params.DeviceID}
	if params.Identity != nil {
		r["identity"] = params.Identity
	}
	if params.RegistrationID != 0 {
		r["registrationId"] = params.RegistrationID
	}
	if params.Protocol != 0 {
		r["protocol"] = params.Protocol
	}
	var a struct {
		Identity       []byte
		RegistrationID uint32
	}
	if err := p.Call("device", r, &a); err != nil {
		return nil, err
	}
	return &Device{p, handle, a.Identity, a.RegistrationID}, nil
}

// Peer returns the process that holds the device.
func (d *Device) Peer() *Peer { return d.peer }

// Identity returns the device's public identity key, 33 bytes.
func (d *Device) Identity() []byte { return d.identity }

// RegistrationID returns the device's registration id.
func (d *Device) RegistrationID() uint32 { return d.registrationID }

func (d *Device) call(op string, r Fields, into any) error {
	r["h"] = d.handle
	return d.peer.Call(op, r, into)
}

// Bundle makes a bundle for one initiator.
func (d *Device) Bundle(oneTime bool) (b Bundle, err error) {
	err = d.call("bundle", Fields{"oneTime": oneTime}, &b)
	return b, err
}

// Process begins a session from a bundle.
func (d *Device) Process(to Address, b Bundle) error {
	return d.call("process", Fields{"to": to, "bundle": b}, nil)
}

// Encrypt returns the message that carries plaintext.
func (d *Device) Encrypt(to Address, plaintext []byte) (m Message, err error) {
	if plaintext == nil {
		plaintext = []byte{} // nil is JSON's null
	}
	err = d.call("encrypt", Fields{"to": to, "plaintext": plaintext}, &m)
	return m, err
}

// Decrypt returns the plaintext of a message.
func (d *Device) Decrypt(from Address, m Message) ([]byte, error) {
	body := m.Message
	if body == nil {
		body = []byte{}
	}
	var a struct{ Plaintext []byte }
	err := d.call("decrypt", Fields{"from": from, "type": m.Type, "message": body}, &a)
	return a.Plaintext, err
}

// Archive archives the current session.
func (d *Device) Archive(to Address) error { return d.call("archive", Fields{"to": to}, nil) }

// Session returns the sessions with an address as an official RecordStructure, nil if there are
// none.
func (d *Device) Session(to Address) ([]byte, error) {
	var a struct{ Record []byte }
	err := d.call("session", Fields{"to": to}, &a)
	return a.Record, err
}

// SetSession replaces the sessions with an address. An empty record removes them.
func (d *Device) SetSession(to Address, record []byte) error {
	if record == nil {
		record = []byte{}
	}
	return d.call("setSession", Fields{"to": to, "record": record}, nil)
}
