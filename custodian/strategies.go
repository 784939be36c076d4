package custodian

import (
	"slices"
	"strings"

	"signet.example/signet/custodian/know"
)

// What verdicts say about strategies (custody B2). Held speaks of those that are tried. Of one that
// is not, a verdict that depends on it says so, if the principal has what it needs.

// forgeries are the strategies that are tried wherever somebody may be deceived, beginnings those
// that begin a session.
var (
	forgeries  = []string{"S1", "S2", "S3", "S4", "S7", "S11"}
	beginnings = []string{"S3", "S4"}
)

// tried returns the strategies that a verdict on a guarantee speaks of, or nil.
func (g guarantee) tried() []string {
	switch g {
	case g6, g7, g8, g16:
		return forgeries
	case g9:
		return beginnings
	}
	return nil
}

// Tried lists the strategies of forging that the verdict speaks of, or is nil where nobody forges.
// It must not be modified.
func (v *Verdict) Tried() []string { return v.g.tried() }

// untried are what a verdict that is held says of a strategy that was not tried and on which it
// depends.
var untried = map[string]Text{
	"S5": {"An oracle answers it: prekeys of its own, if it had them signed (S5), were not tried.",
		"Un oracle lui répond : des préclés de sa main, s'il les a fait signer (S5), n'ont pas été essayées."},
	"S6": {"It has an authenticator of the post-quantum half, and can write: chunks of its own, with which that half would not heal (S6), were not tried.",
		"Il a un authentifiant de la moitié post-quantique, et peut écrire : des fragments de sa main, avec lesquels cette moitié ne guérirait pas (S6), n'ont pas été essayés."},
	"S9": {"So it is as long as messages arrive: to keep them back (S9) was not tried.",
		"Il en est ainsi tant que les messages arrivent : les retenir (S9) n'a pas été essayé."},
}

// untriedOf lists the strategies that a verdict depends on and that were not tried.
func (w *writer) untriedOf(v *Verdict) (list []string) {
	if v.result != Held || v.of == 0 && v.g != g9 {
		return nil
	}
	i := w.run.sc.principal(v.principal)
	if (v.g == g2 || v.g == g3 || v.g == g9) && w.asksOracle(i) {
		list = append(list, "S5")
	}
	if (v.g == g3 || v.g == g5 || v.g == g12) && len(w.forged[i]) > 0 && w.views[i].holds("pq-auth(") {
		list = append(list, "S6")
	}
	if v.g == g5 {
		list = append(list, "S9")
	}
	return list
}

// holds reports whether the principal was given an atom whose name begins so.
func (v *view) holds(prefix string) bool {
	return slices.ContainsFunc(v.facts, func(f know.Fact) bool { return strings.HasPrefix(v.base.Name(f.Atom), prefix) })
}

// asksOracle reports whether a principal, or one that shares what it knows, was given an oracle.
func (w *writer) asksOracle(i int) bool {
	return slices.ContainsFunc(w.run.grants, func(g *active) bool { return g.Via == "oracle" && w.views[i].members[g.to] })
}
