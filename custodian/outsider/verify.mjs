// An outsider's verifier of witness bundles, written from docs/custody-bundle.md alone: no line of the Go code was read for it
// (headline.mjs apart, whose author has read it).
// node verify.mjs BUNDLE        exit 0 or 1, one line saying why, or by whom the bundle is signed
// node verify.mjs prove DIRECTORY BUNDLE…    the questions behind the n-th bundle for a standard prover, in DIRECTORY/n
// node verify.mjs < names       a line for each bundle named on standard input, for tests
// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { headline } from './headline.mjs';
import { write } from './questions.mjs';
import { createHash, createHmac, createDecipheriv, createPrivateKey, createPublicKey, diffieHellman, hkdfSync, verify as checkSignature } from 'node:crypto';

const RULEBOOK = '933389001ff1395eb3e11e3c2730ca28cead12954295f51bf1ab7b1bfd9b1b96';
const SENTENCES = '9327a5961eb3cbdb2d7a029b27d43e9d1916bb52470dd816100854339d8f7320';
const DECEIT = 'This message was not written by the one whose name it bears.';
const ENDS = ['customer', 'business'];

// ---- Small things ----

const need = (ok, why) => { if (!ok) throw new Error(why); };
const sha = b => createHash('sha256').update(b).digest('hex');
const hex = s => Buffer.from(s, 'hex');
const short = key => (key || '00'.repeat(33)).slice(2, 34); // a key in an atom: bytes 1 to 16
const other = end => ENDS[1 - ENDS.indexOf(end)];
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const pad4 = n => String(n).padStart(4, '0');
const unique = list => [...new Set(list)];

// A reader of varints and of parts of a buffer.
class Reader {
  constructor(b) { this.b = b; this.i = 0; }
  get done() { return this.i === this.b.length; }
  take(n) { need(n <= this.b.length - this.i, 'truncated bytes'); this.i += n; return this.b.subarray(this.i - n, this.i); }
  varint(minimal) {
    for (let v = 0n, shift = 0n, c; ; shift += 7n) {
      need(shift < 70n, 'a varint is too long');
      v |= BigInt((c = this.take(1)[0]) & 127) << shift;
      if (c > 127) continue;
      need(v < 1n << 64n && (!minimal || c !== 0 || shift === 0n), 'a varint is not well made');
      return v;
    }
  }
  number(minimal) { const v = this.varint(minimal); need(v <= BigInt(Number.MAX_SAFE_INTEGER), 'a number is too large'); return Number(v); }
  item() { return this.take(this.number(true)); }
}

// ---- Archive ----

function header(name, size) {
  const h = Buffer.alloc(512), put = (at, text) => h.write(text, at, 'latin1');
  put(0, name); put(100, '0000644'); put(108, '0000000'); put(116, '0000000');
  put(124, size.toString(8).padStart(11, '0')); put(136, '0'.repeat(11));
  put(148, ' '.repeat(8)); put(156, '0'); put(257, 'ustar\0' + '00'); put(329, '0000000'); put(337, '0000000');
  put(148, h.reduce((a, b) => a + b, 0).toString(8).padStart(6, '0') + '\0 ');
  return h;
}

function unpack(tar) {
  const files = new Map(), parts = [];
  for (let at = 0; at + 1024 < tar.length;) {
    const h = tar.subarray(at, at + 512), name = h.toString('latin1', 0, 100).replace(/\0.*$/s, '');
    const size = parseInt(h.toString('latin1', 124, 135), 8), data = tar.subarray(at + 512, at + 512 + size);
    need(name && size >= 0 && h.equals(header(name, size)) && data.length === size && !files.has(name), 'the archive is not in its form');
    files.set(name, data);
    parts.push(h, data, Buffer.alloc((512 - size % 512) % 512));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  need(Buffer.concat([...parts, Buffer.alloc(1024)]).equals(tar), 'the archive is not in its form');
  const names = [...files.keys()];
  need(names[0] === 'manifest.json', 'the manifest is not first');
  const m = document(Manifest, files.get('manifest.json'));
  need(m.profile === 'publishable' || m.profile === 'lab', 'unknown profile');
  const author = names[1] === 'author.sig' ? signed(files) : '', named = names.slice(author ? 2 : 1);
  const there = named.map(name => ({ name, size: files.get(name).length, sha256: sha(files.get(name)) }));
  need(files.get('manifest.json').equals(Buffer.from(JSON.stringify({ format: 'custody-bundle-v1', profile: m.profile, files: there }) + '\n')), 'the manifest does not name these files');
  need(same(named, [...named].sort()), 'the files are not sorted');
  return { files, lab: m.profile === 'lab', author };
}

// signed takes the author's signature out of the files; it gives the fingerprint of the key.
function signed(files) {
  const b = files.get('author.sig'), key = b.subarray(0, 32), of = Buffer.concat([Buffer.from('custody-bundle-v1\0'), hex(sha(files.get('manifest.json')))]);
  need(b.length === 96 && ed25519(key, of, b.subarray(32)), 'the signature of the author is wrong');
  files.delete('author.sig');
  return sha(Buffer.concat([Buffer.from('custody-root-v1\0'), key]));
}

// ---- JSON of one form ----

// A type reads a value and writes it again: read gives what an absent one stands for, too.
const type = (read, write = v => v) => Object.assign(read, { write });
const str = type((v = '') => { need(typeof v === 'string' && v.isWellFormed() && !v.includes('\0'), 'a string was expected'); return v; });
const upTo = (top, low = 0) => type((v = 0) => { need(Number.isSafeInteger(v) && v >= low && v < top, 'an integer was expected'); return v; });
const int = upTo(2 ** 53), u32 = upTo(2 ** 32), side = upTo(2), orNone = upTo(2 ** 53, -1); // -1 only where it is said
const flag = type((v = false) => { need(typeof v === 'boolean', 'a boolean was expected'); return v; });
const bytes = (min, max = min) => type((v = '') => { need(/^([0-9a-f]{2})*$/.test(str(v)) && (v === '' || v.length >= 2 * min && v.length <= 2 * max), 'hexadecimal was expected'); return v; });
const list = f => type((v = []) => { need(Array.isArray(v), 'a list was expected'); return v.map(x => f(x)); }, v => v.map(f.write));
const maybe = f => Object.assign(type(v => v === undefined ? undefined : f(v), v => v === undefined ? undefined : f.write(v)), { left: v => v === undefined });
const left = f => Object.assign(type(v => f(v), f.write), { left: v => v === f(undefined) || Array.isArray(v) && v.length === 0 }); // a default is left out
const plain = v => v && typeof v === 'object' && !Array.isArray(v);
const map = f => type((v = {}) => { need(plain(v), 'an object was expected'); return Object.fromEntries(Object.entries(v).map(([k, x]) => [str(k), f(x)])); });
const object = shape => type((v = {}) => {
  need(plain(v), 'an object was expected');
  for (const k in v) need(Object.hasOwn(shape, k), 'unknown field ' + k);
  return Object.fromEntries(Object.entries(shape).map(([k, f]) => [k, f(Object.hasOwn(v, k) ? v[k] : undefined)]));
}, v => Object.fromEntries(Object.entries(shape).filter(([k, f]) => !f.left?.(v[k])).map(([k, f]) => [k, f.write(v[k])])));
const byKind = shapes => type(v => {
  need(plain(v) && Object.hasOwn(shapes, v.kind), 'an event of an unknown kind');
  return shapes[v.kind](v);
}, v => shapes[v.kind].write(v));

// document parses JSON and refuses it unless writing it again gives the same bytes.
function document(shape, b) {
  let v;
  try { v = shape(JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(b))); } catch (e) { throw new Error('a document is malformed: ' + e.message); }
  need(Buffer.from(JSON.stringify(shape.write(v)) + '\n').equals(b), 'a document is not in canonical form');
  return v;
}

const key = type(v => { bytes(33)(v); need(!v || v.startsWith('05'), 'a key has an unknown type'); return v ?? ''; });
const body = bytes(1, 1 << 20), hash = bytes(32), signature = bytes(64);
const prekey = object({ id: u32, key }), signedPreKey = object({ id: u32, key, signature }), kemPreKey = object({ id: u32, key: bytes(33), public: bytes(1, 4096), signature });
const pqKey = object({ epoch: int, dir: side, index: u32 });
const head = { at: int, kind: str };

const Manifest = object({ format: str, profile: str, files: list(object({ name: str, size: int, sha256: str })) });
const Transcript = object({
  format: str,
  principals: list(object({ id: str, role: str, quantum: left(flag), sees: left(str), same_as: left(str), seen: left(list(int)), others: left(list(str)) })),
  grants: list(object({ name: str, to: str, from: str, via: str, atoms: left(list(str)), count: left(int), since: int, until: int, at: int, ended: orNone })),
  events: list(byKind({
    bundle: object({ ...head, of: str, identity: key, signed_prekey: signedPreKey, one_time_prekey: maybe(prekey), kem_prekey: maybe(kemPreKey) }),
    message: object({
      ...head, number: orNone, from: str, by: left(str), session: key, prekey: flag, body, delivered: flag, delivered_at: int, time: left(int),
    }),
    parcel: object({ ...head, to: str, from: str, grant: left(str), file: str }),
    probe: object({
      ...head, number: int, to: str, message: orNone, injection: maybe(object({ step: int, by: str })),
      takes: list(object({
        session: left(key), key: left(key), root: left(flag), next: left(u32), skipped: left(list(u32)), first: left(flag), sender: left(key), prekey: left(key),
        pq: left(flag), keyless: left(flag), pq_keys: left(list(pqKey)), pq_chains: left(list(pqKey)),
      })),
    }),
    statement: object({ ...head, number: int, by: left(str), file: str, twin: left(str) }),
    client: object({ ...head, time: int, signal: str, statement: maybe(int), identity: left(key) }),
  })),
  turns: list(object({ session: key, key, against: left(key), last: u32 })),
  pq_chains: list(object({ session: key, epoch: int, dir: side, last: u32 })),
  custody: maybe(object({ root: hash, profile: str, identity: key, protocol: int })),
});
const keys = object({ cipher: hash, mac: hash, iv: bytes(16), sender: key, receiver: key });
const deceit = list(object({ id: str, principal: str, probe: int, strategy: str, prekey: flag, body, keys, text_sha256: hash }));
const Evidence = object({
  certificates: list(object({ id: str, principal: str, quantum: flag })),
  readings: list(object({ id: str, principal: str, quantum: flag, message: int, keys: maybe(keys), text_sha256: hash })),
  forgeries: deceit, sessions: deceit,
  observations: list(object({ id: str, principal: str })),
  collisions: list(object({ id: str, principal: str, event: int, message: int })),
  notices: left(list(object({ id: str, principal: str, at: int, body }))),
  contradictions: left(list(object({ id: str, at: int }))),
});
const sentence = object({ en: str, fr: str });
const Report = object({
  format: str, tool: object({ version: str, rulebook: str, sentences: str }), scenario: str,
  headline: object({
    state: str,
    readers: list(object({ principal: str, messages: int, handed_on: int, quantum: int, first: int, last: int })),
    writers: list(object({ principal: str, to: list(str), messages: int })),
    of: int, history: sentence,
    now: maybe(object({ state: str, since: maybe(int), by: list(str), text: sentence })),
  }),
  assumptions: list(str),
  messages: list(object({
    i: int, from: str, delivered: flag, readable_by: list(str), quantum_readable_by: list(str), forgeable_by: list(str), evidence: map(str),
  })),
  injections: list(object({ step: int, by: str, accepted: flag, evidence: str })),
  verdicts: list(object({
    id: str, name: str, principal: str, verdict: str, messages: int, of: int,
    healing: maybe(object({ classical: maybe(int), quantum: maybe(int) })),
    metadata: maybe(object({ contact: flag, timing: flag, messages: int, bytes: int })),
    tried: left(list(str)),
    severity: object({ class: str, inputs: object({ base: int, exposure: int, persistence: int, active: int }) }),
    evidence: list(str), text: sentence,
  })),
  notice: object({ state: str, by: left(str), text: sentence }),
  evidence: list(object({ id: str, kind: str, claim: str })),
  limits: list(str),
});
const portion = object({ from: left(str), percent: left(int), messages: maybe(list(int)), except: maybe(list(int)) });
const sight = type(v => v !== undefined && typeof v !== 'string' ? portion(v) : str(v), v => typeof v === 'string' ? v : portion.write(v));
const Scenario = object({
  format: str, protocol: int, seed: int, initiator: left(str), oneTimePreKey: maybe(flag), keyless: left(str),
  principals: list(object({ id: str, role: str, quantum: left(flag), sees: left(sight), same_as: left(str) })),
  script: list(object({
    send: left(str), text: left(str), count: left(int),
    deliver: maybe(type(v => { if (v === false) return v; need(Array.isArray(v), 'a delivery of nothing'); return v.map(x => int(x)); })),
    drop: maybe(list(int)),
    grant: maybe(object({ name: str, to: str, from: left(str), atoms: left(list(str)), via: str, count: left(int) })),
    revoke: maybe(object({ name: str })), rotate: left(str), barrier: left(flag), block: left(str),
    inject: maybe(object({ by: str, as: str, to: str, text: str })),
    notice: maybe(object({ statement: object({
      by: left(str), profile: left(str),
      grants: left(list(object({ to: str, atoms: left(list(str)), via: str, count: left(int), direction: left(str) }))),
      storage: left(str), actor: left(str), label: left(str), minutes: left(int), words: maybe(sentence), withhold: left(flag), replay: left(int), equivocate: left(flag),
    }) })),
  })),
});

