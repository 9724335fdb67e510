// What has no vectors: exchanged headers, openings, a quorum of 0, a sampled
// audit, lists beside a list, older partial tiles, correction versions, the
// bounds of headers, and the rules of a directory's files.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { audit, describe } from "../src/audit.ts";
import type { Bytes } from "../src/bytes.ts";
import { concat, sha256, text, toBase64, toHex } from "../src/bytes.ts";
import { nextNotes } from "../src/bundle.ts";
import { B, mod, scalarBytes, times } from "../src/group.ts";
import { checkNext, parseHeader } from "../src/header.ts";
import type { Header } from "../src/header.ts";
import type { Json, JsonObject } from "../src/json.ts";
import { jsonBytes, parseJson } from "../src/json.ts";
import { accountSubject, demandId, outcomeSubject, parentOf } from "../src/opening.ts";
import { checkPromise, checkReceipt, promiseKept } from "../src/receipt.ts";
import { parseKey } from "../src/note.ts";
import { newAudited } from "../src/report.ts";
import { auditSite, parseSite } from "../src/site.ts";
import { MemoryStore, Store, mostBytes } from "../src/store.ts";
import { checkTally, parseList } from "../src/tally.ts";
import { Transcript } from "../src/transcript.ts";
import type { Changes, Fact, Placed } from "./fixture.ts";
import { LOG, ORIGIN, PERIOD, PETITION, T0, build, headerJson, putReport, putSite, sign, signer } from "./fixture.ts";
import { randomScalar } from "./prover.ts";

/** Takes every range proof for one that held. */
class All extends Set<string> {
  override has(): boolean {
    return true;
  }
}
type Any = any;
const auditOf = (files: Map<string, Bytes>, which: "none" | "all" | "sampled" = "none") => audit(new MemoryStore(files), which, () => {}, new All());
const run = (ch: Changes) => auditOf(build({ cheap: true, ...ch }).files);
const bad = (name: string, ch: Changes, what: RegExp) => test(name, () => void assert.throws(() => run(ch), what));

// ---- exchanged headers

/** Notices of kind header in the given bundles, in front of (or behind) the usual one. */
function alsoAnnounced(bundle: number, first: boolean, digest = "33".repeat(32)): Changes {
  const d = new Uint8Array(Buffer.from(digest, "hex"));
  return {
    notices: (l) => {
      const k = l.findIndex((n) => n.bundle === bundle);
      l.splice(k < 0 ? l.filter((n) => n.bundle < bundle).length : first ? k : l.filter((n) => n.bundle <= bundle).length, 0, { bundle, digest, kind: "header" });
    },
    // fixture: the usual notice of bundle 1 is in notes when this is called
    notes: (n, x) => {
      if (n !== bundle) return x;
      if (first && n === 1) throw new Error("not made here");
      return nextNotes(x, d);
    },
  };
}
bad("another header was announced behind the one that came", alsoAnnounced(1, false), /was exchanged: the header 3{64}/);
bad("another header was announced a tick later", { ...alsoAnnounced(2, false), times: (s) => [T0 - 10 + s / 256 - 1, T0 - 10 + s / 256 - 1, T0 - 10 + s / 256 - 1].map((x) => (s === 256 ? x : x + 50)) }, /was exchanged/);
test("another header was announced when the period had begun", () => {
  // the second tick of period 0 is published after period 1 began: too late to say anything
  run(alsoAnnounced(2, false));
});
test("a header that was announced, and another before it", () => {
  // first the other, then the one that comes
  const other = new Uint8Array(32).fill(0x33);
  run({
    headerNotices: false,
    header: (h, n) => void (n === 1 && (h.due = 106)),
    notices: (l) => void l.unshift({ bundle: 1, digest: toHex(other), kind: "header" }, { bundle: 1, digest: announced(), kind: "header" }),
    notes: (n, x) => (n === 1 ? nextNotes(nextNotes(x, other), new Uint8Array(Buffer.from(announced(), "hex"))) : x),
  });
  function announced(): string {
    const h0 = parseHeader(jsonBytes(headerJson(0, new Uint8Array(32))), "h");
    const j = headerJson(1, h0.hash);
    j.due = 106;
    return toHex(sha256(jsonBytes(j)));
  }
});
bad("a header that continues, where another had been announced", { ...alsoAnnounced(1, false), headerNotices: false }, /was exchanged/);

