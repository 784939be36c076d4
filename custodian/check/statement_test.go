package check

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzParseDelivery: whatever the bytes are, they are parsed or refused, and what parses can be
// checked.
func FuzzParseDelivery(f *testing.F) {
	files, _ := filepath.Glob("testdata/statements/*.bin")
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(controlPrefix))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok := parseDelivery(b)
		if !ok {
			return
		}
		c := &client{root: []byte("nobody has the private half of it."[:32]), profile: "custody-root", identity: "", protocol: 4}
		if c.accept(s, s.from) {
			t.Fatal("a key that nobody has signed a statement")
		}
		_ = labelOf(s.protocol, s.grants)
		_, _ = holding(s, nil)
		s.signedByIdentity("05" + "0900000000000000000000000000000000000000000000000000000000000000")
	})
}
