// Package listed is the loop over a list of peers that both stores give out.
package listed

import (
	"iter"

	"signet.example/signet"
)

// Peers is a session.Tx's Peers: it reads the list when the loop begins, as a whole, so that the body
// may read and write. If that fails, the error is all that is yielded.
func Peers(read func() ([]signet.Address, error)) iter.Seq2[signet.Address, error] {
	return func(yield func(signet.Address, error) bool) {
		list, err := read()
		if err != nil {
			yield(signet.Address{}, err)
			return
		}
		for _, a := range list {
			if !yield(a, nil) {
				return
			}
		}
	}
}
