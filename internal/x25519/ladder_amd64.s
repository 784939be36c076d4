//go:build !purego

#include "textflag.h"

// The Montgomery ladder of RFC 7748 §5 for two scalars and two points at once, with the 52-bit
// multipliers of AVX-512 IFMA. Of the eight 64-bit lanes of a register the first four belong to
// one ladder and the last four to the other; five registers are eight field elements of five
// limbs of 51 bits. docs/decisions/017-two-ladders.md
// has the method and the bounds.

// Registers that keep their contents: see ladder.
#define MASK  Z31 // 2^51 - 1
#define C19   Z30
#define P0    Z29 // 2^10 p, the lowest limb
#define P1    Z28 // and the others
#define LEFT  Z27 // lanes of the left factor of the first product
#define RIGHT Z26 // and of the right one
#define BITS  Z25
#define TWO   Z24

// SUMS: of pairs (x, y) of lanes, x+y and x-y with 2^10 p added. x are the even lanes of z, y the
// odd ones; t is written over.
#define SUMS(z, p, t, a) \
	VPUNPCKHQDQ z, z, t     \
	VPSUBQ      t, p, K1, t \
	VPUNPCKLQDQ z, z, a     \
	VPADDQ      t, a, a

// As SUMS, but the first lane of each four is x alone.
#define SUMSX(z, p, t, a) \
	VPUNPCKHQDQ.Z z, z, K2, t \
	VPSUBQ        t, p, K1, t \
	VPUNPCKLQDQ   z, z, a     \
	VPADDQ        t, a, a

// CARRY makes limbs below 2^52 of limbs below 2^62, with five registers to write over.
#define CARRY(a0, a1, a2, a3, a4, t0, t1, t2, t3, t4) \
	VPSRLQ      $51, a4, t4      \
	VPSRLQ      $51, a0, t0      \
	VPSRLQ      $51, a1, t1      \
	VPSRLQ      $51, a2, t2      \
	VPSRLQ      $51, a3, t3      \
	VPANDQ      MASK, a0, a0     \
	VPANDQ      MASK, a1, a1     \
	VPANDQ      MASK, a2, a2     \
	VPANDQ      MASK, a3, a3     \
	VPANDQ      MASK, a4, a4     \
	VPMADD52LUQ C19, t4, a0      \
	VPADDQ      t0, a1, a1       \
	VPADDQ      t1, a2, a2       \
	VPADDQ      t2, a3, a3       \
	VPADDQ      t3, a4, a4

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

// FOLD adds 19 y to x: 2^255 is 19.
#define FOLD(y, x, t) \
	VPSLLQ $3, y, t \
	VPADDQ y, x, x  \
	VPADDQ y, t, t  \
	VPADDQ t, x, x  \
	VPADDQ t, x, x

// MUL sets Z10 to Z14 to the products of Z0 to Z4 with b0 to b4, without carrying: limbs below
// 2^60. It writes over Z15 to Z21.
#define MUL(b0, b1, b2, b3, b4) \
	ZERO(Z10) \
	ZERO(Z11) \
	ZERO(Z12) \
	ZERO(Z13) \
	ZERO(Z14) \
	ZERO(Z15) \
	ZERO(Z16) \
	ZERO(Z17) \
	ZERO(Z18) \
	ZERO(Z19) \
	HIGH(Z0, b0, b1, b2, b3, b4, Z11, Z12, Z13, Z14, Z15) \
	HIGH(Z1, b0, b1, b2, b3, b4, Z12, Z13, Z14, Z15, Z16) \
	HIGH(Z2, b0, b1, b2, b3, b4, Z13, Z14, Z15, Z16, Z17) \
	HIGH(Z3, b0, b1, b2, b3, b4, Z14, Z15, Z16, Z17, Z18) \
	HIGH(Z4, b0, b1, b2, b3, b4, Z15, Z16, Z17, Z18, Z19) \
	DOUBLE(Z11) \
	DOUBLE(Z12) \
	DOUBLE(Z13) \
	DOUBLE(Z14) \
	DOUBLE(Z15) \
	DOUBLE(Z16) \
	DOUBLE(Z17) \
	DOUBLE(Z18) \
	DOUBLE(Z19) \
	LOW(Z0, b0, b1, b2, b3, b4, Z10, Z11, Z12, Z13, Z14) \
	LOW(Z1, b0, b1, b2, b3, b4, Z11, Z12, Z13, Z14, Z15) \
	LOW(Z2, b0, b1, b2, b3, b4, Z12, Z13, Z14, Z15, Z16) \
	LOW(Z3, b0, b1, b2, b3, b4, Z13, Z14, Z15, Z16, Z17) \
	LOW(Z4, b0, b1, b2, b3, b4, Z14, Z15, Z16, Z17, Z18) \
	FOLD(Z15, Z10, Z20) \
	FOLD(Z16, Z11, Z21) \
	FOLD(Z17, Z12, Z20) \
	FOLD(Z18, Z13, Z21) \
	FOLD(Z19, Z14, Z20)

