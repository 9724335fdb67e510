// The range proof of ledger.md section 3: the verifier, for one proof and for
// many at once.

import { randomBytes } from "node:crypto";
import type { Bytes } from "./bytes.ts";
import { sha256, text, toHex, u32 } from "./bytes.ts";
import type { Point } from "./group.ts";
import { B, G, L, MAX_N, U, encoded, generators, invert, invertAll, isIdentity, littleEndian, mod, msm, point, scalar } from "./group.ts";
import { Refusal, classed, must } from "./refuse.ts";
import type { Transcript } from "./transcript.ts";

/** What a proof is about. The transcript has absorbed the statement. */
export interface RangeStatement {
  where: string;
  transcript: Transcript;
  n: number; // bits a value
  m: number; // values
  values: Point[]; // up to m; the rest are the identity
  weights: bigint[][]; // for each value, up to n weights; the rest are zero
  proof: Bytes;
  /** The class of failure, for published directories. */
  cls?: string;
}

function isPowerOfTwo(x: number): boolean {
  return Number.isInteger(x) && x > 0 && 2 ** Math.round(Math.log2(x)) === x;
}

export function proofLength(n: number, m: number): number {
  return 288 + 64 * Math.log2(n * m);
}

/** A proof's points and scalars, and the challenges that its transcript gives. */
interface Parsed {
  st: RangeStatement;
  N: number;
  A: Point;
  S: Point;
  T1: Point;
  T2: Point;
  t: bigint;
  tau: bigint;
  mu: bigint;
  Ls: Point[];
  Rs: Point[];
  a: bigint;
  b: bigint;
  y: bigint;
  z: bigint;
  x: bigint;
  w: bigint;
  us: bigint[];
}

function parse(st: RangeStatement): Parsed {
  const { where, n, m, proof } = st;
  const N = n * m;
  must(isPowerOfTwo(n) && isPowerOfTwo(m) && n <= 64 && N <= MAX_N, where, "n and m are not powers of two with n <= 64 and n·m <= 8192");
  must(st.values.length <= m && st.weights.length === st.values.length, where, "more values than m");
  const k = Math.log2(N);
  must(proof.length === proofLength(n, m), where, `range proof of ${proof.length} bytes instead of ${proofLength(n, m)}`, "length");
  let o = 0;
  const next = () => proof.subarray(o, (o += 32));
  const tr = st.transcript;
  const absorbPoint = (label: string): Point => {
    const b = next();
    const p = point(b, `${where}: range proof, ${label}`);
    must(!isIdentity(p), where, `range proof: ${label} is the identity`, "identity");
    tr.absorb(label, b);
    return p;
  };
  const absorbScalar = (label: string): bigint => {
    const b = next();
    const s = scalar(b, `${where}: range proof, ${label}`);
    tr.absorb(label, b);
    return s;
  };
  const challenge = (label: string): bigint => {
    try {
      return tr.challenge(label);
    } catch (e) {
      if (e instanceof Refusal) throw new Refusal(where, `range proof: challenge ${label} is zero`);
      throw e;
    }
  };
  const A = absorbPoint("A");
  const S = absorbPoint("S");
  const y = challenge("y");
  must(y !== 1n, where, "range proof: y = 1");
  const z = challenge("z");
  const T1 = absorbPoint("T1");
  const T2 = absorbPoint("T2");
  const x = challenge("x");
  const t = absorbScalar("t");
  const tau = absorbScalar("tau");
  const mu = absorbScalar("mu");
  const w = challenge("w");
  const Ls: Point[] = [];
  const Rs: Point[] = [];
  const us: bigint[] = [];
  for (let i = 0; i < k; i++) {
    Ls.push(absorbPoint("L"));
    Rs.push(absorbPoint("R"));
    us.push(challenge("u"));
  }
  const a = scalar(next(), `${where}: range proof, a`);
  const b = scalar(next(), `${where}: range proof, b`);
  return { st, N, A, S, T1, T2, t, tau, mu, Ls, Rs, a, b, y, z, x, w, us };
}

/** Coefficients of the generators that all proofs share, and the other points. */
class Sum {
  g = 0n; // of G
  b = 0n; // of B
  u = 0n; // of U
  readonly gi: bigint[];
  readonly hi: bigint[];
  readonly points: Point[] = [];
  readonly scalars: bigint[] = [];
  constructor(size: number) {
    this.gi = new Array(size).fill(0n);
    this.hi = new Array(size).fill(0n);
  }
  put(p: Point, k: bigint): void {
    this.points.push(p);
    this.scalars.push(mod(k));
  }
  isZero(): boolean {
    const gens = generators(this.gi.length);
    const n = this.gi.length;
    const points = [...this.points, G, B, U];
    const scalars = [...this.scalars, mod(this.g), mod(this.b), mod(this.u)];
    for (let i = 0; i < n; i++) {
      points.push(gens.g[i], gens.h[i]);
      scalars.push(mod(this.gi[i]), mod(this.hi[i]));
    }
    return isIdentity(msm(points, scalars));
  }
}

