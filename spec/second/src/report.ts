// A report: report.md sections 2 and 3, and steps 4 and 5 of section 4.

import type { Bytes } from "./bytes.ts";
import { equal, fromHex, sha256, toHex, u32 } from "./bytes.ts";
import type { Point } from "./group.ts";
import { G, ZERO, isIdentity, msm, mod, point } from "./group.ts";
import type { Cell, Field, Header, Sheet, Table } from "./header.ts";
import { CARRY, cellId } from "./header.ts";
import type { Json, JsonObject } from "./json.ts";
import { asList, asNumber, asString, fields, jsonBytes, parseJson, writeJson } from "./json.ts";
import type { Class, Ledger } from "./ledger.ts";
import type { Key } from "./note.ts";
import { parseNote, readDecimal, readLines, signedBy } from "./note.ts";
import type { Batch } from "./rangeproof.ts";
import { rangeWeights } from "./rangeproof.ts";
import { classed, must, refuse, within } from "./refuse.ts";
import { verifyMultipleOfB } from "./schnorr.ts";
import type { Store } from "./store.ts";
import { Transcript } from "./transcript.ts";

export type FieldSaid =
  | { name: string; kind: "total"; total: number }
  | { name: string; kind: "band"; low: number; width: number; point: Bytes }
  | { name: string; kind: "hidden"; point: Bytes };

export interface TableSaid {
  cells: { period: number; sheet: string; point: Bytes }[];
  class: string;
  fields: FieldSaid[];
  header: number;
  name: string;
}

export interface LedgerSaid {
  class: string;
  headers: string[];
  origin: string;
  root: string;
  size: number;
}

export interface Report {
  path: string; // reports/NAME
  bytes: Bytes;
  words: string;
  files: { path: string; sha256: string }[];
  proofs: string[];
  signatures: string[];
  statementBytes: Bytes;
  ledgers: LedgerSaid[];
  name: string;
  number: number;
  tables: TableSaid[];
}

export const NAME = /^[A-Za-z0-9-]{1,64}$/;

function hex32(v: Json, where: string): string {
  const s = asString(v, where);
  fromHex(s, where, 32);
  return s;
}

function parseField(v: Json, where: string): FieldSaid {
  const o = v as JsonObject;
  if (typeof v === "object" && !Array.isArray(v) && "total" in o) {
    fields(v, where, ["name", "total"]);
    return { name: asString(o.name, where), kind: "total", total: asNumber(o.total, where) };
  }
  if (typeof v === "object" && !Array.isArray(v) && "low" in o) {
    fields(v, where, ["low", "name", "point", "width"]);
    return {
      name: asString(o.name, where),
      kind: "band",
      low: asNumber(o.low, where),
      width: asNumber(o.width, where),
      point: fromHex(asString(o.point, where), where, 32),
    };
  }
  fields(v, where, ["name", "point"]);
  return { name: asString(o.name, where), kind: "hidden", point: fromHex(asString(o.point, where), where, 32) };
}

