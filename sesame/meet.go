package sesame

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"signet.example/signet"
	"signet.example/signet/session"
)

// meet sees to it that there are sessions with the peers, and returns those with whom none could
// begin. Of goroutines that need the same peer one, the leader, fetches a bundle and begins the
// session; the others wait for it. A bundle is never used twice. A leader waits for nobody, so no
// two goroutines wait for each other.
func (c *Client) meet(ctx context.Context, peers []session.Outgoing) ([]Unreached, error) {
	led, followed := c.lead(peers)
	left, err := c.introduce(ctx, led)
	if err != nil {
		return nil, err
	}
	for _, landed := range followed {
		select {
		case <-landed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return left, nil
}

// lead divides the peers into those that are the caller's to introduce and those that others see
// to.
func (c *Client) lead(peers []session.Outgoing) (led []session.Outgoing, followed []chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range peers {
		if landed := c.flights[o.Peer]; landed != nil {
			followed = append(followed, landed)
			continue
		}
		c.flights[o.Peer] = make(chan struct{})
		led = append(led, o)
	}
	return led, followed
}

// land ends the flights of a leader.
func (c *Client) land(led []session.Outgoing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range led {
		close(c.flights[o.Peer])
		delete(c.flights, o.Peer)
	}
}

// introduce fetches bundles and begins sessions, all in one transaction. It ends the flights. The
// error is the store's or the context's.
func (c *Client) introduce(ctx context.Context, led []session.Outgoing) ([]Unreached, error) {
	if len(led) == 0 {
		return nil, nil
	}
	defer c.land(led)
	missing, err := c.device.Missing(ctx, led) // another leader may just have landed
	if err != nil {
		return nil, err
	}
	left, err := c.foreign(ctx, missing)
	if err != nil {
		return nil, err
	}
	contacts, unfetched := c.fetch(ctx, without(missing, left))
	left = append(left, unfetched...)
	if len(contacts) == 0 {
		return left, ctx.Err()
	}
	refused, err := c.device.StartEach(ctx, contacts)
	if err != nil {
		return nil, err
	}
	left = append(left, unreached(refused)...)
	gone := make(map[signet.Address]bool, len(refused))
	for _, r := range refused {
		gone[r.Peer] = true
	}
	for _, contact := range contacts {
		if !gone[contact.Peer] {
			c.noticed(contact.Peer, contact.Bundle.Fields().RegistrationID)
		}
	}
	return left, ctx.Err()
}

// foreign returns those of peers whom the directory lists with another identity key than the
// accepted one, if it says the keys before it hands out bundles. What it says decides nothing else:
// the bundle's key counts.
func (c *Client) foreign(ctx context.Context, peers []signet.Address) ([]Unreached, error) {
	directory, ok := c.directory.(IdentityDirectory)
	if !ok {
		return nil, nil
	}
	wanted := make(map[string]map[uint32]bool)
	for _, p := range peers {
		if wanted[p.Name] == nil {
			wanted[p.Name] = make(map[uint32]bool)
		}
		wanted[p.Name][p.Device] = true
	}
	var named []session.Named
	for user, devices := range wanted {
		keys, err := directory.Identities(ctx, user)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue // the bundle will tell
		}
		for id, key := range keys {
			if devices[id] {
				named = append(named, session.Named{Peer: signet.Address{Name: user, Device: id}, Identity: key})
			}
		}
	}
	left, err := c.device.Foreign(ctx, named)
	return unreached(left), err
}

// fetch gets a bundle of each peer, several at a time. Peers whose bundle could not be had are left
// out.
func (c *Client) fetch(ctx context.Context, peers []signet.Address) (contacts []session.Contact, left []Unreached) {
	const atOnce = 8
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, peer := range peers {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			contact, err := c.bundle(ctx, peer)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				left = append(left, Unreached{Peer: peer, Err: err})
				return
			}
			contacts = append(contacts, contact)
		})
	}
	wg.Wait()
	return contacts, left
}

func (c *Client) bundle(ctx context.Context, peer signet.Address) (session.Contact, error) {
	h, err := c.directory.Bundle(ctx, c.device.Address(), peer)
	if errors.Is(err, ErrUnknown) {
		c.Forget(peer.Name)
	}
	if err != nil {
		return session.Contact{}, fmt.Errorf("sesame: bundle of %s: %w", peer, err)
	}
	if id := h.Bundle.Fields().DeviceID; id != peer.Device {
		return session.Contact{}, fmt.Errorf("sesame: bundle of %s: it is device %d's", peer, id)
	}
	return session.Contact{Peer: peer, Bundle: h.Bundle}, nil
}
