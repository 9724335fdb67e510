// A published ledger: report.md section 1, and steps 1 to 3 of section 4.

import { randomInt } from "node:crypto";
import type { Bytes } from "./bytes.ts";
import { equal, fromHex, sha256, toHex } from "./bytes.ts";
import { BUNDLE, FILLER, NO_NOTES, checkBundle, checkClosedBundle, checkHeaderBundle, headerEntry, nextNotes, parseEntries } from "./bundle.ts";
import type { Place, Sums } from "./bundle.ts";
import type { Point } from "./group.ts";
import type { Cell, Header } from "./header.ts";
import { bundleSheets, cellId, checkNext, continues, nextHeaderAt, parseHeader, watchOf } from "./header.ts";
import { asList, asNumber, asString, fields, parseJson } from "./json.ts";
import { hashTiles, leafHash, nodeHash, tileIndex, treeHash } from "./merkle.ts";
import { checkCheckpoint, parseCheckpoint } from "./note.ts";
import { Batch } from "./rangeproof.ts";
import { must, refuse } from "./refuse.ts";
import type { Store } from "./store.ts";

export const CLASSES = ["public", "restricted"] as const;
export type Class = (typeof CLASSES)[number];

export interface Notice {
  bundle: number;
  digest: string;
  kind: string;
}

const KINDS = ["header", "report", "tally", "statement", "petition", "key"];
/** Kinds whose documents are published by digest. */
const WITH_DOCUMENT = ["statement", "petition", "key"];

/** Which of the bundles' range proofs are checked. */
export type Which = "all" | "sampled" | "none";

export interface Options {
  proofs: Which;
  progress: (line: string) => void;
  /** Whether every cell of a period is in a report (for `after-embargo`). */
  reported: (c: Cell) => boolean;
}

/** Where bundle N stands: in a header's bundle, or in a tick. */
export type Where = { header: number; tick: 0 } | { header: number; tick: number; bundle: number; place: Place };

export class Ledger {
  readonly class: Class;
  readonly path: string;
  readonly store: Store;
  headers: Header[] = []; // those in the log
  headerAt: number[] = []; // index of each one's first entry
  later = 0; // headers that are published but not in the log yet
  size = 0;
  notices: Notice[] = [];
  /** Root and time of the tree at each tick's end. */
  roots = new Map<number, Bytes>();
  times = new Map<number, number>();
  /** The time of the newest checkpoint. */
  newestTime = 0;
  /** The value of each complete cell. */
  cells = new Map<string, { point: Point; bytes: Bytes }>();
  /** Periods of which the entries are not public. */
  hidden: number[] = [];
  leaves: Bytes[] = []; // the hash of each entry
  proofs = 0;
  proofsChecked = 0;
  bundles = 0;
  remarks: string[] = [];

  constructor(store: Store, cls: Class) {
    this.store = store;
    this.class = cls;
    this.path = `ledger/${cls}`;
  }

  get origin(): string {
    return this.headers[0].origin;
  }

  /** The newest header in the tree of this size. */
  newestHeader(size: number): number {
    let k = this.headers.length - 1;
    while (k > 0 && this.headerAt[k] >= size) k--;
    return k;
  }

  locate(n: number): Where {
    const k = this.newestHeader(n * BUNDLE + 1);
    const h = this.headers[k];
    const rel = n - this.headerAt[k] / BUNDLE;
    if (rel === 0) return { header: k, tick: 0 };
    const tick = Math.floor((rel - 1) / h.bundles) + 1;
    const bundle = (rel - 1) % h.bundles;
    return { header: k, tick, bundle, place: { index: n * BUNDLE, tick, bundle } };
  }

  /** The end of tick t of header k. */
  tickEnd(k: number, t: number): number {
    return this.headerAt[k] + BUNDLE * (1 + t * this.headers[k].bundles);
  }

  /** The sizes at which a checkpoint stands, up to the log's. */
  tickEnds(): number[] {
    const out = [BUNDLE];
    this.headers.forEach((h, k) => {
      for (let t = 1; t <= h.ticks && this.tickEnd(k, t) <= this.size; t++) out.push(this.tickEnd(k, t));
    });
    return out;
  }

