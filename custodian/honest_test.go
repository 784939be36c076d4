package custodian

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/know"
	"signet.example/signet/custodian/parcel"
)

// The tests of custody B15: ways to catch a report lying.

const scenarios = "../examples/scenarios"

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(scenarios, name))
	require.NoError(t, err)
	return b
}

func parse(t *testing.T, b []byte) *Scenario {
	t.Helper()
	sc, err := ParseScenario(b)
	require.NoError(t, err)
	return sc
}

func jsonOf(t *testing.T, r *Report) []byte {
	t.Helper()
	b, err := r.JSON()
	require.NoError(t, err)
	return b
}

// TestShipped evaluates the scenarios that are shipped: what they say, and that they say it twice.
func TestShipped(t *testing.T) {
	for _, c := range []struct {
		file, principal string
		readable        string // by message: who is the principal
		verdicts        map[string]Result
		notice          string
	}{
		{"self.json", "platform", "....", map[string]Result{"G1": Held, "G2": Held, "G6": Held, "G7": Held}, "e2ee"},
		{"hosted.json", "acme-cloud", "====", map[string]Result{"G2": Lost, "G5": Lost, "G6": Lost, "G7": Lost}, "managed"},
		{"hosted.json", "platform", "....", map[string]Result{"G2": Held, "G6": Held, "G7": Held}, "managed"},
		{"archive.json", "acme-archive", "====", map[string]Result{"G2": Lost, "G4": Held, "G6": Held, "G7": Held}, "handed-on"},
		{"handover.json", "acme-cloud", "....====...", map[string]Result{"G1": Held, "G2": Lost, "G3": Held, "G4": Held, "G5": Held, "G6": Lost, "G7": Lost}, "managed"},
		{"one-way.json", "acme-notices", "..=========", map[string]Result{"G1": Held, "G2": Lost, "G5": Lost}, "managed"},
		{"quota.json", "acme-notices", "....", map[string]Result{"G1": Held, "G2": Held, "G6": Lost, "G7": Held}, "past"},
		{"revoke.json", "acme-cloud", "..===.....", map[string]Result{"G1": Held, "G2": Lost, "G3": Lost, "G5": Held, "G6": Lost}, "managed"},
		{"nameless.json", "someone", "..==.....", map[string]Result{"G1": Lost, "G2": Held, "G6": Held, "G7": Lost}, "managed"},
		{"nameless.json", "bystander", ".........", map[string]Result{"G1": Held, "G2": Held, "G6": Lost, "G7": Lost}, "managed"},
	} {
		b := read(t, c.file)
		r := evaluate(t, parse(t, b))
		lane := ""
		for _, m := range r.Messages {
			lane += string(strings.Replace(string(mark(&m, c.principal)), "f", ".", 1))
		}
		require.Equal(t, c.readable, strings.ReplaceAll(lane, "#", "="), c.file)
		for id, want := range c.verdicts {
			v := r.Find(id, c.principal)
			require.NotNil(t, v)
			require.Equal(t, want, v.Result(), "%s %s: %s", c.file, id, v.Text().EN)
			require.NotEmpty(t, v.Evidence())
		}
		require.Equal(t, c.notice, r.Notice.State, c.file)
		for _, m := range r.Messages {
			require.True(t, m.Delivered || c.file == "nameless.json", "%s: message %d", c.file, m.I)
		}
		require.Equal(t, jsonOf(t, r), jsonOf(t, evaluate(t, parse(t, b))), "%s: two runs differ", c.file)
	}
}

// TestEvidence: every verdict cites evidence of the right kind, and what it cites exists.
func TestEvidence(t *testing.T) {
	for n := range uint64(30) {
		r := evaluate(t, randomScenario(n))
		kinds := make(map[string]string)
		for _, e := range r.Evidence {
			require.Empty(t, kinds[e.ID])
			require.NotEmpty(t, e.Claim)
			kinds[e.ID] = e.Kind
		}
		for i := range r.Verdicts {
			v := &r.Verdicts[i]
			require.NotEmpty(t, v.Evidence())
			for _, id := range v.Evidence() {
				require.Equal(t, map[Result]string{Lost: "witness", Held: "certificate", Conditional: "certificate", Unknown: "absence"}[v.Result()], kinds[id])
			}
		}
		for _, m := range r.Messages {
			for _, x := range m.Evidence {
				require.Equal(t, "witness", kinds[x.Evidence])
			}
		}
	}
}

