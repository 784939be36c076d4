package signet_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"

	"signet.example/signet"
)

func ExamplePrivateKey_Agree() {
	alice, bob := signet.GenerateKey(), signet.GenerateKey()
	a, err := alice.Agree(bob.PublicKey())
	if err != nil {
		log.Fatal(err)
	}
	b, err := bob.Agree(alice.PublicKey())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bytes.Equal(a[:], b[:]))

	_, err = alice.Agree(signet.PublicKey{})
	fmt.Println(errors.Is(err, signet.ErrInvalidAgreement))
	// Output:
	// true
	// true
}

func ExamplePrivateKey_Sign() {
	identity := signet.GenerateKey()
	preKey := signet.GenerateKey().PublicKey().Bytes()
	signature, err := identity.Sign(preKey)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(identity.PublicKey().Verify(preKey, signature[:]))
	fmt.Println(identity)
	// Output:
	// true
	// signet.PrivateKey(…)
}

func ExampleParsePublicKey() {
	_, err := signet.ParsePublicKey([]byte{0x05, 1, 2, 3})
	var length signet.BadKeyLengthError
	if errors.As(err, &length) {
		fmt.Println(err)
	}
	// Output:
	// signet: bad key length <4> for key with type <Djb>
}
