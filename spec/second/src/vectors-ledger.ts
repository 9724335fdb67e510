// Readers of the vectors below vectors/ledger, but for range proofs. Each
// returns what a reader learns; a refusal says what is wrong.

import type { Bytes } from "./bytes.ts";
import { equal, fromBase64, fromHex, sha256, text, toHex } from "./bytes.ts";
import { BUNDLE, checkBundle, parseEntries } from "./bundle.ts";
import type { Sums } from "./bundle.ts";
import { point, scalarBytes } from "./group.ts";
import type { Header } from "./header.ts";
import { bundleSheets, cellId, checkNext, nextHeaderAt, parseHeader, watchOf } from "./header.ts";
import type { Ledger } from "./ledger.ts";
import { checkCheckpoint, parseCheckpoint } from "./note.ts";
import type { Papers } from "./opening.ts";
import { checkOpening, checkSubject, parseOpening } from "./opening.ts";
import { Batch } from "./rangeproof.ts";
import { checkDeclined, checkPromise, checkReceipt, checkReceiptWithLedger, checkSubmission } from "./receipt.ts";
import { classed, inPart, must, refuse } from "./refuse.ts";
import { checkStatement, checkTally, draw, parseList } from "./tally.ts";

export interface Case {
  class: string;
  expect: "accepted" | "refused";
  text?: string;
  headers?: string[];
  // header
  hash?: string;
  // leaf
  opening?: string;
  salts?: string[];
  papers?: { authority?: string; reference?: string; document?: string; account?: string };
  leaf?: string;
  commits?: string;
  // checkpoint
  size?: number;
  root?: string;
  time?: number;
  // promise, receipt
  due?: number;
  unchecked?: number;
  index?: number;
  table?: string;
  // bundle
  bundle?: { period?: number; tick?: number; number?: number; before?: string; notes?: string; entries: unknown };
  // tally
  proof?: string;
  totals?: Record<string, number>;
  sample?: { want: number; root: string; randomness: string; order?: number[] };
}

/** What the vectors stand on: the directory report/good. */
export interface Good {
  /** An entry bundle that is made of files of the directory. */
  make: (m: never) => Bytes;
  /** The ledger of a class, audited. */
  ledger: (cls: string) => Ledger;
  /** The table of a report that counts a cell. */
  table: (cls: string, cell: string) => string | undefined;
  known: Set<string>;
}

export type Learned = Record<string, unknown>;

const hex = (s: string | undefined): Bytes => fromHex(s ?? "", "vector");

function headersOf(v: Case): Header[] {
  const out: Header[] = [];
  (v.headers ?? []).forEach((t, i) => {
    const h = parseHeader(text(t), `header ${i}`);
    if (h.number === out.length) checkNext(out, h, `header ${i}`);
    out.push(h);
  });
  return out;
}

function papersOf(v: Case): Papers {
  const p = v.papers ?? {};
  return { authority: p.authority, reference: p.reference, accounts: p.account === undefined ? undefined : [p.account], document: p.document === undefined ? undefined : hex(p.document) };
}

function runHeader(v: Case): Learned {
  const before = headersOf(v);
  return inPart("form", () => {
    const h = parseHeader(text(v.text ?? ""), "header");
    checkNext(before, h, "header");
    return { hash: toHex(h.hash) };
  });
}

function runLeaf(v: Case): Learned {
  const [h] = headersOf(v);
  const o = inPart("form", () => parseOpening(hex(v.opening), "opening"));
  const leaf = checkOpening(o, h, "opening");
  if (v.leaf !== undefined) inPart("leaf", () => must(equal(leaf, hex(v.leaf)), "leaf", "is not that of the opening"));
  const [parent, subject] = v.salts ?? [];
  inPart("papers", () => checkSubject(o, hex(parent), hex(subject), papersOf(v), "papers"));
  const sheet = h.sheets.get(o.sheet)!;
  const value = sheet.fields.reduce((x, f, k) => x + (BigInt(o.v[k]) << BigInt(f.offset)), 0n);
  return { leaf: toHex(leaf), commits: toHex(scalarBytes(value)) };
}

function runCheckpoint(v: Case): Learned {
  const [h] = headersOf(v);
  const cp = inPart("form", () => parseCheckpoint(text(v.text ?? ""), "checkpoint"));
  const time = inPart("witnesses", () => checkCheckpoint(cp, watchOf(h), "checkpoint"));
  return { size: cp.size, root: toHex(cp.root), time: time ?? 0 };
}

