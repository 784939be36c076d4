package notice

import "fmt"

// A Check is one of the checks that a statement has to pass, in their order (custody Annex 2). Each
// is an error of its own: an error of Accept wraps the first that failed.
type Check uint8

// The checks.
const (
	CheckStructure  Check = 1 + iota // it is not the encoding of a statement
	CheckRoot                        // it is not by the custody root key that is pinned
	CheckSignature                   // the signature is wrong
	CheckIdentity                    // it is not bound to the identity key of this conversation
	CheckSequence                    // it does not follow the last one: replayed, missing, or contradictory
	CheckTimes                       // it is expired, not in force yet, or goes back in time
	CheckLabel                       // its label is not what its grants amount to
	CheckScope                       // it is for another conversation
	CheckInclusion                   // the log does not show it
	CheckWitnesses                   // too few witnesses have cosigned the log
	CheckTransition                  // nothing follows a contradiction until a human has decided
)

var checkNames = [...]string{
	"structure", "root key", "signature", "identity key", "sequence", "times", "label", "scope",
	"inclusion in the log", "witnesses", "transition",
}

// Error names the check.
func (c Check) Error() string {
	if c < 1 || int(c) > len(checkNames) {
		return fmt.Sprintf("notice: check %d failed", uint8(c))
	}
	return "notice: the " + checkNames[c-1] + " check failed"
}

// failed is the error of a check with what was found.
func failed(c Check, format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{c}, args...)...)
}
