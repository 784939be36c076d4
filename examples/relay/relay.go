package main

import (
	"net"
	"time"

	"signet.example/signet"
	"signet.example/signet/sealed"
	"signet.example/signet/session"
)

// An envelope is a message on its way through the relay, and what stands on the outside of it.
type envelope struct {
	to signet.Address
	// Without sealed sender, the receiver needs these two to find the session that decrypts the body,
	// so the relay gets to see them. With it, they are inside the body, and zero here.
	from signet.Address
	kind session.MessageType
	body net.Buffers // parts to be written one after the other
}

// A sighting is all that the relay learned on one occasion.
type sighting struct {
	at   time.Time
	from signet.Address // zero if it was not said
	kind session.MessageType
	to   []signet.Address // several for the upload of a group's message
	once int              // bytes of an upload that all of them get; zero without one
	body []byte           // as it came
}

// A relay takes envelopes and uploads from anybody, without asking who it is, and keeps them for
// the devices they are for. It has no key of anybody's.
type relay struct {
	now   func() time.Time
	boxes map[signet.Address][]envelope
	log   []sighting
}

// accept takes a message for one device.
func (r *relay) accept(to, from signet.Address, kind session.MessageType, body []byte) {
	r.log = append(r.log, sighting{at: r.now(), from: from, kind: kind, to: []signet.Address{to}, body: body})
	r.boxes[to] = append(r.boxes[to], envelope{to: to, from: from, kind: kind, body: net.Buffers{body}})
}

// upload takes a sealed message for many devices and splits it. Every envelope is a byte, the key
// material of its account and the ciphertext; the last two are not copied, but point into the
// upload.
func (r *relay) upload(b []byte) error {
	u, err := sealed.ParseUpload(b)
	if err != nil {
		return err
	}
	seen := sighting{at: r.now(), once: len(b) - u.SharedAt(), body: b}
	all := u.Recipients()
	for i := range all {
		for _, d := range all[i].Devices { // none for an excluded account
			to := signet.Address{Name: all[i].Name, Device: d.ID}
			seen.to = append(seen.to, to)
			r.boxes[to] = append(r.boxes[to], envelope{to: to, body: u.Received(&all[i])})
		}
	}
	r.log = append(r.log, seen)
	return nil
}

// fetch hands out what has come for a device.
func (r *relay) fetch(to signet.Address) []envelope {
	box := r.boxes[to]
	delete(r.boxes, to)
	return box
}
