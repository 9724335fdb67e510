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
import type { Checkpoint } from "./note.ts";
import { checkCheckpoint, onlyKnownKeys, parseCheckpoint } from "./note.ts";
import type { Batch } from "./rangeproof.ts";
import { classed, must, refuse } from "./refuse.ts";
import { describeStatement } from "./tally.ts";
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
  /** Takes the range proofs that are checked; the caller flushes it at last. */
  batch: Batch;
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
  later: Header[] = []; // headers that are published but not in the log yet
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
    const atEnd = (ok: boolean): void => classed("checkpoint", () => must(ok, `${path}/checkpoint`, `size ${this.size} is not that of a tick's end`));
    const newestBytes = classed("checkpoint", () => store.read(`${path}/checkpoint`));
    const newest = classed("witnesses", () => parseCheckpoint(newestBytes, `${path}/checkpoint`));
    this.size = newest.size;
    atEnd(this.size >= BUNDLE && this.size % BUNDLE === 0);

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
    classed("header", () => {
      for (let k = 0, at = 0; at < this.size; k++) {
        const h = header(k);
        this.headers.push(h);
        this.headerAt.push(at);
        at = nextHeaderAt(h, at);
      }
      while (store.has(`${path}/headers/${all.length}.json`)) header(all.length);
    });
    this.later = all.slice(this.headers.length);
    atEnd(this.endsAt(this.size) !== undefined);

    // checkpoints
    const ends = this.tickEnds();
    const signed = (cp: Checkpoint, size: number, file: string): number | undefined =>
      classed("witnesses", () => {
        const w = watchOf(this.headers[this.newestHeader(size)]);
        const time = checkCheckpoint(cp, w, file);
        onlyKnownKeys(cp, w, file);
        return time;
      });
    classed("checkpoint", () => {
      // no rule needs any other; one of a larger size may show that the log was longer once
      const needed = new Set(ends.map(String));
      for (const name of store.list(`${path}/checkpoints`)) {
        if (needed.has(name)) continue;
        const larger = /^[1-9][0-9]{0,15}$/.test(name) && Number(name) > this.size;
        this.remarks.push(`${path}/checkpoints/${name} is ${larger ? "of a size that the newest checkpoint does not reach: the copy was made during a publication, or the log was longer once" : "not that of a tick's end of the log"}`);
      }
      for (const size of ends) {
        const file = `${path}/checkpoints/${size}`;
        const bytes = store.read(file);
        const cp = classed("witnesses", () => parseCheckpoint(bytes, file));
        must(cp.size === size, file, `is a checkpoint of size ${cp.size}`);
        const time = signed(cp, size, file);
        this.roots.set(size, cp.root);
        this.times.set(size, time ?? this.published(this.endsAt(size)!));
        if (size === BUNDLE && time !== undefined) classed("announced", () => must(time < this.headers[0].from, file, "header 0 was not published before its period"));
      }
      const time = signed(newest, this.size, `${path}/checkpoint`);
      must(equal(newest.root, this.roots.get(this.size)!), `${path}/checkpoint`, "has another root than the kept checkpoint of its size");
      this.newestTime = time ?? this.times.get(this.size)!;
    });

    classed("notices", () => this.readNotices());
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
      this.notices.push(n);
      if (n.bundle >= this.size / BUNDLE) return; // refused when the bundles are known
      const w = this.locate(n.bundle);
      must(w.tick > 0 && "bundle" in w && w.bundle === 0, where, "is not in bundle 0 of a tick");
    });
  }

  private documents(): void {
    for (const n of this.notices) {
      if (!WITH_DOCUMENT.includes(n.kind)) continue;
      const doc = `${this.path}/documents/${n.digest}`;
      const bytes = this.store.read(doc);
      must(toHex(sha256(bytes)) === n.digest, doc, "is not the document of its digest");
      if (n.kind !== "statement") continue;
      must(bytes.length >= 1 && bytes.length <= 65536, doc, "is a statement of other than 1 to 65,536 bytes");
      this.remarks.push(describeStatement(bytes, doc, this));
    }
  }

  /** Whether the checkpoint of a size has a time of witnesses. */
  watched(size: number): boolean {
    return this.headers[this.newestHeader(size)].quorum > 0;
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
        const entries = classed("bundle", () => parseEntries(store.read(file), file));
        hashes = entries.map(leafHash);
        if (w.tick === 0) {
          sums = new Map();
          classed("place", () => checkHeaderBundle(entries, h, where));
        } else if ("place" in w) {
          const st = checkBundle(entries, h, w.place, sums, notes, where);
          if (chosen.has(n)) o.batch.add({ ...st, cls: "range-proof" });
          if (w.tick === h.ticks) this.keepCells(w.header, w.bundle, sums);
        }
      } else {
        classed("bundle", () => must(!store.has(file), file, `the entries of a period are published although its header says ${h.publication}`));
        hashes = this.tile(n);
        if (w.tick === 0) {
          classed("place", () => {
            must(equal(hashes[0], leafHash(headerEntry(h.hash))), where, `the first entry is not that of header ${h.number}`);
          });
          const filler = leafHash(FILLER);
          const rest = hashes.slice(1);
          classed("tile", () => must(rest.every((x) => equal(x, filler)), where, "an entry of a header's bundle is not the byte 0x00"));
          sums = new Map();
        } else if ("place" in w) {
          const tfile = `${path}/trailers/${tileIndex(n)}`;
          const trailer = classed("trailer", () => {
            const t = store.read(tfile);
            must(equal(leafHash(t), hashes[255]), tfile, "is not the last entry of its bundle");
            return t;
          });
          checkClosedBundle(trailer, h, w.place, sums, notes, where);
          if (w.tick === h.ticks) this.keepCells(w.header, w.bundle, sums);
        }
      }
      classed("tree", () => this.grow(n, hashes, frontier));
      this.bundles++;
      if (this.bundles % 200 === 0) o.progress(`${path}: ${this.bundles} of ${total} bundles`);
    }
    this.proofsChecked = chosen.size;
    classed("notices", () => this.notices.forEach((n, i) => must(n.bundle < total, `${path}/notices.json notice ${i}`, "is in no bundle of the log")));

    classed("tile", () => {
      if (o.proofs === "sampled") return;
      for (const t of hashTiles(this.leaves)) {
        const file = `${path}/tile/${t.path}`;
        must(equal(store.read(file), t.bytes), file, "is not that hash tile of the tree");
      }
    });
    classed("document", () => this.documents());
    classed("announced", () => this.announced());
    classed("header", () => this.petitions());
    const known = new Set([...this.headers, ...this.later].map((h) => toHex(h.hash)));
    for (const n of this.notices) {
      if (n.kind === "header" && !known.has(n.digest)) this.remarks.push(`${path}: a notice names a header that is not here: ${n.digest}`);
    }
  }

  /** The hashes of a bundle's entries, off its hash tile. */
  private tile(n: number): Bytes[] {
    const tile = `${this.path}/tile/0/${tileIndex(n)}`;
    const b = classed("tile", () => {
      const b = this.store.read(tile);
      must(b.length === 32 * BUNDLE, tile, "is not a full hash tile");
      return b;
    });
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

  /** Step 3: each header was announced before its period, or continues the one before; and none was exchanged. */
  private announced(): void {
    const all = [...this.headers, ...this.later];
    const known = new Set(all.map((h) => toHex(h.hash)));
    // those in the log, and the first that is not
    for (let k = 1; k < all.length && k <= this.headers.length; k++) {
      const h = all[k];
      const file = `${this.path}/headers/${k}.json`;
      const digest = toHex(h.hash);
      const seen = this.notices.filter((n) => n.kind === "header" && this.times.get(this.noticeSize(n))! < h.from);
      const early = seen.some((n) => n.digest === digest);
      if (!early && !continues(all[k - 1], h)) refuse(file, "was not announced before its period, and does not continue the header before");
      const during = seen.filter((n) => this.times.get(this.noticeSize(n))! >= all[k - 1].from);
      const last = during.map((n) => n.digest).lastIndexOf(digest);
      const other = during.slice(last + 1).find((n) => !known.has(n.digest));
      if (other !== undefined) refuse(file, `was exchanged: the header ${other.digest}, announced for this period, never came`);
    }
  }

  /** Each opening's petition is a notice. */
  private petitions(): void {
    for (const h of this.headers) {
      for (const o of h.openings) {
        const ok = this.notices.some((n) => n.kind === "petition" && n.digest === o.petition && n.bundle * BUNDLE < this.headerAt[h.number]);
        must(ok, `${this.path}/headers/${h.number}.json`, `the petition of opening ${o.name} is not a notice before the header`);
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
