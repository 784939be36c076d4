package custodian

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxMessages bounds a script: an evaluation keeps a copy of the receiver for every message.
const maxMessages = 200_000

// Check reports what is wrong with a scenario, as a *ScenarioError that names the field.
func (sc *Scenario) Check() error {
	if sc.Protocol != 3 && sc.Protocol != 4 {
		return wrong("protocol", "%d is neither 3 nor 4", sc.Protocol)
	}
	if sc.Initiator != "" && !isEnd(sc.Initiator) {
		return wrong("initiator", "%q is neither %q nor %q", sc.Initiator, Customer, Business)
	}
	switch sc.Keyless {
	case "", KeylessAccepted, KeylessRefused:
	default:
		return wrong("keyless", "%q is neither %q nor %q", sc.Keyless, KeylessAccepted, KeylessRefused)
	}
	if sc.Keyless != "" && sc.Protocol == 3 {
		return wrong("keyless", "there is no post-quantum half in protocol 3")
	}
	for i, p := range sc.Principals {
		if err := sc.checkPrincipal(i, &p); err != nil {
			return err
		}
	}
	c := &checker{sc: sc, held: make(map[int]bool), granted: make(map[string]bool)}
	for i := range sc.Script {
		if err := c.step(fmt.Sprintf("script[%d]", i), &sc.Script[i]); err != nil {
			return err
		}
	}
	return nil
}

// maxNumber is the first integer that is too large for readers of JSON that keep numbers in
// floating point.
const maxNumber = 1 << 53

const nameForm = "a letter and up to 63 letters, digits, _ and -"

