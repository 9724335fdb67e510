import assert from "node:assert/strict";
import { test } from "node:test";
import { openLedgers } from "../src/audit.ts";
import type { Bytes } from "../src/bytes.ts";
import { concat, fromBase64, sha256, text, toBase64, toHex } from "../src/bytes.ts";
import { answers, checkDeclined, checkPromise, checkReceipt, checkReceiptWithLedger, checkSubmission, distinct, promiseAnswers, promiseKept } from "../src/receipt.ts";
import { parseKey } from "../src/note.ts";
import { Store } from "../src/store.ts";
import { ACCOUNT, AUTHORITY, DOCUMENT, ORIGIN, PROMISE, REFERENCE, T0, build, sign, signer, withDirectory } from "./fixture.ts";

const built = build({ cheap: true });
const papers = { authority: AUTHORITY, reference: REFERENCE, document: sha256(DOCUMENT), accounts: [ACCOUNT] };
const get = (k: string) => built.receipts.get(k)!;
const check = (k: string, p = papers as Partial<typeof papers>, promise?: Bytes | number) => checkReceipt(get(k), p, promise, "receipt");

test("receipts with all papers", () => {
  const d = check("acc demand");
  assert.deepEqual(d.unchecked, ["due: no promise given", "account: the receipt is of the type demand"]);
  assert.match(d.checked.join("\n"), /700 bulk account/);
  assert.match(check("acc account").checked.join("\n"), /subject is that of the account/);
  assert.match(check("acc refused").checked.join("\n"), /fact 3 of the type refused/);
});

test("receipts without papers say so", () => {
  const a = check("acc account", {});
  assert.deepEqual(a.unchecked, ["due: no promise given", "parent: not given: authority, reference, document", "subject: not given: account"]);
});

test("other papers", () => {
  for (const k of ["authority", "reference"] as const) assert.throws(() => check("acc demand", { ...papers, [k]: "x" }), /parent is not that/);
  assert.throws(() => check("acc demand", { ...papers, document: sha256(text("x")) }), /parent is not that/);
  assert.throws(() => check("acc account", { ...papers, accounts: ["x"] }), /subject is not that of this account/);
  assert.match(checkReceipt(get("acc account"), { accounts: ["x"] }, undefined, "r", false).unchecked.join("\n"), /of another account/);
  assert.equal(check("acc account", { accounts: ["x", ACCOUNT] }).account, ACCOUNT);
});

