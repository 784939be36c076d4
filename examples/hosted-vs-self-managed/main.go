// Hosted-vs-self-managed holds the same conversation twice. A customer writes to a shop; twenty
// messages travel, some of them late, one of them lost. First the shop keeps its keys. Then it lets
// a provider hold them. The encryption is the same both times. The program prints what a customer
// should be told, and two reports side by side: what the provider can read and forge, with the
// evidence.
//
//	go run ./examples/hosted-vs-self-managed                  # the provider hosts the shop from the first day
//	go run ./examples/hosted-vs-self-managed -mode handover   # the shop hands over in mid-conversation
//	go run ./examples/hosted-vs-self-managed -mode archive    # the provider only gets copies of the texts
//	go run ./examples/hosted-vs-self-managed -lang fr -json reports
//
// Both ends are real devices over SQLite files. Nothing is looked up in a table: every message that
// a report calls readable was in fact decrypted with what the provider was given, and every forgery
// it speaks of was in fact accepted by a copy of the receiver.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
	"signet.example/signet/session"
	"signet.example/signet/store/sqlite"
)

func main() {
	log.SetFlags(0)
	mode := flag.String("mode", "hosted", "what the provider gets: hosted, handover, archive or self (nothing)")
	lang := flag.String("lang", "en", "language: en or fr")
	protocol := flag.Int("protocol", 4, "3 (X3DH, Double Ratchet) or 4 (PQXDH, Triple Ratchet)")
	dir := flag.String("json", "", "also write self-managed.json and MODE.json into this directory")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *mode, *lang, *protocol, *dir); err != nil {
		log.Fatal("hosted-vs-self-managed: ", err)
	}
}

// run holds the conversation self-managed and in the mode, and shows both.
func run(ctx context.Context, w io.Writer, mode, lang string, protocol int, dir string) error {
	page, err := tell.NewPage(w, lang)
	if err != nil {
		return err
	}
	grant, ok := grants[mode]
	if !ok {
		return fmt.Errorf("no mode %q: hosted, handover, archive or self", mode)
	}
	self, err := hold(ctx, protocol, nil)
	if err != nil {
		return err
	}
	other, err := hold(ctx, protocol, grant)
	if err != nil {
		return err
	}
	if err := show(page, mode, self, other); err != nil || dir == "" {
		return err
	}
	return save(dir, map[string]*custodian.Report{"self-managed": self, mode: other})
}

// hold plays the conversation over SQLite files that are removed afterwards.
func hold(ctx context.Context, protocol int, grant *delegation) (*custodian.Report, error) {
	dir, err := os.MkdirTemp("", "signet-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var open []*sqlite.Store
	defer func() {
		for _, s := range open {
			s.Close()
		}
	}()
	return custodian.Evaluate(ctx, conversation(protocol, grant), &custodian.Options{
		Store: func(principal string) (session.Store, error) {
			s, err := sqlite.Open(ctx, filepath.Join(dir, principal+".db"), nil)
			if err == nil {
				open = append(open, s)
			}
			return s, err
		},
	})
}

func save(dir string, reports map[string]*custodian.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, r := range reports {
		b, err := r.JSON()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name+".json"), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