function runPromise(v: Case): Learned {
  const headers = headersOf(v);
  const b = text(v.text ?? "");
  if ((v.text ?? "").startsWith("vitrine/submission/v1\n")) {
    return inPart("submission", () => ({ due: checkSubmission(b, headers, "submission").answerBy, unchecked: 0 }));
  }
  if ((v.text ?? "").startsWith("vitrine/declined/v1\n")) {
    return inPart("declined", () => {
      checkDeclined(b, headers, "declined");
      return { due: 0, unchecked: 0 };
    });
  }
  const p = inPart("promise", () => {
    const m = /^opening (.*)$/m.exec(v.text ?? "");
    if (m === null) return refuse("promise", "has no opening");
    const E = parseOpening(fromBase64(m[1], "promise opening"), "promise opening");
    const h = headers.find((x) => equal(x.hash, E.header));
    if (h === undefined) return refuse("promise", "names a header that the ledger does not have");
    return checkPromise(b, h, "promise");
  });
  const s = inPart("papers", () => checkSubject(p.opening, p.parentSalt, p.subjectSalt, papersOf(v), "papers"));
  return { due: p.due, unchecked: s.papers };
}

function runReceipt(v: Case, good: Good): Learned {
  return inPart("receipt", () => {
    const r = checkReceipt(text(v.text ?? ""), papersOf(v), v.due, "receipt");
    const out: Learned = { index: r.proof.index, unchecked: r.papers };
    if (v.table === undefined) return out;
    checkReceiptWithLedger(r, good.ledger(r.header.class), "receipt");
    out.table = good.table(r.header.class, cellId({ period: r.header.number, sheet: r.opening.sheet })) ?? "";
    return out;
  });
}

function runBundle(v: Case, good: Good): Learned {
  const headers = headersOf(v);
  const b = v.bundle!;
  const [period, tick, number] = [b.period ?? 0, b.tick ?? 0, b.number ?? 0];
  const h = headers[period];
  let at = 0;
  for (let k = 0; k < period; k++) at = nextHeaderAt(headers[k], at);
  const place = { index: at + BUNDLE * (1 + (tick - 1) * h.bundles + number), tick, bundle: number };
  const before = hex(b.before);
  const sums: Sums = new Map();
  bundleSheets(h, number).sheets.forEach((s, k) => {
    const bytes = before.slice(32 * k, 32 * k + 32);
    sums.set(s.name, { point: point(bytes, "before"), bytes });
  });
  const entries = classed("bundle", () => parseEntries(good.make(b.entries as never), "bundle"));
  const st = checkBundle(entries, h, place, sums, hex(b.notes), "bundle");
  const batch = new Batch(1, undefined, good.known);
  classed("range-proof", () => batch.add(st));
  return {};
}

function runTally(v: Case, good: Good): Learned {
  const b = text(v.text ?? "");
  const list = inPart("list", () => parseList(b, "list"));
  const ledger = good.ledger("public");
  inPart("list", () => checkTally(list, hex(v.proof), [], ledger, "list"));
  const sheet = ledger.headers[list.cell.period].sheets.get(list.cell.sheet)!;
  const totals: Record<string, number> = {};
  sheet.fields.forEach((f, k) => (totals[f.name] = list.leaves.reduce((x, l) => x + l.opening.v[k], 0)));
  const out: Learned = { totals };
  if (v.sample !== undefined) {
    const { want, root, randomness } = v.sample;
    out.order = draw(sha256(b), hex(root), hex(randomness), list.leaves.length, want);
  }
  return out;
}

function runStatement(v: Case, good: Good): Learned {
  inPart("statement", () => checkStatement(text(v.text ?? ""), "statement", good.ledger("public")));
  return {};
}

/** The reader of a kind of vectors, by the name of its folder. */
export const LEDGER_READERS: Record<string, (v: Case, good: Good) => Learned> = {
  header: runHeader,
  leaf: runLeaf,
  note: runCheckpoint,
  promise: runPromise,
  receipt: runReceipt,
  bundle: runBundle,
  tally: runTally,
  statement: runStatement,
};

/** What a vector says that a reader learns, of the things that were learned here. */
export function told(v: Case, learned: Learned): Learned {
  const out: Learned = {};
  for (const k of Object.keys(learned)) {
    out[k] = k === "order" ? v.sample?.order ?? [] : ((v as unknown as Learned)[k] ?? (k === "totals" ? {} : 0));
  }
  return out;
}
