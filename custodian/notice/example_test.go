package notice_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"signet.example/signet"
	"signet.example/signet/custodian/notice"
	"signet.example/signet/custodian/notice/tlog"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

var (
	bakery = signet.Address{Name: "Boulangerie", Device: 1}
	alice  = signet.Address{Name: "alice", Device: 1}
)

// chat is the conversation as alice's client sees it.
func chat(bakeryKey, aliceKey *signet.PrivateKey) notice.Chat {
	return notice.Chat{Business: bakery, Identity: bakeryKey.PublicKey(), Customer: alice, Own: aliceKey.PublicKey(), Protocol: 4}
}

// A business publishes who holds what; the customer sees it, whatever the business calls it.
func Example() {
	ctx, now := context.Background(), time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	bakeryKey, aliceKey := signet.GenerateKey(), signet.GenerateKey()
	c := chat(bakeryKey, aliceKey)

	// The bakery makes a custody root key, at home, and certifies its identity key.
	root := notice.GenerateRoot()
	bind := must(root.Bind("Boulangerie", bakeryKey.PublicKey(), now))
	chain := notice.NewBusiness(notice.Conversation, &c, "")
	bound := []signet.PublicKey{bakeryKey.PublicKey()}

	customer := notice.NewCustomer(c, nil)
	show := func(lang string) {
		s := customer.State(now)
		fmt.Println(s.Text(lang))
	}
	show("en")

	// It keeps everything to itself, and says so.
	first := must(chain.Issue(root, nil, &notice.Terms{Bound: bound}, now))
	must(customer.Accept(ctx, must(chain.Delivery(ctx, first, bind, 0, nil)), nil, now))
	show("en")

	// It hands three messages over to be sent: tracking notices.
	now = now.Add(24 * time.Hour)
	tracking := &notice.Terms{
		Bound:     bound,
		Providers: []notice.Provider{{Name: "Acme Notices"}},
		Grants:    []notice.Grant{{Secrets: notice.SendingChain | notice.PQSendingChain, Via: notice.Quota, Count: 3}},
	}
	second := must(chain.Issue(root, nil, tracking, now))
	must(customer.Accept(ctx, must(chain.Delivery(ctx, second, nil, 0, nil)), nil, now))
	show("en")
	show("fr")

	// Alice has read it.
	customer.Acknowledge(customer.State(now).Statement)
	show("fr-CA")

	// Output:
	// We cannot verify who holds the keys of this chat. No notice has come yet.
	// Messages are end-to-end encrypted. Nobody outside this chat, not even the platform, can read them.
	// On 3 March 2026 the management of this chat changed: Boulangerie itself → Acme Notices. This chat is managed by Acme Notices, which can write at most 3 messages in the name of Boulangerie, but not read yours. It is not end-to-end encrypted to Boulangerie.
	// Le 3 mars 2026, la gestion de cette discussion a changé : Boulangerie sans intermédiaire → Acme Notices. Cette discussion est gérée par Acme Notices, qui peut écrire au plus 3 messages au nom de Boulangerie, mais pas lire les vôtres. Elle n'est pas chiffrée de bout en bout jusqu'à Boulangerie.
	// Cette discussion est gérée par Acme Notices, qui peut écrire au plus 3 messages au nom de Boulangerie, mais pas lire les vôtres. Elle n'est pas chiffrée de bout en bout jusqu'à Boulangerie.
}

