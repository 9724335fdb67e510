// Lists of a tally, their proofs, and what auditors say: ledger.md section 10.

import type { Bytes } from "./bytes.ts";
import { equal, fromBase64, fromHex, sha256, sha512, toHex, u32 } from "./bytes.ts";
import { BUNDLE } from "./bundle.ts";
import { B, ZERO, msm, mod, point, scalar } from "./group.ts";
import type { Point } from "./group.ts";
import type { Cell } from "./header.ts";
import { bundleSheets, cellId } from "./header.ts";
import { asList, asNumber, asObject, asString, fields, parseJson } from "./json.ts";
import type { Ledger } from "./ledger.ts";
import { leafHash } from "./merkle.ts";
import { ALG_ED25519, parseKey, parseNote, readDecimal, readLines, signedBy } from "./note.ts";
import type { Opening } from "./opening.ts";
import { checkOpening, dayStart, outcomeSubject, parentOf, parseOpening } from "./opening.ts";
import { Refusal, inPart, must, refuse } from "./refuse.ts";
import { Transcript } from "./transcript.ts";

export interface ListedLeaf {
  index: number;
  opening: Opening;
  parentSalt: Bytes;
  subjectSalt: Bytes | undefined;
}

export interface List {
  digest: Bytes;
  cell: Cell;
  leaves: ListedLeaf[];
  origin: string;
}

/** An outcome's number in a list is below this. */
const MOST_OUTCOMES = 64;

export function parseList(b: Bytes, where: string): List {
  const o = fields(parseJson(b, where), where, ["cell", "leaves", "origin", "salt"]);
  const c = fields(o.cell, `${where} cell`, ["period", "sheet"]);
  fromHex(asString(o.salt, `${where} salt`), `${where} salt`, 32);
  let last = -1;
  const leaves = asList(o.leaves, `${where} leaves`).map((v, i) => {
    const w = `${where} leaf ${i}`;
    const l = fields(asObject(v, w), w, ["index", "opening", "parent_salt"], ["subject_salt"]);
    const index = asNumber(l.index, w);
    must(index > last, w, "indices do not ascend");
    last = index;
    const opening = parseOpening(fromBase64(asString(l.opening, w), w), w);
    must((opening.type === "demand") === !("subject_salt" in l), w, "a subject salt stands exactly where the type is not demand");
    return {
      index,
      opening,
      parentSalt: fromHex(asString(l.parent_salt, w), w, 32),
      subjectSalt: "subject_salt" in l ? fromHex(asString(l.subject_salt, w), w, 32) : undefined,
    };
  });
  return {
    digest: sha256(b),
    cell: { period: asNumber(c.period, `${where} cell`), sheet: asString(c.sheet, `${where} cell`) },
    leaves,
    origin: asString(o.origin, `${where} origin`),
  };
}

/** Points 1 to 3 for one list, in a ledger that was audited; the leaves' points. */
export function checkList(l: List, ledger: Ledger, where: string): Point[] {
  // 1
  must(
    ledger.notices.some((n) => n.kind === "tally" && n.digest === toHex(l.digest)),
    where,
    "the list's digest is not a notice",
  );
  must(l.origin === ledger.origin, where, "names another origin");
  const h = ledger.headers[l.cell.period];
  must(h !== undefined && h.sheets.has(l.cell.sheet), where, `there is no cell ${cellId(l.cell)}`);
  must(ledger.complete(l.cell, ledger.size), where, `cell ${cellId(l.cell)} is not complete`);

  // 2, 3
  const numbers = new Set<string>();
  return l.leaves.map((leaf, i) => {
    const w = `${where} leaf ${i}`;
    const o = leaf.opening;
    must(leaf.index < ledger.size, w, "index is not in the log");
    const slot = leaf.index % BUNDLE;
    const at = ledger.locate((leaf.index - slot) / BUNDLE);
    must(at.header === l.cell.period && at.tick > 0 && slot !== 255, w, "index is not in a slot of the period");
    must("bundle" in at && bundleSheets(h, at.bundle).slot[slot].name === l.cell.sheet, w, "index is not in a slot of the sheet");
    must(o.sheet === l.cell.sheet, w, "the opening names another sheet");
    const bytes = checkOpening(o, h, w);
    must(equal(leafHash(bytes), ledger.leaves[leaf.index]), w, "the opening is not that of the leaf at the index");
    if (o.type === "demand") {
      must(equal(parentOf(leaf.parentSalt, o.subject), o.parent), w, "the demand's parent is not made with its own subject");
    } else if (o.type !== "account") {
      let k = 0;
      while (k < MOST_OUTCOMES && !equal(outcomeSubject(leaf.subjectSalt!, o.parent, o.type, k), o.subject)) k++;
      must(k < MOST_OUTCOMES, w, `subject is not that of the type ${o.type} for any i below ${MOST_OUTCOMES}`);
      const id = `${toHex(o.parent)} ${o.type} ${k}`;
      must(!numbers.has(id), w, `is a second fact ${k} of the type ${o.type} of its parent`);
      numbers.add(id);
    }
    return point(bytes.subarray(1, 33), w);
  });
}

