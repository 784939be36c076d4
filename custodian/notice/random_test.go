package notice

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/custodian/notice/tlog"
)

// TestEncryptedIsNeverALie plays random histories of custody: grants and revocations, handovers,
// changes of host, statements that are withheld, reordered, replayed, forged by the provider or
// equivocated by the business, logs that fork, freeze or cannot be reached, records that are
// restored from old copies. The truth is kept apart, by rules of its own. Whenever the customer's
// client reads "encrypted", no grant that is known, to the log or to another customer, gives
// anybody the messages. The one exception is a business that publishes nothing at all, and the run
// counts it as undetectable.
//
// To know of something takes having been able to hear of it. So two more cases are counted apart:
// within Policy.Freshness, a customer who reaches neither the log nor another customer; and one who
// talks to nobody while the business and a log without witnesses tell her another story than
// everybody else.
func TestEncryptedIsNeverALie(t *testing.T) {
	runs := 10000
	if testing.Short() || raceEnabled {
		runs = 400
	}
	var total tally
	for i := range runs {
		w := newWorld(t, uint64(i))
		for range 10 + w.rnd.IntN(12) {
			w.step()
			w.look()
		}
		total.add(&w.tally)
		if t.Failed() {
			t.Fatalf("run %d: %v", i, w.history)
		}
	}
	t.Logf("%d runs: %+v", runs, total)
	// The test can fail: every kind of state is reached, and so is every way of being wrong.
	require.Greater(t, total.encrypted, runs)
	require.Greater(t, total.undetectable, 0, "a business that publishes nothing is not detected")
	require.Greater(t, total.alone, 0, "without witnesses, who talks to nobody can be told anything")
	for k := Unknown; k <= Contradicted; k++ {
		require.Greater(t, total.kinds[k], runs/200, "%s", k)
	}
	if runs < 1000 {
		return
	}
	require.Greater(t, total.late, 0, "what cannot be reached is shown within the freshness")
	for _, r := range []Reason{NoStatement, BadStatement, Withheld, OtherIdentity, LogStale, TwoEntries, EarlierHidden, Equivocated, Forked} {
		require.Positive(t, total.reasons[r], "reason %d never comes up", r)
	}
}

// A tally counts what was seen.
type tally struct {
	encrypted    int // looks at a state that reads "encrypted"
	undetectable int // of these, the business had granted and published nothing
	late         int // of these, alice could reach neither the log nor bob, for less than the freshness
	alone        int // of these, alice is told another story than others, by a log or without one, and talks to nobody
	kinds        [Contradicted + 1]int
	reasons      [64]int
}

func (a *tally) add(b *tally) {
	a.encrypted += b.encrypted
	a.undetectable += b.undetectable
	a.late += b.late
	a.alone += b.alone
	for i := range a.kinds {
		a.kinds[i] += b.kinds[i]
	}
	for i := range a.reasons {
		a.reasons[i] += b.reasons[i]
	}
}

// A deal is a grant as it is in truth.
type deal struct {
	provider string
	grant    Grant
	made     time.Time
	hidden   bool // nothing was published about it
	told     bool // another customer has a statement about it
	logged   bool // in the log that everybody else sees
	over     bool
	barrier  bool // since it was over
	chains   int  // since it was over
	identity signet.PublicKey
}

// A backup is an old copy of alice's device: her record, and how far what she deleted had ended the
// deals.
type backup struct {
	record []byte
	ends   map[*deal]deal
}

// A world is a business, two customers and everybody who lies to them.
type world struct {
	*shop
	rnd        *rand.Rand
	alice, bob *Customer
	toAlice    [][]byte // deliveries on their way
	toBob      []*Signed
	seen       [][]byte // deliveries that were, for replays
	old        []backup // of alice's device
	last       *Signed  // the latest statement
	deals      []*deal
	fork       *tlog.Log // what alice is shown instead of the log, nil for the log
	forked     *Business // the chain that she is told, nil for the true one
	down       bool      // alice cannot reach the log
	apart      bool      // alice and bob do not talk
	asked      time.Time // when she last could
	history    []string
	tally
}

func newWorld(t *testing.T, seed uint64) *world {
	rnd := rand.New(rand.NewPCG(seed, 7))
	witnesses := []int{-1, 0, 0, 1}[rnd.IntN(4)]
	w := &world{shop: newShop(t, Account, witnesses), rnd: rnd}
	w.alice, w.bob = w.customer("alice"), w.customer("bob")
	return w
}

