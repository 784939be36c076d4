package know

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// A Known is an atom of a certificate and the time from which it is known.
type Known struct {
	Atom string
	At   int
}

// A Certificate is a saturated set: everything that is known, and from when on. If it contains the
// facts and is closed under the clauses, then what it does not contain does not follow.
type Certificate struct{ known []Known } // sorted by atom

// Certificate returns the closure as a saturated set.
func (c *Closure) Certificate() Certificate {
	var list []Known
	for id, at := range c.at {
		if at != never {
			list = append(list, Known{c.base.names[id], at})
		}
	}
	return NewCertificate(list)
}

// NewCertificate returns a claimed certificate: whether it is one, Check tells.
func NewCertificate(known []Known) Certificate {
	list := slices.Clone(known)
	slices.SortFunc(list, func(a, b Known) int {
		if d := strings.Compare(a.Atom, b.Atom); d != 0 {
			return d
		}
		return a.At - b.At
	})
	return Certificate{list}
}

// Known returns the set, sorted by name. It must not be modified.
func (c Certificate) Known() []Known { return c.known }

// Excludes reports whether the atom is not in the set by the time at.
func (c Certificate) Excludes(atom string, at int) bool {
	i, found := slices.BinarySearchFunc(c.known, atom, func(k Known, s string) int { return strings.Compare(k.Atom, s) })
	return !found || c.known[i].At > at
}

// Digest is the SHA-256 of the set as text, one atom and time a line, in hexadecimal.
func (c Certificate) Digest() string {
	h := sha256.New()
	for _, k := range c.known {
		h.Write([]byte(k.Atom + " @" + strconv.Itoa(k.At) + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil))
}

var (
	errFact   = errors.New("know: the certificate lacks a fact")
	errClosed = errors.New("know: the certificate is not closed under the clauses")
	errTwice  = errors.New("know: the certificate has an atom twice")
)

// Check reports whether the set contains the facts and is closed under the clauses of b: for each
// clause, once enough of its premises are in it, its head is too, and no later. It shares nothing
// with Close but the clauses, and takes linear time.
func (c Certificate) Check(b *Base, facts []Fact) error {
	at := make([]int, len(b.names))
	for i := range at {
		at[i] = never
	}
	for i, k := range c.known {
		if i > 0 && c.known[i-1].Atom == k.Atom {
			return errTwice
		}
		if id, ok := b.ids[k.Atom]; ok {
			at[id] = k.At
		}
	}
	for _, f := range facts {
		if at[f.Atom] > f.At {
			return errFact
		}
	}
	var times []int
	for i := range b.clauses {
		clause := &b.clauses[i]
		times = times[:0]
		for _, p := range clause.Body {
			times = append(times, at[p])
		}
		slices.Sort(times)
		due := 0
		if clause.Need > 0 {
			due = times[clause.Need-1]
		}
		if due != never && at[clause.Head] > due {
			return errClosed
		}
	}
	return nil
}