export interface Tally {
  facts: Map<string, number>; // by type
  strangers: number; // notices of kind tally of none of the lists
}

/** Points 1 to 5: the list and its proof, with the lists beside it. */
export function checkTally(list: List, proof: Bytes, beside: { list: List; where: string }[], ledger: Ledger, where: string): Tally {
  const points = checkList(list, ledger, where);
  for (const b of beside) {
    must(b.list.cell.period <= list.cell.period, b.where, "is a list of a later period");
    checkList(b.list, ledger, b.where);
  }
  const all = [{ list, where }, ...beside];
  const cells = new Map<string, string>();
  const subjects = new Map<string, string>();
  const demands = new Set<string>();
  for (const x of all) {
    const other = cells.get(cellId(x.list.cell));
    if (other !== undefined) refuse(x.where, `is a list of the same cell as ${other}`);
    cells.set(cellId(x.list.cell), x.where);
    x.list.leaves.forEach(({ opening: o }, i) => {
      const w = `${x.where} leaf ${i}`;
      const s = toHex(o.subject);
      if (subjects.has(s)) refuse(w, `has the subject of ${subjects.get(s)}`);
      subjects.set(s, w);
      if (o.type === "demand") demands.add(toHex(o.parent));
    });
  }
  list.leaves.forEach(({ opening: o }, i) => {
    must(o.type === "demand" || demands.has(toHex(o.parent)), `${where} leaf ${i}`, "there is no demand of its parent on the lists");
  });

  // 5
  const cell = ledger.cells.get(cellId(list.cell));
  if (cell === undefined) return refuse(where, `the value of cell ${cellId(list.cell)} is not known`);
  inPart("proof", () => verifyTally(list.digest, cell.bytes, points, proof, where));

  const facts = new Map<string, number>();
  for (const l of list.leaves) facts.set(l.opening.type, (facts.get(l.opening.type) ?? 0) + 1);
  const known = new Set(all.map((x) => toHex(x.list.digest)));
  const strangers = ledger.notices.filter((n) => n.kind === "tally" && !known.has(n.digest)).length;
  return { facts, strangers };
}

/** s·B = R + c·D, with D the cell's P without the listed leaves' C. */
export function verifyTally(list: Bytes, cell: Bytes, leaves: Point[], proof: Bytes, where: string): void {
  must(proof.length === 64, where, `tally proof of ${proof.length} bytes instead of 64`);
  const P = point(cell, `${where} cell`);
  const R = point(proof.subarray(0, 32), `${where} R`);
  const s = scalar(proof.subarray(32), `${where} s`);
  const t = new Transcript("vitrine/tally/v1");
  t.absorb("list", list);
  t.absorb("cell", cell);
  t.absorb("R", proof.subarray(0, 32));
  const c = t.challenge("c");
  let D = P;
  for (const C of leaves) D = D.subtract(C);
  must(msm([B, R, D], [s, mod(-1n), mod(-c)]).equals(ZERO), where, "tally proof does not hold");
}

// ---- statements

export interface Statement {
  auditor: string;
  origin: string;
  procedure: "bundles" | "tally" | "sample";
  period: number;
  header: string;
  size: number;
  root: string;
  sheet?: string;
  list?: string;
  randomness?: string;
  result: "passed" | "failed";
  day: string;
}

