package mlkem

import (
	"crypto/mlkem"
	"testing"
)

// Both implementations in one run. Ours always samples the matrix Â, as a key
// or header arrives once and is used once in the braid. crypto/mlkem keeps Â in
// its keys, so its Encapsulate and Decapsulate do not sample it; its
// ParseAndEncapsulate does the work of ours.

func BenchmarkGenerateKey(b *testing.B) {
	p := newParts(testCoins("bench"))
	b.Run("signet", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			GenerateKey(&p.seed, &p.hdr, &p.ek, &p.dk)
		}
	})
	b.Run("crypto/mlkem", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			mlkem.NewDecapsulationKey768(p.seed[:])
		}
	})
}

func BenchmarkEncapsulate(b *testing.B) {
	p := newParts(testCoins("bench"))
	b.Run("signet/1", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.key = Encapsulate1(&p.m, &p.hdr, &p.es, &p.ct1)
		}
	})
	b.Run("signet/check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			CheckVector(&p.hdr, &p.ek)
		}
	})
	b.Run("signet/2", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Encapsulate2(&p.es, &p.ek, &p.ct2)
		}
	})
	b.Run("signet/whole", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.key = Encapsulate1(&p.m, &p.hdr, &p.es, &p.ct1)
			CheckVector(&p.hdr, &p.ek)
			Encapsulate2(&p.es, &p.ek, &p.ct2)
		}
	})
	standard := append(p.ek[:len(p.ek):len(p.ek)], p.hdr[:32]...)
	ek, err := mlkem.NewEncapsulationKey768(standard)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("crypto/mlkem", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ek.Encapsulate()
		}
	})
	b.Run("crypto/mlkem/parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ek, _ := mlkem.NewEncapsulationKey768(standard)
			ek.Encapsulate()
		}
	})
}

func BenchmarkDecapsulate(b *testing.B) {
	p := newParts(testCoins("bench"))
	b.Run("signet", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.key = Decapsulate(&p.dk, &p.ct1, &p.ct2)
		}
	})
	dk, err := mlkem.NewDecapsulationKey768(p.seed[:])
	if err != nil {
		b.Fatal(err)
	}
	ct := p.ciphertext()
	b.Run("crypto/mlkem", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dk.Decapsulate(ct)
		}
	})
}

func BenchmarkNTT(b *testing.B) {
	var f poly
	for b.Loop() {
		f.ntt()
	}
}

func BenchmarkInverse(b *testing.B) {
	var f poly
	for b.Loop() {
		f.inverse()
	}
}

func BenchmarkMatrixSample(b *testing.B) {
	var x xof
	x.init(new([32]byte))
	for b.Loop() {
		x.sample(0, 0)
	}
}

func BenchmarkNoiseSample(b *testing.B) {
	var p prf
	p.init(new([32]byte))
	var f poly
	for b.Loop() {
		p.sample(&f)
	}
}
