package custodian

import (
	"fmt"
	"slices"
	"time"

	"signet.example/signet"
	"signet.example/signet/custodian/notice"
	"signet.example/signet/internal/entropy"
)

// The profiles of a statement: what signs it.
const (
	CustodyRoot    = "custody-root"    // a key that no provider ever has
	IdentitySigned = "identity-signed" // the identity key alone, kept for comparison
)

// A Statement is a notice step: what the business, or somebody in its name, tells the customer
// about who holds what (docs/custody-scenario.md). The zero Statement says that nobody else holds
// anything. Its place in the chain of statements follows from the script.
type Statement struct {
	By      string    // Business or a principal that signs with what it holds; empty is Business
	Profile string    // CustodyRoot or IdentitySigned; empty is CustodyRoot
	Grants  []Mandate // what is said to be in force
	Storage string    // where texts rest: Business, "provider" or "both"; empty: as the grants suggest
	Actor   string    // who acts on them, likewise
	Label   string    // replaces the label that follows from the grants; customers refuse a wrong one
	Minutes int       // for how long it is in force; 0 is a week
	Words   Text      // of the business, shown as its own and never instead of the state

	// Ways to misbehave.
	Withhold   bool // it is lost on its way
	Replay     int  // instead of a new statement, that number again, from 1; 0 is none
	Equivocate bool // another customer is shown another statement with this number
}

// A Mandate is a grant as a statement speaks of it.
type Mandate struct {
	To        string   // a principal
	Atoms     []string // of a quota or an oracle none
	Via       string   // "copy", "stream", "quota", "oracle" or "enclave"
	Count     int      // of a quota
	Direction string   // of "plaintext": Customer or Business, whose texts; empty is both
}

func parseStatement(s *Step, f string, b []byte) error {
	st := &Statement{}
	s.Notice = st
	return object(f, b, map[string]reader{
		"by": text(&st.By), "profile": text(&st.Profile), "storage": text(&st.Storage), "actor": text(&st.Actor),
		"label": text(&st.Label), "minutes": integer(&st.Minutes), "withhold": boolean(&st.Withhold),
		"replay": integer(&st.Replay), "equivocate": boolean(&st.Equivocate),
		"grants": list(func(f string, b []byte) error { return parseMandate(st, f, b) }),
		"words": func(f string, b []byte) error {
			return object(f, b, map[string]reader{"en": text(&st.Words.EN), "fr": text(&st.Words.FR)}, "en", "fr")
		},
	})
}

func parseMandate(st *Statement, f string, b []byte) error {
	var m Mandate
	err := object(f, b, map[string]reader{
		"to": text(&m.To), "atoms": texts(&m.Atoms), "via": text(&m.Via), "count": integer(&m.Count), "direction": text(&m.Direction),
	}, "to", "via")
	st.Grants = append(st.Grants, m)
	return err
}

// format returns the statement as what encodes to its fixed form.
func (s *Statement) format() any {
	type mandate struct {
		To        string   `json:"to"`
		Atoms     []string `json:"atoms,omitempty"`
		Via       string   `json:"via"`
		Count     int      `json:"count,omitempty"`
		Direction string   `json:"direction,omitempty"`
	}
	out := struct {
		By         string    `json:"by,omitempty"`
		Profile    string    `json:"profile,omitempty"`
		Grants     []mandate `json:"grants,omitempty"`
		Storage    string    `json:"storage,omitempty"`
		Actor      string    `json:"actor,omitempty"`
		Label      string    `json:"label,omitempty"`
		Minutes    int       `json:"minutes,omitempty"`
		Words      *Text     `json:"words,omitempty"`
		Withhold   bool      `json:"withhold,omitempty"`
		Replay     int       `json:"replay,omitempty"`
		Equivocate bool      `json:"equivocate,omitempty"`
	}{By: s.By, Profile: s.Profile, Storage: s.Storage, Actor: s.Actor, Label: s.Label, Minutes: s.Minutes,
		Withhold: s.Withhold, Replay: s.Replay, Equivocate: s.Equivocate}
	if s.Words != (Text{}) {
		out.Words = &s.Words
	}
	for _, m := range s.Grants {
		out.Grants = append(out.Grants, mandate(m))
	}
	return map[string]any{"statement": out}
}

func (c *checker) notice(at string, s *Statement) error {
	switch {
	case s.By != "" && s.By != Business && c.sc.principal(s.By) < 0:
		return wrong(at+".by", "%q is neither %q nor a principal", s.By, Business)
	case s.Profile != "" && s.Profile != CustodyRoot && s.Profile != IdentitySigned:
		return wrong(at+".profile", "%q is neither %q nor %q", s.Profile, CustodyRoot, IdentitySigned)
	case s.Minutes < 0 || s.Minutes > 1<<20:
		return wrong(at+".minutes", "%d is not from 1 to %d", s.Minutes, 1<<20)
	case s.Replay < 0 || s.Replay > c.stated:
		return wrong(at+".replay", "%d statements were published before", c.stated)
	case s.byPrincipal() && (s.Withhold || s.Equivocate):
		return wrong(at+".by", "only the business withholds or equivocates")
	case s.Replay > 0 && (len(s.Grants) > 0 || s.Storage+s.Actor+s.Label != "" || s.Minutes != 0 || s.Words != (Text{}) || s.Equivocate):
		return wrong(at+".replay", "a statement that is replayed says nothing new")
	}
	if !s.byPrincipal() && s.Replay == 0 {
		c.stated++
	}
	return c.says(at, s)
}

