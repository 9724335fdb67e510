// The directory's own files: report.md section 1, and step 6 of section 4.

import { fromHex, sha256, toHex } from "./bytes.ts";
import { asList, asString, fields, parseJson } from "./json.ts";
import type { Ledger } from "./ledger.ts";
import { parseNote, readLines, signedBy } from "./note.ts";
import type { Audited } from "./report.ts";
import { must } from "./refuse.ts";
import type { Store } from "./store.ts";

const LIST = "site.json";
const NOTE = "site.note";
const INDEX = "reports/index.json";
const MOST_FILES = 1024;

/** A path that site.json may list. */
function mayList(path: string): boolean {
  const names = path.split("/");
  if (names.some((n) => n === "" || n === "." || n === "..")) return false;
  if (path === LIST || path === NOTE || names[0] === "ledger") return false;
  return names[0] !== "reports" || path === INDEX;
}

export function parseSite(bytes: Uint8Array): { path: string; sha256: string }[] {
  const list = asList(fields(parseJson(bytes, LIST), LIST, ["files"]).files, LIST);
  must(list.length <= MOST_FILES, LIST, "lists more than 1,024 files");
  let last: string | undefined;
  const files = list.map((v) => {
    const o = fields(v, LIST, ["path", "sha256"]);
    const path = asString(o.path, LIST);
    must(mayList(path), LIST, `lists "${path}", which it may not`);
    must(last === undefined || last < path, LIST, "paths do not ascend");
    last = path;
    const digest = asString(o.sha256, LIST);
    fromHex(digest, LIST, 32);
    return { path, sha256: digest };
  });
  must(files.some((f) => f.path === INDEX), LIST, `does not list ${INDEX}`);
  return files;
}

const MOST_REMARKS = 10;

/** Step 6; how many files the list has, or undefined where there is none and need not be. */
export function auditSite(store: Store, reports: number, publicLedger: Ledger, { publicHeaders, remarks }: Audited): number | undefined {
  if (reports === 0 && !store.has(LIST)) return undefined;
  const bytes = store.read(LIST);
  const files = parseSite(bytes);
  const note = parseNote(store.read(NOTE), NOTE);
  // from the last header that the newest report names
  const keys = new Map(publicLedger.headers.slice(Math.max(0, publicHeaders - 1)).map((h) => [h.keys.report.vkey, h.keys.report]));
  const signers = [...keys.values()].filter((k) => signedBy(note, k, NOTE));
  must(signers.length > 0, NOTE, "is not signed with a report key of the public ledger, of the newest report's header or a later one");
  const [origin, digest] = readLines(note.text, "vitrine/site/v1", ["origin", "sha256"], NOTE);
  must(origin === publicLedger.origin, NOTE, "names another origin");
  must(digest === toHex(sha256(bytes)), NOTE, "is the note of another site.json");
  for (const f of files) {
    must(toHex(sha256(store.read(f.path))) === f.sha256, f.path, "has another digest than site.json says");
  }
  // what else lies there is signed by nobody
  const named = new Set(files.map((f) => f.path));
  const others = store.walk("").filter((p) => !/^(ledger|reports)\//.test(p) && p !== LIST && p !== NOTE && !named.has(p));
  for (const p of others.slice(0, MOST_REMARKS)) remarks.push(`${p} is not among the files of site.json`);
  if (others.length > MOST_REMARKS) remarks.push(`${others.length - MOST_REMARKS} more files are not among those of site.json`);
  return files.length;
}