// func ladder(s, m *lanes, swaps *[4][8]uint64, constants *[7][8]uint64)
TEXT ·ladder(SB), NOSPLIT, $0-32
	MOVQ s+0(FP), DI
	MOVQ m+8(FP), SI
	MOVQ swaps+16(FP), DX
	MOVQ constants+24(FP), CX

	VMOVDQU64 0(CX), MASK
	VMOVDQU64 64(CX), C19
	VMOVDQU64 128(CX), P0
	VMOVDQU64 192(CX), P1
	VMOVDQU64 256(CX), LEFT
	VMOVDQU64 320(CX), RIGHT
	VMOVDQU64 384(CX), TWO
	MOVL $0xAA, AX
	KMOVW AX, K1
	MOVL $0xEE, AX
	KMOVW AX, K2
	MOVL $0x33, AX
	KMOVW AX, K3

	VMOVDQU64 0(DI), Z10
	VMOVDQU64 64(DI), Z11
	VMOVDQU64 128(DI), Z12
	VMOVDQU64 192(DI), Z13
	VMOVDQU64 256(DI), Z14

	ADDQ $192, DX // the last word first
	MOVQ $63, R8  // its highest bit is none
	MOVQ $4, R9

word:
	VMOVDQU64 (DX), BITS

step:
	// A = X2+Z2, B = X2-Z2, C = X3+Z3, D = X3-Z3
	SUMS(Z10, P0, Z5, Z0)
	SUMS(Z11, P1, Z6, Z1)
	SUMS(Z12, P1, Z7, Z2)
	SUMS(Z13, P1, Z8, Z3)
	SUMS(Z14, P1, Z9, Z4)
	CARRY(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9)

	// AA, BB, DA, CB, where A and B change places with C and D if the bit says so. DA and CB may
	// change places then: their difference is squared.
	VPANDQ TWO, BITS, Z22
	VPXORQ LEFT, Z22, Z23
	VPXORQ RIGHT, Z22, Z22
	VPROLQ $1, BITS, BITS
	VPERMQ Z0, Z22, Z5
	VPERMQ Z0, Z23, Z0
	VPERMQ Z1, Z22, Z6
	VPERMQ Z1, Z23, Z1
	VPERMQ Z2, Z22, Z7
	VPERMQ Z2, Z23, Z2
	VPERMQ Z3, Z22, Z8
	VPERMQ Z3, Z23, Z3
	VPERMQ Z4, Z22, Z9
	VPERMQ Z4, Z23, Z4
	MUL(Z5, Z6, Z7, Z8, Z9)

	// AA, E = AA-BB, G = DA+CB, H = DA-CB; and BB, AA, 0, 0 for later
	SUMSX(Z10, P0, Z15, Z0)
	SUMSX(Z11, P1, Z16, Z1)
	SUMSX(Z12, P1, Z17, Z2)
	SUMSX(Z13, P1, Z18, Z3)
	SUMSX(Z14, P1, Z19, Z4)
	VPERMILPD.Z $0x11, Z10, K3, Z5
	VPERMILPD.Z $0x11, Z11, K3, Z6
	VPERMILPD.Z $0x11, Z12, K3, Z7
	VPERMILPD.Z $0x11, Z13, K3, Z8
	VPERMILPD.Z $0x11, Z14, K3, Z9
	CARRY(Z0, Z1, Z2, Z3, Z4, Z15, Z16, Z17, Z18, Z19)

	// BB, AA + 121665 E, G, X1 H
	MUL(0(SI), 64(SI), 128(SI), 192(SI), 256(SI))
	VPADDQ Z10, Z5, Z5
	VPADDQ Z11, Z6, Z6
	VPADDQ Z12, Z7, Z7
	VPADDQ Z13, Z8, Z8
	VPADDQ Z14, Z9, Z9
	CARRY(Z5, Z6, Z7, Z8, Z9, Z15, Z16, Z17, Z18, Z19)

	// X2 = AA BB, Z2 = E (AA + 121665 E), X3 = GG, Z3 = X1 HH
	MUL(Z5, Z6, Z7, Z8, Z9)

	DECQ R8
	JNZ  step
	MOVQ $64, R8
	SUBQ $64, DX
	DECQ R9
	JNZ  word

	CARRY(Z10, Z11, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19)
	VMOVDQU64 Z10, 0(DI)
	VMOVDQU64 Z11, 64(DI)
	VMOVDQU64 Z12, 128(DI)
	VMOVDQU64 Z13, 192(DI)
	VMOVDQU64 Z14, 256(DI)
	VZEROUPPER
	RET
