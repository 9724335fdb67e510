// Trees and proofs of RFC 6962, and the paths of tlog-tiles.

import type { Bytes } from "./bytes.ts";
import { concat, equal, sha256 } from "./bytes.ts";
import { must } from "./refuse.ts";

const ZERO = Uint8Array.of(0);
const ONE = Uint8Array.of(1);

export function leafHash(entry: Bytes): Bytes {
  return sha256(ZERO, entry);
}

export function nodeHash(l: Bytes, r: Bytes): Bytes {
  return sha256(ONE, l, r);
}

/** The hash of a tree over these hashes, each of a full subtree of one size. */
export function treeHash(hashes: Bytes[]): Bytes {
  if (hashes.length === 0) return sha256();
  // a stack of full subtrees, largest first
  const stack: { size: number; hash: Bytes }[] = [];
  for (const h of hashes) {
    let top = { size: 1, hash: h };
    while (stack.length > 0 && stack[stack.length - 1].size === top.size) {
      const l = stack.pop()!;
      top = { size: 2 * top.size, hash: nodeHash(l.hash, top.hash) };
    }
    stack.push(top);
  }
  let r = stack.pop()!.hash;
  while (stack.length > 0) r = nodeHash(stack.pop()!.hash, r);
  return r;
}

/** RFC 6962 section 2.1.1, as in RFC 9162 section 2.1.3.2. */
export function verifyInclusion(leaf: Bytes, index: number, size: number, proof: Bytes[], root: Bytes, where: string): void {
  must(index < size, where, "index is not in the tree");
  let fn = BigInt(index);
  let sn = BigInt(size - 1);
  let r = leaf;
  for (const p of proof) {
    must(sn !== 0n, where, "inclusion proof is too long");
    if ((fn & 1n) === 1n || fn === sn) {
      r = nodeHash(p, r);
      if ((fn & 1n) === 0n) {
        do {
          fn >>= 1n;
          sn >>= 1n;
        } while ((fn & 1n) === 0n && fn !== 0n);
      }
    } else {
      r = nodeHash(r, p);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  must(sn === 0n, where, "inclusion proof is too short");
  must(equal(r, root), where, "inclusion proof does not lead to the root");
}

/** RFC 9162 section 2.1.4.2. */
export function verifyConsistency(first: number, second: number, firstRoot: Bytes, secondRoot: Bytes, proof: Bytes[], where: string): void {
  must(first > 0 && first <= second, where, "sizes of a consistency proof");
  if (first === second) {
    must(proof.length === 0 && equal(firstRoot, secondRoot), where, "trees of one size differ");
    return;
  }
  const p = proof.slice();
  must(p.length > 0, where, "consistency proof is empty");
  if (Number.isInteger(Math.log2(first)) && 2 ** Math.log2(first) === first) p.unshift(firstRoot);
  let fn = BigInt(first - 1);
  let sn = BigInt(second - 1);
  while ((fn & 1n) === 1n) {
    fn >>= 1n;
    sn >>= 1n;
  }
  let fr = p[0];
  let sr = p[0];
  for (const c of p.slice(1)) {
    must(sn !== 0n, where, "consistency proof is too long");
    if ((fn & 1n) === 1n || fn === sn) {
      fr = nodeHash(c, fr);
      sr = nodeHash(c, sr);
      if ((fn & 1n) === 0n) {
        do {
          fn >>= 1n;
          sn >>= 1n;
        } while ((fn & 1n) === 0n && fn !== 0n);
      }
    } else {
      sr = nodeHash(sr, c);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  must(sn === 0n, where, "consistency proof is too short");
  must(equal(fr, firstRoot) && equal(sr, secondRoot), where, "consistency proof does not hold");
}

/** 1234067 → x001/x234/067 */
export function tileIndex(n: number): string {
  let s = String(n % 1000).padStart(3, "0");
  for (let r = Math.floor(n / 1000); r > 0; r = Math.floor(r / 1000)) {
    s = `x${String(r % 1000).padStart(3, "0")}/${s}`;
  }
  return s;
}

/** All full and partial hash tiles of a tree of this size: path below tile/, and bytes. */
export function* hashTiles(leaves: Bytes[]): Iterable<{ path: string; bytes: Bytes }> {
  let row = leaves;
  for (let level = 0; row.length > 0; level++) {
    for (let i = 0; i * 256 < row.length; i++) {
      const part = row.slice(i * 256, i * 256 + 256);
      const suffix = part.length === 256 ? "" : `.p/${part.length}`;
      yield { path: `${level}/${tileIndex(i)}${suffix}`, bytes: concat(...part) };
    }
    const up: Bytes[] = [];
    for (let i = 0; i + 256 <= row.length; i += 256) up.push(treeHash(row.slice(i, i + 256)));
    row = up;
  }
}
