// Bytes, integers, hexadecimal, base64, and a reader that leaves nothing over.

import { createHash } from "node:crypto";
import { refuse } from "./refuse.ts";

export type Bytes = Uint8Array;

const ENC = new TextEncoder();

/** The bytes of an ASCII (or UTF-8) text. */
export function text(s: string): Bytes {
  return ENC.encode(s);
}

export function concat(...parts: Bytes[]): Bytes {
  let n = 0;
  for (const p of parts) n += p.length;
  const out = new Uint8Array(n);
  let o = 0;
  for (const p of parts) {
    out.set(p, o);
    o += p.length;
  }
  return out;
}

export function equal(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function u16(x: number): Bytes {
  if (!Number.isInteger(x) || x < 0 || x > 0xffff) throw new RangeError("u16");
  return Uint8Array.of(x >>> 8, x & 0xff);
}

export function u32(x: number): Bytes {
  if (!Number.isInteger(x) || x < 0 || x > 0xffffffff) throw new RangeError("u32");
  const b = new Uint8Array(4);
  new DataView(b.buffer).setUint32(0, x, false);
  return b;
}

export function u64(x: number | bigint): Bytes {
  const v = BigInt(x);
  if (v < 0n || v >= 1n << 64n) throw new RangeError("u64");
  const b = new Uint8Array(8);
  new DataView(b.buffer).setBigUint64(0, v, false);
  return b;
}

export function lp(x: Bytes): Bytes {
  return concat(u32(x.length), x);
}

export function sha256(...parts: Bytes[]): Bytes {
  const h = createHash("sha256");
  for (const p of parts) h.update(p);
  return new Uint8Array(h.digest());
}

export function sha512(...parts: Bytes[]): Bytes {
  const h = createHash("sha512");
  for (const p of parts) h.update(p);
  return new Uint8Array(h.digest());
}

export function toHex(b: Bytes): string {
  return Buffer.from(b.buffer, b.byteOffset, b.length).toString("hex");
}

/** Lower-case hexadecimal only; `length` in bytes, if it is fixed. */
export function fromHex(s: string, where: string, length?: number): Bytes {
  if (!/^([0-9a-f]{2})*$/.test(s)) refuse(where, "not lower-case hexadecimal");
  const b = new Uint8Array(Buffer.from(s, "hex"));
  if (length !== undefined && b.length !== length) refuse(where, `${b.length} bytes instead of ${length}`);
  return b;
}

export function toBase64(b: Bytes): string {
  return Buffer.from(b.buffer, b.byteOffset, b.length).toString("base64");
}

/** RFC 4648 section 4 with padding; the only text that encodes these bytes. */
export function fromBase64(s: string, where: string): Bytes {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(s)) refuse(where, "not base64");
  const b = new Uint8Array(Buffer.from(s, "base64"));
  if (toBase64(b) !== s) refuse(where, "base64 is not canonical");
  return b;
}

/** Strict UTF-8. */
export function fromUtf8(b: Bytes, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(b);
  } catch {
    return refuse(where, "not UTF-8");
  }
}

/** Printable ASCII. */
export function fromAscii(b: Bytes, where: string): string {
  let s = "";
  for (const c of b) {
    if (c < 0x20 || c > 0x7e) refuse(where, "not printable ASCII");
    s += String.fromCharCode(c);
  }
  return s;
}

/** Reads fields off bytes; end() refuses what is left over. */
export class Reader {
  private readonly b: Bytes;
  private readonly where: string;
  private o = 0;
  constructor(b: Bytes, where: string) {
    this.b = b;
    this.where = where;
  }
  take(n: number, what: string): Bytes {
    if (n > this.b.length - this.o) refuse(this.where, `ends inside ${what}`);
    const r = this.b.slice(this.o, this.o + n);
    this.o += n;
    return r;
  }
  u16(what: string): number {
    const b = this.take(2, what);
    return b[0] * 256 + b[1];
  }
  u32(what: string): number {
    const b = this.take(4, what);
    return new DataView(b.buffer, b.byteOffset, 4).getUint32(0, false);
  }
  u64(what: string): number {
    const b = this.take(8, what);
    const v = new DataView(b.buffer, b.byteOffset, 8).getBigUint64(0, false);
    if (v > BigInt(Number.MAX_SAFE_INTEGER)) refuse(this.where, `${what} is too large`);
    return Number(v);
  }
  lp(what: string): Bytes {
    return this.take(this.u32(what), what);
  }
  left(): number {
    return this.b.length - this.o;
  }
  end(): void {
    if (this.left() !== 0) refuse(this.where, `${this.left()} bytes are left over`);
  }
}
