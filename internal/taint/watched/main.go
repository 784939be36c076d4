//go:build valgrind && linux && amd64

// Watched runs a primitive on secrets that memcheck watches: "watched marked NAME". With plain in
// the place of marked nothing is marked; "watched list" prints the names. A program for each of
// them, because memcheck reports what it has seen before, judged by the two innermost functions,
// only once.
package main

import (
	"fmt"
	"os"

	"signet.example/signet/internal/taint"
)

// marked tells whether secrets are marked.
var marked = len(os.Args) > 1 && os.Args[1] == "marked"

// secret marks what nobody may learn.
func secret(parts ...[]byte) {
	for _, b := range parts {
		if marked {
			taint.Secret(b)
		}
	}
}

// public takes the mark off what the protocol gives away.
func public(parts ...[]byte) {
	for _, b := range parts {
		taint.Public(b)
	}
}

func main() {
	for _, c := range cases {
		switch {
		case len(os.Args) == 2 && os.Args[1] == "list":
			fmt.Println(c.name)
		case len(os.Args) == 3 && os.Args[2] == c.name:
			watch(c.run)
		}
	}
}

func watch(run func()) {
	if !taint.Watched() {
		fmt.Fprintln(os.Stderr, "watched: not under valgrind")
		os.Exit(2)
	}
	for range 2 { // what is allocated once is there the second time
		run()
	}
	os.Stderr.WriteString("** end\n")
}

// bytes returns n bytes that look like a secret and are the same each time.
func bytes(n int, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		seed = seed*167 + byte(i) + 13
		b[i] = seed ^ byte(i>>8)
	}
	return b
}
