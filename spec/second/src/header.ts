// Sheets, periods and headers: ledger.md section 4.

import type { Bytes } from "./bytes.ts";
import { sha256, toHex } from "./bytes.ts";
import type { Json, JsonObject } from "./json.ts";
import { asList, asNumber, asString, fields, parseJson, writeJson } from "./json.ts";
import type { Key, Watch } from "./note.ts";
import { ALG_COSIGNATURE, ALG_ED25519, isKeyName, parseKey } from "./note.ts";
import { inPart, must, refuse } from "./refuse.ts";

export type Rule = { kind: "exact" } | { kind: "small"; k: number } | { kind: "band"; w: number } | { kind: "hidden" };

export interface Field {
  name: string;
  width: number;
  rule: Rule;
  written: string;
  offset: number;
}

export interface Sheet {
  name: string;
  fields: Field[];
  deferred?: number;
  joins?: string;
  /** Names, widths and rules: equal texts, equal layouts and rules. */
  shape: string;
  /** Names and widths alone. */
  layout: string;
}

export interface Cell {
  period: number;
  sheet: string;
}

export interface Table {
  name: string;
  cells: Cell[];
  due: number;
  notBefore: number;
}

/** Cells of earlier periods that are told exactly. */
export interface OpeningOfCells extends Table {
  petition: string;
}

export interface Header {
  bytes: Bytes;
  hash: Bytes;
  json: JsonObject;
  audit: { randomness: string; sample: number };
  class: "public" | "restricted";
  delta: number;
  due: number;
  from: number;
  lag: number;
  ticks: number;
  to: number;
  grid: { sheet: string; slots: number }[];
  bundles: number; // c: bundles a tick
  keys: { log: Key; promise: Key[]; report: Key };
  number: number;
  origin: string;
  previous: Bytes;
  publication: "live" | "auditor" | "after-embargo";
  sheets: Map<string, Sheet>;
  slots: Map<string, number>;
  tables: Table[];
  openings: OpeningOfCells[];
  witnesses: { key: Key; organisation: string }[];
  quorum: number;
}

/** Leaves that may be added up: 2^27. */
const MAX_LEAVES = 2 ** 27;
const DAY = 86400;
/** A period and its lag have at most this many seconds. */
const YEAR = 366 * DAY;
/** Bounds of a header, and of all headers of a ledger. */
const MAX_HEADER = 1_048_576;
const MAX_HEADERS = 1_024;
const MAX_ALL_HEADERS = 33_554_432;
const MAX_WAITING = 8_192;
export const CARRY = 27;

export function watchOf(h: Header): Watch {
  return { log: h.keys.log, origin: h.origin, witnesses: h.witnesses, quorum: h.quorum };
}

function mustIn(part: string, ok: boolean, where: string, what: string): void {
  inPart(part, () => must(ok, where, what));
}

function parseRule(s: string, where: string): Rule {
  if (s === "exact") return { kind: "exact" };
  if (s === "hidden") return { kind: "hidden" };
  const m = /^(small|band):([1-9][0-9]{0,8})$/.exec(s);
  if (m === null) return refuse(where, "unknown rule");
  const x = Number(m[2]);
  if (m[1] === "small") {
    must(x >= 2 && x < 2 ** 16, where, "small:K needs 2 <= K < 65536");
    return { kind: "small", k: x };
  }
  must(x >= 1 && x < MAX_LEAVES, where, "band:W needs 1 <= W < 134217728");
  return { kind: "band", w: x };
}

