// Builds a small published directory, for the tests alone. The bundles' range
// proofs are random bytes: tests that use them do not ask for these.

import { ed25519 } from "@noble/curves/ed25519.js";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Bytes } from "../src/bytes.ts";
import { concat, lp, sha256, text, toBase64, toHex, u16, u32, u64 } from "../src/bytes.ts";
import { BUNDLE, nextNotes } from "../src/bundle.ts";
import type { Point } from "../src/group.ts";
import { ZERO, encoded, mod, scalarBytes, times, B, G } from "../src/group.ts";
import type { Header } from "../src/header.ts";
import { bundleSheets, cellId, parseHeader } from "../src/header.ts";
import type { Json, JsonObject } from "../src/json.ts";
import { jsonBytes } from "../src/json.ts";
import { hashTiles, leafHash, nodeHash, tileIndex, treeHash } from "../src/merkle.ts";
import { ALG_COSIGNATURE, ALG_ED25519, keyHash } from "../src/note.ts";
import { accountSubject, demandId, leafOf, outcomeSubject, parentOf } from "../src/opening.ts";
import { rangeWeights } from "../src/rangeproof.ts";
import { Transcript } from "../src/transcript.ts";
import { commit, prove, randomScalar } from "./prover.ts";

export interface Signer {
  name: string;
  alg: number;
  secret: Bytes;
  vkey: string;
  hash: Bytes;
}

export function signer(name: string, alg = ALG_ED25519): Signer {
  const secret = sha256(text(`test key ${name}`));
  const pub = ed25519.getPublicKey(secret);
  const hash = keyHash(name, alg, pub);
  return { name, alg, secret, hash, vkey: `${name}+${toHex(hash)}+${toBase64(concat(Uint8Array.of(alg), pub))}` };
}

export function sign(body: string, s: Signer): string {
  return `\u2014 ${s.name} ${toBase64(concat(s.hash, ed25519.sign(text(body), s.secret)))}\n`;
}

export function cosign(body: string, s: Signer, time: number): string {
  const sig = ed25519.sign(text(`cosignature/v1\ntime ${time}\n${body}`), s.secret);
  return `\u2014 ${s.name} ${toBase64(concat(s.hash, u64(time), sig))}\n`;
}

export const LOG = signer("example.org/log");
export const PROMISE = signer("example.org/promise");
export const REPORT = signer("example.org/report");
export const WITNESSES = ["one", "two", "three"].map((n) => signer(`${n}.example/witness`, ALG_COSIGNATURE));
export const ORIGIN = "example.org/log";
export const T0 = 1_700_000_000;
export const PERIOD = 100;

export function headerJson(number: number, previous: Bytes): JsonObject {
  const from = T0 + number * PERIOD;
  const to = from + PERIOD;
  const cells = [{ period: number, sheet: "acc" }];
  if (number > 0) cells.push({ period: number - 1, sheet: "sec" });
  const accFields: Json = [
    { name: "demand", rule: "exact", width: 1 },
    { name: "account", rule: "exact", width: 1 },
    { name: "bulk_accounts", rule: "exact", width: 16 },
    { name: "refused", rule: "exact", width: 1 },
  ];
  return {
    audit: { randomness: "none", sample: 3 },
    class: "public",
    delta: 50,
    due: 105,
    from,
    grid: [
      { sheet: "mid", slots: 100 },
      { sheet: "acc", slots: 100 },
      { sheet: "sec", slots: 50 },
      { sheet: "few", slots: 5 },
    ],
    keys: { log: LOG.vkey, promise: [PROMISE.vkey], report: REPORT.vkey },
    lag: 5,
    number,
    origin: ORIGIN,
    previous: toHex(previous),
    publication: "live",
    sheets: [
      { fields: accFields, name: "acc" },
      {
        fields: [
          { name: "demand", rule: "band:250", width: 1 },
          { name: "account", rule: "hidden", width: 1 },
        ],
        name: "few",
      },
      {
        fields: [
          { name: "demand", rule: "small:5", width: 1 },
          { name: "account", rule: "small:2", width: 1 },
          { name: "refused", rule: "hidden", width: 1 },
        ],
        name: "mid",
      },
      { deferred: 100, fields: accFields, joins: "acc", name: "sec" },
    ],
    suite: "v1",
    tables: [
      { cells, due: to + 1000, name: "acc", not_before: to + 10 },
      { cells: [{ period: number, sheet: "few" }], due: to + 1000, name: "few", not_before: to + 10 },
      { cells: [{ period: number, sheet: "mid" }], due: to + 1000, name: "mid", not_before: to + 10 },
    ],
    ticks: 2,
    to,
    witnesses: { keys: WITNESSES.map((w, i) => ({ key: w.vkey, organisation: `org ${i}` })), quorum: 2 },
  };
}