/** The form of report.json alone. */
export function parseReport(bytes: Bytes, path: string): Report {
  const where = `${path}/report.json`;
  const o = fields(parseJson(bytes, where), where, ["files", "proofs", "signatures", "statement", "words"]);
  const words = hex32(o.words, `${where} words`);
  const files = asList(o.files, `${where} files`).map((v) => {
    const f = fields(v, `${where} files`, ["path", "sha256"]);
    return { path: asString(f.path, `${where} files`), sha256: hex32(f.sha256, `${where} files`) };
  });
  classed("report-file", () => {
    files.forEach((f, i) => must(i === 0 || files[i - 1].path < f.path, where, "paths of files do not ascend"));
    for (const f of files) {
      must(f.path.split("/").every((p) => p !== "" && p !== "." && p !== ".."), where, `bad path of a file: ${f.path}`);
      must(f.path !== "report.json" && f.path !== "report.note", where, "files names the report itself");
    }
  });
  const proofs = asList(o.proofs, `${where} proofs`).map((v) => asString(v, `${where} proofs`));
  const signatures = asList(o.signatures, `${where} signatures`).map((v) => asString(v, `${where} signatures`));

  const s = fields(o.statement, `${where} statement`, ["ledgers", "name", "number", "suite", "tables"]);
  must(s.suite === "v1", where, "suite is not v1");
  const ledgers = asList(s.ledgers, `${where} ledgers`).map((v) => {
    const l = fields(v, `${where} ledgers`, ["class", "headers", "origin", "root", "size"]);
    return {
      class: asString(l.class, `${where} ledgers`),
      headers: asList(l.headers, `${where} ledgers`).map((h) => hex32(h, `${where} ledgers`)),
      origin: asString(l.origin, `${where} ledgers`),
      root: hex32(l.root, `${where} ledgers`),
      size: asNumber(l.size, `${where} ledgers`),
    };
  });
  const order = ledgers.map((l) => l.class).join(" ");
  classed("report-ledger", () => must(["public", "restricted", "public restricted"].includes(order), where, `ledgers are "${order}"`));
  const tables = asList(s.tables, `${where} tables`).map((v, i) => {
    const w = `${where} table ${i}`;
    const t = fields(v, w, ["cells", "class", "fields", "header", "name"]);
    return {
      cells: asList(t.cells, w).map((c) => {
        const co = fields(c, w, ["period", "point", "sheet"]);
        return { period: asNumber(co.period, w), sheet: asString(co.sheet, w), point: fromHex(asString(co.point, w), w, 32) };
      }),
      class: asString(t.class, w),
      fields: asList(t.fields, w).map((f) => classed("report-rule", () => parseField(f, w))),
      header: asNumber(t.header, w),
      name: asString(t.name, w),
    };
  });
  must(signatures.length === tables.length, where, `${signatures.length} signatures of ${tables.length} tables`);
  return {
    path,
    bytes,
    words,
    files,
    proofs,
    signatures,
    statementBytes: jsonBytes(o.statement),
    ledgers,
    name: asString(s.name, where),
    number: asNumber(s.number, where),
    tables,
  };
}

export function readIndex(store: Store): string[] {
  const file = "reports/index.json";
  const names = asList(parseJson(store.read(file), file), file).map((v) => asString(v, file));
  for (const n of names) must(NAME.test(n), file, `bad name of a report: ${n}`);
  must(new Set(names).size === names.length, file, "a report stands twice");
  return names;
}

/** Version of the signed note of a report. */
export function readNote(store: Store, file: string, name: string, json: Bytes, key: Key): number {
  const note = parseNote(store.read(file), file);
  must(signedBy(note, key, file), file, "is not signed with the report key");
  const [n, sha, version] = readLines(note.text, "vitrine/report/v1", ["name", "sha256", "version"], file);
  must(n === name, file, "is the note of another report");
  must(sha === toHex(sha256(json)), file, "names another report.json");
  const v = readDecimal(version, file);
  must(v >= 1, file, "version is not 1 or more");
  return v;
}

/** 2^(w+27): what a field's total is less than. */
function bound(f: Field): bigint {
  return 1n << BigInt(f.width + CARRY);
}

/** Checks what is said of a field against its rule; returns [0, max] for a point, or undefined. */
function checkField(said: FieldSaid, f: Field, where: string): bigint | undefined {
  must(said.name === f.name, where, `field ${said.name} stands where ${f.name} has to`);
  const w = `${where} field ${f.name}`;
  const band = (width: number, b: FieldSaid & { kind: "band" }): bigint => {
    must(b.width === width, w, `band of width ${b.width} instead of ${width}`);
    must(b.low % width === 0, w, "the band does not begin at a multiple of its width");
    must(BigInt(b.low) + BigInt(width) <= bound(f), w, "the band ends behind the field");
    return BigInt(width) - 1n;
  };
  switch (f.rule.kind) {
    case "exact":
      if (said.kind !== "total") return refuse(w, "has no total although its rule is exact");
      must(BigInt(said.total) < bound(f), w, "total is too large");
      return undefined;
    case "small":
      if (said.kind === "total") {
        must(said.total >= f.rule.k, w, `total is less than ${f.rule.k}`);
        must(BigInt(said.total) < bound(f), w, "total is too large");
        return undefined;
      }
      if (said.kind !== "band") return refuse(w, "has neither total nor band although its rule is small");
      must(said.low === 0, w, "the band of a small total does not begin at 0");
      return band(f.rule.k, said);
    case "band":
      if (said.kind !== "band") return refuse(w, "has no band although its rule is band");
      return band(f.rule.w, said);
    case "hidden":
      if (said.kind !== "hidden") return refuse(w, "says something although its rule is hidden");
      return bound(f) - 1n;
  }
}