// ---- Signal messages ----

// fields reads a protobuf message into number -> value (a number, or bytes); the last of a repeated field stands.
function fields(b) {
  const r = new Reader(b), out = {};
  while (!r.done) {
    const tag = r.number(), type = tag & 7;
    if (type === 0) out[tag >> 3] = r.number();
    else { need(type === 2, 'a field of an unknown type'); out[tag >> 3] = r.take(r.number()); }
  }
  return out;
}

function pqField(b) {
  if (!b || b.length === 0) return undefined;
  const r = new Reader(b);
  need(r.take(1)[0] === 1, 'unknown version of the post-quantum field');
  const pq = { epoch: r.number(), index: r.number(), kind: r.take(1)[0] };
  pq.object = ['', 'hdr', 'ek', 'ek', '', 'ct1', 'ct2'][pq.kind];
  need(pq.object !== undefined && pq.epoch > 0, 'a post-quantum field is not well made');
  if (pq.object) pq.chunk = r.number();
  return pq;
}

function parseMessage(text, first) {
  let b = hex(text);
  const version = b[0], m = {};
  need(version >> 4 === 3 || version >> 4 === 4, 'unknown version of a message');
  if (first) {
    const f = fields(b.subarray(1));
    need([2, 3, 4].every(i => Buffer.isBuffer(f[i])) && Number.isInteger(f[6]), 'a first message is not whole');
    Object.assign(m, { base: f[2].toString('hex'), identity: f[3].toString('hex'), oneTime: f[1], signed: f[6], kem: f[7] });
    key(m.base); key(m.identity);
    b = f[4];
    need(b[0] === version, 'two versions in a message');
  }
  need(b.length > 9, 'a message is too short');
  const f = fields(b.subarray(1, -8));
  need(Buffer.isBuffer(f[1]) && Buffer.isBuffer(f[4]), 'a message is not whole');
  return Object.assign(m, {
    ratchet: key(f[1].toString('hex')), counter: f[2] ?? 0, cipher: f[4], pq: pqField(f[5]), signed_part: b.subarray(0, -8), mac: b.subarray(-8), version,
  });
}

// open checks the MAC and gives the text.
function open(m, k) {
  need(k && k.cipher && k.mac && k.iv && k.sender && k.receiver, 'keys are missing');
  const mac = createHmac('sha256', hex(k.mac)).update(hex(k.sender)).update(hex(k.receiver)).update(m.signed_part).digest();
  need(mac.subarray(0, 8).equals(m.mac), 'a MAC does not fit');
  const d = createDecipheriv('aes-256-cbc', hex(k.cipher), hex(k.iv));
  return Buffer.concat([d.update(m.cipher), d.final()]);
}

// fits tells whether a message is one that a way of a probe lets in.
const keyless = m => m.pq?.index === 0;

function fits(way, m, session) {
  if (way.pq && !way.keyless && keyless(m)) return false;
  if (way.prekey) return m.identity === way.sender;
  if (session !== way.session) return false;
  if (way.root) return m.ratchet !== way.key;
  if (way.first) return m.base === way.session;
  return m.ratchet === way.key && (m.counter >= way.next || way.skipped.includes(m.counter));
}
const fitsProbe = (p, m, session) => p.takes.some(way => fits(way, m, session));

// ---- Transcript ----

// Names of principals and grants: no two alike when case is ignored, and none that of an end.
const isNobody = id => /^(nobody|no[-_]?one|none|personne|aucune?)([^a-z]|$)/i.test(id);
const areNames = l => l.every(n => /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(n)) && unique([...ENDS, ...l].map(n => n.toLowerCase())).length === l.length + 2;

function readTranscript(t, files, size) {
  need(t.format === 'custody-transcript-v1', 'unknown transcript');
  const ids = t.principals.map(p => p.id);
  need(ids.length <= 256 && t.grants.length <= 1024 && areNames(ids) && !ids.some(isNobody) && areNames(t.grants.map(g => g.name)), 'a principal or grant is not well named');
  need(t.principals.every(p => ['provider', 'operator', 'outsider'].includes(p.role) && ['', 'all', 'none', 'part'].includes(p.sees) && (!p.same_as || p.same_as !== p.id && ids.includes(p.same_as))), 'a principal is not well made');
  const turns = new Map(t.turns.map(x => [x.session + x.key, x])), pq = new Map(t.pq_chains.map(c => [[c.session, c.epoch, c.dir].join(), c]));
  need([...t.turns, ...t.pq_chains].reduce((n, c) => n + 4 * (c.last + 1), 0) <= size + 2 ** 18, 'the chains are longer than a bundle of this size can have');
  need(turns.size === t.turns.length && pq.size === t.pq_chains.length && t.pq_chains.every(c => c.dir === 0 || c.dir === 1), 'a chain is named twice, or has no direction');
  const shown = { customer: new Set(), business: new Set() }, published = { customer: new Set(), business: new Set() };
  const messages = [], carried = [], injected = [], probes = [], bundles = [], sessions = new Map();
  t.events.forEach((e, at) => {
    need(e.at === at, 'events are not contiguous');
    if (e.kind === 'bundle') {
      need(ENDS.includes(e.of) && e.identity && e.signed_prekey, 'a bundle is not whole');
      published[e.of].add(e.identity);
      shown[e.of].add(e.signed_prekey.key);
      bundles.push(e);
    } else if (e.kind === 'message') {
      need(ENDS.includes(e.from), 'a message is of nobody');
      need(e.number === -1 || e.number === messages.length, 'messages are not contiguous');
      need(e.number === -1 ? !e.by || ids.includes(e.by) : !e.by, 'an injected message has a number');
      const m = e.m = parseMessage(e.body, e.prekey);
      e.sent = messages.length;
      (e.number >= 0 ? messages : e.by ? injected : carried).push(e);
      if (e.prekey && !sessions.has(m.base)) sessions.set(m.base, e.from);
      if (e.by) { shown[e.from].add(m.ratchet); return; } // it need not hold together
      need(e.number >= 0 || e.from === 'business', 'a statement is of the customer');
      if (e.prekey) {
        need(m.base === e.session && published[e.from].has(m.identity), 'a first message does not name its session and identity');
      }
      // A session that was begun from a bundle, and in which nothing was written before somebody who had it answered, has no first message.
      need(sessions.has(e.session) || injected.some(x => x.session === e.session && x.from === other(e.from)), 'a message is of no session');
      e.dir = (sessions.get(e.session) ?? e.from) === e.from ? 0 : 1;
      if (e.number < 0) { shown[e.from].add(m.ratchet); return; }
      const turn = turns.get(e.session + m.ratchet);
      need(turn && m.counter <= turn.last, 'a message is beyond its turn');
      need(!turn.against || shown[other(e.from)].has(turn.against), 'a turn is against a key that was not shown');
      if (m.pq && m.pq.index > 0) {
        const c = pq.get([e.session, m.pq.epoch - 1, e.dir].join());
        need(c && m.pq.index <= c.last + 1, 'a message is beyond its post-quantum chain');
      }
      shown[e.from].add(m.ratchet);
    } else if (e.kind === 'probe') {
      need(e.number === probes.length && ENDS.includes(e.to) && (e.message === -1 || !e.injection), 'a probe is not well made');
      e.sent = messages.length;
      probes.push(e);
    } else if (e.kind === 'parcel') {
      need(ENDS.includes(e.from) && ids.includes(e.to) && files.has(e.file), 'a parcel is not whole');
    } else {
      need(['statement', 'client'].includes(e.kind) && t.custody, 'an event of an unknown kind');
    }
  });
  const asked = probes.filter(p => p.message >= 0);
  need(same(asked.map(p => p.message), messages.map((_, i) => i)), 'messages and probes do not match');
  for (const p of asked) {
    const e = messages[p.message];
    need(e.at < p.at && p.to === other(e.from), 'a probe is not of the receiver');
    if (e.delivered && e.delivered_at === p.at + 1) need(fitsProbe(p, e.m, e.session), 'a message was delivered that does not fit');
  }
  for (const e of [...messages, ...carried, ...injected]) need(e.delivered ? e.delivered_at > e.at && e.delivered_at <= t.events.length : e.delivered_at === 0, 'a message was delivered before it was sent, or when it was not');
  const last = t.events.slice(-2);
  need(last.length === 2 && last.every(e => e.kind === 'probe' && e.message === -1 && !e.injection) && last[0].to !== last[1].to, 'the last two events are not probes of both ends');
  const sentBefore = at => messages.filter(e => e.at < at).length;
  for (const g of t.grants) {
    need(ids.includes(g.to) && ENDS.includes(g.from) && g.at <= t.events.length && (g.ended === -1 || g.ended >= g.at && g.ended <= t.events.length), 'a grant is not well made');
    need(g.since === sentBefore(g.at) && g.until === (g.ended < 0 ? messages.length : sentBefore(g.ended)) && (g.via === 'quota') === g.count > 0, 'a grant is not well made');
  }
  return { ...t, ids, messages, carried, injected, probes, bundles, sessions, finals: probes.slice(-2) };
}

// ---- Parcels ----

function readParcels(t, files, lab) {
  const parcels = t.events.filter(e => e.kind === 'parcel');
  parcels.forEach((e, i) => {
    need(e.file === `parcels/${pad4(i + 1)}.${lab ? 'bin' : 'names'}`, 'parcels are not numbered in order');
    const r = new Reader(files.get(e.file)), title = (lab ? 'custody-parcel-v1' : 'custody-names-v1') + '\0';
    need(r.take(title.length).toString('latin1') === title, 'a parcel is not in its form');
    e.atoms = []; e.values = []; e.entries = [];
    for (let before = ''; !r.done;) {
      const n = r.take(80), name = n.toString('hex');
      need(name > before, 'the names of a parcel are not in order');
      before = name;
      const a = entryAtoms(n);
      e.atoms.push(...a);
      e.entries.push({ kind: n[0], session: n.toString('hex', 2, 35), key: n.toString('hex', 35, 68), index: n.readUInt32BE(76) });
      if (lab) e.values.push([a[0], r.take(r.take(4).readUInt32BE())]);
    }
  });
  need([...files.keys()].filter(n => n.startsWith('parcels/')).length === parcels.length, 'a parcel was not handed over');
}

const dh = (x, y) => { const [a, b] = [short(x), short(y)].sort(); return `dh(${a},${b})`; };

function entryAtoms(n) {
  const kind = n[0], dir = n[1], session = n.toString('hex', 2, 35), named = n.toString('hex', 35, 68);
  const epoch = n.readBigUInt64BE(68), index = n.readUInt32BE(76), s = short(session), k = short(named), seen = `seen(${k})`;
  need(dir < 2, 'a name is not well made');
  switch (kind) {
    case 1: case 2: case 3: case 6: return [`private(${k})`, seen];
    case 4: return [`kem-private(${k})`];
    case 5: return [`root(${s},${k})`, seen];
    case 7: case 8: return [`chain(${s},${k},${index})`, seen];
    case 9: case 11: return [`seed(${s},${k},${index})`, seen];
    case 10: return [`copy(${index})`];
    case 12: return [dh(named, session), `seen(${s})`];
    case 20: return [`pq-root(${s},${epoch})`];
    case 21: case 22: return [`pq-chain(${s},${epoch},${dir},${index})`];
    case 23: case 28: return [`pq-key(${s},${epoch},${dir},${index})`];
    case 24: return [`pq-auth(${s},${epoch})`];
    case 25: return [`pq-dk(${s},${epoch})`];
    case 26: return [`pq-es(${s},${epoch})`];
    case 27: return [`pq-start(${s})`];
  }
  throw new Error('a parcel has an entry of an unknown kind');
}

// ---- Bindings ----

// What a grant of each secret allows: kinds of entries.
const SESSION_KINDS = [5, 6, 7, 8, 9, 20, 21, 22, 23, 24, 25, 26, 27];
const KINDS = {
  identity: [1], 'signed-prekey': [2], 'one-time-prekeys': [3], 'kyber-prekey': [4], root: [5], 'ratchet-private': [6], 'sending-chain': [7], 'receiving-chains': [8],
  skipped: [9], archived: SESSION_KINDS, 'pq-root': [20], 'pq-sending-chain': [21], 'pq-receiving-chain': [22], 'pq-skipped': [23], 'pq-auth': [24], 'pq-decapsulation': [25],
  'pq-encapsulation': [26], 'pq-negotiation': [27], plaintext: [10],
};
const TURN_KINDS = { root: 5, 'ratchet-private': 6, 'sending-chain': 7 }, ZERO = '00'.repeat(33);

