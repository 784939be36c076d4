// Looks at pages in a browser and prints what is wrong with them, as JSON.
//
//   node look.mjs CHROMIUM [-shots DIR] page.html…
//
// Each page is opened at two widths, light and dark, everything folded and unfolded, and printed. At each
// the texts must neither meet nor leave their boxes, the page must not be wider than the screen, and
// axe-core must find nothing.
import { createRequire } from "node:module";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const args = process.argv.slice(2);
const executablePath = args.shift();
let shots = "";
if (args[0] === "-shots") {
  args.shift();
  shots = args.shift();
}

// measure runs in the page.
function measure() {
  const wrong = [];
  const name = (e) => `${e.tagName.toLowerCase()}${e.id ? "#" + e.id : ""} “${e.textContent.trim().slice(0, 40)}”`;
  const shown = (e) => e.checkVisibility({ contentVisibilityAuto: true }) && !e.closest(".hidden, .skip");
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) wrong.push(`the page is ${document.documentElement.scrollWidth} wide, the screen ${width}`);
  let texts = 0;
  for (const svg of document.querySelectorAll("svg.names, svg.lanes")) {
    const frame = svg.getBoundingClientRect();
    const list = [...svg.querySelectorAll("text")].map((e) => ({ e, box: e.getBoundingClientRect() }));
    list.forEach(({ e, box }, i) => {
      texts++;
      if (box.width === 0) wrong.push(`no box: ${name(e)}`);
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) wrong.push(`outside the picture: ${name(e)}`);
      for (const other of list.slice(i + 1)) if (meet(box, other.box)) wrong.push(`meet: ${name(e)} and ${name(other.e)}`);
    });
  }
  const blocks = [...document.querySelectorAll("h1, h2, h3, p, li, th, td, dt, dd, summary, caption, code")].filter(shown);
  for (const e of blocks) {
    texts++;
    const box = e.getBoundingClientRect();
    const scroller = e.closest(".scroll");
    if (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline") wrong.push(`wider than its box: ${name(e)}`);
    if (!scroller && (box.right > width + 1 || box.left < -1)) wrong.push(`outside the screen: ${name(e)}`);
    const range = document.createRange();
    range.selectNodeContents(e);
    const inner = range.getBoundingClientRect();
    if (inner.width > 0 && (inner.right > box.right + 1.5 || inner.left < box.left - 1.5)) wrong.push(`leaves its box: ${name(e)}`);
  }
  const cells = [...document.querySelectorAll("table")].filter(shown);
  for (const table of cells) {
    const list = [...table.querySelectorAll("th, td")].filter(shown).map((e) => ({ e, box: e.getBoundingClientRect(), row: e.parentElement.rowIndex }));
    for (let i = 0; i < list.length; i++) {
      for (let j = i + 1; j < list.length && list[j].row <= list[i].row + 1; j++) {
        if (meet(list[i].box, list[j].box)) wrong.push(`cells meet: ${name(list[i].e)} and ${name(list[j].e)}`);
      }
    }
  }
  const small = [...document.querySelectorAll("body *")].filter((e) => shown(e) && !e.closest("svg") && e.childNodes.length && parseFloat(getComputedStyle(e).fontSize) < 11);
  for (const e of small) wrong.push(`small print: ${name(e)}`);
  return { texts, wrong };
}

async function look(browser, path, width, scheme, result) {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
  const at = `${basename(path)} at ${width} ${scheme}`;
  const outside = [];
  page.on("request", (r) => r.url().startsWith("file:") && r.url() === pathToFileURL(path).href || outside.push(r.url()));
  page.on("console", (m) => result.wrong.push(`${at}: console: ${m.text()}`));
  page.on("dialog", (d) => { result.wrong.push(`${at}: a dialog: ${d.message()}`); d.dismiss(); });
  await page.goto(pathToFileURL(path).href);
  for (const open of [false, true]) {
    if (open) await page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = true)));
    const m = await page.evaluate(measure);
    result.texts += m.texts;
    for (const w of m.wrong) result.wrong.push(`${at}${open ? ", unfolded" : ""}: ${w}`);
    if (shots && !open) await page.screenshot({ path: join(shots, `${basename(path, ".html")}-${width}-${scheme}.png`), fullPage: true });
  }
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  result.rules += found.passes.length;
  for (const v of found.violations) result.wrong.push(`${at}: axe: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + n.failureSummary.split("\n").slice(1, 2)).join("; ")}`);
  for (const u of outside) result.wrong.push(`${at}: asks for ${u.slice(0, 80)}`);
  await page.close();
}

async function print(browser, path, result) {
  const page = await browser.newPage({ viewport: { width: 1032, height: 702 }, colorScheme: "dark" });
  await page.goto(pathToFileURL(path).href);
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  const m = await page.evaluate(measure);
  result.texts += m.texts;
  for (const w of m.wrong) result.wrong.push(`${basename(path)} on paper: ${w}`);
  const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
  if (shots) writeFileSync(join(shots, `${basename(path, ".html")}.pdf`), pdf);
  const text = pdf.toString("latin1");
  result.pages.push({
    name: basename(path),
    pages: (text.match(/\/Type\s*\/Page\b(?!s)/g) || []).length,
    sheets: [...new Set(text.match(/\/MediaBox\s*\[[^\]]*\]/g))],
  });
  await page.close();
}

const result = { texts: 0, rules: 0, wrong: [], pages: [] };
const home = mkdtempSync(join(tmpdir(), "look-"));
const context = await chromium.launchPersistentContext(home, {
  executablePath, headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  const browser = context.browser() ?? context;
  for (const path of args) {
    for (const width of [1280, 390]) for (const scheme of ["light", "dark"]) await look(browser, path, width, scheme, result);
    await print(browser, path, result);
  }
} finally {
  await context.close();
  rmSync(home, { recursive: true, force: true });
}
console.log(JSON.stringify(result));
