// The official client behind the peer protocol: one JSON object a line in, one a line out, in order.
// An error of the official client is answered with the name and number of its ErrorCode and its own
// text; the Go driver has the table that turns those into the protocol's words.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import * as signal from '@signalapp/libsignal-client';
import {
  address, base64, boolean, bytes, Failure, has, optional, privateKey, publicKey, string, uint32,
} from './args.mjs';
import { keyless as sealed, onDevice as sealedOnDevice } from './sealed.mjs';
import { Device } from './stores.mjs';

signal.initLogger(signal.LogLevel.Error, () => {});

const devices = new Map(); // by handle

const manifest = new URL('node_modules/@signalapp/libsignal-client/package.json', import.meta.url);

const keyless = {
  ...sealed,
  version: () => ({ version: `libsignal-client ${JSON.parse(readFileSync(manifest)).version}` }),
  device(r) {
    const h = string(r, 'h');
    const self = signal.ProtocolAddress.new(string(r, 'uuid'), uint32(r, 'deviceId'));
    const protocol = optional(r, 'protocol', uint32, 4);
    if (protocol === 3) throw new Failure('unsupported-version', 'the official client begins no X3DH session');
    if (protocol !== 4) throw new Failure('invalid-argument', 'protocol: neither 3 nor 4');
    const identity = optional(r, 'identity', privateKey) ?? signal.PrivateKey.generate();
    const registrationId = optional(r, 'registrationId', uint32, 1 + Math.floor(Math.random() * 16380));
    devices.set(h, new Device(self, identity, registrationId));
    return { identity: base64(identity.getPublicKey().serialize()), registrationId };
  },
  fingerprint(r) {
    const f = signal.Fingerprint.new(
      5200, 2, bytes(r, 'localId'), publicKey(r, 'localKey'), bytes(r, 'remoteId'), publicKey(r, 'remoteKey'),
    );
    return {
      display: f.displayableFingerprint().toString(),
      scan: base64(f.scannableFingerprint().toBuffer()),
    };
  },
  sign: (r) => ({ signature: base64(privateKey(r, 'key').sign(bytes(r, 'message'))) }),
  verify: (r) => ({ valid: publicKey(r, 'key').verify(bytes(r, 'message'), bytes(r, 'signature')) }),
  agree: (r) => ({ secret: base64(privateKey(r, 'key').agree(publicKey(r, 'public'))) }),
};

const onDevice = {
  ...sealedOnDevice,
  async bundle(d, r) {
    const { signed, kyber, prekey } = await d.bundle(boolean(r, 'oneTime', true));
    const b = {
      registrationId: d.identities.registrationId,
      deviceId: d.address.deviceId(),
      identity: base64(d.identity.getPublicKey().serialize()),
      signedPreKeyId: signed.id(),
      signedPreKey: base64(signed.publicKey().serialize()),
      signedPreKeySignature: base64(signed.signature()),
      kyberPreKeyId: kyber.id(),
      kyberPreKey: base64(kyber.publicKey().serialize()),
      kyberPreKeySignature: base64(kyber.signature()),
    };
    return prekey === null ? b : { ...b, preKeyId: prekey.id(), preKey: base64(prekey.publicKey().serialize()) };
  },
  async process(d, r) {
    await signal.processPreKeyBundle(parseBundle(r), address(r, 'to'), d.address, d.sessions, d.identities);
    return {};
  },
  async encrypt(d, r) {
    const m = await signal.signalEncrypt(
      bytes(r, 'plaintext'), address(r, 'to'), d.address, d.sessions, d.identities,
    );
    return { type: m.type(), message: base64(m.serialize()) };
  },
  async decrypt(d, r) {
    const from = address(r, 'from');
    const message = bytes(r, 'message');
    return { plaintext: base64(await decrypt(d, from, uint32(r, 'type'), message)) };
  },
  async archive(d, r) {
    const to = address(r, 'to');
    const record = await d.sessions.getSession(to);
    if (record !== null) {
      record.archiveCurrentState();
      await d.sessions.saveSession(to, record);
    }
    return {};
  },
  async session(d, r) {
    const record = await d.sessions.getSession(address(r, 'to'));
    return { record: record === null ? null : base64(record.serialize()) };
  },
  async setSession(d, r) {
    const to = address(r, 'to');
    const record = r.record === null ? [] : bytes(r, 'record');
    if (record.length === 0) {
      d.sessions.remove(to);
      return {};
    }
    await d.sessions.saveSession(to, signal.SessionRecord.deserialize(record));
    const remote = remoteIdentity(record); // as whoever has the session has accepted its identity
    if (remote !== null) {
      if (!(await d.identities.isTrustedIdentity(to, remote))) {
        throw new Failure('untrusted-identity', 'the record is of another identity');
      }
      await d.identities.saveIdentity(to, remote);
    }
    return {};
  },
};