function bindings(t) {
  const all = [...t.messages, ...t.carried, ...t.injected].sort((a, b) => a.at - b.at);
  const shown = { customer: new Map(), business: new Map() }, signed = { customer: new Map(), business: new Map() };
  const arrivals = new Map(); // session and sender -> [key, time], by time
  const note = (m, k, at) => { if (!m.has(k)) m.set(k, at); };
  for (const b of t.bundles) {
    note(signed[b.of], b.signed_prekey.key, b.at);
    need(b.signed_prekey.signature && xeddsa(b.identity, hex(b.signed_prekey.key), hex(b.signed_prekey.signature)), 'a signed prekey is not signed');
    const k = b.kem_prekey;
    if (k) need(k.public && k.signature && k.key === '08' + sha(hex(k.public)) && xeddsa(b.identity, hex(k.public), hex(k.signature)), 'a KEM prekey is not signed');
  }
  for (const e of all) {
    if (!e.by) note(shown[e.from], e.session + e.m.ratchet, e.at);
    const at = e.by ? e.at + 1 : e.delivered ? e.delivered_at : 0, way = e.session + e.from;
    if (at) arrivals.has(way) ? arrivals.get(way).push([e.m.ratchet, at]) : arrivals.set(way, [[e.m.ratchet, at]]);
  }
  for (const l of arrivals.values()) l.sort((a, b) => a[1] - b[1]);
  const knows = (end, e, by) => e.from === end ? e.at < by : e.delivered && e.delivered_at <= by;
  const lasts = (g, at) => g.at <= at && (g.ended < 0 || g.ended > at);
  // Grants and their parcels.
  const held = new Map(t.grants.map(g => [g.name, { first: new Map(), events: [] }]));
  for (const g of t.grants) {
    const order = g.atoms.map(a => SECRETS.indexOf(a));
    need(['copy', 'stream', 'quota', 'oracle'].includes(g.via) && order.every((n, i) => n >= 0 && (i === 0 || n > order[i - 1])), 'a grant has atoms that it cannot have');
    need(['quota', 'oracle'].includes(g.via) === (g.atoms.length === 0), 'a grant has atoms that it cannot have');
  }
  for (const e of t.events) {
    if (e.kind !== 'parcel') continue;
    need(e.entries.length > 0, 'a parcel is empty');
    if (!e.grant) {
      const next = t.events[e.at + 1];
      need(next?.kind === 'message' && next.by === e.to && next.from === e.from, 'a parcel is of no grant');
      continue;
    }
    const g = t.grants.find(g => g.name === e.grant), h = held.get(e.grant);
    need(g && g.to === e.to && g.from === e.from && lasts(g, e.at) && (g.via !== 'copy' || e.at === g.at), 'a parcel does not fit its grant');
    for (const x of e.entries) {
      need(g.via === 'quota' ? [11, 28].includes(x.kind) : g.via === 'oracle' ? x.kind === 12 : g.atoms.some(a => KINDS[a].includes(x.kind)), 'a parcel has what its grant does not');
      if ([1, 12].includes(x.kind)) need(t.bundles.some(b => b.of === e.from && b.identity === x.key), 'an identity is not that of the giver');
      if (x.kind === 2) need(!signed[other(e.from)].has(x.key), "a prekey is the other end's");
      if ([5, 6, 7, 11].includes(x.kind)) need(!shown[other(e.from)].has(x.session + x.key), "a key is the other end's");
      if ([8, 9].includes(x.kind)) need(!shown[e.from].has(x.session + x.key), "a receiving chain is the giver's own");
      if (x.kind === 10) need(x.index < t.messages.length && knows(e.from, t.messages[x.index], e.at), 'a text was given that the giver had not seen');
      note(h.first, [x.kind, x.session, x.key, x.kind === 10 ? x.index : 0].join(), e.at);
    }
    h.events.push(e);
  }
  for (const g of t.grants) {
    const { first, events } = held.get(g.name), of = t.messages.filter(e => e.from === g.from);
    const has = (by, kind, session, key, index = 0) => (first.get([kind, session, key, index].join()) ?? NaN) <= by;
    if (g.via === 'quota' && events.length) {
      const seeds = events[0].entries.filter(x => x.kind === 11), keys = events[0].entries.length - seeds.length;
      need(events.length === 1 && seeds.length === g.count && seeds.every((x, i) => x.session === seeds[0].session && x.key === seeds[0].key && x.index === seeds[0].index + i), 'a quota is of other keys');
      need(keys === g.count || keys === 0 && !t.pq_chains.some(c => c.session === seeds[0].session), 'a quota has other post-quantum keys');
    }
    if (g.atoms.length) {
      const whole = (b, by) => (!g.atoms.includes('identity') || has(by, 1, ZERO, b.identity)) && (!g.atoms.includes('signed-prekey') || has(by, 2, ZERO, b.signed_prekey.key))
        && (!g.atoms.includes('kyber-prekey') || !b.kem_prekey || has(by, 4, ZERO, b.kem_prekey.key));
      const before = t.bundles.filter(b => b.of === g.from && b.at < g.at).at(-1);
      need(!before || whole(before, g.at), 'a grant has not what its giver had published');
      if (g.via === 'stream') need(t.bundles.every(b => b.of !== g.from || b.at < g.at || !lasts(g, b.at) || whole(b, Infinity)), 'a grant has not what its giver published');
    }
    // The session before and after it.
    const next = of.find(e => e.at >= g.at), last = of.findLast(e => e.at < g.at);
    if (g.via !== 'oracle' && next && last && next.session === last.session
      && !(arrivals.get(next.session + other(g.from)) ?? []).some(([, at]) => at > g.at && at <= next.at)) {
      if (g.via === 'quota') need(events.length > 0, 'a quota is of nothing');
      for (const [atom, kind] of Object.entries(TURN_KINDS)) if (g.atoms.includes(atom)) need(has(g.at, kind, next.session, next.m.ratchet), 'a grant has not the keys that there were');
      if (next.m.pq?.index > 0 && last.m.pq?.index > 0) {
        for (const [atom, kind] of [['pq-root', 20], ['pq-sending-chain', 21]]) if (g.atoms.includes(atom)) need(has(g.at, kind, next.session, ZERO), 'a grant has not the keys that there were');
      }
    }
    if (g.via === 'stream') {
      const old = new Set();
      for (const e of of) {
        const k = e.session + e.m.ratchet;
        if (e.at >= g.at && lasts(g, e.at) && !old.has(k)) {
          for (const [atom, kind] of Object.entries(TURN_KINDS)) if (g.atoms.includes(atom)) need(has(e.at, kind, e.session, e.m.ratchet), 'a stream has not the keys that came');
        }
        old.add(k);
      }
    }
    const end = g.via === 'stream' ? g.ended < 0 ? t.events.length : g.ended : g.at;
    if (g.atoms.includes('plaintext')) for (const e of t.messages) need(!knows(g.from, e, end) || has(Infinity, 10, ZERO, ZERO, e.number), 'a grant has not the texts that there were');
  }
  // What ratchet keys are made against.
  const turns = new Map(t.turns.map(x => [x.session + x.key, x.against])), done = new Set(), ways = new Map();
  for (const e of all) {
    const k = e.session + e.m.ratchet, way = e.session + other(e.from);
    if (e.by || done.has(k) || e.number < 0 && !turns.has(k)) continue;
    done.add(k);
    if (!ways.has(way)) ways.set(way, { next: 0, newest: 0, last: new Map() });
    const w = ways.get(way), l = arrivals.get(way) ?? [];
    for (; w.next < l.length && l[w.next][1] <= e.at; w.next++) {
      const [key, at] = l[w.next];
      if (!w.last.has(key)) w.newest = at;
      w.last.set(key, at);
    }
    const against = turns.get(k);
    need(w.last.size ? (w.last.get(against) ?? -1) >= w.newest : signed[other(e.from)].get(against) <= e.at, 'a turn is against another key than the one that had arrived last');
  }
}

// ---- Clauses ----

const chunkAtom = e => e.m.pq?.object && `chunk(${short(e.session)},${e.m.pq.epoch},${e.m.pq.object},${e.m.pq.chunk})`;

// A clause is [head, body, how many of the body are needed, rule].
function clauses(t) {
  const out = [], dhs = new Map();
  const add = (rule, head, ...body) => out.push({ rule, head, body: body.filter(Boolean), of: body.filter(Boolean).length });
  const agree = (x, y) => { dhs.set(dh(x, y), [x, y]); return dh(x, y); };
  // Sessions.
  const begun = new Set();
  for (const e of [...t.messages, ...t.carried, ...t.injected]) {
    if (!e.prekey || begun.has(e.m.base)) continue;
    begun.add(e.m.base);
    const s = short(e.m.base), theirs = t.bundles.filter(b => b.of === other(e.from) && b.at < e.at).reverse();
    const find = (field, id) => theirs.find(b => b[field]?.id === id)?.[field].key;
    const signed = find('signed_prekey', e.m.signed), oneTime = e.m.oneTime !== undefined && find('one_time_prekey', e.m.oneTime);
    const kem = e.m.kem !== undefined && find('kem_prekey', e.m.kem), responder = theirs[0]?.identity;
    need(signed && oneTime !== undefined && kem !== undefined, 'a first message names an unknown prekey');
    if (kem) add('R2', `kem-secret(${s})`, `kem-private(${short(kem)})`, `handshake(${s})`);
    const from = [`handshake(${s})`, agree(e.m.identity, signed), agree(e.m.base, responder), agree(e.m.base, signed), oneTime && agree(e.m.base, oneTime), kem && `kem-secret(${s})`];
    for (const head of [`root(${s},${short(signed)})`, `chain(${s},${short(signed)},0)`, kem && `pq-start(${s})`]) if (head) add('R3', head, ...from);
  }
  // Turns.
  for (const { session, key: k, against, last } of t.turns) {
    const s = short(session), x = short(k);
    if (against) for (const head of [`root(${s},${x})`, `chain(${s},${x},0)`]) add('R4', head, `root(${s},${short(against)})`, agree(k, against), `seen(${x})`);
    for (let i = 0; i <= last; i++) {
      add('R5b', `seed(${s},${x},${i})`, `chain(${s},${x},${i})`);
      add('R13a', `seed-from(${s},${x},${i})`, `seed(${s},${x},${i})`);
      if (i === last) break;
      add('R5a', `chain(${s},${x},${i + 1})`, `chain(${s},${x},${i})`);
      add('R13a', `seed-from(${s},${x},${i})`, `seed-from(${s},${x},${i + 1})`);
    }
  }
  // Post-quantum chains and epochs.
  const epochs = new Map(), epoch = (session, e) => { if (e > 0) epochs.set(`${session},${e}`, [short(session), e]); };
  for (const { session, epoch: e, dir, last } of t.pq_chains) {
    const s = short(session), c = `${s},${e},${dir}`;
    epoch(session, e);
    if (e === 0) for (const head of [`pq-root(${s},0)`, `pq-chain(${c},0)`]) add('R6', head, `pq-start(${s})`);
    for (let i = 0; i <= last; i++) {
      add('R7b', `pq-key(${c},${i + 1})`, `pq-chain(${c},${i})`);
      add('R13a', `pq-key-from(${c},${i + 1})`, `pq-key(${c},${i + 1})`);
      if (i === last) break;
      add('R7a', `pq-chain(${c},${i + 1})`, `pq-chain(${c},${i})`);
      add('R13a', `pq-key-from(${c},${i + 1})`, `pq-key-from(${c},${i + 2})`);
    }
  }
  for (const e of t.messages) if (chunkAtom(e)) epoch(e.session, e.m.pq.epoch);
  const chunks = unique([...t.messages, ...t.carried].map(chunkAtom).filter(Boolean));
  for (const [s, e] of epochs.values()) {
    for (const [o, n] of [['hdr', 3], ['ct1', 30], ['ct2', 5]]) {
      const got = chunks.filter(c => c.startsWith(`chunk(${s},${e},${o},`));
      if (got.length >= n) out.push({ rule: 'R9o', head: `object(${s},${e},${o})`, body: got, of: n });
    }
    add('R9a', `pq-secret(${s},${e})`, `pq-dk(${s},${e})`, `object(${s},${e},ct1)`, `object(${s},${e},ct2)`);
    add('R9b', `pq-secret(${s},${e})`, `pq-es(${s},${e})`, `object(${s},${e},hdr)`);
    for (const head of [`pq-root(${s},${e})`, `pq-chain(${s},${e},0,0)`, `pq-chain(${s},${e},1,0)`]) add('R8', head, `pq-root(${s},${e - 1})`, `pq-secret(${s},${e})`);
  }
  // Messages.
  for (const e of t.messages) {
    const n = e.number, s = short(e.session), pq = e.m.pq;
    add('R11', `message-key(${n})`, `seed(${s},${short(e.m.ratchet)},${e.m.counter})`, pq?.index > 0 && `pq-key(${s},${pq.epoch - 1},${e.dir},${pq.index})`);
    add('R12a', `opened(${n})`, `message-key(${n})`, `observed(${n})`);
    add('R12b', `plaintext(${n})`, `opened(${n})`);
    add('R12c', `plaintext(${n})`, `copy(${n})`);
  }
  // Probes.
  for (const p of t.probes) {
    const taken = new Set();
    for (const w of p.takes) {
      const s = short(w.session), k = short(w.key), pq = `pq-taken(${p.number},${s})`;
      if (w.prekey) { add('R13c', `forge(${p.number})`, agree(w.sender, w.prekey)); continue; }
      const rest = [w.pq && !w.keyless && pq, w.first && `handshake(${s})`];
      if (w.root) add('R13b', `forge(${p.number})`, `root(${s},${k})`, ...rest);
      else for (const a of [`seed-from(${s},${k},${w.next})`, ...w.skipped.map(i => `seed(${s},${k},${i})`)]) add('R13a', `forge(${p.number})`, a, ...rest);
      if (!w.pq || w.keyless || taken.has(s)) continue;
      taken.add(s);
      for (const c of w.pq_keys) add('R13a', pq, `pq-key(${s},${c.epoch},${c.dir},${c.index})`);
      for (const c of w.pq_chains) add('R13a', pq, `pq-key-from(${s},${c.epoch},${c.dir},${c.index})`);
    }
  }
  for (const [head, [x, y]] of dhs) {
    add('R1', head, `private(${short(x)})`, `seen(${short(y)})`);
    add('R1', head, `private(${short(y)})`, `seen(${short(x)})`);
    add('R1q', head, `seen(${short(x)})`, `seen(${short(y)})`, 'quantum');
  }
  return out;
}