export interface Audited {
  contained: Set<string>; // "CLASS HEADER TABLE" of all reports so far
  digests: Set<string>; // of all versions of these
  publicHeaders: number; // how many headers of the public ledger the newest of them names
  tables: number;
  totals: number;
  bands: number;
  hiddenFields: number;
  rangeProofs: number;
  exactProofs: number;
  remarks: string[];
}

export function newAudited(): Audited {
  return { contained: new Set(), digests: new Set(), publicHeaders: 0, tables: 0, totals: 0, bands: 0, hiddenFields: 0, rangeProofs: 0, exactProofs: 0, remarks: [] };
}

function tableId(cls: string, header: number, name: string): string {
  return `${cls} ${header} ${name}`;
}

/** What reports have to contain of a header: its tables, then its openings. */
function told(h: Header): (Table & { petition?: string })[] {
  return [...h.tables, ...h.openings];
}

/** Step 4, for one report. Its range proofs go to the batch. */
export function auditReport(store: Store, name: string, place: number, ledgers: Map<Class, Ledger>, done: Audited, batch: Batch): void {
  const path = `reports/${name}`;
  const where = `${path}/report.json`;
  const bytes = classed("report-form", () => store.read(where));
  const r = classed("report-form", () => {
    const r = parseReport(bytes, path);
    must(r.name === name, where, "says another name");
    must(r.number === place, where, `number is ${r.number} instead of ${place}`);
    return r;
  });
  classed("report-ledger", () => auditLedgers(r, ledgers, where));
  const versions = auditFiles(store, r, ledgers, done);
  const expected = classed("report-tables", () => auditTables(r, ledgers, done, where));
  auditValues(r, expected, done, batch, where);
  classed("report-version", () => auditNotice(r, versions, ledgers, done, where));
  const { words, files } = r;
  classed("report-file", () =>
    must(/^0+$/.test(words) || files.some((f) => f.path === "words.json" && f.sha256 === words), where, "words is not the digest of a file words.json"),
  );
  done.publicHeaders = r.ledgers.find((l) => l.class === "public")?.headers.length ?? done.publicHeaders;
  for (const e of expected) done.contained.add(tableId(e.ledger.class, e.header.number, e.table.name));
}

function auditLedgers(r: Report, ledgers: Map<Class, Ledger>, where: string): void {
  for (const said of r.ledgers) {
    const l = ledgers.get(said.class as Class);
    if (l === undefined) return refuse(where, `names a ${said.class} ledger that is not there`);
    must(said.origin === l.origin, where, `origin of the ${said.class} ledger is wrong`);
    must(said.size <= l.size && l.endsAt(said.size) !== undefined, where, `size ${said.size} is not at a tick's end of the ${said.class} ledger`);
    const hs = l.headers.slice(0, l.newestHeader(said.size) + 1).map((h) => toHex(h.hash));
    must(hs.length === said.headers.length && hs.every((h, i) => h === said.headers[i]), where, `headers of the ${said.class} ledger are not those of the log`);
    must(said.root === toHex(l.roots.get(said.size)!), where, `root of the ${said.class} ledger is not that of the log`);
  }
}

