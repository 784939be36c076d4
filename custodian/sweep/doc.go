// Package sweep asks how much is given away over many conversations: over delegation × instant ×
// reply pattern × loss × revocation.
//
// A [Plan] names the axes. [Run] plays every cell of its grids a number of times and returns a
// [Result] of counts, which marshals to JSON, CSV and a table. There are two engines:
//
//   - evaluate writes a scenario for each repetition and has custodian.Evaluate judge it, with real
//     devices, the rule book and the adversary. It takes any delegation.
//   - counters follows both ends of a conversation by some ten counters: the ratchet turn, and the phase,
//     the epoch and the chunks of the braid. It knows one delegation, the copy of a whole session, and
//     takes nanoseconds a message, so that long conversations and populations of them can be counted. Tests
//     show that its turns, phases and epochs are those of the real ratchets, and that what it calls
//     readable is what Evaluate calls readable.
//
// [Closed] has the expectations that follow without any playing, for conversations whose next
// speaker does not depend on the last (custody B9).
//
// # Randomness
//
// Every draw is a function of the plan's seed, the names in the cell, the repetition and the number
// of the message. A result is a function of its plan: the number of workers changes nothing.
//
// # What is not claimed
//
// Time is counted in messages. Nothing arrives late: a message arrives at once or never.
// Conversations have one session, begun by the customer, unless a revocation renews it.
package sweep
