import assert from "node:assert/strict";
import { test } from "node:test";
import type { Point } from "../src/group.ts";
import { ZERO } from "../src/group.ts";
import { Batch, proofLength, rangeWeights, verifyRange } from "../src/rangeproof.ts";
import type { RangeStatement } from "../src/rangeproof.ts";
import { Transcript } from "../src/transcript.ts";
import { text } from "../src/bytes.ts";
import { commit, prove, randomScalar } from "./prover.ts";

function tr(s = "statement"): Transcript {
  const t = new Transcript("test");
  t.absorb("statement", text(s));
  return t;
}

function example(n: number, m: number, bits: bigint[][], weights: bigint[][], values?: bigint[]): RangeStatement {
  const gammas = bits.map(() => randomScalar());
  const vs = values ?? bits.map((b, j) => b.reduce((s, x, t) => s + x * (weights[j][t] ?? 0n), 0n));
  const V: Point[] = vs.map((v, j) => commit(v, gammas[j]));
  return { where: "proof", transcript: tr(), n, m, values: V, weights, proof: prove(tr(), n, m, bits, weights, gammas) };
}

const again = (st: RangeStatement, change: Partial<RangeStatement> = {}): RangeStatement => ({ ...st, transcript: tr(), ...change });

test("proofs hold", () => {
  verifyRange(example(1, 1, [[1n]], [[5n]]));
  verifyRange(example(4, 1, [[1n, 0n, 1n, 1n]], [[1n, 2n, 4n, 8n]]));
  verifyRange(example(4, 4, [[1n, 0n, 1n, 1n], [0n, 0n, 0n, 0n], [1n, 1n]], [[1n, 2n, 4n, 8n], [1n, 2n, 4n, 242n], [1n << 59n, 1n << 248n]]));
});

test("a value outside does not", () => {
  const w = [[1n, 2n, 4n, 8n]];
  assert.throws(() => verifyRange(example(4, 1, [[1n, 0n, 1n, 1n]], w, [29n])), /does not hold/);
  assert.throws(() => verifyRange(example(4, 1, [[2n, 0n, 0n, 0n]], w)), /does not hold/);
  assert.throws(() => verifyRange(example(4, 1, [[-1n, 0n, 0n, 0n]], w)), /does not hold/);
  assert.throws(() => verifyRange(example(4, 1, [[0n, 0n, 0n, 0n]], w, [-1n])), /does not hold/);
});

test("every byte counts", () => {
  const st = example(4, 2, [[1n, 0n, 1n, 1n], [0n, 1n, 0n, 0n]], [[1n, 2n, 4n, 8n], [1n, 2n, 4n, 8n]]);
  assert.equal(st.proof.length, proofLength(4, 2));
  for (let i = 0; i < st.proof.length; i += 7) {
    const p = st.proof.slice();
    p[i] ^= 1;
    assert.throws(() => verifyRange(again(st, { proof: p })), /does not hold|not canonical|not the canonical/);
  }
  assert.throws(() => verifyRange(again(st, { proof: st.proof.subarray(0, -32) })), /bytes instead of/);
  const id = st.proof.slice();
  id.fill(0, 0, 32);
  assert.throws(() => verifyRange(again(st, { proof: id })), /A is the identity/);
});

test("statement, values, weights and shape count", () => {
  const st = example(4, 2, [[1n, 0n, 1n, 1n], [0n, 1n, 0n, 0n]], [[1n, 2n, 4n, 8n], [1n, 2n, 4n, 8n]]);
  verifyRange(again(st));
  assert.throws(() => verifyRange({ ...st, transcript: tr("other") }), /does not hold/);
  assert.throws(() => verifyRange(again(st, { values: [st.values[1], st.values[0]] })), /does not hold/);
  assert.throws(() => verifyRange(again(st, { values: [st.values[0], ZERO] })), /does not hold/);
  assert.throws(() => verifyRange(again(st, { weights: [st.weights[0], [1n, 2n, 4n, 9n]] })), /does not hold/);
  assert.throws(() => verifyRange(again(st, { n: 2, m: 4 })), /does not hold/);
  assert.throws(() => verifyRange(again(st, { n: 3, m: 2 })), /powers of two/);
});

test("a batch finds the wrong one, and proofs of different sizes share one", () => {
  const good = () => example(2, 2, [[1n, 0n], [1n, 1n]], [[1n, 2n], [1n, 2n]]);
  const b = new Batch(64);
  for (let i = 0; i < 3; i++) b.add(good());
  b.add(example(4, 1, [[1n]], [[1n]]));
  b.flush();
  assert.equal(b.checked, 4);
  for (let i = 0; i < 3; i++) b.add({ ...good(), where: `good ${i}` });
  b.add({ ...example(4, 1, [[1n]], [[1n]], [2n]), where: "bad" });
  b.add(good());
  assert.throws(() => b.flush(), /^Refusal: bad: range proof does not hold/);
});

test("weights for [0, M]", () => {
  assert.deepEqual(rangeWeights(249n), [1n, 2n, 4n, 8n, 16n, 32n, 64n, 122n]);
  assert.deepEqual(rangeWeights(0n), []);
  assert.deepEqual(rangeWeights(1n), [1n]);
  assert.deepEqual(rangeWeights(2n), [1n, 1n]);
  assert.deepEqual(rangeWeights(7n), [1n, 2n, 4n]);
  assert.equal(rangeWeights((1n << 59n) - 1n).length, 59);
});
