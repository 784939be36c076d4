// The headline of a report, and the notice where no statement was made, from docs/custody-headline.md.
// SPDX-License-Identifier: Apache-2.0

// What ends with ".1" is said of one message.
const TEMPLATES = {
  'semicolon': ['; ',
    ' ; '],
  'with': ['{a} (with {others})',
    '{a} (avec {others})'],
  'could': ['{a} could {x}',
    '{a} a pu {x}'],
  'also': [', and ',
    ', et '],
  'read': ['read {n} of {N.}',
    'lire {n.} sur {N}'],
  'number': [', number {t}',
    ', le numéro {t}'],
  'between': [', between {t} and {u}',
    ', entre {t} et {u}'],
  'partly.1': [', 1 of them as a text that it was given after it had arrived',
    ', dont 1 qu\'il a reçu en texte après son arrivée'],
  'partly': [', {n} of them as texts that it was given after they had arrived',
    ', dont {n} qu\'il a reçus en texte après leur arrivée'],
  'handed.1': [', as a text that it was given after it had arrived',
    ', dont il a reçu le texte après son arrivée'],
  'handed': [', as texts that it was given after they had arrived',
    ', dont il a reçu le texte après leur arrivée'],
  'write': ['write {to}',
    'écrire {to}'],
  'customer': ['to the customer as the business',
    'au client au nom de l\'entreprise'],
  'business': ['to the business as the customer',
    'à l\'entreprise au nom du client'],
  'both': [' and ',
    ' et '],
  'place': [', in place of {n} of {N.}',
    ', à la place de {n.} sur {N}'],
  'elsewhere.1': [', at another moment than that of the message',
    ', à un autre moment que celui du message'],
  'elsewhere': [', at another moment than those of the {N} messages',
    ', à un autre moment que ceux des {N} messages'],
  'unread.1': ['Nobody else could read it.',
    'Personne d\'autre n\'a pu le lire.'],
  'unread': ['Nobody else could read them.',
    'Personne d\'autre n\'a pu les lire.'],
  'open': ['Of {N.} it cannot be told whether {a} could {verbs}: {missing}.',
    'Sur {N.}, on ne peut dire si {a} a pu {verbs} : {missing}.'],
  'verbs.read': ['read',
    'lire'],
  'verbs.write': ['write',
    'écrire'],
  'verbs.or': ['read or write',
    'lire ou écrire'],
  'verbs.and': ['read and write',
    'lire et écrire'],
  'untried': ['it has means that were not tried',
    'il a des moyens qui n\'ont pas été essayés'],
  'disagree': ['the rule book and the adversary do not agree',
    'les règles et l\'adversaire ne s\'accordent pas'],
  'conventions': ['By WhatsApp\'s convention, which looks at the journey alone, the chat is still end-to-end encrypted; by the strict one, which leaves the text to the two ends, it is not.',
    'Selon la convention de WhatsApp, qui ne regarde que le trajet, la discussion reste chiffrée de bout en bout ; selon la convention stricte, qui réserve le texte aux deux extrémités, elle ne l\'est pas.'],
  'today.1': ['With today\'s computers nobody but the two ends could read this message, but ',
    'Avec les ordinateurs d\'aujourd\'hui, personne en dehors des deux extrémités n\'a pu lire ce message, mais '],
  'today': ['With today\'s computers nobody but the two ends could read these {N} messages, but ',
    'Avec les ordinateurs d\'aujourd\'hui, personne en dehors des deux extrémités n\'a pu lire ces {N} messages, mais '],
  'recorded.only': ['{a} recorded it, and could read it with a quantum computer',
    '{a} l\'a enregistré et pourrait le lire avec un ordinateur quantique'],
  'recorded.1': ['{a} recorded 1 of them, and could read it with a quantum computer',
    '{a} en a enregistré 1 et pourrait le lire avec un ordinateur quantique'],
  'recorded': ['{a} recorded {n} of them, and could read them with a quantum computer',
    '{a} en a enregistré {n} et pourrait les lire avec un ordinateur quantique'],
  'more.1': ['{a} recorded 1 more, and could read it with a quantum computer',
    '{a} en a enregistré 1 de plus et pourrait le lire avec un ordinateur quantique'],
  'more': ['{a} recorded {n} more, and could read them with a quantum computer',
    '{a} en a enregistré {n} de plus et pourrait les lire avec un ordinateur quantique'],
  'nothing': ['Nothing to judge: no message was sent.',
    'Rien à juger : aucun message n\'a été envoyé.'],
  'private.1': ['The message was end-to-end encrypted: nobody outside this chat could read it or write one.',
    'Le message était chiffré de bout en bout : personne en dehors de cette discussion n\'a pu le lire ni en écrire.'],
  'private': ['All {N} messages were end-to-end encrypted: nobody outside this chat could read or write one.',
    'Les {N} messages étaient chiffrés de bout en bout : personne en dehors de cette discussion n\'a pu en lire ni en écrire.'],
  'assumed.1': [' This assumes that nobody who recorded it has a quantum computer, now or later.',
    ' Cela suppose que personne qui l\'a enregistré n\'a d\'ordinateur quantique, ni n\'en aura.'],
  'assumed': [' This assumes that nobody who recorded them has a quantum computer, now or later.',
    ' Cela suppose que personne qui les a enregistrés n\'a d\'ordinateur quantique, ni n\'en aura.'],
  'reads': ['{a} reads what is written now.',
    '{a} lit ce qui s\'écrit maintenant.'],
  'given': ['{a} is given what is written now.',
    '{a} reçoit ce qui s\'écrit maintenant.'],
  'writes': ['{a} can still write {to}.',
    '{a} peut encore écrire {to}.'],
  'since.copy': ['Since {a} was given a copy, ',
    'Depuis la remise d\'une copie à {a}, '],
  'since.stream': ['Since {a} was given a stream, ',
    'Depuis la remise d\'un flux à {a}, '],
  'since.quota': ['Since {a} was given a quota, ',
    'Depuis la remise d\'un quota à {a}, '],
  'since.oracle': ['Since {a} was given an oracle, ',
    'Depuis la remise d\'un oracle à {a}, '],
  'since.revoked': ['Since the last grant to {a} was revoked, ',
    'Depuis la révocation du dernier mandat confié à {a}, '],
  'silent': ['nothing was sent',
    'rien n\'a été envoyé'],
  'silent.0': ['the customer has sent nothing',
    'le client n\'a rien envoyé'],
  'silent.1': ['the business has sent nothing',
    'l\'entreprise n\'a rien envoyé'],
  'untested': [': whether {a} reads what comes next was not tried.',
    ' : rien ne montre si {a} lit la suite.'],
  'untold': ['Whether {a} can {verbs} now cannot be told.',
    'On ne peut dire si {a} peut {verbs} maintenant.'],
  'nobody': ['Now nobody else can read or write',
    'Maintenant, personne d\'autre ne peut ni lire ni écrire'],
  'nobody.since': ['Since message {t} nobody else can read or write',
    'Depuis le message {t}, personne d\'autre ne peut ni lire ni écrire'],
  'nobody.today': [' with today\'s computers',
    ' avec les ordinateurs d\'aujourd\'hui'],
  'e2ee': ['Messages are end-to-end encrypted. Nobody outside this chat, not even the platform, can read them.',
    'Les messages sont chiffrés de bout en bout. Personne en dehors de cette discussion, pas même la plateforme, ne peut les lire.'],
  'unknown': ['We cannot verify who holds the keys of this chat.',
    'Nous ne pouvons pas vérifier qui détient les clés de cette discussion.'],
  'managed': ['This chat is managed by {a}, which can {verbs} messages. It is not end-to-end encrypted to the business.',
    'Cette discussion est gérée par {a}, qui peut {verbs} des messages. Elle n\'est pas chiffrée de bout en bout jusqu\'à l\'entreprise.'],
  'past': ['{a} could {verbs} until message {t}.',
    '{a} a pu {verbs} jusqu\'au message {t}.'],
  'past.first': ['{a} could {verbs} before the first message.',
    '{a} a pu {verbs} avant le premier message.'],
};

