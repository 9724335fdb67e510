// Entry bundles, leaves and trailers: ledger.md sections 5 to 7.

import type { Bytes } from "./bytes.ts";
import { Reader, concat, equal, sha256, u16, u32, u64 } from "./bytes.ts";
import type { Point } from "./group.ts";
import { ZERO, point } from "./group.ts";
import type { Header, Sheet } from "./header.ts";
import { bundleSheets, leafWeights } from "./header.ts";
import type { RangeStatement } from "./rangeproof.ts";
import { proofLength } from "./rangeproof.ts";
import { classed, must } from "./refuse.ts";
import { Transcript } from "./transcript.ts";

export const BUNDLE = 256;
export const BITS = 32;
export const NO_NOTES = new Uint8Array(32);

/** The 256 entries of a full entry bundle of tlog-tiles. */
export function parseEntries(b: Bytes, where: string): Bytes[] {
  const r = new Reader(b, where);
  const out: Bytes[] = [];
  for (let i = 0; i < BUNDLE; i++) out.push(r.take(r.u16(`entry ${i}`), `entry ${i}`));
  r.end();
  return out;
}

export function headerEntry(hash: Bytes): Bytes {
  return concat(Uint8Array.of(3), hash);
}

export const FILLER = Uint8Array.of(0);

export function checkHeaderBundle(entries: Bytes[], h: Header, where: string): void {
  must(equal(entries[0], headerEntry(h.hash)), where, `the first entry is not that of header ${h.number}`);
  for (let i = 1; i < BUNDLE; i++) must(equal(entries[i], FILLER), where, `entry ${i} of a header's bundle is not the byte 0x00`);
}

/** The running P of each sheet of a period. */
export type Sums = Map<string, { point: Point; bytes: Bytes }>;

export interface Place {
  index: number; // of the bundle's first entry
  tick: number;
  bundle: number; // b
}

/** A trailer that stands where the grid says and says what notes has to be; the P of each sheet. */
export function parseTrailer(b: Bytes, h: Header, at: Place, notes: Bytes, where: string): { sums: Bytes[]; proof: Bytes } {
  const r = new Reader(b, `${where} trailer`);
  const sheets = bundleSheets(h, at.bundle).sheets;
  const length = 1 + 32 + 4 + 2 + 32 + 32 * sheets.length + proofLength(BITS, BUNDLE);
  classed("trailer", () => {
    must(b[0] === 2, where, "the trailer does not begin with 0x02");
    must(b.length === length, where, `the trailer has ${b.length} bytes instead of ${length}`);
  });
  r.take(1, "type");
  classed("place", () => {
    must(equal(r.take(32, "header"), h.hash), where, "the trailer names another header");
    const tick = r.u32("tick");
    must(tick === at.tick, where, `the trailer says tick ${tick} instead of ${at.tick}`);
    const bundle = r.u16("bundle");
    must(bundle === at.bundle, where, `the trailer says bundle ${bundle} instead of ${at.bundle}`);
  });
  classed("notices", () => must(equal(r.take(32, "notes"), notes), where, "the trailer's notes are not those of notices.json"));
  const sums = sheets.map((s) => {
    const p = r.take(32, `P of ${s.name}`);
    classed("sums", () => point(p, `${where} P of ${s.name}`));
    return p;
  });
  const proof = r.take(proofLength(BITS, BUNDLE), "range proof");
  r.end();
  return { sums, proof };
}

/** The trailer of a bundle whose leaves are not public: moves the sums on, and checks none. */
export function checkClosedBundle(trailer: Bytes, h: Header, at: Place, sums: Sums, notes: Bytes, where: string): void {
  const t = parseTrailer(trailer, h, at, notes, where);
  bundleSheets(h, at.bundle).sheets.forEach((s, k) => sums.set(s.name, { point: point(t.sums[k], where), bytes: t.sums[k] }));
}

/**
 * Checks a bundle of leaves but for its range proof, which is returned, and
 * moves the sums on. notes is what the trailer has to say.
 */
export function checkBundle(entries: Bytes[], h: Header, at: Place, sums: Sums, notes: Bytes, where: string): RangeStatement {
  const { sheets, slot } = bundleSheets(h, at.bundle);
  const points: Point[] = [];
  classed("place", () => must(entries[0][0] !== 3, where, "a header stands where the grid has leaves"));
  classed("leaf", () => {
    for (let i = 0; i < 255; i++) {
      const e = entries[i];
      must(e.length === 65, where, `leaf ${i} has ${e.length} bytes instead of 65`);
      must(e[0] === 1, where, `leaf ${i} does not begin with 0x01`);
      points.push(point(e.subarray(1, 33), `${where} leaf ${i}`));
    }
  });

  const before = sheets.map((s) => sums.get(s.name) ?? { point: ZERO, bytes: ZERO.toBytes() });
  const after = before.map((b) => b.point);
  const place = new Map<Sheet, number>(sheets.map((s, k) => [s, k]));
  for (let i = 0; i < 255; i++) {
    const k = place.get(slot[i])!;
    after[k] = after[k].add(points[i]);
  }

  const trailer = parseTrailer(entries[255], h, at, notes, where);
  sheets.forEach((s, k) => {
    mustSum(equal(trailer.sums[k], after[k].toBytes()), where, `P of ${s.name} is not the sum of its leaves`);
    sums.set(s.name, { point: after[k], bytes: trailer.sums[k] });
  });
  const { proof, sums: afterBytes } = trailer;

  const transcript = bundleTranscript(h.hash, at, notes, before.map((x) => x.bytes), entries.slice(0, 255), afterBytes);
  const weights = new Map<Sheet, bigint[]>(sheets.map((s) => [s, leafWeights(s)]));
  return { where, transcript, n: BITS, m: BUNDLE, values: points, weights: slot.map((s) => weights.get(s)!), proof };
}

function mustSum(ok: boolean, where: string, what: string): void {
  classed("sums", () => must(ok, where, what));
}

export function bundleTranscript(headerHash: Bytes, at: Place, notes: Bytes, before: Bytes[], leaves: Bytes[], after: Bytes[]): Transcript {
  const t = new Transcript("vitrine/bundle/v1");
  t.absorb("header", headerHash);
  t.absorb("index", u64(at.index));
  t.absorb("tick", u32(at.tick));
  t.absorb("bundle", u16(at.bundle));
  t.absorb("notes", notes);
  t.absorb("before", concat(...before));
  t.absorb("leaves", concat(...leaves));
  t.absorb("after", concat(...after));
  return t;
}

export function nextNotes(notes: Bytes, digest: Bytes): Bytes {
  return sha256(notes, digest);
}
