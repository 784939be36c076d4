package custodian

import (
	"encoding/json"
	"fmt"
	"io"
)

// MarshalJSON writes the advice; of the report, its verdicts alone.
func (a *Advice) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Withhold []Withheld `json:"withhold"`
		Exact    bool       `json:"exact"`
		Bound    int        `json:"bound"`
		Runs     int        `json:"runs"`
		Scenario *Scenario  `json:"scenario"`
		Verdicts []Verdict  `json:"verdicts"`
	}{a.Withhold, a.Exact, a.Bound, a.Runs, a.Scenario, a.Report.Verdicts})
}

// WriteText writes the advice for a terminal of 80 columns, in English, or in French if lang is
// "fr".
func (a *Advice) WriteText(w io.Writer, lang string) error {
	p := &printer{w: w, fr: lang == "fr"}
	if len(a.Withhold) == 0 {
		p.line("%s", p.pick("Nothing need be withheld: it holds already.", "Rien à retenir : c'est déjà tenu."))
		return p.err
	}
	p.line("%s", p.pick("Withhold:", "À ne pas remettre :"))
	for _, u := range a.Withhold {
		p.wrap("  - ", u.Grant+": "+SecretName(u.Atom).In(lang))
	}
	switch {
	case a.Exact:
		p.wrap("", p.pick("No smaller set does.", "Aucun ensemble plus petit ne suffit."))
	default:
		p.wrap("", fmt.Sprintf(p.pick("None of these can be left out; a set of fewer than %d does not do.", "Aucun de ces éléments n'est de trop ; moins de %d ne suffisent pas."), a.Bound))
	}
	p.wrap("", fmt.Sprintf(p.pick("Tried in a fresh run, the last of %d; its verdicts:", "Essayé dans un nouvel essai, le dernier de %d ; ses verdicts :"), a.Runs))
	for i := range a.Report.Verdicts {
		v := &a.Report.Verdicts[i]
		p.line("%-4s%-12s%4d/%-5d%s", v.ID(), p.result(v.Result()), v.messages, v.of, clip(v.principal, 40))
	}
	return p.err
}