// remoteIdentity returns the peer's key in the current session of a RecordStructure (its fields 1, 3).
function remoteIdentity(record) {
  const current = lastField(record, 1);
  const identity = current === null ? null : lastField(current, 3);
  return identity === null ? null : signal.PublicKey.deserialize(identity);
}

// lastField returns the bytes of a field of a protobuf that has parsed already, null if there is none.
function lastField(b, number) {
  let at = 0;
  let found = null;
  const varint = () => {
    let n = 0;
    for (let scale = 1; ; scale *= 128) {
      const v = b[at++];
      n += (v & 127) * scale;
      if (v < 128) return n;
    }
  };
  while (at < b.length) {
    const tag = varint();
    switch (tag % 8) {
      case 0: varint(); break;
      case 1: at += 8; break;
      case 5: at += 4; break;
      case 2: {
        const n = varint();
        if (tag === number * 8 + 2) found = b.subarray(at, at + n);
        at += n;
        break;
      }
      default: return null; // groups are not written
    }
  }
  return found;
}

function parseBundle(r) {
  const b = r.bundle;
  if (b === undefined || b === null || typeof b !== 'object') throw new Failure('invalid-argument', 'bundle: missing');
  if (has(b, 'preKey') !== has(b, 'preKeyId')) throw new Failure('invalid-argument', 'bundle: half a prekey');
  const classic = [
    uint32(b, 'registrationId'), uint32(b, 'deviceId'),
    optional(b, 'preKeyId', uint32), optional(b, 'preKey', publicKey),
    uint32(b, 'signedPreKeyId'), publicKey(b, 'signedPreKey'), bytes(b, 'signedPreKeySignature'),
    publicKey(b, 'identity'),
  ];
  if (!has(b, 'kyberPreKey')) throw new Failure('unsupported-version', 'bundle: no Kyber prekey');
  return signal.PreKeyBundle.new(
    ...classic,
    uint32(b, 'kyberPreKeyId'), signal.KEMPublicKey.deserialize(bytes(b, 'kyberPreKey')),
    bytes(b, 'kyberPreKeySignature'),
  );
}

async function decrypt(d, from, type, message) {
  switch (type) {
    case signal.CiphertextMessageType.Whisper:
      return signal.signalDecrypt(
        signal.SignalMessage.deserialize(message), from, d.address, d.sessions, d.identities,
      );
    case signal.CiphertextMessageType.PreKey:
      return signal.signalDecryptPreKey(
        signal.PreKeySignalMessage.deserialize(message), from, d.address,
        d.sessions, d.identities, d.prekeys, d.signed, d.kyber,
      );
  }
  throw new Failure('invalid-argument', 'type: neither 2 nor 3');
}

async function answer(r) {
  const op = string(r, 'op');
  if (Object.hasOwn(keyless, op)) return keyless[op](r);
  if (!Object.hasOwn(onDevice, op)) throw new Failure('unknown-op', `op: ${JSON.stringify(op)}`);
  const d = devices.get(string(r, 'h'));
  if (d === undefined) throw new Failure('invalid-argument', 'h: no such device');
  return d.atomic(() => onDevice[op](d, r));
}

function failure(e) {
  if (e instanceof Failure) return { ok: false, error: e.word, message: e.message };
  return {
    ok: false,
    error: signal.ErrorCode[e?.code] ?? e?.name ?? 'Error',
    code: e?.code ?? null,
    message: String(e?.message ?? e),
  };
}

async function respond(line) {
  let r = null;
  let a;
  try {
    r = JSON.parse(line);
    if (r === null || typeof r !== 'object' || Array.isArray(r)) throw new Error('not an object');
  } catch (e) {
    return { ok: false, error: 'invalid-argument', message: `not a request: ${e.message}` };
  }
  try {
    a = { ok: true, ...(await answer(r)) };
  } catch (e) {
    a = failure(e);
  }
  return r.id === undefined ? a : { id: r.id, ...a };
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  if (line.trim() === '') continue;
  process.stdout.write(JSON.stringify(await respond(line)) + '\n');
}
