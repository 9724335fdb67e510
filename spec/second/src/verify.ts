// The command line.

import { readFileSync } from "node:fs";
import type { Bytes } from "./bytes.ts";
import { sha256 } from "./bytes.ts";
import { audit, describe, openLedgers } from "./audit.ts";
import { cellId } from "./header.ts";
import type { Papers } from "./opening.ts";
import type { Receipt } from "./receipt.ts";
import { cellOf, checkReceipt, checkReceiptWithLedger, distinct } from "./receipt.ts";
import { parseReport, readIndex, readNote } from "./report.ts";
import { Refusal, oneLine, refuse } from "./refuse.ts";
import { Store } from "./store.ts";
import { checkTally, parseList } from "./tally.ts";
import { runVectors } from "./vectors.ts";

const USAGE = `usage:
  verify report DIR [--sampled] [--json]
  verify receipt FILE... [--document F] [--authority A] [--reference R] [--account X] [--promise F] [--report DIR] [--json]
  verify tally DIR LIST PROOF [LIST beside it]... [--json]
  verify vectors DIR`;

class Usage extends Error {}

interface Args {
  rest: string[];
  flags: Set<string>;
  values: Map<string, string>;
}

function parseArgs(argv: string[], flags: string[], values: string[]): Args {
  const out: Args = { rest: [], flags: new Set(), values: new Map() };
  for (let i = 0; i < argv.length; i++) {
    const a = argv[i];
    if (!a.startsWith("--")) {
      out.rest.push(a);
      continue;
    }
    const name = a.slice(2);
    if (flags.includes(name)) out.flags.add(name);
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

function print(checked: string[], unchecked: string[], remarks: string[], json: boolean): void {
  if (json) {
    console.log(JSON.stringify({ ok: true, checked, unchecked, remarks }));
    return;
  }
  console.log("accepted");
  for (const l of checked) console.log(oneLine(`checked    ${l}`));
  for (const l of unchecked) console.log(oneLine(`unchecked  ${l}`));
  for (const l of remarks) console.log(oneLine(`remark     ${l}`));
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
  const documentFile = a.values.get("document");
  const papers: Papers = {
    authority: a.values.get("authority"),
    reference: a.values.get("reference"),
    account: a.values.get("account"),
    document: documentFile === undefined ? undefined : sha256(readFile(documentFile)),
  };
  const promiseFile = a.values.get("promise");
  const promise = promiseFile === undefined ? undefined : readFile(promiseFile);
  const receipts = a.rest.flatMap((f) =>
    severalReceipts(readFile(f)).map((b, i, all) => {
      const where = all.length > 1 ? `${f} ${i + 1}` : f;
      return { where, receipt: checkReceipt(b, papers, promise, where) };
    }),
  );
  distinct(receipts);
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
