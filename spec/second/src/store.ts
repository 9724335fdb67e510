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