/** Signature, versions, files; the versions' bytes. */
function auditFiles(store: Store, r: Report, ledgers: Map<Class, Ledger>, done: Audited): Bytes[] {
  const { path, bytes } = r;
  const first = r.ledgers[0];
  const key = ledgers.get(first.class as Class)!.headers[first.headers.length - 1].keys.report;
  const version = classed("report-signature", () => readNote(store, `${path}/report.note`, r.name, bytes, key));
  const versions: Bytes[] = [];
  classed("report-version", () => {
    for (let v = 1; v < version; v++) {
      const old = store.read(`${path}/report-${v}.json`);
      const w = `${path}/report-${v}.json`;
      must(readNote(store, `${path}/report-${v}.note`, r.name, old, key) === v, w, "has the note of another version");
      const o = within(w, () => parseReport(old, path));
      must(
        equal(o.statementBytes, r.statementBytes) && writeJson(o.proofs) === writeJson(r.proofs) && writeJson(o.signatures) === writeJson(r.signatures),
        w,
        "statement, proofs or signatures were changed in a later version",
      );
      versions.push(old);
    }
  });
  versions.push(bytes);
  classed("report-file", () => {
    for (const f of r.files) {
      must(toHex(sha256(store.read(`${path}/${f.path}`))) === f.sha256, `${path}/${f.path}`, "has another digest than report.json says");
    }
  });
  const named = new Set(r.files.map((f) => f.path));
  for (const f of store.walk(path)) {
    if (named.has(f) || f === "report.json" || f === "report.note" || /^report-[1-9][0-9]*\.(json|note)$/.test(f)) continue;
    done.remarks.push(`${path}/${f} is not among the files of the report`);
  }
  return versions;
}

type Expected = { ledger: Ledger; header: Header; table: Table & { petition?: string } };

/** Which tables and openings it has to contain, and no other. */
function auditTables(r: Report, ledgers: Map<Class, Ledger>, done: Audited, where: string): Expected[] {
  const expected: Expected[] = [];
  for (const said of r.ledgers) {
    const l = ledgers.get(said.class as Class)!;
    const time = l.times.get(said.size)!;
    for (let k = 0; k < said.headers.length; k++) {
      for (const t of told(l.headers[k])) {
        if (done.contained.has(tableId(l.class, k, t.name))) continue;
        if (t.notBefore > time || !t.cells.every((c) => l.complete(c, said.size))) continue;
        expected.push({ ledger: l, header: l.headers[k], table: t });
      }
    }
  }
  const want = expected.map((e) => tableId(e.ledger.class, e.header.number, e.table.name));
  const have = r.tables.map((t) => tableId(t.class, t.header, t.name));
  for (const t of want) must(have.includes(t), where, `table ${t} is missing`);
  for (const t of have) must(want.includes(t), where, `table ${t} does not belong in this report`);
  must(have.length === want.length && have.every((t, i) => t === want[i]), where, "tables are not in their order");
  return expected;
}

