// ristretto255 (RFC 9496), scalars, the generators, and multi-scalar
// multiplication. Decoding, encoding and the map come from @noble/curves; the
// sum of many multiples is Pippenger's method on the Edwards points below.

import { ristretto255, ristretto255_hasher } from "@noble/curves/ed25519.js";
import type { Bytes } from "./bytes.ts";
import { concat, sha512, text, u32 } from "./bytes.ts";
import { refuse } from "./refuse.ts";

export type Point = InstanceType<typeof ristretto255.Point>;

export const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const P = 2n ** 255n - 19n;
const D2 = 2n * 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

export const B: Point = ristretto255.Point.BASE;
export const ZERO: Point = ristretto255.Point.ZERO;

// ---- scalars

export function mod(x: bigint, m: bigint = L): bigint {
  const r = x % m;
  return r < 0n ? r + m : r;
}

export function littleEndian(b: Bytes): bigint {
  let s = "";
  for (let i = b.length - 1; i >= 0; i--) s += b[i].toString(16).padStart(2, "0");
  return s === "" ? 0n : BigInt("0x" + s);
}

/** A canonical scalar. */
export function scalar(b: Bytes, where: string): bigint {
  if (b.length !== 32) refuse(where, `scalar of ${b.length} bytes`);
  const v = littleEndian(b);
  if (v >= L) refuse(where, "scalar is not canonical", "scalar");
  return v;
}

export function scalarBytes(x: bigint): Bytes {
  const h = mod(x).toString(16).padStart(64, "0");
  return new Uint8Array(Buffer.from(h, "hex").reverse());
}

/** A 64-byte string as a scalar. */
export function wideScalar(b: Bytes): bigint {
  return littleEndian(b) % L;
}

export function invert(x: bigint, m: bigint = L): bigint {
  let a = mod(x, m);
  if (a === 0n) throw new RangeError("inverse of zero");
  let b = m;
  let u = 1n;
  let v = 0n;
  while (a !== 0n) {
    const q = b / a;
    [b, a] = [a, b - q * a];
    [v, u] = [u, v - q * u];
  }
  return mod(v, m);
}

/** All inverses at the price of one. */
export function invertAll(xs: bigint[], m: bigint = L): bigint[] {
  const pre: bigint[] = new Array(xs.length);
  let acc = 1n;
  for (let i = 0; i < xs.length; i++) {
    pre[i] = acc;
    acc = (acc * xs[i]) % m;
  }
  let inv = invert(acc, m);
  const out: bigint[] = new Array(xs.length);
  for (let i = xs.length - 1; i >= 0; i--) {
    out[i] = (inv * pre[i]) % m;
    inv = (inv * xs[i]) % m;
  }
  return out;
}

// ---- points

/** Points that were decoded, by their encoding, and the other way round: many are read again and again. */
const decoded = new Map<string, Point>();
const MOST_DECODED = 50_000;
const encodings = new WeakMap<Point, Bytes>();

/** A canonical point; the identity is one. */
export function point(b: Bytes, where: string): Point {
  if (b.length !== 32) refuse(where, `point of ${b.length} bytes`);
  const id = Buffer.from(b.buffer, b.byteOffset, 32).toString("latin1");
  const known = decoded.get(id);
  if (known !== undefined) return known;
  let p: Point;
  try {
    p = ristretto255.Point.fromBytes(b);
  } catch {
    return refuse(where, "not the canonical encoding of a point", "point");
  }
  encodings.set(p, b.slice());
  if (decoded.size < MOST_DECODED) decoded.set(id, p);
  return p;
}

/** The encoding of a point. */
export function encoded(p: Point): Bytes {
  let b = encodings.get(p);
  if (b === undefined) {
    b = p.toBytes();
    encodings.set(p, b);
  }
  return b;
}

export function isIdentity(p: Point): boolean {
  return p.equals(ZERO);
}

/** Element derivation of RFC 9496 section 4.3.4 on SHA-512(x). */
export function map(x: Bytes): Point {
  return ristretto255_hasher.deriveToCurve!(sha512(x)) as Point;
}

/** k times p, for any k; not constant-time, for public numbers alone. */
export function times(p: Point, k: bigint): Point {
  const e = mod(k);
  return e === 0n ? ZERO : p.multiplyUnsafe(e);
}

export const G: Point = map(text("vitrine/v1/G"));
export const U: Point = map(text("vitrine/v1/U"));

export const MAX_N = 8192;

const vectors: { g: Point[]; h: Point[] } = { g: [], h: [] };

/** G_i and H_i for 0 <= i < n, derived once. */
export function generators(n: number): { g: Point[]; h: Point[] } {
  if (n > MAX_N) throw new RangeError("too many generators");
  for (let i = vectors.g.length; i < n; i++) {
    vectors.g.push(map(concat(text("vitrine/v1/bp/G"), u32(i))));
    vectors.h.push(map(concat(text("vitrine/v1/bp/H"), u32(i))));
  }
  return vectors;
}

// ---- multi-scalar multiplication

interface Edwards {
  X: bigint;
  Y: bigint;
  Z: bigint;
  T: bigint;
}

/** A point with Z = 1: y + x, y - x, 2dxy. */
interface Affine {
  p: bigint;
  m: bigint;
  t: bigint;
}

