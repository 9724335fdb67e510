// Signed notes, keys, checkpoints and cosignatures, as in C2SP signed-note,
// tlog-checkpoint and tlog-cosignature.

import { ed25519 } from "@noble/curves/ed25519.js";
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

function isKeyName(s: string): boolean {
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

function verifyEd25519(sig: Bytes, msg: Bytes, key: Bytes): boolean {
  if (sig.length !== 64) return false;
  try {
    return ed25519.verify(sig, msg, key, { zip215: false });
  } catch {
    return false;
  }
}

function byKey(note: Note, key: Key): NoteSignature[] {
  return note.signatures.filter((s) => s.name === key.name && equal(s.hash, key.hash));
}

/** The note has a signature by the key, and none by it that is wrong. */
export function signedBy(note: Note, key: Key): boolean {
  const sigs = byKey(note, key);
  return sigs.length > 0 && sigs.every((s) => verifyEd25519(s.sig, note.textBytes, key.key));
}

/** The smallest time, not zero, of the key's valid cosignatures. */
export function cosignedAt(note: Note, key: Key): number | undefined {
  let best: number | undefined;
  for (const s of byKey(note, key)) {
    if (s.sig.length !== 72) continue;
    const t = new DataView(s.sig.buffer, s.sig.byteOffset, 8).getBigUint64(0, false);
    if (t === 0n || t > BigInt(Number.MAX_SAFE_INTEGER)) continue;
    const msg = concat(text(`cosignature/v1\ntime ${t}\n`), note.textBytes);
    if (!verifyEd25519(s.sig.slice(8), msg, key.key)) continue;
    if (best === undefined || Number(t) < best) best = Number(t);
  }
  return best;
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
  must(signedBy(cp.note, w.log), where, "checkpoint is not signed with the log's key");
  if (w.quorum === 0) return undefined;
  const times: number[] = [];
  for (const wt of w.witnesses) {
    const t = cosignedAt(cp.note, wt.key);
    if (t !== undefined) times.push(t);
  }
  must(times.length >= w.quorum, where, `checkpoint has ${times.length} of the ${w.quorum} cosignatures that it needs`);
  times.sort((a, b) => a - b);
  return times[w.quorum - 1];
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
