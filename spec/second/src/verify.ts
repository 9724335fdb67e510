// The command line.

import { readFileSync } from "node:fs";
import type { Bytes } from "./bytes.ts";
import { equal, fromBase64, sha256, toHex } from "./bytes.ts";
import { audit, describe, openLedgers } from "./audit.ts";
import type { Header } from "./header.ts";
import { cellId } from "./header.ts";
import type { Ledger } from "./ledger.ts";
import { parseNote } from "./note.ts";
import type { Papers } from "./opening.ts";
import { checkSubject, parseOpening } from "./opening.ts";
import type { Promised, Receipt } from "./receipt.ts";
import { answers, cellOf, checkDeclined, checkPromise, checkReceipt, checkReceiptWithLedger, checkSubmission, clock, distinct, promiseAnswers, promiseKept } from "./receipt.ts";
import { parseReport, readIndex, readNote } from "./report.ts";
import { Refusal, oneLine, refuse } from "./refuse.ts";
import { Store } from "./store.ts";
import { checkTally, parseList } from "./tally.ts";
import { runVectors } from "./vectors.ts";

const USAGE = `usage:
  verify report DIR [--sampled] [--json]
  verify receipt FILE... [--document F] [--authority A] [--reference R] [--account X]... [--promise F] [--report DIR] [--json]
  verify promise FILE --report DIR [--document F --authority A --reference R] [--account X] [--json]
  verify submission FILE --report DIR [--document F] [--answer F] [--authority A --reference R] [--json]
  verify declined FILE --report DIR [--submission F] [--document F] [--json]
  verify tally DIR LIST PROOF [LIST beside it]... [--json]
  verify vectors DIR`;

class Usage extends Error {}

interface Args {
  rest: string[];
  flags: Set<string>;
  values: Map<string, string>;
  accounts: string[];
}

function parseArgs(argv: string[], flags: string[], values: string[]): Args {
  const out: Args = { rest: [], flags: new Set(), values: new Map(), accounts: [] };
  for (let i = 0; i < argv.length; i++) {
    const a = argv[i];
    if (!a.startsWith("--")) {
      out.rest.push(a);
      continue;
    }
    const name = a.slice(2);
    if (flags.includes(name)) out.flags.add(name);
    else if (name === "account" && values.includes(name) && i + 1 < argv.length) out.accounts.push(argv[++i]);
    else if (values.includes(name) && i + 1 < argv.length && !out.values.has(name)) out.values.set(name, argv[++i]);
    else throw new Usage(`bad option ${a}`);
  }
  return out;
}

function readFile(path: string): Bytes {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (code === undefined) throw e;
    return refuse(path, `cannot be read (${code})`);
  }
}

function print(checked: string[], unchecked: string[], remarks: string[], json: boolean, because?: string): void {
  if (json) {
    console.log(JSON.stringify({ ok: true, checked, unchecked, remarks, because }));
    return;
  }
  console.log("accepted");
  for (const l of checked) console.log(oneLine(`checked    ${l}`));
  for (const l of unchecked) console.log(oneLine(`unchecked  ${l}`));
  for (const l of remarks) console.log(oneLine(`remark     ${l}`));
  // its characters were checked: it reads as it is written
  if (because !== undefined) console.log(`because    ${because}`);
}

function commandReport(argv: string[]): void {
  const a = parseArgs(argv, ["sampled", "json"], []);
  if (a.rest.length !== 1) throw new Usage("report needs one directory");
  const r = audit(a.rest[0], a.flags.has("sampled") ? "sampled" : "all", (line) => console.error(oneLine(line)));
  const d = describe(r);
  print(d.checked, d.unchecked, d.remarks, a.flags.has("json"));
}

/** A file may hold several receipts, one behind the other. */
function severalReceipts(b: Bytes): Bytes[] {
  const head = Buffer.from("c2sp.org/tlog-proof@v1\n");
  const file = Buffer.from(b.buffer, b.byteOffset, b.length);
  const starts = [0];
  for (let i = file.indexOf(head, 1); i >= 0; i = file.indexOf(head, i + 1)) if (file[i - 1] === 0x0a) starts.push(i);
  return starts.map((s, k) => b.slice(s, starts[k + 1] ?? b.length));
}