// isName reports whether s can be the id of a principal or the name of a grant. So neither has a
// control, bidirectional or path character, or a letter that looks like another.
func isName(s string) bool {
	for i := range len(s) {
		letter := 'a' <= s[i]|0x20 && s[i]|0x20 <= 'z'
		if !letter && (i == 0 || (s[i] < '0' || s[i] > '9') && s[i] != '_' && s[i] != '-') {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 64
}

// isNobody reports whether an id reads like a word for no principal. "nobody could read 4 of 4
// messages" would be true of such a host, and taken for the contrary.
func isNobody(id string) bool {
	for _, word := range []string{"nobody", "noone", "no-one", "no_one", "none", "personne", "aucun", "aucune"} {
		rest, ok := strings.CutPrefix(strings.ToLower(id), word)
		if ok && (rest == "" || rest[0] < 'a' || rest[0] > 'z') {
			return true
		}
	}
	return false
}

// isText reports whether s can be written down in JSON and read as the same by everybody.
func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

func isEnd(s string) bool { return s == Customer || s == Business }

func (sc *Scenario) principal(id string) int {
	return slices.IndexFunc(sc.Principals, func(p Principal) bool { return p.ID == id })
}

func (sc *Scenario) checkPrincipal(i int, p *Principal) error {
	at := fmt.Sprintf("principals[%d]", i)
	switch {
	case strings.EqualFold(p.ID, Customer) || strings.EqualFold(p.ID, Business):
		return wrong(at+".id", "%q always exists", p.ID)
	case !isName(p.ID):
		return wrong(at+".id", "%q is not %s", p.ID, nameForm)
	case isNobody(p.ID):
		return wrong(at+".id", "%q is a word for no principal: sentences would say the contrary", p.ID)
	case slices.IndexFunc(sc.Principals, func(q Principal) bool { return strings.EqualFold(q.ID, p.ID) }) != i:
		return wrong(at+".id", "%q is taken", p.ID)
	case p.Role != Provider && p.Role != Operator && p.Role != Outsider:
		return wrong(at+".role", "%q is none of %q, %q, %q", p.Role, Provider, Operator, Outsider)
	case p.Sees != "" && p.Sees != "all" && p.Sees != "none":
		return wrong(at+".sees", "%q is neither \"all\" nor \"none\"", p.Sees)
	case p.Sees != "" && p.Part != nil:
		return wrong(at+".sees", "given twice")
	case p.SameAs != "" && (sc.principal(p.SameAs) < 0 || p.SameAs == p.ID):
		return wrong(at+".same_as", "%q is no other principal", p.SameAs)
	case p.Part != nil:
		return p.Part.check(at + ".sees")
	}
	return nil
}

// A checker follows a script without playing it.
type checker struct {
	sc      *Scenario
	sent    int
	held    map[int]bool
	granted map[string]bool // by name; false once it was revoked
	blocked bool
	stated  int // statements of the business
}

func (c *checker) step(at string, s *Step) error {
	kinds := 0
	for _, set := range []bool{
		s.Send != nil, s.Deliver != nil, s.Drop != nil, s.Grant != nil, s.Revoke != "", s.Rotate != "",
		s.Barrier, s.Block != "", s.Inject != nil, s.Notice != nil,
	} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		return wrong(at, "is not one step but %d", kinds)
	}
	switch {
	case s.Send != nil:
		return c.send(at, s.Send)
	case s.Deliver != nil:
		return c.release(at+".deliver", s.Deliver)
	case s.Drop != nil:
		return c.release(at+".drop", s.Drop)
	case s.Grant != nil:
		return c.grant(at+".grant", s.Grant)
	case s.Revoke != "":
		if !c.granted[s.Revoke] {
			return wrong(at+".revoke.name", "%q is not granted", s.Revoke)
		}
		c.granted[s.Revoke] = false
	case s.Rotate != "":
		if s.Rotate != "session" && s.Rotate != "prekeys" && s.Rotate != "identity" {
			return wrong(at+".rotate", "%q is none of \"session\", \"prekeys\", \"identity\"", s.Rotate)
		}
	case s.Block != "":
		if s.Block != Customer {
			return wrong(at+".block", "%q is not %q", s.Block, Customer)
		}
		c.blocked = true
	case s.Inject != nil:
		return c.inject(at+".inject", s.Inject)
	case s.Notice != nil:
		return c.notice(at+".notice.statement", s.Notice)
	}
	return nil
}

func (c *checker) send(at string, s *Send) error {
	if !isEnd(s.From) {
		return wrong(at+".send", "%q is neither %q nor %q", s.From, Customer, Business)
	}
	if c.blocked && s.From == Customer {
		return wrong(at+".send", "the customer has ended the conversation")
	}
	if !isText(s.Text) {
		return wrong(at+".text", "not UTF-8, or with U+0000")
	}
	n := max(s.Count, 1)
	if s.Count < 0 || n > maxMessages-c.sent {
		return wrong(at+".count", "%d is not from 1 to %d", s.Count, maxMessages-c.sent)
	}
	for range n {
		c.held[c.sent] = s.Hold
		c.sent++
	}
	return nil
}

func (c *checker) release(at string, numbers []int) error {
	for i, n := range numbers {
		if !c.held[n] {
			return wrong(fmt.Sprintf("%s[%d]", at, i), "message %d is not held back", n)
		}
		c.held[n] = false
	}
	return nil
}

func (c *checker) grant(at string, g *Grant) error {
	taken := false
	for name := range c.granted {
		taken = taken || strings.EqualFold(name, g.Name)
	}
	_, unknown := expand(g.Atoms)
	needsAtoms := g.Via == "copy" || g.Via == "stream"
	switch {
	case !isName(g.Name) || strings.EqualFold(g.Name, Customer) || strings.EqualFold(g.Name, Business):
		return wrong(at+".name", "%q is not %s", g.Name, nameForm)
	case taken:
		return wrong(at+".name", "%q is taken", g.Name)
	case c.sc.principal(g.To) < 0:
		return wrong(at+".to", "unknown principal %q", g.To)
	case g.From != "" && !isEnd(g.From):
		return wrong(at+".from", "%q is neither %q nor %q", g.From, Customer, Business)
	case g.Via != "copy" && g.Via != "stream" && g.Via != "quota" && g.Via != "oracle":
		return wrong(at+".via", "%q is none of \"copy\", \"stream\", \"quota\", \"oracle\"", g.Via)
	case unknown != "" || slices.Contains(g.Atoms, ""):
		return wrong(at+".atoms", "unknown atom %q", unknown)
	case g.Via == "oracle" && len(g.Atoms) > 0 && !slices.Equal(g.Atoms, []string{"identity"}):
		return wrong(at+".atoms", "an oracle is of the identity")
	case needsAtoms && len(g.Atoms) == 0:
		return wrong(at+".atoms", "missing")
	case g.Via == "quota" && (g.Count < 1 || g.Count > 2000):
		return wrong(at+".count", "%d is not from 1 to 2000", g.Count)
	case g.Via == "quota" && slices.ContainsFunc(g.Atoms, func(a string) bool { return a != "sending-chain" && a != "pq-sending-chain" }):
		return wrong(at+".atoms", "a quota is of the sending chain")
	case g.Via != "quota" && g.Count != 0:
		return wrong(at+".count", "only a quota has one")
	}
	c.granted[g.Name] = true
	return nil
}

func (c *checker) inject(at string, in *Inject) error {
	switch {
	case c.sc.principal(in.By) < 0:
		return wrong(at+".by", "unknown principal %q", in.By)
	case !isEnd(in.As):
		return wrong(at+".as", "%q is neither %q nor %q", in.As, Customer, Business)
	case !isEnd(in.To) || in.To == in.As:
		return wrong(at+".to", "%q is not the other end", in.To)
	case in.Text == "":
		return wrong(at+".text", "empty")
	case !isText(in.Text):
		return wrong(at+".text", "not UTF-8, or with U+0000")
	}
	return nil
}

// canonical returns the scenario in its canonical form, however it was written.
func (sc *Scenario) canonical() ([]byte, error) { return canonicalJSON(sc) }

// digest is the SHA-256 of canonical.
func (sc *Scenario) digest() (string, error) {
	b, err := sc.canonical()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}
