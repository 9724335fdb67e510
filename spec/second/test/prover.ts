// A small prover, for the tests alone: nothing here is constant-time.

import { randomBytes } from "node:crypto";
import type { Bytes } from "../src/bytes.ts";
import { concat } from "../src/bytes.ts";
import type { Point } from "../src/group.ts";
import { B, G, L, U, generators, invert, littleEndian, mod, msm, scalarBytes, times } from "../src/group.ts";
import type { Transcript } from "../src/transcript.ts";

export function randomScalar(): bigint {
  return littleEndian(randomBytes(64)) % L;
}

export function commit(v: bigint, r: bigint): Point {
  return times(G, v).add(times(B, r));
}

function dot(a: bigint[], b: bigint[]): bigint {
  let s = 0n;
  for (let i = 0; i < a.length; i++) s += a[i] * b[i];
  return mod(s);
}

/** bits[j][t] need not be bits: a test may try to cheat. */
export function prove(tr: Transcript, n: number, m: number, bits: bigint[][], weights: bigint[][], gammas: bigint[]): Bytes {
  const N = n * m;
  const { g: gAll, h: hAll } = generators(N);
  const g = gAll.slice(0, N);
  const h = hAll.slice(0, N);
  const aL: bigint[] = [];
  const wt: bigint[] = [];
  for (let j = 0; j < m; j++) {
    for (let t = 0; t < n; t++) {
      aL.push(bits[j]?.[t] ?? 0n);
      wt.push(weights[j]?.[t] ?? 0n);
    }
  }
  const aR = aL.map((b) => mod(b - 1n));
  const rnd = () => Array.from({ length: N }, randomScalar);
  const [alpha, rho, tau1, tau2] = [randomScalar(), randomScalar(), randomScalar(), randomScalar()];
  const sL = rnd();
  const sR = rnd();
  const out: Bytes[] = [];
  const sendPoint = (label: string, p: Point) => {
    const b = p.toBytes();
    out.push(b);
    tr.absorb(label, b);
  };
  const sendScalar = (label: string, s: bigint) => {
    const b = scalarBytes(s);
    out.push(b);
    tr.absorb(label, b);
  };
  sendPoint("A", msm([B, ...g, ...h], [alpha, ...aL, ...aR]));
  sendPoint("S", msm([B, ...g, ...h], [rho, ...sL, ...sR]));
  const y = tr.challenge("y");
  const z = tr.challenge("z");
  const l0 = aL.map((v) => mod(v - z));
  const r0: bigint[] = [];
  const r1: bigint[] = [];
  let yp = 1n;
  const zj: bigint[] = [];
  let zp = mod(z * z);
  for (let j = 0; j < m; j++) {
    zj.push(zp);
    for (let t = 0; t < n; t++) {
      const i = j * n + t;
      r0.push(mod(yp * (aR[i] + z) + zp * wt[i]));
      r1.push(mod(yp * sR[i]));
      yp = mod(yp * y);
    }
    zp = mod(zp * z);
  }
  const t1 = mod(dot(l0, r1) + dot(sL, r0));
  const t2 = dot(sL, r1);
  sendPoint("T1", commit(t1, tau1));
  sendPoint("T2", commit(t2, tau2));
  const x = tr.challenge("x");
  let l = l0.map((v, i) => mod(v + sL[i] * x));
  let r = r0.map((v, i) => mod(v + r1[i] * x));
  let tau = mod(tau2 * x * x + tau1 * x);
  for (let j = 0; j < m; j++) tau = mod(tau + zj[j] * (gammas[j] ?? 0n));
  sendScalar("t", dot(l, r));
  sendScalar("tau", tau);
  sendScalar("mu", mod(alpha + rho * x));
  const Q = times(U, tr.challenge("w"));
  const yInv = invert(y);
  let gs = g;
  let yq = 1n;
  let hs = h.map((p) => {
    const q = times(p, yq);
    yq = mod(yq * yInv);
    return q;
  });
  while (l.length > 1) {
    const half = l.length / 2;
    const [ll, lh, rl, rh] = [l.slice(0, half), l.slice(half), r.slice(0, half), r.slice(half)];
    const [gl, gh, hl, hh] = [gs.slice(0, half), gs.slice(half), hs.slice(0, half), hs.slice(half)];
    sendPoint("L", msm([...gh, ...hl, Q], [...ll, ...rh, dot(ll, rh)]));
    sendPoint("R", msm([...gl, ...hh, Q], [...lh, ...rl, dot(lh, rl)]));
    const u = tr.challenge("u");
    const ui = invert(u);
    l = ll.map((v, i) => mod(u * v + ui * lh[i]));
    r = rl.map((v, i) => mod(ui * v + u * rh[i]));
    gs = gl.map((p, i) => times(p, ui).add(times(gh[i], u)));
    hs = hl.map((p, i) => times(p, u).add(times(hh[i], ui)));
  }
  out.push(scalarBytes(l[0]), scalarBytes(r[0]));
  return concat(...out);
}
