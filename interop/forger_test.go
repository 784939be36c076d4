package interop

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian"
	"signet.example/signet/internal/wire"
)

// These tests put every forgery that the custodian's adversary builds before the official client as
// well. Its sessions are those of the deceived end, from the same record, and it must accept and
// refuse the same messages with the same text: then a verdict on authenticity is one about the real
// receiver. Messages with a key agreement are left out, as the peer protocol does not move prekeys.

// A jury is the official client in the place of a deceived end.
type jury struct {
	t        *testing.T
	f        *fleet
	devices  map[string]*Device // by end and identity key
	accepted int
	refused  int
	promoted int // messages of an archived session, which became the current one
	keyless  int // messages without a post-quantum key that it accepted
}

// hear puts an offer before the official client.
func (j *jury) hear(o *custodian.Offer) {
	if o.PreKey || len(o.Record) == 0 {
		return
	}
	name := o.To + string(o.Identity)
	d := j.devices[name]
	if d == nil {
		d = j.f.device(j.t, j.f.peer(official), Params{Address: Address{o.Self.Name, o.Self.Device}, Identity: o.Identity})
		j.devices[name] = d
	}
	from := Address{o.Peer.Name, o.Peer.Device}
	require.NoError(j.t, d.SetSession(from, o.Record))
	text, err := d.Decrypt(from, Message{TypeWhisper, o.Body})
	require.Equal(j.t, o.Accepted, err == nil, "official: %v", err)
	if !o.Accepted {
		j.refused++
		return
	}
	require.Equal(j.t, string(o.Text), string(text))
	j.accepted++
	if m, err := wire.ParseSignalMessage(o.Body); err == nil && bytes.Equal(m.PQRatchet, []byte{1, 1, 0, 0}) {
		j.keyless++
	}
	after, err := d.Session(from)
	require.NoError(j.t, err)
	if before := current(j.t, o.Record); before != current(j.t, after) {
		j.promoted++
	}
}

// current returns the base key of a record's current session.
func current(t *testing.T, record []byte) string {
	b, _, err := wire.SplitRecord(record)
	require.NoError(t, err)
	var s wire.Session
	require.NoError(t, s.Parse(b))
	return string(s.BaseKey)
}

// try evaluates a scenario before the official client.
func (j *jury) try(scenario string) *custodian.Report {
	sc, err := custodian.ParseScenario([]byte(scenario))
	require.NoError(j.t, err)
	r, err := custodian.Evaluate(context.Background(), sc, &custodian.Options{Offered: j.hear})
	require.NoError(j.t, err)
	return r
}

func newJury(t *testing.T) *jury {
	f := newFleet(t)
	f.need(t, official)
	return &jury{t: t, f: f, devices: make(map[string]*Device)}
}

// pingPong is n messages, in turns, the business's first.
func pingPong(n int) string {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `,{"send":%q}`, []string{"business", "customer"}[i%2])
	}
	return b.String()
}

func scenarioOf(protocol int, script string) string {
	return fmt.Sprintf(`{"format":"custody-scenario-v1","protocol":%d,"seed":%d,
		"principals":[{"id":"p","role":"provider"}],"script":[{"send":"customer"}%s]}`, protocol, *seed, script)
}

// forgeable lists the business's messages in whose place the provider could have put one of its
// own.
func forgeable(r *custodian.Report) (list []int) {
	for _, m := range r.Messages {
		if m.From == custodian.Business && len(m.ForgeableBy) > 0 {
			list = append(list, m.I)
		}
	}
	return list
}

// copied is a grant of atoms that is over at once: the provider keeps what it has.
func copied(atoms string) string {
	return fmt.Sprintf(`,{"grant":{"name":"g","to":"p","atoms":[%s],"via":"copy"}},{"revoke":{"name":"g"}}`, atoms)
}

// TestLateForger is a provider whose mandate is over: it has the chains of one moment, and the
// official client takes its messages until it has seen five newer chains of the business's
// (custody B15, 10).
func TestLateForger(t *testing.T) {
	for _, protocol := range []int{3, 4} {
		t.Run(fmt.Sprint("protocol ", protocol), func(t *testing.T) {
			j := newJury(t)
			r := j.try(scenarioOf(protocol, pingPong(4)+copied(`"sending-chain","pq-sending-chain"`)+pingPong(20)))
			want := []int{5} // the first of the chain that was granted, which message 4 began
			for newer := range 5 {
				want = append(want, 7+2*newer)
			}
			require.Equal(t, want, forgeable(r))
			require.GreaterOrEqual(t, j.accepted, len(want))
			require.Positive(t, j.refused)
			require.Zero(t, j.promoted)
		})
	}
}

// TestArchivedForger is a provider that has the session of a mandate that is over, and the two ends
// have begun a new one since. The official client takes a message of the old one, and makes it the
// current one again: what it says next, it says in the session that the provider has a copy of.
func TestArchivedForger(t *testing.T) {
	for _, protocol := range []int{3, 4} {
		t.Run(fmt.Sprint("protocol ", protocol), func(t *testing.T) {
			j := newJury(t)
			r := j.try(scenarioOf(protocol, pingPong(4)+copied(`"session"`)+`,{"rotate":"session"}`+pingPong(6)))
			require.NotEmpty(t, forgeable(r))
			require.Positive(t, j.promoted)
			t.Logf("forgeable: %v; the official client: %d accepted, %d of them promoted an archived session, %d refused",
				forgeable(r), j.accepted, j.promoted, j.refused)
		})
	}
}