  /** Header and tick that end at a size. */
  endsAt(size: number): { header: number; tick: number } | undefined {
    if (size === BUNDLE) return { header: 0, tick: 0 };
    if (size < BUNDLE || size % BUNDLE !== 0) return undefined;
    const w = this.locate(size / BUNDLE - 1);
    if (w.tick === 0 || w.tick > this.headers[w.header].ticks) return undefined;
    return this.tickEnd(w.header, w.tick) === size ? { header: w.header, tick: w.tick } : undefined;
  }

  complete(c: Cell, size: number): boolean {
    const h = this.headers[c.period];
    return h !== undefined && nextHeaderAt(h, this.headerAt[c.period]) <= size;
  }

  private published(tick: { header: number; tick: number }): number {
    const h = this.headers[tick.header];
    return tick.tick === 0 ? h.from : h.from + h.lag + tick.tick * h.delta;
  }

  /** Step 1 without the tree: headers, and the checkpoints' signatures. */
  open(): void {
    const { store, path } = this;
    const newest = parseCheckpoint(store.read(`${path}/checkpoint`), `${path}/checkpoint`);
    this.size = newest.size;
    must(this.size >= BUNDLE && this.size % BUNDLE === 0, `${path}/checkpoint`, `size ${this.size} is not that of a tick's end`);

    // headers
    const all: Header[] = [];
    const header = (k: number): Header => {
      const file = `${path}/headers/${k}.json`;
      const h = parseHeader(store.read(file), file);
      must(h.class === this.class, file, `class is not ${this.class}`);
      checkNext(all, h, file);
      all.push(h);
      return h;
    };
    for (let k = 0, at = 0; at < this.size; k++) {
      const h = header(k);
      this.headers.push(h);
      this.headerAt.push(at);
      at = nextHeaderAt(h, at);
    }
    while (store.hasFile(`${path}/headers/${all.length}.json`)) header(all.length);
    this.later = all.length - this.headers.length;
    must(this.endsAt(this.size) !== undefined, `${path}/checkpoint`, `size ${this.size} is not that of a tick's end`);

    // checkpoints
    const ends = this.tickEnds();
    const kept = store.list(`${path}/checkpoints`);
    for (const name of kept) {
      must(/^[1-9][0-9]{0,15}$/.test(name), `${path}/checkpoints/${name}`, "is not named by a size");
      must(this.endsAt(Number(name)) !== undefined && Number(name) <= this.size, `${path}/checkpoints/${name}`, "is not at a tick's end of the log");
    }
    for (const size of ends) {
      const file = `${path}/checkpoints/${size}`;
      const cp = parseCheckpoint(store.read(file), file);
      must(cp.size === size, file, `is a checkpoint of size ${cp.size}`);
      const time = checkCheckpoint(cp, watchOf(this.headers[this.newestHeader(size)]), file);
      this.roots.set(size, cp.root);
      this.times.set(size, time ?? this.published(this.endsAt(size)!));
      if (size === BUNDLE && time !== undefined) must(time < this.headers[0].from, file, "header 0 was not published before its period");
    }
    const time = checkCheckpoint(newest, watchOf(this.headers[this.newestHeader(this.size)]), `${path}/checkpoint`);
    must(equal(newest.root, this.roots.get(this.size)!), `${path}/checkpoint`, "has another root than the kept checkpoint of its size");
    this.newestTime = time ?? this.times.get(this.size)!;

    this.readNotices();
  }

