// Package tlog is the append-only log in which a business publishes that it made a statement about
// its custody, without saying what it stated or to whom.
//
// It is a Merkle tree as in RFC 6962, with the hashes and proofs of [golang.org/x/mod/sumdb/tlog],
// and checkpoints that are signed notes: the log's name, its size and its root hash, on a line
// each, signed by the log and cosigned by witnesses (C2SP tlog-checkpoint and cosignature/v1).
//
// An [Entry] is 64 bytes: a tag and a leaf, both salted hashes. Those who know the salt recognise
// the entries of their own chain of statements, so that a statement which was published and then
// withheld is missed; to others they are random.
//
// A [View] is what a client remembers. It accepts a newer checkpoint only with a proof that nothing
// before was changed and only after it has seen every new entry; and it compares checkpoints with
// those that others saw. Two that cannot be of one log give a [Fork], which convinces anybody who
// has the log's key.
//
// # Concurrency
//
// A Log and a Witness are safe for concurrent use, a View is not. Keys, checkpoints and proofs are
// not modified.
package tlog
