package crash

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	workers   = 8
	atOnce    = 3  // tasks that a worker has at a time
	customers = 16 // devices 1 to 16; the shop is device 0
	window    = 8  // messages of a conversation on their way: no more than a peer keeps old chains for
	renewal   = 300
	shop      = 0
	rivals    = 100 // devices 100 and 101: one bundle for both
	bare      = 50  // the device whose rows are swapped
	bareRows  = 16
)

// A director has the processes work, kills them, and keeps the books. It is one goroutine.
type director struct {
	t       *testing.T
	place   string
	want    size
	restart func() error // of the database; nil: it has no process
	events  chan event
	workers [workers]*process

	queue   []*task // to be done, in no order
	nextID  int64
	pairs   [customers + 1]*pair // 0: none
	bundles [][]byte
	stocks  int // tasks on their way
	contest *contest

	sent  map[int64]string // acknowledged messages by id, and their text
	heard map[int64]bool
	used  map[point]string // message keys, and what for
	swaps []*swapped
	begun time.Time
	told  time.Duration // when progress was last reported
	count counts
}

// A size is how long a test lasts: until all of it is reached.
type size struct{ messages, kills, restarts int }

// counts is what is reported.
type counts struct {
	sent, heard, lost, repeated, late, unsure int
	kills, killedAtWork, restarts             int
	sessions, contests, won, swaps, unknown   int
}

// A process is a running worker.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	tasks map[int64]*task
	dying bool
}

// An event is a result of a worker, or its end if the result is nil.
type event struct {
	worker *process
	result *result
}

// A pair is a customer's conversation with the shop.
type pair struct {
	customer int64
	next     int           // number of the next message
	open     map[int64]int // messages being sent or delivered, by task or message id: their numbers
	total    int           // messages since the session began
	starting bool
	known    bool // the shop has heard of the customer
}

type point struct {
	device int64
	chain  string
	index  uint32
}

// A contest is two rivals with one bundle.
type contest struct {
	bundle            []byte
	messages          [2]*task
	started, done     int
	accepted, refused int
}

// A swapped is a swap of a bare row, with the times between which it happened.
type swapped struct {
	row          int64
	call, back   time.Duration
	value, found string
	known        bool
}

func (d *director) run() {
	for i := range d.workers {
		d.workers[i] = d.spawn()
	}
	for !d.enough() {
		d.feed(true)
		d.handle(<-d.events)
		d.disturb()
	}
	for d.feed(false); d.busy(); d.feed(false) { // what is on its way arrives
		d.handle(<-d.events)
	}
	for _, w := range d.workers {
		w.in.Close()
		w.cmd.Wait()
	}
}

func (d *director) enough() bool {
	return d.count.heard >= d.want.messages && d.count.kills >= d.want.kills && d.count.restarts >= d.want.restarts
}

func (d *director) busy() bool {
	n := len(d.queue)
	for _, w := range d.workers {
		n += len(w.tasks)
	}
	return n > 0
}

// spawn starts a process.
func (d *director) spawn() *process {
	w := &process{cmd: exec.Command(os.Args[0]), tasks: make(map[int64]*task)}
	w.cmd.Env = append(os.Environ(), workerPlace+"="+d.place)
	w.cmd.Stderr = os.Stderr
	var err error
	w.in, err = w.cmd.StdinPipe()
	require.NoError(d.t, err)
	out, err := w.cmd.StdoutPipe()
	require.NoError(d.t, err)
	require.NoError(d.t, w.cmd.Start())
	d.t.Cleanup(func() { w.cmd.Process.Kill() }) // after a failure
	go func() {
		for lines := bufio.NewReader(out); ; {
			line, err := lines.ReadBytes('\n')
			if err != nil { // a line cut short was not said
				d.events <- event{worker: w}
				return
			}
			r := new(result)
			if err := json.Unmarshal(line, r); err != nil {
				r.Error = err.Error()
			}
			d.events <- event{w, r}
		}
	}()
	return w
}

