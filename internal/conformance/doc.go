// Package conformance holds the primitives against Project Wycheproof's test vectors: the corners
// where implementations have gone wrong. It is a module of its own, so that who uses the library
// does not fetch a hundred megabytes of vectors.
package conformance