// terms is what the business publishes.
func (w *world) terms() *Terms {
	t := &Terms{Bound: []signet.PublicKey{w.identity.PublicKey()}}
	for _, d := range w.deals {
		if d.over || d.hidden {
			continue
		}
		i := slices.IndexFunc(t.Providers, func(p Provider) bool { return p.Name == d.provider })
		if i < 0 {
			i = len(t.Providers)
			t.Providers = append(t.Providers, Provider{Name: d.provider})
		}
		g := d.grant
		g.To = i
		t.Grants = append(t.Grants, g)
	}
	return t
}

// tell issues the next statement and sends it to both; once alice is told another story, it goes on
// for her.
func (w *world) tell() {
	s := w.issue(w.terms())
	public := w.public()
	for _, d := range w.deals {
		d.logged = d.logged || !d.hidden && public
		// If what alice is told is what the witnesses vouch for, it is what was published: the business
		// has declared the end of what goes on, and nobody can know better.
		d.hidden = d.hidden || w.forked != nil && w.log != nil && !public
	}
	w.toBob, w.last = append(w.toBob, s), s
	if w.fork != nil && w.forked == nil {
		return // alice's log does not have it, so it cannot be delivered to her
	}
	index := w.index[s.Hash()]
	if w.forked != nil {
		s, index = w.lie()
	}
	if b, err := w.parcel(s, index); err == nil {
		w.toAlice = append(w.toAlice, b)
	}
}

// public reports whether the log is one that others believe: if its witnesses vouch for another
// history, what is in it was shown to nobody.
func (w *world) public() bool {
	if w.log == nil {
		return false
	}
	signed, err := w.source().Checkpoint(ctx)
	require.NoError(w.t, err)
	_, err = w.trust.Open(signed)
	return err == nil
}

// lie issues a statement of the chain that alice is told: nobody has anything.
func (w *world) lie() (s *Signed, index int64) {
	s, err := w.forked.Issue(w.root, nil, &Terms{Bound: []signet.PublicKey{w.identity.PublicKey()}}, w.now)
	require.NoError(w.t, err)
	if l := w.aliceLog(); l != nil {
		index = l.Append(w.forked.Entry(s))
	}
	return s, index
}

func (w *world) aliceLog() *tlog.Log {
	if w.fork != nil {
		return w.fork
	}
	return w.log
}

// view is where alice's client asks.
func (w *world) view() tlog.Source {
	switch {
	case w.log == nil:
		return nil
	case w.down:
		return unreachable{}
	}
	return seen{w.aliceLog(), w.shop}
}

func (unreachable) Entries(context.Context, int64, int64) ([]tlog.Entry, error) { return nil, errDown }
func (unreachable) Consistency(context.Context, int64, int64) (tlog.Hash, []tlog.Hash, error) {
	return tlog.Hash{}, nil, errDown
}

var errDown = fmt.Errorf("no network")

func (w *world) parcel(s *Signed, index int64) ([]byte, error) {
	var src tlog.Source
	if l := w.aliceLog(); l != nil {
		src = seen{l, w.shop}
	}
	return w.chain.Delivery(ctx, s, w.bind, index, src)
}

func (w *world) accept(b []byte) {
	w.seen = append(w.seen, b)
	if _, err := w.alice.Accept(ctx, b, w.view(), w.now); err == nil {
		w.asked = w.now // that asks the log too
	}
}

var loot = []Secrets{
	Everything, Session, SessionEC, SessionPQ, Identity, PreKeys, Archived, Plaintext,
	ReceivingChains | PQReceivingChain, SendingChain | PQSendingChain, Skipped | PQSkipped, SessionRoot | RatchetPrivate,
}

func (w *world) grant(hidden bool) {
	g := Grant{Secrets: loot[w.rnd.IntN(len(loot))], Via: []Via{Copy, Stream, Enclave}[w.rnd.IntN(3)]}
	if w.rnd.IntN(4) == 0 {
		g.Secrets |= Secrets(w.rnd.IntN(allSecrets))
	}
	w.deals = append(w.deals, &deal{
		provider: fmt.Sprint("Acme ", w.rnd.IntN(3)), grant: g, made: w.now, hidden: hidden, identity: w.identity.PublicKey(),
	})
}

// end ends what is in force, all of it or some.
func (w *world) end(all bool) (ended []*deal) {
	for _, d := range w.deals {
		if !d.over && (all || w.rnd.IntN(2) == 0) {
			d.over = true
			ended = append(ended, d)
		}
	}
	return ended
}

