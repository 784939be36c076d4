package notice

import (
	"testing"

	"signet.example/signet/session"
)

// BenchmarkWatch is a text of a peer: without a Watch, with one that has had no notice of it, with
// one that has.
func BenchmarkWatch(b *testing.B) {
	for _, name := range []string{"none", "no notice", "notices"} {
		b.Run(name, func(b *testing.B) {
			l := newLine(b, -1)
			if name == "notices" {
				l.tell(&Terms{})
				l.tell(hosted("Acme", Session, Stream))
			}
			if name == "none" {
				l.alice = session.NewDevice(l.aliceAddr, l.aliceKey, l.phone, nil)
			}
			text := make([]byte, 64)
			b.ReportAllocs()
			for b.Loop() {
				l.hears(l.says(text))
			}
		})
	}
}
