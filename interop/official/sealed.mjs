// The operations on certificates, sealed sender and sender keys.

import * as signal from '@signalapp/libsignal-client';
import Upload from '@signalapp/libsignal-client/dist/SealedSenderMultiRecipientMessage.js';
import {
  address, base64, bytes, Failure, has, list, number, optional, publicKey, string, uint32, uuid,
} from './args.mjs';

const roots = new Map(); // by name: the trust roots that this peer made

// root accepts the name of a root made here or the public key of one made elsewhere.
function root(r) {
  const made = roots.get(string(r, 'root'));
  return made === undefined ? publicKey(r, 'root') : made.root.getPublicKey();
}

const time = (r, name) => number(r, name, Number.MAX_SAFE_INTEGER);
const certificate = (r) => signal.SenderCertificate.deserialize(bytes(r, 'cert'));

export const keyless = {
  trustRoot(r) {
    const name = string(r, 'root');
    const made = { root: signal.PrivateKey.generate(), server: signal.PrivateKey.generate() };
    made.cert = signal.ServerCertificate.new(
      optional(r, 'keyId', uint32, 1), made.server.getPublicKey(), made.root,
    );
    roots.set(name, made);
    return {
      root: base64(made.root.getPublicKey().serialize()),
      rootPrivate: base64(made.root.serialize()),
      server: base64(made.cert.serialize()),
      serverPrivate: base64(made.server.serialize()),
    };
  },
  senderCert(r) {
    const made = roots.get(string(r, 'root'));
    if (made === undefined) throw new Failure('invalid-argument', 'root: unknown');
    const cert = signal.SenderCertificate.new(
      string(r, 'uuid'), optional(r, 'e164', string), uint32(r, 'deviceId'), publicKey(r, 'identity'),
      time(r, 'expiration'), made.cert, made.server,
    );
    return { cert: base64(cert.serialize()) };
  },
  checkCert(r) {
    return { valid: certificate(r).validate(root(r), time(r, 'now')) };
  },
  splitMulti(r) {
    const message = new Upload(bytes(r, 'message'));
    const recipients = {};
    for (const [uuid, to] of Object.entries(message.recipientsByServiceIdString())) {
      recipients[uuid] = {
        deviceIds: Array.from(to.deviceIds),
        registrationIds: Array.from(to.registrationIds),
        message: base64(message.messageForRecipient(to)),
      };
    }
    return { recipients };
  },
};

export const onDevice = {
  async seal(d, r) {
    const message = await signal.sealedSenderEncryptMessage(
      bytes(r, 'plaintext'), address(r, 'to'), certificate(r), d.sessions, d.identities,
    );
    return { message: base64(message) };
  },
  async unseal(d, r) {
    const result = await signal.sealedSenderDecryptMessage(
      bytes(r, 'message'), root(r), time(r, 'now'), optional(r, 'e164', string),
      d.address.name(), d.address.deviceId(),
      d.sessions, d.identities, d.prekeys, d.signed, d.kyber,
    );
    return { plaintext: base64(result.message()), uuid: result.senderUuid(), deviceId: result.deviceId() };
  },
  async unsealUsmc(d, r) {
    const content = await signal.sealedSenderDecryptToUsmc(bytes(r, 'message'), d.identities);
    const group = content.groupId();
    return {
      contents: base64(content.contents()),
      type: content.msgType(),
      cert: base64(content.senderCertificate().serialize()),
      hint: content.contentHint(),
      groupId: group === null ? null : base64(group),
    };
  },
  async groupCreate(d, r) {
    const message = await signal.SenderKeyDistributionMessage.create(
      d.address, uuid(r, 'distribution'), d.senderKeys,
    );
    return { message: base64(message.serialize()) };
  },
  async groupProcess(d, r) {
    await signal.processSenderKeyDistributionMessage(
      address(r, 'from'), signal.SenderKeyDistributionMessage.deserialize(bytes(r, 'message')), d.senderKeys,
    );
    return {};
  },
  async groupEncrypt(d, r) {
    const message = await signal.groupEncrypt(
      d.address, uuid(r, 'distribution'), d.senderKeys, bytes(r, 'plaintext'),
    );
    return { message: base64(message.serialize()) };
  },
  async groupDecrypt(d, r) {
    const text = await signal.groupDecrypt(address(r, 'from'), d.senderKeys, bytes(r, 'message'));
    return { plaintext: base64(text) };
  },
  async sealMulti(d, r) {
    const cert = certificate(r);
    const recipients = list(r, 'to').map((a) => address({ a }, 'a'));
    const excludedRecipients = (has(r, 'excluded') ? list(r, 'excluded') : []).map((id) =>
      signal.ServiceId.parseFromServiceIdString(string({ id }, 'id')),
    );
    const inner = await signal.groupEncrypt(
      d.address, uuid(r, 'distribution'), d.senderKeys, bytes(r, 'plaintext'),
    );
    const content = signal.UnidentifiedSenderMessageContent.new(
      inner, cert, optional(r, 'hint', uint32, 0), optional(r, 'groupId', bytes),
    );
    const message = await signal.sealedSenderMultiRecipientEncrypt({
      content, recipients, excludedRecipients, identityStore: d.identities, sessionStore: d.sessions,
    });
    return { message: base64(message) };
  },
};
