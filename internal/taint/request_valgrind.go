//go:build valgrind && linux && amd64

package taint

import "unsafe"

// request makes a client request of valgrind: a word that names it, and five arguments. Outside
// valgrind it is zero.
//
//go:noescape
func request(args *[6]uintptr) uintptr

// Requests of valgrind, and of its tool memcheck.
const (
	runningOnValgrind = 0x1001
	countErrors       = 0x1201
	makeUndefined     = 'M'<<24 | 'C'<<16 | 1
	makeDefined       = 'M'<<24 | 'C'<<16 | 2
)

// Watched reports whether the program runs under memcheck.
func Watched() bool { return request(&[6]uintptr{runningOnValgrind}) > 0 }

// Errors returns how many errors memcheck has counted, those that are suppressed apart.
func Errors() int { return int(request(&[6]uintptr{countErrors})) }

// Secret marks b as undefined: memcheck reports each branch and each address that depends on it.
func Secret(b []byte) {
	if len(b) > 0 {
		request(&[6]uintptr{makeUndefined, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b))})
	}
}

// Public marks b as defined again: what it holds may be known.
func Public(b []byte) {
	if len(b) > 0 {
		request(&[6]uintptr{makeDefined, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b))})
	}
}
