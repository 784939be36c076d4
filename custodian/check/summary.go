package check

import (
	"crypto/sha256"
	"encoding/hex"
)

// A Judged is one verdict as the verifier reckoned it from the transcript, not as the report has
// it; a bundle in which the two differ does not verify.
type Judged struct {
	Principal string // letters, digits, _ and -
	Guarantee string // such as "G2"
	Name      string
	Verdict   string // "held", "lost", "conditional" or "unknown"
	Messages  int    // for which it is lost
	Of        int
}

// cannotShow is what no bundle can show, whoever made it.
var cannotShow = []string{
	"A bundle is the testimony of who made it. It cannot show that nothing was left out: parcels, grants, principals, sessions, whole conversations.",
	"That a forgery was accepted cannot be seen: the receiver's state is secret. It is well made, and the receiver is said to take such messages.",
	"Roles, who sees which ciphertexts, who shares with whom, and times are what the maker says they are.",
	"Held against forgery means held against the strategies of the report, and by the receiver that the transcript describes.",
	"What the customer's client is said to have shown is in the words of the maker. The lines above are the verifier's own.",
}

// summary is the headline that was made again: what happened, and what is so now.
func (v *verifier) summary() []string {
	list := []string{v.headline.History.EN}
	if now := v.headline.Now; now != nil {
		list = append(list, now.Text.EN)
	}
	return list
}

// An Envelope is a ciphertext of the transcript: a message, one that somebody else wrote, or a
// statement on its way.
type Envelope struct {
	From      string // "customer" or "business", whose name it bears
	Session   string // its base key in hexadecimal; empty if the transcript does not say
	SHA256    string // of the body, in hexadecimal
	Message   bool   // it is one of the two ends' own messages
	Delivered bool   // its receiver took it
}

func (v *verifier) envelopes() (list []Envelope) {
	for _, m := range v.inOrder() {
		sum := sha256.Sum256(mustHex(m.Body))
		list = append(list, Envelope{m.From, m.Session, hex.EncodeToString(sum[:]), m.Number >= 0, m.Delivered || m.By != ""})
	}
	return list
}
