import assert from "node:assert/strict";
import { test } from "node:test";
import { audit } from "../src/audit.ts";
import { jsonBytes, parseJson } from "../src/json.ts";
import type { JsonObject } from "../src/json.ts";
import { concat, sha256, text, toHex } from "../src/bytes.ts";
import { nextNotes } from "../src/bundle.ts";
import { LOG, REPORT, build, putReport, sign, signer, withDirectory } from "./fixture.ts";
import type { Changes } from "./fixture.ts";

/** Takes every range proof for one that held: most tests are about something else, and much quicker so. */
class All extends Set<string> {
  override has(): boolean {
    return true;
  }
}
const prove = (ch: Changes) => withDirectory(build(ch).files, (dir) => audit(dir, "none", () => {}));
const run = (ch: Changes) => withDirectory(build({ cheap: true, ...ch }).files, (dir) => audit(dir, "none", () => {}, new All()));
const bad = (name: string, ch: Changes, what: RegExp) => test(name, () => void assert.throws(() => run(ch), what));
type Any = any;

test("a good directory", () => {
  const r = prove({});
  assert.equal(r.audited.tables, 3);
  assert.equal(r.audited.exactProofs, 1);
  assert.equal(r.audited.rangeProofs, 1);
  assert.equal(r.audited.totals, 5); // four of acc, one of mid
  assert.equal(r.audited.bands, 2);
  assert.equal(r.audited.hiddenFields, 2);
  assert.deepEqual(r.ledgers[0].remarks, []);
  assert.deepEqual(r.audited.remarks, []);
});

test("random bytes are no range proof", () => {
  assert.throws(() => withDirectory(build({ cheap: true }).files, (dir) => audit(dir, "all", () => {})), /range proof/);
});

