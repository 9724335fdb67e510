import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64, sha256, text, toHex } from "../src/bytes.ts";
import { B, G, L, ZERO, isIdentity, map, msm, point, scalar, scalarBytes, times } from "../src/group.ts";
import { continues, parseHeader, checkNext } from "../src/header.ts";
import { jsonBytes, parseJson, writeJson } from "../src/json.ts";
import type { JsonObject } from "../src/json.ts";
import { leafHash, tileIndex, treeHash, verifyConsistency, verifyInclusion } from "../src/merkle.ts";
import { cosignedAt, parseCheckpoint, parseKey, parseNote, signedBy } from "../src/note.ts";
import { dayStart } from "../src/opening.ts";
import { Transcript } from "../src/transcript.ts";
import { randomScalar } from "./prover.ts";
import { WITNESSES, LOG, REPORT, cosign, headerJson, inclusion, rootOf, sign, signer } from "./fixture.ts";

const hex = (s: string) => new Uint8Array(Buffer.from(s, "hex"));

// ---- canonical JSON

test("canonical JSON", () => {
  for (const s of ["0", "9007199254740991", '""', '"a b~"', "[]", "{}", "[1,[2],{}]", '{"a":1,"b":{"A":[],"a":""}}', '{"__proto__":1,"a":2}']) {
    assert.equal(writeJson(parseJson(text(s), "j")), s);
  }
});

test("what is not canonical JSON", () => {
  for (const s of [
    "", " 1", "1 ", "1\n", "-1", "-0", "+1", "01", "1.0", "1e3", "9007199254740992", "99999999999999999999",
    "null", "true", "NaN", '"', '"\\n"', '"\\u0041"', '"\u007f"', '"\u00e9"', '"\t"', "[1, 2]", "[1,]", "[,1]", "[1", "[1 ,2]",
    '{"a":1,}', '{"a" :1}', '{"a": 1}', '{"b":1,"a":2}', '{"a":1,"a":2}', '{a:1}', '{"a"}', '{"a":1', "1 2", "{}{}", "\ufeff{}",
    "[".repeat(50) + "]".repeat(50),
  ]) {
    assert.throws(() => parseJson(text(s), "j"), /not canonical JSON/, JSON.stringify(s));
  }
});

test("base64", () => {
  assert.equal(toHex(fromBase64("AQI=", "b")), "0102");
  for (const s of ["AQI", "AQJ=", "AQ I=", "AQI=\n", "A===", "_-8=", "AQI=="]) assert.throws(() => fromBase64(s, "b"), /base64/, s);
});

// ---- ristretto255, RFC 9496 appendix A

test("multiples of the generator", () => {
  const want = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
    "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
    "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
  ];
  want.forEach((w, i) => {
    assert.equal(toHex(times(B, BigInt(i)).toBytes()), w);
    assert.ok(point(hex(w), "p").equals(times(B, BigInt(i))));
  });
});

test("bad encodings", () => {
  for (const s of [
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ]) {
    assert.throws(() => point(hex(s), "p"), /not the canonical encoding/, s);
  }
  assert.throws(() => point(hex("00"), "p"), /point of 1 bytes/);
});

test("element derivation on SHA-512", () => {
  const p = map(text("Ristretto is traditionally a short shot of espresso coffee"));
  assert.equal(toHex(p.toBytes()), "3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46");
});

test("scalars", () => {
  assert.equal(scalar(scalarBytes(L - 1n), "s"), L - 1n);
  const b = scalarBytes(L - 1n);
  b[0] += 1;
  assert.throws(() => scalar(b, "s"), /not canonical/);
  assert.equal(toHex(scalarBytes(1n)), "01" + "00".repeat(31));
});

