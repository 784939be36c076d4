package adversary

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet.example/signet"
	"signet.example/signet/custodian/notice"
	"signet.example/signet/group"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/sealed"
	"signet.example/signet/sesame"
	"signet.example/signet/session"
	"signet.example/signet/x3dh"
)

// Dice decide what happens: a seed in a long test, bytes in a fuzz test.
type dice interface {
	n(sides int) int // from 0 to sides-1
	left() bool      // whether there is more to decide
}

// A fate says whose hands a machine is in.
type fate int

const (
	live   fate = iota // its user's, under the user's identity
	stolen             // the service's, under an identity that its user has replaced
	ghost              // the service's, under the service's own identity and a user's name
)

func (f fate) String() string { return [...]string{"", "stolen ", "ghost "}[f] }

// A machine is one installation of a device: an identity, a store and honest code.
type machine struct {
	fate     fate
	addr     signet.Address
	key      *signet.PrivateKey
	store    *ledger
	opts     session.Options
	device   *session.Device
	client   *sesame.Client
	receiver *sealed.Receiver
	sender   *sealed.Sender
	channels [groups]*group.Channel
	senders  [groups]*sealed.Sender
	stock    *x3dh.Published // what it published last, and is left of that

	verified map[string]signet.PublicKey // what the user at it has verified, by holder
	accepted map[string]signet.PublicKey // the judge's view of which identity the user at it accepts, by holder
	opened   map[*post]bool
	told     map[signet.Address]map[uint32]bool // registration ids that a directory has named
}

func (m *machine) String() string { return m.fate.String() + text(m.addr) }

// public is the machine's identity.
func (m *machine) public() signet.PublicKey { return m.device.Identity() }

func text(v any) string { return fmt.Sprint(v) }

// A user is a person with some devices, which have one identity.
type user struct {
	name string
	key  *signet.PrivateKey
	live []*machine
	next uint32 // the id of the next device
}

const (
	groups      = 2
	maxDevices  = 4
	maxMachines = 28
	maxPosts    = 192
)

// A world is users, the service between them, and a judge of what they do.
type world struct {
	dice
	ctx       context.Context
	src       *entropy.Source
	clock     time.Time
	perDevice bool // each device has an identity of its own, and a new one is a first contact
	x3dh      bool // version 3 is spoken, which binds no names
	freeForm  bool // names are no service ids, which no version binds
	users     []*user
	machines  []*machine
	posts     []*post
	service   *service
	groups    [groups]group.DistributionID

	tag    int
	sound  bool // applications do not fail for now
	mood   int  // of the service, in this step
	counts map[string]int
	trace  []string
	broken string // what the judge found first
}

var serviceIDs = []string{
	"9d0652a3-dcc3-4d11-975f-74d61598733f", "e80f7bbe-5b94-471e-bd8c-2173654ea3d1",
	"796abedb-ca4e-4f18-8803-1fde5b921f9f", "3f0f4734-e331-4434-bd4f-6d8f6ea6dcc7",
}

// newWorld returns a world whose users have no sessions yet. Its shape is decided by the dice.
func newWorld(d dice, seed uint64) *world {
	var s [32]byte
	binary.LittleEndian.PutUint64(s[:], seed)
	w := &world{dice: d, src: entropy.Seeded(s), clock: time.Unix(1_700_000_000, 0), counts: make(map[string]int)}
	w.ctx = entropy.With(context.Background(), w.src)
	shape := w.n(8)
	w.x3dh, w.freeForm, w.perDevice = shape == 1 || shape == 2, shape == 3 || shape == 4, shape == 5
	w.service = newService(w)
	for i := range w.groups {
		w.src.Read(w.groups[i][:])
	}
	for i := range 3 {
		name := serviceIDs[i]
		if w.freeForm {
			name = []string{"alice", "bob", "carol"}[i]
		}
		u := &user{name: name, key: w.newKey(), next: 1}
		w.users = append(w.users, u)
		for range 1 + w.n(2) {
			w.addDevice(u)
		}
	}
	return w
}

// holder is whose identity counts for an address: the user's, or the device's.
func (w *world) holder(a signet.Address) string {
	if w.perDevice {
		return a.String()
	}
	return a.Name
}

// strict reports whether what travels binds names, so that an author's name can be held against
// what a message is attributed to. Otherwise only the author's key can.
func (w *world) strict() bool { return !w.x3dh && !w.freeForm }

func (w *world) newKey() *signet.PrivateKey {
	var b [32]byte
	w.src.Read(b[:])
	k, err := signet.NewPrivateKey(b[:])
	must(err)
	return k
}

// addDevice gives the user one more device.
func (w *world) addDevice(u *user) {
	if len(u.live) >= maxDevices || len(w.machines) >= maxMachines || u.next > 8 {
		return
	}
	m := w.install(live, signet.Address{Name: u.name, Device: u.next}, u.key)
	u.next++
	u.live = append(u.live, m)
}

