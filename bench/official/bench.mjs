// The official client under measurement: a line of JSON in, {op, n, cpu}, a line out, {ns} or {error}.
// n iterations of an operation are done and timed here; without n the operation is forgotten. The
// package is that of interop/official.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import * as ends from './ends.mjs';

const require = createRequire(new URL('../../interop/official/package.json', import.meta.url));
const signal = await import(pathToFileURL(require.resolve('@signalapp/libsignal-client')));
signal.initLogger(signal.LogLevel.Error, () => {});
const { account, carry, Device, established, hear, meet, Watch } = ends.of(signal);

const text = (n) => new Uint8Array(n).fill(0x78);

// loop is an operation whose iteration is f.
const loop = (f) => async (w, n) => {
  w.start();
  for (let i = 0; i < n; i++) await f();
  w.stop();
};

// now is loop of a function that is not asynchronous.
const now = (f) => async (w, n) => {
  w.start();
  for (let i = 0; i < n; i++) f();
  w.stop();
};

async function oneWay(size) {
  const [alice, bob] = await established();
  const t = text(size);
  return loop(() => carry(alice, bob, t));
}

// skipping is a message with n missing before it, then the first of these; the rest comes with the
// watch stopped.
async function skipping(n) {
  const [alice, bob] = await established();
  const t = text(64);
  return async (w, times) => {
    for (let i = 0; i < times; i++) {
      const list = [];
      for (let k = 0; k <= n; k++) list.push(await alice.encrypt(bob, t));
      w.start();
      await hear(alice, bob, list[n]);
      await hear(alice, bob, list[0]);
      w.stop();
      for (let k = 1; k < n; k++) await hear(alice, bob, list[k]);
    }
  };
}

// handshake times both sides or one of them.
function handshake(initiator, responder) {
  const bob = new Device(account(1));
  const t = text(64);
  let visitors = 1;
  return async (w, n) => {
    for (let i = 0; i < n; i++) {
      const alice = new Device(account(++visitors));
      const bundle = await bob.bundle();
      if (initiator) w.start();
      await meet(alice, bob, bundle);
      const m = await alice.encrypt(bob, t);
      if (initiator && !responder) w.stop();
      if (responder && !initiator) w.start();
      await hear(alice, bob, m);
      if (responder) w.stop();
    }
  };
}

const distribution = '5f0e1d2c-0000-4000-8000-000000000001';

async function group() {
  const [alice, bob] = [new Device(account(0)), new Device(account(1))];
  const d = await signal.SenderKeyDistributionMessage.create(alice.address, distribution, alice.senderKeys);
  await signal.processSenderKeyDistributionMessage(alice.address, d, bob.senderKeys);
  const t = text(64);
  return loop(async () => {
    const m = await signal.groupEncrypt(alice.address, distribution, alice.senderKeys, t);
    await signal.groupDecrypt(alice.address, bob.senderKeys, m.serialize());
  });
}

// seal is one upload to n accounts that share their keys, as on the other side of the comparison.
async function seal(n) {
  const [alice, bob] = [new Device(account(0)), new Device(account(1))];
  await signal.SenderKeyDistributionMessage.create(alice.address, distribution, alice.senderKeys);
  const root = signal.PrivateKey.generate();
  const issuer = signal.PrivateKey.generate();
  const server = signal.ServerCertificate.new(1, issuer.getPublicKey(), root);
  const certificate = signal.SenderCertificate.new(
    alice.address.name(), null, 1, alice.identity.getPublicKey(), Date.now() + 86400000, server, issuer,
  );
  const bundle = await bob.bundle();
  const recipients = [];
  for (let i = 1; i <= n; i++) {
    recipients.push(account(i));
    await meet(alice, { address: account(i) }, bundle);
  }
  const t = text(64);
  return loop(async () => {
    const inner = await signal.groupEncrypt(alice.address, distribution, alice.senderKeys, t);
    const content = signal.UnidentifiedSenderMessageContent.new(inner, certificate, 0, null);
    await signal.sealedSenderMultiRecipientEncrypt({
      content, recipients, identityStore: alice.identities, sessionStore: alice.sessions,
    });
  });
}

// record is a session a quarter of an epoch after the beginning of one.
async function record() {
  const [alice, bob] = await established();
  for (let i = 0; i < 9; i++) {
    await carry(alice, bob, text(64));
    await carry(bob, alice, text(64));
  }
  return alice.sessions.getSession(bob.address);
}

const own = signal.PrivateKey.generate();
const other = signal.PrivateKey.generate().getPublicKey();
const message = text(64);
const signature = own.sign(message);
const publicKey = own.getPublicKey();

const operations = {
  'one-way-64': () => oneWay(64),
  'one-way-1k': () => oneWay(1 << 10),
  'one-way-64k': () => oneWay(64 << 10),
  async 'ping-pong'() {
    const [alice, bob] = await established();
    const t = text(64);
    return loop(async () => {
      await carry(alice, bob, t);
      await carry(bob, alice, t);
    });
  },
  async 'burst-10'() {
    let [from, to] = await established();
    const t = text(64);
    return loop(async () => {
      for (let i = 0; i < 10; i++) await carry(from, to, t);
      [from, to] = [to, from];
    });
  },
  handshake: () => handshake(true, true),
  'handshake-initiator': () => handshake(true, false),
  'handshake-responder': () => handshake(false, true),
  'out-of-order-1': () => skipping(1),
  'out-of-order-100': () => skipping(100),
  'out-of-order-2000': () => skipping(2000),
  'group-64': group,
  'seal-1': () => seal(1),
  'seal-10': () => seal(10),
  'seal-100': () => seal(100),
  'seal-1000': () => seal(1000),
  async 'record-decode'() {
    const b = (await record()).serialize();
    return now(() => signal.SessionRecord.deserialize(b));
  },
  async 'record-encode'() {
    const r = await record();
    return now(() => r.serialize());
  },
  x25519: () => now(() => own.agree(other)),
  keygen: () => now(() => signal.PrivateKey.generate().getPublicKey()),
  'xeddsa-sign': () => now(() => own.sign(message)),
  'xeddsa-verify': () => now(() => publicKey.verify(message, signature)),
  'boundary-sync'() {
    const a = account(0);
    return now(() => a.deviceId());
  },
  'boundary-async'() {
    const [alice, bob] = [new Device(account(0)), new Device(account(1))];
    return loop(() => alice.encrypt(bob, message).then(
      () => { throw new Error('there should be no session'); },
      () => {},
    ));
  },
};

const open = new Map(); // what was made ready, by name

async function answer({ op, n, cpu }) {
  if (!n) {
    open.delete(op);
    return { ns: 0 };
  }
  if (!Object.hasOwn(operations, op)) throw new Error(`no operation ${op}`);
  if (!open.has(op)) open.set(op, await operations[op]());
  // As on the other side, no sample inherits garbage, and nobody else's time is spent on ours.
  globalThis.gc?.();
  const w = new Watch(cpu);
  await open.get(op)(w, n);
  globalThis.gc?.();
  return { ns: w.nanos() };
}

for await (const line of createInterface({ input: process.stdin })) {
  let a;
  try {
    a = await answer(JSON.parse(line));
  } catch (e) {
    a = { ns: 0, error: String(e?.stack ?? e) };
  }
  process.stdout.write(`${JSON.stringify(a)}\n`);
}
