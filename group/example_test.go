package group_test

import (
	"context"
	"fmt"
	"log"

	"signet.example/signet"
	"signet.example/signet/group"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// Alice hands her sender key to bob over a session, encrypts for the group, and replaces the key
// when somebody leaves.
func Example() {
	ctx := context.Background()
	aliceAddr, bobAddr := signet.Address{Name: "alice", Device: 1}, signet.Address{Name: "bob", Device: 1}
	aliceStore, bobStore := memory.New(), memory.New()
	alice := session.NewDevice(aliceAddr, signet.GenerateKey(), aliceStore, nil)
	bob := session.NewDevice(bobAddr, signet.GenerateKey(), bobStore, nil)
	published, err := bob.PreKeys(ctx, 10)
	if err != nil {
		log.Fatal(err)
	}
	bundle, err := published.NextBundle()
	if err != nil {
		log.Fatal(err)
	}
	if err := alice.Start(ctx, bobAddr, bundle); err != nil {
		log.Fatal(err)
	}

	id := group.NewDistributionID() // the members agree on it
	ours := group.NewChannel(aliceAddr, id, aliceStore, nil)
	theirs := group.NewChannel(bobAddr, id, bobStore, nil)

	members := []signet.Address{aliceAddr, bobAddr}
	deliveries, err := ours.Rotate(ctx, alice, members) // Share for the first time, or for a new member
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range deliveries { // each goes to one member
		if d.Err != nil {
			log.Fatal(d.Err)
		}
		err := bob.DecryptTo(ctx, aliceAddr, d.Message, func(tx session.Tx, distribution []byte) error {
			return theirs.JoinIn(tx, aliceAddr, distribution)
		})
		if err != nil {
			log.Fatal(err)
		}
	}

	m, err := ours.Encrypt(ctx, []byte("Two potato")) // one message for all of them
	if err != nil {
		log.Fatal(err)
	}
	text, err := theirs.Decrypt(ctx, aliceAddr, m)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", text)
	// Output: Two potato
}