function parseSheet(v: Json, where: string): Sheet {
  const o = fields(v, where, ["fields", "name"], ["deferred", "joins"]);
  const name = asString(o.name, `${where} name`);
  must(/^[a-z0-9\-/]{1,64}$/.test(name), where, "bad name of a sheet");
  const list = asList(o.fields, `${where} fields`);
  must(list.length >= 1 && list.length <= 8, where, "a sheet has 1 to 8 fields");
  const out: Field[] = [];
  let total = 0;
  let offset = 0;
  for (const f of list) {
    const fo = fields(f, `${where} fields`, ["name", "rule", "width"]);
    const fname = asString(fo.name, `${where} fields`);
    must(/^[a-z0-9\-/_]{1,64}$/.test(fname), where, "bad name of a field");
    must(fname !== "dummy", where, "a field cannot be called dummy");
    must(!out.some((x) => x.name === fname), where, `field ${fname} stands twice`);
    const width = asNumber(fo.width, `${where} ${fname} width`);
    must(width >= 1 && width <= 32, where, `width of ${fname} is not 1 to 32`);
    const written = asString(fo.rule, `${where} ${fname} rule`);
    out.push({ name: fname, width, rule: parseRule(written, `${where} ${fname} rule`), written, offset });
    offset += width + CARRY;
    total += width;
  }
  must(total <= 32, where, "widths add up to more than 32");
  if (out.some((f) => f.rule.kind === "band")) {
    must(out.every((f) => f.rule.kind === "band" || f.rule.kind === "hidden"), where, "a sheet with a band has a field that is neither band nor hidden");
  }
  const sheet: Sheet = { name, fields: out, shape: writeJson(list), layout: out.map((f) => `${f.name} ${f.width}`).join(",") };
  must(("deferred" in o) === ("joins" in o), where, "deferred and joins stand both or none");
  if ("deferred" in o) {
    sheet.deferred = asNumber(o.deferred, `${where} deferred`);
    sheet.joins = asString(o.joins, `${where} joins`);
    must(sheet.deferred > 0, where, "deferred is zero");
  }
  return sheet;
}

