package signet

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// An Address names one device of one user. The name is any string on which both sides agree: a
// service id, a telephone number, a JID without its device. Addresses are comparable.
//
// Sessions, groups and stores take any device id; a name may be long or not be UTF-8. Users'
// devices and their directories (package sesame) are 0 to MaxDevice. Certificates and envelopes of
// package sealed, and what Signal's wire says of addresses, are 1 to MaxDevice, since the official
// client refuses others.
type Address struct {
	Name   string
	Device uint32
}

// MaxDevice is the greatest device id. The smallest is 1 on Signal's wire, and 0 where the network
// has a device 0: on WhatsApp it is the phone itself. See Check and CheckListed.
const MaxDevice = 127

// ErrInvalidAddress is a device id outside of 1 to MaxDevice, or of 0 to MaxDevice where there is a
// device 0.
var ErrInvalidAddress = errors.New("signet: protocol address is invalid")

// String returns the name and the device with a dot between them: "alice.2".
func (a Address) String() string {
	return a.Name + "." + strconv.FormatUint(uint64(a.Device), 10)
}

// Check returns an error that wraps ErrInvalidAddress unless the device id is one of Signal's, 1 to
// MaxDevice.
func (a Address) Check() error {
	if a.Device < 1 || a.Device > MaxDevice {
		return fmt.Errorf("%w: %s", ErrInvalidAddress, a)
	}
	return nil
}

// CheckListed is Check for networks that have a device 0: it returns an error that wraps
// ErrInvalidAddress unless the device id is 0 to MaxDevice.
func (a Address) CheckListed() error {
	if a.Device > MaxDevice {
		return fmt.Errorf("%w: %s", ErrInvalidAddress, a)
	}
	return nil
}

// The kinds of service ids, the first byte of their fixed-width form.
const (
	kindACI = 0
	kindPNI = 1
)

// ServiceID returns the fixed-width form of the name, 17 bytes: 0 for an account identity (ACI) or
// 1 for a telephone number identity (PNI), and the UUID in the order in which it is printed. It
// reports false for a name that is not a service id: a UUID of 36 characters with hyphens and of
// either case, bare or after the exact prefix "PNI:".
func (a Address) ServiceID() (id [17]byte, ok bool) {
	id[0] = kindACI
	uuid, pni := strings.CutPrefix(a.Name, "PNI:")
	if pni {
		id[0] = kindPNI
	}
	if len(uuid) != 36 {
		return [17]byte{}, false
	}
	var digits [32]byte
	n := 0
	for i := range len(uuid) {
		switch hyphen := i == 8 || i == 13 || i == 18 || i == 23; {
		case hyphen != (uuid[i] == '-'):
			return [17]byte{}, false
		case !hyphen:
			digits[n] = uuid[i]
			n++
		}
	}
	if _, err := hex.Decode(id[1:], digits[:]); err != nil {
		return [17]byte{}, false
	}
	return id, true
}
