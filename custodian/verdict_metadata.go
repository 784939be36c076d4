package custodian

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"signet.example/signet/custodian/know"
)

// Metadata is what envelopes, and texts that were given, tell about a conversation apart from what
// is in them (R19).
type Metadata struct {
	Contact  bool `json:"contact"`  // that the two ends write to each other
	Timing   bool `json:"timing"`   // when
	Messages int  `json:"messages"` // how many messages it knows of
	Bytes    int  `json:"bytes"`    // the size of the envelopes that it saw
}

// An observation is the envelopes that a principal saw, in order, and how many texts it was given
// without.
type observation struct {
	envelopes   int
	given       int
	from        [2]int // by end
	bytes       int
	first, last int // messages
	digest      string
}

// observe collects what a principal saw and was given.
func (v *view) observe(r *run) observation {
	o := observation{first: -1}
	h := sha256.New()
	for _, m := range r.messages {
		switch {
		case v.sees(m):
			o.envelopes++
			o.from[m.from]++
			o.bytes += len(m.message.Body)
			fmt.Fprintf(h, "%d %d %s %d\n", m.at, m.number, endNames[m.from], len(m.message.Body))
		case v.read[m.number] != nil && v.read[m.number].Copied():
			o.given++
		default:
			continue
		}
		if o.first < 0 {
			o.first = m.number
		}
		o.last = m.number
	}
	o.digest = hex.EncodeToString(h.Sum(nil))
	return o
}

// sawEnvelopes makes a witness of what a principal observed, if that is anything.
func (l *evidence) sawEnvelopes(who string, o observation) (w witness, ok bool) {
	if o.first < 0 {
		return w, false
	}
	claim := both(
		"%s knows of %d messages: it saw %d envelopes, %d from the customer and %d from the business, %d bytes (sha256:%s), and was given the texts of %d others",
		"%s connaît %d messages : il a vu %d enveloppes, %d du client et %d de l'entreprise, %d octets (sha256:%s), et a reçu les textes de %d autres",
		who, o.envelopes+o.given, o.envelopes, o.from[0], o.from[1], o.bytes, o.digest, o.given)
	return witness{l.addAbout("witness", claim, o.first, o.last+1)}, true
}

// metadata judges who knows that the two ends write to each other, when, how often and how much. It
// says nothing about what they write.
func (w *writer) metadata(i int, _ span) (Verdict, bool) {
	v := w.views[i]
	o := v.observe(w.run)
	var seen []witness
	var claims []claim
	bad := false
	for _, m := range w.run.messages {
		bad = bad || v.badRead[m.number]
		claims = append(claims, claim{know.Observed(m.number), never}, claim{know.Copy(m.number), never})
	}
	if x, ok := w.observed[i]; ok {
		seen = []witness{x}
	}
	x := judge(g13, v, v.cert, seen, claims, o.envelopes+o.given, len(w.run.messages), bad)
	x.metadata = &Metadata{Contact: o.first >= 0, Timing: o.envelopes > 0, Messages: o.envelopes + o.given, Bytes: o.bytes}
	return x, true
}
