package mlkem

// K-PKE, the encryption scheme inside ML-KEM: FIPS 203, section 5. Products
// leave [poly.montgomery] divided by 2¹⁶; inverse multiplies that back, and
// generateVector, which stays in the NTT domain, does it itself.

// generateVector is K-PKE.KeyGen, algorithm 13, from ρ and σ on. It fills ek
// with the encoding of t̂ = Â∘ŝ + ê and secret with that of ŝ.
func generateVector(rho, sigma *[32]byte, ek, secret *[VectorSize]byte) {
	var noise prf
	noise.init(sigma)
	var s operand
	for i := range s {
		noise.sample(&s[i].f)
		s[i].f.ntt()
		s[i].prepare()
		encode12(block(secret[:], i), &s[i].f)
	}
	var matrix xof
	matrix.init(rho)
	var t, e poly
	for i := range byte(k) {
		t = poly{}
		for j := range byte(k) {
			t.mulAdd(matrix.sample(j, i), &s[j])
		}
		t.montgomery()
		noise.sample(&e)
		e.ntt()
		for w := range t {
			t[w] = canonical(mul(t[w], montgomeryFactor) + e[w])
		}
		encode12(block(ek[:], int(i)), &t)
	}
}

// encrypt1 is the part of K-PKE.Encrypt, algorithm 14, that needs only ρ. It
// fills ct1 with the encoding of u and leaves ŷ in y and e2, unreduced, in e2.
func encrypt1(rho, coins *[32]byte, ct1 *[Ciphertext1Size]byte, y *operand, e2 *poly) {
	var noise prf
	noise.init(coins)
	for i := range y {
		noise.sample(&y[i].f)
		y[i].f.ntt()
		y[i].prepare()
	}
	var matrix xof
	matrix.init(rho)
	var u, e1 poly
	for i := range byte(k) {
		u = poly{}
		for j := range byte(k) { // Â transposed: the indices change places
			u.mulAdd(matrix.sample(i, j), &y[j])
		}
		u.montgomery()
		u.inverse()
		noise.sample(&e1)
		for w := range u {
			u[w] += e1[w]
		}
		compress10((*[encodingSize10]byte)(ct1[int(i)*encodingSize10:]), &u)
	}
	noise.sample(e2)
}

// encrypt2 is the rest of K-PKE.Encrypt: it fills ct2 with the encoding of v.
func encrypt2(y *operand, e2 *poly, ek *[VectorSize]byte, m *[32]byte, ct2 *[Ciphertext2Size]byte) {
	var v, message poly
	var t plain
	for i := range y {
		t.decode12(block(ek[:], i))
		v.mulAdd(&t, &y[i])
	}
	v.montgomery()
	v.inverse()
	decompress1(&message, m)
	for w := range v {
		v[w] += e2[w] + message[w]
	}
	compress4(ct2, &v)
}

// decrypt is K-PKE.Decrypt, algorithm 15.
func decrypt(secret *[VectorSize]byte, ct1 *[Ciphertext1Size]byte, ct2 *[Ciphertext2Size]byte) (m [32]byte) {
	var product, v poly
	var u factor
	var s plain
	for i := range k {
		decompress10(&u.f, (*[encodingSize10]byte)(ct1[i*encodingSize10:]))
		u.f.ntt()
		u.prepare()
		s.decode12(block(secret[:], i))
		product.mulAdd(&s, &u)
	}
	product.montgomery()
	product.inverse()
	decompress4(&v, ct2)
	for w := range v {
		v[w] += both(2*q) - product[w]
	}
	compress1(&m, &v)
	return m
}

// block returns the encoding of the i-th polynomial of a vector.
func block(vector []byte, i int) *[encodingSize12]byte {
	return (*[encodingSize12]byte)(vector[i*encodingSize12:])
}