function commandReceipt(argv: string[]): void {
  const a = parseArgs(argv, ["json"], ["document", "authority", "reference", "account", "promise", "report"]);
  if (a.rest.length < 1) throw new Usage("receipt needs a file");
  const papers = papersOf(a);
  const promiseFile = a.values.get("promise");
  const promise = promiseFile === undefined ? undefined : readFile(promiseFile);
  const receipts = a.rest.flatMap((f) =>
    severalReceipts(readFile(f)).map((b, i, all) => {
      const where = all.length > 1 ? `${f} ${i + 1}` : f;
      return { where, receipt: checkReceipt(b, papers, promise, where, false) };
    }),
  );
  distinct(receipts);
  for (const x of a.accounts) if (!receipts.some((r) => r.receipt.account === x)) refuse(a.rest.join(" "), `there is no receipt of the account ${x}`);
  const dir = a.values.get("report");
  const remarks: string[] = [];
  if (dir !== undefined) withReport(dir, receipts, remarks);
  else for (const r of receipts) r.receipt.unchecked.push("report: none given");
  const name = (x: { where: string }, l: string) => (receipts.length > 1 ? `${x.where}: ${l}` : l);
  print(
    receipts.flatMap((x) => x.receipt.checked.map((l) => name(x, l))),
    receipts.flatMap((x) => x.receipt.unchecked.map((l) => name(x, l))),
    remarks,
    a.flags.has("json"),
  );
}

/** The ledger of a published directory that a paper names, and its headers, those that are published ahead too. */
function ledgerOf(b: Bytes, where: string, a: Args): { ledger: Ledger; headers: Header[] } {
  const dir = a.values.get("report");
  if (dir === undefined) throw new Usage("needs --report DIR, whose headers name the keys");
  const origin = /^origin (.*)$/m.exec(parseNote(b, where).text)?.[1];
  const ledger = [...openLedgers(new Store(dir)).values()].find((l) => l.origin === origin);
  if (ledger === undefined) return refuse(where, "names an origin of no ledger that is here");
  return { ledger, headers: [...ledger.headers, ...ledger.later] };
}

function fileOf(a: Args, name: string): Bytes | undefined {
  const f = a.values.get(name);
  return f === undefined ? undefined : readFile(f);
}

function papersOf(a: Args): Papers {
  const document = fileOf(a, "document");
  return { authority: a.values.get("authority"), reference: a.values.get("reference"), accounts: a.accounts, document: document === undefined ? undefined : sha256(document) };
}

/** A promise, with the header that its opening names. */
function readPromise(b: Bytes, headers: Header[], where: string): Promised {
  const m = /^opening (.*)$/m.exec(parseNote(b, where).text);
  if (m === null) return refuse(where, "has no opening");
  const E = parseOpening(fromBase64(m[1], where), where);
  const h = headers.find((x) => equal(x.hash, E.header));
  if (h === undefined) return refuse(where, "names a header that is not here");
  return checkPromise(b, h, where);
}

function oneFile(a: Args, command: string): string {
  if (a.rest.length !== 1) throw new Usage(`${command} needs one file`);
  return a.rest[0];
}

function compareDocument(a: Args, document: string, where: string, checked: string[], unchecked: string[]): void {
  const d = fileOf(a, "document");
  if (d === undefined) {
    unchecked.push("document: not given");
    return;
  }
  if (toHex(sha256(d)) !== document) refuse(where, "is of another document");
  checked.push("it is of this document");
}