  private readNotices(): void {
    const file = `${this.path}/notices.json`;
    const list = asList(parseJson(this.store.read(file), file), file);
    let last = 0;
    list.forEach((v, i) => {
      const where = `${file} notice ${i}`;
      const o = fields(v, where, ["bundle", "digest", "kind"]);
      const n: Notice = { bundle: asNumber(o.bundle, where), digest: asString(o.digest, where), kind: asString(o.kind, where) };
      fromHex(n.digest, where, 32);
      must(KINDS.includes(n.kind), where, `unknown kind ${n.kind}`);
      must(n.bundle >= last, where, "bundles do not ascend");
      last = n.bundle;
      must(n.bundle < this.size / BUNDLE, where, "is in no bundle of the log");
      const w = this.locate(n.bundle);
      must(w.tick > 0 && "bundle" in w && w.bundle === 0, where, "is not in bundle 0 of a tick");
      this.notices.push(n);
    });
    for (const n of this.notices) {
      if (!WITH_DOCUMENT.includes(n.kind)) continue;
      const doc = `${this.path}/documents/${n.digest}`;
      must(toHex(sha256(this.store.read(doc))) === n.digest, doc, "is not the document of its digest");
    }
  }

  /** The size of the tree when the notice was published. */
  noticeSize(n: Notice): number {
    const w = this.locate(n.bundle);
    return this.tickEnd(w.header, w.tick);
  }

  private entriesArePublic(k: number, reported: (c: Cell) => boolean): boolean {
    const h = this.headers[k];
    if (h.publication === "live") return true;
    if (h.publication === "auditor") return false;
    return [...h.sheets.keys()].every((sheet) => reported({ period: k, sheet }));
  }

  /** The tree, and steps 2 and 3. */
  audit(o: Options): void {
    const { store, path } = this;
    const total = this.size / BUNDLE;
    const open = this.headers.map((_, k) => this.entriesArePublic(k, o.reported));
    this.headers.forEach((_, k) => {
      if (!open[k]) this.hidden.push(k);
    });

    // which range proofs are checked
    const withLeaves: number[] = [];
    for (let n = 0; n < total; n++) {
      const w = this.locate(n);
      if (w.tick > 0 && open[w.header]) withLeaves.push(n);
    }
    const count = o.proofs === "all" ? withLeaves.length : o.proofs === "none" ? 0 : Math.max(4, Math.ceil(withLeaves.length / 8));
    const chosen = sample(withLeaves, count);
    this.proofs = withLeaves.length;
    const batch = new Batch(64, (done) => o.progress(`${path}: ${done} of ${chosen.size} range proofs`));

    const digests = new Map<number, Bytes[]>();
    for (const n of this.notices) {
      const d = digests.get(n.bundle) ?? [];
      d.push(fromHex(n.digest, path));
      digests.set(n.bundle, d);
    }
    let notes: Bytes = NO_NOTES;
    let sums: Sums = new Map();
    const frontier: Frontier = [];
    for (let n = 0; n < total; n++) {
      const w = this.locate(n);
      const h = this.headers[w.header];
      const where = `${path} bundle ${n}`;
      const file = `${path}/tile/entries/${tileIndex(n)}`;
      for (const d of digests.get(n) ?? []) notes = nextNotes(notes, d);
      let hashes: Bytes[];
      if (open[w.header]) {
        const entries = parseEntries(store.read(file), file);
        hashes = entries.map(leafHash);
        if (w.tick === 0) {
          sums = new Map();
          checkHeaderBundle(entries, h, where);
        } else if ("place" in w) {
          const st = checkBundle(entries, h, w.place, sums, notes, where);
          if (chosen.has(n)) batch.add(st);
          if (w.tick === h.ticks) this.keepCells(w.header, w.bundle, sums);
        }
      } else {
        must(!store.hasFile(file), file, `the entries of a period are published although its header says ${h.publication}`);
        hashes = this.tile(n);
        if (w.tick === 0) {
          must(equal(hashes[0], leafHash(headerEntry(h.hash))), where, `the first entry is not that of header ${h.number}`);
          const filler = leafHash(FILLER);
          must(hashes.slice(1).every((x) => equal(x, filler)), where, "an entry of a header's bundle is not the byte 0x00");
          sums = new Map();
        } else if ("place" in w) {
          const tfile = `${path}/trailers/${tileIndex(n)}`;
          const trailer = store.read(tfile);
          must(equal(leafHash(trailer), hashes[255]), tfile, "is not the last entry of its bundle");
          checkClosedBundle(trailer, h, w.place, sums, notes, where);
          if (w.tick === h.ticks) this.keepCells(w.header, w.bundle, sums);
        }
      }
      this.grow(n, hashes, frontier);
      this.bundles++;
      if (this.bundles % 200 === 0) o.progress(`${path}: ${this.bundles} of ${total} bundles`);
    }
    batch.flush();
    this.proofsChecked = batch.checked;

    for (const t of hashTiles(this.leaves)) {
      const file = `${path}/tile/${t.path}`;
      must(equal(store.read(file), t.bytes), file, "is not that hash tile of the tree");
    }

    this.announced();
    this.petitions();
    const known = new Set(this.headers.map((h) => toHex(h.hash)));
    for (const n of this.notices) {
      if (n.kind === "header" && !known.has(n.digest) && this.later === 0) this.remarks.push(`${path}: a notice names a header that is not in the log: ${n.digest}`);
    }
  }

