package interop

import (
	"bytes"
	crand "crypto/rand"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// A conversation is a random script between two devices, and a model of what each of them knows.
// The model says what every delivery must give; what it leaves open, the comparison of the two
// implementations decides.
type conversation struct {
	t     testing.TB
	f     *fleet
	rng   *rand.Rand
	again string // the command that repeats the conversation
	ends  [2]*end
	style style
	tally tally
	step  int
	story []string // the last steps
}

// A style is how a conversation goes: probabilities in percent.
type style struct {
	turn, lose, reorder, repeat, damage   int
	archive, initiate, restart, move      int
	compare, oneTime, process, longStreak int
}

// An end is one of the two devices.
type end struct {
	name     string
	params   Params
	impl     string
	dev      *Device
	life     int                // changes when the device starts anew without its prekeys
	twins    map[string]*Device // the same device in each implementation, to compare with
	inbox    []*letter          // what is on its way
	received []*letter          // what arrived, for replays
	views    map[string]*view   // the sessions it knows, by base key
	current  string             // the base key of the session that it sends with, "" if there is none
	begun    *initiation        // the session that it sends with, as long as its base key is not known
}

// An initiation is a session that was begun from a bundle.
type initiation struct {
	life int // of the receiver, when it made the bundle
}

// A view is what one end knows of one session.
type view struct {
	own      *initiation // if this end began it
	answered bool        // a message of it was decrypted here
	chains   []string    // the receiving chains that are kept, oldest first
	gone     map[string]bool
	sent     int    // how many messages this end sent with it
	epoch    uint64 // the greatest that this end sent or received
}

// A letter is a message on its way.
type letter struct {
	message   Message
	plaintext []byte
	base      string // the session's base key
	begun     *initiation
	header    Header
	number    int // of those that the sender sent with the session
	opened    bool
}

const (
	x3dh         = 3  // the protocol of devices without KEM prekeys
	keptChains   = 5  // protocol §5.6
	manySessions = 30 // more are not begun without need, so that of the 40 that are kept none is forgotten
)

func newConversation(t testing.TB, f *fleet, pair [2]string, rng *rand.Rand, again string) *conversation {
	c := &conversation{t: t, f: f, rng: rng, again: again}
	c.style = styles[rng.IntN(len(styles))]
	c.gather(pair, c.people(pair))
	return c
}

// gather makes the two devices, and their twins.
func (c *conversation) gather(pair [2]string, params [2]Params) {
	for i := range params {
		if params[i].Identity == nil {
			params[i].Identity = make([]byte, 32)
			crand.Read(params[i].Identity)
		}
	}
	for i, impl := range pair {
		e := &end{
			name: string(rune('A' + i)), params: params[i], impl: impl,
			twins: make(map[string]*Device), views: make(map[string]*view),
		}
		e.dev = c.f.device(c.t, c.f.peer(impl), e.params)
		for _, other := range c.f.implementations() {
			twin := e.params
			twin.Protocol = 0 // the official client makes no device of another, and both shall be alike
			e.twins[other] = c.f.device(c.t, c.f.peer(other), twin)
		}
		c.ends[i] = e
	}
}

// styles are, in their order: what an office day looks like, a long ping-pong, a bad network,
// devices that cannot decide on a session, and everything at once.
var styles = []style{
	{turn: 30, lose: 5, reorder: 10, repeat: 5, damage: 5, restart: 1, compare: 30, oneTime: 80},
	{turn: 90, compare: 30, oneTime: 50, restart: 2, move: 1, damage: 2},
	{turn: 30, lose: 25, reorder: 40, repeat: 20, damage: 15, restart: 2, move: 1, compare: 60, oneTime: 60, longStreak: 1},
	{turn: 50, lose: 10, reorder: 25, repeat: 10, damage: 5, archive: 6, initiate: 6, restart: 1, move: 1, compare: 50, oneTime: 50},
	{turn: 40, lose: 10, reorder: 20, repeat: 10, damage: 10, archive: 2, initiate: 2, restart: 3, move: 2, compare: 50, oneTime: 70, process: 1, longStreak: 1},
}

// people draws the two addresses and identities. Sessions of version 3 can begin between devices of
// ours alone; the official client still carries them on, which the comparison looks at.
func (c *conversation) people(pair [2]string) (p [2]Params) {
	protocol := 0
	if pair == [2]string{ours, ours} && c.percent(25) {
		protocol = x3dh
	}
	for i := range p {
		p[i].Identity = make([]byte, 32)
		crand.Read(p[i].Identity)
		p[i].RegistrationID = 1 + c.rng.Uint32N(16380)
		p[i].DeviceID = 1 + c.rng.Uint32N(127)
		p[i].UUID = c.randomName()
		p[i].Protocol = protocol
	}
	switch c.rng.IntN(6) {
	case 0: // two devices of one account
		p[1].UUID, p[1].Identity = p[0].UUID, p[0].Identity
		p[1].DeviceID = 1 + p[0].DeviceID%127
	case 1: // the same letters in another case are the same ServiceId and another name
		p[1].UUID = strings.ToUpper(p[1].UUID)
	}
	return p
}

func (c *conversation) randomName() string {
	var b [16]byte
	for i := range b {
		b[i] = byte(c.rng.Uint32())
	}
	h := hex.EncodeToString(b[:])
	uuid := h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	switch c.rng.IntN(6) {
	case 0:
		return fmt.Sprintf("+1415%07d", c.rng.IntN(1e7))
	case 1:
		return "PNI:" + uuid
	case 2:
		return "någon " + h[:4]
	}
	return uuid
}

// address is how the other end names e.
func (e *end) address() Address { return e.params.Address }

func (c *conversation) other(e *end) *end {
	if e == c.ends[0] {
		return c.ends[1]
	}
	return c.ends[0]
}

func (c *conversation) percent(p int) bool { return c.rng.IntN(100) < p }

// note tells the story of the conversation, for failures.
func (c *conversation) note(format string, v ...any) {
	const kept = 25
	c.story = append(c.story, fmt.Sprintf("%4d  ", c.step)+fmt.Sprintf(format, v...))
	if len(c.story) > kept {
		c.story = c.story[1:]
	}
}

// fail ends the test with what is needed to repeat it.
func (c *conversation) fail(format string, v ...any) {
	c.t.Helper()
	c.t.Fatalf("step %d: %s\nA is %v on %s, B is %v on %s\nrepeat with: %s\n%s", c.step, fmt.Sprintf(format, v...),
		c.ends[0].address(), c.ends[0].impl, c.ends[1].address(), c.ends[1].impl, c.again, strings.Join(c.story, "\n"))
}

func (c *conversation) must(err error) {
	c.t.Helper()
	if err != nil {
		c.fail("%v", err)
	}
}

// run goes on until so many messages were delivered, then lets everything arrive and both ends
// speak once more: whatever happened before, they must understand each other.
func (c *conversation) run(length int) {
	e := c.ends[c.rng.IntN(2)]
	for c.tally.delivered < length {
		c.step++
		if c.percent(c.style.turn) {
			e = c.other(e)
		}
		switch {
		case c.tally.sessions < manySessions && c.percent(c.style.archive):
			c.archive(e)
		case c.tally.sessions < manySessions && c.percent(c.style.initiate):
			c.begin(e)
		case c.percent(c.style.restart):
			c.restart(e)
		case c.percent(1) && c.percent(10*c.style.process):
			c.freshProcess(e)
		case c.percent(c.style.move):
			c.move(e)
		case c.percent(5) && c.percent(c.style.longStreak):
			c.streak(e)
		case len(e.received) > 0 && c.percent(c.style.repeat):
			c.replay(e)
		case len(e.inbox) > 0 && c.percent(c.style.turn/2+30):
			c.deliverNext(e)
		default:
			c.send(e)
			if to := c.other(e); c.percent(c.style.turn) {
				c.deliverNext(to)
			}
		}
	}
	for _, e := range c.ends {
		for len(e.inbox) > 0 {
			c.step++
			c.deliver(e, c.take(e, 0))
		}
	}
	for range 2 {
		for _, e := range c.ends {
			c.step++
			l := c.send(e)
			to := c.other(e)
			to.inbox = nil
			if c.deliver(to, l); !l.opened {
				c.fail("the two do not understand each other any more")
			}
		}
	}
}

// begin begins a session from a fresh bundle of the other end. A session that exists is archived.
func (c *conversation) begin(e *end) {
	to := c.other(e)
	oneTime := c.percent(c.style.oneTime)
	b, err := to.dev.Bundle(oneTime)
	c.must(err)
	c.must(e.dev.Process(to.address(), b))
	c.setAside(e)
	e.current, e.begun = "", &initiation{life: to.life}
	c.tally.sessions++
	c.note("%s begins a session (one-time prekey: %v)", e.name, oneTime)
}

// setAside is what archiving the current session means for the model.
func (c *conversation) setAside(e *end) {
	e.current, e.begun = "", nil
}

func (c *conversation) archive(e *end) {
	c.must(e.dev.Archive(c.other(e).address()))
	c.setAside(e)
	c.note("%s archives its session", e.name)
	if _, err := e.dev.Encrypt(c.other(e).address(), []byte("x")); Word(err) != "no-session" {
		c.fail("after the archive %s encrypts: %v", e.name, err)
	}
}

func (c *conversation) plaintext() []byte {
	n := c.rng.IntN(200)
	switch p := c.rng.IntN(1000); {
	case p < 20:
		n = 0
	case p < 60:
		n = 16 * c.rng.IntN(10)
	case p < 100:
		n = c.rng.IntN(8 << 10)
	case p < 105:
		n = 64 << 10
	}
	b := make([]byte, n)
	crand.Read(b)
	return b
}

// send encrypts a message and puts it on its way.
func (c *conversation) send(e *end) *letter {
	if e.current == "" && e.begun == nil {
		c.begin(e)
	}
	to := c.other(e)
	l := &letter{plaintext: c.plaintext(), base: e.current, begun: e.begun}
	var err error
	l.message, err = e.dev.Encrypt(to.address(), l.plaintext)
	c.must(err)
	l.header, err = ParseHeader(l.message)
	c.must(err)
	if e.begun != nil { // the first message says what the base key is
		l.base = string(l.header.BaseKey)
		e.current, e.begun = l.base, nil
		e.views[l.base] = &view{own: l.begun, chains: []string{"the signed prekey"}, gone: make(map[string]bool)}
	}
	v := e.views[l.base]
	l.begun = v.own
	if first := v.own != nil && !v.answered; first != (l.message.Type == TypePreKey) {
		c.fail("%s sends a message of type %d", e.name, l.message.Type)
	}
	if l.message.Type == TypePreKey && string(l.header.BaseKey) != l.base {
		c.fail("%s sends with another base key", e.name)
	}
	c.tally.sent++
	v.sent++
	l.number = v.sent
	v.epoch = max(v.epoch, l.header.Epoch())
	c.tally.epoch = max(c.tally.epoch, v.epoch)
	to.inbox = append(to.inbox, l)
	c.note("%s sends %s", e.name, l)
	return l
}

func (l *letter) String() string {
	return fmt.Sprintf("type %d session %.4x chain %.4x counter %d epoch %d, %d bytes",
		l.message.Type, l.base[min(1, len(l.base)):], l.header.RatchetKey[1:], l.header.Counter, l.header.Epoch(), len(l.plaintext))
}

// take removes a letter from those on their way to e.
func (c *conversation) take(e *end, i int) *letter {
	l := e.inbox[i]
	e.inbox = append(e.inbox[:i:i], e.inbox[i+1:]...)
	return l
}

// deliverNext lets the network do something with a letter on its way to e.
func (c *conversation) deliverNext(e *end) {
	if len(e.inbox) == 0 {
		return
	}
	i := 0
	if c.percent(c.style.reorder) {
		i = c.rng.IntN(len(e.inbox))
	}
	l := c.take(e, i)
	if c.percent(c.style.lose) {
		c.note("%s loses %s", e.name, l)
		return
	}
	if c.percent(c.style.damage) {
		c.damage(e, l)
	}
	c.deliver(e, l)
}

// replay delivers once more what arrived before.
func (c *conversation) replay(e *end) {
	c.deliver(e, e.received[c.rng.IntN(len(e.received))])
}

// streak loses a long run of messages, of which some arrive late.
func (c *conversation) streak(e *end) {
	n := 20 + c.rng.IntN(200)
	if c.tally.sent > 300 && c.percent(20) {
		n = 2100 // more than are kept, protocol §5.6
	}
	c.note("%s sends %d messages that are held up", e.name, n)
	to := c.other(e)
	held := to.inbox
	to.inbox = nil
	for range n {
		c.send(e)
	}
	late := to.inbox
	to.inbox = held
	c.deliver(to, late[n-1])
	for range 10 {
		c.deliver(to, late[c.rng.IntN(n)])
	}
	for _, i := range []int{0, n / 2, n - 2} { // the first is forgotten if the streak was very long
		c.deliver(to, late[i])
	}
}

// restart makes the end anew from its stored record, in the same process. Its prekeys are lost.
func (c *conversation) restart(e *end) {
	c.note("%s restarts", e.name)
	c.tally.restarts++
	c.reborn(e, e.dev.Peer())
}

// freshProcess is restart in another process.
func (c *conversation) freshProcess(e *end) {
	c.note("%s restarts in another process", e.name)
	c.tally.processes++
	c.reborn(e, c.f.fresh(e.impl))
}

// move makes the end anew in the other implementation.
func (c *conversation) move(e *end) {
	if len(c.f.implementations()) < 2 || e.params.Protocol != 0 || c.ends[0].impl == c.ends[1].impl && c.tally.moves == 0 {
		return // conversations that begin within one implementation stay there
	}
	if e.impl == ours {
		e.impl = official
	} else {
		e.impl = ours
	}
	c.note("%s moves to %s", e.name, e.impl)
	c.tally.moves++
	c.reborn(e, c.f.peer(e.impl))
}

func (c *conversation) reborn(e *end, p *Peer) {
	peer := c.other(e).address()
	record, err := e.dev.Session(peer)
	c.must(err)
	e.dev = c.f.device(c.t, p, e.params)
	e.life++
	if record == nil {
		return
	}
	c.must(e.dev.SetSession(peer, record))
	kept, err := e.dev.Session(peer)
	c.must(err)
	if !bytes.Equal(record, kept) {
		c.fail("%s changed the record of %s", e.impl, e.name)
	}
}
