package custodian

import "encoding/json"

// A Text is a sentence in two languages.
type Text struct {
	EN string `json:"en"`
	FR string `json:"fr"`
}

// In returns the sentence in the language: "fr" is French, anything else English.
func (t Text) In(lang string) string {
	if lang == "fr" {
		return t.FR
	}
	return t.EN
}

// A Report is what Evaluate found. It marshals to the fixed format of custody-format.md, the same
// bytes for the same scenario.
type Report struct {
	Tool        Tool
	Scenario    string // "sha256:" and the digest of the scenario
	Headline    *Headline
	Assumptions []string
	Messages    []MessageReport
	Injections  []InjectionReport
	Verdicts    []Verdict
	Notice      *Notice
	Evidence    []Evidence
	Limits      []string

	limits, assumptions []Text // in both languages

	source *writer // what it was written from; nil for a report that was read
}

// Tool names what made a report.
type Tool struct {
	Version   string `json:"version"`
	Rulebook  string `json:"rulebook"`  // "sha256:" and the digest of the rule book
	Sentences string `json:"sentences"` // "sha256:" and the digest of the templates of sentences
}

// A MessageReport says who can do what with a message. Principals are in the order of the scenario.
type MessageReport struct {
	I               int      `json:"i"`
	From            string   `json:"from"`
	Delivered       bool     `json:"delivered"`
	ReadableBy      []string `json:"readable_by"`
	QuantumReadable []string `json:"quantum_readable_by"`
	ForgeableBy     []string `json:"forgeable_by"`
	Evidence        Exhibits `json:"evidence"`
}

// An Exhibit is the evidence about a principal.
type Exhibit struct{ Principal, Evidence string }

// Exhibits marshals to an object from principals to ids, in the order of the scenario.
type Exhibits []Exhibit

// MarshalJSON writes the object.
func (x Exhibits) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, e := range x {
		if i > 0 {
			b = append(b, ',')
		}
		for j, s := range []string{e.Principal, e.Evidence} {
			q, err := json.Marshal(s)
			if err != nil {
				return nil, err
			}
			b = append(append(b, q...), []string{":", ""}[j]...)
		}
	}
	return append(b, '}'), nil
}

// An InjectionReport says what came of an inject step.
type InjectionReport struct {
	Step     int    `json:"step"`
	By       string `json:"by"`
	Accepted bool   `json:"accepted"`
	Evidence string `json:"evidence"`
}

// A Notice is what the customer's client shows at the end, if statements were published; else what
// an honest client would show, computed as the headline is (custody B4).
type Notice struct {
	// Computed: "e2ee", if and only if the headline is "private", "managed", "past", "handed-on",
	// "recorded", "nothing" or "unknown". Shown: "e2ee", "managed", "changed", "revoked", "expired",
	// "unknown" or "contradicted".
	State string `json:"state"`
	By    string `json:"by,omitempty"`
	Text  Text   `json:"text"`
	Shown bool   `json:"-"` // by a client, which says what it was told
}

const reportFormat = "custody-report-v1"

// MarshalJSON writes the report in its fixed format.
func (r *Report) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Format      string            `json:"format"`
		Tool        Tool              `json:"tool"`
		Scenario    string            `json:"scenario"`
		Headline    *Headline         `json:"headline,omitempty"`
		Assumptions []string          `json:"assumptions"`
		Messages    []MessageReport   `json:"messages"`
		Injections  []InjectionReport `json:"injections"`
		Verdicts    []Verdict         `json:"verdicts"`
		Notice      *Notice           `json:"notice,omitempty"`
		Evidence    []Evidence        `json:"evidence"`
		Limits      []string          `json:"limits"`
	}{reportFormat, r.Tool, r.Scenario, r.Headline, r.Assumptions, r.Messages, r.Injections, r.Verdicts, r.Notice, r.Evidence, r.Limits})
}

// JSON returns the report in its canonical form (docs/custody-bundle.md, JSON), a line feed at its
// end.
func (r *Report) JSON() ([]byte, error) { return canonicalJSON(r) }

// Find returns the verdict on a guarantee for a principal, or nil.
func (r *Report) Find(id, principal string) *Verdict {
	for i := range r.Verdicts {
		if v := &r.Verdicts[i]; v.g.id == id && v.principal == principal {
			return v
		}
	}
	return nil
}
