// Signed notes, keys, checkpoints and cosignatures, as in C2SP signed-note,
// tlog-checkpoint and tlog-cosignature.

import { ed25519 } from "@noble/curves/ed25519.js";
import { createPublicKey, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { Bytes } from "./bytes.ts";
import { concat, equal, fromBase64, fromUtf8, sha256, text, toHex } from "./bytes.ts";
import { must, refuse } from "./refuse.ts";

export const ALG_ED25519 = 0x01;
export const ALG_COSIGNATURE = 0x04;

export interface Key {
  vkey: string;
  name: string;
  hash: Bytes; // 4 bytes
  alg: number;
  key: Bytes; // 32 bytes
}

export function isKeyName(s: string): boolean {
  return s !== "" && !/[+\s\p{White_Space}]/u.test(s);
}

export function keyHash(name: string, alg: number, key: Bytes): Bytes {
  return sha256(text(name), Uint8Array.of(0x0a, alg), key).slice(0, 4);
}

/** NAME+HASH+BASE64, of the one algorithm that its place asks for. */
export function parseKey(vkey: string, alg: number, where: string): Key {
  const m = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey);
  if (m === null || !isKeyName(m[1])) return refuse(where, "not a key NAME+HASH+BASE64");
  const raw = fromBase64(m[3], where);
  must(raw.length === 33, where, "key does not have 32 bytes");
  must(raw[0] === alg, where, `key of algorithm ${raw[0]} instead of ${alg}`);
  const key = raw.slice(1);
  const hash = keyHash(m[1], alg, key);
  must(toHex(hash) === m[2], where, "hash of the key is wrong");
  return { vkey, name: m[1], hash, alg, key };
}

export interface NoteSignature {
  name: string;
  hash: Bytes;
  sig: Bytes;
}

export interface Note {
  text: string; // with its last line end
  textBytes: Bytes;
  signatures: NoteSignature[];
}

export function parseNote(b: Bytes, where: string): Note {
  const all = fromUtf8(b, where);
  for (const ch of all) {
    const c = ch.codePointAt(0)!;
    must(c >= 0x20 || c === 0x0a, where, "control character in a signed note");
  }
  const split = all.lastIndexOf("\n\n");
  must(split >= 0, where, "not a signed note: no empty line before signatures");
  const body = all.slice(0, split + 1);
  const sigs = all.slice(split + 2);
  must(sigs.endsWith("\n"), where, "not a signed note: no line end after the signatures");
  const signatures: NoteSignature[] = [];
  for (const line of sigs.slice(0, -1).split("\n")) {
    const m = /^\u2014 ([^ ]+) ([^ ]+)$/u.exec(line);
    if (m === null || !isKeyName(m[1])) return refuse(where, "not a signed note: bad signature line");
    const raw = fromBase64(m[2], where);
    must(raw.length >= 5, where, "not a signed note: short signature");
    signatures.push({ name: m[1], hash: raw.slice(0, 4), sig: raw.slice(4) });
  }
  must(signatures.length <= 100, where, "signed note with more than 100 signatures");
  return { text: body, textBytes: text(body), signatures };
}

const keyObjects = new Map<string, KeyObject | undefined>();

/** The key, if its 32 bytes are the canonical encoding of a point. */
function keyObject(key: Bytes): KeyObject | undefined {
  const id = toHex(key);
  if (!keyObjects.has(id)) {
    let k: KeyObject | undefined;
    try {
      ed25519.Point.fromBytes(key, false);
      k = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(key).toString("base64url") }, format: "jwk" });
    } catch {
      k = undefined;
    }
    keyObjects.set(id, k);
  }
  return keyObjects.get(id);
}

/** RFC 8032: S < ℓ, canonical encodings, s·B = R + k·A without a cofactor. */
export function verifyEd25519(sig: Bytes, msg: Bytes, key: Bytes): boolean {
  if (sig.length !== 64) return false;
  const k = keyObject(key);
  return k !== undefined && verify(null, msg, k, sig);
}

/** The first line with the name and hash of the key: the one that counts. */
function lineOf(note: Note, key: Key): NoteSignature | undefined {
  return note.signatures.find((s) => s.name === key.name && equal(s.hash, key.hash));
}

/** Whether the note has a signature by the key. One that does not verify makes it invalid. */
export function signedBy(note: Note, key: Key, where: string): boolean {
  const s = lineOf(note, key);
  if (s === undefined) return false;
  must(verifyEd25519(s.sig, note.textBytes, key.key), where, `the signature of ${key.name} does not verify`);
  return true;
}