const ENDS = ['customer', 'business'];
const messages = n => n === 1 ? '1 message' : `${n} messages`;
const form = (key, n) => n === 1 ? key + '.1' : key;
const heaviest = (list, weight) => list.filter(c => weight(c) > 0).sort((a, b) => weight(b) - weight(a)); // stable

// fill puts values into a template in one pass: a value is never looked into.
const fill = (lang, key, values = {}) => TEMPLATES[key][lang].replace(/\{(\w+)(\.?)\}/g, (_, name, dot) => dot ? messages(values[name]) : values[name]);

// circles gives what those who share what they know could do: t is the transcript, ev the evidence, root names a circle.
function circles(t, ev, verdicts, root) {
  const out = new Map();
  for (const p of t.principals) {
    if (!out.has(root(p))) out.set(root(p), { ids: [] });
    out.get(root(p)).ids.push(p.id);
  }
  for (const c of out.values()) {
    const mine = l => l.filter(x => c.ids.includes(x.principal)), grants = t.grants.filter(g => c.ids.includes(g.to));
    const read = new Set(), opened = new Set(), later = new Set(), copied = new Set();
    for (const r of mine(ev.readings)) {
      (r.quantum ? later : read).add(r.message);
      if (r.keys && !r.quantum) opened.add(r.message);
    }
    for (const e of t.events) if (e.kind === 'parcel' && c.ids.includes(e.to)) for (const a of e.atoms) {
      const n = /^copy\((\d+)\)$/.exec(a)?.[1], m = t.messages[n];
      if (m && (e.from === m.from || m.delivered && m.delivered_at <= e.at)) copied.add(m.number);
    }
    c.read = t.messages.map(m => m.number).filter(n => read.has(n));
    c.handed = c.read.filter(n => copied.has(n) && !opened.has(n));
    c.later = t.messages.map(m => m.number).filter(n => !read.has(n) && later.has(n));
    const probes = new Set([...mine(ev.forgeries), ...mine(ev.sessions)].map(f => f.probe)), deceived = t.probes.filter(q => probes.has(q.number));
    c.forged = deceived.filter(q => q.message >= 0).map(q => q.message);
    c.to = ENDS.map(end => deceived.some(q => q.to === end));
    c.toNow = ENDS.map(end => t.finals.some(q => q.to === end && deceived.includes(q)));
    c.writes = deceived.length > 0;
    c.free = Math.max(0, ...c.read.map(n => n + 1), ...deceived.map(q => q.message >= 0 ? q.message + 1 : q.sent));
    const doubts = ids => verdicts.filter(v => c.ids.includes(v.principal) && ids.includes(v.id) && ['unknown', 'conditional'].includes(v.verdict));
    const reading = doubts(['G1', 'G2', 'G3']), writing = doubts(['G6', 'G7', 'G8', 'G9']);
    c.doubt = [reading.length > 0, writing.length > 0];
    c.open = c.doubt[0] || c.doubt[1];
    c.missing = [...reading, ...writing].some(v => v.verdict === 'unknown') ? 'disagree' : 'untried';
    let since = -1;
    for (const g of grants) for (const [at, key] of [[g.at, 'since.' + g.via], [g.ended, 'since.revoked']]) if (at > since) { since = at; c.since = key; }
    const last = ENDS.map(end => t.messages.filter(m => m.from === end && m.at >= since).at(-1)?.number);
    c.silent = last.map(n => n === undefined && grants.length > 0);
    c.given = last.some(n => c.handed.includes(n));
    c.reads = last.some(n => c.read.includes(n) && !c.handed.includes(n));
    c.opens = c.read.length > c.handed.length;
  }
  return [...out.values()];
}

