// Package lanes is arithmetic on Curve25519 with AVX-512 IFMA: eight elements of the field beside
// each other, two points of four coordinates each. It has the Montgomery ladder, multiples of the
// base point on the Edwards curve, and the equation that a signature has to satisfy. Packages
// x25519 and xeddsa use it where [Usable] says that they can, which is on no other architecture
// than amd64 and never with the build tag purego: there is nothing in the package then. Decision
// 017 has the methods and their bounds.
//
// Nothing allocates, and scalars are handled in constant time unless a comment says otherwise.
package lanes
