// Checks the answers that `custodian prove` gives, from docs/custody-proofs.md and the files alone: node proofs.mjs DIRECTORY.
// No rule of the custodian is known here; what a clause is an instance of is not looked at.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

class Wrong extends Error {}
const need = (x, why) => {
	if (!x) throw new Wrong(why);
};

function literals(line) {
	need(/^(-?[1-9][0-9]* )*0$/.test(line), "a line is no clause");
	return line.split(" ").slice(0, -1).map(Number);
}

const lines = (text) => {
	need(text.endsWith("\n"), "a file does not end");
	return text.slice(0, -1).split("\n");
};

// A question: clauses with one positive literal at most, the last, and then what is denied.
function question(text) {
	const all = lines(text);
	const head = all.findIndex((l) => l.startsWith("p "));
	need(head > 0 && all.slice(0, head).every((l) => l.startsWith("c ")), "comments come first");
	const [, variables, count] = /^p cnf ([0-9]+) ([0-9]+)$/.exec(all[head]) ?? need(false, "no header");
	const clauses = all.slice(head + 1).map(literals);
	need(clauses.length === Number(count), "a clause is missing or too many");
	for (const c of clauses) {
		need(c.length > 0 && c.every((l) => Math.abs(l) <= variables), "a variable is unknown");
		need(c.slice(0, -1).every((l) => l < 0), "a clause is not of this kind");
	}
	const denied = clauses.findIndex((c) => c[c.length - 1] < 0);
	const rules = denied < 0 ? clauses : clauses.slice(0, denied);
	const goals = denied < 0 ? [] : clauses.slice(denied);
	need(goals.every((c) => c.length === 1 && c[0] < 0), "what is denied is no single atom");
	return { variables: Number(variables), rules, goals: goals.map((c) => -c[0]) };
}

// Each lemma is one atom and follows by one clause from what is known; the last line is the empty clause, by a denial.
function proof(q, text) {
	const known = new Set(q.rules.filter((c) => c.length === 1).map((c) => c[0]));
	const giving = new Map();
	for (const c of q.rules) {
		const h = c[c.length - 1];
		if (!giving.has(h)) giving.set(h, []);
		giving.get(h).push(c);
	}
	const lemmas = lines(text).map(literals);
	need(lemmas.pop()?.length === 0, "the proof does not end");
	for (const lemma of lemmas) {
		need(lemma.length === 1 && lemma[0] > 0, "a lemma is not one atom");
		need(giving.get(lemma[0])?.some((c) => c.slice(0, -1).every((l) => known.has(-l))), `${lemma[0]} does not follow`);
		known.add(lemma[0]);
	}
	need(q.goals.some((g) => known.has(g)), "what is asked does not follow");
}

// A model makes every clause true; the least one makes nothing true that does not follow.
function model(q, text) {
	const all = lines(text);
	need(all.shift() === "s SATISFIABLE" && all.pop() === "v 0" && all.length === q.variables, "no model");
	const truth = all.map((l, i) => {
		need(l === `v ${i + 1}` || l === `v -${i + 1}`, "a variable is not in its place");
		return l === `v ${i + 1}`;
	});
	const holds = (l) => truth[Math.abs(l) - 1] === l > 0;
	need(q.rules.every((c) => c.some(holds)) && q.goals.every((g) => holds(-g)), "a clause is false");
	const known = new Set();
	for (let before = -1; before < known.size; ) {
		before = known.size;
		for (const c of q.rules) if (c.slice(0, -1).every((l) => known.has(-l))) known.add(c[c.length - 1]);
	}
	need(truth.every((t, i) => t === known.has(i + 1)), "the model is not the least");
}

const dir = process.argv[2];
let yes = 0, no = 0, wrong = 0;
const expected = new Set(["questions.txt"]);
const index = readFileSync(join(dir, "questions.txt"), "utf8");
for (const line of index === "" ? [] : lines(index)) {
	const [, exit, name] = /^(10|20) ([-a-z]+[0-9]+\.[A-Za-z][A-Za-z0-9_-]*) .+\?$/.exec(line) ?? [];
	try {
		need(name, "questions.txt is malformed");
		const answer = name + (exit === "20" ? ".drat" : ".model");
		expected.add(name + ".cnf").add(answer);
		const q = question(readFileSync(join(dir, name + ".cnf"), "utf8"));
		(exit === "20" ? proof : model)(q, readFileSync(join(dir, answer), "utf8"));
		exit === "20" ? yes++ : no++;
	} catch (e) {
		if (!(e instanceof Wrong) && e.code !== "ENOENT") throw e;
		console.log(`${name}: ${e.message}`);
		wrong++;
	}
}
for (const f of readdirSync(dir)) {
	if (expected.has(f)) continue;
	console.log(`${f}: no question has it`);
	wrong++;
}
console.log(`${yes} yes, ${no} no, ${wrong} wrong`);
process.exit(wrong > 0 ? 1 : 0);
