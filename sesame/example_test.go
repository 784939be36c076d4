package sesame_test

import (
	"context"
	"fmt"
	"log"

	"signet.example/signet"
	"signet.example/signet/sesame"
	directory "signet.example/signet/sesame/memory"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

func Example() {
	ctx := context.Background()
	server := directory.New(nil)
	aliceKey, bobKey := signet.GenerateKey(), signet.GenerateKey() // all devices of a user have one
	device := func(key *signet.PrivateKey, user string, id uint32) *sesame.Client {
		d := session.NewDevice(signet.Address{Name: user, Device: id}, key, memory.New(), nil)
		c := sesame.NewClient(d, server, nil)
		if err := c.Publish(ctx, 10); err != nil {
			log.Fatal(err)
		}
		return c
	}
	phone := device(aliceKey, "alice", 1)
	clients := []*sesame.Client{device(aliceKey, "alice", 2), device(bobKey, "bob", 1), device(bobKey, "bob", 2)}

	messages, err := phone.Encrypt(ctx, "bob", []byte("One potato"))
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range messages {
		for _, c := range clients {
			if c.Device().Address() == m.Peer {
				text, err := c.Decrypt(ctx, phone.Device().Address(), m.Message)
				fmt.Printf("%s: %s %v\n", m.Peer, text, err)
			}
		}
	}
	// Output:
	// bob.1: One potato <nil>
	// bob.2: One potato <nil>
	// alice.2: One potato <nil>
}
