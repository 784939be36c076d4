package wire

// A Bundle is a prekey bundle as this library writes it; there is no official encoding.
type Bundle struct {
	RegistrationID, DeviceID      uint32
	HasPreKey                     bool
	PreKeyID                      uint32
	PreKeyPublic                  []byte
	SignedID                      uint32
	SignedPublic, SignedSignature []byte
	Identity                      []byte
	KEMID                         uint32
	KEMPublic, KEMSignature       []byte
	OneTime, OneTimeKEM           [][]byte // records of the one-time prekeys of a whole stock
}

// ParseBundle parses an encoded bundle. Keys and signatures are not looked at.
func ParseBundle(b []byte) (v Bundle, err error) {
	p := Parser{rest: b}
	for p.Next() {
		switch p.f.num {
		case 1:
			p.Uint32(&v.RegistrationID)
		case 2:
			p.Uint32(&v.DeviceID)
		case 3:
			p.Uint32(&v.PreKeyID)
			v.HasPreKey = true
		case 4:
			p.Bytes(&v.PreKeyPublic)
		case 5:
			p.Uint32(&v.SignedID)
		case 6:
			p.Bytes(&v.SignedPublic)
		case 7:
			p.Bytes(&v.SignedSignature)
		case 8:
			p.Bytes(&v.Identity)
		case 9:
			p.Uint32(&v.KEMID)
		case 10:
			p.Bytes(&v.KEMPublic)
		case 11:
			p.Bytes(&v.KEMSignature)
		case 12:
			p.append(&v.OneTime)
		case 13:
			p.append(&v.OneTimeKEM)
		}
	}
	return v, p.err
}

func (p *Parser) append(list *[][]byte) {
	var b []byte
	if p.Bytes(&b); p.err == nil {
		*list = append(*list, b)
	}
}
