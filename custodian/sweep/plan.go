package sweep

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"signet.example/signet/custodian"
)

// A Plan says what to play. It is parsed by ParsePlan, or built in Go; Run checks it.
type Plan struct {
	Format      string       `json:"format"` // "custody-sweep-v1"
	Seed        uint64       `json:"seed"`
	Delegations []Delegation `json:"delegations"`
	Patterns    []Pattern    `json:"patterns"`
	Revocations []Revocation `json:"revocations"`
	Grids       []Grid       `json:"grids"`
	Windows     *Windows     `json:"windows"`
	Population  *Population  `json:"population"`

	source []byte // what it was parsed from
}

// A Delegation is what the business hands over at an instant.
type Delegation struct {
	Name   string  `json:"name"`
	Grants []Grant `json:"grants"`
	Every  int     `json:"every"` // copies are repeated after so many messages while the mandate lasts; 0 is never
}

// A Grant is one of a delegation's, as in custodian.Grant.
type Grant struct {
	Atoms []string `json:"atoms"`
	Via   string   `json:"via"`
	Count int      `json:"count"`
	Early bool     `json:"early"` // already after the first answer, and not repeated
}

// A Kind is a rule for who speaks next.
type Kind string

// The kinds.
const (
	Alternate   Kind = "alternate"   // customer, business, customer, …
	Business    Kind = "business"    // rounds of Ratio messages of the business and one of the customer
	Customer    Kind = "customer"    // the other way round
	Independent Kind = "independent" // the business with probability P, whoever spoke before
	Sticky      Kind = "sticky"      // whoever spoke last, with probability P
	OneWay      Kind = "one-way"     // in turns up to the instant, then the business alone
)

// A Pattern is a rule with its parameter.
type Pattern struct {
	Name  string  `json:"name"`
	Kind  Kind    `json:"kind"`
	Ratio int     `json:"ratio"`
	P     float64 `json:"p"`
}

// A Revocation ends the mandate.
type Revocation struct {
	Name    string `json:"name"`
	After   int    `json:"after"`   // messages after the instant; 0: never
	Rotate  string `json:"rotate"`  // what is renewed with it: "", "session", "prekeys" or "identity"
	Barrier bool   `json:"barrier"` // the customer raises one
}

// A Grid is every combination of its axes. Names are those of the plan's lists.
type Grid struct {
	Name        string    `json:"name"`
	Engine      string    `json:"engine"` // "evaluate" or "counters"
	Protocol    int       `json:"protocol"`
	Delegations []string  `json:"delegations"`
	Instants    [][2]int  `json:"instants"` // from and to: repetitions are spread over [from, to)
	Patterns    []string  `json:"patterns"`
	Loss        []float64 `json:"loss"`
	Revocations []string  `json:"revocations"`
	During      int       `json:"during"` // messages of a mandate without revocation that repeated copies go on for
	After       int       `json:"after"`  // messages played after the instant
	Repetitions int       `json:"repetitions"`
}

// A Population is a number of conversations of many kinds, each leaked once.
type Population struct {
	Conversations int     `json:"conversations"`
	Before        int     `json:"before"` // the leak comes before one of so many messages, each as likely
	After         int     `json:"after"`  // messages after the leak
	Mix           []Share `json:"mix"`
}

// A Share is one kind of conversation and how frequent it is.
type Share struct {
	Pattern string  `json:"pattern"`
	Loss    float64 `json:"loss"`
	Weight  int     `json:"weight"`
}

const planFormat = "custody-sweep-v1"

// What a plan may ask for.
const (
	maxMessages    = 1 << 20 // in a conversation
	maxEvaluated   = 5000    // in one that is evaluated
	maxRepetitions = 1 << 24
	maxPopulation  = 1e10
	maxRatio       = 1000
	maxCells       = 1 << 16
)

// A PlanError says which field of a plan is wrong, and how.
type PlanError struct {
	Field   string // such as grids[2].loss
	Problem string
}

func (e *PlanError) Error() string { return "sweep: plan: " + e.Field + ": " + e.Problem }

func wrong(field, format string, args ...any) error {
	return &PlanError{field, fmt.Sprintf(format, args...)}
}

// ParsePlan parses and checks a plan. Unknown fields are errors; every error is a *PlanError. b is
// not kept.
func ParsePlan(b []byte) (*Plan, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	p := &Plan{source: bytes.Clone(b)}
	if err := d.Decode(p); err != nil {
		return nil, wrong("document", "%v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, wrong("document", "goes on after its end")
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	return p, nil
}

// digest names the plan: the SHA-256 of what it was parsed from, or of what it marshals to.
func (p *Plan) digest() (string, error) {
	b := p.source
	if b == nil {
		var err error
		if b, err = json.Marshal(p); err != nil {
			return "", err
		}
	}
	h := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(h[:]), nil
}

// named finds an entry of a list by its name.
func named[T any](list []T, name string, of func(*T) string) *T {
	i := slices.IndexFunc(list, func(x T) bool { return of(&x) == name })
	if i < 0 {
		return nil
	}
	return &list[i]
}

func (p *Plan) delegation(name string) *Delegation {
	return named(p.Delegations, name, func(d *Delegation) string { return d.Name })
}

func (p *Plan) pattern(name string) *Pattern {
	return named(p.Patterns, name, func(x *Pattern) string { return x.Name })
}

func (p *Plan) revocation(name string) *Revocation {
	return named(p.Revocations, name, func(x *Revocation) string { return x.Name })
}

// serves is how many messages the delegate can write of those that it could write one by one: a
// quota is used up.
func (d *Delegation) serves(forgeable int64) int64 {
	quota := int64(0)
	for i := range d.Grants {
		if d.Grants[i].Via != "quota" {
			return forgeable
		}
		quota += int64(d.Grants[i].Count)
	}
	return min(forgeable, quota)
}

// countable reports whether the engine of counters knows the delegation: copies of a whole session.
func (d *Delegation) countable() bool {
	return len(d.Grants) == 1 && d.Grants[0].Via == "copy" && !d.Grants[0].Early &&
		slices.Equal(d.Grants[0].Atoms, []string{"session"})
}

// scenario is a conversation of one message with the delegation's grants, to be checked by those
// who know what may be granted.
func (d *Delegation) scenario() *custodian.Scenario {
	sc := &custodian.Scenario{Protocol: 4, Principals: []custodian.Principal{{ID: delegate, Role: custodian.Provider}}}
	sc.Script = append(sc.Script, custodian.Step{Send: &custodian.Send{From: custodian.Customer}})
	for i := range d.Grants {
		sc.Script = append(sc.Script, d.Grants[i].step(fmt.Sprintf("g%d", i)))
	}
	return sc
}
