// Openings of leaves: ledger.md section 6.

import type { Bytes } from "./bytes.ts";
import { Reader, concat, equal, fromAscii, lp, sha256, text, u32 } from "./bytes.ts";
import type { Point } from "./group.ts";
import { B, G, msm, scalar } from "./group.ts";
import type { Header, Sheet } from "./header.ts";
import { inPart, must, refuse } from "./refuse.ts";

export interface Opening {
  bytes: Bytes;
  origin: string;
  header: Bytes;
  sheet: string;
  type: string;
  subject: Bytes;
  parent: Bytes;
  v: number[];
  r: bigint;
  salt: Bytes;
  day: string;
}

/** The first second of a day of UTC. */
export function dayStart(day: string, where: string): number {
  const m = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day);
  if (m === null) return refuse(where, "not a day YYYY-MM-DD");
  const d = new Date(0);
  d.setUTCFullYear(Number(m[1]), Number(m[2]) - 1, Number(m[3]));
  must(d.toISOString().slice(0, 10) === day, where, "there is no such day");
  return d.getTime() / 1000;
}

export function parseOpening(b: Bytes, where: string): Opening {
  const r = new Reader(b, where);
  const fixed = (n: number, what: string): Bytes => {
    const x = r.lp(what);
    must(x.length === n, where, `${what} has ${x.length} bytes instead of ${n}`);
    return x;
  };
  const str = (what: string) => fromAscii(r.lp(what), `${where} ${what}`);
  const origin = str("origin");
  const header = fixed(32, "header");
  const sheet = str("sheet");
  const type = str("type");
  const subject = fixed(32, "subject");
  const parent = fixed(32, "parent");
  const vr = new Reader(fixed(32, "v"), where);
  const v = Array.from({ length: 8 }, () => vr.u32("v"));
  const rr = scalar(fixed(32, "r"), `${where} r`);
  const salt = fixed(32, "salt");
  const day = str("day");
  r.end();
  dayStart(day, where);
  return { bytes: b, origin, header, sheet, type, subject, parent, v, r: rr, salt, day };
}

export function leafOf(C: Bytes, opening: Bytes): Bytes {
  return concat(Uint8Array.of(1), C, sha256(text("vitrine/leaf/v1\0"), opening));
}

export function commitment(o: Opening, s: Sheet): Point {
  let v = 0n;
  s.fields.forEach((f, k) => {
    v += BigInt(o.v[k]) << BigInt(f.offset);
  });
  return msm([G, B], [v, o.r]);
}

/** Points 2 and 3 of a receipt's check, but for the inclusion; returns the leaf. */
export function checkOpening(o: Opening, h: Header, where: string): Bytes {
  const s = inPart("header", () => {
    must(equal(o.header, h.hash), where, "names another header");
    must(o.origin === h.origin, where, "names another origin");
    const s = h.sheets.get(o.sheet);
    if (s === undefined) return refuse(where, `names the unknown sheet ${o.sheet}`);
    const start = dayStart(o.day, where);
    must(start < h.to && start + 86400 > h.from, where, `day ${o.day} is not in the header's period`);
    return s;
  });
  return inPart("value", () => checkValues(o, s, where));
}

function checkValues(o: Opening, s: Sheet, where: string): Bytes {
  const k = s.fields.findIndex((f) => f.name === o.type);
  must(k >= 0 && o.type !== "bulk_accounts", where, `has the type ${o.type}, which sheet ${s.name} does not have`);
  for (let i = 0; i < 8; i++) {
    const f = s.fields[i];
    const x = o.v[i];
    if (f === undefined) must(x === 0, where, "v is not zero behind the last field");
    else if (i === k) must(x === 1, where, `v is not 1 in the field ${f.name}`);
    else if (f.name === "bulk_accounts" && o.type === "demand") must(x < 2 ** f.width, where, "the number of bulk accounts is too large");
    else must(x === 0, where, `v is not 0 in the field ${f.name}`);
  }
  return leafOf(commitment(o, s).toBytes(), o.bytes);
}

// ---- subjects

