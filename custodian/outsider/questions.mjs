// The questions behind a report for a standard prover, as docs/custody-proofs.md has them: from what verify.mjs found in a bundle.
// By somebody who knows the other two programs that write them.
import { createHash } from 'node:crypto';

const pad4 = n => String(n).padStart(4, '0');
const byBytes = (a, b) => (a < b ? -1 : a > b ? 1 : 0); // atoms are ASCII
const byNumbers = (a, b) => {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
};

// counted writes a rule that needs n of m as a counter over chunks in ascending order.
function counted({ rule, head, body, of }) {
  body = [...new Set(body)];
  if (of >= body.length) return [{ rule, head, body }];
  const index = c => Number(c.slice(c.lastIndexOf(',') + 1, -1));
  body.sort((a, b) => index(a) - index(b));
  const count = (i, j) => `count(${head},${i},${j})`, out = [{ rule, head, body: [count(body.length, of)] }];
  for (let i = 0; i <= body.length; i++) {
    out.push({ rule, head: count(i, 0), body: [] });
    for (let j = 1; j <= Math.min(i, of); j++) {
      if (j < i) out.push({ rule, head: count(i, j), body: [count(i - 1, j)] });
      out.push({ rule, head: count(i, j), body: [count(i - 1, j - 1), body[i - 1]] });
    }
  }
  return out;
}

// problem is a question: its clauses by numbers, and what follows.
function problem(instances, order, known, goals) {
  const atoms = [...new Set([...instances.flatMap(c => [c.head, ...c.body]), ...known, ...goals])].sort(byBytes);
  const number = new Map(atoms.map((a, i) => [a, i + 1]));
  const numbers = list => [...new Set(list)].map(a => number.get(a)).sort((a, b) => a - b);
  const clauses = [], ranges = [];
  for (const rule of order) {
    const list = instances.filter(c => c.rule === rule).map(c => [...numbers(c.body), number.get(c.head)]).sort(byNumbers)
      .filter((c, i, all) => i === 0 || byNumbers(c, all[i - 1]) !== 0);
    if (list.length) ranges.push([list.length, rule]);
    clauses.push(...list);
  }
  const facts = numbers(known), denied = numbers(goals);
  const reason = new Map(), queue = [], uses = new Map(), missing = clauses.map(c => c.length - 1);
  const learn = (a, why) => { if (!reason.has(a)) { reason.set(a, why); queue.push(a); } };
  clauses.forEach((c, i) => {
    for (const a of c.slice(0, -1)) uses.has(a) ? uses.get(a).push(i) : uses.set(a, [i]);
    if (c.length === 1) learn(c[0]);
  });
  for (const a of facts) learn(a);
  let goal;
  for (let i = 0; i < queue.length; i++) {
    if (goal === undefined && denied.includes(queue[i])) goal = queue[i];
    for (const n of uses.get(queue[i]) ?? []) if (--missing[n] === 0) learn(clauses[n].at(-1), clauses[n]);
  }
  if (facts.length) ranges.push([facts.length, 'facts']);
  if (denied.length) ranges.push([denied.length, 'denied']);
  return { atoms, clauses, ranges, facts, denied, reason, queue, goal };
}

function dimacs(p, rulebook, asks) {
  let at = 0;
  return ['c custody-question-v1', `c rulebook ${rulebook}`, `c ${asks} If so, no assignment satisfies the clauses.`, 'c variables',
    ...p.atoms.map((a, i) => `c ${i + 1} ${a}`), 'c clauses', ...p.ranges.map(([n, name]) => `c ${at + 1}-${at += n} ${name}`),
    `p cnf ${p.atoms.length} ${at}`, ...p.clauses.map(c => [...c.slice(0, -1).map(a => -a), c.at(-1), 0].join(' ')),
    ...p.facts.map(a => `${a} 0`), ...p.denied.map(a => `-${a} 0`), ''].join('\n');
}

function proof(p) {
  const needed = new Set(), todo = [p.goal];
  for (let a; (a = todo.pop()) !== undefined;) {
    if (needed.has(a) || !p.reason.get(a)) continue;
    needed.add(a);
    todo.push(...p.reason.get(a).slice(0, -1));
  }
  return [...p.queue.filter(a => needed.has(a)).map(a => `${a} 0`), '0', ''].join('\n');
}

const model = p => ['s SATISFIABLE', ...p.atoms.map((_, i) => `v ${p.reason.has(i + 1) ? '' : '-'}${i + 1}`), 'v 0', ''].join('\n');

// questions lists [name, question, facts, goals, by] in the order of questions.txt. facts gives [atom, time] of a circle.
function* questions(t, state, facts, dh) {
  for (const p of t.principals) {
    const { circle } = state.get(p.id);
    const plain = facts(t, circle, false);
    for (const [kind, who, known] of [['reads', p.id, plain], ['reads-quantum', `${p.id} with a quantum computer`, facts(t, circle, true)]])
      for (const m of t.messages) yield [`${kind}-${pad4(m.number)}.${p.id}`, `Does ${who} read message ${m.number}?`, known, [`plaintext(${m.number})`], Infinity];
    for (const q of t.probes) {
      if (!circle.reaches || (q.injection && q.injection.by !== p.id)) continue;
      const when = q.message >= 0 ? `in place of message ${q.message}` : `at event ${q.at}`;
      yield [`forges-${pad4(q.number)}.${p.id}`, `Does the ${q.to} accept a message of ${p.id} ${when}?`, plain, [`forge(${q.number})`], q.at];
      if (q.to !== 'customer' || q.message >= 0 || q.injection) continue;
      yield [`opens-${pad4(q.number)}.${p.id}`, `Does the ${q.to} accept a new session of ${p.id} ${when}?`, plain, q.takes.filter(w => w.prekey).map(w => dh(w.sender, w.prekey)), q.at];
    }
  }
}

// write calls put(file, text) for every question and its answer, and for the list of all.
export function write({ t, rules, state, book }, facts, dh, put) {
  const order = book.trimEnd().split('\n').map(l => l.split(' ')[0]), rulebook = 'sha256:' + createHash('sha256').update(book).digest('hex');
  const instances = rules.flatMap(counted), index = [];
  for (const [name, asks, known, goals, by] of questions(t, state, facts, dh)) {
    const p = problem(instances, order, known.filter(f => f[1] <= by).map(f => f[0]), goals), yes = p.goal !== undefined;
    put(name + '.cnf', dimacs(p, rulebook, asks));
    put(name + (yes ? '.drat' : '.model'), yes ? proof(p) : model(p));
    index.push(`${yes ? 20 : 10} ${name} ${asks}\n`);
  }
  put('questions.txt', index.join(''));
}