test("sums of multiples", () => {
  assert.ok(isIdentity(msm([], [])));
  for (const n of [1, 2, 3, 17, 150]) {
    const ks = Array.from({ length: n }, (_, i) => (i === 0 ? L - 1n : i === 1 ? 0n : i === 2 ? 1n : randomScalar()));
    const ps = ks.map((_, i) => times(i % 2 ? B : G, BigInt(i + 1)));
    const want = ps.reduce((s, p, i) => s.add(times(p, ks[i])), ZERO);
    assert.ok(msm(ps, ks).equals(want), String(n));
  }
  assert.ok(isIdentity(msm([G, G], [5n, L - 5n])));
  assert.ok(!isIdentity(msm([G, G], [5n, L - 4n])));
});

test("transcript", () => {
  const sha512 = (...p: Uint8Array[]) => new Uint8Array(require_sha512(Buffer.concat(p)));
  const t = new Transcript("label");
  t.absorb("ab", text("xyz"));
  const st = sha512(sha512(text("label")), hex("0000000200000003"), text("abxyz"));
  assert.deepEqual(t.state(), st);
  const c = t.challenge("c");
  const st2 = sha512(st, hex("0000000100000000"), text("c"));
  assert.deepEqual(t.state(), st2);
  const wide = BigInt("0x" + Buffer.from(sha512(text("out"), st2)).reverse().toString("hex"));
  assert.equal(c, wide % L);
});
import { createHash } from "node:crypto";
function require_sha512(b: Uint8Array): Uint8Array {
  return createHash("sha512").update(b).digest();
}

// ---- notes

test("keys", () => {
  const k = parseKey(LOG.vkey, 1, "k");
  assert.equal(k.name, "example.org/log");
  assert.throws(() => parseKey(LOG.vkey, 4, "k"), /algorithm 1 instead of 4/);
  assert.throws(() => parseKey(LOG.vkey.replace(/\+[0-9a-f]{8}/, "+00000000"), 1, "k"), /hash of the key is wrong/);
  assert.throws(() => parseKey("a b" + LOG.vkey, 1, "k"), /not a key|hash/);
  // the key of the example in Go's note package
  const peter = parseKey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", 1, "k");
  assert.equal(toHex(peter.hash), "c74f20a3");
  const note = parseNote(
    text(
      "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
        "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
    ),
    "n",
  );
  assert.ok(signedBy(note, peter, "n"));
});

test("notes", () => {
  const body = "a\n\nb\n";
  const good = `${body}\n${sign(body, LOG)}`;
  const key = parseKey(LOG.vkey, 1, "k");
  assert.equal(parseNote(text(good), "n").text, body);
  const signed = (note: string) => signedBy(parseNote(text(note), "n"), key, "n");
  assert.ok(signed(good));
  assert.ok(signed(good + sign("x", signer("other"))));
  assert.ok(!signed(`${body}\n${sign(body, signer("other"))}`));
  // the first line counts, and has to verify
  assert.ok(signed(good + sign("x", LOG)));
  assert.throws(() => signed(`${body}\n${sign("x", LOG)}${sign(body, LOG)}`), /does not verify/);
  for (const s of [body, `${body}\n`, good.slice(0, -1), good + "\n", good + "x\n", good.replace("\u2014", "-"), good.replace("a", "\u0001"), good.replace("a", "\r")]) {
    assert.throws(() => parseNote(text(s), "n"), /signed note/, JSON.stringify(s));
  }
});

test("cosignatures", () => {
  const body = "o\n1\n" + "A".repeat(43) + "=\n";
  const w = WITNESSES[0];
  const key = parseKey(w.vkey, 4, "k");
  const at = (...s: string[]) => cosignedAt(parseCheckpoint(text(`${body}\n${s.join("")}`), "c").note, key, "c");
  assert.equal(at(cosign(body, w, 77)), 77);
  assert.equal(at(cosign(body, w, 0)), 0);
  assert.throws(() => at(cosign("other\n", w, 77)), /does not verify/);
  assert.throws(() => at(cosign("other\n", w, 66), cosign(body, w, 88)), /does not verify/);
  assert.equal(at(cosign(body, w, 88), cosign(body, w, 77)), 88);
  assert.equal(at(cosign(body, WITNESSES[1], 77)), undefined);
});