export interface Fact {
  period: number;
  tick: number;
  sheet: string;
  type: string;
  bulk?: number;
  subject: Bytes;
  parent: Bytes;
  parentSalt: Bytes;
  subjectSalt: Bytes;
}

/** What a test changes on the way. */
export interface Changes {
  /** The report's range proof may be wrong: the test ends before it. */
  cheap?: boolean;
  /** The ledger is a restricted one whose entries are not public. */
  closed?: boolean;
  /** Header 1 opens the cell "0 few" on a petition. */
  opening?: boolean;
  header?: (json: JsonObject, number: number) => void;
  entries?: (n: number, entries: Bytes[]) => void;
  notes?: (n: number, notes: Bytes) => Bytes;
  notices?: (list: { bundle: number; digest: string; kind: string }[]) => void;
  times?: (size: number) => number[];
  totals?: (table: string, field: string, v: number) => number;
  statement?: (s: JsonObject) => void;
  report?: (r: JsonObject) => void;
  files?: (files: Map<string, Bytes>) => void;
  /** Facts beside the usual ones, or instead of those of period 0. */
  facts?: Fact[];
  only?: boolean;
  /** Documents of which header 1's first tick has a notice, by kind. */
  more?: (placed: Placed[]) => { kind: string; document: Bytes; publish?: boolean }[];
  headerNotices?: boolean;
  /** Without site.json. */
  noSite?: boolean;
  reportNotice?: boolean;
}

export const PETITION = text("a petition");
export const DOCUMENT = text("the demand");
export const AUTHORITY = "de/court-1";
export const REFERENCE = "1 Gs 2/26";
export const ACCOUNT = "someone@example.org";

export interface Placed {
  fact: Fact;
  index: number;
  E: Bytes;
  leaf: Bytes;
  v: number[];
  r: bigint;
}

export interface Built {
  /** Every leaf that is no dummy, in order. */
  placed: Placed[];
  /** The blinding of each cell. */
  blindings: Map<string, bigint>;
  files: Map<string, Bytes>;
  headers: Header[];
  receipts: Map<string, Bytes>; // by sheet and type
  promises: Map<string, Bytes>;
}

function inclusion(leaves: Bytes[], index: number): Bytes[] {
  if (leaves.length === 1) return [];
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  return index < k
    ? [...inclusion(leaves.slice(0, k), index), rootOf(leaves.slice(k))]
    : [...inclusion(leaves.slice(k), index - k), rootOf(leaves.slice(0, k))];
}

export function rootOf(leaves: Bytes[]): Bytes {
  if (leaves.length === 1) return leaves[0];
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  return nodeHash(rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)));
}

export { inclusion };

export function proveMultiple(t: Transcript, D: Point, rho: bigint): Bytes {
  const k = randomScalar();
  const R = times(B, k);
  t.absorb("R", R.toBytes());
  const c = t.challenge("c");
  void D;
  return concat(R.toBytes(), scalarBytes(k + c * rho));
}

/** A few blindings, used again and again: the tests are quicker so. */
const pool = Array.from({ length: 32 }, (): [bigint, Point] => {
  const r = randomScalar();
  return [r, times(B, r)];
});