// ---- Facts and certificates ----

// sees tells whether a circle sees a message: all, a part that has it, or one's own.
const sees = (circle, e) => circle.all || circle.ids.has(e.by) || circle.parts.some(p => e.number < 0 ? p.others.includes(e.from) : p.seen.includes(e.number));

// facts lists [atom, time] of what the principals of a circle learn. Only one that sees messages, or injected one, learns from it.
function facts(t, circle, quantum) {
  const out = quantum ? [['quantum', 0]] : [];
  for (const e of t.events) {
    const learn = (...atoms) => { for (const a of atoms) if (a) out.push([a, e.at]); };
    if (e.kind === 'bundle') learn(...[e.identity, e.signed_prekey.key, e.one_time_prekey?.key].filter(Boolean).map(k => `seen(${short(k)})`));
    else if (e.kind === 'parcel' && circle.ids.has(e.to)) learn(...e.atoms);
    else if (e.kind === 'message' && sees(circle, e)) {
      learn(e.number >= 0 && `observed(${e.number})`, `seen(${short(e.m.ratchet)})`, chunkAtom(e));
      if (e.prekey) learn(`handshake(${short(e.m.base)})`, `seen(${short(e.m.base)})`, `seen(${short(e.m.identity)})`);
    }
  }
  return out;
}

// saturate gives each atom that follows with its earliest time: facts in order of time, clauses at the time of their last premise.
function saturate(rules, given) {
  const uses = new Map(), missing = rules.map(r => r.of), known = new Map(), by = new Map();
  rules.forEach((r, i) => { for (const a of new Set(r.body)) uses.has(a) ? uses.get(a).push(i) : uses.set(a, [i]); });
  rules.forEach((r, i) => { missing[i] -= r.body.length - new Set(r.body).size; });
  for (const [atom, at] of given.sort((a, b) => a[1] - b[1])) {
    for (const todo = [atom]; todo.length;) {
      const a = todo.pop();
      if (known.has(a)) continue;
      known.set(a, at);
      for (const i of uses.get(a) ?? []) if (--missing[i] === 0) { todo.push(rules[i].head); if (!known.has(rules[i].head) && !by.has(rules[i].head)) by.set(rules[i].head, rules[i]); }
    }
  }
  known.by = by; // the clause that each derived atom came from, for lab bundles
  return known;
}

function certificate(known) {
  return [...known].map(([a, at]) => [a, `${a} @${at}\n`]).sort((x, y) => x[0] < y[0] ? -1 : 1).map(x => x[1]).join('');
}

// ---- Statements: encoding and signatures ----

const P = (1n << 255n) - 19n;
const power = (b, e) => { let r = 1n; for (b %= P; e; e >>= 1n, b = b * b % P) if (e & 1n) r = r * b % P; return r; };
const little = b => BigInt('0x' + Buffer.from(b).reverse().toString('hex'));
const okp = (crv, x, d) => ({ key: { kty: 'OKP', crv, x: x.toString('base64url'), ...(d && { d: d.toString('base64url') }) }, format: 'jwk' });
const ed25519 = (key, message, signature) => { try { return checkSignature(null, message, createPublicKey(okp('Ed25519', key)), signature); } catch { return false; } };

function xeddsa(key, message, signature) {
  const u = little(hex(key).subarray(1)) % P, y = (u - 1n + P) % P * power(u + 1n, P - 2n) % P;
  const b = Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse(), s = Buffer.from(signature);
  b[31] |= s[63] & 0x80;
  s[63] &= 0x7f;
  return ed25519(b, message, s);
}

// tagged reads the fields 1 to n, all there and in order; with more, those from 128 on are skipped.
function tagged(b, n, more = false) {
  const r = new Reader(b), out = [null];
  for (let before = 0; !r.done;) {
    const tag = r.take(1)[0], value = r.item();
    need(tag > before && (tag === out.length && tag <= n || more && out.length > n && tag >= 128), 'the fields of a statement are not in order');
    if ((before = tag) < 128) out.push(value);
  }
  need(out.length === n + 1, 'a statement is not whole');
  return out;
}
const items = b => { const r = new Reader(b), out = []; while (!r.done) out.push(r.item()); return out; };
const value = b => { const r = new Reader(b), v = r.number(true); need(r.done, 'a number of a statement is not well made'); return v; };

function parseSigned(b) {
  const s = tagged(b, 4), f = tagged(s[1], 19, true);
  need(s[2].length === 64 && s[3].length === 0 && f[2].length === 32 && f[15].length === 32, 'a statement is not well made');
  const st = {
    body: s[1], signature: s[2], byIdentity: value(s[4]) === 1, business: f[1].toString(), root: f[2], identities: items(f[3]).map(k => k.toString('hex')), protocol: value(f[4]),
    label: f[5].toString(), storage: value(f[8]), actor: value(f[9]), scope: f[10], from: value(f[11]), expires: value(f[13]), number: value(f[14]), before: f[15].toString('hex'),
    words: [f[17], f[18]].map(sha), terms: Buffer.concat([f[6], Buffer.of(255), f[7], Buffer.of(255), f[8], f[9]]).toString('hex'),
    providers: items(f[6]).map(p => { const g = tagged(p, 4); return { name: g[1].toString(), key: g[2].toString('hex') }; }),
    grants: items(f[7]).map(p => { const g = tagged(p, 5).slice(1).map(value); return { provider: g[0], secrets: g[1], via: g[2], dir: g[3], count: g[4] }; }),
  };
  st.hash = sha(Buffer.concat([Buffer.from('custody-hash-v1\0'), st.body]));
  need(st.grants.every(g => g.provider < st.providers.length) && st.identities.every(k => k.length === 66), 'a grant of a statement is not well made');
  need(st.scope.length === 33 && st.scope[0] === 1 && st.number > 0 && (st.number === 1) === /^0*$/.test(st.before) && [3, 4].includes(st.protocol), 'a statement is not well made');
  need(st.expires > st.from && st.expires < 2 ** 40 && st.byIdentity === st.root.equals(Buffer.alloc(32)), 'a statement is not well made');
  return st;
}

function parseStatement(b) {
  const title = Buffer.from('\0custody-control-v1\0\x01', 'latin1');
  need(b.subarray(0, title.length).equals(title), 'a statement is not in its form');
  const f = tagged(b.subarray(title.length), 6);
  need(f[3].length === 32, 'a statement is not well made');
  return { ...parseSigned(f[1]), salt: f[3] };
}

const genuine = (st, custody, identity) => custody.profile === 'identity-signed'
  ? st.byIdentity && st.root.equals(Buffer.alloc(32)) && xeddsa(identity, Buffer.concat([Buffer.from('custody-statement-identity-v1\0'), st.body]), st.signature)
  : !st.byIdentity && st.root.toString('hex') === sha(Buffer.concat([Buffer.from('custody-root-v1\0'), hex(custody.root)]))
    && ed25519(hex(custody.root), Buffer.concat([Buffer.from('custody-statement-v1\0'), st.body]), st.signature);

// ---- Statements: what grants give ----

const SECRETS = ['identity', 'signed-prekey', 'one-time-prekeys', 'kyber-prekey', 'root', 'ratchet-private', 'sending-chain', 'receiving-chains', 'skipped', 'archived',
  'pq-root', 'pq-sending-chain', 'pq-receiving-chain', 'pq-skipped', 'pq-auth', 'pq-decapsulation', 'pq-encapsulation', 'pq-negotiation', 'plaintext'];
const bit = name => 1 << SECRETS.indexOf(name);
const VERBS = ['read-customer', 'read-business', 'write', 'write-customer', 'open'];
const PLAINTEXT = bit('plaintext'), COPY = 1, QUOTA = 3, ORACLE = 4;

function power_(grants, protocol) {
  const kept = grants.filter(g => g.via !== QUOTA), all = kept.reduce((a, g) => a | g.secrets, 0);
  const has = name => (all & bit(name)) !== 0, verbs = new Set(), v3 = protocol === 3;
  const turn = has('root') && has('ratchet-private');
  const pq = v3 || has('pq-root') && (has('pq-decapsulation') || has('pq-encapsulation')) || has('pq-negotiation');
  const session = has('identity') && has('signed-prekey') && (v3 || has('kyber-prekey')), whole = has('archived') || session;
  if ((turn || has('receiving-chains') || has('skipped')) && (pq || has('pq-receiving-chain') || has('pq-skipped')) || whole) verbs.add('read-customer');
  if (['root', 'receiving-chains', 'skipped'].some(has) || whole) verbs.add('write-customer');
  if ((turn || has('sending-chain')) && (pq || has('pq-sending-chain')) || whole) verbs.add('read-business');
  if (turn || has('sending-chain') || whole) verbs.add('write');
  if (has('identity')) verbs.add('open');
  if (has('signed-prekey')) verbs.add('write-customer');
  for (const g of kept) if (g.secrets & PLAINTEXT) { if (g.dir !== 2) verbs.add('read-customer'); if (g.dir !== 1) verbs.add('read-business'); }
  let quota = grants.filter(g => g.via === QUOTA).reduce((a, g) => a + g.count, 0);
  if (verbs.has('write')) quota = 0; else if (quota) verbs.add('write');
  return { verbs, quota };
}

function label(st) {
  if (st.grants.length === 0) return 'self-managed';
  const { verbs, quota } = power_(st.grants, st.protocol);
  return verbs.size === 0 ? 'dormant' : 'managed:' + VERBS.filter(v => verbs.has(v)).join('+') + (quota ? ':' + quota : '');
}

// holders lists the providers that can do something, then all together if that is more.
function holders(st, former) {
  const given = new Map(st.providers.map((p, i) => [p.name, st.grants.filter(g => st.providers[g.provider].name === p.name)]));
  const now = new Set([...given].filter(x => x[1].length).map(x => x[0]));
  for (const [name, f] of former) {
    const more = [f.secrets && { secrets: f.secrets, via: COPY, dir: 0 }, f.quota && { secrets: 0, via: QUOTA, count: f.quota }].filter(Boolean);
    given.set(name, [...given.get(name) ?? [], ...more]);
  }
  const each = [...given].filter(x => x[1].length).map(([name, grants]) => ({ names: [name], verbs: power_(grants, st.protocol).verbs }));
  const all = { names: each.map(h => h.names[0]), verbs: power_([...given.values()].flat(), st.protocol).verbs };
  const out = each.filter(h => h.verbs.size);
  if ([...all.verbs].some(v => !each.some(h => h.verbs.has(v)))) out.push(all);
  return out.map(h => ({ ...h, former: h.names.every(n => !now.has(n)) }));
}

// ---- Statements: the customer's client ----

class Client {
  constructor(custody) { Object.assign(this, { custody, identity: custody.identity, accepted: [], former: new Map(), published: 0, lied: false, doubt: false, partial: '', missing: false, changed: false, current: undefined }); }
  copy() { return Object.assign(Object.create(Client.prototype), this, { accepted: [...this.accepted], former: new Map([...this.former].map(([k, v]) => [k, { ...v }])) }); }
  end(st) { return Math.min(st.from + 7 * 86400, st.expires) + 60; }

