// Package adversary holds two judges of the rule that a user has one identity on every path, as
// tests over the exported API of sessions, users, envelopes and groups:
//
//   - a matrix of every entry point and every attack on who is who, where an entry point without a
//     row fails;
//   - a model of a service that runs the directory, the certificates, the delivery and the clock,
//     and devices of its own under its users' names, against honest code on every other device.
//
// docs/threat-model.md says in words what they show.
package adversary
