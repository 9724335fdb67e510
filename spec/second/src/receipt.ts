// What holders get: ledger.md section 9.

import type { Bytes } from "./bytes.ts";
import { Reader, equal, fromBase64, fromHex, fromUtf8, text, toHex } from "./bytes.ts";
import { BUNDLE, headerEntry } from "./bundle.ts";
import type { Header } from "./header.ts";
import { bundleSheets, cellId, nextHeaderAt, parseHeader, watchOf } from "./header.ts";
import type { Ledger } from "./ledger.ts";
import { leafHash, verifyInclusion } from "./merkle.ts";
import type { Checkpoint, Key } from "./note.ts";
import { checkCheckpoint, parseCheckpoint, parseNote, readDecimal, readLines, readTime, signedBy } from "./note.ts";
import type { Opening, Papers } from "./opening.ts";
import { checkOpening, checkSubject, demandId, parentOf, parseOpening } from "./opening.ts";
import { inPart, must, refuse } from "./refuse.ts";

export interface TlogProof {
  extra: Bytes;
  index: number;
  hashes: Bytes[];
  checkpoint: Checkpoint;
}

/** c2sp.org/tlog-proof@v1 */
export function parseTlogProof(b: Bytes, where: string): TlogProof {
  const all = fromUtf8(b, where);
  const split = all.indexOf("\n\n");
  must(split >= 0, where, "not a tlog-proof: no empty line");
  const lines = all.slice(0, split).split("\n");
  let i = 0;
  must(lines[i++] === "c2sp.org/tlog-proof@v1", where, "not a tlog-proof: first line");
  let extra = new Uint8Array(0) as Bytes;
  if (lines[i]?.startsWith("extra ")) extra = fromBase64(lines[i++].slice(6), `${where} extra`);
  const m = /^index (.*)$/.exec(lines[i++] ?? "");
  if (m === null) return refuse(where, "not a tlog-proof: index line");
  const index = readDecimal(m[1], `${where} index`);
  const hashes = lines.slice(i).map((l) => {
    const h = fromBase64(l, `${where} proof`);
    must(h.length === 32, where, "a hash of the proof does not have 32 bytes");
    return h;
  });
  must(hashes.length <= 63, where, "more than 63 hashes in a proof");
  return { extra, index, hashes, checkpoint: parseCheckpoint(text(all.slice(split + 2)), `${where} checkpoint`) };
}

export interface Receipt {
  proof: TlogProof;
  opening: Opening;
  parentSalt: Bytes;
  subjectSalt: Bytes;
  header: Header;
  at: number; // h
  leaf: Bytes;
  time: number | undefined;
  checked: string[];
  unchecked: string[];
  papers: number; // how many were not given
  account: string | undefined; // the one that is given and that it is of
}

export interface Promised {
  opening: Opening;
  leaf: Bytes;
  parentSalt: Bytes;
  subjectSalt: Bytes;
  received: number;
  due: number;
}

/** The reader's clock. */
export function clock(): number {
  return Math.floor(Date.now() / 1000);
}