/** The form of a statement and its own key's signature. */
export function parseStatement(b: Bytes, where: string): Statement {
  must(b.length >= 1 && b.length <= 65536, where, "a statement has 1 to 65,536 bytes");
  const note = parseNote(b, where);
  const procedure = note.text.split("\n").find((l) => l.startsWith("procedure "))?.slice(10);
  if (procedure !== "bundles" && procedure !== "tally" && procedure !== "sample") return refuse(where, "procedure is not bundles, tally or sample");
  const names = [
    ...["auditor", "origin", "procedure", "period", "header", "size", "root"],
    ...(procedure === "bundles" ? [] : ["sheet", "list"]),
    ...(procedure === "sample" ? ["randomness"] : []),
    ...["result", "day"],
  ];
  const values = readLines(note.text, "vitrine/statement/v1", names, where);
  const get = (n: string) => values[names.indexOf(n)];
  const hash = (n: string) => toHex(fromHex(get(n), `${where} ${n}`, 32));
  const key = parseKey(get("auditor"), ALG_ED25519, `${where} auditor`);
  must(signedBy(note, key, where), where, "is not signed by its auditor");
  const result = get("result");
  if (result !== "passed" && result !== "failed") return refuse(where, "result is neither passed nor failed");
  dayStart(get("day"), `${where} day`);
  if (procedure === "sample") {
    const length = fromHex(get("randomness"), `${where} randomness`).length;
    must(length >= 1 && length <= 256, where, `randomness of ${length} bytes instead of 1 to 256`);
  }
  const root = fromHex(get("root"), `${where} root`, 32);
  return {
    auditor: get("auditor"),
    origin: get("origin"),
    procedure,
    period: readDecimal(get("period"), `${where} period`),
    header: hash("header"),
    size: readDecimal(get("size"), `${where} size`),
    root: toHex(root),
    sheet: procedure === "bundles" ? undefined : get("sheet"),
    list: procedure === "bundles" ? undefined : hash("list"),
    randomness: procedure === "sample" ? get("randomness") : undefined,
    result,
    day: get("day"),
  };
}

/** What has to be right before a statement is shown. */
export function checkStatement(b: Bytes, where: string, l: Ledger): Statement {
  const s = parseStatement(b, where);
  must(s.origin === l.origin, where, "names another origin");
  const h = l.headers[s.period];
  must(h !== undefined && toHex(h.hash) === s.header, where, "header is not that of the period");
  must(s.size <= l.size && l.endsAt(s.size) !== undefined, where, "size is not at a tick's end of the log");
  must(s.root === toHex(l.roots.get(s.size)!), where, "root is not the ledger's at this size");
  must(l.complete({ period: s.period, sheet: "" }, s.size), where, "the tree does not hold the whole period");
  if (s.sheet !== undefined) must(h.sheets.has(s.sheet), where, "names an unknown sheet");
  if (s.list !== undefined) {
    const ok = l.notices.some((n) => n.kind === "tally" && n.digest === s.list && n.bundle * BUNDLE < s.size);
    must(ok, where, "list is not a notice of kind tally before this size");
  }
  return s;
}

/** One line about a document of a notice of kind statement. */
export function describeStatement(b: Bytes, where: string, l: Ledger): string {
  try {
    const s = checkStatement(b, where, l);
    const sheet = s.sheet === undefined ? "" : `, sheet ${s.sheet}`;
    return `${where}: auditor ${s.auditor} says on ${s.day}: ${s.procedure} of period ${s.period}${sheet} ${s.result} (size ${s.size}); worth what you know of that key`;
  } catch (e) {
    if (e instanceof Refusal) return `${where}: a statement that does not have the form of ledger.md section 10: ${e.what}`;
    throw e;
  }
}

// ---- the sample

/** The places on the list, from 0, of the leaves that are drawn, in the order in which they are. */
export function draw(list: Bytes, root: Bytes, randomness: Bytes, length: number, want: number): number[] {
  const S = sha512(list, root, randomness);
  const out: number[] = [];
  const drawn = new Set<number>();
  for (let j = 0; out.length < Math.min(want, length); j++) {
    const k = Number(BigInt("0x" + toHex(sha512(S, u32(j)))) % BigInt(length));
    if (drawn.has(k)) continue;
    drawn.add(k);
    out.push(k);
  }
  return out;
}