/** Cells, rules, proofs. */
function auditValues(r: Report, expected: Expected[], done: Audited, batch: Batch, where: string): void {
  const open: { point: Point; max: bigint }[] = [];
  r.tables.forEach((said, i) => {
    const { ledger, header, table } = expected[i];
    const w = `${where} table ${tableId(ledger.class, header.number, table.name)}`;
    const mustCells = (ok: boolean, where: string, what: string): void => classed("report-cells", () => must(ok, where, what));
    mustCells(
      said.cells.length === table.cells.length && said.cells.every((c, k) => c.period === table.cells[k].period && c.sheet === table.cells[k].sheet),
      w,
      "cells are not those of the header",
    );
    let sum = ZERO;
    for (const c of said.cells) {
      const p = classed("report-cells", () => point(c.point, `${w} cell ${cellId(c)}`));
      const kept = ledger.cells.get(cellId(c));
      mustCells(kept !== undefined && equal(kept.bytes, c.point), w, `point of cell ${cellId(c)} is not that of the log`);
      sum = sum.add(p);
    }
    const sheet = sheetOf(ledger, table.cells[0]);
    mustCells(said.fields.length === sheet.fields.length, w, "not the fields of the sheet");
    let said0 = 0n; // Σ V·2^o and Σ L·2^o
    const ws: Point[] = [];
    const ks: bigint[] = [];
    // what is opened is told exactly, whatever the rules are
    const fs0 = table.petition === undefined ? sheet.fields : sheet.fields.map((f): Field => ({ ...f, rule: { kind: "exact" } }));
    fs0.forEach((f, k) => {
      const fs = said.fields[k];
      const max = classed("report-rule", () => checkField(fs, f, w));
      const weight = 1n << BigInt(f.offset);
      if (fs.kind === "total") {
        said0 += BigInt(fs.total) * weight;
        done.totals++;
        return;
      }
      if (fs.kind === "band") {
        said0 += BigInt(fs.low) * weight;
        done.bands++;
      } else done.hiddenFields++;
      const W = classed("report-proof", () => point(fs.point, `${w} field ${f.name}`));
      ws.push(W);
      ks.push(weight);
      open.push({ point: W, max: max! });
    });
    if (ws.length === 0) classed("report-proof", () => {
      const D = msm([sum, G], [1n, mod(-said0)]);
      const t = new Transcript("vitrine/report/v1");
      t.absorb("statement", r.statementBytes);
      t.absorb("table", u32(i));
      verifyMultipleOfB(t, D, fromHex(r.signatures[i], `${w} signature`), `${w} signature`);
      done.exactProofs++;
    });
    else classed("report-proof", () => {
      must(r.signatures[i] === "", w, "has a signature although not all its fields have a total");
      must(isIdentity(msm([sum, G, ...ws], [1n, mod(-said0), ...ks.map((k) => mod(-k))])), w, "the points of the fields do not add up to the cells");
    });
    done.tables++;
  });

  const groups = Math.ceil(open.length / 128);
  classed("report-proof", () => must(r.proofs.length === groups, where, `${r.proofs.length} range proofs instead of ${groups}`));
  for (let g = 0; g < groups; g++) {
    const part = open.slice(128 * g, 128 * g + 128);
    let m = 1;
    while (m < part.length) m *= 2;
    const t = new Transcript("vitrine/rest/v1");
    t.absorb("statement", r.statementBytes);
    t.absorb("group", u32(g));
    const w = `${where} proof ${g}`;
    const proof = classed("report-proof", () => fromHex(r.proofs[g], w));
    batch.add({ where: w, transcript: t, n: 64, m, values: part.map((p) => p.point), weights: part.map((p) => rangeWeights(p.max)), proof, cls: "report-proof" });
  }
  done.rangeProofs += groups;
}

/** Its digest is a notice, if a tick followed. */
function auditNotice(r: Report, versions: Bytes[], ledgers: Map<Class, Ledger>, done: Audited, where: string): void {
  for (const v of versions) done.digests.add(toHex(sha256(v)));
  for (const said of r.ledgers) {
    const l = ledgers.get(said.class as Class)!;
    if (l.size === said.size) continue;
    versions.forEach((v, i) => {
      const digest = toHex(sha256(v));
      const noticed = l.notices.some((n) => n.kind === "report" && n.digest === digest && n.bundle * 256 >= said.size);
      if (i === 0) must(noticed, where, `its digest is not a notice of the ${l.class} ledger`);
      else if (!noticed) done.remarks.push(`${r.path}: version ${i + 1} is not a notice of the ${l.class} ledger yet`);
    });
  }
}

/** Each notice of kind `report` is the digest of a version of a report that is there. */
export function auditReportNotices(l: Ledger, done: Audited): void {
  for (const n of l.notices) {
    if (n.kind === "report") must(done.digests.has(n.digest), l.path, `bundle ${n.bundle} has the notice of a report that is not here: ${n.digest}`);
  }
}

function sheetOf(l: Ledger, c: Cell): Sheet {
  return l.headers[c.period].sheets.get(c.sheet)!;
}

/** Step 5, for one ledger. */
export function auditDue(l: Ledger, contained: Set<string>): void {
  const tabled = new Set<string>();
  l.headers.forEach((h, k) => {
    for (const t of told(h)) {
      if (t.petition === undefined) for (const c of t.cells) tabled.add(cellId(c));
      if (t.due < l.newestTime) must(contained.has(tableId(l.class, k, t.name)), l.path, `table ${t.name} of header ${k} was due and is in no report`);
    }
  });
  const newest = l.headers[l.headers.length - 1];
  l.headers.forEach((h, k) => {
    for (const s of h.sheets.values()) {
      const c = { period: k, sheet: s.name };
      if (!l.complete(c, l.size) || tabled.has(cellId(c))) continue;
      if (s.deferred !== undefined && newest.from < h.to + s.deferred) continue;
      refuse(l.path, `cell ${cellId(c)} is in no table`);
    }
  });
}