// A move is something that happens, with how often.
type move struct {
	name   string
	weight int
	do     func(w *world)
}

var moves = []move{
	{"grant", 3, func(w *world) { w.grant(false); w.tell() }},
	{"revoke", 3, func(w *world) { w.end(false); w.tell() }},
	{"handover", 1, func(w *world) {
		w.deals = append(w.deals, &deal{provider: "Acme 9", grant: Grant{Secrets: Everything, Via: Stream}, made: w.now, identity: w.identity.PublicKey()})
		w.tell()
	}},
	{"host change", 1, func(w *world) {
		for _, d := range w.end(true) {
			again := *d
			again.provider, again.over, again.made, again.logged, again.told = d.provider+"b", false, w.now, false, false
			w.deals = append(w.deals, &again)
		}
		w.tell()
	}},
	{"renew", 3, func(w *world) { w.tell() }},
	{"hidden grant", 1, func(w *world) {
		if w.rnd.IntN(3) == 0 {
			w.grant(true)
		}
	}},
	{"deliver", 14, func(w *world) { w.deliverNext(0) }},
	{"mandate", 2, func(w *world) { w.grant(false); w.tell(); w.deliverAll() }},
	{"end of a mandate", 3, func(w *world) {
		w.end(true)
		w.tell()
		w.deliverAll()
		switch w.rnd.IntN(3) {
		case 0:
			w.barrier()
		case 1:
			w.chains(5)
		}
	}},
	{"new device", 1, func(w *world) {
		if w.rnd.IntN(4) == 0 && w.forked == nil && w.fork == nil && w.last != nil {
			w.alice = NewCustomer(w.alice.Chat(), w.policy())
			if b, err := w.parcel(w.last, w.index[w.last.Hash()]); err == nil {
				w.toAlice = [][]byte{b}
			}
			w.deliverAll()
		}
	}},
	{"reorder", 1, func(w *world) { w.deliverNext(len(w.toAlice) - 1) }},
	{"withhold", 2, func(w *world) {
		if len(w.toAlice) > 0 {
			w.toAlice = w.toAlice[1:]
		}
	}},
	{"to bob", 5, func(w *world) { w.tellBob() }},
	{"replay", 1, func(w *world) {
		if n := len(w.seen); n > 0 {
			w.accept(w.seen[w.rnd.IntN(n)])
		}
	}},
	{"another conversation", 1, func(w *world) { w.elsewhere() }},
	{"provider forges", 2, func(w *world) { w.forge() }},
	{"equivocate", 1, func(w *world) { w.equivocateToAlice() }},
	{"fork", 1, func(w *world) { w.forkLog() }},
	{"time", 4, func(w *world) { w.now = w.now.Add(time.Duration(1+w.rnd.IntN(60)) * hour) }},
	{"weeks", 1, func(w *world) { w.now = w.now.Add(time.Duration(6+w.rnd.IntN(6)) * days) }},
	{"acknowledge", 8, func(w *world) { w.alice.Acknowledge(w.alice.State(w.now).Statement) }},
	{"barrier", 3, func(w *world) { w.barrier() }},
	{"chain", 3, func(w *world) { w.chains(1 + w.rnd.IntN(4)) }},
	{"new identity", 1, func(w *world) {
		w.identity = signet.GenerateKeyFrom(seeded("identity", w.rnd.Uint64()))
		w.alice.SetIdentity(w.identity.PublicKey())
		w.bob.SetIdentity(w.identity.PublicKey())
	}},
	{"restart", 2, func(w *world) { w.alice = stored(w.t, w.alice) }},
	{"keep a copy", 1, func(w *world) {
		b, err := w.alice.AppendBinary(nil)
		require.NoError(w.t, err)
		copied := backup{record: b, ends: map[*deal]deal{}}
		for _, d := range w.deals {
			copied.ends[d] = *d
		}
		w.old = append(w.old, copied)
	}},
	{"restore a copy", 1, func(w *world) { w.restore() }},
	{"network", 1, func(w *world) { w.down = !w.down }},
	{"apart", 1, func(w *world) { w.apart = !w.apart }},
}

func (w *world) step() {
	total := 0
	for _, m := range moves {
		total += m.weight
	}
	n := w.rnd.IntN(total)
	if len(w.history) == 0 {
		w.tell() // it begins with what is there: nothing
		if w.rnd.IntN(5) > 0 {
			w.deliverNext(0)
			w.tellBob()
		}
	}
	for _, m := range moves {
		if n -= m.weight; n < 0 {
			w.history = append(w.history, m.name)
			m.do(w)
			return
		}
	}
}