bad("an exact total that is one too small", { totals: (t, f, v) => (t === "acc" && f === "demand" ? v - 1 : v) }, /table public 0 acc signature: proof does not hold/);
bad("a small total that is one too small", { totals: (t, f, v) => (t === "mid" && f === "demand" ? v - 1 : v) }, /do not add up/);
bad("a band that is too low", { totals: (t, f, v) => (t === "few" && f === "demand" ? 252 : v) }, /do not add up/);
bad("a small total that is told", { statement: (s) => void ((s as Any).tables[2].fields[1] = { name: "account", total: 1 }) }, /total is less than 2/);
bad("a band that begins elsewhere", { statement: (s) => void ((s as Any).tables[1].fields[0].low = 1) }, /multiple of its width/);
bad("a band of another width", { statement: (s) => void ((s as Any).tables[1].fields[0].width = 251) }, /band of width 251/);
bad("fields in another order", { statement: (s) => void (s as Any).tables[2].fields.reverse() }, /field refused stands where demand has to/);
bad("a table left out", { statement: (s) => void (s as Any).tables.pop(), report: (r) => void (r as Any).signatures.pop() }, /table public 0 mid is missing/);
bad("a table twice", { statement: (s) => void (s as Any).tables.push((s as Any).tables[2]), report: (r) => void (r as Any).signatures.push("") }, /not in their order/);
bad("a signature too few", { report: (r) => void (r as Any).signatures.pop() }, /2 signatures of 3 tables/);
bad("another size", { statement: (s) => void ((s as Any).ledgers[0].size = 1024) }, /not at a tick's end/);
bad("another root", { statement: (s) => void ((s as Any).ledgers[0].root = "00".repeat(32)) }, /root of the public ledger/);
bad("a header left out", { statement: (s) => void (s as Any).ledgers[0].headers.pop() }, /headers of the public ledger/);
bad("another point", { statement: (s) => void ((s as Any).tables[0].cells[0].point = (s as Any).tables[1].cells[0].point) }, /is not that of the log/);
bad("a field that nobody knows", { report: (r) => void (r.more = 1) }, /unknown field "more"/);
bad("a proof too many", { report: (r) => void (r as Any).proofs.push("") }, /2 range proofs instead of 1/);
test("a proof changed", () => {
  const ch: Changes = { report: (r) => void ((r as Any).proofs[0] = (r as Any).proofs[0].replace(/^../, "00")) };
  assert.throws(() => prove(ch), /proof 0: range proof/);
});
bad("no notice of the report", { reportNotice: false }, /digest is not a notice/);
bad("a file that is not there", { files: (f) => void f.delete("reports/r-1/index.html") }, /index.html: is missing/);
bad("a file that was changed", { files: (f) => void f.set("reports/r-1/index.html", text("")) }, /another digest/);

bad("a header that nobody announced", { headerNotices: false, header: (h, n) => void (n === 1 && (h.due = 106)) }, /was not announced/);
test("a header that was announced", () => void run({ header: (h, n) => void (n === 1 && (h.due = 106)) }));
test("a header that continues need not be announced", () => void run({ headerNotices: false }));
bad("a header announced too late", { header: (h, n) => void (n === 1 && (h.due = 106)), times: (s) => [1_700_000_000 - 300 + s, 1_700_000_000 - 300 + s] }, /was not announced/);
bad("header 0 too late", { times: (s) => [1_700_000_000 + s, 1_700_000_000 + s] }, /header 0 was not published before/);
bad("one cosignature", { times: (s) => [s + 1] }, /has 1 of the 2 cosignatures/);
bad("a time of zero", { times: (s) => [s + 1, 0] }, /has 1 of the 2 cosignatures/);
bad("a deferred cell left out", { header: (h, n) => void (n === 1 && (h as Any).tables[0].cells.pop()) }, /deferred cell 0 sec is missing in table acc/);
bad("a period that begins later", { header: (h, n) => void (n === 1 && ((h.from as number) += 50, (h.ticks = 1), (h as Any).previous)) }, /does not begin where/);
bad("another previous", { header: (h, n) => void (n === 1 && (h.previous = "11".repeat(32))) }, /previous is not the hash/);

bad("a leaf that is longer", { entries: (n, e) => void (n === 1 && (e[3] = new Uint8Array([...e[3], 0]))) }, /leaf 3 has 66 bytes/);
bad("a leaf that is no point", { entries: (n, e) => void (n === 1 && e[3].fill(0xff, 1, 33)) }, /bundle 1 leaf 3: not the canonical encoding/);
bad("a sum that is wrong", { entries: (n, e) => void (n === 4 && (e[255] = new Uint8Array(e[255]))[72] ^ 1 && e[255].set(e[4].subarray(1, 33), 71)) }, /P of mid is not the sum/);
bad("a trailer of another tick", { entries: (n, e) => void (n === 2 && (e[255][36] = 1)) }, /tick 1 instead of 2/);
bad("a filler that is not", { entries: (n, e) => void (n === 3 && (e[9] = Uint8Array.of(1))) }, /entry 9 of a header's bundle/);
bad("notes that are wrong", { notes: (n, x) => (n === 1 ? new Uint8Array(32) : x) }, /notes are not those/);
bad("a notice left out", { notices: (l) => void l.shift() }, /notes are not those/);
bad("a notice in a header's bundle", { notices: (l) => void (l[0].bundle = 0, l.splice(1)) }, /not in bundle 0 of a tick/);
bad("a checkpoint left out", { files: (f) => void f.delete("ledger/public/checkpoints/512") }, /checkpoints\/512: is missing/);
bad("a hash tile changed", { files: (f) => void f.set("ledger/public/tile/1/000.p/6", f.get("ledger/public/tile/0/000")!) }, /is not that hash tile/);
bad("an entry changed", { files: (f) => { const k = "ledger/public/tile/entries/002"; const b = f.get(k)!.slice(); b[60] ^= 1; f.set(k, b); } }, /checkpoints\/768: is not the checkpoint of the tree/);

function corrected(change: (r: JsonObject) => void, key = REPORT) {
  void key;
  return (f: Map<string, Uint8Array>) => {
    const old = f.get("reports/r-1/report.json")!;
    f.set("reports/r-1/report-1.json", old);
    f.set("reports/r-1/report-1.note", f.get("reports/r-1/report.note")!);
    const r = parseJson(old, "report") as JsonObject;
    change(r);
    putReport(f, "report", jsonBytes(r), 2);
  };
}
test("a correction of words", () => {
  const words = text("{}");
  const change = (r: JsonObject) => {
    r.words = toHex(sha256(words));
    (r.files as Any[]).push({ path: "words.json", sha256: r.words });
  };
  const r = run({ files: (f) => (f.set("reports/r-1/words.json", words), corrected(change)(f)) });
  assert.match(r.audited.remarks.join(), /version 2 is not a notice/);
});
bad("a correction of more than words", { files: corrected((r) => void (r.proofs = [])) }, /were changed in a later version/);
bad("another key", { header: (h) => void ((h as Any).keys.report = signer("other").vkey) }, /not signed with the report key/);
bad("a log key of another name", { header: (h) => void ((h as Any).keys.log = signer("other").vkey) }, /name of the log's key is not the origin/);
bad("words that are not there", { report: (r) => void (r.words = "22".repeat(32)) }, /words is not the digest/);
bad("a signature of a stranger", { files: (f) => { const k = "ledger/public/checkpoints/512"; f.set(k, concat(f.get(k)!, text(sign("x", signer("other"))))); } }, /a key that the header does not name/);
bad("a bad line of a known key", { files: (f) => { const k = "ledger/public/checkpoints/512"; const s = new TextDecoder().decode(f.get(k)!).split("\n"); f.set(k, text([...s.slice(0, 4), sign("x", LOG).trimEnd(), ...s.slice(5)].join("\n"))); } }, /signature of .* does not verify/);
bad("a notice of a report that is not here", { notices: (l) => void l.push({ bundle: 5, digest: "33".repeat(32), kind: "report" }), notes: (n, x) => (n === 5 ? nextNotes(x, new Uint8Array(32).fill(0x33)) : x) }, /notice of a report that is not here/);
bad("a header exchanged", { notices: (l) => void l.splice(1, 0, { bundle: 1, digest: "33".repeat(32), kind: "header" }), notes: (n, x) => (n === 1 ? nextNotes(x, new Uint8Array(32).fill(0x33)) : x) }, /was exchanged/);
test("keys differ", () => assert.notEqual(LOG.vkey, REPORT.vkey));

test("an opening", () => {
  const r = run({ opening: true });
  assert.equal(r.audited.tables, 4);
  assert.equal(r.audited.exactProofs, 2);
});
bad("an opening that says too little", { opening: true, totals: (t, f, v) => (t === "opened" && f === "demand" ? v - 1 : v) }, /table public 1 opened signature: proof does not hold/);
bad("an opening left out", { opening: true, statement: (s) => void (s as Any).tables.pop(), report: (r) => void (r as Any).signatures.pop() }, /table public 1 opened is missing/);
bad("an opening that nobody announced", { opening: true, headerNotices: false }, /was not announced/);
bad("an opening of this period", { opening: true, header: (h, n) => void (n === 1 && ((h as Any).openings[0].cells[0].period = 1)) }, /not of an earlier period/);
bad("an opening without a petition", { opening: true, header: (h, n) => void (n === 1 && ((h as Any).openings[0].petition = "11".repeat(32))) }, /petition of opening opened is not a notice/);
bad("a document that is not there", { opening: true, files: (f) => void f.delete([...f.keys()].find((k) => k.includes("/documents/"))!) }, /documents\/[0-9a-f]{64}: is missing/);

test("a closed ledger", () => {
  const r = run({ closed: true });
  assert.equal(r.audited.tables, 3);
  assert.deepEqual(r.ledgers.find((l) => l.class === "restricted")!.hidden, [0, 1]);
});
bad("a closed ledger's trailer changed", { closed: true, files: (f) => void f.get("ledger/restricted/trailers/001")!.fill(0, 80, 90) }, /trailers\/001: is not the last entry/);
bad("a closed ledger with entries", { closed: true, files: (f) => void f.set("ledger/restricted/tile/entries/001", text("")) }, /are published although/);
bad("a closed ledger's notices", { closed: true, notices: (l) => void l.shift() }, /notes are not those/);
test("a ledger under an embargo", () => {
  // a deferred cell of period 0 is in no report yet, so nothing is public
  const r = run({ closed: true, header: (h) => void (h.publication = "after-embargo") });
  assert.deepEqual(r.ledgers.find((l) => l.class === "restricted")!.hidden, [0, 1]);
});