  // judge takes a statement if the client accepts it. Only its first words differ from "refused": a second one of a number is a lie.
  judge(st, now) {
    const cur = this.current, scope = Buffer.concat([Buffer.from('custody-scope-v1\0'), st.salt, Buffer.of(1, st.business.length), Buffer.from(st.business)]);
    if (!genuine(st, this.custody, this.identity)) return 'forged';
    const refused = () => {
      if (st.business !== 'business' || !st.identities.includes(this.identity)) return true;
      if (this.accepted.some(a => a.number === st.number && a.hash !== st.hash)) { this.lied = true; return true; }
      const again = cur && cur.hash === st.hash;
      if (cur && !again && (st.number !== cur.number + 1 || st.before !== cur.hash)) return true;
      if (st.from > now + 300 || cur && st.from < cur.from || !cur && st.number > 1 && now > this.end(st)) return true;
      if (st.label !== label(st) || st.grants.length === 0 && (st.storage !== 1 || st.actor !== 1)) return true;
      if (st.scope.toString('hex') !== '01' + sha(scope) || cur && !st.scope.equals(cur.scope)) return true;
      return st.protocol > this.custody.protocol || this.lied;
    };
    if (refused()) return 'refused';
    if (!cur || cur.hash !== st.hash) this.take(st);
    return 'accepted';
  }

  take(st) {
    if (this.current) this.leave(this.current, st);
    this.changed ||= this.current !== undefined && this.current.terms !== st.terms;
    if (!this.current && st.number > 1) this.partial = this.identity;
    this.doubt = this.missing = false;
    this.current = st;
    this.accepted = [...this.accepted, { number: st.number, hash: st.hash }].slice(-16);
  }

  // leave notes what providers were given before and are not now.
  leave(old, st) {
    const of = (s, p) => s.grants.filter(g => s.providers[g.provider].name === p.name && s.providers[g.provider].key === p.key);
    const secrets = grants => grants.filter(g => g.via !== QUOTA).reduce((a, g) => a | g.secrets, 0) & ~PLAINTEXT;
    const quota = grants => grants.filter(g => g.via === QUOTA).reduce((a, g) => a + g.count, 0);
    for (const p of old.providers) {
      const had = of(old, p), has = of(st, p), gone = secrets(had) & ~secrets(has), q = quota(has) ? 0 : quota(had);
      if (!gone && !q) continue;
      const f = this.former.get(p.name) ?? { secrets: 0, quota: 0, chains: 0, identity: '' };
      const copied = secrets(had.filter(g => g.via !== ORACLE)) & gone & bit('identity');
      let add = gone;
      if (!copied) add &= ~bit('identity');
      if (!add && !q) continue;
      this.former.set(p.name, { secrets: f.secrets | add, quota: f.quota + q, chains: 5, identity: copied ? this.identity : f.identity });
    }
  }

  statement(st, now) {
    const fate = this.judge(st, now);
    if (fate !== 'accepted') this.doubt = true;
    if (fate === 'refused' && this.current) this.published = Math.max(this.published, st.number);
    return fate;
  }

  signal(e, statements) {
    const s = statements[e.statement];
    switch (e.signal) {
      case 'statement': s.fate = this.statement(s.st, e.time); s.came = e.at; break;
      case 'proof': if (this.proves(s)) this.lied = true; break;
      case 'collision': this.lied = true; break;
      case 'missing': this.missing = true; break;
      case 'complete': this.missing = false; break;
      case 'identity': this.identity = e.identity; break;
      case 'barrier':
        if (this.partial !== this.identity) this.partial = '';
        for (const [name, f] of this.former) if (!(f.secrets & bit('identity')) || f.identity !== this.identity) this.former.delete(name);
        break;
      case 'chain':
        for (const [name, f] of this.former) {
          if (--f.chains > 0) continue;
          f.chains = 0; f.quota = 0;
          f.secrets &= ~(bit('sending-chain') | bit('receiving-chains') | bit('skipped'));
          if (!f.secrets) this.former.delete(name);
        }
        break;
      default: need(e.signal === 'asked', 'a client notices something unknown');
    }
  }

  proves(s) {
    return this.custody.profile !== 'identity-signed' && s.twin !== undefined && s.st.number === s.twin.number && s.st.hash !== s.twin.hash && genuine(s.st, this.custody) && genuine(s.twin, this.custody);
  }

  // shown is what the client shows at a time, and of whom.
  shown(now) {
    const st = this.current, all = st ? holders(st, this.former) : [], plain = state => ({ state, holders: all });
    if (this.lied) return plain('contradicted');
    if (!st) return plain('unknown');
    if (now > this.end(st)) return plain('expired');
    const live = all.filter(h => !h.former), gone = all.filter(h => h.former);
    if (this.changed) return { state: 'changed', holders: all };
    if (live.length) return { state: 'managed', holders: all, by: live };
    if (gone.length) return { state: 'revoked', holders: all, by: gone };
    if (this.custody.profile === 'identity-signed' || this.doubt || this.partial || this.missing || this.published > st.number) return plain('unknown');
    if (!st.identities.includes(this.identity) || st.protocol > this.custody.protocol || st.from > now) return plain('unknown');
    return plain('e2ee');
  }
}

const asserts = shown => !['unknown', 'expired', 'contradicted'].includes(shown.state);
const tells = (shown, circle, ...verbs) => shown.holders.some(h => h.names.some(n => circle.ids.has(n)) && verbs.some(v => h.verbs.has(v)));

// follow runs the client through the events and notes what it shows at each message, and what it was at each "asked".
function follow(t, files) {
  if (!t.custody) { need(![...files.keys()].some(n => n.startsWith('statements/')), 'statements without notices'); return undefined; }
  need(t.custody.root && t.custody.identity === t.bundles.find(b => b.of === 'business')?.identity && [3, 4].includes(t.custody.protocol) && ['custody-root', 'identity-signed'].includes(t.custody.profile), 'the custody of the transcript is not whole');
  const client = new Client(t.custody), statements = [], asked = [], proofs = [], at = new Map(), said = [], used = new Set();
  let now = 0;
  const clock = time => { need(time >= now, 'times go back'); now = time; };
  for (const e of t.events) {
    if (e.kind === 'statement') {
      const n = statements.length, name = `statements/${pad4(n + 1)}`;
      need(e.number === n && e.file === name + '.bin' && files.has(e.file) && (!e.twin || e.twin === name + '.twin' && files.has(e.twin)) && (!e.by || t.ids.includes(e.by)), 'a statement is not whole');
      [e.file, e.twin].forEach(f => f && used.add(f));
      statements.push({ st: parseStatement(files.get(e.file)), twin: e.twin ? parseSigned(files.get(e.twin)) : undefined, e });
    } else if (e.kind === 'message' && e.number >= 0) {
      clock(e.time);
      at.set(e.number, client.shown(now));
      said.push([e.at, client.shown(now)]);
      if (e.from === 'customer') client.changed = false;
    } else if (e.kind === 'client') {
      clock(e.time);
      if (['statement', 'proof'].includes(e.signal)) need(statements[e.statement] && (e.signal === 'proof' || statements[e.statement].came === undefined), 'a statement came that was not sent, or twice');
      if (e.signal === 'proof' && client.proves(statements[e.statement])) proofs.push(e);
      client.signal(e, statements);
      said.push([e.at, client.shown(now)]);
      if (e.signal === 'asked') asked.push({ e, client: client.copy() });
    }
  }
  const third = t.events.at(-3);
  need(third?.kind === 'client' && third.signal === 'asked', 'the third event from the end is not asked');
  need([...files.keys()].filter(n => n.startsWith('statements/')).every(n => used.has(n)), 'a statement was not published');
  return { statements, asked, proofs, at, said, end: client.shown(now), anyAccepted: statements.some(s => s.fate === 'accepted') };
}

// ---- Witnesses ----

// checkWitnesses checks each of a circle's principal, and that they are all that there should be.
function checkWitnesses(t, ev, p, known, notices, files) {
  const { circle, plain, quantum } = known, mine = l => ev[l].filter(w => w.principal === p.id);
  const expectation = (l, got, want) => need(same(got, want), `${p.id}: the ${l} are ${JSON.stringify(got)}, and should be ${JSON.stringify(want)}`);
  const identityOf = end => t.bundles.filter(b => b.of === end).map(b => b.identity);
  const ends = (k, from, to) => need(identityOf(from).includes(k.sender) && identityOf(to).includes(k.receiver), 'keys name somebody else');
  // Readings.
  const reads = set => t.messages.map(e => e.number).filter(n => set.has(`plaintext(${n})`));
  const classical = reads(plain), later = p.quantum ? reads(quantum).filter(n => !plain.has(`plaintext(${n})`)) : [];
  for (const [q, set, want] of [[false, plain, classical], [true, quantum, later]]) {
    const readings = mine('readings').filter(r => r.quantum === q);
    expectation('readings', readings.map(r => r.message), want);
    for (const r of readings) {
      need(r.text_sha256, 'a reading has no text');
      if (!r.keys) { need(set.has(`copy(${r.message})`) && !set.has(`opened(${r.message})`), 'a reading has no keys'); continue; }
      const e = t.messages[r.message];
      need(set.has(`opened(${r.message})`), 'a reading does not follow');
      ends(r.keys, e.from, other(e.from));
      need(sha(open(e.m, r.keys)) === r.text_sha256, 'a text is another');
    }
  }
  // Forgeries and sessions.
  const { reaches } = circle;
  const bodies = new Set([...t.messages, ...t.carried].map(e => e.body));
  const by = (set, atom, at) => set.has(atom) && set.get(atom) <= at;
  const checkForgery = (f, probe, begins) => {
    const m = parseMessage(f.body, f.prekey), injected = probe.injection && t.injected.find(e => e.at > probe.at);
    const session = f.prekey ? m.base : t.events.findLast(e => e.kind === 'message' && e.at < probe.at && e.m.ratchet === m.ratchet)?.session;
    need(['S1', 'S2', 'S3', 'S4', 'S11'].includes(f.strategy) && (f.strategy === 'S11') === keyless(m), 'unknown strategy, or another than that of the message');
    ends(f.keys ?? {}, other(probe.to), probe.to);
    const text = open(m, f.keys);
    need(sha(text) === f.text_sha256, 'a text is another');
    const ways = begins ? probe.takes.filter(w => w.prekey) : probe.takes;
    need(ways.some(w => fits(w, m, session ?? w.session)) && !bodies.has(f.body), 'a forgery does not fit its probe');
    need(text.toString() === DECEIT || injected && injected.by === probe.injection.by && injected.body === f.body, 'a forgery says something else');
  };
  const forgeable = t.probes.filter(q => reaches && (!q.injection || q.injection.by === p.id) && by(plain, `forge(${q.number})`, q.at)).map(q => q.number);
  expectation('forgeries', mine('forgeries').map(f => f.probe), forgeable);
  for (const f of mine('forgeries')) checkForgery(f, t.probes[f.probe], false);
  const openings = t.probes.filter(q => q.to === 'customer' && q.message === -1 && !q.injection);
  expectation('sessions', mine('sessions').map(f => f.probe), openings.filter(q => reaches && q.takes.some(w => w.prekey && by(plain, dh(w.sender, w.prekey), q.at))).map(q => q.number));
  for (const f of mine('sessions')) { need(f.prekey && ['S3', 'S4'].includes(f.strategy), 'a session is not begun'); checkForgery(f, t.probes[f.probe], true); }
  // Observations and collisions.
  const seen = t.messages.filter(e => sees(circle, e)), given = mine('readings').filter(r => !r.keys && !seen.includes(t.messages[r.message])).map(r => r.message);
  const total = seen.length + given.length;
  expectation('observations', mine('observations').length, total > 0 ? 1 : 0);
  const collide = [];
  for (const i of t.injected.filter(e => circle.ids.has(e.by))) for (const e of t.messages)
    if (e.session === i.session && e.m.ratchet === i.m.ratchet && e.m.counter === i.m.counter && e.body !== i.body) collide.push({ event: i.at, message: e.number });
  expectation('collisions', mine('collisions').map(({ event, message }) => ({ event, message })), collide);
  // Notices.
  const forged = (notices?.asked ?? []).filter(({ e, client }) => t.custody.profile === 'identity-signed' && !client.lied && by(plain, `private(${short(e.identity)})`, e.at));
  expectation('notices', mine('notices').map(n => n.at), forged.map(a => a.e.at));
  const published = new Set((notices?.statements ?? []).map(s => files.get(s.e.file).toString('hex')));
  mine('notices').forEach((n, i) => need(!published.has(n.body) && forged[i].client.copy().judge(parseStatement(hex(n.body)), forged[i].e.time) === 'accepted', 'a notice would not be accepted'));
  return { classical, later, openings, observed: { seen, given, total }, reaches };
}