// install makes a machine and publishes its prekeys.
func (w *world) install(f fate, a signet.Address, key *signet.PrivateKey) *machine {
	m := &machine{
		fate: f, addr: a, key: key, store: newLedger(w.n(2) == 0),
		accepted: map[string]signet.PublicKey{w.holder(a): key.PublicKey()}, opened: make(map[*post]bool), verified: make(map[string]signet.PublicKey),
		told: make(map[signet.Address]map[uint32]bool),
	}
	m.opts = session.Options{AllowX3DH: w.x3dh, Now: w.now}
	if w.n(3) == 0 {
		m.opts.Custody = &notice.Watch{}
	}
	if f == live {
		m.opts.IdentityChanges = session.IdentityPolicy(w.n(6) / 2 * (w.n(2)))
	}
	m.opts.IdentityChanged = func(_ session.Tx, c session.IdentityChange) error {
		m.store.accepting = append(m.store.accepting, c)
		return nil
	}
	m.store.accepted = func(list []session.IdentityChange) { w.followed(m, list) }
	m.falls(w, f)
	w.machines = append(w.machines, m)
	must(m.client.Publish(w.ctx, 3))
	return m
}

// falls says whose hands the machine is in from now on. The service's look at no user's identity.
func (m *machine) falls(w *world, f fate) {
	m.fate, m.opts.DeviceIdentities = f, f != live || w.perDevice
	m.wire(w)
}

// wire builds the device of a machine, and what stands on it.
func (m *machine) wire(w *world) {
	m.device = session.NewDevice(m.addr, m.key, m.store, &m.opts)
	m.client = sesame.NewClient(m.device, &view{w.service, m}, nil)
	m.receiver = sealed.NewReceiver(m.device, w.service.trust(), &sealed.Options{Now: w.now})
	certificate := w.service.certify(m.addr, m.public())
	m.sender = got(sealed.NewSender(m.device, certificate, nil))
	for i := range m.channels {
		m.channels[i] = group.NewChannel(m.addr, w.groups[i], m.store, &group.Options{Wrap: wrap, Device: m.device})
		m.senders[i] = got(sealed.NewSender(m.device, certificate, m.channels[i]))
	}
}

func (w *world) now() time.Time { return w.clock }

// reinstall gives a user a new identity. What was the user's is the service's from now on.
func (w *world) reinstall(u *user) {
	if len(w.machines) >= maxMachines {
		return
	}
	for _, m := range u.live {
		m.falls(w, stolen)
	}
	first := uint32(1)
	if w.n(2) == 0 {
		first = u.next // the old addresses stay free for the stolen ones
	}
	u.key, u.live, u.next = w.newKey(), nil, max(1, first)
	if u.next > 8 {
		u.next = 1
	}
	for range 1 + w.n(2) {
		w.addDevice(u)
	}
	w.log("%s has a new identity", u.name)
}

// haunt gives the service a device of its own under a user's name.
func (w *world) haunt() *machine {
	if len(w.machines) >= maxMachines {
		return nil
	}
	u := w.users[w.n(len(w.users))]
	m := w.install(ghost, signet.Address{Name: u.name, Device: uint32(1 + w.n(9))}, w.newKey())
	w.service.listed[m] = true
	w.log("%v appears", m)
	return m
}

// lives returns the machines in their users' hands.
func (w *world) lives() (list []*machine) {
	for _, m := range w.machines {
		if m.fate == live {
			list = append(list, m)
		}
	}
	return list
}

// evil returns the machines in the service's hands.
func (w *world) evil() (list []*machine) {
	for _, m := range w.machines {
		if m.fate != live {
			list = append(list, m)
		}
	}
	return list
}

// wrap and unwrap mark the plaintexts that carry a sender key.
func wrap(distribution []byte) []byte { return append([]byte("D"), distribution...) }

func unwrap(plaintext []byte) ([]byte, bool) {
	if len(plaintext) > 0 && plaintext[0] == 'D' {
		return plaintext[1:], true
	}
	return nil, false
}

// text is a plaintext that nobody has written before.
func (w *world) text() []byte {
	w.tag++
	begin := "text"
	if w.n(8) == 0 {
		begin = "\x00custody-control-v1\x00\x01" // as a notice begins
	}
	return fmt.Appendf(nil, "%s %d", begin, w.tag)
}

func (w *world) log(format string, args ...any) {
	if len(w.trace) >= 60 {
		w.trace = slices.Delete(w.trace, 0, 20)
	}
	w.trace = append(w.trace, fmt.Sprintf(format, args...))
}

func (w *world) count(what string) { w.counts[what]++ }

// breaks is what the judge calls when a rule is broken.
func (w *world) breaks(rule, format string, args ...any) {
	for _, part := range strings.Split(*ignore, ",") {
		if part != "" && strings.Contains(rule, part) {
			return
		}
	}
	if w.broken == "" {
		w.broken = rule + ": " + fmt.Sprintf(format, args...)
		w.log("BROKEN %s", w.broken)
	}
}

// must is for what cannot fail in a world of honest code.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func got[T any](v T, err error) T {
	must(err)
	return v
}