/** Two periods of two ticks of one bundle, and a report at the third tick. */
export function build(ch: Changes = {}): Built {
  const files = new Map<string, Bytes>();
  const headers: Header[] = [];
  const receipts = new Map<string, Bytes>();
  const promises = new Map<string, Bytes>();
  const leaves: Bytes[] = [];
  const cls = ch.closed ? "restricted" : "public";
  const L = `ledger/${cls}`;
  const makeHeader = (number: number, prev: Bytes): JsonObject => {
    const json = headerJson(number, prev);
    if (ch.closed) {
      json.class = cls;
      json.publication = "auditor";
    }
    if (ch.opening && number === 1) {
      json.openings = [{ cells: [{ period: 0, sheet: "few" }], due: T0 + 2 * PERIOD, name: "opened", not_before: T0 + PERIOD, petition: toHex(sha256(PETITION)) }];
    }
    ch.header?.(json, number);
    return json;
  };

  const rnd32 = () => new Uint8Array(randomBytes(32));
  const parentSalt = rnd32();
  const D = demandId(AUTHORITY, REFERENCE, sha256(DOCUMENT));
  const parent = parentOf(parentSalt, D);
  const s1 = rnd32();
  const base = { period: 0, tick: 1, parent, parentSalt };
  const facts: Fact[] = [
    { ...base, sheet: "acc", type: "demand", bulk: 700, subject: D, subjectSalt: new Uint8Array(0) },
    { ...base, sheet: "acc", type: "account", subject: accountSubject(s1, parent, ACCOUNT), subjectSalt: s1 },
    { ...base, tick: 2, sheet: "acc", type: "refused", subject: outcomeSubject(s1, parent, "refused", 3), subjectSalt: s1 },
  ];
  const some = (sheet: string, type: string, n: number, period = 0) => {
    for (let i = 0; i < n; i++) facts.push({ period, tick: 1 + (i % 2), parent, parentSalt, sheet, type, subject: rnd32(), subjectSalt: rnd32() });
  };
  some("mid", "demand", 7);
  some("mid", "account", 1);
  some("mid", "refused", 3);
  some("few", "demand", 2);
  some("sec", "demand", 1);
  some("acc", "demand", 2, 1);
  if (ch.only) facts.splice(0, facts.length);
  facts.push(...(ch.facts ?? []));
  const placed: Placed[] = [];

  const cells = new Map<string, { point: Point; r: bigint; v: number[] }>();
  const notices: { bundle: number; digest: string; kind: string }[] = [];
  let notes: Bytes = new Uint8Array(32);
  let report: Bytes | undefined;
  let previous: Bytes = new Uint8Array(32);

  const putBundle = (entries: Bytes[]) => {
    const n = leaves.length / BUNDLE;
    ch.entries?.(n, entries);
    if (!ch.closed) files.set(`${L}/tile/entries/${tileIndex(n)}`, concat(...entries.map((e) => concat(u16(e.length), e))));
    else if (entries[255].length > 1) files.set(`${L}/trailers/${tileIndex(n)}`, entries[255]);
    leaves.push(...entries.map(leafHash));
  };
  const checkpoint = (time: number): Bytes => {
    const size = leaves.length;
    const body = `${ORIGIN}\n${size}\n${toBase64(rootOf(leaves))}\n`;
    const ts = ch.times?.(size) ?? [time + 2, time, time + 1];
    const note = text(`${body}\n${sign(body, LOG)}${WITNESSES.map((w, i) => (ts[i] === undefined ? "" : cosign(body, w, ts[i]))).join("")}`);
    files.set(`${L}/checkpoints/${size}`, note);
    files.set(`${L}/checkpoint`, note);
    return note;
  };
  const putHeader = (number: number): { h: Header; at: number } => {
    const json = makeHeader(number, previous);
    const bytes = jsonBytes(json);
    files.set(`${L}/headers/${number}.json`, bytes);
    let h: Header;
    try {
      h = parseHeader(bytes, "header");
    } catch {
      h = { ...parseHeader(jsonBytes(headerJson(number, previous)), "header"), hash: sha256(bytes) };
    }
    headers.push(h);
    previous = h.hash;
    const at = leaves.length;
    putBundle([concat(Uint8Array.of(3), h.hash), ...Array.from({ length: 255 }, () => Uint8Array.of(0))]);
    return { h, at };
  };

  for (let p = 0; p < 2; p++) {
    const { h, at } = putHeader(p);
    if (p === 0) checkpoint(h.from - 10);
    const sums = new Map<string, Point>();
    for (let t = 1; t <= h.ticks; t++) {
      const n = leaves.length / BUNDLE;
      if (p === 0 && t === 1 && ch.headerNotices !== false) {
        const next = makeHeader(1, h.hash);
        if (ch.opening) {
          notices.push({ bundle: n, digest: toHex(sha256(PETITION)), kind: "petition" });
          notes = nextNotes(notes, sha256(PETITION));
          files.set(`${L}/documents/${toHex(sha256(PETITION))}`, PETITION);
        }
        notices.push({ bundle: n, digest: toHex(sha256(jsonBytes(next))), kind: "header" });
        notes = nextNotes(notes, sha256(jsonBytes(next)));
      }
      if (report !== undefined && ch.reportNotice !== false) {
        notices.push({ bundle: n, digest: toHex(sha256(report)), kind: "report" });
        notes = nextNotes(notes, sha256(report));
      }
      if (p === 1 && t === 1) {
        for (const m of ch.more?.(placed) ?? []) {
          notices.push({ bundle: n, digest: toHex(sha256(m.document)), kind: m.kind });
          notes = nextNotes(notes, sha256(m.document));
          if (m.publish) files.set(`${L}/documents/${toHex(sha256(m.document))}`, m.document);
        }
      }
      if (ch.notes !== undefined) notes = ch.notes(n, notes);
      const { sheets, slot } = bundleSheets(h, 0);
      const mine = facts.filter((f) => f.period === p && f.tick === t);
      const got: Placed[] = [];
      const entries: Bytes[] = [];
      for (let i = 0; i < 255; i++) {
        const s = slot[i];
        const k = mine.findIndex((f) => f.sheet === s.name);
        const fact = k < 0 ? undefined : mine.splice(k, 1)[0];
        const [r, rB] = pool[i % pool.length];
        const v = s.fields.map((f) => (fact !== undefined && f.name === fact.type ? 1 : fact?.bulk !== undefined && f.name === "bulk_accounts" ? fact.bulk : 0));
        const sum = v.reduce((x, y, j) => x + (BigInt(y) << BigInt(s.fields[j].offset)), 0n);
        const C = sum === 0n ? rB : rB.add(times(G, sum));
        const v8 = concat(...Array.from({ length: 8 }, (_, j) => u32(v[j] ?? 0)));
        const E =
          fact === undefined
            ? rnd32()
            : concat(
                ...[text(ORIGIN), h.hash, text(s.name), text(fact.type), fact.subject, fact.parent, v8, scalarBytes(r), rnd32(), text("2023-11-14")].map(lp),
              );
        const leaf = leafOf(encoded(C), E);
        entries.push(leaf);
        if (fact !== undefined) got.push({ fact, index: leaves.length + i, E, leaf, v, r });
        sums.set(s.name, (sums.get(s.name) ?? ZERO).add(C));
        const id = cellId({ period: p, sheet: s.name });
        const c = cells.get(id) ?? { point: ZERO, r: 0n, v: s.fields.map(() => 0) };
        cells.set(id, { point: c.point.add(C), r: mod(c.r + r), v: c.v.map((x, j) => x + v[j]) });
      }
      entries.push(
        concat(Uint8Array.of(2), h.hash, u32(t), u16(0), notes, ...sheets.map((s) => sums.get(s.name)!.toBytes()), new Uint8Array(randomBytes(1120))),
      );
      putBundle(entries);
      placed.push(...got);
      const cp = checkpoint(h.from + h.lag + t * h.delta);
      for (const g of got) {
        if (receipts.has(`${g.fact.sheet} ${g.fact.type}`)) continue;
        const extra = concat(
          lp(g.E),
          lp(g.fact.parentSalt),
          lp(g.fact.subjectSalt),
          lp(h.bytes),
          u64(at),
          lp(concat(...inclusion(leaves, at))),
        );
        const head = `c2sp.org/tlog-proof@v1\nextra ${toBase64(extra)}\nindex ${g.index}\n${inclusion(leaves, g.index).map((x) => toBase64(x) + "\n").join("")}\n`;
        receipts.set(`${g.fact.sheet} ${g.fact.type}`, concat(text(head), cp));
        const lines = [`origin ${ORIGIN}`, `leaf ${toBase64(g.leaf)}`, `opening ${toBase64(g.E)}`, `parent-salt ${toBase64(g.fact.parentSalt)}`];
        if (g.fact.type !== "demand") lines.push(`subject-salt ${toBase64(g.fact.subjectSalt)}`);
        const body = `vitrine/promise/v1\n${lines.join("\n")}\nreceived ${h.from}\ndue ${h.from + h.due}\n`;
        promises.set(`${g.fact.sheet} ${g.fact.type}`, text(`${body}\n${sign(body, PROMISE)}`));
      }
      if (p === 1 && t === 1) report = makeReport();
    }
  }

  function makeReport(): Bytes {
    const all = [
      ...headers[0].tables.map((t) => ({ header: 0, opened: false, t })),
      ...headers[1].openings.map((t) => ({ header: 1, opened: true, t })),
    ];
    const secrets: { D: Point; rho: bigint }[] = [];
    const open: { v: bigint; max: bigint; gamma: bigint }[] = [];
    const exact: boolean[] = [];
    const tables: Json[] = all.map(({ header, opened, t }) => {
      const s = headers[0].sheets.get(t.cells[0].sheet)!;
      const cs = t.cells.map((c) => ({ ...c, cell: cells.get(cellId(c))! }));
      const r = cs.reduce((x, c) => mod(x + c.cell.r), 0n);
      const v = s.fields.map((f, k) => cs.reduce((x, c) => x + c.cell.v[k], 0)).map((x, k) => ch.totals?.(t.name, s.fields[k].name, x) ?? x);
      // the blinding of D is shared out among the points
      const pts = s.fields.filter((f, k) => !(opened || f.rule.kind === "exact" || (f.rule.kind === "small" && v[k] >= f.rule.k)));
      let left = r;
      let n = pts.length;
      const fs = s.fields.map((f, k): Json => {
        if (!pts.includes(f)) return { name: f.name, total: v[k] };
        const width = f.rule.kind === "band" ? f.rule.w : f.rule.kind === "small" ? f.rule.k : 0;
        const low = f.rule.kind === "band" ? Math.floor(v[k] / width) * width : 0;
        const inv = 1n << BigInt(f.offset);
        n--;
        const gamma = n === 0 ? mod(left * modInverse(inv)) : randomScalar();
        left = mod(left - gamma * inv);
        const max = f.rule.kind === "hidden" ? (1n << BigInt(f.width + 27)) - 1n : BigInt(width - 1);
        open.push({ v: BigInt(v[k] - low), max, gamma });
        const point = toHex(commit(BigInt(v[k] - low), gamma).toBytes());
        return f.rule.kind === "hidden" ? { name: f.name, point } : { low, name: f.name, point, width };
      });
      exact.push(pts.length === 0);
      secrets.push({ D: ZERO, rho: r });
      return {
        cells: cs.map((c) => ({ period: c.period, point: toHex(c.cell.point.toBytes()), sheet: c.sheet })),
        class: cls,
        fields: fs,
        header,
        name: t.name,
      };
    });
    const statement: JsonObject = {
      ledgers: [{ class: cls, headers: headers.map((x) => toHex(x.hash)), origin: ORIGIN, root: toHex(rootOf(leaves)), size: leaves.length }],
      name: "r-1",
      number: 0,
      suite: "v1",
      tables,
    };
    ch.statement?.(statement);
    const sb = jsonBytes(statement);
    const signatures: Json[] = secrets.map((s, i) => {
      if (!exact[i]) return "";
      const t = new Transcript("vitrine/report/v1");
      t.absorb("statement", sb);
      t.absorb("table", u32(i));
      return toHex(proveMultiple(t, s.D, s.rho));
    });
    let m = 1;
    while (m < open.length) m *= 2;
    const t = new Transcript("vitrine/rest/v1");
    t.absorb("statement", sb);
    t.absorb("group", u32(0));
    const weights = open.map((o) => rangeWeights(o.max));
    const bits = open.map((o, j) => {
      // greedy from the top: every value in [0, max] has such bits
      let x = o.v;
      const w = weights[j];
      const out = w.map(() => 0n);
      for (let i = w.length - 1; i >= 0; i--) {
        if (x >= w[i] && x > 0n) {
          out[i] = 1n;
          x -= w[i];
        }
      }
      return out;
    });
    const proofs: Json[] = [ch.cheap ? "" : toHex(prove(t, 64, m, bits, weights, open.map((o) => o.gamma)))];
    const page = text("<p>page</p>\n");
    const json: JsonObject = {
      files: [{ path: "index.html", sha256: toHex(sha256(page)) }],
      proofs,
      signatures,
      statement,
      words: "0".repeat(64),
    };
    ch.report?.(json);
    const bytes = jsonBytes(json);
    files.set("reports/r-1/index.html", page);
    putReport(files, "report", bytes, 1);
    files.set("reports/index.json", text('["r-1"]'));
    return bytes;
  }

  ch.notices?.(notices);
  files.set(`${L}/notices.json`, jsonBytes(notices));
  for (const t of hashTiles(leaves)) files.set(`${L}/tile/${t.path}`, t.bytes);
  if (!ch.noSite) {
    if (ch.closed) putEmptyLedger(files);
    putSite(files);
  }
  ch.files?.(files);
  return { files, headers, receipts, promises, placed, blindings: new Map([...cells].map(([k, c]) => [k, c.r])) };
}

