package custodian

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// calls say how often an oracle was asked, by whose key.
var calls = map[string]Text{
	Customer: {"grant {grant}: {who} asked for {k} agreements with the identity key of the customer",
		"mandat {grant} : {who} a demandé {k} accords avec la clé d'identité du client"},
	Business: {"grant {grant}: {who} asked for {k} agreements with the identity key of the business",
		"mandat {grant} : {who} a demandé {k} accords avec la clé d'identité de l'entreprise"},
}

// sentencesText has the templates of a report's sentences but for those of the headline, a line
// each: a name, the English and the French, with tabs between. Bundles have it, so that verifiers
// compare what they fill in.
func sentencesText() string {
	list := map[string]Text{"unknown": unknownVerdict, "assumption.sharing": sharing}
	for _, words := range []map[string]sentences{wording, noticeWording} {
		for id, s := range words {
			list[id+".lost"], list[id+".held"], list[id+".conditional"], list[id+".none"] = s.lost, s.held, s.conditional, s.none
		}
	}
	list["G10.none"], list["G11.unknown"], list["G14.unknown"], list["G14.self"] = unseenMessages, noStatement, undetectable, selfContradiction
	for prefix, more := range map[string]map[string]Text{"": suffixes, "note.": notes, "absence.": absences, "calls.": calls, "untried.": untried} {
		for name, t := range more {
			list[prefix+name] = t
		}
	}
	for i, t := range limits {
		list["limit."+strconv.Itoa(i+1)] = t
	}
	for i, t := range taken {
		list["assumption."+strconv.Itoa(i+1)] = t
	}
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(list)) {
		if t := list[name]; t.EN != "" {
			out.WriteString(name + "\t" + t.EN + "\t" + t.FR + "\n")
		}
	}
	return out.String()
}

func sentencesDigest() string {
	sum := sha256.Sum256([]byte(sentencesText()))
	return "sha256:" + hex.EncodeToString(sum[:])
}