/** A header by itself: everything but what earlier headers decide. */
export function parseHeader(bytes: Bytes, where: string): Header {
  must(bytes.length <= MAX_HEADER, where, "a header has at most 1,048,576 bytes");
  const json = fields(
    parseJson(bytes, where),
    where,
    ["audit", "class", "delta", "due", "from", "grid", "keys", "lag", "number", "origin", "previous", "publication", "sheets", "suite", "tables", "ticks", "to", "witnesses"],
    ["structure", "openings"],
  );
  const num = (k: string) => asNumber(json[k], `${where} ${k}`);
  const str = (k: string) => asString(json[k], `${where} ${k}`);

  mustIn("names", str("suite") === "v1", where, "suite is not v1");
  const auditObj = fields(json.audit, `${where} audit`, ["randomness", "sample"]);
  const audit = { randomness: asString(auditObj.randomness, `${where} audit`), sample: asNumber(auditObj.sample, `${where} audit`) };
  const cls = str("class");
  mustIn("names", cls === "public" || cls === "restricted", where, "class is neither public nor restricted");
  const publication = str("publication");
  mustIn(
    "names",
    cls === "public" ? publication === "live" : publication === "live" || publication === "auditor" || publication === "after-embargo",
    where,
    `publication ${publication} does not go with class ${cls}`,
  );
  if ("structure" in json) str("structure");

  // the period
  const [delta, due, from, lag, ticks, to] = [num("delta"), num("due"), num("from"), num("lag"), num("ticks"), num("to")];
  mustIn("time", [delta, due, from, lag, ticks, to].every((x) => x <= 2 ** 40), where, "a time or a number of ticks is above 2^40");
  mustIn("time", from < to, where, "the period is empty");
  mustIn("time", ticks >= 1, where, "the period has no tick");
  mustIn("time", BigInt(delta) * BigInt(ticks) === BigInt(to - from), where, "delta is not (to - from)/ticks");
  mustIn("time", lag + delta < to - from || ticks === 1, where, "lag + delta is not less than the period");
  mustIn("time", to - from <= YEAR, where, "the period is longer than 366 days");
  mustIn("time", lag <= YEAR, where, "lag is more than 366 days");
  mustIn("time", due >= lag + 2 * delta, where, "due is less than lag + 2·delta");
  mustIn("time", due <= lag + 10 * delta + 3 * DAY, where, "due is more than lag + 10·delta + 72 hours");
  mustIn("time", due <= 1100 * DAY, where, "due is more than 1,100 days");

  // numbers and names
  const number = num("number");
  const origin = str("origin");
  mustIn("names", isKeyName(origin), where, "origin is not the name of a key");
  const previousHex = str("previous");
  must(/^[0-9a-f]{64}$/.test(previousHex), where, "previous is not a hash in hexadecimal");
  const previous = new Uint8Array(Buffer.from(previousHex, "hex"));
  if (number === 0) mustIn("names", /^0+$/.test(previousHex), where, "previous of header 0 is not zero");
  else mustIn("names", !/^0+$/.test(previousHex), where, "previous is zero");

  // sheets
  const sheets = new Map<string, Sheet>();
  inPart("sheets", () => {
    let last = "";
    const count = asList(json.sheets, `${where} sheets`).length;
    must(count >= 1 && count <= 256, where, "it has not 1 to 256 sheets");
    asList(json.sheets, `${where} sheets`).forEach((v, i) => {
      const s = parseSheet(v, `${where} sheets[${i}]`);
      must(i === 0 || last < s.name, where, "names of sheets do not ascend");
      last = s.name;
      sheets.set(s.name, s);
    });
  });

  inPart("tables", () => {
    for (const s of sheets.values()) {
      if (s.joins === undefined) continue;
      const j = sheets.get(s.joins);
      if (j === undefined) return refuse(where, `sheet ${s.name} joins a sheet that is not there`);
      must(j.deferred === undefined, where, `sheet ${s.name} joins a sheet that is itself deferred`);
      must(j.shape === s.shape, where, `sheet ${s.name} joins a sheet of another layout or other rules`);
    }
  });

  // grid
  const grid: { sheet: string; slots: number }[] = [];
  const slots = new Map<string, number>();
  let sum = 0;
  inPart("grid", () => {
    for (const v of asList(json.grid, `${where} grid`)) {
      const o = fields(v, `${where} grid`, ["sheet", "slots"]);
      const g = { sheet: asString(o.sheet, `${where} grid`), slots: asNumber(o.slots, `${where} grid`) };
      must(sheets.has(g.sheet), where, `grid names the unknown sheet ${g.sheet}`);
      must(!slots.has(g.sheet), where, `sheet ${g.sheet} stands twice in the grid`);
      must(g.slots >= 1, where, `sheet ${g.sheet} has no slots`);
      grid.push(g);
      slots.set(g.sheet, g.slots);
      sum += g.slots;
      must(sum <= 255 * 4096, where, "the grid has more than 255·4096 slots");
    }
    must(slots.size === sheets.size, where, "a sheet is not in the grid");
    must(sum > 0 && sum % 255 === 0, where, "the grid's slots are not a multiple of 255");
  });

  const bundles = sum / 255;

  // keys
  const ko = fields(json.keys, `${where} keys`, ["log", "promise", "report"]);
  const promise = asList(ko.promise, `${where} keys promise`).map((v) => inPart("keys", () => parseKey(asString(v, `${where} keys promise`), ALG_ED25519, `${where} keys promise`)));
  mustIn("keys", promise.length >= 1, where, "no promise key");
  mustIn("keys", new Set(promise.map((k) => k.vkey)).size === promise.length, where, "a promise key stands twice");
  const keys = inPart("keys", () => ({
    log: parseKey(asString(ko.log, `${where} keys log`), ALG_ED25519, `${where} keys log`),
    promise,
    report: parseKey(asString(ko.report, `${where} keys report`), ALG_ED25519, `${where} keys report`),
  }));

  mustIn("keys", keys.log.name === origin, where, "the name of the log's key is not the origin");

  // witnesses
  const wo = fields(json.witnesses, `${where} witnesses`, ["keys", "quorum"]);
  const witnesses = asList(wo.keys, `${where} witnesses`).map((v) => {
    const o = fields(v, `${where} witnesses`, ["key", "organisation"]);
    return {
      key: inPart("keys", () => parseKey(asString(o.key, `${where} witnesses`), ALG_COSIGNATURE, `${where} witnesses`)),
      organisation: asString(o.organisation, `${where} witnesses`),
    };
  });
  const quorum = asNumber(wo.quorum, `${where} witnesses quorum`);
  inPart("keys", () => {
    must(quorum <= witnesses.length, where, "quorum is more than there are witnesses");
    must(witnesses.every((w) => w.organisation !== ""), where, "a witness is of no organisation");
    must(new Set(witnesses.map((w) => w.organisation)).size === witnesses.length, where, "an organisation stands twice among the witnesses");
    must(new Set(witnesses.map((w) => toHex(w.key.key))).size === witnesses.length, where, "a key stands twice among the witnesses");
  });

  // tables
  const parseTable = (o: JsonObject, kind: string): Table => {
    const name = asString(o.name, `${where} ${kind}s`);
    must(/^[a-z0-9\-_/]{1,64}$/.test(name), where, `bad name of a ${kind}`);
    const w = `${where} ${kind} ${name}`;
    const cells = asList(o.cells, w).map((c) => {
      const co = fields(c, w, ["period", "sheet"]);
      return { period: asNumber(co.period, w), sheet: asString(co.sheet, w) };
    });
    must(cells.length >= 1, where, `${kind} ${name} has no cells`);
    const t = { name, cells, due: asNumber(o.due, w), notBefore: asNumber(o.not_before, w) };
    must(t.notBefore >= (kind === "table" ? to : from), where, `${kind} ${name} is too early`);
    must(t.notBefore <= to + 1100 * DAY, where, `not_before of ${kind} ${name} is more than 1,100 days after the period`);
    must(t.notBefore <= t.due && t.due <= t.notBefore + 400 * DAY, where, `due of ${kind} ${name} is not within 400 days of not_before`);
    return t;
  };
  const tables: Table[] = [];
  inPart("tables", () => {
    for (const v of asList(json.tables, `${where} tables`)) {
      const t = parseTable(fields(v, `${where} tables`, ["cells", "due", "name", "not_before"]), "table");
      must(tables.length === 0 || tables[tables.length - 1].name < t.name, where, "names of tables do not ascend");
      tables.push(t);
    }
  });

  // openings
  const openings: OpeningOfCells[] = [];
  inPart("tables", () => {
    if ("openings" in json) {
      const opened = new Set<string>();
      for (const v of asList(json.openings, `${where} openings`)) {
        const o = fields(v, `${where} openings`, ["cells", "due", "name", "not_before", "petition"]);
        const t = parseTable(o, "opening");
        must(openings.length === 0 || openings[openings.length - 1].name < t.name, where, "names of openings do not ascend");
        must(!tables.some((x) => x.name === t.name), where, `opening ${t.name} has the name of a table`);
        for (const c of t.cells) {
          must(c.period < number, where, `opening ${t.name} has a cell that is not of an earlier period`);
          must(!opened.has(cellId(c)), where, `cell ${cellId(c)} is opened twice`);
          opened.add(cellId(c));
        }
        const petition = asString(o.petition, `${where} openings`);
        must(/^[0-9a-f]{64}$/.test(petition), where, `petition of opening ${t.name} is not a hash in hexadecimal`);
        openings.push({ ...t, petition });
      }
      must(openings.length >= 1, where, "openings is empty");
    }
  });

  const h: Header = {
    bytes,
    hash: sha256(bytes),
    json,
    audit,
    class: cls as Header["class"],
    delta,
    due,
    from,
    lag,
    ticks,
    to,
    grid,
    bundles,
    keys,
    number,
    origin,
    previous,
    publication: publication as Header["publication"],
    sheets,
    slots,
    tables,
    openings,
    witnesses,
    quorum,
  };
  inPart("tables", () => checkOwnCells(h, where));
  return h;
}