// ---- Values, in a lab bundle ----

const derive = (salt, secret, info, n) => Buffer.from(hkdfSync('sha256', secret, salt, info, n));
const hmac = (key, byte) => createHmac('sha256', key).update(Buffer.of(byte)).digest();

function x25519(secret, theirs) {
  const d = { key: Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), secret]), format: 'der', type: 'pkcs8' };
  try { return diffieHellman({ privateKey: createPrivateKey(d), publicKey: createPublicKey(okp('X25519', theirs)) }); } catch { return undefined; }
}

// part is that of an output which an atom names: the root, then the chain or those of direction 0 and 1.
const part = (okm, head) => /^(pq-)?root/.test(head) ? okm.subarray(0, 32) : head.startsWith('chain') || head.endsWith(',0,0)') ? okm.subarray(32, 64) : okm.subarray(64);

// compute gives the value of a rule's head from those of its body, or undefined where more than node has is needed.
function compute({ rule, head }, v) {
  switch (rule) {
    case 'R1': return x25519(v[0], v[1]);
    case 'R3': return part(derive('', Buffer.concat([Buffer.alloc(32, 0xff), ...v.slice(1)]), 'WhisperText', 64), head);
    case 'R4': return part(derive(v[0], v[1], 'WhisperRatchet', 64), head);
    case 'R5a': return hmac(v[0], 2);
    case 'R5b': return hmac(v[0], 1);
    case 'R6': return part(derive('', v[0], 'Signal PQ Ratchet V1 Chain  Start', 96), head);
    case 'R7a': case 'R7b': {
      const index = Buffer.alloc(4);
      index.writeUInt32BE(Number(/(\d+)\)$/.exec(head)[1]));
      const okm = derive('', v[0], Buffer.concat([index, Buffer.from('Signal PQ Ratchet V1 Chain Next')]), 64);
      return rule === 'R7a' ? okm.subarray(0, 32) : okm.subarray(32);
    }
    case 'R8': return part(derive(v[0], v[1], 'Signal PQ Ratchet V1 Chain Add Epoch', 96), head);
    case 'R11': return derive(v[1] ?? '', v[0], 'WhisperMessageKeys', 80);
  }
}

// checkValues computes the keys of readings from what was handed over.
function checkValues(t, ev, p, { circle, plain }) {
  const given = new Map(), shown = new Map();
  for (const e of t.events) if (e.kind === 'parcel' && circle.ids.has(e.to)) for (const [a, v] of e.values) if (!given.has(a)) given.set(a, v);
  const see = (...list) => { for (const k of list) if (k) shown.set(`seen(${short(k)})`, hex(k).subarray(1)); };
  for (const e of t.events) see(e.identity, e.signed_prekey?.key, e.one_time_prekey?.key, e.session, e.m?.identity);
  for (const x of t.turns) see(x.session, x.key, x.against);
  const done = new Map();
  const value = a => {
    if (a.startsWith('seen(')) return shown.get(a);
    if (done.has(a)) return done.get(a);
    const rule = plain.by.get(a), body = rule?.body.map(b => b.startsWith('handshake(') ? Buffer.alloc(0) : value(b));
    const out = !rule ? given.get(a) : body.every(Boolean) && !(rule.rule === 'R3' && rule.head.startsWith('pq')) ? compute(rule, body) : undefined;
    done.set(a, out);
    return out;
  };
  for (const r of ev.readings) if (r.principal === p.id && !r.quantum && r.keys) {
    const v = value(`message-key(${r.message})`);
    need(!v || v.toString('hex') === r.keys.cipher + r.keys.mac + r.keys.iv, `the keys of ${r.id} are not those that were handed over`);
  }
}

// ---- Report ----

const GUARANTEES = {
  G1: [4, 'confidentiality before the mandate'], G2: [3, 'confidentiality while managed'], G3: [3, 'confidentiality after the mandate'], G4: [4, 'forward secrecy'], G5: [2, 'healing'],
  G6: [3, 'authenticity to the customer', 1], G7: [3, 'authenticity to the business', 1], G8: [3, 'persistence of forgery after revocation', 1], G9: [4, 'new-session impersonation', 1],
  G10: [1, 'deniability'], G11: [2, 'non-repudiation of the notice'], G12: [3, 'post-quantum confidentiality'], G13: [2, 'metadata'], G14: [4, 'notice honesty'],
  G15: [3, 'consent order'], G16: [3, 'scope limits kept', 1], G17: [4, 'integrity of record', 1],
};
const CLASSES = ['info', 'low', 'medium', 'high', 'critical'];

// verdicts computes those of one principal, without severity: { id, verdict, messages, of, evidence, … }.
function verdicts(t, ev, p, known, facts, notices) {
  const { circle, plain, quantum, certs } = known, total = t.messages.length, out = [];
  const mine = l => ev[l].filter(w => w.principal === p.id);
  const readings = mine('readings'), early = readings.filter(r => !r.quantum), forgeries = mine('forgeries').map(f => ({ ...f, p: t.probes[f.probe] }));
  const own = t.grants.filter(g => circle.ids.has(g.to));
  const since = own.length ? Math.min(...own.map(g => g.since)) : 0, until = own.length ? Math.max(...own.map(g => g.until)) : total;
  const add = (id, lost, messages, of, witnesses, more = {}) => out.push({ id, verdict: lost ? 'lost' : 'held', messages, of, evidence: lost ? witnesses.map(w => w.id) : [certs[0]], ...more });
  const span = (id, from, to, more) => { const r = early.filter(r => r.message >= from && r.message < to); add(id, r.length, r.length, Math.max(0, to - from), r, more); };
  const heal = set => { const l = t.messages.filter(e => e.number >= since && set.has(`plaintext(${e.number})`)).at(-1); return since === total || l?.number === total - 1 ? undefined : l ? l.number - since + 1 : 0; };
  const healing = own.length ? { healing: { classical: heal(plain), quantum: heal(quantum) } } : {};
  const unknown = (id, more = {}) => out.push({ id, verdict: 'unknown', messages: 0, of: 0, evidence: undefined, ...more }); // cites an absence
  span('G1', 0, own.length ? since : 0);
  span('G2', since, until, healing);
  span('G3', own.length ? until : total, total);
  const settled = own.length ? t.messages.filter(e => e.delivered && e.delivered_at <= Math.min(...own.map(g => g.at))).map(e => e.number) : [];
  const old = early.filter(r => r.keys && settled.includes(r.message));
  add('G4', old.length, old.length, settled.length, old);
  const last = early.filter(r => r.message === total - 1), after = total - since;
  if (own.length && after <= 0) unknown('G5', healing);
  else add('G5', last.length, early.filter(r => r.message >= since).length, after, last, healing);
  for (const [id, end] of [['G6', 'customer'], ['G7', 'business']]) {
    const f = forgeries.filter(f => f.p.to === end);
    add(id, f.length, f.filter(f => f.p.message >= 0).length, t.messages.filter(e => e.from !== end).length, f);
  }
  const asked = q => q.message >= 0 || q.injection && circle.ids.has(q.injection.by) || t.finals.includes(q);
  if (own.length && own.every(g => g.ended >= 0)) {
    const from = new Set(own.map(g => g.from)), ended = Math.max(...own.map(g => g.ended));
    const f = forgeries.filter(f => asked(f.p) && f.p.at >= ended && from.has(other(f.p.to)));
    add('G8', f.length, f.length ? Math.max(0, Math.max(...f.map(f => f.p.sent)) - until) : 0, total - until, f);
  }
  add('G9', mine('sessions').length, mine('sessions').length, facts.openings.length, mine('sessions'));
  // What follows from statements.
  const cite = l => { for (const v of out.slice(-1)) v.evidence = [...v.evidence, ...l]; };
  const taken = (notices?.statements ?? []).map((s, i) => ({ ...s, id: `s-${pad4(i + 1)}` })), accepted = taken.filter(s => s.fate === 'accepted').map(s => s.id);
  const quoted = early.map(r => [r, taken.filter(s => !s.e.by && s.e.at > t.messages[r.message].at && genuineRoot(s.st, t.custody) && s.st.words.includes(r.text_sha256)).map(s => s.id)]).filter(x => x[1].length);
  add('G10', quoted.length, quoted.length, early.length, quoted.map(x => x[0]));
  cite(unique(quoted.flatMap(x => x[1])).sort());
  if (own.length || notices) {
    if (!notices?.anyAccepted) unknown('G11');
    else { add('G11', mine('notices').length, mine('notices').length, notices.asked.length, mine('notices')); cite(accepted); }
  }
  if (p.quantum) {
    const opened = [...readings].sort((a, b) => a.message - b.message);
    add('G12', opened.length, opened.length, total, opened);
    if (!opened.length) out.at(-1).evidence = [certs[1]];
  }
  const { seen, given, total: heard } = facts.observed, bytesSeen = seen.reduce((a, e) => a + e.body.length / 2, 0);
  add('G13', mine('observations').length, heard, total, mine('observations'), { metadata: { contact: heard > 0, timing: seen.length > 0, messages: heard, bytes: bytesSeen } });
  if (own.length || notices) {
    const shown = n => notices.at.get(n), made = new Set(), cited = notices?.anyAccepted ? ev.contradictions.map(c => ({ id: c.id })) : [];
    for (const e of notices?.anyAccepted ? t.messages : []) {
      const n = e.number, r = early.find(r => r.message === n), f = forgeries.find(f => f.p.message === n);
      let owed = shown(n);
      if (r) {
        const g = Math.max(-1, ...own.filter(g => g.at <= plain.get(`plaintext(${n})`)).map(g => g.at));
        const next = t.messages.find(m => m.at >= g);
        if (g > e.at) {
          const seen = notices.asked.filter(a => a.e.at < (next?.at ?? Infinity));
          const between = seen.slice(Math.max(0, seen.findLastIndex(a => a.e.at < g))).map(a => a.client.shown(a.e.time));
          const told = [next ? shown(next.number) : notices.end, ...between].find(x => tells(x, circle, e.from === 'customer' ? 'read-customer' : 'read-business', 'open'));
          owed = told ?? (next ? shown(next.number) : notices.end);
        }
      }
      if (asserts(shown(n))) made.add(n);
      if (r && asserts(owed) && !tells(owed, circle, e.from === 'customer' ? 'read-customer' : 'read-business', 'open')) cited.push({ id: r.id, n });
      if (f && f.p.to === 'customer' && asserts(shown(n)) && !tells(shown(n), circle, 'write', 'open')) cited.push({ id: f.id, n });
    }
    if (!made.size && !(notices && asserts(notices.end)) && !cited.length) unknown('G14'); else { add('G14', cited.length, unique(cited.map(c => c.n)).filter(n => n !== undefined).length, made.size, cited); cite(accepted); }
  }
  const told = t.messages.find(e => notices && tells(notices.at.get(e.number), circle, 'read-customer', 'open'))?.at ?? Infinity;
  const before = early.filter(r => t.messages[r.message].at < told && t.messages[r.message].from === 'customer');
  add('G15', before.length, before.length, t.messages.filter(e => e.at < told && e.from === 'customer').length, before);
  const conditional = ok => { if (ok && out.at(-1).verdict === 'held') out.at(-1).verdict = 'conditional'; };
  if (own.length) {
    const mineAccepted = forgeries.filter(f => f.p.injection && circle.ids.has(f.p.injection.by));
    const inside = q => {
      const live = own.filter(g => g.from === other(q.to) && g.at <= q.at && !(g.ended >= 0 && g.ended <= q.at));
      const used = mineAccepted.filter(f => f.p.at < q.at && f.p.to === q.to).length;
      return live.some(g => g.via !== 'quota') || used < live.reduce((a, g) => a + g.count, 0);
    };
    const beyond = mineAccepted.filter(f => !inside(f.p));
    add('G16', beyond.length, beyond.length, mineAccepted.length, beyond);
    conditional(forgeries.some(f => asked(f.p) && !inside(f.p)));
  }
  const collisions = mine('collisions');
  add('G17', collisions.length, unique(collisions.map(c => c.message)).length, total, collisions);
  conditional(t.messages.some(e => plain.has(`message-key(${e.number})`)));
  return out;
}
const genuineRoot = (st, custody) => genuine(st, { ...custody, profile: 'custody-root' });

// places gives the first and the last message that a witness is about, by its id.
function places(t, ev, observed) {
  const out = new Map(), total = t.messages.length;
  for (const r of ev.readings) out.set(r.id, [r.message, r.message]);
  for (const f of [...ev.forgeries, ...ev.sessions]) { const q = t.probes[f.probe]; out.set(f.id, q.message >= 0 ? [q.message, q.message] : [q.sent, q.sent - 1]); }
  for (const c of ev.collisions) out.set(c.id, [c.message, c.message]);
  for (const o of ev.observations) { const l = observed.get(o.principal); out.set(o.id, [Math.min(...l), Math.max(...l)]); }
  return out;
}

