package ratchet

import (
	"testing"

	"signet.example/signet"
)

// pair returns two States that talk to each other.
func pair(tb testing.TB, version uint8) (a, b *State) {
	own := signet.GenerateKey()
	var s Seed
	copy(s.Root[:], "root")
	copy(s.Chain[:], "chain")
	copy(s.PQ[:], "pq")
	ka, kb, base := signet.GenerateKey(), signet.GenerateKey(), signet.GenerateKey()
	a, err := NewInitiator(s, &Handshake{Version: version, Local: ka.PublicKey(), Remote: kb.PublicKey(), BaseKey: base.PublicKey()}, own.PublicKey())
	if err != nil {
		tb.Fatal(err)
	}
	b = NewResponder(s, &Handshake{Version: version, Local: kb.PublicKey(), Remote: ka.PublicKey(), BaseKey: base.PublicKey()}, own)
	return a, b
}

func exchange(tb testing.TB, a, b *State, plaintext []byte) {
	m, err := a.Encrypt(nil, plaintext)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err = b.Decrypt(nil, m); err != nil {
		tb.Fatal(err)
	}
}

func benchmarkOneWay(b *testing.B, version uint8, n int) {
	alice, bob := pair(b, version)
	text := make([]byte, n)
	exchange(b, alice, bob, text)
	exchange(b, bob, alice, text)
	b.ReportAllocs()
	for b.Loop() {
		exchange(b, alice, bob, text)
	}
}

func BenchmarkOneWay64V3(b *testing.B) { benchmarkOneWay(b, 3, 64) }
func BenchmarkOneWay64V4(b *testing.B) { benchmarkOneWay(b, 4, 64) }
func BenchmarkOneWay1kV3(b *testing.B) { benchmarkOneWay(b, 3, 1024) }

func BenchmarkPingPongV3(b *testing.B) { benchmarkPingPong(b, 3) }
func BenchmarkPingPongV4(b *testing.B) { benchmarkPingPong(b, 4) }

func benchmarkPingPong(b *testing.B, version uint8) {
	alice, bob := pair(b, version)
	text := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		exchange(b, alice, bob, text)
		exchange(b, bob, alice, text)
	}
}