// disturb kills something if it is time to.
func (d *director) disturb() {
	progress := float64(d.count.heard) / float64(d.want.messages)
	if now := time.Since(d.begun); now-d.told > 30*time.Second {
		d.told = now
		d.t.Logf("%.0f s: %d messages, %d kills, %d restarts", now.Seconds(), d.count.heard, d.count.kills, d.count.restarts)
	}
	if float64(d.count.kills) < progress*float64(d.want.kills) {
		w := d.workers[rand.IntN(workers)]
		if !w.dying {
			w.dying = true
			d.count.kills++
			time.AfterFunc(rand.N(4*time.Millisecond), func() { w.cmd.Process.Kill() })
		}
	}
	if d.restart != nil && float64(d.count.restarts) < progress*float64(d.want.restarts) {
		d.count.restarts++
		require.NoError(d.t, d.restart())
	}
}

// feed gives tasks to processes that have room.
func (d *director) feed(invent bool) {
	for _, w := range d.workers {
		for !w.dying && len(w.tasks) < atOnce {
			t := d.take(invent)
			if t == nil {
				return
			}
			w.tasks[t.ID] = t
			if t.Op == opSwap {
				d.swaps = append(d.swaps, &swapped{row: t.Peer, value: t.Text, call: time.Since(d.begun)})
			}
			b, err := json.Marshal(t)
			require.NoError(d.t, err)
			w.in.Write(append(b, '\n')) // if it is dead, its end is among the events
		}
	}
}

// take returns a task: one that waits, or a new one.
func (d *director) take(invent bool) *task {
	n := len(d.queue)
	if n > 0 && (!invent || n > workers || rand.IntN(3) > 0) {
		i := rand.IntN(n)
		t := d.queue[i]
		d.queue[i] = d.queue[n-1]
		d.queue = d.queue[:n-1]
		return t
	}
	if !invent {
		return nil
	}
	if t := d.invent(); t != nil {
		return t
	}
	return d.take(false)
}

func (d *director) task(op string, device, peer int64) *task {
	d.nextID++
	return &task{ID: d.nextID, Op: op, Device: device, Peer: peer}
}

// invent makes up something to do.
func (d *director) invent() *task {
	if len(d.bundles) < 2*customers && d.stocks == 0 {
		d.stocks++
		return d.task(opStock, shop, 0)
	}
	if rand.IntN(50) == 0 {
		t := d.task(opSwap, bare, rand.Int64N(bareRows))
		t.Text = fmt.Sprint("value ", t.ID)
		return t
	}
	if d.contest == nil && len(d.bundles) > customers && rand.IntN(100) == 0 {
		d.contest = &contest{bundle: d.bundle()}
		d.count.contests++
		for i := range int64(2) {
			t := d.task(opStart, rivals+i, shop)
			t.Body = d.contest.bundle
			d.queue = append(d.queue, t)
		}
	}
	for range customers {
		p := d.pairs[1+rand.IntN(customers)]
		switch {
		case p.starting:
		case p.total == 0 || p.total >= renewal:
			if len(p.open) > 0 || len(d.bundles) == 0 {
				continue
			}
			p.starting = true
			t := d.task(opStart, p.customer, shop)
			t.Body = d.bundle()
			return t
		case p.room():
			return d.send(p)
		}
	}
	return nil
}

func (d *director) bundle() []byte {
	b := d.bundles[0]
	d.bundles = d.bundles[1:]
	return b
}

// room reports whether another message may be on its way.
func (p *pair) room() bool {
	for _, n := range p.open {
		if p.next-n >= window {
			return false
		}
	}
	return len(p.open) < window
}

func (d *director) send(p *pair) *task {
	from, to := p.customer, int64(shop)
	if p.known && rand.IntN(2) == 0 {
		from, to = to, from
	}
	t := d.task(opSend, from, to)
	t.Text = fmt.Sprintf("%d to %d, number %d", from, to, t.ID)
	p.open[t.ID] = p.next
	p.next++
	p.total++
	return t
}

// pairOf returns the conversation that a task belongs to, or nil.
func (d *director) pairOf(t *task) *pair {
	if c := max(t.Device, t.Peer); c <= customers {
		return d.pairs[c]
	}
	return nil
}