/** promise: the promise, or its due. strict: the account that is given has to be that of this receipt. */
export function checkReceipt(b: Bytes, papers: Papers, promise: Bytes | number | undefined, where: string, strict = true): Receipt {
  const proof = inPart("form", () => parseTlogProof(b, where));
  const cp = proof.checkpoint;
  const r = new Reader(proof.extra, `${where} extra`);
  const E = r.lp("E");
  const parentSalt = r.lp("parent salt");
  const subjectSalt = r.lp("subject salt");
  const headerBytes = r.lp("header");
  const at = r.u64("h");
  const path = r.lp("inclusion proof of the header");
  r.end();
  must(path.length % 32 === 0, where, "the header's inclusion proof is not made of hashes of 32 bytes");
  const checked: string[] = [];
  const unchecked: string[] = [];

  // 1
  const h = parseHeader(headerBytes, `${where} header`);
  must(at % BUNDLE === 0, where, "h is not at the beginning of a bundle");
  must((h.number === 0) === (at === 0), where, `header ${h.number} cannot stand at ${at}`);
  const hashes: Bytes[] = [];
  for (let i = 0; i < path.length; i += 32) hashes.push(path.slice(i, i + 32));
  verifyInclusion(leafHash(headerEntry(h.hash)), at, cp.size, hashes, cp.root, `${where} header`);

  // 2, 3
  const opening = parseOpening(E, `${where} opening`);
  const leaf = checkOpening(opening, h, `${where} opening`);
  verifyInclusion(leafHash(leaf), proof.index, cp.size, proof.hashes, cp.root, `${where} leaf`);

  // 4
  must(proof.index >= at + BUNDLE && proof.index < nextHeaderAt(h, at), where, "the index is not in the header's period");
  const i = proof.index % BUNDLE;
  must(i !== 255, where, "the index is that of a trailer");
  const rel = (proof.index - i - at) / BUNDLE - 1;
  const sheet = bundleSheets(h, rel % h.bundles).slot[i].name;
  must(sheet === opening.sheet, where, `the grid gives the index to sheet ${sheet} and not to ${opening.sheet}`);
  const tick = Math.floor(rel / h.bundles) + 1;
  must(cp.size === at + BUNDLE * (1 + tick * h.bundles), where, `the checkpoint is not that of tick ${tick}, which brought the leaf`);

  // 5
  const time = checkCheckpoint(cp, watchOf(h), `${where} checkpoint`);
  checked.push(`leaf at index ${proof.index}, tick ${tick} of header ${h.number} of ${h.origin}`);
  checked.push(`sheet ${opening.sheet}, type ${opening.type}, day ${opening.day}${opening.type === "demand" ? bulk(opening, h) : ""}`);
  if (time === undefined) unchecked.push("witnesses: the header asks for none, so the log may show others something else");
  else checked.push(`checkpoint cosigned by ${h.quorum} witness(es), time ${time}`);
  if (promise === undefined) unchecked.push("due: no promise given");
  else {
    let promisedBy: number;
    if (typeof promise === "number") promisedBy = promise;
    else {
      const p = checkPromise(promise, h, `${where} promise`);
      must(equal(p.leaf, leaf), where, "the promise is of another leaf");
      promisedBy = p.due;
    }
    // without witnesses, the time at which the tick was planned to be published
    const when = time ?? h.from + h.lag + tick * h.delta;
    inPart("witnesses", () => must(when <= promisedBy, where, `the checkpoint's time ${when} is later than the promise's due ${promisedBy}`));
    checked.push(`the promise was kept: ${when} <= ${promisedBy}`);
  }

  // 6
  const s = inPart("papers", () => checkSubject(opening, parentSalt, subjectSalt, papers, where, strict));
  checked.push(...s.checked);
  unchecked.push(...s.unchecked);
  return { account: s.account, proof, opening, parentSalt, subjectSalt, header: h, at, leaf, time, checked, unchecked, papers: s.papers };
}

function bulk(o: Opening, h: Header): string {
  const k = h.sheets.get(o.sheet)!.fields.findIndex((f) => f.name === "bulk_accounts");
  return k < 0 ? "" : `, ${o.v[k]} bulk account(s)`;
}

/** The receipt against a published ledger, whose tree has been computed. */
export function checkReceiptWithLedger(r: Receipt, l: Ledger, where: string): void {
  const k = r.header.number;
  must(l.origin === r.header.origin, where, "the published ledger has another origin");
  must(r.proof.checkpoint.size <= l.size, where, "the published ledger does not reach the receipt's checkpoint: the copy is old, or the ledger was rolled back, of which the receipt is evidence");
  must(k < l.headers.length && equal(l.headers[k].hash, r.header.hash), where, "the header is not one of the published ledger");
  must(l.headerAt[k] === r.at, where, "the header stands elsewhere in the published ledger");
  const root = l.roots.get(r.proof.checkpoint.size);
  must(root !== undefined && equal(root, r.proof.checkpoint.root), where, "the receipt's checkpoint is not one of the published ledger's tree");
  r.checked.push("the published ledger contains the leaf, under the same header");
}

export function cellOf(r: Receipt): string {
  return cellId({ period: r.header.number, sheet: r.opening.sheet });
}

export function checkPromise(b: Bytes, h: Header, where: string): Promised {
  const note = parseNote(b, where);
  must(signedByOne(note, h.keys.promise, where), where, "is not signed with a promise key of the header");
  const names = ["origin", "leaf", "opening", "parent-salt", "subject-salt", "received", "due"];
  const hasSalt = note.text.includes("\nsubject-salt ");
  const v = readLines(note.text, "vitrine/promise/v1", hasSalt ? names : names.filter((n) => n !== "subject-salt"), where);
  const salt = hasSalt ? v.splice(4, 1)[0] : undefined;
  const [origin, leafText, openingText, parentText, receivedText, dueText] = v;
  must(origin === h.origin, where, "names another origin");
  const opening = parseOpening(fromBase64(openingText, where), `${where} opening`);
  const leaf = checkOpening(opening, h, `${where} opening`);
  must(equal(fromBase64(leafText, where), leaf), where, "the leaf is not that of the opening");
  const parentSalt = fromBase64(parentText, where);
  must(parentSalt.length === 32, where, "parent salt does not have 32 bytes");
  must((opening.type === "demand") === (salt === undefined), where, "a subject salt stands exactly where the type is not demand");
  const subjectSalt = salt === undefined ? new Uint8Array(0) : fromBase64(salt, where);
  must(salt === undefined || subjectSalt.length === 32, where, "subject salt does not have 32 bytes");
  const received = readTime(receivedText, `${where} received`);
  const due = readTime(dueText, `${where} due`);
  must(due === received + h.due, where, "due is not received plus the header's due");
  return { opening, leaf, parentSalt, subjectSalt, received, due };
}