// TestZeroVerdict: no evidence, no verdict.
func TestZeroVerdict(t *testing.T) {
	var v Verdict
	require.Equal(t, Unknown, v.Result())
	v = lost(g2, "p", nil)
	require.Equal(t, Unknown, v.Result())
	v = lost(g2, "p", []witness{{}})
	require.Equal(t, Unknown, v.Result())
	v = held(g2, "p", certificate{}, nil)
	require.Equal(t, Unknown, v.Result())
	v = held(g2, "p", certificate{id: "c", set: know.NewCertificate([]know.Known{{Atom: "a", At: 3}})}, []claim{{"a", 3}})
	require.Equal(t, Unknown, v.Result(), "the certificate does not exclude the claim")
	v = held(g2, "p", certificate{id: "c", set: know.NewCertificate([]know.Known{{Atom: "a", At: 3}})}, []claim{{"a", 2}})
	require.Equal(t, Held, v.Result())
}

// TestRename: renaming changes names only (B15.1).
func TestRename(t *testing.T) {
	for _, file := range []string{"handover.json", "nameless.json", "hosted.json"} {
		b := read(t, file)
		before := string(jsonOf(t, evaluate(t, parse(t, b))))
		names := strings.NewReplacer(
			"acme-cloud", "zz-self-managed", "platform", "aaa", "burglar", "e2ee",
			"someone", "nothing-to-see", "bystander", "xyz", `"handover"`, `"xarchivex"`, `"hosting"`, `"xselfx"`)
		renamed := []byte(names.Replace(string(b)))
		after := string(jsonOf(t, evaluate(t, parse(t, renamed))))
		ids := func(s string) string {
			var r struct{ Scenario string }
			require.NoError(t, json.Unmarshal([]byte(s), &r))
			return strings.ReplaceAll(s, r.Scenario, "sha256:")
		}
		clean := func(s string) string {
			for _, p := range parse(t, b).Principals {
				s = strings.ReplaceAll(s, names.Replace(p.ID), p.ID)
			}
			return strings.NewReplacer("xarchivex", "handover", "xselfx", "hosting").Replace(s)
		}
		// Sentences of the report use none of these words, "platform" and "nobody" apart.
		before, after = ids(before), ids(after)
		for _, word := range []string{"not even the platform", "Nobody outside", "nobody else"} {
			before, after = strings.ReplaceAll(before, word, "…"), strings.ReplaceAll(after, word, "…")
		}
		require.JSONEq(t, before, clean(after), file)
	}
}

// TestOneBit: flip a bit of what was handed over, and the witnesses are gone: nothing is called
// lost that did not happen (B15.3).
func TestOneBit(t *testing.T) {
	sc := pingPong(3, 6, 2, "copy", "session")
	require.Equal(t, Lost, evaluate(t, sc).Find("G2", "p").Result())
	r, err := play(context.Background(), sc, nil)
	require.NoError(t, err)
	for i := range r.events {
		g := r.events[i].given
		if g == nil {
			continue
		}
		p, err := parcel.Parse(g.bytes)
		require.NoError(t, err)
		list := bytesOf(p)
		for j := range list {
			list[j].Value[0] ^= 4
		}
		g.bytes = parcel.New(list).Bytes()
	}
	rep, err := r.report("", "")
	require.NoError(t, err)
	v := rep.Find("G2", "p")
	require.Equal(t, Unknown, v.Result(), "the rule book alone must not be believed")
	require.Contains(t, strings.Join(rep.Limits, "\n"), "do not agree")
	for _, m := range rep.Messages {
		require.Empty(t, m.ReadableBy)
		require.Empty(t, m.ForgeableBy)
	}
}

func bytesOf(p parcel.Parcel) (list []parcel.Entry) {
	for _, e := range p.Entries() {
		e.Value = bytes.Clone(e.Value)
		list = append(list, e)
	}
	return list
}