// Statements travel inside the conversation, and the acknowledgement comes back the same way. The
// record of the state is stored beside the session's.
func Example_session() {
	ctx, now := context.Background(), time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	bakeryKey, aliceKey := signet.GenerateKey(), signet.GenerateKey()
	shop := session.NewDevice(bakery, bakeryKey, memory.New(), nil)
	phone := session.NewDevice(alice, aliceKey, memory.New(), nil)
	bundle := must(must(shop.PreKeys(ctx, 1)).NextBundle())
	if err := phone.Start(ctx, bakery, bundle); err != nil {
		log.Fatal(err)
	}
	must(shop.Decrypt(ctx, alice, must(phone.Encrypt(ctx, bakery, []byte("two baguettes, please")))))

	c := chat(bakeryKey, aliceKey)
	root := notice.GenerateRoot()
	bind := must(root.Bind("Boulangerie", bakeryKey.PublicKey(), now))
	chain := notice.NewBusiness(notice.Conversation, &c, "")
	terms := &notice.Terms{
		Bound:     []signet.PublicKey{bakeryKey.PublicKey()},
		Providers: []notice.Provider{{Name: "Acme Cloud", Operator: true}},
		Grants:    []notice.Grant{{Secrets: notice.Everything, Via: notice.Stream}},
	}
	statement := must(chain.Issue(root, nil, terms, now))
	delivery := must(chain.Delivery(ctx, statement, bind, 0, nil))

	customer := notice.NewCustomer(c, nil)
	for _, text := range [][]byte{delivery, []byte("ready at six")} {
		plaintext := must(phone.Decrypt(ctx, bakery, must(shop.Encrypt(ctx, alice, text))))
		switch notice.Kind(plaintext) {
		case notice.NoControl:
			fmt.Printf("the bakery: %s\n", plaintext)
		case notice.ControlDelivery:
			ack := must(customer.Accept(ctx, plaintext, nil, now))
			back := must(shop.Decrypt(ctx, alice, must(phone.Encrypt(ctx, bakery, ack))))
			told := chain.Acknowledged(must(notice.ParseAck(back)))
			fmt.Println("the bakery knows that alice was told:", told)
		}
	}
	record := must(customer.AppendBinary(nil)) // goes where the session's record goes
	customer = must(notice.LoadCustomer(record, nil))
	s := customer.State(now)
	fmt.Println(s.Text("en"))

	// Output:
	// the bakery knows that alice was told: true
	// the bakery: ready at six
	// This chat is managed by Acme Cloud, which can read and write messages. It is not end-to-end encrypted to Boulangerie. Acme Cloud also carries the messages of this platform.
}

// A device that watches custody: notices are no texts, what they say is stored with the session,
// and is shown.
func ExampleWatch() {
	ctx, now := context.Background(), time.Now()
	bakeryKey, aliceKey := signet.GenerateKey(), signet.GenerateKey()
	shop := session.NewDevice(bakery, bakeryKey, memory.New(), nil)
	phone := session.NewDevice(alice, aliceKey, memory.New(), &session.Options{Custody: new(notice.Watch)})
	if err := phone.Start(ctx, bakery, must(must(shop.PreKeys(ctx, 1)).NextBundle())); err != nil {
		log.Fatal(err)
	}
	must(shop.Decrypt(ctx, alice, must(phone.Encrypt(ctx, bakery, []byte("two baguettes, please")))))

	c, root := chat(bakeryKey, aliceKey), notice.GenerateRoot()
	chain := notice.NewBusiness(notice.Conversation, &c, "")
	statement := must(chain.Issue(root, nil, &notice.Terms{Bound: []signet.PublicKey{bakeryKey.PublicKey()}}, now))
	bind := must(root.Bind(bakery.Name, bakeryKey.PublicKey(), now))
	delivery := must(chain.Delivery(ctx, statement, bind, 0, nil))

	_, err := phone.Decrypt(ctx, bakery, must(shop.Encrypt(ctx, alice, delivery)))
	var n *session.NoticeError
	if errors.As(err, &n) && n.Refused == nil {
		must(shop.Decrypt(ctx, alice, must(phone.Encrypt(ctx, bakery, n.Reply)))) // the bakery knows that she was told
	}
	show := must(phone.Custody(ctx, bakery))
	fmt.Println(show.State, "-", show.French)

	// Output:
	// e2ee - Les messages sont chiffrés de bout en bout. Personne en dehors de cette discussion, pas même la plateforme, ne peut les lire.
}

