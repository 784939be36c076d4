// Package notice is how a business tells its customers who holds the keys of their conversations,
// so that they can believe it.
//
// A business has a custody root key ([RootKey]) that it makes and keeps where no provider is. With
// it, it signs a chain of statements: who was granted what, how, from when, until when. A
// [Business] numbers and links them and delivers them inside the conversation; a [Customer]
// verifies each and is a state machine that says what can be shown: [State] and its Text.
//
// What the state says follows from the grants in the statement, under the rules by which the
// protocol derives keys ([Powers]), and never from the label or the words of the business. It fails
// closed. "Encrypted" is said only while a statement that names nobody is in force, nothing that
// was granted before still works, nothing that came in between failed a check, and the log, if
// there is one, was asked lately and shows no statement that has not come.
//
// Two statements where there can be one, and two histories of one log, can be proved to anybody:
// [Equivocation] and tlog.Fork.
//
// The profile in which the identity key signs instead ([SignByIdentity]) is here to be compared
// with: a provider that holds the identity key can sign any such notice, so a state that rests on
// one says so and is never "encrypted".
//
// # What is not claimed
//
// A business that hands its secrets over and publishes nothing is not detected by anything here, as
// long as whoever holds them acts only as the business would. A log whose witnesses all lie shows
// what it likes to those who do not gossip. The first root key that a customer sees is believed,
// unless she compares its Number. After a revocation, "counting chains" takes for granted that a
// holder of chain keys alone cannot make new chains; whoever had more is only rid of by a fresh
// session and, if it had the identity key, by a new one.
//
// # Concurrency
//
// Keys, statements, certificates and proofs are immutable. A Business and a Customer are records of
// their owner and not safe for concurrent use. Slices that are passed in are neither kept nor
// modified.
package notice
