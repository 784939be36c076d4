//go:build !purego

#include "textflag.h"
#include "field_amd64.h"

// What follows is half as wide, for elements 0 to 3: squares wait for each other, and for registers of
// half the width there are three ports instead of two.
#define Z0 Y0
#define Z1 Y1
#define Z2 Y2
#define Z3 Y3
#define Z4 Y4
#define Z5 Y5
#define Z6 Y6
#define Z7 Y7
#define Z8 Y8
#define Z9 Y9
#define Z10 Y10
#define Z11 Y11
#define Z12 Y12
#define Z13 Y13
#define Z14 Y14
#define Z15 Y15
#define Z16 Y16
#define Z17 Y17
#define Z18 Y18
#define Z19 Y19
#define Z20 Y20
#define Z21 Y21
#define Z22 Y22
#define Z23 Y23
#define Z30 Y30
#define Z31 Y31

// func chain(z, x, y *Elements, n int, constants *[6][8]uint64)
TEXT ·chain(SB), NOSPLIT, $0-40
	MOVQ z+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ y+16(FP), DX
	MOVQ n+24(FP), BX
	MOVQ constants+32(FP), CX
	VMOVDQU64 0(CX), MASK
	VMOVDQU64 64(CX), C19
	LOAD(SI, Z0, Z1, Z2, Z3, Z4)
	TESTQ BX, BX
	JZ multiply

square:
	SQR
	CARRYTO(Z10, Z11, Z12, Z13, Z14, Z0, Z1, Z2, Z3, Z4, Z15, Z16, Z17, Z18, Z19)
	DECQ BX
	JNZ square

multiply:
	MUL(0(DX), 64(DX), 128(DX), 192(DX), 256(DX))
	FINISH(DI)
