package sealed_test

import (
	"bytes"
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

// A server splits what a Sender of a group uploads: it learns whom it is for, and stores the
// message once.
func ExampleParseUpload() {
	root := signet.GenerateKey()
	server, err := sealed.NewServerCertificate(root, 1, root.PublicKey())
	if err != nil {
		log.Fatal(err)
	}
	alice, bob := signet.GenerateKey(), signet.GenerateKey()
	const bobID = "796abedb-ca4e-4f18-8803-1fde5b921f9f"
	certificate, err := sealed.NewSenderCertificate(server, root, sealed.Claim{
		Sender: signet.Address{Name: "9d0652a3-dcc3-4d11-975f-74d61598733f", Device: 1}, Key: alice.PublicKey(),
	})
	if err != nil {
		log.Fatal(err)
	}
	message := session.Message{Type: session.TypeSenderKey, Body: []byte("what group.Channel.Encrypt returned")}
	content, err := sealed.NewContent(message, certificate, sealed.HintResendable, nil)
	if err != nil {
		log.Fatal(err)
	}
	to := []sealed.Recipient{ // two devices of one account
		{Address: signet.Address{Name: bobID, Device: 1}, Identity: bob.PublicKey(), RegistrationID: 1234},
		{Address: signet.Address{Name: bobID, Device: 3}, Identity: bob.PublicKey(), RegistrationID: 5678},
	}
	excluded := []string{"38381c3b-2606-4ca7-9310-7cb927f2ab4a"} // a member who is meant to get nothing
	upload, err := content.SealMany(alice, to, excluded)
	if err != nil {
		log.Fatal(err)
	}

	// The server. Received points into the upload: nothing is copied until it is written to a device.
	u, err := sealed.ParseUpload(upload)
	if err != nil {
		log.Fatal(err)
	}
	var envelope []byte
	for _, r := range u.Recipients() {
		fmt.Println(r.Name, r.Devices, "excluded:", r.Excluded())
		if !r.Excluded() {
			envelope = bytes.Join(u.Received(&r), nil)
		}
	}

	// A device of Bob's.
	opened, err := sealed.OpenContent(bob, envelope)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", opened.Message().Body)
	// Output:
	// 796abedb-ca4e-4f18-8803-1fde5b921f9f [{1 1234} {3 5678}] excluded: false
	// 38381c3b-2606-4ca7-9310-7cb927f2ab4a [] excluded: true
	// what group.Channel.Encrypt returned
}
