package check

import (
	"cmp"
	"encoding/json"
)

// compareScenario holds the principals and grants of a transcript against its scenario.
func (v *verifier) compareScenario(b []byte) error {
	var sc struct {
		Principals []principal `json:"principals"`
		Script     []struct {
			Send  string `json:"send"`
			Count int    `json:"count"`
			Grant *struct {
				Name  string `json:"name"`
				To    string `json:"to"`
				From  string `json:"from"`
				Via   string `json:"via"`
				Count int    `json:"count"`
			} `json:"grant"`
			Revoke *struct {
				Name string `json:"name"`
			} `json:"revoke"`
		} `json:"script"`
	}
	if json.Unmarshal(b, &sc) != nil {
		return refuse("scenario.json: malformed")
	}
	if len(sc.Principals) != len(v.text.Principals) {
		return refuse("the principals are not those of the scenario")
	}
	for i, p := range sc.Principals {
		if p != v.text.Principals[i] {
			return refuse("the principals are not those of the scenario")
		}
	}
	sent := 0
	var grants []grant
	for _, s := range sc.Script {
		if s.Send != "" {
			for range max(s.Count, 1) {
				if sent >= len(v.messages) || v.messages[sent].From != s.Send {
					return refuse("message %d is not of the scenario", sent)
				}
				sent++
			}
		}
		if s.Grant != nil {
			grants = append(grants, grant{
				Name: s.Grant.Name, To: s.Grant.To, From: cmp.Or(s.Grant.From, ends[1]), Via: s.Grant.Via, Count: s.Grant.Count, Since: sent, Ended: -1,
			})
		}
		for i := range grants {
			if s.Revoke != nil && s.Revoke.Name == grants[i].Name {
				grants[i].Until, grants[i].Ended = sent, 0
			}
		}
	}
	if sent != len(v.messages) || len(grants) != len(v.text.Grants) {
		return refuse("the messages or grants are not those of the scenario")
	}
	for i, g := range grants {
		have := v.text.Grants[i]
		if g.Ended < 0 {
			g.Until = sent
		}
		if (g.Ended < 0) != (have.Ended < 0) {
			return refuse("grant %q is not that of the scenario", g.Name)
		}
		if g.At, g.Ended = have.At, have.Ended; g != have {
			return refuse("grant %q is not that of the scenario", g.Name)
		}
	}
	return nil
}