test("checkpoints", () => {
  const make = (body: string) => text(`${body}\n${sign(body, LOG)}`);
  const root = "A".repeat(43) + "=";
  assert.equal(parseCheckpoint(make(`o\n12\n${root}\n`), "c").size, 12);
  for (const b of [`o\n012\n${root}\n`, `o\n-1\n${root}\n`, `o\n12\n${root}\nmore\n`, `o\n12\nAAAA\n`, `o\n12\n`, `\n12\n${root}\n`]) {
    assert.throws(() => parseCheckpoint(make(b), "c"), /checkpoint|base64/, b);
  }
});

// ---- trees

test("trees and proofs", () => {
  const leaves = Array.from({ length: 21 }, (_, i) => leafHash(text(String(i))));
  assert.equal(toHex(treeHash([])), toHex(sha256()));
  for (let n = 1; n <= leaves.length; n++) {
    const part = leaves.slice(0, n);
    const root = rootOf(part);
    assert.deepEqual(treeHash(part), root);
    for (let i = 0; i < n; i++) {
      const proof = inclusion(part, i);
      verifyInclusion(part[i], i, n, proof, root, "p");
      assert.throws(() => verifyInclusion(part[i], i, n, [...proof, root], root, "p"));
      if (proof.length > 0) assert.throws(() => verifyInclusion(part[i], i, n, proof.slice(1), root, "p"));
      if (n > 1) assert.throws(() => verifyInclusion(part[i], (i + 1) % n, n, proof, root, "p"));
    }
    for (let m = 1; m <= n; m++) verifyConsistency(m, n, rootOf(leaves.slice(0, m)), root, consistency(part, m), "c");
  }
  assert.throws(() => verifyConsistency(3, 7, leaves[0], rootOf(leaves.slice(0, 7)), consistency(leaves.slice(0, 7), 3), "c"), /does not hold/);
});

function consistency(leaves: Uint8Array[], m: number, whole = true): Uint8Array[] {
  if (m === leaves.length) return whole ? [] : [rootOf(leaves)];
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  return m <= k
    ? [...consistency(leaves.slice(0, k), m, whole), rootOf(leaves.slice(k))]
    : [...consistency(leaves.slice(k), m - k, false), rootOf(leaves.slice(0, k))];
}

test("paths of tiles", () => {
  assert.equal(tileIndex(0), "000");
  assert.equal(tileIndex(999), "999");
  assert.equal(tileIndex(1234), "x001/234");
  assert.equal(tileIndex(1234067), "x001/x234/067");
});

// ---- headers

const zero = new Uint8Array(32);
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Any = any;
const header = (change: (h: Any) => void = () => {}, n = 0) => {
  const j: JsonObject = headerJson(n, zero);
  if (n > 0) j.previous = toHex(parseHeader(jsonBytes(headerJson(0, zero)), "h").hash);
  change(j);
  return parseHeader(jsonBytes(j), "h");
};

