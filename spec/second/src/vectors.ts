// Runs the vectors below a directory. Their forms are described beside them.

import { lstatSync, readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { Result } from "./audit.ts";
import { audit } from "./audit.ts";
import { concat, fromBase64, fromHex, sha512, text, toHex, u32 } from "./bytes.ts";
import type { Bytes } from "./bytes.ts";
import type { Point } from "./group.ts";
import { G, U, generators, littleEndian, map, point, scalarBytes } from "./group.ts";
import type { RangeStatement } from "./rangeproof.ts";
import { Batch, verifyRange } from "./rangeproof.ts";
import { parseReport } from "./report.ts";
import { cellId } from "./header.ts";
import { Refusal, must } from "./refuse.ts";
import type { Case, Good, Learned } from "./vectors-ledger.ts";
import { LEDGER_READERS, told } from "./vectors-ledger.ts";
import { MemoryStore, load } from "./store.ts";
import { Transcript } from "./transcript.ts";

/** What happened to one vector: undefined, or how it disagrees. */
type Outcome = { name: string; expected: string; found: string; says?: string };

/** "valid", or the class of the failure; other errors are not caught. */
function classOf(f: () => void): string {
  try {
    f();
    return "valid";
  } catch (e) {
    if (e instanceof Refusal) return e.kind ?? e.message;
    throw e;
  }
}

const bytes = (s: string | undefined): Bytes => fromHex(s ?? "", "vector");

// ---- ledger/rangeproof

function runGenerators(list: { name: string; hash: string; point: string }[]): Outcome[] {
  return list.map((v) => {
    const m = /^([GHU])(?:_([0-9]+))?$/.exec(v.name);
    if (m === null) return { name: v.name, expected: v.point, found: "a name that is not known" };
    const i = Number(m[2] ?? 0);
    const input = m[2] === undefined ? text(`vitrine/v1/${m[1]}`) : concat(text(`vitrine/v1/bp/${m[1]}`), u32(i));
    const p = m[2] === undefined ? (m[1] === "G" ? G : U) : m[1] === "G" ? generators(i + 1).g[i] : generators(i + 1).h[i];
    const same = p.equals(map(input)) ? toHex(p.toBytes()) : "two results";
    return { name: v.name, expected: `${v.hash} ${v.point}`, found: `${toHex(sha512(input))} ${same}` };
  });
}

interface Step {
  absorb?: string;
  challenge?: string;
  data?: string;
  scalar?: string;
  state: string;
}

function runTranscripts(list: { label: string; state: string; steps: Step[] }[]): Outcome[] {
  return list.map((v, i) => {
    const expected: string[] = [v.state];
    const t = new Transcript(v.label);
    const found: string[] = [toHex(t.state())];
    for (const s of v.steps) {
      if (s.challenge !== undefined) {
        expected.push(s.scalar ?? "");
        found.push(toHex(scalarBytes(t.challenge(s.challenge))));
      } else t.absorb(s.absorb ?? "", bytes(s.data));
      expected.push(s.state);
      found.push(toHex(t.state()));
    }
    return { name: `transcript ${i} (${v.steps.length} steps)`, expected: expected.join(" "), found: found.join(" ") };
  });
}

interface ProofFile {
  statements: {
    label: string;
    absorb: { label: string; data?: string }[];
    n: number;
    m: number;
    layouts: string[][];
    points: string[];
    layout: number[];
  }[];
  proofs: { statement: number; class: string; why?: string; batch?: string; proof: string }[];
}

function runProofs(file: ProofFile): Outcome[] {
  const statements = file.statements.map((s) => {
    const layouts = s.layouts.map((l) => l.map((w) => littleEndian(bytes(w))));
    const values: Point[] = s.points.map((p) => point(bytes(p), "statement"));
    return { s, values, weights: s.layout.map((k) => layouts[k]) };
  });
  const make = (i: number): RangeStatement => {
    const p = file.proofs[i];
    const { s, values, weights } = statements[p.statement];
    must(values.length === weights.length, "vector", "points and layout differ in length");
    const transcript = new Transcript(s.label);
    for (const a of s.absorb) transcript.absorb(a.label, bytes(a.data));
    return { where: `proof ${i}`, transcript, n: s.n, m: s.m, values, weights, proof: bytes(p.proof) };
  };
  const out: Outcome[] = file.proofs.map((p, i) => ({
    name: `proof ${i}${p.why === undefined ? "" : ` (${p.why})`}`,
    expected: p.class,
    found: classOf(() => verifyRange(make(i))),
  }));
  // the valid ones together
  const all = new Batch(1000);
  file.proofs.forEach((p, i) => {
    if (p.class === "valid") all.add(make(i));
  });
  out.push({ name: "all valid proofs together", expected: "valid", found: classOf(() => all.flush()) });
  for (const name of new Set(file.proofs.flatMap((p) => (p.batch === undefined ? [] : [p.batch])))) {
    const members = file.proofs.flatMap((p, i) => (p.batch === name ? [i] : []));
    let found = "valid";
    try {
      const b = new Batch(1000);
      for (const i of members) b.add(make(i));
      b.flush();
    } catch (e) {
      if (!(e instanceof Refusal)) throw e;
      found = e.where;
    }
    out.push({ name: `batch ${name}`, expected: `proof ${members[0]}`, found });
  }
  return out;
}

// ---- report

interface Edit {
  at: number;
  cut: number;
  put: string;
}

interface Made {
  absent?: boolean;
  base64?: string;
  of?: string;
  edits?: Edit[];
}

interface DirectoryVector {
  base: string;
  class: string;
  expect: "accepted" | "refused";
  files: Record<string, Made>;
}

/** What a class of the vectors may be called here, and what is said then: see README.md. */
const SAME: Record<string, [string, RegExp][]> = {
  header: [["place", /the first entry is not that of header/]],
  tree: [["checkpoint", /has another root than the kept checkpoint/]],
  witnesses: [["tree", /is not the checkpoint of the tree at its size/]],
};

const bases = new Map<string, Map<string, Bytes>>();
/** Range proofs that held, in all vectors of this run. */
const known = new Set<string>();

function base(dir: string): Map<string, Bytes> {
  let b = bases.get(dir);
  if (b === undefined) {
    b = load(dir);
    bases.set(dir, b);
  }
  return b;
}

function make(files: Map<string, Bytes>, m: Made): Bytes {
  if (m.base64 !== undefined) return fromBase64(m.base64, "vector");
  const old = files.get(m.of!);
  if (old === undefined) throw new Error(`vector: no file ${m.of}`);
  const parts: Bytes[] = [];
  let o = 0;
  for (const e of m.edits ?? []) {
    if (e.at < o || e.at + e.cut > old.length) throw new Error("vector: edits overlap");
    parts.push(old.subarray(o, e.at), fromBase64(e.put ?? "", "vector"));
    o = e.at + e.cut;
  }
  parts.push(old.subarray(o));
  return concat(...parts);
}

function auditFiles(files: Map<string, Bytes>): { found: string; says: string } {
  try {
    audit(new MemoryStore(files), "all", () => {}, known);
    return { found: "accepted", says: "" };
  } catch (e) {
    if (!(e instanceof Refusal)) throw e;
    return { found: `refused ${e.cls ?? "unclassed"}`, says: e.message };
  }
}

function runDirectory(path: string, v: DirectoryVector): Outcome[] {
  const b = base(join(path, "..", v.base));
  const files = new Map(b);
  for (const [name, m] of Object.entries(v.files)) {
    if (m.absent) files.delete(name);
    else files.set(name, make(b, m));
  }
  const { found, says } = auditFiles(files);
  const same = (SAME[v.class] ?? []).some(([c, text]) => found === `refused ${c}` && text.test(says));
  const expected = v.expect === "accepted" ? "accepted" : same ? found : `refused ${v.class}`;
  return [{ name: basename(path), expected, found, says }];
}

// ---- ledger

/** For "FOLDER CLASS", what it may be called here: see README.md. */
const SAME_PART: Record<string, [string, RegExp][]> = {
  "header form": [["sheets", /unknown rule|deferred is zero/]],
  "header tables": [["sheets", /deferred and joins/]],
  "header time": [["tables", /1,100 days/]],
  "note witnesses": [["form", /extension lines|base64/]],
  "promise promise": [["header", /./], ["value", /./], ["submission", /./]],
  "promise declined": [["submission", /not the 5 lines/]],
  "receipt receipt": [["header", /./], ["value", /./]],
};

let goodDirectory: Good | undefined;

/** vectors/report/good, beside vectors/ledger. */
function good(path: string): Good {
  if (goodDirectory !== undefined) return goodDirectory;
  const files = base(join(path, "..", "..", "..", "report", "good"));
  let result: Result | undefined;
  const audited = () => (result ??= audit(new MemoryStore(files), "all", () => {}, known));
  goodDirectory = {
    make: (m) => make(files, m),
    ledger: (cls) => audited().ledgers.find((l) => l.class === cls)!,
    table: (cls, cell) => {
      for (const name of audited().reports) {
        const r = parseReport(files.get(`reports/${name}/report.json`)!, name);
        const t = r.tables.find((t) => t.class === cls && t.cells.some((c) => cellId(c) === cell));
        if (t !== undefined) return t.name;
      }
      return undefined;
    },
    known,
  };
  return goodDirectory;
}

function runCase(path: string, reader: (v: Case, g: Good) => Learned, v: Case): Outcome[] {
  const name = basename(path);
  let learned: Learned | undefined;
  try {
    learned = reader(v, good(path));
  } catch (e) {
    if (!(e instanceof Refusal)) throw e;
    const part = e.part ?? e.cls ?? "unclassed";
    const same = part === v.class || (SAME_PART[`${basename(join(path, ".."))} ${v.class}`] ?? []).some(([p, t]) => p === part && t.test(e.message));
    return [{ name, expected: v.expect === "refused" ? `refused ${v.class}` : "accepted", found: `refused ${same ? v.class : part}`, says: e.message }];
  }
  if (v.expect !== "accepted") return [{ name, expected: `refused ${v.class}`, found: "accepted" }];
  const [want, have] = [told(v, learned), learned].map((x) => JSON.stringify(x, (_, y) => (y !== null && typeof y === "object" && !Array.isArray(y) ? Object.fromEntries(Object.entries(y).sort()) : y)));
  return [{ name, expected: "accepted", found: want === have ? "accepted" : "accepted otherwise", says: want === have ? "" : `expected ${want}, found ${have}` }];
}

// ---- all

function runFile(path: string): Outcome[] | undefined {
  const name = basename(path);
  const parent = basename(join(path, ".."));
  const read = () => JSON.parse(readFileSync(path, "utf8"));
  if (parent === "rangeproof") {
    if (name === "generators.json") return runGenerators(read());
    if (name === "transcript.json") return runTranscripts(read());
    if (/^proofs-.*\.json$/.test(name)) return runProofs(read());
  }
  if (Object.hasOwn(LEDGER_READERS, parent)) return runCase(path, LEDGER_READERS[parent], read());
  if (parent === "report") return runDirectory(path, read());
  return undefined;
}

/** Vectors of other pages. */
const NOT_OURS = ["mandate", "production"];

export function runVectors(dir: string): boolean {
  let ok = true;
  const go = (d: string) => {
    if (NOT_OURS.includes(basename(d))) return;
    if (basename(join(d, "..")) === "report") {
      // a published directory as files
      const { found, says } = auditFiles(base(d));
      console.log(`${d}: ${found}${says === "" ? "" : `: ${says}`}`);
      if (found !== "accepted") ok = false;
      return;
    }
    for (const name of readdirSync(d).sort()) {
      const p = join(d, name);
      if (lstatSync(p).isDirectory()) {
        go(p);
        continue;
      }
      if (!name.endsWith(".json")) continue;
      const out = runFile(p);
      if (out === undefined) {
        console.log(`${p}: no reader for this vector`);
        ok = false;
        continue;
      }
      const wrong = out.filter((o) => o.expected !== o.found);
      const counts = new Map<string, number>();
      for (const o of out) {
        const k = o.expected.length > 20 ? "equal" : o.expected === "valid" ? "accept" : `reject (${o.expected})`;
        counts.set(k, (counts.get(k) ?? 0) + 1);
      }
      console.log(`${p}: ${out.length - wrong.length} of ${out.length} as expected: ${[...counts].map(([k, n]) => `${n} ${k}`).join(", ")}`);
      for (const o of wrong) console.log(`${p}: ${o.name}: expected ${o.expected}, found ${o.found}${o.says === undefined || o.says === "" ? "" : `: ${o.says}`}`);
      if (wrong.length > 0) ok = false;
    }
  };
  go(dir);
  return ok;
}
