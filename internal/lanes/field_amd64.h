// Eight elements of the field of 2^255 - 19 beside each other, with the 52-bit multipliers of AVX-512
// IFMA: five registers hold five limbs of 51 bits. docs/decisions/017-two-ladders.md has the bounds.

// Registers that keep their contents.
#define MASK  Z31 // 2^51 - 1
#define C19   Z30
#define P0    Z29 // 2^10 p, the lowest limb
#define P1    Z28 // and the others

// CONSTANTS loads them from CX.
#define CONSTANTS \
	VMOVDQU64 0(CX), MASK \
	VMOVDQU64 64(CX), C19 \
	VMOVDQU64 128(CX), P0 \
	VMOVDQU64 192(CX), P1

#define LOAD(p, z0, z1, z2, z3, z4) \
	VMOVDQU64 0(p), z0   \
	VMOVDQU64 64(p), z1  \
	VMOVDQU64 128(p), z2 \
	VMOVDQU64 192(p), z3 \
	VMOVDQU64 256(p), z4

// FINISH stores Z10 to Z14, carried, and returns.
#define FINISH(p) \
	CARRY(Z10, Z11, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19) \
	VMOVDQU64 Z10, 0(p)   \
	VMOVDQU64 Z11, 64(p)  \
	VMOVDQU64 Z12, 128(p) \
	VMOVDQU64 Z13, 192(p) \
	VMOVDQU64 Z14, 256(p) \
	VZEROUPPER            \
	RET

// SUMS: of pairs (x, y) of lanes, x+y and x-y with 2^10 p added. x are the even lanes of z, y the
// odd ones; k are the lanes that get differences; t is written over.
#define SUMS(z, p, k, t, a) \
	VPUNPCKHQDQ z, z, t     \
	VPSUBQ      t, p, k, t  \
	VPUNPCKLQDQ z, z, a     \
	VPADDQ      t, a, a

// CARRYTO makes limbs b below 2^52 of limbs a below 2^62, with five registers to write over.
#define CARRYTO(a0, a1, a2, a3, a4, b0, b1, b2, b3, b4, t0, t1, t2, t3, t4) \
	VPSRLQ      $51, a4, t4  \
	VPSRLQ      $51, a0, t0  \
	VPSRLQ      $51, a1, t1  \
	VPSRLQ      $51, a2, t2  \
	VPSRLQ      $51, a3, t3  \
	VPANDQ      MASK, a0, b0 \
	VPANDQ      MASK, a1, b1 \
	VPANDQ      MASK, a2, b2 \
	VPANDQ      MASK, a3, b3 \
	VPANDQ      MASK, a4, b4 \
	VPMADD52LUQ C19, t4, b0  \
	VPADDQ      t0, b1, b1   \
	VPADDQ      t1, b2, b2   \
	VPADDQ      t2, b3, b3   \
	VPADDQ      t3, b4, b4

#define CARRY(a0, a1, a2, a3, a4, t0, t1, t2, t3, t4) \
	CARRYTO(a0, a1, a2, a3, a4, a0, a1, a2, a3, a4, t0, t1, t2, t3, t4)

// HIGH and LOW add the high and the low 52 bits of a times b0 to b4 to five columns.
#define HIGH(a, b0, b1, b2, b3, b4, z0, z1, z2, z3, z4) \
	VPMADD52HUQ b0, a, z0 \
	VPMADD52HUQ b1, a, z1 \
	VPMADD52HUQ b2, a, z2 \
	VPMADD52HUQ b3, a, z3 \
	VPMADD52HUQ b4, a, z4

#define LOW(a, b0, b1, b2, b3, b4, z0, z1, z2, z3, z4) \
	VPMADD52LUQ b0, a, z0 \
	VPMADD52LUQ b1, a, z1 \
	VPMADD52LUQ b2, a, z2 \
	VPMADD52LUQ b3, a, z3 \
	VPMADD52LUQ b4, a, z4

#define ZERO(z) VPXORQ z, z, z
#define DOUBLE(z) VPADDQ z, z, z

#define DOUBLES \
	DOUBLE(Z11) \
	DOUBLE(Z12) \
	DOUBLE(Z13) \
	DOUBLE(Z14) \
	DOUBLE(Z15) \
	DOUBLE(Z16) \
	DOUBLE(Z17) \
	DOUBLE(Z18) \
	DOUBLE(Z19)

// FOLD adds 19 y to x: 2^255 is 19.
#define FOLD(y, x, t) \
	VPSLLQ $3, y, t \
	VPADDQ y, x, x  \
	VPADDQ y, t, t  \
	VPADDQ t, x, x  \
	VPADDQ t, x, x