// words are the sentences of one language.
class Words {
  constructor(lang, of) { this.lang = lang; this.of = of; }
  say(key, values) { return fill(this.lang, key, values); }
  name(c) { const [a, ...others] = c.ids; return others.length ? this.say('with', { a, others: others.join(', ') }) : a; }
  ends(to) { return ENDS.filter((_, i) => to[i]).map(end => this.say(end)).join(this.say('both')); }
  verbs(read, write, both) { return this.say('verbs.' + (read && write ? both : read ? 'read' : 'write')); }
  reading(c) {
    const n = c.read.length, k = c.handed.length, s = this.say('read', { n, N: this.of });
    if (n === k) return s + this.say(form('handed', n));
    return s + (n === 1 ? this.say('number', { t: c.read[0] }) : this.say('between', { t: c.read[0], u: c.read[n - 1] })) + (k ? this.say(form('partly', k), { n: k }) : '');
  }
  writing(c) {
    const n = c.forged.length, s = this.say('write', { to: this.ends(c.to) });
    return s + (n ? this.say('place', { n, N: this.of }) : this.say(form('elsewhere', this.of), { N: this.of }));
  }
  could(c) {
    const what = c.read.length ? [this.reading(c)] : [];
    if (c.writes) c.opens ? what.push(this.writing(c)) : what.unshift(this.writing(c));
    return this.say('could', { a: this.name(c), x: what.join(this.say('also')) });
  }
  history(state, list, h) {
    const of = this.of;
    if (state === 'nothing') return this.say('nothing');
    if (state === 'private') return this.say(form('private', of), { N: of }) + (h.old ? this.say(form('assumed', of)) : '');
    const out = [], sentence = parts => { if (parts.length) out.push(parts.join(this.say('semicolon')) + '.'); };
    sentence([...h.readers.filter(c => c.opens), ...h.writers.filter(c => !c.opens)].map(c => this.could(c)));
    if (state === 'written' && h.unread && !h.readers.length && !list.some(c => c.open)) out.push(this.say(form('unread', of)));
    for (const c of list) if (c.open) out.push(this.say('open', { N: of, a: this.name(c), verbs: this.verbs(...c.doubt, 'or'), missing: this.say(c.missing) }));
    sentence(h.readers.filter(c => !c.opens && !c.writes && c.read.length).map(c => this.could(c)));
    if (state === 'handed-on') out.push(this.say('conventions'));
    const later = heaviest(list, c => c.later.length).map(c => {
      const n = c.later.length, key = state !== 'recorded' ? form('more', n) : of === 1 ? 'recorded.only' : form('recorded', n);
      return this.say(key, { a: this.name(c), n });
    });
    if (later.length) out.push((state === 'recorded' ? this.say(form('today', of), { N: of }) : '') + later.join(this.say('semicolon')) + '.');
    return out.join(' ');
  }
  untested(c) {
    const silent = c.silent[0] && c.silent[1] ? 'silent' : c.silent[0] ? 'silent.0' : 'silent.1';
    return this.say(c.since, { a: this.name(c) }) + this.say(silent) + this.say('untested', { a: this.name(c) });
  }
  nobody(since, list) {
    return (since > 0 && since < this.of ? this.say('nobody.since', { t: since }) : this.say('nobody')) + (list.some(c => c.later.length) ? this.say('nobody.today') : '') + '.';
  }
}

