package check

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// An observed is what a principal knows of messages without reading them.
type observed struct {
	id                      string // of its witness
	envelopes, given, bytes int
	first, last             int
}

// checkObservations counts again what each principal saw and was given.
func (v *verifier) checkObservations() error {
	v.observed = make([]observed, len(v.views))
	for i := range v.views {
		claim := v.observe(i)
		n := &v.observed[i]
		for _, o := range v.evidence.Observations {
			if v.principal(o.Principal) != i {
				continue
			}
			if n.id != "" || n.first < 0 {
				return refuse("witness %s is of nothing, or a second one", o.ID)
			}
			n.id = o.ID
			v.about[o.ID] = stretch{n.first, n.last + 1}
			if err := v.claimed(o.ID, "witness", claim); err != nil {
				return err
			}
		}
		if n.first >= 0 && n.id == "" {
			return refuse("nobody says what %q saw", v.text.Principals[i].ID)
		}
	}
	return nil
}

// observe lists the envelopes that a principal saw: the time, number, sender and size of each. It
// returns the claim that a witness makes of them.
func (v *verifier) observe(i int) string {
	n := &v.observed[i]
	n.first = -1
	h := sha256.New()
	var from [2]int
	for k, m := range v.messages {
		r := v.reads[where{i, k, false}]
		switch {
		case v.sees(v.views[i], m):
			size := len(m.Body) / 2
			n.envelopes++
			n.bytes += size
			from[side(m.From)]++
			fmt.Fprintf(h, "%d %d %s %d\n", m.At, k, m.From, size)
		case r != nil && r.Keys == nil:
			n.given++
		default:
			continue
		}
		if n.first < 0 {
			n.first = k
		}
		n.last = k
	}
	return fmt.Sprintf("%s knows of %d messages: it saw %d envelopes, %d from the customer and %d from the business, %d bytes (sha256:%s), and was given the texts of %d others",
		v.text.Principals[i].ID, n.envelopes+n.given, n.envelopes, from[0], from[1], n.bytes, hex.EncodeToString(h.Sum(nil)), n.given)
}

// metadata is G13.
func (v *verifier) metadata(i int, _ span) (verdict, bool) {
	n := &v.observed[i]
	var seen []string
	if n.id != "" {
		seen = []string{n.id}
	}
	known := n.envelopes + n.given
	x := v.conclude(i, "G13", "metadata", seen, v.views[i].cert[0], known, len(v.messages))
	x.Metadata = &metadata{Contact: n.first >= 0, Timing: n.envelopes > 0, Messages: known, Bytes: n.bytes}
	return x, true
}
