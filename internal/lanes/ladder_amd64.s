//go:build !purego

#include "textflag.h"
#include "field_amd64.h"

// The Montgomery ladder of RFC 7748 §5 for two scalars and two points at once: of the eight lanes
// the first four belong to one ladder and the last four to the other.
// docs/decisions/017-two-ladders.md has the method.

#define LEFT  Z27 // lanes of the left factor of the first product
#define RIGHT Z26 // and of the right one
#define BITS  Z25
#define TWO   Z24

// As SUMS, but the first lane of each four is x alone.
#define SUMSX(z, p, t, a) \
	VPUNPCKHQDQ.Z z, z, K2, t \
	VPSUBQ        t, p, K1, t \
	VPUNPCKLQDQ   z, z, a     \
	VPADDQ        t, a, a

// func ladder(s, m *Elements, swaps *[4][8]uint64, constants *[7][8]uint64)
TEXT ·ladder(SB), NOSPLIT, $0-32
	MOVQ s+0(FP), DI
	MOVQ m+8(FP), SI
	MOVQ swaps+16(FP), DX
	MOVQ constants+24(FP), CX

	CONSTANTS
	VMOVDQU64 256(CX), LEFT
	VMOVDQU64 320(CX), RIGHT
	VMOVDQU64 384(CX), TWO
	MOVL $0xAA, AX
	KMOVW AX, K1
	MOVL $0xEE, AX
	KMOVW AX, K2
	MOVL $0x33, AX
	KMOVW AX, K3

	LOAD(DI, Z10, Z11, Z12, Z13, Z14)

	ADDQ $192, DX // the last word first
	MOVQ $63, R8  // its highest bit is none
	MOVQ $4, R9

word:
	VMOVDQU64 (DX), BITS

step:
	// A = X2+Z2, B = X2-Z2, C = X3+Z3, D = X3-Z3
	SUMS(Z10, P0, K1, Z5, Z0)
	SUMS(Z11, P1, K1, Z6, Z1)
	SUMS(Z12, P1, K1, Z7, Z2)
	SUMS(Z13, P1, K1, Z8, Z3)
	SUMS(Z14, P1, K1, Z9, Z4)
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

	FINISH(DI)