// ---- openings

const opening = (f: (o: Any, h: Any) => void): Changes => ({ opening: true, header: (h, n) => void (n === 1 && f((h as Any).openings[0], h)) });
test("an opening tells a band and a hidden field exactly", () => {
  const b = build({ cheap: true, opening: true });
  const t = (parseJson(b.files.get("reports/r-1/report.json")!, "r") as Any).statement.tables;
  const want = { cells: t[1].cells, class: "public", fields: [{ name: "demand", total: 2 }, { name: "account", total: 0 }], header: 1, name: "opened" };
  assert.equal(JSON.stringify(t[3]), JSON.stringify(want));
  assert.equal(auditOf(b.files).audited.tables, 4);
});
bad("an opening with the name of a table", opening((o) => (o.name = "mid")), /opening mid has the name of a table/);
bad("an opening before its period", opening((o) => (o.not_before = T0 + PERIOD - 1)), /opening opened is too early/);
bad("an opening of two layouts", opening((o) => o.cells.push({ period: 0, sheet: "mid" })), /several layouts/);
bad("an opening that opens a cell twice", opening((o) => o.cells.push({ period: 0, sheet: "few" })), /opened twice/);
bad("two openings of one cell", opening((o, h) => h.openings.push({ ...o, name: "two" })), /opened twice/);
bad("openings that do not ascend", opening((o, h) => h.openings.push({ ...o, cells: [{ period: 0, sheet: "mid" }], name: "a" })), /openings do not ascend/);
bad("no openings at all", opening((o, h) => (h.openings = [])), /openings is empty/);
bad("an opening told before the tables", { opening: true, statement: (s) => void ((s as Any).tables as Any[]).unshift(((s as Any).tables as Any[]).pop()), report: (r) => void (r.signatures as Any[]).unshift((r.signatures as Any[]).pop()) }, /not in their order/);
bad("an opening told as a band", { opening: true, statement: (s) => void ((s as Any).tables[3].fields[0] = { low: 0, name: "demand", point: "00".repeat(32), width: 250 }) }, /has no total although its rule is exact/);
bad("a petition that is another kind of notice", { opening: true, notices: (l) => void (l.find((n) => n.kind === "petition")!.kind = "key") }, /petition of opening opened is not a notice/);
test("a petition in the tick that brings its header is too late", () => {
  const late = text("another petition");
  const ch: Changes = {
    ...opening((o) => (o.petition = toHex(sha256(late)))),
    more: () => [{ kind: "petition", document: late, publish: true }],
  };
  assert.throws(() => run(ch), /petition of opening opened is not a notice before the header/);
});
test("an opened cell is opened once in a ledger", () => {
  const h0 = parseHeader(jsonBytes(headerJson(0, new Uint8Array(32))), "h0");
  const next = (n: number, prev: Header, sheet = "few") => {
    const j = headerJson(n, prev.hash) as Any;
    j.openings = [{ cells: [{ period: 0, sheet }], due: j.to, name: "opened", not_before: j.from, petition: toHex(sha256(PETITION)) }];
    return parseHeader(jsonBytes(j), `h${n}`);
  };
  const h1 = next(1, h0);
  checkNext([h0], h1, "h1");
  assert.throws(() => checkNext([h0, h1], next(2, h1), "h2"), /opened twice/);
  checkNext([h0, h1], next(2, h1, "mid"), "h2");
  assert.throws(() => checkNext([h0], next(1, h0, "none"), "h1"), /unknown cell/);
});

