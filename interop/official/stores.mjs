// The stores of one device behind the official client: everything is kept as bytes in maps, so that a
// snapshot is a copy of the maps and a failed operation can be taken back whole.

import * as signal from '@signalapp/libsignal-client';
import { Failure } from './args.mjs';

const key = (address) => `${address.deviceId()} ${address.name()}`;

export class Sessions extends signal.SessionStore {
  rows = new Map();
  async saveSession(address, record) {
    this.rows.set(key(address), record.serialize());
  }
  async getSession(address) {
    const row = this.rows.get(key(address));
    return row === undefined ? null : signal.SessionRecord.deserialize(row);
  }
  async getExistingSessions(addresses) {
    return Promise.all(
      addresses.map(async (a) => {
        const record = await this.getSession(a);
        if (record === null) throw new Failure('no-session', `session with ${a.toString()} not found`);
        return record;
      }),
    );
  }
  remove(address) {
    this.rows.delete(key(address));
  }
}

// The first key of an address is trusted, another one is not.
export class Identities extends signal.IdentityKeyStore {
  rows = new Map();
  constructor(identity, registrationId) {
    super();
    this.identity = identity;
    this.registrationId = registrationId;
  }
  async getIdentityKey() {
    return this.identity;
  }
  async getLocalRegistrationId() {
    return this.registrationId;
  }
  async saveIdentity(address, identity) {
    const known = await this.getIdentity(address);
    this.rows.set(key(address), identity.serialize());
    return known === null || known.equals(identity)
      ? signal.IdentityChange.NewOrUnchanged
      : signal.IdentityChange.ReplacedExisting;
  }
  async isTrustedIdentity(address, identity, _direction) {
    const known = await this.getIdentity(address);
    return known === null || known.equals(identity);
  }
  async getIdentity(address) {
    const row = this.rows.get(key(address));
    return row === undefined ? null : signal.PublicKey.deserialize(row);
  }
}

function prekey(rows, kind, id) {
  const row = rows.get(id);
  if (row === undefined) throw new Error(`invalid ${kind} identifier`);
  return row;
}

export class PreKeys extends signal.PreKeyStore {
  rows = new Map();
  async savePreKey(id, record) {
    this.rows.set(id, record.serialize());
  }
  async getPreKey(id) {
    return signal.PreKeyRecord.deserialize(prekey(this.rows, 'prekey', id));
  }
  async removePreKey(id) {
    this.rows.delete(id);
  }
}

export class SignedPreKeys extends signal.SignedPreKeyStore {
  rows = new Map();
  async saveSignedPreKey(id, record) {
    this.rows.set(id, record.serialize());
  }
  async getSignedPreKey(id) {
    return signal.SignedPreKeyRecord.deserialize(prekey(this.rows, 'signed prekey', id));
  }
}

// A one-time Kyber prekey goes when it is used. The last resort stays, and remembers with which
// signed prekey and base key it was used.
export class KyberPreKeys extends signal.KyberPreKeyStore {
  rows = new Map();
  lastResort = new Set();
  used = new Set();
  async saveKyberPreKey(id, record) {
    this.rows.set(id, record.serialize());
  }
  async getKyberPreKey(id) {
    return signal.KyberPreKeyRecord.deserialize(prekey(this.rows, 'Kyber prekey', id));
  }
  async markKyberPreKeyUsed(id, signedId, baseKey) {
    if (!this.lastResort.has(id)) {
      this.rows.delete(id);
      return;
    }
    const mark = `${id} ${signedId} ${Buffer.from(baseKey.serialize()).toString('hex')}`;
    if (this.used.has(mark)) throw new Error('reused base key');
    this.used.add(mark);
  }
}

export class SenderKeys extends signal.SenderKeyStore {
  rows = new Map();
  async saveSenderKey(sender, distributionId, record) {
    this.rows.set(`${distributionId} ${key(sender)}`, record.serialize());
  }
  async getSenderKey(sender, distributionId) {
    const row = this.rows.get(`${distributionId} ${key(sender)}`);
    return row === undefined ? null : signal.SenderKeyRecord.deserialize(row);
  }
}

// A Device is an address, an identity and the stores of both.
export class Device {
  constructor(address, identity, registrationId) {
    this.address = address;
    this.identity = identity;
    this.sessions = new Sessions();
    this.identities = new Identities(identity, registrationId);
    this.prekeys = new PreKeys();
    this.signed = new SignedPreKeys();
    this.kyber = new KyberPreKeys();
    this.senderKeys = new SenderKeys();
    this.nextId = 1 + Math.floor(Math.random() * 0xf00000); // a device made anew shares no ids with the old one
    this.current = null; // the ids of the signed prekey and of the last-resort Kyber prekey
  }

  // atomic runs f and takes every write back if it fails. The official client writes some rows (a
  // peer's identity) before it can know that the operation succeeds.
  async atomic(f) {
    const stores = [this.sessions, this.identities, this.prekeys, this.signed, this.kyber, this.senderKeys];
    const rows = stores.map((s) => new Map(s.rows));
    const [last, used] = [new Set(this.kyber.lastResort), new Set(this.kyber.used)];
    const { nextId, current } = this;
    try {
      return await f();
    } catch (e) {
      stores.forEach((s, i) => (s.rows = rows[i]));
      this.kyber.lastResort = last;
      this.kyber.used = used;
      this.nextId = nextId;
      this.current = current;
      throw e;
    }
  }

  async #makeKyber(lastResort) {
    const id = this.nextId++;
    const pair = signal.KEMKeyPair.generate();
    const signature = this.identity.sign(pair.getPublicKey().serialize());
    await this.kyber.saveKyberPreKey(id, signal.KyberPreKeyRecord.new(id, Date.now(), pair, signature));
    if (lastResort) this.kyber.lastResort.add(id);
    return id;
  }

  async #makeSigned() {
    const id = this.nextId++;
    const key = signal.PrivateKey.generate();
    const signature = this.identity.sign(key.getPublicKey().serialize());
    await this.signed.saveSignedPreKey(
      id,
      signal.SignedPreKeyRecord.new(id, Date.now(), key.getPublicKey(), key, signature),
    );
    return id;
  }

  // bundle returns what a directory hands to one initiator: the current signed prekey, and a one-time
  // prekey and a one-time Kyber prekey of their own or, without oneTime, the last resort alone.
  async bundle(oneTime) {
    this.current ??= { signed: await this.#makeSigned(), lastResort: await this.#makeKyber(true) };
    const signed = await this.signed.getSignedPreKey(this.current.signed);
    const kyber = await this.kyber.getKyberPreKey(
      oneTime ? await this.#makeKyber(false) : this.current.lastResort,
    );
    if (!oneTime) return { signed, kyber, prekey: null };
    const id = this.nextId++;
    const key = signal.PrivateKey.generate();
    const record = signal.PreKeyRecord.new(id, key.getPublicKey(), key);
    await this.prekeys.savePreKey(id, record);
    return { signed, kyber, prekey: record };
  }
}
