//go:build !purego

#include "textflag.h"
#include "field_amd64.h"

// Points of the twisted Edwards curve -x^2 + y^2 = 1 + d x^2 y^2 in extended coordinates (Hisil, Wong,
// Carter, Dawson: Twisted Edwards Curves Revisited, 2008), two at once: Z10 to Z14 are the lanes Y, T, Z,
// X of the one and of the other, not carried. docs/decisions/017-two-ladders.md has the method and
// the bounds.

// Lanes, as masks, of both points.
#define ODD   K1 // 1 and 3
#define ONE   K2 // 1
#define LOWER K3 // 0 and 1
#define UPPER K4 // 2 and 3
#define THREE K5 // 3

#define MASKS \
	MOVL  $0xAA, AX \
	KMOVW AX, ODD   \
	MOVL  $0x22, AX \
	KMOVW AX, ONE   \
	MOVL  $0x33, AX \
	KMOVW AX, LOWER \
	MOVL  $0xCC, AX \
	KMOVW AX, UPPER \
	MOVL  $0x88, AX \
	KMOVW AX, THREE

// SHIFTED sets a to the lanes Y+X, Y-X, Z, T of z.
#define SHIFTED(z, p, t, a) \
	VPERMQ $0x60, z, a  \
	VPERMQ $0xFF, z, t  \
	VPSUBQ t, p, ONE, t \
	VPADDQ t, a, LOWER, a

// STAGE sets Z0 to Z4 to Y+X, Y-X, Z, T of the points, carried.
#define STAGE \
	SHIFTED(Z10, P0, Z15, Z0) \
	SHIFTED(Z11, P1, Z16, Z1) \
	SHIFTED(Z12, P1, Z17, Z2) \
	SHIFTED(Z13, P1, Z18, Z3) \
	SHIFTED(Z14, P1, Z19, Z4) \
	CARRY(Z0, Z1, Z2, Z3, Z4, Z15, Z16, Z17, Z18, Z19)

// ADD adds to the points the entries in Z5 to Z9, which are Y+X, Y-X, 2Z, 2dT of others. The lanes in
// minus are 1 and 3; 1 and 2 for a point that is subtracted, of which the entry is Y-X, Y+X, 2Z, 2dT.
#define ADD(minus) \
	STAGE                                              \
	MUL(Z5, Z6, Z7, Z8, Z9)                            \
	SUMS(Z10, P0, minus, Z15, Z0)                      \
	SUMS(Z11, P1, minus, Z16, Z1)                      \
	SUMS(Z12, P1, minus, Z17, Z2)                      \
	SUMS(Z13, P1, minus, Z18, Z3)                      \
	SUMS(Z14, P1, minus, Z19, Z4)                      \
	CARRY(Z0, Z1, Z2, Z3, Z4, Z15, Z16, Z17, Z18, Z19) \
	VPERMQ $0x72, Z0, Z5                               \
	VPERMQ $0x72, Z1, Z6                               \
	VPERMQ $0x72, Z2, Z7                               \
	VPERMQ $0x72, Z3, Z8                               \
	VPERMQ $0x72, Z4, Z9                               \
	MUL(Z5, Z6, Z7, Z8, Z9)

// PARTS sets a to H, E, G, F of the lanes B = YY, D = (X+Y)^2, C = ZZ, A = XX of z:
// A+B, A+B-D, A-B, A-B+2C.
#define PARTS(z, p, t, a) \
	VPERMQ   $0xFF, z, a      \
	VPERMQ   $0x00, z, t      \
	VPSUBQ   t, p, UPPER, t   \
	VPADDQ   t, a, a          \
	VPERMQ.Z $0x84, z, ODD, t \
	VPSUBQ   t, p, ONE, t     \
	VPADDQ   t, t, THREE, t   \
	VPADDQ   t, a, a

