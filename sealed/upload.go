package sealed

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"signet.example/signet"
	"signet.example/signet/internal/gcmsiv"
)

const (
	firstUpload  = 0x23
	firstLegacy  = 0x22 // parsed and never sent
	moreDevices  = 1 << 15
	registration = 1<<14 - 1
)

// A Recipient is one device to which an upload goes.
type Recipient struct {
	Address        signet.Address   // the name is a service id
	Identity       signet.PublicKey // of the account; that of its first device counts
	RegistrationID uint32           // 14 bits
}

// SealMany returns the upload of version 2 for many devices: the content once, and some 70 bytes
// for each account (§8). Devices of one account that stand beside each other share these, so sort
// the recipients; an account that comes up again is written again. The accounts in excluded are
// service ids that get nothing, of which the server makes sure. No recipients at all are legal.
//
// The work is spread over all processors. The error is signet.ErrInvalidAgreement for a key of low
// order, matches ErrInvalidArgument for a name or device that is none, and is a
// *RegistrationIDError for a registration id of more than 14 bits.
func (c *Content) SealMany(self Identity, to []Recipient, excluded []string) ([]byte, error) {
	p, err := plan(to, excluded)
	if err != nil {
		return nil, err
	}
	k := newMessageKey(nil)
	defer k.wipe()
	return p.seal(k, self, c.raw)
}

// A planned upload has been checked and lacks only its keys.
type planned struct {
	groups   []account
	excluded [][17]byte
	size     int // of the entries
}

// An account is a run of recipients with the same name.
type account struct {
	id       [17]byte
	identity signet.PublicKey
	devices  []Recipient
}

// plan groups the recipients and checks them in the official order.
func plan(to []Recipient, excluded []string) (*planned, error) {
	p := &planned{}
	for len(to) > 0 {
		n := 1
		for n < len(to) && to[n].Address.Name == to[0].Address.Name {
			n++
		}
		a := account{identity: to[0].Identity, devices: to[:n:n]}
		var err error
		if a.id, err = serviceID(to[0].Address.Name); err != nil {
			return nil, err
		}
		for _, r := range a.devices {
			if err := r.check(); err != nil {
				return nil, err
			}
		}
		p.groups = append(p.groups, a)
		p.size += len(a.id) + 3*n + keysSize
		to = to[n:]
	}
	for _, name := range excluded {
		id, err := serviceID(name)
		if err != nil {
			return nil, err
		}
		p.excluded = append(p.excluded, id)
		p.size += len(id) + 1
	}
	return p, nil
}

func (r *Recipient) check() error {
	if r.RegistrationID > registration {
		return &RegistrationIDError{Peer: r.Address, ID: r.RegistrationID}
	}
	if err := r.Address.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidArgument, err)
	}
	return nil
}

func serviceID(name string) ([17]byte, error) {
	id, ok := signet.Address{Name: name}.ServiceID()
	if !ok {
		return id, fmt.Errorf("%w: multi-recipient sealed sender requires recipients' ServiceId (not %s)", ErrInvalidArgument, name)
	}
	return id, nil
}

// keys computes the key material of every account.
func (p *planned) keys(k *messageKey, self Identity) ([][keysSize]byte, error) {
	all := make([][keysSize]byte, len(p.groups))
	sender := self.PublicKey()
	ends := pieces(len(all), runtime.GOMAXPROCS(0))
	err := parallel(len(ends), func(i int) error {
		from := 0
		if i > 0 {
			from = ends[i-1]
		}
		part := p.groups[from:ends[i]]
		var to [batch]signet.PublicKey
		for j := range part {
			to[j] = part[j].identity
		}
		return k.keys(all[from:ends[i]], self, sender, to[:len(part)])
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// pieces cuts n recipients for so many workers into pieces of at most batch, of which it returns
// the ends. Larger pieces take less work and come first; the last are small, so that all workers
// end at much the same time.
func pieces(n, workers int) (ends []int) {
	for at := 0; at < n; {
		at += min(batch, max(1, (n-at)/(2*workers)))
		ends = append(ends, at)
	}
	return ends
}

// seal computes everything and writes the upload.
func (p *planned) seal(k *messageKey, self Identity, content []byte) ([]byte, error) {
	keys, err := p.keys(k, self)
	if err != nil {
		return nil, err
	}
	return p.write(k, keys, content)
}

// write encrypts the content and writes the upload around it.
func (p *planned) write(k *messageKey, keys [][keysSize]byte, content []byte) ([]byte, error) {
	b := make([]byte, 0, 1+binary.MaxVarintLen32+p.size+32+len(content)+gcmsiv.Overhead)
	b = append(b, firstUpload)
	b = binary.AppendUvarint(b, uint64(len(p.groups)+len(p.excluded)))
	for i, g := range p.groups {
		b = append(b, g.id[:]...)
		for j, r := range g.devices {
			word := uint16(r.RegistrationID)
			if j+1 < len(g.devices) {
				word |= moreDevices
			}
			b = append(b, byte(r.Address.Device))
			b = binary.BigEndian.AppendUint16(b, word)
		}
		b = append(b, keys[i][:]...)
	}
	for _, id := range p.excluded {
		b = append(append(b, id[:]...), 0)
	}
	return k.appendShared(b, content)
}

// parallel calls f for 0 to n-1 on as many goroutines as there are processors, and returns the
// error of the lowest number that failed. It returns when all calls have.
func parallel(n int, f func(i int) error) error {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers < 2 {
		for i := range n {
			if err := f(i); err != nil {
				return err
			}
		}
		return nil
	}
	errs := make([]error, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				errs[i] = f(int(i))
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
