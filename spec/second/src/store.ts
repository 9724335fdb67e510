// Reading a published directory.

import { lstatSync, readFileSync, readdirSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import type { Bytes } from "./bytes.ts";
import { must, refuse } from "./refuse.ts";

/** How many bytes a file of a published directory may have: report.md section 1. */
export function mostBytes(path: string): number {
  const m = /^ledger\/[^/]+\/(.*)$/.exec(path);
  if (m === null) return 16_777_216;
  const rest = m[1];
  if (rest === "checkpoint" || rest.startsWith("checkpoints/")) return 65_536;
  if (rest.startsWith("headers/") || rest.startsWith("documents/")) return 1_048_576;
  if (rest === "notices.json") return 8_388_608;
  if (rest.startsWith("tile/entries/") || rest.startsWith("trailers/")) return 32_768;
  if (rest.startsWith("tile/")) return 8_192;
  return 16_777_216;
}

export class Store {
  private readonly dir: string;
  constructor(dir: string) {
    this.dir = dir;
  }

  /** What stands at a path. A link counts as what it leads to; one out of the directory is refused. */
  private kind(path: string): "file" | "directory" | "other" | undefined {
    const full = join(this.dir, path);
    try {
      lstatSync(full);
    } catch (e) {
      const code = (e as NodeJS.ErrnoException).code;
      if (code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG") return undefined;
      if (code === "ELOOP") return "other";
      throw e;
    }
    try {
      const root = realpathSync(this.dir);
      const real = realpathSync(full);
      must(real === root || real.startsWith(root.endsWith(sep) ? root : root + sep), path, "is a link out of the directory");
      const s = statSync(full);
      return s.isFile() ? "file" : s.isDirectory() ? "directory" : "other";
    } catch (e) {
      const code = (e as NodeJS.ErrnoException).code;
      if (code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG") return undefined; // a link to nothing
      if (code === "ELOOP") return "other"; // a link that leads round in a circle
      throw e;
    }
  }

  /** Whether anything stands there; read() refuses what is no regular file. */
  has(path: string): boolean {
    return this.kind(path) !== undefined;
  }

  hasDirectory(path: string): boolean {
    return this.kind(path) === "directory";
  }

  read(path: string): Bytes {
    const k = this.kind(path);
    if (k === undefined) return refuse(path, "is missing");
    if (k !== "file") return refuse(path, "is no regular file");
    const full = join(this.dir, path);
    const most = mostBytes(path);
    must(statSync(full).size <= most, path, `has more than ${most} bytes`);
    const b = readFileSync(full);
    must(b.length <= most, path, `has more than ${most} bytes`);
    return new Uint8Array(b);
  }

  /** Names in a directory, sorted; none if there is no such directory. */
  list(path: string): string[] {
    if (!this.hasDirectory(path)) return [];
    return readdirSync(join(this.dir, path)).sort();
  }

  /** Whether it is a link, wherever that leads to. */
  protected isLink(path: string): boolean {
    return lstatSync(join(this.dir, path)).isSymbolicLink();
  }

  /** Paths of all files below a directory, relative to it, sorted; a link to a directory is not gone into. */
  walk(path: string): string[] {
    const out: string[] = [];
    const at = (rel: string): string => [path, rel].filter((x) => x !== "").join("/");
    const go = (rel: string) => {
      for (const name of this.list(at(rel))) {
        const r = rel === "" ? name : `${rel}/${name}`;
        if (!this.isLink(at(r)) && this.hasDirectory(at(r))) go(r);
        else out.push(r);
      }
    };
    go("");
    return out.sort();
  }
}

/** A directory that is in memory alone. */
export class MemoryStore extends Store {
  private readonly files: Map<string, Bytes>;
  private readonly directories = new Map<string, Set<string>>();
  constructor(files: Map<string, Bytes>) {
    super("");
    this.files = files;
    for (const path of files.keys()) {
      const parts = path.split("/");
      for (let i = 0; i < parts.length; i++) {
        const dir = parts.slice(0, i).join("/");
        const names = this.directories.get(dir) ?? new Set();
        names.add(parts[i]);
        this.directories.set(dir, names);
      }
    }
  }
  override has(path: string): boolean {
    return this.files.has(path) || this.directories.has(path);
  }
  override hasDirectory(path: string): boolean {
    return this.directories.has(path);
  }
  override read(path: string): Bytes {
    const b = this.files.get(path) ?? refuse(path, this.directories.has(path) ? "is no regular file" : "is missing");
    must(b.length <= mostBytes(path), path, `has more than ${mostBytes(path)} bytes`);
    return b;
  }
  protected override isLink(): boolean {
    return false;
  }
  override list(path: string): string[] {
    return [...(this.directories.get(path) ?? [])].sort();
  }
}

/** All files of a directory. */
export function load(dir: string): Map<string, Bytes> {
  const s = new Store(dir);
  return new Map(s.walk("").map((p) => [p, s.read(p)]));
}