// TestForgeries is every kind of delegation in every pattern of traffic: the official client and
// ours agree about every message that the adversary builds.
func TestForgeries(t *testing.T) {
	j := newJury(t)
	scenarios := 0
	for _, protocol := range []int{3, 4} {
		for _, from := range []string{"business", "customer"} {
			for _, atoms := range []string{`"session"`, `"session-ec"`, `"sending-chain","pq-sending-chain"`, `"root","ratchet-private","session-pq"`,
				`"skipped","pq-skipped","receiving-chains","pq-receiving-chain"`, `"archived"`, `"everything"`} {
				for _, script := range []string{
					`,{"send":"business","count":3},{"send":"customer","count":2}%s,{"send":"business","count":3},{"send":"customer"},{"send":"business"}`,
					`,{"send":"business"},{"send":"customer","count":3,"deliver":false},{"deliver":[4]}%s,{"send":"business"},{"deliver":[2,3]},{"send":"customer"},{"send":"business"}`,
					`,{"send":"business"},{"rotate":"session"},{"send":"business"},{"send":"customer"}%s,{"send":"business","count":2},{"send":"customer","count":2}`,
				} {
					grant := fmt.Sprintf(`,{"grant":{"name":"g","to":"p","from":%q,"atoms":[%s],"via":"copy"}}`, from, atoms)
					j.try(scenarioOf(protocol, fmt.Sprintf(script, grant)))
					scenarios++
				}
			}
		}
	}
	require.Greater(t, j.accepted, 100)
	require.Greater(t, j.refused, 30)
	t.Logf("%d scenarios: the official client accepted %d forgeries and refused %d, as we did; %d of an archived session", scenarios, j.accepted, j.refused, j.promoted)
}

var juries = flag.Int("juries", 20, "how many random scenarios TestRandomForgeries puts before the official client")

// TestKeylessForger is a provider with a sending chain and nothing of the post-quantum half: the
// official client takes its messages, which carry no key, as ours does that accepts them.
func TestKeylessForger(t *testing.T) {
	j := newJury(t)
	r := j.try(scenarioOf(4, pingPong(60)+copied(`"sending-chain"`)+pingPong(4)))
	require.Equal(t, []int{61, 63}, forgeable(r))
	require.Equal(t, custodian.Lost, r.Find("G6", "p").Result())
	require.Positive(t, j.keyless)
}

// TestRandomForgeries is grants of random sets of secrets in random scripts, to providers that see
// all, a part or nothing: the official client accepts and refuses as ours does whatever the
// adversary builds.
func TestRandomForgeries(t *testing.T) {
	j := newJury(t)
	for n := range *juries {
		g := rand.New(rand.NewPCG(*seed, uint64(n)))
		r := j.try(randomScript(g))
		for _, l := range r.Limits {
			require.NotContains(t, l, "do not agree")
		}
	}
	require.Positive(t, j.accepted)
	require.Positive(t, j.refused)
	require.Positive(t, j.keyless)
	t.Logf("%d scenarios: the official client accepted %d forgeries, %d of them without a post-quantum key, and refused %d, as we did", *juries, j.accepted, j.keyless, j.refused)
}

// randomScript draws a scenario.
func randomScript(g *rand.Rand) string {
	pick := func(list ...string) string { return list[g.IntN(len(list))] }
	atoms := custodian.Atoms()
	sent, granted := 1, 0
	var b strings.Builder
	for range 5 + g.IntN(8) {
		switch k := g.IntN(12); {
		case k < 6:
			n := 1 + g.IntN(3)
			fmt.Fprintf(&b, `,{"send":%q,"count":%d}`, pick("business", "customer"), n)
			sent += n
		case k < 7:
			fmt.Fprintf(&b, `,{"send":%q,"deliver":false},{"send":%q},{"deliver":[%d]}`, pick("business", "customer"), pick("business", "customer"), sent)
			sent += 2
		case k < 10:
			list := []string{fmt.Sprintf("%q", pick("root", "sending-chain", "receiving-chains", "session-ec", "session"))}
			for _, a := range atoms {
				if g.IntN(4) == 0 && a != "plaintext" {
					list = append(list, fmt.Sprintf("%q", a))
				}
			}
			fmt.Fprintf(&b, `,{"grant":{"name":"g%d","to":"p","from":%q,"atoms":[%s],"via":%q}}`, granted, pick("business", "customer"), strings.Join(list, ","), pick("copy", "stream"))
			granted++
		case k < 11:
			fmt.Fprintf(&b, `,{"rotate":%q}`, pick("session", "prekeys"))
		default:
			to := g.IntN(2)
			fmt.Fprintf(&b, `,{"inject":{"by":"p","as":%q,"to":%q,"text":"not by me"}}`, []string{"business", "customer"}[to], []string{"customer", "business"}[to])
		}
	}
	return fmt.Sprintf(`{"format":"custody-scenario-v1","protocol":%d,"seed":%d,"principals":[{"id":"p","role":"provider","sees":%s}],"script":[{"send":"customer"}%s]}`,
		3+min(1, g.IntN(4)), g.Uint64()>>12, pick(`"all"`, `"none"`, `{"percent":50}`, `{"from":"customer"}`), b.String())
}