  /** The hashes of a bundle's entries, off its hash tile. */
  private tile(n: number): Bytes[] {
    const tile = `${this.path}/tile/0/${tileIndex(n)}`;
    const b = this.store.read(tile);
    must(b.length === 32 * BUNDLE, tile, "is not a full hash tile");
    return Array.from({ length: BUNDLE }, (_, i) => b.slice(32 * i, 32 * i + 32));
  }

  /** The tree with bundle n; its root, where a checkpoint stands. */
  private grow(n: number, hashes: Bytes[], frontier: Frontier): void {
    this.leaves.push(...hashes);
    let top = { size: 1, hash: treeHash(hashes) };
    while (frontier.length > 0 && frontier[frontier.length - 1].size === top.size) {
      top = { size: 2 * top.size, hash: nodeHash(frontier.pop()!.hash, top.hash) };
    }
    frontier.push(top);
    const root = this.roots.get((n + 1) * BUNDLE);
    if (root === undefined) return;
    let r = frontier[frontier.length - 1].hash;
    for (let i = frontier.length - 2; i >= 0; i--) r = nodeHash(frontier[i].hash, r);
    must(equal(r, root), `${this.path}/checkpoints/${(n + 1) * BUNDLE}`, "is not the checkpoint of the tree at its size");
  }

  /** The tree alone, off the hash tiles. */
  tree(): void {
    if (this.leaves.length > 0) return;
    const frontier: Frontier = [];
    for (let n = 0; n < this.size / BUNDLE; n++) this.grow(n, this.tile(n), frontier);
  }

  private keepCells(k: number, b: number, sums: Sums): void {
    // a sheet's value is its P in the last bundle that has slots of it; a later one overwrites an earlier one
    for (const s of bundleSheets(this.headers[k], b).sheets) this.cells.set(cellId({ period: k, sheet: s.name }), sums.get(s.name)!);
  }

  /** Step 3: each header was announced before its period, or continues the one before. */
  private announced(): void {
    for (let k = 1; k < this.headers.length; k++) {
      const h = this.headers[k];
      const digest = toHex(h.hash);
      const early = this.notices.some((n) => n.kind === "header" && n.digest === digest && this.times.get(this.noticeSize(n))! < h.from);
      if (early || continues(this.headers[k - 1], h)) continue;
      refuse(`${this.path}/headers/${k}.json`, "was not announced before its period, and does not continue the header before");
    }
  }

  /** Each opening's petition is a notice. */
  private petitions(): void {
    for (const h of this.headers) {
      for (const o of h.openings) {
        const ok = this.notices.some((n) => n.kind === "petition" && n.digest === o.petition);
        must(ok, `${this.path}/headers/${h.number}.json`, `the petition of opening ${o.name} is not a notice`);
      }
    }
  }
}

type Frontier = { size: number; hash: Bytes }[];

function sample(from: number[], count: number): Set<number> {
  if (count >= from.length) return new Set(from);
  const pool = from.slice();
  const out = new Set<number>();
  while (out.size < count && pool.length > 0) out.add(pool.splice(randomInt(pool.length), 1)[0]);
  return out;
}