// TestHalfHybrid: one half opens nothing, both do (B15.4, T3).
func TestHalfHybrid(t *testing.T) {
	count := func(atoms ...string) int {
		n := 0
		for _, m := range evaluate(t, pingPong(4, 12, 5, "stream", atoms...)).Messages {
			n += len(m.ReadableBy)
		}
		return n
	}
	require.Zero(t, count("session-ec"))
	require.Zero(t, count("session-pq"))
	require.Equal(t, 7, count("session"))
	require.Equal(t, 7, count("session-ec", "session-pq"))
}

// TestIdentityOnly: an identity key opens nothing, whatever else it allows (T5).
func TestIdentityOnly(t *testing.T) {
	for _, protocol := range []int{3, 4} {
		r := evaluate(t, pingPong(protocol, 8, 0, "copy", "identity"))
		for _, m := range r.Messages {
			require.Empty(t, m.ReadableBy)
		}
		require.Equal(t, Held, r.Find("G2", "p").Result())
		require.Equal(t, Lost, r.Find("G6", "p").Result(), "it opens new sessions in the business's name")
		require.Equal(t, Held, r.Find("G7", "p").Result())
	}
}

// TestTimeSlide: the same grant at 200 consecutive instants; exposure is the adversary's at each
// (B15.5). That the other clock depends on the instant is TestTwoClocks.
func TestTimeSlide(t *testing.T) {
	for _, protocol := range []int{3, 4} {
		end := map[bool]int{false: 202, true: 30}[testing.Short() || protocol == 3]
		for at := 2; at < end; at++ {
			r := evaluate(t, pingPong(protocol, at+6, at, "copy", "session"))
			lane := ""
			for _, m := range r.Messages {
				lane += string(mark(&m, "p"))
			}
			lane = strings.ReplaceAll(lane, "#", "=")
			require.Equal(t, 1+at%2, strings.Count(lane, "="), "protocol %d, grant at %d: %s", protocol, at, lane)
			require.Equal(t, strings.Repeat("=", 1+at%2), strings.ReplaceAll(strings.ReplaceAll(lane[at:], "f", ""), ".", ""))
		}
	}
}

// TestSilence: without a reply nothing heals; with one the elliptic-curve half does (B15.6, T4).
func TestSilence(t *testing.T) {
	sc := pingPong(4, 4, 4, "copy")
	sc.Script = append(sc.Script,
		Step{Grant: &Grant{Name: "g", To: "p", Atoms: []string{"session"}, Via: "copy"}},
		Step{Send: &Send{From: Business, Count: 20}})
	h := evaluate(t, sc).Find("G5", "p").Healing()
	require.Nil(t, h.Classical)
	require.Nil(t, h.Quantum)
	sc.Script = append(sc.Script, Step{Send: &Send{From: Customer}}, Step{Send: &Send{From: Business}})
	v := evaluate(t, sc).Find("G5", "p")
	require.NotNil(t, v.Healing().Classical)
	require.Equal(t, 21, *v.Healing().Classical, "the reply is read, the answer to it is not")
	require.Nil(t, v.Healing().Quantum)
}

// TestPast: the past opens only when it should (B15.7, T6).
func TestPast(t *testing.T) {
	grant := Step{Grant: &Grant{Name: "g", To: "p", Atoms: []string{"everything"}, Via: "copy"}}
	for _, c := range []struct {
		name      string
		oneTime   bool
		script    []Step
		past      int
		forward   Result
		protocols []int
	}{
		{"after deletion", true, []Step{{Send: &Send{From: Customer, Count: 2}}, {Send: &Send{From: Business}}, {Send: &Send{From: Customer}}, grant}, 0, Held, []int{3, 4}},
		{"one withheld", true, []Step{{Send: &Send{From: Customer}}, {Send: &Send{From: Business}}, {Send: &Send{From: Customer, Hold: true}}, {Send: &Send{From: Customer}}, grant}, 1, Held, []int{3, 4}},
		{"no one-time prekey", false, []Step{{Send: &Send{From: Customer, Count: 3}}, {Send: &Send{From: Business}}, {Send: &Send{From: Customer}}, grant}, 3, Lost, []int{3, 4}},
	} {
		for _, protocol := range c.protocols {
			sc := &Scenario{Protocol: protocol, NoOneTimePreKey: !c.oneTime, Principals: []Principal{{ID: "p", Role: Provider}}, Script: c.script}
			r := evaluate(t, sc)
			require.Equal(t, c.past, r.Find("G1", "p").Messages(), "%s, protocol %d", c.name, protocol)
			require.Equal(t, c.forward, r.Find("G4", "p").Result(), "%s, protocol %d", c.name, protocol)
		}
	}
}

