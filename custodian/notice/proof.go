package notice

import (
	"errors"

	"signet.example/signet/custodian/notice/internal/tlv"
	"signet.example/signet/custodian/notice/tlog"
)

// An Equivocation proves that a business made two statements where there can be one: by one root
// key, of one chain, with one number, and not the same. It is self-contained: anybody can verify
// it, and nobody but the holder of the root key can make one.
type Equivocation struct {
	Root Root
	A, B *Signed
}

// ErrNoProof is a proof that proves nothing.
var ErrNoProof = errors.New("notice: this does not prove an equivocation")

// Verify returns nil if e proves an equivocation.
func (e *Equivocation) Verify() error {
	if e.A == nil || e.B == nil || !conflict(e.A, e.B) || e.A.Verify(e.Root) != nil || e.B.Verify(e.Root) != nil {
		return ErrNoProof
	}
	return nil
}

// conflict reports whether a and b cannot both be honest.
func conflict(a, b *Signed) bool {
	return sameChain(a.statement, b.statement) && a.statement.Seq == b.statement.Seq && a.Hash() != b.Hash()
}

// sameChain reports whether a and b are links of one chain. A business has one chain for its
// account, so there another commitment does not make another chain.
func sameChain(a, b *Statement) bool {
	if a.Root != b.Root || a.Scope.Kind != b.Scope.Kind || a.Business != b.Business {
		return false
	}
	return a.Scope.Kind == Account || a.Scope.Commitment == b.Scope.Commitment
}

// An EquivocationError is a statement that contradicts one which was accepted before. It wraps
// CheckSequence.
type EquivocationError struct {
	Proof *Equivocation // nil under the identity-signed profile, where it would prove nothing
}

// Error says what was found.
func (e *EquivocationError) Error() string {
	return "notice: the business made two statements with one number"
}

// Unwrap returns CheckSequence.
func (e *EquivocationError) Unwrap() error { return CheckSequence }

const (
	proofEquivocation = 1
	proofFork         = 2
)

// Bytes returns the proof as a control message, which can as well be handed on as it is.
func (e *Equivocation) Bytes() []byte {
	b := tlv.Append(nil, 1, e.Root[:])
	b = tlv.Append(b, 2, e.A.Bytes())
	b = tlv.Append(b, 3, e.B.Bytes())
	return append(append(control(ControlProof), proofEquivocation), b...)
}

func forkBytes(f *tlog.Fork) []byte {
	b, err := f.AppendBinary(append(control(ControlProof), proofFork))
	if err != nil {
		panic("notice: appending a fork does not fail")
	}
	return b
}

// ParseProof parses a control message with a proof and returns the *Equivocation or the *tlog.Fork
// in it. Nothing is verified. The error is ErrNoProof.
func ParseProof(b []byte) (equivocation *Equivocation, fork *tlog.Fork, err error) {
	inner, ok := content(ControlProof, b)
	if !ok || len(inner) == 0 {
		return nil, nil, ErrNoProof
	}
	switch inner[0] {
	case proofFork:
		if fork, err = tlog.ParseFork(inner[1:]); err == nil {
			return nil, fork, nil
		}
	case proofEquivocation:
		e := new(Equivocation)
		ok := record(inner[1:], 3, func(tag byte, v []byte) bool {
			var err error
			switch tag {
			case 1:
				if len(v) != len(e.Root) {
					return false
				}
				e.Root = Root(v)
			case 2:
				e.A, err = Parse(v)
			case 3:
				e.B, err = Parse(v)
			}
			return err == nil
		})
		if ok {
			return e, nil, nil
		}
	}
	return nil, nil, ErrNoProof
}