/** The time of the key's cosignature, or undefined. One that does not verify makes the note invalid. */
export function cosignedAt(note: Note, key: Key, where: string): number | undefined {
  const s = lineOf(note, key);
  if (s === undefined) return undefined;
  must(s.sig.length === 72, where, `the cosignature of ${key.name} has ${s.sig.length} bytes instead of 72`);
  const t = new DataView(s.sig.buffer, s.sig.byteOffset, 8).getBigUint64(0, false);
  const msg = concat(text(`cosignature/v1\ntime ${t}\n`), note.textBytes);
  must(verifyEd25519(s.sig.slice(8), msg, key.key), where, `the cosignature of ${key.name} does not verify`);
  return Number(t);
}

export interface Checkpoint {
  origin: string;
  size: number;
  root: Bytes;
  note: Note;
}

/** A checkpoint without extension lines. */
export function parseCheckpoint(b: Bytes, where: string): Checkpoint {
  const note = parseNote(b, where);
  const lines = note.text.slice(0, -1).split("\n");
  must(lines.length >= 3, where, "checkpoint has fewer than three lines");
  must(lines.length === 3, where, "checkpoint has extension lines");
  must(lines[0] !== "", where, "checkpoint has an empty origin");
  must(/^(0|[1-9][0-9]{0,15})$/.test(lines[1]) && Number.isSafeInteger(Number(lines[1])), where, "checkpoint has a bad size");
  const root = fromBase64(lines[2], where);
  must(root.length === 32, where, "checkpoint has a bad root");
  return { origin: lines[0], size: Number(lines[1]), root, note };
}

export interface Watch {
  log: Key;
  origin: string;
  witnesses: { key: Key; organisation: string }[];
  quorum: number;
}

/**
 * Checks origin, the log's signature and the quorum of cosignatures. Returns
 * the checkpoint's time, or undefined where nobody watches.
 */
export function checkCheckpoint(cp: Checkpoint, w: Watch, where: string): number | undefined {
  must(cp.origin === w.origin, where, "checkpoint of another origin");
  must(signedBy(cp.note, w.log, where), where, "checkpoint is not signed with the log's key");
  const times: number[] = [];
  for (const wt of w.witnesses) {
    const t = cosignedAt(cp.note, wt.key, where);
    if (t !== undefined && t !== 0) times.push(t);
  }
  if (w.quorum === 0) return undefined;
  must(times.length >= w.quorum, where, `checkpoint has ${times.length} of the ${w.quorum} cosignatures that it needs`);
  times.sort((a, b) => a - b);
  return times[w.quorum - 1];
}

/** In a published directory a checkpoint has no signature line but one of the log and one of each witness at most. */
export function onlyKnownKeys(cp: Checkpoint, w: Watch, where: string): void {
  const known = [w.log, ...w.witnesses.map((x) => x.key)];
  const seen = new Set<string>();
  for (const s of cp.note.signatures) {
    const id = `${s.name} ${toHex(s.hash)}`;
    must(!seen.has(id), where, `has a second signature line of ${s.name}`);
    seen.add(id);
    must(known.some((k) => k.name === s.name && equal(k.hash, s.hash)), where, `has a signature of ${s.name}, a key that the header does not name`);
  }
}

/** Lines `name value` of a note's text, in this order and no others. */
export function readLines(body: string, head: string, names: string[], where: string): string[] {
  const lines = body.slice(0, -1).split("\n");
  must(lines[0] === head, where, `first line is not ${head}`);
  must(lines.length === names.length + 1, where, `not the ${names.length + 1} lines that it has to have`);
  return names.map((n, i) => {
    const l = lines[i + 1];
    must(l.startsWith(n + " ") && l.length > n.length + 1, where, `line ${i + 2} is not "${n} VALUE"`);
    return l.slice(n.length + 1);
  });
}

export function readDecimal(s: string, where: string): number {
  must(/^(0|[1-9][0-9]{0,15})$/.test(s) && Number.isSafeInteger(Number(s)), where, "not a decimal number");
  return Number(s);
}

/** TIME: a decimal number less than 2^40, without leading zeros. */
export function readTime(s: string, where: string): number {
  const t = readDecimal(s, where);
  must(t < 2 ** 40, where, "a time is 2^40 or more");
  return t;
}