export function cellId(c: Cell): string {
  return `${c.period} ${c.sheet}`;
}

function tableOf(h: Header, c: Cell): Table | undefined {
  return h.tables.find((t) => t.cells.some((x) => x.period === c.period && x.sheet === c.sheet));
}

/** The table of h with its own period's cell of J, that a deferred cell of an earlier period has to join. */
function tableToJoin(h: Header, joins: string, notBefore: number): Table | undefined {
  const t = tableOf(h, { period: h.number, sheet: joins });
  return t !== undefined && t.notBefore >= notBefore ? t : undefined;
}

/** What can be said of tables without the headers before. */
function checkOwnCells(h: Header, where: string): void {
  const seen = new Set<string>();
  for (const t of h.tables) {
    let shape: string | undefined;
    let leaves = 0;
    for (const c of t.cells) {
      const id = cellId(c);
      must(!seen.has(id), where, `cell ${id} stands in two tables`);
      seen.add(id);
      must(c.period <= h.number, where, `table ${t.name} has a cell of a later period`);
      if (c.period !== h.number) continue;
      const s = h.sheets.get(c.sheet);
      if (s === undefined) return refuse(where, `table ${t.name} names the unknown sheet ${c.sheet}`);
      must(shape === undefined || shape === s.shape, where, `table ${t.name} adds up cells of several layouts or rules`);
      shape = s.shape;
      leaves += h.slots.get(c.sheet)! * h.ticks;
    }
    must(leaves <= MAX_LEAVES, where, `table ${t.name} adds up more than 2^27 leaves`);
  }
  for (const s of h.sheets.values()) {
    const own = { period: h.number, sheet: s.name };
    const is = tableOf(h, own);
    if (s.deferred === undefined) {
      must(is !== undefined, where, `cell ${cellId(own)} stands in no table`);
    } else {
      must(is === undefined, where, `deferred cell ${cellId(own)} stands in a table of its own header`);
    }
  }
}