const affineCache = new WeakMap<Point, Affine>();

function toAffine(points: Point[]): Affine[] {
  const todo: Point[] = [];
  for (const p of points) if (!affineCache.has(p)) todo.push(p);
  if (todo.length > 0) {
    const eds = todo.map((p) => (p as unknown as { ep: Edwards }).ep);
    const inv = invertAll(eds.map((e) => e.Z), P);
    eds.forEach((e, i) => {
      const x = (e.X * inv[i]) % P;
      const y = (e.Y * inv[i]) % P;
      affineCache.set(todo[i], { p: (y + x) % P, m: mod(y - x, P), t: (((x * y) % P) * D2) % P });
    });
  }
  return points.map((p) => affineCache.get(p)!);
}

const IDENTITY: Edwards = { X: 0n, Y: 1n, Z: 1n, T: 0n };

function addAffine(a: Edwards, b: Affine, negate: boolean): Edwards {
  const A = ((a.Y - a.X) * (negate ? b.p : b.m)) % P;
  const C0 = (a.T * b.t) % P;
  const Bb = ((a.Y + a.X) * (negate ? b.m : b.p)) % P;
  const C = negate ? -C0 : C0;
  const D = a.Z + a.Z;
  const E = Bb - A;
  const F = D - C;
  const Gg = D + C;
  const H = Bb + A;
  return { X: (E * F) % P, Y: (Gg * H) % P, Z: (F * Gg) % P, T: (E * H) % P };
}

function add(a: Edwards, b: Edwards): Edwards {
  const A = ((a.Y - a.X) * (b.Y - b.X)) % P;
  const Bb = ((a.Y + a.X) * (b.Y + b.X)) % P;
  const C = (((a.T * D2) % P) * b.T) % P;
  const D = (2n * a.Z * b.Z) % P;
  const E = Bb - A;
  const F = D - C;
  const Gg = D + C;
  const H = Bb + A;
  return { X: (E * F) % P, Y: (Gg * H) % P, Z: (F * Gg) % P, T: (E * H) % P };
}

function double(a: Edwards): Edwards {
  return add(a, a);
}

/** A digit in [-2^(c-1), 2^(c-1)] for each window of c bits, lowest first. */
function digits(k: bigint, c: number, windows: number): Int32Array {
  const out = new Int32Array(windows);
  const hex = k.toString(16).padStart(64, "0");
  const words = new Uint32Array(9);
  for (let i = 0; i < 8; i++) words[i] = parseInt(hex.slice(56 - 8 * i, 64 - 8 * i), 16);
  const mask = 2 ** c - 1;
  let carry = 0;
  for (let w = 0; w < windows; w++) {
    const bit = w * c;
    const i = bit >>> 5;
    const s = bit & 31;
    let v = i < 8 ? words[i] >>> s : 0;
    if (s + c > 32 && i + 1 < 8) v |= words[i + 1] << (32 - s);
    v = (v & mask) + carry;
    if (v > mask >>> 1) {
      out[w] = v - mask - 1;
      carry = 1;
    } else {
      out[w] = v;
      carry = 0;
    }
  }
  return out;
}

/** The sum of all scalars[i]·points[i]; not constant-time. */
export function msm(points: Point[], scalars: bigint[]): Point {
  if (points.length !== scalars.length) throw new RangeError("msm");
  if (points.length === 0) return ZERO;
  const n = points.length;
  let c = 2;
  let best = Infinity;
  for (let w = 2; w <= 16; w++) {
    // an addition of an affine point a number, two of bucket sums a bucket
    const cost = Math.ceil(254 / w) * (n * 7 + 2 * 2 ** (w - 1) * 9 + w * 9);
    if (cost < best) {
      best = cost;
      c = w;
    }
  }
  const windows = Math.ceil(254 / c) + 1;
  const aff = toAffine(points);
  const dig = scalars.map((k) => digits(mod(k), c, windows));
  let sum: Edwards = IDENTITY;
  for (let w = windows - 1; w >= 0; w--) {
    if (w !== windows - 1) for (let i = 0; i < c; i++) sum = double(sum);
    const buckets: (Edwards | undefined)[] = new Array(2 ** (c - 1) + 1);
    for (let i = 0; i < n; i++) {
      const d = dig[i][w];
      if (d === 0) continue;
      const k = d < 0 ? -d : d;
      buckets[k] = addAffine(buckets[k] ?? IDENTITY, aff[i], d < 0);
    }
    let running: Edwards | undefined;
    let total: Edwards | undefined;
    for (let k = buckets.length - 1; k > 0; k--) {
      const b = buckets[k];
      if (b !== undefined) running = running === undefined ? b : add(running, b);
      if (running !== undefined) total = total === undefined ? running : add(total, running);
    }
    if (total !== undefined) sum = add(sum, total);
  }
  return fromEdwards(sum);
}

const EdwardsPoint = (B as unknown as { ep: { constructor: new (X: bigint, Y: bigint, Z: bigint, T: bigint) => never } }).ep.constructor;

function fromEdwards(e: Edwards): Point {
  return new ristretto255.Point(new EdwardsPoint(mod(e.X, P), mod(e.Y, P), mod(e.Z, P), mod(e.T, P)));
}