// DBL doubles the points, of which lane 1 is X instead of T. The result has T, or X, as the lanes in
// right say.
#define DBL(right) \
	VPERMQ $0x00, Z10, Z15 \
	VPADDQ Z15, Z10, ONE, Z10 \
	VPERMQ $0x00, Z11, Z16 \
	VPADDQ Z16, Z11, ONE, Z11 \
	VPERMQ $0x00, Z12, Z17 \
	VPADDQ Z17, Z12, ONE, Z12 \
	VPERMQ $0x00, Z13, Z18 \
	VPADDQ Z18, Z13, ONE, Z13 \
	VPERMQ $0x00, Z14, Z19 \
	VPADDQ Z19, Z14, ONE, Z14 \
	CARRYTO(Z10, Z11, Z12, Z13, Z14, Z0, Z1, Z2, Z3, Z4, Z15, Z16, Z17, Z18, Z19) \
	SQR \
	PARTS(Z10, P0, Z15, Z0) \
	PARTS(Z11, P1, Z16, Z1) \
	PARTS(Z12, P1, Z17, Z2) \
	PARTS(Z13, P1, Z18, Z3) \
	PARTS(Z14, P1, Z19, Z4) \
	CARRY(Z0, Z1, Z2, Z3, Z4, Z15, Z16, Z17, Z18, Z19) \
	VPERMQ Z0, right, Z5 \
	VPERMQ Z1, right, Z6 \
	VPERMQ Z2, right, Z7 \
	VPERMQ Z3, right, Z8 \
	VPERMQ Z4, right, Z9 \
	MUL(Z5, Z6, Z7, Z8, Z9)

#define WITHT Z27 // G, H, F, E: what makes Y, T, Z, X of H, E, G, F
#define WITHX Z26 // G, F, F, E: Y, X, Z, X
#define NEXT  Z25

// func walk(p *Elements, steps *step, n int, own, fixed *entry, constants *[6][8]uint64)
TEXT ·walk(SB), NOSPLIT, $0-48
	MOVQ p+0(FP), DI
	MOVQ steps+8(FP), SI
	MOVQ n+16(FP), BX
	MOVQ own+24(FP), R11
	MOVQ fixed+32(FP), R12
	MOVQ constants+40(FP), CX
	CONSTANTS
	VMOVDQU64 256(CX), WITHT
	VMOVDQU64 320(CX), WITHX
	MASKS
	LOAD(DI, Z10, Z11, Z12, Z13, Z14)

step:
	MOVL 0(SI), R8
	TESTQ R8, R8
	JZ add
	VPERMQ $0xFF, Z10, ONE, Z10
	VPERMQ $0xFF, Z11, ONE, Z11
	VPERMQ $0xFF, Z12, ONE, Z12
	VPERMQ $0xFF, Z13, ONE, Z13
	VPERMQ $0xFF, Z14, ONE, Z14

double:
	VMOVDQA64 WITHX, NEXT
	CMPQ R8, $1
	JNE again
	VMOVDQA64 WITHT, NEXT

again:
	DBL(NEXT)
	DECQ R8
	JNZ double

add:
	MOVL 4(SI), AX
	TESTQ AX, AX
	JZ next
	CMPQ AX, $1
	MOVQ R11, AX
	CMOVQNE R12, AX
	MOVL 8(SI), R9
	MOVL 12(SI), R10
	ADDQ AX, R9
	ADDQ AX, R10
	KMOVW 16(SI), K6
	KMOVW 18(SI), K7
	VMOVDQU 0(R9), Y5
	VMOVDQU 32(R9), Y6
	VMOVDQU 64(R9), Y7
	VMOVDQU 96(R9), Y8
	VMOVDQU 128(R9), Y9
	VINSERTI64X4 $1, 0(R10), Z5, Z5
	VINSERTI64X4 $1, 32(R10), Z6, Z6
	VINSERTI64X4 $1, 64(R10), Z7, Z7
	VINSERTI64X4 $1, 96(R10), Z8, Z8
	VINSERTI64X4 $1, 128(R10), Z9, Z9
	VPERMILPD $0x55, Z5, K7, Z5
	VPERMILPD $0x55, Z6, K7, Z6
	VPERMILPD $0x55, Z7, K7, Z7
	VPERMILPD $0x55, Z8, K7, Z8
	VPERMILPD $0x55, Z9, K7, Z9
	ADD(K6)