func (w *world) deliverAll() {
	for len(w.toAlice) > 0 {
		w.deliverNext(0)
	}
	w.alice.Acknowledge(w.alice.State(w.now).Statement)
}

func (w *world) chains(n int) {
	for range n {
		w.alice.Observe(SignalChain)
		for _, d := range w.deals {
			d.chains++
		}
	}
}

func (w *world) deliverNext(i int) {
	if len(w.toAlice) == 0 {
		return
	}
	b := w.toAlice[i]
	w.toAlice = slices.Delete(w.toAlice, i, i+1)
	w.accept(b)
}

func (w *world) tellBob() {
	if len(w.toBob) == 0 {
		return
	}
	s := w.toBob[0]
	w.toBob = w.toBob[1:]
	b, err := w.chain.Delivery(ctx, s, w.bind, w.index[s.Hash()], w.source())
	require.NoError(w.t, err)
	if _, err := w.bob.Accept(ctx, b, w.source(), w.now); err != nil {
		return
	}
	for _, d := range w.deals {
		for _, g := range s.statement.Grants {
			d.told = d.told || s.statement.Providers[g.To].Name == d.provider && g.Secrets == d.grant.Secrets && !d.hidden
		}
	}
}

// elsewhere delivers to alice what is true of carol's conversation alone.
func (w *world) elsewhere() {
	chat := chatOf(w.identity.PublicKey(), "carol")
	origin := ""
	if w.log != nil {
		origin = w.trust.Origin()
	}
	chain := NewBusinessFrom(seeded("carol", w.rnd.Uint64()), Conversation, &chat, origin)
	s, err := chain.Issue(w.root, nil, &Terms{Bound: []signet.PublicKey{w.identity.PublicKey()}}, w.now)
	require.NoError(w.t, err)
	if l := w.aliceLog(); l != nil {
		w.index[s.Hash()] = l.Append(chain.Entry(s))
	}
	if b, err := chain.Delivery(ctx, s, w.bind, w.index[s.Hash()], seen{w.aliceLog(), w.shop}); err == nil {
		w.accept(b)
	}
}

// forge is what a provider can do that holds everything but the root key.
func (w *world) forge() {
	acme := GenerateRootFrom(seeded("Acme's own root"))
	chain := *w.chain
	terms := &Terms{Bound: []signet.PublicKey{w.identity.PublicKey()}}
	var s *Signed
	var err error
	switch w.rnd.IntN(4) {
	case 0:
		s, err = chain.Issue(acme, w.identity, terms, w.now)
	case 1:
		terms.IdentityProfile = true
		s, err = SignByIdentity(w.identity, chain.Draft(Root{}, terms, w.now))
	case 2: // under the name of the true root, signed with its own
		st := chain.Draft(w.root.Root(), terms, w.now)
		s = &Signed{statement: st, body: st.append(nil), signature: acme.sign(domainRoot, st.append(nil))}
	default:
		if len(w.toAlice) > 0 {
			b := slices.Clone(w.toAlice[0])
			b[w.rnd.IntN(len(b))] ^= 1 << w.rnd.IntN(8)
			w.alice.Accept(ctx, b, w.view(), w.now)
		}
		return
	}
	require.NoError(w.t, err)
	var bind *Bind
	if w.alice.pinned { // to a first comer it can say what it likes, until she compares the number
		bind, err = acme.Bind("Boulangerie", w.identity.PublicKey(), w.now)
		require.NoError(w.t, err)
	}
	d := &delivery{signed: s, bind: bind, salt: w.chain.salt, index: -1}
	if l := w.aliceLog(); l != nil {
		d.note, err = seen{l, w.shop}.Checkpoint(ctx)
		require.NoError(w.t, err)
	}
	w.accept(d.bytes())
}

// equivocateToAlice tells alice another story from now on, in the same log.
func (w *world) equivocateToAlice() {
	if w.forked != nil || w.rnd.IntN(2) == 0 {
		return
	}
	chain := *w.chain
	w.forked = &chain
	w.tell()
}

// forkLog shows alice another log from now on, and tells her another story in it or nothing.
func (w *world) forkLog() {
	if w.log == nil || w.fork != nil {
		return
	}
	entries, err := w.log.Entries(ctx, 0, w.log.Size())
	require.NoError(w.t, err)
	key, err := tlog.GenerateKeyFrom(seeded("log"), w.trust.Origin())
	require.NoError(w.t, err)
	w.fork, err = tlog.New(key, entries...)
	require.NoError(w.t, err)
	if w.rnd.IntN(2) == 0 { // its witnesses see alice's first
		w.fork.Append(tlog.Entry{1})
		_, err := seen{w.fork, w.shop}.Checkpoint(ctx)
		require.NoError(w.t, err)
	}
	if w.forked == nil && w.rnd.IntN(2) == 0 {
		chain := *w.chain
		w.forked = &chain
	}
	w.tell()
}