// TestMonotone: who is given more reads and forges no less (T7), the adversary too.
func TestMonotone(t *testing.T) {
	sets := [][]string{{"skipped"}, {"skipped", "sending-chain"}, {"session-ec", "pq-sending-chain"}, {"session"}, {"session", "archived"}, {"everything"}}
	for at := 1; at < 8; at++ {
		reads, forges := -1, -1
		for _, atoms := range sets {
			r, f := 0, 0
			for _, m := range evaluate(t, pingPong(4, 9, at, "copy", atoms...)).Messages {
				r, f = r+len(m.ReadableBy), f+len(m.ForgeableBy)
			}
			require.GreaterOrEqual(t, r, reads, "%v at %d", atoms, at)
			require.GreaterOrEqual(t, f, forges, "%v at %d", atoms, at)
			reads, forges = r, f
		}
	}
}

// TestLateForgery: a revoked provider can slip messages in until the customer has met five newer
// chains (T12), and reads nothing.
func TestLateForgery(t *testing.T) {
	sc := pingPong(3, 6, 6, "copy")
	sc.Script = append(sc.Script,
		Step{Grant: &Grant{Name: "g", To: "p", Atoms: []string{"session"}, Via: "copy"}},
		Step{Revoke: "g"})
	for i := range 16 {
		sc.Script = append(sc.Script, Step{Send: &Send{From: []string{Customer, Business}[i%2]}})
	}
	r := evaluate(t, sc)
	last := 0
	for _, m := range r.Messages {
		if m.From == Business && len(m.ForgeableBy) > 0 {
			last = m.I
		}
	}
	require.Equal(t, 6+9, last, "the chain of the handover is the customer's for ten messages")
	require.Equal(t, 0, r.Find("G2", "p").Of())
	require.Equal(t, Lost, r.Find("G3", "p").Result())
}

// TestRuleDeletion: leave out any rule, and the adversary shows that it is missing (B15.8).
func TestRuleDeletion(t *testing.T) {
	var runs []*run
	add := func(sc *Scenario) {
		r, err := play(context.Background(), sc, nil)
		require.NoError(t, err)
		runs = append(runs, r)
	}
	add(pingPong(3, 6, 0, "copy", "everything"))
	add(pingPong(4, 6, 0, "copy", "everything"))
	add(pingPong(4, 6, 2, "copy", "session"))
	add(pingPong(3, 4, 0, "stream", "plaintext"))
	add(pingPong(3, 4, 0, "copy", "identity"))
	add(pingPong(3, 4, 2, "copy", "root"))
	// An epoch's secret from either side of it, and a key of that epoch's chain from the secret.
	hand := func(from string, atoms ...string) Step {
		return Step{Grant: &Grant{Name: from + strings.Join(atoms, "+"), To: "p", From: from, Atoms: atoms, Via: "copy"}}
	}
	for _, parts := range [][2]Step{
		{hand(Customer, "pq-root"), hand(Customer, "pq-decapsulation")},
		{hand(Business, "pq-root"), hand(Business, "pq-encapsulation")},
	} {
		sc := pingPong(4, 122, 122, "copy")
		script := append([]Step{}, sc.Script[:2]...)
		script = append(append(append(script, parts[0]), sc.Script[2:40]...), parts[1])
		script = append(append(append(script, sc.Script[40:120]...), hand(Business, "session-ec")), sc.Script[120:]...)
		sc.Script = script
		add(sc)
	}
	for n := range uint64(12) {
		add(randomScenario(n))
	}
	for _, r := range runs {
		rep, err := r.report("", "")
		require.NoError(t, err)
		requireAgreement(t, rep, "with all rules")
	}
	for _, rule := range know.Rules {
		red := false
		for _, r := range runs {
			rep, err := r.report("", rule.ID)
			require.NoError(t, err)
			if red = strings.Contains(strings.Join(rep.Limits, "\n"), "do not agree"); red {
				break
			}
		}
		require.True(t, red, "nothing notices that rule %s is missing", rule.ID)
	}
}