/** The header of the period of a time: the last one that began by then, or header 0. */
export function headerOfTime(headers: Header[], time: number): Header {
  let h = headers[0];
  for (const x of headers) if (x.from <= time) h = x;
  return h;
}

export interface Submission {
  origin: string;
  document: string; // hexadecimal
  received: number;
  answerBy: number;
}

function digest(s: string, where: string): string {
  must(/^[0-9a-f]{64}$/.test(s), where, "document is not a digest");
  return s;
}

/** A submission receipt: the digest of what came, and the times. headers are those of the ledger. */
export function checkSubmission(b: Bytes, headers: Header[], where: string): Submission {
  const note = parseNote(b, where);
  const [origin, doc, receivedText, byText] = readLines(note.text, "vitrine/submission/v1", ["origin", "document", "received", "answer-by"], where);
  const document = digest(doc, where);
  const received = readTime(receivedText, where);
  const answerBy = readTime(byText, where);
  const h = headerOfTime(headers, received);
  must(origin === h.origin, where, "names another origin");
  must(signedByOne(note, h.keys.promise, where), where, "is not signed with a promise key of the header of its time");
  must(answerBy === received + 259200, where, "answer-by is not received + 259200");
  return { origin, document, received, answerBy };
}

export interface Declined {
  origin: string;
  document: string; // hexadecimal
  received: number;
  declined: number;
  because: string;
}

/** What a line that reads as it is written does not hold. */
// eslint-disable-next-line no-control-regex
const NOT_IN_TEXT = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

/** The answer that what came is no demand. */
export function checkDeclined(b: Bytes, headers: Header[], where: string): Declined {
  const note = parseNote(b, where);
  const [origin, doc, receivedText, declinedText, because] = readLines(note.text, "vitrine/declined/v1", ["origin", "document", "received", "declined", "because"], where);
  const document = digest(doc, where);
  const received = readTime(receivedText, where);
  const declined = readTime(declinedText, where);
  must(declined >= received, where, "declined is before received");
  must(text(because).length <= 1000, where, "because has more than 1,000 bytes");
  must(!because.startsWith(" ") && !because.endsWith(" "), where, "because begins or ends with a space");
  must(/[\p{L}\p{N}]/u.test(because), where, "because has neither a letter nor a number");
  must(!NOT_IN_TEXT.test(because), where, "because has a character that does not read as it is written");
  const h = headerOfTime(headers, declined);
  must(origin === h.origin, where, "names another origin");
  must(signedByOne(note, h.keys.promise, where), where, "is not signed with a promise key of the header of its time");
  return { origin, document, received, declined, because };
}

/** Whether the answer is that of the submission receipt. */
export function answers(d: Declined, s: Submission, where: string): void {
  must(d.origin === s.origin, where, "is not the answer to this submission receipt: another origin");
  must(d.document === s.document, where, "is not the answer to this submission receipt: another document");
  must(d.received === s.received, where, "is not the answer to this submission receipt: received at another time");
}

/** Whether the promise is one of the demand that was submitted. */
export function promiseAnswers(p: Promised, s: Submission, authority: string, reference: string, where: string): void {
  must(p.opening.origin === s.origin, where, "is not the answer to this submission receipt: another origin");
  const D = demandId(authority, reference, fromHex(s.document, where, 32));
  must(equal(parentOf(p.parentSalt, D), p.opening.parent), where, "is not the answer to this submission receipt: parent is not that of this authority, reference and document");
}

/** old: the reader's clock is later than the due, the copy of the ledger is not. */
export type Kept = { state: "kept"; index: number; time: number } | { state: "late"; index: number; time: number } | { state: "broken" | "old" | "open" };

/** Whether a ledger, whose tree has been computed, has the promised leaf by its due. */
export function promiseKept(p: Promised, l: Ledger, now = clock()): Kept {
  const want = leafHash(p.leaf);
  const index = l.leaves.findIndex((x) => equal(x, want));
  if (index < 0) {
    const past = l.newestTime > p.due;
    if (past && (l.watched(l.size) || now > p.due)) return { state: "broken" };
    return { state: !past && now > p.due ? "old" : "open" };
  }
  // without witnesses, the time that was planned, whatever the clock says
  const time = l.times.get(l.tickEnds().find((s) => s > index)!)!;
  return { state: time <= p.due ? "kept" : "late", index, time };
}

function signedByOne(note: ReturnType<typeof parseNote>, keys: Key[], where: string): boolean {
  return keys.filter((k) => signedBy(note, k, where)).length > 0;
}

/** Of several receipts the indices differ. */
export function distinct(rs: { receipt: Receipt; where: string }[]): void {
  const seen = new Map<string, string>();
  for (const { receipt, where } of rs) {
    const id = `${receipt.header.origin} ${receipt.proof.index}`;
    const other = seen.get(id);
    if (other !== undefined) refuse(where, `is a receipt of the same index as ${other}: ${toHex(receipt.leaf)}`);
    seen.set(id, where);
  }
}
