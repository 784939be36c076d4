// The fields of a request, checked. What is wrong with one is an Argument error.

import { Buffer } from 'node:buffer';
import * as signal from '@signalapp/libsignal-client';

// A Failure carries one of the protocol's own error words.
export class Failure extends Error {
  constructor(word, message) {
    super(message);
    this.word = word;
  }
}

const bad = (name, what) => new Failure('invalid-argument', `${name}: ${what}`);

export const has = (r, name) => r[name] !== undefined && r[name] !== null;

function field(r, name, type) {
  if (!has(r, name)) throw bad(name, 'missing');
  if (typeof r[name] !== type) throw bad(name, `not a ${type}`);
  return r[name];
}

export const string = (r, name) => field(r, name, 'string');

export function number(r, name, max) {
  const n = field(r, name, 'number');
  if (!Number.isInteger(n) || n < 0 || n > max) throw bad(name, 'out of range');
  return n;
}

export const uint32 = (r, name) => number(r, name, 0xffffffff);

export function boolean(r, name, otherwise) {
  return has(r, name) ? field(r, name, 'boolean') : otherwise;
}

export function bytes(r, name) {
  const s = string(r, name);
  const b = Buffer.from(s, 'base64');
  if (b.toString('base64') !== s) throw bad(name, 'not standard base64');
  return new Uint8Array(b);
}

export const optional = (r, name, get, otherwise = null) => (has(r, name) ? get(r, name) : otherwise);

export const base64 = (b) => Buffer.from(b).toString('base64');

export const publicKey = (r, name) => signal.PublicKey.deserialize(bytes(r, name));
export const privateKey = (r, name) => signal.PrivateKey.deserialize(bytes(r, name));

export function address(r, name) {
  const a = has(r, name) ? r[name] : null;
  if (a === null || typeof a !== 'object') throw bad(name, 'not an address');
  return signal.ProtocolAddress.new(string(a, 'uuid'), uint32(a, 'deviceId'));
}

export function uuid(r, name) {
  const s = string(r, name);
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(s)) throw bad(name, 'not a UUID');
  return s.toLowerCase();
}

export function list(r, name) {
  if (!Array.isArray(r[name])) throw bad(name, 'not a list');
  return r[name];
}