next:
	ADDQ $20, SI
	DECQ BX
	JNZ step

	FINISH(DI)

// func cache(e, f *entry, p, d *Elements, constants *[6][8]uint64)
TEXT ·cache(SB), NOSPLIT, $0-40
	MOVQ e+0(FP), R9
	MOVQ f+8(FP), R10
	MOVQ p+16(FP), DI
	MOVQ d+24(FP), SI
	MOVQ constants+32(FP), CX
	CONSTANTS
	MASKS
	LOAD(DI, Z10, Z11, Z12, Z13, Z14)
	STAGE
	MUL(0(SI), 64(SI), 128(SI), 192(SI), 256(SI))
	CARRY(Z10, Z11, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19)
	VMOVDQU Y10, 0(R9)
	VMOVDQU Y11, 32(R9)
	VMOVDQU Y12, 64(R9)
	VMOVDQU Y13, 96(R9)
	VMOVDQU Y14, 128(R9)
	VEXTRACTI64X4 $1, Z10, 0(R10)
	VEXTRACTI64X4 $1, Z11, 32(R10)
	VEXTRACTI64X4 $1, Z12, 64(R10)
	VEXTRACTI64X4 $1, Z13, 96(R10)
	VEXTRACTI64X4 $1, Z14, 128(R10)
	VZEROUPPER
	RET

#define SEVEN Z27
#define EIGHT Z26
#define BITS  Z25
#define BIAS  Z24 // where Y+X and Y-X come from: the first or the second table
#define INDEX Z22

// SELECT sets z to limb l of the entries of which INDEX is the number, Y+X, Y-X, 0, 2dT, that are the
// three tables from 0(DX) on.
#define SELECT(l, z) \
	VMOVDQU64  192*l(DX), z                    \
	VPERMT2Q.Z (192*l+64)(DX), INDEX, LOWER, z \
	VPERMQ     (192*l+128)(DX), INDEX, THREE, z

// func comb(p *Elements, k *[4][8]uint64, table *combTable, constants *[9][8]uint64)
TEXT ·comb(SB), NOSPLIT, $0-32
	MOVQ p+0(FP), DI
	MOVQ k+8(FP), SI
	MOVQ table+16(FP), DX
	MOVQ constants+24(FP), CX
	CONSTANTS
	VMOVDQU64 256(CX), SEVEN
	VMOVDQU64 320(CX), EIGHT
	VMOVDQU64 384(CX), BIAS
	MASKS
	LOAD(DI, Z10, Z11, Z12, Z13, Z14)
	MOVQ $4, R9

word:
	VMOVDQU64 (SI), BITS
	MOVQ $8, R8

digit:
	VPANDQ SEVEN, BITS, INDEX
	VPXORQ BIAS, INDEX, INDEX
	VPTESTNMQ EIGHT, BITS, K7 // bit 3 is clear: a negative digit, whose other bits are inverted
	VPXORQ 448(CX), INDEX, K7, INDEX // from the other table
	KANDW K7, UPPER, K6
	KXORW ODD, K6, K6 // lanes 1 and 3, or 1 and 2
	VPSRLQ $8, BITS, BITS
	SELECT(0, Z5)
	SELECT(1, Z6)
	SELECT(2, Z7)
	SELECT(3, Z8)
	SELECT(4, Z9)
	VPORQ 512(CX), Z5, Z5 // 2Z = 2
	ADD(K6)
	ADDQ $960, DX
	DECQ R8
	JNZ digit
	ADDQ $64, SI
	DECQ R9
	JNZ word

	FINISH(DI)
