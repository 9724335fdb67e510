import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { sha256, toHex } from "../src/bytes.ts";
import { ACCOUNT, AUTHORITY, DOCUMENT, ORIGIN, PROMISE, REFERENCE, T0, build, sign, signer } from "./fixture.ts";

const program = join(dirname(fileURLToPath(import.meta.url)), "../src/verify.js");

function verify(...args: string[]): { code: number; out: string } {
  try {
    return { code: 0, out: execFileSync(process.execPath, [program, ...args], { encoding: "utf8", stdio: "pipe" }) };
  } catch (e) {
    const x = e as { status: number; stdout: string; stderr: string };
    return { code: x.status, out: x.stdout + x.stderr };
  }
}

test("papers on the command line", () => {
  const dir = mkdtempSync(join(tmpdir(), "second-"));
  try {
    const b = build({ cheap: true });
    for (const [path, bytes] of b.files) {
      mkdirSync(dirname(join(dir, "public", path)), { recursive: true });
      writeFileSync(join(dir, "public", path), bytes);
    }
    const put = (name: string, bytes: Uint8Array | string) => {
      writeFileSync(join(dir, name), bytes);
      return join(dir, name);
    };
    const note = (body: string, by = PROMISE) => `${body}\n${sign(body, by)}`;
    const report = ["--report", join(dir, "public")];
    const demand = ["--document", put("document", DOCUMENT), "--authority", AUTHORITY, "--reference", REFERENCE];
    const at = T0 + 5;
    const digest = toHex(sha256(DOCUMENT));
    const sub = put("submission", note(`vitrine/submission/v1\norigin ${ORIGIN}\ndocument ${digest}\nreceived ${at}\nanswer-by ${at + 259200}\n`));
    const declinedAt = (t: number, because: string) => note(`vitrine/declined/v1\norigin ${ORIGIN}\ndocument ${digest}\nreceived ${at}\ndeclined ${t}\nbecause ${because}\n`);
    const no = put("declined", declinedAt(at + 9, "Das ist eine Rechnung – kein Ersuchen."));
    const late = put("late", declinedAt(at + 259201, "x"));
    const promise = put("promise", b.promises.get("acc demand")!);
    const account = put("account", b.promises.get("acc account")!);
    const receipt = put("receipt", b.receipts.get("acc demand")!);

    const receiptOf = put("receipt2", b.receipts.get("acc account")!);
    const early = put("early", note(`vitrine/submission/v1\norigin ${ORIGIN}\ndocument ${digest}\nreceived 5\nanswer-by 259205\n`));

    const good: [string[], RegExp][] = [
      [["submission", sub, ...report], /unchecked  answer: none given\nremark     its time has passed and no answer is shown/],
      [["submission", sub, ...report, "--document", join(dir, "document")], /it is of this document/],
      [["submission", sub, ...report, "--answer", no], /it is no demand[^]*because    Das ist eine Rechnung – kein Ersuchen\./],
      [["submission", sub, ...report, "--answer", late], /the answer came 1 seconds too late/],
      [["submission", sub, ...report, "--answer", promise], /may be of another demand/],
      [["submission", sub, ...report, "--answer", promise, "--authority", AUTHORITY, "--reference", REFERENCE], /answered with a promise, due/],
      [["submission", early, ...report, "--answer", promise], /the answer came [0-9]+ seconds too late/],
      [["receipt", receipt, receiptOf, ...report, "--account", ACCOUNT], /subject is that of the account/],
      [["declined", no, ...report], /submission receipt: none given/],
      [["declined", no, ...report, "--submission", sub, "--json"], /"because":"Das ist/],
      [["promise", promise, ...report, ...demand], /it was kept: the leaf stands at index/],
      [["promise", account, ...report, ...demand, "--account", ACCOUNT], /it was kept/],
      [["receipt", receipt, ...report, ...demand, "--promise", promise], /the promise was kept/],
    ];
    for (const [args, what] of good) {
      const r = verify(...args);
      assert.equal(r.code, 0, `${args.join(" ")}: ${r.out}`);
      assert.match(r.out, what);
    }
    const other = put("other", "another document");
    const foreign = put("foreign", note(`vitrine/submission/v1\norigin ${ORIGIN}\ndocument ${digest}\nreceived ${at}\nanswer-by ${at + 259200}\n`, signer("other")));
    const elsewhere = put("elsewhere", note(`vitrine/submission/v1\norigin example.org/x\ndocument ${digest}\nreceived ${at}\nanswer-by ${at + 259200}\n`));
    const never = new TextDecoder().decode(b.promises.get("acc demand")!).split("\n\n")[0].replace(/received .*\ndue .*/, "received 5\ndue 110") + "\n";
    const bad: [string[], RegExp][] = [
      [["submission", sub, ...report, "--document", other], /is of another document/],
      [["submission", foreign, ...report], /not signed/],
      [["submission", elsewhere, ...report], /no ledger that is here/],
      [["submission", sub, ...report, "--answer", promise, "--authority", AUTHORITY, "--reference", "x"], /not the answer/],
      [["submission", no, ...report], /not the 5 lines|first line/],
      [["declined", sub, ...report], /first line|not the 6 lines/],
      [["promise", promise, ...report, ...demand.slice(0, 4), "--reference", "x"], /parent is not that/],
      [["promise", put("never", note(never)), ...report], /was broken/],
      [["promise", no, ...report], /has no opening/],
      [["receipt", receipt, receiptOf, "--account", ACCOUNT, "--account", "x"], /no receipt of the account x/],
    ];
    for (const [args, what] of bad) {
      const r = verify(...args);
      assert.equal(r.code, 3, `${args.join(" ")}: ${r.out}`);
      assert.match(r.out, what);
    }
    for (const args of [["submission", sub], ["submission", ...report], ["declined", no, ...report, "--account", "x"], ["promise", promise], []]) {
      assert.equal(verify(...args).code, 2, args.join(" "));
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});