/** A public ledger of header 0 alone. */
function putEmptyLedger(files: Map<string, Bytes>): void {
  const L = "ledger/public";
  const h = parseHeader(jsonBytes(headerJson(0, new Uint8Array(32))), "header");
  const entries = [concat(Uint8Array.of(3), h.hash), ...Array.from({ length: 255 }, () => Uint8Array.of(0))];
  const leaves = entries.map(leafHash);
  files.set(`${L}/headers/0.json`, h.bytes);
  files.set(`${L}/tile/entries/000`, concat(...entries.map((e) => concat(u16(e.length), e))));
  const body = `${ORIGIN}\n256\n${toBase64(rootOf(leaves))}\n`;
  const note = text(`${body}\n${sign(body, LOG)}${WITNESSES.map((w) => cosign(body, w, T0 - 10)).join("")}`);
  files.set(`${L}/checkpoint`, note);
  files.set(`${L}/checkpoints/256`, note);
  files.set(`${L}/notices.json`, text("[]"));
  for (const t of hashTiles(leaves)) files.set(`${L}/tile/${t.path}`, t.bytes);
}

/** site.json and its note, over the files that stand there. */
export function putSite(files: Map<string, Bytes>, key = REPORT): void {
  files.set("index.html", text("<p>front</p>\n"));
  const list = ["index.html", "reports/index.json"].map((path) => ({ path, sha256: toHex(sha256(files.get(path)!)) }));
  const json = jsonBytes({ files: list });
  const body = `vitrine/site/v1\norigin ${ORIGIN}\nsha256 ${toHex(sha256(json))}\n`;
  files.set("site.json", json);
  files.set("site.note", text(`${body}\n${sign(body, key)}`));
}

export function putReport(files: Map<string, Bytes>, stem: string, bytes: Bytes, version: number): void {
  const body = `vitrine/report/v1\nname r-1\nsha256 ${toHex(sha256(bytes))}\nversion ${version}\n`;
  files.set(`reports/r-1/${stem}.json`, bytes);
  files.set(`reports/r-1/${stem}.note`, text(`${body}\n${sign(body, REPORT)}`));
}

function modInverse(x: bigint): bigint {
  let r = 1n;
  let e = 2n ** 252n + 27742317777372353535851937790883648493n - 2n;
  let b = mod(x);
  while (e > 0n) {
    if (e & 1n) r = mod(r * b);
    b = mod(b * b);
    e >>= 1n;
  }
  return r;
}

/** Writes the files and runs f on their directory. */
export function withDirectory<T>(files: Map<string, Bytes>, f: (dir: string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), "second-"));
  try {
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), bytes);
    }
    return f(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

export { treeHash };