// TestCertificates: a certificate that was tampered with is refused (B15.9).
func TestCertificates(t *testing.T) {
	r, err := play(context.Background(), pingPong(4, 8, 3, "copy", "session"), nil)
	require.NoError(t, err)
	base := know.Replay(r.transcript(), "")
	v := r.views(base)[0]
	good := base.Close(v.facts).Certificate()
	require.NoError(t, good.Check(base, v.facts))
	for i := range good.Known() {
		less := append(append([]know.Known(nil), good.Known()[:i]...), good.Known()[i+1:]...)
		require.Error(t, know.NewCertificate(less).Check(base, v.facts), "without %s", good.Known()[i].Atom)
		later := append([]know.Known(nil), good.Known()...)
		later[i].At++
		require.Error(t, know.NewCertificate(later).Check(base, v.facts), "%s later", later[i].Atom)
	}
	twice := append(append([]know.Known(nil), good.Known()...), good.Known()[0])
	require.Error(t, know.NewCertificate(twice).Check(base, v.facts))
}

// TestSameAs: what one knows, both know.
func TestSameAs(t *testing.T) {
	sc := pingPong(4, 8, 0, "stream", "everything")
	sc.Principals[0].Sees = "none"
	sc.Principals = append(sc.Principals, Principal{ID: "o", Role: Operator})
	r := evaluate(t, sc)
	for _, m := range r.Messages {
		require.Empty(t, m.ReadableBy, "one has the keys, the other the ciphertexts")
	}
	sc.Principals[1].SameAs = "p"
	r = evaluate(t, sc)
	for _, m := range r.Messages {
		require.Equal(t, []string{"p", "o"}, m.ReadableBy)
	}
}

// TestQuantum: a quantum computer opens the whole of version 3 and nothing of version 4 (T3, G12).
func TestQuantum(t *testing.T) {
	for protocol, want := range map[int]Result{3: Lost, 4: Held} {
		sc := pingPong(protocol, 6, 6, "copy")
		r := evaluate(t, sc)
		v := r.Find("G12", "p")
		require.Equal(t, want, v.Result(), v.Text().EN)
		for _, m := range r.Messages {
			require.Empty(t, m.ReadableBy)
			require.Equal(t, protocol == 3, len(m.QuantumReadable) == 1)
		}
	}
}

// TestInject: what a principal tries, with what it holds at that moment.
func TestInject(t *testing.T) {
	try := func(as, to string) Step {
		return Step{Inject: &Inject{By: "p", As: as, To: to, Text: "Pay here instead."}}
	}
	sc := pingPong(4, 4, 4, "copy")
	sc.Script = append(sc.Script, try(Business, Customer), try(Customer, Business),
		Step{Grant: &Grant{Name: "g", To: "p", Atoms: []string{"session"}, Via: "copy"}},
		try(Business, Customer), try(Customer, Business))
	r := evaluate(t, sc)
	require.Len(t, r.Injections, 4)
	for i, x := range r.Injections {
		require.Equal(t, i >= 2, x.Accepted, "injection %d", i)
		require.NotEmpty(t, x.Evidence)
	}
	require.Equal(t, 4, r.Injections[0].Step)
}

// TestRedaction: what holds secrets does not print them.
func TestRedaction(t *testing.T) {
	secret := bytes.Repeat([]byte{0xA7}, 32)
	p := parcel.New([]parcel.Entry{{Kind: parcel.Root, Value: secret}})
	for _, x := range []any{p, &p, p.Entries()[0], p.Entries(), struct{ P parcel.Parcel }{p}, struct{ p parcel.Parcel }{p}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d", "%q"} {
			s := fmt.Sprintf(verb, x)
			for _, leak := range []string{"a7a7", "A7A7", "167 167", "0xa7, 0xa7", "\xa7\xa7"} {
				require.NotContains(t, s, leak, verb)
			}
		}
		j, _ := json.Marshal(x)
		require.NotContains(t, string(j), "p6enp6en")
	}
}
