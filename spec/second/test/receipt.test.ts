import assert from "node:assert/strict";
import { test } from "node:test";
import { openLedgers } from "../src/audit.ts";
import type { Bytes } from "../src/bytes.ts";
import { concat, fromBase64, sha256, text, toBase64 } from "../src/bytes.ts";
import { checkPromise, checkReceipt, checkReceiptWithLedger, checkSubmission, distinct } from "../src/receipt.ts";
import { parseKey } from "../src/note.ts";
import { Store } from "../src/store.ts";
import { ACCOUNT, AUTHORITY, DOCUMENT, ORIGIN, PROMISE, REFERENCE, build, sign, signer, withDirectory } from "./fixture.ts";

const built = build({ cheap: true });
const papers = { authority: AUTHORITY, reference: REFERENCE, document: sha256(DOCUMENT), account: ACCOUNT };
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
  assert.throws(() => check("acc account", { ...papers, account: "x" }), /subject is not that of this account/);
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

test("submission receipts", () => {
  const key = parseKey(PROMISE.vkey, 1, "key");
  const body = `vitrine/submission/v1\norigin ${ORIGIN}\ndocument ${"ab".repeat(32)}\nreceived 1000\nanswer-by 260200\n`;
  assert.equal(checkSubmission(text(`${body}\n${sign(body, PROMISE)}`), ORIGIN, [key], "s").received, 1000);
  const b2 = body.replace("260200", "260201");
  assert.throws(() => checkSubmission(text(`${b2}\n${sign(b2, PROMISE)}`), ORIGIN, [key], "s"), /answer-by/);
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
