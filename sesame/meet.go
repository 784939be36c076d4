package sesame

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"signet.example/signet"
	"signet.example/signet/session"
)

// meet sees to it that there are sessions with the peers. Of goroutines that need the same peer one, the
// leader, fetches a bundle and begins the session; the others wait for it. A bundle is never used twice.
// A leader waits for nobody, so no two goroutines wait for each other.
func (c *Client) meet(ctx context.Context, peers []session.Outgoing) error {
	led, followed := c.lead(peers)
	if err := c.introduce(ctx, led); err != nil {
		return err
	}
	for _, landed := range followed {
		select {
		case <-landed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// lead divides the peers into those that are the caller's to introduce and those that others see to.
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

// introduce fetches bundles and begins sessions, all in one transaction. It ends the flights.
func (c *Client) introduce(ctx context.Context, led []session.Outgoing) error {
	if len(led) == 0 {
		return nil
	}
	defer c.land(led)
	missing, err := c.device.Missing(ctx, led) // another leader may just have landed
	if err != nil {
		return err
	}
	contacts, fetched := c.fetch(ctx, missing)
	if len(contacts) == 0 {
		return fetched
	}
	if err := c.device.StartAll(ctx, contacts, nil, nil); err != nil {
		return err
	}
	for _, contact := range contacts {
		c.noticed(contact.Peer, contact.Bundle.Fields().RegistrationID)
	}
	return fetched
}

// fetch gets a bundle of each peer, several at a time. Peers whose bundle could not be had are left out;
// the error is one of theirs, and ErrUnknown only if there is none worse.
func (c *Client) fetch(ctx context.Context, peers []signet.Address) (contacts []session.Contact, err error) {
	const atOnce = 8
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, peer := range peers {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			contact, e := c.bundle(ctx, peer)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case e == nil:
				contacts = append(contacts, contact)
			case err == nil || errors.Is(err, ErrUnknown):
				err = e
			}
		})
	}
	wg.Wait()
	return contacts, err
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
