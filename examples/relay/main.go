// Relay shows what the operator of a platform sees of its users' messages, with sealed sender and
// without. Alice, Bob and Carol have two devices each. They hold the same conversation twice, over
// a relay in this process that knows bytes and destinations and nothing else, and the program
// prints the relay's log of either time, side by side, and says what remains visible. It never sees
// the texts.
//
//	go run ./examples/relay
//	go run ./examples/relay -lang fr
//
// A message to a group is one upload with sealed sender: the sender encrypts it once, and the relay
// splits it into one message for each device without copying the part that all of them get.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"time"
)

func main() {
	log.SetFlags(0)
	lang := flag.String("lang", "en", "language: en or fr")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *lang); err != nil {
		log.Fatal("relay: ", err)
	}
}

// run holds the conversation both ways and shows what the relay has learned.
func run(ctx context.Context, w io.Writer, lang string) error {
	if lang != "en" && lang != "fr" {
		return fmt.Errorf("no language %q: en or fr", lang)
	}
	plain, err := newWorld(false)
	if err != nil {
		return err
	}
	sealed, err := newWorld(true)
	if err != nil {
		return err
	}
	for _, world := range []*world{plain, sealed} {
		if err := converse(ctx, world); err != nil {
			return err
		}
	}
	return show(w, lang, plain.relay.log, sealed.relay.log)
}

// converse is the conversation. People write from their first device, and both devices of the
// others get it. (What they write reaches their own second device by a message of its own, which is
// left out here: its destination would name the sender.)
func converse(ctx context.Context, w *world) error {
	alice, bob, carol := w.person(aliceID), w.person(bobID), w.person(carolID)
	group := slices.Concat(bob, carol)
	for _, step := range []func() error{
		func() error { return w.write(ctx, alice[0], bob, "Are you free tonight?") },
		func() error { w.clock = w.clock.Add(4 * time.Second); return w.deliver(ctx) },
		func() error { return w.write(ctx, bob[0], alice, "Yes. Where?") },
		func() error { w.clock = w.clock.Add(3 * time.Second); return w.deliver(ctx) },
		func() error { return w.share(ctx, alice[0], group) },
		func() error { w.clock = w.clock.Add(time.Second); return w.deliver(ctx) },
		func() error { return w.writeGroup(ctx, alice[0], group, "At mine, at eight.") },
		func() error { w.clock = w.clock.Add(9 * time.Second); return w.deliver(ctx) },
		func() error { return w.write(ctx, carol[0], alice, "I will bring the potatoes.") },
		func() error { return w.deliver(ctx) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