// says refuses a statement that cannot be signed: a reference to nobody, a name that cannot be
// shown.
func (c *checker) says(at string, s *Statement) error {
	t, err := c.sc.terms(at, s)
	if err != nil {
		return err
	}
	src := entropy.Seeded([32]byte{})
	root := notice.GenerateRootFrom(src)
	t.Bound = []signet.PublicKey{signet.GenerateKeyFrom(src).PublicKey()}
	t.IdentityProfile = false
	chat := notice.Chat{Business: signet.Address{Name: Business, Device: 1}, Protocol: uint8(c.sc.Protocol)}
	if _, err := notice.NewBusinessFrom(src, notice.Account, &chat, "").Issue(root, nil, t, epoch); err != nil {
		return wrong(at, "no statement can say this: a name, words or label that cannot be shown, or too many grants")
	}
	return nil
}

func (s *Statement) byPrincipal() bool { return s.By != "" && s.By != Business }

var axes = map[string]notice.Axis{"": 0, Business: notice.AtBusiness, string(Provider): notice.AtProvider, "both": notice.AtBoth}

// terms translates a statement into those that are signed.
func (sc *Scenario) terms(at string, s *Statement) (*notice.Terms, error) {
	t := &notice.Terms{
		Period: time.Duration(s.Minutes) * time.Minute, English: s.Words.EN, French: s.Words.FR,
		IdentityProfile: s.Profile == IdentitySigned, ForcedLabel: s.Label,
	}
	var ok bool
	if t.Storage, ok = axes[s.Storage]; !ok {
		return nil, wrong(at+".storage", "%q is none of %q, %q, %q", s.Storage, Business, Provider, "both")
	}
	if t.Actor, ok = axes[s.Actor]; !ok {
		return nil, wrong(at+".actor", "%q is none of %q, %q, %q", s.Actor, Business, Provider, "both")
	}
	for i := range s.Grants {
		g, err := sc.mandate(fmt.Sprintf("%s.grants[%d]", at, i), &s.Grants[i], t)
		if err != nil {
			return nil, err
		}
		t.Grants = append(t.Grants, g)
	}
	return t, nil
}

var vias = map[string]notice.Via{
	"copy": notice.Copy, "stream": notice.Stream, "quota": notice.Quota, "oracle": notice.Oracle, "enclave": notice.Enclave,
}

// mandate translates a grant, and adds its holder to the terms if need be.
func (sc *Scenario) mandate(at string, m *Mandate, t *notice.Terms) (g notice.Grant, err error) {
	p := sc.principal(m.To)
	via, ok := vias[m.Via]
	switch {
	case p < 0:
		return g, wrong(at+".to", "%q is no principal", m.To)
	case !ok:
		return g, wrong(at+".via", "%q is none of \"copy\", \"stream\", \"quota\", \"oracle\", \"enclave\"", m.Via)
	case (via == notice.Quota) != (m.Count > 0):
		return g, wrong(at+".count", "%d: a quota has one, and nothing else", m.Count)
	case m.Direction != "" && !isEnd(m.Direction):
		return g, wrong(at+".direction", "%q is neither %q nor %q", m.Direction, Customer, Business)
	}
	g = notice.Grant{Via: via, Count: uint64(m.Count)}
	switch {
	case via == notice.Quota && len(m.Atoms) == 0:
		g.Secrets = notice.SendingChain | notice.PQSendingChain
	case via == notice.Oracle && len(m.Atoms) == 0:
		g.Secrets = notice.Identity
	default:
		if g.Secrets, err = notice.SecretsNamed(m.Atoms...); err != nil || g.Secrets == 0 {
			return g, wrong(at+".atoms", "names no secret, or one that does not exist")
		}
	}
	if m.Direction != "" {
		g.Direction = map[string]notice.Direction{Customer: notice.FromCustomer, Business: notice.FromBusiness}[m.Direction]
	}
	g.To = slices.IndexFunc(t.Providers, func(x notice.Provider) bool { return x.Name == m.To })
	if g.To < 0 {
		g.To = len(t.Providers)
		t.Providers = append(t.Providers, notice.Provider{Name: m.To, Operator: sc.carries(p)})
	}
	return g, nil
}

// carries reports whether a principal, or one that it is the same as, is the operator.
func (sc *Scenario) carries(i int) bool {
	for j := range sc.sharing(i) {
		if sc.Principals[j].Role == Operator {
			return true
		}
	}
	return false
}
