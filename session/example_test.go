package session_test

import (
	"context"
	"fmt"
	"log"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

func Example() {
	ctx := context.Background()
	aliceAddr, bobAddr := signet.Address{Name: "alice", Device: 1}, signet.Address{Name: "bob", Device: 1}
	alice := session.NewDevice(aliceAddr, signet.GenerateKey(), memory.New(), nil)
	bob := session.NewDevice(bobAddr, signet.GenerateKey(), memory.New(), nil)

	published, err := bob.PreKeys(ctx, 10) // what bob uploads to a directory
	if err != nil {
		log.Fatal(err)
	}
	bundle, err := published.NextBundle() // what the directory hands to alice, verified
	if err != nil {
		log.Fatal(err)
	}
	if err := alice.Start(ctx, bobAddr, bundle); err != nil {
		log.Fatal(err)
	}
	m, err := alice.Encrypt(ctx, bobAddr, []byte("One potato"))
	if err != nil {
		log.Fatal(err)
	}
	text, err := bob.Decrypt(ctx, aliceAddr, m)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", text)
	// Output: One potato
}
