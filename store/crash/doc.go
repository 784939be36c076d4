// Package crash is the test of the promise: no message key is used twice, no acknowledged message
// is lost, no one-time prekey is consumed twice, whatever is killed and whenever.
//
// Eight processes share one database with the devices of a shop and its customers. They encrypt and
// decrypt whatever they are told, for all of these devices at once, while the test kills them with
// SIGKILL at random instants, and PostgreSQL itself, too. The test plays the network: it repeats,
// reorders and loses nothing, and it keeps the books.
//
//	go test ./crash -crash.messages 200000 -crash.kills 2000 -crash.restarts 20 -timeout 2h -v
//
// Failovers of a cluster are a test of their own, with a primary and a standby on this machine:
//
//	go test ./crash -run Failovers -crash.failovers 50 -crash.replication async -timeout 1h -v
//
// The link is cut, the primary works on alone for a moment, is killed, and the standby takes over.
// The hosts have the shop's device in the database; its customers are outside, lose nothing, and
// notice a key that comes twice. After each failover every conversation has to go both ways, and
// the texts that were acknowledged are compared with those that are there: what is missing is what
// the cluster lost.
//
// What is counted as what:
//
//   - A message is acknowledged when its sender's Encrypt has returned and the test has read the
//     message. It must turn up in the inbox, once and with its text. The inbox is a table of the
//     application's, written in the transaction of the decryption.
//   - A message whose sender was killed before that may be lost, with its key.
//   - A message key is a sender's ratchet key and an index. All messages the test has ever seen must
//     differ in it.
//   - A prekey is consumed when a message of a new session that names it is decrypted. From time to
//     time the test hands one bundle to two customers, whose first messages then race.
//   - Some of the work is on bare rows, with no session; what it saw must be linearizable, operations
//     of killed processes included.
package crash