test("headers", () => {
  const h = header();
  assert.equal(h.bundles, 1);
  assert.deepEqual(h.sheets.get("acc")!.fields.map((f) => f.offset), [0, 28, 56, 99]);
  const bad: [RegExp, (h: Any) => void][] = [
    [/unknown field/, (h) => (h.more = 1)],
    [/field "lag" is missing/, (h) => delete h.lag],
    [/suite/, (h) => (h.suite = "v2")],
    [/publication/, (h) => (h.publication = "auditor")],
    [/delta is not/, (h) => (h.delta = 49)],
    [/less than the period/, (h) => (h.lag = 50)],
    [/due is less/, (h) => (h.due = 104)],
    [/no tick|delta/, (h) => (h.ticks = 0)],
    [/multiple of 255/, (h) => (h.grid[0].slots = 101)],
    [/stands twice in the grid/, (h) => (h.grid[1].sheet = "mid")],
    [/not in the grid/, (h) => (h.grid.pop(), (h.grid[0].slots = 105))],
    [/do not ascend/, (h) => h.sheets.reverse()],
    [/previous of header 0/, (h) => (h.previous = "11".repeat(32))],
    [/quorum/, (h) => (h.witnesses.quorum = 4)],
    [/organisation stands twice/, (h) => (h.witnesses.keys[0].organisation = "org 1")],
    [/key stands twice/, (h) => (h.witnesses.keys[0].key = h.witnesses.keys[1].key)],
    [/algorithm/, (h) => (h.keys.log = WITNESSES[0].vkey)],
    [/more than 32/, (h) => (h.sheets[0].fields[2].width = 30)],
    [/neither band nor hidden/, (h) => (h.sheets[1].fields[1].rule = "exact")],
    [/unknown rule/, (h) => (h.sheets[1].fields[1].rule = "small:02")],
    [/small:K/, (h) => (h.sheets[2].fields[0].rule = "small:1")],
    [/band:W/, (h) => (h.sheets[1].fields[0].rule = "band:134217728")],
    [/stands twice/, (h) => (h.sheets[1].fields[1].name = "demand")],
    [/both or none/, (h) => delete h.sheets[3].joins],
    [/another layout/, (h) => (h.sheets[3].joins = "mid")],
    [/itself deferred/, (h) => (h.sheets[3].joins = "sec")],
    [/stands in no table/, (h) => h.tables.pop()],
    [/stands in two tables/, (h) => h.tables[2].cells.push({ period: 0, sheet: "mid" })],
    [/several layouts/, (h) => (h.tables[1].cells.push({ period: 0, sheet: "mid" }), h.tables.pop())],
    [/later period/, (h) => h.tables[1].cells.push({ period: 1, sheet: "few" })],
    [/stands in a table of its own header/, (h) => h.tables[0].cells.push({ period: 0, sheet: "sec" })],
    [/too early/, (h) => (h.tables[0].not_before = h.to - 1)],
    [/1,100 days/, (h) => (h.tables[0].not_before = h.to + 1100 * 86400 + 1)],
    [/400 days/, (h) => (h.tables[0].due = h.tables[0].not_before - 1)],
    [/400 days/, (h) => (h.tables[0].due = h.tables[0].not_before + 400 * 86400 + 1)],
    [/bad name of a table/, (h) => (h.tables[0].name = "Acc")],
    [/deferred is zero/, (h) => (h.sheets[3].deferred = 0)],
    [/not the origin/, (h) => (h.keys.log = REPORT.vkey)],
    [/no organisation/, (h) => (h.witnesses.keys[0].organisation = "")],
    [/2\^27/, (h) => ((h.ticks = 2 ** 22), (h.delta = 1), (h.to = h.from + 2 ** 22), h.tables.forEach((t: Any) => ((t.not_before = h.to), (t.due = h.to))))],
  ];
  for (const [what, f] of bad) assert.throws(() => header(f), what, String(what));
});

test("a header after another", () => {
  const h0 = header();
  const next = (f: (h: Any) => void = () => {}) => {
    const h = header(f, 1);
    checkNext([h0], h, "h");
    return h;
  };
  assert.ok(continues(h0, next()));
  assert.ok(!continues(h0, next((h) => (h.due = 106))));
  assert.ok(!continues(h0, next((h) => (h.tables[2].due += 1))));
  assert.ok(!continues(h0, next((h) => (h.structure = "x"))));
  assert.throws(() => next((h) => ((h.origin = "other"), (h.keys.log = signer("other").vkey))), /origin differs/);
  assert.throws(() => next((h) => h.tables[1].cells.push({ period: 0, sheet: "few" })), /too|not deferred/);
  assert.throws(() => next((h) => h.tables[0].cells.pop()), /is missing in table acc/);
});

test("days", () => {
  assert.equal(dayStart("1970-01-02", "d"), 86400);
  assert.equal(dayStart("2024-02-29", "d"), 1709164800);
  for (const d of ["2023-02-29", "2023-13-01", "2023-1-1", "2023-00-10", "2023-04-31"]) assert.throws(() => dayStart(d, "d"), /day/);
});
