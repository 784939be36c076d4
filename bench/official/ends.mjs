// Devices of the official client with its session objects live in maps: the least work that its store
// interface allows. Nothing is written back on failure, because nothing fails here.

export function of(signal) {
  const key = (a) => `${a.deviceId()} ${a.name()}`;

  class Sessions extends signal.SessionStore {
    rows = new Map();
    async saveSession(a, record) { this.rows.set(key(a), record); }
    async getSession(a) { return this.rows.get(key(a)) ?? null; }
    async getExistingSessions(all) { return all.map((a) => this.rows.get(key(a))); }
  }

  class Identities extends signal.IdentityKeyStore {
    rows = new Map();
    constructor(identity) {
      super();
      this.identity = identity;
    }
    async getIdentityKey() { return this.identity; }
    async getLocalRegistrationId() { return 1; }
    async saveIdentity(a, k) {
      this.rows.set(key(a), k);
      return signal.IdentityChange.NewOrUnchanged;
    }
    async isTrustedIdentity(a, k) { return this.rows.get(key(a))?.equals(k) ?? true; }
    async getIdentity(a) { return this.rows.get(key(a)) ?? null; }
  }

  class PreKeys extends signal.PreKeyStore {
    rows = new Map();
    async savePreKey(id, record) { this.rows.set(id, record); }
    async getPreKey(id) { return this.rows.get(id); }
    async removePreKey(id) { this.rows.delete(id); }
  }

  class SignedPreKeys extends signal.SignedPreKeyStore {
    rows = new Map();
    async saveSignedPreKey(id, record) { this.rows.set(id, record); }
    async getSignedPreKey(id) { return this.rows.get(id); }
  }

  class KyberPreKeys extends signal.KyberPreKeyStore {
    rows = new Map();
    async saveKyberPreKey(id, record) { this.rows.set(id, record); }
    async getKyberPreKey(id) { return this.rows.get(id); }
    async markKyberPreKeyUsed(id) { this.rows.delete(id); }
  }

  class SenderKeys extends signal.SenderKeyStore {
    rows = new Map();
    async saveSenderKey(a, distribution, record) { this.rows.set(`${distribution} ${key(a)}`, record); }
    async getSenderKey(a, distribution) { return this.rows.get(`${distribution} ${key(a)}`) ?? null; }
  }

  class Device {
    #next = 1;
    #signed = null;
    constructor(address) {
      this.address = address;
      this.identity = signal.PrivateKey.generate();
      this.sessions = new Sessions();
      this.identities = new Identities(this.identity);
      this.prekeys = new PreKeys();
      this.signed = new SignedPreKeys();
      this.kyber = new KyberPreKeys();
      this.senderKeys = new SenderKeys();
    }

    // bundle has a one-time prekey and a one-time Kyber prekey of its own.
    async bundle() {
      if (this.#signed === null) {
        const k = signal.PrivateKey.generate();
        const signature = this.identity.sign(k.getPublicKey().serialize());
        this.#signed = signal.SignedPreKeyRecord.new(1, Date.now(), k.getPublicKey(), k, signature);
        await this.signed.saveSignedPreKey(1, this.#signed);
      }
      const id = ++this.#next;
      const one = signal.PrivateKey.generate();
      await this.prekeys.savePreKey(id, signal.PreKeyRecord.new(id, one.getPublicKey(), one));
      const pair = signal.KEMKeyPair.generate();
      const signature = this.identity.sign(pair.getPublicKey().serialize());
      await this.kyber.saveKyberPreKey(id, signal.KyberPreKeyRecord.new(id, Date.now(), pair, signature));
      return signal.PreKeyBundle.new(
        1, this.address.deviceId(), id, one.getPublicKey(),
        1, this.#signed.publicKey(), this.#signed.signature(), this.identity.getPublicKey(),
        id, pair.getPublicKey(), signature,
      );
    }

    // encrypt returns what goes over the wire.
    async encrypt(to, plaintext) {
      const m = await signal.signalEncrypt(plaintext, to.address, this.address, this.sessions, this.identities);
      return { type: m.type(), body: m.serialize() };
    }

    async decrypt(from, m) {
      if (m.type === signal.CiphertextMessageType.Whisper) {
        return signal.signalDecrypt(
          signal.SignalMessage.deserialize(m.body), from.address, this.address, this.sessions, this.identities,
        );
      }
      return signal.signalDecryptPreKey(
        signal.PreKeySignalMessage.deserialize(m.body), from.address, this.address,
        this.sessions, this.identities, this.prekeys, this.signed, this.kyber,
      );
    }
  }

  // account is the address of the i-th account.
  const account = (i) => signal.ProtocolAddress.new(
    `9d0652a3-dcc3-4d11-975f-74d6159${i.toString(16).padStart(5, '0')}`, 1,
  );

  const meet = (from, to, bundle) =>
    signal.processPreKeyBundle(bundle, to.address, from.address, from.sessions, from.identities);

  const hear = async (from, to, m) => {
    await to.decrypt(from, m);
  };

  const carry = async (from, to, plaintext) => hear(from, to, await from.encrypt(to, plaintext));

  // established is a session in which each end has heard from the other twice.
  const established = async () => {
    const [alice, bob] = [new Device(account(0)), new Device(account(1))];
    await meet(alice, bob, await bob.bundle());
    const hello = new Uint8Array(5);
    for (let i = 0; i < 2; i++) {
      await carry(alice, bob, hello);
      await carry(bob, alice, hello);
    }
    return [alice, bob];
  };

  // A Watch adds up the time between start and stop, of the clock or of the processor.
  class Watch {
    #ns = 0n;
    #began = 0n;
    constructor(cpu) {
      this.read = cpu
        ? () => { const u = process.cpuUsage(); return BigInt(u.user + u.system) * 1000n; }
        : () => process.hrtime.bigint();
    }
    start() { this.#began = this.read(); }
    stop() { this.#ns += this.read() - this.#began; }
    nanos() { return Number(this.#ns); }
  }

  return { account, carry, Device, established, hear, meet, Watch };
}