const NOW = [
  ['reads', c => c.reads || c.given, (w, c) => w.say(c.reads ? 'reads' : 'given', { a: w.name(c) })],
  ['writes', c => c.toNow[0] || c.toNow[1], (w, c) => w.say('writes', { a: w.name(c), to: w.ends(c.toNow) })],
  ['untested', c => c.silent[0] || c.silent[1], (w, c) => w.untested(c)],
  ['unknown', c => c.open, (w, c) => w.say('untold', { a: w.name(c), verbs: w.verbs(...c.doubt, 'or') })],
];

// headline gives { headline, notice } of a transcript, its evidence and the verdicts that follow.
export function headline(t, ev, verdicts, root) {
  const list = circles(t, ev, verdicts, root), of = t.messages.length, languages = [new Words(0, of), new Words(1, of)];
  const text = say => { const [en, fr] = languages.map(say); return { en, fr }; };
  const state = of === 0 ? 'nothing' : list.some(c => c.opens) ? 'read' : list.some(c => c.writes) ? 'written' : list.some(c => c.open) ? 'unknown' :
    list.some(c => c.read.length) ? 'handed-on' : list.some(c => c.later.length) ? 'recorded' : 'private';
  const h = {
    readers: heaviest(list, c => c.read.length * (of + 1) + c.later.length), writers: heaviest(list, c => c.writes ? c.forged.length + 1 : 0),
    old: t.messages.some(m => m.body.startsWith('33')), unread: verdicts.every(v => !['G1', 'G2', 'G3'].includes(v.id) || v.verdict === 'held'),
  };
  const fits = NOW.filter(([, is]) => list.some(is)), free = Math.max(0, ...list.map(c => c.free));
  const now = fits.length ?
    { state: fits[0][0], by: list.filter(fits[0][1]).flatMap(c => c.ids), text: text(w => fits.flatMap(([, is, say]) => list.filter(is).map(c => say(w, c))).join(' ')) } :
    { state: 'nobody', since: free, by: [], text: text(w => w.nobody(free, list)) };
  const out = {
    state,
    readers: h.readers.map(c => { const all = [...c.read, ...c.later]; return { principal: c.ids[0], messages: c.read.length, handed_on: c.handed.length, quantum: c.later.length, first: Math.min(...all), last: Math.max(...all) }; }),
    writers: h.writers.map(c => ({ principal: c.ids[0], to: ENDS.filter((_, i) => c.to[i]), messages: c.forged.length })),
    of, history: text(w => w.history(state, list, h)),
    now: state === 'nothing' || state === 'private' && now.state === 'nobody' ? undefined : { state: now.state, since: now.since, by: now.by, text: now.text },
  };
  return { headline: out, notice: notice(out, now, list, h, text) };
}

// notice is what an honest client would show: { state, by, text }.
function notice(head, now, list, h, text) {
  const of = (state, chosen, say) => ({ state, by: chosen.flatMap(c => c.ids).join(', '), text: say ? text(say) : head.history });
  if (head.state === 'private') return of('e2ee', [], w => w.say('e2ee'));
  if (head.state === 'nothing') return of('nothing', []);
  if (['handed-on', 'recorded'].includes(head.state)) return of(head.state, h.readers);
  if (['reads', 'writes'].includes(now.state)) {
    const by = list.filter(c => c.reads || c.given || c.toNow[0] || c.toNow[1]);
    return of('managed', by, w => w.say('managed', { a: by.map(c => w.name(c)).join(', '), verbs: w.verbs(by.some(c => c.read.length), by.some(c => c.writes), 'and') }));
  }
  if (now.state !== 'nobody' || head.state === 'unknown') return of('unknown', [], w => w.say('unknown'));
  const by = list.filter(c => c.read.length || c.writes);
  return of('past', by, w => by.map(c => w.say(c.free ? 'past' : 'past.first', { a: w.name(c), verbs: w.verbs(c.read.length > 0, c.writes, 'and'), t: c.free - 1 })).join(' '));
}
