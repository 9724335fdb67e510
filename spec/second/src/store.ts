// Reading a published directory.

import { lstatSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Bytes } from "./bytes.ts";
import { refuse } from "./refuse.ts";

const MAX_FILE = 2 ** 28;

export class Store {
  private readonly dir: string;
  constructor(dir: string) {
    this.dir = dir;
  }

  private kind(path: string): "file" | "directory" | "other" | undefined {
    try {
      const s = lstatSync(join(this.dir, path));
      return s.isFile() ? "file" : s.isDirectory() ? "directory" : "other";
    } catch (e) {
      const code = (e as NodeJS.ErrnoException).code;
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      throw e;
    }
  }

  hasFile(path: string): boolean {
    return this.kind(path) === "file";
  }

  hasDirectory(path: string): boolean {
    return this.kind(path) === "directory";
  }

  read(path: string): Bytes {
    const k = this.kind(path);
    if (k === undefined) return refuse(path, "is missing");
    if (k !== "file") return refuse(path, "is not a plain file");
    const full = join(this.dir, path);
    if (lstatSync(full).size > MAX_FILE) return refuse(path, "is too large");
    return new Uint8Array(readFileSync(full));
  }

  /** Names in a directory, sorted; none if there is no such directory. */
  list(path: string): string[] {
    if (!this.hasDirectory(path)) return [];
    return readdirSync(join(this.dir, path)).sort();
  }

  /** Paths of all files below a directory, relative to it, sorted. */
  walk(path: string): string[] {
    const out: string[] = [];
    const go = (rel: string) => {
      for (const name of this.list(join(path, rel))) {
        const r = rel === "" ? name : `${rel}/${name}`;
        if (this.hasDirectory(join(path, r))) go(r);
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
  override hasFile(path: string): boolean {
    return this.files.has(path);
  }
  override hasDirectory(path: string): boolean {
    return this.directories.has(path);
  }
  override read(path: string): Bytes {
    return this.files.get(path) ?? refuse(path, "is missing");
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
