// Package taint shows that code does not branch on secrets, and does not use them as addresses.
// Secrets are marked as undefined for valgrind's memcheck, which follows them through registers and
// memory and reports both. The program in watched runs the primitives under it; the one in run
// starts that program twice, with secrets marked and without, and holds what is reported with marks
// alone against docs/taint.txt.
//
// The requests need the build tag valgrind, on Linux and AMD64. Then the runtime of Go describes
// its memory, too.
package taint