function commandPromise(argv: string[]): void {
  const a = parseArgs(argv, ["json"], ["document", "authority", "reference", "account", "report"]);
  if (a.accounts.length > 1) throw new Usage("a promise is of one account");
  const file = oneFile(a, "promise");
  const b = readFile(file);
  const { ledger, headers } = ledgerOf(b, file, a);
  const p = readPromise(b, headers, file);
  const s = checkSubject(p.opening, p.parentSalt, p.subjectSalt, papersOf(a), file);
  ledger.tree();
  const k = promiseKept(p, ledger);
  const checked = [`promise of a leaf of the type ${p.opening.type} on sheet ${p.opening.sheet}, received ${p.received}, due ${p.due}`, ...s.checked];
  if (k.state === "broken") return refuse(file, `was broken: the ledger has no such leaf by ${p.due}`);
  if (k.state === "late") return refuse(file, `was broken: the leaf at index ${k.index} came at ${k.time}, after ${p.due}`);
  if (k.state === "kept") checked.push(`it was kept: the leaf stands at index ${k.index}, time ${k.time}`);
  if (k.state === "old") s.unchecked.push(`its due has passed, and this copy of the ledger is older: a newer one is needed; if there is none, the promise was broken`);
  print(checked, [...s.unchecked, ...(k.state === "open" ? ["the ledger has no such leaf yet, and it is not due"] : [])], [], a.flags.has("json"));
}

function commandSubmission(argv: string[]): void {
  const a = parseArgs(argv, ["json"], ["document", "answer", "authority", "reference", "report"]);
  const file = oneFile(a, "submission");
  const b = readFile(file);
  const { headers } = ledgerOf(b, file, a);
  const s = checkSubmission(b, headers, file);
  const checked = [`submission receipt of ${s.origin}: document ${s.document}, received ${s.received}, to be answered by ${s.answerBy}`];
  const unchecked: string[] = [];
  const remarks: string[] = [];
  compareDocument(a, s.document, file, checked, unchecked);
  const answer = fileOf(a, "answer");
  const where = a.values.get("answer") ?? "";
  let because: string | undefined;
  if (answer === undefined) {
    unchecked.push("answer: none given");
    if (clock() > s.answerBy) remarks.push("its time has passed and no answer is shown: ground for a complaint, and no proof");
  } else if (parseNote(answer, where).text.startsWith("vitrine/declined/")) {
    const d = checkDeclined(answer, headers, where);
    answers(d, s, where);
    checked.push(`it was answered at ${d.declined}: it is no demand`);
    because = d.because;
    if (d.declined > s.answerBy) remarks.push(`the answer came ${d.declined - s.answerBy} seconds too late`);
  } else {
    const p = readPromise(answer, headers, where);
    if (p.received > s.answerBy) remarks.push(`the answer came ${p.received - s.answerBy} seconds too late`);
    const [authority, reference] = [a.values.get("authority"), a.values.get("reference")];
    if ((authority === undefined) !== (reference === undefined)) throw new Usage("authority and reference are given together or not at all");
    if (authority === undefined || reference === undefined) unchecked.push("answer: a promise, good by itself; authority and reference are not given, so that it may be of another demand");
    else {
      promiseAnswers(p, s, authority, reference, where);
      checked.push(`it was answered with a promise, due ${p.due}`);
    }
  }
  print(checked, unchecked, remarks, a.flags.has("json"), because);
}

function commandDeclined(argv: string[]): void {
  const a = parseArgs(argv, ["json"], ["document", "submission", "report"]);
  const file = oneFile(a, "declined");
  const b = readFile(file);
  const { headers } = ledgerOf(b, file, a);
  const d = checkDeclined(b, headers, file);
  const checked = [`answer of ${d.origin}: document ${d.document}, received ${d.received}, declined ${d.declined}: it is no demand`];
  const unchecked: string[] = [];
  const remarks: string[] = [];
  compareDocument(a, d.document, file, checked, unchecked);
  const sub = fileOf(a, "submission");
  if (sub === undefined) unchecked.push("submission receipt: none given");
  else {
    const where = a.values.get("submission")!;
    const s = checkSubmission(sub, headers, where);
    answers(d, s, file);
    checked.push("it is the answer to this submission receipt");
    if (d.declined > s.answerBy) remarks.push(`the answer came ${d.declined - s.answerBy} seconds too late`);
  }
  print(checked, unchecked, remarks, a.flags.has("json"), d.because);
}