// tried gives the strategies that a verdict on forging speaks of.
const tried = id => ['G6', 'G7', 'G8', 'G16'].includes(id) ? ['S1', 'S2', 'S3', 'S4', 'S7', 'S11'] : id === 'G9' ? ['S3', 'S4'] : [];

function severity(v, where, total) {
  const [base, , active = 0] = GUARANTEES[v.id], inputs = { base, exposure: 0, persistence: 0, active };
  if (v.verdict === 'held') return { class: 'none', inputs };
  if (v.verdict === 'unknown') return { class: 'unknown', inputs };
  if (v.verdict === 'lost') {
    if (v.messages && v.of) inputs.exposure = v.messages * 100 <= v.of ? 1 : v.messages * 10 <= v.of ? 2 : v.messages * 2 <= v.of ? 3 : 4;
    const spans = v.evidence.map(id => where.get(id)).filter(Boolean), first = Math.min(...spans.map(s => s[0])), last = Math.max(...spans.map(s => s[1]));
    if (spans.length) inputs.persistence = last === total - 1 ? 3 : last - first < 5 ? 0 : last - first < 100 ? 1 : 2;
  }
  const sum = inputs.exposure + inputs.persistence - active;
  return { class: CLASSES[Math.min(4, Math.max(0, base + (sum >= 5) - (sum <= 1)))], inputs };
}

// claims gives what the report should say of each piece of evidence, by its id; a function where only a part is certain.
function claims(t, ev, state, notices, rules, files) {
  const out = new Map(), put = (id, kind, claim) => { need(id && !out.has(id), 'two pieces of evidence have one name'); out.set(id, [kind, claim]); };
  for (const r of ev.readings) put(r.id, 'witness', `${r.principal}${r.quantum ? ' with a quantum computer' : ''} ${r.keys ? 'reads' : 'was given'} message ${r.message}`);
  for (const [l, what] of [['forgeries', 'message'], ['sessions', 'new session']]) for (const f of ev[l]) {
    const q = t.probes[f.probe], place = q.message >= 0 ? `in place of message ${q.message}` : `at event ${q.at}`;
    put(f.id, 'witness', `a copy of the ${q.to} accepts a ${what} of ${f.principal} as the ${other(q.to)}'s ${place} (${f.strategy})`);
  }
  for (const o of ev.observations) {
    const { seen, given, total } = state.get(o.principal).facts.observed, of = end => seen.filter(e => e.from === end).length;
    const lines = seen.map(e => `${e.at} ${e.number} ${e.from} ${e.body.length / 2}\n`).join(''), size = seen.reduce((a, e) => a + e.body.length / 2, 0);
    put(o.id, 'witness', `${o.principal} knows of ${total} messages: it saw ${seen.length} envelopes, ${of('customer')} from the customer and ${of('business')} from the business, ${size} bytes (sha256:${sha(lines)}), and was given the texts of ${given.length} others`);
  }
  for (const c of ev.collisions) put(c.id, 'witness', `what ${c.principal} wrote at event ${c.event} and message ${c.message} are two ciphertexts at one place of a chain`);
  for (const n of ev.notices) put(n.id, 'witness', `a copy of the customer's client accepts a statement of ${n.principal} as the business's at event ${n.at} (S10)`);
  for (const c of ev.contradictions) {
    const n = t.events[c.at].statement;
    put(c.id, 'witness', `the business signed two statements with number ${notices.statements[n].st.number}: s-${pad4(n + 1)} and another`);
  }
  for (const c of ev.certificates) {
    const set = state.get(c.principal)[c.quantum ? 'quantum' : 'plain'], file = files.get(`certificates/${c.id}.txt`);
    put(c.id, 'certificate', `what ${c.principal}${c.quantum ? ' with a quantum computer' : ''} learnt, closed under ${rules.length} clauses, is ${set.size} atoms (sha256:${sha(file)}); what is not among them does not follow`);
  }
  (notices?.statements ?? []).forEach((s, i) => put(`s-${pad4(i + 1)}`, 'statement', undefined));
  return out;
}

// ---- Sentences ----

const readWords = b => new Map(b.toString().split('\n').slice(0, -1).map(l => l.split('\t')).map(([k, en, fr]) => [k, { en, fr }]));
const put = (text, values) => text.replace(/\{(\w+)\}/g, (all, k) => Object.hasOwn(values, k) ? values[k] : all);
const fill = (t, values) => ({ en: put(t.en, values), fr: put(t.fr, values) });
const then = (a, b) => ({ en: a.en + ' ' + b.en, fr: a.fr + ' ' + b.fr });
const plural = n => n === 1 ? 'message' : 'messages';

// sentenceOf puts a verdict in words.
function sentenceOf(words, v, untried) {
  return untried.reduce((s, k) => then(s, words.get('untried.' + k)), said(words, v));
}

// untried lists the strategies that a verdict depends on and that were not tried.
function untried(t, ev, circle, v) {
  if (v.verdict !== 'held' || v.of === 0 && v.id !== 'G9') return [];
  const forks = () => ev.forgeries.some(f => f.principal === v.principal) && t.events.some(e => e.kind === 'parcel' && circle.ids.has(e.to) && e.entries.some(x => x.kind === 24));
  return [
    ['S5', ['G2', 'G3', 'G9'], () => t.grants.some(g => g.via === 'oracle' && circle.ids.has(g.to))], ['S6', ['G3', 'G5', 'G12'], forks], ['S9', ['G5'], () => true],
  ].filter(([, ids, holds]) => ids.includes(v.id) && holds()).map(([k]) => k);
}

function said(words, v) {
  const special = v.verdict === 'unknown' ? [`${v.id}.unknown`, 'unknown'] : v.verdict === 'held' && v.of === 0 ? [`${v.id}.none`] : v.verdict === 'lost' && v.messages === 0 ? [`${v.id}.self`] : [];
  const name = [...special, `${v.id}.${v.verdict}`].find(k => words.has(k));
  const s = fill(words.get(name) ?? { en: '', fr: '' }, { who: v.principal, n: v.messages, of: v.of, messages: plural(v.of), nmessages: plural(v.messages) });
  const clock = n => n === undefined ? words.get('G5.never') : fill(words.get('G5.after'), { k: n, kmessages: plural(n) });
  if (v.id === 'G5' && v.verdict === 'held' && v.healing) {
    const c = clock(v.healing.classical), q = clock(v.healing.quantum), t = words.get('G5.back');
    return then(s, { en: put(t.en, { c: c.en, q: q.en }), fr: put(t.fr, { c: c.fr, q: q.fr }) });
  }
  if (v.id === 'G8' && v.verdict === 'lost' && v.messages >= v.of) return then(s, words.get('G8.still'));
  if (v.id === 'G13' && v.verdict === 'lost') return then(s, v.metadata.timing ? fill(words.get('G13.timing'), { bytes: v.metadata.bytes }) : words.get('G13.texts'));
  return s;
}

const absence = (words, v, notices) => put(words.get(v.id === 'G5' ? 'absence.G5' : notices?.anyAccepted ? 'absence.claimed' : 'absence.accepted').en, { who: v.principal });

// checkSentences makes assumptions, limits and logs again.
function checkSentences(rep, t, words) {
  const numbered = name => { const out = []; while (words.has(name + (out.length + 1))) out.push(words.get(name + (out.length + 1)).en); return out; };
  need(same(rep.assumptions, [...numbered('assumption.'), ...t.principals.filter(p => p.same_as).map(p => put(words.get('assumption.sharing').en, { who: p.id, other: p.same_as }))]), 'the assumptions are not those of every report');
  const limits = numbered('limit.');
  need(same(rep.limits.slice(0, limits.length), limits), 'the limits are not those of every report');
  const notes = new Map(['statement', 'idle', 'fresh', 'uncounted', 'strict'].map(k => [words.get('note.' + k).en, true]));
  notes.set(words.get('note.keyless').en, t.probes.every(p => p.takes.every(w => !w.pq || w.keyless)));
  const due = [];
  const parcels = g => t.events.filter(e => e.kind === 'parcel' && e.grant === g.name);
  for (const g of t.grants) {
    const given = parcels(g), first = given.find(e => e.at === g.at);
    for (const atom of g.via === 'quota' ? ['sending-chain'] : g.atoms) {
      const empty = g.via === 'quota' ? given.length === 0 : g.atoms.includes('archived') || !first || !first.entries.some(x => KINDS[atom].includes(x.kind));
      const note = put(words.get('note.empty').en, { grant: g.name, atom });
      notes.set(note, empty);
      if (empty && !g.atoms.includes('archived')) due.push(note);
    }
  }
  const numberIn = (s, template, hole) => {
    const [before, after] = template.split(hole), digits = s.slice(before.length, s.length - after.length);
    return s === before + digits + after && /^(0|[1-9]\d{0,15})$/.test(digits) ? Number(digits) : undefined;
  };
  for (const s of rep.limits.slice(limits.length)) {
    if (notes.has(s)) { need(notes.get(s), 'a limit is not true'); continue; }
    const ended = numberIn(s, words.get('note.ended').en, '{n}'), refused = numberIn(s, words.get('note.refused').en, '{n}'), e = t.messages[ended ?? refused];
    if (e) { need(!e.delivered && (refused !== undefined || e.from === 'business'), 'a limit is not true'); continue; }
    const check = [...words].some(([k, w]) => k.startsWith('note.check.') && numberIn(s, w.en, '{step}') !== undefined);
    need(check && t.custody, 'a limit that no template makes');
  }
  need(due.every(n => rep.limits.includes(n)), 'what was granted was neither handed over nor said to be missing');
  const logs = t.grants.filter(g => g.via === 'oracle').map(g => put(words.get('calls.' + g.from).en, { grant: g.name, who: g.to, k: parcels(g).reduce((n, e) => n + e.entries.length, 0) }));
  need(same(rep.evidence.filter(e => e.kind === 'log').map(e => e.claim), logs), 'the logs are not those of the oracles');
  need(same(rep.evidence.filter(e => e.kind === 'absence').map(e => e.id).sort(), rep.verdicts.filter(v => v.verdict === 'unknown').flatMap(v => v.evidence).sort()), 'an absence is of nothing');
}

function checkReport(rep, t, ev, state, notices, files, rules, lab) {
  need(rep.format === 'custody-report-v1' && rep.tool.rulebook === 'sha256:' + RULEBOOK && sha(files.get('rulebook.txt')) === RULEBOOK, 'another rule book');
  need(rep.tool.sentences === 'sha256:' + SENTENCES && files.has('sentences.txt') && sha(files.get('sentences.txt')) === SENTENCES, 'other templates of sentences');
  const words = readWords(files.get('sentences.txt'));
  if (lab) need(rep.scenario === 'sha256:' + sha(files.get('scenario.json')), 'the report is of another scenario');
  const ids = l => l.map(p => p.id), reader = (n, q) => ids(t.principals.filter(p => (!q || p.quantum) && ev.readings.some(r => r.principal === p.id && r.message === n && (q || !r.quantum))));
  need(rep.messages.length === t.messages.length, 'the report is of other messages');
  t.messages.forEach((e, n) => {
    const evidence = {}, probe = t.probes.find(q => q.message === n).number, forgers = ids(t.principals.filter(p => ev.forgeries.some(f => f.principal === p.id && f.probe === probe)));
    for (const r of ev.readings) if (r.message === n && r.quantum) evidence[r.principal] = r.id;
    for (const f of ev.forgeries) if (f.probe === probe) evidence[f.principal] = f.id;
    for (const r of ev.readings) if (r.message === n && !r.quantum) evidence[r.principal] = r.id;
    const want = { i: n, from: e.from, delivered: e.delivered, readable_by: reader(n, false), quantum_readable_by: reader(n, true), forgeable_by: forgers };
    const { evidence: cited, ...got } = rep.messages[n];
    need(same(got, want) && same(Object.entries(cited), t.principals.filter(p => evidence[p.id]).map(p => [p.id, evidence[p.id]])), `message ${n} of the report is ${JSON.stringify(rep.messages[n])}, and should be ${JSON.stringify({ ...want, evidence })}`);
  });
  const injections = t.probes.filter(q => q.injection).map(q => {
    const f = ev.forgeries.find(f => f.principal === q.injection.by && f.probe === q.number);
    return { ...q.injection, accepted: !!f, evidence: f?.id ?? state.get(q.injection.by).certs[0] };
  });
  need(same(rep.injections, injections), 'the injections of the report do not follow');
  // Verdicts.
  const observed = new Map([...state].map(([id, s]) => [id, [...s.facts.observed.seen.map(e => e.number), ...s.facts.observed.given]]));
  const where = places(t, ev, observed);
  const want = t.principals.flatMap(p => verdicts(t, ev, p, state.get(p.id), state.get(p.id).facts, notices).map(v => ({ ...v, principal: p.id })));
  need(rep.verdicts.length === want.length, 'the report has other verdicts');
  want.forEach((w, i) => {
    const { text, name, ...got } = rep.verdicts[i];
    const full = { healing: undefined, metadata: undefined, tried: tried(w.id), ...w, severity: severity(w, where, t.messages.length) };
    if (w.verdict === 'unknown') {
      full.evidence = got.evidence;
      need(got.evidence.length === 1 && rep.evidence.some(e => e.id === got.evidence[0] && e.kind === 'absence' && e.claim === absence(words, w, notices)), `${w.id} of ${w.principal} cites no absence`);
    }
    for (const k in full) need(same(got[k], full[k]), `${w.id} of ${w.principal}: ${k} is ${JSON.stringify(got[k])}, and should be ${JSON.stringify(full[k])}`);
    need(name === GUARANTEES[w.id][1], `${w.id} has another name`);
    need(same(text, sentenceOf(words, w, untried(t, ev, state.get(w.principal).circle, w))), `${w.id} of ${w.principal} is in other words`);
  });
  checkSentences(rep, t, words);
  // Headline, notice and evidence.
  const { headline: begins, notice } = headline(t, ev, want, p => state.get(p.id).circle.root);
  for (const k in begins) need(same(rep.headline[k], begins[k]), `the headline does not follow: ${k} should be ${JSON.stringify(begins[k])}`);
  if (notices) {
    const shown = notices.end.state, by = (notices.end.by ?? (shown === 'changed' ? notices.end.holders.filter(h => !h.former) : [])).flatMap(h => h.names);
    need(rep.notice.state === shown && rep.notice.by === unique(by).join(', '), `the notice is ${rep.notice.state} by ${rep.notice.by}, and should be ${shown} by ${unique(by).join(', ')}`);
  } else need(same(rep.notice, notice), `the notice does not follow: it should be ${JSON.stringify(notice)}`);
  const said = claims(t, ev, state, notices, rules, files);
  for (const e of rep.evidence) if (['absence', 'log'].includes(e.kind) && !said.has(e.id)) said.set(e.id, [e.kind, undefined]);
  need(rep.evidence.every(e => /^[a-z]-\d{4,}$/.test(e.id)), 'an id of evidence is not well made');
  need(rep.evidence.length === said.size && unique(ids(rep.evidence)).length === said.size, 'the report names other evidence');
  for (const e of rep.evidence) {
    const [kind, claim] = said.get(e.id) ?? [];
    need(e.kind === kind && (claim === undefined || e.claim === claim), `the claim of ${e.id} does not follow: ${claim}`);
    if (kind === 'statement') { const s = notices.statements[Number(e.id.slice(2)) - 1]; checkFate(e.claim, s); }
  }
}

