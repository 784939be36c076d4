package fingerprint_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"signet.example/signet"
	"signet.example/signet/fingerprint"
)

func key(fill byte) signet.PublicKey { return signet.PublicKeyFromRaw([32]byte{fill}) }

func ExampleNumber() {
	alice := fingerprint.NewParty(signet.Address{Name: "9d0652a3-dcc3-4d11-975f-74d61598733f"}, key(9))
	bob := fingerprint.NewParty(signet.Address{Name: "796abedb-ca4e-4f18-8803-1fde5b921f9f"}, key(16))
	fmt.Println(fingerprint.Number(alice, bob))
	fmt.Println(fingerprint.Number(bob, alice) == fingerprint.Number(alice, bob))
	// Output:
	// 79412 32687 56218 69230 69885 86187 96791 44956 59758 00755 66698 69908
	// true
}

func ExampleCode_Matches() {
	alice := fingerprint.NewParty(signet.Address{Name: "+14155550100"}, key(9))
	bob := fingerprint.NewParty(signet.Address{Name: "+14155550199"}, key(16))
	wrong := fingerprint.NewParty(signet.Address{Name: "+14155550100"}, key(25))

	scanned := fingerprint.New(fingerprint.Numbers, bob, wrong).Bytes() // from the screen of Bob
	err := fingerprint.New(fingerprint.Numbers, alice, bob).Matches(scanned)
	var mismatch *fingerprint.MismatchError
	if errors.As(err, &mismatch) {
		fmt.Println(err)
	}
	// Output:
	// fingerprint: mismatch: they hold another key of us
}

// Apps print the number in three lines of four groups.
func ExampleNumber_lines() {
	alice := fingerprint.NewParty(signet.Address{Name: "9d0652a3-dcc3-4d11-975f-74d61598733f"}, key(9))
	bob := fingerprint.NewParty(signet.Address{Name: "796abedb-ca4e-4f18-8803-1fde5b921f9f"}, key(16))
	for line := range slices.Chunk(strings.Fields(fingerprint.Number(alice, bob)), 4) {
		fmt.Println(strings.Join(line, " "))
	}
	// Output:
	// 79412 32687 56218 69230
	// 69885 86187 96791 44956
	// 59758 00755 66698 69908
}

// What a QR code holds are bytes. Where a scanner gives text, it is one character for each byte.
func ExampleCode_Bytes() {
	alice := fingerprint.NewParty(signet.Address{Name: "9d0652a3-dcc3-4d11-975f-74d61598733f"}, key(9))
	bob := fingerprint.NewParty(signet.Address{Name: "796abedb-ca4e-4f18-8803-1fde5b921f9f"}, key(16))
	shown := fingerprint.New(fingerprint.Accounts, bob, alice).Bytes() // on the screen of Bob
	fmt.Println(len(shown), "bytes")

	var text []rune // what a scanner makes of them, as ISO-8859-1
	for _, b := range shown {
		text = append(text, rune(b))
	}
	var scanned []byte
	for _, r := range text {
		scanned = append(scanned, byte(r))
	}
	fmt.Println(fingerprint.New(fingerprint.Accounts, alice, bob).Matches(scanned))
	// Output:
	// 74 bytes
	// <nil>
}
