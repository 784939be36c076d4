package fingerprint

import (
	"crypto/subtle"
	"errors"
	"fmt"

	"signet.example/signet/internal/wire"
)

// codeBytes is how much of each fingerprint a code holds, in bytes.
const codeBytes = 32

// A Code is what one device shows and the other scans. Codes are comparable; the zero Code matches
// nothing that is scanned.
type Code struct {
	version       Version
	local, remote string // halves of fingerprints; a parsed code may hold any length
}

// New returns the code that the local party shows to the remote one.
func New(v Version, local, remote Party) Code {
	c, err := compute(v, Iterations, local, remote)
	if err != nil {
		panic("fingerprint: the number of iterations is a constant within the bounds")
	}
	return c
}

func compute(v Version, iterations int, local, remote Party) (Code, error) {
	if iterations < minIterations || iterations > maxIterations {
		return Code{}, fmt.Errorf("fingerprint: invalid fingerprint iterations %d", iterations)
	}
	l, r := fingerprint(local, iterations), fingerprint(remote, iterations)
	return Code{version: v, local: string(l[:codeBytes]), remote: string(r[:codeBytes])}, nil
}

// Number returns the safety number that belongs to the code, as the function Number does. It is
// empty for a parsed code that holds less than 30 bytes of a fingerprint.
func (c Code) Number() string {
	if len(c.local) < digitBytes || len(c.remote) < digitBytes {
		return ""
	}
	return join(c.local, c.remote)
}

// Version returns the version of the code.
func (c Code) Version() Version { return c.version }

// The fields of CombinedFingerprints and, for content, of the LogicalFingerprint inside.
const (
	fieldVersion = 1
	fieldLocal   = 2
	fieldRemote  = 3
	fieldContent = 1
)

// Bytes returns the code as it goes into a QR code, in byte mode: the protobuf
// CombinedFingerprints, 74 bytes for the versions in use. It is not secret. Apps hand it to makers
// of QR codes as a string of ISO-8859-1, which is the same bytes; a scanner that returns UTF-8 has
// encoded them anew.
func (c Code) Bytes() []byte {
	b := wire.AppendUint(nil, fieldVersion, uint64(c.version))
	b = wire.AppendBytes(b, fieldLocal, wire.AppendBytes(nil, fieldContent, []byte(c.local)))
	return wire.AppendBytes(b, fieldRemote, wire.AppendBytes(nil, fieldContent, []byte(c.remote)))
}

// ErrMalformed is a code that does not parse or lacks a part.
var ErrMalformed = errors.New("fingerprint: parsing error")

// A VersionError is a scanned code of another version than ours: one of the two sides identifies
// people in a way that the other does not know yet. Nothing follows for the keys.
type VersionError struct{ Theirs, Ours Version }

func (e *VersionError) Error() string {
	return fmt.Sprintf("fingerprint: version number mismatch them %d us %d", e.Theirs, e.Ours)
}

// A MismatchError is a scanned code that is not the counterpart of ours. At least one of its fields
// is true. Where Remote alone is, we hold the wrong key of them, and where Local alone is, they
// hold the wrong key of us; both are, among others, if the code is that of a third person or our
// own.
type MismatchError struct {
	Local  bool // what they hold of us is not what we are
	Remote bool // what we hold of them is not what they are
}

func (e *MismatchError) Error() string {
	switch {
	case !e.Remote:
		return "fingerprint: mismatch: they hold another key of us"
	case !e.Local:
		return "fingerprint: mismatch: we hold another key of them"
	}
	return "fingerprint: mismatch: the code belongs to other parties"
}

// Parse parses what Bytes returns, for a code that was stored. The errors wrap ErrMalformed.
func Parse(b []byte) (Code, error) {
	p, err := parse(b)
	switch {
	case err != nil:
		return Code{}, fmt.Errorf("%w: failed to decode protobuf", ErrMalformed)
	case !p.hasVersion:
		return Code{}, fmt.Errorf("%w: missing version", ErrMalformed)
	case !p.local.set:
		return Code{}, fmt.Errorf("%w: missing local fingerprint", ErrMalformed)
	case !p.remote.set:
		return Code{}, fmt.Errorf("%w: missing remote fingerprint", ErrMalformed)
	}
	return Code{version: p.version, local: string(p.local.content), remote: string(p.remote.content)}, nil
}

// Matches compares the code with the one scanned from the other device and returns nil if they are
// counterparts: each side holds the key of the other. The error is a *MismatchError if they are
// not, a *VersionError if they cannot be compared, or wraps ErrMalformed if what was scanned is no
// code. Of these the first alone means that the keys differ.
func (c Code) Matches(scanned []byte) error {
	p, err := parse(scanned)
	switch {
	case err != nil:
		return fmt.Errorf("%w: failed to decode their protobuf", ErrMalformed)
	case p.version != c.version: // a code without a version has version 0
		return &VersionError{Theirs: p.version, Ours: c.version}
	case !p.local.set:
		return fmt.Errorf("%w: missing their local fingerprint", ErrMalformed)
	case !p.remote.set:
		return fmt.Errorf("%w: missing their remote fingerprint", ErrMalformed)
	}
	remote := subtle.ConstantTimeCompare(p.local.content, []byte(c.remote))
	local := subtle.ConstantTimeCompare(p.remote.content, []byte(c.local))
	if c.local == "" || c.remote == "" { // for the official client, nothing equals nothing
		remote, local = 0, 0
	}
	if remote&local == 1 {
		return nil
	}
	return &MismatchError{Local: local == 0, Remote: remote == 0}
}
