package crash

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/session"
	"signet.example/signet/store/postgres"
	"signet.example/signet/x3dh"
)

// What a worker can be told to do.
const (
	opStock = "stock" // Device makes prekeys and returns a bundle for each
	opStart = "start" // Device starts a session with Peer over Body
	opSend  = "send"  // Device encrypts Text to Peer and returns the message
	opHear  = "hear"  // Device decrypts a message of Peer into the inbox
	opSwap  = "swap"  // replace the bare row Peer by Text and return what it was
)

// A task is a line that a worker reads, a result one that it writes.
type task struct {
	ID           int64 // of the task; of the message with opHear
	Op           string
	Device, Peer int64
	Message      int64               `json:",omitempty"`
	Text         string              `json:",omitempty"`
	Type         session.MessageType `json:",omitempty"`
	Body         []byte              `json:",omitempty"`
}

type result struct {
	ID      int64
	Type    session.MessageType `json:",omitempty"`
	Body    []byte              `json:",omitempty"`
	Bundles [][]byte            `json:",omitempty"`
	Text    string              `json:",omitempty"`
	Heard   bool                `json:",omitempty"` // decrypted before
	Refused bool                `json:",omitempty"` // the prekey is gone
	Invalid string              `json:",omitempty"` // it cannot be decrypted
	Unsure  bool                `json:",omitempty"` // the commit's outcome is unknown
	Error   string              `json:",omitempty"`
}

// A worker is one of the processes.
type worker struct {
	engine  engine
	mu      sync.Mutex
	devices map[int64]*session.Device
	stores  map[int64]session.Store
}

// work is the main function of a worker: every task is a goroutine.
func work(place string) error {
	w := &worker{devices: make(map[int64]*session.Device), stores: make(map[int64]session.Store)}
	var err error
	for range 300 { // the server may be away
		if w.engine, err = open(place); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return nil // the test has ended
		}
		var t task
		if err := json.Unmarshal(line, &t); err != nil {
			return err
		}
		go func() {
			r := w.do(&t)
			r.ID = t.ID
			b, _ := json.Marshal(r)
			os.Stdout.Write(append(b, '\n')) // one write, so lines do not mix
		}()
	}
}

// device opens a device, once.
func (w *worker) device(id int64) (*session.Device, session.Store, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.stores[id]; s != nil {
		return w.devices[id], s, nil
	}
	s, err := w.engine.store(id)
	if err != nil {
		return nil, nil, err
	}
	key, err := session.Identity(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	w.stores[id] = s
	w.devices[id] = session.NewDevice(address(id), key, s, nil)
	return w.devices[id], s, nil
}

func address(device int64) signet.Address { return signet.Address{Name: name(device), Device: 1} }

func (w *worker) do(t *task) (r result) {
	d, s, err := w.device(t.Device)
	for i := 0; err != nil && i < 300; i++ {
		time.Sleep(100 * time.Millisecond)
		d, s, err = w.device(t.Device)
	}
	if err == nil {
		err = w.perform(t, d, s, &r)
	}
	switch {
	case err == nil:
	case errors.Is(err, postgres.ErrUncertain):
		r = result{Unsure: true}
	case t.Op == opHear && errors.Is(err, ratchet.ErrDuplicate):
		r = result{Heard: true}
	case t.Op == opHear && (errors.Is(err, session.ErrPreKeyID) || errors.Is(err, session.ErrNoRow)):
		r = result{Refused: true}
	case t.Op == opHear && errors.Is(err, session.ErrInvalidMessage):
		r = result{Invalid: err.Error()}
	default:
		r = result{Error: fmt.Sprintf("%s of %d with %d: %v", t.Op, t.Device, t.Peer, err)}
	}
	return r
}

func (w *worker) perform(t *task, d *session.Device, s session.Store, r *result) error {
	peer := address(t.Peer)
	switch t.Op {
	case opStock:
		return stock(d, r)
	case opStart:
		b, err := x3dh.ParseBundle(t.Body)
		if err != nil {
			return err
		}
		return d.Start(ctx, peer, b)
	case opSend:
		m, err := d.Encrypt(ctx, peer, []byte(t.Text))
		r.Type, r.Body = m.Type, m.Body
		return err
	case opHear:
		return d.DecryptTo(ctx, peer, session.Message{Type: t.Type, Body: t.Body}, func(tx session.Tx, text []byte) error {
			return w.deliver(tx, t, string(text))
		})
	case opSwap:
		return s.Update(ctx, peer, func(tx session.Tx) error {
			old, err := tx.Session(peer)
			r.Text = string(old)
			return errors.Join(err, tx.PutSession(peer, []byte(t.Text)))
		})
	}
	return errors.New("what?")
}

// stockSize is how many bundles are made at once.
const stockSize = 10

func stock(d *session.Device, r *result) error {
	published, err := d.PreKeys(ctx, stockSize)
	if err != nil {
		return err
	}
	for range stockSize {
		bundle, err := published.NextBundle()
		if err != nil {
			return err
		}
		b, err := bundle.AppendBinary(nil)
		if err != nil {
			return err
		}
		r.Bundles = append(r.Bundles, b)
	}
	return nil
}

// deliver writes the application's rows in the transaction of the decryption.
func (w *worker) deliver(tx session.Tx, t *task, text string) error {
	if t.Type == session.TypePreKey {
		m, err := wire.ParsePreKeyMessage(t.Body)
		if err != nil {
			return err
		}
		for kind, id := range map[int]uint32{1: m.PreKeyID, 3: m.KEMPreKeyID} {
			if err := w.engine.exec(tx, `INSERT INTO consumed VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
				kind, int64(id), fmt.Sprintf("%x", m.BaseKey)); err != nil {
				return err
			}
		}
	}
	return w.engine.exec(tx, `INSERT INTO inbox VALUES ($1, $2)`, t.Message, text)
}
