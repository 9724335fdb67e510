import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, text, u16, u32, u64 } from "../src/bytes.ts";
import { checkBundle, parseEntries } from "../src/bundle.ts";
import { ZERO } from "../src/group.ts";
import { parseHeader } from "../src/header.ts";
import { jsonBytes } from "../src/json.ts";
import { verifyRange } from "../src/rangeproof.ts";
import { Transcript } from "../src/transcript.ts";
import { headerJson } from "./fixture.ts";
import { commit, prove, randomScalar } from "./prover.ts";

test("entry bundles", () => {
  const e = concat(...Array.from({ length: 256 }, (_, i) => concat(u16(i), new Uint8Array(i))));
  assert.deepEqual(parseEntries(e, "e").map((x) => x.length), Array.from({ length: 256 }, (_, i) => i));
  assert.throws(() => parseEntries(e.subarray(0, -1), "e"), /ends inside entry 255/);
  assert.throws(() => parseEntries(concat(e, text("x")), "e"), /1 bytes are left over/);
});

// A proof of N = 8192 takes this prover most of a minute: SLOW=1 asks for it.
test("a bundle with its range proof", { skip: process.env.SLOW !== "1" }, () => {
  const h = parseHeader(jsonBytes(headerJson(0, new Uint8Array(32))), "h");
  const order = ["mid", "acc", "sec", "few"];
  const slots = [100, 100, 50, 5];
  const slot = order.flatMap((n, k) => Array.from({ length: slots[k] }, () => h.sheets.get(n)!));
  const bits: bigint[][] = [];
  const weights: bigint[][] = [];
  const gammas: bigint[] = [];
  const sums = new Map(order.map((n) => [n, ZERO]));
  const leaves = slot.map((s, i) => {
    const w = s.fields.flatMap((f) => Array.from({ length: f.width }, (_, k) => 1n << BigInt(f.offset + k)));
    const b = w.map((_, k): bigint => (i % 9 === 0 && k === i % w.length ? 1n : 0n));
    bits.push(b);
    weights.push(w);
    gammas.push(randomScalar());
    const C = commit(b.reduce((x, y, k) => x + y * w[k], 0n), gammas[i]);
    sums.set(s.name, sums.get(s.name)!.add(C));
    return concat(Uint8Array.of(1), C.toBytes(), new Uint8Array(32).fill(i));
  });
  const notes = new Uint8Array(32).fill(7);
  const after = concat(...order.map((n) => sums.get(n)!.toBytes()));
  const t = new Transcript("vitrine/bundle/v1");
  t.absorb("header", h.hash);
  t.absorb("index", u64(256));
  t.absorb("tick", u32(1));
  t.absorb("bundle", u16(0));
  t.absorb("notes", notes);
  t.absorb("before", new Uint8Array(32 * 4));
  t.absorb("leaves", concat(...leaves));
  t.absorb("after", after);
  const proof = prove(t, 32, 256, bits, weights, gammas);
  assert.equal(proof.length, 1120);
  const trailer = concat(Uint8Array.of(2), h.hash, u32(1), u16(0), notes, after, proof);
  const at = { index: 256, tick: 1, bundle: 0 };
  verifyRange(checkBundle([...leaves, trailer], h, at, new Map(), notes, "bundle"));
  // another second half of a leaf, and another index
  leaves[5][64] ^= 1;
  assert.throws(() => verifyRange(checkBundle([...leaves, trailer], h, at, new Map(), notes, "bundle")), /does not hold/);
  leaves[5][64] ^= 1;
  assert.throws(() => verifyRange(checkBundle([...leaves, trailer], h, { ...at, index: 512 }, new Map(), notes, "bundle")), /does not hold/);
});
