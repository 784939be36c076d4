package sealed_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"signet.example/signet"
	"signet.example/signet/sealed"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

func Example() {
	ctx := context.Background()
	aliceAddr, bobAddr := signet.Address{Name: "alice", Device: 1}, signet.Address{Name: "bob", Device: 1}
	aliceKey := signet.GenerateKey()
	alice := session.NewDevice(aliceAddr, aliceKey, memory.New(), nil)
	bob := session.NewDevice(bobAddr, signet.GenerateKey(), memory.New(), nil)
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

	// The service certifies its own key once, and alice's for a day.
	root, service := signet.GenerateKey(), signet.GenerateKey()
	server, err := sealed.NewServerCertificate(root, 1, service.PublicKey())
	if err != nil {
		log.Fatal(err)
	}
	certificate, err := sealed.NewSenderCertificate(server, service, sealed.Claim{
		Sender: aliceAddr, Key: aliceKey.PublicKey(), Expires: time.Now().Add(24 * time.Hour),
	})
	if err != nil {
		log.Fatal(err)
	}

	// Alice seals; the envelope says who it is for to nobody but bob, and who it is from to bob alone.
	sender, err := sealed.NewSender(alice, certificate, nil)
	if err != nil {
		log.Fatal(err)
	}
	envelope, err := sender.SealOne(ctx, bobAddr, []byte("One potato"))
	if err != nil {
		log.Fatal(err)
	}
	receiver := sealed.NewReceiver(bob, sealed.Trust{Roots: []signet.PublicKey{root.PublicKey()}}, nil)
	from, text, err := receiver.Open(ctx, envelope)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %s\n", from, text)
	// Output: alice.1: One potato
}