/** Headers 0 … N−1 are checked; checks header N against them. */
export function checkNext(before: Header[], h: Header, where: string): void {
  inPart("chain", () => checkChain(before, h, where));
  if (before.length > 0) inPart("tables", () => checkEarlierCells(before, h, where));
  inPart("tables", () => checkWaiting([...before, h], where));
}

/** The deferred cells whose table no header has yet are not too many. */
function checkWaiting(all: Header[], where: string): void {
  const placed = new Set(all.flatMap((h) => h.tables.flatMap((t) => t.cells.map(cellId))));
  let waiting = 0;
  for (const h of all) {
    for (const s of h.sheets.values()) if (s.deferred !== undefined && !placed.has(cellId({ period: h.number, sheet: s.name }))) waiting++;
  }
  must(waiting <= MAX_WAITING, where, `${waiting} deferred cells wait for a table, more than 8,192`);
}

function checkChain(before: Header[], h: Header, where: string): void {
  must(before.length < MAX_HEADERS, where, "a ledger has at most 1,024 headers");
  const bytes = before.reduce((x, b) => x + b.bytes.length, h.bytes.length);
  must(bytes <= MAX_ALL_HEADERS, where, "a ledger's headers have together at most 33,554,432 bytes");
  must(h.number === before.length, where, `number is ${h.number} instead of ${before.length}`);
  if (before.length === 0) {
    return;
  }
  const prev = before[before.length - 1];
  must(toHex(h.previous) === toHex(prev.hash), where, "previous is not the hash of the header before");
  must(h.from === prev.to, where, "the period does not begin where the one before it ended");
  must(h.class === prev.class, where, "class differs from that of the header before");
  must(h.origin === prev.origin, where, "origin differs from that of the header before");
}