function commandTally(argv: string[]): void {
  const a = parseArgs(argv, ["json"], []);
  if (a.rest.length < 3) throw new Usage("tally needs a directory, a list and its proof");
  const [dir, listFile, proofFile, ...besideFiles] = a.rest;
  const r = audit(dir, "all", (line) => console.error(oneLine(line)));
  const list = parseList(readFile(listFile), listFile);
  const ledger = r.ledgers.find((l) => l.origin === list.origin);
  if (ledger === undefined) return refuse(listFile, "names an origin of no ledger that is here");
  const beside = besideFiles.map((f) => ({ list: parseList(readFile(f), f), where: f }));
  const t = checkTally(list, readFile(proofFile), beside, ledger, listFile);
  const d = describe(r);
  const said = [...t.facts].map(([type, n]) => `${n} ${type}`).join(", ");
  const checked = [`tally of cell ${cellId(list.cell)}: ${said === "" ? "no facts" : said}, and nothing else`];
  const remarks = [`${t.strangers} notice(s) of kind tally belong to none of these lists: ask what they are`];
  print([...checked, ...d.checked], d.unchecked, [...remarks, ...d.remarks], a.flags.has("json"));
}

function withReport(dir: string, receipts: { where: string; receipt: Receipt }[], remarks: string[]): void {
  const store = new Store(dir);
  const ledgers = openLedgers(store);
  for (const { where, receipt } of receipts) {
    const l = ledgers.get(receipt.header.class);
    if (l === undefined) refuse(where, `there is no ledger of the class ${receipt.header.class}`);
    l.tree();
    checkReceiptWithLedger(receipt, l, where);
    const cell = cellOf(receipt);
    let found: string | undefined;
    for (const name of readIndex(store)) {
      const path = `reports/${name}`;
      const file = `${path}/report.json`;
      const bytes = store.read(file);
      const rep = parseReport(bytes, path);
      const t = rep.tables.find((t) => t.class === l.class && t.cells.some((c) => `${c.period} ${c.sheet}` === cell));
      if (t === undefined) continue;
      const first = ledgers.get(rep.ledgers[0].class as "public")!;
      const said = rep.ledgers.find((x) => x.class === l.class);
      if (said === undefined || first === undefined) refuse(file, "does not name the ledger of its table");
      const k = first.newestHeader(rep.ledgers[0].size);
      readNote(store, `${path}/report.note`, name, bytes, first.headers[k].keys.report);
      found = `table ${t.name} of header ${t.header} in report ${name}`;
      break;
    }
    if (found === undefined) receipt.checked.push(`its cell (${cell}) is in the table of no report yet`);
    else receipt.checked.push(`its cell (${cell}) is in ${found}`);
  }
  remarks.push("the report itself was not audited: see the command report");
}

function main(): number {
  const [command, ...argv] = process.argv.slice(2);
  const json = argv.includes("--json");
  try {
    switch (command) {
      case "report":
        commandReport(argv);
        return 0;
      case "receipt":
        commandReceipt(argv);
        return 0;
      case "promise":
        commandPromise(argv);
        return 0;
      case "submission":
        commandSubmission(argv);
        return 0;
      case "declined":
        commandDeclined(argv);
        return 0;
      case "tally":
        commandTally(argv);
        return 0;
      case "vectors": {
        const a = parseArgs(argv, [], []);
        if (a.rest.length !== 1) throw new Usage("vectors needs one directory");
        return runVectors(a.rest[0]) ? 0 : 1;
      }
      default:
        throw new Usage("which command?");
    }
  } catch (e) {
    if (e instanceof Refusal) {
      if (json) console.log(JSON.stringify({ ok: false, where: oneLine(e.where), what: oneLine(e.what) }));
      else console.log(oneLine(`refused: ${e.message}`));
      return 3;
    }
    if (e instanceof Usage) {
      console.error(`${e.message}\n${USAGE}`);
      return 2;
    }
    throw e;
  }
}

process.exitCode = main();