func (w *world) barrier() {
	w.alice.Observe(SignalBarrier)
	for _, d := range w.deals {
		if d.over && (d.grant.Secrets&Identity == 0 || d.identity != w.identity.PublicKey()) {
			d.barrier = true
		}
	}
}

func (w *world) restore() {
	if len(w.old) == 0 {
		return
	}
	copied := w.old[w.rnd.IntN(len(w.old))]
	c, err := LoadCustomer(copied.record, w.policy())
	require.NoError(w.t, err)
	c.SetIdentity(w.identity.PublicKey())
	w.alice = c
	for _, d := range w.deals { // what she has deleted since is back
		d.barrier, d.chains = copied.ends[d].barrier, copied.ends[d].chains
	}
}

// look is what the customer's client does before it shows a state, and the property.
func (w *world) look() {
	w.shop.t.Helper()
	if w.log != nil {
		if w.alice.Refresh(ctx, w.view(), w.now) == nil {
			w.asked = w.now
		}
		w.bob.Refresh(ctx, w.source(), w.now)
	}
	if !w.apart {
		w.alice.Hear(ctx, w.bob.Gossip(), w.view(), w.now)
	}
	s := w.alice.State(w.now)
	w.kinds[s.Kind]++
	w.reasons[s.Reason]++
	if s.Kind != Encrypted {
		return
	}
	w.encrypted++
	if !w.read(func(d *deal) bool { return true }) {
		return
	}
	if !w.read(func(d *deal) bool { return !d.hidden }) {
		w.undetectable++
		return
	}
	if !w.read(func(d *deal) bool { return d.told || d.logged }) {
		return // without a log, nobody has been told yet: a notice on its way
	}
	if w.apart && (w.fork != nil || w.forked != nil || w.log == nil) {
		w.alone++
		return
	}
	if w.apart && w.down && w.now.Sub(w.asked) <= 24*hour && !w.read(func(d *deal) bool { return d.logged && d.made.Before(w.asked) }) {
		w.late++
		return
	}
	for _, d := range w.deals {
		w.shop.t.Logf("%+v %v", *d, d.grant.Secrets.Names())
	}
	w.shop.t.Errorf("encrypted at %v; statement %d, bob %+v", w.now, w.alice.current().statement.Seq, w.bob.State(w.now))
}

// read is the truth: what those whose deals count have kept, all of them together, opens the
// messages. The rules are written once more, as a list, and know nothing of Powers.
func (w *world) read(counts func(*deal) bool) bool {
	have := map[string]bool{}
	for _, d := range w.deals {
		if !counts(d) {
			continue
		}
		names := d.grant.Secrets.Names()
		if d.over {
			if d.barrier {
				continue
			}
			if d.chains >= 5 {
				names = slices.DeleteFunc(names, func(n string) bool {
					return n == "sending-chain" || n == "receiving-chains" || n == "skipped"
				})
			}
			names = slices.DeleteFunc(names, func(n string) bool { return n == "plaintext" })
		}
		for _, n := range names {
			have[n] = true
		}
	}
	rules := [][]string{
		{"texts", "plaintext"}, {"texts", "ec", "pq"}, {"texts", "archived"},
		{"texts", "identity", "signed-prekey", "kyber-prekey"},
		{"ec", "root", "ratchet-private"}, {"ec", "sending-chain"}, {"ec", "receiving-chains"}, {"ec", "skipped"},
		{"pq", "pq-root", "pq-decapsulation"}, {"pq", "pq-root", "pq-encapsulation"}, {"pq", "pq-negotiation"},
	}
	for _, half := range [][2]string{{"receiving-chains", "pq-receiving-chain"}, {"sending-chain", "pq-sending-chain"}, {"skipped", "pq-skipped"}} {
		rules = append(rules, []string{"texts", half[0], half[1]}, []string{"texts", "root", "ratchet-private", half[1]})
	}
	for range len(rules) {
		for _, r := range rules {
			if !slices.ContainsFunc(r[1:], func(n string) bool { return !have[n] }) {
				have[r[0]] = true
			}
		}
	}
	return have["texts"]
}
