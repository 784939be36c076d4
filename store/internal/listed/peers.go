// Package listed is the loop over a list that both stores give out.
package listed

import "iter"

// Seq is a session.Tx's Peers, or another list of a transaction's: it reads the list when the loop
// begins, as a whole, so that the body may read and write. If that fails, the error is all that is
// yielded.
func Seq[T any](read func() ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		list, err := read()
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		for _, one := range list {
			if !yield(one, nil) {
				return
			}
		}
	}
}
