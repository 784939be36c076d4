package custodian_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"signet.example/signet"
	"signet.example/signet/custodian"
	"signet.example/signet/custodian/check"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

// notices is a business that lets somebody send two notices in its name: by handing over the
// sending chains, which is more than two notices need.
func notices(via custodian.Grant) *custodian.Scenario {
	return &custodian.Scenario{
		Protocol:   4,
		Principals: []custodian.Principal{{ID: "acme-notices", Role: custodian.Provider}},
		Script: []custodian.Step{
			{Send: &custodian.Send{From: custodian.Customer, Text: "Please tell me when it ships."}},
			{Send: &custodian.Send{From: custodian.Business, Text: "We will."}},
			{Grant: &via},
			{Send: &custodian.Send{From: custodian.Business, Text: "It has shipped.", Count: 2}},
		},
	}
}

// Why can the provider read message 3?
func ExampleEvaluation_Explain() {
	chains := custodian.Grant{Name: "notices", To: "acme-notices", Atoms: []string{"sending-chain", "pq-sending-chain"}, Via: "copy"}
	e, err := custodian.Play(context.Background(), notices(chains), nil)
	if err != nil {
		log.Fatal(err)
	}
	x, err := e.Explain(custodian.Question{Principal: "acme-notices", Message: 3})
	if err != nil {
		log.Fatal(err)
	}
	for i, s := range x.Steps {
		fmt.Println(i, s.Text.EN, s.From)
	}
	// Output:
	// 0 chain key 1 of the business's ratchet key 1: handed to acme-notices by grant notices (sending-chain) before message 2 []
	// 1 chain key 2 of the business's ratchet key 1: the chain goes on by one [0]
	// 2 message seed 2 of the business's ratchet key 1: the chain key gives its message's seed [1]
	// 3 post-quantum chain key 1 of the business in epoch 0: handed to acme-notices by grant notices (pq-sending-chain) before message 2 []
	// 4 post-quantum chain key 2 of the business in epoch 0: the post-quantum chain goes on by one [3]
	// 5 post-quantum message key 3 of the business in epoch 0: the post-quantum chain gives its message's key [4]
	// 6 the key of message 3: the message's key, from all its parts [2 5]
	// 7 the ciphertext of message 3: seen on message 3 []
	// 8 message 3, decrypted: the key opens the ciphertext [6 7]
	// 9 the text of message 3: what is decrypted is read [8]
}

// And why can it not read what the customer wrote? In French.
func ExampleExplanation_WriteText() {
	chains := custodian.Grant{Name: "notices", To: "acme-notices", Atoms: []string{"sending-chain", "pq-sending-chain"}, Via: "copy"}
	e, err := custodian.Play(context.Background(), notices(chains), nil)
	if err != nil {
		log.Fatal(err)
	}
	x, err := e.Explain(custodian.Question{Principal: "acme-notices", Message: 0})
	if err != nil {
		log.Fatal(err)
	}
	if err := x.WriteText(os.Stdout, "fr"); err != nil {
		log.Fatal(err)
	}
	// Output:
	// acme-notices ne peut pas lire le message 0.
	// preuve : c-0001
	//
	// Ce qui manque au plus près :
	//   - la clé de message post-quantique 1 du client à l'époque 0 + la graine de
	//     message 0 de la clé de cliquet 1 du client
	// L'origine : des secrets qu'il n'a jamais eus, dont chacun suffit à l'exclure :
	//   - la moitié privée de la préclé KEM 2 de l'entreprise
	//   - la moitié privée de la préclé signée de l'entreprise
	//   - la moitié privée de la clé de base 1 du client
}

// What does handing over a quota of keys buy, in the place of the chains?
func ExampleCompare() {
	chains := custodian.Grant{Name: "notices", To: "acme-notices", Atoms: []string{"sending-chain", "pq-sending-chain"}, Via: "copy"}
	quota := custodian.Grant{Name: "notices", To: "acme-notices", Via: "quota", Count: 2}
	d, err := custodian.Compare(context.Background(), notices(chains), notices(quota), nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range d.Changes {
		if c.Guarantee == "G2" {
			fmt.Println(c.Text.EN)
		}
	}
	// Output:
	// G2, acme-notices: lost (2 of 2) -> held, because of notices:sending-chain.
}

// Which secrets must stay at home so that the provider reads nothing?
func ExampleAdvise() {
	session := custodian.Grant{Name: "notices", To: "acme-notices", Atoms: []string{"session"}, Via: "copy"}
	a, err := custodian.Advise(context.Background(), notices(session), []custodian.Wish{{Guarantee: "G2"}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.Withhold, a.Exact, a.Report.Find("G2", "acme-notices").Result())
	// Output:
	// [notices:sending-chain] true held
}

// A live conversation between two devices, recorded: the program sends and delivers by itself.
func ExampleRecord() {
	ctx := context.Background()
	anna, shop := signet.Address{Name: "anna", Device: 1}, signet.Address{Name: "shop", Device: 1}
	own := func(self signet.Address) custodian.Capability {
		c, err := custodian.NewCapability(custodian.Owner{
			Self: self, Identity: signet.GenerateKey(), Store: memory.New(),
			Audit: func(_ context.Context, e custodian.AuditEvent) error {
				fmt.Printf("audit: %d values of %s leave by grant %s to %s\n", e.Values, e.Device, e.Grant.Name, e.Grant.To)
				return nil
			},
		})
		if err != nil {
			log.Fatal(err)
		}
		return c
	}
	rec, err := custodian.Record(ctx, own(anna), own(shop), &custodian.RecordOptions{
		Principals: []custodian.Principal{{ID: "acme-cloud", Role: custodian.Provider}},
	})
	if err != nil {
		log.Fatal(err)
	}
	customer, business := rec.Customer(), rec.Business()

	stock, err := business.PreKeys(ctx, 1)
	if err != nil {
		log.Fatal(err)
	}
	bundle, err := x3dh.NewBundle(stock.Next())
	if err != nil {
		log.Fatal(err)
	}
	if err := customer.Start(ctx, shop, bundle); err != nil {
		log.Fatal(err)
	}
	say := func(from, to *custodian.Tap, self, peer signet.Address, text string) {
		m, err := from.Encrypt(ctx, peer, []byte(text))
		if err != nil {
			log.Fatal(err)
		}
		if _, err := to.Decrypt(ctx, self, m); err != nil {
			log.Fatal(err)
		}
	}
	say(customer, business, anna, shop, "Where is my parcel?")
	say(business, customer, shop, anna, "On its way.")
	if _, err := rec.Grant(ctx, custodian.Grant{Name: "handover", To: "acme-cloud", Atoms: []string{"session-ec", "pq-sending-chain"}, Via: "copy"}); err != nil {
		log.Fatal(err)
	}
	say(business, customer, shop, anna, "Tomorrow.")

	e, err := rec.Evaluate(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range e.Report().Messages {
		fmt.Println(m.I, m.From, m.ReadableBy)
	}
	archive, err := e.Bundle(custodian.Publishable)
	if err != nil {
		log.Fatal(err)
	}
	outcome, err := check.Verify(archive)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("verified:", outcome.Readings, "reading")
	// Output:
	// audit: 5 values of shop.1 leave by grant handover to acme-cloud
	// 0 customer []
	// 1 business []
	// 2 business [acme-cloud]
	// verified: 1 reading
}