/** Adds e times equation (1) and f times equation (2), each as left − right. */
function addEquations(sum: Sum, p: Parsed, e: bigint, f: bigint): void {
  const { st, N, y, z, x, w, us, a, b } = p;
  const n = st.n;

  // powers of y, of y^-1, and of z
  const yInv = invert(y);
  const yi: bigint[] = new Array(N); // y^(-i)
  let sumY = 0n;
  let py = 1n;
  let pyInv = 1n;
  for (let i = 0; i < N; i++) {
    sumY += py;
    yi[i] = pyInv;
    py = (py * y) % L;
    pyInv = (pyInv * yInv) % L;
  }
  const zj: bigint[] = new Array(st.m); // z^(2+j)
  let pz = (z * z) % L;
  for (let j = 0; j < st.m; j++) {
    zj[j] = pz;
    pz = (pz * z) % L;
  }

  // (1)  t·G + τ·B − Σ z^(2+j)·V_j − δ·G − x·T1 − x²·T2 = 0
  let weighted = 0n;
  for (let j = 0; j < st.values.length; j++) {
    let s = 0n;
    for (const wt of st.weights[j]) s += wt;
    weighted += ((zj[j] * z) % L) * mod(s);
    sum.put(st.values[j], -e * zj[j]);
  }
  const delta = mod((z - z * z) * mod(sumY) - weighted);
  sum.g += e * mod(p.t - delta);
  sum.b += e * p.tau;
  sum.put(p.T1, -e * x);
  sum.put(p.T2, -e * mod(x * x));

  // (2)  A + x·S − μ·B + Σ (−z − a·s_i)·G_i
  //      + Σ (z + y^-i·(z^(2+j)·w − b·s_i^-1))·H_i + (t − a·b)·w·U
  //      + Σ (u²·L + u^-2·R) = 0
  sum.put(p.A, f);
  sum.put(p.S, f * x);
  sum.b -= f * p.mu;
  sum.u += f * mod((p.t - a * b) * w);
  const usInv = us.length === 0 ? [] : invertAll(us);
  for (let k = 0; k < us.length; k++) {
    sum.put(p.Ls[k], f * mod(us[k] * us[k]));
    sum.put(p.Rs[k], f * mod(usInv[k] * usInv[k]));
  }
  // s_i: bit log2(N)−1−k of i says whether u_k or its inverse is a factor
  const s: bigint[] = new Array(N);
  let s0 = 1n;
  for (const v of usInv) s0 = (s0 * v) % L;
  s[0] = s0;
  for (let k = us.length - 1, half = 1; k >= 0; k--, half *= 2) {
    const sq = (us[k] * us[k]) % L;
    for (let i = 0; i < half; i++) s[half + i] = (s[i] * sq) % L;
  }
  // the inverse of s_i is s of the complement of i
  const fz = (f * z) % L;
  const fa = (f * a) % L;
  for (let i = 0; i < N; i++) {
    const j = Math.floor(i / n);
    const wt = j < st.values.length ? (st.weights[j][i - j * n] ?? 0n) : 0n;
    sum.gi[i] -= fz + fa * s[i];
    const inner = (wt === 0n ? 0n : zj[j] * wt) - b * s[N - 1 - i];
    sum.hi[i] += fz + f * ((yi[i] * (inner % L)) % L);
  }
}

/** 128 bits and never zero. */
function factor(): bigint {
  for (;;) {
    const v = littleEndian(randomBytes(16));
    if (v !== 0n) return v;
  }
}

function holds(proofs: Parsed[]): boolean {
  let size = 0;
  for (const p of proofs) size = Math.max(size, p.N);
  const sum = new Sum(size);
  for (const p of proofs) {
    addEquations(sum, p, factor(), factor());
    for (let i = 0; i < p.N; i++) {
      sum.gi[i] %= L;
      sum.hi[i] %= L;
    }
  }
  return sum.isZero();
}

function findWrong(proofs: Parsed[]): Parsed {
  if (proofs.length === 1) return proofs[0];
  const half = proofs.length >>> 1;
  const low = proofs.slice(0, half);
  return holds(low) ? findWrong(proofs.slice(half)) : findWrong(low);
}

/** All that a proof's holding depends on: the statement, with its points and weights, and the proof. */
function idOf(st: RangeStatement): string {
  const parts = [st.transcript.state(), u32(st.n), u32(st.m), u32(st.values.length), u32(st.proof.length), st.proof];
  for (const v of st.values) parts.push(encoded(v));
  parts.push(text(JSON.stringify(st.weights, (_, x) => (typeof x === "bigint" ? String(x) : x))));
  return toHex(sha256(...parts));
}

/** Collects proofs; each is parsed at once, the equations are added up later. */
export class Batch {
  private waiting: { p: Parsed; id: string }[] = [];
  private readonly limit: number;
  private readonly progress?: (done: number) => void;
  private readonly known?: Set<string>;
  checked = 0;
  /** known: of the proofs that held, hashes of statement and proof; such a proof is not checked again. */
  constructor(limit = 64, progress?: (done: number) => void, known?: Set<string>) {
    this.limit = limit;
    this.progress = progress;
    this.known = known;
  }
  add(st: RangeStatement): void {
    const id = this.known === undefined ? "" : idOf(st);
    if (this.known?.has(id)) {
      this.checked++;
      return;
    }
    this.waiting.push({ p: st.cls === undefined ? parse(st) : classed(st.cls, () => parse(st)), id });
    if (this.waiting.length >= this.limit) this.flush();
  }
  flush(): void {
    const w = this.waiting;
    this.waiting = [];
    if (w.length === 0) return;
    const all = w.map((x) => x.p);
    if (!holds(all)) {
      const { st } = findWrong(all);
      const r = new Refusal(st.where, "range proof does not hold", "equation");
      r.cls = st.cls;
      throw r;
    }
    for (const { id } of w) this.known?.add(id);
    this.checked += w.length;
    this.progress?.(this.checked);
  }
}

/** One proof alone. */
export function verifyRange(st: RangeStatement): void {
  const b = new Batch(1);
  b.add(st);
  b.flush();
}

/** The weights for [0, max] of report.md section 3. */
export function rangeWeights(max: bigint): bigint[] {
  const out: bigint[] = [];
  let sum = 0n;
  for (let w = 1n; sum + w <= max; w *= 2n) {
    out.push(w);
    sum += w;
  }
  if (max - sum !== 0n) out.push(max - sum);
  return out;
}