// CLEAR makes ten columns zero, and FOLDS adds the upper five of them to the lower five.
#define CLEAR \
	ZERO(Z10) \
	ZERO(Z11) \
	ZERO(Z12) \
	ZERO(Z13) \
	ZERO(Z14) \
	ZERO(Z15) \
	ZERO(Z16) \
	ZERO(Z17) \
	ZERO(Z18) \
	ZERO(Z19)

#define FOLDS \
	FOLD(Z15, Z10, Z20) \
	FOLD(Z16, Z11, Z21) \
	FOLD(Z17, Z12, Z20) \
	FOLD(Z18, Z13, Z21) \
	FOLD(Z19, Z14, Z20)

// MUL sets Z10 to Z14 to the products of Z0 to Z4 with b0 to b4, without carrying: limbs below
// 2^60. It writes over Z15 to Z23. The columns in the middle, which are the longest, are summed up
// by halves.
#define MUL(b0, b1, b2, b3, b4) \
	CLEAR \
	ZERO(Z20) \
	ZERO(Z21) \
	ZERO(Z22) \
	ZERO(Z23) \
	HIGH(Z0, b0, b1, b2, b3, b4, Z11, Z12, Z13, Z14, Z15) \
	HIGH(Z1, b0, b1, b2, b3, b4, Z12, Z13, Z14, Z15, Z16) \
	HIGH(Z2, b0, b1, b2, b3, b4, Z13, Z14, Z15, Z16, Z17) \
	HIGH(Z3, b0, b1, b2, b3, b4, Z14, Z15, Z16, Z17, Z18) \
	HIGH(Z4, b0, b1, b2, b3, b4, Z15, Z16, Z17, Z18, Z19) \
	DOUBLES \
	LOW(Z0, b0, b1, b2, b3, b4, Z10, Z11, Z12, Z20, Z21) \
	LOW(Z1, b0, b1, b2, b3, b4, Z11, Z12, Z20, Z21, Z22) \
	LOW(Z2, b0, b1, b2, b3, b4, Z12, Z20, Z21, Z22, Z23) \
	LOW(Z3, b0, b1, b2, b3, b4, Z20, Z21, Z22, Z23, Z17) \
	LOW(Z4, b0, b1, b2, b3, b4, Z21, Z22, Z23, Z17, Z18) \
	VPADDQ Z20, Z13, Z13 \
	VPADDQ Z21, Z14, Z14 \
	VPADDQ Z22, Z15, Z15 \
	VPADDQ Z23, Z16, Z16 \
	FOLDS

// SQR is MUL of Z0 to Z4 with themselves: products of two limbs that differ are added once and
// doubled.
#define SQR \
	CLEAR \
	VPMADD52HUQ Z1, Z0, Z12 \
	VPMADD52HUQ Z2, Z0, Z13 \
	VPMADD52HUQ Z3, Z0, Z14 \
	VPMADD52HUQ Z4, Z0, Z15 \
	VPMADD52HUQ Z2, Z1, Z14 \
	VPMADD52HUQ Z3, Z1, Z15 \
	VPMADD52HUQ Z4, Z1, Z16 \
	VPMADD52HUQ Z3, Z2, Z16 \
	VPMADD52HUQ Z4, Z2, Z17 \
	VPMADD52HUQ Z4, Z3, Z18 \
	DOUBLE(Z12) \
	DOUBLE(Z13) \
	DOUBLE(Z14) \
	DOUBLE(Z15) \
	DOUBLE(Z16) \
	DOUBLE(Z17) \
	DOUBLE(Z18) \
	VPMADD52HUQ Z0, Z0, Z11 \
	VPMADD52HUQ Z1, Z1, Z13 \
	VPMADD52HUQ Z2, Z2, Z15 \
	VPMADD52HUQ Z3, Z3, Z17 \
	VPMADD52HUQ Z4, Z4, Z19 \
	VPMADD52LUQ Z1, Z0, Z11 \
	VPMADD52LUQ Z2, Z0, Z12 \
	VPMADD52LUQ Z3, Z0, Z13 \
	VPMADD52LUQ Z4, Z0, Z14 \
	VPMADD52LUQ Z2, Z1, Z13 \
	VPMADD52LUQ Z3, Z1, Z14 \
	VPMADD52LUQ Z4, Z1, Z15 \
	VPMADD52LUQ Z3, Z2, Z15 \
	VPMADD52LUQ Z4, Z2, Z16 \
	VPMADD52LUQ Z4, Z3, Z17 \
	DOUBLES \
	VPMADD52LUQ Z0, Z0, Z10 \
	VPMADD52LUQ Z1, Z1, Z12 \
	VPMADD52LUQ Z2, Z2, Z14 \
	VPMADD52LUQ Z3, Z3, Z16 \
	VPMADD52LUQ Z4, Z4, Z18 \
	FOLDS
