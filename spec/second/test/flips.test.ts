// Random bits of a good directory are flipped, one at a time, in any of its
// files: each such directory has to be refused. Half of the flips are drawn
// over all bytes, half by file, so that small files get theirs.
//
//     FLIPS=4096 SEED=anything BASE=good node --test dist/test/flips.test.js

import assert from "node:assert/strict";
import { test } from "node:test";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { audit } from "../src/audit.ts";
import { sha256, text, toHex } from "../src/bytes.ts";
import { Refusal } from "../src/refuse.ts";
import { MemoryStore, load } from "../src/store.ts";

const FLIPS = Number(process.env.FLIPS ?? 200);
const SEED = process.env.SEED ?? toHex(new Uint8Array(randomBytes(8)));
const BASE = process.env.BASE ?? "tiny";
const dir = join(dirname(fileURLToPath(import.meta.url)), "../../../vectors/report", BASE);

/** Numbers below n, all from the seed. */
function numbers(seed: string): (n: number) => number {
  let k = 0;
  return (n) => Number(BigInt("0x" + toHex(sha256(text(`${seed} ${k++}`)))) % BigInt(n));
}

test(`${FLIPS} flipped bits of ${BASE}, seed ${SEED}`, (t) => {
  const files = load(dir);
  const known = new Set<string>();
  audit(new MemoryStore(files), "all", () => {}, known);
  const names = [...files.keys()].sort();
  const total = names.reduce((x, n) => x + files.get(n)!.length, 0);
  const below = numbers(SEED);
  const classes = new Map<string, number>();
  const missed: string[] = [];
  for (let i = 0; i < FLIPS; i++) {
    let name: string;
    let at: number;
    if (i % 2 === 0) {
      at = below(total);
      let k = 0;
      while (at >= files.get(names[k])!.length) at -= files.get(names[k++])!.length;
      name = names[k];
    } else {
      name = names[below(names.length)];
      at = below(files.get(name)!.length);
    }
    const bit = below(8);
    const bytes = files.get(name)!.slice();
    bytes[at] ^= 1 << bit;
    try {
      audit(new MemoryStore(new Map(files).set(name, bytes)), "all", () => {}, known);
      missed.push(`${name} byte ${at} bit ${bit}`);
    } catch (e) {
      if (!(e instanceof Refusal)) throw new Error(`${name} byte ${at} bit ${bit}: ${String(e)}`, { cause: e });
      const c = e.cls ?? "unclassed";
      classes.set(c, (classes.get(c) ?? 0) + 1);
    }
  }
  t.diagnostic(`seed ${SEED}: ${[...classes].sort().map(([c, n]) => `${n} ${c}`).join(", ")}`);
  assert.deepEqual(missed, [], `seed ${SEED}`);
});