function checkEarlierCells(before: Header[], h: Header, where: string): void {
  // cells of earlier periods
  const placed = new Map<string, number>();
  for (const b of before) for (const t of b.tables) for (const c of t.cells) placed.set(cellId(c), b.number);
  for (const t of h.tables) {
    let shape: string | undefined;
    let leaves = 0;
    for (const c of t.cells) {
      const owner = c.period === h.number ? h : before[c.period];
      const s = owner.sheets.get(c.sheet);
      if (s === undefined) return refuse(where, `table ${t.name} names the unknown cell ${cellId(c)}`);
      must(shape === undefined || shape === s.shape, where, `table ${t.name} adds up cells of several layouts or rules`);
      shape = s.shape;
      leaves += owner.slots.get(c.sheet)! * owner.ticks;
      if (c.period === h.number) continue;
      must(!placed.has(cellId(c)), where, `cell ${cellId(c)} stands in a table of header ${placed.get(cellId(c))} too`);
      must(s.deferred !== undefined, where, `cell ${cellId(c)} is of another period and not deferred`);
      must(tableToJoin(h, s.joins!, owner.to + s.deferred) === t, where, `deferred cell ${cellId(c)} does not belong in table ${t.name}`);
    }
    must(leaves <= MAX_LEAVES, where, `table ${t.name} adds up more than 2^27 leaves`);
  }
  const opened = new Set(before.flatMap((b) => b.openings.flatMap((o) => o.cells.map(cellId))));
  for (const o of h.openings) {
    let layout: string | undefined;
    let leaves = 0;
    for (const c of o.cells) {
      const s = before[c.period].sheets.get(c.sheet);
      if (s === undefined) return refuse(where, `opening ${o.name} names the unknown cell ${cellId(c)}`);
      must(layout === undefined || layout === s.layout, where, `opening ${o.name} adds up cells of several layouts`);
      layout = s.layout;
      leaves += before[c.period].slots.get(c.sheet)! * before[c.period].ticks;
      must(!opened.has(cellId(c)), where, `cell ${cellId(c)} is opened twice`);
    }
    must(leaves <= MAX_LEAVES, where, `opening ${o.name} adds up more than 2^27 leaves`);
  }
  for (const b of before) {
    for (const s of b.sheets.values()) {
      const c = { period: b.number, sheet: s.name };
      if (s.deferred === undefined || placed.has(cellId(c))) continue;
      const t = tableToJoin(h, s.joins!, b.to + s.deferred);
      if (t === undefined) continue;
      must(
        t.cells.some((x) => x.period === c.period && x.sheet === c.sheet),
        where,
        `deferred cell ${cellId(c)} is missing in table ${t.name}`,
      );
    }
  }
}

/** Whether h continues prev (end of ledger.md section 4), which may have had openings. */
export function continues(prev: Header, h: Header): boolean {
  if (h.openings.length > 0) return false;
  const rest = (x: Header) => {
    const o: JsonObject = { ...x.json };
    for (const k of ["number", "previous", "from", "to", "ticks", "tables", "openings"]) delete o[k];
    return writeJson(o);
  };
  if (rest(prev) !== rest(h)) return false;
  if (prev.tables.length !== h.tables.length) return false;
  const own = (x: Header, t: Table) => t.cells.filter((c) => x.sheets.get(c.sheet)?.deferred === undefined);
  return prev.tables.every((a, i) => {
    const b = h.tables[i];
    const ca = own(prev, a);
    const cb = own(h, b);
    return (
      a.name === b.name &&
      a.due - prev.to === b.due - h.to &&
      a.notBefore - prev.to === b.notBefore - h.to &&
      ca.length === cb.length &&
      ca.every((c, k) => cb[k].sheet === c.sheet && cb[k].period === c.period + 1)
    );
  });
}

// ---- the grid

/** The sheets that have slots in bundle b of a tick, in grid order, and the sheet of each slot. */
export function bundleSheets(h: Header, b: number): { sheets: Sheet[]; slot: Sheet[] } {
  const slot: Sheet[] = [];
  const sheets: Sheet[] = [];
  let start = 0;
  for (const g of h.grid) {
    const s = h.sheets.get(g.sheet)!;
    const lo = Math.max(start, 255 * b);
    const hi = Math.min(start + g.slots, 255 * (b + 1));
    if (lo < hi) {
      sheets.push(s);
      for (let p = lo; p < hi; p++) slot.push(s);
    }
    start += g.slots;
  }
  return { sheets, slot };
}

/** The weights of a leaf's bits. */
export function leafWeights(s: Sheet): bigint[] {
  const out: bigint[] = [];
  for (const f of s.fields) for (let i = 0; i < f.width; i++) out.push(1n << BigInt(f.offset + i));
  return out;
}

/** First index of header h's bundle, h being at index `at`: of the next header's. */
export function nextHeaderAt(h: Header, at: number): number {
  return at + 256 * (1 + h.ticks * h.bundles);
}