function checkFate(claim, s) {
  const fate = s.came === undefined ? 'did not reach the customer' : `was ${s.fate === 'accepted' ? 'accepted' : 'refused'} by the customer's client at event ${s.came}`;
  const want = `statement ${s.st.number}, signed by ${s.e.by || 'the business'}, says ${s.st.label} (sha256:${s.st.hash}) and ${fate}`;
  need(claim === want, `the claim of a statement should be: ${want}`);
}

// ---- Scenario of a lab bundle ----

const GROUPS = {
  'session-ec': ['root', 'ratchet-private', 'sending-chain', 'receiving-chains', 'skipped'], session: ['session-ec', 'session-pq'],
  'session-pq': ['pq-root', 'pq-sending-chain', 'pq-receiving-chain', 'pq-skipped', 'pq-auth', 'pq-decapsulation', 'pq-encapsulation', 'pq-negotiation'],
  prekeys: ['signed-prekey', 'one-time-prekeys', 'kyber-prekey'], everything: ['identity', 'prekeys', 'session', 'archived'],
};
const members = a => GROUPS[a]?.flatMap(members) ?? [a];

// admits tells whether a portion has message n, or what has no number (-1), of an end.
function admits(p, seed, place, n, end) {
  if (p.from && p.from !== end) return false;
  if (n < 0) return !p.percent && !p.messages;
  if (p.messages && !p.messages.includes(n) || p.except?.includes(n)) return false;
  if (!p.percent) return true;
  const b = Buffer.alloc(24);
  [seed, place, n].forEach((x, i) => b.writeBigUInt64BE(BigInt(x), 8 * i));
  return Buffer.from(sha(Buffer.concat([Buffer.from('custody-view-v1\0'), b])), 'hex').readUInt32BE() < Math.floor(Math.min(p.percent, 99) * 2 ** 32 / 100);
}

// scripted gives a principal of the script as a transcript has it.
function scripted(t, seed, place, p) {
  if (typeof p.sees === 'string') return { ...p, seen: [], others: [] };
  const seen = t.messages.filter(e => admits(p.sees, seed, place, e.number, e.from)).map(e => e.number);
  return { ...p, sees: 'part', seen, others: ENDS.filter(end => admits(p.sees, seed, place, -1, end)) };
}

function checkSight(t) {
  const ascending = (l, top) => l.every((n, i) => n >= 0 && n < top && (i === 0 || n > l[i - 1]));
  for (const p of t.principals) need(p.sees === 'part' ? ascending(p.seen, t.messages.length) && ascending(p.others.map(e => ENDS.indexOf(e)), 2) : p.seen.length + p.others.length === 0, 'a principal is not well made');
}

function compareScenario(sc, t) {
  need(sc.format === 'custody-scenario-v1' && ['', 'refused'].includes(sc.keyless) && same(sc.principals.map((p, i) => scripted(t, sc.seed, i, p)), t.principals), 'the principals are not those of the scenario');
  const grants = [], injections = [], held = new Set(), told = new Set();
  let sent = 0;
  sc.script.forEach((s, step) => {
    if (s.send) for (let i = 0; i < (s.count || 1); i++) {
      need(t.messages[sent]?.from === s.send, 'a message is not of the scenario');
      if (s.deliver === false) held.add(sent);
      sent++;
    } else if (Array.isArray(s.deliver)) s.deliver.forEach(n => held.delete(n));
    if (s.grant) {
      const atoms = new Set(['copy', 'stream'].includes(s.grant.via) ? s.grant.atoms.flatMap(members) : []);
      grants.push({ name: s.grant.name, to: s.grant.to, from: s.grant.from || 'business', via: s.grant.via, atoms: SECRETS.filter(a => atoms.has(a)), count: s.grant.count, since: sent, until: -1, ended: false });
    }
    for (const g of grants) if (s.revoke?.name === g.name) { g.until = sent; g.ended = true; }
    if (s.inject) injections.push({ step, by: s.inject.by });
    if (s.notice) told.add(step + ' ' + s.notice.statement.by);
  });
  for (const g of grants) if (!g.ended) g.until = sent;
  need(sent === t.messages.length && t.messages.every(e => !e.delivered || !held.has(e.number)), 'the messages are not those of the scenario');
  need(same(grants, t.grants.map(({ at, ...g }) => ({ ...g, ended: g.ended >= 0 }))), 'the grants are not those of the scenario');
  need(same(injections, t.probes.filter(p => p.injection && !told.has(p.injection.step + ' ' + p.injection.by)).map(p => p.injection)), 'the injections are not those of the scenario');
}

// ---- Receipts ----

// readReceipts checks who signed for which parcels; it gives a line for each principal that signed.
function readReceipts(t, files, lab) {
  const by = new Map(t.principals.map(p => [p.id, { key: null, signed: 0, parcels: 0 }]));
  let used = 0;
  t.events.filter(e => e.kind === 'parcel').forEach((e, i) => {
    const b = files.get(`receipts/${pad4(i + 1)}.bin`), r = by.get(e.to);
    if (e.grant) r.parcels++;
    if (!b) return;
    need(e.grant && b.length === 136, 'a receipt is not well made');
    const key = b.subarray(0, 32), parcel = b.subarray(96, 128);
    need(!lab || parcel.equals(hex(sha(files.get(e.file)))), 'a receipt is of another parcel');
    need(ed25519(key, Buffer.concat([Buffer.from('custody-parcel-v1\0'), parcel, Buffer.from(e.grant), b.subarray(128)]), b.subarray(32, 96)), 'the signature of a receipt is wrong');
    need(b.readBigUInt64BE(128) < 1n << 53n && (!r.key || r.key.equals(key)), 'a receipt is by another key, or of no time');
    r.key = key; r.signed++; used++;
  });
  need([...files.keys()].filter(n => n.startsWith('receipts/')).length === used, 'a receipt is of no parcel');
  return [...by].filter(([, r]) => r.signed).map(([id, r]) => `${id} signed for ${r.signed} of its ${r.parcels} parcels with the key ${r.key.toString('hex')}`);
}

// ---- All together ----

function verify(tar) {
  const { files, lab, author } = unpack(tar), json = name => { need(files.has(name), 'there is no ' + name); return files.get(name); };
  const known = /^(manifest\.json|report\.json|rulebook\.txt|sentences\.txt|transcript\.json|evidence\.json|scenario\.json|certificates\/c-\d{4,}\.txt|parcels\/\d{4,}\.(names|bin)|receipts\/\d{4,}\.bin|statements\/\d{4,}\.(bin|twin))$/;
  for (const n of files.keys()) need(known.test(n) && (lab || n !== 'scenario.json'), 'unknown file ' + n);
  const t = readTranscript(document(Transcript, json('transcript.json')), files, tar.length), ev = document(Evidence, json('evidence.json')), rep = document(Report, json('report.json'));
  checkSight(t);
  need(files.has('rulebook.txt') && (!lab || files.has('scenario.json')), 'a file is missing');
  readParcels(t, files, lab);
  bindings(t);
  const receivers = readReceipts(t, files, lab);
  if (lab) compareScenario(document(Scenario, files.get('scenario.json')), t);
  const rules = clauses(t), notices = follow(t, files), state = new Map();
  const wanted = t.principals.flatMap(p => [false, true].map(quantum => ({ principal: p.id, quantum }))).map((c, i) => ({ id: `c-${pad4(i + 1)}`, ...c }));
  need(same(ev.certificates, wanted) && [...files.keys()].filter(n => n.startsWith('certificates/')).length === wanted.length, 'the certificates are not those of the principals');
  const of = id => t.principals.find(p => p.id === id), root = p => p.same_as ? root(of(p.same_as)) : p.id;
  for (const p of t.principals) {
    const members = t.principals.filter(q => root(q) === root(p));
    const circle = { root: root(p), ids: new Set(members.map(m => m.id)), all: members.some(m => m.sees ? m.sees === 'all' : m.role !== 'outsider'), parts: members.filter(m => m.sees === 'part') };
    circle.reaches = circle.all || circle.parts.length > 0 || members.some(m => m.role !== 'outsider');
    const s = { circle, plain: saturate(rules, facts(t, circle, false)), quantum: saturate(rules, facts(t, circle, true)), certs: wanted.filter(c => c.principal === p.id).map(c => c.id) };
    [s.plain, s.quantum].forEach((set, i) => need(files.get(`certificates/${s.certs[i]}.txt`)?.toString('latin1') === certificate(set), `${s.certs[i]} is not the closure of its facts`));
    state.set(p.id, s);
  }
  for (const l of Object.keys(ev)) for (const w of ev[l]) need(l === 'contradictions' || state.has(w.principal), 'a witness is of nobody');
  need(same(ev.contradictions.map(c => c.at), (notices?.proofs ?? []).map(e => e.at)), 'the contradictions are not those that were proved');
  const texts = new Map();
  for (const r of ev.readings) { need((texts.get(r.message) ?? r.text_sha256) === r.text_sha256, 'a message has two texts'); texts.set(r.message, r.text_sha256); }
  for (const p of t.principals) { const s = state.get(p.id); s.facts = checkWitnesses(t, ev, p, s, notices, files); if (lab) checkValues(t, ev, p, s); }
  checkReport(rep, t, ev, state, notices, files, rules, lab);
  return { t, rules, state, author, receivers, book: files.get('rulebook.txt').toString() };
}

function judge(name, say = () => {}) {
  try { const { author, receivers } = verify(readFileSync(name)); receivers.forEach(say); return author ? 'accepted, signed by ' + author : 'accepted'; } catch (e) { return 'refused: ' + (process.env.TRACE ? e.stack : e.message.replace(/\s+/g, ' ')); }
}

if (process.argv[2] === 'prove') { // DIRECTORY BUNDLE…: the questions of the n-th bundle into DIRECTORY/n
  process.argv.slice(4).forEach((name, n) => {
    const dir = join(process.argv[3], String(n));
    mkdirSync(dir);
    write(verify(readFileSync(name)), facts, dh, (file, text) => writeFileSync(join(dir, file), text));
  });
  process.exit(0);
}
if (process.argv[2]) {
  const said = [], verdict = judge(process.argv[2], line => said.push(line));
  console.log(verdict === 'accepted' ? 'accepted, anonymous' : verdict);
  for (const line of said) console.log(line);
  process.exit(verdict.startsWith('accepted') ? 0 : 1);
}
for (const name of readFileSync(0, 'utf8').split('\n')) if (name) console.log(judge(name));
