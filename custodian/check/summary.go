package check

import (
	"fmt"
	"strings"
)

// A Judged is one verdict as the verifier reckoned it from the transcript, not as the report has it; a bundle in
// which the two differ does not verify.
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
	"Sentences of the report are quoted from its maker. The lines above are the verifier's own.",
}

// summary is what was found of each principal, in a sentence, and of all in the first.
func (v *verifier) summary() (list []string) {
	total := len(v.messages)
	for i, p := range v.text.Principals {
		read, later, forged := 0, 0, 0
		for n := range v.messages {
			switch {
			case v.reads[where{i, n, false}] != nil:
				read++
			case v.reads[where{i, n, true}] != nil:
				later++
			}
			if v.forgeries[where{principal: i, number: v.asked[n].Number}] != nil {
				forged++
			}
		}
		elsewhere := 0
		for w := range v.forgeries {
			if w.principal == i && v.probes[w.number].Message < 0 {
				elsewhere++
			}
		}
		var parts []string
		if read > 0 {
			parts = append(parts, fmt.Sprintf("reads %d of %d messages", read, total))
		}
		if later > 0 {
			parts = append(parts, fmt.Sprintf("reads %d of %d messages with a quantum computer", later, total))
		}
		if forged > 0 {
			parts = append(parts, fmt.Sprintf("could write in place of %d of %d", forged, total))
		}
		if elsewhere > 0 && forged == 0 {
			parts = append(parts, "could write at other moments")
		}
		if len(parts) > 0 {
			list = append(list, p.ID+" "+strings.Join(parts, ", ")+".")
		}
	}
	if len(list) == 0 {
		list = append(list, fmt.Sprintf("Of %d messages, nobody of those named reads one or could write one, by what this bundle says.", total))
	}
	return list
}
