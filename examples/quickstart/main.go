// Quickstart is the README's example as a program: Alice writes to Bob, who answers.
package main

import (
	"context"
	"fmt"
	"log"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

func main() {
	ctx := context.Background()
	aliceAddr, bobAddr := signet.Address{Name: "alice", Device: 1}, signet.Address{Name: "bob", Device: 1}
	alice := session.NewDevice(aliceAddr, signet.GenerateKey(), memory.New(), nil)
	bob := session.NewDevice(bobAddr, signet.GenerateKey(), memory.New(), nil)

	// Bob publishes prekeys; a directory hands one bundle of them to Alice.
	published := must(bob.PreKeys(ctx, 10))
	bundle := must(published.NextBundle())

	// Alice opens a session and writes.
	if err := alice.Start(ctx, bobAddr, bundle); err != nil {
		log.Fatal(err)
	}
	m := must(alice.Encrypt(ctx, bobAddr, []byte("One potato")))
	fmt.Printf("on the wire: %d bytes of type %s\n", len(m.Body), m.Type)
	fmt.Printf("bob reads:   %s\n", must(bob.Decrypt(ctx, aliceAddr, m)))

	// Bob answers; from now on messages are short.
	m = must(bob.Encrypt(ctx, aliceAddr, []byte("two potato")))
	fmt.Printf("on the wire: %d bytes of type %s\n", len(m.Body), m.Type)
	fmt.Printf("alice reads: %s\n", must(alice.Decrypt(ctx, bobAddr, m)))
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