test("promises", () => {
  assert.match(check("acc demand", papers, built.promises.get("acc demand")).checked.join("\n"), /the promise was kept/);
  assert.throws(() => check("acc demand", papers, built.promises.get("acc account")), /promise is of another leaf/);
  const p = checkPromise(built.promises.get("acc account")!, built.headers[0], "promise");
  assert.equal(p.due, p.received + 105);
  const late = new TextDecoder().decode(built.promises.get("acc demand")!).split("\n\n")[0].replace(/due \d+/, "due 5") + "\n";
  assert.throws(() => checkPromise(text(`${late}\n${sign(late, PROMISE)}`), built.headers[0], "promise"), /due is not/);
  const other = late.replace("/v1", "/v2");
  assert.throws(() => checkPromise(text(`${other}\n${sign(late, PROMISE)}`), built.headers[0], "promise"), /does not verify/);
  assert.throws(() => checkPromise(text(`${late}\n${sign(late, signer("other"))}`), built.headers[0], "promise"), /not signed/);
  assert.throws(() => check("acc demand", papers, 5), /later than the promise's due 5/);
});

const signed = (body: string, by = PROMISE) => text(`${body}\n${sign(body, by)}`);
const submission = (received = T0 + 5, document = toHex(sha256(DOCUMENT))) =>
  `vitrine/submission/v1\norigin ${ORIGIN}\ndocument ${document}\nreceived ${received}\nanswer-by ${received + 259200}\n`;
const declined = (because = "It is a bill.", received = T0 + 5, at = received + 1, document = toHex(sha256(DOCUMENT))) =>
  `vitrine/declined/v1\norigin ${ORIGIN}\ndocument ${document}\nreceived ${received}\ndeclined ${at}\nbecause ${because}\n`;
const hs = built.headers;

test("submission receipts", () => {
  assert.equal(checkSubmission(signed(submission()), hs, "s").received, T0 + 5);
  assert.equal(checkSubmission(signed(submission(0)), hs, "s").answerBy, 259200); // before header 0
  assert.throws(() => checkSubmission(signed(submission().replace(/answer-by .*/, "answer-by 5")), hs, "s"), /answer-by/);
  assert.throws(() => checkSubmission(signed(submission(), signer("other")), hs, "s"), /not signed/);
  assert.throws(() => checkSubmission(signed(submission().replace(ORIGIN, "example.org/x")), hs, "s"), /another origin/);
  assert.throws(() => checkSubmission(signed(submission(2 ** 40 - 259200)), hs, "s"), /2\^40/);
});

test("keys of the period of a time", () => {
  const other = signer("example.org/promise2");
  const two = [hs[0], { ...hs[1], keys: { ...hs[1].keys, promise: [parseKey(other.vkey, 1, "key")] } }];
  const at = hs[1].from;
  checkSubmission(signed(submission(at - 1)), two, "s");
  checkSubmission(signed(submission(at), other), two, "s");
  assert.throws(() => checkSubmission(signed(submission(at)), two, "s"), /not signed/);
  assert.throws(() => checkSubmission(signed(submission(at - 1), other), two, "s"), /not signed/);
  // an answer: the time of the answer counts
  checkDeclined(signed(declined("no", at - 1, at), other), two, "d");
  assert.throws(() => checkDeclined(signed(declined("no", at - 1, at)), two, "d"), /not signed/);
});

test("the answer that it is no demand", () => {
  const s = checkSubmission(signed(submission()), hs, "s");
  const d = checkDeclined(signed(declined()), hs, "d");
  assert.equal(d.because, "It is a bill.");
  answers(d, s, "d");
  for (const [b, what] of [
    [declined("x", T0 + 6), /received at another time/],
    [declined("x", T0 + 5, T0 + 5, "00".repeat(32)), /another document/],
  ] as [string, RegExp][]) {
    assert.throws(() => answers(checkDeclined(signed(b), hs, "d"), s, "d"), what);
  }
  for (const ok of ["x".repeat(1000), "« Bürgeramt » n’est pas", "\u200bx", "\u00a0x", "法", "½", "٣", "a  b"]) checkDeclined(signed(declined(ok)), hs, "d");
  const bad = ["\u200b", "\u00a0", "\u00ad", "...", "\u0301", "\u{e0041}", "\u{1f600}", " x", "x ", " ", "", "x".repeat(1001), "ü".repeat(501), "a\tb", "a\nb"];
  const points = [0x7f, 0x80, 0x85, 0x9f, 0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069, 0xfeff];
  for (const t of [...bad, ...points.map((p) => `a${String.fromCodePoint(p)}b`)]) {
    assert.throws(() => checkDeclined(signed(declined(t)), hs, "d"), /^Refusal|d: /, JSON.stringify(t));
  }
  assert.throws(() => checkDeclined(signed(declined("x", T0 + 5, T0 + 4)), hs, "d"), /before received/);
  assert.throws(() => checkDeclined(signed(declined("x", T0 + 5, 2 ** 40)), hs, "d"), /2\^40/);
});

test("a promise answers a submission", () => {
  const s = checkSubmission(signed(submission()), hs, "s");
  for (const k of ["acc demand", "acc account"]) {
    const p = checkPromise(built.promises.get(k)!, hs[0], "p");
    promiseAnswers(p, s, AUTHORITY, REFERENCE, "p");
    assert.throws(() => promiseAnswers(p, s, AUTHORITY, "x", "p"), /parent is not that/);
    const other = checkSubmission(signed(submission(T0 + 5, "00".repeat(32))), hs, "s");
    assert.throws(() => promiseAnswers(p, other, AUTHORITY, REFERENCE, "p"), /parent is not that/);
  }
});

test("a promise and a published ledger", () => {
  withDirectory(built.files, (dir) => {
    const l = openLedgers(new Store(dir)).get("public")!;
    l.tree();
    const p = checkPromise(built.promises.get("acc demand")!, hs[0], "p");
    assert.deepEqual(promiseKept(p, l).state, "kept");
    assert.deepEqual(promiseKept({ ...p, due: hs[0].from }, l).state, "late");
    assert.deepEqual(promiseKept({ ...p, leaf: text("x") }, l).state, "broken");
    assert.deepEqual(promiseKept({ ...p, leaf: text("x"), due: 2 ** 39 }, l).state, "open");
    assert.deepEqual(promiseKept({ ...p, leaf: text("x"), due: l.newestTime }, l, l.newestTime + 1).state, "old");
    assert.deepEqual(promiseKept({ ...p, leaf: text("x"), due: l.newestTime - 1 }, l, 0).state, "broken");
  });
});

function change(k: string, f: (lines: string[]) => void): Bytes {
  const lines = new TextDecoder().decode(get(k)).split("\n");
  f(lines);
  return text(lines.join("\n"));
}
const changeExtra = (k: string, f: (b: Bytes) => Bytes | void) =>
  change(k, (l) => {
    const b = fromBase64(l[1].slice(6), "x");
    l[1] = `extra ${toBase64(f(b) ?? b)}`;
  });
const refused = (b: Bytes, what: RegExp) => assert.throws(() => checkReceipt(b, papers, undefined, "receipt"), what);

test("half of the papers", () => {
  assert.throws(() => check("acc demand", { authority: AUTHORITY }), /all three or none/);
});

test("receipts that were changed", () => {
  refused(change("acc demand", (l) => void (l[0] = "c2sp.org/tlog-proof@v2")), /first line/);
  refused(change("acc demand", (l) => void (l[2] = "index 7")), /inclusion proof/);
  refused(change("acc demand", (l) => void l.splice(3, 1)), /inclusion proof/);
  refused(change("acc demand", (l) => void (l[l.indexOf("") + 2] = "513")), /inclusion proof|not signed/);
  refused(changeExtra("acc demand", (b) => concat(b, Uint8Array.of(0))), /left over/);
  refused(changeExtra("acc demand", (b) => void (b[b.length - 1] ^= 1)), /header: inclusion proof does not lead/);
  // the first byte of r (behind origin, header, sheet, type, subject, parent and v)
  refused(changeExtra("acc demand", (b) => void (b[4 + 19 + 36 + 7 + 10 + 36 + 36 + 36 + 4] ^= 1)), /leaf: inclusion proof does not lead/);
});

test("against a published ledger", () => {
  withDirectory(built.files, (dir) => {
    const l = openLedgers(new Store(dir)).get("public")!;
    l.tree();
    const r = check("acc demand");
    checkReceiptWithLedger(r, l, "receipt");
    assert.match(r.checked.join("\n"), /contains the leaf/);
    const older = Object.assign(Object.create(Object.getPrototypeOf(l)), l, { size: 256 });
    assert.throws(() => checkReceiptWithLedger(r, older, "receipt"), /does not reach/);
    // another log under the same keys
    const other = build({ cheap: true });
    const s = checkReceipt(other.receipts.get("acc demand")!, papers, undefined, "receipt");
    assert.throws(() => checkReceiptWithLedger(s, l, "receipt"), /is not one of the published ledger's tree/);
  });
});

test("receipts of one leaf", () => {
  const a = { where: "a", receipt: check("acc demand") };
  const b = { where: "b", receipt: check("acc account") };
  distinct([a, b]);
  assert.throws(() => distinct([a, b, { where: "c", receipt: check("acc demand") }]), /same index as a/);
});
