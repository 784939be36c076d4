package sqlite_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/sqlite"
)

// Bob keeps his sessions in a file, and his inbox in the same file: a message is in the inbox
// exactly if its key is gone.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "signet")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(ctx, filepath.Join(dir, "bob.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	key, err := session.Identity(ctx, store) // made and kept in the file
	if err != nil {
		log.Fatal(err)
	}
	bobAddr, aliceAddr := signet.Address{Name: "bob", Device: 1}, signet.Address{Name: "alice", Device: 1}
	bob := session.NewDevice(bobAddr, key, store, nil)

	err = bob.DecryptTo(ctx, aliceAddr, fromAlice(ctx, bob), func(tx session.Tx, plaintext []byte) error {
		own := tx.(*sqlite.Tx).SQL()
		if _, err := own.Exec(`CREATE TABLE IF NOT EXISTS inbox (sender TEXT, text TEXT)`); err != nil {
			return err
		}
		_, err := own.Exec(`INSERT INTO inbox VALUES (?, ?)`, aliceAddr.String(), string(plaintext))
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	var text string
	err = store.Update(ctx, signet.Address{}, func(tx session.Tx) error {
		return tx.(*sqlite.Tx).SQL().QueryRow(`SELECT text FROM inbox`).Scan(&text)
	})
	fmt.Println(text, err)
	// Output: One potato <nil>
}

// fromAlice returns a first message to bob.
func fromAlice(ctx context.Context, bob *session.Device) session.Message {
	published, err := bob.PreKeys(ctx, 1)
	if err != nil {
		log.Fatal(err)
	}
	bundle, err := published.NextBundle()
	if err != nil {
		log.Fatal(err)
	}
	alice := session.NewDevice(signet.Address{Name: "alice", Device: 1}, signet.GenerateKey(), memory.New(), nil)
	if err := alice.Start(ctx, bob.Address(), bundle); err != nil {
		log.Fatal(err)
	}
	m, err := alice.Encrypt(ctx, bob.Address(), []byte("One potato"))
	if err != nil {
		log.Fatal(err)
	}
	return m
}