// ---- nobody watches

const alone: Changes = { header: (h) => void ((h as Any).witnesses = { keys: [], quorum: 0 }), times: () => [] };
test("a quorum of 0", () => {
  const r = run(alone);
  assert.match(describe(r).unchecked.join("\n"), /no quorum of witnesses/);
  assert.equal(r.ledgers[0].times.get(512), T0 + 5 + 50); // what was planned
});
bad("a quorum of 0, and a header that nobody announced", { ...alone, headerNotices: false, header: (h, n) => { alone.header!(h, n); if (n === 1) h.due = 106; } }, /was not announced/);
bad("a quorum of 0, and a stranger's cosignature", { ...alone, times: () => [5] }, /a key that the header does not name/);
bad("a quorum of 0, and a table that is overdue", { ...alone, header: (h, n) => { alone.header!(h, n); if (n === 0) (h as Any).tables.forEach((t: Any) => (t.due = t.not_before)); }, statement: (s) => void (s as Any).tables.pop(), report: (r) => void (r as Any).signatures.pop() }, /table public 0 mid is missing/);
test("a quorum of 0, and a promise", () => {
  const b = build({ cheap: true, ...alone });
  const receipt = b.receipts.get("acc demand")!;
  const planned = T0 + 55;
  const at = (due: number) => checkReceipt(receipt, {}, due, "r");
  assert.match(at(planned).checked.join("\n"), /the promise was kept/);
  assert.throws(() => at(planned - 1), /later than the promise's due/);
  const l = auditOf(b.files).ledgers[0];
  const p = checkPromise(b.promises.get("acc demand")!, l.headers[0], "p");
  const state = (due: number, now: number, leaf = p.leaf) => promiseKept({ ...p, due, leaf }, l, now).state;
  // what is said of a leaf does not ask the clock
  for (const now of [planned - 9, planned + 9]) {
    assert.equal(state(planned, now), "kept");
    assert.equal(state(planned - 1, now), "late");
  }
  // without the leaf, the newest tick and the clock have to be later
  const end = l.newestTime;
  assert.equal(state(end - 1, end, text("x")), "broken");
  assert.equal(state(end - 1, end - 1, text("x")), "open");
  assert.equal(state(end, end + 1, text("x")), "old");
  assert.equal(state(end, end, text("x")), "open");
});
test("few who watch are said", () => {
  const of = (quorum: number) => describe(run({ header: (h) => void ((h as Any).witnesses.quorum = quorum) })).unchecked.join("\n");
  assert.match(of(1), /few watch period\(s\) 0, 1/);
  assert.doesNotMatch(of(2), /few watch/);
});

// ---- a sampled audit

test("a sampled audit", () => {
  const files = build({ cheap: true }).files;
  const r = auditOf(files, "sampled");
  assert.equal(r.ledgers[0].proofs, 4);
  assert.equal(r.ledgers[0].proofsChecked, 4); // at least four
  // hash tiles are left out, bundles are not
  const tile = new Map(files).set("ledger/public/tile/0/001", new Uint8Array(8192));
  auditOf(tile, "sampled");
  assert.throws(() => auditOf(tile), /tile\/0\/001: is not that hash tile/);
  const k = "ledger/public/tile/entries/001";
  const entries = files.get(k)!.slice();
  entries[40] ^= 1;
  assert.throws(() => auditOf(new Map(files).set(k, entries), "sampled"));
});

// ---- older partial tiles

test("partial tiles of an older tree", () => {
  const files = build({ cheap: true }).files;
  auditOf(new Map(files).set("ledger/public/tile/1/000.p/3", text("whatever")));
  const now = "ledger/public/tile/1/000.p/6";
  const gone = new Map(files);
  assert.ok(gone.delete(now));
  assert.throws(() => auditOf(gone), /000\.p\/6: is missing/);
});

// ---- corrections

/** Report r-1 in so many versions; change may spoil one. */
function versions(n: number, change: (f: Map<string, Bytes>, v: number) => void = () => {}): Changes {
  return {
    files: (f) => {
      const first = f.get("reports/r-1/report.json")!;
      for (let v = 1; v <= n; v++) {
        const r = parseJson(first, "report") as JsonObject;
        if (v > 1) {
          const words = text(`{"v":${v}}`);
          f.set("reports/r-1/words.json", words);
          r.words = toHex(sha256(words));
          (r.files as Json[]).push({ path: "words.json", sha256: r.words });
        }
        putReport(f, v === n ? "report" : `report-${v}`, jsonBytes(r), v);
        change(f, v);
      }
    },
  };
}
test("three versions", () => {
  const r = run(versions(3));
  assert.match(r.audited.remarks.join("\n"), /version 3 is not a notice/);
});
bad("a version is left out", versions(3, (f, v) => void (v === 3 && f.delete("reports/r-1/report-2.json"))), /report-2\.json: is missing/);
bad("a version's note is left out", versions(3, (f, v) => void (v === 3 && f.delete("reports/r-1/report-1.note"))), /report-1\.note: is missing/);
bad("two versions are exchanged", versions(3, (f, v) => {
  if (v !== 3) return;
  for (const e of ["json", "note"]) {
    const [a, b] = [1, 2].map((k) => f.get(`reports/r-1/report-${k}.${e}`)!);
    f.set(`reports/r-1/report-1.${e}`, b).set(`reports/r-1/report-2.${e}`, a);
  }
}), /has the note of another version/);
bad("a version of another number", versions(2, (f, v) => void (v === 2 && putReport(f, "report", f.get("reports/r-1/report.json")!, 3))), /report-2\.json: is missing/);
bad("version 0", versions(1, (f) => putReport(f, "report", f.get("reports/r-1/report.json")!, 0)), /version is not 1 or more/);
bad("a version signed by another", versions(2, (f, v) => {
  if (v !== 2) return;
  const body = `vitrine/report/v1\nname r-1\nsha256 ${toHex(sha256(f.get("reports/r-1/report-1.json")!))}\nversion 1\n`;
  f.set("reports/r-1/report-1.note", text(`${body}\n${sign(body, LOG)}`));
}), /report-1\.note: is not signed with the report key/);
bad("a version that says another thing", versions(2, (f, v) => {
  if (v !== 1) return;
  const r = parseJson(f.get("reports/r-1/report-1.json")!, "r") as Any;
  r.signatures[0] = "00".repeat(64);
  putReport(f, "report-1", jsonBytes(r), 1);
}), /changed in a later version/);

// ---- lists beside a list

const rnd32 = (): Bytes => new Uint8Array(randomBytes(32));

/** A demand on "few" with an account on "mid": both sheets have the type demand and account. */
function twoSheets(): { facts: Fact[] } {
  const facts: Fact[] = [];
  const demand = (sheet: string, ref: string, period = 0) => {
    const parentSalt = rnd32();
    const D = demandId("court", ref, sha256(text(ref)));
    const parent = parentOf(parentSalt, D);
    const base = { period, tick: 1, sheet, parent, parentSalt };
    facts.push({ ...base, type: "demand", subject: D, subjectSalt: new Uint8Array(0) });
    return { base, parent };
  };
  const account = (of: ReturnType<typeof demand>, sheet: string, who: string) => {
    const subjectSalt = rnd32();
    facts.push({ ...of.base, sheet, type: "account", subject: accountSubject(subjectSalt, of.parent, who), subjectSalt });
  };
  const a = demand("few", "a");
  account(a, "mid", "x");
  account(a, "mid", "y");
  const b = demand("mid", "b");
  account(b, "mid", "x");
  const s = rnd32();
  facts.push({ ...b.base, type: "refused", subject: outcomeSubject(s, b.parent, "refused", 63), subjectSalt: s });
  return { facts };
}

function listBytes(placed: Placed[], period: number, sheet: string, change: (l: Any) => void = () => {}): Bytes {
  const leaves = placed
    .filter((p) => p.fact.period === period && p.fact.sheet === sheet)
    .map((p) => ({
      index: p.index,
      opening: toBase64(p.E),
      parent_salt: toHex(p.fact.parentSalt),
      ...(p.fact.type === "demand" ? {} : { subject_salt: toHex(p.fact.subjectSalt) }),
    }));
  const l = { cell: { period, sheet }, leaves, origin: ORIGIN, salt: toHex(sha256(text(`${period} ${sheet}`))) };
  change(l);
  return jsonBytes(l as unknown as Json);
}

function tallyWorld(facts: Fact[], change: (sheet: string, l: Any) => void = () => {}, listed: [number, string][] = [[0, "mid"], [0, "few"]]) {
  const lists = new Map<string, Bytes>();
  const b = build({
    cheap: true,
    only: true,
    facts,
    more: (placed) =>
      listed.map(([period, sheet]) => {
        const document = listBytes(placed, period, sheet, (l) => change(sheet, l));
        lists.set(sheet, document);
        return { kind: "tally", document };
      }),
  });
  const ledger = auditOf(b.files).ledgers[0];
  const prove = (sheet: string): Bytes => {
    const bytes = lists.get(sheet)!;
    const on = new Set((parseJson(bytes, "l") as Any).leaves.map((l: Any) => l.index));
    const rho = mod(b.blindings.get(`0 ${sheet}`)! - b.placed.filter((p) => on.has(p.index)).reduce((x, p) => x + p.r, 0n));
    const k = randomScalar();
    const R = times(B, k).toBytes();
    const t = new Transcript("vitrine/tally/v1");
    t.absorb("list", sha256(bytes));
    t.absorb("cell", ledger.cells.get(`0 ${sheet}`)!.bytes);
    t.absorb("R", R);
    return concat(R, scalarBytes(k + t.challenge("c") * rho));
  };
  const check = (sheet: string, beside: string[]) =>
    checkTally(parseList(lists.get(sheet)!, sheet), prove(sheet), beside.map((w) => ({ list: parseList(lists.get(w)!, w), where: w })), ledger, sheet);
  return { check };
}

test("a list with a list of another sheet beside it", () => {
  const w = tallyWorld(twoSheets().facts);
  const t = w.check("mid", ["few"]);
  assert.deepEqual([...t.facts].sort(), [["account", 3], ["demand", 1], ["refused", 1]]);
  assert.equal(t.strangers, 0);
  assert.throws(() => w.check("mid", []), /no demand of its parent on the lists/);
  assert.deepEqual(w.check("few", []).strangers, 1);
  assert.throws(() => w.check("mid", ["few", "few"]), /a list of the same cell/);
  assert.throws(() => w.check("mid", ["mid"]), /a list of the same cell/);
});
test("a leaf left off a list", () => {
  const w = tallyWorld(twoSheets().facts, (sheet, l) => void (sheet === "mid" && l.leaves.pop()));
  assert.throws(() => w.check("mid", ["few"]), /tally proof does not hold/);
});
test("a list beside has to be right by itself", () => {
  assert.throws(() => tallyWorld(twoSheets().facts, (s, l) => void (s === "few" && (l.leaves[0].parent_salt = "00".repeat(32)))).check("mid", ["few"]), /few leaf 0: the demand's parent/);
  assert.throws(() => tallyWorld(twoSheets().facts, (s, l) => void (s === "few" && l.leaves[0].index++)).check("mid", ["few"]), /few leaf 0/);
  assert.throws(() => tallyWorld(twoSheets().facts, (s, l) => void (s === "few" && (l.origin = "example.org/x"))).check("mid", ["few"]), /names another origin/);
});
test("one subject on two lists", () => {
  const { facts } = twoSheets();
  const d = facts.find((f) => f.sheet === "few" && f.type === "demand")!;
  facts.push({ ...d, sheet: "mid" });
  assert.throws(() => tallyWorld(facts).check("mid", ["few"]), /has the subject of/);
});
test("two outcomes with one number, and a number above 63", () => {
  const make = (i: number, salted: boolean) => {
    const { facts } = twoSheets();
    const r = facts.find((f) => f.type === "refused")!;
    const s = salted ? rnd32() : r.subjectSalt;
    facts.push({ ...r, subject: outcomeSubject(s, r.parent, "refused", i), subjectSalt: s });
    return tallyWorld(facts);
  };
  make(62, true).check("mid", ["few"]);
  assert.throws(() => make(63, true).check("mid", ["few"]), /second fact 63/);
  assert.throws(() => make(64, true).check("mid", ["few"]), /for any i below 64/);
});
test("a list that nobody announced", () => {
  const w = tallyWorld(twoSheets().facts, undefined, [[0, "mid"]]);
  assert.throws(() => w.check("mid", ["few"]));
});

// ---- bounds of headers

test("bounds of a header", () => {
  const parse = (f: (h: Any) => void) => {
    const j = headerJson(0, new Uint8Array(32)) as Any;
    f(j);
    return parseHeader(jsonBytes(j), "h");
  };
  const day = 86400;
  const long = (days: number, ticks = 2) => (h: Any) => {
    h.to = h.from + days * day;
    h.ticks = ticks;
    h.delta = (days * day) / ticks;
    h.due = h.lag + 2 * h.delta;
    h.tables.forEach((t: Any) => ((t.not_before = h.to), (t.due = h.to)));
  };
  parse(long(366));
  assert.throws(() => parse(long(367)), /longer than 366 days/);
  parse((h) => (h.due = 5 + 500 + 3 * day));
  assert.throws(() => parse((h) => (h.due = 5 + 500 + 3 * day + 1)), /lag \+ 10·delta \+ 72 hours/);
  parse((h) => (long(366, 1)(h), (h.due = 1100 * day)));
  assert.throws(() => parse((h) => (long(366, 1)(h), (h.due = 1100 * day + 1))), /1,100 days/);
  const lag = (days: number) => (h: Any) => ((h.ticks = 1), (h.delta = 100), (h.lag = days * day), (h.due = h.lag + 200));
  parse(lag(366));
  assert.throws(() => parse(lag(367)), /lag is more than 366 days/);
  parse((h) => (h.audit.randomness = "x".repeat(1048576 - jsonBytes(h).length + h.audit.randomness.length)));
  assert.throws(() => parse((h) => (h.audit.randomness = "x".repeat(1048576 - jsonBytes(h).length + h.audit.randomness.length + 1))), /1,048,576 bytes/);
  const sheets = (n: number) => (h: Any) => {
    const names = Array.from({ length: n }, (_, i) => `s${String(i).padStart(3, "0")}`);
    h.sheets = names.map((name) => ({ fields: [{ name: "demand", rule: "exact", width: 1 }], name }));
    h.grid = names.map((sheet, i) => ({ sheet, slots: i === 0 ? 510 - n + 1 : 1 }));
    h.tables = names.map((name) => ({ cells: [{ period: 0, sheet: name }], due: h.to + 10, name, not_before: h.to }));
  };
  parse(sheets(256));
  assert.throws(() => parse(sheets(257)), /not 1 to 256 sheets/);
});

test("bounds of all headers", () => {
  const h0 = parseHeader(jsonBytes(headerJson(0, new Uint8Array(32))), "h");
  // headers that are counted only; nothing else of them is looked at before the bounds
  const many = (n: number, bytes = h0.bytes) => Array.from({ length: n }, (_, k): Header => ({ ...h0, number: k, bytes, tables: [], sheets: new Map(), openings: [] }));
  const next = (before: Header[], bytes = 10): Header => {
    const p = before[before.length - 1];
    return { ...h0, number: before.length, previous: p.hash, from: p.to, to: p.to + 100, bytes: new Uint8Array(bytes), tables: [], sheets: new Map() };
  };
  checkNext(many(1023), next(many(1023)), "h");
  assert.throws(() => checkNext(many(1024), next(many(1024)), "h"), /at most 1,024 headers/);
  const big = many(33, new Uint8Array(1_000_000));
  checkNext(big, next(big, 554_432), "h");
  assert.throws(() => checkNext(big, next(big, 554_433), "h"), /33,554,432 bytes/);
  // cells that wait
  const deferred = new Map(Array.from({ length: 128 }, (_, i): [string, Any] => [`s${i}`, { ...h0.sheets.get("sec")!, name: `s${i}`, joins: "acc", deferred: 2 ** 40 }]));
  const wait = many(64).map((h) => ({ ...h, sheets: deferred }));
  checkNext(wait, next(wait), "h");
  const one = { ...next(wait), sheets: new Map([...deferred].slice(0, 1)) };
  assert.throws(() => checkNext(wait, one, "h"), /8193 deferred cells wait/);
});

// ---- the directory

test("site.json", () => {
  const hash = "00".repeat(32);
  const site = (...paths: string[]) => parseSite(jsonBytes({ files: paths.map((path) => ({ path, sha256: hash })) }));
  site("a", "ledgers/x", "reports/index.json");
  site("a/site.json", "reports.html", "reports/index.json");
  for (const p of ["/a", "a//b", "a/", "./a", "a/../b", "ledger", "ledger/x", "reports", "reports/a", "reports/index.json/x", "site.json", "site.note"]) {
    assert.throws(() => site(...[p, "reports/index.json"].sort()), /which it may not/, p);
  }
  assert.throws(() => site("b", "a", "reports/index.json"), /do not ascend/);
  assert.throws(() => site("a"), /does not list/);
  const many = (n: number) => [...Array.from({ length: n - 1 }, (_, i) => `a${String(i).padStart(5, "0")}`), "reports/index.json"];
  assert.equal(site(...many(1024)).length, 1024);
  assert.throws(() => site(...many(1025)), /more than 1,024 files/);
});
bad("no site.json", { noSite: true }, /site\.json: is missing/);
bad("a site of another key", { files: (f) => putSite(f, signer("other")) }, /site\.note: is not signed/);
bad("a page changed", { files: (f) => void f.set("index.html", text("x")) }, /index\.html: has another digest/);
test("a page that nobody signed is said", () => {
  assert.match(run({ files: (f) => void f.set("more/page.html", text("x")) }).audited.remarks.join("\n"), /more\/page\.html is not among the files of site\.json/);
});
test("a directory without a report may lack site.json", () => {
  const files = build({ cheap: true, reportNotice: false }).files;
  for (const k of [...files.keys()]) if (k.startsWith("reports/r-1/") || k.startsWith("site.")) files.delete(k);
  files.set("reports/index.json", text("[]"));
  assert.match(describe(auditOf(files)).unchecked.join("\n"), /no report and no site\.json/);
  files.set("site.json", text("{}"));
  assert.throws(() => auditOf(files), /site\.json/);
});

test("a new report key leaves site.note good", () => {
  const other = signer("example.org/report2");
  const b = build({ cheap: true });
  const l = auditOf(b.files).ledgers[0];
  const later = { ...l.headers[1], keys: { ...l.headers[1].keys, report: parseKey(other.vkey, 1, "k") } };
  const site = (by: typeof other | undefined, publicHeaders: number, headers = [l.headers[0], later]) => {
    const f = new Map(b.files);
    if (by !== undefined) putSite(f, by);
    const world = Object.assign(Object.create(Object.getPrototypeOf(l)), l, { headers });
    return () => auditSite(new MemoryStore(f), 1, world, { ...newAudited(), publicHeaders });
  };
  site(undefined, 1)(); // the key before
  site(other, 1)();
  site(other, 2)();
  site(undefined, 0)();
  assert.throws(site(undefined, 2), /is not signed/);
  assert.throws(site(signer("other"), 1), /is not signed/);
});
test("there is always a public ledger", () => {
  const f = new Map([...build({ cheap: true }).files].map(([k, v]): [string, Bytes] => [k.replace("ledger/public", "ledger/restricted"), v]));
  assert.throws(() => auditOf(f), /there is always a public ledger/);
});
test("checkpoints that no rule needs are said", () => {
  const r = run({ files: (f) => void ["999936", "300", "x"].forEach((n) => f.set(`ledger/public/checkpoints/${n}`, text("x"))) });
  const said = describe(r).remarks.join("\n");
  assert.match(said, /checkpoints\/999936 is of a size that the newest checkpoint does not reach/);
  assert.match(said, /checkpoints\/300 is not that of a tick's end/);
});

test("how long files may be", () => {
  const bounds: [string, number][] = [
    ["ledger/public/checkpoint", 65536],
    ["ledger/public/checkpoints/256", 65536],
    ["ledger/restricted/headers/0.json", 1048576],
    ["ledger/public/documents/00", 1048576],
    ["ledger/public/notices.json", 8388608],
    ["ledger/public/tile/entries/x001/000", 32768],
    ["ledger/public/trailers/000", 32768],
    ["ledger/public/tile/0/000", 8192],
    ["ledger/public/tile/1/000.p/7", 8192],
    ["reports/r-1/report.json", 16777216],
    ["site.json", 16777216],
  ];
  for (const [path, most] of bounds) {
    assert.equal(mostBytes(path), most, path);
    assert.throws(() => new MemoryStore(new Map([[path, new Uint8Array(most + 1)]])).read(path), /more than/, path);
    assert.equal(new MemoryStore(new Map([[path, new Uint8Array(most)]])).read(path).length, most);
  }
});

test("what is no regular file", () => {
  const top = mkdtempSync(join(tmpdir(), "second-"));
  try {
    const dir = join(top, "public");
    mkdirSync(join(dir, "sub"), { recursive: true });
    writeFileSync(join(top, "outside"), "x");
    writeFileSync(join(dir, "file"), "in");
    writeFileSync(join(dir, "sub/file"), "in");
    symlinkSync("../outside", join(dir, "out"));
    symlinkSync("..", join(dir, "up"));
    symlinkSync("file", join(dir, "in"));
    symlinkSync("sub", join(dir, "also"));
    symlinkSync("nothing", join(dir, "dangling"));
    symlinkSync("loop", join(dir, "loop"));
    writeFileSync(join(dir, "long"), new Uint8Array(16777217));
    const s = new Store(dir);
    const said = (p: string) => {
      try {
        return new TextDecoder().decode(s.read(p));
      } catch (e) {
        return (e as Error).message;
      }
    };
    assert.equal(said("file"), "in");
    assert.equal(said("in"), "in");
    assert.equal(said("also/file"), "in");
    assert.match(said("out"), /link out of the directory/);
    assert.match(said("up/outside"), /link out of the directory/);
    assert.match(said("sub"), /no regular file/);
    assert.match(said("dangling"), /is missing/);
    assert.match(said("loop"), /no regular file/);
    assert.match(said("none"), /is missing/);
    assert.match(said("long"), /more than 16777216 bytes/);
    assert.throws(() => s.has("out"), /link out/);
    assert.ok(!s.has("dangling") && s.has("sub") && !s.has("none"));
    // links to directories are not gone into
    symlinkSync(".", join(dir, "sub/self"));
    symlinkSync(".", join(dir, "sub/self2"));
    assert.deepEqual(s.walk("sub"), ["file", "self", "self2"]);
    // the directory itself may be reached by a link
    symlinkSync("public", join(top, "link"));
    assert.equal(new TextDecoder().decode(new Store(join(top, "link")).read("file")), "in");
  } finally {
    rmSync(top, { recursive: true });
  }
});
