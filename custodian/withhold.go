package custodian

import (
	"slices"
	"strings"
)

// A Withheld is a secret that a grant is to do without: the unit of advice. For a quota and an
// oracle the atom is "sending-chain" and "identity", and stands for the whole grant.
type Withheld struct {
	Grant string `json:"grant"` // its name
	Atom  string `json:"atom"`
}

// String is the grant's name, a colon and the atom.
func (x Withheld) String() string { return x.Grant + ":" + x.Atom }

// ParseWithheld reads what String returns. The error is a *QuestionError.
func ParseWithheld(s string) (Withheld, error) {
	i := strings.LastIndexByte(s, ':')
	if i < 1 || !slices.Contains(atomNames, s[i+1:]) {
		return Withheld{}, &QuestionError{"\"" + s + "\" is not a grant, a colon and an atom"}
	}
	return Withheld{s[:i], s[i+1:]}, nil
}

// granted lists what the grants of a scenario hand over, in its order.
func (sc *Scenario) granted() (list []Withheld) {
	for i := range sc.Script {
		if g := sc.Script[i].Grant; g != nil {
			for _, a := range g.units() {
				list = append(list, Withheld{g.Name, a})
			}
		}
	}
	return list
}

// units are the atoms of a grant that can be withheld.
func (g *Grant) units() []string {
	switch g.Via {
	case "quota":
		return []string{"sending-chain"}
	case "oracle":
		return []string{"identity"}
	}
	atoms, _ := expand(g.Atoms)
	return atoms
}

// Without returns the scenario with less in its grants. A grant of which nothing is left is not
// made at all, and not revoked either. sc is not modified. What sc does not grant is ignored.
func (sc *Scenario) Without(list []Withheld) *Scenario {
	out := *sc
	out.Script = nil
	gone := make(map[string]bool)
	for _, s := range sc.Script {
		switch g := s.Grant; {
		case g != nil:
			left := slices.DeleteFunc(slices.Clone(g.units()), func(a string) bool { return slices.Contains(list, Withheld{g.Name, a}) })
			if len(left) == 0 {
				gone[g.Name] = true
				continue
			}
			if len(left) < len(g.units()) {
				smaller := *g
				smaller.Atoms = left
				s.Grant = &smaller
			}
		case s.Revoke != "" && gone[s.Revoke]:
			continue
		}
		out.Script = append(out.Script, s)
	}
	return &out
}