/** document is the SHA-256 of the document. */
export function demandId(authority: string, reference: string, document: Bytes): Bytes {
  return sha256(text("vitrine/demand/v1\0"), lp(text(authority)), lp(text(reference)), document);
}

export function parentOf(salt: Bytes, demand: Bytes): Bytes {
  return sha256(text("vitrine/parent/v1\0"), salt, demand);
}

export function accountSubject(salt: Bytes, parent: Bytes, account: string): Bytes {
  return sha256(text("vitrine/account/v1\0"), salt, parent, lp(text(account)));
}

export function outcomeSubject(salt: Bytes, parent: Bytes, type: string, i: number): Bytes {
  return sha256(text("vitrine/outcome/v1\0"), salt, parent, lp(text(type)), u32(i));
}

export interface Papers {
  authority?: string;
  reference?: string;
  document?: Bytes; // its SHA-256
  accounts?: string[];
}

const MOST_OUTCOMES = 64;

export interface Subject {
  checked: string[];
  unchecked: string[];
  papers: number; // how many were not given
  account: string | undefined; // the one of those given that the fact is of
}

/** Point 6 of a receipt's check: what follows from the papers, and what was not checked. */
export function checkSubject(o: Opening, parentSalt: Bytes, subjectSalt: Bytes, p: Papers, where: string, strict = true): Subject {
  const checked: string[] = [];
  const unchecked: string[] = [];
  const accounts = p.accounts ?? [];
  let account: string | undefined;
  must(parentSalt.length === 0 || parentSalt.length === 32, where, "parent salt does not have 32 bytes");
  must(subjectSalt.length === 0 || subjectSalt.length === 32, where, "subject salt does not have 32 bytes");
  const given = [p.authority, p.reference, p.document].filter((x) => x !== undefined).length;
  must(given === 0 || given === 3, where, "authority, reference and document are compared together: all three or none");
  const missing = (["authority", "reference", "document"] as const).filter((k) => p[k] === undefined);
  const D = missing.length === 0 ? demandId(p.authority!, p.reference!, p.document!) : undefined;

  if (D === undefined) unchecked.push(`parent: not given: ${missing.join(", ")}`);
  else if (parentSalt.length === 0) unchecked.push("parent: the receipt has no parent salt");
  else {
    must(equal(parentOf(parentSalt, D), o.parent), where, "parent is not that of this authority, reference and document");
    checked.push("parent is that of the authority, reference and document");
  }

  if (o.type === "demand") {
    must(subjectSalt.length === 0, where, "a demand has no subject salt");
    if (D === undefined) unchecked.push(`subject: not given: ${missing.join(", ")}`);
    else {
      must(equal(o.subject, D), where, "subject is not that of this authority, reference and document");
      checked.push("subject is that of the authority, reference and document");
    }
  } else if (subjectSalt.length === 0) {
    unchecked.push("subject: the receipt has no subject salt");
  } else if (o.type === "account") {
    account = accounts.find((x) => equal(accountSubject(subjectSalt, o.parent, x), o.subject));
    if (account !== undefined) checked.push("subject is that of the account");
    else if (accounts.length === 0) unchecked.push("subject: not given: account");
    else {
      must(!strict, where, "subject is not that of this account");
      unchecked.push("subject: of another account than is given");
    }
  } else {
    let i = 0;
    while (i < MOST_OUTCOMES && !equal(outcomeSubject(subjectSalt, o.parent, o.type, i), o.subject)) i++;
    must(i < MOST_OUTCOMES, where, `subject is not that of the type ${o.type} for any i below ${MOST_OUTCOMES}`);
    checked.push(`subject is that of fact ${i} of the type ${o.type}`);
  }
  if (accounts.length > 0 && o.type !== "account") unchecked.push(`account: the receipt is of the type ${o.type}`);
  // how many papers were not given: which demand, the account
  const papers = (D === undefined || parentSalt.length === 0 ? 1 : 0) + (o.type === "account" && account === undefined ? 1 : 0);
  return { checked, unchecked, papers, account };
}