// A business tells two customers different things. They compare what they were told, and have a
// proof.
func Example_equivocation() {
	ctx, now := context.Background(), time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	bakeryKey := signet.GenerateKey()
	root := notice.GenerateRoot()
	bind := must(root.Bind("Boulangerie", bakeryKey.PublicKey(), now))
	bound := []signet.PublicKey{bakeryKey.PublicKey()}

	c := chat(bakeryKey, signet.GenerateKey())
	hers := notice.NewCustomer(c, nil)
	c.Customer, c.Own = signet.Address{Name: "bob", Device: 1}, signet.GenerateKey().PublicKey()
	his := notice.NewCustomer(c, nil)

	chain := notice.NewBusiness(notice.Account, &c, "")
	other := *chain
	a := must(chain.Issue(root, nil, &notice.Terms{Bound: bound}, now))
	b := must(other.Issue(root, nil, &notice.Terms{
		Bound: bound, Providers: []notice.Provider{{Name: "Acme"}}, Grants: []notice.Grant{{Secrets: notice.Session, Via: notice.Stream}},
	}, now))
	must(hers.Accept(ctx, must(chain.Delivery(ctx, a, bind, 0, nil)), nil, now))
	must(his.Accept(ctx, must(other.Delivery(ctx, b, bind, 0, nil)), nil, now))

	var caught *notice.EquivocationError
	err := hers.Hear(ctx, his.Gossip(), nil, now)
	fmt.Println("caught:", errors.As(err, &caught))
	fmt.Println("the proof is good for anybody:", caught.Proof.Verify() == nil)
	s := hers.State(now)
	fmt.Println(s.Kind)
	fmt.Println(s.Text("fr"))

	// Output:
	// caught: true
	// the proof is good for anybody: true
	// contradicted
	// Ne vous fiez pas à l'avis de cette discussion : il a été contredit. Boulangerie a fait deux déclarations différentes là où il ne peut y en avoir qu'une. Cela peut être prouvé.
}

// With a log, a statement that is published and withheld is missed.
func Example_log() {
	ctx, now := context.Background(), time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	bakeryKey, aliceKey := signet.GenerateKey(), signet.GenerateKey()
	key := must(tlog.GenerateKey("log.example/boulangerie"))
	public := must(tlog.New(key))
	trust := must(tlog.NewTrust(key.Verifier(), 0))

	c := chat(bakeryKey, aliceKey)
	root := notice.GenerateRoot()
	bind := must(root.Bind("Boulangerie", bakeryKey.PublicKey(), now))
	chain := notice.NewBusiness(notice.Conversation, &c, trust.Origin())
	bound := []signet.PublicKey{bakeryKey.PublicKey()}
	customer := notice.NewCustomer(c, &notice.Policy{Log: trust})

	first := must(chain.Issue(root, nil, &notice.Terms{Bound: bound}, now))
	index := public.Append(chain.Entry(first))
	must(customer.Accept(ctx, must(chain.Delivery(ctx, first, bind, index, public)), public, now))
	fmt.Println(customer.State(now).Kind)

	second := must(chain.Issue(root, nil, &notice.Terms{
		Bound: bound, Providers: []notice.Provider{{Name: "Acme"}}, Grants: []notice.Grant{{Secrets: notice.Plaintext, Via: notice.Stream}},
	}, now))
	public.Append(chain.Entry(second)) // and the platform does not deliver it

	now = now.Add(time.Hour)
	if err := customer.Refresh(ctx, public, now); err != nil {
		log.Fatal(err)
	}
	s := customer.State(now)
	fmt.Println(s.Text("en"))

	// Output:
	// encrypted
	// We cannot verify who holds the keys of this chat. A newer notice exists and has not arrived, or this device was restored from an old copy.
}
