// Canonical JSON of ledger.md section 1: a reader that refuses everything
// that the writer would not write, the writer, and helpers to pick fields.

import type { Bytes } from "./bytes.ts";
import { text } from "./bytes.ts";
import { refuse } from "./refuse.ts";

export type Json = number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

const MAX_DEPTH = 32;

export function parseJson(b: Bytes, where: string): Json {
  let o = 0;
  const bad = (what: string): never => refuse(where, `not canonical JSON: ${what} at byte ${o}`);

  function str(): string {
    o++; // the quotation mark
    const start = o;
    for (; ; o++) {
      if (o >= b.length) bad("unclosed string");
      const c = b[o];
      if (c === 0x22) break;
      if (c === 0x5c) bad("escape");
      if (c < 0x20 || c > 0x7e) bad("character outside of 0x20 to 0x7E");
    }
    const s = Buffer.from(b.buffer, b.byteOffset + start, o - start).toString("latin1");
    o++;
    return s;
  }

  function num(): number {
    const start = o;
    while (o < b.length && b[o] >= 0x30 && b[o] <= 0x39) o++;
    if (o - start > 16) bad("number is too large");
    if (b[start] === 0x30 && o - start > 1) bad("leading zero");
    const v = BigInt(String.fromCharCode(...b.subarray(start, o)));
    if (v > 9007199254740991n) bad("number is too large");
    return Number(v);
  }

  function value(depth: number): Json {
    if (depth > MAX_DEPTH) bad("too deep");
    if (o >= b.length) bad("ends early");
    const c = b[o];
    if (c === 0x22) return str();
    if (c >= 0x30 && c <= 0x39) return num();
    if (c === 0x5b) {
      o++;
      const list: Json[] = [];
      if (b[o] === 0x5d) {
        o++;
        return list;
      }
      for (;;) {
        list.push(value(depth + 1));
        if (b[o] === 0x2c) {
          o++;
          continue;
        }
        if (b[o] === 0x5d) {
          o++;
          return list;
        }
        bad("unexpected byte in a list");
      }
    }
    if (c === 0x7b) {
      o++;
      const obj: JsonObject = Object.create(null);
      if (b[o] === 0x7d) {
        o++;
        return obj;
      }
      let last: string | undefined;
      for (;;) {
        if (b[o] !== 0x22) bad("key expected");
        const k = str();
        if (last !== undefined && !(last < k)) bad("keys are not ascending");
        last = k;
        if (b[o] !== 0x3a) bad("colon expected");
        o++;
        obj[k] = value(depth + 1);
        if (b[o] === 0x2c) {
          o++;
          continue;
        }
        if (b[o] === 0x7d) {
          o++;
          return obj;
        }
        bad("unexpected byte in an object");
      }
    }
    return bad("unexpected byte");
  }

  const v = value(0);
  if (o !== b.length) bad("bytes are left over");
  return v;
}

export function writeJson(v: Json): string {
  if (typeof v === "number") {
    if (!Number.isSafeInteger(v) || v < 0) throw new RangeError("number outside of canonical JSON");
    return String(v);
  }
  if (typeof v === "string") {
    if (!/^[\x20-\x7e]*$/.test(v) || /["\\]/.test(v)) throw new RangeError("string outside of canonical JSON");
    return `"${v}"`;
  }
  if (Array.isArray(v)) return `[${v.map(writeJson).join(",")}]`;
  const keys = Object.keys(v).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${keys.map((k) => `${writeJson(k)}:${writeJson(v[k])}`).join(",")}}`;
}

export function jsonBytes(v: Json): Bytes {
  return text(writeJson(v));
}

// ---- fields

export function asObject(v: Json, where: string): JsonObject {
  if (typeof v !== "object" || Array.isArray(v)) refuse(where, "not an object");
  return v;
}

export function asList(v: Json, where: string): Json[] {
  if (!Array.isArray(v)) refuse(where, "not a list");
  return v;
}

export function asString(v: Json, where: string): string {
  if (typeof v !== "string") refuse(where, "not a string");
  return v;
}

export function asNumber(v: Json, where: string): number {
  if (typeof v !== "number") refuse(where, "not a number");
  return v;
}

/** The object's keys are exactly `names`, but that those of `optional` may be absent. */
export function fields(v: Json, where: string, names: string[], optional: string[] = []): JsonObject {
  const obj = asObject(v, where);
  for (const n of names) if (!(n in obj)) refuse(where, `field "${n}" is missing`);
  for (const k of Object.keys(obj)) {
    if (!names.includes(k) && !optional.includes(k)) refuse(where, `unknown field "${k}"`);
  }
  return obj;
}
